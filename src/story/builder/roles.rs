//! What is exchanged where a later packet shows that client and server are the other way round.

use super::Builder;
use crate::story::{EndingKind, Story};
use crate::tcp::Role;

impl Builder {
    /// Exchanges the roles, when content shows who the client really is.
    pub fn swap_roles(&mut self) {
        self.story.swap_roles();
        self.closing.swap_roles();
        self.silences.swap_roles();
    }

    /// Exchanges the roles up to the story's end, where the end that accepted the connection begins TLS as its client.
    pub fn begin_tls_in_reverse(&mut self) {
        self.swap_roles();
        self.story.tls_client = Role::Server;
    }
}

impl Story {
    /// Exchanges TCP's roles for TLS's, or back, where they differ.
    pub(crate) fn exchange_tls_roles(&mut self) {
        if self.tls_client == Role::Server {
            self.swap_roles();
        }
    }

    /// Exchanges the roles, as long as no ClientHello has shown who the client is.
    pub(in crate::story) fn swap_roles(&mut self) {
        // Every field is named, so that a new one does not compile before it is decided whether it belongs to a role.
        let Self {
            id: _,
            parties,
            version: _,
            names: _,
            expects_tls: _,
            first: _,
            earliest: _,
            last: _,
            packets: _,
            order: _,
            stage: _,
            basis: _,
            opening,
            data,
            tls_client: _,
            tls: _,
            plain,
            dialogue: _,
            later_plain_request: _,
            plain_request_end: _,
            plain_request_lacks: _,
            plain_answer_end: _,
            plain_answer_lacks: _,
            http2: _,
            prelude: _,
            closed_on_request: _,
            half_closed: _,
            endings,
            reset_reason: _,
            pauses,
            path,
            traffic,
            missing,
            capture: _,
            logs: _,
            log_lines: _,
            log_lines_beyond: _,
            is_redacted: _,
            timeline,
        } = self;
        traffic.counters.swap();
        parties.swap();
        opening.previous_connection.swap();
        data.swap();
        plain.swap();
        traffic.zero_windows.swap();
        if let Some(unanswered) = &mut traffic.unanswered_probes {
            unanswered.by = unanswered.by.other();
        }
        missing.acked_unseen.swap();
        missing.acked_unseen_by.swap();
        missing.since_step.swap();
        missing.gap.swap();
        missing.fin.swap();
        timeline.swap_roles();
        path.swap_roles();
        for silence in pauses {
            silence.awaited_from = silence.awaited_from.other();
        }
        for ending in endings {
            ending.by = ending.by.other();
            if let EndingKind::Silence(silence) = &mut ending.what {
                silence.awaited_from = silence.awaited_from.other();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::story::Stage;
    use crate::story::script::talk::{client_hello, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::time::Elapsed;

    #[test]
    fn with_the_roles_all_that_a_side_did_is_exchanged() {
        let mut story = ssm().open().say(Client, &client_hello()).ack(Server).story(8_000);
        story.path.round_trips.shortest_to_server = Some(Elapsed::from_millis(7));
        let before = story.clone();
        assert!(before.silence().is_some_and(|silence| silence.awaited_from == Server));
        story.swap_roles();
        assert!(story.silence().is_some_and(|silence| silence.awaited_from == Client));
        assert_eq!(story.path.round_trips.shortest_to(Client), Some(Elapsed::from_millis(7)));
        assert_eq!(
            (story.parties.client.port, story.stage),
            (before.parties.server.port, Stage::ClientHello)
        );
        story.swap_roles();
        assert_eq!(story.silence(), before.silence());
        assert_eq!(story.endings, before.endings);
        assert_eq!(story.data, before.data);
    }
}
