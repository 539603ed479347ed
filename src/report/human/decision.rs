//! How each verdict was found, for maintainers: the endings in order, then each rule with its answer.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::analysis::{Judged, Needs, Sink};
use crate::report::text::ends;
use crate::report::{End, Report};
use crate::story::{Ending, EndingKind, Story};
use crate::tcp::Role;
use crate::verdict::{self, Answer};

/// Writes the decision on each connection as it is judged.
pub struct DecisionReport<'o> {
    out: Box<dyn Write + Send + 'o>,
    settings: verdict::JudgementSettings,
}

impl<'o> DecisionReport<'o> {
    /// The decisions that rules make with these settings.
    pub fn new(out: Box<dyn Write + Send + 'o>, settings: verdict::JudgementSettings) -> Self {
        Self { out, settings }
    }
}

impl Sink for DecisionReport<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        write(&judged.story, &self.settings, &mut self.out)
    }

    fn needs(&self) -> Needs {
        Needs { packets: false, findings: false, examinations: true }
    }
}

impl Report for DecisionReport<'_> {
    fn finish(mut self: Box<Self>, _: &End<'_>) -> io::Result<()> {
        self.out.flush()
    }
}

fn write(story: &Story, settings: &verdict::JudgementSettings, out: &mut dyn Write) -> io::Result<()> {
    let (client, server) = (ends::end(story, Role::Client), ends::end(story, Role::Server));
    writeln!(out, "{client} > {server}, packets {} to {}", story.span().0.number, story.span().1.number)?;
    let judged = as_judged(story);
    let decisive = judged.decisive();
    for (ending, judged) in story.endings.iter().zip(&judged.endings) {
        let is_decisive = decisive.is_some_and(|decisive| std::ptr::eq(decisive, judged));
        let mark = if is_decisive { "decides" } else { "" };
        writeln!(out, "  {mark:<8}  {}", describe(ending))?;
    }
    if let Some(why) = verdict::why_unsure(&judged) {
        writeln!(out, "  no rule that finds a fault is asked: {why}")?;
    }
    let mut is_found = false;
    for (rule, answer) in verdict::ask(&judged, settings) {
        let applies = matches!(answer, Answer::Applies(_));
        let answer = match (answer, is_found) {
            (Answer::Applies(_), false) => "applies",
            (Answer::Applies(_), true) => "(applies)",
            (Answer::Declined, false) => "declined",
            (Answer::Declined, true) => "(declined)",
            (Answer::NotAsked, _) => "not asked",
        };
        is_found |= applies;
        writeln!(out, "  {answer:<10}  {}", rule.code)?;
    }
    writeln!(out)
}

/// The story as the rules read it. What is reported has the roles of TCP, and rules speak of those of TLS.
fn as_judged(story: &Story) -> Cow<'_, Story> {
    if story.tls_client == Role::Client {
        return Cow::Borrowed(story);
    }
    let mut judged = story.clone();
    judged.exchange_tls_roles();
    Cow::Owned(judged)
}

/// `RST of the server in packet 5, at client-hello`.
fn describe(ending: &Ending) -> String {
    let Ending { what, by, moment, stage } = ending;
    let what = match what {
        EndingKind::Silence(silence) => {
            let (elapsed, number) = (silence.elapsed(), moment.number);
            return format!("silence of {elapsed} after packet {number}, awaiting the {by}, at {stage}");
        }
        EndingKind::Alert { description: Some(description), .. } => format!("alert {description}"),
        EndingKind::Alert { description: None, .. } => "alert".to_owned(),
        EndingKind::EncryptedAlert { .. } => "encrypted alert".to_owned(),
        EndingKind::CloseNotify => "close_notify".to_owned(),
        EndingKind::Fin => "FIN".to_owned(),
        EndingKind::Reset(_) => "RST".to_owned(),
    };
    format!("{what} of the {by} in packet {}, at {stage}", moment.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    fn written(story: &Story) -> String {
        let mut text = Vec::new();
        write(story, &verdict::JudgementSettings::default(), &mut text).expect("a vector takes it");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn the_decisive_ending_and_each_rule_s_answer_are_shown() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let text = written(&hello.wait(8_000).fin(Client).story(0));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "192.0.2.10:50000 > 198.51.100.20:8443, packets 1 to 6",
                "  decides   silence of 8.0 s after packet 4, awaiting the server, at client-hello",
                "            FIN of the client in packet 6, at client-hello",
                "  declined    unreachable",
                "  declined    refused",
            ]
        );
        let answers: Vec<_> = lines.iter().filter(|line| line.contains("applies")).collect();
        assert_eq!(answers, [&"  applies     no-server-hello", &"  (applies)   in-progress"]);
        assert_eq!(lines.len(), 3 + verdict::RULES.len() + 1);
    }

    #[test]
    fn where_tls_runs_in_reverse_the_rules_are_asked_about_its_own_roles() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let mut story = hello.wait(8_000).fin(Client).story(0);
        story.tls_client = Server;
        story.exchange_tls_roles();
        let text = written(&story);
        assert!(text.starts_with("198.51.100.20:8443 > 192.0.2.10:50000"), "{text}");
        assert!(text.contains("decides   silence of 8.0 s after packet 4, awaiting the client"), "{text}");
        assert!(text.contains("\n  applies     no-server-hello"), "{text}");
    }

    #[test]
    fn where_all_packets_are_left_over_no_rule_that_finds_a_fault_is_asked() {
        let late = ssm().segment(Client, "P.", 5_000, &talk::data());
        let answered = late.segment_with(Server, "R", 1, 0, &[], |header| {
            header.ip.id = Some(0);
            header.tcp.window = Some(0);
        });
        let text = written(&answered.story(60_000));
        assert!(text.contains("asked: all packets are left over from an older connection"), "{text}");
        assert!(text.contains("applies     midstream") && text.contains("not asked   reset"), "{text}");
    }

    #[test]
    fn where_the_ending_depends_on_the_missing_side_no_rule_that_finds_a_fault_is_asked() {
        let opened = ssm().syn().segment_with(Client, ".", 1, 1, &[], |_| {});
        let hello = opened.segment_with(Client, "P.", 1, 1, &talk::client_hello(), |_| {});
        let ended = hello.segment_with(Client, "P.", 206, 1_500, &talk::client_flight(), |_| {}).fin(Client);
        let text = written(&ended.story(0));
        assert!(text.contains("no rule that finds a fault is asked"), "{text}");
        assert!(
            text.contains("not asked   closed-early") && text.contains("applies     capture-gap"),
            "{text}"
        );
        assert!(text.contains("not asked   healthy"), "a fault may hide: {text}");
    }
}
