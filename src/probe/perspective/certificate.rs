//! A certificate's own fault, in the words of a headline.

use crate::cert::{Date, Fault, Issuer, Weakness};
use crate::probe::http::demands::Unmet;
use crate::probe::http::verifier::{Accepted, objectionable};
use crate::story::Story;
use crate::verdict::{Actor, Code, Severity, Verdict};

/// A certificate's own fault decides the words; the alert by which the check refused it is a detail.
pub(super) fn refused(story: &Story, verdict: &mut Verdict, accepted: Accepted) {
    let is_refusal = verdict.code == Code::TlsAlert && story.is_certificate_refused();
    let Some(found) = story.tls.examination.as_ref().filter(|_| is_refusal) else { return };
    let alert = verdict.cause.clone().unwrap_or_default();
    let refused = format!(
        "The check refused the certificate with the alert {alert}, as clients do that verify it: the network is fine."
    );
    let fault = objectionable(found, accepted);
    if found.issuer == Issuer::Authority && fault.is_none() {
        authority(verdict);
        return;
    }
    // A chain with an expired certificate may never have been valid as a whole, which is no reason by itself.
    let is_dated = matches!(fault, Some(Fault::Expired { .. } | Fault::NotYetValid { .. }));
    if let Issuer::Refused(why) = &found.issuer
        && !is_dated
    {
        let weak = found.faults.iter().find_map(|fault| match fault {
            Fault::Weak { of, why: Weakness::Signature(kind) } => Some((of, kind)),
            _ => None,
        });
        let why = why.replace("webpki refuses", "this check does not verify");
        verdict.headline = format!("the certificate's chain can't be verified: {why}").into();
        if let Some((of, kind)) = weak.filter(|_| why.starts_with("a signature")) {
            verdict.headline =
                format!("the certificate {of} is signed by {kind}, which today's clients refuse").into();
        }
        verdict.actor = Actor::Server;
        verdict.explanation = refused.into();
        return;
    }
    let Some(fault) = fault else { return };
    let (headline, advice) = words_of(fault);
    verdict.headline = headline.into();
    verdict.actor = Actor::Server;
    verdict.explanation = format!("{} {refused}", fault.sentence(story.certificates_at())).into();
    verdict.change_advice(|known| *known = advice.to_vec());
    verdict.client_reports = fault.reported().into_iter().map(Into::into).collect();
}

/// The check refused the certificate for what clients accept or do not look at.
pub(super) fn unmet(verdict: &mut Verdict, unmet: &Unmet) {
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Server;
    verdict.headline = unmet.headline.clone().into();
    verdict.explanation = unmet.explanation.clone().into();
    verdict.client_reports = Vec::new();
    verdict.change_advice(|advice| advice.clone_from(&unmet.advice));
}

/// A fault in one line, and what to do about it.
pub(super) fn words_of(fault: &Fault) -> (String, &'static [&'static str]) {
    let date = |date: Date| date.machine_readable().split('T').next().map(str::to_owned);
    match fault {
        Fault::Expired { of, not_after, is_own } => {
            let whose = if *is_own { "" } else { "CA " };
            (
                format!("the {whose}certificate {of} expired on {}", date(*not_after).unwrap_or_default()),
                if *is_own { &[RENEW, CLOCK] } else { &[REPLACE, CLOCK] },
            )
        }
        Fault::NotYetValid { of, not_before } => (
            format!("the certificate {of} is not valid until {}", date(*not_before).unwrap_or_default()),
            &[CLOCK, "If both are right, the server's certificate was installed too early."],
        ),
        Fault::NameMismatch { wanted, names, common_name, further_names, .. } => (
            match names.first().or(common_name.as_ref()) {
                // A client compares addresses with addresses, and no name with the common name (RFC 9525, 6.3 and 6.5).
                Some(name) if *name == wanted.name && names.is_empty() => {
                    format!("the certificate has {name} as its common name only, which no longer counts")
                }
                Some(_) if names.contains(&wanted.name) => {
                    format!("the certificate has {} as a DNS name, and not as an IP address", wanted.name)
                }
                Some(name) if names.len() > 1 => format!(
                    "the certificate is for {name} and {} more, not for {}",
                    names.len() - 1 + further_names,
                    wanted.name
                ),
                Some(name) => format!("the certificate is for {name}, not for {}", wanted.name),
                None => format!("the certificate contains no name, so not {}", wanted.name),
            },
            &[
                "Have a certificate for this name installed on the server.",
                "Or ask for the server by a name of the certificate: as the host, or with --name.",
            ],
        ),
        Fault::SelfSigned { of, store } => (
            format!("the certificate {of} is self-signed, and is not in {store}"),
            &[TRUST, "Or have it signed by an authority that the clients trust."],
        ),
        Fault::UnknownIssuer { issuer, store, .. } => (
            format!("the certificate's issuer, {issuer}, is not in {store}"),
            &["Have the server send the intermediates that are missing.", TRUST],
        ),
        Fault::KeyUsage { usage, .. } => {
            let others =
                if usage.is_of_server() { "Java and browsers refuse it" } else { "all clients refuse it" };
            (
                format!("the certificate's keyUsage is {usage}, without digitalSignature: {others}"),
                &["Have a certificate issued for the server whose keyUsage includes digitalSignature."],
            )
        }
        Fault::Weak { why: Weakness::ShortKey { bits, .. }, .. } => {
            (format!("the certificate's key is weak: RSA of {bits} bits"), &[REISSUE])
        }
        Fault::Weak { why: Weakness::Signature(algorithm), .. } => {
            (format!("the certificate's signature is weak: {algorithm}"), &[REISSUE])
        }
    }
}

