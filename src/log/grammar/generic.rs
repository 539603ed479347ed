//! Lines of which the time is understood and nothing else: any program's.
//!
//! ```text
//! 2023-01-13T11:17:01.123Z text              RFC 3339
//! 2023-01-13 11:17:01,123 ERROR [class] (thread) text
//! [13/Jan/2023:11:17:01 +0000] text
//! Fri Jan 13 11:17:01 2023 text
//! Jan 13 11:17:01 text                       syslog's time without its host
//! 1673608621.123 text
//! ERROR 2023-01-13 11:17:01 text             a level before the time
//! Apr 02, 2015 10:02:03 AM org.example.Foo   java.util.logging; what it says is on the next line
//! 10/20/2011 07:24:26 text                   if the file shows the order of day and month
//! ```
//!
//! They are shown next to a connection by their time, and never tied to it.

use super::{Entry, Grammar, Level};
use crate::log::stamp::{self, Stamp};

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let inside = line.strip_prefix(['[', '"']).unwrap_or(line);
    if let Some((stamp, rest)) = any_time(inside).or_else(|| after_word(inside)) {
        return Some(entry(stamp, rest));
    }
    after_level(inside)
}

/// `https 2023-01-13T11:17:01Z ...`, as AWS's load balancers have it; `Date: 2023-01-13T11:17:01Z`, as Windows prints events; and
/// `1,2023/01/13 11:17:01,...`, rows of a table that begin with a number.
fn after_word(text: &str) -> Option<(Stamp<'_>, &str)> {
    const WORDS: [&str; 7] = ["http ", "https ", "h2 ", "grpcs ", "ws ", "wss ", "Date: "];
    if let Some(rest) = WORDS.iter().find_map(|word| text.strip_prefix(word)) {
        return stamp::iso(rest).filter(|_| rest.as_bytes().get(10) == Some(&b'T'));
    }
    let (number, rest) = text.split_once(',')?;
    let is_number = (1..=12).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let read = is_number.then(|| stamp::slashed(rest).or_else(|| stamp::iso(rest))).flatten();
    read.filter(|(_, rest)| rest.starts_with(','))
}

/// `<TimeCreated SystemTime="2023-01-13T11:17:01Z"/>`, within an event of Windows or on a line of its own.
pub(super) fn windows_event(line: &str) -> Option<Entry<'_>> {
    const WIDEST: usize = 1024;
    let (_, rest) = crate::log::text::head(line, WIDEST).split_once(" SystemTime=")?;
    let (stamp, _) = stamp::iso(rest.trim_start_matches(['"', '\'']))?;
    let mut entry = entry(stamp, line);
    entry.text = line;
    Some(entry)
}

/// `ERROR 2023-01-13 11:17:01 text`, `[ERROR] ...`, `ERROR: ...`.
fn after_level(text: &str) -> Option<Entry<'_>> {
    let (word, rest) = text.split_at_checked(text.find([' ', ']', ':', ',', '"'])?)?;
    let level = Level::of(word);
    (level != Level::Unknown).then_some(())?;
    let (stamp, rest) = any_time(rest.trim_start_matches([']', ':', ' ', '[', '(', ',', '"']))?;
    let mut entry = entry(stamp, rest);
    entry.level = level;
    Some(entry)
}

/// `any words [13/Jan/2023:11:17:01 +0000] text`: logs of requests that are in no format of nginx's, such as S3's and uWSGI's. What can have
/// a margin is read without it first.
pub(super) fn in_brackets(line: &str) -> Option<Entry<'_>> {
    const WIDEST: usize = 200;
    const MOST: usize = 4;
    let head = crate::log::text::head(line, WIDEST);
    let is_open = |at: &usize| matches!(head.as_bytes().get(at.wrapping_sub(1)), Some(b' ' | b'"'));
    let opens = memchr::memchr_iter(b'[', head.as_bytes()).filter(is_open);
    opens.take(MOST).find_map(|open| {
        let inside = line.get(open + 1..)?;
        let is_rfc3339 = inside.as_bytes().get(10) == Some(&b'T');
        let iso = || stamp::iso(inside).filter(|_| is_rfc3339);
        let (stamp, rest) = stamp::access(inside).or_else(|| stamp::weekday(inside)).or_else(iso)?;
        let mut entry = entry(stamp, rest.strip_prefix(']')?);
        entry.text = line;
        Some(entry)
    })
}

/// What follows syslog's prefix and has a time of its own.
pub(super) fn with_own_time(text: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::iso(text)?;
    Some(entry(stamp, rest))
}

fn any_time(text: &str) -> Option<(Stamp<'_>, &str)> {
    match text.bytes().next()? {
        b'0'..=b'9' => stamp::iso(text)
            .or_else(|| stamp::slashed(text))
            .or_else(|| stamp::day_month_year(text))
            .or_else(|| stamp::access(text))
            .or_else(|| stamp::epoch(text))
            .or_else(|| stamp::dotted(text))
            .or_else(|| stamp::year_last(text)),
        _ => stamp::weekday(text).or_else(|| stamp::month_day(text, true)),
    }
}

/// A line of which `rest` follows the time.
pub(super) fn entry<'a>(stamp: Stamp<'a>, rest: &'a str) -> Entry<'a> {
    let rest = rest.trim_start_matches(AROUND);
    let word = first_word(rest);
    let level = Level::of(word);
    // A bare level is no part of what the line says.
    let text = rest.strip_prefix(word).filter(|_| level != Level::Unknown);
    let mut entry =
        Entry::new(Grammar::Generic, text.map_or(rest, |text| text.trim_start_matches([' ', ':', '\t'])));
    entry.stamp = Some(stamp);
    entry.level = if level == Level::Unknown { level_after_brackets(rest) } else { level };
    entry
}

