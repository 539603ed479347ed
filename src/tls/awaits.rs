//! The states of a handshake.

/// What the handshake awaits next, in the order of RFC 5246, 7.3 and RFC 8446, 2.
///
/// A bystander may miss messages, so a later one proves that those before it were sent: the state only goes forward. Where
/// only lengths are known the states are the same, but that a ServerHello is not separated from the flight after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Awaits {
    /// Nothing of a handshake was seen.
    #[default]
    ClientHello,
    /// The ServerHello, or a HelloRetryRequest, which a second ClientHello answers.
    ServerHello,
    /// TLS 1.3: EncryptedExtensions to Finished. Before: Certificate to ServerHelloDone or, in an abbreviated
    /// handshake, ChangeCipherSpec and Finished.
    ServerFlight,
    /// The client's answer to it: a certificate, its key exchange (up to TLS 1.2), its Finished.
    ClientFlight,
    /// The rest of the client's flight, up to its Finished.
    ClientFinished,
    /// Up to TLS 1.2, in a full handshake: ChangeCipherSpec and Finished.
    ServerFinished,
    /// Both Finished were sent.
    ApplicationData,
}
