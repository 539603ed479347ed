//! JSON Lines: one value a line, with nothing in it that could drive a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::report::text::escape;

/// Writes a value as one line. `line` is room for it, so that `out` gets it at once.
pub(super) fn write(value: &impl Serialize, line: &mut Vec<u8>, out: &mut impl Write) -> io::Result<()> {
    line.clear();
    value.serialize(&mut Serializer::with_formatter(&mut *line, SafeFormatter))?;
    line.push(b'\n');
    out.write_all(line)
}

/// Compact JSON in which what could drive a terminal is written as `\u` escapes, which parsers read back as it was.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    /// In fixed-point notation: not every reader of JSON takes an exponent for a number.
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // From there on `CompactFormatter`, which is several times as fast as `Display`, writes an exponent.
        const FIXED: std::ops::Range<f64> = 1e-5..1e15;
        match value.abs() {
            0.0 => writer.write_all(b"0.0"),
            size if FIXED.contains(&size) => CompactFormatter.write_f64(writer, value),
            _ if value.fract() == 0.0 => write!(writer, "{value:.1}"),
            _ => write!(writer, "{value}"),
        }
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let (plain, mut rest) = fragment.split_at(escape::plain_len(fragment));
        writer.write_all(plain.as_bytes())?;
        if rest.is_empty() {
            return Ok(());
        }
        while let Some(place) = rest.find(|character| !escape::is_safe(character)) {
            let (plain, from) = rest.split_at(place);
            writer.write_all(plain.as_bytes())?;
            let mut characters = from.chars();
            let Some(character) = characters.next() else { break };
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut line = Vec::new();
        value.serialize(&mut Serializer::with_formatter(&mut line, SafeFormatter)).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn seconds_have_no_exponent() {
        let shown = [0.0, 0.000_007, 0.000_01, 0.5, 3.0, 1e15, 1e300].map(written);
        assert_eq!(shown[..6], ["0.0", "0.000007", "0.00001", "0.5", "3.0", "1000000000000000.0"]);
        assert!(shown[6].len() > 300 && shown[6].ends_with(".0"));
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_it_was(value in any::<f64>().prop_filter("JSON has no other", |value| value.is_finite())) {
            let shown = written(value);
            prop_assert!(!shown.contains(['e', 'E']), "{shown}");
            prop_assert!(shown.contains('.') && (shown.starts_with('-') == (value < 0.0)), "{shown}");
            prop_assert_eq!(shown.parse::<f64>().unwrap().abs().to_bits(), value.abs().to_bits());
        }
    }
}
