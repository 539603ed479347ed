//! What a user demands of a server's certificate beyond what clients do: that it is not revoked, and that its key is long enough.

use std::sync::Arc;

use crate::cert::revocation::{self, Issuers, RevocationLists, RevocationStatus, Unknown};
use crate::cert::{Anchors, Certificate, Date};

/// What is demanded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Demands {
    /// One of these lists must say that the server's certificate is not revoked, and none that one of its chain is.
    pub lists: Option<Arc<RevocationLists>>,
    /// The server must staple an OCSP response that says so.
    pub wants_staple: bool,
    /// The bits that an RSA key of the server's certificate has at least.
    pub least_rsa_bits: Option<usize>,
}

/// A demand that is not met, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::probe) struct Unmet {
    /// In one line.
    pub(in crate::probe) headline: String,
    pub(in crate::probe) explanation: String,
    pub(in crate::probe) advice: Vec<&'static str>,
    /// Whether the certificate was revoked.
    pub(in crate::probe) is_revoked: bool,
}

/// The server's certificates, and what came with them.
#[derive(Clone, Copy)]
pub(super) struct Presented<'p> {
    /// The server's own comes first.
    pub(super) chain: &'p [Vec<u8>],
    /// The OCSP response; empty if none came.
    pub(super) staple: &'p [u8],
    pub(super) anchors: &'p Anchors,
    pub(super) now: Date,
}

impl Demands {
    /// What is worth saying of them, and the first demand that is not met. A revoked certificate is refused whatever is demanded.
    pub(super) fn look_at(&self, presented: Presented<'_>) -> (Vec<String>, Option<Unmet>) {
        let Some(own) = presented.chain.first() else { return (Vec::new(), None) };
        let mut remarks = Vec::new();
        let mut unmet = self.in_lists(presented, &mut remarks);
        let stapled = self.stapled(presented, own, &mut remarks);
        unmet = unmet.or(stapled);
        let scts = revocation::scts(own);
        if !scts.is_empty() {
            let logs: Vec<_> = scts.iter().map(|(log, at)| format!("{log}... on {}", at.day())).collect();
            let count = if scts.len() == 1 { "1 SCT".to_owned() } else { format!("{} SCTs", scts.len()) };
            remarks.push(format!("the certificate has {count}, unverified, of the logs {}", logs.join(", ")));
        }
        (remarks, unmet.or_else(|| self.key(own)))
    }

    /// Verifies the lists' signatures before the handshake: hashing a long list takes time.
    pub(super) fn prepare(&self, anchors: &Anchors) {
        if let Some(lists) = &self.lists {
            lists.compare_with(anchors);
        }
    }

    fn in_lists(&self, presented: Presented<'_>, remarks: &mut Vec<String>) -> Option<Unmet> {
        let lists = self.lists.as_ref()?;
        let issuers = presented.issuers();
        let mut own = Err(Unknown::Missing);
        for (place, certificate) in presented.chain.iter().enumerate() {
            let status = lists.status(certificate, issuers, presented.now);
            if let Ok(RevocationStatus::Revoked { at, reason }) = status {
                return Some(revoked(place, at, reason, "a list of --crl-file"));
            }
            if place == 0 {
                own = status;
            }
        }
        match own {
            Ok(RevocationStatus::Good { until }) => {
                remarks.push(format!("--crl-file: the certificate is not revoked{}", until_day(until)));
                None
            }
            Ok(RevocationStatus::Revoked { .. }) => None,
            Err(why) => {
                let headline = match why {
                    Unknown::Missing => "the CRL file has no list of the certificate's issuer".to_owned(),
                    why => format!("the CRL of the certificate's issuer is not usable: {why}"),
                };
                let explanation = "Whether the certificate was revoked is not known, and --crl-file demands that it is. The check \
                                   ended the handshake and sent no request.";
                let advice = vec![
                    "Get the issuer's current list that covers the certificate, and give its file to --crl-file.",
                ];
                Some(Unmet { headline, explanation: explanation.to_owned(), advice, is_revoked: false })
            }
        }
    }

    fn stapled(&self, presented: Presented<'_>, own: &[u8], remarks: &mut Vec<String>) -> Option<Unmet> {
        let why = if presented.staple.is_empty() {
            let is_wanted = revocation::wants_staple(own);
            let demands = if is_wanted { ", although its certificate demands one" } else { "" };
            let text = format!("the server staples no OCSP response{demands}");
            // That most servers staple none is not worth a word.
            remarks.extend(is_wanted.then(|| text.clone()));
            text
        } else {
            match revocation::staple(presented.staple, own, presented.issuers(), presented.now) {
                Ok(RevocationStatus::Good { until }) => {
                    remarks.push(format!("the stapled OCSP response: not revoked{}", until_day(until)));
                    return None;
                }
                Ok(RevocationStatus::Revoked { at, reason }) => {
                    return Some(revoked(0, at, reason, "the OCSP response that the server staples"));
                }
                Err(why) => {
                    let text = format!("the stapled OCSP response is not usable: {why}");
                    remarks.push(text.clone());
                    text
                }
            }
        };
        self.wants_staple.then(|| Unmet {
            headline: why,
            explanation: "--require-staple demands a valid stapled OCSP response that reports the certificate as not revoked. The check \
                          ended the handshake and sent no request."
                .to_owned(),
            advice: vec![STAPLING],
            is_revoked: false,
        })
    }

    fn key(&self, own: &[u8]) -> Option<Unmet> {
        let least = self.least_rsa_bits?;
        let bits = Certificate::read(own).details?.rsa_bits.filter(|bits| *bits < least)?;
        Some(Unmet {
            headline: format!("the certificate's RSA key has {bits} bits, and --min-rsa-bits demands {least}"),
            explanation: "Clients accept this key, but --min-rsa-bits does not. The check ended the handshake and sent no request."
                .to_owned(),
            advice: vec!["Have a certificate issued for a longer key, or for one of ECDSA."],
            is_revoked: false,
        })
    }
}

impl Presented<'_> {
    fn issuers(&self) -> Issuers<'_> {
        Issuers { chain: self.chain, anchors: self.anchors }
    }
}

/// The certificate at this place of the chain was revoked.
fn revoked(place: usize, at: Date, reason: Option<&'static str>, by: &str) -> Unmet {
    let whose = match place {
        0 => "the server's certificate".to_owned(),
        place => format!("certificate {} of the server's chain", place + 1),
    };
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    Unmet {
        headline: format!("{whose} was revoked on {}{reason}", at.day()),
        explanation: format!(
            "This is according to {by}, which the certificate's issuer signed. Clients that look at it refuse the certificate; others do not notice."
        ),
        advice: vec![
            "Have a new certificate issued for a new key, install it, and reload the server.",
            "Find out why it was revoked: somebody else may have its key.",
        ],
        is_revoked: true,
    }
}

fn until_day(until: Option<Date>) -> String {
    until.map(|until| format!(", until {}", until.day())).unwrap_or_default()
}

/// What to do where a server wants a client's certificate.
pub(in crate::probe) const IDENTITY: &str =
    "Give the check a certificate that the server accepts: --cert and --key.";

const STAPLING: &str = "Turn on OCSP stapling (nginx: ssl_stapling, Apache: SSLUseStapling), and look whether the server reaches the responder.";
