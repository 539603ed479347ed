//! What monitoring is told of each of these attempts: a plugin's line, and metrics.

use std::fs;
use std::process::Command;

use crate::network::Net;

/// The plugin's line names what is the matter and has a status to it, the metrics have it as the reason.
pub fn holds(net: &Net, options: &[&str], reason: &str) {
    let file = net.folder.path().join("check.prom");
    let textfile = file.to_str().unwrap();
    let output = net
        .check(&["-o", "nagios", "-w", "30", "-c", "7", "--textfile", textfile])
        .args(options)
        .output()
        .unwrap();
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(error, "", "{options:?}");
    let status = output.status.code().unwrap();
    let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][status as usize];
    let (line, figures) = out.lines().next().unwrap().split_once(" | ").unwrap();
    let rest = line.strip_prefix(&format!("SSMSCOPE {word}: {reason}")).unwrap_or_else(|| panic!("{out}"));
    // A verdict stands with its cause, stage and server, what is no connection's with its explanation.
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
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    }
}
