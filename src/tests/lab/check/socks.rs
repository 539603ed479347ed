//! Tunnels through SOCKS5 proxies: those that open, and each way in which one does not.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use super::{Case, Checked, QUICK, at_once, check};
use crate::peers::{self, serve, serve_socks};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

const USER: &str = "operator";

/// The password of one proxy, and the short one of another.
const PASSWORDS: [&str; 2] = ["s0cks-pa55word", "k9"];

#[test]
fn socks5_opens_tunnels_and_each_way_to_fail_has_its_words() {
    at_once(&[opened, logged_in, refused, broken, silent, names]);
}

fn nobody(_: &str) -> Option<String> {
    None
}

fn opened(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    peers::serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    serve_socks(lab, 1080, None, 0, |name| (name == NAME).then(|| SERVER.to_owned()));
    let proxy = "socks5h://10.9.0.2";
    for version in ["1.2", "1.3"] {
        let options = ["--proxy", proxy, "--ca-file", &ca, "--tls-max", version, "--http", "/", NAME];
        Case::new("healthy", &options).holds(lab);
        let checked = check(lab, &options);
        assert_eq!(checked.check["proxy"]["kind"], "socks5h", "{checked}");
        assert_eq!(checked.check["proxy"]["reply"], 0, "{checked}");
        assert_eq!(checked.check["http"]["status"], 200, "{checked}");
        assert_eq!(checked.connections[0]["tcp"]["prelude"]["step"], "agreed", "{checked}");
    }
    // By address: that of the command line, and the one that is looked up here.
    let known = format!("{NAME}={SERVER}");
    for options in
        [&["--name", NAME, SERVER][..], &["--name", NAME, "[2001:db8:9::2]"], &["--resolve", &known, NAME]]
    {
        let checked =
            check(lab, &[&["--proxy", "socks5://10.9.0.2", "--ca-file", &ca][..], options].concat());
        assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{options:?} {checked}");
    }
    // The server behind the tunnel fails as one without a proxy does.
    let checked = check(lab, &["--proxy", proxy, NAME]);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
    assert_eq!(checked.check["actor"], "server", "{checked}");
    let mut of_environment = lab.check(&["-o", "json", "--ca-file", &ca, NAME]);
    let checked = Checked::of(of_environment.env("ALL_PROXY", "socks5h://10.9.0.2:1080"));
    assert_eq!(checked.codes(), ["healthy"], "{checked}");
    assert_eq!(checked.check["proxy"]["named_by"], "ALL_PROXY", "{checked}");
}

fn logged_in(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    peers::serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    for (port, password) in [(1080, PASSWORDS[0]), (1081, PASSWORDS[1])] {
        serve_socks(lab, port, Some((USER, password)), 0, nobody);
        let proxy = format!("socks5://{USER}@10.9.0.2:{port}");
        let saved = lab.folder.path().join(format!("{port}.pcapng"));
        let file = lab.folder.path().join(format!("{port}.secret"));
        fs::write(&file, format!("{password}\n")).unwrap();
        let common = ["--proxy", &proxy, "--name", NAME, "--ca-file", &ca, SERVER];
        let with = ["--proxy-password-file", file.to_str().unwrap()];
        let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap()];
        let run = |options: &[&str]| Outcome::of(lab.check(&["-o", "json"]).args(common).args(options));
        let outcome = run(&[&with[..], &capture].concat());
        let checked = Checked::from(outcome.clone());
        assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
        let outputs = [outcome, run(&[&with[..], &["-o", "timeline", "-vv"]].concat())];
        let message =
            [&[1, USER.len() as u8][..], USER.as_bytes(), &[password.len() as u8], password.as_bytes()];
        let login = message.concat();
        for bytes in
            outputs.iter().map(|outcome| outcome.out.as_bytes().to_vec()).chain([fs::read(&saved).unwrap()])
        {
            let holds = |words: &[u8]| bytes.windows(words.len()).any(|part| part == words);
            assert!(
                !holds(&login) && (password.len() < 3 || !holds(password.as_bytes())),
                "the password shows"
            );
        }
        let mut wrong = lab.check(&["-o", "json"]);
        let wrong = Checked::of(wrong.args(common).env("SSMSCOPE_PROXY_PASSWORD", "an0ther"));
        assert_eq!((wrong.reason(), wrong.status()), ("proxy-refused", 2), "{wrong}");
        assert!(
            wrong.contains("rejected the user name or the password") && !wrong.contains("an0ther"),
            "{wrong}"
        );
    }
    let without = ["--proxy", "socks5://10.9.0.2", SERVER];
    Case::new("proxy-refused", &without).cause("socks-255").holds(lab);
    let checked = check(lab, &without);
    assert_eq!(checked.check["proxy"]["reply"], 255, "{checked}");
}

fn refused(lab: &Lab) {
    for (code, words) in [
        (1, "general SOCKS server failure"),
        (2, "its rules forbid this target"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "the target refused the connection"),
        (6, "the TTL expired"),
        (7, "does not know this command"),
        (8, "does not know this type of address"),
        (99, "no defined meaning"),
    ] {
        let port = 1080 + u16::from(code);
        serve_socks(lab, port, None, code, nobody);
        let (proxy, cause) = (format!("socks5h://10.9.0.2:{port}"), format!("socks-{code}"));
        let options = ["--proxy", &proxy, "ssm.test"];
        if code == 5 {
            Case::new("proxy-refused", &options).cause(&cause).holds(lab);
        }
        let checked = check(lab, &options);
        assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
        assert_eq!(
            (&checked.check["cause"], &checked.check["actor"]),
            (&cause.into(), &"path".into()),
            "{checked}"
        );
        assert!(checked.check["headline"].as_str().unwrap().contains(words), "{checked}");
    }
}

