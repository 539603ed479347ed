//! The network as the system shows it: names and addresses, sockets, what the kernel knows of them, packets captured
//! meanwhile.

pub(super) mod authority;
pub(super) mod capture;
pub(super) mod connect;
pub(super) mod counters;
pub(super) mod dns;
pub(super) mod kernel;
mod lack;
mod neighbor;
mod netlink;
pub(super) mod order;
mod overtaking;
pub(super) mod readiness;
mod records;
pub(super) mod socket;
mod stream;
pub(super) mod wrapping;
