//! Live captures and active checks in network namespaces, where two hosts, and a router between them, bring about every fault.
//!
//! Skipped with a printed reason where namespaces can't be made, which needs root and iproute2, or where a program that a test
//! needs as a peer is not installed.

// `ssmscope check`, and a capture of each check.
mod check;
// `ssmscope live`.
mod live;
// What answers on the server.
mod peers;
// The certificates of servers and clients.
mod pki;
// `ssmscope serve`, and Prometheus.
mod serve;
#[path = "../support/mod.rs"]
mod support;
