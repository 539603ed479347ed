//! Logs without names: of their words those stay that tell which error it is.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::{Redaction, StandIns, words};
use crate::analysis::LogSummary;
use crate::log::tie::{Objection, Untied};
use crate::log::{Attempt, LogClock, LogFile, LogZone, Logs, NearbyLine, Peer, Quote, Service, Ties};
use crate::story::{LogLine, LogTie};

/// Words that name errors, protocols, requests and what programs do, and nobody. What is not here is masked.
const VOCABULARY: &str = "a about abort aborted access accept accepted account acknowledge after again agent alert alive all already and \
    answer api application argument as at attempt auth authentication authenticate authenticated authority authorization bad be been \
    before begin begun body broken building by bytes ca call can cannot cert certificate certificates certification chain cipher class \
    client close closed closing code com common communication complete completed confirm connect connected connecting connection \
    connections could couldn data date day days debug delete denied denial description did does done down due during empty end ended endpoint eof \
    error errors establish exceeded except exception exchange expected expire expired fail failed fails failure fatal feature file find \
    flight for format forbidden found from get got grant granted handler handling handshake has have head header host hostname http \
    https id if illegal in inbound info initial input internal into invalid io is issuer java javax json key known length licence \
    license licensing limit line list local localhost lookup mac match matching message method ms name negotiate net network no not \
    notification null of offered ok on only open or org out outbound packet parameter params parse password path peer pending permission \
    permitted pkix pool port post prematurely process protocol provider proxy put read reading reason receive received refused \
    registration reject rejected remote remotely rename reported request requested require required reset resolution resolve resource \
    response retry retries returned route sec second seconds secret security send sending sent server service session set shared \
    shutdown sign signature smart socket ssl stalled start started state status stop stopped store stream subject succeeded success \
    sun suite supported sync system target tcp temporarily temporary terminated the time timed timeout timestamp tls to token trust \
    trusted trying type unable unauthorized unavailable unexpected unknown unreachable unreadable unrecognized unrecoverable unsafe \
    unsupported untrusted up upstream url usage user utility valid validation validator value verify version wait waiting warn warning \
    was were while with without write writing wrong x509 \
    access_denied invalid_client invalid_grant invalid_request invalid_scope server_error temporarily_unavailable unauthorized_client \
    unsupported_grant_type unsupported_response_type bad_certificate certificate_expired certificate_revoked certificate_unknown \
    close_notify decode_error decrypt_error handshake_failure illegal_parameter internal_error no_application_protocol \
    protocol_version unexpected_message unknown_ca unrecognized_name unsupported_certificate";

/// Words of which the names of exceptions' classes and of their packages are made, besides [`VOCABULARY`]: of Java's own, of the
/// frameworks that its programs use, and of Python's and Node's errors.
const CLASS_WORDS: &str = "addr apache conn array async attribute bind bound bounds broken buffer builder catalina cause cast certpath checked circuit cisco codec concurrent \
    constraint conversion crypto csp deadline decoder dns edsa encoder execution fault factory gateway generic group hash illegal \
    index interrupted invocation job jwt keystore lang ldap login malformed memory modification naming netty nio null number out \
    parameters parser peer pointer port processing program queue record reference reflect rejected remote rest rmi route runtime sasl schema script \
    security servlet socks spring springframework sql ssl state stream string sun sync syntax target task thread throwable tomcat \
    transaction transient transport type undeclared unchecked unmarshal unverified uri util web webpki xml zip";

/// Digits of a number that stays: statuses, ports, numbers of errors.
const DIGITS: usize = 5;

impl Redaction {
    /// The result of logs on their own, without names.
    pub fn logs(&self, summary: &mut LogSummary) {
        self.stand_ins().log_summary(summary);
    }

    /// What logs came to so far, without names.
    pub(in crate::analysis) fn logs_of(&self, summary: &LogSummary) -> LogSummary {
        let mut nameless = summary.clone();
        self.logs(&mut nameless);
        nameless
    }

    /// What a log reports of a connection, without names.
    pub(in crate::analysis) fn log_tie(&self, mut tie: LogTie) -> LogTie {
        self.stand_ins().log_ties(std::slice::from_mut(&mut tie));
        tie
    }
}

