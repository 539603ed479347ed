//! `--redact` on the test captures: nothing of the originals is left in any report, and the verdicts are the same.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ssmscope::report::machine::flat::Format;
use ssmscope::report::{Form, Subject};

use crate::support::originals::{left_in, originals, outcomes};
use crate::support::run::{Outcome, path, run, spawn, ssmscope};
use crate::support::situations::{capture, situations, testdata};

/// The forms that show most, with which every capture is read.
const FULL: [&[&str]; 2] = [&["-vv", "--all"], &["-o", "json"]];

/// Those, and all forms as they are and with all that they can show; monitoring names what is selected.
fn all_forms() -> Vec<Vec<&'static str>> {
    let forms = Form::ALL.into_iter().filter(|form| form.can_be_redacted());
    let forms = forms.map(|form| vec!["-o", form.name()]);
    let formats = Format::ALL.iter().map(|format| vec!["-o", "flat", "--format", format.name()]);
    let full = ["-vv", "--all", "--host", "0.0.0.0/0,::/0"];
    let both = forms.chain(formats).flat_map(|form| [[&form[..], &full].concat(), form]);
    FULL.map(<[_]>::to_vec).into_iter().chain(both).collect()
}

/// The forms in which a batch can be printed.
fn forms_of_batch() -> impl Iterator<Item = Form> {
    let forms = Form::ALL.into_iter().filter(|form| form.summary(Subject::Batch).is_some());
    forms.filter(|form| !form.is_of_one_input() && form.can_be_redacted())
}

/// One capture in this many is printed in all forms. `REDACTED_EACH=1` prints them all.
const EACH: usize = 12;

#[test]
fn no_report_contains_an_original_address_or_name() {
    let each = std::env::var("REDACTED_EACH").map_or(EACH, |each| each.parse().expect("a number"));
    let forms = all_forms();
    let mut checked = 0;
    let readings = situations().into_iter().flat_map(|situation| situation.paths().collect::<Vec<_>>());
    for (index, paths) in readings.enumerate() {
        let files: Vec<_> = paths.iter().map(|file| path(file)).collect();
        let plain = FULL.map(|form| run(&[&["read"], &files[..], form].concat()));
        let originals = originals(&[&plain[0]], &plain[1]);
        let forms = if index % each == 0 { &forms[..] } else { &forms[..FULL.len()] };
        for form in forms {
            let redacted = run(&[&["read", "--redact"], &files[..], form].concat());
            for text in [&redacted.out, &redacted.error] {
                let left = left_in(text.as_bytes(), &originals);
                assert!(left.is_empty(), "{left:?} of {files:?} in {form:?}:\n{text}");
            }
            assert_eq!(redacted.status, plain[0].status, "{files:?} {form:?}: {}", redacted.error);
            if form[..] == *FULL[1] {
                assert_eq!(outcomes(&plain[1]), outcomes(&redacted), "{files:?}");
            }
        }
        checked += originals.len();
    }
    assert!(checked > 300, "{checked}");
}

#[test]
fn rows_and_monitoring_say_that_they_are_redacted() {
    let file = testdata("refused/plain/capture.pcapng");
    for (form, words) in [
        ("flat", "\"redacted\":true"),
        ("nagios", " (redacted) |"),
        ("prometheus", "\nssmscope_redacted 1\n"),
    ] {
        let [redacted, plain] = [&["--redact"][..], &[]]
            .map(|options| run(&[&["read", "-o", form, &file], options].concat()).out);
        assert!(redacted.contains(words) && !plain.contains(words), "{redacted}{plain}");
    }
}

#[test]
fn it_is_deterministic_for_any_number_of_threads_and_says_so() {
    let file = testdata("file/ring/a.pcap");
    let one = run(&["read", "--redact", "-j", "1", "-o", "json", &file]);
    assert_eq!(one.out, run(&["read", "--redact", "-j", "4", "-o", "json", &file]).out);
    for form in [&["-vv"][..], &["-o", "table"], &["-o", "json"], &["-o", "markdown"], &["-o", "html"]] {
        let outcome = run(&[&["read", "--redact", &file], form].concat());
        assert_eq!(outcome.out.matches("redacted: addresses, names,").count(), 1, "{}", outcome.out);
    }
}

