//! Requests and answers inside TLS, as far as sizes, directions and times show them: who spoke in turn.
//!
//! What is encrypted shows no requests. A connection on which the client's messages were answered one after the other, each
//! before the next, is taken for one of requests and answers, and then a message that is as large as those is one as well. What
//! pushes, streams or sends messages that nobody answers breaks the turns, and is never judged by them.

use super::Moment;
use crate::time::Elapsed;
use crate::tls::{RECORD_HEADER_BYTES, content_bytes};

/// Fewer bytes than this, without the record's protection, ask for nothing: HTTP/2's acknowledgements, pings and window updates,
/// two of the latter in one record (RFC 9113, 6), and a goodbye such as `QUIT`.
const SHORTEST_REQUEST: u32 = 27;

/// HTTP/2's frames that ask for nothing, with their headers, in bytes: an acknowledgement of settings, a window update or a reset of a
/// stream, and a ping (RFC 9113, 6).
const CONTROL_FRAMES: [u32; 3] = [9, 13, 17];

/// Two acknowledgements of settings, which a client has no reason to send together: a request with compressed headers is as long.
const TWO_ACKNOWLEDGEMENTS: u32 = 18;

/// A message whose sender paused longer than this, or paused twice, is none that was written at once: curl waits 1 s between a
/// request's header and its body (`Expect: 100-continue`).
const LONGEST_PAUSE: Elapsed = Elapsed::from_millis(1_500);
const PAUSE: Elapsed = Elapsed::from_millis(300);

/// A client that says goodbye later than this after a message was waiting for the answer and gave up.
const TAKEN_BACK_WITHIN: Elapsed = Elapsed::from_millis(3_000);

/// With this many pauses between them, messages wait for no answer.
const ONE_WAY_PAUSES: u32 = 3;

/// The same of pauses longer than [`LONGEST_PAUSE`], where the protocol has one request at a time.
const ONE_WAY_LONG_PAUSES: u32 = 2;

/// A server that continues after this long without being asked is pushing.
const PUSHED_AFTER: Elapsed = Elapsed::from_millis(1_000);

/// An answer is late only if it takes this many times as long as the slowest one before it: a client that polls for long gets its
/// answers late.
const SLOWER: i64 = 3;

/// The client's messages and the server's answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turns {
    /// The client's latest message, as long as no byte of an answer came.
    open: Option<Turn>,
    /// A record that the client has begun since the server spoke last, as long as neither its end nor a byte of the server came.
    begun: Option<Turn>,
    /// The shortest message that was answered, in bytes.
    shortest: Option<u32>,
    /// The longest time that an answer took.
    slowest: Elapsed,
    /// The server's last data.
    last_answer: Option<Moment>,
    /// The client's latest message, where all that the server sent after it may be session tickets.
    doubtful: Option<Turn>,
    /// One of the sides spoke when it was not its turn.
    is_irregular: bool,
    /// The last packet of the client's latest message, as long as nothing came that is certain to be an answer.
    waits: Option<Moment>,
    /// The message that waited longest for its answer.
    latest: Option<Answered>,
    /// The client's latest message that is shorter than that and no sum of control frames, as long as the server sent nothing: where it
    /// is HTTP/2, it may be a request whose header is compressed to a few bytes.
    short: Option<Moment>,
    /// The last packet of the client's latest message, where all that the server sent after it is as short as HTTP/2's control frames.
    framed: Option<Moment>,
    /// How long after a bare acknowledgement of the client's first request the server's first bytes after it came.
    after_acknowledgement: Option<Elapsed>,
    /// The same of bytes that the capture lacks, up to the client's acknowledgement of them.
    unseen_after_acknowledgement: Option<Elapsed>,
    /// Bytes of the client that the capture lacks, as acknowledgements of them show, until the client's next segment shows it too.
    unseen: u64,
    /// A message of this length is those bytes.
    known: Option<u32>,
}

/// A message of the client and the beginning of its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The message's last packet.
    pub asked: Moment,
    /// The first packet of the answer.
    pub answered: Moment,
}

