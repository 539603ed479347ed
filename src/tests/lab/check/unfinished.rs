//! A check is ok only if it reached all that it was asked for: the tunnel, TLS, the token, the page.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use super::losses::filter;
use super::{at_once, check};
use crate::peers::{self, serve, serve_https, serve_starttls};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};

#[test]
fn a_check_that_did_not_get_there_is_not_ok() {
    at_once(&[tunnels, handshakes, pages, overtaken, plain_words]);
}

/// A server answers the second request before that can have arrived.
fn overtaken(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let config = peers::tls(&pki.good());
    let count = AtomicUsize::new(0);
    serve(lab, 8443, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        if count.fetch_add(1, Ordering::Relaxed) > 0 {
            while connection.is_handshaking() {
                if connection.complete_io(&mut peer).is_err() {
                    return;
                }
            }
            // Later than the check listens.
            thread::sleep(Duration::from_millis(400));
            let page = peers::json("200 OK", "{}");
            let _ = rustls::Stream::new(&mut connection, &mut peer).write_all(page.as_bytes());
            return peers::wait();
        }
        let mut stream = rustls::Stream::new(&mut connection, &mut peer);
        let _ = stream.read(&mut [0; 4_096]);
        let path = "a".repeat(1_000);
        let moved = format!("HTTP/1.1 302 Found\r\nLocation: /{path}\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(moved.as_bytes());
    });
    // The second request alone is that long.
    if !filter(lab, "server", "INPUT", &["--dport", "8443", "-m", "length", "--length", "900:", "-j", "DROP"])
    {
        return;
    }
    let options = [SERVER, "--name", NAME, "--ca-file", &ca, "--http", "/", "--follow", "-t", "5"];
    let checked = check(lab, &options);
    assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
    assert!(checked.contains("the server sent an answer before GET /aaa"), "{checked}");
    assert!(checked.contains("acknowledged nothing of the request"), "{checked}");
}

