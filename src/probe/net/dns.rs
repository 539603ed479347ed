//! From a host's name to its addresses: /etc/hosts, then the resolvers of /etc/resolv.conf, asked one by one.
//!
//! The C library does it in one call, and reports only that it failed. Somebody who looks for a cause has to know which
//! resolvers were asked, and whether the name does not exist, a resolver failed, or none answered. So the questions are
//! asked here, as resolv.conf(5) describes; other sources of nsswitch.conf(5) are not used.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::dep::octseq::Octets;
use domain::rdata::{A, Aaaa};
use resolv_conf::{Config, ScopedIp};
use schemars::JsonSchema;
use serde::Serialize;
use tracing::debug;

use super::socket::words;
use crate::limits;
use crate::probe::tape::Tape;
use crate::time::Elapsed;

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The port of resolvers (RFC 1035, 4.2).
const PORT: u16 = 53;

/// The share of the time that remains which finding addresses may take.
const SHARE: f64 = 0.7;

/// Shortest time that a resolver is waited for.
const LEAST_PATIENCE: Duration = Duration::from_millis(500);

/// What came of a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Resolution {
    /// The name that was looked for.
    pub name: String,
    /// How it ended.
    pub outcome: Lookup,
    /// What the resolver called its answer: `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on (RFC 6895, 2.3).
    pub rcode: Option<String>,
    /// What became of the last question that got no answer.
    pub failure: Option<String>,
    /// The resolver that gave the addresses, or failed last; absent where a file gave them.
    pub server: Option<SocketAddr>,
    /// Resolvers that were asked.
    pub servers: Vec<SocketAddr>,
    /// The name that the addresses belong to, where it is another: an alias was followed, or a domain put behind it.
    pub canonical: Option<String>,
    /// All addresses, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// How long it took.
    #[serde(skip)]
    pub elapsed: Elapsed,
}

/// How the search for addresses ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// The name is an address.
    Literal,
    /// The hosts file has it.
    HostsFile,
    /// A resolver gave addresses.
    Found,
    /// A resolver says that there is no such name (NXDOMAIN).
    NoSuchName,
    /// A resolver says that the name has no address of the family that was asked for.
    NoAddress,
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

/// What one resolver answered for one name.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    /// Its code, addresses, and whose they are.
    Code(Rcode, Vec<IpAddr>, Option<String>),
    /// Nothing, or nothing that can be read, for this reason.
    Nothing(String),
}

/// Finds a name's addresses before that time.
pub(in crate::probe) fn resolve(
    tape: &mut Tape,
    name: &str,
    family: Option<Family>,
    until: Instant,
) -> Resolution {
    let began = Instant::now();
    let mut resolution = Resolution {
        name: name.to_owned(),
        outcome: Lookup::Silent,
        server: None,
        rcode: None,
        failure: None,
        canonical: None,
        addresses: Vec::new(),
        servers: Vec::new(),
        elapsed: Elapsed::ZERO,
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        resolution.outcome = if is_wanted(address, family) { Lookup::Literal } else { Lookup::NoAddress };
        resolution.addresses.extend(is_wanted(address, family).then_some(address));
        return resolution;
    }
    let hosts = fs::read_to_string(HOSTS).unwrap_or_default();
    let listed: Vec<_> = listed(&hosts, name).filter(|address| is_wanted(*address, family)).collect();
    if listed.is_empty() {
        let share = until.saturating_duration_since(began).mul_f64(SHARE);
        ask_resolvers(tape, &mut resolution, family, began + share);
    } else {
        tape.note(format!("{HOSTS} has {name}: {}", list(&listed)));
        resolution.outcome = Lookup::HostsFile;
        resolution.addresses = listed;
    }
    resolution.elapsed = Elapsed::from_secs_f64(began.elapsed().as_secs_f64());
    resolution
}

