//! Many captures: order, bad files, and runs that are stopped.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::run::{Outcome, path, run, spawn, ssmscope};
use crate::support::situations::capture;

/// Captures, and what is none, in folders.
fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("site/deep")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    let captures = [
        ("a.pcap", "healthy/plain"),
        ("site/=1+1.pcap", "refused/plain"),
        ("site/x\u{1b}[2J\n.pcap", "tls-alert/untrusted-curl-java-tls12"),
        ("site/deep/1", "no-server-hello/client-gives-up"),
        ("site/pasted", "transcript/vmanage"),
        ("z.pcap", "syn-no-reply/plain"),
    ];
    for (name, situation) in captures {
        fs::copy(capture(situation), at(name)).unwrap();
    }
    let whole = fs::read(capture("healthy/plain")).unwrap();
    fs::write(at("cut.pcap"), &whole[..whole.len() - 5]).unwrap();
    fs::write(at("site/nothing"), "").unwrap();
    fs::write(at("site/notes.md"), "# notes\n").unwrap();
    symlink(root.path(), at("site/loop")).unwrap();
    root
}

fn batch(words: &[&str], paths: &[&Path]) -> Outcome {
    let words = ["batch"].iter().chain(words).copied().chain(paths.iter().map(|file| path(file)));
    run(&words.collect::<Vec<_>>())
}

#[test]
fn the_output_is_the_same_for_any_number_of_threads() {
    let root = folder();
    for form in
        [&["-o", "json"][..], &["-o", "flat"], &["-o", "flat", "--format", "csv"], &["-o", "markdown"], &[]]
    {
        let outputs =
            ["1", "2", "3", "8"].map(|jobs| batch(&[form, &["-j", jobs]].concat(), &[root.path()]).out);
        assert!(outputs.iter().all(|output| *output == outputs[0] && !output.is_empty()), "{form:?}");
        assert!(!outputs[0].contains('\u{1b}'), "{form:?}");
    }
}

#[test]
fn each_file_is_a_capture_and_a_bad_one_is_an_entry() {
    let root = folder();
    let outcome = batch(&["-o", "json"], &[root.path(), Path::new("no-such-file")]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.error.contains("1 symbolic link not followed"), "{outcome:?}");
    let files = outcome.objects_of("file");
    let names: Vec<_> = files.iter().map(|file| file["source"].as_str().unwrap()).collect();
    let place = |name: &str| names.iter().position(|known| known.ends_with(name)).unwrap();
    assert_eq!(names.len(), 10, "{names:?}");
    assert!(place("a.pcap") < place("cut.pcap") && place("site/deep/1") < place("z.pcap"));
    let errors: BTreeMap<_, _> = files
        .iter()
        .filter_map(|file| Some((file["source"].as_str()?.rsplit('/').next()?, file["error"].as_str()?)))
        .collect();
    assert_eq!(
        errors.keys().copied().collect::<Vec<_>>(),
        ["no-such-file", "notes.md", "nothing"],
        "{errors:?}"
    );
    for object in outcome.connections() {
        let file = files.iter().find(|file| file["source"] == object["source"]).unwrap();
        assert_eq!(object["id"], 1, "numbers begin again: {file}");
    }
    let counted: u64 = files.iter().map(|file| file["connections"].as_u64().unwrap()).sum();
    assert_eq!(outcome.summary()["connections"], counted);
    assert_eq!(outcome.connections().len() as u64, counted);
    let rows = batch(&["-o", "flat"], &[root.path()]).objects();
    let read = rows.iter().filter(|row| row["error"].is_null());
    assert!(read.inspect(|row| assert!(row["sha256"].is_string())).count() as u64 == counted);
}

#[test]
fn the_status_is_the_worst() {
    let status = |situations: &[&str]| {
        let files: Vec<_> = situations.iter().map(|situation| PathBuf::from(capture(situation))).collect();
        batch(&[], &files.iter().map(PathBuf::as_path).collect::<Vec<_>>()).status
    };
    assert_eq!(status(&["healthy/plain"]), 0);
    assert_eq!(status(&["healthy/plain", "slow/plain"]), 1);
    assert_eq!(status(&["healthy/plain", "midstream/plain"]), 0);
    assert_eq!(status(&["slow/plain", "refused/plain"]), 2);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(batch(&[], &[empty.path()]).status, 3);
    let healthy = capture("healthy/plain");
    assert_eq!(batch(&[], &[Path::new(&healthy), Path::new("no-such-file")]).status, 3);
}

/// The outputs in a folder, by their names, the notes next to them left out.
fn outputs(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files
        .map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(file).unwrap()))
        .collect()
}

#[test]
fn an_output_is_what_read_prints() {
    let root = folder();
    for (form, extension) in [("json", "jsonl"), ("html", "html"), ("table", "txt"), ("flat", "flat.jsonl")] {
        let into = tempfile::tempdir().unwrap();
        let listed = batch(&["-o", form, "--into", path(into.path())], &[root.path()]);
        assert!(listed.out.contains("9 files, 2 with errors"), "{listed:?}");
        let outputs = outputs(into.path());
        let files = batch(&["-o", "json"], &[root.path()]).objects_of("file");
        let mut compared = 0;
        for file in files {
            let Some(output) = outputs.get(&format!("{}.{extension}", file["sha256"].as_str().unwrap()))
            else {
                assert!(file["error"].is_string(), "{form}: {file}");
                continue;
            };
            let source = file["source"].as_str().unwrap();
            // An HTML page names the command that made it.
            if form != "html" && file["error"].is_null() {
                assert!(run(&["read", "-o", form, source]).out.as_bytes() == output, "{form} {source}");
                compared += 1;
            }
        }
        assert!(form == "html" || compared >= 6);
    }
}

