//! What the values of options mean.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::tz::TimeZone;
use ssmscope::analysis::{self, WindowEnd};
use ssmscope::cert::{self, Pin};
use ssmscope::log::AccessFormat;
use ssmscope::probe::{
    BodyPattern, PageField, PageMethod, REASONS, StartTls, host_and_port, is_path, severity_of, without_zone,
};
use ssmscope::report::language::Language;
use ssmscope::report::machine::flat::Format;
use ssmscope::report::{Form, Sort, Subject};
use ssmscope::time::{Elapsed, Timestamp};
use ssmscope::verdict::{self, Code, RULES, Severity, Verdict};

use crate::explain;
use crate::nearness;

/// The forms in which a subject can be reported.
pub fn forms(subject: Subject) -> impl TypedValueParser<Value = Form> {
    let form = |form: Form| Some(PossibleValue::new(form.name()).help(form.summary(subject)?));
    PossibleValuesParser::new(Form::ALL.into_iter().filter_map(form))
        .try_map(|name| Form::from_str(&name.to_ascii_lowercase()))
}

/// The formats of rows.
pub fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.iter().copied().map(Format::name))
        .try_map(|name| Format::from_str(&name))
}

/// A pattern of file names.
pub fn pattern(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("not a pattern of file names: {}", error.msg))
}

/// The orders in which a table can list connections.
pub fn sorts() -> impl TypedValueParser<Value = Sort> {
    PossibleValuesParser::new(Sort::ALL.map(Sort::name))
        .map(|name| Sort::ALL.into_iter().find(|sort| sort.name() == name).unwrap_or_default())
}

/// A server by name and perhaps port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort {
    /// Its name or address.
    pub host: String,
    /// The interface to which a link-local address belongs.
    pub zone: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Whether the port is written, and not only that of the URL's scheme.
    pub names_port: bool,
    /// The path of a URL, if it has one; `/` too, where it is written.
    pub path: Option<String>,
}

/// A span of seconds as a decimal number, or of milliseconds with `ms` after it.
pub fn span(text: &str) -> Result<Elapsed, String> {
    // As long as the capture's clock can count: 292 years.
    const MOST_SECONDS: f64 = 9.0e9;
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value * unit < MOST_SECONDS => Ok(Elapsed::from_secs_f64(value * unit)),
        _ => Err("not a positive number of seconds; try 2, 2.5 or 500ms".to_owned()),
    }
}

/// A server by name or address, perhaps with its port, or an https URL.
pub fn host_port(text: &str) -> Result<HostPort, String> {
    /// The port of https (RFC 9110, 4.2.2).
    const HTTPS: u16 = 443;
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let is_url = match scheme.to_ascii_lowercase().as_str() {
        "" => false,
        "https" => true,
        "http" => return Err("http has no TLS to check; try https://HOST, or HOST:PORT".to_owned()),
        _ => return Err(format!("{scheme} is not spoken; try HOST:PORT")),
    };
    let end = if is_url { rest.find(['/', '?', '#']).unwrap_or(rest.len()) } else { rest.len() };
    let (place, page) = rest.split_at(end);
    let page = page.split('#').next().unwrap_or(page);
    let page = if page.starts_with('?') { format!("/{page}") } else { page.to_owned() };
    let (place, zone) = without_zone(place);
    // RFC 6874, 2: in a URL, the sign before the zone is encoded.
    let zone = zone.map(|zone| zone.strip_prefix("25").filter(|_| is_url).unwrap_or(zone));
    let Some((host, port)) = host_and_port(&place) else {
        return Err("not HOST, HOST:PORT or a URL; try ssm.example.net, 192.0.2.1:443 or [2001:db8::1]:443"
            .to_owned());
    };
    let path = Some(page).filter(|page| !page.is_empty()).map(|page| path(&page)).transpose()?;
    let is_local = |host: &str| host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_unicast_link_local());
    match zone {
        Some(_) if !is_local(&host) => {
            return Err("only a link-local address has an interface: fe80::1%eth0".to_owned());
        }
        None if is_local(&host) => {
            return Err(format!("{host} is link-local: name its interface too, {host}%eth0"));
        }
        _ => {}
    }
    let zone = zone.map(str::to_owned);
    let names_port = port.is_some();
    Ok(HostPort { host, zone, port: port.or(is_url.then_some(HTTPS)), names_port, path })
}

