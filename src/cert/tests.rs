//! The room's tests, on the certificates of `samples/`.

use proptest::prelude::*;

use super::samples::sample;
use super::*;
use crate::tls::CertificateMessage;

fn message(chain: &[Vec<u8>]) -> CertificateMessage {
    CertificateMessage { len: 2_000, chain: chain.to_vec(), further: 0, is_whole: true }
}

fn store() -> Anchors {
    Anchors::new("ca.pem", true, &[sample("authority")])
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), source: NameSource::ServerName }
}

fn on(date: i64) -> VerificationTime {
    VerificationTime { earliest: Date(date), latest: Date(date) }
}

/// 2024-01-01, when all samples are valid.
const VALID: i64 = 1_704_067_200;
/// 2026-01-01, when the intermediate has expired and the server's own has not.
const LATER: i64 = 1_767_225_600;
/// 2031-01-01, when the server's own has expired too.
const MUCH_LATER: i64 = 1_924_992_000;
/// 2019-01-01, before all but the authority.
const EARLIER: i64 = 1_546_300_800;

fn codes(examination: &Examination) -> Vec<&'static str> {
    examination.faults.iter().map(Fault::code).collect()
}

#[test]
fn a_certificate_is_read() {
    let certificate = Certificate::read(&sample("server"));
    assert_eq!(certificate.fingerprint().len(), 64);
    let details = certificate.details.unwrap();
    assert_eq!(details.subject, "O=Test, CN=ssm.example");
    assert_eq!(details.issuer, "O=Test, CN=Intermediate");
    assert_eq!(details.title(), "ssm.example");
    assert_eq!(details.names, ["ssm.example", "*.ssm.example", "192.0.2.20"]);
    assert_eq!(details.not_before.map(Date::machine_readable).as_deref(), Some("2020-01-01T00:00:00Z"));
    assert_eq!((details.key_text().as_str(), details.signature.as_str()), ("P-256", "ECDSA with SHA-256"));
    assert!(!details.is_ca && !details.is_self_issued);
    let authority = Certificate::read(&sample("authority")).details.unwrap();
    assert!(authority.is_ca && authority.is_self_issued);
    assert_eq!(authority.not_after.map(Date::machine_readable).as_deref(), Some("9999-12-31T23:59:59Z"));
    assert_eq!(Certificate::read(&sample("weak")).details.unwrap().key_text(), "RSA 1024");
}

#[test]
fn a_good_chain_is_trusted_and_has_no_faults() {
    let chain = message(&[sample("server"), sample("intermediate")]);
    for name in ["ssm.example", "SSM.example.", "a.ssm.example", "192.0.2.20"] {
        let found = examine(&chain, Some(wanted(name)), Some(on(VALID)), Some(&store()));
        assert_eq!((&found.issuer, codes(&found)), (&Issuer::Trusted, vec![]), "{name}");
    }
}

#[test]
fn each_fault_is_found_whatever_else_is_wrong() {
    let chain = message(&[sample("server"), sample("intermediate")]);
    let stranger = Anchors::new("other.pem", true, &[sample("self-signed")]);
    for (date, anchors, expected) in [
        (EARLIER, &store(), vec!["certificate-not-yet-valid", "certificate-not-yet-valid"]),
        (LATER, &store(), vec!["certificate-expired"]),
        (MUCH_LATER, &store(), vec!["certificate-expired", "certificate-expired"]),
        (VALID, &stranger, vec!["certificate-unknown-issuer"]),
        (
            MUCH_LATER,
            &stranger,
            vec!["certificate-expired", "certificate-expired", "certificate-unknown-issuer"],
        ),
    ] {
        let found = examine(&chain, Some(wanted("ssm.example")), Some(on(date)), Some(anchors));
        assert_eq!(codes(&found), expected, "at {date} against {anchors:?}");
    }
    let found = examine(&chain, Some(wanted("b.a.ssm.example")), Some(on(VALID)), Some(&stranger));
    assert_eq!(codes(&found), ["certificate-name-mismatch", "certificate-unknown-issuer"]);
    let found = examine(&chain, Some(wanted("192.0.2.21")), Some(on(VALID)), Some(&store()));
    assert_eq!(codes(&found), ["certificate-name-mismatch"]);
}

