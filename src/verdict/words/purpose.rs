//! What a client may have meant to do: a port check or a port scan is no fault of the one who makes it.

use crate::story::Story;

/// What a port check is.
pub(in crate::verdict) const PORT_CHECK: &str = "The client opened the connection and ended it without sending a byte: a health probe of a load balancer or of \
     monitoring does this, and so does a program that tests whether the port is open. The server accepts connections on this \
     port. If the client was supposed to send a request, it gave up before its first write.";

/// What gives a scanner's SYN away.
const SCAN: &str = " The SYN was not written by a kernel: no option but the segment size, a small window and no repeat are the form \
     of nmap, masscan and zmap, which look for open ports.";

/// The word that the headline begins with where the attempt is a port check or a port scan; empty otherwise.
pub(in crate::verdict) fn prefix(story: &Story) -> &'static str {
    if story.has_scanner_syn() {
        "port scan: "
    } else if story.is_port_check() {
        "port check: "
    } else {
        ""
    }
}

/// A sentence about a scanner's SYN; empty if it is not one.
pub(in crate::verdict) fn scan(story: &Story) -> &'static str {
    if story.has_scanner_syn() { SCAN } else { "" }
}
