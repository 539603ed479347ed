//! `--redact`: stand-ins for addresses and names, so that a report can be passed on.
//!
//! A story is redacted when its certificates have been examined and before it is judged. Verdicts, findings and reports then see
//! stand-ins only: no sentence that they write can contain what was replaced. What the capture as a whole shows is redacted when it
//! has been read. Stand-ins are numbered in the order in which connections are judged. They are no hashes, so nothing can be guessed
//! back from one, and the same input has the same ones.
//!
//! Each structure that can contain text is taken apart field by field, without `..`: a new field is an error of the compiler here.

mod certificates;
mod frames;
mod logs;
mod packets;
mod screen;
mod sentences;
mod story;
mod summary;
mod words;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::capture::{About, Opened, ReadError, Record, Source, Target};
use crate::limits;
use crate::packet::Host;
pub use frames::{NamelessFrames, NewFrame, PassingFrames};
pub(super) use screen::Screen;

/// Stand-ins that a whole run shares.
#[derive(Clone, Debug, Default)]
pub struct Redaction(Arc<Mutex<StandIns>>);

impl Redaction {
    /// What every report for people says.
    pub const SENTENCE: &str = "redacted: addresses, names, certificates' names and fingerprints, text of plain protocols, and files are \
        stand-ins, numbered in order of appearance; verdicts are those of the original";

    pub(super) fn stand_ins(&self) -> MutexGuard<'_, StandIns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What takes the place of a host's name or address, as it is written.
    pub fn host(&self, text: &str) -> String {
        self.stand_ins().written_host(text)
    }

    /// What takes the place of an address.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        self.stand_ins().address(address)
    }

    /// What takes the place of a socket's address; its port stays.
    pub fn socket(&self, socket: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.address(socket.ip()), socket.port())
    }

    /// What takes the place of a URL's path: its number. The root is everybody's.
    pub fn path(&self, path: &str) -> String {
        self.stand_ins().path(path)
    }

    /// A text of which only its length and its gaps are left.
    pub fn masked(text: &str) -> String {
        words::masked(text)
    }

    /// A sentence of this program that quotes a peer: what it quotes is masked.
    pub fn without_quotes(sentence: &str) -> String {
        words::without_quotes(sentence)
    }

    /// A peer's line, of which the protocol, the method or the code stays.
    pub fn said(&self, line: &str) -> String {
        self.stand_ins().line(line)
    }

    /// A sentence of this program. Each of the `phrases` is replaced by its counterpart; then every address, and every word that
    /// has a stand-in or the form of a host's name.
    pub fn sentence(&self, sentence: &str, phrases: &[(String, String)]) -> String {
        self.stand_ins().sentence(sentence, phrases)
    }

    /// What a source reports of itself.
    pub fn about(&self, about: &About) -> About {
        self.stand_ins().about(about)
    }

    /// What takes the place of a file's name: its number.
    pub fn file(&self, name: &str) -> String {
        self.stand_ins().file(name)
    }

    /// What takes the place of the name of the file with this number.
    pub fn file_of(number: usize) -> String {
        format!("input-{number}")
    }

    /// Stand-ins of one of many captures. This many files precede its own in the run.
    pub fn of_one(files_before: usize) -> Self {
        let stand_ins = StandIns { files_before, ..StandIns::default() };
        Self(Arc::new(Mutex::new(stand_ins)))
    }

    /// A capture whose files have numbers instead of names.
    pub fn source(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Nameless { source, redaction: self.clone() })
    }

    /// The same, also where a file can't be read.
    pub fn opened(&self, opened: Opened) -> Opened {
        let Opened { source, failed } = opened;
        Opened {
            source: source.map(|source| self.source(source)),
            failed: failed.into_iter().map(|error| self.error(error)).collect(),
        }
    }

    /// Why a file can't be read, without its name.
    pub fn error(&self, error: ReadError) -> ReadError {
        self.stand_ins().error(error)
    }

    /// What a selection is in results: it selects the same hosts one by one.
    pub fn target(&self, target: &Target) -> Target {
        let mut stand_ins = self.stand_ins();
        target.of_single_hosts(|address| stand_ins.address(address))
    }
}

