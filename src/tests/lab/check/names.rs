//! What a resolver answers, and that no answer is a reason of its own.

use std::net::UdpSocket;
use std::thread;

use super::{at_once, check, monitoring};
use crate::support::lab::{Lab, SERVER};

#[test]
fn names_that_do_not_resolve_are_told_apart() {
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
    // Without a server behind it, dnsmasq refuses what it does not know.
    let checked = check(lab, &["elsewhere.example"]);
    assert_eq!((checked.reason(), checked.status()), ("resolver-failed", 2), "{checked}");
    assert_eq!(checked.check["dns"]["rcode"], "REFUSED", "{checked}");
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