/// Answers a greeting, and the request that follows with these bytes, and closes.
fn answer_request(mut peer: TcpStream, bytes: &[u8]) {
    let _ = peer.read(&mut [0; 100]);
    let _ = peer.write_all(&[5, 0]);
    peers::answer(peer, bytes);
}

fn broken(lab: &Lab) {
    let greetings: [(u16, &[u8], &str); 6] = [
        (2001, b"", "closed the connection instead of opening the tunnel"),
        (2002, b"HTTP/1.1 400 Bad Request\r\n\r\n", "is HTTP, \"HTTP/1.1 400 Bad Request\""),
        (2003, b"\x05", "incomplete after 1 byte: the proxy closed"),
        (2004, b"\x05\x01", "login method 1 (GSSAPI), which the check did not offer"),
        (2005, b"\x00\x5b\0\0\0\0\0\0", "is of SOCKS4"),
        (2006, b"\x15\x03\x01\x00\x02\x02\x46", "is a TLS record"),
    ];
    let replies: [(u16, &[u8], &str); 4] = [
        (2011, b"", "closed the connection instead of opening the tunnel"),
        (2012, b"\x05\x00\x00", "incomplete after 3 bytes: the proxy closed"),
        (2013, b"\x05\x00\x00\x09\0\0\0\0\0\0", "of the unknown type 9"),
        (2014, b"garbage", "is not SOCKS5: it begins \"garbage\""),
    ];
    for (port, bytes, _) in greetings {
        let bytes = bytes.to_vec();
        serve(lab, port, move |peer| peers::answer(peer, &bytes));
    }
    for (port, bytes, _) in replies {
        let bytes = bytes.to_vec();
        serve(lab, port, move |peer| answer_request(peer, &bytes));
    }
    for (port, _, words) in greetings.into_iter().chain(replies) {
        let proxy = format!("socks5h://10.9.0.2:{port}");
        for options in [&[][..], &["--http", "/"]] {
            let checked = check(lab, &[&["--proxy", &proxy, "ssm.test"][..], options].concat());
            assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{port} {checked}");
            assert_eq!(checked.check["actor"], "path", "{checked}");
            assert!(checked.check["headline"].as_str().unwrap().contains(words), "{port} {checked}");
        }
    }
    serve(lab, 2020, peers::close_unread);
    Case::new("reset", &["--proxy", "socks5h://10.9.0.2:2020", "ssm.test"]).holds(lab);
    // A reply that comes byte by byte is one.
    serve(lab, 2021, |mut peer| {
        let _ = peer.read(&mut [0; 100]);
        for byte in [5, 0] {
            let _ = peer.write_all(&[byte]);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = peer.read(&mut [0; 100]);
        for byte in [5, 0, 0, 1, 0, 0, 0, 0, 0, 0] {
            let _ = peer.write_all(&[byte]);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        peers::answer(peer, b"");
    });
    Case::new("closed-early", &["--proxy", "socks5h://10.9.0.2:2021", "ssm.test"]).holds(lab);
}

fn silent(lab: &Lab) {
    serve(lab, 2031, peers::read_and_wait);
    serve(lab, 2032, |mut peer| {
        let _ = peer.read(&mut [0; 100]);
        let _ = peer.write_all(&[5, 0]);
        peers::read_and_wait(peer);
    });
    for port in [2031, 2032] {
        let proxy = format!("socks5h://10.9.0.2:{port}");
        let options = [&["--proxy", &proxy, "ssm.test"][..], &QUICK[..]].concat();
        Case::new("no-response", &options).holds(lab);
        let checked = check(lab, &options);
        assert_eq!((&checked.check["actor"], checked.status()), (&"path".into(), 2), "{checked}");
    }
    // Half of a reply, and then nothing.
    serve(lab, 2033, |mut peer| {
        let _ = peer.read(&mut [0; 100]);
        let _ = peer.write_all(&[5]);
        peers::wait();
    });
    let checked = check(lab, &[&["--proxy", "socks5h://10.9.0.2:2033", "ssm.test"][..], &QUICK[..]].concat());
    assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
    assert_eq!(checked.check["actor"], "path", "{checked}");
    assert!(checked.contains("incomplete after 1 byte: nothing more came"), "{checked}");
}

fn names(lab: &Lab) {
    // With socks5:// a name that is not known here never gets to the proxy.
    lab.resolve_by("", "127.0.0.1 localhost\n10.9.0.2 ssm.test\n");
    serve_socks(lab, 1080, None, 5, nobody);
    let checked = check(lab, &["--proxy", "socks5://10.9.0.2", "ssm.test"]);
    assert_eq!(checked.check["cause"], "socks-5", "{checked}");
    assert!(checked.contains("the proxy is asked for 10.9.0.2"), "{checked}");
    let checked = check(lab, &["--proxy", "socks5://10.9.0.2", "-t", "2", "unknown.test"]);
    assert!(checked.connections.is_empty() && checked.status() == 2, "{checked}");
    assert!(checked.check["headline"].as_str().unwrap().contains("unknown.test"), "{checked}");
}
