//! What was taken for the end of a side's data, and turns out to be data.

use crate::story::{Ending, EndingKind, Moment, Silence, Stage, Story};
use crate::tcp::Role;
use crate::tls::Basis;

/// The server answers what was taken for the client's close_notify, by data that is no session ticket and acknowledges it, and the client
/// has not closed: it was a request of that size. A record of alerts shows its type up to TLS 1.2.
pub(super) fn withdraw_answered_closing(answer: Moment, story: &mut Story) {
    let [Ending { what: EndingKind::CloseNotify, by: Role::Client, moment: asked, stage }] =
        story.endings[..]
    else {
        return;
    };
    let records = &story.tls.application_data;
    let is_answered = stage == Stage::TlsEstablished
        && story.tls.is_tls13() != Some(false)
        && records.client.count == 0
        && story.data.client.is_all_acknowledged
        && records.server.moments.last().is_some_and(|record| record.number == answer.number)
        && !story.may_be_tickets_in(answer);
    if is_answered {
        story.endings.clear();
        story.tls.application_data.client.add(asked);
        story.reach(Stage::ApplicationData, Basis::Inferred);
    }
}

/// A side that sends data did not send a close_notify before: the record had that size by chance.
pub(super) fn withdraw_closing(role: Role, story: &mut Story) {
    let is_by_size = |ending: &Ending| {
        let is_alert = ending.what == EndingKind::EncryptedAlert { basis: Basis::Inferred };
        // A server may send data before it has the client's Finished (RFC 8446, 4.4.4).
        let is_half_way = role == Role::Server && is_alert && ending.stage >= Stage::ServerHello;
        let is_closing =
            ending.stage >= Stage::ClientFinished && (is_alert || ending.what == EndingKind::CloseNotify);
        ending.by == role && (is_closing || is_half_way)
    };
    // It was data, then, and no less an answer than what follows.
    for ending in story.endings.iter().filter(|ending| is_by_size(ending)) {
        story.tls.application_data[role].add(ending.moment);
    }
    story.endings.retain(|ending| !is_by_size(ending));
}

/// What was taken for a side's close_notify was a message of two bytes, such as a short answer or MQTT's goodbye.
pub(super) fn withdraw_short_message(role: Role, story: &mut Story) {
    let is_earlier = |ending: &Ending| {
        ending.by == role && ending.what == EndingKind::CloseNotify && ending.stage >= Stage::ClientFinished
    };
    let Some(index) = story.endings.iter().position(is_earlier) else { return };
    let message = story.endings.remove(index).moment;
    story.tls.short_messages[role].add(message);
    // Who says goodbye on a port of messages takes a later one back.
    let is_goodbye = role == Role::Client && story.has_message_port();
    let is_over = |silence: &Silence| {
        let is_taken_back = is_goodbye && silence.is_acknowledged && story.was_answered();
        silence.awaited_from == Role::Server
            && silence.until == message.at
            && (role == Role::Server || is_taken_back)
    };
    let ended = |ending: &Ending| matches!(&ending.what, EndingKind::Silence(silence) if is_over(silence));
    if let Some(index) = story.endings.iter().position(ended) {
        story.endings.remove(index);
    }
    story.tls.application_data[role].add(message);
    match role {
        Role::Client if is_goodbye => story.tls.turns.on_goodbye(),
        Role::Client => {}
        Role::Server => story.tls.turns.on_server(message, false),
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::story::{EndingKind, Stage};
    use crate::tcp::Role::{Client, Server};

    /// A TLS 1.3 handshake, and a record of the client that has a close_notify's size.
    fn closed_by_size() -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        hello.say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(19))
    }

    #[test]
    fn what_the_server_answers_by_data_was_no_close_notify() {
        let answered = closed_by_size().say(Server, &talk::encrypted(83)).ack(Client);
        // Tickets are smaller than that, or come in pairs.
        let answered = answered.say(Server, &talk::encrypted(700)).ack(Client);
        let story = answered.story(0);
        assert_eq!((story.endings.as_slice(), story.stage), (&[][..], Stage::ApplicationData));
        // The path breaks while the connection is idle.
        let seq = answered.next(Client) - 1;
        let probed = (0..4).fold(answered, |talk, _| talk.wait(1_500).segment(Client, ".", seq, &[]));
        assert_eq!(probed.rst(Client).code(0), "no-response");
    }

    #[test]
    fn tickets_and_data_after_the_client_s_fin_answer_no_close_notify() {
        let tickets = closed_by_size().say(Server, &talk::encrypted(250)).ack(Client);
        let left = closed_by_size().fin(Client).say(Server, &talk::encrypted(700));
        for closed in [tickets, left] {
            let story = closed.story(0);
            assert_eq!(story.endings.first().map(|end| &end.what), Some(&EndingKind::CloseNotify));
        }
    }
}
