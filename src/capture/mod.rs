//! Where packets come from: capture files, text that tcpdump printed, live devices, each a [`Source`] of [`Record`]s.
//!
//! [`open`] recognises the format of one or more files by their content and merges them in time order. [`live`] captures from
//! a device, [`pausing`] reads files and pipes that are still being written, [`save`] writes frames as pcapng, and
//! [`select`] restricts a capture to a [`Target`]. What is damaged or odd never ends the reading; it is a [`FileNote`] in
//! [`Source::about`].
//!
//! This room knows file formats, compression and the grammar of printed text. It knows no protocol, apart from the
//! [`transcript`]'s reader, which turns a printed line into the same [`Packet`] that decoding a frame gives.
//!
//! ```
//! use ssmscope::capture::{self, Record};
//!
//! let mut source = capture::open(&["testdata/refused/plain/capture.pcapng"])?;
//! while let Some(record) = source.next_record()? {
//!     match record {
//!         Record::Frame(frame) => println!("{}: {} bytes", frame.number, frame.wire_len),
//!         Record::Printed(packet) => println!("{}: {:?}", packet.number, packet.content),
//!         Record::Idle(_) | Record::NextCapture => {}
//!     }
//! }
//! println!("{}", source.about().files[0].format);
//! # Ok::<(), capture::ReadError>(())
//! ```

pub mod file;
mod handles;
pub mod live;
pub mod merge;
pub mod pausing;
pub mod save;
pub mod select;
pub mod transcript;

use std::io;

pub use handles::Handles;
pub use merge::{Opened, open, open_all};
pub use select::{AsEthernet, Prefilter, Target, TargetError, split_port};

use crate::packet::{Host, Origin, Packet};
use crate::time::{Clock, Timestamp};

/// One record of a capture.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "records are returned one at a time and never stored, so the larger variant costs nothing"
)]
pub enum Record<'a> {
    /// A frame, still to be decoded.
    Frame(Frame<'a>),
    /// A packet as tcpdump printed it.
    Printed(Packet<'a>),
    /// No packet for a moment, from sources that wait for them, or until the capture ended, from files that say when: the capture's clock
    /// then.
    Idle(Timestamp),
    /// With the next record another capture begins: a text may hold several. Packets are counted further.
    NextCapture,
}

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its place in the capture, counted from 1.
    pub number: u64,
    /// The file it came from and its number there.
    pub origin: Origin,
    /// When it was captured.
    pub at: Timestamp,
    /// Link type by its number in the tcpdump.org registry (the `LINKTYPE_` values).
    pub link_type: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// The captured bytes, link header first.
    pub bytes: &'a [u8],
}

/// What is known of the capture itself, complete once its last record was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// The files, in the order given.
    pub files: Vec<FileAbout>,
    /// What the timestamps count from.
    pub clock: Clock,
    /// Digits after the second that the timestamps have: 6 or 9 as a rule.
    pub digits: u8,
    /// Packets that the capturing kernel or interface dropped, where the capture records it.
    pub dropped: Option<u64>,
    /// Until when some of them may have been dropped, where the counter is looked at while packets come. What waits to be
    /// read is older.
    pub dropped_until: Option<Timestamp>,
    /// What was odd, each noted once.
    pub notes: Vec<FileNote>,
    /// Where a text has packet lines that could not be read, or that end before they show what the packet means. Empty for frames, and for
    /// several files that are read as one capture.
    pub unread: Vec<UnreadLine>,
}

/// A packet line of a text that could not be read, or that ends before it shows what the packet means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnreadLine {
    /// Which of the text's captures it is in, counted from 1.
    pub part: u32,
    /// The number of that capture's packet before it; 0 before the first one.
    pub behind: u64,
    /// The receiver of the packet, where the line shows it.
    pub receiver: Option<Host>,
}

/// One file of a capture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileAbout {
    /// As the user named it; `-` is standard input.
    pub name: String,
    /// The recognised format, for people: `pcap (µs, little-endian, zstd)`, `tcpdump text`.
    pub format: String,
    /// Records read from it.
    pub packets: u64,
    /// Whether it holds text rather than frames.
    pub is_text: bool,
    /// The smallest snapshot length that it names.
    pub snaplen: Option<u32>,
}

/// Something odd about a file that did not stop the reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileNote {
    /// Index of the file among those given.
    pub file: u16,
    /// One sentence: what, where (byte offset or line), and what it means for the analysis.
    pub text: String,
}

/// A capture being read.
pub trait Source {
    /// The next record, or `None` at the end.
    ///
    /// # Errors
    /// When the file can't be read further. Damage that can be skipped is a [`FileNote`] instead.
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError>;

    /// What is known of the capture so far.
    fn about(&self) -> About;

    /// Bytes of input consumed so far and in all, for a progress bar; the latter is absent on a pipe.
    fn progress(&self) -> (u64, Option<u64>);

    /// Updates what changes apart from the records: the kernel's counters.
    fn refresh(&mut self) {}

    /// Waits for no further packets. Whether some that have arrived are still to be read before the capture ends.
    fn stop(&mut self) -> bool {
        false
    }
}

/// Why a capture can't be opened or read: names the file, the place, and what to try.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}{}", .hint.as_ref().map(|hint| format!("\n  try: {hint}")).unwrap_or_default())]
pub struct ReadError {
    /// The file as the user named it.
    pub file: String,
    /// What is wrong, and where.
    pub what: String,
    /// What to try.
    pub hint: Option<String>,
}

impl ReadError {
    /// A file that can't be opened. `not_found` is what to try if it does not exist.
    pub(crate) fn of(name: &str, error: &io::Error, not_found: &str) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => Some(not_found),
            io::ErrorKind::PermissionDenied => Some("read it as its owner, or: sudo chmod a+r FILE"),
            _ => None,
        };
        Self { file: name.to_owned(), what: format!("can't be read: {error}"), hint: hint.map(str::to_owned) }
    }
}
