//! What stays of one direction, by its places in the stream.

/// Bytes that stay, by their places in the stream, in its order.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Place in the stream, place in `bytes`, length.
    pieces: Vec<(i64, usize, usize)>,
}

impl Kept {
    /// Keeps these bytes at this place, which is after all others.
    pub(super) fn add(&mut self, at: i64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some((from, _, len)) if *from + *len as i64 == at => *len += bytes.len(),
            _ => self.pieces.push((at, self.bytes.len(), bytes.len())),
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that stay.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what ends before this place.
    pub(super) fn forget_before(&mut self, place: i64) {
        let first = self.pieces.partition_point(|(from, _, len)| from + *len as i64 <= place);
        let forgotten = self.pieces.get(first).map_or(self.bytes.len(), |(_, begin, _)| *begin);
        self.pieces.drain(..first);
        self.bytes.drain(..forgotten);
        self.pieces.iter_mut().for_each(|(_, begin, _)| *begin -= forgotten);
    }

    /// Bytes that it holds in memory.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.pieces.len() * size_of::<(i64, usize, usize)>()
    }

    /// Writes what stays over `payload`, whose first byte is at `at` in the stream.
    pub(super) fn overlay(&self, at: i64, payload: &mut [u8]) {
        let end = at + payload.len() as i64;
        let first = self.pieces.partition_point(|(from, _, len)| from + *len as i64 <= at);
        for (from, place, len) in self.pieces.get(first..).unwrap_or_default() {
            if *from >= end {
                break;
            }
            let skipped = (at - from).max(0) as usize;
            let target = (from - at).max(0) as usize;
            let kept = self.bytes.get(place + skipped..place + len).unwrap_or_default();
            let room = payload.get_mut(target..).unwrap_or_default();
            let both = kept.len().min(room.len());
            if let (Some(room), Some(kept)) = (room.get_mut(..both), kept.get(..both)) {
                room.copy_from_slice(kept);
            }
        }
    }
}
