//! The Community ID of a connection (Corelight's specification, version 1), by which Zeek, Suricata and others name the same
//! addresses and ports.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::story::{Party, Story};

/// The seed that every tool uses unless it is given another.
const SEED: u16 = 0;
const TCP: u8 = 6;

/// The Community ID; `None` where one end has no address, or no port number.
pub(super) fn of(story: &Story) -> Option<String> {
    let end =
        |party: &Party| Some((story.names.address(party.host)?, story.names.port(party.host, party.port)?));
    Some(between(end(&story.parties.client)?, end(&story.parties.server)?))
}

fn between(one: (IpAddr, u16), other: (IpAddr, u16)) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update(SEED.to_be_bytes());
    for (address, _) in [first, second] {
        match address {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    // The protocol and a byte of padding.
    hash.update([TCP, 0]);
    for (_, port) in [first, second] {
        hash.update(port.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's baseline values.
    #[test]
    fn published_values_come_out_in_both_directions() {
        let v4 = [("128.232.110.120", 34_855), ("66.35.250.204", 80)];
        let v6 = [("2001:470:e5bf:dead:4957:2174:e82c:4887", 63_943), ("2607:f8b0:400c:c03::1a", 25)];
        for (ends, value) in [(v4, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="), (v6, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=")]
        {
            let [one, other] = ends.map(|(address, port)| (address.parse::<IpAddr>().unwrap(), port));
            assert_eq!((between(one, other).as_str(), between(other, one).as_str()), (value, value));
        }
    }
}