impl Answered {
    /// How long the answer took.
    pub fn elapsed(&self) -> Elapsed {
        self.answered.at - self.asked.at
    }
}

/// A message of the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Its first packet.
    pub first: Moment,
    /// Its last packet.
    pub last: Moment,
    /// The server's acknowledgement of all of it.
    pub acknowledged: Option<Moment>,
    /// Its bytes, without what protects the records.
    bytes: u32,
    /// How often its sender paused in its middle.
    pauses: u32,
    /// How many of these pauses were long.
    long_pauses: u32,
}

impl Turn {
    fn new(moment: Moment, bytes: u32) -> Self {
        Self { first: moment, last: moment, acknowledged: None, bytes, pauses: 0, long_pauses: 0 }
    }

    /// Whether it is longer than any close_notify, protected as it may be: only its size is known in text without payload.
    pub(in crate::story) fn is_longer_than_a_farewell(&self) -> bool {
        /// A record of 80 bytes, as CBC with SHA-384 makes of one, without what is taken for protection.
        const LONGEST: u32 = 56;
        self.bytes > LONGEST
    }
}

impl Turns {
    /// Records a record of application data of the client, by the bytes of its body.
    pub(in crate::story) fn on_client(&mut self, moment: Moment, len: u32, is_tls13: bool) {
        let bytes = content_bytes(len, is_tls13);
        self.begun = None;
        if bytes >= SHORTEST_REQUEST {
            self.waits = Some(moment);
        } else if !is_control(bytes) || bytes == TWO_ACKNOWLEDGEMENTS {
            self.short = Some(moment);
        }
        let Some(turn) = &mut self.open else {
            self.doubtful = self.doubtful.filter(|_| bytes < SHORTEST_REQUEST);
            self.open = (bytes >= SHORTEST_REQUEST).then(|| Turn::new(moment, bytes));
            return;
        };
        let pause = moment.at - turn.last.at;
        if bytes < SHORTEST_REQUEST && pause >= PAUSE {
            // The client takes it back, or says goodbye.
            if pause < TAKEN_BACK_WITHIN {
                self.open = None;
            }
            return;
        }
        self.is_irregular |= pause >= LONGEST_PAUSE || turn.pauses > 0 && pause >= PAUSE;
        turn.pauses += u32::from(pause >= PAUSE);
        turn.long_pauses += u32::from(pause >= LONGEST_PAUSE);
        turn.last = moment;
        turn.acknowledged = None;
        turn.bytes = turn.bytes.saturating_add(bytes);
    }

    /// Records new bytes of the client in a record that lacks its end, and whether the record begins with them. What follows a byte of the
    /// server's begins nothing.
    pub(in crate::story) fn on_part(&mut self, moment: Moment, bytes: u32, begins: bool) {
        match &mut self.begun {
            Some(part) => {
                part.last = moment;
                part.acknowledged = None;
                part.bytes = part.bytes.saturating_add(bytes);
            }
            None => self.begun = begins.then(|| Turn::new(moment, bytes)),
        }
    }

    /// Whether a record of this length on the wire, header included, may be a request: a close_notify and what else asks for nothing are
    /// shorter.
    pub(in crate::story) fn may_ask(wire_bytes: u64, is_tls13: bool) -> bool {
        let body = u32::try_from(wire_bytes).unwrap_or(u32::MAX).saturating_sub(RECORD_HEADER_BYTES);
        content_bytes(body, is_tls13) >= SHORTEST_REQUEST
    }

    /// The client said goodbye, and waits for no answer.
    pub(in crate::story) fn on_goodbye(&mut self) {
        self.open = None;
        self.begun = None;
        self.waits = None;
        self.short = None;
    }

