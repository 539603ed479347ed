//! `ssmscope check`: reads secrets and certificates, has the attempt made, and prints what came of it.

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use ssmscope::analysis::{Bounds, Settings};
use ssmscope::capture::live::{self, Live};
use ssmscope::capture::{Source, Target, save};
use ssmscope::probe::{
    self, Accepted, AcceptedIssuer, Alerts, Family, Identity, Outcome, Page, Plan, Probe, Proxy, Secret,
    States, TlsPlan, token,
};
use ssmscope::report::human::html::HtmlPage;
use ssmscope::report::text::escape::escaped;
use ssmscope::report::{self, Detail, Occasion, Style};
use ssmscope::time::Elapsed;
use ssmscope::verdict::{self, Status};

use crate::args::{CertificateFault, Check, Grant, OauthBody, TlsVersion};
use crate::observers::Observer;
use crate::page::PageFile;
use crate::run::{self, Done, Results, Run};
use crate::system::deadline::Deadline;
use crate::system::privileges::{self, As, Later};
use crate::system::{files, trust};

/// Bytes captured of each packet: all of it.
const SNAPLEN: u32 = 262_144;

/// The kernel's buffer for the check's own packets, in KiB.
const BUFFER_KIB: u32 = 4_096;

/// Longest secret that a file may hold, in bytes: far more than any token or password, so that a wrong file is noticed.
const SECRET_BYTES: usize = 4096;

/// What an attempt reads: names' addresses, resolvers, and what the kernel has not had acknowledged yet.
const READS: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/proc/thread-self/net"];

/// How much longer than `--timeout` the whole command may take: for the report, once the time is up.
const GRACE: Elapsed = Elapsed::from_millis(1_000);

/// The application protocol that is offered by default: the one that is spoken.
const HTTP: &str = "http/1.1";

/// Runs the command and returns its exit status.
pub fn run(options: &Check) -> anyhow::Result<Status> {
    let target = probe::authority(options.server().0, options.server().1);
    let slow_after = options.timing.slow_after;
    let mut run = Run::new(options.rendering.form()?, &options.monitoring, slow_after, Some(target));
    // The attempt watches its own time, and says more; this ends what comes before it, as a file that is a silent pipe.
    let most = Elapsed::from_nanos(options.timeout.nanos().saturating_add(GRACE.nanos()));
    run.deadline = Some(Deadline::after(most, run.form));
    run.finish_after(|run| check(options, run))
}

fn check(options: &Check, run: &mut Run<'_>) -> anyhow::Result<Done> {
    let plan = plan(options)?;
    // Of its own packets, the steps show what matters.
    let style = Style { verbosity: 0, ..run::style(&options.rendering, Detail::Examples) };
    let deadline = run.deadline.take();
    let outcome = attempt(options, &plan, deadline.as_ref(), run);
    run.deadline = deadline;
    let (mut outcome, page) = outcome?;
    if let Some(deadline) = &run.deadline {
        deadline.meet();
    }
    let mut page = page.map(|file| file.of(HtmlPage::new(false, style.clone(), &Bounds::default()), None));
    let mut report = report::open(run.form, run::blocks(), style, Occasion::Check);
    for judged in &outcome.connections {
        run.digest.record(judged);
        if let Some(page) = &mut page {
            page.connection(judged);
        }
        report.connection(judged.clone())?;
    }
    let summary = mem::take(&mut outcome.summary);
    let results = Results { summary, check: Some((outcome, options.rendering.verbose)) };
    run.finish(report, &results)?;
    page.map_or(Ok(()), |page| page.finish(Some(&run.end(&results))))?;
    Ok(Done::Reported(Box::new(results)))
}

