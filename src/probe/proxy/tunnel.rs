//! What a proxy answered to the request for a tunnel.

/// What the proxy answered.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tunnel {
    /// The status of its answer to CONNECT; absent if none came that can be read.
    pub status: Option<u16>,
    /// The number in its reply by SOCKS5 (RFC 1928, 6), or 255 where it accepts no way to log in.
    pub reply: Option<u8>,
    /// The schemes by which a client is to authenticate, from Proxy-Authenticate.
    pub schemes: Vec<String>,
    /// Whether a success brings a web page in place of the tunnel, as a captive portal's does.
    pub is_page: bool,
    /// Where a redirect in place of the tunnel leads.
    pub target: Option<String>,
    /// In a sentence why what came can't be read as an answer; absent if nothing came.
    pub unread: Option<String>,
}

impl Tunnel {
    /// By an answer that can't be read, and why.
    pub(super) fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    /// By a reply of SOCKS5.
    pub(super) fn replied(code: u8) -> Self {
        Self { reply: Some(code), ..Self::default() }
    }

    /// Whether the proxy says that the tunnel is open: any 2xx (RFC 9110, 9.3.6), or 0.
    pub(in crate::probe) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status)) || self.reply == Some(0)
    }

    /// Whether the tunnel is open.
    pub fn is_open(&self) -> bool {
        self.is_success() && !self.is_page && self.unread.is_none()
    }
}
