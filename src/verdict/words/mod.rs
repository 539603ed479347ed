//! What several rules share: advice, evidence, OAuth errors, the meaning of alerts, the signs of a small path MTU, ICMP errors,
//! what a certificate shows where the client refused it, how far a connection got, and the caveat on drops. Nothing here decides on a verdict.

pub(super) mod advice;
pub(super) mod alert_meaning;
pub(super) mod drops;
pub(super) mod evidence;
pub(super) mod icmp_error;
pub(super) mod last_step;
pub(crate) mod oauth;
pub(super) mod path_mtu;
pub(super) mod refused_certificate;
