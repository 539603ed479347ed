//! Files as they come: rotated, compressed, pasted, cut, without years, across changes of the clock, hostile.

use std::io::Write;

use proptest::prelude::*;

use super::super::{
    AttemptOutcome, Dating, Follower, Grammar, LogSettings, LogZone, Logs, Quote, Side, is_log, is_log_file,
};
use super::{at, read};
use crate::limits;
use crate::time::Timestamp;

const ERROR: &str = "ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to query";
const QUERY: &str = "INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query";

fn ends(logs: &Logs) -> Vec<String> {
    let text = |at: crate::time::Timestamp| {
        jiff::Timestamp::from_nanosecond(i128::from(at.nanos())).expect("a time").to_string()
    };
    logs.attempts.iter().map(|attempt| text(attempt.end)).collect()
}

#[test]
fn rotated_files_are_one_log_in_whatever_order_they_are_given() {
    let older = format!("13-Jan-2023 10:00:00,000 UTC {QUERY}\n");
    let newer = format!(
        "13-Jan-2023 10:00:01,000 UTC {ERROR}\n13-Jan-2023 10:00:02,000 UTC INFO [vmanage] [X] (y) |default| z\n"
    );
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(older.as_bytes()).expect("memory");
    let folder = tempfile::tempdir().expect("a folder");
    let paths = [folder.path().join("vmanage-server.log"), folder.path().join("vmanage-server.log.1.gz")];
    std::fs::write(&paths[0], newer).expect("a file");
    std::fs::write(&paths[1], packed.finish().expect("memory")).expect("a file");
    let logs = super::super::read(&paths, &LogSettings::default()).expect("logs");
    let [attempt] = logs.attempts.as_slice() else { panic!("{:?}", logs.attempts) };
    assert_eq!(attempt.begin, Some(at("2023-01-13T10:00:00Z")));
    assert_eq!(
        attempt.lines.iter().map(|line| (line.file, line.number)).collect::<Vec<_>>(),
        [(1, 1), (0, 1)]
    );
    assert_eq!((logs.files[0].log, logs.files[1].log), (logs.files[1].log, logs.files[0].log));
    assert_eq!(logs.files[1].format, "vmanage-server.log (gzip)");
}

