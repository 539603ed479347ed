//! Certificate chains of all connections: equal ones are kept once, and checked once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;

use crate::cert::{self, Certificate, Date, Examination, Trust, Verification, VerificationTime, Wanted};
use crate::limits;
use crate::story::Story;
use crate::tcp::Role;
use crate::tls::CertificateMessage;

/// What a message takes besides its certificates, so that empty ones are bounded too.
const OVERHEAD_BYTES: usize = 128;

/// What decides the result of a verification, apart from the anchors.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Question {
    message: Arc<CertificateMessage>,
    /// How many of the chain's dates lie before the earliest and the latest time that it can have been.
    dates_passed: Option<[usize; 2]>,
}

/// A chain's certificates, and the dates at which they begin or end to be valid.
#[derive(Debug)]
struct Read {
    certificates: Arc<[Certificate]>,
    dates: Vec<Date>,
}

/// Chains that were seen. Never iterated, so their order does not show.
#[derive(Debug)]
pub(in crate::analysis) struct Chains {
    kept: HashSet<Arc<CertificateMessage>, RandomState>,
    kept_bytes: usize,
    most_bytes: usize,
    /// Messages that were not kept for lack of room.
    pub(in crate::analysis) given_up: u64,
}

impl Chains {
    /// For certificates of this many bytes in all.
    pub(in crate::analysis) fn new(most_bytes: usize) -> Self {
        Self { kept: HashSet::default(), kept_bytes: 0, most_bytes, given_up: 0 }
    }

    /// The same message, shared with other connections; without its certificates where there is no room for them.
    pub(in crate::analysis) fn share(
        &mut self,
        message: &Arc<CertificateMessage>,
    ) -> Arc<CertificateMessage> {
        if let Some(known) = self.kept.get(message) {
            return Arc::clone(known);
        }
        let bytes = OVERHEAD_BYTES + message.chain.iter().map(Vec::len).sum::<usize>();
        if self.kept_bytes + bytes > self.most_bytes {
            self.given_up += 1;
            let further = message.further + message.chain.len() as u32;
            return Arc::new(CertificateMessage { chain: Vec::new(), further, ..**message });
        }
        self.kept_bytes += bytes;
        self.kept.insert(Arc::clone(message));
        Arc::clone(message)
    }
}

/// One examiner for all judges.
pub(in crate::analysis) type SharedExaminer = Arc<Mutex<Examiner>>;

/// The result of asking for an examination of a story's certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::analysis) enum Examined {
    /// The server sent no certificate in clear text.
    Nothing,
    /// The certificates were examined.
    Done(Arc<Examination>),
    /// Too many different ones were examined before.
    GivenUp,
}

impl From<Examined> for Option<Arc<Examination>> {
    fn from(examined: Examined) -> Self {
        match examined {
            Examined::Done(examination) => Some(examination),
            Examined::Nothing | Examined::GivenUp => None,
        }
    }
}

/// Checks chains, each once for each outcome that it can have, and no more than packets pay for. Its tables are never iterated.
#[derive(Debug)]
pub(in crate::analysis) struct Examiner {
    trust: Trust,
    wanted: Option<Wanted>,
    read: HashMap<Arc<CertificateMessage>, Read, RandomState>,
    verified: HashMap<Question, Arc<Verification>, RandomState>,
    examined: HashMap<(Question, Option<Wanted>), Arc<Examination>, RandomState>,
    /// Certificates that may still be examined.
    allowance: u64,
    /// Packets that have not paid for a certificate yet.
    packets: u64,
}

impl Examiner {
    /// With the user's wishes.
    pub(in crate::analysis) fn new(settings: &crate::analysis::CertificateSettings) -> Self {
        Self {
            trust: settings.trust.clone(),
            wanted: settings.wanted.clone(),
            read: HashMap::default(),
            verified: HashMap::default(),
            examined: HashMap::default(),
            allowance: limits::EXAMINED_CERTIFICATES,
            packets: 0,
        }
    }

    /// An examiner that several judges share.
    pub(in crate::analysis) fn shared(settings: &crate::analysis::CertificateSettings) -> SharedExaminer {
        Arc::new(Mutex::new(Self::new(settings)))
    }

    /// Counts packets, which pay for certificates.
    pub(in crate::analysis) fn earn(&mut self, packets: u64) {
        self.packets = self.packets.saturating_add(packets);
        let earned = self.packets / limits::PACKETS_FOR_A_CERTIFICATE;
        self.packets %= limits::PACKETS_FOR_A_CERTIFICATE;
        self.allowance = self.allowance.saturating_add(earned).min(limits::EXAMINED_CERTIFICATES);
    }