#[test]
fn the_issuer_is_known_although_the_dates_are_wrong() {
    let chain = message(&[sample("server"), sample("intermediate")]);
    for date in [EARLIER, LATER, MUCH_LATER] {
        assert_eq!(
            examine(&chain, None, Some(on(date)), Some(&store())).issuer,
            Issuer::Trusted,
            "at {date}"
        );
    }
}

#[test]
fn an_expired_intermediate_that_the_client_can_do_without_is_no_fault() {
    let chain = message(&[sample("server"), sample("intermediate")]);
    let anchors = Anchors::new("ca.pem", true, &[sample("intermediate")]);
    assert_eq!(codes(&examine(&chain, None, Some(on(LATER)), Some(&anchors))), Vec::<&str>::new());
}

#[test]
fn a_missing_intermediate_is_an_unknown_issuer() {
    let found =
        examine(&message(&[sample("server")]), Some(wanted("ssm.example")), Some(on(VALID)), Some(&store()));
    let [Fault::UnknownIssuer { issuer, is_issuer_sent: false, .. }] = found.faults.as_slice() else {
        panic!("{:?}", found.faults)
    };
    assert_eq!(issuer, "O=Test, CN=Intermediate");
}

#[test]
fn a_self_signed_certificate_is_distinguished_from_one_in_the_store() {
    let chain = message(&[sample("self-signed")]);
    let found = examine(&chain, Some(wanted("ssm.example")), Some(on(VALID)), Some(&store()));
    assert_eq!((found.issuer.clone(), codes(&found)), (Issuer::SelfSigned, vec!["certificate-self-signed"]));
    let pinned = Anchors::new("own.pem", true, &[sample("self-signed")]);
    let found = examine(&chain, Some(wanted("ssm.example")), Some(on(VALID)), Some(&pinned));
    assert_eq!((found.issuer.clone(), codes(&found)), (Issuer::Trusted, vec![]));
}

#[test]
fn short_keys_and_old_signatures_are_weak() {
    let found = examine(&message(&[sample("weak")]), None, Some(on(VALID)), Some(&store()));
    assert_eq!(codes(&found), ["certificate-weak", "certificate-weak"]);
    assert!(matches!(found.issuer, Issuer::Refused(_)));
}

#[test]
fn a_common_name_counts_only_where_there_are_no_other_names() {
    let found =
        |sample: Vec<u8>, name| examine(&message(&[sample]), Some(wanted(name)), Some(on(VALID)), None);
    assert_eq!(codes(&found(sample("nameless"), "ssm.example")), Vec::<&str>::new());
    assert_eq!(codes(&found(sample("nameless"), "other.example")), ["certificate-name-mismatch"]);
    assert_eq!(codes(&found(sample("nameless"), "192.0.2.20")), ["certificate-name-mismatch"]);
    assert_eq!(
        codes(&found(sample("weak"), "weak.example")),
        ["certificate-name-mismatch", "certificate-weak", "certificate-weak"]
    );
}

#[test]
fn a_check_accepts_no_common_name_and_no_name_that_it_can_t_compare() {
    let found = |name: &str, source| {
        let wanted = Wanted { name: name.to_owned(), source };
        let message = message(&[sample("nameless")]);
        codes(&examine(&message, Some(wanted), Some(on(VALID)), None))
    };
    for name in ["ssm.example", "münchen.example", "ssm-.lab", "a..lab", "", "ssm.example.."] {
        assert_eq!(found(name, NameSource::Target), ["certificate-name-mismatch"], "{name}");
    }
    assert_eq!(found("a..lab", NameSource::ServerName), Vec::<&str>::new());
}

#[test]
fn a_server_s_own_certificate_in_the_store_vouches_for_no_other() {
    let pinned = Anchors::new("own.pem", true, &[sample("server")]);
    assert_eq!((pinned.len(), pinned.roots.len()), (1, 0));
    let found = |chain: &[Vec<u8>]| {
        examine(&message(chain), Some(wanted("ssm.example")), Some(on(VALID)), Some(&pinned))
    };
    assert_eq!(found(&[sample("server"), sample("intermediate")]).issuer, Issuer::Trusted);
    assert_ne!(found(&[sample("nameless"), sample("server")]).issuer, Issuer::Trusted);
    assert_eq!(Anchors::new("both.pem", true, &[sample("authority"), sample("intermediate")]).roots.len(), 2);
}

