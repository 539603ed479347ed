//! Live captures: every fault that two hosts and a router can bring about, and what a capture meets while it runs.

mod device;
mod faults;
mod files;
mod load;
mod logs;
mod progress;
mod redacted;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers;
use crate::pki::Pki;
use crate::support::lab::{Background, Lab, SERVER};
use crate::support::run::{Outcome, PROGRAM, path, text};

/// The stall time of these captures, in seconds.
const STALL: f64 = 1.0;

/// How much later than the stall time a verdict may come, in seconds.
const LATE: f64 = 1.8;

/// The user id of nobody.
const NOBODY: u32 = 65_534;

// ---- what peers do ----

/// What a client sends, and what a server does with the connection.
struct Peers {
    server: Option<fn(TcpStream)>,
    request: &'static [u8],
}

/// A client that connects, and no server.
const NO_SERVER: Peers = Peers { server: None, request: b"" };

impl Peers {
    const fn new(server: fn(TcpStream), request: &'static [u8]) -> Self {
        Self { server: Some(server), request }
    }

    /// Connects to a host from the client while the test continues.
    fn play(&self, lab: &Lab, host: &'static str, port: u16) {
        /// How long the client waits for an answer, and then keeps the connection open.
        const PATIENCE: Duration = Duration::from_millis(2_500);
        if let Some(server) = self.server {
            let listener = lab.within("server", || TcpListener::bind(("0.0.0.0", port)).unwrap());
            thread::spawn(move || {
                let (peer, _) = listener.accept().unwrap();
                drop(listener);
                server(peer);
            });
        }
        let request = self.request;
        lab.start("client", move || {
            let Ok(mut stream) = TcpStream::connect((host, port)) else { return };
            stream.write_all(request).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let _ = stream.read(&mut [0; 1_000]);
            thread::sleep(PATIENCE);
        });
    }
}

/// A ClientHello of TLS 1.2 with one suite and no extension.
const HELLO: [u8; 50] = {
    let mut hello = [8; 50];
    let head = [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    let tail = [0, 0, 2, 0xc0, 0x2f, 1, 0];
    let mut index = 0;
    while index < head.len() {
        hello[index] = head[index];
        index += 1;
    }
    index = 0;
    while index < tail.len() {
        hello[43 + index] = tail[index];
        index += 1;
    }
    hello
};

/// A fatal handshake_failure.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

fn send_alert(peer: TcpStream) {
    peers::answer(peer, &ALERT);
}

/// OpenSSL's server on a port, with a certificate of its own authority; nothing if it is not installed.
fn serve_tls(lab: &Lab, port: u16) -> Option<Background> {
    lab.serve_tls(port, &Pki::new(lab.folder.path()).good(), &["-www"])
}

/// One request by OpenSSL's client.
fn request_over_tls(lab: &Lab, port: u16) {
    let mut client = lab.command("client", "openssl");
    client.args(["s_client", "-quiet", "-connect", &format!("{SERVER}:{port}")]);
    let mut client =
        client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    client.wait().unwrap();
}

// ---- captures ----

/// Captures on the client from now on, with root's rights unless the options name a user.
fn watch(lab: &Lab, options: &[&str]) -> Watch {
    watch_on(lab, "client", options)
}

fn watch_on(lab: &Lab, host: &str, options: &[&str]) -> Watch {
    let mut command = lab.live(host, options);
    if !options.contains(&"--user") {
        command.args(["--user", "root"]);
    }
    Watch::start(&mut command)
}

/// A running capture.
struct Watch {
    process: Child,
    printed: Vec<u8>,
}

impl Watch {
    /// Starts a capture, and returns when the device is open.
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = Vec::new();
        let stderr = process.stderr.as_mut().unwrap();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", text(&line));
            line.push(byte[0]);
        }
        assert!(text(&line).contains("listening on"), "{}", text(&line));
        Self { process, printed: Vec::new() }
    }

    /// What is printed up to these words.
    fn read_until(&mut self, words: &str, most: Duration) -> String {
        let began = Instant::now();
        let stdout = self.process.stdout.as_mut().unwrap();
        while !text(&self.printed).contains(words) {
            assert!(began.elapsed() < most, "no {words} in {}", text(&self.printed));
            let mut bytes = [0; 4_000];
            let count = stdout.read(&mut bytes).unwrap();
            assert!(count > 0, "no {words} in {}", text(&self.printed));
            self.printed.extend(&bytes[..count]);
        }
        text(&self.printed)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// Waits for the capture's end.
    fn wait(self) -> Outcome {
        let Self { process, printed } = self;
        let outcome = Outcome::from(process.wait_with_output().unwrap());
        Outcome { out: text(&printed) + &outcome.out, ..outcome }
    }
}

/// A copy of the program, since nobody may not reach the build's folder.
fn copy_for_nobody() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("ssmscope");
    fs::copy(PROGRAM, &program).unwrap();
    Command::new("chmod").args(["-R", "a+rx", path(folder.path())]).status().unwrap();
    (folder, program)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
