//! How many failures of a server get files: a server that fails a thousand times at once must not take the place of others.

use std::collections::HashMap;

use crate::limits;
use crate::packet::Host;
use crate::time::Timestamp;
use crate::verdict::Code;

const NANOS_OF_AN_HOUR: i64 = 3_600_000_000_000;

/// What is counted together: a server's failures of one verdict; those of all servers that came after the bound.
type Kind = Option<(Host, u16, Code)>;

/// Counts the failures of the current hour, by server and verdict.
pub(super) struct Quota {
    most: u64,
    hour: i64,
    counts: HashMap<Kind, u64>,
}

impl Quota {
    /// At most `most` failures of a kind in an hour.
    pub(super) fn of(most: u64) -> Self {
        Self { most, hour: 0, counts: HashMap::new() }
    }

    /// Whether a failure at this time gets a file. The first ones of an hour do.
    pub(super) fn admits(&mut self, server: Host, port: u16, code: Code, at: Timestamp) -> bool {
        let hour = at.nanos().div_euclid(NANOS_OF_AN_HOUR);
        if hour != self.hour {
            self.hour = hour;
            self.counts.clear();
        }
        let mut kind = Some((server, port, code));
        if self.counts.len() >= limits::RECORDED_SERVERS && !self.counts.contains_key(&kind) {
            kind = None;
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count <= self.most
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn server(number: u32) -> Host {
        Host::Address(Ipv4Addr::from(number).into())
    }

    #[test]
    fn the_first_failures_of_a_server_and_verdict_in_an_hour_are_admitted() {
        let mut quota = Quota::of(3);
        let mut admitted = |number, code, seconds| {
            let at = Timestamp::from_parts(seconds, 0);
            (0..10).filter(|_| quota.admits(server(number), 8443, code, at)).count()
        };
        assert_eq!(admitted(1, Code::Refused, 7_200), 3);
        assert_eq!(admitted(1, Code::Refused, 10_799), 0);
        assert_eq!((admitted(1, Code::Reset, 10_799), admitted(2, Code::Refused, 10_799)), (3, 3));
        assert_eq!(admitted(1, Code::Refused, 10_800), 3, "another hour");
    }

    #[test]
    fn servers_beyond_the_bound_share_one_quota() {
        let mut quota = Quota::of(3);
        let at = Timestamp::from_parts(0, 0);
        let mut admits = |number| quota.admits(server(number), 443, Code::Refused, at);
        let bound = limits::RECORDED_SERVERS as u32;
        assert!((0..bound).all(&mut admits));
        assert_eq!((bound..bound + 100).filter(|number| admits(*number)).count(), 3);
        assert!(quota.counts.len() <= limits::RECORDED_SERVERS + 1);
    }
}