#[test]
fn what_is_not_known_is_not_checked() {
    let chain = message(&[sample("server"), sample("intermediate")]);
    let found = examine(&chain, None, None, None);
    assert_eq!((codes(&found), found.is_dated), (vec![], false));
    assert!(matches!(found.issuer, Issuer::Unchecked(_)));
    let cut = CertificateMessage { is_whole: false, ..message(&[sample("server")]) };
    let found = examine(&cut, Some(wanted("ssm.example")), Some(on(MUCH_LATER)), Some(&store()));
    assert_eq!(codes(&found), ["certificate-expired"], "what is there is checked");
    assert!(matches!(found.issuer, Issuer::Unchecked(_)));
    let uncertain = VerificationTime { earliest: Date(VALID), latest: Date(MUCH_LATER) };
    assert_eq!(codes(&examine(&chain, None, Some(uncertain), None)), Vec::<&str>::new());
}

#[test]
fn what_is_no_certificate_is_shown_as_such() {
    let found = examine(
        &message(&[b"no DER".to_vec()]),
        Some(wanted("ssm.example")),
        Some(on(VALID)),
        Some(&store()),
    );
    assert_eq!(found.certificates.len(), 1);
    assert_eq!((found.certificates[0].details.as_ref(), codes(&found)), (None, vec![]));
    assert!(matches!(found.issuer, Issuer::Unchecked(_)));
}

#[test]
fn a_chain_that_signs_itself_in_a_circle_comes_to_an_end() {
    let chain = vec![sample("server"), sample("server"), sample("intermediate"), sample("intermediate")];
    let found = examine(&message(&chain), Some(wanted("ssm.example")), Some(on(VALID)), Some(&store()));
    assert_eq!(found.issuer, Issuer::Trusted);
}

#[test]
fn a_lazy_store_is_fetched_once_and_only_when_asked_for() {
    let mut trust = Trust::WhenNeeded(store);
    let first = trust.anchors().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &trust.anchors().unwrap()));
    assert!(Trust::Nobody.anchors().is_none());
}

/// A server's certificate and `count` CAs with the same name and different keys, each signed by the next. The CA at `issuer`
/// signed the server's certificate; a root of that name is in the store. With or without key identifiers.
fn namesakes(count: usize, issuer: usize, has_identifiers: bool) -> (Vec<Vec<u8>>, Anchors) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let authority = |name: &str| {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = has_identifiers;
        params
    };
    let root = CertifiedIssuer::self_signed(authority("Root"), KeyPair::generate().unwrap()).unwrap();
    let authorities: Vec<_> = (0..count)
        .map(|_| {
            CertifiedIssuer::signed_by(authority("Namesake"), KeyPair::generate().unwrap(), &root).unwrap()
        })
        .collect();
    let mut own = CertificateParams::new(["ssm.example".to_owned()]).unwrap();
    own.use_authority_key_identifier_extension = has_identifiers;
    let own = own.signed_by(&KeyPair::generate().unwrap(), &authorities[issuer]).unwrap();
    let anchors = Anchors::new("ca.pem", true, &[root.der().to_vec()]);
    let chain = std::iter::once(own.der().to_vec())
        .chain(authorities.iter().map(|authority| authority.der().to_vec()))
        .collect();
    (chain, anchors)
}

#[test]
fn of_many_certificates_of_one_name_two_are_tried() {
    let is_trusted = |issuer, has_identifiers| {
        let (chain, anchors) = namesakes(15, issuer, has_identifiers);
        examine(&message(&chain), None, Some(on(VALID)), Some(&anchors)).issuer == Issuer::Trusted
    };
    assert!(is_trusted(0, false) && is_trusted(1, false), "a renewed certificate exists next to the old one");
    assert!(!is_trusted(2, false), "a third one costs more than it explains");
    assert!(is_trusted(14, true), "the keys' identifiers name the right one");
}

