//! Protocols in clear in which the server answers each command: SMTP, FTP, POP3, IMAP and MySQL, where it greets before, and those whose
//! first request has a known form.

use super::requests::Question;

/// A dialogue, by the form of its greeting or of its first request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialogue {
    /// SMTP (RFC 5321, 3.1) or FTP (RFC 959, 5.4): both greet with 220.
    Numbered,
    /// POP3 (RFC 1939, 4).
    Pop3,
    /// IMAP (RFC 9051, 7.1).
    Imap,
    /// MySQL's protocol 10, and MariaDB's.
    MySql,
    /// The client begins.
    Asked(Question),
}

/// What the server's reply before it makes of the client's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Reply {
    /// A command is next.
    #[default]
    Done,
    /// SMTP's 354: a message is next, up to a line with a dot.
    WantsMessage,
    /// SMTP's 334: a line is next, whatever it says.
    WantsLine,
}

/// Commands of SMTP (RFC 5321, 4.1; RFC 4954; RFC 1985) and FTP (RFC 959, 4.1; RFC 2389; RFC 2428; RFC 3659; RFC 4217).
pub(crate) const NUMBERED: [&str; 53] = [
    "HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "RSET", "VRFY", "EXPN", "NOOP", "HELP", "AUTH", "ETRN",
    "USER", "PASS", "ACCT", "CWD", "CDUP", "SMNT", "REIN", "PORT", "PASV", "EPRT", "EPSV", "TYPE", "STRU",
    "MODE", "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "DELE", "RMD", "MKD", "PWD",
    "LIST", "NLST", "SITE", "SYST", "STAT", "FEAT", "OPTS", "SIZE", "MDTM", "MLSD", "MLST", "PBSZ", "PROT",
    "CCC",
];

