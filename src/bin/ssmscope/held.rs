//! Frames that are written in their order, though of a fragment it is not known at once whether it is wanted.

use std::collections::VecDeque;
use std::io::{self, Write};

use ssmscope::capture::{Frame, save};
use ssmscope::limits;
use ssmscope::packet::{Host, IpHeader};
use ssmscope::time::Timestamp;

/// What the fragments of a datagram have in common (RFC 791, 3.2). IPv6 has its identification elsewhere, and two datagrams between
/// the same hosts are taken for one here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram(Host, Host, Option<u16>);

impl Datagram {
    /// That of a header.
    pub fn of(ip: &IpHeader) -> Self {
        Self(ip.source, ip.destination, ip.id)
    }
}

/// Writes frames, and holds back those after a fragment until its datagram is known.
pub struct Held<W> {
    writer: save::Writer<W>,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

struct Waiting {
    /// The datagram that it is a part of, where that is not known yet.
    undecided: Option<Datagram>,
    at: Frame<'static>,
    bytes: Vec<u8>,
    comment: Option<String>,
}

impl<W: Write> Held<W> {
    /// Into this file.
    pub fn new(writer: save::Writer<W>) -> Self {
        Self { writer, queue: VecDeque::new(), bytes: 0 }
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When the file can't be written, as of all functions here.
    pub fn write(&mut self, frame: &Frame<'_>, comment: Option<String>) -> io::Result<()> {
        if self.queue.is_empty() {
            return self.writer.frame(frame, comment.as_deref());
        }
        self.push(None, frame, comment)
    }

    /// Holds a fragment back until [`Self::decide`].
    pub fn hold(&mut self, datagram: Datagram, frame: &Frame<'_>) -> io::Result<()> {
        self.push(Some(datagram), frame, None)
    }

    /// Whether the fragments of a datagram are wanted. The return value is how many become a part of the file.
    pub fn decide(&mut self, datagram: Datagram, is_wanted: bool) -> io::Result<u64> {
        let mut decided = 0;
        let is_it = |waiting: &Waiting| waiting.undecided == Some(datagram);
        if is_wanted {
            for waiting in self.queue.iter_mut().filter(|waiting| is_it(waiting)) {
                waiting.undecided = None;
                decided += 1;
            }
        } else {
            let bytes = &mut self.bytes;
            self.queue.retain(|waiting| {
                let is_kept = !is_it(waiting);
                *bytes -= if is_kept { 0 } else { waiting.bytes.len() };
                is_kept
            });
        }
        self.flush()?;
        Ok(decided)
    }

    fn push(
        &mut self,
        undecided: Option<Datagram>,
        frame: &Frame<'_>,
        comment: Option<String>,
    ) -> io::Result<()> {
        self.bytes += frame.bytes.len();
        let at = Frame { bytes: &[], ..*frame };
        self.queue.push_back(Waiting { undecided, at, bytes: frame.bytes.to_vec(), comment });
        while self.bytes > limits::FRAGMENT_BYTES {
            // The oldest fragment's datagram is given up.
            self.forget();
            self.flush()?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        if let Some(waiting) = self.queue.pop_front() {
            self.bytes -= waiting.bytes.len();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(waiting) = self.queue.front().filter(|waiting| waiting.undecided.is_none()) {
            let frame = Frame { bytes: &waiting.bytes, ..waiting.at };
            self.writer.frame(&frame, waiting.comment.as_deref())?;
            self.forget();
        }
        Ok(())
    }

    /// Writes when the capture ended, and how many packets it had lost by then.
    pub fn statistics(&mut self, at: Timestamp, dropped: Option<u64>) -> io::Result<()> {
        self.writer.statistics(at, dropped)
    }

    /// Writes what is left; fragments of datagrams that were never whole are not.
    pub fn finish(mut self) -> io::Result<W> {
        while !self.queue.is_empty() {
            self.flush()?;
            self.forget();
        }
        Ok(self.writer.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssmscope::packet::Origin;

    fn frame(number: u64) -> Frame<'static> {
        let (origin, at) = (Origin { file: 0, number }, Timestamp::from_nanos(number as i64));
        Frame { number, origin, at, link_type: 1, wire_len: 4, bytes: &[1, 2, 3, 4] }
    }

    fn datagram(id: u16) -> Datagram {
        Datagram([192, 0, 2, 1].into(), [192, 0, 2, 2].into(), Some(id))
    }

    /// The times of the frames in a file.
    fn written(held: Held<Vec<u8>>) -> usize {
        held.finish().unwrap().windows(4).filter(|bytes| *bytes == [1, 2, 3, 4]).count()
    }

    #[test]
    fn fragments_are_written_in_their_place_once_their_datagram_is_wanted() {
        let mut held = Held::new(save::Writer::new(Vec::new(), "", 100, None).unwrap());
        held.hold(datagram(1), &frame(1)).unwrap();
        held.hold(datagram(2), &frame(2)).unwrap();
        held.write(&frame(3), None).unwrap();
        assert_eq!(held.queue.len(), 3);
        assert_eq!(held.decide(datagram(1), true).unwrap(), 1);
        assert_eq!(held.queue.len(), 2, "the second fragment still waits");
        assert_eq!(held.decide(datagram(2), false).unwrap(), 0);
        assert!(held.queue.is_empty() && held.bytes == 0);
        held.hold(datagram(3), &frame(4)).unwrap();
        held.write(&frame(5), None).unwrap();
        assert_eq!(written(held), 3, "a datagram that is never whole is left out");
    }
}