#[test]
fn files_of_different_folders_or_forms_are_different_logs() {
    let line = format!("13-Jan-2023 10:00:00,000 UTC {QUERY}\n");
    let nginx = "10.0.0.1 - - [13/Jan/2023:11:17:01 +0000] \"GET / HTTP/1.1\" 200 5\n";
    let logs = read(&[("a.log", &line), ("b.log", &line), ("a.log.1", nginx)], &LogSettings::default());
    assert_eq!(logs.files.iter().map(|file| file.log).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn syslog_s_years_come_from_the_capture_and_change_at_new_year() {
    let request = "SSM 504f06c0d581: method=GET path=/x status=200 duration=1.00 view=0";
    let december = format!("Dec 31 23:59:59 {request}\n");
    let january = format!("Jan  1 00:00:01 {request}\n");
    let settings = LogSettings { near: Some(at("2023-01-01T10:00:00Z")), ..LogSettings::default() };
    let logs = read(&[("messages", &january), ("messages-20230101", &december)], &settings);
    assert_eq!(ends(&logs), ["2022-12-31T23:59:59Z", "2023-01-01T00:00:01Z"]);
    assert!(logs.clocks.iter().all(|clock| clock.dating == Dating::Full));
}

#[test]
fn a_full_date_in_the_file_gives_the_year_too() {
    let lines = "Jan 13 11:14:09 SSM b09c1e3b5d81: 1:M 13 Jan 2019 11:14:09.049 * 100 changes\n\
                 Jan 13 11:14:10 SSM 1a1fca641d0a: method=GET path=/x status=200 duration=1.00 view=0\n";
    assert_eq!(ends(&read(&[("messages", lines)], &LogSettings::default())), ["2019-01-13T11:14:10Z"]);
}

#[test]
fn a_step_back_is_noted_and_daylight_saving_time_s_abbreviations_are_two_clocks() {
    let lines = format!(
        "05-Nov-2023 01:59:00,000 EDT {QUERY}\n05-Nov-2023 01:59:01,000 EDT {ERROR}\n\
         05-Nov-2023 01:01:00,000 EST {QUERY}\n05-Nov-2023 01:01:01,000 EST {ERROR}\n"
    );
    let logs = read(&[("vmanage-server.log", &lines)], &LogSettings::default());
    assert_eq!(logs.clocks.len(), 2);
    assert!(logs.attempts.iter().all(|attempt| attempt.begin.is_some()));
    let lines = lines.replace(" EDT", "").replace(" EST", "");
    let logs = read(&[("vmanage-server.log", &lines)], &LogSettings::default());
    assert_eq!(logs.clocks.len(), 1);
    assert_eq!(logs.notes.len(), 1);
    assert_eq!(
        logs.notes[0].text,
        "the time steps back by 58 min 1 s at line 3: the clock was set, or daylight saving time ended"
    );
}

#[test]
fn a_zone_that_the_user_knows_makes_times_utc() {
    let line = format!("13-Jan-2023 17:29:03,490 IST {ERROR}\n");
    let settings = LogSettings { zones: vec![("IST".to_owned(), 19_800)], ..LogSettings::default() };
    let logs = read(&[("vmanage-server.log", &line)], &settings);
    assert_eq!(ends(&logs), ["2023-01-13T11:59:03.49Z"]);
    assert_eq!(logs.clocks[0].zone, LogZone::Utc);
}

#[test]
fn what_is_far_from_the_capture_is_counted_and_not_kept() {
    let line = |day: &str| format!("{day}-Jan-2023 17:29:03,490 IST {ERROR}\n");
    let start = at("2023-01-13T12:00:00Z");
    let settings = LogSettings { near: Some(start), window: Some((start, start)), ..LogSettings::default() };
    let logs = read(&[("vmanage-server.log", &(line("11") + &line("13") + &line("15")))], &settings);
    assert_eq!(ends(&logs), ["2023-01-13T17:29:03.49Z"]);
    assert_eq!(logs.files[0].far_away, 2);
}

#[test]
fn lines_outside_the_capture_are_kept_where_their_zone_is_known() {
    let lines = "2023-01-13T12:00:01Z INFO x\n2023-01-13T14:00:01Z ERROR far\n2023-01-13 12:00:01,000 INFO no zone\n2023-01-13 12:00:02,000 ERROR no zone\n";
    let start = at("2023-01-13T12:00:00Z");
    let settings = LogSettings { near: Some(start), window: Some((start, start)), ..LogSettings::default() };
    let logs = read(&[("app.log", lines)], &settings);
    assert_eq!(logs.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 4]);
    assert!(read(&[("app.log", lines)], &LogSettings::default()).lines.is_empty());
}

#[test]
fn causes_below_an_error_refine_its_outcome() {
    for (trace, outcome) in [
        (
            "java.net.ConnectException\n\tat x(Y.java:1)\nCaused by: java.nio.channels.ClosedChannelException",
            AttemptOutcome::Refused,
        ),
        (
            "java.net.ConnectException\nCaused by: java.nio.channels.UnresolvedAddressException",
            AttemptOutcome::NameUnknown,
        ),
        (
            "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake\nCaused by: java.net.SocketException: Connection reset",
            AttemptOutcome::Reset,
        ),
        (
            "javax.ws.rs.ProcessingException: RESTEASY004655: Unable to invoke request: x\nCaused by: org.apache.http.conn.HttpHostConnectException: Connect to ssm:8443 [ssm/10.0.0.1] failed: Connection refused",
            AttemptOutcome::Refused,
        ),
        ("x\n\tat com.example.ConnectionRefusedHelper.connection refused(X.java:1)", AttemptOutcome::Failed),
    ] {
        let lines = format!(
            "13-Jan-2023 10:00:00,000 UTC {QUERY}\n13-Jan-2023 10:00:01,000 UTC {ERROR} Exception - :{trace}\n"
        );
        let logs = read(&[("vmanage-server.log", &lines)], &LogSettings::default());
        assert_eq!(logs.attempts[0].outcome, outcome, "{trace}");
    }
}

#[test]
fn a_retry_without_a_line_between_begins_at_the_error_before() {
    let lines = format!(
        "13-Jan-2023 10:00:00,000 UTC {QUERY}\n13-Jan-2023 10:00:01,000 UTC {ERROR}\n\
         13-Jan-2023 10:00:01,001 UTC ERROR [vmanage] [SmartLicensingUtil] (default task-1) |default| Failed\n\
         13-Jan-2023 10:00:03,000 UTC {ERROR}\n"
    );
    let logs = read(&[("vmanage-server.log", &lines)], &LogSettings::default());
    let spans: Vec<_> =
        logs.attempts.iter().map(|attempt| (attempt.begin, attempt.end, attempt.lines.len())).collect();
    assert_eq!(
        spans,
        [
            (Some(at("2023-01-13T10:00:00Z")), at("2023-01-13T10:00:01Z"), 3),
            (Some(at("2023-01-13T10:00:01.001Z")), at("2023-01-13T10:00:03Z"), 1),
        ]
    );
}

#[test]
fn threads_don_t_mix() {
    let lines = "13-Jan-2023 10:00:00,000 UTC INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query\n\
                 13-Jan-2023 10:00:00,500 UTC INFO [vmanage] [SmartLicensingUtil] (default task-2) |default| Query\n\
                 13-Jan-2023 10:00:00,600 UTC ERROR [vmanage] [RestAPIClient] (default task-2) |default| Failed to\n\
                 13-Jan-2023 10:00:00,700 UTC ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to\n\
                 13-Jan-2023 10:00:00,701 UTC ERROR [vmanage] [SmartLicensingUtil] (default ta\n";
    let logs = read(&[("vmanage-server.log", lines)], &LogSettings::default());
    let of = |thread: &str| {
        logs.attempts
            .iter()
            .find(|attempt| attempt.thread.as_ref().map(Quote::raw) == Some(thread))
            .expect("an attempt")
    };
    assert_eq!(
        (of("default task-1").begin, of("default task-1").end),
        (Some(at("2023-01-13T10:00:00Z")), at("2023-01-13T10:00:00.7Z"))
    );
    assert_eq!(
        (of("default task-2").begin, of("default task-2").end),
        (Some(at("2023-01-13T10:00:00.5Z")), at("2023-01-13T10:00:00.6Z"))
    );
    assert_eq!((logs.attempts.len(), of("default task-1").lines.len()), (2, 3));
}

#[test]
fn flexnet_s_ports_and_denials_are_found_with_their_days() {
    let lines = " 8:49:38 (lmgrd) Server's System Date and Time: Wed Jul 18 2018 08:49:38 -05\n 8:49:38 (lmgrd) lmgrd tcp-port 27000\n 8:49:39 (lmgrd) Started MLM (internet tcp_port 42249 pid 10861)\n23:59:59 (MLM) OUT: \"MATLAB\" a@host1\n 0:00:01 (MLM) DENIED: \"MATLAB\" b@host2  (Licensed number of users already reached. (-4,342))\n";
    let logs = read(&[("lmgrd.log", lines)], &LogSettings::default());
    let services: Vec<_> = logs.services.iter().map(|service| (service.daemon.raw(), service.port)).collect();
    assert_eq!(services, [("lmgrd", 27000), ("MLM", 42249)]);
    assert_eq!(ends(&logs), ["2018-07-18T23:59:59Z", "2018-07-19T00:00:01Z"]);
    assert_eq!(logs.attempts[1].outcome, AttemptOutcome::FeatureDenied);
    assert_eq!(logs.files[0].placed, 5);
}

#[test]
fn a_device_s_messages_are_ends_of_attempts() {
    let lines = "*Jan 13 11:14:46.123: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart License Utility (CSLU) : Unable to resolve server hostname/domain name\n\
                 *Jan 13 11:14:50.000: %SYS-5-CONFIG_I: Configured from console\n\
                 *Jan 13 11:15:46.123: %CALL_HOME-5-SL_MESSAGE_FAILED: Fail to send out Smart Licensing message to: https://tools.cisco.com/its/service/oddce/services/DDCEService (ERR 207 : Connection time out)\n\
                 *Jan 13 11:16:46.123: %SMART_LIC-5-COMM_RESTORED: Communications with Cisco Smart License Utility (CSLU) restored\n";
    let settings = LogSettings { near: Some(at("2023-01-13T12:00:00Z")), ..LogSettings::default() };
    let logs = read(&[("syslog.txt", lines)], &settings);
    let outcomes: Vec<_> =
        logs.attempts.iter().map(|attempt| (attempt.side, attempt.begin, attempt.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            (Side::Client, None, AttemptOutcome::NameUnknown),
            (Side::Client, None, AttemptOutcome::TimedOut),
            (Side::Client, None, AttemptOutcome::Succeeded),
        ]
    );
    assert_eq!(logs.attempts[1].server.host.as_ref().map(Quote::raw), Some("tools.cisco.com"));
}

#[test]
fn what_is_no_log_is_refused_with_what_to_try() {
    let folder = tempfile::tempdir().expect("a folder");
    let try_read = |bytes: &[u8]| {
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).expect("a file");
        super::super::read(&[path], &LogSettings::default()).map(|_| ()).map_err(|error| error.what)
    };
    assert_eq!(try_read(&[0, 1, 0, 0]).expect_err("no log"), "is no log: it holds binary data");
    assert_eq!(try_read(b"").expect_err("no log"), "is empty");
    assert_eq!(
        try_read(b"hello\nworld\n").expect_err("no log"),
        "is no log: none of its first lines has a time"
    );
    assert!(super::super::read(&[folder.path()], &LogSettings::default()).is_err());
    assert!(super::super::read(&[folder.path().join("none")], &LogSettings::default()).is_err());
}