/// Asks for each name that the search list makes of it, until one has addresses.
fn ask_resolvers(tape: &mut Tape, resolution: &mut Resolution, family: Option<Family>, until: Instant) {
    let config = fs::read(RESOLV_CONF).ok().and_then(|text| Config::parse(text).ok()).unwrap_or_default();
    let mut servers: Vec<_> = config.nameservers.iter().filter_map(server).collect();
    if servers.is_empty() {
        // resolv.conf(5): the resolver of this host.
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    servers.truncate(limits::RESOLVERS);
    let search: Vec<_> = config.get_last_search_or_domain().cloned().collect();
    let names = candidates(&resolution.name, &search, config.ndots);
    let rounds = config.attempts.clamp(1, 3);
    let turns = servers.len() as u32 * rounds;
    let each = until.saturating_duration_since(Instant::now()) / turns.max(1);
    let patience = each.max(LEAST_PATIENCE).min(Duration::from_secs(u64::from(config.timeout.max(1))));
    debug!(?servers, ?names, rounds, ?patience, "resolvers to be asked");
    resolution.outcome = Lookup::BadName;
    for name in &names {
        let Ok(question) = name.parse::<Name<Vec<u8>>>() else { continue };
        let mut worst = Lookup::Silent;
        let turns = (0..rounds).flat_map(|_| servers.iter().copied());
        for server in turns.take_while(|_| Instant::now() < until) {
            if !resolution.servers.contains(&server) {
                resolution.servers.push(server);
            }
            let asked = Instant::now();
            let answer = ask(server, &question, family, (asked + patience).min(until));
            let took = Elapsed::from_secs_f64(asked.elapsed().as_secs_f64());
            match answer {
                Answer::Nothing(why) => {
                    tape.note(format!("asked {server} for {name}: {why}, after {took}"));
                    resolution.failure = Some(why);
                }
                Answer::Code(code, addresses, canonical) => {
                    let told =
                        if addresses.is_empty() { String::new() } else { format!(": {}", list(&addresses)) };
                    let of = canonical.as_ref().filter(|of| !of.eq_ignore_ascii_case(&resolution.name));
                    let alias = of.map(|of| format!(", which is {of}")).unwrap_or_default();
                    tape.note(format!("asked {server} for {name}{alias}: {code}{told}, in {took}"));
                    resolution.server = Some(server);
                    resolution.rcode = Some(code.to_string());
                    worst = match code {
                        Rcode::NOERROR if addresses.is_empty() => Lookup::NoAddress,
                        Rcode::NOERROR => Lookup::Found,
                        Rcode::NXDOMAIN => Lookup::NoSuchName,
                        _ => Lookup::Failed,
                    };
                    resolution.canonical = canonical.filter(|of| !of.eq_ignore_ascii_case(&resolution.name));
                    resolution.addresses = addresses;
                    // The next resolver may know better where this one failed.
                    if worst != Lookup::Failed {
                        break;
                    }
                }
            }
        }
        // What the name as it was given came to matters more than what domains behind it do.
        let is_as_given = name.trim_end_matches('.') == resolution.name.trim_end_matches('.');
        if resolution.outcome == Lookup::BadName || is_as_given || worst == Lookup::Found {
            resolution.outcome = worst;
        }
        if worst == Lookup::Found {
            return;
        }
    }
}

fn server(scoped: &ScopedIp) -> Option<SocketAddr> {
    match scoped {
        ScopedIp::V4(address) => Some(SocketAddr::new((*address).into(), PORT)),
        // A link-local resolver's interface would have to be known too.
        ScopedIp::V6(address, None) => Some(SocketAddr::new((*address).into(), PORT)),
        ScopedIp::V6(..) => None,
    }
}

/// The names to be asked for, in order (resolv.conf(5): `search`, `ndots`).
fn candidates(name: &str, search: &[String], ndots: u32) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let behind = search.iter().filter(|domain| *domain != ".").map(|domain| format!("{name}.{domain}"));
    let has_dots = name.matches('.').count() >= ndots as usize;
    let mut names: Vec<_> = behind.take(limits::SEARCH_DOMAINS).collect();
    names.insert(if has_dots { 0 } else { names.len() }, name.to_owned());
    names
}

/// Asks one resolver for the addresses of one name, both families at once.
fn ask(server: SocketAddr, name: &Name<Vec<u8>>, family: Option<Family>, until: Instant) -> Answer {
    let wanted = [(Rtype::A, Family::V4), (Rtype::AAAA, Family::V6)];
    let wanted = wanted.into_iter().filter(|(_, of)| family.is_none_or(|family| family == *of));
    let questions: Vec<_> = wanted.filter_map(|(record, _)| question(name, record)).collect();
    let answers = match ask_by_udp(server, &questions, until) {
        Ok(answers) => answers,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Answer::Nothing("nobody listens there, an ICMP error says".to_owned());
        }
        Err(error) => return Answer::Nothing(format!("it can't be asked: {}", words(&error))),
    };
    let mut told: Option<Answer> = None;
    for answer in answers.into_iter().flatten() {
        let read = read_answer(&answer);
        told = match (told, read) {
            (Some(Answer::Code(Rcode::NOERROR, mut all, of)), Answer::Code(Rcode::NOERROR, more, also)) => {
                all.extend(more);
                Some(Answer::Code(Rcode::NOERROR, all, of.or(also)))
            }
            // A resolver that fails for one family may know the other.
            (Some(known @ Answer::Code(Rcode::NOERROR, ..)), _) => Some(known),
            (_, read) => Some(read),
        };
    }
    told.unwrap_or_else(|| Answer::Nothing("no answer".to_owned()))
}

/// A question as a message, with its identifier.
fn question(name: &Name<Vec<u8>>, record: Rtype) -> Option<(u16, Vec<u8>)> {
    let mut message = MessageBuilder::new_vec();
    let mut id = [0; 2];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut id).ok()?;
    let id = u16::from_be_bytes(id);
    message.header_mut().set_id(id);
    message.header_mut().set_rd(true);
    let mut message = message.question();
    message.push((name, record, Class::IN)).ok()?;
    Some((id, message.finish()))
}