/// A capture whose files have numbers instead of names.
struct Nameless {
    source: Box<dyn Source>,
    redaction: Redaction,
}

impl Source for Nameless {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.source.next_record().map_err(|error| self.redaction.error(error))
    }

    fn about(&self) -> About {
        self.redaction.stand_ins().about(&self.source.about())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.source.progress()
    }

    fn refresh(&mut self) {
        self.source.refresh();
    }

    fn stop(&mut self) -> bool {
        self.source.stop()
    }
}

/// What takes the place of what. Its tables are only looked up.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    addresses: HashMap<IpAddr, IpAddr, RandomState>,
    v4: u32,
    v6: u32,
    names: HashMap<String, String, RandomState>,
    /// Bytes of the names that are its keys.
    name_bytes: usize,
    files: HashMap<String, String, RandomState>,
    paths: HashMap<String, String, RandomState>,
    /// Files of the run that precede these.
    files_before: usize,
    fingerprints: HashMap<[u8; 32], [u8; 32], RandomState>,
    /// How often an original got a stand-in that it shares with others, because there were too many.
    shared: u64,
}

/// Addresses of RFC 5737's three networks that hosts can have, and then those for benchmarks (RFC 2544, RFC 3330).
const DOCUMENTATION: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
const HOSTS: u32 = 254;

impl StandIns {
    fn address(&mut self, address: IpAddr) -> IpAddr {
        if is_general(address) {
            return address;
        }
        if let Some(known) = self.addresses.get(&address) {
            return *known;
        }
        let is_full = self.addresses.len() >= limits::STAND_INS;
        self.shared += u64::from(is_full);
        let stand_in = match address {
            IpAddr::V4(_) => {
                let number = if is_full { limits::STAND_INS as u32 } else { self.v4 };
                self.v4 += u32::from(!is_full);
                v4(number).into()
            }
            IpAddr::V6(_) => {
                let number = if is_full { limits::STAND_INS as u32 } else { self.v6 };
                self.v6 += u32::from(!is_full);
                v6(number).into()
            }
        };
        if !is_full {
            self.addresses.insert(address, stand_in);
        }
        stand_in
    }

    /// The stand-in of a host that has one already.
    fn known(&self, host: Host) -> Option<Host> {
        match host {
            Host::Address(address) if is_general(address) => Some(host),
            Host::Address(address) => self.addresses.get(&address).copied().map(Host::Address),
            Host::Name(_) => Some(host),
        }
    }

    fn host(&mut self, host: Host) -> Host {
        match host {
            Host::Address(address) => Host::Address(self.address(address)),
            // It is a key; the name itself is in the table of names.
            Host::Name(_) => host,
        }
    }

    /// A host as text names it: an address, a name, or `*.` before one.
    fn written_host(&mut self, text: &str) -> String {
        if let Ok(address) = text.parse::<IpAddr>() {
            return self.address(address).to_string();
        }
        match text.strip_prefix("*.") {
            Some(parent) => format!("*.{}", self.name(parent)),
            None => self.name(text),
        }
    }

    /// A name of as many characters, below `example` where there is room for that.
    fn name(&mut self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let bytes = self.name_bytes + name.len();
        if self.names.len() >= limits::STAND_INS || bytes > limits::STAND_IN_BYTES {
            self.shared += 1;
            return words::stand_in(limits::STAND_INS, name.chars().count());
        }
        let stand_in = words::stand_in(self.names.len() + 1, name.chars().count());
        self.names.insert(name.to_owned(), stand_in.clone());
        self.name_bytes = bytes;
        stand_in
    }

    fn file(&mut self, name: &str) -> String {
        if let Some(known) = self.files.get(name) {
            return known.clone();
        }
        let stand_in = Redaction::file_of(self.files_before + self.files.len() + 1);
        self.files.insert(name.to_owned(), stand_in.clone());
        stand_in
    }

    fn path(&mut self, path: &str) -> String {
        if path == "/" {
            return path.to_owned();
        }
        if let Some(known) = self.paths.get(path) {
            return known.clone();
        }
        if self.paths.len() >= limits::STAND_INS {
            self.shared += 1;
            return "/path".to_owned();
        }
        let stand_in = format!("/path-{}", self.paths.len() + 1);
        self.paths.insert(path.to_owned(), stand_in.clone());
        stand_in
    }

