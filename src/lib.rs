//! ssmscope says why a connection to a licence server failed, from a packet capture or from tcpdump's text.
//!
//! Data flows one way, and a room uses only those before it; a test holds the sources to this order:
//!
//! [`time`] → [`limits`] → [`packet`] → [`capture`] → [`decode`] → [`tcp`] → [`tls`] → [`cert`] → [`story`] → [`verdict`] →
//! [`finding`] → [`analysis`] → [`probe`] → [`report`] → [`recorder`].
//!
//! [`time`] holds the only clock, [`limits`] every bound, [`packet`] the vocabulary. [`analysis`] drives the rooms from
//! [`decode`] to [`finding`]. [`probe`] makes one attempt at a server and has it analysed as a capture; [`recorder`] keeps
//! the packets of a live capture for the connections that fail. `docs/glossary.md` defines the words.
//!
//! ```
//! use ssmscope::analysis::{self, Judged, Settings, Sink};
//! use ssmscope::capture::{self, Target};
//! use ssmscope::verdict::Status;
//!
//! struct Print;
//!
//! impl Sink for Print {
//!     fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
//!         println!("{}: {}", judged.verdict.code, judged.verdict.headline);
//!         assert_eq!(judged.verdict.code, "refused");
//!         Ok(())
//!     }
//! }
//!
//! let mut source = capture::open(&["testdata/refused/plain/capture.pcapng"])?;
//! let everything = Target::new(&[], &[], None)?;
//! let summary = analysis::analyse(source.as_mut(), everything, &Settings::default(), &mut Print)?;
//! assert_eq!(summary.status(), Status::Critical);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod analysis;
pub mod capture;
pub mod cert;
pub mod decode;
pub mod finding;
pub mod limits;
pub mod packet;
pub mod probe;
pub mod recorder;
pub mod report;
pub mod story;
pub mod tcp;
pub mod time;
pub mod tls;
pub mod verdict;