/// Makes the attempt, with a capture of it if there is to be one. That needs a device, whose filter needs the servers' addresses;
/// without one, rights end before the first question to a resolver.
fn attempt(
    options: &Check,
    plan: &Plan,
    deadline: Option<&Deadline>,
    run: &mut Run<'_>,
) -> anyhow::Result<(Outcome, Option<PageFile>)> {
    const SETUP: &str = "TLS can't be set up";
    let (textfile, html) = (options.monitoring.textfile.as_deref(), options.page.html.as_deref());
    let begin = |is_put_later: bool| {
        let others = || [textfile, options.save.as_deref()].into_iter().flatten();
        html.map(|path| PageFile::begin(path, others(), is_put_later)).transpose()
    };
    if !options.capture {
        let owner_of = textfile.or(html);
        let page = begin(html.is_none_or(|path| privileges::can_put_later(path, owner_of)))?;
        let later = Later {
            user: As::Owner(owner_of),
            uses_network: true,
            reads: &READS,
            writes: &html.into_iter().collect::<Vec<_>>(),
            ..Later::default()
        };
        privileges::end(&later, deadline, |_| run.begin_textfile())?;
        return Ok((Probe::begin(plan).context(SETUP)?.finish(None), page));
    }
    let probe = privileges::without_rights(|| Probe::begin(plan)).context(SETUP)?;
    let device = listen(options, &probe.servers())?;
    let later = Later {
        user: As::User(options.user.as_deref()),
        uses_network: true,
        reads: &READS,
        writes: &textfile.into_iter().chain(html).collect::<Vec<_>>(),
        ..Later::default()
    };
    let (saving, page) = privileges::end(&later, deadline, |_| {
        let page = run.begin_textfile().and_then(|()| begin(true));
        let page = page.context("--user names whose rights files are opened with")?;
        let saving = options.save.as_deref().map(|path| Ok((path, create(path)?))).transpose();
        saving.map(|saving: Option<_>| (saving, page))
    })?;
    let outcome = probe.finish(device);
    if let Some((path, file)) = saving {
        save_to(file, &outcome).with_context(|| format!("{}: can't be written", path.display()))?;
    }
    Ok((outcome, page))
}

/// Opens the device over which the servers are reached, for their packets alone. Nothing where there are no servers.
fn listen(options: &Check, servers: &[SocketAddr]) -> anyhow::Result<Option<Box<dyn Source + Send>>> {
    let addresses: Vec<_> = servers.iter().map(SocketAddr::ip).collect();
    let Some(port) = servers.first().map(SocketAddr::port) else { return Ok(None) };
    let hosts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let target = Target::new(&hosts, &[port], None)?;
    let device = options.interface.clone().unwrap_or_else(|| live::towards(&addresses));
    let device = Live::open(
        live::Options { device, snaplen: SNAPLEN, buffer_kib: BUFFER_KIB, is_promiscuous: false },
        &target,
    )?;
    Ok(Some(Box::new(device)))
}

fn create(path: &Path) -> anyhow::Result<File> {
    files::create_private(path).with_context(|| {
        format!("{}: can't be written; --user names whose rights files are opened with", path.display())
    })
}

/// Saves what was captured, with what came of the check as a comment.
fn save_to(file: File, outcome: &Outcome) -> io::Result<()> {
    let Some(captured) = &outcome.captured else { return Ok(()) };
    let conclusion = outcome.conclusion();
    let comment = escaped(&format!("{}: {}", conclusion.reason, conclusion.headline));
    let device = captured.about().files.first().map(|file| file.name.clone()).unwrap_or_default();
    let mut writer = save::Writer::new(BufWriter::new(file), &device, SNAPLEN, Some(&comment))?;
    for frame in captured.frames() {
        writer.frame(&frame, None)?;
    }
    writer.statistics(captured.end(), captured.about().dropped.unwrap_or(0))?;
    writer.into_inner().flush()
}

fn plan(options: &Check) -> anyhow::Result<Plan> {
    let (host, port) = options.server();
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
    let scope = options.zone().map(|zone| {
        probe::scope(zone)
            .with_context(|| format!("{}: there is no such interface; `ip link` lists them", escaped(zone)))
    });
    let judging =
        verdict::Settings { slow_after: options.timing.slow_after, stall_after: options.timing.stall_after };
    ensure!(
        options.page().is_some() || options.expect_status.is_empty() && options.expect_body.is_none(),
        "--expect-status and --expect-body need a page: --http PATH, or a URL with a path"
    );
    ensure!(options.starttls.is_none() || options.page().is_none(), "--starttls asks for no page");
    let page = options.page().map(|path| Page {
        path: path.to_owned(),
        statuses: options.expect_status.clone(),
        text: options.expect_body.clone(),
    });
    let states = States::of(options.state.iter().copied()).context("--state")?;
    ensure!(
        states.severity("slow").is_none() || options.warn_time.is_none() && options.crit_time.is_none(),
        "--state slow and --warn-time or --crit-time decide about the same: with --slow-after 9999, only the latter do"
    );
    Ok(Plan {
        host: host.to_owned(),
        port,
        address: options.address,
        known: options.resolve.clone(),
        scope: scope.transpose()?,
        family,
        tries_all_addresses: options.all_addresses,
        timeout: options.timeout,
        proxy: proxy(options)?,
        starttls: options.starttls,
        tls: tls(options)?,
        token: token(options)?,
        page,
        alerts: Alerts {
            expiry_warning: options.monitoring.warning,
            expiry_critical: options.monitoring.critical,
            time_warning: options.warn_time,
            time_critical: options.crit_time,
        },
        states,
        settings: Settings { judging, ..Settings::default() },
    })
}

