"""Records the situations of testdata: record.py [--into FOLDER] [SITUATION...]. See README.md in testdata."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback

import certificates
import cuts  # noqa: F401, registers situations, as those that follow
import exchanges  # noqa: F401
import lab
import paths  # noqa: F401
import preludes  # noqa: F401
import refusals  # noqa: F401
import situations

AT_ONCE = 6


def versions():
    def first(command, pattern):
        text = subprocess.run(command, capture_output=True, text=True, check=False)
        return re.search(pattern, text.stdout + text.stderr).group(1)

    return {
        "curl": "curl " + first(["curl", "--version"], r"curl (\S+)"),
        "openssl": "OpenSSL " + first(["openssl", "version"], r"OpenSSL (\S+)"),
        "nginx": "nginx " + first(["nginx", "-v"], r"nginx/(\S+)"),
        "java": "Java " + first(["java", "-version"], r'version "([^"]+)"'),
        "wget": "Wget " + first(["wget", "--version"], r"Wget (\S+)"),
        "rustls": "rustls " + re.search(r'name = "rustls"\nversion = "([^"]+)"', (lab.HERE / "rustls-peer/Cargo.lock").read_text()).group(1),
        "python": "Python %d.%d.%d" % sys.version_info[:3],
        "linux": "Linux " + re.match(r"[\d.]*\d", os.uname().release).group(),
    }


def shown(capture, display_filter):
    """The packets of the capture that tshark's filter lets through: source, its port, destination, its port."""
    fields = [word for name in ("ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport")
              for word in ("-e", name)]
    text = subprocess.run(["tshark", "-n", "-r", str(capture), "-d", "tcp.port==8443,tls", "-Y", display_filter, "-T", "fields",
                           "-E", "occurrence=l", "-E", "separator=;", *fields], capture_output=True, text=True, check=False)
    return [line.split(";") for line in text.stdout.splitlines()]


def endpoints(capture, begins):
    rows = shown(capture, begins)
    if not rows:
        raise RuntimeError(f"nothing matches {begins}")
    source, source6, sport, destination, destination6, dport = rows[0]
    inner6 = source6 and (not source or begins.startswith("ipv6"))
    join = (lambda host, port: f"[{host}]:{port}") if inner6 else (lambda host, port: f"{host}:{port}")
    return "`%s > %s`" % (join(source6 if inner6 else source, sport), join(destination6 if inner6 else destination, dport))


def record(name, keys, known):
    situation = situations.ALL[name]
    folder = lab.INTO[0] / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    with lab.Lab(keys, folder, situation.forward) as place:
        situation.act(place)
    capture = next(file for file in sorted(folder.iterdir()) if file.suffix in (".pcap", ".pcapng", ".txt", ".gz"))
    if situation.text_of:
        capture = situation.text_of
    if not isinstance(capture, str):
        for display_filter in situation.sees:
            if not shown(capture, display_filter):
                raise RuntimeError(f"{capture} should hold a packet with {display_filter}")
        for display_filter in situation.never:
            if shown(capture, display_filter):
                raise RuntimeError(f"{capture} should hold no packet with {display_filter}")
    ends = situation.ends or endpoints(capture if not isinstance(capture, str) else lab.recorded(capture), situation.begins)
    (folder / "README.md").write_text(
        f"shows: {situation.shows}\n"
        f"made: record.sh: {situation.made.format(**known)}\n"
        f"expect: {ends} {situation.expect}\n"
        f"verdict: {situation.verdict}\n")


def is_asked(name, asked):
    """Whether a situation, or the folder that it is in, was named."""
    return name in asked or name.split("/")[0] in asked


def main():
    asked = sys.argv[1:]
    if asked[:1] == ["--into"]:
        lab.INTO[0], asked = pathlib.Path(asked[1]).resolve(), asked[2:]
    unknown = [word for word in asked if not any(is_asked(name, [word]) for name in situations.ALL)]
    if unknown:
        sys.exit(f"unknown: {' '.join(unknown)}; there are: {' '.join(situations.ALL)}")
    wanted = [name for name in situations.ALL if not asked or is_asked(name, asked)]
    if os.geteuid() != 0:
        sys.exit("network namespaces need root")
    began, known, failed = time.monotonic(), versions(), []
    with tempfile.TemporaryDirectory(prefix="record-") as keys:
        lab.make_keys(pathlib.Path(keys))
        certificates.make_keys(keys)
        # Texts are made from captures, and so come after them.
        for batch in ([n for n in wanted if not situations.ALL[n].text_of], [n for n in wanted if situations.ALL[n].text_of]):
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                jobs = {pool.submit(record, name, keys, known): name for name in batch}
                for job in concurrent.futures.as_completed(jobs):
                    if job.exception():
                        failed.append(jobs[job])
                        print(f"FAILED {jobs[job]}: {''.join(traceback.format_exception_only(job.exception()))}", end="", flush=True)
                    else:
                        print(f"recorded {jobs[job]}", flush=True)
    print(f"{len(wanted) - len(failed)} of {len(wanted)} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if failed else 0)


main()