    /// Records new bytes of the server, which may be session tickets and no answer.
    pub(in crate::story) fn on_server(&mut self, moment: Moment, may_be_tickets: bool) {
        self.short = None;
        self.begun = None;
        if !may_be_tickets && let Some(asked) = self.waits.take() {
            let answered = Answered { asked, answered: moment };
            if self.latest.is_none_or(|latest| answered.elapsed() > latest.elapsed()) {
                self.latest = Some(answered);
            }
        }
        match self.open.take() {
            Some(turn) => {
                self.shortest = Some(self.shortest.map_or(turn.bytes, |bytes| bytes.min(turn.bytes)));
                self.slowest = self.slowest.max(moment.at - turn.last.at);
                self.doubtful = Some(turn).filter(|_| may_be_tickets);
            }
            // After tickets, this is the answer.
            None if self.doubtful.is_some() => {
                if !may_be_tickets && let Some(turn) = self.doubtful.take() {
                    self.slowest = self.slowest.max(moment.at - turn.last.at);
                }
            }
            None => {
                self.is_irregular |= self.last_answer.is_some_and(|last| moment.at - last.at >= PUSHED_AFTER);
            }
        }
        self.last_answer = Some(moment);
    }

    /// The last packet of the client's message that may be a request, as long as the server sent nothing after it. Control frames ask for
    /// such frames at most.
    pub(in crate::story) fn pending(&self) -> Option<Moment> {
        self.open.filter(|turn| !is_control(turn.bytes)).map(|turn| turn.last).or(self.short)
    }

    /// Records whether what the server sent after `asked`, or after what it had answered so already, is no longer than HTTP/2's control
    /// frames.
    pub(in crate::story) fn on_frames(&mut self, asked: Option<Moment>, are_frames: bool) {
        self.framed = asked.or(self.framed).filter(|_| are_frames);
    }

    /// The last packet of the client's latest message, where all that the server sent after it is as short as HTTP/2's control frames.
    pub(in crate::story) fn framed(&self) -> Option<Moment> {
        self.framed
    }

    /// The server acknowledged all that the client had sent.
    pub(in crate::story) fn on_acknowledgement(&mut self, moment: Moment) {
        for turn in [&mut self.open, &mut self.begun].into_iter().flatten() {
            turn.acknowledged.get_or_insert(moment);
        }
    }

    /// The client's latest message, as long as no byte of an answer came.
    pub fn open(&self) -> Option<&Turn> {
        self.open.as_ref()
    }

    /// Whether the client has sent message after message since the server spoke last, with pauses between them, as a program does that
    /// logs, publishes or streams. A few unanswered requests look alike, so it takes more; fewer where the client can't have several
    /// requests open, as it can in HTTP/2.
    pub fn is_one_way(&self, may_be_http2: bool) -> bool {
        let is_paused = |turn: Turn| {
            turn.pauses >= ONE_WAY_PAUSES || !may_be_http2 && turn.long_pauses >= ONE_WAY_LONG_PAUSES
        };
        self.open.is_some_and(is_paused)
    }

    /// An acknowledgement shows that the client sent bytes that the capture lacks.
    pub(in crate::story) fn on_unseen_request(&mut self, bytes: u64) {
        self.unseen = self.unseen.saturating_add(bytes);
    }

    /// The client's next segment follows a gap of this many bytes. Those that were acknowledged before are not sent
    /// with it.
    pub(in crate::story) fn on_gap(&mut self, bytes: u32, is_tls13: bool) {
        let body = bytes.saturating_sub(RECORD_HEADER_BYTES);
        let is_known = std::mem::take(&mut self.unseen) == u64::from(bytes);
        self.known = is_known.then(|| content_bytes(body, is_tls13));
    }

    /// Whether a record that fills the gap, by the bytes of its body, is what was acknowledged before.
    pub(in crate::story) fn is_known(&mut self, len: u32, is_tls13: bool) -> bool {
        self.known.take_if(|known| *known == content_bytes(len, is_tls13)).is_some()
    }

    /// That segment was read.
    pub(in crate::story) fn after_gap(&mut self) {
        self.known = None;
    }

    /// The server sent bytes that the capture does not hold, which may be the answer.
    pub(in crate::story) fn on_unseen(&mut self) {
        self.open = None;
        self.begun = None;
        self.waits = None;
        self.short = None;
    }