#[test]
fn what_it_can_not_redact_is_refused() {
    let file = capture("refused/plain");
    for options in [&["-o", "tcpdump"][..], &["--explain-decision"]] {
        let outcome = run(&[&["read", "--redact", &file], options].concat());
        assert_eq!((outcome.status, outcome.out.as_str()), (3, ""), "{options:?}");
        assert!(outcome.error.contains("--redact"), "{}", outcome.error);
    }
}

#[test]
fn packets_written_without_names_have_the_same_verdicts_when_they_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("anew.pcapng");
    let mut checked = 0;
    for situation in situations() {
        for paths in situation.paths() {
            let files: Vec<_> = paths.iter().map(|file| path(file)).collect();
            let plain = run(&[&["read", "-o", "json"], &files[..]].concat());
            let redacted =
                run(&[&["read", "--redact", "-o", "json", "-w", path(&written)], &files[..]].concat());
            assert_eq!(redacted.status, plain.status, "{files:?}: {}", redacted.error);
            if redacted.error.contains("packets in text have no frames") || plain.connections().is_empty() {
                continue;
            }
            let again = run(&["read", "-o", "json", path(&written)]);
            assert_eq!(outcomes(&plain), outcomes(&again), "{files:?}");
            let all = originals(&[], &plain);
            let bytes = fs::read(&written).unwrap();
            let left = [left_in(&bytes, &all), addresses_in(&bytes, &all)].concat();
            assert!(left.is_empty(), "{left:?} of {files:?}");
            // Stand-ins are the same ones in both.
            let ends = |outcome: &Outcome| {
                let ends = |one: &serde_json::Value| (one["client"].clone(), one["server"].clone());
                outcome.connections().iter().map(ends).collect::<Vec<_>>()
            };
            assert_eq!(ends(&redacted), ends(&again), "{files:?}");
            checked += 1;
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn what_a_lookup_found_and_what_it_did_not_can_be_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("anew.pcapng");
    let unknown = crate::lookups::unknown_name(&folder);
    for options in [&[][..], &["--redact"]] {
        let plain = run(&["read", "-o", "json", path(&unknown)]);
        run(&[&["read", "-o", "json", "-w", path(&written), path(&unknown)], options].concat());
        let again = run(&["read", "-o", "json", path(&written)]);
        let codes = |outcome: &Outcome| {
            outcome.objects_of("lookup").iter().map(|lookup| lookup["code"].clone()).collect::<Vec<_>>()
        };
        assert_eq!((codes(&again), again.status), (codes(&plain), plain.status), "{options:?} {again:?}");
    }
}

/// The addresses of these that are in bytes as they are on the wire.
fn addresses_in(bytes: &[u8], originals: &BTreeSet<String>) -> Vec<String> {
    let on_the_wire = |original: &String| match original.parse().ok()? {
        IpAddr::V4(address) => Some(address.octets().to_vec()),
        IpAddr::V6(address) => Some(address.octets().to_vec()),
    };
    let is_there = |original: &&String| {
        let wire = on_the_wire(original);
        wire.is_some_and(|wire| bytes.windows(wire.len()).any(|window| window == wire))
    };
    originals.iter().filter(is_there).cloned().collect()
}

#[test]
fn what_is_written_without_names_contains_nothing_of_a_conversation_but_what_tls_shows() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("anew.pcapng");
    for (situation, secrets) in [
        ("not-tls/client-speaks-http", &["Host: 198.51.100.20", "curl/"][..]),
        ("not-tls/smtp-java", &["mail.example"]),
        ("proxy-refused/plain", &["203.0.113.20", "curl/"]),
        ("healthy/proxy", &["Host: 198.51.100.20", "curl/"]),
        ("healthy/starttls", &["mail.example", "EHLO ssm"]),
        ("tls-alert/unknown-ca", &["ssm.example", "Test CA"]),
    ] {
        let file = capture(situation);
        let whole = fs::read(&file).unwrap();
        run(&["read", "--redact", "--all", "-w", path(&written), &file]);
        let anew = fs::read(&written).unwrap();
        let holds = |bytes: &[u8], secret: &str| {
            bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
        };
        assert!(secrets.iter().any(|secret| holds(&whole, secret)), "{situation} has none of {secrets:?}");
        for secret in secrets {
            assert!(!holds(&anew, secret), "{secret} of {situation}");
        }
    }
}

