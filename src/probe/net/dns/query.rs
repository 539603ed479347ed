//! The questions to one resolver for one name, by UDP, and by TCP where an answer is cut, and what it answered.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::dep::octseq::Octets;
use domain::rdata::{A, Aaaa};

use super::{Family, NO_ANSWER};
use crate::limits;
use crate::probe::net::socket::words;

/// After this time a question is sent again: a datagram may have been lost.
const AGAIN: Duration = Duration::from_secs(2);

/// How long the other family's answer is waited for, once one with addresses is there: the C library waits for 5 s before it asks
/// again, and a resolver that needs less is no silent one.
const OTHER_FAMILY: Duration = Duration::from_secs(3);

/// What a resolver answered for one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    /// The code that counts: that of the answer with addresses, else of the one that failed.
    pub(super) code: Rcode,
    pub(super) addresses: Vec<IpAddr>,
    /// Whose addresses they are.
    pub(super) canonical: Option<String>,
    /// Whether its aliases lead in a circle.
    pub(super) is_loop: bool,
    /// Record types for which there is no usable answer although another type has addresses, and why.
    pub(super) faults: Vec<(Rtype, Lacking)>,
}

/// Why there is no usable answer to a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lacking {
    /// None came.
    Silence,
    /// The one by UDP is cut (RFC 1035, 4.1.1, TC), and there is none by TCP for this reason.
    Cut(String),
    /// By its code.
    Code(Rcode),
}

/// What came in reply to a question.
#[derive(Clone, Default)]
enum Came {
    #[default]
    Nothing,
    Cut(String),
    Whole(Vec<u8>),
}

/// An answer to one question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub(super) code: Rcode,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) canonical: Option<String>,
    pub(super) is_loop: bool,
}

/// Asks one resolver for the addresses of one name, both families at once. A resolver that has answered one question within its time, `until`,
/// is waited for longer than that, but not beyond `limit`.
///
/// # Errors
/// Why there is no answer, in words.
pub(super) fn ask(
    server: SocketAddr,
    name: &Name<Vec<u8>>,
    family: Option<Family>,
    (until, limit): (Instant, Instant),
) -> Result<Reply, String> {
    let wanted = [(Rtype::A, Family::V4), (Rtype::AAAA, Family::V6)];
    let wanted = wanted.into_iter().filter(|(_, of)| family.is_none_or(|family| family == *of));
    let records: Vec<_> = wanted.map(|(record, _)| record).collect();
    let questions: Vec<_> = records.iter().filter_map(|record| question(name, *record)).collect();
    let answers = ask_by_udp(server, &questions, (until, limit)).map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there, an ICMP error says".to_owned(),
        _ => format!("it can't be asked: {}", words(&error)),
    })?;
    let mut read = Vec::new();
    for (record, came) in records.into_iter().zip(answers) {
        read.push((
            record,
            match came {
                Came::Nothing => Err(Lacking::Silence),
                Came::Cut(why) => Err(Lacking::Cut(why)),
                Came::Whole(bytes) => Ok(read_answer(&bytes).map_err(str::to_owned)?),
            },
        ));
    }
    let is_silent = read.iter().all(|(_, answer)| matches!(answer, Err(Lacking::Silence)));
    if is_silent { Err(NO_ANSWER.to_owned()) } else { combined(read) }
}

