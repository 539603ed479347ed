//! Packet lists of tshark and Wireshark, Cisco's ethanalyzer and switches, which run it: rows as a terminal prints them or as
//! they are copied, CSV and Markdown tables of them, and details.
//!
//! `recognised` finds a list's lines. `gather` and `pending` put a packet's lines together,
//! and `edge` knows where all of them were cut. `row`, `table` and `detail` read their
//! columns and fields, `info` the Info column of TCP, `above` that of other protocols, which `protocols` knows by name. `streams`
//! finds the connection of a row that shows neither ports nor numbers.

mod above;
mod detail;
mod edge;
mod fields;
mod gather;
mod info;
mod pending;
mod protocols;
mod recognised;
mod row;
mod streams;
mod table;

pub use self::gather::Gatherer;
pub use self::recognised::is_numbered_row;
