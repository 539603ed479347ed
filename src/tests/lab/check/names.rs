//! What a resolver answers, and that no answer is a reason of its own.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Cname};

use super::{at_once, check, monitoring};
use crate::support::lab::{Lab, SERVER};

#[test]
fn names_that_do_not_resolve_are_distinguished() {
    at_once(&[resolvers, silent_resolvers]);
}

fn resolvers(lab: &Lab) {
    let zone = [
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--pid-file=",
        "--conf-file=/dev/null",
        "--local=/test/",
        "--address=/ssm.test/10.9.0.2",
        "--address=/ssm.test/2001:db8:9::2",
        "--host-record=only6.test,2001:db8:9::2",
        "--cname=alias.test,only6.test",
    ];
    let Some(_server) = lab.serve("dnsmasq", &zone) else { return };
    lab.wait_for_listener(53);
    let checked = check(lab, &["ssm.test"]);
    assert_eq!(checked.check["dns"]["outcome"], "found", "{checked}");
    assert_eq!(checked.check["dns"]["server"], "10.9.0.2:53", "{checked}");
    assert_eq!(checked.check["dns"]["tried"], serde_json::json!(["2001:db8:9::2", "10.9.0.2"]), "{checked}");
    assert_eq!(checked.codes(), ["refused", "refused"], "{checked}");
    let checked = check(lab, &["-4", "ssm.test"]);
    assert_eq!(checked.check["dns"]["addresses"], serde_json::json!(["10.9.0.2"]), "{checked}");
    let checked = check(lab, &["nowhere.test"]);
    assert_eq!((checked.reason(), checked.status()), ("name-unknown", 2), "{checked}");
    assert_eq!(checked.check["dns"]["rcode"], "NXDOMAIN", "{checked}");
    monitoring::holds(lab, &["nowhere.test"], "name-unknown");
    let checked = check(lab, &["-4", "only6.test"]);
    assert_eq!(checked.check["dns"]["outcome"], "no-address", "{checked}");
    // Without an upstream server, dnsmasq refuses what it does not know.
    let checked = check(lab, &["elsewhere.example"]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-failed", 2), "{checked}");
    assert_eq!(checked.check["dns"]["rcode"], "REFUSED", "{checked}");
    let known =
        ["--resolve", "ssm.elsewhere=10.9.0.2", "--resolve", "SSM.elsewhere=2001:db8:9::2", "ssm.elsewhere"];
    let checked = check(lab, &known);
    assert_eq!(checked.check["dns"]["outcome"], "given", "{checked}");
    assert_eq!((checked.reason(), checked.status()), ("refused", 2), "{checked}");
    assert_eq!(checked.check["dns"]["tried"], serde_json::json!(["2001:db8:9::2", "10.9.0.2"]), "{checked}");
    lab.resolve_by(
        &format!("nameserver {SERVER}\nsearch test\n"),
        "10.9.0.9 other\n10.9.0.2 listed.test listed\n",
    );
    let checked = check(lab, &["-4", "ssm"]);
    assert_eq!(checked.check["dns"]["canonical"], "ssm.test", "{checked}");
    let checked = check(lab, &["listed"]);
    assert_eq!(checked.check["dns"]["outcome"], "hosts-file", "{checked}");
    assert_eq!(checked.codes(), ["refused"], "{checked}");
}

fn silent_resolvers(lab: &Lab) {
    let checked = check(lab, &["ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-silent", 2), "{checked}");
    assert!(checked.check["dns"]["failure"].as_str().unwrap().contains("nobody listens"), "{checked}");
    let socket = lab.within("server", || UdpSocket::bind((SERVER, 53)).unwrap());
    let checked = check(lab, &["-t", "2", "ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-silent", 2), "{checked}");
    assert_eq!(checked.check["dns"]["failure"], "no answer", "{checked}");
    monitoring::holds(lab, &["-t", "2", "ssm.test"], "resolver-silent");
    thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((len, peer)) = socket.recv_from(&mut message) {
            // An answer (QR) with the code SERVFAIL.
            message[2] |= 0x80;
            message[3] = message[3] & 0xf0 | 2;
            let _ = socket.send_to(&message[..len], peer);
        }
    });
    let checked = check(lab, &["ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-failed", 2), "{checked}");
    assert_eq!(checked.check["dns"]["rcode"], "SERVFAIL", "{checked}");
    monitoring::holds(lab, &["ssm.test"], "resolver-failed");
}

#[test]
fn answers_that_are_half_usable_are_named() {
    at_once(&[halves, dead_first_resolver, late_resolver, addresses_of_an_interface]);
}

fn name(text: &str) -> Name<Vec<u8>> {
    text.parse().unwrap()
}

/// A resolver of the test's own: what it answers depends on the name's first label, and on the record for the other family.
fn serve_names(lab: &Lab) {
    let socket = lab.within("server", || UdpSocket::bind((SERVER, 53)).unwrap());
    thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((len, peer)) = socket.recv_from(&mut message) {
            let asked = Message::from_slice(&message[..len]).unwrap();
            let question = asked.first_question().unwrap();
            let (of, is_v4) = (question.qname().to_string(), question.qtype() == Rtype::A);
            let code = match (of.split('.').next().unwrap(), is_v4) {
                ("mute", false) => continue,
                ("late", true) => {
                    thread::sleep(Duration::from_secs(4));
                    Rcode::NOERROR
                }
                ("broken", false) => Rcode::SERVFAIL,
                _ => Rcode::NOERROR,
            };
            let mut answer = MessageBuilder::new_vec().start_answer(asked, code).unwrap();
            match (of.split('.').next().unwrap(), is_v4) {
                ("circle", _) => {
                    answer.push((name("circle.test"), 60, Cname::new(name("other.test")))).unwrap();
                    answer.push((name("other.test"), 60, Cname::new(name("circle.test")))).unwrap();
                }
                ("nothing", _) => {}
                ("alias", _) => {
                    answer.push((name("alias.test"), 60, Cname::new(name("nothing.test")))).unwrap();
                }
                (_, true) => answer.push((name(&of), 60, A::from_octets(10, 9, 0, 2))).unwrap(),
                _ => {}
            }
            let mut answer = answer.finish();
            // TC, where nobody listens for TCP.
            let is_cut = of.starts_with("cut.") || of.starts_with("cutsix.") && !is_v4;
            answer[2] |= if is_cut { 2 } else { 0 };
            let _ = socket.send_to(&answer, peer);
        }
    });
}

