//! Sequence numbers as tcpdump shortens them, and back.
//!
//! tcpdump remembers, per conversation, the numbers of the first segment that has the ACK flag, or of the latest that
//! has SYN as well, and prints later ones relative to them (print-tcp.c, `tcp_seq_hash`). Segments without ACK, and all
//! segments with `-S`, are printed as they are. Which of the two applies follows from what fits the conversation.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::peers::Peers;
use crate::limits::TRANSCRIPT_CONVERSATIONS;
use crate::packet::{Flags, Host, Seq};

/// One end of a conversation.
type End = (Host, u16);

/// What is remembered of every conversation.
#[derive(Debug, Default)]
pub struct Numbering {
    conversations: HashMap<(End, End), Conversation, RandomState>,
    /// In the order of their first segments.
    order: VecDeque<(End, End)>,
    /// Which hosts talk to each other.
    pub peers: Peers,
    /// The form that conversations whose SYN-ACK is there turned out to have.
    usual: Option<Form>,
    /// Conversations that were forgotten because there were too many.
    pub forgotten: u64,
}

/// One conversation; the first of its two ends has side 0.
#[derive(Clone, Copy, Debug, Default)]
struct Conversation {
    /// The number of each side's latest SYN without ACK, which tcpdump prints as it is.
    syn: [Option<u32>; 2],
    /// What tcpdump subtracts from each side's numbers, once it has begun to subtract.
    bases: Option<[Option<u32>; 2]>,
    /// The number that is expected next from each side.
    next: [Option<u32>; 2],
    /// How the numbers after the first are meant, once that is clear.
    form: Option<Form>,
    /// Bytes of the TCP header of each side's latest segment after its SYN.
    header_len: [Option<u32>; 2],
    /// Whether the bases are a SYN-ACK's, which leaves no doubt that they are true numbers.
    saw_syn_ack: bool,
}

/// How numbers are printed after a conversation's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Counted from the bases.
    Relative,
    /// As they are: `-S`, or a paste that begins in the middle.
    Absolute,
}

/// A segment's numbers as a line prints them.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrintedNumbers<'a> {
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub payload_len: Option<u32>,
    /// The first digits of the number at which the payload ends, where the line was cut among them.
    pub cut_end: Option<&'a str>,
    /// The first number of its selective acknowledgement.
    pub first_sack: Option<u32>,
}

/// True numbers, as far as they can be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub seq: Option<Seq>,
    pub ack: Option<Seq>,
    /// How far `ack` is from the other side's SYN, where the SYN's own number is not known.
    pub ack_since_syn: Option<u32>,
    /// What has to be added to the numbers of `sack`.
    pub sack_base: u32,
}

/// Largest distance from the expected number that a segment of the same conversation may have: four times the
/// largest window of 65,535 << 14 would be half the number space, so a quarter of that.
const FAR: u32 = 1 << 28;

/// A number that is no further from the expected one than this is taken for one of the conversation. Windows are seldom larger than
/// 1 MiB, and two initial sequence numbers are this close by chance once in 2,048 times.
const NEAR: u32 = 1 << 20;

impl Numbering {
    /// The true numbers of a segment from `source` to `destination`.
    pub fn absolute(&mut self, source: End, destination: End, printed: &PrintedNumbers<'_>) -> Numbers {
        let as_printed = Numbers {
            seq: printed.seq.map(Seq),
            ack: printed.ack.map(Seq),
            ack_since_syn: None,
            sack_base: 0,
        };
        let Some(flags) = printed.flags else { return as_printed };
        let (key, side) =
            if source <= destination { ((source, destination), 0) } else { ((destination, source), 1) };
        if !flags.ack() && !flags.syn() {
            return match self.conversations.get(&key) {
                Some(conversation) => conversation.without_ack(side, as_printed),
                None => as_printed,
            };
        }
        if flags.ack() {
            self.peers.on_answer(destination.0, source.0);
        } else {
            self.peers.on_syn(source.0, destination.0);
        }
        let usual = self.usual.unwrap_or(Form::Relative);
        let conversation = self.conversation(key);
        if !flags.ack() {
            conversation.syn[side] = printed.seq;
            return as_printed;
        }
        let numbers = conversation.with_ack(side, flags, printed, usual);
        if conversation.saw_syn_ack && conversation.form.is_some() {
            self.usual = conversation.form;
        }
        numbers
    }

