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
        self.traffic.counters.swap();
        self.parties.swap();
        self.opening.previous_connection.swap();
        self.data.swap();
        self.plain.swap();
        self.traffic.zero_windows.swap();
        if let Some(unanswered) = &mut self.traffic.unanswered_probes {
            unanswered.by = unanswered.by.other();
        }
        self.missing.acked_unseen.swap();
        self.missing.acked_unseen_by.swap();
        self.missing.since_step.swap();
        self.missing.gap.swap();
        self.missing.fin.swap();
        self.timeline.swap_roles();
        self.path.swap_roles();
        for silence in &mut self.pauses {
            silence.awaited_from = silence.awaited_from.other();
        }
        for ending in &mut self.endings {
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