/// What the answers come to. One family's failure leaves the other's addresses usable; without any, it hides whether there are some.
fn combined(read: Vec<(Rtype, Result<Answer, Lacking>)>) -> Result<Reply, String> {
    let has_addresses =
        |answer: &Result<Answer, Lacking>| answer.as_ref().is_ok_and(|answer| !answer.addresses.is_empty());
    if !read.iter().any(|(_, answer)| has_addresses(answer)) {
        for (record, answer) in &read {
            match answer {
                Err(Lacking::Cut(why)) => {
                    return Err(format!("its answer for {record} by UDP is cut (TC), and by TCP {why}"));
                }
                Err(_) => return Err(format!("no answer for {record}")),
                Ok(_) => {}
            }
        }
        // A failure first, then that the name exists.
        let rank = |answer: &Answer| match answer.code {
            Rcode::NOERROR => 1,
            Rcode::NXDOMAIN => 2,
            _ => 0,
        };
        let answer = read.into_iter().filter_map(|(_, answer)| answer.ok()).min_by_key(rank);
        let answer = answer.ok_or(NO_ANSWER)?;
        let Answer { code, addresses, canonical, is_loop } = answer;
        return Ok(Reply { code, addresses, canonical, is_loop, faults: Vec::new() });
    }
    let mut reply = Reply {
        code: Rcode::NOERROR,
        addresses: Vec::new(),
        canonical: None,
        is_loop: false,
        faults: Vec::new(),
    };
    for (record, answer) in read {
        match answer {
            Ok(answer) if answer.code == Rcode::NOERROR || !answer.addresses.is_empty() => {
                reply.addresses.extend(answer.addresses);
                reply.canonical = reply.canonical.or(answer.canonical);
            }
            Ok(answer) => reply.faults.push((record, Lacking::Code(answer.code))),
            Err(why) => reply.faults.push((record, why)),
        }
    }
    Ok(reply)
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
    (mut until, limit): (Instant, Instant),
) -> io::Result<Vec<Came>> {
    let unspecified: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((unspecified, 0))?;
    socket.connect(server)?;
    for (_, question) in questions {
        socket.send(question)?;
    }
    let mut answers = vec![Came::default(); questions.len()];
    // A datagram may be lost: what is open is asked for again at half of the time, or every two seconds if that is sooner.
    let mut again_at = halfway(until).min(Instant::now() + AGAIN);
    let mut buffer = [0; limits::DNS_MESSAGE_BYTES];
    let is_open = |came: &Came| matches!(came, Came::Nothing);
    while answers.iter().any(is_open) {
        let now = Instant::now();
        if now >= until {
            break;
        }
        if now >= again_at {
            again_at = now + AGAIN;
            for ((_, question), _) in questions.iter().zip(&answers).filter(|(_, came)| is_open(came)) {
                socket.send(question)?;
            }
        }
        let left = again_at.min(until).saturating_duration_since(now).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left))?;
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let Ok(message) = Message::from_octets(buffer.get(..len).unwrap_or_default().to_vec()) else {
            continue;
        };
        let asked = questions.iter().position(|(id, question)| answers_to(&message, *id, question));
        let Some(index) = asked else { continue };
        let answer = if message.header().tc() {
            let Some((id, question)) = questions.get(index) else { continue };
            // The other question's answer may be waiting.
            match ask_by_tcp(server, *id, question, halfway(until)) {
                Ok(answer) => Came::Whole(answer),
                Err(error) => Came::Cut(by_tcp(&error)),
            }
        } else {
            Came::Whole(message.into_octets())
        };
        let Some(slot) = answers.get_mut(index) else { continue };
        if let Came::Whole(answer) = &answer
            && read_answer(answer).is_ok_and(|answer| !answer.addresses.is_empty())
        {
            until = limit.min(Instant::now() + OTHER_FAMILY);
            again_at = again_at.min(halfway(until));
        }
        *slot = answer;
    }
    Ok(answers)
}

/// Why a resolver gave no answer by TCP, in words that follow that.
fn by_tcp(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "none comes".to_owned(),
        io::ErrorKind::ConnectionRefused => "it refuses the connection".to_owned(),
        io::ErrorKind::InvalidData => "it gives an answer to something else".to_owned(),
        io::ErrorKind::UnexpectedEof => "it closes the connection".to_owned(),
        _ => format!("it can't be asked: {}", words(error)),
    }
}

