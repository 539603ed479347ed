//! What the packets of a check's connections come to, as the check sees them.

use std::io;

use tracing::debug;

use super::net::capture::Captured;
use super::net::socket;
use super::page;
use super::perspective::{OwnPackets, Perspective};
use super::record::ConnectionRecord;
use super::redacted::Redacted;
use super::{CheckOutcome, PhaseDurations, Probe, ProxyUse, TlsPlan, Tunnel, reported};
use crate::analysis::{self, CertificateSettings, Judged, LogInput, Needs, Settings, Sink, Summary};
use crate::capture::{Source, Target};
use crate::cert::{NameSource, Trust, Wanted};
use crate::packet::Viewpoint;
use crate::story::EndpointKnowledge;
use crate::time::{Elapsed, Timestamp};

impl Probe<'_> {
    /// The outcome: what the analysis of the packets and the check itself know.
    pub(super) fn judged(
        mut self,
        mut captured: Option<Captured>,
        logs: Option<LogInput>,
        ended: Timestamp,
    ) -> CheckOutcome {
        let plan = self.plan;
        let opaque = if self.is_wrapped() { captured.take() } else { None };
        if opaque.is_some() {
            self.tape.note("the captured packets show TLS with the proxy alone; what is inside is judged as the socket saw it");
        }
        let is_capturing = captured.is_some();
        let (captured, mut connections, mut summary) = self.analyse(captured, logs);
        let own_packets = own_packets(captured.as_ref(), is_capturing, &summary);
        let redacted = plan.settings.redaction.as_ref().map(|redaction| {
            let token = plan.token.as_ref().map(|token| token.path.as_str());
            let page = plan.page.as_ref().map(|page| page::shown(&page.path));
            let page = page.as_deref();
            let unpinned = self.connections.iter().filter_map(ConnectionRecord::unpinned);
            Redacted::of(redaction, token, page, unpinned.chain(self.followed.iter().map(String::as_str)))
        });
        let tunnel = self.tunnel().cloned();
        // Connections have stand-ins by now.
        if let Some(redacted) = &redacted {
            self.connections.iter_mut().for_each(|record| redacted.record(record));
        }
        let offers = self.connections.iter().filter(|record| record.offer.is_some());
        let offers: Vec<_> = offers.map(ConnectionRecord::client).collect();
        let offered = reported::taken(&mut connections, &offers);
        let is_captured = captured.is_some() || self.is_wrapped();
        self.perspective(&offered, is_captured, own_packets).apply(&mut connections);
        if let Some(refused) = self.refused() {
            reported::certify(&mut connections, refused.client(), &offered);
        }
        let unmapped = reported::mapped(&mut connections, &plan.states);
        summary.recount(&connections);
        let total = self.answered.unwrap_or(ended) - self.tape.began();
        let listened = self.listened.as_secs_f64();
        let total = Elapsed::from_nanos(total.nanos() - Elapsed::from_secs_f64(listened).nanos());
        let outcome = CheckOutcome {
            host: plan.host.clone(),
            port: plan.port,
            zone: plan.zone.clone(),
            began: self.tape.began(),
            alerts: plan.alerts,
            states: plan.states.clone(),
            spent: PhaseDurations { total, ..self.spent },
            steps: self.tape.steps().to_vec(),
            resolution: self.resolution,
            order: self.order,
            untried: self.untried,
            tries_all_addresses: plan.tries_all_addresses,
            not_sent: self.not_sent.iter().map(|(address, why)| (*address, socket::words(why))).collect(),
            proxy: plan.proxy.as_ref().map(|proxy| ProxyUse {
                kind: proxy.kind,
                host: proxy.host.clone(),
                port: proxy.port,
                user: proxy.user.clone(),
                named_by: proxy.named_by.clone(),
                tunnel,
            }),
            connections,
            unmapped,
            captured,
            opaque,
            summary,
            token: self.token,
            page: self.page,
        };
        match redacted {
            Some(redacted) => redacted.outcome(outcome),
            None => outcome,
        }
    }

    /// The analysis of the packets: of the captured ones, where they show anything, else of those on the tape.
    fn analyse(
        &mut self,
        captured: Option<Captured>,
        logs: Option<LogInput>,
    ) -> (Option<Captured>, Vec<Judged>, Summary) {
        let plan = self.plan;
        let knowledge: Vec<_> = self.connections.iter().map(|record| record.knowledge.clone()).collect();
        let own = own_traffic(&knowledge);
        let mut settings = Settings {
            keeps_timeline: true,
            keeps_samples: true,
            viewpoint: Viewpoint::Wire,
            knowledge,
            certificates: CertificateSettings {
                wanted: Some(Wanted { name: plan.tls.wanted.clone(), source: NameSource::Target }),
                trust: Trust::Anchors(plan.tls.anchors.clone()),
            },
            logs: logs.map(|logs| self.own_logs(logs)),
            ..plan.settings.clone()
        };
        settings.judging.stall_after = self.stall_after;
        // A protocol that is asked for TLS begins in clear.
        if plan.starttls.is_none() {
            settings.tls_ports.push(plan.port);
        }
        let by_packets = captured.map(|captured| {
            let judged = analysed(&mut captured.source(), own, &settings);
            (captured, judged)
        });
        let is_seen = |(_, (connections, _)): &(Captured, (Vec<Judged>, Summary))| !connections.is_empty();
        let (captured, (connections, summary)) = match by_packets {
            Some(by_packets) if is_seen(&by_packets) || settings.knowledge.is_empty() => {
                (Some(by_packets.0), by_packets.1)
            }
            by_packets => {
                if by_packets.is_some() {
                    self.tape.note(
                        "the capture holds none of these packets; what follows is as the socket saw it",
                    );
                }
                settings.viewpoint = Viewpoint::Socket;
                (None, analysed(&mut self.tape.source(), Target::default(), &settings))
            }
        };
        debug!(viewpoint = ?settings.viewpoint, connections = connections.len(), "judged");
        (captured, connections, summary)
    }

    /// What the check knows of its own part.
    fn perspective<'s>(
        &'s self,
        offered: &'s [Judged],
        is_captured: bool,
        own_packets: OwnPackets,
    ) -> Perspective<'s> {
        let plan = self.plan;
        let mut offers = self.connections.iter().filter_map(|record| record.offer.as_ref());
        let last = offers.rfind(|offer| offer.hello.is_some());
        Perspective {
            connections: &self.connections,
            tunnel: self.tunnel(),
            has_identity: plan.tls.identity.is_some(),
            accepted: plan.tls.accepted,
            timeout: plan.timeout,
            choice: self.choice(),
            prime_bits: last.and_then(|offer| offer.prime_bits),
            unmet_by_choice: last.and_then(|offer| offer.unmet.as_ref()),
            offered,
            is_restricted: plan.tls.versions.len() < TlsPlan::VERSIONS,
            is_captured,
            own_packets,
            proxy: plan.proxy.as_ref(),
            at_proxy_for: self.spent.proxy.filter(|_| self.is_wrapped()),
        }
    }

    /// What the proxy answered last.
    fn tunnel(&self) -> Option<&Tunnel> {
        self.connections.iter().rev().find_map(|record| record.tunnel.as_ref())
    }

    /// Whether everything on a connection was inside TLS with the proxy.
    fn is_wrapped(&self) -> bool {
        self.connections.iter().any(|record| record.is_wrapped)
    }
}

