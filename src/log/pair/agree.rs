//! Whether what a log says and what the wire shows are the same event.
//!
//! The table is measured: JDK 17's two HTTP clients, and nginx 1.22, against each fault. Where the words of a log name something else
//! than what happened, and are known to, that is an explanation and no contradiction.

use crate::log::attempt::{AttemptOutcome, Side};
use crate::log::wire::{Exchange, WireOutcome};

/// How a log's outcome and the wire's compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Agreement {
    /// They are the same.
    Agrees,
    /// They are the same once the log's words are understood.
    Explained(Explanation),
    /// One of them does not say.
    Silent,
    /// They contradict each other.
    Disagrees,
}

/// Why a log's words and the wire differ and still agree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Explanation {
    /// `connect timed out`, though the SYN was answered: `java.net.http` counts the TLS handshake as connecting.
    ConnectIncludesHandshake,
    /// `Remote host terminated the handshake` for a RST: `java.net.http` does not distinguish them.
    ResetDuringHandshake,
    /// The log has the refusal of the application: on the wire, an encrypted answer like any other.
    AnswerIsEncrypted,
    /// The client closed, for it did not accept the certificate; its alert may be encrypted, or missing.
    ClientClosed,
}

/// Compares the outcome of a log on `side` with the wire's.
pub(in crate::log) fn agreement(side: Side, log: AttemptOutcome, exchange: &Exchange) -> Agreement {
    let wire = exchange.outcome;
    if wire == WireOutcome::Unknown || matches!(log, AttemptOutcome::Unknown | AttemptOutcome::Failed) {
        return Agreement::Silent;
    }
    match side {
        Side::Client => client(log, wire, exchange.end_by),
        Side::Server => server(log, wire),
    }
}

#[expect(clippy::match_same_arms, reason = "a row is a fault, as it was measured")]
fn client(log: AttemptOutcome, wire: WireOutcome, end_by: Side) -> Agreement {
    use Agreement::{Agrees, Disagrees, Explained, Silent};
    use WireOutcome as On;
    match (log, wire) {
        (AttemptOutcome::Succeeded, On::Complete)
        | (AttemptOutcome::Refused, On::Refused)
        | (AttemptOutcome::Unreachable, On::Unreachable)
        | (AttemptOutcome::ConnectTimeout, On::NoReply)
        | (AttemptOutcome::ReadTimeout, On::NoServerHello | On::Stalled | On::NoResponse)
        | (AttemptOutcome::TimedOut, On::NoReply | On::NoServerHello | On::Stalled | On::NoResponse)
        | (AttemptOutcome::Reset, On::Reset)
        | (AttemptOutcome::ClosedInHandshake, On::ClosedEarly)
        | (AttemptOutcome::NotTls, On::NotTls)
        | (AttemptOutcome::EmptyAnswer, On::NoResponse | On::ClosedEarly)
        | (
            AttemptOutcome::CertificateRejected | AttemptOutcome::NameMismatch,
            On::Alert { by: Side::Client, .. },
        ) => Agrees,
        (AttemptOutcome::Status(_) | AttemptOutcome::Denied(_), On::Complete) => {
            Explained(Explanation::AnswerIsEncrypted)
        }
        (AttemptOutcome::ConnectTimeout, On::NoServerHello | On::Stalled) => {
            Explained(Explanation::ConnectIncludesHandshake)
        }
        // Who gives up closes.
        (
            AttemptOutcome::ConnectTimeout | AttemptOutcome::ReadTimeout | AttemptOutcome::TimedOut,
            On::ClosedEarly | On::Reset,
        ) if end_by == Side::Client => Silent,
        // A timeout of the whole request (`java.net.http`) may end any step.
        (AttemptOutcome::ReadTimeout, On::NoReply) => Silent,
        (AttemptOutcome::ClosedInHandshake | AttemptOutcome::HandshakeFailed, On::Reset) => {
            Explained(Explanation::ResetDuringHandshake)
        }
        (AttemptOutcome::EmptyAnswer, On::Reset) => Silent,
        (
            AttemptOutcome::CertificateRejected | AttemptOutcome::NameMismatch,
            On::ClosedEarly | On::Reset | On::Complete,
        ) => Explained(Explanation::ClientClosed),
        (AttemptOutcome::HandshakeFailed, On::Alert { .. } | On::ClosedEarly | On::NotTls) => Silent,
        (AttemptOutcome::Alert(Some(log)), On::Alert { number: Some(wire), by: Side::Server }) => {
            if log == wire { Agrees } else { Disagrees }
        }
        (AttemptOutcome::Alert(_), On::Alert { by: Side::Server, .. }) => Agrees,
        // Java reports a port that an ICMP error refused as refused.
        (AttemptOutcome::Refused, On::Unreachable) | (AttemptOutcome::Unreachable, On::NoReply) => Silent,
        (AttemptOutcome::ProxyRefused(Some(log)), On::ProxyRefused(Some(wire))) => {
            if log == wire {
                Agrees
            } else {
                Disagrees
            }
        }
        (AttemptOutcome::ProxyRefused(_), On::ProxyRefused(_)) => Agrees,
        // nginx answers what is not TLS in clear.
        (AttemptOutcome::Status(400), On::NotTls) => Agrees,
        // 407 reaches the program as the answer's status.
        (AttemptOutcome::Status(log), On::ProxyRefused(Some(wire))) if log == wire => Agrees,
        _ => Disagrees,
    }
}

