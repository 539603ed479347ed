//! TLS to the proxy itself: a real proxy's, and each way in which it fails before anything is asked.

use std::fs;
use std::io::Read;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use super::{Checked, QUICK, at_once};
use crate::peers::{self, answer, serve, tls, wait};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

const PASSWORD: &str = "pr0xy-pa55word";
/// What the request has of `joe` and the password.
const CREDENTIALS: &str = "am9lOnByMHh5LXBhNTV3b3Jk";

/// The proxy's name, by which its certificate is verified.
const PROXY: &str = "proxy.test";

#[test]
fn tls_to_the_proxy_comes_first_and_its_faults_are_the_proxy_s() {
    at_once(&[squid, refused, speechless]);
}

/// A check through the proxy on this port, with a password for it.
fn check(lab: &Lab, ca: &str, port: u16, options: &[&str]) -> Checked {
    let proxy = format!("https://joe@{PROXY}:{port}");
    let known = format!("{PROXY}={SERVER}");
    let mut command = lab.check(&["-o", "json", "--proxy", &proxy, "--resolve", &known, "--ca-file", ca]);
    let name = if options.contains(&"--name") { &[][..] } else { &["--name", NAME] };
    command.args(name).args(options).arg(SERVER);
    let outcome = Outcome::of(command.env("SSMSCOPE_PROXY_PASSWORD", PASSWORD));
    for secret in [PASSWORD, CREDENTIALS] {
        assert!(!outcome.out.contains(secret) && !outcome.error.contains(secret), "{outcome:?}");
    }
    Checked::from(outcome)
}

fn squid(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    peers::serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    let [certificate, key] = pki.issue("proxy", PROXY, |_| {});
    let config = lab.folder.path().join("squid.conf");
    let folder = lab.folder.path().display();
    let text = format!(
        "https_port 10.9.0.2:3129 tls-cert={certificate} tls-key={key}\npid_filename none\naccess_log none\n\
         cache_log /dev/null\ncache deny all\ncache_effective_user proxy\ncoredump_dir {folder}\nacl ssl port 8443\n\
         http_access deny CONNECT !ssl\nhttp_access allow all\nshutdown_lifetime 0 seconds\n"
    );
    fs::write(&config, text).unwrap();
    // Its shared memory is named by it.
    let name = format!("checktls{}", std::process::id());
    let Some(_proxy) = lab.serve("squid", &["-N", "-n", &name, "-f", &config.display().to_string()]) else {
        return;
    };
    lab.wait_for_listener(3129);
    for version in ["1.2", "1.3"] {
        let checked = check(lab, &ca, 3129, &["--tls-max", version, "--http", "/"]);
        assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
        assert_eq!(checked.check["proxy"]["kind"], "https", "{checked}");
        assert_eq!(checked.check["proxy"]["status"], 200, "{checked}");
        assert_eq!(checked.check["http"]["status"], 200, "{checked}");
        assert!(checked.check["durations"]["proxy"].as_f64() > Some(0.0), "{checked}");
        // What is inside is the server's: its handshake, its certificate, and its version.
        let connection = &checked.connections[0];
        assert_eq!(connection["tcp"]["prelude"]["step"], "agreed", "{checked}");
        assert_eq!(connection["tls"]["version"], format!("TLS {version}"), "{checked}");
        assert!(checked.contains("TLS is established with the proxy"), "{checked}");
    }
    // Its packets show one TLS connection to the proxy, and are saved.
    let saved = lab.folder.path().join("saved.pcapng");
    let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap(), "--http", "/"];
    let checked = check(lab, &ca, 3129, &capture);
    assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    assert_eq!(checked.check["evidence"], "steps", "{checked}");
    let bytes = fs::read(&saved).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|part| part == words.as_bytes());
    assert!(holds(PROXY) && !holds("CONNECT"), "{checked}");
    // The server behind the proxy is verified by its own name, and the tunnel's faults are a proxy's.
    let checked = check(lab, &ca, 3129, &["--name", "other.test"]);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
    assert_eq!(checked.check["actor"], "server", "{checked}");
    assert!(checked.contains(&format!("is for {NAME}, not for other.test")), "{checked}");
    let checked = check(lab, &ca, 3129, &["-p", "22"]);
    assert_eq!(
        (checked.reason(), checked.check["cause"].as_str()),
        ("proxy-refused", Some("403")),
        "{checked}"
    );
}

