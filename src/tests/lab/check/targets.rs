//! `--targets`: many servers in one run, each with the outcome that it has by itself, in the order of the file.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::QUICK;
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::{Outcome, path, text};

/// Servers of which each ends otherwise, and what they end with.
fn list(lab: &Lab) -> (String, Vec<(String, &'static str)>) {
    let cases: Vec<_> = [
        (":8444", "no-server-hello"),
        (":8443", "healthy"),
        (":8445", "refused"),
        (":8446", "refused"),
        (":8443/page", "healthy"),
        (":8447", "not-tls"),
    ]
    .into_iter()
    .map(|(end, code)| (format!("{SERVER}{end}"), code))
    .collect();
    let lines = cases.iter().map(|(target, _)| {
        let scheme = if target.contains('/') { "https://" } else { "" };
        format!("{scheme}{target}  # {target}\n\n")
    });
    let file = lab.folder.path().join("list.txt");
    fs::write(&file, format!("# silent first\n{}", lines.collect::<String>())).unwrap();
    (path(&file).to_owned(), cases)
}

fn serve(lab: &Lab, pki: &Pki) {
    peers::serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    peers::serve(lab, 8444, peers::read_and_wait);
    peers::serve(lab, 8447, |peer| peers::answer(peer, b"220 mail.example\r\n"));
}

#[test]
fn each_of_many_servers_has_its_outcome_in_the_order_of_the_file() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    serve(&lab, &pki);
    let (file, cases) = list(&lab);
    let ca = pki.authority();
    let metrics = lab.folder.path().join("targets.prom");
    let options = [&["--targets", &file, "--name", NAME, "--ca-file", &ca][..], &QUICK].concat();
    let of = |form: &str| Outcome::of(lab.check(&options).args(["--textfile", path(&metrics), "-o", form]));

    let json = of("json");
    assert_eq!((json.status, json.error.as_str()), (2, ""), "{json:?}");
    let checks = json.objects_of("check");
    let found: Vec<_> = checks.iter().map(|check| check["reason"].as_str().unwrap()).collect();
    assert_eq!(found, cases.iter().map(|(_, code)| *code).collect::<Vec<_>>(), "{json:?}");
    let sources: Vec<_> = json.connections().iter().map(|line| line["source"].clone()).collect();
    assert_eq!(sources, cases.iter().map(|(target, _)| target.as_str()).collect::<Vec<_>>(), "{json:?}");
    let summaries = json.objects_of("summary");
    assert_eq!((summaries.len(), &summaries[0]["connections"]), (1, &6.into()), "{json:?}");
    assert_eq!(summaries[0]["verdicts"]["refused"], 2, "{json:?}");

    let table = of("timeline").out;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[1].starts_with("FAIL no-server-hello  10.9.0.2:8444"), "{table}");
    assert!(lines[5].starts_with("OK healthy") && lines[6].contains("/page"), "{table}");
    assert!(lines.last().unwrap().starts_with("6 targets: 4 failed, 2 ok; in "), "{table}");
    assert!(table.contains("At     10.9.0.2:8445, 10.9.0.2:8446\n"), "{table}");

    let plugin = of("nagios");
    assert!(plugin.out.starts_with("SSMSCOPE CRITICAL - 4 of 6 failed: refused 2, "), "{plugin:?}");
    assert!(
        plugin.first_line().contains(" | targets=6;;;0 ok=2;;;0 warning=0;0;;0 critical=4;;0;0"),
        "{plugin:?}"
    );
    assert_eq!((plugin.status, plugin.out.lines().count()), (2, 5), "{plugin:?}");

    let page = of("prometheus").out;
    let written = fs::read_to_string(&metrics).unwrap();
    for text in [&page, &written] {
        for (target, code) in &cases {
            let state = format!("ssmscope_state{{target=\"{target}\",reason=\"{code}\"}} 1\n");
            assert!(text.contains(&state), "{state}{text}");
        }
    }
    assert_eq!(written.matches("ssmscope_textfile_timestamp_seconds{target=").count(), cases.len());
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(fs::File::open(&metrics).unwrap()).output();
    if let Ok(judged) = promtool {
        assert!(judged.status.success(), "{}", text(&judged.stderr));
    }
    let rows: Vec<_> = of("flat").objects().iter().map(|row| row["source"].clone()).collect();
    assert_eq!(rows, sources);
}

