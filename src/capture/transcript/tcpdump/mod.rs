//! tcpdump's words.

pub mod banner;
pub mod draft;
mod icmp;
mod ip;
pub mod options;
pub mod tcp;