impl StandIns {
    /// Replaces what names somebody in what logs came to.
    pub(super) fn log_summary(&mut self, summary: &mut LogSummary) {
        let LogSummary { logs, ties, connections: _, not_compared: _, reported: _, unlogged: _ } = summary;
        let Logs {
            files,
            clocks,
            attempts,
            lines,
            services,
            connections: _,
            crowded_out: _,
            lines_beyond: _,
            clocks_beyond: _,
            notes,
        } = logs;
        for LogFile { name, format: _, log: _, lines: _, placed: _, far_away: _, span: _ } in files {
            *name = self.file(name);
        }
        for clock in clocks {
            self.log_clock(clock);
        }
        for attempt in attempts {
            self.attempt(attempt);
        }
        for line in lines {
            self.line_of_log(line);
        }
        for Service { daemon, port: _, file: _, number: _ } in services {
            self.quote(daemon);
        }
        for note in notes {
            note.text = self.log_text(&note.text);
        }
        let Ties { clocks: _, ties: _, untied } = ties;
        for Untied { attempt: _, reasons } in untied {
            for reason in reasons {
                self.refusal(reason);
            }
        }
    }

    /// Replaces what names somebody in what logs report of a connection.
    pub(super) fn log_ties(&mut self, ties: &mut [LogTie]) {
        for tie in ties {
            let LogTie {
                side: _,
                outcome: _,
                status: _,
                agreement: _,
                is_answer_known: _,
                grade: _,
                zone: _,
                skew: _,
                lines,
                decisive: _,
            } = tie;
            self.log_lines(lines);
        }
    }

    /// The same of lines.
    pub(super) fn log_lines(&mut self, lines: &mut [LogLine]) {
        for line in lines {
            let LogLine { file, number: _, side: _, at: _, precision: _, place: _, level: _, source, text } =
                line;
            *file = self.file(file).into();
            source.iter_mut().chain([text]).for_each(|quote| self.quote(quote));
        }
    }

    fn log_clock(&mut self, clock: &mut LogClock) {
        if let Some(host) = &mut clock.host {
            self.host_quote(host);
        }
        if let LogZone::Named(zone) = &mut clock.zone {
            // An abbreviation of letters, which names a country at most.
            zone.replace(|text| text.chars().take(DIGITS).collect());
        }
    }

    fn attempt(&mut self, attempt: &mut Attempt) {
        let Attempt {
            side: _,
            grammar: _,
            clock: _,
            begin: _,
            end: _,
            precision: _,
            outcome: _,
            status: _,
            server,
            client,
            request,
            thread,
            connection: _,
            body_bytes: _,
            sent_bytes: _,
            is_presumed: _,
            is_licensing: _,
            lines,
            left_out: _,
        } = attempt;
        for Peer { host, ip, port: _ } in [server, client] {
            if let Some(host) = host {
                self.host_quote(host);
            }
            *ip = ip.map(|ip| self.address(ip));
        }
        request.iter_mut().chain(thread.iter_mut()).for_each(|quote| self.quote(quote));
        for line in lines {
            self.line_of_log(line);
        }
    }

    fn line_of_log(&mut self, line: &mut NearbyLine) {
        let NearbyLine {
            file: _,
            number: _,
            clock: _,
            at: _,
            precision: _,
            grammar: _,
            level: _,
            source,
            text,
        } = line;
        source.iter_mut().chain([text]).for_each(|quote| self.quote(quote));
    }

    fn refusal(&mut self, refusal: &mut Objection) {
        match refusal {
            Objection::OtherClient(logged, seen) => {
                (*logged, *seen) = (self.address(*logged), self.address(*seen));
            }
            Objection::NoConnection
            | Objection::NoExchange
            | Objection::OutsideCapture
            | Objection::OtherServer
            | Objection::OtherProgram
            | Objection::OtherRequest
            | Objection::TooShort { attempt: _, least: _ }
            | Objection::OtherOutcome(..)
            | Objection::NothingThere
            | Objection::Offset(_)
            | Objection::Ambiguous(_)
            | Objection::Taken(_) => {}
        }
    }

    fn host_quote(&mut self, quote: &mut Quote) {
        quote.replace(|text| self.written_host(text));
    }

    fn quote(&mut self, quote: &mut Quote) {
        quote.replace(|text| self.log_text(text));
    }

    /// The words of a log: addresses and hosts have the stand-ins that they have everywhere, other words are masked if they are none of
    /// [`VOCABULARY`].
    pub(super) fn log_text(&mut self, text: &str) -> String {
        let text = without_lists(text);
        let is_of_word = |letter: char| letter.is_alphanumeric() || WITHIN_WORDS.contains(letter);
        let mut rest = text.as_str();
        let mut redacted = String::with_capacity(text.len());
        while let Some(first) = rest.chars().next() {
            let of_word = is_of_word(first);
            let end = rest.find(|letter| is_of_word(letter) != of_word).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if of_word {
                redacted.push_str(&self.log_word(run));
            } else {
                redacted.push_str(run);
            }
            rest = after;
        }
        redacted
    }

