//! An access token of SSM On-Prem, and what its refusal means.
//!
//! SSM On-Prem is an OAuth 2.0 authorization server (RFC 6749) in front of its own API. It answers as Doorkeeper does: which
//! error it names shows which of the four things that a client brings is wrong, its own credentials, the kind of grant, the
//! user's credentials, or the scope. The status is 400 or 401 depending on its version, so the error is what counts.

mod meaning;
mod names;

use std::io;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

pub(super) use meaning::{Meaning, of_error};

use super::http::exchange::{self, Answer, Failure};
use super::http::tls::Established;
use super::http::unasked::{self, Asking};
use super::net::socket::Channel;
use super::quote;
use super::secret::Secret;
use super::tape::Tape;
use crate::limits;

/// Where the token is asked for by default: the path that SSM On-Prem's front end shows to the outside. Its application
/// logs the same request as `/oauth/token`.
pub const TOKEN_PATH: &str = "/backend/oauth/token";

/// The status of a server that limits requests (RFC 6585, 4).
const TOO_MANY_REQUESTS: u16 = 429;

/// The status of a server that takes no requests for a time (RFC 9110, 15.6.4).
const UNAVAILABLE: u16 = 503;

/// Byte order marks of UTF-8 and UTF-16.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// The type of token that SSM On-Prem grants and takes (RFC 6750); a case of its own means nothing (RFC 6749, 5.1).
const BEARER: &str = "bearer";

/// How a token is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The kind of grant.
    pub grant: Grant,
    /// How the request's body is written.
    pub body: Body,
    /// The path.
    pub path: String,
    /// The client's identifier.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// The user, of a password grant.
    pub username: Option<String>,
    /// And that user's password.
    pub password: Option<Secret>,
}

/// The kind of grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// A user's name and password (RFC 6749, 4.3), with a client made as Resource Owner Grant. It is what vManage uses.
    Password,
    /// The client's own credentials (RFC 6749, 4.4), with a client made as Client Credentials Grant.
    ClientCredentials,
}

/// How the request's body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// As JSON, which SSM On-Prem takes.
    Json,
    /// As a form, which RFC 6749 asks for.
    Form,
}

/// The outcome. The token itself is not kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Token {
    /// The kind of grant that was asked for.
    pub grant: Grant,
    /// Where.
    pub path: String,
    /// The answer's HTTP status; absent if none came.
    pub status: Option<u16>,
    /// What it amounts to: `granted`, OAuth's name of the error, `status-502`, or of a success without a token that can be
    /// used `not-json`, `no-token`, `token-type` or `cut-short`; `no-answer`.
    pub outcome: String,
    /// The server's own words on the error, raw, without secrets.
    pub description: Option<String>,
    /// Seconds for which the token is good.
    pub expires_in: Option<u64>,
    /// What it is good for.
    pub scope: Option<String>,
    /// The server's own words that the texts quote, raw, without secrets.
    #[serde(skip)]
    pub(super) quoted: Vec<String>,
    /// How the connection ended where no byte of an answer had come.
    #[serde(skip)]
    pub(super) unanswered: Option<io::ErrorKind>,
    /// What it means, in one line.
    pub headline: String,
    /// Why, and what else it may be, in plain words.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<&'static str>,
}

impl Grant {
    /// Its name in the request.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// What SSM On-Prem calls a client of it.
    fn client_kind(self) -> &'static str {
        match self {
            Self::Password => "Resource Owner Grant",
            Self::ClientCredentials => "Client Credentials Grant",
        }
    }
}

impl Request {
    /// The body's type, and the body.
    fn written(&self) -> (&'static str, Zeroizing<String>) {
        let user = self.username.as_deref().filter(|_| self.grant == Grant::Password);
        let password = self.password.as_ref().filter(|_| self.grant == Grant::Password);
        let fields = [
            ("grant_type", Some(self.grant.name())),
            ("client_id", Some(self.client_id.as_str())),
            ("client_secret", Some(self.client_secret.expose())),
            ("username", user),
            ("password", password.map(Secret::expose)),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        match self.body {
            Body::Json => {
                let object: std::collections::BTreeMap<_, _> = fields.collect();
                ("application/json", Zeroizing::new(serde_json::to_string(&object).unwrap_or_default()))
            }
            Body::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                ("application/x-www-form-urlencoded", Zeroizing::new(form.finish()))
            }
        }
    }
}