#[test]
fn a_run_that_is_stopped_continues_where_it_was() {
    let root = tempfile::tempdir().unwrap();
    let situations = ["healthy/plain", "refused/plain", "no-server-hello/client-gives-up", "reset/plain"];
    for (index, situation) in situations.iter().cycle().take(120).enumerate() {
        // Bytes after a capture's last packet that are no packet make another content of the same connections.
        let mut bytes = fs::read(capture(situation)).unwrap();
        bytes.extend(index.to_le_bytes());
        fs::write(root.path().join(format!("{index:03}")), bytes).unwrap();
    }
    let whole = tempfile::tempdir().unwrap();
    let words = |into: &Path| {
        ["batch", "-o", "flat", "-j", "3", "--into", path(into), path(root.path())].map(str::to_owned)
    };
    let expected = run(&words(whole.path()).each_ref().map(String::as_str));
    let into = tempfile::tempdir().unwrap();
    let mut stopped = 0;
    for turn in 0..20_u64 {
        let words = words(into.path());
        let mut child = spawn(&mut ssmscope(&words.each_ref().map(String::as_str)));
        thread::sleep(Duration::from_millis(5 + turn * 13 % 60));
        stopped += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        let known = outputs(whole.path());
        for (name, bytes) in outputs(into.path()) {
            assert!(known[&name] == bytes, "{name} is not whole");
        }
    }
    let again = run(&words(into.path()).each_ref().map(String::as_str));
    assert_eq!((again.out, again.status), (expected.out, expected.status));
    assert!(outputs(into.path()) == outputs(whole.path()));
    assert!(stopped > 0, "no run was stopped");
    assert_eq!(outputs(into.path()).len(), 120);
    // What is there is not made again.
    let output =
        fs::read_dir(into.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file());
    let about = fs::metadata(output.as_ref().unwrap()).unwrap().modified().unwrap();
    run(&words(into.path()).each_ref().map(String::as_str));
    assert_eq!(fs::metadata(output.unwrap()).unwrap().modified().unwrap(), about);
}

#[test]
fn the_same_content_is_reported_once() {
    let root = tempfile::tempdir().unwrap();
    for name in ["b", "a", "c"] {
        fs::copy(capture("refused/plain"), root.path().join(name)).unwrap();
    }
    let into = root.path().join("out");
    for _ in 0..2 {
        let outcome = batch(&["-o", "flat", "--into", path(&into)], &[root.path()]);
        assert!(outcome.out.contains("3 files, 2 with the content of another; 1 connection"), "{outcome:?}");
        let [(_, rows)] = <[_; 1]>::try_from(outputs(&into).into_iter().collect::<Vec<_>>()).unwrap();
        let row: Value = serde_json::from_slice(&rows).unwrap();
        assert!(row["source"].as_str().unwrap().ends_with("/a"), "{row}");
    }
}

#[test]
fn ring_files_are_one_capture_where_that_is_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let bytes = fs::read(capture("healthy/plain")).unwrap();
    // The file's header, then some packets in each file.
    let (header, packets) = bytes.split_at(24);
    let mut ends = vec![0];
    while let Some(&end) = ends.last()
        && let Some(head) = packets.get(end..end + 16)
    {
        ends.push(end + 16 + u32::from_le_bytes(head[8..12].try_into().unwrap()) as usize);
    }
    let middle = ends[ends.len() / 2];
    for (name, part) in [("ring.pcap0", &packets[..middle]), ("ring.pcap1", &packets[middle..])] {
        fs::write(root.path().join(name), [header, part].concat()).unwrap();
    }
    let codes = |words: &[&str]| batch(&[words, &["-o", "json"]].concat(), &[root.path()]).codes();
    assert_eq!(codes(&["--join-rings"]), ["healthy"]);
    assert_eq!(codes(&["--join", "ring.*"]), ["healthy"]);
    assert_eq!(codes(&[]).len(), 2);
}

#[test]
fn bad_usage_is_answered_with_what_to_type() {
    let root = folder();
    for (words, answer) in [
        (&["-o", "html"][..], "--into FOLDER"),
        (&["-o", "timeline"], "invalid value"),
        (&["--join", "[", "-o", "json"], "not a pattern"),
        (&["-j", "0"], "0"),
    ] {
        let outcome = batch(words, &[root.path()]);
        assert!(outcome.status == 3 && outcome.error.contains(answer), "{outcome:?}");
    }
    assert!(run(&["batch", "-"]).error.contains("ssmscope read -"));
    let outcome = run(&["batch", "-nn", "-r", &capture("refused/plain")]);
    assert_eq!((outcome.status, outcome.error.as_str()), (2, ""), "options as typed for tcpdump");
}

#[test]
fn root_reads_folders_of_others_without_its_rights() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can read what others keep to themselves");
        return;
    }
    let root = folder();
    for folder in [root.path().to_owned(), root.path().join("site")] {
        std::os::unix::fs::chown(&folder, Some(12_345), Some(12_345)).unwrap();
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
    }
    let into = root.path().join("out");
    let outcome = batch(&["-o", "json", "--into", path(&into)], &[root.path()]);
    assert!(outcome.out.contains("9 files, 2 with errors"), "{outcome:?}");
    assert!(outputs(&into).len() >= 7);
}