/// Every text about an examination.
fn text_len(found: &Examination) -> usize {
    let texts = found.faults.iter().flat_map(|fault| {
        let mut texts = fault.reported();
        texts.push(fault.sentence(Some(on(VALID))));
        texts
    });
    texts.map(|text| text.len()).sum()
}

proptest! {
    #[test]
    fn any_bytes_as_a_chain_are_examined(chain: Vec<Vec<u8>>, name: String, date: i64) {
        let found = examine(&message(&chain), Some(wanted(&name)), Some(on(date)), Some(&store()));
        prop_assert_eq!(found.certificates.len(), chain.len());
        let _ = text_len(&found);
    }

    #[test]
    fn any_damaged_chain_is_examined(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
        is_cut: bool,
        which in 0..6usize,
    ) {
        let samples = [sample("server"), sample("weak"), sample("self-signed"), sample("nameless"), sample("authority"), sample("intermediate")];
        let mut damaged = samples[which].clone();
        for (place, byte) in changes {
            let place = place.index(damaged.len());
            damaged[place] = byte;
        }
        if is_cut {
            damaged.truncate(cut.index(damaged.len()));
        }
        for chain in [vec![damaged.clone(), sample("intermediate")], vec![sample("server"), damaged]] {
            let found = examine(&message(&chain), Some(wanted("ssm.example")), Some(on(VALID)), Some(&store()));
            let _ = text_len(&found);
        }
    }
}

#[test]
fn an_authority_s_own_certificate_is_recognised_by_its_issuer() {
    let stranger = Anchors::new("other.pem", true, &[sample("self-signed")]);
    let found = |anchors: &Anchors| {
        examine(&message(&[sample("intermediate")]), None, Some(on(VALID)), Some(anchors))
    };
    assert_eq!((found(&store()).issuer, codes(&found(&store()))), (Issuer::Authority, vec![]));
    assert_eq!(codes(&found(&stranger)), ["certificate-unknown-issuer"]);
}

#[test]
fn a_key_that_may_not_sign_is_a_fault_of_a_check_unless_the_certificate_is_trusted_for_itself() {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    };
    let issued = |usages: &[KeyUsagePurpose]| {
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let mut own = CertificateParams::new(vec!["ssm.example".to_owned()]).unwrap();
        own.key_usages = usages.to_vec();
        let own = own.signed_by(&KeyPair::generate().unwrap(), &root).unwrap();
        (own.der().to_vec(), root.der().to_vec())
    };
    let found = |own: &[u8], store: &[u8], source| {
        let anchors = Anchors::new("a store", true, &[store.to_vec()]);
        let wanted = Wanted { name: "ssm.example".to_owned(), source };
        codes(&examine(&message(&[own.to_vec()]), Some(wanted), Some(on(VALID)), Some(&anchors)))
    };
    let (own, root) = issued(&[KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(found(&own, &root, NameSource::Target), ["certificate-key-usage"]);
    assert_eq!(found(&own, &root, NameSource::ServerName), [""; 0]);
    assert_eq!(found(&own, &own, NameSource::Target), [""; 0]);
    for usages in [&[][..], &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]] {
        let (own, root) = issued(usages);
        assert_eq!(found(&own, &root, NameSource::Target), [""; 0], "{usages:?}");
    }
}

/// A server's certificate, signed by an authority that is signed by a root which ends in that year.
fn issued(usages: &[rcgen::KeyUsagePurpose], root_ends: i32) -> (CertificateMessage, Vec<u8>) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let mut root = authority("Root");
    root.not_after = date_time_ymd(root_ends, 1, 1);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let mut intermediate = authority("Intermediate");
    intermediate.key_usages = usages.to_vec();
    let intermediate = CertifiedIssuer::signed_by(intermediate, KeyPair::generate().unwrap(), &root).unwrap();
    let own = CertificateParams::new(vec!["ssm.example".to_owned()]).unwrap();
    let own = own.signed_by(&KeyPair::generate().unwrap(), &intermediate).unwrap();
    (message(&[own.der().to_vec(), intermediate.der().to_vec()]), root.der().to_vec())
}

