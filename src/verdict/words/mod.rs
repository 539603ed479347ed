//! What several rules share: an acknowledgement that is not in the capture, advice, evidence, OAuth errors, the meaning of
//! alerts, the signs of a small path MTU, ICMP errors, port checks and scans, what a certificate shows where the client refused
//! it, the reason in a RST, how far a connection got, a farewell that nobody acknowledges, the caveats on drops and on packets without
//! times, and TLS whose client accepted the connection. Nothing here decides on a
//! verdict.

pub(super) mod ack_unseen;
pub(super) mod advice;
pub(super) mod alert_meaning;
pub(super) mod drops;
pub(super) mod evidence;
pub(super) mod farewell;
pub(super) mod icmp_error;
pub(super) mod last_step;
pub(super) mod log_line;
pub(crate) mod oauth;
pub(super) mod path_mtu;
pub(super) mod purpose;
pub(super) mod refused_certificate;
pub(super) mod reset_reason;
mod reversed;
pub(super) mod sent_unseen;
pub(super) mod timeless;