    /// Whether a SYN of `source` answers one of `destination`: that came before, or its port is the lower one.
    pub fn answers_syn(&self, source: End, destination: End) -> bool {
        let (key, side) =
            if source <= destination { ((source, destination), 0) } else { ((destination, source), 1) };
        match self.conversations.get(&key) {
            Some(conversation) if conversation.syn[1 - side].is_some() => true,
            Some(conversation) if conversation.syn[side].is_some() => false,
            _ => source.1 < destination.1,
        }
    }

    /// Payload bytes of a segment that has `tcp_bytes` after its IP header. A line that was cut within them is understood
    /// by the header that its side's segments have as a rule, if what is left of the line agrees.
    pub fn payload_len(
        &mut self,
        source: End,
        destination: End,
        printed: &PrintedNumbers<'_>,
        tcp_bytes: Option<u32>,
    ) -> Option<u32> {
        let (key, side) =
            if source <= destination { ((source, destination), 0) } else { ((destination, source), 1) };
        let conversation =
            self.conversations.get_mut(&key).filter(|_| printed.flags.is_some_and(|flags| !flags.syn()));
        let (Some(conversation), Some(tcp_bytes)) = (conversation, tcp_bytes) else {
            return printed.payload_len;
        };
        if let Some(len) = printed.payload_len {
            conversation.header_len[side] = tcp_bytes.checked_sub(len);
            return Some(len);
        }
        let len = tcp_bytes.checked_sub(conversation.header_len[side]?)?;
        let end = printed.seq?.wrapping_add(len).to_string();
        // Only a payload has an end.
        let agrees = printed.cut_end.is_some_and(|digits| end.starts_with(digits));
        (agrees && len > 0).then_some(len)
    }

    /// Another capture begins, whose numbers count from its own packets.
    pub fn begin_again(&mut self) {
        *self = Self { forgotten: self.forgotten, ..Self::default() };
    }

    fn conversation(&mut self, key: (End, End)) -> &mut Conversation {
        if self.order.len() >= TRANSCRIPT_CONVERSATIONS
            && !self.conversations.contains_key(&key)
            && let Some(oldest) = self.order.pop_front()
        {
            self.conversations.remove(&oldest);
            self.forgotten += 1;
        }
        self.conversations.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            self.peers.add(key.0, key.1);
            Conversation::default()
        })
    }
}

impl Conversation {
    /// A segment without ACK is printed as it is, which fits only where the others' true numbers are known.
    fn without_ack(&self, side: usize, as_printed: Numbers) -> Numbers {
        let fits = match self.bases {
            None => true,
            Some(bases) => {
                let is_near = |next: u32| as_printed.seq.is_some_and(|seq| distance(seq.0, next) < FAR);
                // The side's SYN was printed as it is, and so is this.
                self.syn[side].is_some()
                    || (bases[side].is_some() && self.form == Some(Form::Relative))
                    || self.next[side].is_some_and(is_near)
            }
        };
        if fits { as_printed } else { Numbers { seq: None, ..as_printed } }
    }

    fn with_ack(&mut self, side: usize, flags: Flags, printed: &PrintedNumbers<'_>, usual: Form) -> Numbers {
        let other = 1 - side;
        let bases = match self.bases {
            Some(bases) if !flags.syn() => bases,
            _ if !flags.syn()
                && (self.continues_a_syn(side, printed) || self.refuses_a_syn(side, flags, printed)) =>
            {
                self.form = Some(Form::Relative);
                *self.bases.insert(self.syn)
            }
            _ => return self.begin(side, flags, printed),
        };
        let (own, others) = (bases[side].unwrap_or(0), bases[other].unwrap_or(0));
        let sides = [(printed.seq, side, own), (printed.ack, other, others)];
        // A row may have been edited: the form is judged again where only the other one fits.
        self.form = self.form.filter(|form| !self.fits_only_otherwise(sides, *form));
        let form = self.form.unwrap_or_else(|| self.judge(sides, usual));
        let add = |number: u32, base: u32| match form {
            Form::Relative => number.wrapping_add(base),
            Form::Absolute => number,
        };
        let numbers = Numbers {
            seq: printed.seq.map(|seq| Seq(add(seq, own))),
            ack: printed.ack.map(|ack| Seq(add(ack, others))),
            // A SYN-ACK whose acknowledgement was cut off: what follows it still counts from the SYN.
            ack_since_syn: printed
                .ack
                .filter(|_| self.saw_syn_ack && bases[other].is_none() && self.form == Some(Form::Relative)),
            sack_base: add(0, others),
        };
        self.expect(side, flags, numbers, printed.payload_len);
        numbers
    }

