//! Encrypted records, and bytes whose headers were not captured: their place and their size show what they hold.

use super::{Flow, Step};
use crate::tcp::Role;
use crate::tls::awaits::Awaits;
use crate::tls::basis::Basis;
use crate::tls::event::Message;
use crate::tls::record::RECORD_HEADER_BYTES;
use crate::tls::sizes::{
    END_OF_EARLY_DATA, KEY_UPDATE, ends_early_data, holds_client_finished, holds_empty_certificate,
    is_alert_size, is_bare_alert_size, is_certificate_verify_size, is_finished_size, is_resuming_flight,
    unpadded_finished,
};

/// A ChangeCipherSpec record, which TLS 1.3 sends for middleboxes alone (RFC 8446, D.4), in bytes.
const COMPATIBILITY_CHANGE: u32 = 6;

/// The shortest record of a TLS 1.3 Finished, in bytes: see [`is_finished_size`].
const SHORTEST_FINISHED: u32 = RECORD_HEADER_BYTES + 53;

/// The largest record of an alert up to TLS 1.2: header 5, IV 16, 2 padded to 16 and a MAC of 48, in bytes.
const LONGEST_ALERT: u32 = 85;

impl Flow {
    /// A record of type application data, which in TLS 1.3 hides everything after the ServerHello.
    pub(super) fn take_application_data(
        &mut self,
        role: Role,
        len: u16,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        if role == Role::Client
            && self.awaits == Awaits::ClientFlight
            && self.is_abbreviated
            && is_finished_size(len)
        {
            // RFC 5246, 7.3: the client's Finished came before its data, as a handshake record. What was taken for the
            // server's after a cut ServerHello was TLS 1.3's.
            self.is_abbreviated = false;
            self.is_tls13 = Some(true);
        }
        let may_be_tls13 = self.is_tls13 != Some(false);
        match (self.awaits, role) {
            // The handshake was not seen, or it is over.
            (Awaits::ClientHello, _) => emit(Message::ApplicationData(u32::from(len)), basis),
            (Awaits::ApplicationData, Role::Server) if std::mem::take(&mut self.is_flight_open) => {
                self.note_padding(role, len);
            }
            (Awaits::ApplicationData, _) => self.take_record_after_handshake(role, len, basis, emit),
            // Between the hellos only early data can come (RFC 8446, 4.2.10).
            (Awaits::ServerHello, Role::Client) if self.is_tls13.is_none() => {
                self.sent_early_data = true;
                emit(Message::EarlyData, basis);
            }
            // RFC 8446, 2.3: the server may answer accepted early data without waiting for the client's Finished.
            (Awaits::ClientFlight, Role::Server) if self.sent_early_data => {
                self.awaits = Awaits::ApplicationData;
                emit(Message::Established, Basis::Inferred);
                self.take_record_after_handshake(role, len, basis, emit);
            }
            (Awaits::ServerHello | Awaits::ServerFlight | Awaits::ClientFlight, Role::Server)
                if may_be_tls13 =>
            {
                self.take_server_flight(len, emit);
            }
            (_, Role::Client) if may_be_tls13 => self.take_client_flight(len, basis, emit),
            _ => {
                // A server that answers a flight whose Finished has no characteristic size got it whole.
                self.step(role, Step::Data, Basis::Inferred, emit);
                if self.awaits == Awaits::ApplicationData {
                    self.take_record_after_handshake(role, len, basis, emit);
                } else {
                    emit(Message::EarlyData, basis);
                }
            }
        }
    }

    /// TLS 1.3: an encrypted record of the server before the handshake is over.
    fn take_server_flight(&mut self, len: u16, emit: &mut dyn FnMut(Message, Basis)) {
        let role = Role::Server;
        self.is_tls13 = Some(true);
        let begins_flight = !std::mem::replace(&mut self.began_server_flight, true);
        self.note_padding(role, len);
        if is_finished_size(len) || (self.accepted_key && begins_flight && is_resuming_flight(len)) {
            self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
        } else if is_bare_alert_size(len) && (begins_flight || !self.sent_early_data)
            || self.awaits == Awaits::ClientFlight && self.may_be_alert(role, len)
        {
            // No message of its flight is as short, and after that it has nothing to say until the client's is there.
            emit(Message::EncryptedAlert, Basis::Inferred);
        }
    }

    /// TLS 1.3: an encrypted record of the client before the handshake is over.
    fn take_client_flight(&mut self, len: u16, basis: Basis, emit: &mut dyn FnMut(Message, Basis)) {
        let role = Role::Client;
        self.is_tls13 = Some(true);
        let begins_flight = self.awaits < Awaits::ClientFinished;
        if begins_flight && is_alert_size(len) {
            self.step(role, Step::Refusal, Basis::Inferred, emit);
            emit(Message::EncryptedAlert, Basis::Inferred);
        } else if is_alert_size(len) {
            // A client that has sent its Certificate closes only when its Finished is out.
            self.step(role, Step::Data, Basis::Inferred, emit);
            self.take_record_after_handshake(role, len, basis, emit);
        } else if begins_flight && self.sent_early_data && !ends_early_data(len) {
            emit(Message::EarlyData, basis);
        } else if is_finished_size(len) || (begins_flight && holds_client_finished(len)) {
            self.note_padding(role, len);
            self.sent_certificate |= begins_flight && holds_empty_certificate(len);
            self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
        } else if begins_flight || is_certificate_verify_size(len) {
            self.sent_certificate |= len != END_OF_EARLY_DATA;
            self.step(role, Step::HiddenFlight, Basis::Inferred, emit);
        } else {
            // The one record before held the whole flight, certificate and Finished.
            self.step(role, Step::Data, Basis::Inferred, emit);
            self.take_record_after_handshake(role, len, basis, emit);
        }
    }