    /// A certificate's digest finds it in public logs (RFC 9162).
    fn fingerprint(&mut self, digest: [u8; 32]) -> [u8; 32] {
        let number = self.fingerprints.len() as u64 + 1;
        if self.fingerprints.len() >= limits::STAND_INS && !self.fingerprints.contains_key(&digest) {
            self.shared += 1;
            return [0; 32];
        }
        *self.fingerprints.entry(digest).or_insert_with(|| {
            let mut stand_in = [0; 32];
            stand_in[24..].copy_from_slice(&number.to_be_bytes());
            stand_in
        })
    }
}

/// Whether an address is everybody's, and shows what a packet is: RFC 1122, 3.2.1.3; RFC 4291, 2.5.
fn is_general(address: IpAddr) -> bool {
    let has_many = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    };
    has_many || address.is_unspecified() || address.is_loopback()
}

fn v4(number: u32) -> Ipv4Addr {
    let (network, host) = (number / HOSTS, number % HOSTS + 1);
    match DOCUMENTATION.get(network as usize) {
        Some([a, b, c]) => Ipv4Addr::new(*a, *b, *c, host as u8),
        None => Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (number - 3 * HOSTS)),
    }
}

/// RFC 3849.
fn v6(number: u32) -> Ipv6Addr {
    Ipv6Addr::from((0x2001_0db8_u128 << 96) | u128::from(number + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_original_has_the_same_stand_in_and_another_has_another() {
        let mut stand_ins = StandIns::default();
        let mut of = |text: &str| stand_ins.written_host(text);
        assert_eq!([of("10.0.0.1"), of("10.0.0.2"), of("10.0.0.1")], ["192.0.2.1", "192.0.2.2", "192.0.2.1"]);
        assert_eq!([of("fd00::1"), of("fe80::9")], ["2001:db8::1", "2001:db8::2"]);
        let names = ["ssm.corp.test", "db.corp.test", "*.corp.test", "ssm.corp.test", "x", "y"].map(&mut of);
        assert_eq!(names, ["h1xxx.example", "h2xx.example", "*.h3xxxxxxx", "h1xxx.example", "4", "5"]);
        assert_eq!([of("0.0.0.0"), of("127.0.0.1"), of("ff02::1")], ["0.0.0.0", "127.0.0.1", "ff02::1"]);
    }

    #[test]
    fn there_are_addresses_for_all_and_no_two_are_alike() {
        assert_eq!(
            [v4(253), v4(254), v4(761), v4(762)].map(|address| address.to_string()),
            ["192.0.2.254", "198.51.100.1", "203.0.113.254", "198.18.0.0"]
        );
        let last = v4(limits::STAND_INS as u32);
        assert!(last < Ipv4Addr::new(198, 20, 0, 0), "{last} is none for benchmarks");
        let mut stand_ins = StandIns::default();
        for number in 0..limits::STAND_INS as u32 + 10 {
            stand_ins.address(Ipv4Addr::from(0x0a00_0000 + number).into());
        }
        assert_eq!((stand_ins.addresses.len(), stand_ins.shared), (limits::STAND_INS, 10));
    }

    #[test]
    fn names_have_stand_ins_of_their_own_up_to_a_bound_in_bytes() {
        let mut stand_ins = StandIns::default();
        let digits = limits::HELLO_NAME_BYTES - ".test".len();
        let long = |number: usize| format!("{number:0>digits$}.test");
        let most = limits::STAND_IN_BYTES / limits::HELLO_NAME_BYTES;
        for number in 0..most + 10 {
            assert_eq!(stand_ins.name(&long(number)).len(), limits::HELLO_NAME_BYTES);
        }
        assert_eq!((stand_ins.names.len(), stand_ins.shared), (most, 10));
        assert_ne!(stand_ins.name(&long(0)), stand_ins.name(&long(1)), "each has its own");
        assert_eq!(stand_ins.name(&long(most)), stand_ins.name(&long(most + 1)), "the last share one");
    }
}
