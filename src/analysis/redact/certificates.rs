//! Certificates without what they name. They were examined before, so their faults are those of the originals.

use std::sync::Arc;

use super::StandIns;
use crate::cert::{Certificate, Details, Examination, Fault, Issuer, Pin, Wanted};
use crate::tls::CertificateMessage;

/// Attributes of a distinguished name, as certificates' texts show them.
const ATTRIBUTES: [&str; 7] = ["CN", "O", "OU", "C", "ST", "L", "DC"];

impl StandIns {
    /// The bytes of certificates show names and keys to anyone who reads them, and are left out.
    pub(super) fn message(message: &CertificateMessage) -> CertificateMessage {
        let CertificateMessage { len, chain, further, is_whole } = message;
        CertificateMessage {
            len: *len,
            chain: Vec::new(),
            further: further + chain.len() as u32,
            is_whole: *is_whole,
        }
    }

    pub(super) fn examination(&mut self, examination: &Examination) -> Examination {
        let Examination {
            certificates,
            further,
            message_len,
            is_whole,
            wanted,
            is_dated,
            store,
            is_store_chosen,
            issuer,
            faults,
            first_to_end,
        } = examination.clone();
        let certificates: Vec<_> = certificates.iter().map(|one| self.certificate(one)).collect();
        Examination {
            certificates: certificates.into(),
            further,
            message_len,
            is_whole,
            wanted: wanted.map(|wanted| self.wanted(wanted)),
            is_dated,
            store: store.map(|store| self.store(store, is_store_chosen)),
            is_store_chosen,
            issuer: match issuer {
                // What the verifier compared may follow.
                Issuer::Refused(why) => {
                    Issuer::Refused(why.split(['(', '{']).next().unwrap_or_default().trim_end().to_owned())
                }
                Issuer::Trusted
                | Issuer::SelfSigned
                | Issuer::Unknown
                | Issuer::Authority
                | Issuer::Unchecked(_) => issuer,
            },
            faults: faults.into_iter().map(|fault| self.fault(fault, is_store_chosen)).collect(),
            first_to_end,
        }
    }

    fn certificate(&mut self, certificate: &Certificate) -> Certificate {
        let Certificate { sha256, details } = certificate;
        Certificate {
            sha256: self.fingerprint(*sha256),
            details: details.clone().map(|details| self.details(details)),
        }
    }

    fn details(&mut self, details: Details) -> Details {
        let Details {
            subject,
            issuer,
            common_name,
            names,
            further_names,
            not_before,
            not_after,
            key,
            rsa_bits,
            usage,
            pin,
            signature,
            is_ca,
            is_self_issued,
            own_key: _,
            issuer_key: _,
        } = details;
        Details {
            subject: self.distinguished(&subject),
            issuer: self.distinguished(&issuer),
            common_name: common_name.map(|name| self.written_host(&name)),
            names: names.iter().map(|name| self.written_host(name)).collect(),
            further_names,
            not_before,
            not_after,
            key,
            rsa_bits,
            usage,
            pin: Pin(self.fingerprint(pin.0)),
            signature,
            is_ca,
            is_self_issued,
            own_key: None,
            issuer_key: None,
        }
    }

    /// `O=Corp, CN=ssm.corp.test`: values are replaced, and what is no usual attribute as a whole.
    fn distinguished(&mut self, name: &str) -> String {
        let attribute = |part: &str, stand_ins: &mut Self| match part.split_once('=') {
            Some((kind, value)) if ATTRIBUTES.contains(&kind) => {
                format!("{kind}={}", stand_ins.written_host(value))
            }
            _ => stand_ins.name(part),
        };
        name.split(", ").map(|part| attribute(part, self)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn wanted(&mut self, wanted: Wanted) -> Wanted {
        let Wanted { name, source } = wanted;
        Wanted { name: self.written_host(&name), source }
    }

    /// The system's store has no name of its own; a file that the user chose has.
    fn store(&mut self, store: String, is_chosen: bool) -> String {
        if is_chosen { self.file(&store) } else { store }
    }

    fn fault(&mut self, fault: Fault, is_store_chosen: bool) -> Fault {
        match fault {
            Fault::Expired { of, not_after, is_own } => {
                Fault::Expired { of: self.title(&of), not_after, is_own }
            }
            Fault::NotYetValid { of, not_before } => Fault::NotYetValid { of: self.title(&of), not_before },
            Fault::NameMismatch { wanted, names, further_names, common_name } => Fault::NameMismatch {
                wanted: self.wanted(wanted),
                names: names.iter().map(|name| self.written_host(name)).collect(),
                further_names,
                common_name: common_name.map(|name| self.written_host(&name)),
            },
            Fault::SelfSigned { of, store } => {
                Fault::SelfSigned { of: self.title(&of), store: self.store(store, is_store_chosen) }
            }
            Fault::UnknownIssuer { issuer, store, is_issuer_sent } => Fault::UnknownIssuer {
                issuer: self.title(&issuer),
                store: self.store(store, is_store_chosen),
                is_issuer_sent,
            },
            Fault::KeyUsage { of, usage } => Fault::KeyUsage { of: self.title(&of), usage },
            Fault::Weak { of, why } => Fault::Weak { of: self.title(&of), why },
        }
    }

    /// A certificate's common name, or its whole subject.
    fn title(&mut self, title: &str) -> String {
        let is_subject = title.split_once('=').is_some_and(|(kind, _)| ATTRIBUTES.contains(&kind));
        if is_subject { self.distinguished(title) } else { self.written_host(title) }
    }

    pub(super) fn shared(&mut self, examination: &Arc<Examination>) -> Arc<Examination> {
        Arc::new(self.examination(examination))
    }
}