/// An answer for which nobody had asked. What came is not shown: it may be a token.
pub(super) fn early(request: &Request, failure: &Failure) -> Token {
    let headline = match failure {
        Failure::Overtook(_) => "the server sent an answer before the request for a token had reached it",
        Failure::Followed(..) => "the server sent a second answer after the one to the request for a token",
        _ => "the server answered before the request for a token was sent",
    };
    Token { explanation: unasked::meaning(failure), ..unanswered(request, headline) }
}

/// Asks for a token of the host that the URL of `origin` names. These bytes came before. The token is returned apart, where it is granted.
pub(super) fn ask(
    request: &Request,
    origin: &str,
    before: Zeroizing<Vec<u8>>,
    established: &mut Established,
    channel: &mut Channel<'_>,
) -> (Token, Option<Secret>) {
    let (kind, body) = request.written();
    let grant = request.grant.name();
    channel.tape().note(format!("POST {} for a token by {grant}", request.path));
    let head = exchange::Request::post(format!("{origin}{}", request.path))
        .header("user-agent", exchange::USER_AGENT)
        .header("accept", "application/json")
        .header("content-type", kind)
        .header("content-length", body.len())
        .body(());
    let head = match head {
        Ok(head) => head,
        Err(error) => return (unanswered(request, &error.to_string()), None),
    };
    let mut stream = Asking::after(before, established, channel);
    let answer = exchange::exchange(&mut stream, head, Some(body.as_bytes()));
    match stream.judge(answer) {
        Ok(mut answer) => {
            // What is shown of a field may be a part of it, and no part of a secret may be left.
            answer.cover(channel.tape());
            read(request, &answer, channel.tape())
        }
        Err(failure @ (Failure::Overtook(_) | Failure::Followed(..))) => (early(request, &failure), None),
        Err(failure) => {
            // What came is not shown: it may be a token.
            let headline = match &failure {
                Failure::NotHttp(_) => "the answer to the request for a token is not HTTP/1.1".to_owned(),
                Failure::Malformed(..) => {
                    "the header of the answer to the request for a token is malformed".to_owned()
                }
                Failure::TooLong(what, _) => {
                    format!(
                        "the header of the answer to the request for a token {what} that this check reads"
                    )
                }
                failure => failure.of("the request for a token", channel.tape()),
            };
            let result = unanswered(request, &headline);
            (Token { unanswered: failure.unanswered(), ..result }, None)
        }
    }
}

