//! The facts that a story consists of, by subject. Each is plain data, and knows how a packet changes it.

mod capture;
mod endings;
mod moment;
mod opening;
mod party;
mod path;
mod prelude;
mod stage;
mod tls;
mod traffic;

pub use capture::{CaptureFacts, ClockStep};
pub use endings::{Ending, EndingKind, ResetFacts, Silence};
pub use moment::{Moment, Repeats, Said};
pub use opening::Opening;
pub use party::{ChecksumFacts, OpeningOffer, Party, PathFacts};
pub use path::{IcmpFact, RoundTrips};
pub use prelude::PreludeFacts;
pub use stage::Stage;
pub use tls::TlsFacts;
pub use traffic::Remarkable;
