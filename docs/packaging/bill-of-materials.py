#!/usr/bin/env python3
"""Writes what a package of ssmscope contains: ssmscope.cdx.json, a CycloneDX bill of materials, and THIRD-PARTY-NOTICES,
with the licences of all crates that are linked into the program.

    docs/packaging/bill-of-materials.py FOLDER [--linked NAME VERSION LICENCE [FILE]]...

--linked names a C library that is linked statically, with the file that holds its licence. Both files are the same, byte for
byte, for the same Cargo.lock, target and compiler.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

LICENCE_FILE = re.compile(r"^(licen[cs]e|copying|notice|copyright|unlicense)([-._].*)?$", re.IGNORECASE)
# Folders of a crate that are not linked.
LEFT_OUT = {"tests", "test", "benches", "examples", "fuzz", "target", "doc", "docs", "contrib", "programs"}


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked_crates(metadata):
    """The crates that are linked into the program or build it, without those of tests, and the crates that each of them needs."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    needs, waiting = {}, [root]
    while waiting:
        crate = waiting.pop()
        if crate in needs:
            continue
        deps = nodes[crate]["deps"]
        needs[crate] = sorted(
            dep["pkg"] for dep in deps if any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])
        )
        waiting += needs[crate]
    return root, needs


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def expression(package):
    # Before SPDX's expressions, crates wrote a slash.
    return re.sub(r"\s*/\s*", " OR ", package["license"] or "NOASSERTION")


def licence_files(folder):
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        for name in sorted(files):
            # Source files can have such a name too.
            if LICENCE_FILE.match(name) and not name.endswith((".rs", ".py", ".c", ".h")):
                found.append(os.path.join(place, name))
    return found


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "\n".join(line.rstrip() for line in file.read().strip().splitlines())


def component(package, checksums):
    part = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"expression": expression(package)}],
        "purl": purl(package),
    }
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        part["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        part["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return part


def main(folder, linked):
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    compiler = dict(line.split(": ", 1) for line in output("rustc", "-vV").splitlines() if ": " in line)
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", compiler["host"]]
    metadata = json.loads(output(*command))
    packages = {package["id"]: package for package in metadata["packages"]}
    with open("Cargo.lock", encoding="utf-8") as file:
        lock = file.read()
    tables = [dict(re.findall(r'^(\w+) = "(.*)"$', table, re.MULTILINE)) for table in lock.split("[[package]]")[1:]]
    checksums = {(table["name"], table["version"]): table.get("checksum") for table in tables}
    root, needs = linked_crates(metadata)
    crates = sorted((packages[crate] for crate in needs if crate != root), key=lambda crate: (crate["name"], crate["version"]))
    program = packages[root]

    others = [("rust-std", compiler["release"], "MIT OR Apache-2.0", None), *linked]
    parts = [component(crate, checksums) for crate in crates]
    parts += [
        {
            "type": "library",
            "bom-ref": f"{name}@{version}",
            "name": name,
            "version": version,
            "licenses": [{"expression": licence}],
        }
        for name, version, licence, _ in others
    ]
    own = {**component(program, checksums), "type": "application"}
    depends = [
        {"ref": purl(packages[crate]), "dependsOn": [purl(packages[need]) for need in needs[crate]]}
        for crate in sorted(needs, key=lambda crate: purl(packages[crate]))
    ]
    for entry in depends:
        if entry["ref"] == purl(program):
            entry["dependsOn"] += [f"{name}@{version}" for name, version, _, _ in others]
        entry["dependsOn"].sort()
    # Without the licences' paths.
    known = [other[:3] for other in others]
    identity = hashlib.sha256((lock + json.dumps([known, compiler["host"]])).encode()).hexdigest()
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {"component": own, "properties": [{"name": "target", "value": compiler["host"]}]},
        "components": parts,
        "dependencies": depends,
    }
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "ssmscope.cdx.json"), "w", encoding="utf-8") as file:
        json.dump(bill, file, indent=1, ensure_ascii=False)
        file.write("\n")

    texts, without = {}, []
    sources = [
        (f"{crate['name']} {crate['version']}", crate, licence_files(os.path.dirname(crate["manifest_path"])))
        for crate in crates
    ]
    for name, crate, files in sources:
        for path in files:
            texts.setdefault(text_of(path), set()).add(name)
        if not files:
            authors = ", ".join(re.sub(r"\s*<[^>]*>", "", author) for author in crate["authors"])
            without.append(f"{name}: {expression(crate)}" + (f", by {authors}" if authors else ""))
    for name, version, licence, path in others:
        if path:
            texts.setdefault(text_of(path), set()).add(f"{name} {version}")
        else:
            without.append(f"{name} {version}: {licence}")
    rule = "-" * 78
    with open(os.path.join(folder, "THIRD-PARTY-NOTICES"), "w", encoding="utf-8") as file:
        file.write(f"ssmscope {program['version']} is built from these, each under its own licence:\n\n")
        for crate in crates:
            file.write(f"    {crate['name']} {crate['version']}: {expression(crate)}\n")
        for name, version, licence, _ in others:
            file.write(f"    {name} {version}: {licence}\n")
        for names, text in sorted((sorted(names), text) for text, names in texts.items()):
            file.write(f"\n{rule}\n" + "\n".join(names) + f"\n{rule}\n\n{text}\n")
        if without:
            file.write(f"\n{rule}\nThese come without a text of their licence\n{rule}\n\n" + "\n".join(without) + "\n")


def arguments(words):
    folder, rest, linked = words[0], words[1:], []
    while rest:
        if rest[0] != "--linked" or len(rest) < 4:
            sys.exit(__doc__)
        end = rest.index("--linked", 1) if "--linked" in rest[1:] else len(rest)
        name, version, licence, path = (*rest[1:end], None)[:4]
        linked.append((name, version, licence, path))
        rest = rest[end:]
    return folder, linked


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*arguments(sys.argv[1:]))
