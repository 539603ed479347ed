//! Mails whose lines are encoded as quoted-printable (RFC 2045, 6.7), as archives show them: `=3D` for `=`, and `=` at the end of a
//! line for a soft line break.

use super::line::CleanLine;

/// Whether lines are encoded so, as the header of the mail above them declares or the lines themselves show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuotedPrintable {
    #[default]
    Off,
    /// By the lines: of all codes only those that a mail with packets has are decoded.
    Shown,
    Declared,
}

/// Longest encoded line, in bytes (RFC 2045, 6.7, rule 5).
const LONGEST_LINE: usize = 76;

/// Bytes whose codes mails with packets have: `=`, spaces, the arrow, dashes and an ellipsis in UTF-8.
const USUAL: [u8; 12] = [b'=', b' ', b'\t', b'>', b'<', 0xe2, 0x86, 0x92, 0x80, 0xa6, 0xc2, 0xa0];

impl QuotedPrintable {
    /// Takes a line of a mail's header in.
    pub fn read_header(&mut self, raw: &[u8]) {
        const NAME: &[u8] = b"content-transfer-encoding:";
        if let Some((name, value)) = raw.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            let is_on = value.trim_ascii().eq_ignore_ascii_case(b"quoted-printable");
            *self = if is_on { Self::Declared } else { Self::Off };
        }
    }

    /// Removes the mark of a soft line break. Returns whether there was one.
    pub fn continues(&mut self, raw: &mut Vec<u8>) -> bool {
        let end = raw.trim_ascii_end().len();
        let is_soft = raw.get(..end).is_some_and(|raw| raw.ends_with(b"="));
        if *self == Self::Off && raw.contains(&b'=') && is_encoded(raw, is_soft) {
            *self = Self::Shown;
        }
        let is_soft = is_soft && *self != Self::Off;
        if is_soft {
            raw.truncate(end - 1);
        }
        is_soft
    }

    /// Decodes the bytes of a whole line.
    pub fn decode(self, line: &mut CleanLine) {
        if self == Self::Off || !line.raw.contains(&b'=') {
            return;
        }
        let mut decoded = Vec::with_capacity(line.raw.len());
        let mut rest = line.raw.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let code = after.get(..2).filter(|_| *first == b'=').and_then(hexadecimal);
            let code = code.filter(|code| self == Self::Declared || USUAL.contains(code));
            decoded.push(code.unwrap_or(*first));
            rest = if code.is_some() { &after[2..] } else { after };
        }
        line.raw = decoded;
    }
}

/// Whether a line shows that it is encoded: each of its `=` begins a usual code or is at its end, and two of them can be nothing else;
/// or a packet's line, in which tcpdump writes none, ends with one.
fn is_encoded(raw: &[u8], is_soft: bool) -> bool {
    let raw = raw.trim_ascii_end();
    let mut sure = usize::from(is_soft);
    for at in memchr::memchr_iter(b'=', raw) {
        let code = raw.get(at + 1..at + 3);
        sure += usize::from(code == Some(b"3D") || code == Some(b"E2"));
        let is_end = at + 1 == raw.len();
        if !is_end && !code.and_then(hexadecimal).is_some_and(|code| USUAL.contains(&code)) {
            return false;
        }
    }
    let is_packet = || {
        raw.len() <= LONGEST_LINE && raw.len() > LONGEST_LINE / 2 && raw.windows(3).any(|mark| mark == b" > ")
    };
    sure > 1 || (is_soft && is_packet())
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(is_on: bool, text: &str) -> String {
        let mut line = CleanLine { raw: text.as_bytes().to_vec(), ..CleanLine::default() };
        let encoding = if is_on { QuotedPrintable::Declared } else { QuotedPrintable::Off };
        encoding.decode(&mut line);
        String::from_utf8_lossy(&line.raw).into_owned()
    }

    #[test]
    fn codes_are_decoded_where_the_mail_declares_them() {
        assert_eq!(decoded(true, "a =E2=86=92 b Seq=3D1 =zz = ="), "a \u{2192} b Seq=1 =zz = =");
        assert_eq!(decoded(false, "Seq=3D1"), "Seq=3D1");
        let mut encoding = QuotedPrintable::default();
        for (header, is_on) in [
            ("Content-Transfer-Encoding: quoted-printable", true),
            ("Subject: a trace", true),
            ("content-transfer-encoding: 7bit", false),
        ] {
            encoding.read_header(header.as_bytes());
            assert_eq!(encoding == QuotedPrintable::Declared, is_on, "{header}");
        }
    }

    #[test]
    fn a_line_continues_after_its_last_equals_sign() {
        let mut raw = b"Win=3D3= ".to_vec();
        assert!(QuotedPrintable::Declared.continues(&mut raw));
        assert_eq!(raw, b"Win=3D3");
        assert!(!QuotedPrintable::Declared.continues(&mut raw));
        assert!(!QuotedPrintable::Off.continues(&mut b"a=".to_vec()));
    }

    #[test]
    fn lines_show_that_they_are_encoded() {
        let shows = |text: &str| {
            let mut encoding = QuotedPrintable::Off;
            encoding.continues(&mut text.as_bytes().to_vec());
            encoding == QuotedPrintable::Shown
        };
        for text in [
            "1 0.5 192.0.2.1 =E2=86=92 198.51.100.5 TCP =",
            "Seq=3D0 Win=3D32120",
            "10:00:00.000000 IP 192.0.2.1.50000 > 198.51.100.5.993: Flags [S], seq 1=",
        ] {
            assert!(shows(text), "{text}");
        }
        for text in ["Seq=0 Win=64240 Len=60", "MSS=3D", "a=", "======", "if (a > b) c ==", "key=value =20 ="]
        {
            assert!(!shows(text), "{text}");
        }
        let mut line = CleanLine { raw: b"Len=20 x=41".to_vec(), ..CleanLine::default() };
        QuotedPrintable::Shown.decode(&mut line);
        assert_eq!(line.raw, b"Len  x=41");
    }
}
