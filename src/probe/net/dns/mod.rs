//! From a host's name to its addresses: /etc/hosts, then the resolvers of /etc/resolv.conf, asked one by one.
//!
//! The C library does it in one call, and reports only that it failed. Somebody who looks for a cause has to know which
//! resolvers were asked, and whether the name does not exist, a resolver failed, or none answered. So the questions are
//! asked here, as resolv.conf(5) describes; other sources of nsswitch.conf(5) are not used.

mod query;
mod resolv_conf;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use ::resolv_conf::ScopedIp;
use domain::base::Name;
use domain::base::iana::Rcode;
use nix::net::if_::if_nametoindex;
use schemars::JsonSchema;
use serde::Serialize;
use tracing::debug;

use crate::limits;
use crate::probe::tape::Tape;
use crate::time::Elapsed;
use query::{Lacking, Reply, read_answer};

/// What becomes of a question that gets nothing at all.
pub(in crate::probe) const NO_ANSWER: &str = "no answer";

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The port of resolvers (RFC 1035, 4.2).
const PORT: u16 = 53;

/// The share of the time that remains which finding addresses may take.
const SHARE: f64 = 0.7;

/// Shortest time that a resolver is waited for.
const LEAST_PATIENCE: Duration = Duration::from_millis(500);

/// How long a resolver is waited for at most where another may be asked, before all are asked once more.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// The outcome of a lookup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Resolution {
    /// The name that was looked for.
    pub name: String,
    /// How it ended.
    pub outcome: LookupOutcome,
    /// What the resolver called its answer: `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on (RFC 6895, 2.3).
    pub rcode: Option<String>,
    /// What became of the last question that got no answer.
    pub failure: Option<String>,
    /// The resolver that gave the addresses, or failed last; absent if a file gave them.
    pub server: Option<SocketAddr>,
    /// Resolvers that were asked.
    pub servers: Vec<SocketAddr>,
    /// The name that the addresses belong to, where it is another: an alias was followed, or a domain appended to it.
    pub canonical: Option<String>,
    /// The family that was asked for; absent if both were.
    #[serde(skip)]
    pub family: Option<Family>,
    /// What failed before addresses were found, or although they were.
    pub faults: Vec<ResolverFault>,
    /// All addresses, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// How long it took.
    #[serde(skip)]
    pub elapsed: Elapsed,
}

/// A resolver that does not answer as it should.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct ResolverFault {
    /// The resolver.
    pub server: SocketAddr,
    /// The records that it did not give, where it gave others: `A` or `AAAA`.
    pub record: Option<String>,
    /// The code that it answered; absent if no answer came.
    pub rcode: Option<String>,
    /// Why there is no answer by TCP, where the one by UDP is cut.
    pub cut: Option<String>,
}

/// How the search for addresses ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LookupOutcome {
    /// The name is an address.
    Literal,
    /// The addresses were given with the name.
    Given,
    /// The hosts file has it.
    HostsFile,
    /// A resolver gave addresses.
    Found,
    /// A resolver says that there is no such name (NXDOMAIN).
    NoSuchName,
    /// A resolver says that the name has no address of the family that was asked for.
    NoAddress,
    /// The name's aliases lead in a circle.
    AliasLoop,
    /// Every resolver that answered failed (SERVFAIL), or refused to answer (REFUSED).
    Failed,
    /// No resolver answered.
    Silent,
    /// The name can't be asked for.
    BadName,
}

/// Address families that are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Resolution {
    /// With nothing found so far.
    fn begin(name: &str, family: Option<Family>) -> Self {
        Self {
            name: name.to_owned(),
            outcome: LookupOutcome::Silent,
            server: None,
            rcode: None,
            failure: None,
            canonical: None,
            family,
            faults: Vec::new(),
            addresses: Vec::new(),
            servers: Vec::new(),
            elapsed: Elapsed::ZERO,
        }
    }
}

/// What is given for a name in place of a resolver's answer.
pub(in crate::probe) fn given(name: &str, family: Option<Family>, addresses: &[IpAddr]) -> Resolution {
    let addresses: Vec<_> = addresses.iter().copied().filter(|address| is_wanted(*address, family)).collect();
    let outcome = if addresses.is_empty() { LookupOutcome::NoAddress } else { LookupOutcome::Given };
    Resolution { outcome, addresses, ..Resolution::begin(name, family) }
}

