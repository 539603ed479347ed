//! How a page is asked for: method, header fields, credentials, and what becomes of a redirect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::http::exchange::{HeaderName, HeaderValue, Method, is_path};
use super::secret::Secret;

/// How a page is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// The method; GET by default.
    pub method: PageMethod,
    /// Further header fields.
    pub fields: Vec<PageField>,
    /// By what the request authenticates, if it does.
    pub credentials: Option<Credentials>,
    /// Whether a redirect within the same host and port is followed.
    pub follows: bool,
}

/// A method by which a page can be asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageMethod(pub(super) Method);

/// A header field that a request for a page can have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageField(pub(super) HeaderName, pub(super) HeaderValue);

/// By what a request for a page authenticates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A user and a password (RFC 7617).
    Basic(String, Secret),
    /// A token (RFC 6750).
    Bearer(Secret),
}

/// Why a method or a header field can't be sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadField {
    /// It is not one, or has no meaning for a page.
    #[error("not GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE")]
    Method,
    /// It has no colon, or characters that a header field can't contain.
    #[error("not NAME: VALUE in printable ASCII")]
    Form,
    /// The check sends that one itself.
    #[error("{0} is sent by the check itself")]
    Own(String),
    /// Anyone who lists processes can read it.
    #[error("{0} is secret, and command lines are not; use --basic-user or --bearer-file")]
    Secret(String),
}

/// Where a redirect leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// To this path of the same host and port.
    Here(String),
    /// To another host, port or protocol.
    Elsewhere,
    /// To what is not an address.
    Nowhere,
}

impl PageMethod {
    /// A method by its name.
    ///
    /// # Errors
    /// When it is not valid for a page.
    pub fn parse(name: &str) -> Result<Self, BadField> {
        let all = [
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        let mut all = all.into_iter();
        all.find(|method| method.as_str().eq_ignore_ascii_case(name)).map(Self).ok_or(BadField::Method)
    }

    /// Whether an answer to it can have a body (RFC 9110, 9.3.2).
    pub fn brings_body(&self) -> bool {
        self.0 != Method::HEAD
    }

    /// By which a redirect with this status is followed (RFC 9110, 15.4).
    pub(super) fn after(&self, status: u16) -> Self {
        match status {
            303 if self.0 != Method::HEAD => Self(Method::GET),
            301 | 302 if self.0 == Method::POST => Self(Method::GET),
            _ => self.clone(),
        }
    }
}

impl PageField {
    /// A header field, `NAME: VALUE`.
    ///
    /// # Errors
    /// When it can't be sent, the check sends it itself, or it is a secret.
    pub fn parse(text: &str) -> Result<Self, BadField> {
        const OWN: [&str; 7] =
            ["host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "expect"];
        const SECRET: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
        let (name, value) = text.split_once(':').ok_or(BadField::Form)?;
        let name: HeaderName = name.parse().map_err(|_| BadField::Form)?;
        let value = value.trim();
        let is_printable = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let value = HeaderValue::from_str(value).ok().filter(|_| is_printable).ok_or(BadField::Form)?;
        match name.as_str() {
            own if OWN.contains(&own) => Err(BadField::Own(own.to_owned())),
            secret if SECRET.contains(&secret) => Err(BadField::Secret(secret.to_owned())),
            _ => Ok(Self(name, value)),
        }
    }
}

impl PageRequest {
    /// What must show in no output.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match &self.credentials {
            Some(Credentials::Basic(user, password)) => Secret::of_login(user, password),
            Some(Credentials::Bearer(token)) => vec![token.clone()],
            None => Vec::new(),
        }
    }

    /// Whether it has a field of this name, which replaces the check's own.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|PageField(own, _)| own.as_str() == name)
    }

    /// Whether a request of this method has a body, which is empty here.
    pub(super) fn has_body(&self) -> bool {
        [Method::POST, Method::PUT, Method::PATCH].contains(&self.method.0)
    }
}

impl Credentials {
    /// The Authorization field.
    pub(super) fn field(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Basic(user, password) => {
                let plain = Zeroizing::new(format!("{user}:{}", password.expose()));
                format!("Basic {}", STANDARD.encode(plain.as_bytes()))
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
        })
    }
}

/// Where the Location of an answer leads (RFC 3986, 5.2), to a request for `path` at `origin`: `https://host:port`.
pub(super) fn target(location: &str, origin: &str, path: &str) -> Target {
    const DEFAULT: &str = ":443";
    let location = location.split('#').next().unwrap_or_default();
    let here = |path: &str| {
        let path = without_dots(path);
        if is_path(&path) { Target::Here(path) } else { Target::Nowhere }
    };
    let of_host = match location.strip_prefix("//") {
        Some(rest) => Some(rest),
        None if location.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) => {
            location.get(8..)
        }
        None => None,
    };
    let has_scheme = || location.split(['/', '?']).next().is_some_and(|part| part.contains(':'));
    if let Some(rest) = of_host {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (place, path) = rest.split_at(end);
        let own = origin.strip_prefix("https://").unwrap_or(origin);
        let own = own.strip_suffix(DEFAULT).unwrap_or(own);
        let place = place.strip_suffix(DEFAULT).unwrap_or(place);
        if !place.eq_ignore_ascii_case(own) {
            return Target::Elsewhere;
        }
        return if path.starts_with('/') { here(path) } else { here(&format!("/{path}")) };
    }
    let before_query = path.split('?').next().unwrap_or_default();
    match location {
        "" if is_path(path) => Target::Here(path.to_owned()),
        _ if location.starts_with('/') => here(location),
        _ if location.starts_with('?') => here(&format!("{before_query}{location}")),
        _ if has_scheme() => Target::Elsewhere,
        relative => {
            let folder = before_query.rfind('/').map_or("/", |end| &before_query[..=end]);
            here(&format!("{folder}{relative}"))
        }
    }
}

