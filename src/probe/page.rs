//! A page, and whether it is what is expected.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;
use zeroize::Zeroizing;

use super::body_pattern::BodyPattern;
use super::http::demands::IDENTITY;
use super::http::exchange::{self, Answer, Failure, Request};
use super::http::tls::Established;
use super::http::unasked::{self, Asking};
use super::net::socket::Channel;
use super::page_request::{self, PageField, PageMethod, PageRequest, Target};
use super::secret::Secret;
use super::tape::Tape;
use super::token::{self, Grant};
use crate::limits;

/// A page that is asked for, and what is expected of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Its path, from `/` on.
    pub path: String,
    /// The statuses that are expected, from and to; else any below 400.
    pub statuses: Vec<(u16, u16)>,
    /// What its body must match.
    pub pattern: Option<BodyPattern>,
    /// How it is asked for.
    pub request: PageRequest,
}

impl Page {
    /// What is asked, as a log has it: `GET /`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.request.method.0, self.path)
    }

    /// The same as it is shown.
    pub(super) fn shown_line(&self) -> String {
        format!("{} {}", self.request.method.0, shown(&self.path))
    }
}

/// A path without its query, which may be secret.
pub(super) fn shown(path: &str) -> String {
    match path.find('?') {
        Some(end) => format!("{}?...", path.get(..end).unwrap_or_default()),
        None => path.to_owned(),
    }
}

/// The outcome of the request for a page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct PageAnswer {
    /// Its path.
    pub path: String,
    /// The status; absent if no answer came.
    pub status: Option<u16>,
    /// Whether status and body are what was expected.
    pub is_expected: bool,
    /// The server's own words that the texts quote, raw.
    #[serde(skip)]
    pub(super) quoted: Vec<String>,
    /// How the connection ended where no byte of an answer had come.
    #[serde(skip)]
    pub(super) unanswered: Option<io::ErrorKind>,
    /// The path that a redirect leads to, and the method, where it is to be followed.
    #[serde(skip)]
    pub(super) next: Option<(String, PageMethod)>,
    /// Whether redirects led to it.
    #[serde(skip)]
    pub is_followed: bool,
    /// What it is, in one line.
    pub headline: String,
    /// Why, in plain words.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<&'static str>,
}

/// Asks for a page of the host that the URL of `origin` names, with a token if there is one. These bytes came before.
pub(super) fn ask(
    page: &Page,
    origin: &str,
    token: Option<(&Secret, Grant)>,
    before: Zeroizing<Vec<u8>>,
    established: &mut Established,
    channel: &mut Channel<'_>,
) -> PageAnswer {
    let line = page.shown_line();
    channel.tape().note(line.clone());
    let request = &page.request;
    let mut head = Request::builder().method(request.method.0.clone()).uri(format!("{origin}{}", page.path));
    for (name, value) in [("user-agent", exchange::USER_AGENT), ("accept", "*/*")] {
        if !request.has(name) {
            head = head.header(name, value);
        }
    }
    head = head.header("connection", "close");
    for PageField(name, value) in &request.fields {
        head = head.header(name, value);
    }
    if request.has_body() {
        head = head.header("content-length", 0);
    }
    if let Some((token, _)) = token {
        head = head.header("authorization", format!("Bearer {}", token.expose()));
    } else if let Some(credentials) = &request.credentials {
        head = head.header("authorization", credentials.field().as_str());
    }
    let head = match head.body(()) {
        Ok(head) => head,
        Err(error) => return PageAnswer::unanswered(page, &error.to_string()),
    };
    let mut stream = Asking::after(before, established, channel);
    let answer = exchange::exchange(&mut stream, head, request.has_body().then_some(&[][..]));
    match stream.judge(answer) {
        Ok(mut answer) => {
            let location = answer.location();
            // What is shown of a field may be a part of it, and no part of a secret may be left.
            answer.cover(channel.tape());
            PageAnswer::read(page, &answer, token).redirected(page, &answer, location.as_deref(), origin)
        }
        Err(failure @ (Failure::Overtook(_) | Failure::Followed(..))) => {
            PageAnswer::unasked(page, &failure, channel.tape())
        }
        Err(failure) => {
            let result = PageAnswer::unanswered(page, &failure.of(&line, channel.tape()));
            PageAnswer { unanswered: failure.unanswered(), ..result }
        }
    }
}

const LOG: &str = "Read the server's log at that time.";

const FRONT_FIELDS: &str = "Look at proxies and load balancers in front of the server: one of them may add a field that the server sends too.";