    /// Examines the certificates of a story: for this name, where there is one, else for the one that is generally wanted.
    pub(in crate::analysis) fn examine(&mut self, story: &Story, wanted: Option<&Wanted>) -> Examined {
        let Some(said) = story.tls.certificates[Role::Server].as_ref() else { return Examined::Nothing };
        let when = VerificationTime::of(said.moment.at, story.capture.clock);
        let wanted = wanted.or(self.wanted.as_ref()).cloned().or_else(|| story.wanted());
        self.examined_message(&said.what, wanted, when).map_or(Examined::GivenUp, Examined::Done)
    }

    /// The examination of a message; nothing if the allowance does not suffice.
    fn examined_message(
        &mut self,
        message: &Arc<CertificateMessage>,
        wanted: Option<Wanted>,
        when: Option<VerificationTime>,
    ) -> Option<Arc<Examination>> {
        let cost = message.chain.len() as u64;
        if !self.read.contains_key(message) {
            self.pay(cost)?;
            make_room(&mut self.read);
        }
        let read = self.read.entry(Arc::clone(message)).or_insert_with(|| Read::of(message));
        let passed = |at: Date| read.dates.partition_point(|date| *date <= at);
        let dates_passed = when.map(|when| [passed(when.earliest), passed(when.latest)]);
        let certificates = Arc::clone(&read.certificates);
        let question = Question { message: Arc::clone(message), dates_passed };
        let named = (question.clone(), wanted);
        if let Some(known) = self.examined.get(&named) {
            return Some(Arc::clone(known));
        }
        let verification = if let Some(known) = self.verified.get(&question).cloned() {
            // A name costs little, but there may be many of them.
            self.pay(1)?;
            known
        } else {
            self.pay(cost)?;
            make_room(&mut self.verified);
            let anchors = self.trust.anchors();
            let verification = Arc::new(cert::verify(message, certificates, when, anchors.as_deref()));
            self.verified.insert(question, Arc::clone(&verification));
            verification
        };
        make_room(&mut self.examined);
        let examination = Arc::new(verification.examine(message, named.1.clone()));
        self.examined.insert(named, Arc::clone(&examination));
        Some(examination)
    }

    /// Takes these certificates off the allowance; nothing, and no change, where it does not suffice.
    fn pay(&mut self, certificates: u64) -> Option<()> {
        self.allowance = self.allowance.checked_sub(certificates)?;
        Some(())
    }
}

/// Empties a table that is full.
fn make_room<K, V>(remembered: &mut HashMap<K, V, RandomState>) {
    if remembered.len() >= limits::CHECKED_CHAINS {
        remembered.clear();
    }
}

impl Read {
    fn of(message: &CertificateMessage) -> Self {
        let certificates = cert::read(message);
        let details = certificates.iter().filter_map(|certificate| certificate.details.as_ref());
        // A certificate is still valid in its last second.
        let after = |last: Date| Date(last.0.saturating_add(1));
        let mut dates: Vec<_> = details
            .flat_map(|details| [details.not_before, details.not_after.map(after)])
            .flatten()
            .collect();
        dates.sort_unstable();
        Self { certificates, dates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::Judging;
    use crate::analysis::table::{Budget, TrackedConnection};
    use crate::analysis::{CertificateSettings, Needs};
    use crate::cert::NameSource;
    use crate::cert::samples::sample;
    use crate::finding::{self, Weight};
    use crate::story::CaptureFacts;
    use crate::story::script::talk::{self, Talk};
    use crate::time::Clock;
    use crate::verdict::{self, Verdict};
    use Role::{Client, Server};

    const FATAL: u8 = 2;
    const CERTIFICATE_EXPIRED: u8 = 45;
    const UNKNOWN_CA: u8 = 48;

    fn authority() -> cert::Anchors {
        cert::Anchors::new("ca.pem", true, &[sample("authority")])
    }

    fn settings() -> CertificateSettings {
        CertificateSettings { wanted: None, trust: Trust::WhenNeeded(authority) }
    }

    /// A handshake up to the server's flight with these certificates, on 14 November 2023.
    fn flight(chain: &[Vec<u8>]) -> Talk {
        // A ClientHello that is whole and names no server.
        let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x30, 1, 0]);
        Talk::to_port(8443).open().say(Client, &hello).say(Server, &talk::server_flight_with(chain))
    }