/// Finds a name's addresses before that time.
pub(in crate::probe) fn resolve(
    tape: &mut Tape,
    name: &str,
    family: Option<Family>,
    until: Instant,
) -> Resolution {
    let began = Instant::now();
    let mut resolution = Resolution::begin(name, family);
    if let Ok(address) = name.parse::<IpAddr>() {
        resolution.outcome =
            if is_wanted(address, family) { LookupOutcome::Literal } else { LookupOutcome::NoAddress };
        resolution.addresses.extend(is_wanted(address, family).then_some(address));
        return resolution;
    }
    // A comment may be in any encoding.
    let hosts = fs::read(HOSTS).unwrap_or_default();
    let hosts = String::from_utf8_lossy(&hosts);
    let listed: Vec<_> = listed(&hosts, name).filter(|address| is_wanted(*address, family)).collect();
    if listed.is_empty() {
        let share = until.saturating_duration_since(began).mul_f64(SHARE);
        ask_resolvers(tape, &mut resolution, family, began + share);
    } else {
        tape.note(format!("{HOSTS} has {name}: {}", list(&listed)));
        resolution.outcome = LookupOutcome::HostsFile;
        resolution.addresses = listed;
    }
    resolution.elapsed = Elapsed::from_secs_f64(began.elapsed().as_secs_f64());
    resolution
}

/// Asks for each name that the search list makes of it, until one has addresses.
fn ask_resolvers(tape: &mut Tape, resolution: &mut Resolution, family: Option<Family>, until: Instant) {
    let (config, ignored) = resolv_conf::read(&fs::read(RESOLV_CONF).unwrap_or_default());
    if let Some(first) = ignored.first() {
        let more =
            if ignored.len() > 1 { format!(", and {} more", ignored.len() - 1) } else { String::new() };
        tape.note(format!("of {RESOLV_CONF} this is ignored: {first}{more}"));
    }
    let mut servers: Vec<_> = config.nameservers.iter().filter_map(server).collect();
    if servers.is_empty() {
        // resolv.conf(5): the resolver of this host.
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    servers.truncate(limits::RESOLVERS);
    let search: Vec<_> = config.get_last_search_or_domain().cloned().collect();
    let names = candidates(&resolution.name, &search, config.ndots);
    // The only one is asked again without its first answer being given up, however late that is.
    let is_only = servers.len() == 1;
    let rounds = if is_only { 1 } else { config.attempts.clamp(1, 3) };
    let attempts = if is_only { config.attempts.clamp(1, 3) } else { 1 };
    let turns = servers.len() as u32 * rounds;
    let each = until.saturating_duration_since(Instant::now()) / turns.max(1);
    let patience =
        each.max(LEAST_PATIENCE).min(Duration::from_secs(u64::from(config.timeout.max(1))) * attempts);
    debug!(?servers, ?names, rounds, ?patience, "resolvers to be asked");
    resolution.outcome = LookupOutcome::BadName;
    for name in &names {
        let Ok(question) = name.parse::<Name<Vec<u8>>>() else { continue };
        let mut worst = LookupOutcome::Silent;
        let turns = (0..rounds).flat_map(|round| servers.iter().map(move |server| (round, *server)));
        for (round, server) in turns.take_while(|_| Instant::now() < until) {
            if !resolution.servers.contains(&server) {
                resolution.servers.push(server);
            }
            let asked = Instant::now();
            let is_first = round == 0 && servers.len() > 1;
            let patience = if is_first { patience.min(FIRST_PATIENCE) } else { patience };
            let reply = query::ask(server, &question, family, ((asked + patience).min(until), until));
            let took = Elapsed::from_secs_f64(asked.elapsed().as_secs_f64());
            let reply = match reply {
                Err(why) => {
                    tape.note(format!("asked {server} for {name}: {why}, after {took}"));
                    resolution.failure = Some(why);
                    resolution.add_fault(server, None, Lacking::Silence);
                    continue;
                }
                Ok(reply) => reply,
            };
            worst = take(tape, resolution, (server, name, took), reply);
            // The next resolver may know better where this one failed.
            if worst != LookupOutcome::Failed {
                break;
            }
        }
        // The result for the name as given matters more than those with a domain appended.
        let is_as_given = name.trim_end_matches('.') == resolution.name.trim_end_matches('.');
        if resolution.outcome == LookupOutcome::BadName || is_as_given || worst == LookupOutcome::Found {
            resolution.outcome = worst;
        }
        if worst == LookupOutcome::Found {
            return;
        }
    }
}

/// Takes a resolver's answer, and says what it comes to.
fn take(
    tape: &mut Tape,
    resolution: &mut Resolution,
    (server, name, took): (SocketAddr, &str, Elapsed),
    reply: Reply,
) -> LookupOutcome {
    let Reply { code, addresses, canonical, is_loop, faults } = reply;
    let found = if addresses.is_empty() { String::new() } else { format!(": {}", list(&addresses)) };
    let of = canonical.as_ref().filter(|of| !of.eq_ignore_ascii_case(&resolution.name));
    let alias = of.map(|of| format!(", which is {of}")).unwrap_or_default();
    tape.note(format!("asked {server} for {name}{alias}: {code}{found}, in {took}"));
    for (record, why) in faults {
        let what = match &why {
            Lacking::Silence => "no answer".to_owned(),
            Lacking::Cut(why) => format!("the answer by UDP is cut (TC), and by TCP {why}"),
            Lacking::Code(code) => code.to_string(),
        };
        tape.note(format!("asked {server} for the {record} records of {name}: {what}"));
        resolution.add_fault(server, Some(record.to_string()), why);
    }
    let outcome = match code {
        Rcode::NOERROR if addresses.is_empty() && is_loop => LookupOutcome::AliasLoop,
        Rcode::NOERROR if addresses.is_empty() => LookupOutcome::NoAddress,
        Rcode::NOERROR => LookupOutcome::Found,
        Rcode::NXDOMAIN => LookupOutcome::NoSuchName,
        _ => LookupOutcome::Failed,
    };
    if outcome == LookupOutcome::Failed {
        resolution.add_fault(server, None, Lacking::Code(code));
    }
    resolution.server = Some(server);
    resolution.rcode = Some(code.to_string());
    resolution.canonical = canonical.filter(|of| !of.eq_ignore_ascii_case(&resolution.name));
    resolution.addresses = addresses;
    outcome
}

impl Resolution {
    fn add_fault(&mut self, server: SocketAddr, record: Option<String>, why: Lacking) {
        let (rcode, cut) = match why {
            Lacking::Silence => (None, None),
            Lacking::Cut(why) => (None, Some(why)),
            Lacking::Code(code) => (Some(code.to_string()), None),
        };
        let fault = ResolverFault { server, record, rcode, cut };
        // By resolvers, records and codes these are few.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

fn server(scoped: &ScopedIp) -> Option<SocketAddr> {
    match scoped {
        ScopedIp::V4(address) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(address, None) => Some(SocketAddr::new((*address).into(), PORT)),
        // A link-local address is one of an interface (RFC 4007, 11).
        ScopedIp::V6(address, Some(interface)) => {
            let scope = scope(interface)?;
            Some(SocketAddrV6::new(*address, PORT, 0, scope).into())
        }
    }
}

/// The number of an interface by its name, or by the number itself.
pub fn scope(interface: &str) -> Option<u32> {
    if_nametoindex(interface).ok().or_else(|| interface.parse().ok().filter(|number| *number > 0))
}

/// The names to be asked for, in order (resolv.conf(5): `search`, `ndots`).
fn candidates(name: &str, search: &[String], ndots: u32) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let after = search.iter().filter(|domain| *domain != ".").map(|domain| format!("{name}.{domain}"));
    let has_dots = name.matches('.').count() >= ndots as usize;
    let mut names: Vec<_> = after.take(limits::SEARCH_DOMAINS).collect();
    names.insert(if has_dots { 0 } else { names.len() }, name.to_owned());
    names
}

/// The addresses in a resolver's answer, and the name that they belong to (RFC 1035, 4.1); `None` if it can't be read.
pub fn answered(answer: &[u8]) -> Option<(Vec<IpAddr>, Option<String>)> {
    read_answer(answer).ok().map(|answer| (answer.addresses, answer.canonical))
}

/// The addresses that the hosts file gives a name (hosts(5)).
fn listed<'a>(hosts: &'a str, name: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
    let wanted = name.trim_end_matches('.');
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let addresses = lines.filter_map(move |line| {
        let mut words = line.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(wanted)).then_some(address)
    });
    addresses.take(limits::ADDRESSES)
}

