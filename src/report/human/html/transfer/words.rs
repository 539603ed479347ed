//! What a picture of a transfer shows, in sentences.

use super::stall::{Stall, Why};
use crate::report::human::ladder::three_digits;
use crate::report::text::numbers::times;
use crate::report::text::words::{amount, grouped};
use crate::tcp::Role;

/// The ends of a transfer, and its stall.
pub(super) struct Words<'a> {
    pub(super) sender: Role,
    pub(super) stall: &'a Stall,
    /// When it began; empty if it is not known.
    pub(super) began: String,
}

impl Words<'_> {
    /// The label of the stall.
    pub(super) fn label(&self) -> String {
        let elapsed = three_digits(self.stall.elapsed());
        match self.stall.why {
            Why::Unacknowledged => format!("no progress for {elapsed}"),
            Why::Closed => format!("window closed for {elapsed}"),
            Why::Silent => format!("nothing sent for {elapsed}"),
        }
    }

    /// What happened, in sentences.
    pub(super) fn sentences(&self) -> String {
        let parts = [Some(self.stalled()), self.repeated(), self.reported(), self.room(), self.ended()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn stalled(&self) -> String {
        let (sender, receiver, stall) = (self.sender, self.sender.other(), self.stall);
        let elapsed = three_digits(stall.elapsed());
        let subject = |who: Role| match self.began.as_str() {
            "" => format!("The {who}"),
            began => format!("From {began} on, the {who}"),
        };
        match stall.why {
            Why::Unacknowledged => format!(
                "{} acknowledged nothing new for {elapsed}: {} from byte {} on waited for it.",
                subject(receiver),
                amount(stall.sent.saturating_sub(stall.acked)),
                grouped(stall.acked),
            ),
            Why::Closed => {
                format!("{} had no room for a byte: its window was closed for {elapsed}.", subject(receiver))
            }
            Why::Silent => format!(
                "{} sent nothing more for {elapsed}, although it had not sent all of what it began and the {receiver} had acknowledged \
                 every byte.",
                subject(sender),
            ),
        }
    }

    fn repeated(&self) -> Option<String> {
        let repeats = self.stall.repeats;
        (repeats > 0).then(|| format!("The {} sent bytes again {}.", self.sender, times(repeats)))
    }

    fn reported(&self) -> Option<String> {
        let (from, to) = self.stall.sacked.first()?;
        let further = if self.stall.sacked.len() > 1 { " and further ones" } else { "" };
        Some(format!(
            "The {} reported (SACK) that it had bytes {} to {}{further}, but not those before them.",
            self.sender.other(),
            grouped(*from),
            // A block may hold the FIN, which is no byte.
            grouped((*to).min(self.stall.sent).saturating_sub(1)),
        ))
    }

    fn room(&self) -> Option<String> {
        let receiver = self.sender.other();
        let edge = self.stall.edge.filter(|_| self.stall.why == Why::Unacknowledged)?;
        Some(match edge.saturating_sub(self.stall.sent) {
            0 => format!("The {receiver}'s window was full."),
            room => format!("The {receiver}'s window had room for {} more.", amount(room)),
        })
    }

    fn ended(&self) -> Option<String> {
        match (self.stall.why, self.stall.is_over) {
            (Why::Unacknowledged, true) => Some("Then it acknowledged more.".to_owned()),
            (Why::Unacknowledged, false) => {
                Some(format!("The {} acknowledged nothing more.", self.sender.other()))
            }
            (Why::Closed, true) => Some("Then it opened.".to_owned()),
            (Why::Closed, false) => Some("It did not open again.".to_owned()),
            (Why::Silent, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn stall(why: Why) -> Stall {
        Stall {
            from: Timestamp::from_parts(0, 0),
            until: Timestamp::from_parts(7, 0),
            why,
            acked: 316,
            sent: 6_505,
            edge: Some(64_316),
            repeats: 9,
            sacked: vec![(6_108, 6_506)],
            is_over: false,
        }
    }

    fn words(stall: &Stall) -> String {
        Words { sender: Role::Client, stall, began: "04:14:17.986".to_owned() }.sentences()
    }

    #[test]
    fn what_waits_what_was_repeated_and_what_the_receiver_has_is_said() {
        assert_eq!(
            words(&stall(Why::Unacknowledged)),
            "From 04:14:17.986 on, the server acknowledged nothing new for 7.00 s: 6,189 bytes from byte 316 on waited for it. The client \
             sent bytes again 9 times. The server reported (SACK) that it had bytes 6,108 to 6,504, but not those before them. The \
             server's window had room for 57.8 kB more. The server acknowledged nothing more."
        );
    }

    #[test]
    fn a_closed_window_and_a_silent_sender_have_words_of_their_own() {
        let closed = Stall { repeats: 0, sacked: Vec::new(), is_over: true, ..stall(Why::Closed) };
        assert_eq!(
            words(&closed),
            "From 04:14:17.986 on, the server had no room for a byte: its window was closed for 7.00 s. Then it opened."
        );
        let silent = Stall { repeats: 0, sacked: Vec::new(), ..stall(Why::Silent) };
        assert!(words(&silent).contains("the client sent nothing more for 7.00 s, although"));
    }
}
