//! What tcpdump before 3.8, OpenBSD's and others of its kind print of the IP header after a packet:
//! `(DF) [tos 0x10] (ttl 64, id 42376, len 60)`, and of IPv6 `(len 40, hlim 64)`.

use crate::capture::transcript::scan::Scan;

/// Fields of the IP header after a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suffix {
    /// "Don't fragment" is set.
    pub dont_fragment: bool,
    pub traffic_class: Option<u8>,
    pub hop_limit: Option<u8>,
    pub id: Option<u16>,
    /// Bytes of the IPv4 datagram, or of IPv6's payload.
    pub length: Option<u32>,
    /// A hop limit shows IPv6.
    pub is_v6: bool,
}

impl Suffix {
    /// Reads as much of it as there is.
    pub fn parse(scan: &mut Scan<'_>) -> Self {
        let mut suffix = Self::default();
        loop {
            scan.skip_spaces();
            let mut ahead = *scan;
            let is_read = if ahead.eat("(DF)") {
                suffix.dont_fragment = true;
                true
            } else if ahead.eat("[tos 0x") {
                // RFC 3168, 5: ECN's two bits are named after it, `[tos 0x2 (E)]`.
                suffix.traffic_class = ahead.hex().and_then(|class| class.try_into().ok());
                ahead.until(']').is_some()
            } else if ahead.eat("[flowlabel ") || ahead.eat("[class ") {
                ahead.until(']').is_some()
            } else if ["(ttl ", "(len ", "(hlim "].iter().any(|start| ahead.rest().starts_with(start)) {
                ahead.eat("(");
                // Text in another tool's parentheses is ignored.
                let mut read = suffix;
                let is_own = ahead.until(')').is_some_and(|fields| read.read_fields(fields));
                if is_own {
                    suffix = read;
                }
                is_own
            } else {
                false
            };
            if !is_read {
                return suffix;
            }
            *scan = ahead;
        }
    }

    /// `ttl 64, id 42376, len 60`. Returns whether all of it is of that kind.
    fn read_fields(&mut self, fields: &str) -> bool {
        fields.split(',').all(|field| {
            let Some((name, value)) = field.trim().split_once(' ') else { return false };
            let value = value.trim();
            match name {
                "ttl" => self.hop_limit = value.parse().ok(),
                "hlim" => (self.hop_limit, self.is_v6) = (value.parse().ok(), true),
                "id" => self.id = value.parse().ok(),
                // "len 1500" or, where the frame was shorter, "len 1500, bad cksum ...".
                "len" => self.length = value.parse().ok(),
                "optlen" | "bad" => {}
                _ => return false,
            }
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_after_a_packet_is_read_up_to_what_is_none() {
        let read = |text: &str| {
            let mut scan = Scan::new(text);
            let suffix = Suffix::parse(&mut scan);
            (suffix, scan.rest().to_owned())
        };
        let (suffix, rest) = read("(DF) [tos 0x2 (E)] (ttl 64, id 42376, len 60) : SYN");
        assert_eq!((suffix.dont_fragment, suffix.traffic_class), (true, Some(2)));
        assert_eq!((suffix.hop_limit, suffix.id, suffix.length), (Some(64), Some(42376), Some(60)));
        assert_eq!(rest, ": SYN");
        let (suffix, _) = read(" [flowlabel 0x1] (len 40, hlim 61)");
        assert_eq!((suffix.length, suffix.hop_limit, suffix.is_v6), (Some(40), Some(61), true));
        assert_eq!(read("(ttl 6"), (Suffix::default(), "(ttl 6".to_owned()));
        for other in ["(see above)", "(ttl 64, id 3, optlen=4 RR)", "(ttl 64, id 3, len52)", "(len 5, x)"] {
            assert_eq!(read(other), (Suffix::default(), other.to_owned()));
        }
    }
}