#[test]
fn a_line_that_looks_like_a_packet_does_not_make_a_log_a_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let is_log = |text: &str| {
        let path = folder.path().join("x");
        std::fs::write(&path, text).expect("a file");
        is_log_file(&path, &LogSettings::default()).map_err(|error| error.what)
    };
    // The second line is an offset and bytes of a hex dump too.
    let flexnet = " 8:49:38 (MLM) x\n 9:00:00 (MLM) TIMESTAMP 11/6/2021\n";
    assert_eq!(is_log(flexnet), Ok(true));
    let dump = "\t0x0000:  4500 003c 1c46 4000 4006 b1e6 c0a8 0068\n";
    let packet = "11:17:15.000000 IP 192.0.2.7.41000 > 192.0.2.8.8443: Flags [S], seq 1, win 1, length 0\n";
    assert_eq!(is_log(&format!("{packet}{dump}{dump}{packet}{dump}{dump}")), Ok(false));
    // tcpdump's text in syslog, with lines that continue a packet's.
    let behind = "Jan 13 11:17:15 fw tcpdump[7]: ";
    assert_eq!(is_log(&format!("{behind}{packet}{behind}  options\n{behind}  more\n")), Ok(false));
    assert_eq!(is_log(&format!("{packet}{packet}{flexnet}")), Ok(false));
}

#[test]
fn a_firewall_s_lines_are_a_log_s_and_no_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let is_log = |text: &str| {
        let path = folder.path().join("x");
        std::fs::write(&path, text).expect("a file");
        is_log_file(&path, &LogSettings::default()).map_err(|error| error.what)
    };
    let dropped =
        "kernel: DROP-IN IN=ens3 OUT= SRC=192.0.2.7 DST=192.0.2.8 LEN=60 PROTO=TCP SPT=41000 DPT=8443 SYN";
    let packet = "11:17:15.000000 IP 192.0.2.7.41000 > 192.0.2.8.8443: Flags [S], seq 1, win 1, length 0";
    assert_eq!(is_log(&format!("Jan 13 11:17:14 fw {dropped}\nJan 13 11:17:14 fw app: x\n")), Ok(true));
    assert_eq!(is_log(&format!("{dropped}\n")), Ok(false));
    assert_eq!(is_log(&format!("Jan 13 11:17:14 fw {dropped}\n{packet}\n")), Ok(false));
    let settings = LogSettings { near: Some(at("2023-01-13T12:00:00Z")), ..LogSettings::default() };
    let logs = read(&[("messages", &format!("Jan 13 11:17:14 fw {dropped}\n"))], &settings);
    assert_eq!((logs.files[0].format.as_str(), logs.files[0].placed), ("syslog", 1));
}

