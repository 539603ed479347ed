//! `ssmscope check`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ssmscope::cert::Pin;
use ssmscope::probe::{BodyPattern, PageField, PageMethod, StartTls, token};
use ssmscope::report::text::escape::escaped;
use ssmscope::time::Elapsed;
use ssmscope::verdict::Severity;

use super::groups::{Logs, Monitoring, Page, Redacting, Rendering, Timing};
use super::values::{
    HostPort, body_pattern, host_port, known_address, page_field, page_method, path, pin, port, server_name,
    span, starttls, state, statuses,
};

/// `ssmscope check`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Args)]
#[command(
    about = "Check a server: connect, shake hands, ask for a token or a page, and say what happened",
    long_about = "Makes one attempt like a real client and reports each step: finding the \
        address, TCP, a proxy's tunnel, TLS and the certificate, then, if asked for, an OAuth token of SSM On-Prem and a page.\n\n\
        What came back is judged as a capture of it would be, with the same verdicts and advice, as far as a socket shows it: \
        TTLs and lost packets it does not.\n\n\
        Secrets come from files or from the environment: SSMSCOPE_CLIENT_SECRET, SSMSCOPE_PASSWORD, \
        SSMSCOPE_BASIC_PASSWORD, SSMSCOPE_PROXY_PASSWORD. They are never printed.",
    after_help = CHECK_EXAMPLES
)]
pub struct Check {
    /// The server: ssm.example.net, 192.0.2.1:443, [2001:db8::1]:8443, or an https URL. The port is 8443 by default, a URL's 443.
    ///
    /// The path of a URL is asked for, as --http does.
    #[arg(value_name = "HOST[:PORT]|URL", value_parser = host_port, required_unless_present_any = ["hostname", "targets"])]
    pub host: Option<HostPort>,

