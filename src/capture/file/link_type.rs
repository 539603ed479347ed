//! Link types by one numbering.

/// The `LINKTYPE_` value for what a pcap header holds.
///
/// The upper bits tell the length of the frame check sequence (draft-ietf-opsawg-pcap, 4). Writers without libpcap put
/// their system's `DLT_` value there, which differs from the `LINKTYPE_` value for a few.
pub(super) fn normalized(network: u32) -> u32 {
    match network & 0xffff {
        // DLT_RAW: 12 on most systems, 14 on OpenBSD; LINKTYPE_RAW.
        12 | 14 => 101,
        // DLT_ATM_RFC1483; LINKTYPE_ATM_RFC1483.
        11 => 100,
        link_type => link_type,
    }
}