    /// A record of application data began, and no more of it was captured. Before the handshake is over only TLS 1.3 has such records,
    /// its ServerHello once it is there (RFC 8446, 5.1).
    pub(super) fn note_begun_data(&mut self) {
        if (Awaits::ServerFlight..=Awaits::ClientFlight).contains(&self.awaits) {
            self.is_tls13.get_or_insert(true);
        }
    }

    /// Bytes after a record's end whose headers were not captured. Once the handshake is over they are records like
    /// those that do show: as a rule a request in the segment of the client's Finished, or a second ticket.
    pub(super) fn take_unseen(&mut self, role: Role, len: u32, emit: &mut dyn FnMut(Message, Basis)) {
        if role == Role::Client && self.awaits == Awaits::ServerHello && len > COMPATIBILITY_CHANGE {
            // RFC 8446, 4.2.10: after a ClientHello only early data can come.
            self.sent_early_data = true;
            emit(Message::EarlyData, Basis::Inferred);
            return;
        }
        let is_in_handshake = (Awaits::ServerFlight..Awaits::ClientFinished).contains(&self.awaits);
        // Up to TLS 1.2 no Finished has the same size.
        let is_finished = u16::try_from(len.saturating_sub(RECORD_HEADER_BYTES)).is_ok_and(is_finished_size);
        let is_finished = is_finished && self.is_tls13.is_none() && self.awaits == Awaits::ServerFlight;
        let may_hold_finished = self.is_tls13 == Some(true) && len >= SHORTEST_FINISHED;
        if role == Role::Client && is_in_handshake && (may_hold_finished || is_finished) {
            self.is_tls13 = Some(true);
            // RFC 8446, 4.4: in place of its Finished it could send an alert, which is shorter.
            self.step(role, Step::HiddenFinished, Basis::Inferred, emit);
            return;
        }
        // Up to TLS 1.2 an alert has some 23 to 85 bytes (RFC 5246, 6.2.3), which a short record of data may have too.
        let is_certain = self.is_tls13 == Some(true) || len > LONGEST_ALERT;
        if self.awaits != Awaits::ApplicationData || !is_certain {
            return;
        }
        // A segment may end within the record, in its header even, and so by chance where a shorter one would.
        let body = u16::try_from(len.saturating_sub(RECORD_HEADER_BYTES)).unwrap_or(u16::MAX);
        if role == Role::Client && !self.may_be_alert(role, body) {
            emit(Message::ApplicationData(u32::from(body)), Basis::Inferred);
        } else {
            self.take_record_after_handshake(role, body, Basis::Inferred, emit);
        }
    }

    /// A side's Finished shows whether it pads.
    fn note_padding(&mut self, role: Role, len: u16) {
        if let Some(suite) = self.suite.filter(|_| is_finished_size(len)) {
            self.pads[role] = Some(len > unpadded_finished(suite));
        }
    }

    /// Whether a record after both Finished can hold an alert. One of a padded alert's size is data where its sender does not pad.
    fn may_be_alert(&self, role: Role, len: u16) -> bool {
        is_alert_size(len) && (is_bare_alert_size(len) || self.pads[role] != Some(false))
    }

    /// A record after both Finished: data, or of an alert's or a KeyUpdate's size.
    fn take_record_after_handshake(
        &mut self,
        role: Role,
        len: u16,
        basis: Basis,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        let is_tls13 = self.is_tls13 == Some(true);
        let is_first_word = role == Role::Server && !std::mem::replace(&mut self.server_went_on, true);
        let message = match len {
            // RFC 8446, 4.4.2.4: a certificate that the server does not like is refused now.
            _ if is_tls13 && self.may_be_alert(role, len) && is_first_word && self.sent_certificate => {
                Message::EncryptedAlert
            }
            _ if is_tls13
                && self.may_be_alert(role, len)
                && role == Role::Server
                && self.sent_certificate =>
            {
                Message::ClosingOrRefusal
            }
            _ if is_tls13 && self.may_be_alert(role, len) => Message::Closing,
            KEY_UPDATE if is_tls13 => Message::KeyUpdate,
            // The end of the handshake, where the server answered early data before it.
            _ if self.sent_early_data && role == Role::Client && ends_early_data(len) => return,
            _ => Message::ApplicationData(u32::from(len)),
        };
        // Nothing follows a close_notify. JSSE, which pads its alerts, sends user_canceled before it.
        let is_short = is_tls13 && message == Message::Closing && is_bare_alert_size(len);
        if is_short && std::mem::replace(&mut self.was_short[role], true) {
            emit(Message::ShortMessage, Basis::Inferred);
        }
        emit(message, basis);
    }
}
