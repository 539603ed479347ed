//! The devices of this host: which there are, how they are, and over which of them an address is reached.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use super::ANY;

/// A device that can be captured on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether it is up, and what it is.
    pub state: String,
    /// libpcap's description of it.
    pub description: Option<String>,
}

/// What can be captured on, as libpcap lists it.
///
/// # Errors
/// When libpcap can't list devices.
pub fn devices() -> io::Result<Vec<Device>> {
    let listed = pcap::Device::list().map_err(|error| io::Error::other(error.to_string()))?;
    let device = |device: pcap::Device| Device {
        addresses: device.addresses.iter().map(|address| address.addr.to_string()).collect(),
        state: state(&device.flags),
        description: device.desc,
        name: device.name,
    };
    Ok(listed.into_iter().map(device).collect())
}

/// The device over which this host reaches these addresses: the one with the address that packets to them go out from, and
/// the loopback device for this host's own. `any` where they go out over several, or where the device is not known.
pub fn towards(addresses: &[IpAddr]) -> String {
    let mut names: Vec<_> = addresses.iter().map(|address| device_towards(*address)).collect();
    names.dedup();
    match names.as_slice() {
        [Some(name)] => name.clone(),
        _ => ANY.to_owned(),
    }
}

fn device_towards(address: IpAddr) -> Option<String> {
    /// Any port does where nothing is sent.
    const DISCARD: u16 = 9;
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((address, DISCARD)).ok()?;
    let source = socket.local_addr().ok()?.ip();
    let own: Vec<_> = getifaddrs().ok()?.collect();
    let has = |device: &InterfaceAddress, wanted: IpAddr| {
        let address = device.address.as_ref();
        let v4 = address.and_then(|address| address.as_sockaddr_in()).map(|address| IpAddr::V4(address.ip()));
        let v6 =
            address.and_then(|address| address.as_sockaddr_in6()).map(|address| IpAddr::V6(address.ip()));
        v4.or(v6) == Some(wanted)
    };
    let is_own = own.iter().any(|device| has(device, address));
    let is_loopback = |device: &&InterfaceAddress| device.flags.contains(InterfaceFlags::IFF_LOOPBACK);
    let found = own.iter().find(|device| if is_own { is_loopback(device) } else { has(device, source) });
    found.map(|device| device.interface_name.clone())
}

fn state(flags: &pcap::DeviceFlags) -> String {
    let words = [
        (true, if flags.is_up() { "up" } else { "down" }),
        (flags.is_running(), "running"),
        (flags.is_loopback(), "loopback"),
        (flags.is_wireless(), "wireless"),
        (flags.connection_status == pcap::ConnectionStatus::Disconnected, "disconnected"),
    ];
    let words: Vec<_> = words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    words.join(", ")
}

/// The kernel's number of a device.
pub(super) fn index_of(device: &str) -> Option<u32> {
    if_nametoindex(device).ok()
}

/// Whether a device is up, where the system shows it.
pub(super) fn is_up(device: &str) -> Option<bool> {
    let found = getifaddrs().ok()?.find(|found| found.interface_name == device)?;
    Some(found.flags.contains(InterfaceFlags::IFF_UP))
}
