//! The PROXY protocol: a header that a load balancer puts in front of a connection, so that the server knows the client.

/// What follows a PROXY protocol header (HAProxy's proxy-protocol.txt, 2.1 and 2.2), if the bytes begin with one.
pub(in crate::tls) fn after_proxy_header(bytes: &[u8]) -> Option<&[u8]> {
    const SECOND_VERSION: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    // Version 1 is one line of at most 107 bytes.
    const LINE_BYTES: usize = 107;
    if bytes.starts_with(b"PROXY ") {
        let end = bytes.iter().take(LINE_BYTES).position(|byte| *byte == b'\n')?;
        return bytes.get(end + 1..);
    }
    let rest = bytes.strip_prefix(SECOND_VERSION)?;
    let len = u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]);
    rest.get(4 + usize::from(len)..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_passed_over() {
        assert_eq!(
            after_proxy_header(b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n\x16"),
            Some(&b"\x16"[..])
        );
        let mut second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        second.extend([0; 12]);
        second.push(0x16);
        assert_eq!(after_proxy_header(&second), Some(&b"\x16"[..]));
        assert_eq!(after_proxy_header(&second[..20]), None);
        assert_eq!(after_proxy_header(b"GET / HTTP/1.1\r\n"), None);
    }
}
