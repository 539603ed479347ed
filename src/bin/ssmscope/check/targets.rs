//! `check --targets`: many servers in one run. Each is checked by itself, some at a time, and reported in the order of the file,
//! whatever ends first.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ssmscope::analysis::Redaction;
use ssmscope::limits;
use ssmscope::probe::{self, CheckOutcome, Plan};
use ssmscope::report::monitoring::prometheus::MetricsPage;
use ssmscope::report::text::escape::escaped;
use ssmscope::report::{self, Detail, MonitoringDigest, Style, TargetTotals, Targets};
use ssmscope::time::Elapsed;
use ssmscope::verdict::Status;

use super::GRACE;
use super::plan::{self, Materials};
use crate::args::{Check, HostPort, Server, host_port};
use crate::run::{self, Done, Run};
use crate::system::deadline::Deadline;
use crate::system::privileges::{self, As, Later};

/// What attempts on several threads read: names' addresses, resolvers, and what the kernel has not had acknowledged yet.
const READS: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/proc/self/task"];

/// A server of the list.
struct Target {
    /// Its place, and the path where the list has one.
    name: String,
    /// The same of stand-ins, where outputs are redacted.
    redacted: Option<String>,
    plan: Plan,
}

impl Target {
    /// As outputs name it.
    fn shown(&self) -> &str {
        self.redacted.as_deref().unwrap_or(&self.name)
    }
}

/// Runs the command and returns its exit status.
///
/// # Errors
/// When the list, or a file that an option names, can't be read, and when a report can't be written.
pub fn run(options: &Check) -> anyhow::Result<Status> {
    let slow_after = options.timing.slow_after;
    let mut run = Run::new(options.rendering.form()?, &options.monitoring, slow_after, None)
        .redacting(options.redacting, "check")?;
    // Reading the list may take as long as one check.
    let most = Elapsed::from_nanos(options.timeout.nanos().saturating_add(GRACE.nanos()));
    run.deadline = Some(Deadline::after(most, run.form));
    run.finish_after(|run| check(options, run))
}

fn check(options: &Check, run: &mut Run<'_>) -> anyhow::Result<Done> {
    let Some(path) = &options.targets else { bail!("there is no server to check") };
    let style = Style { verbosity: 0, ..run::style(&options.rendering, Detail::Examples) };
    let Some(report) = report::open_targets(run.form, run::blocks(), style) else {
        bail!("-o {} is for one server; try -o table or -o json", run.form.name());
    };
    let list = read(path).with_context(|| format!("--targets {}", path.display()))?;
    let places = places(&list).map_err(|why| anyhow::anyhow!("--targets {}, {why}", path.display()))?;
    let materials = Materials::read(options)?.redacting(run.redaction.clone());
    let targets: Vec<_> = places
        .iter()
        .map(|(line, place)| {
            let server = options.one_of_many(place);
            let plan = materials.plan(server);
            let plan = plan.with_context(|| format!("--targets {}, line {line}", path.display()))?;
            let path = place.path.as_deref();
            let redacted = run.redaction.as_ref().map(|redaction| redacted_name(&server, path, redaction));
            Ok((*line, Target { name: name(&server, path), redacted, plan }))
        })
        .collect::<anyhow::Result<_>>()?;
    let targets = distinct(targets).with_context(|| format!("--targets {}", path.display()))?;
    plan::all_known_are_used(targets.iter().map(|target| &target.plan))?;
    if let Some(reading) = run.deadline.take() {
        reading.meet();
    }
    let workers = usize::from(options.jobs).min(targets.len());
    let rounds = i64::try_from(targets.len().div_ceil(workers)).unwrap_or(i64::MAX);
    let most = options.timeout.nanos().saturating_mul(rounds).saturating_add(GRACE.nanos());
    let deadline = Deadline::after(Elapsed::from_nanos(most), run.form);
    let later = Later {
        user: As::Owner(options.monitoring.textfile.as_deref()),
        uses_network: true,
        reads: &READS,
        ..Later::default()
    };
    privileges::end(&later, Some(&deadline), |_| run.begin_textfile())?;
    let (results, received) = unbounded();
    let status = thread::scope(|scope| {
        let (orders, taken) = bounded::<(usize, &Target)>(workers);
        for _ in 0..workers {
            let (taken, results) = (taken.clone(), results.clone());
            scope.spawn(move || work(&taken, &results));
        }
        drop((taken, results));
        in_order(&targets, &orders, &received, report, options.rendering.verbose, run)
    });
    deadline.meet();
    status.map(Done::Written)
}

