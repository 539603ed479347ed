//! Questions to the kernel's tables over a netlink socket (netlink(7)). Each sends no packet.

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The kernel answers at once; this is for one that does not answer at all.
const PATIENCE_MS: i64 = 200;

/// `nlmsghdr`.
pub(super) const HEADER: usize = 16;

/// Bytes of an attribute's length and type.
const ATTRIBUTE: usize = 4;

/// Asks for one thing, of this type and with this body. Absent if the kernel does not say; the answer begins with its header.
pub(super) fn ask(protocol: SockProtocol, kind: u16, body: &[u8]) -> Option<Vec<u8>> {
    const NLM_F_REQUEST: u16 = 1;
    let mut message = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
    message.extend([kind.to_ne_bytes(), NLM_F_REQUEST.to_ne_bytes()].concat());
    message.extend([0; 8]);
    message.extend(body);
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).ok()?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MS)).ok()?;
    send(socket.as_raw_fd(), &message, MsgFlags::empty()).ok()?;
    let mut answer = vec![0; 2048];
    let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
    answer.truncate(len);
    Some(answer)
}

/// The type of an answer.
pub(super) fn kind(answer: &[u8]) -> Option<u16> {
    answer.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)
}

/// The attributes that these bytes consist of, by type, as far as they go.
pub(super) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (len, kind) = halves(word(rest, 0)?);
        let value = rest.get(ATTRIBUTE..len.into()).unwrap_or_default();
        // They begin at multiples of 4 bytes, and are never empty.
        let next = usize::from(len).max(ATTRIBUTE).next_multiple_of(ATTRIBUTE);
        rest = rest.get(next..).unwrap_or_default();
        Some((kind, value))
    })
}

/// An attribute of this type.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = ((ATTRIBUTE + value.len()) as u16).to_ne_bytes();
    let mut bytes = [&len, &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(ATTRIBUTE), 0);
    bytes
}

/// An address's bytes.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The address that these bytes are.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// The two 16-bit fields of a word, in the order in which they lie in memory.
fn halves(word: u32) -> (u16, u16) {
    let [a, b, c, d] = word.to_ne_bytes();
    (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let bytes = [attribute(1, &[10, 0, 0, 1]), attribute(4, &[7]), attribute(9, &[])].concat();
        assert_eq!(bytes.len(), 20);
        let read: Vec<_> = attributes(&bytes).collect();
        assert_eq!(read, [(1, &[10, 0, 0, 1][..]), (4, &[7]), (9, &[])]);
        assert_eq!(address(&[10, 0, 0, 1]), Some([10, 0, 0, 1].into()));
        assert_eq!(address(&[10, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_end(bytes: Vec<u8>) {
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
