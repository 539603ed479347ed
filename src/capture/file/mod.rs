//! Capture files: pcap, pcapng and tcpdump's text, compressed or not, recognised by their content alone.
//!
//! A file is read once from front to end without seeking, so that a pipe serves as well and gives each record as it
//! comes. Damage is skipped and noted. This room knows how frames are stored; it does not know what is in them.

mod account;
#[cfg(test)]
pub(super) mod builder;
mod input;
pub(crate) mod link_type;
mod order;
mod pcap;
mod pcapng;
mod recovery;
#[cfg(test)]
mod tests;
mod text;
mod unknown;

use std::io::{self, Read};
use std::path::Path;

use super::transcript::{looks_like_transcript, readable_packets};
use super::{Handles, ReadError, Source};
use crate::limits;

use account::Account;
use input::Input;
use order::Order;
use pcap::{Magic, Pcap};
use pcapng::Pcapng;
use text::Text;

/// Opens one capture file, which may be among `handles`, or standard input where the path is `-`. `index` is its place among the
/// files given.
///
/// # Errors
/// When it can't be read, or is no capture.
pub fn open(path: &Path, index: u16, handles: &Handles) -> Result<Box<dyn Source>, ReadError> {
    let name = path.display().to_string();
    if name == "-" {
        return read(&name, index, io::stdin(), None);
    }
    let file = handles.take(path).map_err(|error| unopened(&name, &error))?;
    let about = file.metadata().map_err(|error| unopened(&name, &error))?;
    if about.is_dir() {
        return Err(ReadError {
            what: "is a directory".to_owned(),
            hint: Some(format!("name the files in it: {}/*.pcap*", name.trim_end_matches('/'))),
            file: name,
        });
    }
    let total = about.is_file().then_some(about.len());
    read(&name, index, file, total)
}

/// Reads a capture from any stream of bytes. `total` is its size in bytes where it is known.
///
/// # Errors
/// When the stream can't be read, or is no capture.
pub fn read(
    name: &str,
    index: u16,
    reader: impl Read + 'static,
    total: Option<u64>,
) -> Result<Box<dyn Source>, ReadError> {
    let account = Account::new(name, index);
    let unreadable = |error: io::Error| unopened(name, &error);
    let mut input = Input::new(reader, total).decompressed().map_err(unreadable)?;
    input.fill(4).map_err(unreadable)?;
    let head = input.available();
    if head.is_empty() {
        return Err(empty(name, &input));
    }
    if let Some(magic) = Magic::of(head) {
        return Ok(Box::new(Pcap::open(input, account, magic)?));
    }
    if Order::Little.u32(head, 0) == pcapng::SECTION_HEADER {
        return Ok(Box::new(Pcapng::open(input, account)?));
    }
    // tcpdump's text may begin with a prompt or an empty line, so more of it is needed, but no more than has come.
    loop {
        if looks_like_transcript(input.available()) {
            return Ok(Box::new(Text::new(name, index, input)));
        }
        let wanted = input.available().len() + 1;
        if wanted > limits::RECOGNITION_BYTES || !input.fill(wanted).map_err(unreadable)? {
            break;
        }
    }
    Err(unrecognised(name, &input))
}

/// Whether these bytes, the first of a file and unpacked, begin a capture: a file of frames, or text of a form that is read. A log may
/// have a line that looks like a packet, such as ` 9:00:00 `, which is an offset in a hex dump too: text is a capture if it has at
/// least as many packets as `log_lines`, the lines that have the form of one program's log.
pub fn is_capture(head: &[u8], log_lines: usize) -> bool {
    let is_pcapng = head.len() >= 4 && Order::Little.u32(head, 0) == pcapng::SECTION_HEADER;
    let least = log_lines.max(1);
    Magic::of(head).is_some() || is_pcapng || readable_packets(head, least) >= least
}

/// Whether these bytes begin text that shows packets in some form that is known, even one that can't be read.
pub fn shows_packets(head: &[u8]) -> bool {
    looks_like_transcript(head)
}

/// Why a file can't be opened, with what to try.
pub(super) fn unopened(name: &str, error: &io::Error) -> ReadError {
    ReadError::of(name, error, "check the name; captures made by sudo tcpdump may lie in root's directory")
}

fn empty(name: &str, input: &Input) -> ReadError {
    let (what, hint) = match (input.trouble(), input.compression()) {
        (Some(trouble), Some(compression)) => (
            format!("its {} data is damaged from the start: {trouble}", compression.name()),
            "copy the file again from where it was captured",
        ),
        (_, Some(compression)) => (
            format!("{}-compressed nothing: 0 bytes inside", compression.name()),
            "check how the file was made",
        ),
        _ => (
            "is empty: 0 bytes, not even a capture's header".to_owned(),
            "capture again; tcpdump creates the file before it may capture, so look at what it said",
        ),
    };
    ReadError { file: name.to_owned(), what, hint: Some(hint.to_owned()) }
}

fn unrecognised(name: &str, input: &Input) -> ReadError {
    let head = input.available();
    let hexadecimal = || {
        let bytes: Vec<_> = head.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("it begins with {}", bytes.join(" "))
    };
    let (looks, hint) = match unknown::looks_like(head) {
        Some(looks) => (format!("it is {}", looks.what), looks.hint),
        None => (hexadecimal(), "give a pcap or pcapng file, or tcpdump's text"),
    };
    let inside =
        input.compression().map(|kind| format!(" inside its {} data", kind.name())).unwrap_or_default();
    ReadError {
        file: name.to_owned(),
        what: format!("is not a capture{inside}: {looks}"),
        hint: Some(hint.replace("FILE", name)),
    }
}