#[test]
fn a_date_of_which_the_order_is_unknown_places_no_line() {
    let placed = |text: &str| {
        let logs = read(&[("x.log", text)], &LogSettings::default());
        (logs.files[0].placed, logs.notes.len())
    };
    assert_eq!(placed("04/10/2011 07:24:26 x\n  y\n05/10/2011 07:24:26 x\n"), (0, 1));
    assert_eq!(placed("04/10/2011 07:24:26 x\n  y\n15/10/2011 07:24:26 x\n"), (3, 0));
}

#[test]
fn a_line_with_a_time_that_is_not_read_continues_none() {
    let logs =
        read(&[("x.log", "2023-01-13 11:17:01 x\n  y\nDie 13.I.2023 11:17:02 z\n")], &LogSettings::default());
    assert_eq!((logs.files[0].lines, logs.files[0].placed), (3, 2));
}

#[test]
fn a_log_is_recognised_by_its_content() {
    let settings = LogSettings::default();
    assert!(is_log(format!("13-Jan-2023 17:29:03,490 IST {ERROR}\n").as_bytes(), &settings));
    assert!(is_log(b"[root@SSM log]# tail -f messages\nJan 13 11:17:14 SSM app: x\n", &settings));
    assert!(!is_log(b"hello\n", &settings));
    assert!(!is_log(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0", &settings));
}

#[test]
fn a_log_is_followed_as_it_grows() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    assert!(follower.logs().attempts.is_empty());
    write!(file, "13-Jan-2023 10:00:00,000 UTC {QUERY}\n13-Jan-2023 10:00:01,000 UTC ERROR [vmanage]")
        .expect("a file");
    follower.read_on(Timestamp::ZERO).expect("a log");
    assert!(follower.logs().attempts.is_empty());
    writeln!(file, " [RestAPIClient] (default task-1) |default| Failed to query: status 403")
        .expect("a file");
    follower.read_on(Timestamp::ZERO).expect("a log");
    let logs = follower.logs();
    assert_eq!(logs.attempts.len(), 1);
    assert_eq!((logs.attempts[0].outcome, logs.files[0].lines), (AttemptOutcome::Status(403), 2));
    assert_eq!(logs.files[0].format, "vmanage-server.log");
}

/// Lines of nginx, each of them an attempt.
fn requests(numbers: std::ops::Range<usize>) -> String {
    let line =
        |number| format!("10.0.0.1 - - [13/Jan/2023:11:17:01 +0000] \"GET /{number} HTTP/1.1\" 200 5\n");
    numbers.map(line).collect()
}

fn last_request(follower: &Follower) -> Option<(String, u64)> {
    let logs = follower.logs();
    let last = logs.attempts.last()?;
    Some((last.request.as_ref()?.raw().to_owned(), last.lines.last()?.number))
}

#[test]
fn what_a_log_held_before_is_counted_and_no_attempt() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(requests(0..20_000).as_bytes()).expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    assert_eq!((follower.logs().attempts.len(), follower.logs().files[0].lines), (0, 20_000));
    assert!(!follower.read_on(Timestamp::ZERO).expect("a log"));
    file.write_all(requests(20_000..20_001).as_bytes()).expect("a file");
    assert!(follower.read_on(Timestamp::ZERO).expect("a log"));
    assert_eq!(last_request(&follower), Some(("GET /20000".to_owned(), 20_001)));
}

