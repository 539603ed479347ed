//! SMTP, IMAP, POP3 and FTP: a greeting, a command in a line, and a line that answers it.

use std::io::{self, Read, Write};

use super::dialogue::{Reply, ask, last_answer};

/// SMTP: EHLO comes before STARTTLS (RFC 3207, 4).
pub(super) fn smtp(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    if reply(channel)?.0 != 220 {
        return Ok(Reply::Refuses);
    }
    ask(channel, b"EHLO localhost\r\n")?;
    if reply(channel)?.0 != 250 {
        return Ok(Reply::Refuses);
    }
    ask(channel, b"STARTTLS\r\n")?;
    let (code, rest) = reply(channel)?;
    Ok(Reply::of((code == 220, rest)))
}

/// FTP.
pub(super) fn ftp(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    if reply(channel)?.0 != 220 {
        return Ok(Reply::Refuses);
    }
    ask(channel, b"AUTH TLS\r\n")?;
    let (code, rest) = reply(channel)?;
    Ok(Reply::of((code == 234, rest)))
}

/// IMAP: the answer has the command's tag; other lines may come before it. A server whose greeting does not list STARTTLS is asked for
/// its list, as clients do.
pub(super) fn imap(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    let greeting = line(channel, |_| true)?.0;
    if !greeting.starts_with("* OK") {
        return Ok(Reply::Refuses);
    }
    if !greeting.to_ascii_uppercase().contains("STARTTLS") {
        ask(channel, b"a0 CAPABILITY\r\n")?;
        line(channel, |line| line.starts_with("a0 "))?;
    }
    ask(channel, b"a1 STARTTLS\r\n")?;
    let (line, rest) = line(channel, |line| line.starts_with("a1 "))?;
    Ok(Reply::of((line.to_ascii_uppercase().starts_with("A1 OK"), rest)))
}

/// POP3: a server is asked for its list first, as clients do; old ones have none (RFC 2449, 5).
pub(super) fn pop3(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    if !line(channel, |_| true)?.0.starts_with("+OK") {
        return Ok(Reply::Refuses);
    }
    ask(channel, b"CAPA\r\n")?;
    line(channel, |line| line == "." || line.starts_with("-ERR"))?;
    ask(channel, b"STLS\r\n")?;
    let (line, rest) = line(channel, |_| true)?;
    Ok(Reply::of((line.starts_with("+OK"), rest)))
}

/// The code of a reply of SMTP or FTP, which ends with the line in which its code stands without a hyphen after it (RFC 5321, 4.2.1; RFC 959,
/// 4.2). 0 for what has no code. With what came after it.
fn reply(channel: &mut impl Read) -> io::Result<(u16, Vec<u8>)> {
    last_answer(channel, whole_reply)
}

/// The code and the length of the reply that these bytes begin with, once it is whole.
fn whole_reply(came: &[u8]) -> Option<(u16, usize)> {
    let mut end = 0;
    let mut open: Option<&[u8]> = None;
    for line in came.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        end += line.len();
        let code = line.get(..3).filter(|code| code.iter().all(u8::is_ascii_digit));
        let has_more = line.get(3) == Some(&b'-');
        match (open, code) {
            // What comes between the first line and the last is any text.
            (Some(first), code) if code != Some(first) || has_more => {}
            (None, Some(code)) if has_more => open = Some(code),
            // Another one follows a preliminary reply (RFC 959, 4.2).
            (_, Some([b'1', ..])) => open = None,
            (_, code) => {
                let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                return Some((code.unwrap_or(0), end));
            }
        }
    }
    None
}