const FRONT: &str =
    "Look at proxies and load balancers in front of the server: they may mix up the answers of connections.";

impl PageAnswer {
    pub(super) fn unanswered(page: &Page, headline: &str) -> Self {
        Self {
            path: shown(&page.path),
            status: None,
            is_expected: false,
            quoted: Vec::new(),
            unanswered: None,
            next: None,
            is_followed: false,
            headline: headline.to_owned(),
            explanation: "TCP and TLS are fine, and the request was sent.".to_owned(),
            advice: vec![LOG],
        }
    }

    /// An answer for which nobody had asked.
    pub(super) fn unasked(page: &Page, failure: &Failure, tape: &Tape) -> Self {
        let result = Self::unanswered(page, &failure.of(&page.shown_line(), tape));
        Self { explanation: unasked::meaning(failure), advice: vec![LOG, FRONT], ..result }
    }

    /// Replaces texts that a peer may have written.
    pub(super) fn cover(&mut self, mut cover: impl FnMut(&str) -> String) {
        let texts = [&mut self.path, &mut self.headline, &mut self.explanation];
        texts.into_iter().chain(&mut self.quoted).for_each(|text| *text = cover(text));
    }

    /// What an answer is, to a request with this token, granted in this way.
    pub(super) fn read(page: &Page, answer: &Answer, token: Option<(&Secret, Grant)>) -> Self {
        let status = answer.status;
        let is_status_expected = match page.statuses.as_slice() {
            [] => (200..400).contains(&status),
            ranges => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
        };
        let unmatched = page.pattern.as_ref().filter(|pattern| !pattern.is_in(&answer.body));
        let path = &shown(&page.path);
        let mut result = Self {
            path: path.clone(),
            status: Some(status),
            is_expected: is_status_expected && unmatched.is_none() && answer.broken_off.is_none(),
            quoted: Vec::new(),
            unanswered: None,
            next: None,
            is_followed: false,
            headline: format!("{path} answers {status}"),
            explanation: "TCP and TLS are fine; the response says what is wrong.".to_owned(),
            advice: vec![LOG],
        };
        if let Some(target) = answer.redirect() {
            result.headline = format!("{path} answers {status}, a redirect to {target}");
            result.quoted.push(target);
        }
        if answer.leads_to_two_places() {
            result.is_expected = false;
            result.headline.push_str(", and has another Location field that leads elsewhere");
            "Clients follow different ones of the Location fields, or refuse the answer: an answer has one (RFC 9110, 10.2.2 and 5.3)."
                .clone_into(&mut result.explanation);
            result.advice = vec![LOG, FRONT_FIELDS];
            return result;
        }
        if status == 429 {
            let later = answer.retry_after();
            let words = later.as_ref().map(|text| format!(", retry after {text}")).unwrap_or_default();
            result.headline = format!("{path} answers 429: too many requests{words}");
            result.quoted.extend(later);
            "The server limits requests, and refuses this one for a time."
                .clone_into(&mut result.explanation);
            result.advice = vec!["Ask less often, or have the limit raised for this client."];
        }
        if status == 401 {
            result.wants_login(page, answer, token.is_some());
        }
        if let (503, Some(later)) = (status, answer.retry_after()) {
            result.headline = format!("{path} answers 503, retry after {later}");
            result.quoted.push(later);
        }
        let refusal = answer.header("www-authenticate").and_then(exchange::bearer_error);
        if let (true, Some(how)) = (is_status_expected, &answer.broken_off) {
            result.headline = format!("{path} answers {status}, but its body is incomplete: {how}");
            "TCP and TLS are fine, and the answer began: something ended it before its end."
                .clone_into(&mut result.explanation);
            result.advice =
                vec![LOG, "Look at proxies and load balancers in front of the server: they cut answers too."];
            return result;
        }
        match (is_status_expected, unmatched, refusal, token) {
            (true, None, ..) => result.headline.push_str(", as is expected"),
            (true, Some(pattern), ..) => result.does_not_match(pattern, answer),
            // RFC 6750, 3.1: the server names what is wrong with the token.
            (false, _, Some(error), Some((token, grant))) => {
                let error: String = token.cover(error).chars().take(limits::PEER_WORDS).collect();
                let meaning = token::of_error(&error, grant, "the token");
                result.headline = format!("{path} answers {status}: {}", meaning.headline);
                result.explanation = meaning.explanation;
                result.advice = meaning.advice;
            }
            (false, _, Some(error), None) if page.request.credentials.is_some() => result.says(error),
            (false, ..) => {}
        }
        result
    }