#[test]
fn logs_are_redacted_and_say_the_same() {
    let mut checked = 0;
    for situation in situations().into_iter().filter(|situation| !situation.logs.is_empty()) {
        let logs = situation.log_paths();
        for paths in situation.paths() {
            let files: Vec<_> = paths.iter().map(|file| path(file)).collect();
            let given: Vec<_> = std::iter::once("--log").chain(logs.iter().map(|log| path(log))).collect();
            let read = |options: &[&str]| run(&[&["read"], options, &files[..], &given].concat());
            let plain = FULL.map(&read);
            let all = originals(&[&plain[0]], &plain[1]);
            for form in &all_forms() {
                let redacted = read(&[&["--redact"], &form[..]].concat());
                let left = left_in(redacted.out.as_bytes(), &all);
                assert!(left.is_empty(), "{left:?} of {files:?} in {form:?}:\n{}", redacted.out);
                assert_eq!(redacted.status, plain[0].status, "{files:?} {form:?}: {}", redacted.error);
                if form[..] == *FULL[1] {
                    assert_eq!(outcomes(&plain[1]), outcomes(&redacted), "{files:?}");
                    assert_eq!(plain[1].objects_of("log").len(), redacted.objects_of("log").len());
                }
            }
            checked += 1;
        }
        let alone = run(&[
            &["read", "--redact", "-o", "json", "--log"],
            &logs.iter().map(|log| path(log)).collect::<Vec<_>>()[..],
        ]
        .concat());
        assert!(alone.out.contains("input-1"), "{alone:?}");
    }
    assert!(checked > 0);
}

/// Captures in folders, and in files, that are called after hosts.
fn folder() -> tempfile::TempDir {
    let root = tempfile::Builder::new().prefix("bank-of-oz-").tempdir().unwrap();
    for (name, situation) in [
        ("ssm1.oz-bank.test/10.20.30.40.pcap", "healthy/plain"),
        ("ssm1.oz-bank.test/again", "healthy/plain"),
        ("ssm1.oz-bank.test/untrusted", "tls-alert/untrusted-curl-java-tls12"),
        ("vmanage7.oz-bank.test/pasted", "transcript/vmanage"),
        ("vmanage7.oz-bank.test/refused.pcap0", "refused/plain"),
        ("vmanage7.oz-bank.test/refused.pcap1", "syn-no-reply/plain"),
    ] {
        let place = root.path().join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(capture(situation), place).unwrap();
    }
    let whole = fs::read(capture("healthy/plain")).unwrap();
    fs::write(root.path().join("cut-ssm1.oz-bank.test.pcap"), &whole[..whole.len() - 5]).unwrap();
    fs::write(root.path().join("notes-of-ssm1.oz-bank.test"), "ssm1.oz-bank.test is down\n").unwrap();
    root
}

/// The parts of the paths of these folders, which are names too.
fn parts(root: &Path) -> BTreeSet<String> {
    let name = root.file_name().unwrap().to_string_lossy().into_owned();
    let files = ["ssm1.oz-bank.test", "vmanage7.oz-bank.test", "refused.pcap0", "10.20.30.40", "untrusted"];
    files.into_iter().map(str::to_owned).chain([name]).collect()
}