/// The first whole line that fits, and what came after it.
fn line(channel: &mut impl Read, fits: impl Fn(&str) -> bool) -> io::Result<(String, Vec<u8>)> {
    last_answer(channel, |came| {
        let mut end = 0;
        let lines = came.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        lines
            .map(|line| {
                end += line.len();
                (String::from_utf8_lossy(line).trim_end().to_owned(), end)
            })
            .find(|(line, _)| fits(line))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn each_protocol_is_asked_in_its_own_words() {
        let mut server = Script::new(&["220-a\r\n220 b\r\n", "250-b\r\n250 STARTTLS\r\n", "220 go\r\n"]);
        assert_eq!(smtp(&mut server).unwrap(), Reply::Agrees);
        assert_eq!(server.heard, b"EHLO localhost\r\nSTARTTLS\r\n");
        assert_eq!(
            smtp(&mut Script::new(&["220 b\r\n", "250 b\r\n", "502 what?\r\n"])).unwrap(),
            Reply::Refuses
        );
        assert_eq!(smtp(&mut Script::new(&["554 no\r\n"])).unwrap(), Reply::Refuses);
        assert_eq!(
            ftp(&mut Script::new(&["220-a\r\n b\r\n220 c\r\n", "234 go\r\n"])).unwrap(),
            Reply::Agrees
        );
        assert_eq!(ftp(&mut Script::new(&["220 c\r\n", "530 no\r\n"])).unwrap(), Reply::Refuses);
        let busy = ["120 ready in 1 minute\r\n220 c\r\n", "234 go\r\n"];
        assert_eq!(ftp(&mut Script::new(&busy)).unwrap(), Reply::Agrees);
        let list = "* CAPABILITY IMAP4rev1 STARTTLS\r\na0 OK\r\n";
        let mut server = Script::new(&["* OK hi\r\n", list, "* BYE\r\n", "a1 OK go\r\n"]);
        assert_eq!(imap(&mut server).unwrap(), Reply::Agrees);
        assert_eq!(server.heard, b"a0 CAPABILITY\r\na1 STARTTLS\r\n");
        let greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n";
        assert_eq!(imap(&mut Script::new(&[greeting, "a1 BAD no\r\n"])).unwrap(), Reply::Refuses);
        let mut server = Script::new(&["+OK hi\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK go\r\n"]);
        assert_eq!(pop3(&mut server).unwrap(), Reply::Agrees);
        assert_eq!(server.heard, b"CAPA\r\nSTLS\r\n");
        let old = ["+OK hi\r\n", "-ERR what?\r\n", "-ERR no\r\n"];
        assert_eq!(pop3(&mut Script::new(&old)).unwrap(), Reply::Refuses);
    }

    #[test]
    fn a_reply_ends_with_its_own_code_and_what_has_none_is_no_reply() {
        for (came, reply) in [
            (&b"220 mx\r\n"[..], Some((220, 8))),
            (b"220\r\n", Some((220, 5))),
            (b"220-mx\r\n220 mx\r\n", Some((220, 16))),
            (b"220-a\r\nWelcome\r\n 221 b\r\n220 c\r\n", Some((220, 31))),
            (b"120-a\r\n120 b\r\n220 c\r\n", Some((220, 21))),
            (b"220-mx\r\n220-mx\r\n", None),
            (b"220 m", None),
            // Another protocol's words.
            (b"SSH-2.0-x\r\n", Some((0, 11))),
            (b"HTTP/1.1 400 No\r\n", Some((0, 17))),
        ] {
            assert_eq!(whole_reply(came), reply, "{}", came.escape_ascii());
        }
    }

    #[test]
    fn what_comes_in_clear_after_the_agreement_is_not_overlooked() {
        let sends = |bytes: &[u8]| Reply::AgreesAndSends(bytes.to_vec());
        let smtp_says = |last: &str| smtp(&mut Script::new(&["220 b\r\n", "250 b\r\n", last])).unwrap();
        assert_eq!(smtp_says("220 go\r\n250 injected\r\n"), sends(b"250 injected\r\n"));
        assert_eq!(smtp_says("220-go\r\n220 now\r\n\u{ff}"), sends("\u{ff}".as_bytes()));
        assert_eq!(smtp_says("220-go\r\n220 now\r\n"), Reply::Agrees);
        assert_eq!(smtp_says("502 no\r\n250 injected\r\n"), Reply::Refuses);
        assert_eq!(ftp(&mut Script::new(&["220 c\r\n", "234 go\r\n\0"])).unwrap(), sends(b"\0"));
        assert_eq!(
            imap(&mut Script::new(&["* OK hi\r\n", "a0 OK\r\n", "* x\r\na1 OK go\r\n* y"])).unwrap(),
            sends(b"* y")
        );
        assert_eq!(
            pop3(&mut Script::new(&["+OK hi\r\n", "-ERR\r\n", "+OK go\r\n+OK"])).unwrap(),
            sends(b"+OK")
        );
    }
}