    fn log_word(&mut self, word: &str) -> String {
        let text = word.trim_end_matches(['.', ':', '-']);
        let end = word.get(text.len()..).unwrap_or_default();
        if let Some(place) = self.place(text) {
            return place + end;
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, Some(port))
            }
            _ => (text, None),
        };
        if is_class(text) || is_known(text) {
            return word.to_owned();
        }
        if self.names.contains_key(host) || is_host(host) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            return self.written_host(host) + &port + end;
        }
        let parts = text.split_inclusive(|letter: char| !letter.is_alphanumeric());
        let masked: String = parts
            .map(|part| {
                let own = part.trim_end_matches(|letter: char| !letter.is_alphanumeric());
                // Numbers of a word that has several parts may be an address's, however it is written.
                if is_listed(own) { part.to_owned() } else { words::masked(part) }
            })
            .collect();
        masked + end
    }
}

/// What joins the parts of a word.
const WITHIN_WORDS: &str = "._-:";

/// A text in which numbers are masked that one separator joins, three or more of them: an address as FTP writes it (RFC 959, 3.2.1), one
/// that is written wide, the number of a telephone or of an account.
fn without_lists(text: &str) -> String {
    const FEWEST: usize = 3;
    /// Characters of the longest separator.
    const WIDEST: usize = 3;
    let mut masked = text.as_bytes().to_vec();
    // The numbers of a list so far, and what joins them.
    let mut list: Vec<Range<usize>> = Vec::new();
    let mut joint: Option<&str> = None;
    let mut mask = |list: &[Range<usize>]| {
        if list.len() >= FEWEST {
            list.iter().cloned().for_each(|range| {
                masked.get_mut(range).unwrap_or_default().fill(b'x');
            });
        }
    };
    for number in numbers(text) {
        let before = list.last().map_or(0, |last| last.end);
        let between = text.get(before..number.start).unwrap_or_default();
        let is_joint = !list.is_empty()
            && between.chars().count() <= WIDEST
            && between.chars().any(|letter| !WITHIN_WORDS.contains(letter))
            && !between.chars().any(char::is_alphanumeric);
        let between = between.trim();
        if !is_joint || joint.is_some_and(|joint| joint != between) {
            mask(&list);
            // The last one may begin a list with another separator.
            list = list.pop().filter(|_| is_joint).into_iter().collect();
        }
        joint = is_joint.then_some(between);
        list.push(number);
    }
    mask(&list);
    String::from_utf8(masked).unwrap_or_default()
}

/// Where the numbers of a text are, in digits of ASCII.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let mut numbers: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        match numbers.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => numbers.push(at..at + 1),
        }
    }
    numbers
}

/// Whether it is the name of a class of exceptions that is everybody's: it is made of words that name errors, protocols and what programs
/// do.
fn is_class(word: &str) -> bool {
    let (packages, class) =
        word.rsplit_once('.').map_or((None, word), |(packages, class)| (Some(packages), class));
    let is_one = class.ends_with("Exception") || class.ends_with("Error");
    is_one
        && packages.is_none_or(|packages| packages.split('.').all(is_of_class))
        && camel_words(class).into_iter().all(is_of_class)
}

fn is_of_class(word: &str) -> bool {
    static OF_CLASSES: Words = LazyLock::new(|| CLASS_WORDS.split_ascii_whitespace().collect());
    word.chars().all(|letter| letter.is_ascii_alphanumeric())
        && (is_listed(word) || is_among(&OF_CLASSES, word))
}

/// The words of a name that is written as `SSLHandshakeException` is.
fn camel_words(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let begins = |at: usize| {
        let (before, here, after) = (bytes.get(at - 1), bytes.get(at), bytes.get(at + 1));
        let is_upper = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_uppercase);
        is_upper(here) && (!is_upper(before) || after.is_some_and(u8::is_ascii_lowercase))
    };
    let mut words = Vec::new();
    let mut from = 0;
    for at in (1..name.len()).filter(|at| begins(*at)).chain([name.len()]) {
        words.extend(name.get(from..at));
        from = at;
    }
    words
}

/// Whether it has a host's form: labels of which the last is one of letters.
fn is_host(word: &str) -> bool {
    let last = word.rsplit_once('.').map(|(_, last)| last).unwrap_or_default();
    last.len() > 1 && last.chars().all(char::is_alphabetic)
}

