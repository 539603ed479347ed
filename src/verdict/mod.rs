//! What happened on a connection, who is to be looked at, and which packets prove it.
//!
//! Each verdict is one file with one rule: a pure function of the [`Story`]. The rules are asked in an order of precedence, and
//! the first that applies gives the verdict. [`ask`] says which rules are not asked, because the capture can't show what they look
//! for. This room knows no bytes and no output format.

mod capture_gap;
mod client_silent;
mod closed_early;
mod code;
mod evidence;
mod handshake_stalled;
mod healthy;
mod in_progress;
mod midstream;
mod no_response;
mod no_server_hello;
mod not_tls;
mod plaintext;
mod proxy_refused;
mod refused;
mod rejected;
mod reset;
#[cfg(test)]
mod script;
mod slow;
mod status;
mod syn_no_reply;
mod tcp_handshake_incomplete;
mod tls_alert;
mod unreachable;
mod words;

use std::borrow::Cow;
use std::fmt;

pub use code::{Code, Reach};
pub use evidence::EvidenceRole;
use schemars::JsonSchema;
use serde::Serialize;
pub use status::Status;
pub use words::alert_meaning::meanings_of;
#[cfg(feature = "command")]
pub(crate) use words::icmp_error::words as icmp_name;
pub(crate) use words::oauth;

use crate::cert;
use crate::limits;
use crate::packet::Host;
use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::Basis;

// The values are in the order in which lists show them. Their order of importance is `urgency` for people, `gravity` for
// monitoring, and that of `Status` for the exit status.
/// What a verdict means for the exit status and for monitoring.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to do.
    Ok,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Critical,
    /// The capture does not show it.
    Unknown,
}

/// The side to examine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// The end that opened the connection.
    Client,
    /// The end that it was opened to.
    Server,
    /// Something between them.
    Path,
    /// The evidence names nobody.
    Unknown,
}

/// A rule: the code it gives, and when.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The code, as the name of the rule's file, doc page and test capture.
    pub code: Code,
    /// What the code means for the exit status.
    pub severity: Severity,
    /// What the code says, in one sentence.
    pub summary: &'static str,
    /// The doc page, in Markdown.
    pub page: &'static str,
    /// Judges a story; `None` if the rule does not apply.
    pub judge: fn(&Story, &JudgementSettings) -> Option<Verdict>,
}

/// What the user may set about judging.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JudgementSettings {
    /// TLS established later than this after the SYN is slow.
    pub slow_after: Elapsed,
    /// An answer inside TLS that begins later than this after its request is slow. `None`: no limit.
    pub slow_response: Option<Elapsed>,
    /// A silence of this length is a stall.
    pub stall_after: Elapsed,
}

impl Default for JudgementSettings {
    /// 2 s for the handshake, any time for an answer, and 3 s.
    fn default() -> Self {
        Self {
            slow_after: Elapsed::from_millis(2_000),
            slow_response: None,
            stall_after: Elapsed::from_millis(3_000),
        }
    }
}

/// The verdict on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The code.
    pub code: Code,
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
    /// What to do next, most useful first, with `SERVER` and `PORT` for the server's address and port, [`ICMP_SENDER`], and
    /// [`ISSUING_CA`].
    advice: Vec<&'static str>,
    /// What to do in place of the first of these, as connections of the same server show.
    first_advice: Option<String>,
    /// Who sent the ICMP error that it is about; absent if it is about none.
    pub icmp_sender: Option<Host>,
}

/// In advice, who sent the ICMP error.
const ICMP_SENDER: &str = "ICMP_SENDER";

/// In advice: the authority whose certificate the client lacks.
const ISSUING_CA: &str = "ISSUING_CA";

/// The rules in the order in which they are asked: those that name a cause before those that only describe an ending, and the
/// undecided ones last. Most rules' own conditions keep them apart, and this order settles what is left.
const PRECEDENCE: &[&Rule] = &[
    &unreachable::RULE,
    &refused::RULE,
    &syn_no_reply::RULE,
    &tcp_handshake_incomplete::RULE,
    &proxy_refused::RULE,
    &not_tls::RULE,
    &client_silent::RULE,
    &no_server_hello::RULE,
    &handshake_stalled::RULE,
    &tls_alert::RULE,
    &reset::RULE,
    &closed_early::RULE,
    &no_response::RULE,
    &rejected::RULE,
    &slow::RULE,
    &healthy::RULE,
    &plaintext::RULE,
    &midstream::RULE,
    &capture_gap::RULE,
    &in_progress::RULE,
];

/// Every rule, in the order in which codes are listed: that of [`Code::LISTED`].
pub const RULES: [&Rule; PRECEDENCE.len()] = {
    assert!(Code::LISTED.len() == PRECEDENCE.len(), "each code has one rule");
    let mut rules = [PRECEDENCE[0]; PRECEDENCE.len()];
    let mut row = 0;
    while row < rules.len() {
        let mut at = 0;
        while PRECEDENCE[at].code as usize != Code::LISTED[row] as usize {
            at += 1;
            assert!(at < PRECEDENCE.len(), "a code without a rule");
        }
        rules[row] = PRECEDENCE[at];
        row += 1;
    }
    rules
};

