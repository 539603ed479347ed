//! Payload was cut off by the snapshot length, or never printed.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tls::Basis;

/// `snaplen`: what the missing bytes hide.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let cut = story.traffic.counters.client.cut_bytes + story.traffic.counters.server.cut_bytes;
    if cut == 0 {
        return None;
    }
    let (text, evidence) = if story.capture.is_text {
        (if shows_words(story) { WITH_WORDS } else { WITHOUT_WORDS }.to_owned(), None)
    } else {
        (
            format!(
                "{cut} payload bytes were cut off by the snapshot length: TLS is followed by the headers that were kept. A capture with \
                 `-s 0` would show names, versions and certificates."
            ),
            story.data.client.first,
        )
    };
    finding("snaplen", Weight::Info, text, evidence.map(|moment| moment.number))
}

const WITHOUT_WORDS: &str =
    "The input is text without payload: TLS is followed by lengths, directions and order only.";

const WITH_WORDS: &str = "The input is text without payload: of TLS it shows what its tool decoded, and the rest is \
                          followed by lengths, directions and order.";

/// Whether a message of TLS is known by more than its length.
fn shows_words(story: &Story) -> bool {
    let tls = &story.tls;
    let hello = tls.client_hello.as_ref().map(|observed| observed.basis);
    let hellos = [hello, tls.server_hello.as_ref().map(|observed| observed.basis)];
    hellos.into_iter().flatten().any(|basis| basis != Basis::Inferred)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;

    fn cut(bytes: u64) -> Story {
        Story::at(Stage::ServerHello).but(|story| story.traffic.counters.server.cut_bytes = bytes)
    }

    #[test]
    fn payload_that_was_cut_off_is_counted() {
        let found = cut(3_000).finding("snaplen").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[4][..]));
        assert!(found.text.contains("3000 payload bytes"), "{}", found.text);
        assert_eq!(cut(0).finding("snaplen"), None);
    }

    #[test]
    fn text_has_no_payload_and_no_snapshot_length() {
        let found =
            cut(3_000).but(|story| story.capture.is_text = true).finding("snaplen").expect("a finding");
        assert_eq!(found.text, WITH_WORDS);
        assert_eq!(found.evidence, [0; 0]);
        assert!(!found.text.contains("snapshot") && !found.text.contains("-s 0"), "{}", found.text);
    }
}
