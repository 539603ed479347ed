//! What these attempts give to monitoring: a plugin's line, and metrics.

use std::fs;
use std::process::Command;

use super::check;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::{Outcome, path, text};

/// The plugin's line has the reason and its status, and the metrics have the same reason.
pub fn holds(lab: &Lab, options: &[&str], reason: &str) {
    let file = lab.folder.path().join("check.prom");
    let plugin = ["-o", "nagios", "-w", "30", "-c", "7", "--textfile", path(&file)];
    let Outcome { status, out, error } = Outcome::of(lab.check(&plugin).args(options));
    assert_eq!(error, "", "{options:?}");
    let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][status as usize];
    let line = out.lines().next().unwrap_or_default();
    let (line, figures) = line.split_once(" | ").unwrap_or_else(|| panic!("{options:?} {out}"));
    let rest = line.strip_prefix(&format!("SSMSCOPE {word} - {reason}")).unwrap_or_else(|| panic!("{out}"));
    // A verdict comes with its cause, stage and server, a reason without a connection with its explanation.
    assert!([" at ", " (", ": "].iter().any(|next| rest.starts_with(next)), "{out}");
    assert!(
        line.len() < if status == 0 { 80 } else { 200 } && out.matches('|').count() == 1 && out.is_ascii(),
        "{out}"
    );
    assert!(figures.starts_with("time=") && figures.contains("s;;;0"), "{out}");
    for figure in figures.split(' ') {
        let value = figure.split_once('=').unwrap().1.split(';').next().unwrap().trim_end_matches('s');
        assert!(value == "U" || value.parse::<f64>().is_ok(), "{figure}");
    }
    let metrics = fs::read_to_string(&file).unwrap();
    let set: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("ssmscope_state{target=") && line.ends_with(" 1"))
        .collect();
    assert!(set.len() == 1 && set[0].contains(&format!("reason=\"{reason}\"")), "{options:?} {set:?}");
    assert!(metrics.contains(&format!("}} {status}\n")), "{metrics}");
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(fs::File::open(&file).unwrap()).output();
    if let Ok(judged) = promtool {
        assert!(judged.status.success(), "{}", text(&judged.stderr));
    }
}

#[test]
fn a_threshold_is_the_same_in_every_output() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let file = lab.folder.path().join("check.prom");
    for (options, reason, severity) in [
        (&["-w", "30", "-c", "7", "--warn-time", "9"][..], "healthy", "ok"),
        (&["-w", "9999999", "-c", "7"], "certificate-expiring", "warning"),
        (&["-c", "9999999"], "certificate-expiring", "critical"),
        (&["--warn-time", "0.1ms"], "slow", "warning"),
        (&["--crit-time", "0.1ms", "-w", "9999999"], "slow", "critical"),
    ] {
        let options =
            [&[SERVER, "--name", NAME, "--ca-file", &ca, "--textfile", path(&file)][..], options].concat();
        let checked = check(&lab, &options);
        let status = ["ok", "warning", "critical"].iter().position(|name| *name == severity).unwrap() as i32;
        assert_eq!((checked.reason(), checked.status()), (reason, status), "{checked}");
        assert_eq!(checked.check["severity"], severity, "{checked}");
        assert_eq!(checked.codes(), ["healthy"], "{checked}");
        let metrics = fs::read_to_string(&file).unwrap();
        assert!(metrics.contains(&format!("reason=\"{reason}\"}} 1\n")), "{metrics}");
        assert!(
            metrics.contains(&format!("ssmscope_status{{target=\"{SERVER}:8443\"}} {status}\n")),
            "{metrics}"
        );
        let of = |form: &str| Outcome::of(lab.check(&options).args(["-o", form]));
        let plugin = of("nagios");
        let word = severity.to_ascii_uppercase();
        assert!(plugin.out.starts_with(&format!("SSMSCOPE {word} - {reason}")), "{plugin:?}");
        assert_eq!(plugin.status, status, "{plugin:?}");
        let table = of("table").out;
        assert!(table.contains(&format!("{reason} ({severity})")), "{table}");
        assert!(of("timeline").out.contains(reason), "{options:?}");
    }
}
