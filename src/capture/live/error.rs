//! What libpcap's texts mean, and what to do. The crate hands on libpcap's words and drops its codes, so they are told by
//! their words (pcap.c, `pcap_statustostr`, and pcap-linux.c); a text that is not known is shown as it is.

use super::interfaces::devices;
use crate::capture::ReadError;

/// What came in the way of reading a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// The interface was set down; it may come up again.
    WentDown,
    /// The interface was removed.
    Disappeared,
    /// Something else.
    Other,
}

/// What a text that reading failed with means.
pub(super) fn of_reading(text: &str) -> Reading {
    let has = |words: &str| text.contains(words);
    if has("interface went down") || has("Network is down") {
        Reading::WentDown
    } else if has("interface disappeared") || has("No such device") {
        Reading::Disappeared
    } else {
        Reading::Other
    }
}

/// Why a device can't be opened, with what to do.
pub(super) fn open_error(device: &str, text: &str) -> ReadError {
    let has = |words: &str| text.contains(words);
    let first = text.lines().next().unwrap_or(text).trim();
    let (what, hint) = if has("permission") || has("Operation not permitted") {
        (FORBIDDEN.to_owned(), Some(permission_hint()))
    } else if has("No such device") || has("doesn't exist") || has("not found") {
        ("no such interface".to_owned(), Some(devices_hint()))
    } else if has("not up") {
        ("the interface is down".to_owned(), Some(format!("ip link set {device} up")))
    } else if has("syntax error") || has("expression") || has("illegal") {
        (format!("libpcap does not accept the filter: {first}"), Some("man pcap-filter".to_owned()))
    } else {
        (format!("can't be captured on: {first}"), None)
    };
    ReadError { file: device.to_owned(), what, hint }
}

/// Why a device can't be read on.
pub(super) fn read_error(device: &str, text: &str) -> ReadError {
    ReadError { file: device.to_owned(), what: format!("capturing stopped: {text}"), hint: None }
}

/// Whether permission was missing.
pub(super) fn is_forbidden(error: &ReadError) -> bool {
    error.what == FORBIDDEN
}

const FORBIDDEN: &str = "capturing needs the capability CAP_NET_RAW, which this process does not have";

fn permission_hint() -> String {
    let program = std::env::current_exe();
    let program = program.as_deref().map_or("ssmscope".into(), |path| path.display().to_string());
    format!("sudo, or once: sudo setcap cap_net_raw,cap_net_admin=eip {program}")
}

fn devices_hint() -> String {
    match devices() {
        Ok(devices) if !devices.is_empty() => {
            let names: Vec<_> = devices.into_iter().map(|device| device.name).collect();
            format!("one of these: {}", names.join(", "))
        }
        _ => "ssmscope interfaces".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcap_s_texts_are_told_with_what_to_do() {
        let forbidden = open_error(
            "eth0",
            "eth0: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)",
        );
        assert!(is_forbidden(&forbidden));
        assert!(forbidden.to_string().contains("setcap cap_net_raw,cap_net_admin=eip "), "{forbidden}");
        let unknown = open_error("eth9", "eth9: No such device exists\n(SIOCGIFHWADDR: No such device)");
        assert_eq!(unknown.what, "no such interface");
        let other = open_error("eth0", "something new\nmore");
        assert_eq!(other.to_string(), "eth0: can't be captured on: something new");
    }

    #[test]
    fn a_device_that_goes_down_is_told_from_one_that_is_removed() {
        assert_eq!(of_reading("The interface went down"), Reading::WentDown);
        assert_eq!(of_reading("The interface disappeared"), Reading::Disappeared);
        assert_eq!(of_reading("recvfrom failed: Network is down"), Reading::WentDown);
        assert_eq!(of_reading("anything else"), Reading::Other);
    }
}