/// Every file below a folder, with its name.
fn contents(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        all.extend_from_slice(entry.file_name().as_encoded_bytes());
        if entry.path().is_dir() {
            all.extend(contents(&entry.path()));
        } else {
            all.extend(fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn no_output_of_a_batch_contains_an_original_or_the_name_of_a_file() {
    let root = folder();
    let batch = |words: &[&str]| run(&[&["batch"], words, &[path(root.path())]].concat());
    let plain = batch(&["-o", "json"]);
    let mut all = originals(&[], &plain);
    all.extend(parts(root.path()));
    assert!(all.len() > 12, "{all:?}");
    let into = root.path().join("reports");
    let printed = forms_of_batch().map(|form| vec!["-o", form.name()]);
    let kept = Form::ALL.into_iter().filter(|form| form.summary(Subject::Batch).is_some());
    let kept = kept.filter(|form| form.can_be_redacted());
    let kept = kept.map(|form| vec!["-o", form.name(), "--into", path(&into)]);
    for form in printed.chain(kept).chain([vec!["-o", "flat", "--format", "csv"]]) {
        for joined in [&[][..], &["--join-rings"]] {
            let outputs = ["1", "3"].map(|jobs| {
                let _ = fs::remove_dir_all(&into);
                let outcome = batch(&[&["--redact", "-j", jobs], &form[..], joined].concat());
                let written = if into.exists() { contents(&into) } else { Vec::new() };
                (outcome.out, outcome.status, written)
            });
            assert!(outputs[0] == outputs[1], "{form:?} depends on the number of threads");
            let [(out, status, written), _] = outputs;
            assert_eq!(status, plain.status, "{form:?}");
            for bytes in [out.as_bytes(), &written] {
                let left = left_in(bytes, &all);
                assert!(left.is_empty(), "{left:?} in {form:?}:\n{}", String::from_utf8_lossy(bytes));
            }
        }
    }
    let redacted = batch(&["--redact", "-o", "json"]);
    assert_eq!(outcomes(&plain), outcomes(&redacted));
    assert_eq!(redacted.summary()["redacted"], true);
    let files = redacted.objects_of("file");
    let names: Vec<_> = files.iter().map(|file| file["source"].as_str().unwrap()).collect();
    let numbered: Vec<_> = (1..=files.len()).map(|number| format!("input-{number}")).collect();
    assert_eq!(names, numbered);
    for connection in redacted.connections() {
        assert!(names.contains(&connection["source"].as_str().unwrap()), "{connection}");
    }
    let table = batch(&["--redact"]).out;
    assert_eq!(table.matches("redacted: addresses, names,").count(), 1, "{table}");
}

#[test]
fn a_row_of_a_redacted_batch_names_its_output_by_the_beginning_of_the_output_s_name() {
    let root = folder();
    let into = root.path().join("reports");
    let batch = || run(&["batch", "--redact", "-o", "html", "--into", path(&into), path(root.path())]);
    let first = batch();
    let written = fs::read_dir(&into).unwrap().flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
    let pages = written.iter().filter_map(|name| name.to_str()?.strip_suffix(".html"));
    let pages: Vec<_> = pages.collect();
    assert_eq!(pages.len(), 6, "{written:?}");
    for page in pages {
        assert!(first.out.contains(&page[..16]), "{page} is in no row of\n{}", first.out);
    }
    assert_eq!(first.out, batch().out, "what is there already has the same rows");
}

#[test]
fn packets_that_are_waited_for_are_redacted_as_well() {
    let file = testdata("transcript/vmanage/transcript.txt");
    let plain = run(&["read", "-o", "json", &file]);
    let all = originals(&[&plain], &plain);
    assert!(!all.is_empty());
    for form in [&["-vv"][..], &["-o", "json"], &["-o", "table"], &["-o", "markdown"], &["-o", "html"]] {
        let mut command = ssmscope(&[&["read", "--redact", "-"], form].concat());
        let mut child = spawn(&mut command);
        let mut pipe = child.stdin.take().unwrap();
        let text = fs::read(&file).unwrap();
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                use std::io::Write;
                let half = text.len() / 2;
                pipe.write_all(&text[..half]).unwrap();
                thread::sleep(Duration::from_millis(700));
                pipe.write_all(&text[half..]).unwrap();
            });
            Outcome::from(child.wait_with_output().unwrap())
        });
        let left = left_in(outcome.out.as_bytes(), &all);
        assert!(left.is_empty(), "{left:?} in {form:?}:\n{}", outcome.out);
        assert_eq!(outcome.status, plain.status, "{form:?} {}", outcome.error);
    }
}