/// What became of the check's packets on this host, by what was captured.
fn own_packets(captured: Option<&Captured>, is_capturing: bool, summary: &Summary) -> OwnPackets {
    let has_drops = summary.about.dropped.is_some_and(|dropped| dropped > 0);
    match captured {
        Some(captured) if captured.is_whole() && !has_drops => OwnPackets::Whole,
        None if is_capturing => OwnPackets::Absent,
        _ => OwnPackets::Unknown,
    }
}

/// Connections with their verdicts, and their figures.
fn analysed(source: &mut dyn Source, target: Target, settings: &Settings) -> (Vec<Judged>, Summary) {
    let mut judged = Connections::default();
    // Only a sink that writes can fail, and this one holds.
    let summary = analysis::analyse(source, target, settings, &mut judged).unwrap_or_default();
    (judged.0, summary)
}

/// The packets of these connections, and the errors that quote them: others may go to the same server at the same time.
fn own_traffic(knowledge: &[EndpointKnowledge]) -> Target {
    let hosts: Vec<_> = knowledge.iter().map(|knowledge| knowledge.client.ip().to_string()).collect();
    let ports: Vec<_> = knowledge.iter().map(|knowledge| knowledge.client.port()).collect();
    // Addresses need no resolver, so this can't fail.
    Target::new(&hosts, &ports, None).unwrap_or_default()
}

/// Holds what was judged.
#[derive(Default)]
struct Connections(Vec<Judged>);

impl Sink for Connections {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.0.push(judged);
        Ok(())
    }
}
