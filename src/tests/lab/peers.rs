//! Servers of the tests' own making: some that break off, and web servers over TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::lab::Lab;

/// Serves each connection to the server by this function, in a thread that ends with the test program.
pub fn serve(lab: &Lab, port: u16, handle: impl Fn(TcpStream) + Send + Sync + 'static) {
    let listener = lab.within("server", || TcpListener::bind(("::", port)).unwrap());
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for peer in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle(peer));
        }
    });
}

/// Is silent for longer than any test waits.
pub fn wait() {
    thread::sleep(Duration::from_secs(4));
}

/// Reads once, and is silent.
pub fn read_and_wait(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_096]);
    wait();
}

/// Answers with a ServerHello of TLS 1.2, and is silent.
pub fn begin_and_wait(mut peer: TcpStream) {
    send_server_hello(&mut peer);
    wait();
}

/// Answers with a ServerHello of TLS 1.2.
pub fn send_server_hello(peer: &mut TcpStream) {
    let _ = peer.read(&mut [0; 4_096]);
    let mut hello = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    hello.extend([9; 32]);
    hello.extend([0, 0xc0, 0x2f, 0]);
    let _ = peer.write_all(&hello);
}

/// Reads once, answers with these bytes, and closes.
pub fn answer(mut peer: TcpStream, bytes: &[u8]) {
    let _ = peer.read(&mut [0; 4_096]);
    let _ = peer.write_all(bytes);
    let _ = peer.shutdown(std::net::Shutdown::Write);
    let _ = peer.read(&mut [0; 4_096]);
}

/// Closes with unread data, which Linux answers with a RST.
pub fn close_unread(peer: TcpStream) {
    let _ = peer.peek(&mut [0]);
    thread::sleep(Duration::from_millis(200));
    drop(peer);
}

/// A web server over TLS: `answer` makes the response from the request's path and body.
pub fn serve_https(
    lab: &Lab,
    port: u16,
    files: &[String; 2],
    answer: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) {
    let config = tls(files);
    serve(lab, port, move |mut peer| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut peer);
        let mut request = Vec::new();
        let mut buffer = [0; 4_096];
        let (head, body) = loop {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(len) => request.extend_from_slice(&buffer[..len]),
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let len = head
                    .to_lowercase()
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= len.unwrap_or(0) {
                    break (head.to_owned(), body.to_owned());
                }
            }
        };
        let path = head.split(' ').nth(1).unwrap_or_default();
        let authorization = head.lines().find(|line| line.to_lowercase().starts_with("authorization: "));
        let answer = answer(path, &format!("{body}{}", authorization.unwrap_or_default()));
        let _ = stream.write_all(answer.as_bytes());
        connection.send_close_notify();
        let _ = connection.write_tls(&mut peer);
        let _ = peer.read(&mut buffer);
    });
}

/// A response with a body in JSON.
pub fn json(status: &str, body: &str) -> String {
    let len = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}")
}

/// A server that says something in clear first, and then speaks TLS if `begin` says so.
pub fn serve_starttls(
    lab: &Lab,
    port: u16,
    files: &[String; 2],
    begin: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
) {
    let config = tls(files);
    serve(lab, port, move |mut peer| {
        if begin(&mut peer) {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut connection, &mut peer);
            let _ = stream.read(&mut [0; 4_096]);
        } else {
            let _ = peer.read(&mut [0; 4_096]);
        }
    });
}

/// A server's settings, with a certificate and its key.
pub fn tls([certificate, key]: &[String; 2]) -> Arc<rustls::ServerConfig> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// A proxy of SOCKS5 (RFC 1928) on the server, which answers requests with this reply; with 0 it connects to where the client wants,
/// looking up names by `name`. With a login, it wants user name and password (RFC 1929).
pub fn serve_socks(
    lab: &Lab,
    port: u16,
    login: Option<(&'static str, &'static str)>,
    reply: u8,
    name: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) {
    let namespace = lab.name("server");
    serve(lab, port, move |mut peer| {
        let Some((place, target_port)) = socks_request(&mut peer, login) else { return };
        let place = if place.parse::<std::net::IpAddr>().is_ok() { Some(place) } else { name(&place) };
        let target = place.filter(|_| reply == 0).and_then(|place| {
            crate::support::lab::enter(&namespace);
            TcpStream::connect((place.as_str(), target_port)).ok()
        });
        let code = if reply == 0 && target.is_none() { 4 } else { reply };
        let _ = peer.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        let Some(mut target) = target else { return };
        let (mut to_client, mut from_target) = (peer.try_clone().unwrap(), target.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_target, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut peer, &mut target);
        let _ = target.shutdown(Shutdown::Write);
    });
}

/// Greeting, login and request of a client; nothing if it has not the right ones, which it gets to know.
fn socks_request(peer: &mut TcpStream, login: Option<(&str, &str)>) -> Option<(String, u16)> {
    let take = |peer: &mut TcpStream, len: usize| {
        let mut bytes = vec![0; len];
        peer.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let counted = |peer: &mut TcpStream| {
        let len = take(peer, 1)?[0];
        Some(String::from_utf8_lossy(&take(peer, usize::from(len))?).into_owned())
    };
    let head = take(peer, 2)?;
    let methods = take(peer, usize::from(head[1]))?;
    let wanted = if login.is_some() { 2 } else { 0 };
    if head[0] != 5 || !methods.contains(&wanted) {
        let _ = peer.write_all(&[5, 0xff]);
        return None;
    }
    peer.write_all(&[5, wanted]).ok()?;
    if let Some((user, password)) = login {
        let version = take(peer, 1)?[0];
        let given = (counted(peer)?, counted(peer)?);
        let is_right = version == 1 && (given.0.as_str(), given.1.as_str()) == (user, password);
        peer.write_all(&[1, u8::from(!is_right)]).ok()?;
        is_right.then_some(())?;
    }
    let head = take(peer, 4)?;
    let place = match head[3] {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(take(peer, 4)?).ok()?).to_string(),
        4 => Ipv6Addr::from(<[u8; 16]>::try_from(take(peer, 16)?).ok()?).to_string(),
        _ => counted(peer)?,
    };
    let port = take(peer, 2)?;
    (head[..3] == [5, 1, 0]).then_some((place, u16::from_be_bytes([port[0], port[1]])))
}
