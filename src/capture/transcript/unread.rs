//! Where a text has packet lines that could not be read.

use crate::limits::TRANSCRIPT_UNREAD;

use crate::capture::UnreadLine;
use crate::packet::Host;

/// The places of such lines, each as the number of packets before it.
#[derive(Debug, Default)]
pub struct Unread {
    /// Those in the captures before the one that is being read.
    earlier: Vec<UnreadLine>,
    /// Those since that one began, and perhaps in the next one, counted over all captures, each with the packet's receiver.
    latest: Vec<(u64, Option<Host>)>,
    /// Captures before the one that is being read.
    parts: u32,
}

impl Unread {
    /// Adds places, each with the packet's receiver where it is known. Beyond the bound the latest one counts in place of the one before,
    /// for any receiver.
    pub fn add(&mut self, places: impl IntoIterator<Item = (u64, Option<Host>)>) {
        for (place, receiver) in places {
            if self.latest.last() == Some(&(place, receiver)) {
                continue;
            }
            let is_full = self.earlier.len() + self.latest.len() >= TRANSCRIPT_UNREAD;
            if is_full {
                self.latest.pop();
            }
            self.latest.push((place, receiver.filter(|_| !is_full)));
        }
    }

    /// Another capture begins after `packets` packets of all; the one before began after `before_part`.
    pub fn begin_part(&mut self, before_part: u64, packets: u64) {
        let is_earlier = |(place, _): &(u64, Option<Host>)| *place <= packets;
        let earlier = self.latest.iter().copied().filter(is_earlier);
        self.parts = self.parts.saturating_add(1);
        let part = self.parts;
        self.earlier.extend(earlier.map(|line| in_part(part, before_part, line)));
        self.latest.retain(|line| !is_earlier(line));
    }

    /// The lines by their captures. The latest one begins after `before_part` packets.
    pub fn places(&self, before_part: u64) -> Vec<UnreadLine> {
        let latest = self.latest.iter().map(|line| in_part(self.parts + 1, before_part, *line));
        self.earlier.iter().copied().chain(latest).collect()
    }
}

/// A line of the capture with this number, which begins after `before_part` packets.
fn in_part(part: u32, before_part: u64, (place, receiver): (u64, Option<Host>)) -> UnreadLine {
    UnreadLine { part, behind: place.saturating_sub(before_part), receiver }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_one_of_its_capture() {
        let mut unread = Unread::default();
        let places = |unread: &Unread, before_part| -> Vec<_> {
            unread.places(before_part).iter().map(|line| (line.part, line.behind)).collect()
        };
        unread.add([0, 3, 3, 7].map(|place| (place, None)));
        assert_eq!(places(&unread, 0), [(1, 0), (1, 3), (1, 7)]);
        unread.begin_part(0, 5);
        assert_eq!(places(&unread, 5), [(1, 0), (1, 3), (2, 2)]);
        unread.begin_part(5, 9);
        assert_eq!(places(&unread, 9), [(1, 0), (1, 3), (2, 2)]);
    }

    #[test]
    fn places_are_bounded_and_the_latest_is_kept() {
        let mut unread = Unread::default();
        let receiver = Some(Host::from([192, 0, 2, 1]));
        unread.add((0..2 * TRANSCRIPT_UNREAD as u64).map(|place| (place, receiver)));
        let places = unread.places(0);
        let last = UnreadLine { part: 1, behind: 2 * TRANSCRIPT_UNREAD as u64 - 1, receiver: None };
        assert_eq!(
            (places.len(), places.first().and_then(|line| line.receiver)),
            (TRANSCRIPT_UNREAD, receiver)
        );
        assert_eq!(places.last(), Some(&last), "it counts for those that had no room");
    }
}
