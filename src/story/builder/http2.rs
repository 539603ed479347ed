//! HTTP/2 in clear (RFC 9113): which request or ping has no answer, and whether an answer lacks its end.

use crate::packet::Segment;
use crate::story::{Http2Facts, Moment, Story};
use crate::tcp::{Observation, PerRole, Role, SegmentKind};
use crate::time::Elapsed;
use crate::tls::{HTTP2_PREFACE, Http2Frame, Http2Frames, http2_kind as kind};

/// A client that gives a request up sooner than this did not want the answer; one that gives up later had waited for it.
const TAKEN_BACK_WITHIN: Elapsed = Elapsed::from_millis(3_000);

/// A client that gives a stream up later than this may have subscribed to what did not happen: some servers send an answer's header with
/// its first message only.
const SUBSCRIBED_FOR: Elapsed = Elapsed::from_millis(20_000);

/// A connection that began with HTTP/2's preface.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Http2 {
    /// Where each side is in its frames, as long as that is known.
    frames: Option<PerRole<Http2Frames>>,
    streams: Streams,
}

/// A few of the streams; how many are open at once is the peers' choice.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in any combination")]
#[derive(Clone, Copy, Debug, Default)]
struct Streams {
    /// The stream that the client began last, if the server has sent no HEADERS or DATA since.
    begun: Option<u32>,
    /// The first request that became complete since then.
    asked: Option<(u32, Moment)>,
    /// The client has given that request up after it had waited for the answer.
    is_asked_given_up: bool,
    ping: Option<Moment>,
    /// The stream of the server's latest HEADERS or DATA, as long as it lacks its end.
    answering: Option<u32>,
    /// The client's latest stream. It numbers them upwards (RFC 9113, 5.1.1).
    latest: u32,
    /// The latest stream that the client gave up: data of it and of earlier ones may still be on its way, and needs no end.
    given_up: u32,
    /// The client said that it takes in no more.
    is_client_leaving: bool,
    /// The last stream that the server takes in, where it said so.
    last_taken_in: Option<u32>,
    has_server_frame: bool,
    /// The server's first frame was not the one that HTTP/2 begins with.
    is_other_protocol: bool,
}

impl Http2 {
    /// New payload came, which the story has taken in.
    pub(super) fn on_data(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) {
        if observation.new_bytes == 0 {
            return;
        }
        let role = observation.role;
        let mut bytes = segment.payload;
        let is_first = role == Role::Client && story.data.client.first == Some(moment);
        if let Some(rest) = bytes.strip_prefix(HTTP2_PREFACE).filter(|_| is_first && story.prelude.is_none())
        {
            bytes = rest;
            self.frames = Some(PerRole::default());
        }
        let Some(frames) = &mut self.frames else { return };
        let is_next = observation.kind != SegmentKind::OutOfOrder
            && observation.gap == 0
            && segment.header.payload_len == Some(observation.new_bytes);
        let cut = observation.new_bytes.saturating_sub(segment.payload.len() as u32);
        if role == Role::Server {
            self.streams.ping = None;
        }
        let streams = &mut self.streams;
        let is_in_step = is_next
            && frames[role].read(bytes, cut, |frame, is_whole| match role {
                Role::Client if is_whole => streams.on_client(moment, &frame),
                Role::Client => {}
                Role::Server => streams.on_server(moment, &frame, is_whole),
            });
        let is_inside_frame = frames.server.is_inside_frame();
        if !is_in_step || self.streams.is_other_protocol {
            self.frames = None;
        }
        story.http2 = self.frames.is_some().then(|| Http2Facts {
            asked: self.streams.asked.map(|(_, moment)| moment),
            ping: self.streams.ping,
            is_answer_open: self.streams.answering.is_some(),
            is_inside_frame,
        });
    }
}