/// What an answer to a request for a token means, and the token, where it is one.
fn read(request: &Request, answer: &Answer, tape: &Tape) -> (Token, Option<Secret>) {
    let object = serde_json::from_slice::<Value>(&answer.body).ok();
    let text = |name: &str| object.as_ref().and_then(|object| object.get(name)?.as_str());
    let mut result = Token::new(request, Some(answer.status));
    let said = text("error_description").or_else(|| object.as_ref().and_then(message));
    result.description = said.map(|text| quote::words(text, tape));
    let is_success = (200..300).contains(&answer.status);
    if let (true, Some(how)) = (is_success, &answer.broken_off) {
        "cut-short".clone_into(&mut result.outcome);
        result.explain(meaning::of_broken_off(answer.status, how));
        return (result, None);
    }
    let value =
        |name: &str| object.as_ref().and_then(|object| object.get(name)).filter(|value| !value.is_null());
    // RFC 6749, 5.1: an answer with an error grants nothing, whatever form the error has.
    let has_error = value("error").is_some_and(|error| *error != Value::Bool(false));
    let token = text("access_token").filter(|_| is_success && !has_error);
    let token = token.filter(|token| !token.trim().is_empty());
    if let Some(why) = token.and_then(|token| unusable(token, &answer.body, value("expires_in"))) {
        "no-token".clone_into(&mut result.outcome);
        result.explain(meaning::of_unusable(&why));
        return (result, None);
    }
    // `null` is no type that a client can use (RFC 6749, 5.1); answers without the field are those of old servers.
    let kind = object.as_ref().and_then(|object| object.get("token_type"));
    let kind = kind.map(|kind| kind.as_str().map_or_else(|| kind.to_string(), str::to_owned));
    let kind = kind.filter(|kind| !kind.eq_ignore_ascii_case(BEARER));
    if let (Some(_), Some(kind)) = (token, kind) {
        "token-type".clone_into(&mut result.outcome);
        let kind = quote::words(&Secret::new(token.unwrap_or_default().to_owned()).cover(&kind), tape);
        result.explain(meaning::of_kind(&kind));
        result.quoted.push(kind);
        return (result, None);
    }
    if let Some(token) = token {
        result.expires_in = object.as_ref().and_then(|object| object.get("expires_in")?.as_u64());
        let token = Secret::new(token.to_owned());
        // Covered before it is cut: what is left of a part can't be recognised.
        result.scope = text("scope").map(|text| quote::words(&token.cover(text), tape));
        result.description = text("error_description").map(|text| quote::words(&token.cover(text), tape));
        "granted".clone_into(&mut result.outcome);
        result.headline = format!("SSM granted a token for {}", request.grant.name());
        "The client's id and secret are right and its grant type is allowed, so the API takes requests."
            .clone_into(&mut result.explanation);
        return (result, Some(token));
    }
    match text("error") {
        Some(error) => {
            result.explain_error(&quote::words(error, tape));
            if answer.status == TOO_MANY_REQUESTS {
                result.headline.push_str(" (429: too many requests)");
            }
        }
        None if is_success && object.as_ref().is_some_and(Value::is_object) => {
            "no-token".clone_into(&mut result.outcome);
            let meaning = if has_error { meaning::of_strange_error } else { meaning::of_no_token };
            result.explain(meaning(answer.status));
        }
        None => match answer.header("www-authenticate").and_then(exchange::bearer_error) {
            // RFC 6750, 3: the challenge may contain the error, and the body none.
            Some(error) if !is_success => result.explain_error(&quote::words(error, tape)),
            _ => result.explain_status(answer),
        },
    }
    result.add_later(answer);
    (result, None)
}

/// What a gateway in front of SSM says of an error that it names in its own form: in the error, or next to it.
fn message(object: &Value) -> Option<&str> {
    fn of(object: &Value) -> Option<&str> {
        ["message", "detail", "title"].iter().find_map(|name| object.get(name)?.as_str())
    }
    object.get("error").and_then(of).or_else(|| of(object))
}

/// Why a token of an answer with this body can't be used, if it can't.
fn unusable(token: &str, body: &[u8], expires_in: Option<&Value>) -> Option<String> {
    // RFC 6750, 2.1: no other characters can be sent in a header field.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("it has characters that no request can contain (RFC 6750, 2.1)".to_owned());
    }
    if let Some(name) = names::repeated(body) {
        return Some(format!(
            "the answer names {name} more than once, and clients take different ones of them (RFC 8259, 4)"
        ));
    }
    // Some servers write the number as a text, and clients read it.
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let seconds = expires_in.and_then(number).filter(|seconds| *seconds <= 0.0)?;
    Some(format!("it has expired already (expires_in {seconds})"))
}

/// What it means that no answer came.
fn unanswered(request: &Request, headline: &str) -> Token {
    let mut result = Token::new(request, None);
    "no-answer".clone_into(&mut result.outcome);
    headline.clone_into(&mut result.headline);
    "TCP and TLS are fine, and the request was sent.".clone_into(&mut result.explanation);
    result.advice = vec!["Read SSM's log at that time: nginx and the application behind it."];
    result
}

impl Token {
    fn new(request: &Request, status: Option<u16>) -> Self {
        Self {
            grant: request.grant,
            path: request.path.clone(),
            status,
            outcome: String::new(),
            description: None,
            expires_in: None,
            scope: None,
            quoted: Vec::new(),
            unanswered: None,
            headline: String::new(),
            explanation: String::new(),
            advice: Vec::new(),
        }
    }

    /// What the server answered, in its own words: `status 400, invalid_grant: "..."`. Raw, without secrets.
    pub fn answer(&self) -> Option<String> {
        let status = self.status?;
        let named = if self.outcome.starts_with("status-") { "" } else { self.outcome.as_str() };
        let described = self.description.as_ref().map(|text| format!(": \"{text}\"")).unwrap_or_default();
        Some(if named.is_empty() {
            format!("status {status}{described}")
        } else {
            format!("status {status}, {named}{described}")
        })
    }