/// A proxy over TLS that keeps what it was asked in clear.
fn listens(lab: &Lab, port: u16, files: &[String; 2]) -> Receiver<Vec<u8>> {
    let (config, (sender, heard)) = (tls(files), mpsc::channel());
    let sender = Mutex::new(sender);
    serve(lab, port, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut bytes = vec![0; 4_096];
        let len = rustls::Stream::new(&mut connection, &mut peer).read(&mut bytes).unwrap_or(0);
        bytes.truncate(len);
        let _ = sender.lock().unwrap().send(bytes);
    });
    heard
}

/// A proxy whose certificate is not verified hears nothing, whatever is accepted of the server's.
fn refused(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let wrong = pki.issue("wrong", "other.test", |_| {});
    let accept = ["--insecure", "--accept", "expired,name"];
    for (port, files, words) in [
        (3130, &wrong, "TLS with the proxy: the certificate is for other.test, not for proxy.test"),
        (3131, &pki.expired(), "TLS with the proxy: the certificate "),
        (3132, &pki.self_signed(), "TLS with the proxy: "),
    ] {
        let heard = listens(lab, port, files);
        let checked = check(lab, &ca, port, &accept);
        assert_eq!((checked.codes(), checked.status()), (vec!["tls-alert"], 2), "{checked}");
        assert_eq!(checked.check["actor"], "path", "{checked}");
        let headline = checked.check["headline"].as_str().unwrap();
        assert!(headline.starts_with(words) && !headline.contains("server"), "{checked}");
        assert_eq!(heard.recv().unwrap(), b"", "{checked}");
    }
    // One whose certificate is right hears the request and the password.
    let heard = listens(lab, 3133, &pki.issue("proxy", PROXY, |_| {}));
    let checked = check(lab, &ca, 3133, &[]);
    assert_eq!((checked.codes(), checked.status()), (vec!["proxy-refused"], 2), "{checked}");
    let asked = String::from_utf8(heard.recv().unwrap()).unwrap();
    assert!(
        asked.starts_with("CONNECT 10.9.0.2:8443 HTTP/1.1\r\n") && asked.contains(CREDENTIALS),
        "{asked}"
    );
}

/// What is not TLS, and what is not TLS yet.
fn speechless(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    serve(lab, 3134, |peer| answer(peer, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    serve(lab, 3135, |_| wait());
    serve(lab, 3136, peers::close_unread);
    serve(lab, 3137, |peer| answer(peer, b"\x15\x03\x03\0\x02\x02\x28"));
    for (port, code, words) in [
        (3134, "not-tls", "is it an http:// proxy?"),
        (3135, "no-server-hello", "the proxy"),
        (3136, "reset", "the proxy"),
        (3137, "tls-alert", "the proxy aborted the handshake"),
    ] {
        let checked = check(lab, &ca, port, &QUICK);
        assert_eq!((checked.codes(), checked.status()), (vec![code], 2), "{checked}");
        assert_eq!(checked.check["actor"], "path", "{checked}");
        let headline = checked.check["headline"].as_str().unwrap();
        assert!(headline.starts_with("TLS with the proxy: ") && headline.contains(words), "{checked}");
        assert!(!headline.contains("the server"), "{checked}");
    }
    // Before that TLS is established, captured packets show everything, and decide.
    let checked = check(lab, &ca, 3136, &["--capture", "--user", "root"]);
    assert_eq!(
        (checked.codes(), checked.check["evidence"].as_str()),
        (vec!["reset"], Some("packets")),
        "{checked}"
    );
}