impl Streams {
    /// A whole frame of the client.
    fn on_client(&mut self, moment: Moment, frame: &Http2Frame) {
        let waited = self.asked.map_or(Elapsed::ZERO, |(_, asked)| moment.at - asked.at);
        match frame.kind {
            // The server does not take it in, and the client may ask again elsewhere.
            kind::HEADERS if self.last_taken_in.is_some_and(|last| frame.stream > last) => {}
            kind::HEADERS if frame.stream > self.latest => {
                self.latest = frame.stream;
                // A client that asks again waits for that.
                self.asked = self.asked.filter(|_| !std::mem::take(&mut self.is_asked_given_up));
                if frame.ends_stream() && frame.ends_headers() {
                    self.asked.get_or_insert((frame.stream, moment));
                } else {
                    self.begun = Some(frame.stream);
                }
            }
            // What ends a stream that has an answer asks for nothing, whether data or trailers.
            kind::DATA | kind::HEADERS if frame.ends_stream() && self.begun == Some(frame.stream) => {
                self.asked.get_or_insert((frame.stream, moment));
            }
            kind::RST_STREAM => {
                self.given_up = self.given_up.max(frame.stream);
                self.answering = self.answering.filter(|stream| *stream != frame.stream);
                let is_over = !(TAKEN_BACK_WITHIN..SUBSCRIBED_FOR).contains(&waited);
                self.asked = self.asked.filter(|(stream, _)| *stream != frame.stream || !is_over);
                self.is_asked_given_up |= self.asked.is_some_and(|(stream, _)| stream == frame.stream);
            }
            kind::PING if !frame.is_acknowledgement() => {
                self.ping.get_or_insert(moment);
            }
            kind::GOAWAY => {
                self.is_client_leaving = true;
                self.answering = None;
                self.asked = self.asked.filter(|_| (TAKEN_BACK_WITHIN..SUBSCRIBED_FOR).contains(&waited));
            }
            _ => {}
        }
    }

    /// A frame of the server, which has begun, or is whole.
    fn on_server(&mut self, moment: Moment, frame: &Http2Frame, is_whole: bool) {
        self.is_other_protocol |= !self.has_server_frame && frame.kind != kind::SETTINGS;
        self.has_server_frame = true;
        match frame.kind {
            kind::HEADERS | kind::DATA if is_whole => {
                let is_over = frame.ends_stream();
                self.answering = self.answering.filter(|stream| *stream != frame.stream || !is_over);
            }
            kind::HEADERS | kind::DATA => {
                self.begun = None;
                self.asked = None;
                let is_wanted = frame.stream > self.given_up && !self.is_client_leaving;
                self.answering = is_wanted.then_some(frame.stream);
            }
            // A server that lives and sends nothing may wait for what the client subscribed to.
            kind::PING if frame.is_acknowledgement() => {
                self.asked = self.asked.filter(|(_, asked)| moment.at - asked.at < SUBSCRIBED_FOR);
            }
            kind::PUSH_PROMISE | kind::RST_STREAM => {
                self.begun = None;
                self.asked = None;
                self.answering = self.answering.filter(|stream| *stream != frame.stream);
            }
            kind::GOAWAY => self.on_goaway(frame),
            _ => {}
        }
    }

