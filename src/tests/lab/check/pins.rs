//! Pins of the server's public key: another key is refused in the handshake, before anything is asked.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssmscope::cert::Pin;

use super::{Case, check};
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

/// A pin that no key has.
const OTHER: &str = "sha256//BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

#[test]
fn a_key_that_is_not_pinned_is_refused_before_anything_is_asked() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let files = pki.good();
    let der = pem_der(&fs::read(&files[0]).unwrap());
    let own = Pin::of_certificate(&der).unwrap().to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    peers::serve_https(&lab, 8443, &files, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        peers::json("200 OK", r#"{"access_token":"t0ken","token_type":"Bearer"}"#)
    });
    let named = ["--name", NAME, "--ca-file", &ca];
    let secret = lab.folder.path().join("secret");
    fs::write(&secret, "s3cret-of-the-client\n").unwrap();
    let secret = secret.display().to_string();
    let token = ["--oauth", "client-credentials", "--client-id", "x", "--client-secret-file", &secret];
    for version in ["1.2", "1.3"] {
        let versions = ["--tls-min", version, "--tls-max", version, SERVER];
        let pinned = [&named[..], &versions, &["--pin", OTHER]].concat();
        Case::new("tls-alert", &pinned).cause("certificate_unknown").holds(&lab);
        for options in
            [&["--http", "/"][..], &["--insecure", "--http", "/"], &["--accept=name,expired"], &token]
        {
            let checked = check(&lab, &[&pinned[..], options].concat());
            assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{options:?} {checked}");
            let headline = checked.check["headline"].as_str().unwrap();
            assert!(headline.contains(&own) && checked.check["actor"] == "server", "{options:?} {checked}");
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "something was asked");
    // One of several pins is enough, and with it the server that nobody signed gets the secret.
    let both = format!("{OTHER};{own}");
    let checked = check(&lab, &[&[SERVER, "--http", "/", "--pin", &both][..], &named].concat());
    assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    assert_eq!(checked.connections[0]["tls"]["certificates"][0]["pin"], own, "{checked}");
    let shown = Outcome::of(lab.check(&named).args([SERVER, "-v"]));
    assert!(shown.out.contains(&format!("Pin        {own}")), "{}", shown.out);
    let unknown = [SERVER, "--name", NAME, "--insecure", "--pin", &own];
    let checked = check(&lab, &[&unknown[..], &token].concat());
    assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    assert!(!checked.contains("was not verified"), "{checked}");
    // A fault that is not accepted comes first.
    let checked = check(&lab, &[SERVER, "--name", "other.test", "--ca-file", &ca, "--pin", OTHER]);
    let headline = checked.check["headline"].as_str().unwrap();
    assert!(headline.contains("not for other.test") && checked.contains("not pinned either"), "{checked}");
}

/// The first certificate of a file.
fn pem_der(pem: &[u8]) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}
