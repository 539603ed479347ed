//! A log's lines in blocks: other threads see what grammar the lines of one have while they are taken in order.
//!
//! What a line is, its grammar decides without the lines before it, and that is half of the work. Where a line belongs depends on all
//! lines before it, so one thread takes them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::lines::Lines;
use crate::limits;
use crate::log::grammar::{self, Entry};
use crate::log::input::Input;
use crate::log::logs::LogFile;
use crate::log::settings::LogSettings;

/// Parts of a block, of which each is read by one thread. More than one for each thread, so that the first one is ready soon.
const PARTS: usize = 16;

/// Lines in a row, each with a line end.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// Replaces its lines with the next ones, up to [`limits::LOG_BLOCK_BYTES`] and the rest of a line.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(super) fn fill(&mut self, input: &mut Input) -> io::Result<()> {
        self.bytes.clear();
        while self.bytes.len() < limits::LOG_BLOCK_BYTES {
            let Some(line) = input.next_line()? else {
                self.push(input.last_line());
                break;
            };
            self.push(Some(line));
        }
        Ok(())
    }

    fn push(&mut self, line: Option<&[u8]>) {
        if let Some(line) = line {
            self.bytes.extend_from_slice(line);
            self.bytes.push(b'\n');
        }
    }

    /// Whether the log has no more lines.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes its lines while other threads read them. What `meanwhile` does comes first, and its result is returned.
    pub(super) fn take<T>(
        &self,
        lines: &mut Lines,
        about: &mut LogFile,
        settings: &LogSettings,
        meanwhile: impl FnOnce() -> T,
    ) -> T {
        let text = String::from_utf8_lossy(&self.bytes);
        let parts = parts(&text);
        let is_taken: Vec<AtomicBool> = parts.iter().map(|_| AtomicBool::new(false)).collect();
        let readers = settings.threads.saturating_sub(1).clamp(1, PARTS);
        thread::scope(|scope| {
            let read: Vec<_> = (0..readers)
                .map(|reader| {
                    let (sender, receiver) = mpsc::channel();
                    let mine = parts.iter().zip(&is_taken).skip(reader).step_by(readers);
                    let read = move || {
                        mine.filter(|(_, is_taken)| !is_taken.swap(true, Ordering::Relaxed))
                            .map(|(part, _)| entries(part, settings))
                            .all(|entries| sender.send(entries).is_ok())
                    };
                    // Without a thread the channel is closed, and the parts are read below.
                    let _ = thread::Builder::new().spawn_scoped(scope, read);
                    receiver
                })
                .collect();
            let done = meanwhile();
            for ((part, is_taken), receiver) in parts.iter().zip(&is_taken).zip(read.iter().cycle()) {
                // The first free thread reads a part, so that nobody waits for a slow one.
                let came = if is_taken.swap(true, Ordering::Relaxed) { receiver.recv().ok() } else { None };
                let entries = came.unwrap_or_else(|| entries(part, settings));
                for (line, entry) in part.split_terminator('\n').zip(entries) {
                    lines.take(line, entry.as_ref(), about, settings);
                }
            }
            done
        })
    }
}

/// What the lines of a part are.
fn entries<'a>(part: &'a str, settings: &LogSettings) -> Vec<Option<Entry<'a>>> {
    part.split_terminator('\n').map(|line| grammar::read(line, &settings.formats)).collect()
}

/// A block's text in parts of whole lines, of about equal length.
fn parts(text: &str) -> Vec<&str> {
    let size = (text.len() / PARTS).max(1);
    let mut parts = Vec::with_capacity(PARTS + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest.as_bytes().get(size..).unwrap_or_default());
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| size + end + 1));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::read_stream;
    use super::*;

    fn logs(text: &[u8], threads: usize) -> String {
        let settings = LogSettings { threads, ..LogSettings::default() };
        format!("{:?}", read_stream("x.log", Cursor::new(text.to_vec()), &settings).expect("a log"))
    }

    #[test]
    fn a_log_is_the_same_for_any_number_of_threads() {
        let mut text = Vec::new();
        for number in 0..9_000 {
            let line = format!(
                "13-Jan-2023 10:{:02}:{:02},123 UTC ERROR [ab] [m] [RestAPIClient] (t-{}) |default| Failed to authenticate user - 'admin'. \
                 {{\"error\": \"invalid_client\"}}\r\n\tat com.example.K{number}.run(K.java)\n",
                number / 200,
                number / 17 % 60,
                number % 7,
            );
            text.extend(line.bytes());
            match number % 1000 {
                7 => text.extend(b"13-Jan-2023 10:59:59,1 \xff\xc3\n\xe2\x82\n\n\r\r\n"),
                9 => text.extend(vec![b'x'; limits::LOG_LINE_BYTES + 5]),
                _ => {}
            }
        }
        text.extend(b"13-Jan-2023 11:00:00,000 UTC INFO the last line has no end");
        assert!(text.len() > 2 * limits::LOG_BLOCK_BYTES);
        let alone = logs(&text, 1);
        let lines = text.split(|byte| *byte == b'\n').count();
        assert!(alone.contains("invalid_client") && alone.contains(&format!("lines: {lines}")));
        for threads in [0, 2, 3, 40] {
            assert!(logs(&text, threads) == alone, "{threads} threads");
        }
    }

    #[test]
    fn parts_are_whole_lines_and_all_of_them() {
        for text in ["", "\n", "a\n", "\n\n\n", "1\n22\n333\n4444\n"] {
            assert_eq!(parts(text).concat(), text);
            assert!(parts(text).iter().all(|part| part.ends_with('\n')));
        }
        assert!(parts(&"line\n".repeat(1000)).len() > PARTS / 2);
    }
}