    /// What the server says is wrong with a token of which nothing more is known.
    fn says(&mut self, error: &str) {
        let error: String = error.chars().take(limits::PEER_WORDS).collect();
        let status = self.status.unwrap_or_default();
        self.headline = format!("{} answers {status}: the server says {error}", self.path);
        self.quoted.push(error);
    }

    /// A refusal of a server that asked for a client certificate and got none. Web servers refuse a page for that, and not the
    /// handshake: nginx by 400, others by 401 or 403.
    pub(super) fn may_want_identity(&mut self) {
        if self.is_expected || !self.status.is_some_and(|status| (400..=403).contains(&status)) {
            return;
        }
        self.headline.push_str("; the server asked for a client certificate and got none");
        self.advice.insert(0, IDENTITY);
    }

    /// A refusal, or no answer, of a server that asked for a new handshake: usually it wants a client certificate for this path.
    pub(super) fn may_want_renegotiation(&mut self) {
        if self.is_expected {
            return;
        }
        self.headline.push_str("; the server asked for renegotiation, which this check refuses");
        self.explanation.push_str(
            " The server asked for a new handshake after the request (renegotiation, up to TLS 1.2). TLS 1.3 has none, and browsers refuse \
             it too. A server does that mostly to ask for a client certificate for one path.",
        );
        self.advice.insert(
            0,
            "Have the server ask for the client certificate in the first handshake, or not for this path.",
        );
    }

    /// The server wants a login, or does not accept the one it got.
    fn wants_login(&mut self, page: &Page, answer: &Answer, has_token: bool) {
        let schemes = answer.headers.get_all("www-authenticate").iter();
        let schemes = schemes.filter_map(|value| value.to_str().ok()?.split_whitespace().next());
        let schemes: Vec<String> =
            schemes.map(|scheme| scheme.chars().take(limits::PEER_WORDS).collect()).collect();
        let named = if schemes.is_empty() { String::new() } else { format!(" ({})", schemes.join(", ")) };
        let does = if has_token || page.request.credentials.is_some() {
            "it rejects the credentials"
        } else {
            "it requires authentication"
        };
        self.headline = format!("{} answers 401: {does}{named}", self.path);
        self.quoted.extend(schemes);
    }

    /// What becomes of a redirect where redirects are to be followed.
    fn redirected(mut self, page: &Page, answer: &Answer, location: Option<&str>, origin: &str) -> Self {
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let is_faulty = answer.broken_off.is_some() || answer.leads_to_two_places();
        if !is_redirect || !page.request.follows || is_faulty {
            return self;
        }
        let Some(location) = location else {
            return self.not_followed(
                "a redirect that says nowhere where it leads",
                "--follow follows a redirect to the address in its Location field, and this answer has none.",
                LOG,
            );
        };
        let leads = answer.redirect().unwrap_or_default();
        match page_request::target(location, origin, &page.path) {
            Target::Here(path) => {
                self.next = Some((path, page.request.method.after(answer.status)));
                self
            }
            Target::Nowhere => self.not_followed(
                &format!("a redirect that leads to what is no address: {leads}"),
                "--follow follows a redirect to the address in its Location field, and no request can ask for this one.",
                LOG,
            ),
            Target::Elsewhere => self.not_followed(
                &format!("a redirect away from this server: {leads}"),
                "--follow follows redirects within the same host and port. Another host is another check, and gets no credentials of \
                 this one.",
                "Check where it leads to by itself, or omit --follow if the redirect is what is expected.",
            ),
        }
    }

    /// A redirect that can't be followed.
    fn not_followed(mut self, what: &str, why: &str, advice: &'static str) -> Self {
        self.is_expected = false;
        self.headline = format!("{} answers {}, {what}", self.path, self.status.unwrap_or_default());
        why.clone_into(&mut self.explanation);
        self.advice = vec![advice];
        self
    }

    /// Redirects led here from that path.
    pub(super) fn is_led_to_from(&mut self, path: &str) {
        self.is_followed = true;
        self.headline = format!("redirected from {}: {}", shown(path), self.headline);
    }

    /// The redirects do not come to an end.
    pub(super) fn leads_nowhere(&mut self) {
        self.is_expected = false;
        self.headline = format!("{} still redirects after {} redirects", self.path, limits::REDIRECTS);
        "The redirects that --follow follows lead in a circle, or are too many."
            .clone_into(&mut self.explanation);
    }

