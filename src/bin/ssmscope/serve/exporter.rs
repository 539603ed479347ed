//! What is served: a check for each `/probe`, the exporter's own metrics, a health check, and a page with links to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use ssmscope::probe;
use ssmscope::report::monitoring::prometheus::MetricsPage;
use ssmscope::report::{CheckResult as Checked, End, MonitoringDigest, Thresholds};
use ssmscope::time::Elapsed;

use super::config::{Config, Module};
use super::counters::{Counters, Refusal};
use super::http::{Answer, Request};
use crate::args::{Server, host_port};
use crate::check::Materials;

/// The text format of Prometheus.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers requests by a configuration.
pub struct Exporter<'c> {
    config: &'c Config,
    /// What the modules' options name, by the modules' names.
    materials: BTreeMap<&'c str, Materials<'c>>,
    counters: Counters,
    in_flight: AtomicUsize,
}

/// What a request asks for.
struct Asked<'q> {
    target: Cow<'q, str>,
    module: Cow<'q, str>,
}

impl<'c> Exporter<'c> {
    /// Reads the files that the modules name.
    ///
    /// # Errors
    /// When one can't be read, or can't be used.
    pub fn new(config: &'c Config) -> anyhow::Result<Self> {
        let materials = config.modules.iter().map(|(name, module)| {
            let within = || format!("module {name}");
            let materials = Materials::of_files(&module.options).with_context(within)?;
            // What fits no server is an error now, and not each time that it is asked for.
            materials.plan(any_server(module)).with_context(within)?;
            Ok((name.as_str(), materials))
        });
        Ok(Self {
            config,
            materials: materials.collect::<anyhow::Result<_>>()?,
            counters: Counters::new(),
            in_flight: AtomicUsize::new(0),
        })
    }

    /// Counts a client that was turned away, since too many are connected.
    pub fn turn_away(&self) {
        self.counters.refused(Refusal::Connections);
    }

    /// Counts a request that was not valid.
    pub fn count_unread(&self, status: u16) {
        self.counters.answered("unread", status);
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request) -> Answer {
        let (handler, answer) = match request.path.as_str() {
            "/probe" => (
                "/probe",
                self.probe(request).unwrap_or_else(|(why, answer)| {
                    self.counters.refused(why);
                    answer
                }),
            ),
            "/metrics" => {
                let page = self.counters.page(self.in_flight.load(Ordering::Relaxed), self.config.max_probes);
                ("/metrics", metrics(&page))
            }
            "/-/healthy" => ("/-/healthy", Answer::text(200, "ok")),
            "/" => ("/", index()),
            _ => ("other", Answer::text(404, "not found; see /")),
        };
        self.counters.answered(handler, answer.status);
        answer
    }

    /// Makes the check that is asked for.
    fn probe(&self, request: &Request) -> Result<Answer, (Refusal, Answer)> {
        let bad = |why: &str| (Refusal::Request, Answer::text(400, why));
        let asked = asked(&request.query).map_err(|why| bad(&why))?;
        let module =
            self.config.modules.get_key_value(&*asked.module).zip(self.materials.get(&*asked.module));
        let Some(((name, module), materials)) = module else {
            return Err((Refusal::Module, Answer::text(404, "no such module is configured")));
        };
        let place = host_port(&asked.target).map_err(|why| bad(&format!("target: {why}")))?;
        if place.zone.is_some() {
            return Err(bad("target: an address with an interface is not checked"));
        }
        let server = module.options.one_of_many(&place);
        if !is_admitted(module, &server) {
            return Err((Refusal::Target, Answer::text(403, "the configuration does not admit this target")));
        }
        // Who asks chooses the host and no more of the request.
        if place.path.is_some() {
            return Err(bad("target: HOST[:PORT] has no path; the module's http names the page"));
        }
        let mut plan = materials.plan(server).map_err(|error| bad(&format!("target: {error:#}")))?;
        if let Some(limit) = &request.time_limit {
            let limit = time_limit(limit, self.config.timeout_offset)
                .ok_or_else(|| bad("X-Prometheus-Scrape-Timeout-Seconds: not a number of seconds"))?;
            plan.timeout = plan.timeout.min(limit);
        }
        let Some(_slot) = Slot::take(&self.in_flight, self.config.max_probes) else {
            return Err((Refusal::Busy, Answer::text(503, "too many checks are running (max_probes)")));
        };
        let Ok(outcome) = probe::check(&plan) else {
            return Ok(Answer::text(500, "TLS can't be set up as the module wants it"));
        };
        self.counters.probed(name, outcome.status().name());
        let digest = MonitoringDigest::of(&outcome.connections);
        let timing = module.options.timing;
        let thresholds = Thresholds { slow_after: timing.slow_after, ..Thresholds::default() };
        // Prometheus labels the series with the target.
        let end = End {
            check: Some(Checked { outcome: &outcome, verbosity: 0 }),
            digest: &digest,
            thresholds: &thresholds,
            ..End::of(&outcome.summary)
        };
        let mut page = MetricsPage::default();
        page.add_probe(&outcome, &digest);
        page.add(&end);
        Ok(metrics(&page))
    }
}