    /// The server takes in no further streams. What it did not take in may be asked again elsewhere, unless it closes for an error (RFC
    /// 9113, 6.8).
    fn on_goaway(&mut self, frame: &Http2Frame) {
        self.answering = None;
        let Some((last, error)) = frame.goaway else { return };
        self.last_taken_in = Some(last);
        self.begun = self.begun.filter(|stream| *stream <= last);
        if error == 0 {
            self.asked = self.asked.filter(|(stream, _)| *stream <= last);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::Talk;
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    fn frame(kind: u8, flags: u8, stream: u8, body: &[u8]) -> Vec<u8> {
        [&[0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream][..], body].concat()
    }

    fn headers(flags: u8, stream: u8) -> Vec<u8> {
        frame(1, 4 | flags, stream, &[0x82; 20])
    }

    /// A server's GOAWAY: no last stream, and this error.
    fn goaway(error: u8) -> Vec<u8> {
        frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, error])
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

    fn begun() -> Talk {
        let settings = [frame(4, 0, 0, &[]), frame(4, 1, 0, &[])].concat();
        let talk = Talk::to_port(50_051).open().say(Client, PREFACE).say(Server, &settings);
        talk.say(Client, &frame(4, 1, 0, &[])).ack(Server).wait(50)
    }

    fn asked() -> Talk {
        begun().say(Client, &headers(1, 1)).ack(Server)
    }

    /// An answer that is whole, to a request of this stream.
    fn answered(talk: Talk, stream: u8) -> Talk {
        talk.say(Server, &headers(0, stream))
            .say(Server, &frame(0, 0, stream, b"data"))
            .say(Server, &headers(1, stream))
            .ack(Client)
    }

    #[test]
    fn a_stream_without_an_answer_is_an_unanswered_request() {
        let is = |talk: Talk| {
            let verdict = talk.verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        };
        is(asked().wait(12_000).fin(Client));
        // Acknowledged settings and a window update answer nothing.
        is(asked().say(Server, &frame(8, 0, 0, &[0, 1, 0, 0])).ack(Client).wait(12_000).fin(Client));
        is(answered(asked(), 1).wait(900).say(Client, &headers(1, 3)).ack(Server).wait(12_000).fin(Client));
        let unary = begun().say(Client, &headers(0, 1)).say(Client, &frame(0, 1, 1, b"data")).ack(Server);
        is(unary.wait(12_000).fin(Client));
        // A deadline of 10 s, and a client that cancels at once.
        let cancelled = |millis| {
            let talk = asked().wait(millis).say(Client, &frame(3, 0, 1, &[0, 0, 0, 8])).ack(Server);
            talk.say(Client, &frame(7, 0, 0, &[0; 8])).fin(Client).fin(Server).ack(Client)
        };
        is(cancelled(10_000));
        assert_eq!((cancelled(500).code(500), cancelled(60_000).code(500)), ("plaintext", "plaintext"));
    }

    #[test]
    fn a_server_that_says_goodbye_in_place_of_the_answer_refuses_unless_it_can_be_asked_again() {
        let closed = |error| asked().say(Server, &goaway(error)).ack(Client).fin(Server).fin(Client);
        assert_eq!(closed(11).verdict(500).is(), ("no-response", Actor::Server, None));
        assert_eq!(closed(0).code(500), "plaintext");
    }

    #[test]
    fn an_answer_without_the_end_of_its_stream_is_cut_off() {
        let streaming =
            || asked().say(Server, &headers(0, 1)).say(Server, &frame(0, 0, 1, b"some")).ack(Client);
        assert_eq!(streaming().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        let closed = streaming().fin(Server).fin(Client).verdict(0);
        assert_eq!(closed.is(), ("no-response", Actor::Server, None));
        assert!(closed.mentions("END_STREAM"), "{}", closed.explanation);
        // Streams may be silent for as long as they like, and either side may end them.
        assert_eq!(streaming().code(600_000), "plaintext");
        assert_eq!(streaming().wait(600_000).fin(Client).fin(Server).code(0), "plaintext");
        let cancelled = streaming().say(Client, &frame(3, 0, 1, &[0, 0, 0, 8])).ack(Server);
        assert_eq!(cancelled.rst(Server).code(0), "plaintext");
        assert_eq!(streaming().say(Server, &goaway(0)).ack(Client).rst(Server).code(0), "plaintext");
        assert_eq!(answered(asked(), 1).rst(Server).code(0), "plaintext");
        // A frame has an end, and a server has no reason to stop within it.
        let stopped = streaming().say(Server, &[0, 16, 0, 0, 0, 0, 0, 0, 1, 7, 7]).ack(Client);
        assert_eq!(stopped.wait(9_000).fin(Client).verdict(0).is(), ("no-response", Actor::Server, None));
    }

    #[test]
    fn a_bidirectional_stream_is_owed_nothing_and_its_end_asks_for_nothing() {
        let open = begun().say(Client, &headers(0, 1)).say(Client, &frame(0, 0, 1, b"hello")).ack(Server);
        assert_eq!(open.clone().wait(300_000).fin(Client).fin(Server).code(0), "plaintext");
        let over = answered(open, 1).say(Client, &frame(0, 1, 1, b"")).ack(Server);
        assert_eq!(over.wait(60_000).fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn what_was_given_up_or_is_not_taken_in_ends_nothing() {
        let cancel = |stream| frame(3, 0, stream, &[0, 0, 0, 8]);
        // Data that was on its way when the client cancelled, or said goodbye.
        let streaming =
            || asked().say(Server, &headers(0, 1)).say(Server, &frame(0, 0, 1, b"some")).ack(Client);
        for given_up in [cancel(1), frame(7, 0, 0, &[0; 8])] {
            let late =
                || streaming().say(Client, &given_up).say(Server, &frame(0, 0, 1, b"more")).ack(Client);
            assert_eq!(late().wait(30_000).fin(Server).fin(Client).code(0), "plaintext");
            assert_eq!(late().wait(30_000).rst(Server).code(0), "plaintext");
        }
        // A request that crosses the server's goodbye.
        let leaving =
            || answered(asked(), 1).wait(60_000).say(Server, &frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
        let crossed = || leaving().say(Client, &headers(1, 3)).ack(Server);
        assert_eq!(crossed().fin(Server).fin(Client).code(0), "plaintext");
        assert_eq!(crossed().wait(50).rst(Server).code(0), "plaintext");
        let begun_before = answered(asked(), 1).wait(60_000).say(Client, &headers(0, 3));
        let uploading = begun_before
            .say(Server, &frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]))
            .say(Client, &frame(0, 1, 3, b"data"));
        assert_eq!(uploading.ack(Server).fin(Server).fin(Client).code(0), "plaintext");
        // Trailers of a stream that has its answer.
        let trailers =
            answered(begun().say(Client, &headers(0, 1)).ack(Server), 1).say(Client, &headers(1, 1));
        assert_eq!(trailers.ack(Server).wait(12_000).fin(Client).fin(Server).code(0), "plaintext");
    }

    #[test]
    fn a_subscription_to_which_nothing_happens_is_no_hang() {
        let goodbye = frame(7, 0, 0, &[0; 8]);
        let left = |talk: Talk| talk.say(Client, &goodbye).fin(Client).fin(Server).ack(Client).code(0);
        assert_eq!(left(asked().wait(60_000)), "plaintext");
        assert_eq!(left(asked().wait(10_000)), "no-response");
        // Without a goodbye, the server lives as it answers pings.
        let pinged = |millis| {
            let pinged = asked().wait(millis).say(Client, &frame(6, 0, 0, &[0; 8]));
            pinged.say(Server, &frame(6, 1, 0, &[0; 8])).ack(Client).wait(5_000).fin(Client).fin(Server)
        };
        assert_eq!(pinged(30_000).code(0), "plaintext");
        assert_eq!(pinged(10_000).code(0), "no-response");
        // The last of several counts, and that was waited for a second only.
        let watched = asked().wait(5_000).say(Client, &frame(3, 0, 1, &[0, 0, 0, 8])).ack(Server);
        assert_eq!(left(watched.say(Client, &headers(1, 3)).ack(Server).wait(1_000)), "plaintext");
    }

    #[test]
    fn a_ping_is_answered_at_once_by_a_server_that_lives() {
        let pinged = || answered(asked(), 1).wait(30_000).say(Client, &frame(6, 0, 0, &[0; 8])).ack(Server);
        let left = |talk: Talk| talk.wait(20_000).say(Client, &frame(7, 0, 0, &[0; 8])).fin(Client);
        let verdict = left(pinged()).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("HTTP/2 PING"), "{}", verdict.headline);
        let lives = pinged().say(Server, &frame(6, 1, 0, &[0; 8])).ack(Client);
        assert_eq!(left(lives).code(0), "plaintext");
        assert_eq!(pinged().wait(200).rst(Server).code(0), "plaintext");
    }

    #[test]
    fn where_the_frames_are_not_known_nothing_is_said_of_them() {
        let mut cut = asked().wait(12_000).fin(Client);
        let request = cut.packets.len() - 3;
        cut.packets[request].payload.truncate(4);
        assert_eq!(cut.code(500), "plaintext");
        let other =
            Talk::to_port(50_051).open().say(Client, PREFACE).say(Server, b"HTTP/1.1 400 Bad\r\n\r\n");
        assert_eq!(
            other.say(Client, &headers(1, 1)).ack(Server).wait(9_000).fin(Client).code(500),
            "plaintext"
        );
    }
}
