//! How peers spell one character of a secret.

/// How many bytes of a text spell a character from its beginning, in each way that is one.
pub(super) fn lengths(text: &[u8], character: char, is_any_case: bool) -> Vec<usize> {
    let mut buffer = [0; 4];
    let plain = character.encode_utf8(&mut buffer).as_bytes();
    let mut lengths = Vec::new();
    match text.first() {
        Some(b'%') => {
            lengths.extend(percent(text, plain));
            // A form that was encoded once more.
            lengths.extend(percent(text, b"+").filter(|_| character == ' '));
        }
        Some(b'\\') => lengths.extend(backslash(text, character)),
        Some(b'&') => lengths.extend(entity(text, character)),
        Some(b'+') if character == ' ' => lengths.push(1),
        Some(b'=') => lengths.extend(quoted_printable(text, plain)),
        _ => {}
    }
    if let Some(wide) = is_any_case.then(|| full_width(character)).flatten() {
        lengths.extend(self::lengths(text, wide, false));
    }
    let is_plain = |found: &[u8]| found == plain || is_any_case && found.eq_ignore_ascii_case(plain);
    if text.get(..plain.len()).is_some_and(is_plain) {
        lengths.push(plain.len());
    }
    lengths
}

/// Percent-encoding (RFC 3986, 2.1), once or several times over.
fn percent(text: &[u8], plain: &[u8]) -> Option<usize> {
    let mut len = 0;
    for byte in plain {
        let hexadecimal = format!("{byte:02x}");
        let is_next = |from: usize, digits: &[u8]| {
            text.get(from..from + digits.len()).is_some_and(|found| found.eq_ignore_ascii_case(digits))
        };
        if !is_next(len, b"%") {
            return None;
        }
        len += 1;
        while !is_next(len, hexadecimal.as_bytes()) && is_next(len, b"25") {
            len += 2;
        }
        // The sign itself, encoded twice, begins as it does encoded once.
        while *byte == b'%' && is_next(len, b"2525") {
            len += 2;
        }
        if !is_next(len, hexadecimal.as_bytes()) {
            return None;
        }
        len += 2;
    }
    Some(len)
}

/// The form of a character as wide as a Chinese one (Unicode, Halfwidth and Fullwidth Forms).
pub(super) fn full_width(character: char) -> Option<char> {
    match character {
        ' ' => Some('\u{3000}'),
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0),
        _ => None,
    }
}

/// Quoted-printable (RFC 2045, 6.7).
fn quoted_printable(text: &[u8], plain: &[u8]) -> Option<usize> {
    let found = text.get(..3 * plain.len())?;
    let is_byte = |(found, byte): (&[u8], &u8)| found.eq_ignore_ascii_case(format!("={byte:02x}").as_bytes());
    found.chunks(3).zip(plain).all(is_byte).then_some(found.len())
}

/// Escapes of JSON (RFC 8259, 7) and of this program's own reports, after one backslash or several.
fn backslash(text: &[u8], character: char) -> Vec<usize> {
    let count = text.iter().take_while(|byte| **byte == b'\\').count();
    let rest = text.get(count..).unwrap_or_default();
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units);
    let by_units =
        |separator: &str| units.iter().map(|unit| format!("u{unit:04x}")).collect::<Vec<_>>().join(separator);
    let code = u32::from(character);
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    let octal = bytes.iter().map(|byte| format!("{byte:03o}")).collect::<Vec<_>>().join("\\");
    let by_bytes = bytes.iter().map(|byte| format!("x{byte:02x}")).collect::<Vec<_>>().join("\\");
    let (short, braced) = (format!("x{code:02x}"), format!("u{{{code:x}}}"));
    let spellings = [by_units("\\"), by_units("\\\\"), short, braced, octal, by_bytes];
    let mut lengths: Vec<_> = spellings
        .iter()
        .filter(|spelling| {
            rest.get(..spelling.len()).is_some_and(|found| found.eq_ignore_ascii_case(spelling.as_bytes()))
        })
        .map(|spelling| count + spelling.len())
        .collect();
    let letter = match character {
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        other => other,
    };
    if character == '\\' {
        lengths.extend(2..=count.min(8));
        return lengths;
    }
    let is_short = letter != character || matches!(character, '"' | '/' | '\'');
    if is_short && rest.first().is_some_and(|byte| char::from(*byte) == letter) {
        lengths.push(count + 1);
    }
    lengths
}

/// A character reference of HTML.
fn entity(text: &[u8], character: char) -> Option<usize> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(text.get(1..end)?).ok()?;
    let number = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        },
        None => [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')]
            .into_iter()
            .find_map(|(known, means)| (known == name).then_some(u32::from(means))),
    };
    (number == Some(u32::from(character))).then_some(end + 1)
}