/// A server as a module would check it.
fn any_server(module: &Module) -> Server<'_> {
    Server { host: "server.invalid", port: 443, zone: None, page: module.options.http.as_deref() }
}

fn is_admitted(module: &Module, server: &Server<'_>) -> bool {
    module.allowed.iter().any(|allowed| allowed.admits(server))
}

fn metrics(page: &MetricsPage) -> Answer {
    let mut body = Vec::new();
    // A vector takes everything.
    let _ = page.write(&mut body);
    Answer { status: 200, content_type: METRICS, body }
}

fn index() -> Answer {
    const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>ssmscope</title></head><body>\n\
        <h1>ssmscope</h1>\n<p>/probe?target=HOST[:PORT]&amp;module=NAME checks a server that the configuration admits.</p>\n\
        <p><a href=\"/metrics\">Metrics</a> of this exporter, and its <a href=\"/-/healthy\">health check</a>.</p>\n</body></html>\n";
    Answer { status: 200, content_type: "text/html; charset=utf-8", body: PAGE.into() }
}

/// The parameters that count. Each is given once: of two targets, it would be a guess which one was admitted.
fn asked(query: &str) -> Result<Asked<'_>, String> {
    let (mut target, mut module) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let of = match &*name {
            "target" => &mut target,
            "module" => &mut module,
            _ => continue,
        };
        // What is no UTF-8 has become this character.
        if value.chars().any(|character| character.is_control() || character == char::REPLACEMENT_CHARACTER) {
            return Err(format!("{name}: not plain text"));
        }
        if of.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let lacks = |name: &str| format!("{name} is missing: /probe?target=HOST[:PORT]&module=NAME");
    Ok(Asked {
        target: target.ok_or_else(|| lacks("target"))?,
        module: module.ok_or_else(|| lacks("module"))?,
    })
}

/// The time that Prometheus leaves for a check: its limit less the way back, or half of a limit that is shorter than that.
fn time_limit(written: &str, offset: f64) -> Option<Elapsed> {
    let seconds = written.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 1e6)?;
    Some(Elapsed::from_secs_f64((seconds - offset).max(seconds / 2.0)))
}

/// A check that runs.
struct Slot<'n>(&'n AtomicUsize);

impl<'n> Slot<'n> {
    fn take(running: &'n AtomicUsize, most: u16) -> Option<Self> {
        let more = |number: usize| (number < usize::from(most)).then_some(number + 1);
        running.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| Self(running))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_fits_no_server_is_an_error_at_once() {
        for (field, why) in [
            ("proxy = 'http://u:pw@h:1'", "must not contain a password"),
            ("expect_status = [200]", "need a page"),
        ] {
            let config = Config::parse(&format!("targets = ['a']\n[modules.a]\n{field}\n")).unwrap();
            let error = Exporter::new(&config).map(|_| ()).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }

    #[test]
    fn a_target_is_given_once_and_in_plain_text() {
        let of = |query| asked(query).map(|asked| (asked.target.into_owned(), asked.module.into_owned()));
        let expected = Ok(("[::1]:8443".to_owned(), "ssm".to_owned()));
        assert_eq!(of("module=ssm&debug=1&target=%5B::1%5D:8443"), expected);
        for query in [
            "",
            "target=a",
            "module=b",
            "target=a&target=b&module=c",
            "target=a%0Ab&module=c",
            "target=%ff&module=c",
        ] {
            assert!(of(query).is_err(), "{query}");
        }
    }

    #[test]
    fn prometheus_leaves_time_for_the_way_back() {
        let limit = |written, offset| time_limit(written, offset).map(Elapsed::as_secs_f64);
        assert_eq!(
            (limit("10", 0.5), limit("0.6", 0.5), limit("0.2", 0.5)),
            (Some(9.5), Some(0.3), Some(0.1))
        );
        for written in ["", "0", "-1", "NaN", "inf", "1e9", "ten"] {
            assert_eq!(limit(written, 0.5), None, "{written}");
        }
    }

    #[test]
    fn as_many_checks_run_as_may() {
        let running = AtomicUsize::new(0);
        let one = Slot::take(&running, 2).unwrap();
        let two = Slot::take(&running, 2);
        assert!(two.is_some() && Slot::take(&running, 2).is_none());
        drop(one);
        assert!(Slot::take(&running, 2).is_some());
    }
}