fn is_wanted(address: IpAddr, family: Option<Family>) -> bool {
    match family {
        None => true,
        Some(Family::V4) => address.is_ipv4(),
        Some(Family::V6) => address.is_ipv6(),
    }
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hosts_file_is_read_as_its_manual_says() {
        let hosts = "127.0.0.1\tlocalhost # me\n#192.0.2.9 ssm\n192.0.2.1 other SSM.example ssm\n2001:db8::1 ssm\nx ssm\n";
        let of = |name| listed(hosts, name).map(|address| address.to_string()).collect::<Vec<_>>();
        assert_eq!(of("ssm"), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(of("ssm.example."), ["192.0.2.1"]);
        assert!(of("192.0.2.1").is_empty());
    }

    #[test]
    fn names_with_few_dots_are_searched_for_first() {
        let search = ["example.net".to_owned(), "example".to_owned()];
        assert_eq!(candidates("ssm", &search, 1), ["ssm.example.net", "ssm.example", "ssm"]);
        assert_eq!(candidates("a.b", &search, 1), ["a.b", "a.b.example.net", "a.b.example"]);
        assert_eq!(candidates("a.b.", &search, 1), ["a.b."]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_a_hosts_file(text: String, name: String) {
            prop_assert!(listed(&text, &name).count() <= limits::ADDRESSES);
        }
    }
}