/// A name and its address.
pub fn known_address(text: &str) -> Result<(String, IpAddr), String> {
    let known = text.split_once('=').and_then(|(name, address)| {
        let (name, port) = host_and_port(name)?;
        Some((name, address.parse().ok()?)).filter(|_| port.is_none())
    });
    known.ok_or_else(|| "not NAME=IP; try ssm.example.net=192.0.2.1".to_owned())
}

/// The path of a URL, from its slash on.
pub fn path(text: &str) -> Result<String, String> {
    if is_path(text) { Ok(text.to_owned()) } else { Err("not a path of a URL; try /".to_owned()) }
}

/// What a page's body has to match.
pub fn body_pattern(text: &str) -> Result<BodyPattern, String> {
    BodyPattern::parse(text).map_err(|error| error.to_string())
}

/// A method by which a page can be asked for.
pub fn page_method(text: &str) -> Result<PageMethod, String> {
    PageMethod::parse(text).map_err(|error| error.to_string())
}

/// A header field of the request for a page.
pub fn page_field(text: &str) -> Result<PageField, String> {
    PageField::parse(text).map_err(|error| error.to_string())
}

/// The digest of a public key.
pub fn pin(text: &str) -> Result<Pin, String> {
    Pin::parse(text).ok_or_else(|| {
        "not sha256// and 32 bytes in base64; `ssmscope check -v HOST` prints a server's".to_owned()
    })
}

/// A protocol that is asked for TLS.
pub fn starttls(text: &str) -> Result<StartTls, String> {
    let names = StartTls::ALL.map(StartTls::name).join(", ");
    let protocol = StartTls::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(text));
    protocol.ok_or_else(|| format!("not one of {names}"))
}

/// An HTTP status, or a range of them.
pub fn statuses(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) if (100..=to).contains(&from) && to < 1000 => Ok((from, to)),
        _ => Err("neither a status nor a range of them; try 200 or 200-299".to_owned()),
    }
}

/// A number of connections: one for each share of them at least.
pub fn connections(text: &str) -> Result<usize, String> {
    let least = ssmscope::limits::SHARES;
    let number = text.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| format!("not a number of at least {least}"))
}

/// A size in bytes, or in KiB, MiB or GiB with K, M or G after it.
pub fn memory(text: &str) -> Result<usize, String> {
    let number = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[number.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 0,
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    let least = analysis::Bounds::LEAST_MEMORY;
    bytes.filter(|bytes| *bytes >= least).ok_or_else(|| format!("not a size of at least {}M", least >> 20))
}

/// A zone's offset, with the abbreviation that it is of, if one is named: `IST=+05:30`.
pub fn zone(text: &str) -> Result<(String, i32), String> {
    let (name, offset) = text.split_once('=').unwrap_or(("", text));
    let offset = clock_offset(offset).ok().filter(|_| offset.starts_with(['+', '-']));
    let seconds =
        offset.map(|offset| offset.nanos() / 1_000_000_000).filter(|seconds| seconds.abs() <= 50_400);
    let seconds = seconds.and_then(|seconds| i32::try_from(seconds).ok());
    seconds
        .map(|seconds| (name.to_owned(), seconds))
        .ok_or_else(|| "not an offset from UTC; try IST=+05:30 or -08:00".to_owned())
}

/// How far a clock is ahead: hours and minutes, perhaps seconds, or seconds alone; a minus if the clock is behind.
pub fn clock_offset(text: &str) -> Result<Elapsed, String> {
    let wrong = || "not an offset; try +05:30, -00:01:30.5 or 1.8".to_owned();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let parts: Vec<f64> = digits
        .split(':')
        .map(|part| part.parse::<f64>().ok().filter(|part| part.is_finite() && part.is_sign_positive()))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let seconds = match parts.as_slice() {
        [seconds] => *seconds,
        [hours, minutes] => hours * 3600.0 + minutes * 60.0,
        [hours, minutes, seconds] => hours * 3600.0 + minutes * 60.0 + seconds,
        _ => return Err(wrong()),
    };
    // Two days: more than any two clocks that are right but for their zones.
    if seconds <= 172_800.0 { Ok(Elapsed::from_secs_f64(seconds).times(sign)) } else { Err(wrong()) }
}

/// A language that ssmscope has texts in.
pub fn language(text: &str) -> Result<Language, String> {
    let known = || Language::codes().collect::<Vec<_>>().join(", ");
    Language::of(text).ok_or_else(|| format!("no texts in that language; known languages: {}", known()))
}

/// What is shown: a code, a severity, or the word that a report begins with.
pub fn shown(text: &str) -> Result<Shown, String> {
    let word = text.to_lowercase().replace('_', "-");
    let severity = match word.as_str() {
        "ok" => Some(Severity::Ok),
        "warn" | "warning" => Some(Severity::Warning),
        "fail" | "critical" => Some(Severity::Critical),
        "unsure" | "unknown" => Some(Severity::Unknown),
        _ => None,
    };
    if let Some(severity) = severity {
        return Ok(Shown::Severity(severity));
    }
    let code = verdict::rule(&word).map(|rule| rule.code);
    code.map(Shown::Code).or_else(|| explain::cause(text).map(Shown::Cause)).ok_or_else(|| {
        let near = nearness::nearest(&word, RULES.iter().map(|rule| rule.code.name()), 1);
        format!("neither a code, a cause nor FAIL, WARN, OK or UNSURE; try {}", near.join(""))
    })
}

/// A TCP port.
pub fn port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(match text {
            "https" => "not a number; try 443".to_owned(),
            "http" => "not a number; try 80".to_owned(),
            _ => "not a port from 1 to 65535; try 8443".to_owned(),
        }),
    }
}

