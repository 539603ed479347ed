//! The ClientHello went out, and no TLS byte came back.

use super::words::{advice, drops, path_mtu};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Silence, Stage, Story};
use crate::tcp::Role;

/// `no-server-hello`.
pub(super) const RULE: Rule = Rule {
    code: "no-server-hello",
    severity: Severity::Critical,
    summary: "the ClientHello was sent, and no TLS byte came back within the stall time",
    page: include_str!("../../docs/verdicts/no-server-hello.md"),
    judge,
};

const REPORTS: [&str; 2] =
    ["ETIMEDOUT, or the client's own read timeout", "java.net.SocketTimeoutException: Read timed out"];

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::ClientHello {
        return None;
    }
    let hello = story.tls.client_hello.as_ref()?;
    if story.is_answer_begun(silence) {
        return None;
    }
    let basis = story.basis.max(hello.basis);
    let evidence = [hello.moment.number].into_iter().chain(story.data.client.repeats.numbers());
    let verdict = match story.tls.hello_acknowledged {
        _ if silence.is_acknowledged => acknowledged(story, silence),
        None if story.capture.hides_acknowledgements => unknown(story, silence),
        Some(by) if by.at <= silence.until => went_dark(story, silence).proved_by([by.number]),
        _ => unacknowledged(story, silence),
    };
    Some(Verdict { basis, ..verdict.proved_by(evidence).reported(&REPORTS) })
}

/// The server's TCP has the ClientHello; its process is silent.
fn acknowledged(story: &Story, silence: &Silence) -> Verdict {
    Verdict::new(&RULE, Actor::Server,
        story.basis,
        format!("the server acknowledged the ClientHello and sent nothing for {}", silence.elapsed()),
    )
    .explain(format!(
        "The server's TCP received the ClientHello, as its acknowledgement shows, and no TLS byte followed. Small \
         packets pass both ways: what is missing is the server's process, or a device holds the ClientHello or the whole \
         answer back.{}",
        drops::caveat(story)
    ))
    .advise(&advice::SERVER_PROCESS)
}

/// Whether the ClientHello arrived is not to be seen.
fn unknown(story: &Story, silence: &Silence) -> Verdict {
    let headline = format!("no TLS byte came back for {}", silence.elapsed());
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(
            "The TCP handshake worked, the ClientHello was sent, and no TLS byte came back. Whether the server's TCP acknowledged \
             it is not to be seen here: its process may be silent, or the ClientHello or the answer may be lost on the way.",
        )
        .advise(&["Capture as well: it tells a server that is silent from a ClientHello that is lost."])
        .advise(&advice::SERVER_PROCESS)
}

/// The server's TCP has the ClientHello, and nothing shows that it got what the client said after it.
fn went_dark(story: &Story, silence: &Silence) -> Verdict {
    Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("after acknowledging the ClientHello, the server acknowledged nothing for {}", silence.elapsed()),
    )
    .explain(format!(
        "The ClientHello arrived, as its acknowledgement shows. What the client said next was not acknowledged, and no \
         TLS byte followed: it, or every answer, was lost on the way, or the server lost the connection.{}",
        drops::caveat(story)
    ))
    .advise(&advice::PATH_TO_SERVER)
}

/// Nobody acknowledged the ClientHello.
fn unacknowledged(story: &Story, silence: &Silence) -> Verdict {
    let repeats = story.data.client.repeats.count;
    let repeated = if repeats == 0 { String::new() } else { format!(", sent {} times", repeats + 1) };
    let size = story.tls.client_hello.as_ref().map_or(0, |hello| hello.what.len);
    let verdict = Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("the ClientHello{repeated} was not acknowledged in {}", silence.elapsed()),
    );
    if let Some(sign) = path_mtu::sign(story, Role::Client) {
        return sign.explain(verdict);
    }
    verdict
    .cause("client-hello-lost")
    .explain(format!(
        "The TCP handshake worked, and the first packet with data ({size} bytes of ClientHello) was not acknowledged. \
         Small packets pass and this one does not: a device drops it for its content or its size, or the server lost \
         the connection.{}",
        drops::caveat(story)
    ))
    .advise(&[
        "Look for a firewall with TLS inspection or SNI filtering between the two.",
        "Try a smaller maximum segment size, or a ping with the don't-fragment bit at the path's size, to exclude the path MTU.",
        "Check that the server's own capture shows the ClientHello arriving.",
    ])
}
