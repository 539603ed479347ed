//! ssmscope says why a connection to a licence server failed, from a packet capture or from tcpdump's text.
//!
//! Data flows one way, and a room uses only those before it; a test holds the sources to this order:
//!
//! [`time`] → [`limits`] → [`packet`] → [`capture`] → [`decode`] → [`tcp`] → [`tls`] → [`cert`] → [`log`] → [`story`] →
//! [`verdict`] → [`finding`] → [`analysis`] → [`probe`] → [`report`] → [`recorder`].
//!
//! [`time`] holds the only clock, [`limits`] every bound, [`packet`] the vocabulary. [`analysis`] drives the rooms from
//! [`decode`] to [`finding`]. [`log`] reads what programs wrote meanwhile and ties it to connections.
//! [`probe`] makes one attempt at a server and has it analysed as a capture; [`recorder`] keeps the packets of a live
//! capture for the connections that fail. `docs/glossary.md` defines the words.
//!
//! # For other programs
//!
//! Four parts are meant for use without the command, and documented for it:
//!
//! - [`capture`] opens files, text, pipes and devices, and selects traffic;
//! - [`analysis`] reads a source, and hands each judged connection to a [`Sink`](analysis::Sink);
//! - [`story`], [`verdict`] and [`finding`] are what is known of a connection, and what follows from it;
//! - [`report::machine::json`] writes it as JSON Lines.
//!
//! The rest is open for the command and the tests. It is not stable, and hidden here unless a story's facts have its types
//! ([`time`], [`packet`], [`tcp`], [`tls`], [`cert`], [`log`]). Before version 1.0 the four parts may change too. Without the default
//! feature `command`, the library has no reports for people and for monitoring, and none of the dependencies of the program.
//!
//! ```
//! use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
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
//!
//!     fn needs(&self) -> Needs {
//!         Needs::CONNECTIONS
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
#[doc(hidden)]
pub mod decode;
pub mod finding;
#[doc(hidden)]
pub mod limits;
pub mod log;
pub mod packet;
#[doc(hidden)]
pub mod probe;
#[doc(hidden)]
pub mod recorder;
pub mod report;
pub mod story;
pub mod tcp;
pub mod time;
pub mod tls;
pub mod verdict;
