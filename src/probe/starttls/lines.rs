//! SMTP, IMAP, POP3 and FTP: a greeting, a command in a line, and a line that answers it.

use std::io::{self, Read, Write};

use super::dialogue::{answer, ask};

/// SMTP: EHLO comes before STARTTLS (RFC 3207, 4).
pub(super) fn smtp(channel: &mut (impl Read + Write)) -> io::Result<bool> {
    if reply(channel)? != 220 {
        return Ok(false);
    }
    ask(channel, b"EHLO localhost\r\n")?;
    if reply(channel)? != 250 {
        return Ok(false);
    }
    ask(channel, b"STARTTLS\r\n")?;
    Ok(reply(channel)? == 220)
}

/// FTP.
pub(super) fn ftp(channel: &mut (impl Read + Write)) -> io::Result<bool> {
    if reply(channel)? != 220 {
        return Ok(false);
    }
    ask(channel, b"AUTH TLS\r\n")?;
    Ok(reply(channel)? == 234)
}

/// IMAP: the answer has the command's tag; other lines may come before it.
pub(super) fn imap(channel: &mut (impl Read + Write)) -> io::Result<bool> {
    if !line(channel, |_| true)?.starts_with("* OK") {
        return Ok(false);
    }
    ask(channel, b"a1 STARTTLS\r\n")?;
    Ok(line(channel, |line| line.starts_with("a1 "))?.to_ascii_uppercase().starts_with("A1 OK"))
}

/// POP3.
pub(super) fn pop3(channel: &mut (impl Read + Write)) -> io::Result<bool> {
    if !line(channel, |_| true)?.starts_with("+OK") {
        return Ok(false);
    }
    ask(channel, b"STLS\r\n")?;
    Ok(line(channel, |_| true)?.starts_with("+OK"))
}

/// The code of a reply of SMTP or FTP: of its last line, in which a space follows the code (RFC 5321, 4.2.1; RFC 959, 4.2).
/// 0 for what is no code.
fn reply(channel: &mut impl Read) -> io::Result<u16> {
    let is_last =
        |line: &str| !line.get(3..).is_some_and(|rest| rest.starts_with('-')) && !line.starts_with(' ');
    let last = line(channel, is_last)?;
    Ok(last.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0))
}

/// The first whole line that fits.
fn line(channel: &mut impl Read, fits: impl Fn(&str) -> bool) -> io::Result<String> {
    answer(channel, |came| {
        let text = String::from_utf8_lossy(came);
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(str::trim_end).find(|line| fits(line)).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn each_protocol_is_asked_in_its_own_words() {
        let mut server = Script::new(&["220-a\r\n220 b\r\n", "250-b\r\n250 STARTTLS\r\n", "220 go\r\n"]);
        assert!(smtp(&mut server).unwrap());
        assert_eq!(server.heard, b"EHLO localhost\r\nSTARTTLS\r\n");
        assert!(!smtp(&mut Script::new(&["220 b\r\n", "250 b\r\n", "502 what?\r\n"])).unwrap());
        assert!(!smtp(&mut Script::new(&["554 no\r\n"])).unwrap());
        assert!(ftp(&mut Script::new(&["220-a\r\n b\r\n220 c\r\n", "234 go\r\n"])).unwrap());
        assert!(!ftp(&mut Script::new(&["220 c\r\n", "530 no\r\n"])).unwrap());
        assert!(imap(&mut Script::new(&["* OK hi\r\n", "* BYE\r\n", "a1 OK go\r\n"])).unwrap());
        assert!(!imap(&mut Script::new(&["* OK hi\r\n", "a1 BAD no\r\n"])).unwrap());
        assert!(pop3(&mut Script::new(&["+OK hi\r\n", "+OK go\r\n"])).unwrap());
        assert!(!pop3(&mut Script::new(&["+OK hi\r\n", "-ERR no\r\n"])).unwrap());
    }
}
