//! TCP between two ends as a capture at the client shows it, with what networks do to segments.

use crate::support::random::Random;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Client,
    Server,
}

use End::{Client, Server};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// Microseconds.
const MILLISECOND: u64 = 1_000;
const SECOND: u64 = 1_000_000;

/// One connection being played.
pub struct Conversation {
    frames: Vec<(u64, Vec<u8>)>,
    port: u16,
    server_port: u16,
    is_ipv6: bool,
    has_timestamps: bool,
    /// Time of the next packet in microseconds.
    now: u64,
    began: u64,
    /// When the capture began to show the last of the handshake, and when all of it had arrived.
    established: Option<(u64, u64)>,
    shown: u64,
    round_trip: u64,
    segment_size: usize,
    /// Something happens to one segment in this many; 0 is a quiet network.
    trouble: usize,
    /// Next sequence number and IP identification of the client and the server.
    next: [u32; 2],
    ids: [u16; 2],
    hops: [u8; 2],
}

struct Segment<'a> {
    from: End,
    flags: u8,
    seq: u32,
    ack: u32,
    window: u16,
    payload: &'a [u8],
    /// Received above the acknowledgement.
    selective: Option<(u32, u32)>,
}

impl Conversation {
    pub fn new(place: u64, random: &mut Random) -> Self {
        let began = random.of(0..4_000) as u64 * MILLISECOND;
        Self {
            frames: Vec::new(),
            port: 20_000 + place as u16,
            server_port: random.pick(&[8443, 443]),
            is_ipv6: random.once_in(4),
            has_timestamps: !random.once_in(4),
            now: began,
            began,
            established: None,
            shown: began,
            round_trip: random.pick(&[60, 400, 3_000, 20_000, 80_000, 240_000]),
            segment_size: random.pick(&[536, 1_200, 1_380, 1_428, 1_448]),
            trouble: random.pick(&[0, 0, 40, 12]),
            next: [random.next() as u32, random.pick(&[random_near_wrap(), 7, 3_000_000_000])],
            ids: [random.next() as u16, random.next() as u16],
            hops: [64, random.pick(&[63, 55, 118, 240])],
        }
    }

    pub fn client_port(&self) -> u16 {
        self.port
    }

