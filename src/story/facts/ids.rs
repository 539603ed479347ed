//! IPv4 identifications: where a host counts the packets of a connection by them, as Linux does, they show which of its packets the
//! capture lacks.

/// How many places are kept where a side's identifications skip some.
const KEPT: usize = 4;

/// What the IPv4 identifications of a side's packets show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IdFacts {
    /// The last one; absent after a segment that counts for several.
    last: Option<u16>,
    /// Packets whose identification is one more than that of the packet before.
    counted: u32,
    /// Packets before which a few are skipped.
    skips: u32,
    /// Packets that fit no count.
    others: u32,
    /// The first packets before which a few are skipped.
    after_skips: [Option<u64>; KEPT],
}

impl IdFacts {
    /// Records a packet's identification. A card or kernel makes a segment of several, or several of one, if it `is_long`.
    pub(in crate::story) fn record(&mut self, number: u64, id: u16, is_long: bool) {
        /// More packets than this are not lost one after the other.
        const FEW: u16 = 16;
        let last = std::mem::replace(&mut self.last, Some(id).filter(|id| !is_long && *id != 0));
        let (Some(last), Some(id)) = (last, self.last) else { return };
        match id.wrapping_sub(last) {
            1 => self.counted += 1,
            2..=FEW => {
                self.skips += 1;
                if let Some(slot) = self.after_skips.iter_mut().find(|slot| slot.is_none()) {
                    *slot = Some(number);
                }
            }
            _ => self.others += 1,
        }
    }

    /// The packets before which others are missing, if the side counts its packets.
    pub fn after_missing(&self) -> impl Iterator<Item = u64> + '_ {
        /// A few steps of one may come together by chance.
        const TELLING: u32 = 4;
        let counts = self.others == 0 && self.counted >= TELLING && self.counted >= self.skips;
        self.after_skips.iter().flatten().copied().filter(move |_| counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(ids: &[u16]) -> Vec<u64> {
        let mut facts = IdFacts::default();
        for (at, id) in ids.iter().enumerate() {
            facts.record(at as u64 + 1, *id, false);
        }
        facts.after_missing().collect()
    }

    #[test]
    fn a_number_that_is_skipped_in_a_count_is_a_packet_that_the_capture_lacks() {
        assert_eq!(missing(&[100, 101, 102, 103, 104, 106, 107]), [6]);
        assert_eq!(missing(&[7, 8, 9, 10, 12, 13]), [5]);
        for no_count in
            [&[7, 9, 11, 13, 15][..], &[7, 8, 9, 10, 12, 900], &[7, 8, 10], &[7, 8, 9, 10, 11, 11, 13]]
        {
            assert!(missing(no_count).is_empty(), "{no_count:?}");
        }
    }

    #[test]
    fn what_a_card_merged_is_no_skip() {
        let mut facts = IdFacts::default();
        for (number, id, is_long) in [
            (1, 7, false),
            (2, 8, false),
            (3, 9, false),
            (4, 10, false),
            (5, 11, true),
            (6, 14, false),
            (7, 15, false),
        ] {
            facts.record(number, id, is_long);
        }
        assert_eq!(facts.after_missing().count(), 0);
    }
}
