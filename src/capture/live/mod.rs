//! Live capture through libpcap: a device, its packets as they come, and its clock when none come.

mod error;
mod interfaces;

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcap::{Active, Capture, Precision};
use tracing::debug;

pub use interfaces::{Device, devices, towards};

use self::error::DeviceError;
use self::interfaces::{index_of, is_up};
use super::file::link_type;
use super::{About, FileAbout, FileNote, Frame, ReadError, Record, Source, Target};
use crate::limits;
use crate::packet::Origin;
use crate::time::{Clock, Timestamp};

/// How long the kernel may gather packets before it delivers them. Immediate mode would deliver each at once, but gives
/// every packet of the ring the room of the largest (pcap-linux.c: TPACKET_V2 instead of V3), so that the ring holds few.
const GATHERED: Duration = Duration::from_millis(20);

/// How long a packet is waited for before an idle record is returned.
const WAIT: Duration = Duration::from_millis(100);

/// Pause after a wait that ended at once and brought nothing: a device that is down reports a failure each time.
const PAUSE: Duration = Duration::from_millis(5);

/// How often a device that is gone is looked for.
const REOPEN_EVERY: Duration = Duration::from_millis(500);

/// Packets between two looks at the drop counters.
const COUNT_EVERY: u64 = 4096;

/// Nanoseconds are offered by libpcap on Linux for every device; elsewhere microseconds are.
const HAS_NANOSECONDS: bool = cfg!(target_os = "linux");

/// The device on which all devices are captured at once.
const ANY: &str = "any";

/// How a device is captured on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Its name; `any` is all of them.
    pub device: String,
    /// Bytes captured of each packet.
    pub snaplen: u32,
    /// The kernel's buffer, in KiB.
    pub buffer_kib: u32,
    /// Whether packets to others are wanted too. Not possible on `any`.
    pub is_promiscuous: bool,
}

/// A device being captured on.
pub struct Live {
    options: Options,
    /// What the kernel passes on, as libpcap compiled it; empty for everything.
    expression: String,
    capture: Capture<Active>,
    /// Its number in the kernel, which a device of the same name that is made later does not have.
    index: Option<u32>,
    link_type: u32,
    packets: u64,
    dropped: u64,
    /// When the counter had grown last.
    dropped_until: Option<Timestamp>,
    /// Drops that a handle counted before the device went away.
    dropped_before: u64,
    is_gone: bool,
    is_down: bool,
    /// Whether the ring was empty when it was looked into last.
    is_idle: bool,
    /// When the device's state was looked at last.
    looked_at: Instant,
    /// Why reading failed, until the next call looks at it.
    failure: Option<DeviceError>,
    /// Packets up to then are still read once the capture is stopped.
    stopped_at: Option<Timestamp>,
    notes: Vec<FileNote>,
}

impl Live {
    /// Opens the device and sets its filter.
    ///
    /// # Errors
    /// When there is no such device, without permission, and when libpcap does not accept the filter.
    pub fn open(options: Options, target: &Target) -> Result<Self, ReadError> {
        let mut capture = activate(&options).map_err(|error| error.on(&options.device))?;
        let link_type = link_type_of(&capture);
        let expression = target.expression(link_type).map_err(|error| ReadError {
            file: options.device.clone(),
            what: error.to_string(),
            hint: None,
        })?;
        set_filter(&mut capture, &expression).map_err(|error| error.on(&options.device))?;
        debug!(?options, link_type, expression, "opened");
        Ok(Self {
            index: index_of(&options.device),
            options,
            expression,
            capture,
            link_type,
            packets: 0,
            dropped: 0,
            dropped_until: None,
            dropped_before: 0,
            is_gone: false,
            is_down: false,
            is_idle: false,
            looked_at: Instant::now(),
            failure: None,
            stopped_at: None,
            notes: Vec::new(),
        })
    }

    /// Digits after the second that its times have.
    pub fn digits() -> u8 {
        if HAS_NANOSECONDS { 9 } else { 6 }
    }

    fn count_drops(&mut self) {
        if let Ok(counted) = self.capture.stats() {
            let drops = self.dropped_before + u64::from(counted.dropped) + u64::from(counted.if_dropped);
            if drops > self.dropped {
                debug!(counted.received, counted.dropped, counted.if_dropped, "packets were dropped");
                (self.dropped, self.dropped_until) = (drops, Some(now()));
            }
        }
    }

