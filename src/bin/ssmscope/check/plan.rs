//! What the options of a check name: files, secrets and trust anchors, read once, and the plan for each server that they are for.

use std::env;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use ssmscope::analysis::{Redaction, Settings};
use ssmscope::cert::Anchors;
use ssmscope::cert::revocation::RevocationLists;
use ssmscope::probe::{
    self, Accepted, AcceptedIssuer, Alerts, Credentials, Demands, Family, Identity, Page, PageRequest, Plan,
    Proxy, Secret, States, TlsPlan, token,
};
use ssmscope::report::text::escape::escaped;
use ssmscope::verdict;

use crate::args::{CertificateFault, Check, Grant, OauthBody, Server, TlsVersion};
use crate::system::{files, trust};

/// Longest secret that a file may hold, in bytes: far more than any token or password, so that a wrong file is noticed.
const SECRET_BYTES: usize = 4096;

/// The application protocol that is offered by default: the one that is spoken.
const HTTP: &str = "http/1.1";

/// What the options name, for any number of servers.
pub struct Materials<'o> {
    options: &'o Check,
    /// Whether the environment's secrets and proxies count too.
    uses_environment: bool,
    anchors: Arc<Anchors>,
    identity: Option<Arc<Identity>>,
    demands: Demands,
    request: PageRequest,
    token: Option<token::Request>,
    proxy_password: Option<Secret>,
    states: States,
    /// Stand-ins for what names somebody, where that is asked for.
    redaction: Option<Redaction>,
}

impl<'o> Materials<'o> {
    /// Reads the files that the options name, and secrets from the environment.
    ///
    /// # Errors
    /// When one can't be read, and when options contradict each other.
    pub fn read(options: &'o Check) -> anyhow::Result<Self> {
        Self::of(options, true)
    }

    /// Reads the files that the options name, and nothing of the environment: what a configuration says is all that counts.
    ///
    /// # Errors
    /// When one can't be read, and when options contradict each other.
    pub fn of_files(options: &'o Check) -> anyhow::Result<Self> {
        Self::of(options, false)
    }

    fn of(options: &'o Check, uses_environment: bool) -> anyhow::Result<Self> {
        let states = States::of(options.state.iter().copied()).context("--state")?;
        ensure!(
            states.severity("slow").is_none() || options.warn_time.is_none() && options.crit_time.is_none(),
            "--state slow and --warn-time or --crit-time decide about the same: with --slow-after 9999, only the latter do"
        );
        ensure!(
            !options.send_secrets_unverified || options.sends_secrets(),
            "--send-secrets-unverified needs --oauth, --basic-user or --bearer-file"
        );
        ensure!(options.tls_min <= options.tls_max, "--tls-min is higher than --tls-max");
        Ok(Self {
            options,
            uses_environment,
            token: token(options, uses_environment)?,
            anchors: Arc::new(trust::own_anchors(options.ca_file.as_deref())?),
            identity: identity(options)?.map(Arc::new),
            demands: demands(options)?,
            request: request(options, uses_environment)?,
            proxy_password: secret(
                options.proxy_password_file.as_deref(),
                "SSMSCOPE_PROXY_PASSWORD",
                uses_environment,
            )?,
            states,
            redaction: None,
        })
    }

    /// The same, whose outcomes are redacted where there are stand-ins.
    pub fn redacting(self, redaction: Option<Redaction>) -> Self {
        Self { redaction, ..self }
    }

