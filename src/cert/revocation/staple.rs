//! The OCSP response that a server staples to its certificate (RFC 6960; RFC 6066, 8).

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::ReasonCode;

use super::der::{ENUMERATED, Element, Elements, INTEGER, OCTETS, SEQUENCE, TIME, context, date};
use super::{HOLD, Issuers, RevocationStatus, Unknown, at_time, is_signed, reason};
use crate::cert::Date;

/// What a response says of a certificate at this time.
///
/// # Errors
/// Why it says nothing.
pub fn staple(
    response: &[u8],
    certificate: &[u8],
    issuers: Issuers<'_>,
    now: Date,
) -> Result<RevocationStatus, Unknown> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Unknown::Malformed)?;
    let response = Elements(response).take(SEQUENCE).ok_or(Unknown::Malformed)?;
    let mut parts = response.elements();
    let status = parts.take(ENUMERATED).and_then(|status| status.content.last().copied());
    match status {
        Some(0) => {}
        Some(status) => return Err(Unknown::Failed(status)),
        None => return Err(Unknown::Malformed),
    }
    let basic = parts.take(context(0)).and_then(|bytes| basic(bytes)).ok_or(Unknown::Malformed)?;
    if !basic.is_signed_for(&certificate, issuers, now) {
        return Err(Unknown::Unsigned);
    }
    let single = basic.single(certificate.raw_serial()).ok_or(Unknown::Another)?;
    let said = single.status.ok_or(Unknown::Denied)?;
    match (said, at_time(single.from, single.until, now)) {
        (RevocationStatus::Good { .. }, Ok(until)) => Ok(RevocationStatus::Good { until }),
        (revoked, Ok(_)) => Ok(revoked),
        // What is revoked stays so, however old the response is; a hold may end.
        (revoked @ RevocationStatus::Revoked { reason, .. }, Err(Unknown::Over(_)))
            if reason != Some(HOLD) =>
        {
            Ok(revoked)
        }
        (_, Err(why)) => Err(why),
    }
}

/// BasicOCSPResponse (RFC 6960, 4.2.1).
struct Basic<'a> {
    signed: Element<'a>,
    algorithm: &'a [u8],
    signature: &'a [u8],
    /// The certificates of its signer.
    certificates: Option<Element<'a>>,
}

/// SingleResponse. Without a status, the responder does not know the certificate.
struct Single {
    status: Option<RevocationStatus>,
    from: Date,
    until: Option<Date>,
}

/// `ResponseBytes`: the type is the one that all have, since a client asks for no other.
fn basic(bytes: Element<'_>) -> Option<Basic<'_>> {
    let mut typed = bytes.elements().take(SEQUENCE)?.elements();
    typed.next()?;
    let mut parts = Elements(typed.take(OCTETS)?.content).take(SEQUENCE)?.elements();
    Some(Basic {
        signed: parts.take(SEQUENCE)?,
        algorithm: parts.take(SEQUENCE)?.whole,
        signature: parts.next()?.whole,
        certificates: parts.take(context(0)).and_then(|list| list.elements().take(SEQUENCE)),
    })
}

impl Basic<'_> {
    /// Whether the certificate's issuer signed it, or a responder that the issuer lets do that (RFC 6960, 4.2.2.2).
    fn is_signed_for(&self, certificate: &X509Certificate<'_>, issuers: Issuers<'_>, now: Date) -> bool {
        /// A response has one, and rarely its issuer's too.
        const DELEGATES: usize = 4;
        let keys = issuers.keys_of(certificate);
        if is_signed(&keys, self.signed.whole, self.algorithm, self.signature) {
            return true;
        }
        let Some(list) = self.certificates else { return false };
        let mut certificates = list.elements();
        (0..DELEGATES).map_while(|_| certificates.next()).any(|der| {
            let Ok((_, delegate)) = X509Certificate::from_der(der.whole) else { return false };
            let is_issued = issuers.keys_of(&delegate).iter().any(|key| keys.contains(key));
            let may_sign =
                matches!(delegate.extended_key_usage(), Ok(Some(usage)) if usage.value.ocsp_signing);
            let validity = delegate.validity();
            let is_valid =
                (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now.0);
            let key = [delegate.public_key().raw.to_vec()];
            is_issued
                && may_sign
                && is_valid
                && is_signed(&key, self.signed.whole, self.algorithm, self.signature)
        })
    }

    /// What it says of the certificate with this serial number.
    fn single(&self, serial: &[u8]) -> Option<Single> {
        let mut data = self.signed.elements();
        data.take(context(0));
        // Who it is, and when it was made.
        data.next()?;
        data.take(TIME)?;
        let mut singles = data.take(SEQUENCE)?.elements();
        while let Some(single) = singles.take(SEQUENCE) {
            let mut parts = single.elements();
            let mut id = parts.take(SEQUENCE)?.elements();
            id.take(SEQUENCE)?;
            id.take(OCTETS)?;
            id.take(OCTETS)?;
            if id.take(INTEGER)?.content != serial {
                continue;
            }
            let status = status(parts.next()?);
            let from = date(parts.take(TIME)?)?;
            let until = parts.take(context(0)).and_then(|until| date(until.elements().next()?));
            return Some(Single { status, from, until });
        }
        None
    }
}

