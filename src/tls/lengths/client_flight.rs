//! The client's answer to the server's flight, whose size shows most.

use super::{Flow, event, server_hello, sizes};
use crate::packet::Moment;
use crate::tcp::Role;
use crate::tls::awaits::Awaits;
use crate::tls::basis::Basis;
use crate::tls::event::{Message, SizeReading, TlsEvent};
use crate::tls::handshake::ClientHello;

/// Two hellos of fewer bytes than this answer nothing but a hello (a HelloRetryRequest has some 90 to 110), and on a port
/// where no TLS is expected smaller turns are no handshake.
const RETRY_BYTES: u32 = 120;

/// An abbreviated handshake's server sends ServerHello, ChangeCipherSpec and Finished in less than this; with a ticket it
/// is some 350.
const ABBREVIATED_BYTES: u32 = 400;

/// The least bytes of a server's flight with certificates.
const FLIGHT_WITH_CERTIFICATES: u32 = 700;

impl Flow {
    /// The client's second flight, whose size shows most; `printed` is the number of bytes of its Finished, where
    /// characters show it.
    pub(super) fn take_client_flight(
        &mut self,
        bytes: u32,
        printed: Option<u32>,
        moment: Moment,
        emit: &mut dyn FnMut(TlsEvent),
    ) {
        if bytes == sizes::CHANGE_CIPHER_SPEC {
            // JSSE and GnuTLS send it in a segment of its own; what follows counts.
            self.changed_first = self.answer_len >= ABBREVIATED_BYTES;
            self.turn = None;
            return;
        }
        let after_change = bytes + sizes::CHANGE_CIPHER_SPEC;
        let finished = match printed {
            Some(finished) => vec![finished],
            None if self.changed_first => sizes::begins_with_finished_13(bytes),
            None => Vec::new(),
        };
        let abbreviated =
            if self.answer_len < ABBREVIATED_BYTES { sizes::cipher_change(bytes) } else { Vec::new() };
        let readings = if finished.is_empty() && !self.changed_first {
            let readings =
                [abbreviated.clone(), sizes::finished_13(bytes), sizes::full_flight(bytes)].concat();
            if readings.is_empty() { self.rarer_readings(bytes) } else { readings }
        } else {
            finished.iter().flat_map(|finished| sizes::finished_13_at_end(*finished)).collect()
        };
        let is_retry = self.answer_len < RETRY_BYTES && bytes >= self.hello_len;
        let is_refusal = if self.changed_first {
            sizes::ALERT_13.contains(&bytes)
        } else {
            sizes::is_encrypted_alert(bytes)
        };
        if !self.expects_tls && !self.is_handshake(!readings.is_empty(), moment, emit) {
            return;
        }
        if self.is_unseen && readings.is_empty() && !is_retry {
            // One acknowledgement may cover a flight and what followed it.
            self.is_silent = true;
            return;
        }
        let mut emit_message = |message, basis| emit(event(Role::Client, moment, message, basis));
        if is_retry {
            // The first answer was a HelloRetryRequest, which no flight with a certificate is as short as, and this is the
            // second ClientHello.
            self.awaits = Awaits::ServerHello;
            return;
        }
        emit_message(Message::ServerFlightComplete, Basis::Inferred);
        if is_refusal {
            emit_message(Message::EncryptedAlert, Basis::Inferred);
            return;
        }
        if self.changed_first && sizes::is_empty_certificate(bytes) {
            // The Finished follows in a segment of its own.
            self.awaits_refusal = true;
            self.turn = None;
            return;
        }
        if bytes < sizes::CIPHER_CHANGE && readings.is_empty() {
            // Not all of it came yet.
            return;
        }
        if readings.is_empty() && (sizes::is_key_exchange(bytes) || sizes::is_key_exchange(after_change)) {
            self.awaits = Awaits::ClientFinished;
            return;
        }
        self.awaits_refusal |=
            finished.first().is_some_and(|finished| sizes::finished_13(*finished).is_empty());
        self.finish_client(readings, !abbreviated.is_empty(), &mut emit_message);
        let request = finished.first().and_then(|finished| bytes.checked_sub(*finished));
        if let Some(request) = request.filter(|request| *request > 0) {
            emit_message(Message::ApplicationData(request), Basis::Inferred);
        }
    }

    /// What a flight may be that fits nothing usual: one that ends early data, or one without the certificate that the server's flight
    /// asked for.
    fn rarer_readings(&self, bytes: u32) -> Vec<SizeReading> {
        let early =
            if self.continued_hello { sizes::finished_13_after_early_data(bytes) } else { Vec::new() };
        let has_certificates = self.answer_len >= FLIGHT_WITH_CERTIFICATES;
        let bare = if has_certificates { sizes::full_flight_without_certificate(bytes) } else { Vec::new() };
        [early, bare].concat()
    }

    /// On a port where no TLS is expected: whether three turns were a handshake after all. Its beginning is emitted then.
    fn is_handshake(&mut self, fits: bool, moment: Moment, emit: &mut dyn FnMut(TlsEvent)) -> bool {
        /// Smaller turns are found in other protocols, too.
        const TURN_BYTES: u32 = 100;
        let are_large = self.hello_len >= TURN_BYTES && self.answer_len >= TURN_BYTES;
        let (Some(hello), Some(answer), true) = (self.hello, self.answer, fits && are_large) else {
            let mut emit_message = |message, basis| emit(event(Role::Client, moment, message, basis));
            self.emit_binary(Role::Client, &[], &mut emit_message);
            return false;
        };
        self.expects_tls = true;
        let first = ClientHello { len: self.hello_len.saturating_sub(5), ..ClientHello::default() };
        emit(event(Role::Client, hello, Message::ClientHello(Box::new(first)), Basis::Inferred));
        emit(event(Role::Server, answer, server_hello(), Basis::Inferred));
        true
    }

    /// What follows a key exchange that came alone.
    pub(super) fn take_client_finished(
        &mut self,
        bytes: u32,
        moment: Moment,
        emit: &mut dyn FnMut(TlsEvent),
    ) {
        let readings = sizes::full_flight(bytes);
        if !readings.is_empty() {
            let mut emit_message = |message, basis| emit(event(Role::Client, moment, message, basis));
            self.finish_client(readings, false, &mut emit_message);
        }
    }

    fn finish_client(
        &mut self,
        readings: Vec<SizeReading>,
        is_abbreviated: bool,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let is_tls13 = !readings.is_empty() && readings.iter().all(|reading| reading.version.is_tls13());
        self.close_notify = readings.iter().map(|reading| reading.close_notify).collect();
        emit(Message::ClientFinished, Basis::Inferred);
        self.is_answer_due = true;
        if is_abbreviated || is_tls13 {
            self.awaits = Awaits::ApplicationData;
            emit(Message::Established, Basis::Inferred);
        } else {
            self.awaits = Awaits::ServerFinished;
        }
        if !readings.is_empty() {
            emit(Message::SizeReadings(readings), Basis::Inferred);
        }
    }
}
