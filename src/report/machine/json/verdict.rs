//! A verdict in JSON: what happened, which packets prove it, and what to do next.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::story::Story;
use crate::tls::Basis;
use crate::verdict::{self, Actor, EvidenceRole, Severity};

/// The verdict on a connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
pub struct VerdictObject {
    /// The code.
    pub code: &'static str,
    /// What it means for the exit status.
    pub severity: Severity,
    /// The side to examine.
    pub actor: Actor,
    /// The cause, where the evidence names one.
    pub cause: Option<Cow<'static, str>>,
    /// The weakest kind of evidence that the code rests on.
    pub basis: Basis,
    /// One line: what happened.
    pub headline: Cow<'static, str>,
    /// Plain words: why this is what the packets show, and what else it may be.
    pub explanation: Cow<'static, str>,
    /// What the client program probably reported.
    pub client_reports: Vec<Cow<'static, str>>,
    /// The packets that prove it, counted from 1.
    pub evidence: Vec<u64>,
    /// What each of them shows.
    pub evidence_roles: Vec<EvidenceRole>,
    /// What to do next, most useful first.
    pub advice: Vec<Cow<'static, str>>,
}

impl VerdictObject {
    /// Creates the object of a verdict on this story.
    pub(super) fn of(verdict: verdict::Verdict, story: &Story) -> Self {
        let evidence_roles = verdict.evidence.iter().map(|number| EvidenceRole::of(story, *number)).collect();
        let advice = verdict.advice(story).collect();
        Self {
            code: verdict.code.name(),
            severity: verdict.severity,
            actor: verdict.actor,
            cause: verdict.cause,
            basis: verdict.basis,
            headline: verdict.headline,
            explanation: verdict.explanation,
            client_reports: verdict.client_reports,
            evidence: verdict.evidence,
            evidence_roles,
            advice,
        }
    }
}
