//! Certificate chains of all connections: equal ones are kept once, and checked once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cert::{self, Certificate, Date, Examination, NameSource, Trust, Wanted, When};
use crate::limits;
use crate::story::Story;
use crate::tcp::Role;
use crate::tls::CertificateMessage;

/// What a message takes beside its certificates, so that empty ones are bounded too.
const OVERHEAD_BYTES: usize = 128;

/// What decides the outcome of a check, beside the anchors.
#[derive(PartialEq, Eq, Hash, Debug)]
struct Question {
    message: Arc<CertificateMessage>,
    wanted: Option<Wanted>,
    /// How many of the chain's dates lie before the earliest and the latest time that it can have been.
    dates_passed: Option<[usize; 2]>,
}

/// Chains that were seen. Never iterated, so their order does not show.
#[derive(Debug)]
pub(super) struct Chains {
    trust: Trust,
    name: Option<String>,
    /// With the dates at which a certificate begins or ends to be valid.
    kept: HashMap<Arc<CertificateMessage>, Vec<Date>>,
    kept_bytes: usize,
    checked: HashMap<Question, Arc<Examination>>,
    /// Messages that were not kept for want of room.
    pub(super) given_up: u64,
}

impl Chains {
    pub(super) fn new(settings: &super::CertificateSettings) -> Self {
        Self {
            trust: settings.trust.clone(),
            name: settings.name.clone(),
            kept: HashMap::new(),
            kept_bytes: 0,
            checked: HashMap::new(),
            given_up: 0,
        }
    }

    /// The same message, shared with other connections; without its certificates where there is no room for them.
    pub(super) fn share(&mut self, message: &Arc<CertificateMessage>) -> Arc<CertificateMessage> {
        if let Some((known, _)) = self.kept.get_key_value(message) {
            return Arc::clone(known);
        }
        let bytes = OVERHEAD_BYTES + message.chain.iter().map(Vec::len).sum::<usize>();
        if self.kept_bytes + bytes > limits::CERTIFICATE_BYTES_IN_ALL {
            self.given_up += 1;
            let further = message.further + message.chain.len() as u32;
            return Arc::new(CertificateMessage { chain: Vec::new(), further, ..**message });
        }
        self.kept_bytes += bytes;
        self.kept.insert(Arc::clone(message), turning_points(message));
        Arc::clone(message)
    }

    /// Examines the certificates of a story, if the server sent any in clear.
    pub(super) fn examine(&mut self, story: &Story) -> Option<Arc<Examination>> {
        let said = story.tls.certificates[Role::Server].as_ref()?;
        let told = self.name.clone().map(|name| Wanted { name, source: NameSource::Option });
        let when = When::of(said.moment.at, story.capture.clock);
        let dates = self.kept.get(&said.what).map_or(&[][..], Vec::as_slice);
        let passed = |at: Date| dates.partition_point(|date| *date <= at);
        let question = Question {
            message: Arc::clone(&said.what),
            wanted: told.or_else(|| story.wanted()),
            dates_passed: when.map(|when| [passed(when.earliest), passed(when.latest)]),
        };
        if let Some(known) = self.checked.get(&question) {
            return Some(Arc::clone(known));
        }
        let anchors = self.trust.anchors();
        let examination = cert::examine(&said.what, question.wanted.clone(), when, anchors.as_deref());
        let examination = Arc::new(examination);
        if self.checked.len() >= limits::CHECKED_CHAINS {
            self.checked.clear();
        }
        self.checked.insert(question, Arc::clone(&examination));
        Some(examination)
    }
}

/// The dates at which the outcome of a check can change, in order.
fn turning_points(message: &CertificateMessage) -> Vec<Date> {
    let certificates = message.chain.iter().filter_map(|der| Certificate::read(der).details);
    let mut dates: Vec<_> = certificates
        .flat_map(|details| {
            [details.not_before, details.not_after.map(|last| Date(last.0.saturating_add(1)))]
        })
        .flatten()
        .collect();
    dates.sort_unstable();
    dates
}
