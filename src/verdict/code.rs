//! The verdicts' codes.

use std::fmt;

macro_rules! codes {
    ($($code:ident $name:literal,)+) => {
        /// A verdict's code. What each code needs is matched without a default, so that a new code is forgotten nowhere; what
        /// only a few codes have is asked of a list of them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`.")] $code,)+
        }

        impl Code {
            /// Its name, as every output has it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }
        }
    };
}

// In the order of their names, which is that of every list that is sorted by code.
codes! {
    CaptureGap "capture-gap",
    ClientSilent "client-silent",
    ClosedEarly "closed-early",
    HandshakeStalled "handshake-stalled",
    Healthy "healthy",
    InProgress "in-progress",
    Midstream "midstream",
    NoResponse "no-response",
    NoServerHello "no-server-hello",
    NotTls "not-tls",
    Plaintext "plaintext",
    ProxyRefused "proxy-refused",
    Refused "refused",
    Rejected "rejected",
    Reset "reset",
    Slow "slow",
    SynNoReply "syn-no-reply",
    TcpHandshakeIncomplete "tcp-handshake-incomplete",
    TlsAlert "tls-alert",
    Unreachable "unreachable",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.name() == *other
    }
}
