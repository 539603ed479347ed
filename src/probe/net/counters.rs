//! What the kernel's TCP counts of one connection, by sock_diag(7): the same as TCP_INFO, asked for over a netlink socket.

use std::net::SocketAddr;

use nix::libc;
use nix::sys::socket::SockProtocol;

use super::netlink::{self, HEADER, attributes, octets, word};
use crate::probe::tape::TapedConnection;

/// linux/sock_diag.h and linux/inet_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_SKMEMINFO: u16 = 7;
const INET_DIAG_MSG: usize = 72;

/// What is counted of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::probe) struct Counters {
    /// Bytes that were received in order, and not read so far.
    pub(in crate::probe) unread: u32,
    /// Bytes that were sent, and not acknowledged so far.
    pub(in crate::probe) unacknowledged: u32,
    /// Segments that were sent again.
    pub(in crate::probe) retransmitted: u32,
    /// Segments that arrived before one that precedes them.
    pub(in crate::probe) out_of_order: u32,
    /// The largest packet that reaches the server as far as this host knows, in bytes.
    pub(in crate::probe) path_mtu: u32,
    /// The round trip as TCP estimates it, in microseconds.
    pub(in crate::probe) round_trip: u32,
    /// Bytes of memory that received data occupies, whether it is in order or not.
    memory: u32,
    /// Segments that were sent, and not acknowledged so far.
    in_flight: u32,
    /// Bytes that wait to be sent for the first time.
    unsent: u32,
    /// The server's receive window in bytes; absent where the kernel is older than 5.4.
    window: Option<u32>,
}

impl Counters {
    /// Whether data is buffered after a hole: it occupies memory, and none of it can be read.
    pub(in crate::probe) fn is_after_hole(&self) -> bool {
        self.out_of_order > 0 && self.unread == 0 && self.memory > 0
    }

    /// Whether bytes can't be sent because the server's receive window is closed.
    pub(in crate::probe) fn is_window_closed(&self) -> bool {
        self.unsent > 0 && self.window == Some(0)
    }

    /// Whether TCP may send bytes, nothing of it is in flight, and they wait nevertheless: where the system itself drops a segment, TCP
    /// takes it for one that was not sent (net/ipv4/tcp_output.c, `tcp_write_xmit`).
    pub(in crate::probe) fn is_held_back(&self) -> bool {
        self.unsent > 0 && self.in_flight == 0 && self.window.is_some_and(|window| window >= self.unsent)
    }
}

/// Asks the kernel. Absent if it does not say.
pub(in crate::probe) fn counters(connection: &TapedConnection) -> Option<Counters> {
    let request = request(connection.client, connection.server);
    read(&netlink::ask(SockProtocol::NetlinkSockDiag, SOCK_DIAG_BY_FAMILY, &request)?)
}

/// `inet_diag_req_v2`.
fn request(client: SocketAddr, server: SocketAddr) -> Vec<u8> {
    const ANY: u32 = u32::MAX;
    /// Bytes of an address, of either family.
    const ADDRESS: usize = 16;
    let family = if client.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let wanted = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
    let scope = if let SocketAddr::V6(server) = server { server.scope_id() } else { 0 };
    let mut body = vec![family as u8, libc::IPPROTO_TCP as u8, wanted, 0];
    body.extend(ANY.to_ne_bytes());
    body.extend([client.port().to_be_bytes(), server.port().to_be_bytes()].concat());
    for end in [client.ip(), server.ip()] {
        let mut address = octets(end);
        address.resize(ADDRESS, 0);
        body.extend(address);
    }
    // The interface, and whatever cookie the socket has.
    for word in [scope, ANY, ANY] {
        body.extend(word.to_ne_bytes());
    }
    body
}

