//! `--state`: a code with another severity is that in every output, and its code stays.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check;
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::{Outcome, path};

#[test]
#[expect(clippy::too_many_lines, reason = "each output in turn")]
fn a_state_changes_the_severity_in_every_output() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let file = lab.folder.path().join("check.prom");
    let good = ["--name", NAME, "--ca-file", &ca];
    for (port, states, code, severity, own) in [
        ("8444", &["--state", "refused=warning"][..], "refused", "warning", Some("critical")),
        ("8444", &["--state", "reset=ok,refused=ok"], "refused", "ok", Some("critical")),
        ("8444", &["--state", "refused=critical"], "refused", "critical", None),
        ("8443", &["--state", "healthy=critical"], "healthy", "critical", Some("ok")),
        ("8443", &["--http", "/", "--expect-body", "no such text"], "page-unexpected", "critical", None),
        (
            "8443",
            &["--http", "/", "--expect-body", "no such text", "--state", "page-unexpected=unknown"],
            "page-unexpected",
            "unknown",
            Some("critical"),
        ),
        (
            "8443",
            &["--http", "/", "--expect-body", "no such text", "--state", "page-unexpected=ok"],
            "page-unexpected",
            "ok",
            Some("critical"),
        ),
        // The thresholds of time judge what was answered, whatever the user makes of it.
        (
            "8444",
            &["--state", "refused=warning", "--crit-time", "0.1ms"],
            "refused",
            "warning",
            Some("critical"),
        ),
    ] {
        let options = [&[SERVER, "-p", port, "--textfile", path(&file)][..], &good, states].concat();
        let checked = check(&lab, &options);
        let status = ["ok", "warning", "critical", "unknown"].iter().position(|name| *name == severity);
        let status = status.unwrap() as i32;
        assert_eq!((checked.reason(), checked.status()), (code, status), "{checked}");
        assert_eq!(checked.check["severity"], severity, "{checked}");
        assert_eq!(checked.check["unmapped_severity"].as_str(), own, "{checked}");
        let is_connection_s = code != "page-unexpected";
        if is_connection_s {
            assert_eq!(checked.connections[0]["verdict"]["severity"], severity, "{checked}");
        }
        let metrics = fs::read_to_string(&file).unwrap();
        assert!(
            metrics.contains(&format!("ssmscope_status{{target=\"{SERVER}:{port}\"}} {status}\n")),
            "{metrics}"
        );
        assert!(metrics.contains(&format!("reason=\"{code}\"}} 1\n")), "{metrics}");
        if is_connection_s {
            assert!(
                metrics.contains(&format!("verdict=\"{code}\",severity=\"{severity}\"}} 1\n")),
                "{metrics}"
            );
        }
        let of = |form: &str| Outcome::of(lab.check(&options).args(["-o", form]));
        let plugin = of("nagios");
        let begin = format!("SSMSCOPE {} - {code}", severity.to_ascii_uppercase());
        let option = format!("(--state {code}={severity})");
        assert!(plugin.out.starts_with(&begin) && plugin.status == status, "{plugin:?}");
        assert_eq!(plugin.out.contains(&option), own.is_some(), "{plugin:?}");
        if !is_connection_s && severity != "ok" {
            assert!(of("flat").out.contains("\"error\":\"page-unexpected: "), "no connection shows it");
        }
        let table = of("table").out;
        assert!(table.contains(&format!("{code} ({severity})")), "{table}");
        let timeline = of("timeline").out;
        let word = ["OK", "WARN", "FAIL", "UNSURE"][status as usize];
        assert!(timeline.starts_with(&format!("{word} {code}")), "{timeline}");
        assert_eq!(timeline.contains("itself is"), own.is_some(), "{timeline}");
        // What is ok by the user's word alone still says why.
        assert!(code == "healthy" || timeline.contains("Why") || timeline.contains("Next"), "{timeline}");
    }
}

#[test]
fn an_address_that_is_passed_over_is_a_warning_at_most() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www", "-4"]) else { return };
    let names =
        [&format!("{NAME}={}", crate::support::lab::SERVER_V6), "--resolve", &format!("{NAME}={SERVER}")];
    let options = [&[NAME, "--ca-file", &ca, "--resolve"][..], &names].concat();
    for (state, status) in [("refused=critical", 1), ("refused=warning", 1), ("refused=ok", 0)] {
        let checked = check(&lab, &[&options[..], &["--state", state]].concat());
        assert_eq!(checked.status(), status, "{state}\n{checked}");
    }
    let checked = check(&lab, &[&options[..], &["--all-addresses", "--state", "refused=critical"]].concat());
    assert_eq!(checked.status(), 2, "{checked}");
}

#[test]
fn of_all_addresses_the_one_whose_page_is_wrong_decides_whatever_the_order() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    // The second connection of each check is answered with an error.
    let asked = AtomicUsize::new(0);
    peers::serve_https(&lab, 8443, &pki.good(), move |_, _| {
        let status = ["200 OK", "500 No", "500 No", "200 OK"][asked.fetch_add(1, Ordering::Relaxed) % 4];
        peers::json(status, "{}")
    });
    let second = "10.9.0.3";
    lab.run("server", &["ip", "address", "add", "10.9.0.3/32", "dev", "lo"]);
    let known = [SERVER, second].map(|address| format!("{NAME}={address}"));
    for faulty in [second, SERVER] {
        let options = [
            NAME,
            "--ca-file",
            &ca,
            "--http",
            "/",
            "--all-addresses",
            "--resolve",
            &known[0],
            "--resolve",
            &known[1],
        ];
        let checked = check(&lab, &options);
        assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
        assert_eq!(checked.check["headline"], format!("{faulty}: / answers 500"), "{checked}");
    }
}

#[test]
fn a_state_that_can_t_be_is_bad_usage() {
    let Some(lab) = Lab::new() else { return };
    for (options, why) in [
        (&["--state", "refusd=ok"][..], "try refused"),
        (&["--state", "in-progress=ok"], "nothing is known"),
        (&["--state", "certificate-expiring=ok"], "-w or -c"),
        (&["--state", "refused=ok,refused=warning"], "both ok and warning"),
        (&["--state", "slow=critical", "--warn-time", "2"], "--slow-after"),
    ] {
        let outcome = Outcome::of(lab.check(&[SERVER]).args(options));
        assert!(outcome.status == 3 && outcome.error.contains(why), "{outcome:?}");
    }
}
