//! Ranges of the Monitoring Plugins' development guidelines, by which a plugin's user says when to be alerted.

use std::fmt;
use std::str::FromStr;

/// `[@]start:end`: an alert outside of it, or, with `@`, inside. Both ends belong to it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// Negative infinity where it has no start, which is written `~`.
    start: f64,
    /// Infinity where it has no end.
    end: f64,
    /// Whether the alert is for what lies inside.
    alerts_inside: bool,
}

impl Range {
    /// An alert below this.
    pub fn at_least(start: f64) -> Self {
        Self { start, end: f64::INFINITY, alerts_inside: false }
    }

    /// An alert above this, or below 0.
    pub fn at_most(end: f64) -> Self {
        Self { start: 0.0, end, alerts_inside: false }
    }

    /// Parses a range for something that runs out. A bare number is the minimum that must be left. By the guidelines `30`
    /// is `0:30`, and would alert on everything longer than 30 days.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn of_what_is_left(text: &str) -> Result<Self, BadRange> {
        match text.parse::<f64>() {
            Ok(least) if is_plain(text) => Ok(Self::at_least(least)),
            _ => text.parse(),
        }
    }

    /// Whether a value is one to be alerted of.
    pub fn alerts(&self, value: f64) -> bool {
        (self.start..=self.end).contains(&value) == self.alerts_inside
    }
}

/// A range that is not valid.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a range; try 30: for at least 30, 10:20, ~:20 or @10:20")]
pub struct BadRange;

impl FromStr for Range {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let (alerts_inside, range) = match text.strip_prefix('@') {
            Some(range) => (true, range),
            None => (false, text),
        };
        let number = |text: &str| text.parse().ok().filter(|_| is_plain(text)).ok_or(BadRange);
        let (start, end) = range.split_once(':').unwrap_or(("", range));
        let start = match start {
            "" => 0.0,
            "~" => f64::NEG_INFINITY,
            start => number(start)?,
        };
        let end = match end {
            "" if range.contains(':') => f64::INFINITY,
            end => number(end)?,
        };
        if start <= end { Ok(Self { start, end, alerts_inside }) } else { Err(BadRange) }
    }
}

/// In its shortest form, as performance data has it.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.alerts_inside {
            f.write_str("@")?;
        }
        if self.start == f64::NEG_INFINITY {
            f.write_str("~:")?;
        } else if self.start != 0.0 || self.end == f64::INFINITY {
            write!(f, "{}:", self.start)?;
        }
        if self.end == f64::INFINITY { Ok(()) } else { write!(f, "{}", self.end) }
    }
}

/// Whether a number is written as performance data may have it, without exponent or word.
fn is_plain(number: &str) -> bool {
    number.chars().all(|character| matches!(character, '0'..='9' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_guidelines_examples_alert_where_they_say() {
        for (range, alerts, is_silent) in [
            ("10", &[-1.0, 10.5][..], &[0.0, 10.0][..]),
            ("10:", &[9.9], &[10.0, 1e9]),
            ("~:10", &[10.1], &[-1e9, 10.0]),
            ("10:20", &[9.9, 20.1], &[10.0, 20.0]),
            ("@10:20", &[10.0, 20.0], &[9.9, 20.1]),
            ("~:", &[], &[-1e9, 1e9]),
        ] {
            let parsed: Range = range.parse().unwrap();
            assert!(alerts.iter().all(|value| parsed.alerts(*value)), "{range}");
            assert!(!is_silent.iter().any(|value| parsed.alerts(*value)), "{range}");
            assert_eq!(parsed.to_string(), range);
        }
    }

    #[test]
    fn a_bare_number_of_what_is_left_is_the_least() {
        assert_eq!(Range::of_what_is_left("30").unwrap().to_string(), "30:");
        assert_eq!(Range::of_what_is_left("7:").unwrap().to_string(), "7:");
        assert_eq!(Range::of_what_is_left("@0:7").unwrap().to_string(), "@7");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "@", "a", "20:10", "1e3", "nan", "inf:", "10:20:30", "10|", "~", "1:~", "--1", " 1"]
        {
            assert_eq!(text.parse::<Range>(), Err(BadRange), "{text}");
            assert_eq!(Range::of_what_is_left(text), Err(BadRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(start in -1e6f64..1e6, more in 0f64..1e6, alerts_inside: bool) {
            let range = Range { start, end: start + more, alerts_inside };
            prop_assert_eq!(range.to_string().parse::<Range>(), Ok(range));
        }
    }
}