#[test]
fn a_log_that_is_rotated_is_followed_in_both_ways() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    std::fs::write(&path, requests(0..3)).expect("a file");
    let mut follower = Follower::open(&[&path], LogSettings::default()).expect("a log");
    let append = |path: &std::path::Path, text: String| {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a file");
        file.write_all(text.as_bytes()).expect("a file");
    };
    // Renamed, with one more line in the old file, and another file with its name.
    let old = folder.path().join("access.log.1");
    std::fs::rename(&path, &old).expect("a file");
    follower.read_on(Timestamp::ZERO).expect("no file is no error");
    append(&old, requests(3..4));
    append(&path, requests(4..5));
    follower.read_on(Timestamp::ZERO).expect("a log");
    let requests_of = |follower: &Follower| follower.logs().attempts.len();
    assert_eq!((requests_of(&follower), last_request(&follower)), (2, Some(("GET /4".to_owned(), 1))));
    // Copied, and truncated.
    std::fs::write(&path, "").expect("a file");
    follower.read_on(Timestamp::ZERO).expect("a log");
    append(&path, requests(5..7));
    follower.read_on(Timestamp::ZERO).expect("a log");
    assert_eq!((requests_of(&follower), last_request(&follower)), (4, Some(("GET /6".to_owned(), 2))));
    // Half a line is one where the rest will not come.
    let half = requests(7..8);
    append(&path, half.trim_end().to_owned());
    assert!(!follower.read_on(Timestamp::ZERO).expect("a log"));
    std::fs::write(&path, requests(8..9)).expect("a file");
    assert!(follower.read_on(Timestamp::ZERO).expect("a log"));
    assert_eq!((requests_of(&follower), last_request(&follower)), (6, Some(("GET /8".to_owned(), 1))));
    // Another file with as many lines.
    let other = folder.path().join("other");
    std::fs::write(&other, requests(9..10)).expect("a file");
    std::fs::rename(&other, &path).expect("a file");
    assert!(follower.read_on(Timestamp::ZERO).expect("a log"));
    assert_eq!(last_request(&follower), Some(("GET /9".to_owned(), 1)));
    // A folder in its place can't be followed, which is reported once, until a file is there again.
    std::fs::remove_file(&path).expect("a file");
    std::fs::create_dir(&path).expect("a folder");
    assert!(follower.read_on(Timestamp::ZERO).is_err());
    assert!(follower.read_on(Timestamp::ZERO).is_ok());
    let is_noted = |follower: &Follower| {
        follower.logs().notes.iter().any(|note| note.text.contains("not followed to the end"))
    };
    assert!(is_noted(&follower));
    std::fs::remove_dir(&path).expect("a folder");
    append(&path, requests(10..11));
    assert!(follower.read_on(Timestamp::ZERO).expect("a log"));
    assert_eq!(last_request(&follower), Some(("GET /10".to_owned(), 1)));
    assert!(!is_noted(&follower));
}

#[test]
fn a_pipe_in_the_place_of_a_log_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    std::fs::write(&path, requests(0..3)).expect("a file");
    let mut follower = Follower::open(&[&path], LogSettings::default()).expect("a log");
    std::fs::remove_file(&path).expect("a file");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let error = follower.read_on(Timestamp::ZERO).expect_err("a pipe");
    assert!(error.what.contains("no regular file"), "{error:?}");
}

#[test]
fn a_log_that_grows_fast_is_read_in_parts() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    let lines = requests(0..limits::LOG_FOLLOWED_AT_ONCE / 60);
    file.write_all(lines.as_bytes()).expect("a file");
    let mut reads = 0;
    while follower.read_on(Timestamp::ZERO).expect("a log") {
        reads += 1;
    }
    assert_eq!(reads, lines.len().div_ceil(limits::LOG_FOLLOWED_AT_ONCE));
    assert_eq!(follower.logs().files[0].lines as usize, lines.lines().count());
}

#[test]
fn attempts_of_a_log_that_is_followed_are_forgotten_at_the_bound() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    file.write_all(requests(0..limits::LOG_FOLLOWED_ATTEMPTS + 50).as_bytes()).expect("a file");
    follower.read_on(Timestamp::ZERO).expect("a log");
    // What came at once is compared once, all of it.
    assert_eq!(follower.logs().attempts.len(), limits::LOG_FOLLOWED_ATTEMPTS + 50);
    follower.read_on(Timestamp::ZERO).expect("a log");
    let logs = follower.logs();
    assert_eq!((logs.attempts.len(), logs.crowded_out), (limits::LOG_FOLLOWED_ATTEMPTS, 0));
}

#[test]
fn the_oldest_attempts_leave_at_the_bound_and_are_counted() {
    let lines: Vec<String> = (0..limits::LOG_ATTEMPTS + 7)
        .map(|number| format!("10.0.0.1 - - [13/Jan/2023:11:17:01 +0000] \"GET /{number} HTTP/1.1\" 200 5\n"))
        .collect();
    let lines = lines.concat();
    let logs = read(&[("access.log", &lines)], &LogSettings::default());
    assert_eq!((logs.attempts.len(), logs.crowded_out), (limits::LOG_ATTEMPTS, 7));
    assert_eq!(logs.attempts[0].request.as_ref().map(Quote::raw), Some("GET /7"));
}

/// Everything that a caller can see of logs.
fn visible(logs: &Logs) -> String {
    format!("{logs:?}")
}

const SECRETS: &[&str] = &[
    "13-Jan-2023 10:00:01,000 UTC ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to query {\"client_id\":\"SECRET1\",\"error\":\"invalid_client\"}",
    "13-Jan-2023 10:00:01,000 UTC ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed\nAuthorization: Bearer SECRET1",
    "13-Jan-2023 10:00:01,000 UTC INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query https://u:SECRET1@ssm/?client_secret=SECRET1\n13-Jan-2023 10:00:02,000 UTC ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed",
    "10.0.0.1 - - [13/Jan/2023:11:17:01 +0000] \"GET /x?access_token=SECRET1&y=1 HTTP/1.1\" 401 5",
    "2023/07/13 11:17:01 [error] 47#47: *1576 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: _, request: \"POST /oauth/token?client_secret=SECRET1 HTTP/1.1\", upstream: \"http://127.0.0.1:3000/oauth/token?client_secret=SECRET1\", host: \"ssm\"",
    "Jan 13 11:17:01 SSM 1a1fca641d0a: method=POST path=/oauth/token?password=SECRET1 status=401 duration=1.00 password=SECRET1",
    "*Jan 13 11:14:46.123: %SMART_LIC-3-COMM_FAILED: failure idtoken=SECRET1",
    "8:49:38 (MLM) DENIED: \"X\" a@b  (SIGN=SECRET1)",
];

