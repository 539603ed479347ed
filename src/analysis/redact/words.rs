//! Stand-ins for names and lines of text.

use super::StandIns;
use crate::tls::{Plain, PlainKind};

/// The domain of stand-ins (RFC 2606, 3).
const DOMAIN: &str = ".example";

/// Characters between dots in a long stand-in: a label has at most 63 (RFC 1035, 2.3.4).
const LABEL: usize = 50;

/// The stand-in with this number, of this many characters.
pub(super) fn stand_in(number: usize, len: usize) -> String {
    let label = format!("h{number}");
    let room = len.saturating_sub(DOMAIN.len());
    if label.len() <= room {
        let padded = label.chars().chain(std::iter::repeat('x')).take(room).enumerate();
        // A dot at an end would make it another kind of name.
        let is_dot = |index: usize| index % (LABEL + 1) == LABEL && index + 1 < room;
        return padded
            .map(|(index, letter)| if is_dot(index) { '.' } else { letter })
            .chain(DOMAIN.chars())
            .collect();
    }
    if label.len() <= len {
        return label.chars().chain(std::iter::repeat('x')).take(len).collect();
    }
    // The last digits, of a base that has many: short names have few stand-ins.
    let digits: Vec<char> = (0..len as u32).rev().map(|place| digit(number, place)).collect();
    digits.into_iter().collect()
}

fn digit(number: usize, place: u32) -> char {
    let digit = 36_usize.checked_pow(place).map_or(0, |power| number / power % 36);
    char::from_digit(digit as u32, 36).unwrap_or('x')
}

/// A text of which only its length and its gaps are left.
pub(super) fn masked(text: &str) -> String {
    text.chars().map(|letter| if letter.is_alphanumeric() { 'x' } else { letter }).collect()
}

/// A sentence of which what is between quotation marks is masked. Within them, marks are escaped.
pub(super) fn without_quotes(sentence: &str) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mask = |letter: char| {
        let was_escaped = is_escaped;
        is_escaped = is_quoted && letter == '\\' && !was_escaped;
        if letter == '"' && !was_escaped {
            is_quoted = !is_quoted;
            return letter;
        }
        if is_quoted && letter.is_alphanumeric() { 'x' } else { letter }
    };
    sentence.chars().map(mask).collect()
}

/// Application protocols that say nothing of who speaks them (IANA's registry of ALPN ids).
const PROTOCOLS: [&str; 12] = [
    "h2",
    "h2c",
    "h3",
    "http/0.9",
    "http/1.0",
    "http/1.1",
    "spdy/1",
    "spdy/2",
    "spdy/3",
    "spdy/3.1",
    "dot",
    "acme-tls/1",
];

/// An application protocol.
pub(super) fn protocol(name: &str) -> String {
    if PROTOCOLS.contains(&name) { name.to_owned() } else { masked(name) }
}

impl StandIns {
    /// The first line of something that is not TLS. What says which protocol it is, stays.
    pub(super) fn line(&mut self, line: &str) -> String {
        match Plain::recognise(line.as_bytes()).kind {
            PlainKind::Connect => self.connect(line),
            PlainKind::HttpRequest => {
                let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
                let (path, version) = rest.rsplit_once(' ').filter(|(_, end)| is_version(end)).unzip();
                let path = masked(path.unwrap_or(rest));
                let version = version.map(|version| format!(" {version}")).unwrap_or_default();
                format!("{method} {path}{version}")
            }
            // RFC 9112, 4: version and status; the reason is anybody's text.
            PlainKind::HttpResponse(_) => kept(line, "HTTP/1.1 200".len()),
            PlainKind::Ssh => kept(line, "SSH-2.0-".len()),
            // RFC 5321, 4.2: a reply's code.
            PlainKind::Text if is_reply(line) => kept(line, 3),
            PlainKind::Text | PlainKind::Binary => masked(line),
        }
    }

    /// RFC 9110, 9.3.6: `CONNECT host:port HTTP/1.1`.
    fn connect(&mut self, line: &str) -> String {
        let mut words = line.split(' ');
        let (method, authority) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let rest: Vec<_> =
            words.map(|word| if is_version(word) { word.to_owned() } else { masked(word) }).collect();
        let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let authority = match authority.rsplit_once(':').filter(|(_, port)| is_port(port)) {
            Some((host, port)) => match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
                Some(host) => format!("[{}]:{port}", self.written_host(host)),
                None => format!("{}:{port}", self.written_host(host)),
            },
            None => self.written_host(authority),
        };
        std::iter::once(method.to_owned()).chain([authority]).chain(rest).collect::<Vec<_>>().join(" ")
    }
}

fn is_reply(line: &str) -> bool {
    let (code, rest) = line.split_at_checked(3).unwrap_or_default();
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with([' ', '-'])
}

fn is_version(word: &str) -> bool {
    matches!(word, "HTTP/1.0" | "HTTP/1.1" | "HTTP/2.0")
}

/// A line whose first bytes stay.
fn kept(line: &str, len: usize) -> String {
    let (head, tail) = line.split_at_checked(len).unwrap_or((line, ""));
    format!("{head}{}", masked(tail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stand_in_is_as_long_as_its_original_and_a_name(number in 1_usize..200_000, len in 1_usize..255) {
            let name = stand_in(number, len);
            prop_assert_eq!(name.len(), len);
            prop_assert!(name.split('.').all(|label| (1..=63).contains(&label.len())), "{}", name);
        }

        #[test]
        fn any_line_is_redacted_without_a_panic(line: String) {
            StandIns::default().line(&line);
        }
    }

    #[test]
    fn of_a_sentence_the_quotes_are_masked() {
        for (sentence, masked) in [
            ("it is HTTP, \"HTTP/1.1 400 ann\", and ends", "it is HTTP, \"xxxx/x.x xxx xxx\", and ends"),
            (r#"it begins "a \" ann" here"#, r#"it begins "x \" xxx" here"#),
            ("it begins \"ann", "it begins \"xxx"),
            ("nothing is quoted", "nothing is quoted"),
        ] {
            assert_eq!(without_quotes(sentence), masked);
        }
    }

    #[test]
    fn the_part_of_a_line_that_names_the_protocol_is_left() {
        let mut stand_ins = StandIns::default();
        for (line, redacted) in [
            ("GET /secret/page?user=ann HTTP/1.1", "GET /xxxxxx/xxxx?xxxx=xxx HTTP/1.1"),
            ("CONNECT ssm.corp.test:8443 HTTP/1.1", "CONNECT h1xxx.example:8443 HTTP/1.1"),
            ("CONNECT [fd00::5]:8443 HTTP/1.1", "CONNECT [2001:db8::1]:8443 HTTP/1.1"),
            ("HTTP/1.1 407 Ask ann", "HTTP/1.1 407 xxx xxx"),
            ("SSH-2.0-ann_9", "SSH-2.0-xxx_x"),
            ("220 mail.corp.test ESMTP", "220 xxxx.xxxx.xxxx xxxxx"),
            ("hello ann", "xxxxx xxx"),
            ("192.168.7.7 calls", "xxx.xxx.x.x xxxxx"),
        ] {
            assert_eq!(stand_ins.line(line), redacted);
        }
        assert_eq!([protocol("h2"), protocol("corp/1")], ["h2", "xxxx/x"]);
    }
}