/// Commands of POP3 (RFC 1939; RFC 2449; RFC 5034).
pub(crate) const POP3: [&str; 13] =
    ["USER", "PASS", "APOP", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL", "CAPA", "AUTH"];

/// Commands of IMAP, after a tag (RFC 9051, 6). LOGOUT is a goodbye, and IDLE waits for events.
pub(crate) const IMAP: [&str; 29] = [
    "CAPABILITY",
    "NOOP",
    "LOGIN",
    "AUTHENTICATE",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "SEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
    "ENABLE",
    "ID",
    "NAMESPACE",
    "SORT",
    "THREAD",
];

impl Dialogue {
    /// The dialogue that a server's first bytes begin.
    pub(crate) fn of_greeting(payload: &[u8]) -> Option<Self> {
        if is_mysql_greeting(payload) {
            return Some(Self::MySql);
        }
        let is_lines = payload.ends_with(b"\n");
        let begins = |words: &[&str]| words.iter().any(|word| payload.starts_with(word.as_bytes()));
        match () {
            () if !is_lines => None,
            () if begins(&["220 ", "220-"]) => Some(Self::Numbered),
            () if begins(&["+OK"]) => Some(Self::Pop3),
            () if begins(&["* OK", "* PREAUTH"]) => Some(Self::Imap),
            () => None,
        }
    }

    /// The dialogue that a client's first bytes begin, and in which later requests are known by their form as well.
    pub(crate) fn of_request(payload: &[u8]) -> Option<Self> {
        Question::of_first(payload).map(Self::Asked)
    }

    /// Whether these bytes of the client take its request back, so that no reply is owed.
    pub(crate) fn is_taken_back_by(self, payload: &[u8]) -> bool {
        matches!(self, Self::Asked(question) if question.is_taken_back_by(payload))
    }

    /// Whether the server must reply to these bytes of the client, which came after `reply`. A goodbye or an incomplete
    /// command needs no reply.
    pub(crate) fn asks(self, payload: &[u8], reply: Reply) -> bool {
        match self {
            Self::MySql => return is_mysql_command(payload),
            Self::Asked(question) => return question.asks_again(payload),
            Self::Numbered | Self::Pop3 | Self::Imap => {}
        }
        let Some(lines) = payload.strip_suffix(b"\n") else { return false };
        match reply {
            Reply::WantsMessage => payload.ends_with(b"\r\n.\r\n") || payload == b".\r\n",
            Reply::WantsLine => true,
            Reply::Done => {
                // The last of several commands in one segment decides.
                let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
                self.is_command(last.trim_ascii_end())
            }
        }
    }

    fn is_command(self, line: &[u8]) -> bool {
        let mut words = line.split(|byte| *byte == b' ');
        let first = words.next().unwrap_or_default();
        let is_one_of = |word: &[u8], known: &[&str]| {
            known.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        };
        match self {
            Self::Numbered => is_one_of(first, &NUMBERED),
            Self::Pop3 => is_one_of(first, &POP3),
            // What ends in a literal continues.
            Self::Imap => !line.ends_with(b"}") && words.next().is_some_and(|word| is_one_of(word, &IMAP)),
            Self::MySql | Self::Asked(_) => false,
        }
    }
}

impl Reply {
    /// What these bytes of the server ask for. Only a reply's last line counts.
    pub(crate) fn of(payload: &[u8]) -> Self {
        let lines = payload.strip_suffix(b"\n").unwrap_or(payload);
        let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or(lines);
        match last.get(..4) {
            Some(b"354 ") => Self::WantsMessage,
            Some(b"334 ") => Self::WantsLine,
            _ => Self::Done,
        }
    }
}

/// A packet of MySQL: a length of 3 bytes, the number of the packet, and a body (MySQL's internals, "MySQL Packets").
fn mysql_packet(payload: &[u8]) -> Option<(u8, &[u8])> {
    let [low, middle, high, number, body @ ..] = payload else { return None };
    let len = u32::from_le_bytes([*low, *middle, *high, 0]) as usize;
    (len == body.len() && len > 0).then_some((*number, body))
}

/// The first packet of the server, which has the protocol's version and the server's, and ends that with a zero.
fn is_mysql_greeting(payload: &[u8]) -> bool {
    const PROTOCOL: u8 = 10;
    mysql_packet(payload).is_some_and(|(number, body)| {
        number == 0 && body[0] == PROTOCOL && body.get(1).is_some_and(u8::is_ascii_digit) && body.contains(&0)
    })
}

/// The client's login, which is longer than its request for TLS, or a command that has a reply: all but a goodbye, a statement's data and
/// end, and the wait for a replica's events.
fn is_mysql_command(payload: &[u8]) -> bool {
    const REQUEST_FOR_TLS: usize = 32;
    const UNANSWERED: [u8; 5] = [0x01, 0x12, 0x18, 0x19, 0x1e];
    match mysql_packet(payload) {
        Some((0, body)) => !UNANSWERED.contains(&body[0]),
        Some((1, body)) => body.len() > REQUEST_FOR_TLS,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MYSQL: &[u8] = b"\x0a\x00\x00\x00\x0a8.0.36\x00\x07\x00";

    #[test]
    fn a_dialogue_is_known_by_its_greeting() {
        for (greeting, dialogue) in [
            (&b"220 mail.example ESMTP\r\n"[..], Some(Dialogue::Numbered)),
            (b"220-ftp.example\r\n220 ready\r\n", Some(Dialogue::Numbered)),
            (b"+OK ready\r\n", Some(Dialogue::Pop3)),
            (b"* OK [CAPABILITY IMAP4rev1] ready\r\n", Some(Dialogue::Imap)),
            (MYSQL, Some(Dialogue::MySql)),
            (b"220 cut", None),
            (b"SSH-2.0-x\r\n", None),
            (b"", None),
        ] {
            assert_eq!(Dialogue::of_greeting(greeting), dialogue, "{greeting:?}");
        }
    }

    #[test]
    fn a_command_asks_and_a_goodbye_does_not() {
        for (dialogue, asks, not) in [
            (Dialogue::Numbered, &b"MAIL FROM:<a@example>\r\n"[..], &b"QUIT\r\n"[..]),
            (Dialogue::Numbered, b"pass x\r\n", b"MAIL FROM:<a@example>\r\nQUIT\r\n"),
            (Dialogue::Numbered, b"MAIL FROM:<a@example>\r\nRCPT TO:<b@example>\r\n", b"MAIL FROM"),
            (Dialogue::Pop3, b"STAT\r\n", b"QUIT\r\n"),
            (Dialogue::Imap, b"a1 LOGIN u p\r\n", b"a2 LOGOUT\r\n"),
            (Dialogue::Imap, b"a1 NOOP\r\n", b"a1 LOGIN {5}\r\n"),
            (Dialogue::MySql, b"\x02\x00\x00\x00\x03x", b"\x01\x00\x00\x00\x01"),
        ] {
            assert!(dialogue.asks(asks, Reply::Done), "{asks:?}");
            assert!(!dialogue.asks(not, Reply::Done), "{not:?}");
        }
        let login = [&[40, 0, 0, 1][..], &[7; 40]].concat();
        let tls = [&[32, 0, 0, 1][..], &[7; 32]].concat();
        assert!(Dialogue::MySql.asks(&login, Reply::Done) && !Dialogue::MySql.asks(&tls, Reply::Done));
    }

    #[test]
    fn a_message_asks_with_its_last_line_alone() {
        let message = Reply::of(b"250 ok\r\n354 go ahead\r\n");
        assert_eq!(message, Reply::WantsMessage);
        assert!(!Dialogue::Numbered.asks(b"DATA\r\n", message));
        assert!(
            Dialogue::Numbered.asks(b"text\r\n.\r\n", message) && Dialogue::Numbered.asks(b".\r\n", message)
        );
        assert!(Dialogue::Numbered.asks(b"dXNlcg==\r\n", Reply::of(b"334 VXNlcm5hbWU6\r\n")));
        assert_eq!(Reply::of(b"354 go\r\n250 ok\r\n"), Reply::Done);
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes: Vec<u8>) {
            let reply = Reply::of(&bytes);
            let _ = Dialogue::of_greeting(&bytes);
            for dialogue in [Dialogue::Numbered, Dialogue::Pop3, Dialogue::Imap, Dialogue::MySql] {
                let _ = dialogue.asks(&bytes, reply);
            }
        }
    }
}
