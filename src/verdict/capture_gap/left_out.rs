//! Packets that the author of the text or the capture left out on purpose.

use crate::story::{EndingKind, Stage, Story};

/// What was left out on purpose, and why the outcome depends on it.
pub(super) fn left_out(story: &Story, reached: &str) -> Option<(String, String)> {
    data_alone(story, reached)
        .or_else(|| selected(story, reached))
        .or_else(|| acknowledgements(story, reached))
        .or_else(|| not_shown(story, reached))
}

/// Only packets with data are there, and the last of them leaves the outcome open.
fn data_alone(story: &Story, reached: &str) -> Option<(String, String)> {
    let is_open = story.stage < Stage::ApplicationData || story.is_request_open();
    (story.is_end_left_out() && story.stage >= Stage::TlsEstablished && is_open).then(|| {
        (
            "packets without data are missing from the capture, and what came next may be among them".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Each packet of the connection carries data, as with a display filter such as `tls`: \
                 bare ACKs, FIN and RST are left out, so how the connection ended is unknown."
            ),
        )
    })
}

/// A filter left the acknowledgements out, and one of them may be what a silence lacks.
fn acknowledgements(story: &Story, reached: &str) -> Option<(String, String)> {
    let ending = story.decisive()?;
    let is_silence = matches!(ending.what, EndingKind::Silence(_));
    (is_silence && story.lacks_bare_segments() && story.depends_on_missing(ending)).then(|| {
        (
            "all acknowledgements without data are missing from the capture".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Each packet of the connection carries data or a SYN, FIN or RST: a filter left out \
                 the bare ACKs. What seems not to be acknowledged may have been."
            ),
        )
    })
}

/// The text's own command, or what its tool notes, shows that packets were left out.
fn selected(story: &Story, reached: &str) -> Option<(String, String)> {
    let ending = story.decisive()?;
    (story.missing.is_selected && story.depends_on_missing(ending)).then(|| {
        (
            "the text shows only some of the connection's packets".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. The text's own command, or what its tool notes, shows that packets were left out of \
                 it: by a filter on flags or on one direction, by `grep`, or by a display filter such as `tcp.analysis.retransmission`. The \
                 reply may be among them."
            ),
        )
    })
}

/// Lines that could not be read may hold what decides whether each request was answered.
pub(super) fn hidden_answer(story: &Story) -> Option<(String, String)> {
    story.hides_answers().then(|| {
        (
            "the text has packet lines that could not be read".to_owned(),
            "Acknowledgements and sequence numbers show bytes that no line of the text holds, and between its packets are lines that could \
             not be read. The text shows lengths only, so it is unknown which bytes ask and which answer."
                .to_owned(),
        )
    })
}

