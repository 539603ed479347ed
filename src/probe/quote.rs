//! What a peer sent, as it is quoted: without secrets, then cut, then escaped. In any other order a part of a secret could be left,
//! which nothing recognises.

use super::tape::Tape;
use crate::limits;

/// Characters that are quoted of what can't be read.
const SHOWN: usize = 60;

/// How these bytes begin.
pub(super) fn begin(came: &[u8], tape: &Tape) -> String {
    shown(&tape.cover_cut(&String::from_utf8_lossy(came)))
}

/// How these bytes begin, in so few characters of ASCII that a status line has room for them, whatever they are.
pub(super) fn short(came: &[u8], tape: &Tape) -> String {
    let lossy = String::from_utf8_lossy(came);
    let covered = tape.cover_cut(&lossy);
    // What is no text shows its bytes, unless something of it is covered.
    let text = match std::str::from_utf8(came) {
        Err(_) if covered == lossy => came.iter().map(|byte| char::from(*byte)).collect(),
        _ => covered,
    };
    let mut shown = String::new();
    for character in text.chars() {
        let escaped: String = match u8::try_from(character) {
            Ok(byte) => byte.escape_ascii().map(char::from).collect(),
            Err(_) => character.escape_unicode().collect(),
        };
        if shown.len() + escaped.len() > SHOWN {
            shown.push_str("...");
            break;
        }
        shown.push_str(&escaped);
    }
    shown
}

/// How their first line begins.
pub(super) fn line(came: &[u8], tape: &Tape) -> String {
    let covered = tape.cover_cut(&String::from_utf8_lossy(came));
    shown(covered.split(['\r', '\n']).next().unwrap_or_default())
}

/// A peer's own words on an error, as many as are worth reading, not escaped.
pub(super) fn words(text: &str, tape: &Tape) -> String {
    tape.cover(text).chars().take(limits::PEER_WORDS).collect()
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::secret::Secret;

    /// A tape that hides `t0ken-of-joe`.
    fn tape() -> Tape {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken-of-joe".to_owned()));
        tape
    }

    #[test]
    fn a_secret_is_covered_before_anything_is_cut() {
        // The cut is at each of the secret's characters once.
        for before in SHOWN - 12..SHOWN {
            let text = format!("{}t0ken-of-joe", "a".repeat(before));
            let quoted = [begin(text.as_bytes(), &tape()), line(text.as_bytes(), &tape())];
            assert!(quoted.iter().all(|text| !text.contains("t0")), "{before}: {quoted:?}");
        }
        let long = format!("{} t0ken-of-joe", "a".repeat(limits::PEER_WORDS - 4));
        assert!(!words(&long, &tape()).contains("t0"));
    }

    #[test]
    fn a_secret_that_has_come_in_part_is_covered() {
        assert_eq!(begin(b"Bearer t0ken-of", &tape()), "Bearer [secret]");
        assert_eq!(line(b"Bearer t0ken%2dof%2", &tape()), "Bearer [secret]");
        // Fewer characters occur by chance.
        assert_eq!(line(b"x t0k", &tape()), "x t0k");
    }

    #[test]
    fn a_short_quote_cuts_no_escape() {
        let binary = short(&[0xff; 64], &tape());
        assert_eq!(binary, format!("{}...", "\\xff".repeat(SHOWN / 4)));
        assert_eq!(short(b"AMQP\0\x09", &tape()), "AMQP\\x00\\t");
        assert_eq!(short("über".as_bytes(), &tape()), "\\xfcber");
        assert_eq!(short(b"\xfft0ken-of-joe", &tape()), "\\u{fffd}[secret]");
        assert!(!short(format!("{} t0ken-of-joe", "a".repeat(SHOWN - 6)).as_bytes(), &tape()).contains("t0"));
    }

    #[test]
    fn what_is_quoted_is_escaped_and_a_line_ends_where_it_does() {
        assert_eq!(begin(b"SSH-2.0\x1b\r\n", &tape()), "SSH-2.0\\u{1b}\\r\\n");
        assert_eq!(line(b"HTTP/1.1 200 OK\x1b\r\nX: y", &tape()), "HTTP/1.1 200 OK\\u{1b}");
    }
}