    /// The plan for a server.
    ///
    /// # Errors
    /// When the options don't fit this server.
    pub fn plan(&self, server: Server<'_>) -> anyhow::Result<Plan> {
        let options = self.options;
        let Server { host, port, .. } = server;
        let family = match (options.ipv4, options.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
        let literal = options.address.or_else(|| host.parse().ok());
        if let Some(address) = literal {
            ensure!(
                family.is_none_or(|family| (family == Family::V4) == address.is_ipv4()),
                "{address} is not of the family of -4 or -6"
            );
        }
        let scope = server.zone.map(|zone| {
            probe::scope(zone).with_context(|| {
                format!("{}: there is no such interface; `ip link` lists them", escaped(zone))
            })
        });
        let judging = verdict::JudgementSettings {
            slow_after: options.timing.slow_after,
            slow_response: options.timing.slow_response,
            stall_after: options.timing.stall_after,
        };
        let page = server.page;
        ensure!(
            page.is_some() || options.expect_status.is_empty() && options.expect_body.is_none(),
            "--expect-status and --expect-body need a page: --http PATH, or a URL with a path"
        );
        ensure!(options.starttls.is_none() || page.is_none(), "--starttls asks for no page");
        let page = page.map(|path| Page {
            path: path.to_owned(),
            statuses: options.expect_status.clone(),
            pattern: options.expect_body.clone(),
            request: self.request.clone(),
        });
        ensure!(
            page.is_some() || self.request == PageRequest::default(),
            "--method, --header, --basic-user, --bearer-file and --follow need a page: --http PATH, or a URL with a path"
        );
        Ok(Plan {
            host: host.to_owned(),
            port,
            address: options.address,
            known: options.resolve.clone(),
            scope: scope.transpose()?,
            zone: server.zone.map(str::to_owned),
            family,
            tries_all_addresses: options.all_addresses,
            is_patient: options.patient,
            timeout: options.timeout,
            proxy: self.proxy(host)?,
            starttls: options.starttls,
            tls: self.tls(host),
            token: self.token.clone(),
            page,
            alerts: Alerts {
                expiry_warning: options.monitoring.warning,
                expiry_critical: options.monitoring.critical,
                time_warning: options.warn_time,
                time_critical: options.crit_time,
            },
            states: self.states.clone(),
            settings: Settings { judging, redaction: self.redaction.clone(), ..Settings::default() },
        })
    }

    /// The proxy that was named, or the environment's (as curl reads it).
    fn proxy(&self, host: &str) -> anyhow::Result<Option<Proxy>> {
        let options = self.options;
        let mut proxy = match &options.proxy {
            Some(url) => Proxy::parse(url, "--proxy", false).context("--proxy")?,
            None if options.no_proxy || !self.uses_environment => return Ok(None),
            None => {
                let variable = |names: &[&'static str]| {
                    names.iter().find_map(|name| {
                        Some((*name, env::var(name).ok().filter(|value| !value.is_empty())?))
                    })
                };
                let exceptions =
                    variable(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
                let Some((name, url)) = variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
                else {
                    return Ok(None);
                };
                if probe::is_excepted(host, &exceptions) {
                    return Ok(None);
                }
                Proxy::parse(&url, name, true).context(name)?
            }
        };
        if let Some(user) = &proxy.user {
            proxy.password = self.proxy_password.clone().or(proxy.password);
            ensure!(
                proxy.password.is_some(),
                "the proxy's user {user} has no password: --proxy-password-file or SSMSCOPE_PROXY_PASSWORD takes it"
            );
        }
        proxy.carries(host).with_context(|| proxy.named_by.clone())?;
        Ok(Some(proxy))
    }

    fn tls(&self, host: &str) -> TlsPlan {
        let options = self.options;
        let versions =
            [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
        let is_offered = |version: TlsVersion| (options.tls_min..=options.tls_max).contains(&version);
        let protocols = match options.alpn.as_slice() {
            [] if options.starttls.is_some() => Vec::new(),
            [] => vec![HTTP.to_owned()],
            protocols => protocols.iter().filter(|protocol| !protocol.is_empty()).cloned().collect(),
        };
        let is_name = host.parse::<IpAddr>().is_err();
        let own_name = (is_name && !options.no_sni).then(|| host.to_owned());
        TlsPlan {
            versions: versions
                .into_iter()
                .filter(|(version, _)| is_offered(*version))
                .map(|(_, is)| is)
                .collect(),
            server_name: options.sni.clone().or(own_name),
            wanted: options.name.clone().unwrap_or_else(|| host.to_owned()),
            protocols,
            anchors: self.anchors.clone(),
            accepted: accepted(options),
            pins: options.pin.clone(),
            demands: self.demands.clone(),
            identity: self.identity.clone(),
            resumes: options.resume,
        }
    }
}

/// Whether each name of --resolve is looked up by one of these plans: an address that is given for another name would not be checked.
///
/// # Errors
/// Which name is not.
pub fn all_known_are_used<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> anyhow::Result<()> {
    let mut unused: Option<Vec<&str>> = None;
    let mut redaction = None;
    for plan in plans {
        redaction = plan.settings.redaction.as_ref();
        let of_it: Vec<_> = plan.unused_known().collect();
        unused = Some(match unused {
            Some(before) => before.into_iter().filter(|name| of_it.contains(name)).collect(),
            None => of_it,
        });
    }
    match unused.unwrap_or_default().first() {
        Some(name) => {
            let name = redaction.map_or_else(|| escaped(name), |redaction| redaction.host(name));
            bail!(
                "--resolve gives an address for {name}, and nothing here looks that name up: it is neither the server's nor the \
                 proxy's, or -I or the proxy decides about the address"
            )
        }
        None => Ok(()),
    }
}

/// What is accepted of a certificate that clients refuse.
fn accepted(options: &Check) -> Accepted {
    let has = |fault| options.accept.contains(&fault);
    let issuer = if options.insecure {
        AcceptedIssuer::Anybody
    } else if has(CertificateFault::SelfSigned) {
        AcceptedIssuer::Itself
    } else {
        AcceptedIssuer::Trusted
    };
    Accepted { issuer, is_expired: has(CertificateFault::Expired), is_misnamed: has(CertificateFault::Name) }
}

/// How a page is asked for.
fn request(options: &Check, uses_environment: bool) -> anyhow::Result<PageRequest> {
    let credentials = match (&options.basic_user, &options.bearer_file) {
        (Some(user), _) => {
            ensure!(!user.contains(':'), "--basic-user: a name can't contain a colon (RFC 7617, 2)");
            let password =
                secret(options.basic_password_file.as_deref(), "SSMSCOPE_BASIC_PASSWORD", uses_environment)?;
            let Some(password) = password else {
                bail!("{user} has no password: --basic-password-file or SSMSCOPE_BASIC_PASSWORD takes it");
            };
            Some(Credentials::Basic(user.clone(), password))
        }
        (None, Some(file)) => {
            let token = secret_in(file)?;
            let is_sendable = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
            ensure!(is_sendable, "{}: holds what no token contains (RFC 6750, 2.1)", file.display());
            Some(Credentials::Bearer(token))
        }
        (None, None) => None,
    };
    ensure!(
        credentials.is_none() || is_verified(options),
        "--insecure or --accept with --basic-user or --bearer-file would send the secret to any server that answers: verify it with \
         --ca-file, --name or --pin, or add --send-secrets-unverified"
    );
    ensure!(
        options.expect_body.is_none() || options.method.brings_body(),
        "--expect-body wants a body, and an answer to HEAD has none (RFC 9110, 9.3.2)"
    );
    let method = options.method.clone();
    Ok(PageRequest { method, fields: options.header.clone(), credentials, follows: options.follow })
}

/// Whether secrets go to a server that was verified, or to one that the user sends them to nevertheless.
fn is_verified(options: &Check) -> bool {
    !accepted(options).is_any() || !options.pin.is_empty() || options.send_secrets_unverified
}

/// What is demanded of the server's certificate beyond what clients do.
fn demands(options: &Check) -> anyhow::Result<Demands> {
    let lists = options.crl_file.as_ref().map(|file| {
        let named = file.display();
        let bytes = files::read_bounded(file, files::CERTIFICATE_BYTES);
        let bytes = bytes.with_context(|| format!("can't read revocation lists from {named}"))?;
        RevocationLists::read(&bytes)
            .with_context(|| format!("{named} holds no revocation list in PEM or DER"))
    });
    Ok(Demands {
        lists: lists.transpose()?.map(Arc::new),
        wants_staple: options.require_staple,
        least_rsa_bits: options.min_rsa_bits.map(usize::from),
    })
}

/// The client's certificate and key.
fn identity(options: &Check) -> anyhow::Result<Option<Identity>> {
    let (Some(certificate), Some(key)) = (&options.cert, &options.key) else { return Ok(None) };
    let chain = trust::certificates(certificate)?;
    ensure!(!chain.is_empty(), "{} holds no certificate in PEM", certificate.display());
    let named = key.display();
    let why = || format!("can't read a private key from {named}");
    let pem = files::read_bounded(key, files::CERTIFICATE_BYTES).with_context(why)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).with_context(why)?;
    let identity = Identity::from_der(chain, key, &rustls::crypto::ring::default_provider());
    let identity =
        identity.with_context(|| format!("{named} is not the key of {}", certificate.display()))?;
    Ok(Some(identity))
}

fn token(options: &Check, uses_environment: bool) -> anyhow::Result<Option<token::Request>> {
    let Some(grant) = options.oauth else { return Ok(None) };
    ensure!(
        is_verified(options),
        "--insecure or --accept with --oauth would send the secrets to any server that answers: verify it with --ca-file, \
         --name or --pin, or add --send-secrets-unverified"
    );
    let client_id = options.client_id.clone().unwrap_or_default();
    let Some(client_secret) =
        secret(options.client_secret_file.as_deref(), "SSMSCOPE_CLIENT_SECRET", uses_environment)?
    else {
        bail!("the client has no secret: --client-secret-file or SSMSCOPE_CLIENT_SECRET takes it");
    };
    let (username, password) = match grant {
        Grant::ClientCredentials => (None, None),
        Grant::Password => {
            let Some(username) = options.username.clone() else { bail!("--oauth password needs --username") };
            let Some(password) =
                secret(options.password_file.as_deref(), "SSMSCOPE_PASSWORD", uses_environment)?
            else {
                bail!("the user has no password: --password-file or SSMSCOPE_PASSWORD takes it");
            };
            (Some(username), Some(password))
        }
    };
    Ok(Some(token::Request {
        grant: match grant {
            Grant::Password => token::Grant::Password,
            Grant::ClientCredentials => token::Grant::ClientCredentials,
        },
        body: match options.oauth_body {
            OauthBody::Json => token::Body::Json,
            OauthBody::Form => token::Body::Form,
        },
        path: options.token_path.clone(),
        client_id,
        client_secret,
        username,
        password,
    }))
}

/// A secret from a file, without the line's end, or from the environment where that counts.
fn secret(file: Option<&Path>, variable: &str, uses_environment: bool) -> anyhow::Result<Option<Secret>> {
    let Some(file) = file else {
        let value = env::var(variable).ok().filter(|value| uses_environment && !value.is_empty());
        return Ok(value.map(Secret::new));
    };
    secret_in(file).map(Some)
}

/// The secret that a file holds, in one line.
fn secret_in(file: &Path) -> anyhow::Result<Secret> {
    let named = file.display();
    // What the file holds is not in the error: it may be the secret, or another.
    let bytes = files::read_bounded(file, SECRET_BYTES as u64 + 2).with_context(|| named.to_string())?;
    let Some(secret) = std::str::from_utf8(&bytes).ok().map(|text| Secret::new(text.to_owned())) else {
        bail!("{named}: is no text in UTF-8")
    };
    let line = secret.expose().trim_end_matches(['\n', '\r']);
    ensure!(!line.is_empty(), "{named}: is empty");
    ensure!(
        line.len() <= SECRET_BYTES && !line.contains('\n'),
        "{named}: is more than one line, or too long"
    );
    Ok(Secret::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::args::{self, Cli, Command};

    #[test]
    fn no_body_is_expected_of_an_answer_to_head() {
        let request = |method: &str| {
            let method = format!("--method={method}");
            let words = ["ssmscope", "check", "h", "--http=/", "--expect-body=x", &method];
            let words = words.map(OsString::from).to_vec();
            let Command::Check(options) = Cli::of_words(args::command(), words).unwrap().command else {
                panic!("check is not check")
            };
            super::request(&options, false).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(request("OPTIONS"), Ok(()));
        assert!(request("HEAD").unwrap_err().contains("--expect-body"));
    }
}