    /// The server, as monitoring plugins get it.
    #[arg(short = 'H', long, value_name = "HOST[:PORT]", value_parser = host_port, conflicts_with = "host",
        help_heading = "Connection")]
    pub hostname: Option<HostPort>,

    /// Check each server of this file: HOST[:PORT] or an https URL on each line, # for comments; - is standard input.
    ///
    /// Each has --timeout for itself, and -j of them are checked at a time. What sends secrets to a server (--oauth,
    /// --basic-user, --bearer-file), captures, reads logs, or writes a page is for one server. -p and --http are for lines without a port
    /// or a path.
    #[arg(long, value_name = "FILE", help_heading = "Connection", conflicts_with_all = ["host", "hostname", "address", "oauth",
        "basic_user", "bearer_file", "capture", "html", "log"])]
    pub targets: Option<PathBuf>,

    /// With --targets: how many servers are checked at a time.
    #[arg(short = 'j', long, value_name = "N", requires = "targets", default_value = "16", help_heading = "Connection",
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,

    /// Its port.
    #[arg(short, long, value_name = "PORT", value_parser = port, help_heading = "Connection")]
    pub port: Option<u16>,

    /// Connect to this address, whatever the host's name resolves to; the name is still that of SNI and certificate.
    #[arg(short = 'I', long, value_name = "IP", conflicts_with = "proxy", help_heading = "Connection")]
    pub address: Option<IpAddr>,

    /// Take this address for the name, of the host or of the proxy, and ask no resolver for it. Repeatable: several are tried in turn.
    #[arg(long, value_name = "NAME=IP", value_parser = known_address, help_heading = "Connection")]
    pub resolve: Vec<(String, IpAddr)>,

    /// Only IPv4.
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = "Connection")]
    pub ipv4: bool,

    /// Only IPv6.
    #[arg(short = '6', long, help_heading = "Connection")]
    pub ipv6: bool,

    /// Try every address, not only until one can be connected to.
    #[arg(long, help_heading = "Connection")]
    pub all_addresses: bool,

    /// How long all of it may take, in seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = span, default_value = "10", help_heading = "Connection")]
    pub timeout: Elapsed,

    /// Wait until --timeout for a server that is silent before TLS is established, not only for --stall-after.
    #[arg(long, help_heading = "Connection")]
    pub patient: bool,

    /// Ask this proxy for a tunnel: http://[user@]host:port, https://, socks5:// or socks5h://. By default HTTPS_PROXY's, unless NO_PROXY
    /// excepts the host.
    ///
    /// http:// uses CONNECT. https:// uses CONNECT inside TLS with the proxy: its certificate must be valid for the proxy's name and
    /// issued by an authority of --ca-file or the system, whatever --insecure and --accept allow for the server; the password is sent
    /// only then. Captured packets show only that TLS, so the check then judges by its socket; --save still saves them. socks5:// is asked for the host's first address, which is looked up here; socks5h:// for its name,
    /// which the proxy looks up. ALL_PROXY counts too where HTTPS_PROXY is not set. The port is 1080 by default, and 443 with https://.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy", help_heading = "Connection")]
    pub proxy: Option<String>,

    /// Read the proxy user's password from this file; else from SSMSCOPE_PROXY_PASSWORD.
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub proxy_password_file: Option<PathBuf>,

    /// Use no proxy, whatever HTTPS_PROXY and ALL_PROXY say.
    #[arg(long, help_heading = "Connection")]
    pub no_proxy: bool,

    /// Ask the server for TLS in the words of this protocol; its port is the default then.
    #[arg(long, value_name = "PROTOCOL", value_parser = starttls, conflicts_with_all = ["http", "oauth"], help_heading = "TLS")]
    pub starttls: Option<StartTls>,

    /// The lowest TLS version that is offered.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.2", help_heading = "TLS")]
    pub tls_min: TlsVersion,

    /// The highest TLS version that is offered.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.3", help_heading = "TLS")]
    pub tls_max: TlsVersion,

    /// The server's name in the ClientHello; by default the host, unless it is an address.
    #[arg(long, value_name = "NAME", value_parser = server_name, conflicts_with = "no_sni", help_heading = "TLS")]
    pub sni: Option<String>,

    /// Name no server in the ClientHello.
    #[arg(long, help_heading = "TLS")]
    pub no_sni: bool,

    /// Offer this application protocol. Repeatable; http/1.1 by default, and none with an empty one.
    #[arg(long, value_name = "PROTOCOL", help_heading = "TLS")]
    pub alpn: Vec<String>,

    /// Show this certificate, with its chain, if the server asks for one.
    #[arg(long, value_name = "PEM", requires = "key", help_heading = "TLS")]
    pub cert: Option<PathBuf>,

    /// The certificate's key.
    #[arg(long, value_name = "PEM", requires = "cert", help_heading = "TLS")]
    pub key: Option<PathBuf>,

    /// Trust the authorities of this PEM file instead of the system's. A server's own certificate in it is trusted as itself only.
    #[arg(long, value_name = "PEM", help_heading = "TLS")]
    pub ca_file: Option<PathBuf>,

    /// Expected name in the certificate (default: the host).
    #[arg(long, value_name = "NAME", value_parser = server_name, help_heading = "TLS")]
    pub name: Option<String>,

    /// The server's public key must be this one: sha256//BASE64, as curl's --pinnedpubkey. Repeatable; with ; several.
    ///
    /// It is compared in the handshake, before anything is asked and any secret is sent, with all other tests, and with --insecure
    /// and --accept too. `check -v` prints a server's; JSON has it as `pin`.
    #[arg(long, value_name = "PIN", value_parser = pin, value_delimiter = ';', help_heading = "TLS")]
    pub pin: Vec<Pin>,

    /// Refuse a certificate that a CRL in this file revokes, or for whose issuer the file has no valid CRL. PEM with one or more CRLs,
    /// or one in DER.
    ///
    /// Each CRL must be signed by the certificate's issuer; nothing is fetched. The server's own certificate needs one; for intermediates
    /// it is optional.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub crl_file: Option<PathBuf>,

    /// Refuse a certificate without a valid stapled OCSP response that reports it as not revoked.
    ///
    /// A stapled response that reports it as revoked is critical without this option too; -v and JSON show what was stapled. The
    /// responder is not contacted.
    #[arg(long, help_heading = "TLS")]
    pub require_staple: bool,

    /// Refuse a server certificate with an RSA key shorter than this, for example 3072. Keys below 2048 bits are always refused.
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u16).range(2048..=16384), help_heading = "TLS")]
    pub min_rsa_bits: Option<u16>,

    /// Accept a certificate whose issuer is unknown, and report it. An expired one, another name and a weak key remain faults.
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,

    /// Accept a certificate with this fault, and report it. Repeatable; with commas, several.
    #[arg(long, value_name = "FAULT", value_enum, value_delimiter = ',', help_heading = "TLS")]
    pub accept: Vec<CertificateFault>,

    /// With --oauth, --basic-user or --bearer-file, and --insecure or --accept: send the secrets to an unverified server. Whoever
    /// answers can keep them. With --pin it is not needed: the key verifies the server.
    #[arg(long, help_heading = "TLS")]
    pub send_secrets_unverified: bool,

    /// Connect once more, to see whether the session is resumed.
    #[arg(long, help_heading = "TLS")]
    pub resume: bool,

    /// Ask for an access token by this kind of grant.
    #[arg(long, value_name = "GRANT", value_enum, requires = "client_id", help_heading = "Token")]
    pub oauth: Option<Grant>,

    /// Encoding of the token request.
    #[arg(long, value_name = "FORM", value_enum, default_value = "json", help_heading = "Token")]
    pub oauth_body: OauthBody,

    /// Where the token is asked for: what SSM On-Prem shows to the outside. Behind its front end it is /oauth/token.
    #[arg(long, value_name = "PATH", value_parser = path, default_value = token::TOKEN_PATH, help_heading = "Token")]
    pub token_path: String,

    /// The client's id, as API Tool Kit shows it.
    #[arg(long, value_name = "ID", help_heading = "Token")]
    pub client_id: Option<String>,

    /// Read the client's secret from this file; else from SSMSCOPE_CLIENT_SECRET.
    #[arg(long, value_name = "FILE", help_heading = "Token")]
    pub client_secret_file: Option<PathBuf>,

    /// The user of a password grant.
    #[arg(long, value_name = "NAME", help_heading = "Token")]
    pub username: Option<String>,

    /// Read the user's password from this file; else from SSMSCOPE_PASSWORD.
    #[arg(long, value_name = "FILE", help_heading = "Token")]
    pub password_file: Option<PathBuf>,

    /// Ask for this page; with the token, if one was asked for.
    #[arg(long, value_name = "PATH", value_parser = path, help_heading = "Page")]
    pub http: Option<String>,

    /// Statuses that are expected of it: 200, 200-299. Repeatable; by default 200 to 399.
    #[arg(long, value_name = "STATUS", value_parser = statuses, help_heading = "Page")]
    pub expect_status: Vec<(u16, u16)>,

    /// A regular expression that its body must match somewhere; a plain word is one.
    ///
    /// The syntax is RE2's, as in Prometheus and Go. (?i) before it ignores case, (?s) has . match line ends too, (?m) has ^ and $ match
    /// at each line. What is to be taken literally of . + * ? ( ) [ ] { } | ^ $ \ has a \ before it. The first 256 KiB are searched.
    #[arg(long, value_name = "REGEX", value_parser = body_pattern, help_heading = "Page")]
    pub expect_body: Option<BodyPattern>,

    /// Request the page by this method: GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE. POST, PUT and PATCH send an empty body.
    #[arg(long, value_name = "METHOD", value_parser = page_method, default_value = "GET", help_heading = "Page")]
    pub method: PageMethod,

    /// Send this header field with the request for the page: 'X-Probe: yes'. Repeatable. User-Agent and Accept replace the check's own.
    /// Secrets have options of their own.
    #[arg(long, value_name = "NAME: VALUE", value_parser = page_field, help_heading = "Page")]
    pub header: Vec<PageField>,

    /// Ask for the page as this user, by basic authentication.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["oauth", "bearer_file"], help_heading = "Page")]
    pub basic_user: Option<String>,

    /// Read that user's password from this file; else from SSMSCOPE_BASIC_PASSWORD.
    #[arg(long, value_name = "FILE", requires = "basic_user", help_heading = "Page")]
    pub basic_password_file: Option<PathBuf>,

    /// Ask for the page with the bearer token in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "oauth", help_heading = "Page")]
    pub bearer_file: Option<PathBuf>,

    /// Follow redirects of the page within the same host and port. One that leads elsewhere is reported, and is a failure.
    #[arg(long, help_heading = "Page")]
    pub follow: bool,

    /// How it is printed.
    #[command(flatten)]
    pub rendering: Rendering,

    /// Whether it can be passed on.
    #[command(flatten)]
    pub redacting: Redacting,

    /// The page besides it.
    #[command(flatten)]
    pub page: Page,

    /// The server's logs.
    #[command(flatten)]
    pub logs: Logs,

    /// Capture the check's packets too, and judge by them: they show TTLs, who sent an ICMP error, and what was lost.
    ///
    /// That needs CAP_NET_RAW; root becomes an unprivileged user once the device is open.
    #[arg(long, help_heading = "Capture")]
    pub capture: bool,

    /// Capture on this interface; by default the one that leads to the server.
    #[arg(short, long, value_name = "INTERFACE", requires = "capture", help_heading = "Capture")]
    pub interface: Option<String>,

    /// Save the captured packets to this file, as pcapng.
    #[arg(long, value_name = "FILE", requires = "capture", help_heading = "Capture")]
    pub save: Option<PathBuf>,

    /// As root: the user to become before anything is sent and any file is written; `root` stays root.
    #[arg(short = 'Z', long, value_name = "USER", requires = "capture", help_heading = "Capture")]
    pub user: Option<String>,

    /// What monitoring gets.
    #[command(flatten)]
    pub monitoring: Monitoring,

    /// Warn, as slow, if the whole check took longer: 2, 2.5, 500ms.
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Monitoring")]
    pub warn_time: Option<Elapsed>,

    /// Critical, as slow, if the whole check took longer. An answer is waited for until --timeout.
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Monitoring")]
    pub crit_time: Option<Elapsed>,

    /// Give a code another severity: refused=warning, slow=critical. Repeatable; with commas, several.
    ///
    /// CODE is a verdict's or a reason's, SEVERITY ok, warning, critical or unknown. It changes the severity and the exit status in
    /// every output; the code stays. What means that nothing is known (in-progress, nothing-done, ...) can't be ok, and
    /// certificate-expiring has the severity of its threshold.
    #[arg(long, value_name = "CODE=SEVERITY", value_parser = state, value_delimiter = ',', help_heading = "Monitoring")]
    pub state: Vec<(&'static str, Severity)>,

    /// When something takes too long.
    #[command(flatten)]
    pub timing: Timing,
}