fn is_known(word: &str) -> bool {
    let is_number = word.len() <= DIGITS && word.bytes().all(|byte| byte.is_ascii_digit());
    // As in `HTTP/1.1`.
    let is_version =
        matches!(word.as_bytes(), [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit());
    is_number || is_version || is_listed(word)
}

type Words = LazyLock<HashSet<&'static str, RandomState>>;

fn is_listed(word: &str) -> bool {
    static LISTED: Words = LazyLock::new(|| VOCABULARY.split_ascii_whitespace().collect());
    is_among(&LISTED, word)
}

/// Whether it is one of these words, in letters of either case.
fn is_among(words: &HashSet<&str, RandomState>, word: &str) -> bool {
    words.contains(word.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_an_error_the_kind_is_left_and_nobody() {
        let mut stand_ins = StandIns::default();
        for (text, is) in [
            (
                "Failed to authenticate ann@oz: java.net.SocketTimeoutException: connect timed out",
                "Failed to authenticate xxx@xx: java.net.SocketTimeoutException: connect timed out",
            ),
            (
                "connect() to 10.1.2.3:8443 failed (111: Connection refused)",
                "connect() to 192.0.2.1:8443 failed (111: Connection refused)",
            ),
            ("POST https://ssm.oz-bank.test:8443/cisco/ann", "POST https://h1xxxxxx.example:8443/xxxxx/xxx"),
            (
                "{\"error\":\"invalid_client\",\"user\":\"Ann Miller\"}",
                "{\"error\":\"invalid_client\",\"user\":\"xxx xxxxxx\"}",
            ),
            ("status 401 for account 123456789", "status 401 for account xxxxxxxxx"),
            ("host fd00::7 is down.", "host 2001:db8::1 is down."),
            ("com.oz-bank.LoginException", "h2xx.example"),
        ] {
            let redacted = stand_ins.log_text(text);
            let is_host = text.starts_with("com.oz");
            assert!(if is_host { redacted.ends_with(".example") } else { redacted == is }, "{redacted}");
        }
    }

    #[test]
    fn classes_of_exceptions_stay_where_all_their_words_are_everybody_s() {
        for class in [
            "SocketTimeoutException",
            "java.net.UnknownHostException",
            "javax.net.ssl.SSLHandshakeException",
            "sun.security.validator.ValidatorException",
            "sun.security.provider.certpath.SunCertPathBuilderException",
            "java.util.concurrent.ExecutionException",
            "org.apache.http.conn.HttpHostConnectException",
            "org.springframework.web.client.ResourceAccessException",
            "io.netty.handler.ssl.NotSslRecordException",
            "ConnectionResetError",
        ] {
            assert_eq!(StandIns::default().log_text(class), class);
        }
        for class in [
            "AcmeBankException",
            "AcmeMuellerError",
            "java.acmebank.internal.FooException",
            "Acme.SocketException",
        ] {
            let redacted = StandIns::default().log_text(&format!("{class}: no"));
            assert!(!redacted.to_lowercase().contains("acme"), "{redacted}");
        }
    }

    #[test]
    fn no_number_of_an_address_is_left_however_it_is_written() {
        for word in [
            "ip-10-106-66-12",
            "10.106.66.12-443",
            "client:10.106.66.12",
            "tcp:10.106.66.12:8443",
            "10.106.66.12-10.106.66.20",
            "/2001:620:10:20:0:0:1234:99:8443",
            "2001:620:10::/48",
            "00:50:56:12:34:56",
            "4111-1111-1111-1111",
            "https%3A%2F%2F10.106.66.12",
        ] {
            let redacted = StandIns::default().log_text(&format!("from {word} to"));
            assert!(
                !["106", "620", "1111", "56"].iter().any(|number| redacted.contains(number)),
                "{word}: {redacted}"
            );
        }
        for text in [
            "connect to (172,31,9,106,33,5) failed",
            "connect to 172。31。9。106 failed",
            "connect to 172 . 31 . 9 . 106 failed",
            "call +41 44 555 106 34",
            "account CH93 0076 106 6238 5295 7",
            "from 10, 106, 66,12",
        ] {
            let redacted = StandIns::default().log_text(text);
            assert!(!redacted.contains("106"), "{redacted}");
        }
        assert_eq!(StandIns::default().log_text("HTTP/1.1 401 in 52 ms"), "HTTP/1.1 401 in 52 ms");
    }

    proptest! {
        #[test]
        fn any_words_are_redacted(text: String) {
            StandIns::default().log_text(&text);
        }

        #[test]
        fn no_unknown_word_is_left(word in "[a-z]{3,8}[0-9]{6,9}") {
            let redacted = StandIns::default().log_text(&format!("user {word} failed"));
            prop_assert!(!redacted.contains(&word));
        }
    }
}
