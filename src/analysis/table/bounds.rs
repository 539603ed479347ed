//! How much of a capture is kept at one time.

use crate::limits;

/// How much is kept at one time; beyond it connections are judged early. The bounds that the user may not set are in
/// [`limits`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Connections that are followed.
    pub connections: usize,
    /// Bytes of memory for the whole program.
    pub memory: usize,
    /// New connections after which those that are over are judged and leave.
    pub unsorted: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            memory: limits::MEMORY_BYTES,
            unsorted: limits::UNSORTED_CONNECTIONS,
        }
    }
}

impl Bounds {
    /// The smallest memory that may be asked for, in bytes: the program with nothing kept, and room for connections.
    pub const LEAST_MEMORY: usize = 64 * 1024 * 1024;

    /// Connections that a share may follow.
    pub(in crate::analysis) fn connections_each(&self) -> usize {
        (self.connections / limits::SHARES).max(1)
    }

    /// Bytes that the connections of a share may take by its table's own account. What it estimates is not all: blocks of memory
    /// are rounded up, and some lie free.
    pub(in crate::analysis) fn connection_bytes_each(&self) -> usize {
        self.for_all() / 2 / limits::SHARES
    }

    /// Bytes of certificates that a share keeps, equal ones once.
    pub(in crate::analysis) fn certificate_bytes_each(&self) -> usize {
        limits::CERTIFICATE_BYTES_IN_ALL.min(self.for_all() / 8) / limits::SHARES
    }

    /// Bytes that judged connections may take which are kept to be reported together.
    pub fn for_reports(&self) -> usize {
        self.for_all() / 4
    }

    /// Connections that a share remembers after they were judged.
    pub(in crate::analysis) fn recently_closed_each(&self) -> usize {
        // A pair of sockets, two numbers and a time in a hash table that may be half empty, and in the smaller one while that is
        // filled from it.
        const BYTES: usize = 208;
        limits::RECENTLY_CLOSED.min(self.for_all() / 16 / BYTES) / limits::SHARES
    }

    /// What is left besides the program itself.
    fn for_all(&self) -> usize {
        self.memory.saturating_sub(limits::PROGRAM_BYTES)
    }
}