/// CertStatus: a choice by its tag.
fn status(choice: Element<'_>) -> Option<RevocationStatus> {
    const GOOD: u8 = 0x80;
    const REVOKED: u8 = context(1);
    match choice.tag {
        GOOD => Some(RevocationStatus::Good { until: None }),
        REVOKED => {
            let mut parts = choice.elements();
            let at = date(parts.take(TIME)?)?;
            let code = parts.take(context(0)).and_then(|code| code.elements().take(ENUMERATED));
            let code = code.and_then(|code| code.content.last().copied());
            Some(RevocationStatus::Revoked { at, reason: code.and_then(|code| reason(ReasonCode(code))) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::{Authority, NOW, Said, response};
    use super::*;

    fn said_of(serial: u8, authority: &Authority, response: &[u8]) -> Result<RevocationStatus, Unknown> {
        staple(response, &authority.issue(serial), authority.issuers(), NOW)
    }

    #[test]
    fn a_response_of_the_issuer_says_good_revoked_or_unknown() {
        let authority = Authority::new("Lab CA");
        let of = |said| said_of(7, &authority, &response(&authority, None, 7, said, [-1, 6]));
        assert!(matches!(of(Said::Good), Ok(RevocationStatus::Good { until: Some(until) }) if until > NOW));
        assert!(matches!(
            of(Said::Revoked),
            Ok(RevocationStatus::Revoked { reason: Some("keyCompromise"), .. })
        ));
        assert!(matches!(of(Said::Held), Ok(RevocationStatus::Revoked { reason: Some(HOLD), .. })));
        assert_eq!(of(Said::Unknown), Err(Unknown::Denied));
        let other = response(&authority, None, 8, Said::Good, [-1, 6]);
        assert_eq!(said_of(7, &authority, &other), Err(Unknown::Another));
        assert_eq!(said_of(7, &authority, b"\x30\x03\x0a\x01\x03"), Err(Unknown::Failed(3)));
    }

    #[test]
    fn a_response_that_has_expired_or_is_another_s_says_nothing() {
        let authority = Authority::new("Lab CA");
        let over = response(&authority, None, 7, Said::Good, [-9, -2]);
        assert!(matches!(said_of(7, &authority, &over), Err(Unknown::Over(_))));
        let revoked = response(&authority, None, 7, Said::Revoked, [-9, -2]);
        assert!(matches!(said_of(7, &authority, &revoked), Ok(RevocationStatus::Revoked { .. })));
        let held = response(&authority, None, 7, Said::Held, [-9, -2]);
        assert!(matches!(said_of(7, &authority, &held), Err(Unknown::Over(_))));
        let early = response(&authority, None, 7, Said::Revoked, [2, 9]);
        assert!(matches!(said_of(7, &authority, &early), Err(Unknown::Early(_))));
        let early = response(&authority, None, 7, Said::Good, [2, 9]);
        assert!(matches!(said_of(7, &authority, &early), Err(Unknown::Early(_))));
        let impostor = response(&Authority::new("Lab CA"), None, 7, Said::Good, [-1, 6]);
        assert_eq!(said_of(7, &authority, &impostor), Err(Unknown::Unsigned));
        let mut changed = response(&authority, None, 7, Said::Good, [-1, 6]);
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(said_of(7, &authority, &changed), Err(Unknown::Unsigned));
    }

    #[test]
    fn a_delegate_signs_for_the_issuer_if_the_issuer_lets_it() {
        let authority = Authority::new("Lab CA");
        let by = |may_sign, issuer: &Authority| {
            let delegate = issuer.delegate(may_sign);
            said_of(7, &authority, &response(&authority, Some(&delegate), 7, Said::Good, [-1, 6]))
        };
        assert!(matches!(by(true, &authority), Ok(RevocationStatus::Good { .. })));
        assert_eq!(by(false, &authority), Err(Unknown::Unsigned));
        assert_eq!(by(true, &Authority::new("Lab CA")), Err(Unknown::Unsigned));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_a_response(bytes: Vec<u8>, cut: prop::sample::Index, value: u8) {
            let authority = Authority::new("Lab CA");
            let _ = said_of(7, &authority, &bytes);
            let mut response = response(&authority, None, 7, Said::Good, [-1, 6]);
            let place = cut.index(response.len());
            response[place] = value;
            let _ = said_of(7, &authority, &response);
            response.truncate(place);
            let _ = said_of(7, &authority, &response);
        }
    }
}
