//! The first step: a TCP connection, and what the system reports where there is none.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::debug;

use super::neighbor;
use super::readiness::wait_for;
use super::socket::words;
use crate::probe::tape::{Tape, TapedConnection, Unreachable};

/// How an attempt to connect ended.
#[derive(Debug)]
pub(in crate::probe) enum Connected {
    /// The connection is up.
    Up(TcpStream, TapedConnection),
    /// It is not; the tape shows why.
    Failed(TapedConnection),
    /// The system sent nothing, for this reason.
    NotSent(io::Error),
}

/// Opens a connection, waiting until then.
pub(in crate::probe) fn connect(tape: &mut Tape, server: SocketAddr, until: Instant) -> Connected {
    match try_connect(tape, server, until) {
        Ok(connected) => connected,
        Err(error) => {
            let error = if is_of_no_link(server) { io::Error::other(NO_LINK) } else { error };
            tape.note(format!("can't connect to {server}: {}", words(&error)));
            Connected::NotSent(error)
        }
    }
}

/// Whether an address is of one link alone, and nothing says of which (RFC 4007, 6).
fn is_of_no_link(server: SocketAddr) -> bool {
    matches!(server, SocketAddr::V6(server) if server.ip().is_unicast_link_local() && server.scope_id() == 0)
}

const NO_LINK: &str = "it is link-local, and DNS does not name its interface";

fn try_connect(tape: &mut Tape, server: SocketAddr, until: Instant) -> io::Result<Connected> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Where the system can name the sender of an ICMP error, it does so only if it is asked to; later it reports errors at once
    // that other programs see when the connection has timed out (ip(7), IP_RECVERR).
    let _ = wants_icmp(&socket, server);
    let began = Instant::now();
    let error = match socket.connect(&server.into()) {
        Ok(()) => None,
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => None,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(error),
        Err(error) => return Err(error),
    };
    let unspecified: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let client = socket.local_addr().ok().and_then(|address| address.as_socket());
    let mut connection = TapedConnection::new(client.unwrap_or(SocketAddr::new(unspecified, 0)), server);
    tape.connecting(&mut connection, began);
    let error = match error {
        Some(error) => Some(error),
        None if !wait_for(&socket, PollFlags::POLLOUT, until)? => {
            if let Some(why) = neighbor::unanswered(server) {
                tape.never_left(&connection, why);
                return Ok(Connected::NotSent(io::Error::other(why)));
            }
            tape.note("no answer; given up");
            return Ok(Connected::Failed(connection));
        }
        None => socket.take_error()?,
    };
    let Some(error) = error else {
        tape.connected(&mut connection);
        socket.set_nonblocking(false)?;
        socket.set_tcp_nodelay(true)?;
        return Ok(Connected::Up(socket.into(), connection));
    };
    let reported = icmp_error(&socket).or_else(|| unreachable_by_errno(&error, server, unspecified));
    debug!(%error, icmp = ?reported, "connect() failed");
    let by_itself =
        reported.filter(|error| error.from == connection.client.ip() && error.from != server.ip());
    if let Some(error) = by_itself {
        let why = own_refusal(error, server);
        tape.never_left(&connection, why);
        return Ok(Connected::NotSent(io::Error::other(why)));
    }
    match (reported, error.raw_os_error().map(Errno::from_raw)) {
        (Some(reported), _) => tape.unreachable(&connection, reported),
        (None, Some(Errno::ECONNREFUSED)) => tape.reset(&connection),
        // No answer to a SYN is reported so (net/ipv4/tcp_input.c, `tcp_reset`): the RST came right after the SYN-ACK.
        (None, Some(Errno::ECONNRESET)) => {
            tape.connected(&mut connection);
            tape.reset(&connection);
        }
        // The system gave up by itself, or reports something that no packet shows.
        (None, _) => {
            tape.note(format!("no connection: {}", words(&error)));
        }
    }
    Ok(Connected::Failed(connection))
}

/// Why this host itself answers a SYN of its own with an ICMP error.
fn own_refusal(error: Unreachable, server: SocketAddr) -> &'static str {
    let is_address = match server {
        SocketAddr::V4(_) => (error.icmp_type, error.code) == (3, 1),
        SocketAddr::V6(_) => (error.icmp_type, error.code) == (1, 3),
    };
    let unknown = || match server {
        SocketAddr::V4(_) => "nobody answered ARP for it, or for the gateway to it",
        SocketAddr::V6(_) => "nobody answered neighbor discovery for it, or for the gateway to it",
    };
    if is_address {
        // The table of neighbors knows which.
        neighbor::unanswered(server).unwrap_or_else(unknown)
    } else {
        "a firewall on this host rejects it"
    }
}

fn wants_icmp(socket: &Socket, server: SocketAddr) -> nix::Result<()> {
    match server {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &true),
    }
}

/// The ICMP error that the system kept for the socket (ip(7) and ipv6(7), `sock_extended_err`). For TCP, Linux does so
/// while the SYN is unanswered, since 5.8.
fn icmp_error(socket: &Socket) -> Option<Unreachable> {
    /// SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6 of linux/errqueue.h.
    const ICMP: [u8; 2] = [2, 3];
    let mut quoted = [0; 256];
    let mut parts = [IoSliceMut::new(&mut quoted)];
    let mut control = vec![0; 512];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, Some(from)) if ICMP.contains(&error.ee_origin) => {
            let from = Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)).into();
            Some(Unreachable { from, icmp_type: error.ee_type, code: error.ee_code })
        }
        ControlMessageOwned::Ipv6RecvErr(error, Some(from)) if ICMP.contains(&error.ee_origin) => {
            let from = Ipv6Addr::from(from.sin6_addr.s6_addr).into();
            Some(Unreachable { from, icmp_type: error.ee_type, code: error.ee_code })
        }
        _ => None,
    })
}

/// The ICMP error that an errno means, where the system does not keep the error itself: the first type and code that
/// Linux translates into it (net/ipv4/icmp.c, `icmp_err_convert`; net/ipv6/icmp.c, `tab_unreach`).
fn unreachable_by_errno(error: &io::Error, server: SocketAddr, from: IpAddr) -> Option<Unreachable> {
    let errno = Errno::from_raw(error.raw_os_error()?);
    let (icmp_type, code) = match (errno, server.is_ipv4()) {
        (Errno::ENETUNREACH, true) => (3, 0),
        (Errno::EHOSTUNREACH, true) => (3, 1),
        (Errno::ENOPROTOOPT, true) => (3, 2),
        (Errno::ENETUNREACH, false) => (1, 0),
        (Errno::EACCES, false) => (1, 1),
        (Errno::EHOSTUNREACH, false) => (1, 3),
        _ => return None,
    };
    Some(Unreachable { from, icmp_type, code })
}