/// Checks servers until there are no more.
fn work(taken: &Receiver<(usize, &Target)>, results: &Sender<(usize, anyhow::Result<CheckOutcome>)>) {
    for (index, target) in taken {
        let outcome = probe::check(&target.plan).context("TLS can't be set up");
        if results.send((index, outcome)).is_err() {
            return;
        }
    }
}

/// Hands out the servers, and reports their outcomes in their order.
fn in_order<'t>(
    targets: &'t [Target],
    orders: &Sender<(usize, &'t Target)>,
    received: &Receiver<(usize, anyhow::Result<CheckOutcome>)>,
    mut report: Box<dyn Targets + '_>,
    verbosity: u8,
    run: &mut Run<'_>,
) -> anyhow::Result<Status> {
    let began = Instant::now();
    let (mut totals, mut page) = (TargetTotals::default(), MetricsPage::default());
    let mut waiting = BTreeMap::new();
    let (mut handed_out, mut reported) = (0, 0);
    while reported < targets.len() {
        // As many are ahead of the first that is not reported as may wait in memory.
        while let Some(target) = targets.get(handed_out)
            && handed_out < reported + limits::TARGETS_AHEAD
            && orders.try_send((handed_out, target)).is_ok()
        {
            handed_out += 1;
        }
        let (index, outcome) = received.recv().context("no check runs any more")?;
        waiting.insert(index, outcome);
        while let Some(outcome) = waiting.remove(&reported) {
            let outcome = outcome?;
            let digest = MonitoringDigest::of(&outcome.connections);
            let end = run.end_of_target(targets[reported].shown(), (&outcome, verbosity), &digest);
            page.add(&end);
            totals.add(outcome.conclusion().severity, &outcome.summary);
            match report.target(&end) {
                // That nothing failed so far says little about the others.
                Err(error) if run::is_reader_gone(&error) => {
                    return Ok(match totals.status() {
                        Status::Ok => Status::Unknown,
                        known => known,
                    });
                }
                written => written?,
            }
            reported += 1;
        }
    }
    totals.elapsed = Elapsed::from_secs_f64(began.elapsed().as_secs_f64());
    match report.finish(&totals) {
        Err(error) if !run::is_reader_gone(&error) => return Err(error.into()),
        _ => run.write_page(page)?,
    }
    Ok(totals.status())
}

/// Reads the list, from a file or from standard input.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut list = Vec::new();
    let most = limits::TARGETS_BYTES;
    if path == Path::new("-") {
        io::stdin().take(most + 1).read_to_end(&mut list)?;
    } else {
        let kind = std::fs::metadata(path)?.file_type();
        ensure!(kind.is_file() || kind.is_fifo(), "neither a file nor a pipe");
        File::open(path)?.take(most + 1).read_to_end(&mut list)?;
    }
    ensure!(list.len() as u64 <= most, "larger than {most} bytes: that is no list of servers");
    Ok(list)
}

/// The servers of the list, with their lines' numbers.
///
/// # Errors
/// Which line is no server.
fn places(list: &[u8]) -> Result<Vec<(usize, HostPort)>, String> {
    let mut places = Vec::new();
    for (index, line) in list.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let line = std::str::from_utf8(line).map_err(|_| format!("line {number}: not UTF-8"))?;
        let Some(text) = content(line) else { continue };
        let place = host_port(text).map_err(|why| format!("line {number}: '{}': {why}", escaped(text)))?;
        places.push((number, place));
        if places.len() > limits::TARGETS {
            return Err(format!("line {number}: more than {} servers", limits::TARGETS));
        }
    }
    if places.is_empty() { Err("no line names a server".to_owned()) } else { Ok(places) }
}