    /// The server's bytes that followed its bare acknowledgement of the client's first request came this long after it.
    pub(in crate::story) fn on_bytes_after_acknowledgement(&mut self, elapsed: Elapsed) {
        self.after_acknowledgement.get_or_insert(elapsed);
    }

    /// The same of bytes that the capture lacks, and that the client acknowledged this long after it.
    pub(in crate::story) fn on_unseen_after_acknowledgement(&mut self, elapsed: Elapsed) {
        self.unseen_after_acknowledgement.get_or_insert(elapsed);
    }

    /// Whether the server's first bytes that followed its acknowledgement of the first request came later than `within`: they
    /// answer it.
    pub(in crate::story) fn is_answer_late(&self, within: Elapsed) -> bool {
        self.after_acknowledgement.is_some_and(|elapsed| elapsed > within)
    }

    /// The same of bytes that the capture lacks.
    pub(in crate::story) fn is_unseen_answer_late(&self, within: Elapsed) -> bool {
        self.unseen_after_acknowledgement.is_some_and(|elapsed| elapsed > within)
    }

    /// The message of the client that waited longest for its answer.
    pub fn latest_answer(&self) -> Option<Answered> {
        self.latest
    }

    /// The client's latest message, if it is a request after others that were answered, and no byte of its answer came.
    pub fn later_request(&self) -> Option<&Turn> {
        let shortest = self.shortest.filter(|_| !self.is_irregular)?;
        self.open.as_ref().filter(|turn| turn.bytes >= shortest / 2)
    }

    /// A record of the client that lacks its end, if it begins a request after others that were answered, and no byte of the server
    /// followed it.
    pub(in crate::story) fn begun_request(&self) -> Option<&Turn> {
        let shortest = self.shortest.filter(|_| !self.is_irregular)?;
        self.begun.as_ref().filter(|turn| turn.bytes >= shortest / 2)
    }

    /// What may be a request after others that were answered, though it is shorter than those; no byte of the server followed it. The
    /// client offers HTTP/2, or the capture does not show that it does not.
    pub(in crate::story) fn short_request(&self, offers_http2: bool, may_be_http2: bool) -> Option<Moment> {
        let shortest = self.shortest.filter(|_| !self.is_irregular)?;
        // One that is much shorter than those before is no acknowledgement either, unless it has the size of HTTP/2's.
        let may_ask = |turn: &&Turn| !(may_be_http2 && is_control(turn.bytes));
        let small = self.open.as_ref().filter(|turn| turn.bytes < shortest / 2).filter(may_ask);
        self.short.filter(|_| offers_http2).or(small.map(|turn| turn.last))
    }

    /// Whether a record of the server's with a body of this length may hold nothing but HTTP/2's frames that answer no request.
    pub(in crate::story) fn may_be_control_frames(body: u32, is_tls13: bool) -> bool {
        /// Two frames of those: the headers of a first answer are longer.
        const LONGEST: u32 = 27;
        let bytes = content_bytes(body, is_tls13);
        bytes <= LONGEST && is_control(bytes)
    }

    /// How long an answer may take, where the stall time is `stall_after`.
    pub(in crate::story) fn patience(&self, stall_after: Elapsed) -> Elapsed {
        stall_after.max(self.slowest.times(SLOWER))
    }
}

/// Whether a message of this length may be HTTP/2's control frames and nothing else. More of them come together seldom.
fn is_control(bytes: u32) -> bool {
    const MOST: u32 = 3;
    is_sum_of_frames(bytes, MOST)
}