#[test]
fn secrets_leave_the_room_in_no_field() {
    for text in SECRETS {
        let logs = read(&[("x.log", text)], &LogSettings::default());
        assert!(!logs.attempts.is_empty(), "{text}");
        assert!(!visible(&logs).contains("SECRET1"), "{}", visible(&logs));
        let shown = read(&[("x.log", text)], &LogSettings { shows_secrets: true, ..LogSettings::default() });
        assert!(visible(&shown).contains("SECRET1"), "{text}");
    }
}

#[test]
fn what_would_drive_a_terminal_is_kept_raw_for_the_report_to_escape() {
    let line = "10.0.0.1 - - [13/Jan/2023:11:17:01 +0000] \"GET /\u{1b}[2J HTTP/1.1\" 200 5\n";
    let logs = read(&[("access.log", line)], &LogSettings::default());
    assert_eq!(logs.attempts[0].request.as_ref().map(Quote::raw), Some("GET /\u{1b}[2J"));
    assert!(!visible(&logs).contains('\u{1b}'));
}

/// Lines of every grammar.
fn lines() -> Vec<&'static str> {
    let mut lines: Vec<&str> = include_str!("../samples/seed-messages.txt").lines().collect();
    lines.extend(include_str!("../samples/seed-vmanage-server.txt").lines());
    lines.extend(SECRETS.iter().flat_map(|text| text.lines()));
    lines.extend([
        "\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)",
        "Caused by: java.net.SocketException: Connection reset",
        "RP/0/RP0/CPU0:Jul  1 11:53:58.601 UTC: smartlicserver[397]: %LICENSE-SMART_LIC-3-COMM_FAILED : Communications failure",
        "<165>1 2023-01-13T11:17:14Z SSM app 47 ID1 [a b=\"c ] d\"] x",
        "21:53:14 (lmgrd) Started MLM (internet tcp_port 42249 pid 10861)",
        "16:06:37 (MLM) TIMESTAMP 4/8/2019",
        "2023-01-13T11:17:01.123Z ERROR x",
    ]);
    lines
}

fn read_bytes(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x");
    std::fs::write(&path, bytes).expect("a file");
    let window = (at("2023-01-13T00:00:00Z"), at("2023-01-14T00:00:00Z"));
    let settings = LogSettings { near: Some(window.0), window: Some(window), ..LogSettings::default() };
    if let Ok(logs) = super::super::read(&[path], &settings) {
        let ties = super::super::tie(
            &logs,
            &super::super::Wire::default(),
            &super::super::tie::TieSettings::default(),
        );
        assert!(ties.ties.is_empty());
        assert!(logs.files[0].placed <= logs.files[0].lines);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_bytes(&bytes);
    }

    #[test]
    fn damaged_lines_of_every_grammar_are_read_to_their_end(
        picks in proptest::collection::vec((any::<usize>(), any::<usize>(), any::<u8>(), any::<bool>()), 1..30),
    ) {
        let lines = lines();
        let mut file = Vec::new();
        for (line, place, byte, is_cut) in picks {
            let mut line = lines[line % lines.len()].as_bytes().to_vec();
            let place = place % line.len().max(1);
            if is_cut {
                line.truncate(place);
            } else if let Some(changed) = line.get_mut(place) {
                *changed = byte;
            }
            file.extend(line);
            file.push(b'\n');
        }
        read_bytes(&file);
    }
}

#[test]
fn every_line_of_the_samples_is_read_by_its_grammar() {
    let mut found: Vec<Grammar> = lines()
        .iter()
        .filter_map(|line| super::super::grammar::read(line, &[]))
        .map(|entry| entry.grammar)
        .collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 11 - 1, "{found:?}");
}

#[test]
fn a_file_under_two_names_is_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["vmanage-server.log", "copy.log"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], format!("13-Jan-2023 17:29:03,490 IST {ERROR}\n")).expect("a file");
    std::fs::hard_link(&paths[0], &paths[1]).expect("a link");
    let logs = super::super::read(&paths, &LogSettings::default()).expect("logs");
    assert_eq!((logs.attempts.len(), logs.files.len(), logs.notes.len()), (1, 1, 1));
    assert!(logs.notes[0].text.contains("copy.log"), "{:?}", logs.notes);
    let follower = Follower::open(&paths, LogSettings::default()).expect("logs");
    assert_eq!((follower.logs().files.len(), follower.logs().notes.len()), (1, 1));
}

#[test]
fn an_error_of_nginx_that_a_terminal_wrapped_keeps_its_client() {
    let error = "2023/01/13 11:17:01 [error] 47#47: *1576 connect() failed (111: Connection refused) while connecting to upstream, \
                 client: 10.66.76.85, server: _, request: \"POST /oauth/token HTTP/1.1\", upstream: \"http://127.0.0.1:3000/\", host: \"ssm\"";
    for width in [72, 80, 118, 125, 132, 160] {
        let wrapped: Vec<&str> =
            error.as_bytes().chunks(width).map(|piece| std::str::from_utf8(piece).expect("ASCII")).collect();
        let logs = read(&[("error.log", &(wrapped.join("\n") + "\n"))], &LogSettings::default());
        let [attempt] = &logs.attempts[..] else { panic!("{width} {:?}", logs.attempts) };
        assert_eq!(attempt.client.ip, "10.66.76.85".parse().ok(), "{width}");
        assert_eq!(attempt.request.as_ref().map(Quote::raw), Some("POST /oauth/token"), "{width}");
    }
}