/// What may separate a time from what follows it.
const AROUND: [char; 7] = [']', ' ', '\t', ':', ',', '-', '|'];

/// The first word, without brackets around it.
fn first_word(text: &str) -> &str {
    text.trim_start_matches(['[', '<']).split([' ', ']', '>', ':', ',', '\t']).next().unwrap_or_default()
}

/// The level after one or two words in brackets: a thread, a process.
fn level_after_brackets(rest: &str) -> Level {
    const WIDEST: usize = 120;
    let mut rest = crate::log::text::head(rest, WIDEST);
    for _ in 0..2 {
        let close = match rest.bytes().next() {
            Some(b'[') => ']',
            Some(b'(') => ')',
            _ => break,
        };
        let Some((_, after)) = rest.split_once(close) else { break };
        rest = after.trim_start_matches(AROUND);
        let level = Level::of(first_word(rest));
        if level != Level::Unknown {
            return level;
        }
    }
    Level::Unknown
}

/// Whether a level follows a time, written as programs write it: in capitals, or set off from the words after it.
pub(super) fn has_level(rest: &str) -> bool {
    let rest = rest.trim_start_matches(AROUND);
    let word = first_word(rest);
    if Level::of(word) == Level::Unknown {
        return level_after_brackets(rest) != Level::Unknown;
    }
    let is_set_off = rest.starts_with(['[', '<'])
        || rest.get(word.len()..).is_some_and(|after| after.starts_with([':', ']', '\t']));
    is_set_off || word.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_usual_time_places_a_line() {
        for (line, level) in [
            ("2023-01-13T11:17:01.123Z ERROR x", Level::Error),
            ("2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.Foo: x", Level::Info),
            ("2015-07-29 17:41:44,747 - WARN  [QuorumPeer] - x", Level::Warning),
            ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", Level::Info),
            ("[13/Jan/2023:11:17:01 +0000] x", Level::Unknown),
            ("2016-09-28 04:30:30, Info                  CBS    x", Level::Info),
            ("Jan 13 11:17:01 x", Level::Unknown),
            ("13-Jan-2023 17:29:02.775 INFO [main] org.apache.catalina.Foo x", Level::Info),
            ("1673608621.123 x", Level::Unknown),
            ("2011.12.13 10:41:28 ERROR x", Level::Error),
            ("10/20/2011 07:24:26 PM ERROR: x", Level::Error),
            ("2023-01-13 11:17:01.644 GMT [25] FATAL:  x", Level::Error),
            ("2023-01-13 11:17:01,644 [main] WARN org.example.Foo - x", Level::Warning),
            ("WARN  2023-01-13 11:17:01,644 x", Level::Warning),
            ("[ERROR] 2023-01-13 11:17:01 x", Level::Error),
            ("Error: 2023/01/13 11:17:01 x", Level::Error),
            ("Apr 02, 2015 10:02:03 AM org.example.Foo init", Level::Unknown),
            ("[13/Jan/2023 11:17:01] \"GET / HTTP/1.1\" 200 5", Level::Unknown),
            ("Information,10/20/2011 7:24:26 PM,Service,7036,None,x", Level::Info),
            ("\"Error\",\"10/20/2011 7:24:26 PM\",\"Schannel\",\"36887\"", Level::Error),
            ("\"10/20/2011 7:24:26 PM\",\"36887\"", Level::Unknown),
            ("1,2023/01/13 11:17:01,0123,TRAFFIC,end", Level::Unknown),
            ("https 2023-01-13T11:17:01.123456Z app/lb/1 10.0.0.1:1234", Level::Unknown),
            ("Date: 2023-01-13T11:17:01.1230000Z", Level::Unknown),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((entry.grammar, entry.level), (Grammar::Generic, level), "{line}");
        }
        for line in [
            "2023",
            "1,2,2023/01/13",
            "Date: 2023-01-13 11:17:01",
            "at 2023-01-13",
            "Janet 13 11:17:01",
            "12:34:56 x",
            "(x)",
            "INFO: x",
            "x [1/2]",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
    #[test]
    fn a_time_in_brackets_or_in_an_event_of_windows_places_a_line() {
        for line in [
            "[pid: 1|app: 0|req: 1/1] 10.0.0.1 () {42 vars} [Fri Jan 13 11:17:01 2023] GET / => x",
            "\"10.0.0.1\" \"-\" \"[13/Jan/2023:11:17:01 +0000]\" \"GET / HTTP/1.1\"",
            "10.0.0.1 a [b] [2023-01-13T11:17:01+00:00] GET",
        ] {
            assert!(in_brackets(line).is_some_and(|entry| entry.text == line), "{line}");
        }
        assert!(in_brackets("a [2023-01-13] b[13/Jan/2023:11:17:01 +0000] c").is_none());
        let event =
            "<Event><System><TimeCreated SystemTime='2023-01-13T11:17:01.1234567Z'/></System></Event>";
        let entry = windows_event(event).expect("a line");
        assert_eq!((entry.text, entry.stamp.expect("a time").digits), (event, 7));
        assert!(windows_event("<a SystemTime='x'/>").is_none() && windows_event("<Event>").is_none());
    }
}