/// A pasted handshake between two hosts that is not answered, with what resolves the server's name.
fn pasted(client: &str, server: &str) -> String {
    let line = |second: u32, from: &str, to: &str, what: &str| {
        format!("12:15:{second:02}.000000 IP {from} > {to}: {what}\n")
    };
    let (ours, theirs) = (format!("{client}.57886"), format!("{server}.8443"));
    [
        format!("12:15:01.000000 ARP, Request who-has {server} tell {client}, length 28\n"),
        line(2, &ours, &theirs, "Flags [S], seq 100, win 64240, options [mss 1460], length 0"),
        line(2, &theirs, &ours, "Flags [S.], seq 900, ack 101, win 65160, options [mss 1460], length 0"),
        line(2, &ours, &theirs, "Flags [.], ack 1, win 502, length 0"),
        line(2, &ours, &theirs, "Flags [P.], seq 1:518, ack 1, win 502, length 517"),
        line(2, &theirs, &ours, "Flags [.], ack 518, win 501, length 0"),
        line(12, &ours, &theirs, "Flags [F.], seq 518, ack 1, win 502, length 0"),
    ]
    .concat()
}

#[test]
fn whatever_hosts_are_called_no_form_contains_it() {
    let label = "[a-z][a-z0-9]{3,9}";
    let name = proptest::collection::vec(label, 2..4).prop_map(|labels| format!("{}.test", labels.join(".")));
    let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    runner
        .run(&(name.clone(), name), |(client, server)| {
            prop_assume!(client != server);
            let root = tempfile::Builder::new().prefix(&client).tempdir().unwrap();
            let file = root.path().join(format!("{server}.txt"));
            fs::write(&file, pasted(&client, &server)).unwrap();
            let all = BTreeSet::from([client.clone(), server.clone()]);
            let plain = run(&["read", "-o", "json", path(&file)]);
            prop_assert!(plain.out.contains(&server));
            for form in all_forms() {
                // Names are selected by name.
                let form = form.iter().map(|word| if word.contains('/') { server.as_str() } else { *word });
                let form: Vec<_> = form.collect();
                for command in [&["read"][..], &["batch", "-j", "2"]] {
                    let is_of_batch =
                        !form.contains(&"--all") && forms_of_batch().any(|of| of.name() == form[1]);
                    if command[0] == "batch" && !is_of_batch {
                        continue;
                    }
                    let redacted = run(&[command, &["--redact", path(&file)], &form].concat());
                    let left = left_in(redacted.out.as_bytes(), &all);
                    prop_assert!(left.is_empty(), "{:?} in {:?}:\n{}", left, form, redacted.out);
                    prop_assert_eq!(redacted.status, plain.status, "{:?}", form);
                    if form[..] == *FULL[1] {
                        prop_assert_eq!(outcomes(&plain), outcomes(&redacted));
                        let connection = &redacted.connections()[0];
                        prop_assert!(connection["server"]["name"].is_string());
                        let servers = &redacted.summary()["servers"];
                        let is_alike = servers[0]["name"] == connection["server"]["name"];
                        // The summary of many captures lists no servers.
                        prop_assert!(is_alike || command[0] == "batch", "{}", servers);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
}
