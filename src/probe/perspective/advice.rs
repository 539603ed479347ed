//! What to do next, in sentences that several of the check's verdicts share.

pub(super) use crate::probe::http::demands::IDENTITY;

pub(super) const PINNED: &str = "curl: (90) SSL: public key does not match pinned public key";
pub(super) const KEY: &str = "Compare the certificate (-v) with the server's own, on the server: `openssl x509 -noout -fingerprint -sha256`.";
pub(super) const NEW_PIN: &str = "If the server's key was replaced on purpose, give --pin the new pin.";
pub(super) const PROTOCOL: &str =
    "Check the port, the protocol, and that TLS is enabled in the server's configuration.";
pub(super) const MTU: &str = "Check the MTU of tunnels and VPNs on the path: `ping -M do -s 1472 SERVER` shows whether large packets pass.";
pub(super) const REJECTION: &str = "Look for the rule or the route that rejects: on this host (`nft list ruleset`, `ip route get SERVER`), and on what is between it and the server.";
pub(super) const LOSS: &str = "Look for errors and drops on the interfaces of the path.";
pub(super) const CAPTURE: &str =
    "Repeat the check with --capture: packets show what was lost, TTLs, and who sent a RST or an ICMP error.";
pub(super) const OPENSSL: &str =
    "See all of it: `openssl s_client -connect SERVER:PORT -cipher ALL:@SECLEVEL=0`.";
pub(super) const MODERN: &str =
    "Have the server offer TLS 1.2 or 1.3 with ECDHE over X25519 or P-256, and AES-GCM.";
pub(super) const SERVER_LOG: &str =
    "Read the server's log at that time: overloaded, hung, or waiting for a backend.";
pub(super) const PROXY_LOG: &str =
    "Read the proxy's log at that time: overloaded, hung, or waiting for the server.";
pub(super) const PATIENT: &str =
    "With --patient, and a longer --timeout, the check shows whether it is slow or silent.";
pub(super) const LONGER: &str = "With a longer --timeout, the check shows whether it is slow or silent.";
pub(super) const OTHER_SIDE: &str =
    "Check from a host next to the server too: if it succeeds there, a device on the path changes the bytes.";