/// The answers to these questions, as far as they come before that time; those that are cut are asked for again by TCP.
fn ask_by_udp(
    server: SocketAddr,
    questions: &[(u16, Vec<u8>)],
    until: Instant,
) -> io::Result<Vec<Option<Vec<u8>>>> {
    let unspecified: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((unspecified, 0))?;
    socket.connect(server)?;
    for (_, question) in questions {
        socket.send(question)?;
    }
    let mut answers = vec![None; questions.len()];
    let mut buffer = [0; limits::DNS_MESSAGE_BYTES];
    while answers.iter().any(Option::is_none) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Ok(message) = Message::from_octets(buffer.get(..len).unwrap_or_default().to_vec()) else {
            continue;
        };
        let asked = questions.iter().position(|(id, question)| answers_to(&message, *id, question));
        let Some(index) = asked else { continue };
        let answer = if message.header().tc() {
            questions.get(index).and_then(|(id, question)| ask_by_tcp(server, *id, question, until).ok())
        } else {
            Some(message.into_octets())
        };
        match (answers.get_mut(index), answer) {
            (Some(slot), Some(answer)) => *slot = Some(answer),
            _ => break,
        }
    }
    Ok(answers)
}

fn ask_by_tcp(server: SocketAddr, id: u16, question: &[u8], until: Instant) -> io::Result<Vec<u8>> {
    let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&server, left())?;
    stream.set_write_timeout(Some(left()))?;
    // RFC 1035, 4.2.2: two bytes of length precede each message.
    stream.write_all(&[&(question.len() as u16).to_be_bytes(), question].concat())?;
    let mut len = [0; 2];
    read_before(&mut stream, &mut len, until)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    read_before(&mut stream, &mut answer, until)?;
    let is_answer = Message::from_slice(&answer).is_ok_and(|message| answers_to(message, id, question));
    if is_answer { Ok(answer) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// What a socket's own timeout is called, whatever the system calls it.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

/// Fills a buffer before that time, however slowly a resolver sends.
fn read_before(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer).map_err(timed_out)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => buffer = buffer.get_mut(len..).unwrap_or_default(),
        }
    }
    Ok(())
}

fn answers_to<O: Octets + ?Sized>(message: &Message<O>, id: u16, question: &[u8]) -> bool {
    let header = message.header();
    header.qr()
        && header.id() == id
        && Message::from_slice(question).is_ok_and(|asked| {
            // Some resolvers repeat no question where they fail.
            message.header_counts().qdcount() == 0 || message.is_answer(asked)
        })
}

fn read_answer(answer: &[u8]) -> Answer {
    let Ok(message) = Message::from_slice(answer) else {
        return Answer::Nothing("an answer that can't be read".to_owned());
    };
    let code = message.header().rcode();
    let mut addresses = Vec::new();
    if let Ok(records) = message.answer() {
        let of_v4 = records.limit_to::<A>().flatten().map(|record| IpAddr::V4(record.data().addr()));
        let of_v6 = records.limit_to::<Aaaa>().flatten().map(|record| IpAddr::V6(record.data().addr()));
        addresses.extend(of_v4.chain(of_v6).take(limits::ADDRESSES));
    }
    let canonical = message.canonical_name().map(|name| name.to_string());
    Answer::Code(code, addresses, canonical)
}

/// The addresses in a resolver's answer, and the name that they belong to (RFC 1035, 4.1); `None` where it can't be read.
pub fn answered(answer: &[u8]) -> Option<(Vec<IpAddr>, Option<String>)> {
    match read_answer(answer) {
        Answer::Code(_, addresses, canonical) => Some((addresses, canonical)),
        Answer::Nothing(_) => None,
    }
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
    fn a_resolver_that_sends_a_byte_now_and_then_is_waited_for_no_longer_than_any() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            while peer.write_all(&[1]).is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let began = Instant::now();
        let answer = ask_by_tcp(server, 1, &[0; 12], began + Duration::from_millis(300));
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(3));
    }

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

    #[test]
    fn an_answer_is_read_with_its_alias() {
        let asked: Name<Vec<u8>> = "ssm.example".parse().unwrap();
        let (id, question) = question(&asked, Rtype::A).unwrap();
        let asked = Message::from_slice(&question).unwrap();
        let mut answer = MessageBuilder::new_vec().start_answer(asked, Rcode::NOERROR).unwrap();
        let host: Name<Vec<u8>> = "host.example".parse().unwrap();
        let alias = domain::rdata::Cname::new(host.clone());
        answer.push(("ssm.example".parse::<Name<Vec<u8>>>().unwrap(), 60, alias)).unwrap();
        answer.push((host, 60, A::from_octets(192, 0, 2, 7))).unwrap();
        let bytes = answer.finish();
        assert!(answers_to(Message::from_slice(&bytes).unwrap(), id, &question));
        assert!(!answers_to(Message::from_slice(&bytes).unwrap(), id ^ 1, &question));
        let expected = vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))];
        assert_eq!(
            read_answer(&bytes),
            Answer::Code(Rcode::NOERROR, expected, Some("host.example".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(bytes: Vec<u8>) {
            let _ = read_answer(&bytes);
        }

        #[test]
        fn any_text_is_read_as_a_hosts_file(text: String, name: String) {
            prop_assert!(listed(&text, &name).count() <= limits::ADDRESSES);
        }
    }
}