/// The rule with a code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.into_iter().find(|rule| rule.code.name() == code)
}

/// What a rule answers about a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It gives this verdict.
    Applies(Box<Verdict>),
    /// It does not apply.
    Declined,
    /// What the capture lacks, or the story hides, can't show what the rule looks for.
    NotAsked,
}

/// The verdict on a story: that of the first rule that applies.
pub fn judge(story: &Story, settings: &JudgementSettings) -> Verdict {
    let judged = ask(story, settings).find_map(|(_, answer)| match answer {
        Answer::Applies(verdict) => Some(*verdict),
        Answer::Declined | Answer::NotAsked => None,
    });
    let mut verdict = judged.unwrap_or_else(|| in_progress::undecided(story));
    verdict.evidence.sort_unstable();
    verdict.evidence.dedup();
    verdict.evidence.truncate(limits::EVIDENCE);
    verdict
}

/// Asks each rule about a story, in order; a rule that does not apply declines. No rule that finds a fault is asked where
/// [`why_unsure`] names a reason. None that finds all well is asked where one of those would apply (the other paths of a Multipath
/// TCP connection can make up for what one of them lacks, unless that path is broken), nor where answers are hidden.
pub fn ask(story: &Story, settings: &JudgementSettings) -> impl Iterator<Item = (&'static Rule, Answer)> {
    let is_unsure = why_unsure(story).is_some();
    let is_in_doubt = is_unsure
        && (!story.opening.is_subflow || story.is_path_broken())
        && may_have_failed(story, settings);
    let is_asked = move |rule: &Rule| match rule.severity {
        Severity::Critical => !is_unsure,
        Severity::Ok | Severity::Warning => !is_in_doubt && !story.hides_answers(),
        Severity::Unknown => true,
    };
    PRECEDENCE.iter().map(move |rule| {
        let answer = if is_asked(rule) {
            (rule.judge)(story, settings)
                .map_or(Answer::Declined, |verdict| Answer::Applies(Box::new(verdict)))
        } else {
            Answer::NotAsked
        };
        (*rule, answer)
    })
}

/// Whether a rule would find a fault if nothing were missing.
fn may_have_failed(story: &Story, settings: &JudgementSettings) -> bool {
    let mut faults = PRECEDENCE.iter().filter(|rule| rule.severity == Severity::Critical);
    !story.is_leftover() && faults.any(|rule| (rule.judge)(story, settings).is_some())
}

/// Why the packets of a story can't show a fault; `None` if they can.
pub fn why_unsure(story: &Story) -> Option<&'static str> {
    if story.is_leftover() {
        return Some("all packets are left over from an older connection");
    }
    // The other paths bring what one of them loses.
    if story.opening.is_subflow && story.stage > Stage::SynAck {
        return Some("it is one of several paths of a Multipath TCP connection");
    }
    let depends = story.decisive().is_some_and(|ending| story.depends_on_missing(ending));
    depends.then_some("the ending depends on what the capture lacks")
}

