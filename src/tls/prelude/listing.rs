//! What a server lists of what it can do, before it is asked for TLS: its replies to EHLO (SMTP), CAPABILITY (IMAP) and CAPA (POP3).
//!
//! A client that looks there asks for TLS only where it is listed (RFC 3207, 4; RFC 9051, 6.2.1; RFC 2595, 4).

use super::Prelude;
use crate::limits;
use crate::tcp::{Delivery, PerRole, Role};

/// Follows the lines of both sides until TLS is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// What is no whole line yet.
    pending: PerRole<Vec<u8>>,
    /// The command whose reply is a list.
    asked: Option<Prelude>,
    /// Whether the reply has begun.
    is_begun: bool,
    /// The protocol of the last list, and whether it names the command that asks for TLS.
    listed: Option<(Prelude, bool)>,
    /// Whether lines are missing.
    is_cut: bool,
}

impl Listing {
    /// Takes what a side sent.
    pub(super) fn take(&mut self, role: Role, delivery: &Delivery<'_>) {
        self.is_cut |= delivery.hole.is_some() || delivery.len as usize > delivery.bytes.len();
        if self.is_cut {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending[role]);
        pending.extend_from_slice(delivery.bytes);
        let mut place = 0;
        while let Some(len) = pending.iter().skip(place).position(|byte| *byte == b'\n') {
            let line = pending.get(place..place + len).unwrap_or_default();
            match role {
                Role::Client => self.command(line.trim_ascii()),
                Role::Server => self.reply(line.trim_ascii_end()),
            }
            place += len + 1;
        }
        pending.drain(..place);
        self.is_cut |= pending.len() > limits::PRELUDE_MESSAGE_BYTES;
        self.pending[role] = if self.is_cut { Vec::new() } else { pending };
    }

    /// Whether the server listed what it can do, and how TLS is asked for in this protocol is not in the list.
    pub(super) fn lacks(&self, protocol: Prelude) -> bool {
        !self.is_cut && self.listed == Some((protocol, false))
    }

    fn command(&mut self, line: &[u8]) {
        self.asked = match line.split(u8::is_ascii_whitespace).next() {
            Some(word) if word.eq_ignore_ascii_case(b"EHLO") => Some(Prelude::Smtp),
            Some(word) if word.eq_ignore_ascii_case(b"CAPA") => Some(Prelude::Pop3),
            _ => None,
        };
        self.is_begun = false;
    }

    fn reply(&mut self, line: &[u8]) {
        let has = |text: &[u8], word: &str| {
            let mut words =
                text.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'-' | b'+')));
            words.any(|other| other.eq_ignore_ascii_case(word.as_bytes()))
        };
        // In a greeting, in a reply of its own, or in one to another command (RFC 9051, 7.1 and 7.2.2).
        if line.starts_with(b"*") && has(line, "CAPABILITY") {
            self.listed = Some((Prelude::Imap, has(line, "STARTTLS")));
            return;
        }
        match self.asked {
            Some(Prelude::Smtp) => {
                let is_last = line.get(3) != Some(&b'-');
                if line.starts_with(b"250") {
                    self.add(Prelude::Smtp, has(line.get(4..).unwrap_or_default(), "STARTTLS"));
                }
                self.asked = self.asked.filter(|_| !is_last);
            }
            Some(Prelude::Pop3) if self.is_begun && line == b"." => self.asked = None,
            Some(Prelude::Pop3) if self.is_begun || line.starts_with(b"+OK") => {
                self.add(Prelude::Pop3, self.is_begun && has(line, "STLS"));
            }
            _ => self.asked = None,
        }
    }

    /// Adds a line of a list.
    fn add(&mut self, protocol: Prelude, is_listed: bool) {
        let before = self.is_begun && self.listed == Some((protocol, true));
        self.listed = Some((protocol, before || is_listed));
        self.is_begun = true;
    }
}
