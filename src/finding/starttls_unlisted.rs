//! The server starts TLS when it is asked, and does not list that it can.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tls::Prelude;

/// `starttls-unlisted`: only where the server agreed; one that refuses keeps to its list.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let prelude = story.prelude.as_ref().filter(|prelude| prelude.is_unlisted && prelude.is_agreed())?;
    let list = match prelude.protocol {
        Prelude::Imap => "CAPABILITY list",
        Prelude::Pop3 => "reply to CAPA",
        _ => "reply to EHLO",
    };
    let text = format!(
        "{} is not in the server's {list}, and the server starts TLS nevertheless: clients that look there do not ask for TLS. Its \
         configuration or a device on the path may remove it.",
        prelude.protocol
    );
    finding("starttls-unlisted", Weight::Warning, text, [prelude.asked.number, prelude.latest.moment.number])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{Talk, ssm};
    use crate::tcp::Role::{Client, Server};

    /// A dialogue of lines, which the server begins.
    fn dialogue(lines: &[&str]) -> Talk {
        let roles = [Server, Client].into_iter().cycle();
        lines.iter().zip(roles).fold(ssm().open(), |talk, (line, role)| talk.say(role, line.as_bytes()))
    }

    #[test]
    fn what_the_list_lacks_is_found_where_the_server_agrees() {
        let smtp = |list, answer| dialogue(&["220 mx\r\n", "EHLO x\r\n", list, "STARTTLS\r\n", answer]);
        let found = smtp("250-mx\r\n250 PIPELINING\r\n", "220 go\r\n")
            .finding("starttls-unlisted")
            .expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[7, 8][..]));
        assert!(
            found.text.starts_with("SMTP STARTTLS is not in the server's reply to EHLO"),
            "{}",
            found.text
        );
        for (list, answer) in [
            ("250-mx\r\n250-starttls\r\n250 SIZE 1\r\n", "220 go\r\n"),
            ("250 STARTTLS\r\n", "220 go\r\n"),
            ("250 mx\r\n", "454 not now\r\n"),
            ("500 what\r\n", "220 go\r\n"),
        ] {
            assert_eq!(smtp(list, answer).finding("starttls-unlisted"), None, "{list}");
        }
    }

    #[test]
    fn the_lists_of_imap_and_pop3_are_known_too() {
        let asked = ["a1 STARTTLS\r\n", "a1 OK go\r\n"];
        let bare = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n";
        for (lines, is_found) in [
            (&[bare, asked[0], asked[1]][..], true),
            (&["* OK [CAPABILITY IMAP4rev1 STARTTLS] x\r\n", asked[0], asked[1]], false),
            (&["* OK x\r\n", asked[0], asked[1]], false),
            (
                &[
                    bare,
                    "a0 CAPABILITY\r\n",
                    "* CAPABILITY IMAP4rev1 STARTTLS\r\na0 OK\r\n",
                    asked[0],
                    asked[1],
                ],
                false,
            ),
            (&["+OK x\r\n", "CAPA\r\n", "+OK\r\nUSER\r\n.\r\n", "STLS\r\n", "+OK go\r\n"], true),
            (&["+OK x\r\n", "CAPA\r\n", "+OK\r\nSTLS\r\n.\r\n", "STLS\r\n", "+OK go\r\n"], false),
            (&["+OK x\r\n", "CAPA\r\n", "-ERR what\r\n", "STLS\r\n", "+OK go\r\n"], false),
        ] {
            assert_eq!(dialogue(lines).finding("starttls-unlisted").is_some(), is_found, "{lines:?}");
        }
    }
}