/// The proxy that was named, or the environment's (as curl reads it).
fn proxy(options: &Check) -> anyhow::Result<Option<Proxy>> {
    let mut proxy = match &options.proxy {
        Some(url) => Proxy::parse(url, "--proxy", false).context("--proxy")?,
        None if options.no_proxy => return Ok(None),
        None => {
            let variable = |names: &[&'static str]| {
                names
                    .iter()
                    .find_map(|name| Some((*name, env::var(name).ok().filter(|value| !value.is_empty())?)))
            };
            let exceptions = variable(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default();
            let Some((name, url)) = variable(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
            else {
                return Ok(None);
            };
            if probe::is_excepted(options.server().0, &exceptions) {
                return Ok(None);
            }
            Proxy::parse(&url, name, true).context(name)?
        }
    };
    if let Some(user) = &proxy.user {
        let told = secret(options.proxy_password_file.as_deref(), "SSMSCOPE_PROXY_PASSWORD")?;
        proxy.password = told.or(proxy.password);
        ensure!(
            proxy.password.is_some(),
            "the proxy's user {user} has no password: --proxy-password-file or SSMSCOPE_PROXY_PASSWORD takes it"
        );
    }
    Ok(Some(proxy))
}

fn tls(options: &Check) -> anyhow::Result<TlsPlan> {
    ensure!(options.tls_min <= options.tls_max, "--tls-min is higher than --tls-max");
    let versions = [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
    let is_offered = |version: TlsVersion| (options.tls_min..=options.tls_max).contains(&version);
    let protocols = match options.alpn.as_slice() {
        [] if options.starttls.is_some() => Vec::new(),
        [] => vec![HTTP.to_owned()],
        protocols => protocols.iter().filter(|protocol| !protocol.is_empty()).cloned().collect(),
    };
    let host = options.server().0;
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    let own_name = (is_name && !options.no_sni).then(|| host.to_owned());
    Ok(TlsPlan {
        versions: versions
            .into_iter()
            .filter(|(version, _)| is_offered(*version))
            .map(|(_, is)| is)
            .collect(),
        server_name: options.sni.clone().or(own_name),
        wanted: options.name.clone().unwrap_or_else(|| host.to_owned()),
        protocols,
        anchors: Arc::new(trust::own_anchors(options.ca_file.as_deref())?),
        accepted: accepted(options),
        identity: identity(options)?.map(Arc::new),
        resumes: options.resume,
    })
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

fn token(options: &Check) -> anyhow::Result<Option<token::Request>> {
    let Some(grant) = options.oauth else { return Ok(None) };
    ensure!(
        !accepted(options).is_any() || options.send_secrets_unverified,
        "--insecure or --accept with --oauth would send the secrets to any server that answers: verify it with --ca-file or \
         --name, or add --send-secrets-unverified"
    );
    let client_id = options.client_id.clone().unwrap_or_default();
    let Some(client_secret) = secret(options.client_secret_file.as_deref(), "SSMSCOPE_CLIENT_SECRET")? else {
        bail!("the client has no secret: --client-secret-file or SSMSCOPE_CLIENT_SECRET takes it");
    };
    let (username, password) = match grant {
        Grant::ClientCredentials => (None, None),
        Grant::Password => {
            let Some(username) = options.username.clone() else { bail!("--oauth password needs --username") };
            let Some(password) = secret(options.password_file.as_deref(), "SSMSCOPE_PASSWORD")? else {
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

/// A secret from a file, without the line's end, or from the environment.
fn secret(file: Option<&Path>, variable: &str) -> anyhow::Result<Option<Secret>> {
    let Some(file) = file else {
        return Ok(env::var(variable).ok().filter(|value| !value.is_empty()).map(Secret::new));
    };
    let named = file.display();
    // What the file holds is not in the error: it may be the secret, or another.
    let read = files::read_bounded(file, SECRET_BYTES as u64 + 2);
    let Some(secret) =
        read.ok().and_then(|bytes| Some(Secret::new(std::str::from_utf8(&bytes).ok()?.to_owned())))
    else {
        bail!("{named}: can't be read, is no text, or is too long")
    };
    let line = secret.expose().trim_end_matches(['\n', '\r']);
    ensure!(!line.is_empty(), "{named}: is empty");
    ensure!(
        line.len() <= SECRET_BYTES && !line.contains('\n'),
        "{named}: is more than one line, or too long"
    );
    Ok(Some(Secret::new(line.to_owned())))
}