/// A code and the severity that replaces its own: `refused=warning`.
pub fn state(text: &str) -> Result<(&'static str, Severity), String> {
    const SEVERITIES: [Severity; 4] =
        [Severity::Ok, Severity::Warning, Severity::Critical, Severity::Unknown];
    let Some((code, severity)) = text.split_once('=') else {
        return Err("not CODE=SEVERITY; try refused=warning".to_owned());
    };
    let word = code.to_lowercase().replace('_', "-");
    let Some((code, own)) = severity_of(&word) else {
        let known = RULES.iter().map(|rule| rule.code.name()).chain(REASONS.iter().map(|reason| reason.code));
        let near = nearness::nearest(&word, known, 1);
        return Err(format!("no verdict or reason has this code; try {}", near.join("")));
    };
    let severity = SEVERITIES.into_iter().find(|known| known.name().eq_ignore_ascii_case(severity));
    match severity {
        None => Err("a severity is ok, warning, critical or unknown".to_owned()),
        // Nothing is known then, and a green light would say that all is well.
        Some(Severity::Ok) if own == Severity::Unknown => {
            Err(format!("{code} means that nothing is known; it can be warning or critical, not ok"))
        }
        Some(_) if code == EXPIRING => {
            Err("its severity is that of the threshold, -w or -c: change these".to_owned())
        }
        Some(severity) => Ok((code, severity)),
    }
}

/// The reason whose severity thresholds decide.
const EXPIRING: &str = "certificate-expiring";

/// Connections that are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Those with this code.
    Code(Code),
    /// Those with this cause.
    Cause(String),
    /// Those of this severity.
    Severity(Severity),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(code) => code.name(),
            Self::Cause(cause) => cause,
            Self::Severity(Severity::Ok) => "OK",
            Self::Severity(Severity::Warning) => "WARN",
            Self::Severity(Severity::Critical) => "FAIL",
            Self::Severity(Severity::Unknown) => "UNSURE",
        })
    }
}

impl Shown {
    /// Whether a connection with this verdict is one of them.
    pub fn admits(&self, verdict: &Verdict) -> bool {
        match self {
            Self::Code(code) => verdict.code == *code,
            Self::Cause(cause) => verdict.cause.as_deref() == Some(cause.as_str()),
            Self::Severity(severity) => verdict.severity == *severity,
        }
    }
}