    /// Whether the outcome is a server's text instead of an error's name.
    pub(super) fn has_free_text(&self) -> bool {
        self.outcome.contains(|letter: char| !letter.is_ascii_alphanumeric() && !"_-".contains(letter))
    }

    /// The error that OAuth names, or the status, where one of them is the cause of a refusal.
    pub(super) fn cause(&self) -> Option<String> {
        /// Those of RFC 6749, 5.2, are shorter; their characters are these.
        const LONGEST: usize = 40;
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= LONGEST
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
        };
        match self.outcome.as_str() {
            "granted" | "no-answer" | "no-token" | "token-type" | "not-json" | "cut-short" => None,
            error if !error.starts_with("status-") && is_name(error) => Some(error.to_owned()),
            _ => self.status.map(|status| format!("http-{status}")),
        }
    }

    /// Lets every text be changed into which the server's words may have come.
    pub(super) fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        let Self { outcome, description, scope, headline, explanation, .. } = self;
        let texts = [outcome, headline, explanation].into_iter().chain(description).chain(scope);
        texts.for_each(&mut change);
    }

    /// Whether a token was granted.
    pub fn is_granted(&self) -> bool {
        self.outcome == "granted"
    }

    fn explain_error(&mut self, error: &str) {
        error.clone_into(&mut self.outcome);
        self.explain(meaning::of_error(error, self.grant, "the request for a token"));
    }

    fn explain_status(&mut self, answer: &Answer) {
        let is_html = answer.header("content-type").is_some_and(|kind| kind.contains("html"))
            || answer.body.trim_ascii_start().starts_with(b"<");
        self.outcome = match answer.status {
            200..=299 => "not-json".to_owned(),
            status => format!("status-{status}"),
        };
        let is_login = is_html && answer.body.windows(8).any(|word| word.eq_ignore_ascii_case(b"password"));
        let kind = match () {
            () if answer.body.iter().all(u8::is_ascii_whitespace) => "an empty body",
            () if is_login => "a login page",
            () if is_html => "an HTML page",
            () if answer.header("content-encoding").is_some() => "compressed, which nobody asked for",
            () if answer.body.len() >= limits::HTTP_BODY_BYTES => "longer than what this check reads",
            () if MARKS.iter().any(|mark| answer.body.starts_with(mark)) => {
                "text behind a byte order mark, which JSON has not (RFC 8259, 8.1)"
            }
            () if serde_json::from_slice::<Value>(&answer.body).is_ok() => "JSON without an error of OAuth",
            () => "neither JSON nor a page",
        };
        let target = answer.redirect();
        self.explain(meaning::of_status(answer.status, &self.path, kind, target.as_deref()));
        self.quoted.extend(target);
    }

    /// Adds when the server wants the next request, where it takes none now (RFC 9110, 10.2.3; RFC 6585, 4).
    fn add_later(&mut self, answer: &Answer) {
        let is_later = matches!(answer.status, TOO_MANY_REQUESTS | UNAVAILABLE);
        let Some(later) = answer.retry_after().filter(|_| is_later) else { return };
        if self.outcome == "status-503" {
            self.explain(meaning::of_unavailable());
        }
        self.headline.push_str(", retry after ");
        self.headline.push_str(&later);
        self.quoted.push(later);
    }

    fn explain(&mut self, meaning: Meaning) {
        Meaning { headline: self.headline, explanation: self.explanation, advice: self.advice } = meaning;
    }
}

#[cfg(test)]
mod tests {
    use crate::probe::http::exchange::HeaderMap;
    use proptest::prelude::*;

    use super::*;

    fn request(grant: Grant) -> Request {
        Request {
            grant,
            body: Body::Form,
            path: TOKEN_PATH.to_owned(),
            client_id: "id".to_owned(),
            client_secret: Secret::new("sec&ret".to_owned()),
            username: Some("joe".to_owned()),
            password: Some(Secret::new("pass word".to_owned())),
        }
    }

    /// What an answer means to the request, whose secrets are hidden.
    fn outcome_of(answer: &Answer) -> (Token, Option<Secret>) {
        let mut tape = Tape::begin();
        let request = request(Grant::Password);
        tape.hide(request.client_secret.clone());
        tape.hide(request.password.clone().unwrap());
        read(&request, answer, &tape)
    }

