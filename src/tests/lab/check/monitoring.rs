//! What these attempts give to monitoring: a plugin's line, and metrics.

use std::fs;
use std::process::Command;

use crate::support::lab::Lab;
use crate::support::run::{Outcome, path, text};

/// The plugin's line has the reason and its status, and the metrics have the same reason.
pub fn holds(lab: &Lab, options: &[&str], reason: &str) {
    let file = lab.folder.path().join("check.prom");
    let plugin = ["-o", "nagios", "-w", "30", "-c", "7", "--textfile", path(&file)];
    let Outcome { status, out, error } = Outcome::of(lab.check(&plugin).args(options));
    assert_eq!(error, "", "{options:?}");
    let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][status as usize];
    let (line, figures) = out.lines().next().unwrap().split_once(" | ").unwrap();
    let rest = line.strip_prefix(&format!("SSMSCOPE {word}: {reason}")).unwrap_or_else(|| panic!("{out}"));
    // A verdict comes with its cause, stage and server, a reason without a connection with its explanation.
    assert!([" at ", " (", ": "].iter().any(|next| rest.starts_with(next)), "{out}");
    assert!(line.len() < 80 && out.matches('|').count() == 1 && out.is_ascii(), "{out}");
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