fn tunnels(lab: &Lab) {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(300_000));
    let answers: [(u16, &[u8], &str); 5] = [
        (3128, b"HTTP/1.1 200 Connect", "incomplete after 20 bytes"),
        (3129, long.as_bytes(), "longer than the 256 KiB that this check reads"),
        (3130, b"SSH-2.0-x\r\n", "begins \"SSH-2.0-x"),
        (3131, b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "is malformed"),
        (3132, b"\x15\x03\x01\x00\x02\x02\x46", "a TLS record"),
    ];
    for (port, answer, words) in answers {
        let answer = answer.to_vec();
        serve(lab, port, move |peer| peers::answer(peer, &answer));
        let proxy = format!("http://{SERVER}:{port}");
        for options in [&["-p", "443"][..], &["--http", "/"]] {
            let checked = check(lab, &[&["--proxy", &proxy, "ssm.test"][..], options].concat());
            assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
            let headline = checked.check["headline"].as_str().unwrap();
            assert!(headline.contains(words), "{checked}");
            assert_eq!(checked.check["actor"], "path", "{checked}");
        }
    }
    // A status line looks like an open tunnel if only the packets are seen.
    serve(lab, 3135, |mut peer| {
        let _ = peer.read(&mut [0; 4_096]);
        let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n");
        peers::wait();
    });
    serve(lab, 3137, |mut peer| {
        let _ = peer.read(&mut [0; 4_096]);
        let _ = peer.write_all(b"HTTP/1.1 2");
        peers::wait();
    });
    let checked = check(lab, &["--proxy", &format!("http://{SERVER}:3137"), "-t", "2", "ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
    let checked = check(lab, &["--proxy", &format!("http://{SERVER}:3135"), "-t", "2", "ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
    let pki = Pki::new(lab.folder.path());
    // An informational answer is followed by the one that counts.
    serve_starttls(lab, 3133, &pki.good(), |peer| {
        let _ = peer.read(&mut [0; 4_096]);
        peer.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").is_ok()
    });
    let proxy = format!("http://{SERVER}:3133");
    let options = ["--proxy", &proxy, "--name", NAME, "--ca-file", &pki.authority(), "ssm.test"];
    let checked = check(lab, &options);
    assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    // What comes with the proxy's answer is the server's.
    serve(lab, 3134, |peer| peers::answer(peer, b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n"));
    let checked = check(lab, &["--proxy", &format!("http://{SERVER}:3134"), "ssm.test"]);
    assert_eq!((checked.reason(), checked.status()), ("proxy-refused", 2), "{checked}");
    assert!(checked.contains("sends this before anything was sent inside"), "{checked}");
    assert!(!checked.contains("sent nothing"), "{checked}");
    // It agrees, and resets at once.
    serve(lab, 3136, |mut peer| {
        let _ = peer.read(&mut [0; 4_096]);
        let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        reset(&peer);
    });
    for _ in 0..5 {
        let checked = check(lab, &["--proxy", &format!("http://{SERVER}:3136"), "ssm.test"]);
        assert_eq!((checked.reason(), checked.status()), ("reset", 2), "{checked}");
    }
}

/// Passes what a server at `port` says on, with the last byte of its TLS 1.2 Finished changed.
fn changing_finished(mut client: TcpStream, mut server: TcpStream) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let mut is_finished = false;
    loop {
        let mut head = [0; 5];
        if server.read_exact(&mut head).is_err() {
            break;
        }
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        if server.read_exact(&mut body).is_err() {
            break;
        }
        if let (true, Some(last)) = (is_finished, body.last_mut()) {
            *last ^= 1;
        }
        // A ChangeCipherSpec precedes it.
        is_finished = head[0] == 20;
        if client.write_all(&[&head[..], &body].concat()).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

fn handshakes(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    serve_https(lab, 8444, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    let named = ["--name", NAME, "--ca-file", &ca];
    let good = check(lab, &[&[SERVER, "--http", "/"][..], &named].concat());
    assert_eq!(good.codes(), ["healthy"], "{good}");
    let forward = lab.within("server", || TcpStream::connect((SERVER, 8444))).unwrap();
    drop(forward);
    let listener = lab.within("server", || std::net::TcpListener::bind((SERVER, 8445)).unwrap());
    let servers: Vec<TcpStream> =
        (0..4).map(|_| lab.within("server", || TcpStream::connect((SERVER, 8444)).unwrap())).collect();
    thread::spawn(move || {
        for (client, server) in listener.incoming().flatten().zip(servers) {
            thread::spawn(move || changing_finished(client, server));
        }
    });
    for options in [&[][..], &["--http", "/"]] {
        let checked = check(lab, &[&["10.9.0.2:8445", "--tls-max", "1.2"][..], &named, options].concat());
        assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
        assert_eq!(checked.check["actor"], "server", "{checked}");
        assert!(checked.check["headline"].as_str().unwrap().contains("can't be decrypted"), "{checked}");
    }
}

/// Ends a connection by a RST.
fn reset(peer: &TcpStream) {
    let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&peer.as_fd(), sockopt::Linger, &linger).unwrap();
}

fn pages(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    serve_https(lab, 8443, &pki.good(), |path, _| match path {
        "/switch" => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_owned(),
        "/length" => "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n".to_owned(),
        "/login" => "HTTP/1.1 302 Found\r\nLocation: https://joe:pw@sso.test/x?access_token=t0ken\r\n\
                     Content-Length: 0\r\n\r\n"
            .to_owned(),
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_owned(),
    });
    for (path, words) in [
        ("/switch", "answers 101"),
        ("/length", "is malformed"),
        ("/", "incomplete: the server closed after 3 of 9 bytes"),
    ] {
        let checked = check(lab, &[SERVER, "--name", NAME, "--ca-file", &ca, "--http", path]);
        assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
        assert_eq!(checked.check["actor"], "server", "{checked}");
        assert!(checked.check["headline"].as_str().unwrap().contains(words), "{checked}");
    }
    let checked = check(lab, &[SERVER, "--name", NAME, "--ca-file", &ca, "--http", "/login"]);
    assert!(checked.contains("a redirect to https://sso.test/x?..."), "{checked}");
    assert!(!checked.contains("t0ken") && !checked.contains("joe"), "{checked}");
    // A RST in place of the answer, whether or not tickets came meanwhile.
    let config = peers::tls(&pki.good());
    serve(lab, 8444, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
        let _ = rustls::Stream::new(&mut connection, &mut peer).read(&mut [0; 4_096]);
        reset(&peer);
    });
    // An answer that is there before the request.
    let config = peers::tls(&pki.good());
    serve(lab, 8446, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut peer);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let _ = stream.read(&mut [0; 4_096]);
    });
    let checked = check(lab, &["10.9.0.2:8446", "--name", NAME, "--ca-file", &ca, "--http", "/"]);
    assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
    assert!(checked.contains("the server answered before GET / was sent"), "{checked}");
    // It reads the request, and closes.
    let config = peers::tls(&pki.good());
    serve(lab, 8447, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut peer);
        let _ = stream.read(&mut [0; 4_096]);
        connection.send_close_notify();
        let _ = connection.write_tls(&mut peer);
    });
    let checked = check(lab, &["10.9.0.2:8447", "--name", NAME, "--ca-file", &ca, "--http", "/"]);
    assert_eq!((checked.reason(), checked.status()), ("no-response", 2), "{checked}");
    assert!(checked.contains("instead of replying to GET /"), "{checked}");
    for _ in 0..5 {
        let options = ["10.9.0.2:8444", "--name", NAME, "--ca-file", &ca, "--http", "/"];
        let checked = check(lab, &options);
        assert_eq!(
            (checked.reason(), checked.check["actor"].as_str()),
            ("reset", Some("server")),
            "{checked}"
        );
    }
}

fn plain_words(lab: &Lab) {
    let states = ["--state", "not-sent=warning"];
    let checked = check(lab, &[&["192.0.2.1"][..], &states].concat());
    assert_eq!((checked.reason(), checked.status()), ("not-sent", 1), "{checked}");
    // Another protocol's greeting.
    serve(lab, 25, |mut peer| {
        let _ = peer.write_all(b"SSH-2.0-x\r\n");
        peers::wait();
    });
    let options = ["--starttls", "smtp", "-p", "25", SERVER, "-t", "2", "--stall-after", "0.5"];
    let checked = check(lab, &options);
    assert_eq!((checked.reason(), checked.status()), ("not-tls", 2), "{checked}");
    assert!(checked.check["headline"].as_str().unwrap().contains("SSH-2.0-x"), "{checked}");
    // A server without TLS does not list it.
    serve(lab, 5222, |mut peer| {
        let _ = peer.read(&mut [0; 4_096]);
        let _ = peer.write_all(b"<stream:stream><stream:features><bind/></stream:features>");
        peers::wait();
    });
    let checked = check(lab, &["--starttls", "xmpp", SERVER, "-t", "2", "--stall-after", "0.5"]);
    assert_eq!((checked.reason(), checked.status()), ("not-tls", 2), "{checked}");
}
