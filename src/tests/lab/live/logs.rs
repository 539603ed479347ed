//! Logs that are followed while packets come.

use std::fs::OpenOptions;

use super::*;

/// A line that vManage's program writes now.
pub(super) fn append(log: &Path, text: &str) {
    let now = Command::new("date").args(["-u", "+%d-%b-%Y %H:%M:%S,%3N UTC"]).output().unwrap();
    let now = self::text(&now.stdout);
    let mut file = OpenOptions::new().append(true).create(true).open(log).unwrap();
    writeln!(file, "{} {text}", now.trim_end()).unwrap();
}

pub(super) const QUERY: &str =
    "INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query the licences";
const REFUSED: &str = "ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to authenticate user - 'admin'. \
                       {\"error\": \"invalid_client\"}";

/// A server that refuses each token, and the log of its client, who tried before.
fn refuse_tokens(lab: &Lab) -> PathBuf {
    let certificate = Pki::new(lab.folder.path()).good();
    peers::serve_https(lab, 8443, &certificate, |_, _| {
        thread::sleep(Duration::from_millis(300));
        peers::json("401 Unauthorized", "{\"error\":\"invalid_client\"}")
    });
    let log = lab.folder.path().join("vmanage-server.log");
    append(&log, QUERY);
    log
}

#[test]
fn a_refusal_in_a_log_is_reported_when_it_is_written() {
    let Some(lab) = Lab::new() else { return };
    let log = refuse_tokens(&lab);
    append(&log, REFUSED);
    let mut watch = watch(&lab, &["-i", "any", "--port", "8443", "-o", "json", "--log", path(&log)]);
    // The log is rotated meanwhile.
    fs::rename(&log, log.with_extension("log.1")).unwrap();
    append(&log, QUERY);
    request_over_tls(&lab, 8443);
    append(&log, REFUSED);
    let printed = watch.read_until("\"code\":\"rejected\"", Duration::from_secs(12));
    watch.signal(Signal::SIGINT);
    let outcome = watch.wait();
    let objects: Vec<serde_json::Value> =
        outcome.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| objects.iter().filter(|object| object["type"] == kind).collect::<Vec<_>>();
    let logs = of("log");
    assert_eq!(logs.len(), 1, "{outcome:?}");
    assert_eq!((&logs[0]["tie"]["connection"], &logs[0]["error"]), (&1.into(), &"invalid_client".into()));
    assert_eq!(logs[0]["lines"][0]["line"], 1, "{outcome:?}");
    assert!(printed.find("\"type\":\"log\"") < printed.find("\"code\":\"rejected\""), "{printed}");
    let connections = of("connection");
    assert_eq!(connections.len(), 1, "{outcome:?}");
    let verdict = &connections[0]["verdict"];
    assert_eq!(
        (&verdict["code"], &verdict["cause"]),
        (&"rejected".into(), &"invalid_client".into()),
        "{verdict}"
    );
    assert_eq!(outcome.status, 2, "{outcome:?}");
}

#[test]
fn a_refusal_in_a_log_ends_a_capture_that_waits_for_a_failure() {
    let Some(lab) = Lab::new() else { return };
    let log = refuse_tokens(&lab);
    let options = ["--host", SERVER, "--until", "failure", "--log", path(&log), "--duration", "15"];
    let watch = watch(&lab, &options);
    append(&log, QUERY);
    request_over_tls(&lab, 8443);
    append(&log, REFUSED);
    let outcome = watch.wait();
    assert_eq!(outcome.status, 2, "{outcome:?}");
    let printed = outcome.out.replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let row = "client's log vmanage-server.log, line 3: ERROR RestAPIClient: Failed to authenticate user - 'admin'. {\"error\": \"invalid_client\"} \
               (connection 1)";
    assert!(printed.contains(row) && printed.contains("FAIL rejected invalid_client"), "{outcome:?}");
    assert!(printed.contains("1 attempt tied to connections"), "{outcome:?}");
}

#[test]
fn what_can_t_be_followed_is_an_error_before_anything_is_captured() {
    let Some(lab) = Lab::new() else { return };
    let folder = lab.folder.path();
    let packed = folder.join("old.log.gz");
    fs::write(&packed, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let prose = folder.join("prose.txt");
    fs::write(&prose, "no line of this has a time\n".repeat(9)).unwrap();
    let log = folder.join("a.log");
    append(&log, QUERY);
    let pipe = folder.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (options, why) in [
        (vec!["--log", path(&packed)], "compressed"),
        (vec!["--log", path(&prose)], "is no log"),
        (vec!["--log", "-"], "is standard input"),
        (vec!["--log", path(&pipe)], "is a pipe"),
        (vec!["--log", "/nowhere/a.log"], "can't be read"),
        (vec!["--log", path(&log), "-w", path(&log)], "-w names a log"),
        (vec!["--log", path(&log), "--html", path(&log)], "this command already uses that file"),
    ] {
        let outcome = Outcome::of(lab.live("client", &options).args(["-i", "any", "--user", "root"]));
        assert!(outcome.status == 3 && outcome.error.contains(why), "{why}: {outcome:?}");
    }
    assert!(fs::read_to_string(&log).unwrap().contains(QUERY));
}