#[expect(clippy::match_same_arms, reason = "a row is a fault, as it was measured")]
fn server(log: AttemptOutcome, wire: WireOutcome) -> Agreement {
    use Agreement::{Agrees, Disagrees, Explained, Silent};
    use WireOutcome as On;
    match (log, wire) {
        (AttemptOutcome::Succeeded, On::Complete)
        | (AttemptOutcome::GaveUp, On::NoResponse | On::Reset | On::ClosedEarly)
        | (AttemptOutcome::NotTls, On::NotTls)
        | (AttemptOutcome::ClosedInHandshake, On::ClosedEarly | On::NoServerHello | On::Stalled)
        | (AttemptOutcome::Alert(_), On::Alert { by: Side::Client, .. })
        | (AttemptOutcome::TimedOut, On::Stalled | On::NoServerHello | On::NoResponse)
        | (AttemptOutcome::HandshakeFailed, On::Alert { .. } | On::ClosedEarly | On::NotTls) => Agrees,
        (AttemptOutcome::Status(400), On::NotTls) => Agrees,
        (
            AttemptOutcome::Status(_) | AttemptOutcome::Denied(_) | AttemptOutcome::FeatureDenied,
            On::Complete,
        ) => Explained(Explanation::AnswerIsEncrypted),
        // The server answered, and the answer or its end did not arrive: nginx has it as sent.
        (AttemptOutcome::Succeeded | AttemptOutcome::Status(_), On::NoResponse | On::Reset) => Silent,
        (AttemptOutcome::ClosedInHandshake, On::Alert { .. } | On::Reset) => Silent,
        (AttemptOutcome::FeatureDenied, _) => Silent,
        _ => Disagrees,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn exchange(outcome: WireOutcome) -> Exchange {
        let socket = "10.0.0.1:1".parse().expect("an address");
        Exchange { outcome, ..Exchange::complete(socket, socket, Timestamp::ZERO, Timestamp::ZERO) }
    }

    fn agreement(side: Side, log: AttemptOutcome, wire: WireOutcome) -> Agreement {
        super::agreement(side, log, &exchange(wire))
    }

    #[test]
    fn a_client_that_gives_up_closes() {
        let closed = |end_by| Exchange { end_by, ..exchange(WireOutcome::ClosedEarly) };
        let compare = |end_by| super::agreement(Side::Client, AttemptOutcome::ReadTimeout, &closed(end_by));
        assert_eq!(compare(Side::Client), Agreement::Silent);
        assert_eq!(compare(Side::Server), Agreement::Disagrees);
    }

    #[test]
    fn the_trap_of_connect_timed_out_is_an_explanation() {
        let compare = |log, wire| super::agreement(Side::Client, log, &exchange(wire));
        assert_eq!(compare(AttemptOutcome::ConnectTimeout, WireOutcome::NoReply), Agreement::Agrees);
        assert_eq!(
            compare(AttemptOutcome::ConnectTimeout, WireOutcome::NoServerHello),
            Agreement::Explained(Explanation::ConnectIncludesHandshake)
        );
        assert_eq!(compare(AttemptOutcome::ConnectTimeout, WireOutcome::Complete), Agreement::Disagrees);
    }

    #[test]
    fn a_refusal_of_the_application_is_a_complete_exchange() {
        for outcome in [
            AttemptOutcome::Status(403),
            AttemptOutcome::Denied(Some("invalid_client")),
            AttemptOutcome::Denied(None),
        ] {
            for side in [Side::Client, Side::Server] {
                assert_eq!(
                    agreement(side, outcome, WireOutcome::Complete),
                    Agreement::Explained(Explanation::AnswerIsEncrypted)
                );
            }
            assert_eq!(agreement(Side::Client, outcome, WireOutcome::Refused), Agreement::Disagrees);
        }
    }

    #[test]
    fn alerts_agree_by_their_number_and_their_sender() {
        let wire = |number| WireOutcome::Alert { number, by: Side::Server };
        assert_eq!(
            agreement(Side::Client, AttemptOutcome::Alert(Some(70)), wire(Some(70))),
            Agreement::Agrees
        );
        assert_eq!(agreement(Side::Client, AttemptOutcome::Alert(Some(70)), wire(None)), Agreement::Agrees);
        assert_eq!(
            agreement(Side::Client, AttemptOutcome::Alert(Some(70)), wire(Some(40))),
            Agreement::Disagrees
        );
        assert_eq!(
            agreement(Side::Server, AttemptOutcome::Alert(Some(48)), wire(Some(48))),
            Agreement::Disagrees
        );
    }

    #[test]
    fn what_one_of_them_does_not_say_contradicts_nothing() {
        assert_eq!(agreement(Side::Client, AttemptOutcome::Failed, WireOutcome::Reset), Agreement::Silent);
        assert_eq!(agreement(Side::Client, AttemptOutcome::Refused, WireOutcome::Unknown), Agreement::Silent);
    }
}