/// The server's own certificate is an authority's, and nothing else is wrong with it: others complete that.
fn authority(verdict: &mut Verdict) {
    verdict.severity = Severity::Warning;
    verdict.actor = Actor::Server;
    verdict.headline =
        "the server's certificate is a CA certificate (CA:TRUE): OpenSSL and Java accept it, others do not"
            .into();
    verdict.explanation = "Its signatures lead to a trusted authority, and its dates and names are right. RFC 5280 leaves open whether \
                           such a certificate may be a server's: webpki, which this check uses, and Firefox refuse it. The check ended the handshake; whether the \
                           rest works, a page for example, is not known."
        .into();
    verdict.client_reports = vec!["Firefox: MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY".into()];
    verdict.change_advice(|advice| *advice = vec![END_ENTITY]);
}

const END_ENTITY: &str = "Have an end-entity certificate (basicConstraints CA:FALSE) issued for the server.";
const RENEW: &str = "Renew the certificate on the server, and reload the server.";
const REPLACE: &str =
    "Install the issuer's current CA certificate in the chain that the server sends, and reload the server.";
const CLOCK: &str = "Compare the clock of this host with the server's.";
pub(super) const TRUST: &str =
    "If the server's authority is your own, trust it here with --ca-file, and in the store of the clients.";
const REISSUE: &str = "Have a certificate issued for the server with RSA 2048 or ECDSA, signed over SHA-256.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::perspective::Perspective;
    use crate::probe::perspective::tests::{
        expired, failing, ignorant, misnamed, refused as refused_by, seen,
    };
    use crate::probe::record::Failure;

    #[test]
    fn a_certificate_s_own_fault_decides_the_words() {
        for (alert, fault, words) in [
            (45, expired(), "expired on 2020-09-13"),
            (42, misnamed(&["a.example"]), "is for a.example, not for ssm.example"),
            (42, misnamed(&["a.example", "b.example"]), "is for a.example and 1 more, not for ssm.example"),
            (42, misnamed(&[]), "contains no name, so not ssm.example"),
            (
                42,
                Fault::Weak { of: "x".into(), why: Weakness::ShortKey { bits: 1_024, is_authority: false } },
                "key is weak: RSA of 1024 bits",
            ),
            (
                42,
                Fault::NotYetValid { of: "x".into(), not_before: Date(1_900_000_000) },
                "not valid until 2030-03-17",
            ),
            (
                48,
                Fault::SelfSigned { of: "x".into(), store: "its store".into() },
                "self-signed, and is not in its store",
            ),
        ] {
            let verdict = seen(&ignorant(), refused_by(alert, vec![fault], Issuer::Trusted));
            assert!(verdict.headline.contains(words), "{}", verdict.headline);
            assert_eq!((verdict.code, verdict.actor), (Code::TlsAlert, Actor::Server), "{words}");
            assert!(
                !verdict.headline.contains("changes the traffic") && !verdict.headline.contains("alert"),
                "{words}"
            );
        }
    }

    #[test]
    fn of_several_faults_the_one_that_is_not_accepted_is_named() {
        let faults = vec![expired(), misnamed(&["a.example"])];
        let both = seen(&ignorant(), refused_by(45, faults.clone(), Issuer::Trusted));
        assert!(both.headline.contains("expired on"), "{}", both.headline);
        let accepted = Accepted { is_expired: true, ..Accepted::default() };
        let name =
            seen(&Perspective { accepted, ..ignorant() }, refused_by(42, faults.clone(), Issuer::Trusted));
        assert!(name.headline.contains("not for ssm.example"), "{}", name.headline);
        // To a proxy nothing is accepted.
        let all = failing(Failure::ProxyTls { violation: None });
        let perspective = Perspective { accepted, connections: &all, ..ignorant() };
        let verdict = seen(&perspective, refused_by(45, faults, Issuer::Trusted));
        assert!(verdict.headline.starts_with("TLS with the proxy: "), "{}", verdict.headline);
        assert!(verdict.headline.contains("expired on"), "{}", verdict.headline);
        assert_eq!(verdict.actor, Actor::Path);
    }

    #[test]
    fn an_authority_s_certificate_is_a_warning_and_a_second_fault_is_none() {
        let authority = seen(&ignorant(), refused_by(42, Vec::new(), Issuer::Authority));
        assert_eq!(authority.severity, Severity::Warning);
        assert!(authority.headline.contains("CA:TRUE"), "{}", authority.headline);
        let expired = seen(&ignorant(), refused_by(45, vec![expired()], Issuer::Authority));
        assert_eq!(expired.severity, Severity::Critical);
        assert!(expired.headline.contains("expired on"), "{}", expired.headline);
    }
}