fn halfway(until: Instant) -> Instant {
    let now = Instant::now();
    now + until.saturating_duration_since(now) / 2
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

/// Reads an answer. The addresses are those of the name that was asked for, or that its aliases lead to.
///
/// # Errors
/// When it is no DNS message, or ends in the middle of a record before any address.
pub(super) fn read_answer(answer: &[u8]) -> Result<Answer, &'static str> {
    const UNREADABLE: &str = "an answer that can't be read";
    let message = Message::from_slice(answer).map_err(|_| UNREADABLE)?;
    let canonical = message.canonical_name();
    let mut addresses = Vec::new();
    if let Ok(records) = message.answer() {
        // Other names' addresses are not what was asked for.
        let of_v4 = records.limit_to::<A>().flatten();
        let of_v4 = of_v4.filter(|record| canonical.is_none_or(|name| name.name_eq(record.owner())));
        let of_v6 = records.limit_to::<Aaaa>().flatten();
        let of_v6 = of_v6.filter(|record| canonical.is_none_or(|name| name.name_eq(record.owner())));
        let of_v4 = of_v4.map(|record| IpAddr::V4(record.data().addr()));
        let of_v6 = of_v6.map(|record| IpAddr::V6(record.data().addr()));
        addresses.extend(of_v4.chain(of_v6).take(limits::ADDRESSES));
        if addresses.is_empty() && records.into_iter().any(|record| record.is_err()) {
            return Err(UNREADABLE);
        }
    }
    let canonical = canonical.map(|name| name.to_string());
    // The library follows 20 aliases.
    let is_loop = canonical.is_none() && message.first_question().is_some() && message.answer().is_ok();
    Ok(Answer { code: message.header().rcode(), addresses, canonical, is_loop })
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

    fn name(text: &str) -> Name<Vec<u8>> {
        text.parse().unwrap()
    }

    /// An answer with these aliases, and an address of the last one if there is to be one.
    fn answered(aliases: &[&str], address: Option<[u8; 4]>) -> (u16, Vec<u8>, Vec<u8>) {
        let (id, question) = question(&name(aliases[0]), Rtype::A).unwrap();
        let asked = Message::from_slice(&question).unwrap();
        let mut answer = MessageBuilder::new_vec().start_answer(asked, Rcode::NOERROR).unwrap();
        for pair in aliases.windows(2) {
            answer.push((name(pair[0]), 60, domain::rdata::Cname::new(name(pair[1])))).unwrap();
        }
        if let Some([a, b, c, d]) = address {
            answer.push((name(aliases.last().unwrap()), 60, A::from_octets(a, b, c, d))).unwrap();
        }
        (id, question, answer.finish())
    }

    #[test]
    fn an_answer_is_read_with_its_alias() {
        let (id, question, bytes) = answered(&["ssm.example", "host.example"], Some([192, 0, 2, 7]));
        assert!(answers_to(Message::from_slice(&bytes).unwrap(), id, &question));
        assert!(!answers_to(Message::from_slice(&bytes).unwrap(), id ^ 1, &question));
        let answer = read_answer(&bytes).unwrap();
        assert_eq!(answer.addresses, [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))]);
        assert_eq!((answer.canonical.as_deref(), answer.is_loop), (Some("host.example"), false));
    }

    #[test]
    fn another_name_s_addresses_are_none() {
        let (_, question) = question(&name("ssm.example"), Rtype::A).unwrap();
        let asked = Message::from_slice(&question).unwrap();
        let answered = |owner: &str| {
            let mut answer = MessageBuilder::new_vec().start_answer(asked, Rcode::NOERROR).unwrap();
            answer.push((name(owner), 60, A::from_octets(192, 0, 2, 7))).unwrap();
            read_answer(&answer.finish()).unwrap().addresses.len()
        };
        assert_eq!((answered("SSM.example"), answered("other.example")), (1, 0));
    }

    #[test]
    fn an_answer_that_ends_in_a_record_is_none() {
        let (_, _, bytes) = answered(&["ssm.example"], Some([192, 0, 2, 7]));
        assert!(read_answer(&bytes[..bytes.len() - 2]).is_err());
    }

    #[test]
    fn aliases_that_lead_in_a_circle_are_recognized() {
        let (_, _, bytes) = answered(&["a.example", "b.example", "a.example"], None);
        assert!(read_answer(&bytes).unwrap().is_loop);
        let (_, _, bytes) = answered(&["a.example", "b.example"], None);
        let answer = read_answer(&bytes).unwrap();
        assert_eq!((answer.canonical.as_deref(), answer.is_loop), (Some("b.example"), false));
    }

    #[test]
    fn one_family_s_failure_leaves_the_other_s_addresses() {
        let answer = |code, address: Option<&str>| {
            let addresses = address.map(|address| address.parse().unwrap()).into_iter().collect();
            Ok(Answer { code, addresses, canonical: None, is_loop: false })
        };
        let silent = || Err(Lacking::Silence);
        let cut = || Err(Lacking::Cut("none comes".to_owned()));
        let of = |a, aaaa| combined(vec![(Rtype::A, a), (Rtype::AAAA, aaaa)]);
        let found = || answer(Rcode::NOERROR, Some("192.0.2.7"));
        let nothing = || answer(Rcode::NOERROR, None);
        for (aaaa, faults) in [
            (nothing(), vec![]),
            (answer(Rcode::SERVFAIL, None), vec![(Rtype::AAAA, Lacking::Code(Rcode::SERVFAIL))]),
            (answer(Rcode::NXDOMAIN, None), vec![(Rtype::AAAA, Lacking::Code(Rcode::NXDOMAIN))]),
            (silent(), vec![(Rtype::AAAA, Lacking::Silence)]),
            (cut(), vec![(Rtype::AAAA, Lacking::Cut("none comes".to_owned()))]),
        ] {
            let reply = of(found(), aaaa).unwrap();
            assert_eq!((reply.code, reply.addresses.len(), reply.faults), (Rcode::NOERROR, 1, faults));
        }
        // Whether there are addresses is not known then.
        assert_eq!(of(nothing(), answer(Rcode::SERVFAIL, None)).unwrap().code, Rcode::SERVFAIL);
        assert_eq!(of(silent(), nothing()), Err("no answer for A".to_owned()));
        let only_cut = of(cut(), nothing()).unwrap_err();
        assert_eq!(only_cut, "its answer for A by UDP is cut (TC), and by TCP none comes");
        assert_eq!(of(nothing(), nothing()).unwrap().code, Rcode::NOERROR);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(bytes: Vec<u8>) {
            let _ = read_answer(&bytes);
        }
    }
}