fn is_sum_of_frames(bytes: u32, most: u32) -> bool {
    let is_frame =
        |frame: &u32| bytes.checked_sub(*frame).is_some_and(|rest| is_sum_of_frames(rest, most - 1));
    bytes == 0 || most > 0 && CONTROL_FRAMES.iter().any(is_frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn sums_of_control_frames_ask_for_nothing() {
        for bytes in [9, 13, 17, 18, 22, 26] {
            assert!(is_control(bytes), "{bytes}");
        }
        for bytes in [10, 16, 19, 20, 21, 25] {
            assert!(!is_control(bytes), "{bytes}");
        }
    }

    fn at(number: u64, millis: i64) -> Moment {
        Moment { number, at: Timestamp::from_parts(1_700_000_000, 0) + Elapsed::from_millis(millis) }
    }

    /// A client that asks with 300 bytes at each of these times, and a server that answers 50 ms later.
    fn asked(times: &[i64]) -> Turns {
        let mut turns = Turns::default();
        for time in times {
            turns.on_client(at(1, *time), 317, true);
            turns.on_server(at(2, time + 50), false);
        }
        turns
    }

    #[test]
    fn a_message_as_large_as_those_that_were_answered_is_a_request() {
        let mut turns = asked(&[0, 5_000]);
        assert_eq!(turns.later_request(), None);
        turns.on_client(at(5, 20_000), 200, true);
        assert_eq!(turns.later_request().map(|turn| turn.first.number), Some(5));
        turns.on_unseen();
        assert_eq!(turns.later_request(), None);
    }

    #[test]
    fn the_first_message_and_short_ones_are_none() {
        let mut turns = Turns::default();
        turns.on_client(at(1, 0), 317, true);
        assert_eq!(turns.later_request(), None);
        for len in [26, 34, 43, 150] {
            let mut turns = asked(&[0]);
            turns.on_client(at(5, 9_000), len, true);
            assert_eq!(turns.later_request(), None, "{len}");
        }
    }

    #[test]
    fn who_speaks_out_of_turn_makes_no_requests() {
        let mut pushed = asked(&[0]);
        pushed.on_server(at(3, 4_000), false);
        let mut one_way = asked(&[0]);
        one_way.on_client(at(3, 1_000), 317, true);
        one_way.on_client(at(4, 6_000), 317, true);
        for mut turns in [pushed, one_way] {
            turns.on_client(at(5, 9_000), 317, true);
            turns.on_client(at(6, 9_000), 317, true);
            assert_eq!(turns.later_request(), None);
        }
        // A request in several records, and one whose body waits for 100 Continue.
        let mut whole = asked(&[0]);
        for time in [5_000, 5_010, 6_010, 6_020] {
            whole.on_client(at(5, time), 317, true);
        }
        assert!(whole.later_request().is_some());
    }

    #[test]
    fn messages_without_waiting_for_an_answer_are_one_way() {
        let sent = |times: &[i64]| {
            let mut turns = Turns::default();
            for time in times {
                turns.on_client(at(1, *time), 120, true);
            }
            turns
        };
        assert!(sent(&[0, 1_000, 2_000, 3_000]).is_one_way(true));
        // A client may send a request or two more before it gives up.
        assert!(!sent(&[0, 1_000, 2_000]).is_one_way(false));
        assert!(!sent(&[0, 5_000, 10_000]).is_one_way(true));
        assert!(sent(&[0, 5_000, 10_000]).is_one_way(false));
        assert!(!sent(&[0, 5_000]).is_one_way(false));
        // A request in several records, and one whose body waits for 100 Continue.
        assert!(!sent(&[0, 10, 1_010, 1_020]).is_one_way(false));
        // A shipper's batch may fill a record, as the parts of an upload do.
        let mut batches = Turns::default();
        for time in [0, 1_000, 2_000, 3_000] {
            batches.on_client(at(1, time), 16_401, true);
        }
        assert!(batches.is_one_way(true));
        let mut answered = sent(&[0, 1_000, 2_000, 3_000]);
        answered.on_server(at(4, 3_050), false);
        answered.on_client(at(5, 4_000), 120, true);
        assert!(!answered.is_one_way(false));
    }

    #[test]
    fn a_record_without_its_end_begins_a_request_until_that_or_the_server_comes() {
        let begun = |turns: &Turns| turns.begun_request().map(|turn| turn.first.number);
        let mut turns = asked(&[0]);
        turns.on_part(at(5, 1_000), 1_448, true);
        turns.on_part(at(6, 1_001), 1_448, false);
        assert_eq!((begun(&turns), turns.later_request()), (Some(5), None));
        let mut refused = turns;
        refused.on_server(at(7, 1_010), false);
        assert_eq!(begun(&refused), None);
        refused.on_part(at(8, 1_011), 1_448, false);
        assert_eq!(begun(&refused), None, "it was sent before that was known");
        turns.on_client(at(7, 1_010), 3_000, true);
        assert_eq!((begun(&turns), turns.later_request().map(|turn| turn.first.number)), (None, Some(7)));
        let mut first = Turns::default();
        first.on_part(at(1, 0), 1_448, true);
        assert_eq!(begun(&first), None);
    }

    #[test]
    fn a_goodbye_takes_the_request_back() {
        let mut turns = asked(&[0]);
        turns.on_client(at(5, 9_000), 317, true);
        turns.on_client(at(6, 11_000), 34, true);
        assert_eq!(turns.later_request(), None);
        // After a longer wait the client gives up on it.
        let mut late = asked(&[0]);
        late.on_client(at(5, 9_000), 317, true);
        late.on_client(at(6, 19_000), 34, true);
        assert!(late.later_request().is_some());
    }

    #[test]
    fn late_answers_make_patient() {
        let stall_after = Elapsed::from_millis(3_000);
        assert_eq!(asked(&[0]).patience(stall_after), stall_after);
        let mut polled = asked(&[0]);
        polled.on_client(at(5, 1_000), 317, true);
        polled.on_server(at(6, 21_000), false);
        assert_eq!(polled.patience(stall_after), Elapsed::from_millis(60_000));
    }

    #[test]
    fn an_answer_counts_from_the_end_of_its_request_and_tickets_are_none() {
        let mut turns = asked(&[0]);
        let latest = |turns: &Turns| turns.latest_answer().map(|latest| latest.elapsed());
        assert_eq!(latest(&turns), Some(Elapsed::from_millis(50)));
        for time in [1_000, 1_010] {
            turns.on_client(at(5, time), 317, true);
        }
        turns.on_server(at(6, 1_040), true);
        turns.on_server(at(7, 3_010), false);
        assert_eq!(latest(&turns), Some(Elapsed::from_millis(2_000)));
        // What the server sends unasked answers nothing, nor does what follows bytes that the capture lacks.
        turns.on_server(at(8, 60_000), false);
        turns.on_client(at(9, 61_000), 317, true);
        turns.on_unseen();
        turns.on_server(at(10, 90_000), false);
        assert_eq!(latest(&turns), Some(Elapsed::from_millis(2_000)));
    }

    #[test]
    fn tickets_after_a_request_answer_nothing_and_make_a_late_answer_no_push() {
        let mut turns = Turns::default();
        turns.on_client(at(1, 0), 317, true);
        turns.on_server(at(2, 20), true);
        turns.on_server(at(3, 1_500), false);
        turns.on_client(at(4, 6_000), 317, true);
        assert_eq!(turns.later_request().map(|turn| turn.first.number), Some(4));
        // An answer of a ticket's size is one if the client asks again.
        let mut small = Turns::default();
        small.on_client(at(1, 0), 317, true);
        small.on_server(at(2, 20), true);
        small.on_client(at(3, 6_000), 317, true);
        assert_eq!(small.later_request().map(|turn| turn.first.number), Some(3));
    }

    #[test]
    fn a_much_shorter_message_may_be_a_request_unless_it_may_be_http2_s_control_frames() {
        let short = |bytes: u32, may_be_http2| {
            let mut turns = asked(&[0]);
            turns.on_client(at(5, 4_000), bytes + 17, true);
            turns.short_request(false, may_be_http2).map(|asked| asked.number)
        };
        // Three window updates.
        assert_eq!((short(39, true), short(39, false)), (None, Some(5)));
        assert_eq!((short(56, true), short(56, false)), (Some(5), Some(5)));
    }
}