    fn alert(description: u8) -> [u8; 7] {
        [21, 3, 3, 0, 2, FATAL, description]
    }

    fn examined(talk: &Talk, settings: &CertificateSettings, clock: Clock) -> (Box<Story>, Verdict) {
        let all = crate::analysis::Settings::default();
        let mut chains = Chains::new(limits::CERTIFICATE_BYTES_IN_ALL);
        let mut track = TrackedConnection::new(1, talk.packets[0].id, &talk.packets[0].segment(), &all);
        for packet in &talk.packets {
            track.segment(packet.id, &packet.segment(), &all, &mut Budget::default(), &mut |_| {});
            track.share_certificates(|message| chains.share(message));
        }
        let mut story = track.finish(CaptureFacts { end: talk.now, clock, ..CaptureFacts::default() });
        story.tls.examination = Examiner::new(settings).examine(&story, None).into();
        let verdict = verdict::judge(&story, &all.judging);
        (story, verdict)
    }

    fn findings(story: &Story) -> Vec<(&'static str, Weight)> {
        let found = finding::find(story);
        let about_certificates = found.iter().filter(|finding| finding.is_about_certificates());
        about_certificates.map(|finding| (finding.code, finding.severity)).collect()
    }

    fn message(byte: u8) -> Arc<CertificateMessage> {
        Arc::new(CertificateMessage { len: 100, chain: vec![vec![byte; 90]], further: 0, is_whole: true })
    }

    #[test]
    fn equal_chains_are_kept_once_and_up_to_a_bound() {
        let mut chains = Chains::new(limits::CERTIFICATE_BYTES_IN_ALL);
        let first = chains.share(&message(1));
        assert!(Arc::ptr_eq(&first, &chains.share(&message(1))));
        assert!(!Arc::ptr_eq(&first, &chains.share(&message(2))));
        chains.kept_bytes = limits::CERTIFICATE_BYTES_IN_ALL;
        assert!(Arc::ptr_eq(&first, &chains.share(&message(1))));
        let refused = chains.share(&message(3));
        assert_eq!((refused.chain.len(), refused.further, chains.given_up), (0, 1, 1));
    }

    #[test]
    fn a_chain_is_checked_once_between_two_of_its_dates() {
        let chain = [sample("server"), sample("intermediate")];
        let (mut story, _) = examined(&flight(&chain), &settings(), Clock::Utc);
        let mut chains = Chains::new(limits::CERTIFICATE_BYTES_IN_ALL);
        let shared = chains.share(&story.tls.certificates[Server].as_ref().unwrap().what);
        let mut examiner = Examiner::new(&settings());
        let mut examined_at = |seconds: i64| {
            let said = story.tls.certificates[Server].as_mut().unwrap();
            said.what = Arc::clone(&shared);
            said.moment.at = crate::time::Timestamp::from_parts(seconds, 0);
            Option::<Arc<Examination>>::from(examiner.examine(&story, None)).unwrap()
        };
        // The intermediate's last second is the first of 2025.
        let last = 1_735_689_600;
        let valid = examined_at(last - 86_400);
        assert!(Arc::ptr_eq(&valid, &examined_at(last)));
        let expired = examined_at(last + 1);
        assert!(valid.faults.len() < expired.faults.len());
        assert!(Arc::ptr_eq(&expired, &examined_at(last + 86_400)));
    }

    #[test]
    fn packets_pay_for_certificates_and_a_known_chain_costs_nothing() {
        let (mut story, _) = examined(&flight(&[sample("server")]), &settings(), Clock::Utc);
        let mut examiner = Examiner::new(&settings());
        let mut examined = |examiner: &mut Examiner, len: u32| {
            let said = story.tls.certificates[Server].as_mut().unwrap();
            said.what = Arc::new(CertificateMessage { len, ..(*said.what).clone() });
            examiner.examine(&story, None)
        };
        // Reading and verifying a certificate count as one each.
        let most = (limits::EXAMINED_CERTIFICATES / 2) as u32;
        assert!((0..most).all(|len| matches!(examined(&mut examiner, len), Examined::Done(_))));
        assert_eq!(examined(&mut examiner, most), Examined::GivenUp);
        assert!(matches!(examined(&mut examiner, 0), Examined::Done(_)), "a known one");
        examiner.earn(2 * limits::PACKETS_FOR_A_CERTIFICATE);
        assert!(matches!(examined(&mut examiner, most), Examined::Done(_)), "packets paid for it");
        assert_eq!(examined(&mut examiner, most + 1), Examined::GivenUp);
    }