    /// Waits until the ring has something, or for a while.
    fn wait(&self) {
        let mut ready = [PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::from(WAIT.as_millis() as u16);
        // A signal ends the wait as well: the caller examines what it asks for.
        let has_failed = poll(&mut ready, timeout).is_ok_and(|count| count > 0)
            && ready.iter().all(|fd| !fd.revents().is_some_and(|events| events.contains(PollFlags::POLLIN)));
        if has_failed {
            thread::sleep(PAUSE);
        }
    }

    /// Notices that a device went down or was removed, which a ring that stays empty does not show.
    fn look_after_device(&mut self) {
        if self.options.device == ANY || self.looked_at.elapsed() < REOPEN_EVERY {
            return;
        }
        self.looked_at = Instant::now();
        if index_of(&self.options.device) != self.index {
            self.is_gone = true;
            self.note("disappeared");
            return;
        }
        match is_up(&self.options.device) {
            Some(is_up) if is_up == self.is_down => {
                self.is_down = !is_up;
                self.note(if is_up { "is up again" } else { "went down" });
            }
            _ => {}
        }
    }

    /// Looks for the device that went away.
    fn reopen(&mut self) -> Result<(), ReadError> {
        thread::sleep(REOPEN_EVERY);
        let mut capture = match activate(&self.options) {
            Ok(capture) => capture,
            Err(error @ DeviceError::Forbidden) => return Err(error.on(&self.options.device)),
            Err(error) => {
                debug!(?error, "not back yet");
                return Ok(());
            }
        };
        if set_filter(&mut capture, &self.expression).is_ok() {
            self.link_type = link_type_of(&capture);
            self.index = index_of(&self.options.device);
            self.capture = capture;
            self.dropped_before = self.dropped;
            (self.is_gone, self.is_down) = (false, false);
            self.note("came back, and is captured on again");
        }
        Ok(())
    }

    /// A device that went down stays open, and its packets come again once it is up. One that disappeared has to be opened
    /// again.
    fn on_failure(&mut self, failure: DeviceError) -> Result<(), ReadError> {
        debug!(?failure, packets = self.packets, "reading failed");
        match failure {
            DeviceError::WentDown => self.is_idle = true,
            DeviceError::Disappeared => {
                self.is_gone = true;
                self.note("disappeared");
            }
            other => return Err(other.on(&self.options.device)),
        }
        Ok(())
    }

    fn note(&mut self, what: &str) {
        let text = format!("{} {what} after packet {}", self.options.device, self.packets);
        debug!(text, index = self.index, is_gone = self.is_gone, is_down = self.is_down, "the device");
        match self.notes.len() {
            count if count < limits::DEVICE_NOTES => self.notes.push(FileNote { file: 0, text }),
            limits::DEVICE_NOTES => {
                let text = format!("{}: further changes are not noted", self.options.device);
                self.notes.push(FileNote { file: 0, text });
            }
            _ => {}
        }
    }

    fn idle() -> Record<'static> {
        Record::Idle(now())
    }
}

impl Source for Live {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if let Some(failure) = self.failure.take() {
            self.on_failure(failure)?;
        }
        if std::mem::take(&mut self.is_idle) {
            self.wait();
            self.look_after_device();
        }
        if self.is_gone {
            if self.stopped_at.is_some() {
                return Ok(None);
            }
            self.reopen()?;
            return Ok(Some(Self::idle()));
        }
        if self.packets % COUNT_EVERY == COUNT_EVERY - 1 {
            self.count_drops();
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                let (seconds, fraction) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                let nanos = if HAS_NANOSECONDS { fraction } else { fraction.saturating_mul(1_000) };
                let at = Timestamp::from_parts(seconds, nanos);
                if self.stopped_at.is_some_and(|stopped| at > stopped) {
                    return Ok(None);
                }
                self.packets += 1;
                Ok(Some(Record::Frame(Frame {
                    number: self.packets,
                    origin: Origin { file: 0, number: self.packets },
                    at,
                    link_type: self.link_type,
                    wire_len: packet.header.len,
                    bytes: packet.data,
                })))
            }
            // What the kernel still gathers when the capture is stopped belongs to it.
            Err(pcap::Error::TimeoutExpired) if self.stopped_at.is_some_and(has_been_handed_over) => Ok(None),
            Err(pcap::Error::TimeoutExpired) => {
                self.is_idle = true;
                Ok(Some(Self::idle()))
            }
            // Looked into at the next call: the packet that might have been lent out keeps the capture borrowed here.
            Err(error) => {
                self.failure = Some(DeviceError::of_reading(error));
                Ok(Some(Self::idle()))
            }
        }
    }

    fn about(&self) -> About {
        let precision = if HAS_NANOSECONDS { "ns" } else { "µs" };
        let file = FileAbout {
            name: self.options.device.clone(),
            format: format!("live ({precision})"),
            packets: self.packets,
            is_text: false,
            snaplen: Some(self.options.snaplen),
        };
        About {
            files: vec![file],
            clock: Clock::Utc,
            digits: Self::digits(),
            dropped: Some(self.dropped),
            dropped_until: self.dropped_until,
            notes: self.notes.clone(),
            unread: Vec::new(),
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }

    fn refresh(&mut self) {
        self.count_drops();
    }

    fn stop(&mut self) -> bool {
        debug!(packets = self.packets, "stopped");
        self.stopped_at = Some(now());
        true
    }
}

fn activate(options: &Options) -> Result<Capture<Active>, DeviceError> {
    let bytes = options.buffer_kib.saturating_mul(1024).min(i32::MAX as u32) as i32;
    Capture::from_device(options.device.as_str())
        .map_err(DeviceError::of_opening)?
        // libpcap warns of promiscuous mode on `any`, and the crate takes a warning for a failure.
        .promisc(options.is_promiscuous && options.device != ANY)
        .snaplen(options.snaplen.min(i32::MAX as u32) as i32)
        .buffer_size(bytes)
        .timeout(GATHERED.as_millis() as i32)
        .precision(if HAS_NANOSECONDS { Precision::Nano } else { Precision::Micro })
        .open()
        .and_then(Capture::setnonblock)
        .map_err(DeviceError::of_opening)
}

fn set_filter(capture: &mut Capture<Active>, expression: &str) -> Result<(), DeviceError> {
    if expression.is_empty() {
        return Ok(());
    }
    capture.filter(expression, true).map_err(DeviceError::of_opening)
}

/// The device's link type by its number in the tcpdump.org registry.
fn link_type_of(capture: &Capture<Active>) -> u32 {
    link_type::from_dlt(capture.get_datalink().0 as u32)
}

/// Whether what was gathered up to then has been delivered. A clock that was set back does not delay it.
fn has_been_handed_over(stopped: Timestamp) -> bool {
    let elapsed = (now() - stopped).nanos();
    elapsed < 0 || elapsed.unsigned_abs() >= 2 * GATHERED.as_nanos() as u64
}

/// The clock that stamps packets is the system's.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_parts(since.as_secs() as i64, i64::from(since.subsec_nanos()))
}
