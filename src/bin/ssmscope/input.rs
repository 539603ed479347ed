//! What `read` and `live` analyse, and how, by their options: files, or one that is still being written; which traffic of it;
//! with which settings.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;

use ssmscope::analysis::{self, CertificateSettings, Settings, Window};
use ssmscope::capture::pausing::Waiting;
use ssmscope::capture::{self, Handles, Opened, ReadError, Target, TargetError};
use ssmscope::cert::{NameSource, Wanted};
use ssmscope::report::Form;
use ssmscope::time::Elapsed;
use ssmscope::{probe, verdict};

use crate::args::{Bounds, GivenTime, Judgement, Read, Selection};
use crate::exit;
use crate::names::Named;
use crate::system::{files, trust};

/// Whether the input is one that may pause: a pipe, or a file that is followed.
///
/// # Errors
/// When several files are to be followed at once.
pub fn may_pause(options: &Read) -> anyhow::Result<bool> {
    let [only] = options.files.as_slice() else {
        anyhow::ensure!(!options.follow, "--follow reads one file");
        return Ok(false);
    };
    let is_pipe = only == "-" && !is_regular_file();
    Ok(options.follow || is_pipe)
}

/// Opens what can be opened. `asks_whether_text` reads on until the form of the input is known, also where it may pause.
///
/// # Errors
/// When the files can't be read as one capture.
pub fn open(
    options: &Read,
    captures: &[String],
    handles: &Handles,
    may_pause: bool,
    asks_whether_text: bool,
) -> Result<Opened, ReadError> {
    // Times of day need to know the capture's clock before its first packet.
    let selection = &options.selection;
    let has_window = selection.from.is_some() || selection.to.is_some();
    let reads_ahead = options.rendering.output.needs_clock() || has_window || asks_whether_text;
    if !may_pause {
        return capture::open_all(captures, handles, reads_ahead);
    }
    let waiting = match options.files.first() {
        Some(name) if name != "-" => Waiting::follow(Path::new(name), handles),
        _ => Waiting::standard_input(),
    };
    Ok(match waiting {
        Ok(waiting) => {
            let waiting = if reads_ahead { waiting.begun() } else { waiting };
            Opened { source: Some(Box::new(waiting)), failed: Vec::new() }
        }
        Err(error) => Opened { source: None, failed: vec![error] },
    })
}

/// Whether standard input is a file, which has an end.
fn is_regular_file() -> bool {
    let about =
        io::stdin().as_fd().try_clone_to_owned().and_then(|input| std::fs::File::from(input).metadata());
    about.is_ok_and(|about| about.is_file())
}

/// The traffic that options select. Names are looked up, and standard error says so.
///
/// # Errors
/// When a host is no address prefix although it looks like one.
pub fn target(selection: &Selection, form: Form) -> Result<Target, TargetError> {
    let Selection { host: hosts, port: ports, filter, .. } = selection;
    Target::resolving(hosts, ports, filter.clone(), |name| {
        // The C library looks names up with the help of plug-ins, which a static binary must not depend on.
        let addresses = if cfg!(target_feature = "crt-static") { found(name) } else { Target::look_up(name) };
        say_looked_up(name, &addresses, form);
        addresses
    })
}

/// The same, where the captures were asked for the names first.
///
/// # Errors
/// When a host is no address prefix although it looks like one.
pub fn target_of(selection: &Selection, named: &Named, form: Form) -> Result<Target, TargetError> {
    let Selection { host: hosts, port: ports, filter, .. } = selection;
    Target::resolving(hosts, ports, filter.clone(), |name| {
        if let Some(addresses) = named.addresses(name) {
            return Ok(addresses);
        }
        let addresses = found(name);
        say_looked_up(name, &addresses, form);
        addresses
    })
}

fn say_looked_up(name: &str, addresses: &Result<Vec<IpAddr>, String>, form: Form) {
    let Ok(addresses) = addresses else { return };
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    exit::aside(
        form,
        format_args!("ssmscope: --host {name}: the system's resolver returned {}", addresses.join(", ")),
    );
}

/// The addresses of a name, or why it has none.
fn found(name: &str) -> Result<Vec<IpAddr>, String> {
    /// As long as an active check may take.
    const PATIENCE: Elapsed = Elapsed::from_millis(10_000);
    let resolution = probe::find(name, PATIENCE);
    if resolution.addresses.is_empty() {
        let why = resolution.rcode.or(resolution.failure);
        return Err(why.unwrap_or_else(|| "no resolver answered".to_owned()));
    }
    Ok(resolution.addresses)
}

/// The stretch of time that options select.
fn window(selection: &Selection) -> Option<Window> {
    let end = |given: &Option<GivenTime>| given.as_ref().map(|given| given.end);
    let (from, to) = (end(&selection.from), end(&selection.to));
    (from.is_some() || to.is_some()).then(|| Window { from, to, zone: files::zone() })
}

/// The analysis that options ask for. The trust store is read where certificates are examined.
///
/// # Errors
/// When the trust store can't be read.
pub fn settings(
    judgement: &Judgement,
    bounds: Bounds,
    selection: &Selection,
    examines: bool,
) -> anyhow::Result<Settings> {
    let timing = judgement.timing;
    let mut settings = Settings {
        judging: verdict::JudgementSettings {
            slow_after: timing.slow_after,
            slow_response: timing.slow_response,
            stall_after: timing.stall_after,
        },
        certificates: CertificateSettings {
            wanted: judgement.name.clone().map(|name| Wanted { name, source: NameSource::Option }),
            trust: trust::anchors(judgement.ca_file.as_deref(), examines)?,
        },
        bounds: analysis::Bounds {
            connections: bounds.max_connections,
            memory: bounds.max_memory,
            ..analysis::Bounds::default()
        },
        window: window(selection),
        most_packets: selection.packets,
        ..Settings::default()
    };
    settings.tls_ports.extend(&judgement.tls_port);
    Ok(settings)
}
