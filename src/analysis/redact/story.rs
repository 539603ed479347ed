//! A story without names.

use super::{StandIns, words};
use crate::story::{
    Ending, EndingKind, Entry, IcmpFact, Note, Observed, Party, PathFacts, Seen, Story, TlsFacts,
};
use crate::tls::{ClientHello, Plain, ServerHello};

impl StandIns {
    /// Replaces what names somebody.
    pub(in crate::analysis) fn story(&mut self, story: &mut Story) {
        let Story {
            id: _,
            parties,
            version: _,
            tls_client: _,
            names,
            expects_tls: _,
            first: _,
            earliest: _,
            last: _,
            packets: _,
            order: _,
            stage: _,
            basis: _,
            opening: _,
            data: _,
            tls,
            plain,
            dialogue: _,
            later_plain_request: _,
            plain_request_end: _,
            plain_request_lacks: _,
            plain_answer_end: _,
            plain_answer_lacks: _,
            http2: _,
            prelude: _,
            closed_on_request: _,
            half_closed: _,
            endings,
            reset_reason,
            pauses: _,
            path,
            traffic: _,
            missing: _,
            capture: _,
            logs,
            log_lines,
            log_lines_beyond: _,
            is_redacted,
            timeline,
        } = story;
        *is_redacted = true;
        self.party(&mut parties.client);
        self.party(&mut parties.server);
        *names = names.renamed(|name| self.named(name));
        self.tls(tls);
        for said in [&mut plain.client, &mut plain.server].into_iter().flatten() {
            self.plain(said);
        }
        endings.iter().for_each(without_text);
        *reset_reason = None;
        let PathFacts { counters: _, icmp_errors, icmp_error_count: _, round_trips: _ } = path;
        for error in icmp_errors {
            let IcmpFact { moment: _, from, version: _, icmp_type: _, code: _, mtu: _, quotes: _, stage: _ } =
                error;
            *from = self.host(*from);
        }
        self.log_ties(logs);
        self.log_lines(log_lines);
        timeline.entries_mut().for_each(|entry| self.entry(entry));
    }

    fn party(&mut self, party: &mut Party) {
        let Party {
            host,
            port: _,
            maximum_segment_size: _,
            opening_path: _,
            later_path: _,
            changed_path: _,
            last_path: _,
            ids: _,
            offer: _,
            was_sent_here: _,
            checksums: _,
        } = party;
        *host = self.host(*host);
    }

    fn tls(&mut self, tls: &mut TlsFacts) {
        let TlsFacts {
            client_hello,
            hello_acknowledged: _,
            retry: _,
            second_hello: _,
            retry_group: _,
            server_hello,
            key_exchange_group: _,
            certificates,
            unfinished_certificate: _,
            certificate_request: _,
            examination,
            is_examination_given_up: _,
            server_flight: _,
            client_finished: _,
            established: _,
            early_data: _,
            size_readings: _,
            shows_tls13: _,
            is_inside_record: _,
            application_data: _,
            record_sizes: _,
            runs: _,
            sent_before_request: _,
            warnings: _,
            short_messages: _,
            lacks_answer: _,
            renegotiation: _,
            turns: _,
        } = tls;
        if let Some(hello) = client_hello {
            self.client_hello(&mut hello.what);
        }
        if let Some(hello) = server_hello {
            server_hello_of(&mut hello.what);
        }
        for sent in [&mut certificates.client, &mut certificates.server].into_iter().flatten() {
            sent.what = Self::message(&sent.what).into();
        }
        *examination = examination.as_ref().map(|examination| self.shared(examination));
    }

    fn client_hello(&mut self, hello: &mut ClientHello) {
        let ClientHello {
            len: _,
            versions: _,
            session_id: _,
            server_name,
            alpn,
            cipher_suites: _,
            groups: _,
            key_shares: _,
            offers_ticket: _,
            offers_pre_shared_key: _,
            pre_shared_key_len: _,
            offers_early_data: _,
            extensions: _,
            signature_algorithms: _,
            first_protocol,
            has_old_form: _,
            is_whole: _,
        } = hello;
        *server_name = server_name.as_deref().map(|name| self.written_host(name));
        for protocol in alpn {
            *protocol = words::protocol(protocol);
        }
        if let Ok(protocol) = std::str::from_utf8(first_protocol) {
            *first_protocol = words::protocol(protocol).into_bytes();
        }
    }

    fn plain(&mut self, said: &mut Observed<Plain>) {
        let Plain { kind: _, line, is_request: _ } = &mut said.what;
        *line = self.line(line);
    }

    pub(super) fn entry(&mut self, entry: &mut Entry) {
        let Entry { moment: _, origin: _, seen, notes } = entry;
        match seen {
            Seen::Segment { role: _, header, excerpt, captured: _ } => {
                self.segment(header);
                *excerpt = Box::default();
            }
            Seen::Icmp(error, excerpt) => {
                self.icmp(error);
                *excerpt = Box::default();
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    fn note(&mut self, note: &mut Note) {
        match note {
            Note::Plain(line) => *line = self.line(line),
            Note::Silence(_)
            | Note::Stage(..)
            | Note::RoundTrip(_)
            | Note::Retransmission(_)
            | Note::OutOfOrder
            | Note::DuplicateCapture(_)
            | Note::Gap(_)
            | Note::AckedUnseen(_)
            | Note::Cut(_)
            | Note::KeepAlive
            | Note::DuplicateAck
            | Note::ZeroWindow
            | Note::PreviousConnection
            | Note::IneffectiveReset
            | Note::Alert(..)
            | Note::EncryptedAlert
            | Note::Closing
            | Note::SizeReadings(_)
            | Note::EarlyData
            | Note::KeyUpdate
            | Note::Retry
            | Note::Prelude(..)
            | Note::FastOpen
            | Note::SimultaneousOpen
            | Note::Further(_) => {}
        }
    }
}

fn server_hello_of(hello: &mut ServerHello) {
    let ServerHello {
        version: _,
        cipher_suite: _,
        session_id: _,
        group: _,
        alpn,
        pre_shared_key: _,
        is_retry: _,
        is_whole: _,
    } = hello;
    *alpn = alpn.as_deref().map(words::protocol);
}

/// No ending has text; one that gets some has to be redacted.
fn without_text(ending: &Ending) {
    let Ending { what, by: _, moment: _, stage: _ } = ending;
    match what {
        EndingKind::Silence(_)
        | EndingKind::Alert { description: _, basis: _ }
        | EndingKind::EncryptedAlert { basis: _ }
        | EndingKind::CloseNotify
        | EndingKind::Fin
        | EndingKind::Reset(_) => {}
    }
}
