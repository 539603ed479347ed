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
            /// How many there are.
            const COUNT: usize = [$(stringify!($code)),+].len();

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

/// How far a connection with a code got, as far as the code says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// TCP opened no connection.
    Unopened,
    /// It may have ended before either side sent a byte of data.
    MaybeWithoutData,
    /// The capture does not show it.
    Unknown,
    /// It got further: data was sent, or the connection is older than the capture.
    Data,
}

impl Code {
    /// All codes in the order in which they are listed, that of README.md's table: what works, then faults by their place on the path,
    /// and what can't be decided.
    pub const LISTED: [Self; Self::COUNT] = {
        let listed = [
            Self::Healthy,
            Self::Slow,
            Self::Plaintext,
            Self::SynNoReply,
            Self::Refused,
            Self::Unreachable,
            Self::TcpHandshakeIncomplete,
            Self::ClientSilent,
            Self::NoServerHello,
            Self::HandshakeStalled,
            Self::TlsAlert,
            Self::Reset,
            Self::ClosedEarly,
            Self::NotTls,
            Self::ProxyRefused,
            Self::NoResponse,
            Self::Rejected,
            Self::Midstream,
            Self::CaptureGap,
            Self::InProgress,
        ];
        let mut is_listed = [false; Self::COUNT];
        let mut at = 0;
        while at < listed.len() {
            assert!(!is_listed[listed[at] as usize], "a code is listed twice");
            is_listed[listed[at] as usize] = true;
            at += 1;
        }
        listed
    };

    /// How far a connection with this verdict got.
    pub const fn reach(self) -> Reach {
        match self {
            Self::SynNoReply | Self::Refused | Self::Unreachable => Reach::Unopened,
            Self::TcpHandshakeIncomplete | Self::Reset | Self::ClosedEarly | Self::ClientSilent => {
                Reach::MaybeWithoutData
            }
            Self::InProgress | Self::CaptureGap => Reach::Unknown,
            Self::Healthy
            | Self::Slow
            | Self::Plaintext
            | Self::NoServerHello
            | Self::HandshakeStalled
            | Self::TlsAlert
            | Self::NotTls
            | Self::ProxyRefused
            | Self::NoResponse
            | Self::Rejected
            | Self::Midstream => Reach::Data,
        }
    }
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