    /// Time was over before a redirect could be followed.
    pub(super) fn is_not_followed_in_time(&mut self) {
        self.is_expected = false;
        self.headline = format!("{}, and time was over before it could be followed", self.headline);
        "--follow wants the page that the redirect leads to, and --timeout ended the check before it was asked for."
            .clone_into(&mut self.explanation);
    }

    /// The status is what is expected, and the body is not.
    fn does_not_match(&mut self, pattern: &BodyPattern, answer: &Answer) {
        /// Characters of an expression that are shown: a status line has room for more than it.
        const SHOWN: usize = 60;
        let written = pattern.as_str();
        let mut shown: String = written.chars().take(SHOWN).collect();
        if shown.len() < written.len() {
            shown.push_str("...");
        }
        let why = match answer.header("content-encoding") {
            Some(coding) => format!(": it is compressed ({coding})"),
            None if answer.body.len() >= limits::HTTP_BODY_BYTES => {
                format!(" in its first {} KiB", limits::HTTP_BODY_BYTES / 1024)
            }
            None if answer.body.is_empty() => ": it is empty".to_owned(),
            None => String::new(),
        };
        self.headline.extend([", but its body does not match \"", &shown, "\"", &why]);
        self.quoted.push(shown);
        self.quoted.extend(answer.header("content-encoding").map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(pattern: Option<&str>) -> Page {
        let pattern = pattern.map(|text| BodyPattern::parse(text).unwrap());
        Page { path: "/x".to_owned(), statuses: Vec::new(), pattern, request: PageRequest::default() }
    }

    fn answer(body: &[u8]) -> Answer {
        Answer {
            status: 200,
            headers: exchange::HeaderMap::new(),
            body: zeroize::Zeroizing::new(body.to_vec()),
            broken_off: None,
        }
    }

    #[test]
    fn a_body_that_does_not_match_is_named_with_what_it_should_match() {
        let read = |body: &[u8], pattern| PageAnswer::read(&page(Some(pattern)), &answer(body), None);
        assert!(read(b"version 9.20", r"version \d+").is_expected);
        let other = read(b"version nine", r"version \d+");
        assert!(!other.is_expected);
        assert_eq!(other.headline, r#"/x answers 200, but its body does not match "version \d+""#);
        assert!(read(b"", "x").headline.ends_with("\"x\": it is empty"));
        let long = read(&vec![b'a'; limits::HTTP_BODY_BYTES], "b");
        assert!(long.headline.ends_with("\"b\" in its first 256 KiB"), "{long:?}");
    }

    #[test]
    fn a_redirect_is_followed_where_that_is_asked_for_and_it_stays_here() {
        let moved = |location: &'static str| {
            let mut answer = Answer { status: 302, ..answer(b"") };
            answer.headers.insert("location", exchange::HeaderValue::from_static(location));
            answer
        };
        let read = |follows: bool, location| {
            let request = PageRequest { follows, ..PageRequest::default() };
            let (page, answer) = (Page { request, ..page(None) }, moved(location));
            let location = answer.location();
            let result = PageAnswer::read(&page, &answer, None);
            result.redirected(&page, &answer, location.as_deref(), "https://ssm.example:8443")
        };
        assert_eq!(read(true, "/y").next, Some(("/y".to_owned(), PageMethod::default())));
        assert_eq!(read(false, "/y").next, None);
        assert!(read(false, "https://sso.example/").is_expected);
        let away = read(true, "https://joe:pw@sso.example/?t=secret");
        assert!(!away.is_expected && away.next.is_none(), "{away:?}");
        assert!(away.headline.ends_with("away from this server: https://sso.example/?..."), "{away:?}");
        let none = read(true, "/a b");
        assert!(!none.is_expected && none.headline.ends_with("what is no address: /a b"), "{none:?}");
        let request = PageRequest { follows: true, ..PageRequest::default() };
        let (page, answer) = (Page { request, ..page(None) }, Answer { status: 302, ..answer(b"") });
        let nowhere = PageAnswer::read(&page, &answer, None).redirected(&page, &answer, None, "https://h:1");
        assert!(!nowhere.is_expected && nowhere.headline.contains("nowhere"), "{nowhere:?}");
    }

    #[test]
    fn a_login_that_is_wanted_or_rejected_is_said() {
        let mut answer = Answer { status: 401, ..answer(b"") };
        for scheme in ["Basic realm=\"x\"", "Negotiate"] {
            answer.headers.append("www-authenticate", exchange::HeaderValue::from_static(scheme));
        }
        let none = PageAnswer::read(&page(None), &answer, None);
        assert_eq!(none.headline, "/x answers 401: it requires authentication (Basic, Negotiate)");
        let credentials = page_request::Credentials::Basic("joe".to_owned(), Secret::new("pw".to_owned()));
        let request = PageRequest { credentials: Some(credentials), ..PageRequest::default() };
        let rejected = PageAnswer::read(&Page { request, ..page(None) }, &answer, None);
        assert!(rejected.headline.contains("401: it rejects the credentials"), "{rejected:?}");
        let expected = Page { statuses: vec![(401, 401)], ..page(None) };
        let expected = PageAnswer::read(&expected, &answer, None);
        assert!(expected.is_expected && expected.headline.ends_with("as is expected"), "{expected:?}");
    }

    #[test]
    fn a_refusal_without_a_client_certificate_names_that() {
        let read = |status: u16| {
            let mut refused = PageAnswer::read(&page(None), &Answer { status, ..answer(b"") }, None);
            refused.may_want_identity();
            refused.headline.contains("client certificate")
        };
        assert_eq!([200, 400, 401, 403, 404, 500].map(read), [false, true, true, true, false, false]);
    }

    #[test]
    fn what_the_server_says_of_a_token_from_a_file_is_in_the_headline() {
        let mut answer = Answer { status: 403, ..answer(b"") };
        let value = exchange::HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
        answer.headers.append("www-authenticate", value);
        let credentials = page_request::Credentials::Bearer(Secret::new("token".to_owned()));
        let request = PageRequest { credentials: Some(credentials), ..PageRequest::default() };
        let refused = PageAnswer::read(&Page { request, ..page(None) }, &answer, None);
        assert_eq!(refused.headline, "/x answers 403: the server says insufficient_scope");
        assert!(refused.quoted.contains(&"insufficient_scope".to_owned()));
    }

    #[test]
    fn location_fields_that_differ_are_a_fault() {
        let read = |second: &'static str, follows: bool| {
            let mut answer = Answer { status: 302, ..answer(b"") };
            for location in ["/x", second] {
                answer.headers.append("location", exchange::HeaderValue::from_static(location));
            }
            let request = PageRequest { follows, ..PageRequest::default() };
            let page = Page { request, ..page(None) };
            let location = answer.location();
            PageAnswer::read(&page, &answer, None).redirected(
                &page,
                &answer,
                location.as_deref(),
                "https://h:1",
            )
        };
        assert!(read("/x", false).is_expected);
        assert!(read("/x", true).next.is_some());
        for follows in [false, true] {
            let result = read("/y", follows);
            assert!(!result.is_expected && result.next.is_none(), "{result:?}");
            assert!(
                result
                    .headline
                    .ends_with("a redirect to /x, and has another Location field that leads elsewhere")
            );
        }
    }

    #[test]
    fn a_secret_in_where_a_redirect_leads_is_covered_before_it_is_cut() {
        let secret = Secret::new("t0ken-of-joe".to_owned());
        let mut answer = Answer { status: 302, ..answer(b"") };
        let location = format!("/{}/t0ken-of-joe", "a".repeat(92));
        answer.headers.insert("location", exchange::HeaderValue::from_str(&location).unwrap());
        let mut tape = Tape::begin();
        tape.hide(secret.clone());
        answer.cover(&tape);
        let mut result = PageAnswer::read(&page(None), &answer, None);
        assert!(!format!("{result:?}").contains("t0k"), "{result:?}");
        result.path = "/t0ken-of-joe".to_owned();
        result.cover(|text| secret.cover(text));
        assert_eq!(result.path, "/[secret]");
    }

    #[test]
    fn a_body_that_breaks_off_is_not_what_is_expected() {
        let whole = answer(b"some text");
        let broken =
            Answer { broken_off: Some("the server closed after 9 of 90 bytes".to_owned()), ..whole.clone() };
        assert!(PageAnswer::read(&page(Some("text")), &whole, None).is_expected);
        let result = PageAnswer::read(&page(Some("text")), &broken, None);
        assert!(!result.is_expected && result.headline.contains("200"), "{result:?}");
        assert!(result.headline.ends_with("incomplete: the server closed after 9 of 90 bytes"), "{result:?}");
        let refused = PageAnswer::read(&page(None), &Answer { status: 500, ..broken }, None);
        assert!(!refused.is_expected && refused.headline.ends_with("500"), "{refused:?}");
    }
}
