//! Text of other tools than tcpdump, each of them a family of its own.
//!
//! A family is a [`tool::Tool`]: it gathers a packet's lines into a [`packet::ToolPacket`], whose ends are still as they are spelled; `printed` looks
//! them up. `times` and `options` hold what several tools print in the same way, `lengths` finds the lengths that a tool does not print.

pub mod dumps;
pub mod fortigate;
pub mod fw_monitor;
mod lengths;
mod options;
mod packet;
mod printed;
#[cfg(test)]
mod script;
pub mod snoop;
mod times;
mod tool;
pub mod unread;
pub mod wireshark;