/// A line without its comment, which begins it or follows a space: a URL may have a `#` of its own.
fn content(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\u{feff}');
    let comment = line.match_indices('#').find(|(at, _)| {
        let before = &line[..*at];
        before.is_empty() || before.ends_with(char::is_whitespace)
    });
    let line = comment.map_or(line, |(at, _)| &line[..at]).trim();
    Some(line).filter(|line| !line.is_empty())
}

/// How outputs name a server: the place, and the path where the list has one.
pub(super) fn name(server: &Server<'_>, path: Option<&str>) -> String {
    // Each of two links may have the same link-local address.
    let host = match server.zone {
        Some(zone) => Cow::from(format!("{}%{zone}", server.host)),
        None => Cow::from(server.host),
    };
    let place = if server.zone.is_some() {
        format!("[{host}]:{}", server.port)
    } else {
        probe::authority(&host, server.port)
    };
    place + path.unwrap_or_default()
}

/// The same of stand-ins, which are numbered in the order of the list.
pub(super) fn redacted_name(server: &Server<'_>, path: Option<&str>, redaction: &Redaction) -> String {
    let (host, zone) = (redaction.host(server.host), server.zone.map(|zone| redaction.host(zone)));
    let path = path.map(|path| redaction.path(path));
    name(&Server { host: &host, zone: zone.as_deref(), ..*server }, path.as_deref())
}

/// Two servers with one name would be one series of metrics.
fn distinct(targets: Vec<(usize, Target)>) -> anyhow::Result<Vec<Target>> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for (line, target) in &targets {
        if let Some(first) = lines.insert(target.name.to_lowercase(), *line) {
            bail!("lines {first} and {line} are the same server, {}", escaped(&target.name));
        }
    }
    Ok(targets.into_iter().map(|(_, target)| target).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_has_comments_and_empty_lines() {
        let list = "\u{feff}# ours\nssm.example\r\n\n  192.0.2.1:443  # the old one\nhttps://ssm.example/a#b\n\t#x\n[2001:db8::1]:8443";
        let places = places(list.as_bytes()).unwrap();
        let found: Vec<_> = places
            .iter()
            .map(|(line, place)| (*line, place.host.as_str(), place.port, place.path.as_deref()))
            .collect();
        let expected = [
            (2, "ssm.example", None, None),
            (4, "192.0.2.1", Some(443), None),
            (5, "ssm.example", Some(443), Some("/a")),
            (7, "2001:db8::1", Some(8443), None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_link_local_address_is_named_with_its_link() {
        let server = |zone| Server { host: "fe80::2", port: 8443, zone, page: None };
        assert_eq!(name(&server(Some("eth0")), None), "[fe80::2%eth0]:8443");
        assert_eq!(name(&server(None), Some("/x")), "[fe80::2]:8443/x");
    }

    #[test]
    fn what_is_no_server_is_named_by_its_line() {
        for (list, why) in [
            (&b"ssm.example\nhttp://x\n"[..], "line 2: 'http://x': http has no TLS"),
            (b"a\n\xff\n", "line 2: not UTF-8"),
            (b"a b\x1b\n", "line 1: 'a b\\x1b': not HOST"),
            (b"# nothing\n\n", "no line names a server"),
        ] {
            let error = places(list).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let many = "a\n".repeat(limits::TARGETS + 1);
        assert!(places(many.as_bytes()).unwrap_err().contains("more than"), "a bound");
    }

    proptest! {
        #[test]
        fn any_list_is_read_without_a_panic(list: Vec<u8>, text in "[#a-z:/ \\n.]{0,60}") {
            let _ = places(&list);
            let _ = places(text.as_bytes());
        }
    }
}
