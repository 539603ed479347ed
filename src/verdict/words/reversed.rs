//! The verdict on a connection whose TCP server is TLS's client, as on a data connection of FTPS's active mode (RFC 4217, 7).

use std::borrow::Cow;

use crate::verdict::{Actor, Verdict};

const REVERSED: &str = " TLS runs in reverse here, as on a data connection of FTPS's active mode: the end that opened the \
     connection is TLS's server.";

impl Verdict {
    /// The rules' verdict, which speaks of TLS's client and server, with the actor as TCP's end.
    pub(crate) fn of_reversed_tls(mut self) -> Self {
        self.actor = match self.actor {
            Actor::Client => Actor::Server,
            Actor::Server => Actor::Client,
            other => other,
        };
        self.headline = named(&self.headline);
        self.explanation = format!("{}{REVERSED}", named(&self.explanation)).into();
        // The advice names TCP's server.
        self.advice = vec!["Read the logs of both ends at that time."];
        self
    }
}

fn named(text: &str) -> Cow<'static, str> {
    text.replace("client", "TLS client").replace("server", "TLS server").replace("TLS TLS", "TLS").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Story;
    use crate::story::script::talk::{client_hello, ssm};
    use crate::tcp::Role;

    #[test]
    fn the_actor_is_tcp_s_end_and_the_words_are_tls_s() {
        let silent = |story: &Story| story.verdict().of_reversed_tls();
        let verdict = silent(&ssm().open().say(Role::Client, &client_hello()).ack(Role::Server).story(8_000));
        assert_eq!(verdict.is(), ("no-server-hello", Actor::Client, None));
        assert!(
            verdict.headline.starts_with("the TLS server acknowledged the ClientHello"),
            "{}",
            verdict.headline
        );
        assert!(verdict.mentions("active mode") && !verdict.mentions("TLS TLS"));
    }
}