/// `nlmsghdr`, `inet_diag_msg` and the attributes after it.
fn read(answer: &[u8]) -> Option<Counters> {
    if netlink::kind(answer)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut counters = Counters {
        unread: word(answer, HEADER + 56)?,
        unacknowledged: word(answer, HEADER + 60)?,
        ..Counters::default()
    };
    for (kind, value) in attributes(answer.get(HEADER + INET_DIAG_MSG..)?) {
        match kind {
            // Offsets of `struct tcp_info` in linux/tcp.h. An older kernel's is shorter.
            INET_DIAG_INFO => {
                counters.path_mtu = word(value, 60).unwrap_or(0);
                counters.round_trip = word(value, 68).unwrap_or(0);
                counters.retransmitted = word(value, 100).unwrap_or(0);
                counters.out_of_order = word(value, 224).unwrap_or(0);
                counters.in_flight = word(value, 24).unwrap_or(0);
                counters.unsent = word(value, 144).unwrap_or(0);
                counters.window = word(value, 228);
            }
            // SK_MEMINFO_RMEM_ALLOC is the first.
            INET_DIAG_SKMEMINFO => counters.memory = word(value, 0).unwrap_or(0),
            _ => {}
        }
    }
    Some(counters)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kernel_counts_what_is_unread_and_unacknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let connection = TapedConnection::new(client.local_addr().unwrap(), listener.local_addr().unwrap());
        let Some(before) = counters(&connection) else {
            eprintln!("skipped: the kernel has no sock_diag");
            return;
        };
        assert_eq!((before.unread, before.unacknowledged, before.retransmitted), (0, 0, 0));
        assert!(before.path_mtu > 1_000, "{before:?}");
        assert!((1..1_000_000).contains(&before.round_trip), "{before:?}");
        server.write_all(b"hello").unwrap();
        client.peek(&mut [0; 5]).unwrap();
        let unread = counters(&connection).unwrap();
        assert_eq!((unread.unread, unread.is_after_hole()), (5, false));
        client.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(counters(&connection).unwrap().unread, 0);
        let unknown = TapedConnection::new("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        assert_eq!(counters(&unknown), None);
    }

    #[test]
    fn data_after_a_hole_occupies_memory_and_cannot_be_read() {
        let hole = Counters { out_of_order: 2, memory: 4_608, ..Counters::default() };
        assert!(hole.is_after_hole());
        assert!(!Counters { unread: 9, ..hole }.is_after_hole());
        assert!(!Counters { memory: 0, ..hole }.is_after_hole());
    }

    #[test]
    fn bytes_that_may_be_sent_and_wait_are_held_back_by_this_host() {
        let held = Counters { unsent: 253, window: Some(64_240), ..Counters::default() };
        assert!(held.is_held_back() && !held.is_window_closed());
        for other in [
            Counters { in_flight: 1, ..held },
            Counters { window: Some(0), ..held },
            Counters { window: Some(100), ..held },
            Counters { window: None, ..held },
            Counters { unsent: 0, ..held },
        ] {
            assert!(!other.is_held_back(), "{other:?}");
        }
    }

    #[test]
    fn a_server_that_reads_nothing_closes_its_window() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, _) = listener.accept().unwrap();
        let connection = TapedConnection::new(client.local_addr().unwrap(), listener.local_addr().unwrap());
        let Some(before) = counters(&connection).filter(|counters| counters.window.is_some()) else {
            eprintln!("skipped: the kernel does not report the window");
            return;
        };
        assert!(!before.is_window_closed(), "{before:?}");
        client.set_nonblocking(true).unwrap();
        while client.write(&[0; 8_192]).is_ok() {}
        let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let is_closed = || counters(&connection).is_some_and(|counters| counters.is_window_closed());
        while !is_closed() && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(is_closed(), "{:?}", counters(&connection));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(bytes: Vec<u8>, rest: Vec<u8>) {
            let _ = read(&bytes);
            let head = [&[0; 4], &SOCK_DIAG_BY_FAMILY.to_ne_bytes()[..], &[0; 82], &rest].concat();
            prop_assert!(read(&head).is_some());
        }
    }
}
