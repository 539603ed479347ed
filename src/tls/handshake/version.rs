//! Protocol version numbers.

use std::fmt;

/// A protocol version number. Unknown numbers stay numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u16);

impl Version {
    /// SSL 2.0.
    pub const SSL2: Self = Self(0x0002);
    /// TLS 1.2.
    pub const TLS12: Self = Self(0x0303);
    /// TLS 1.3.
    pub const TLS13: Self = Self(0x0304);

    /// TLS 1.3 or one of its drafts (0x7f00 + draft, and Facebook's 0xfb17 to 0xfb1a experiments).
    pub fn is_tls13(self) -> bool {
        matches!(self.0, 0x0304 | 0x7f00..=0x7fff | 0xfb00..=0xfbff)
    }

    /// A version that must not be used any more: SSL 2.0 (RFC 6176), SSL 3.0 (RFC 7568), TLS 1.0 and 1.1 (RFC 8996).
    pub fn is_obsolete(self) -> bool {
        matches!(self.0, 0x0002 | 0x0300..=0x0302)
    }
}

impl Version {
    /// Its name, if it is one that was published.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0002 => "SSL 2.0",
            0x0101 => "TLCP 1.1",
            0x0300 => "SSL 3.0",
            0x0301 => "TLS 1.0",
            0x0302 => "TLS 1.1",
            0x0303 => "TLS 1.2",
            0x0304 => "TLS 1.3",
            _ => return None,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.0) {
            (Some(name), _) => f.write_str(name),
            (None, 0x7f00..=0x7fff) => write!(f, "TLS 1.3 draft {}", self.0 & 0xff),
            (None, other) => write!(f, "0x{other:04x}"),
        }
    }
}