#[test]
fn an_authority_that_may_not_sign_certificates_leads_nowhere() {
    use rcgen::KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign};
    for (usages, is_trusted) in
        [(&[][..], true), (&[KeyCertSign, CrlSign], true), (&[DigitalSignature], false), (&[CrlSign], false)]
    {
        let (chain, root) = issued(usages, 2040);
        let anchors = Anchors::new("ca.pem", true, &[root]);
        let found = examine(&chain, Some(wanted("ssm.example")), Some(on(VALID)), Some(&anchors));
        assert_eq!(found.issuer == Issuer::Trusted, is_trusted, "{usages:?}");
        assert_eq!(
            found.issuer.refusal().is_some_and(|why| why.contains("keyUsage")),
            !is_trusted,
            "{usages:?}"
        );
        // Without a trust store, this does not show it.
        let found = examine(&chain, None, Some(on(VALID)), Some(&store()));
        assert_eq!(found.issuer, Issuer::Unknown, "{usages:?}");
    }
}

#[test]
fn what_an_accepted_chain_does_without_is_not_the_first_to_end() {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };
    let authority = |name: &str, ends: i32| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(ends, 1, 1);
        params
    };
    let key = || KeyPair::generate().unwrap();
    let root_key = key();
    let root = authority("Root", 2040).self_signed(&root_key).unwrap();
    let old = CertifiedIssuer::self_signed(authority("Old", 2040), key()).unwrap();
    let crossed = authority("Root", 2023).signed_by(&root_key, &old).unwrap();
    let root_issuer = Issuer::new(authority("Root", 2040), root_key);
    let chain = |intermediate_ends: i32| {
        let intermediate =
            CertifiedIssuer::signed_by(authority("Intermediate", intermediate_ends), key(), &root_issuer)
                .unwrap();
        let mut own = CertificateParams::new(vec!["ssm.example".to_owned()]).unwrap();
        own.not_before = date_time_ymd(2023, 6, 1);
        own.not_after = date_time_ymd(2030, 1, 1);
        let own = own.signed_by(&key(), &intermediate).unwrap();
        message(&[own.der().to_vec(), intermediate.der().to_vec(), crossed.der().to_vec()])
    };
    let anchors = Anchors::new("ca.pem", true, &[root.der().to_vec()]);
    let first = |chain: &CertificateMessage, anchors: Option<&Anchors>| {
        examine(chain, None, Some(on(VALID)), anchors).first_to_end
    };
    assert_eq!(first(&chain(2035), Some(&anchors)), Some(0));
    assert_eq!(first(&chain(2029), Some(&anchors)), Some(1));
    // Without a known trust store, all of them are needed.
    assert_eq!(first(&chain(2035), None), Some(2));
}

#[test]
fn a_root_that_has_ended_is_a_fault_of_a_check_unless_another_vouches() {
    let (chain, ended) = issued(&[], 2023);
    let found = |store: &[Vec<u8>], source| {
        let anchors = Anchors::new("ca.pem", true, store);
        let wanted = Wanted { name: "ssm.example".to_owned(), source };
        examine(&chain, Some(wanted), Some(on(VALID)), Some(&anchors))
    };
    let expired = found(std::slice::from_ref(&ended), NameSource::Target);
    assert_eq!((&expired.issuer, codes(&expired)), (&Issuer::Trusted, vec!["certificate-expired"]));
    let text = expired.faults[0].sentence(Some(on(VALID)));
    assert!(text.starts_with("The CA certificate \"Root of ca.pem\" expired on 2023-01-01"), "{text}");
    // A bystander does not know the client's store.
    assert_eq!(codes(&found(std::slice::from_ref(&ended), NameSource::ServerName)), [""; 0]);
    // The store may have the intermediate as well, which is still valid.
    let both = [ended, chain.chain[1].clone()];
    assert_eq!(codes(&found(&both, NameSource::Target)), [""; 0]);
    let (other, current) = issued(&[], 2040);
    let anchors = Anchors::new("ca.pem", true, &[current, both[0].clone()]);
    let wanted = Wanted { name: "ssm.example".to_owned(), source: NameSource::Target };
    assert_eq!(codes(&examine(&other, Some(wanted), Some(on(VALID)), Some(&anchors))), [""; 0]);
}
