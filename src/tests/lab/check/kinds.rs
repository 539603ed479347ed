//! Certificates of kinds about which libraries differ: what the check says, next to what OpenSSL and Java do with them.

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::check;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};

#[test]
fn a_certificate_of_a_rare_kind_is_judged_as_clients_judge_it() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let usage = |file: &str, usages: &[KeyUsagePurpose]| {
        pki.issue(file, NAME, |params| params.key_usages = usages.to_vec())
    };
    let authority =
        pki.issue("authority", NAME, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let of_clients = pki.issue("of-clients", NAME, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let named = ["--name", NAME, "--ca-file", &ca];
    for (port, files, status, words) in [
        (8443, usage("signs", &[KeyUsagePurpose::DigitalSignature]), 0, ""),
        // Java: "KeyUsage does not allow digital signatures". OpenSSL accepts it.
        (
            8444,
            usage("agrees", &[KeyUsagePurpose::KeyAgreement]),
            2,
            "keyUsage is keyAgreement, without digitalSignature: Java",
        ),
        // OpenSSL too: "unsuitable certificate purpose".
        (8445, usage("other", &[KeyUsagePurpose::ContentCommitment]), 2, "all clients refuse it"),
        (8446, authority, 1, "a CA certificate (CA:TRUE): OpenSSL and Java accept it"),
        (8447, of_clients, 2, "extended key usage does not name servers"),
    ] {
        // OpenSSL's server signs by TLS 1.3 alone with a key that may not.
        let Some(_server) = lab.serve_tls(port, &files, &["-www", "-tls1_3"]) else { return };
        let host = format!("{SERVER}:{port}");
        let checked = check(&lab, &[&[&host, "--http", "/"][..], &named].concat());
        assert_eq!(checked.status(), status, "{port} {checked}");
        assert!(checked.check["headline"].as_str().unwrap().contains(words), "{port} {checked}");
        if port == 8446 {
            // Nobody's signature counts then, and its own name and dates do.
            let checked = check(&lab, &[&[&host, "--insecure"][..], &named].concat());
            assert_eq!(checked.codes(), ["healthy"], "{checked}");
            let checked = check(&lab, &[&host, "--ca-file", &ca, "--name", "other.test"]);
            assert_eq!(checked.status(), 2, "{checked}");
            assert!(checked.check["headline"].as_str().unwrap().contains("not for other.test"), "{checked}");
            let pin = "sha256//BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
            let checked = check(&lab, &[&[&host, "--pin", pin][..], &named].concat());
            assert_eq!(checked.status(), 2, "{checked}");
            let folder = lab.folder.path().join("stranger");
            std::fs::create_dir(&folder).unwrap();
            let stranger = Pki::named(&folder, "Another Authority").authority();
            let checked = check(&lab, &[&host, "--name", NAME, "--ca-file", &stranger]);
            assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
            assert!(checked.contains("certificate-unknown-issuer"), "{checked}");
        }
    }
}
