//! Where a text has packet lines that could not be read.

use crate::limits::TRANSCRIPT_UNREAD;

/// The places of such lines, each as the number of packets before it.
#[derive(Debug, Default)]
pub struct Unread {
    /// Those in the captures before the one that is being read: which of them, and the packet in it.
    earlier: Vec<(u32, u64)>,
    /// Those since that one began, and perhaps in the next one, counted over all captures.
    latest: Vec<u64>,
    /// Captures before the one that is being read.
    parts: u32,
}

impl Unread {
    /// Adds places. Beyond the bound the latest one counts in place of the one before.
    pub fn add(&mut self, places: impl IntoIterator<Item = u64>) {
        for place in places {
            if self.latest.last() == Some(&place) {
                continue;
            }
            if self.earlier.len() + self.latest.len() >= TRANSCRIPT_UNREAD {
                self.latest.pop();
            }
            self.latest.push(place);
        }
    }

    /// Another capture begins behind `packets` packets of all; the one before began behind `before_part`.
    pub fn begin_part(&mut self, before_part: u64, packets: u64) {
        let is_earlier = |place: &u64| *place <= packets;
        let earlier = self.latest.iter().copied().filter(is_earlier);
        self.parts = self.parts.saturating_add(1);
        self.earlier.extend(earlier.map(|place| (self.parts, place.saturating_sub(before_part))));
        self.latest.retain(|place| !is_earlier(place));
    }

    /// Which of the text's captures each place is in, counted from 1, and how many packets of that one precede it. The latest capture
    /// begins behind `before_part` packets.
    pub fn places(&self, before_part: u64) -> Vec<(u32, u64)> {
        let latest = self.latest.iter().map(|place| (self.parts + 1, place.saturating_sub(before_part)));
        self.earlier.iter().copied().chain(latest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_one_of_its_capture() {
        let mut unread = Unread::default();
        unread.add([0, 3, 3, 7]);
        assert_eq!(unread.places(0), [(1, 0), (1, 3), (1, 7)]);
        unread.begin_part(0, 5);
        assert_eq!(unread.places(5), [(1, 0), (1, 3), (2, 2)]);
        unread.begin_part(5, 9);
        assert_eq!(unread.places(9), [(1, 0), (1, 3), (2, 2)]);
    }

    #[test]
    fn places_are_bounded_and_the_latest_is_kept() {
        let mut unread = Unread::default();
        unread.add(0..2 * TRANSCRIPT_UNREAD as u64);
        let places = unread.places(0);
        assert_eq!(
            (places.len(), places.last()),
            (TRANSCRIPT_UNREAD, Some(&(1, 2 * TRANSCRIPT_UNREAD as u64 - 1)))
        );
    }
}