/// A server that is to be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Server<'o> {
    /// Its name or address.
    pub host: &'o str,
    /// Its port.
    pub port: u16,
    /// The interface to which its address belongs.
    pub zone: Option<&'o str>,
    /// The page that is asked for.
    pub page: Option<&'o str>,
}

impl Check {
    /// Whether it sends the server what nobody else may get.
    pub const fn sends_secrets(&self) -> bool {
        self.oauth.is_some() || self.basic_user.is_some() || self.bearer_file.is_some()
    }

    /// The server that is named on the command line, where one is: the options decide about its port and the page.
    pub fn server(&self) -> Option<Server<'_>> {
        let place = self.host.as_ref().or(self.hostname.as_ref())?;
        let port = self.port.or(place.port).unwrap_or_else(|| self.default_port());
        let page = self.http.as_deref().or(place.path.as_deref());
        Some(Server { host: &place.host, port, zone: place.zone.as_deref(), page })
    }

    /// What the options say of the server that is named on the command line, where that names it otherwise.
    pub fn contradiction(&self) -> Option<String> {
        let place = self.host.as_ref().or(self.hostname.as_ref())?;
        let port = place.port.filter(|_| place.names_port).zip(self.port);
        let page = place.path.as_deref().zip(self.http.as_deref());
        match (port, page) {
            (Some((named, port)), _) if named != port => {
                Some(format!("the server is named with port {named}, and -p says {port}: give one of them"))
            }
            (_, Some((named, page))) if named != page => Some(format!(
                "the URL's path is {}, and --http says {}: give one of them",
                escaped(named),
                escaped(page)
            )),
            _ => None,
        }
    }

    /// One of many servers: the options decide where it is named without a port or a page.
    pub fn one_of_many<'o>(&'o self, place: &'o HostPort) -> Server<'o> {
        let port = place.port.unwrap_or_else(|| self.one_of_many_port());
        let page = place.path.as_deref().or(self.http.as_deref());
        Server { host: &place.host, port, zone: place.zone.as_deref(), page }
    }

    /// The port of one of many servers that is named without one.
    pub fn one_of_many_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.default_port())
    }

    fn default_port(&self) -> u16 {
        const PORT: u16 = 8443;
        self.starttls.map_or(PORT, StartTls::port)
    }
}

/// A TLS version that can be spoken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[value(name = "1.3")]
    V1_3,
}

/// A certificate's fault that can be accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum CertificateFault {
    /// It signed itself.
    SelfSigned,
    /// Its validity is over.
    Expired,
    /// It is for another name.
    Name,
}

/// A kind of grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Grant {
    /// A user's name and password, with a Resource Owner Grant's client, as vManage does it.
    Password,
    /// A Client Credentials Grant's client alone.
    ClientCredentials,
}

/// How a request for a token is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OauthBody {
    /// JSON.
    Json,
    /// A form, as RFC 6749 has it.
    Form,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  ssmscope check ssm.example.net
  ssmscope check https://ssm.example.net/backend/health
  ssmscope check --ca-file ssm-ca.pem --http / --expect-status 200-399 ssm.example.net:8443
  ssmscope check --targets servers.txt -w 30
  ssmscope check -o nagios -H ssm.example.net -w 30 -c 7 --textfile ssm.prom
  ssmscope check --oauth password --client-id ID --client-secret-file id.secret \\
      --username admin --password-file admin.secret ssm.example.net";