    fn answer(status: u16, kind: &'static str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", crate::probe::http::exchange::HeaderValue::from_static(kind));
        Answer { status, headers, body: Zeroizing::new(body.as_bytes().to_vec()), broken_off: None }
    }

    #[test]
    fn requests_are_written_in_both_forms_and_hold_no_more_than_the_grant_needs() {
        let form = request(Grant::Password);
        let (kind, body) = form.written();
        assert_eq!(kind, "application/x-www-form-urlencoded");
        let expected =
            "grant_type=password&client_id=id&client_secret=sec%26ret&username=joe&password=pass+word";
        assert_eq!(body.as_str(), expected);
        let json = Request { body: Body::Json, ..request(Grant::ClientCredentials) };
        let (kind, body) = json.written();
        assert_eq!(kind, "application/json");
        assert_eq!(
            body.as_str(),
            r#"{"client_id":"id","client_secret":"sec&ret","grant_type":"client_credentials"}"#
        );
    }

    #[test]
    fn every_error_is_explained_with_its_remedy_whatever_the_status() {
        for (error, words, remedy) in [
            ("invalid_client", "client id", "API Console"),
            ("invalid_grant", "user", "Log in"),
            ("unauthorized_client", "another grant type", "create a Resource Owner Grant"),
            ("unsupported_grant_type", "grant type", "create a Resource Owner Grant"),
            ("invalid_scope", "scope", "scope"),
            ("insufficient_scope", "token", "scope"),
            ("invalid_request", "misses", "--oauth-body"),
            ("invalid_token", "token", "API Console"),
        ] {
            for status in [400, 401] {
                let body = format!(r#"{{"error":"{error}","error_description":"sec&ret of pass word"}}"#);
                let (result, token) = outcome_of(&answer(status, "application/json", &body));
                assert_eq!((result.outcome.as_str(), token), (error, None));
                assert!(result.headline.contains(words), "{error}: {}", result.headline);
                assert!(
                    result.advice.iter().any(|line| line.contains(remedy)),
                    "{error}: {:?}",
                    result.advice
                );
                assert_eq!(result.description.as_deref(), Some("[secret] of [secret]"));
                let answer = format!("status {status}, {error}: \"[secret] of [secret]\"");
                assert_eq!(result.answer(), Some(answer));
            }
        }
    }

    #[test]
    fn statuses_without_an_error_say_who_answered() {
        for (status, outcome, words) in [
            (200, "not-json", "no token"),
            (302, "status-302", "elsewhere"),
            (401, "status-401", "401"),
            (403, "status-403", "forbids"),
            (404, "status-404", "no token endpoint"),
            (500, "status-500", "failed"),
            (502, "status-502", "behind it is down"),
        ] {
            let (result, token) = outcome_of(&answer(status, "text/html", "<html>"));
            assert_eq!((result.outcome.as_str(), token), (outcome, None));
            assert!(result.headline.contains(words), "{}", result.headline);
            assert!(result.explanation.contains("an HTML page"), "{}", result.explanation);
        }
    }

    #[test]
    fn an_answer_that_is_not_one_of_oauth_is_called_what_it_is() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(limits::HTTP_BODY_BYTES));
        let cut = &long[..limits::HTTP_BODY_BYTES];
        for (status, body, words) in [
            (200, cut, "longer than what this check reads"),
            (200, "\u{feff}{\"access_token\":\"x\"}", "behind a byte order mark"),
            (200, "access_token=x", "neither JSON nor a page"),
            (400, r#"{"error":{"code":7,"message":"no such app"}}"#, "JSON without an error of OAuth"),
        ] {
            let (result, token) = outcome_of(&answer(status, "application/json", body));
            assert!(token.is_none() && result.explanation.contains(words), "{}", result.explanation);
            assert!(!result.headline.contains("not one of OAuth"), "{}", result.headline);
        }
        // What a gateway says in its own form is quoted.
        for body in [r#"{"error":{"message":"no sec&ret app"}}"#, r#"{"detail":"no sec&ret app"}"#] {
            let (result, _) = outcome_of(&answer(400, "application/json", body));
            assert_eq!(result.answer().as_deref(), Some("status 400: \"no [secret] app\""), "{body}");
        }
    }

