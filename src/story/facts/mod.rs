//! The facts that a story consists of, by subject. Each is plain data. A fact that one packet alone decides takes
//! it in by a function whose name begins with `record`; the builder fills in the others.

mod answer_part;
mod capture;
mod data;
mod endings;
mod http2;
mod ids;
mod log;
mod missing;
mod moment;
mod opening;
mod party;
mod path;
mod prelude;
mod runs;
mod stage;
mod tls;
mod traffic;
mod turns;

pub use answer_part::AnswerPart;
pub use capture::{CaptureFacts, ClockStep, Holds, UnreadLines};
pub use data::{DataFacts, SentUnseen, Unacknowledged};
pub use endings::{Ending, EndingKind, ResetFacts, ResetReason, Silence, reset_reason};
pub use http2::Http2Facts;
pub use ids::IdFacts;
pub use log::{LogLine, LogTie};
pub use missing::MissingFacts;
pub use moment::{Moment, Observed, Repeats};
pub use opening::{Opening, OpeningFacts};
pub use party::{ChecksumFacts, IpTraits, OpeningOffer, Party};
pub use path::{IcmpFact, PathFacts, RoundTrips, SocketCounters};
pub use prelude::PreludeFacts;
pub use runs::{Run, Runs};
pub use stage::Stage;
pub use tls::TlsFacts;
pub use traffic::{TrafficFacts, UnansweredProbes};
pub use turns::{Turn, Turns};