    #[test]
    fn what_nobody_reads_is_not_examined() {
        let (mut story, _) = examined(&flight(&[sample("server")]), &settings(), Clock::Utc);
        story.tls.examination = None;
        let all = crate::analysis::Settings { certificates: settings(), ..Default::default() };
        for examinations in [true, false] {
            let needs = Needs { examinations, ..Needs::ALL };
            let mut judging = Judging::new(&all, Examiner::shared(&all.certificates), needs);
            assert_eq!(judging.judged(story.clone()).story.tls.examination.is_some(), examinations);
        }
    }

    #[test]
    fn a_chain_is_verified_once_for_all_names() {
        let (story, _) = examined(&flight(&[sample("server")]), &settings(), Clock::Utc);
        let message = &story.tls.certificates[Server].as_ref().unwrap().what;
        let mut examiner = Examiner::new(&settings());
        for name in ["ssm.example", "other.example"] {
            let wanted = Wanted { name: name.to_owned(), source: NameSource::ServerName };
            assert!(examiner.examined_message(message, Some(wanted), None).is_some());
        }
        assert_eq!((examiner.verified.len(), examiner.examined.len()), (1, 2));
    }

    #[test]
    fn a_refusal_is_explained_by_what_the_certificate_shows() {
        let talk = flight(&[sample("server")]).say(Client, &alert(UNKNOWN_CA));
        let (story, verdict) = examined(&talk, &settings(), Clock::Utc);
        assert_eq!(verdict.cause.as_deref(), Some("unknown_ca"));
        assert!(verdict.explanation.contains("\"O=Test, CN=Intermediate\", which is not in ca.pem"));
        assert!(verdict.evidence.contains(&5));
        assert!(verdict.client_reports.iter().any(|report| report.contains("unable to get local issuer")));
        assert!(findings(&story).contains(&("certificate-unknown-issuer", Weight::Warning)));
    }

    #[test]
    fn an_expiry_that_the_capture_s_clock_denies_is_the_client_s_clock() {
        let chain = [sample("server"), sample("intermediate")];
        let talk = flight(&chain).say(Client, &alert(CERTIFICATE_EXPIRED));
        let explanation = |clock| examined(&talk, &settings(), clock).1.explanation;
        assert!(explanation(Clock::Utc).contains("By the capture's clock, every certificate"));
        assert!(!explanation(Clock::TimeOfDay).contains("By the capture's clock, every certificate"));
    }

    #[test]
    fn what_the_system_s_store_lacks_is_a_warning_only_if_the_client_objects() {
        let system = || cert::Anchors::new("the system's trust store", false, &[]);
        let settings = CertificateSettings { wanted: None, trust: Trust::WhenNeeded(system) };
        let of = |talk: &Talk| {
            let found = findings(&examined(talk, &settings, Clock::Utc).0);
            found.into_iter().find(|(code, _)| *code == "certificate-self-signed").map(|(_, weight)| weight)
        };
        let flight = flight(&[sample("self-signed")]);
        assert_eq!(of(&flight), Some(Weight::Info));
        assert_eq!(of(&flight.say(Client, &alert(UNKNOWN_CA))), Some(Weight::Warning));
    }

    #[test]
    fn an_address_is_compared_where_no_name_was_sent_and_the_user_s_name_above_all() {
        let flight = flight(&[sample("server"), sample("intermediate")]);
        let (story, _) = examined(&flight, &settings(), Clock::Utc);
        let wanted = story.tls.examination.as_ref().and_then(|found| found.wanted.clone()).unwrap();
        assert_eq!((wanted.name.as_str(), wanted.source), ("198.51.100.20", NameSource::Address));
        assert_eq!(findings(&story), [("certificate-name-mismatch", Weight::Info)]);
        let named = |name: &str| CertificateSettings {
            wanted: Some(Wanted { name: name.to_owned(), source: NameSource::Option }),
            ..settings()
        };
        let (story, _) = examined(&flight, &named("ssm.example"), Clock::Utc);
        assert_eq!(findings(&story), []);
        let (story, _) = examined(&flight, &named("other.example"), Clock::Utc);
        assert_eq!(findings(&story), [("certificate-name-mismatch", Weight::Warning)]);
    }
}