#[test]
fn of_a_flood_of_warnings_some_of_all_times_are_kept_and_the_others_counted() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log").keeping(100);
    for second in 0..3 {
        for number in 0..1_000 {
            writeln!(file, "2023-01-13T12:00:0{second}.{number:03}Z WARN the disk is full").expect("a file");
        }
        follower.read_on(Timestamp::ZERO).expect("a log");
    }
    follower.read_on(Timestamp::ZERO).expect("a log");
    let logs = follower.logs();
    assert!(logs.lines.len() <= 101, "{}", logs.lines.len());
    for second in 1..=3 {
        let from = at(&format!("2023-01-13T12:00:0{}Z", second - 1));
        let to = from + crate::time::Elapsed::from_millis(1_000);
        assert!(logs.lines.iter().any(|line| line.at >= from && line.at < to), "{second}");
    }
    let count = 3_000 - logs.lines.len();
    assert!(logs.notes.iter().any(|note| note.text.starts_with(&count.to_string())), "{:?}", logs.notes);
}

#[test]
fn what_came_at_once_is_read_to_its_end_when_the_capture_ends() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let mut follower = Follower::open(&[file.path()], LogSettings::default()).expect("a log");
    let line = format!("2023-01-13T12:00:00.000Z INFO {}\n", "x".repeat(1_000));
    let count = 3 * limits::LOG_FOLLOWED_AT_ONCE / line.len();
    file.write_all(line.repeat(count).as_bytes()).expect("a file");
    follower.read_to_the_end(Timestamp::ZERO);
    assert_eq!(follower.logs().files[0].lines, count as u64);
    assert!(follower.logs().notes.iter().all(|note| !note.text.contains("not followed")));
}

#[test]
fn a_secret_that_one_log_names_is_covered_in_the_others() {
    let client = "13-Jan-2023 10:00:00,000 UTC INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query client_secret=S3cr3tVal\n\
                  13-Jan-2023 10:00:01,000 UTC ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to query: S3cr3tVal refused\n";
    let server =
        "10.0.0.1 - - [13/Jan/2023:10:00:01 +0000] \"POST /oauth/token?x=S3cr3tVal HTTP/1.1\" 401 5\n";
    let named = [("client.log", client), ("access.log", server)];
    let shown = |settings: &LogSettings| format!("{:?}", read(&named, settings).attempts);
    let safe = shown(&LogSettings::default());
    assert!(!safe.contains("S3cr3tVal") && safe.contains("[secret] refused"), "{safe}");
    assert!(shown(&LogSettings { shows_secrets: true, ..LogSettings::default() }).contains("S3cr3tVal"));
}

#[test]
fn a_day_that_few_years_have_is_of_one_of_those() {
    let request = "SSM 504f06c0d581: method=GET path=/x status=200 duration=1.00 view=0";
    let text = format!("Feb 28 23:59:58 {request}\nFeb 29 00:00:02 {request}\n");
    let settings = LogSettings { near: Some(at("2026-03-01T10:00:00Z")), ..LogSettings::default() };
    let logs = read(&[("messages", &text)], &settings);
    assert!(ends(&logs)[1].starts_with("2024-02-29T00:00:02"), "{:?}", ends(&logs));
}

#[test]
fn times_without_an_offset_compare_with_those_of_the_same_nginx_that_have_one() {
    let error = "2026/11/28 22:33:49 [error] 7#7: *12 connect() failed (111: Connection refused) while connecting to upstream, \
                 client: 10.66.76.81, server: ssm, request: \"POST /oauth/token HTTP/1.1\", host: \"ssm\"\n";
    let access =
        "10.66.76.81 - - [28/Nov/2026:22:40:47 +0530] \"POST /oauth/token HTTP/1.1\" 200 163 \"-\" \"-\"\n";
    let logs = read(&[("error.log", error), ("access.log", access)], &LogSettings::default());
    let at_utc: Vec<_> =
        logs.attempts.iter().map(|attempt| logs.comparable(attempt.clock, attempt.end)).collect();
    assert_eq!(at_utc, [at("2026-11-28T17:03:49Z"), at("2026-11-28T17:10:47Z")]);
}