    /// The codes that are right: near the bound the moment decides that counts as established.
    pub fn expected(&self) -> &'static [&'static str] {
        let Some((shown, arrived)) = self.established else { return &[] };
        match (shown - self.began, arrived - self.began) {
            (_, 0..1_900_000) => &["healthy"],
            (2_300_000.., _) => &["slow"],
            _ => &["healthy", "slow"],
        }
    }

    pub fn wait(&mut self, millis: usize) {
        self.now += millis as u64 * MILLISECOND;
    }

    /// The handshake is complete with the last message.
    pub fn is_established(&mut self) {
        self.established = Some((self.shown, self.now));
    }

    /// The TCP handshake, with lost and repeated packets.
    pub fn open(&mut self, random: &mut Random) {
        let first = self.next;
        let mut timeout = SECOND;
        for _ in 0..random.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]) {
            self.send(Client, SYN, first[0], 0, &[]);
            self.now += timeout;
            timeout *= 2;
        }
        self.send(Client, SYN, first[0], 0, &[]);
        self.now += self.round_trip;
        self.next = first.map(|seq| seq.wrapping_add(1));
        self.send(Server, SYN | ACK, first[1], self.next[0], &[]);
        if random.once_in(40) {
            // The client's acknowledgement was lost, and the SYN-ACK comes again.
            self.acknowledge(Client);
            self.now += SECOND;
            self.send(Server, SYN | ACK, first[1], self.next[0], &[]);
        }
        self.acknowledge(Client);
    }

    /// Bytes of one end, in segments, with what becomes of them; all are delivered in the end.
    pub fn say(&mut self, from: End, bytes: &[u8], random: &mut Random) {
        self.now += self.round_trip / 2 + random.of(5..300) as u64;
        self.shown = self.now;
        let start = self.next[from as usize];
        let size = if random.once_in(30) { random.of(20..200) } else { self.segment_size };
        let mut pieces: Vec<(u32, &[u8])> = Vec::new();
        let mut seq = start;
        for piece in bytes.chunks(size) {
            pieces.push((seq, piece));
            seq = seq.wrapping_add(piece.len() as u32);
        }
        let ack = self.next[1 - from as usize];
        let other = from.other();
        if self.trouble > 0 && pieces.len() > 1 && random.once_in(self.trouble) {
            let at = random.of(1..pieces.len());
            pieces.swap(at - 1, at);
        }
        // RFC 5681, 4.2: what fills a hole, or comes again, is acknowledged at once.
        let mut is_repeated = false;
        let mut lost = Vec::new();
        let mut holds_from = None;
        for (index, (seq, piece)) in pieces.iter().enumerate() {
            let flags = if index + 1 == pieces.len() { ACK | PSH } else { ACK };
            let fate = if self.trouble > 0 && random.once_in(self.trouble) { random.of(0..5) } else { 9 };
            match fate {
                // Lost before the capture sees it.
                0 if from == Server => lost.push((*seq, *piece, true)),
                // Lost beyond the capture.
                0 | 1 => {
                    self.send(from, flags, *seq, ack, piece);
                    lost.push((*seq, *piece, false));
                }
                // Doubled by the network.
                2 => {
                    is_repeated = true;
                    self.send(from, flags, *seq, ack, piece);
                    self.repeat_last();
                }
                // Sent again although it arrived.
                3 => {
                    is_repeated = true;
                    self.send(from, flags, *seq, ack, piece);
                    self.now += 250 * MILLISECOND;
                    self.send(from, flags, *seq, ack, piece);
                }
                _ => self.send(from, flags, *seq, ack, piece),
            }
            self.now += random.of(2..60) as u64;
            if let Some((hole, ..)) = lost.first()
                && fate > 1
            {
                let left = *holds_from.get_or_insert(*seq);
                if left.wrapping_sub(*hole) < 1 << 31 {
                    let right = seq.wrapping_add(piece.len() as u32);
                    self.report_hole(other, *hole, (left, right));
                }
            }
        }
        self.next[from as usize] = start.wrapping_add(bytes.len() as u32);
        is_repeated |= !lost.is_empty();
        for (seq, piece, is_unseen) in lost {
            self.now += self.round_trip + random.of(200..400) as u64 * MILLISECOND;
            self.send(from, ACK | PSH, seq, ack, piece);
            if is_unseen {
                self.shown = self.now;
            }
        }
        if !random.once_in(3) || is_repeated {
            self.acknowledge(other);
        }
        if random.once_in(12) {
            self.update_window(other, random);
        }
    }

    /// A bare acknowledgement of all that the other end sent.
    pub fn acknowledge(&mut self, from: End) {
        self.now += 10;
        let (seq, ack) = (self.next[from as usize], self.next[1 - from as usize]);
        self.send(from, ACK, seq, ack, &[]);
    }

    /// Idle seconds, with keep-alives of TCP.
    pub fn idle(&mut self, seconds: usize, from: End) {
        for _ in 0..seconds.min(4) {
            self.now += SECOND * seconds as u64 / 4;
            let (seq, ack) = (self.next[from as usize].wrapping_sub(1), self.next[1 - from as usize]);
            self.send(from, ACK, seq, ack, &[]);
            self.acknowledge(from.other());
        }
    }

    pub fn finish(&mut self, from: End) {
        self.now += self.round_trip / 2 + 20;
        let (seq, ack) = (self.next[from as usize], self.next[1 - from as usize]);
        self.next[from as usize] = seq.wrapping_add(1);
        self.send(from, FIN | ACK, seq, ack, &[]);
    }

    pub fn reset(&mut self, from: End, is_stateless: bool) {
        self.now += 20;
        let (seq, ack) = (self.next[from as usize], self.next[1 - from as usize]);
        let (flags, ack) = if is_stateless { (RST, 0) } else { (RST | ACK, ack) };
        self.send(from, flags, seq, ack, &[]);
    }

    fn update_window(&mut self, from: End, random: &mut Random) {
        let (seq, ack) = (self.next[from as usize], self.next[1 - from as usize]);
        let windows: &[u16] = if random.once_in(4) { &[0, 900] } else { &[700] };
        for window in windows {
            self.now += 300;
            self.push(&Segment {
                from,
                flags: ACK,
                seq,
                ack,
                window: *window,
                payload: &[],
                selective: None,
            });
        }
    }

    fn report_hole(&mut self, from: End, ack: u32, block: (u32, u32)) {
        let seq = self.next[from as usize];
        let segment =
            Segment { from, flags: ACK, seq, ack, window: 500, payload: &[], selective: Some(block) };
        self.push(&segment);
    }

    fn send(&mut self, from: End, flags: u8, seq: u32, ack: u32, payload: &[u8]) {
        let window = if flags & RST == 0 { 500 } else { 0 };
        self.push(&Segment { from, flags, seq, ack, window, payload, selective: None });
    }

    fn repeat_last(&mut self) {
        let frame = self.frames.last().expect("something was sent").1.clone();
        self.now += 40;
        self.frames.push((self.now, frame));
    }

    fn push(&mut self, segment: &Segment<'_>) {
        let mut options = Vec::new();
        if segment.flags & SYN != 0 {
            options.extend([2, 4]);
            options.extend((self.segment_size as u16 + 12).to_be_bytes());
            options.extend([1, 1, 4, 2]);
        }
        if self.has_timestamps && segment.flags & RST == 0 {
            options.extend([1, 1, 8, 10]);
            options.extend(((self.now / MILLISECOND) as u32).to_be_bytes());
            options.extend([0, 0, 0, 1]);
        }
        if let Some((left, right)) = segment.selective {
            options.extend([1, 1, 5, 10]);
            options.extend(left.to_be_bytes());
            options.extend(right.to_be_bytes());
        }
        let ports = match segment.from {
            Client => [self.port, self.server_port],
            Server => [self.server_port, self.port],
        };
        let mut tcp: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
        tcp.extend(segment.seq.to_be_bytes());
        tcp.extend(segment.ack.to_be_bytes());
        tcp.extend([((20 + options.len()) as u8 / 4) << 4, segment.flags]);
        tcp.extend(segment.window.to_be_bytes());
        tcp.extend([0, 0, 0, 0]);
        tcp.extend(options);
        tcp.extend(segment.payload);
        let end = segment.from as usize;
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if self.is_ipv6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((tcp.len() as u16).to_be_bytes());
            frame.extend([6, self.hops[end]]);
            for last in [10 + end as u8 * 10, 20 - end as u8 * 10] {
                frame.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
            }
        } else {
            self.ids[end] = self.ids[end].wrapping_add(1).max(1);
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + tcp.len() as u16).to_be_bytes());
            frame.extend(self.ids[end].to_be_bytes());
            frame.extend([0x40, 0, self.hops[end], 6, 0, 0]);
            for last in [10 + end as u8 * 10, 20 - end as u8 * 10] {
                frame.extend([192, 0, 2, last]);
            }
        }
        frame.extend(tcp);
        self.now += 1;
        self.frames.push((self.now, frame));
    }
}

impl End {
    pub fn other(self) -> Self {
        if self == Client { Server } else { Client }
    }
}

/// An initial sequence number whose stream passes the modulus.
const fn random_near_wrap() -> u32 {
    u32::MAX - 500
}

/// The conversations as one pcap, in the order of time, and cut.
pub fn pcap<'a>(conversations: impl Iterator<Item = &'a Conversation>, snaplen: usize) -> Vec<u8> {
    let mut frames: Vec<&(u64, Vec<u8>)> =
        conversations.flat_map(|conversation| &conversation.frames).collect();
    frames.sort_by_key(|(at, _)| *at);
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for (at, frame) in frames {
        let kept = &frame[..frame.len().min(snaplen)];
        file.extend((1_700_000_000 + (at / SECOND) as u32).to_le_bytes());
        file.extend(((at % SECOND) as u32).to_le_bytes());
        file.extend((kept.len() as u32).to_le_bytes());
        file.extend((frame.len() as u32).to_le_bytes());
        file.extend(kept);
    }
    file
}