    #[test]
    fn a_server_that_says_when_to_ask_again_is_quoted() {
        let limited = r#"{"error":"slow_down"}"#;
        for (status, body, field, words) in [
            (429, "", Some("120"), "(429: too many), retry after 120 s"),
            (429, limited, Some("120"), "(429: too many requests), retry after 120 s"),
            (429, limited, None, "(429: too many requests)"),
            (503, "<html>", Some("30"), "takes no requests now (503), retry after 30 s"),
            (503, "<html>", None, "the application behind it is down"),
            (
                503,
                r#"{"error":"temporarily_unavailable"}"#,
                Some("Wed, 21 Oct 2026 07:28:00 GMT"),
                "07:28:00 GMT",
            ),
            // A refusal has no later.
            (401, r#"{"error":"invalid_client"}"#, Some("30"), "with this secret"),
            (429, "", Some(""), "(429: too many)"),
        ] {
            let mut answer = answer(status, "text/plain", body);
            if let Some(field) = field {
                let value = crate::probe::http::exchange::HeaderValue::from_static(field);
                answer.headers.insert("retry-after", value);
            }
            let (result, _) = outcome_of(&answer);
            assert!(result.headline.ends_with(words), "{}", result.headline);
        }
    }

    #[test]
    fn a_token_is_passed_on_and_not_printed() {
        let body = r#"{"access_token":"t0ken","expires_in":7200,"scope":"all"}"#;
        let (result, token) = outcome_of(&answer(200, "application/json", body));
        assert!(result.is_granted() && !format!("{result:?}").contains("t0ken"));
        assert_eq!(token.map(|token| token.expose().to_owned()).as_deref(), Some("t0ken"));
        assert_eq!((result.expires_in, result.scope.as_deref()), (Some(7200), Some("all")));
    }

    #[test]
    fn a_success_without_a_token_that_can_be_used_grants_nothing() {
        let bearer = r#"{"access_token":"t0ken","token_type":"bearer"}"#;
        for (body, broken_off, outcome) in [
            (bearer, None, "granted"),
            (bearer, Some("the server closed after 46 of 90 bytes"), "cut-short"),
            (r#"{"access_token":"","token_type":"Bearer"}"#, None, "no-token"),
            (r#"{"access_token":" "}"#, None, "no-token"),
            (r#"{"access_token":null}"#, None, "no-token"),
            (r#"{"access_token":7}"#, None, "no-token"),
            ("{}", None, "no-token"),
            ("[]", None, "not-json"),
            (r#"{"access_token":"t0ken","token_type":"mac"}"#, None, "token-type"),
            (r#"{"access_token":"t0ken","token_type":""}"#, None, "token-type"),
            (r#"{"access_token":"t0ken","token_type":null}"#, None, "token-type"),
            (r#"{"access_token":"t0ken"}"#, None, "granted"),
            (r#"{"access_token":"t0ken","error":{"code":7}}"#, None, "no-token"),
            (r#"{"access_token":"t0ken","error":null}"#, None, "granted"),
            (r#"{"access_token":"t0ken","error":false}"#, None, "granted"),
            (r#"{"access_token":"t0ken","expires_in":"-5"}"#, None, "no-token"),
            (r#"{"access_token":"t0ken","expires_in":"7200"}"#, None, "granted"),
        ] {
            let broken_off = broken_off.map(str::to_owned);
            let answer = Answer { broken_off, ..answer(200, "application/json", body) };
            let (result, token) = outcome_of(&answer);
            assert_eq!((result.outcome.as_str(), token.is_some()), (outcome, outcome == "granted"), "{body}");
            assert!(!result.headline.is_empty() && !format!("{result:?}").contains("t0ken"), "{result:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_and_shows_no_secret(status in 100u16..1000, body: Vec<u8>, text: String) {
            for body in [body, format!(r#"{{"error":"sec&ret{}"}}"#, text.escape_default()).into_bytes()] {
                let answer = Answer { body: Zeroizing::new(body), ..answer(status, "text/plain", "") };
                let (result, _) = outcome_of(&answer);
                let shown = format!("{result:?}");
                prop_assert!(!shown.contains("sec&ret"), "{}", shown);
                prop_assert!(shown.len() < 8_000);
            }
        }
    }
}