    /// Whether this first segment with ACK is counted from a SYN before it: the SYN-ACK that tcpdump printed in full
    /// is not in the paste.
    fn continues_a_syn(&self, side: usize, printed: &PrintedNumbers<'_>) -> bool {
        let fits = |number: Option<u32>, syn: Option<u32>| {
            let (number, syn) = number.zip(syn)?;
            Some(number.wrapping_sub(1) < FAR && distance(number, syn) >= number)
        };
        fits(printed.seq, self.syn[side]).or(fits(printed.ack, self.syn[1 - side])).unwrap_or(false)
    }

    /// Whether this is the RST of a refusal as tcpdump prints it where the same ports were refused before: counted from the SYN.
    fn refuses_a_syn(&self, side: usize, flags: Flags, printed: &PrintedNumbers<'_>) -> bool {
        let is_counted = flags.rst() && printed.seq == Some(0) && printed.ack == Some(1);
        is_counted && self.syn[1 - side].is_some() && self.syn[side].is_none()
    }

    /// The segment from whose numbers tcpdump counts; its own are printed in full.
    fn begin(&mut self, side: usize, flags: Flags, printed: &PrintedNumbers<'_>) -> Numbers {
        let other = 1 - side;
        let mut bases = [None; 2];
        // An empty segment shows no number of its own; as the handshake's end it has the one after its SYN.
        let after_syn = self.syn[side].filter(|_| !flags.syn()).map(|syn| syn.wrapping_add(1));
        bases[side] = printed.seq.or(after_syn);
        bases[other] = printed.ack.map(|ack| ack.wrapping_sub(1)).or(self.syn[other]);
        self.bases = Some(bases);
        self.next = [None; 2];
        self.next[other] = bases[other].map(|base| base.wrapping_add(1));
        // A repeated SYN-ACK is printed like the first.
        if !(flags.syn() && self.saw_syn_ack) {
            self.form = None;
        }
        self.saw_syn_ack = flags.syn();
        let sack_base = bases[other].unwrap_or(0);
        let is_relative = |first: u32| {
            printed.ack.is_none_or(|ack| distance(first.wrapping_add(sack_base), ack) <= distance(first, ack))
        };
        let numbers = Numbers {
            seq: printed.seq.map(Seq),
            ack: printed.ack.map(Seq),
            ack_since_syn: None,
            sack_base: if printed.first_sack.is_some_and(is_relative) { sack_base } else { 0 },
        };
        self.expect(side, flags, numbers, printed.payload_len);
        numbers
    }

    /// Whether the numbers are far off in this form, and near what is expected in the other one.
    fn fits_only_otherwise(&self, numbers: [(Option<u32>, usize, u32); 2], form: Form) -> bool {
        let known = numbers.into_iter().filter_map(|(number, side, base)| {
            let (number, next) = (number?, self.next[side]?);
            let distances = [distance(number.wrapping_add(base), next), distance(number, next)];
            Some(if form == Form::Relative { distances } else { [distances[1], distances[0]] })
        });
        let mut known = known.peekable();
        known.peek().is_some() && known.all(|[this, other]| this >= FAR && other < NEAR)
    }

    /// Which form brings the numbers nearer to what is expected, and remembers it where there is a difference.
    fn judge(&mut self, numbers: [(Option<u32>, usize, u32); 2], usual: Form) -> Form {
        let (mut relative, mut absolute) = (0u64, 0u64);
        for (number, side, base) in numbers {
            if let (Some(number), Some(next)) = (number, self.next[side]) {
                relative += u64::from(distance(number.wrapping_add(base), next));
                absolute += u64::from(distance(number, next));
            }
        }
        // Where both are far off, as after a SYN-ACK that nobody accepted, it shows nothing.
        if relative != absolute && relative.min(absolute) < u64::from(FAR) {
            self.form = Some(if relative < absolute { Form::Relative } else { Form::Absolute });
        }
        self.form.unwrap_or(usual)
    }

    fn expect(&mut self, side: usize, flags: Flags, numbers: Numbers, payload_len: Option<u32>) {
        let sequence_space = u32::from(flags.syn()) + u32::from(flags.fin());
        if let Some(seq) = numbers.seq {
            self.next[side] = Some((seq + payload_len.unwrap_or(0) + sequence_space).0);
        }
        if flags.ack() && self.next[1 - side].is_none() {
            self.next[1 - side] = numbers.ack.map(|ack| ack.0);
        }
    }
}