fn halves(lab: &Lab) {
    serve_names(lab);
    let pki = crate::pki::Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let of = |host: &str, options: &[&str]| {
        check(lab, &[&["--ca-file", &ca, "--name", crate::pki::NAME, host], options].concat())
    };
    for (host, reason, words) in [
        ("broken.test", "resolver-failed", "answers SERVFAIL for the AAAA records of broken.test"),
        ("mute.test", "resolver-silent", "did not answer for the AAAA records of mute.test within 3.0 s"),
        (
            "cutsix.test",
            "resolver-silent",
            "cuts its answer for the AAAA records of cutsix.test (TC), and by TCP it refuses the connection",
        ),
    ] {
        let checked = of(host, &[]);
        assert_eq!(
            (checked.reason(), checked.status(), checked.codes()),
            (reason, 1, vec!["healthy"]),
            "{checked}"
        );
        assert!(checked.contains(words), "{checked}");
        assert_eq!(checked.check["dns"]["faults"][0]["record"], "AAAA", "{checked}");
        // Only what was asked for can fail.
        assert_eq!(of(host, &["-4"]).status(), 0, "{host} -4");
    }
    for (host, outcome, words) in [
        ("circle.test", "alias-loop", "the aliases of circle.test lead in a circle"),
        ("nothing.test", "no-address", "nothing.test has no IPv4 or IPv6 address"),
        ("alias.test", "no-address", "alias.test, an alias of nothing.test, has no IPv4 or IPv6 address"),
    ] {
        let checked = of(host, &[]);
        assert_eq!((checked.reason(), checked.status()), ("name-unknown", 2), "{checked}");
        assert_eq!(checked.check["dns"]["outcome"], outcome, "{checked}");
        assert!(checked.contains(words), "{checked}");
    }
    let checked = of("cut.test", &[]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-silent", 2), "{checked}");
    assert!(checked.contains("by UDP is cut (TC), and by TCP it refuses the connection"), "{checked}");
    assert!(of("nothing.test", &["-6"]).contains("no IPv6 address"));
    // As the certificate and DNS have it.
    let checked = of("b\u{fc}cher.test", &[]);
    assert_eq!(
        (checked.status(), &checked.check["dns"]["name"]),
        (0, &"xn--bcher-kva.test".into()),
        "{checked}"
    );
}

fn dead_first_resolver(lab: &Lab) {
    serve_names(lab);
    lab.run("server", &["ip", "addr", "add", "10.9.0.3/24", "dev", &lab.device]);
    let _silent = lab.within("server", || UdpSocket::bind(("10.9.0.3", 53)).unwrap());
    lab.resolve_by(&format!("nameserver 10.9.0.3\nnameserver {SERVER}\n"), "127.0.0.1 localhost\n");
    let pki = crate::pki::Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let began = Instant::now();
    let checked = check(lab, &["--ca-file", &ca, "--name", crate::pki::NAME, "ssm.test"]);
    assert!(began.elapsed() < Duration::from_secs(3), "{checked}");
    assert_eq!((checked.reason(), checked.status()), ("resolver-silent", 1), "{checked}");
    assert!(checked.contains("the resolver 10.9.0.3:53 does not answer; another one"), "{checked}");
}

/// Late is not silent: the C library waits for 5 s by default.
fn late_resolver(lab: &Lab) {
    serve_names(lab);
    lab.resolve_by(&format!("nameserver {SERVER}\n"), "127.0.0.1 localhost\n");
    let checked = check(lab, &["-4", "late.test"]);
    assert_eq!(checked.check["dns"]["addresses"], serde_json::json!([SERVER]), "{checked}");
    assert_eq!(checked.reason(), "refused", "{checked}");
}

fn addresses_of_an_interface(lab: &Lab) {
    let pki = crate::pki::Pki::new(lab.folder.path());
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    lab.run("server", &["ip", "addr", "add", "fe80::9/64", "dev", &lab.device, "nodad"]);
    let options = ["--insecure", "--name", crate::pki::NAME];
    let of = |host: &str| check(lab, &[&options[..], &[host]].concat());
    for host in [format!("fe80::9%{}", lab.device), format!("https://[fe80::9%25{}]:8443", lab.device)] {
        let checked = of(&host);
        assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    }
    for (host, words) in [
        ("fe80::9", "name its interface too"),
        ("fe80::9%nowhere", "no such interface"),
        ("10.9.0.2%lo", "only a link-local address"),
    ] {
        let outcome = crate::support::run::Outcome::of(&mut lab.check(&[host]));
        assert!(outcome.status == 3 && outcome.error.contains(words), "{outcome:?}");
    }
    let outcome = crate::support::run::Outcome::of(&mut lab.check(&["-4", "2001:db8:9::2"]));
    assert!(outcome.status == 3 && outcome.error.contains("not of the family"), "{outcome:?}");
}