/// A value of --from or --to.
#[derive(Clone, Debug)]
pub struct GivenTime {
    /// As it was given.
    pub text: String,
    /// What it means.
    pub end: WindowEnd,
}

/// A date with a time of day, or the latter alone. Without a zone it is in the local one.
pub fn given_time(text: &str) -> Result<GivenTime, String> {
    window_end(text).map(|end| GivenTime { text: text.to_owned(), end })
}

fn window_end(text: &str) -> Result<WindowEnd, String> {
    let nanos = |at: jiff::Timestamp| i64::try_from(at.as_nanosecond()).ok();
    if let Some(nanos) = text.parse::<jiff::Timestamp>().ok().and_then(nanos) {
        return Ok(WindowEnd::At(Timestamp::from_nanos(nanos)));
    }
    // A date begins with its year.
    if text.get(4..5) != Some("-") {
        if let Ok(time) = text.parse::<jiff::civil::Time>() {
            let since_midnight = time - jiff::civil::Time::midnight();
            let span = since_midnight.total(jiff::Unit::Second).unwrap_or(0.0);
            return Ok(WindowEnd::TimeOfDay(Elapsed::from_secs_f64(span)));
        }
    } else if let Ok(local) = text.parse::<jiff::civil::DateTime>()
        && let Some(nanos) = local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()).and_then(nanos)
    {
        return Ok(WindowEnd::Local(Timestamp::from_nanos(nanos)));
    }
    Err("not a time; try 2026-11-27T22:33:46Z, '2026-11-27 22:33', 22:33 or 22:33:46.2".to_owned())
}

/// nginx's log_format.
pub fn access_format(text: &str) -> Result<AccessFormat, String> {
    AccessFormat::new(text).map_err(|error| error.to_string())
}

