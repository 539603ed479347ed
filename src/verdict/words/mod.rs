//! What several rules share: advice, the meaning of alerts, the signs of a small path MTU, and what a certificate shows of a
//! client that refused it. Nothing here decides on a verdict.

pub(super) mod advice;
pub(super) mod alert_meaning;
pub(super) mod path_mtu;
pub(super) mod refused_certificate;