#[test]
fn the_two_lines_that_rails_writes_of_a_request_are_one_attempt() {
    let ruby = |second: u32, process: u32, text: &str| {
        format!("I, [2026-11-28T17:03:{second:02}.123456 #{process}]  INFO -- : {text}\n")
    };
    let started = |path: &str| format!("Started POST \"{path}\" for 10.0.0.1 at 2026-11-28 17:03:47 +0000");
    let completed = "Completed 401 Unauthorized in 10ms (Views: 0.2ms | ActiveRecord: 1.0ms)";
    let text = [
        ruby(46, 42, &format!("[5f0d] {}", started("/oauth/token"))),
        ruby(46, 42, &format!("[5f0e] {}", started("/other"))),
        ruby(46, 42, "[5f0d] Processing by Doorkeeper::TokensController#create as JSON"),
        ruby(47, 42, &format!("[5f0d] {completed}")),
        ruby(48, 43, &started("/plain")),
        ruby(49, 43, completed),
        // One process with two requests: either may be the answered one.
        ruby(50, 44, &started("/one")),
        ruby(50, 44, &started("/two")),
        ruby(51, 44, completed),
        // Without a logger's time the answer has none of its own.
        started("/bare") + "\n",
        completed.to_owned() + "\n",
        "Jan 13 11:17:14 SSM 1a1fca641d0a: Started GET \"/sys\" for ::1 at 2023-01-13 11:17:14 +0000\n"
            .to_owned(),
        "Jan 13 11:17:14 SSM 504f06c0d581: Started GET \"/else\" for ::1 at 2023-01-13 11:17:14 +0000\n"
            .to_owned(),
        "Jan 13 11:17:15 SSM 1a1fca641d0a: Completed 200 OK in 999ms\n".to_owned(),
    ];
    let logs = read(&[("production.log", &text.concat())], &LogSettings::default());
    let found: Vec<_> = logs
        .attempts
        .iter()
        .map(|attempt| {
            let took = attempt.begin.map(|begin| (attempt.end - begin).nanos() / 1_000_000);
            (attempt.request.as_ref().map(Quote::raw), attempt.status, took)
        })
        .collect();
    assert_eq!(
        found,
        [
            (Some("POST /oauth/token"), Some(401), Some(10)),
            (Some("POST /plain"), Some(401), Some(10)),
            (None, Some(401), Some(10)),
            (Some("POST /bare"), Some(401), Some(10)),
            (Some("GET /sys"), Some(200), Some(999)),
        ]
    );
}

#[test]
fn an_attempt_begins_before_and_ends_after_the_hour_in_which_summer_time_ends() {
    let attempt = |begin: &str, end: &str| {
        let text = format!(
            "{begin} INFO [h] [RestAPIClient] (default task-1) |default| Query\n\
             {end} ERROR [h] [RestAPIClient] (default task-1) |default| Failed to query https://10.106.66.55:8443/oauth/token: \
             401 Unauthorized\n"
        );
        let logs = read(&[("vmanage-server.log", &text)], &LogSettings::default());
        let attempt = &logs.attempts[0];
        let took = attempt.begin.map(|begin| (attempt.end - begin).nanos() / 1_000_000);
        (attempt.outcome, took)
    };
    let denied = AttemptOutcome::Status(401);
    for (begin, end, took) in [
        ("25-Oct-2026 02:59:59,900 CEST", "25-Oct-2026 02:00:01,100 CET", Some(1_200)),
        ("29-Mar-2026 01:59:59,900 CET", "29-Mar-2026 03:00:01,100 CEST", Some(1_200)),
        ("25-Oct-2026 02:10:00,000 CEST", "25-Oct-2026 02:10:01,500 CEST", Some(1_500)),
        ("25-Oct-2026 02:10:00,000 CEST", "25-Oct-2026 09:10:00,000 CET", None),
    ] {
        assert_eq!(attempt(begin, end), (denied, took), "{begin}");
    }
}

#[test]
fn which_attempt_was_the_last_is_open_where_zones_are_not_known() {
    use super::super::Latest;
    let client = |hour: u32, words: &str| {
        format!(
            "28-Nov-2026 {hour:02}:33:48,000 IST INFO [h] [RestAPIClient] (default task-1) |default| Query\n\
             28-Nov-2026 {hour:02}:33:49,000 IST ERROR [h] [RestAPIClient] (default task-1) |default| {words}\n"
        )
    };
    let access = |day: u32, status: u16| {
        format!(
            "10.66.76.81 - - [{day}/Nov/2026:17:10:47 +0000] \"POST /oauth/token HTTP/1.1\" {status} 163 \"-\" \"-\"\n"
        )
    };
    let refused = client(22, "Failed: Connection refused");
    let latest = |access: &str| {
        let logs = read(&[("vmanage-server.log", &refused), ("access.log", access)], &LogSettings::default());
        match logs.latest(0..logs.attempts.len()) {
            Latest::Known(attempt) => Some(attempt.outcome.is_failure()),
            Latest::None => panic!("{:?}", logs.attempts),
            Latest::Open => None,
        }
    };
    assert_eq!(latest(&access(28, 200)), None, "five and a half hours, if IST is India's");
    assert_eq!(latest(&access(28, 401)), Some(true), "both failed");
    assert_eq!(latest(&access(26, 200)), Some(true), "no zone explains two days");
    let mixed =
        "Nov 28 22:33:49: %SMART_LIC-3-COMM_FAILED: x\nNov 28 22:33:51 UTC: %SMART_LIC-5-COMM_RESTORED: x\n";
    let logs = read(&[("ios.log", mixed)], &LogSettings::default());
    let last = logs.latest(0..logs.attempts.len());
    assert!(
        matches!(last, Latest::Known(attempt) if !attempt.outcome.is_failure()),
        "the order of one log is known"
    );
}

#[test]
fn messages_without_a_time_of_day_are_noted() {
    let text = "*Nov 28 22:33:46.123: %SMART_LIC-3-COMM_FAILED: Communications failure\n\
                2w3d: %SMART_LIC-3-COMM_FAILED: Communications failure\n";
    let logs = read(&[("ios.log", text)], &LogSettings::default());
    assert_eq!(logs.attempts.len(), 1);
    assert!(
        logs.notes.iter().any(|note| note.text.starts_with("lines not placed in time: 1, first line 2;")),
        "{:?}",
        logs.notes
    );
}
