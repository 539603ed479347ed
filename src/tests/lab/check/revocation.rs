//! Revoked certificates: by lists that the user gives, and by what the server staples.

use std::fs;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Case, check};
use crate::peers::{self, serve};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

#[test]
fn a_certificate_that_a_list_revokes_is_refused_and_so_is_one_without_a_list() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let files = pki.issue("revocable", NAME, |params| params.serial_number = Some(vec![7].into()));
    peers::serve_https(&lab, 8443, &files, |_, _| peers::json("200 OK", "{}"));
    let lists = [
        ("good", pki.list(&[9])),
        ("revoking", pki.list(&[7])),
        ("stranger", Pki::new(lab.folder.path()).list(&[])),
    ];
    let [good, revoking, stranger] = lists.map(|(name, pem)| {
        let file = lab.folder.path().join(format!("{name}.crl"));
        fs::write(&file, pem).unwrap();
        file.display().to_string()
    });
    // The other authority's certificate took its place.
    fs::write(&ca, pki.certificate()).unwrap();
    for version in ["1.2", "1.3"] {
        let with = |list: &'_ str| {
            let options =
                ["--name", NAME, "--ca-file", &ca, "--tls-max", version, "--crl-file", list, SERVER];
            options.map(str::to_owned)
        };
        let [good, revoking, stranger] = [&good, &revoking, &stranger].map(|list| with(list));
        let [good, revoking, stranger] =
            [&good, &revoking, &stranger].map(|options| options.each_ref().map(String::as_str));
        Case::new("healthy", &good).holds(&lab);
        Case::new("tls-alert", &revoking).cause("certificate_revoked").holds(&lab);
        let checked = check(&lab, &revoking);
        assert_eq!((checked.status(), checked.check["actor"].as_str()), (2, Some("server")), "{checked}");
        let words = "the server's certificate was revoked on 2026-01-02 (keyCompromise)";
        assert!(checked.contains(words), "{checked}");
        // A list of the same name that another key signed.
        let checked = check(&lab, &stranger);
        assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
        assert!(checked.contains("not signed by the certificate's issuer"), "{checked}");
    }
    let outcome = Outcome::of(&mut lab.check(&["--crl-file", &ca, SERVER]));
    assert!(outcome.status == 3 && outcome.error.contains("no revocation list"), "{outcome:?}");
}

#[test]
fn a_stapled_response_is_looked_at_in_each_version_of_tls() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let (ca, [certificate, key]) = (pki.authority(), pki.good());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    for (port, staple, words) in [
        (8443, b"".as_slice(), "the server staples no OCSP response"),
        (8444, b"\x30\x03\x0a\x01\x03", "the stapled OCSP response is not usable: its responder failed (3)"),
        (8445, b"no response", "the stapled OCSP response is not usable: it can't be read"),
    ] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert_with_ocsp(
                chain.clone(),
                PrivateKeyDer::from_pem_file(&key).unwrap(),
                staple.to_vec(),
            )
            .unwrap();
        let config = Arc::new(config);
        serve(&lab, port, move |mut peer| {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = std::io::Read::read(&mut rustls::Stream::new(&mut connection, &mut peer), &mut [0; 99]);
        });
        for version in ["1.2", "1.3"] {
            let place = format!("{SERVER}:{port}");
            let options = ["--name", NAME, "--ca-file", &ca, "--tls-max", version, &place];
            let checked = check(&lab, &options);
            assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
            assert_eq!(checked.contains(words), !staple.is_empty(), "{checked}");
            let checked = check(&lab, &[&options[..], &["--require-staple"]].concat());
            assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
            assert!(checked.check["headline"].as_str().unwrap().contains(words), "{checked}");
        }
    }
}
