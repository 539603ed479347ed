//! A request to which no byte of an answer came.

use super::advice::SERVER_LOG;
use crate::verdict::{Actor, Code, Severity, Verdict};

/// The server closed in place of an answer to this request. To a bystander TLS may have ended in order, with nothing asked.
pub(super) fn closed_instead(verdict: &mut Verdict, asked: &str) {
    if verdict.severity == Severity::Critical {
        return;
    }
    verdict.code = Code::NoResponse;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.cause = None;
    verdict.headline = format!("the server closed the connection instead of replying to {asked}").into();
    verdict.explanation = "TCP and TLS are fine, and the request was sent. The server, or what is behind it, ended the connection before the \
                           first byte of an answer: it failed on the request, or does not serve it."
        .into();
    verdict.client_reports = vec![
        "curl: (52) Empty reply from server".into(),
        "java.net.SocketException: Unexpected end of file from server".into(),
    ];
    verdict.change_advice(|advice| *advice = vec![SERVER_LOG]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Stage, Story};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_close_in_place_of_an_answer_is_no_response() {
        let mut verdict = Story::at(Stage::TlsEstablished).fin(Client).verdict();
        assert_ne!(verdict.severity, Severity::Critical);
        closed_instead(&mut verdict, "GET /");
        assert_eq!(
            (verdict.code, verdict.severity, verdict.actor),
            (Code::NoResponse, Severity::Critical, Actor::Server)
        );
        assert!(verdict.headline.ends_with("instead of replying to GET /"), "{}", verdict.headline);
    }

    #[test]
    fn a_fault_that_packets_show_stays() {
        let mut verdict = Story::at(Stage::ClientHello).alert(Server, 40).verdict();
        closed_instead(&mut verdict, "GET /");
        assert_eq!(verdict.code, Code::TlsAlert);
    }
}