impl Verdict {
    /// A rule's verdict that still lacks its evidence and most of its words.
    fn new(rule: &Rule, actor: Actor, basis: Basis, headline: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: rule.code,
            severity: rule.severity,
            actor,
            cause: None,
            basis,
            headline: headline.into(),
            explanation: Cow::Borrowed(""),
            client_reports: Vec::new(),
            evidence: Vec::new(),
            advice: Vec::new(),
            first_advice: None,
            icmp_sender: None,
        }
    }

    /// Names who sent the ICMP error that it is about.
    fn reported_by(mut self, sender: Host) -> Self {
        self.icmp_sender = Some(sender);
        self
    }

    fn cause(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    fn explain(mut self, explanation: impl Into<Cow<'static, str>>) -> Self {
        self.explanation = explanation.into();
        self
    }

    fn reported(mut self, reports: &[&'static str]) -> Self {
        self.client_reports = reports.iter().copied().map(Cow::Borrowed).collect();
        self
    }

    fn proved_by(mut self, packets: impl IntoIterator<Item = u64>) -> Self {
        self.evidence.extend(packets);
        self
    }

    fn advise(mut self, advice: &[&'static str]) -> Self {
        self.advice.extend_from_slice(advice);
        self
    }

    /// Lets a participant, who knows more than the packets show, change what to do next.
    pub(crate) fn change_advice(&mut self, change: impl FnOnce(&mut Vec<&'static str>)) {
        change(&mut self.advice);
    }

    /// Gives other advice in place of the first, where the report knows more than one connection shows.
    #[cfg(feature = "command")]
    pub(crate) fn advise_first(&mut self, advice: String) {
        self.first_advice = Some(advice);
    }

    /// What to do next about the connection that was judged, most useful first. What is quoted can be copied: it names the
    /// server's address and port.
    pub fn advice(&self, story: &Story) -> impl Iterator<Item = Cow<'static, str>> {
        let own = self.advice.iter().skip(usize::from(self.first_advice.is_some()));
        let own = own.map(|advice| {
            if ["SERVER", "PORT", ICMP_SENDER, ISSUING_CA].iter().any(|name| advice.contains(name)) {
                let sender = self.icmp_sender.filter(|host| !host.is_unspecified()).map_or_else(
                    || "the sender of the ICMP error".to_owned(),
                    |host| story.names.show(host).to_string(),
                );
                // Placeholders that may occur in names are replaced first.
                let named = advice.replace("PORT", &story.port(Role::Server).to_string());
                let is_v6 = story.parties.server.host.address().is_some_and(|address| address.is_ipv6());
                // `icmp` is ICMPv4's alone (pcap-filter).
                let named = if is_v6 { named.replace("SERVER or icmp`", "SERVER or icmp6`") } else { named };
                let named = named.replace("SERVER", &story.host(Role::Server).to_string());
                let named = named.replace(ICMP_SENDER, &sender);
                let faults = story.certificate_faults().map(|(_, fault)| fault);
                named.replace(ISSUING_CA, &cert::issuing_ca(faults)).into()
            } else {
                Cow::Borrowed(*advice)
            }
        });
        self.first_advice.iter().map(|advice| Cow::Owned(advice.clone())).chain(own)
    }
}

impl Severity {
    /// How soon a person looks at it: failures first, what is fine last.
    pub fn urgency(self) -> u8 {
        match self {
            Self::Critical => 3,
            Self::Warning => 2,
            Self::Unknown => 1,
            Self::Ok => 0,
        }
    }

    /// How much it counts for monitoring. What can't be decided counts least: it is the capture's, not the connection's.
    pub fn gravity(self) -> u8 {
        match self {
            Self::Critical => 3,
            Self::Warning => 2,
            Self::Ok => 1,
            Self::Unknown => 0,
        }
    }

    /// Its name, as JSON and monitoring have it.
    pub fn name(self) -> &'static str {
        Status::from(self).name()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Actor {
    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Path => "path",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl From<Role> for Actor {
    fn from(role: Role) -> Self {
        match role {
            Role::Client => Self::Client,
            Role::Server => Self::Server,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::story::script::talk::{exchange, ssm};

    #[test]
    fn codes_are_listed_as_in_the_readme() {
        let readme = include_str!("../../README.md");
        let (_, table) = readme.split_once("\n| code |").expect("a table of codes");
        let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| `"));
        let codes: Vec<_> = rows.filter_map(|row| row.split_once('`')).map(|(code, _)| code).collect();
        assert_eq!(RULES.map(|rule| rule.code.name()).to_vec(), codes);
    }

    #[test]
    fn every_rule_has_tests_a_page_and_a_capture() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for Rule { code, page, .. } in RULES {
            let module = root.join("src/verdict").join(code.name().replace('-', "_"));
            let file = if module.is_dir() { module.join("mod.rs") } else { module.with_extension("rs") };
            let source =
                fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert!(
                source
                    .split_once("#[cfg(test)]\nmod tests {")
                    .is_some_and(|(_, tests)| tests.contains("#[test]")),
                "{} has no tests",
                file.display()
            );
            assert_eq!(page.lines().next(), Some(format!("# {code}").as_str()));
            assert!(root.join("testdata").join(code.name()).is_dir(), "testdata has no folder {code}");
        }
    }

    #[test]
    fn rules_are_asked_in_order_up_to_the_one_that_applies() {
        let (story, settings) =
            (Story::at(Stage::ClientHello).fin(Role::Client), JudgementSettings::default());
        let applies = |answer: &Answer| matches!(answer, Answer::Applies(_));
        let applying: Vec<_> = ask(&story, &settings)
            .filter_map(|(rule, answer)| applies(&answer).then_some(rule.code.name()))
            .collect();
        // The last one applies to everything.
        assert_eq!(applying, ["closed-early", "in-progress"]);
        assert_eq!(judge(&story, &settings).code, "closed-early");
        let declining = ask(&story, &settings).take_while(|(_, answer)| !applies(answer)).count();
        assert_eq!(PRECEDENCE[declining].code, "closed-early");
    }

    #[test]
    fn no_evidence_list_is_empty_or_names_a_packet_that_is_not_there() {
        for (talk, more) in
            [(ssm().syn(), 4_000), (exchange(), 0), (ssm().open(), 0), (ssm().open().fin(Role::Server), 0)]
        {
            let (verdict, packets) = (talk.verdict(more), talk.packets.len() as u64);
            assert!(!verdict.evidence.is_empty());
            assert!(verdict.evidence.iter().all(|number| (1..=packets).contains(number)));
        }
    }
}
