//! Why a device can't be captured on, as a type.
//!
//! The `pcap` crate passes libpcap's texts on and drops its status codes, so texts are compared here, and nowhere else
//! (libpcap, pcap.c, `pcap_statustostr`; pcap-linux.c). A text that is not known is shown as it is.

use super::interfaces::devices;
use crate::capture::ReadError;

/// Why a device can't be opened or read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum DeviceError {
    /// The process may not capture packets.
    Forbidden,
    /// There is no device of this name.
    NoSuchDevice,
    /// The device is down, and can't be opened.
    Down,
    /// libpcap does not accept the filter; its text.
    Filter(String),
    /// The device was set down while it was read. It may come up again.
    WentDown,
    /// The device was removed while it was read.
    Disappeared,
    /// It can't be opened for another reason; libpcap's text.
    Unopened(String),
    /// It can't be read further for another reason; libpcap's text.
    Unread(String),
}

impl DeviceError {
    /// What opening a device or setting its filter failed with.
    pub(super) fn of_opening(error: pcap::Error) -> Self {
        let text = text_of(error);
        let has = |words: &str| text.contains(words);
        let first = || text.lines().next().unwrap_or(&text).trim().to_owned();
        if has("permission") || has("Operation not permitted") {
            Self::Forbidden
        } else if has("No such device") || has("doesn't exist") || has("not found") {
            Self::NoSuchDevice
        } else if has("not up") {
            Self::Down
        } else if has("syntax error") || has("expression") || has("illegal") {
            Self::Filter(first())
        } else {
            Self::Unopened(first())
        }
    }

    /// What reading a device failed with.
    pub(super) fn of_reading(error: pcap::Error) -> Self {
        let text = text_of(error);
        let has = |words: &str| text.contains(words);
        if has("interface went down") || has("Network is down") {
            Self::WentDown
        } else if has("interface disappeared") || has("No such device") {
            Self::Disappeared
        } else {
            Self::Unread(text)
        }
    }

    /// The error for the user: what failed on this device, and what to try.
    pub(super) fn on(self, device: &str) -> ReadError {
        let (what, hint) = match self {
            Self::Forbidden => (
                "capturing needs the capability CAP_NET_RAW, which this process does not have".to_owned(),
                Some(permission_hint()),
            ),
            Self::NoSuchDevice => ("no such interface".to_owned(), Some(devices_hint())),
            Self::Down => ("the interface is down".to_owned(), Some(format!("ip link set {device} up"))),
            Self::Filter(text) => {
                (format!("libpcap does not accept the filter: {text}"), Some("man pcap-filter".to_owned()))
            }
            Self::WentDown => ("capturing stopped: the interface went down".to_owned(), None),
            Self::Disappeared => ("capturing stopped: the interface was removed".to_owned(), None),
            Self::Unopened(text) => (format!("can't be captured on: {text}"), None),
            Self::Unread(text) => (format!("capturing stopped: {text}"), None),
        };
        ReadError { file: device.to_owned(), what, hint }
    }
}

fn text_of(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}

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

    fn opening(text: &str) -> DeviceError {
        DeviceError::of_opening(pcap::Error::PcapError(text.to_owned()))
    }

    fn reading(text: &str) -> DeviceError {
        DeviceError::of_reading(pcap::Error::PcapError(text.to_owned()))
    }

    #[test]
    fn libpcap_s_texts_are_classified_and_say_what_to_do() {
        let forbidden = opening(
            "eth0: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)",
        );
        assert_eq!(forbidden, DeviceError::Forbidden);
        let shown = forbidden.on("eth0").to_string();
        assert!(shown.contains("setcap cap_net_raw,cap_net_admin=eip "), "{shown}");
        let unknown = opening("eth9: No such device exists\n(SIOCGIFHWADDR: No such device)");
        assert_eq!(unknown, DeviceError::NoSuchDevice);
        assert_eq!(opening("eth0: That device is not up"), DeviceError::Down);
        let other = opening("something new\nmore").on("eth0");
        assert_eq!(other.to_string(), "eth0: can't be captured on: something new");
    }

    #[test]
    fn a_device_that_goes_down_is_distinguished_from_one_that_is_removed() {
        assert_eq!(reading("The interface went down"), DeviceError::WentDown);
        assert_eq!(reading("The interface disappeared"), DeviceError::Disappeared);
        assert_eq!(reading("recvfrom failed: Network is down"), DeviceError::WentDown);
        assert_eq!(reading("anything else"), DeviceError::Unread("anything else".to_owned()));
    }
}