/// A path without its segments `.` and `..`, and the query after it (RFC 3986, 5.2.4).
fn without_dots(target: &str) -> String {
    let end = target.find('?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let Some(path) = path.strip_prefix('/') else { return target.to_owned() };
    let mut kept = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, "." | "..");
        if segment == ".." {
            kept.pop();
        }
        if !is_dots {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_is_one_that_can_be_sent_and_is_no_secret() {
        let PageField(name, value) = PageField::parse("X-Probe:  yes ").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-probe", "yes"));
        for (text, error) in [
            ("X-Probe", BadField::Form),
            ("X Probe: y", BadField::Form),
            ("X: a\r\nHost: b", BadField::Form),
            ("X: \u{e9}", BadField::Form),
            ("HOST: b", BadField::Own("host".to_owned())),
            ("Authorization: Basic eA==", BadField::Secret("authorization".to_owned())),
            ("Cookie: a=b", BadField::Secret("cookie".to_owned())),
        ] {
            assert_eq!(PageField::parse(text), Err(error), "{text}");
        }
        assert_eq!(PageMethod::parse("head"), Ok(PageMethod(Method::HEAD)));
        assert_eq!(PageMethod::parse("CONNECT"), Err(BadField::Method));
    }

    #[test]
    fn a_redirect_is_followed_to_the_same_host_and_port_only() {
        let of = |location: &str| target(location, "https://ssm.example:443", "/a/b?c");
        let here = |path: &str| Target::Here(path.to_owned());
        for (location, target) in [
            ("/x?y#z", here("/x?y")),
            ("x", here("/a/x")),
            ("?q", here("/a/b?q")),
            ("", here("/a/b?c")),
            ("https://SSM.example/x", here("/x")),
            ("https://ssm.example:443", here("/")),
            ("https://ssm.example?q", here("/?q")),
            ("//ssm.example/x", here("/x")),
            ("https://ssm.example:8443/x", Target::Elsewhere),
            ("https://ssm.example.org/x", Target::Elsewhere),
            ("https://joe@ssm.example/x", Target::Elsewhere),
            ("https://ssm.example\\@evil.example/x", Target::Elsewhere),
            ("http://ssm.example/x", Target::Elsewhere),
            ("javascript:alert(1)", Target::Elsewhere),
            ("//evil.example/x", Target::Elsewhere),
            ("/a b", Target::Nowhere),
            ("https://ssm.example/a b", Target::Nowhere),
            ("../x", here("/x")),
            ("./x/../y/.?q=../z", here("/a/y/?q=../z")),
            ("..", here("/")),
            ("/a/b/../../../c/./d", here("/c/d")),
            ("/a//../b", here("/a/b")),
            ("/a/b/..", here("/a/")),
            ("/.../x", here("/.../x")),
        ] {
            assert_eq!(of(location), target, "{location}");
        }
        assert_eq!(target("https://ssm.example/x", "https://ssm.example:8443", "/"), Target::Elsewhere);
    }

    #[test]
    fn a_redirect_can_change_the_method() {
        let after = |method, status| PageMethod(method).after(status).0;
        assert_eq!([301, 302, 303].map(|status| after(Method::POST, status)), [const { Method::GET }; 3]);
        assert_eq!([307, 308].map(|status| after(Method::POST, status)), [const { Method::POST }; 2]);
        assert_eq!((after(Method::PUT, 302), after(Method::PUT, 303)), (Method::PUT, Method::GET));
        assert_eq!(after(Method::HEAD, 303), Method::HEAD);
    }

    #[test]
    fn credentials_are_a_field_that_is_not_printed() {
        let basic = Credentials::Basic("joe".to_owned(), Secret::new("pw".to_owned()));
        assert_eq!(basic.field().as_str(), "Basic am9lOnB3");
        let bearer = Credentials::Bearer(Secret::new("t0ken".to_owned()));
        assert_eq!(bearer.field().as_str(), "Bearer t0ken");
        assert!(!format!("{basic:?} {bearer:?}").contains("t0ken"));
    }

    proptest! {
        #[test]
        fn any_location_leads_here_or_elsewhere(location: String, path in "/[a-z/?]{0,8}") {
            if let Target::Here(path) = target(&location, "https://h:1", &path) {
                prop_assert!(is_path(&path));
            }
        }
    }
}
