//! Mails whose lines are encoded as quoted-printable (RFC 2045, 6.7), as archives show them: `=3D` for `=`, and `=` at the end of a
//! line for a soft line break.

use super::line::Line;

/// Whether lines are encoded so, as the header of the mail above them declares.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotedPrintable {
    is_on: bool,
}

impl QuotedPrintable {
    /// Takes a line of a mail's header in.
    pub fn read_header(&mut self, raw: &[u8]) {
        const NAME: &[u8] = b"content-transfer-encoding:";
        if let Some((name, value)) = raw.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            self.is_on = value.trim_ascii().eq_ignore_ascii_case(b"quoted-printable");
        }
    }

    /// Removes the mark of a soft line break. Returns whether there was one.
    pub fn continues(self, raw: &mut Vec<u8>) -> bool {
        let end = raw.trim_ascii_end().len();
        let is_soft = self.is_on && raw.get(..end).is_some_and(|raw| raw.ends_with(b"="));
        if is_soft {
            raw.truncate(end - 1);
        }
        is_soft
    }

    /// Decodes the bytes of a whole line.
    pub fn decode(self, line: &mut Line) {
        if !self.is_on || !line.raw.contains(&b'=') {
            return;
        }
        let mut decoded = Vec::with_capacity(line.raw.len());
        let mut rest = line.raw.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let code = after.get(..2).filter(|_| *first == b'=').and_then(hexadecimal);
            decoded.push(code.unwrap_or(*first));
            rest = if code.is_some() { &after[2..] } else { after };
        }
        line.raw = decoded;
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(is_on: bool, text: &str) -> String {
        let mut line = Line { raw: text.as_bytes().to_vec(), ..Line::default() };
        QuotedPrintable { is_on }.decode(&mut line);
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
            assert_eq!(encoding.is_on, is_on, "{header}");
        }
    }

    #[test]
    fn a_line_goes_on_behind_its_last_equals_sign() {
        let mut raw = b"Win=3D3= ".to_vec();
        assert!(QuotedPrintable { is_on: true }.continues(&mut raw));
        assert_eq!(raw, b"Win=3D3");
        assert!(!QuotedPrintable { is_on: true }.continues(&mut raw));
        assert!(!QuotedPrintable { is_on: false }.continues(&mut b"a=".to_vec()));
    }
}