/// How far apart two numbers are, whichever comes first.
fn distance(one: u32, other: u32) -> u32 {
    Seq(one).distance_from(Seq(other)).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::tcpdump::tcp::Printed;

    const CLIENT: End = (Host::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))), 40000);
    const SERVER: End = (Host::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2))), 8443);

    fn read(numbering: &mut Numbering, is_client: bool, line: &str) -> (Option<u32>, Option<u32>) {
        let printed = Printed::parse(line).expect("TCP");
        let (source, destination) = if is_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let numbers = numbering.absolute(source, destination, &printed.numbers());
        (numbers.seq.map(|seq| seq.0), numbers.ack.map(|ack| ack.0))
    }

    #[test]
    fn after_a_syn_ack_whose_acknowledgement_was_cut_it_still_counts_from_the_syn() {
        let since_syn = |lines: [&str; 3]| {
            let mut numbering = Numbering::default();
            lines.map(|line| {
                let printed = Printed::parse(line).expect("TCP");
                numbering.absolute(SERVER, CLIENT, &printed.numbers()).ack_since_syn
            })
        };
        let syn_ack = "Flags [S.], cksum 0x1 (correct), seq 700000000, ack 21287";
        assert_eq!(
            since_syn([
                syn_ack,
                "Flags [.], seq 1, ack 27",
                "Flags [P.], seq 1:99, ack 276, win 128, length 98"
            ]),
            [None, None, Some(276)]
        );
        let whole = "Flags [S.], seq 700000000, ack 2128721132, win 128, length 0";
        let absolute = "Flags [P.], seq 700000001:700000099, ack 2128721407, win 128, length 98";
        assert_eq!(since_syn([whole, "Flags [.], ack 1, win 1", "Flags [.], ack 276, win 1"]), [None; 3]);
        assert_eq!(since_syn([syn_ack, absolute, absolute]), [None; 3]);
    }

    #[test]
    fn the_handshake_shows_the_bases_even_where_the_syn_ack_was_cut() {
        let mut numbering = Numbering::default();
        assert_eq!(read(&mut numbering, true, "Flags [S], seq 1000, win 1, length 0"), (Some(1000), None));
        assert_eq!(read(&mut numbering, false, "Flags [S.], seq 5000, ack 10"), (Some(5000), None));
        assert_eq!(
            read(&mut numbering, true, "Flags [P.], seq 1:173, ack 1, win 9"),
            (Some(1001), Some(5001))
        );
        assert_eq!(read(&mut numbering, true, "Flags [R], seq 1173, win 0, length 0"), (Some(1173), None));
    }

    #[test]
    fn where_no_base_is_known_numbers_count_from_the_first() {
        let mut numbering = Numbering::default();
        assert_eq!(read(&mut numbering, true, "Flags [S], seq 74"), (None, None));
        assert_eq!(
            read(&mut numbering, false, "Flags [S.], seq 3000000000, ack 74"),
            (Some(3_000_000_000), None)
        );
        assert_eq!(
            read(&mut numbering, true, "Flags [.], seq 1, ack 1, win 9"),
            (Some(1), Some(3_000_000_001))
        );
        // Printed in full, it can't be placed among numbers that count from 0.
        assert_eq!(read(&mut numbering, true, "Flags [R], seq 746386211, win 0, length 0"), (None, None));
    }

    #[test]
    fn a_paste_from_the_middle_is_not_counted_twice() {
        let mut numbering = Numbering::default();
        assert_eq!(
            read(&mut numbering, true, "Flags [P.], seq 173:367, ack 1595, win 9"),
            (Some(173), Some(1595))
        );
        assert_eq!(
            read(&mut numbering, false, "Flags [P.], seq 1595:1600, ack 367, win 9"),
            (Some(1595), Some(367))
        );
    }

    #[test]
    fn a_missing_syn_ack_is_bridged_by_the_syn() {
        let mut numbering = Numbering::default();
        read(&mut numbering, true, "Flags [S], seq 74638621, win 1, length 0");
        assert_eq!(read(&mut numbering, true, "Flags [.], seq 1, ack 1, win 9"), (Some(74_638_622), Some(1)));
    }

    #[test]
    fn a_length_that_the_line_lacks_follows_from_the_header_of_other_segments() {
        let mut numbering = Numbering::default();
        let mut read = |line: &str, tcp_bytes: u32| {
            let printed = Printed::parse(line).expect("TCP");
            numbering.absolute(CLIENT, SERVER, &printed.numbers());
            numbering.payload_len(CLIENT, SERVER, &printed.numbers(), Some(tcp_bytes))
        };
        assert_eq!(read("Flags [S], seq 1000, win 1, options [mss 1460", 40), Some(0));
        assert_eq!(read("Flags [P.], seq 1:2", 52), None);
        assert_eq!(read("Flags [P.], seq 1:246, ack 1, win 63, options [nop", 277), Some(245));
        // A header of 32 bytes; the digits of 253.
        assert_eq!(read("Flags [P.], cksum 0xec7f (incorrect -> 0x4bbf), seq 246:25", 39), Some(7));
        assert_eq!(read("Flags [P.], cksum 0xec7f (incorrect -> 0x4bbf), seq 246:27", 39), None);
        assert_eq!(read("Flags [P.], cksum 0xec7f (incorrect -> 0x4bbf), seq 246:", 39), Some(7));
        assert_eq!(read("Flags [P.], cksum 0xec7f (incorrect -> 0x4bbf), seq 246", 39), None);
        assert_eq!(read("Flags [F.], cksum 0xec7f (incorrect -> 0x4bbf), seq 253, a", 32), Some(0));
    }

    #[test]
    fn where_one_row_was_edited_the_others_show_the_form() {
        let mut numbering = Numbering::default();
        read(&mut numbering, true, "Flags [S], seq 2800000000, win 1, length 0");
        read(&mut numbering, false, "Flags [S.], seq 1100000000, ack 2800000001, win 1, length 0");
        let ack = "Flags [.], ack 1100000001, win 1, length 0";
        assert_eq!(read(&mut numbering, true, ack), (None, Some(1_100_000_001)));
        let data = "Flags [P.], seq 1:518, ack 1, win 1, length 517";
        assert_eq!(read(&mut numbering, true, data), (Some(2_800_000_001), Some(1_100_000_001)));
        assert_eq!(
            read(&mut numbering, false, "Flags [.], ack 518, win 1, length 0"),
            (None, Some(2_800_000_518))
        );
    }

    #[test]
    fn conversations_are_bounded() {
        let mut numbering = Numbering::default();
        let printed = Printed::parse("Flags [S], seq 1, win 2, length 0").expect("TCP");
        for number in 0..=TRANSCRIPT_CONVERSATIONS as u32 {
            let address = Host::from(Ipv4Addr::from_bits(number));
            numbering.absolute((address, 1), SERVER, &printed.numbers());
        }
        assert_eq!((numbering.forgotten, numbering.conversations.len()), (1, TRANSCRIPT_CONVERSATIONS));
    }

    proptest! {
        /// What tcpdump prints of a handshake and two data segments, with and without `-S`, at any initial numbers.
        #[test]
        fn printed_numbers_are_undone(client: u32, server: u32, len in 1u32..100_000, is_s: bool) {
            let (first, reply) = (client.wrapping_add(1), server.wrapping_add(1));
            let after = first.wrapping_add(len);
            let shorten = |number: u32, base: u32| if is_s { number } else { number.wrapping_sub(base) };
            let mut numbering = Numbering::default();
            read(&mut numbering, true, &format!("Flags [S], seq {client}, win 1, length 0"));
            read(&mut numbering, false, &format!("Flags [S.], seq {server}, ack {first}, win 1, length 0"));
            let (seq, end, ack) = (shorten(first, client), shorten(after, client), shorten(reply, server));
            let data = format!("Flags [P.], seq {seq}:{end}, ack {ack}, win 1, length {len}");
            prop_assert_eq!(read(&mut numbering, true, &data), (Some(first), Some(reply)));
            let answer = format!("Flags [.], seq {ack}, ack {end}, win 1, length 0");
            prop_assert_eq!(read(&mut numbering, false, &answer), (Some(reply), Some(after)));
        }
    }

    #[test]
    fn where_only_the_client_s_packets_are_there_its_numbers_count_from_the_syn() {
        let mut numbering = Numbering::default();
        assert_eq!(read(&mut numbering, true, "Flags [S], seq 4000, win 1, length 0"), (Some(4000), None));
        assert_eq!(read(&mut numbering, true, "Flags [.], ack 9001, win 1, length 0"), (None, Some(9001)));
        assert_eq!(
            read(&mut numbering, true, "Flags [P.], seq 0:198, ack 1, win 1, length 198"),
            (Some(4001), Some(9001))
        );
    }
}