/// What the text shows of a silence leaves room for packets that it does not show, or not whole.
fn not_shown(story: &Story, reached: &str) -> Option<(String, String)> {
    let ending = story.decisive()?;
    if !story.depends_on_missing(ending) {
        return None;
    }
    if story.may_be_unread(ending) {
        return Some((
            "packet lines of the text are missing or could not be read".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. After that, the text has packet lines that could not be read, that were cut off before \
                 they show what the packet means, or a mark where its author left lines out: the reply, or an ICMP error, may be among them."
            ),
        ));
    }
    if story.is_opening_left_out(ending) {
        let span = story.opening.syn_ack_span();
        return Some((
            "the client's acknowledgement is missing from the capture".to_owned(),
            format!(
                "The server repeated its SYN-ACK for {span} and then stopped, as it does when it has the client's acknowledgement. The \
                 capture holds nothing of TCP but SYNs and SYN-ACKs, as behind a filter on flags: what happened next is unknown."
            ),
        ));
    }
    if story.is_repeat_left_out(ending) {
        let after = story.capture.end - story.last.at;
        return Some((
            "the SYN's repeats are missing from the text, and a reply may be as well".to_owned(),
            format!(
                "Packet {} is the only SYN of the connection, and the text continues for {after} without it. A client repeats a SYN that nobody \
                 answers after 1 s, or after 3 s at the latest: either it was answered, or its repeats are not in the text, which holds \
                 nothing of TCP but SYNs, as with a filter. A client that gives up before that leaves the same packet.",
                story.last.number
            ),
        ));
    }
    story.hides_data_before(ending).then(|| {
        (
            "lines that were cut don't show what was sent".to_owned(),
            format!(
                "Nothing is certainly wrong up to {reached}. Lines of the text were cut before they show how many bytes a segment has, and \
                 so it is unknown what the two sides said before the end of the connection."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::Talk;
    use crate::story::script::talk::{self, exchange, handshake, ssm};
    use crate::story::{CaptureFacts, Holds, Story};
    use crate::tcp::Role::{Client, Server};
    use crate::time::Elapsed;

    /// As with a display filter that shows packets with data only.
    fn with_data(mut talk: Talk) -> Box<Story> {
        talk.packets.retain(|packet| !packet.payload.is_empty());
        talk.story_in(CaptureFacts { end: talk.now, is_text: true, ..CaptureFacts::default() })
    }

    #[test]
    fn with_a_filter_for_data_the_end_of_the_connection_is_unknown() {
        let asked = handshake().say(Client, &talk::encrypted(150));
        for open in
            [handshake().rst(Server), asked.clone().ack(Server).fin(Client), asked.clone().rst(Server)]
        {
            let verdict = with_data(open).verdict();
            assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
            assert!(verdict.mentions("display filter"), "{verdict:?}");
        }
        let answered = asked.say(Server, &talk::encrypted(900)).fin(Client).fin(Server);
        assert_eq!(with_data(answered).verdict().code.name(), "healthy");
    }

    #[test]
    fn a_request_whose_acknowledgement_was_left_out_is_open_to_the_end_of_the_capture() {
        let mut talk = handshake().say(Client, &talk::encrypted(150)).ack(Server);
        assert_eq!(talk.code(9_000), "no-response");
        talk.packets.retain(|packet| {
            let flags = packet.header.tcp.flags.unwrap_or_default();
            !packet.payload.is_empty() || flags.syn() || flags.fin() || flags.rst()
        });
        assert_eq!(talk.code(9_000), "capture-gap");
        assert_eq!(talk.code(1_500), "in-progress");
    }

    #[test]
    fn a_syn_ack_is_repeated_until_it_is_acknowledged() {
        let verdict = |talk: Talk, more: i64, holds_openings_alone: bool| {
            let end = talk.now + Elapsed::from_millis(more);
            let holds = if holds_openings_alone { Holds::Openings } else { Holds::Others };
            talk.story_in(CaptureFacts { end, holds, ..CaptureFacts::default() }).verdict()
        };
        let twice = ssm().syn().syn_ack().wait(1_000).syn_ack();
        let filtered = verdict(twice.clone(), 4_000, true);
        assert_eq!(filtered.code.name(), "capture-gap", "{}", filtered.headline);
        assert!(filtered.mentions("repeated its SYN-ACK for 1.0 s"), "{filtered:?}");
        let lost = "tcp-handshake-incomplete";
        assert_eq!(verdict(twice.clone(), 4_000, false).code.name(), lost, "no filter");
        // It is repeated for longer, or the client repeats its SYN.
        let often = twice.clone().wait(2_000).syn_ack().wait(4_000).syn_ack();
        assert_eq!(verdict(often, 20_000, true).code.name(), lost);
        assert_eq!(verdict(twice.clone().wait(100).syn(), 4_000, true).code.name(), lost);
    }

    #[test]
    fn a_retransmission_without_its_first_copy_shows_that_packets_were_left_out() {
        let mut story = ssm().syn().wait(2_000).syn().story(20_000);
        assert_eq!(story.verdict().code.name(), "syn-no-reply");
        story.missing.is_selected = true;
        let verdict = story.verdict();
        assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
        assert!(verdict.mentions("tcp.analysis.retransmission"), "{verdict:?}");
    }

    #[test]
    fn with_a_filter_that_keeps_data_syn_fin_and_rst_nothing_shows_an_acknowledgement_to_be_missing() {
        let again = |talk: Talk, seq, times: i64| {
            (0..times)
                .fold(talk, |talk, at| talk.wait(300 << at).segment(Server, "P.", seq, &talk::encrypted(150)))
        };
        // What is lost is sent again, and the transfer continues, as it does with acknowledgements.
        let answered = exchange().ack(Client).say(Client, &talk::data());
        let next = |talk: Talk, _| talk.wait(500).say(Server, &talk::encrypted(150)).repeat(Server);
        let sent = (0..8).fold(answered, next);
        let left = |talk: Talk, wait| talk.wait(wait).say(Client, &talk::close_notify()).fin(Client);
        let kept = |mut talk: Talk| {
            talk.packets.retain(|packet| {
                let flags = packet.header.tcp.flags.unwrap_or_default();
                !packet.payload.is_empty() || flags.syn() || flags.fin() || flags.rst()
            });
            talk.verdict(0)
        };
        let kill = |talk: Talk| {
            let seq = talk.next(Client);
            talk.wait(100).segment_with(Client, "R", seq, 0, &[], |header| header.tcp.ack = None)
        };
        let killed = kill(sent.clone());
        assert_eq!(killed.code(0), "no-response", "with all packets");
        let verdict = kept(killed);
        assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
        assert!(verdict.headline.contains("acknowledgements without data"), "{}", verdict.headline);
        // What ends the wait acknowledges all of it.
        assert_eq!(kept(left(sent, 100)).code.name(), "healthy");
        // Who repeats the same for long has none.
        let asked = exchange().ack(Client).say(Client, &talk::data());
        let seq = asked.next(Server);
        let stuck = again(asked.say(Server, &talk::encrypted(150)), seq, 5);
        assert_eq!(kept(kill(stuck)).code.name(), "no-response");
        // Who leaves with an acknowledgement of less lacks the rest.
        let lost = exchange().ack(Client).say(Client, &talk::data());
        let had = lost.next(Server);
        let lost = lost.say(Server, &talk::encrypted(150)).wait(300).repeat(Server).wait(600).repeat(Server);
        let next = lost.next(Client);
        let gone = lost.wait(7_000).segment_with(Client, "F.", next, had, &[], |_| {});
        assert_eq!(kept(gone).code.name(), "no-response");
        // An answer has data, so one that is owed and not there did not come.
        let hung = exchange().ack(Client).say(Client, &talk::data());
        assert_eq!(kept(left(hung, 7_000)).code.name(), "no-response");
    }
}
