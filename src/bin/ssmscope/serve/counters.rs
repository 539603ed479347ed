//! What the exporter counts of itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ssmscope::report::monitoring::prometheus::{Kind, MetricsPage};

/// Requests and checks, by outcome. Labels are names of the configuration and of this program, never a client's words.
pub struct Counters {
    started: f64,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: BTreeMap<(&'static str, u16), u64>,
    probes: BTreeMap<(String, &'static str), u64>,
    refused: BTreeMap<&'static str, u64>,
}

/// Why a check was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// As many run as may.
    Busy,
    /// As many connections are open as may be.
    Connections,
    /// No such module.
    Module,
    /// The configuration does not admit the target.
    Target,
    /// The request is invalid.
    Request,
}

impl Refusal {
    const ALL: [Self; 5] = [Self::Busy, Self::Connections, Self::Module, Self::Target, Self::Request];

    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Connections => "connections",
            Self::Module => "module",
            Self::Target => "target",
            Self::Request => "request",
        }
    }
}

impl Counters {
    /// Nothing yet.
    pub fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { started, counts: Mutex::default() }
    }

    /// A request to a place that there is was answered with this status.
    pub fn answered(&self, handler: &'static str, status: u16) {
        self.count(|counts| *counts.requests.entry((handler, status)).or_default() += 1);
    }

    /// A check by a module came to this.
    pub fn probed(&self, module: &str, status: &'static str) {
        self.count(|counts| *counts.probes.entry((module.to_owned(), status)).or_default() += 1);
    }

    /// A check was not made.
    pub fn refused(&self, why: Refusal) {
        self.count(|counts| *counts.refused.entry(why.name()).or_default() += 1);
    }

    fn count(&self, how: impl FnOnce(&mut Counts)) {
        how(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All of it as metrics, with the number of checks that run now and may run.
    pub fn page(&self, in_flight: usize, most: u16) -> MetricsPage {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = MetricsPage::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.number(
            "ssmscope_build_info",
            Kind::Gauge,
            "1, labelled with the version of ssmscope.",
            &version,
            1,
        );
        let help = "When the process started, in Unix time.";
        page.number("process_start_time_seconds", Kind::Gauge, help, &[], self.started);
        let help = "Checks that run now.";
        page.number("ssmscope_serve_probes_in_flight", Kind::Gauge, help, &[], in_flight);
        let help = "Checks that may run at a time: max_probes.";
        page.number("ssmscope_serve_probes_limit", Kind::Gauge, help, &[], most);
        for ((module, status), number) in &counts.probes {
            let labels = [("module", module.as_str()), ("status", status)];
            let help = "Checks made, by module and what they came to.";
            page.number("ssmscope_serve_probes_total", Kind::Counter, help, &labels, number);
        }
        for refusal in Refusal::ALL {
            let number = counts.refused.get(refusal.name()).copied().unwrap_or_default();
            let help = "Checks that were not made, by why.";
            page.number(
                "ssmscope_serve_refused_total",
                Kind::Counter,
                help,
                &[("why", refusal.name())],
                number,
            );
        }
        for ((handler, status), number) in &counts.requests {
            let labels = [("handler", *handler), ("code", &status.to_string())];
            let help = "Requests answered, by path and HTTP status.";
            page.number("ssmscope_serve_requests_total", Kind::Counter, help, &labels, number);
        }
        page
    }
}
