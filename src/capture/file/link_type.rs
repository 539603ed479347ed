//! The two numberings of link types: `LINKTYPE_` in files (tcpdump.org/linktypes.html) and `DLT_` in libpcap's functions.
//! They differ for a few types, and this is the only table of those.

/// Types that have another number as `DLT_`: the `LINKTYPE_` value, and the `DLT_` values, this system's first.
const DIFFERENT: [(u32, &[u32]); 2] = [
    // LINKTYPE_RAW; DLT_RAW is 14 on OpenBSD and 12 elsewhere (pcap/dlt.h).
    (101, if cfg!(target_os = "openbsd") { &[14, 12] } else { &[12, 14] }),
    // LINKTYPE_ATM_RFC1483, DLT_ATM_RFC1483.
    (100, &[11]),
];

/// The `LINKTYPE_` value of a `DLT_` value, whichever system wrote it.
pub(crate) fn from_dlt(dlt: u32) -> u32 {
    DIFFERENT.iter().find(|(_, dlts)| dlts.contains(&dlt)).map_or(dlt, |(link_type, _)| *link_type)
}

/// The `DLT_` value of this system's libpcap for a `LINKTYPE_` value.
pub(in crate::capture) fn to_dlt(link_type: u32) -> u32 {
    let known = DIFFERENT.iter().find(|(known, _)| *known == link_type);
    known.and_then(|(_, dlts)| dlts.first()).copied().unwrap_or(link_type)
}

/// The `LINKTYPE_` value in a pcap header's field. The upper bits hold the length of the frame check sequence
/// (draft-ietf-opsawg-pcap, 4), and programs that write without libpcap use their system's `DLT_` value.
pub(super) fn of_header(network: u32) -> u32 {
    from_dlt(network & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_other_numbers_in_libpcap_and_comes_back_from_each() {
        assert_eq!([12, 14, 101, 0xf000_000c].map(of_header), [101; 4]);
        assert_eq!(from_dlt(to_dlt(101)), 101);
    }

    #[test]
    fn most_types_have_one_number() {
        assert_eq!([1, 113, 276].map(from_dlt), [1, 113, 276]);
        assert_eq!([1, 113, 276].map(to_dlt), [1, 113, 276]);
    }
}