#[test]
fn a_long_list_does_not_scroll_its_answer_away() {
    let Some(lab) = Lab::new() else { return };
    let pki = Pki::new(lab.folder.path());
    serve(&lab, &pki);
    let file = lab.folder.path().join("long.txt");
    let lines = (0..28).map(|page| format!("https://{SERVER}:8443/{page}\n"));
    fs::write(&file, format!("{}{SERVER}:8445\n", lines.collect::<String>())).unwrap();
    let ca = pki.authority();
    let options = ["--targets", path(&file), "--name", NAME, "--ca-file", &ca];
    let of = |further: &[&str]| Outcome::of(lab.check(&options).args(further)).out;
    let table = of(&[]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[1].starts_with("FAIL refused"), "{table}");
    assert_eq!(table.matches("OK healthy").count(), 24, "{table}");
    assert_eq!(lines[26], "4 further rows: 4 ok (-v shows all)", "{table}");
    assert!(lines.last().unwrap().starts_with("29 targets: 1 failed, 28 ok; in "), "{table}");
    let all = of(&["-v"]);
    assert!(all.matches("OK healthy").count() == 28 && !all.contains("further"), "{all}");
}

#[test]
fn a_limited_number_of_servers_is_checked_at_a_time() {
    let Some(lab) = Lab::new() else { return };
    peers::serve(&lab, 8444, peers::read_and_wait);
    let lines = (1..=6).map(|host| format!("silent{host}.example:8444\n")).collect::<Vec<_>>().concat();
    for (jobs, least, most) in [("6", 1, 3), ("2", 3, 6)] {
        let mut command = lab.check(&["--targets", "-", "-j", jobs, "-t", "1", "-o", "nagios"]);
        for host in 1..=6 {
            command.args(["--resolve", &format!("silent{host}.example={SERVER}")]);
        }
        let began = Instant::now();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        let elapsed = began.elapsed();
        assert!(
            outcome.out.starts_with("SSMSCOPE CRITICAL - 6 of 6 failed: no-server-hello 6 |"),
            "{outcome:?}"
        );
        assert!(
            elapsed >= Duration::from_millis(300 * least) && elapsed < Duration::from_secs(most),
            "{jobs} {elapsed:?}"
        );
    }
}

#[test]
fn a_list_that_can_t_be_meant_connects_to_nobody() {
    let Some(lab) = Lab::new() else { return };
    let connected = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&connected);
    peers::serve(&lab, 8443, move |_| seen.store(true, std::sync::atomic::Ordering::SeqCst));
    let file = lab.folder.path().join("list.txt");
    let secret = lab.folder.path().join("secret");
    fs::write(&secret, "x").unwrap();
    for (lines, options, why) in [
        (format!("{SERVER}\nhttp://{SERVER}\n"), &[][..], "line 2: 'http://10.9.0.2': http has no TLS"),
        (format!("{SERVER}\n{SERVER}:8443\n"), &[], "lines 1 and 2 are the same server, 10.9.0.2:8443"),
        ("# none\n".to_owned(), &[], "no line names a server"),
        (format!("{SERVER}\n2001:db8::1\n"), &["-4"], "line 2: 2001:db8::1 is not of the family"),
        (format!("{SERVER}\n"), &["-o", "html"], "-o html is for one server"),
        (format!("{SERVER}\n"), &["--html", "x.html"], "--html"),
        (format!("{SERVER}\n"), &["--capture"], "--capture"),
        (format!("{SERVER}\n"), &["-I", SERVER], "--address"),
        (
            format!("{SERVER}\n"),
            &["--oauth", "client-credentials", "--client-id", "x", "--client-secret-file", path(&secret)],
            "--oauth",
        ),
    ] {
        fs::write(&file, lines).unwrap();
        let outcome = Outcome::of(lab.check(&["--targets", path(&file)]).args(options));
        assert!(outcome.status == 3 && outcome.error.contains(why), "{outcome:?}");
        assert_eq!(outcome.out, "", "{outcome:?}");
    }
    let folder = Outcome::of(&mut lab.check(&["--targets", "/dev/zero"]));
    assert!(folder.status == 3 && folder.error.contains("neither a file nor a pipe"), "{folder:?}");
    assert!(!connected.load(std::sync::atomic::Ordering::SeqCst));
}