/// A host's name or an address, as a certificate can contain it.
pub fn server_name(text: &str) -> Result<String, String> {
    cert::comparable(text).ok_or_else(|| "neither a host's name nor an address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_certificate_can_contain() {
        for text in ["ssm.example", "ssm", "192.0.2.1", "2001:db8::1", "ssm.example."] {
            assert_eq!(server_name(text), Ok(text.to_owned()));
        }
        assert_eq!(server_name("münchen.example").as_deref(), Ok("xn--mnchen-3ya.example"));
        for text in ["", "https://ssm.example", "ssm.example:8443", "a b", "a..lab", "ssm-.lab"] {
            assert!(server_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_is_a_name_an_address_or_a_url() {
        let place = |host: &str, port: Option<u16>, path: Option<&str>| {
            let path = path.map(str::to_owned);
            let names_port = port.is_some_and(|port| port != 443);
            Ok(HostPort { host: host.to_owned(), zone: None, port, names_port, path })
        };
        assert_eq!(host_port("ssm.example"), place("ssm.example", None, None));
        assert_eq!(host_port("HTTPS://ssm.example"), place("ssm.example", Some(443), None));
        assert_eq!(host_port("https://ssm.example/"), place("ssm.example", Some(443), Some("/")));
        assert_eq!(
            host_port("https://[2001:db8::1]:8443/a?b#c"),
            place("2001:db8::1", Some(8443), Some("/a?b"))
        );
        assert_eq!(host_port("https://ssm.example?b"), place("ssm.example", Some(443), Some("/?b")));
        for text in
            ["", "http://ssm.example", "ftp://ssm.example", "https://", "https://a b/", "ssm.example/x"]
        {
            assert!(host_port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_state_is_a_code_with_a_severity_that_is_no_green_light_by_ignorance() {
        assert_eq!(state("refused=warning"), Ok(("refused", Severity::Warning)));
        assert_eq!(state("Name_Unknown=UNKNOWN"), Ok(("name-unknown", Severity::Unknown)));
        assert_eq!(state("in-progress=critical"), Ok(("in-progress", Severity::Critical)));
        for (text, why) in [
            ("refused", "not CODE=SEVERITY"),
            ("refusd=warning", "try refused"),
            ("refused=bad", "ok, warning, critical or unknown"),
            ("in-progress=ok", "nothing is known"),
            ("nothing-done=ok", "nothing is known"),
            ("certificate-expiring=ok", "-w or -c"),
        ] {
            assert!(state(text).unwrap_err().contains(why), "{text}: {:?}", state(text));
        }
    }

    #[test]
    fn a_known_address_is_that_of_a_name() {
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(known_address("ssm.example=192.0.2.1"), Ok(("ssm.example".to_owned(), address)));
        for text in ["ssm.example", "=192.0.2.1", "ssm.example=other", "ssm.example:443=192.0.2.1"] {
            assert!(known_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_local_address_has_its_interface() {
        let zone = |text: &str| host_port(text).map(|place| (place.host, place.zone, place.port));
        let expected = |port| Ok(("fe80::1".to_owned(), Some("eth0".to_owned()), port));
        assert_eq!(zone("fe80::1%eth0"), expected(None));
        assert_eq!(zone("https://[fe80::1%25eth0]:8443/x"), expected(Some(8443)));
        assert!(zone("fe80::1").is_err() && zone("2001:db8::1%eth0").is_err() && zone("ssm%eth0").is_err());
    }

    #[test]
    fn times_have_a_date_or_none() {
        let nanos = |text: &str| match window_end(text) {
            Ok(WindowEnd::At(at)) => at.nanos(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(nanos("2026-11-27T22:33:46Z"), 1_795_818_826_000_000_000);
        assert_eq!(nanos("2026-11-27T23:33:46.5+01:00"), 1_795_818_826_500_000_000);
        let of_day = |seconds| Ok(WindowEnd::TimeOfDay(Elapsed::from_secs_f64(seconds)));
        assert_eq!(window_end("22:33"), of_day(81_180.0));
        assert_eq!(window_end("22:33:46.5"), of_day(81_226.5));
        let local = Timestamp::from_nanos(1_795_818_780_000_000_000);
        assert_eq!(window_end("2026-11-27 22:33"), Ok(WindowEnd::Local(local)));
        for text in ["", "now", "25:00", "2026-13-01T00:00:00Z"] {
            assert!(window_end(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_a_code_or_a_severity() {
        assert_eq!(shown("TLS_Alert"), Ok(Shown::Code(Code::TlsAlert)));
        assert_eq!(shown("fail"), Ok(Shown::Severity(Severity::Critical)));
        for cause in ["invalid_client", "unknown_ca", "http-429", "407", "socks-5", "alert 77"] {
            assert_eq!(shown(cause), Ok(Shown::Cause(cause.to_owned())), "{cause}");
        }
        assert!(shown("tls-alrt").unwrap_err().contains("try tls-alert"));
    }

    #[test]
    fn sizes_have_a_unit_and_leave_room_to_work_in() {
        for (text, mebibytes) in [("64M", 64), ("1G", 1024), ("131072K", 128), ("134217728", 128)] {
            assert_eq!(memory(text), Ok(mebibytes << 20), "{text}");
        }
        for text in ["", "M", "63M", "-1G", "1GM", "1T", "99999999999999999999", "1.5G"] {
            assert!(memory(text).is_err(), "{text}");
        }
        assert!(connections("8").is_ok() && connections("7").is_err());
    }

    #[test]
    fn clocks_offsets_and_zones_have_a_sign_and_hours_or_seconds() {
        for (text, millis) in
            [("+05:30", 19_800_000), ("-90", -90_000), ("1.8", 1_800), ("-00:01:30.5", -90_500)]
        {
            assert_eq!(clock_offset(text), Ok(Elapsed::from_millis(millis)), "{text}");
        }
        assert_eq!(zone("IST=+05:30"), Ok(("IST".to_owned(), 19_800)));
        assert_eq!(zone("-08:00"), Ok((String::new(), -28_800)));
        for text in ["", "IST", "IST=05:30", "+15:00", "+1:2:3:4", "IST=+x"] {
            assert!(zone(text).is_err(), "{text}");
        }
        for text in ["", "-", "--1", "NaN", "99:00", "1:-2"] {
            assert!(clock_offset(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_seconds_or_milliseconds() {
        for (text, millis) in [("2", 2_000), ("2.5", 2_500), ("500ms", 500), ("3s", 3_000), (".5", 500)] {
            assert_eq!(span(text), Ok(Elapsed::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "-1", "NaN", "inf", "2m", "ms", "1e300"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
