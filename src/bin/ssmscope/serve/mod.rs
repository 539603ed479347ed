//! `ssmscope serve`: the check as a multi-target exporter for Prometheus.
//!
//! One thread accepts, one more for each connection reads its request and answers it. Each of these has a bound, and what is beyond
//! it is turned away at once and counted.

mod allowed;
mod config;
mod counters;
mod exporter;
mod http;

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ssmscope::limits;
use ssmscope::verdict::Status;

use crate::args::Serve;
use crate::exit;
use crate::system::privileges::{self, As, Later};
use crate::system::signals;
use config::Config;
use exporter::Exporter;
use http::Answer;

/// How soon a signal to end is noticed, in milliseconds.
const NOTICE: u16 = 200;

/// How long accepting rests where the system has no more files, or the like.
const REST: Duration = Duration::from_millis(100);

/// Runs the command until SIGTERM or SIGINT, and returns its exit status.
///
/// # Errors
/// When the configuration can't be used, and when the address can't be listened on.
pub fn run(options: &Serve) -> anyhow::Result<Status> {
    let config = Config::read(&options.config)?;
    let exporter =
        Exporter::new(&config).with_context(|| format!("--config {}", options.config.display()))?;
    if options.check_config {
        return Ok(Status::Ok);
    }
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("--listen {}: can't be listened on", options.listen))?;
    listener.set_nonblocking(true)?;
    let ends = signals::ends()?;
    let resolvers = fs::canonicalize("/etc/resolv.conf").ok();
    let resolvers = resolvers.as_deref().and_then(Path::parent).and_then(Path::to_str).unwrap_or("/etc");
    // In the days that it runs, the files are replaced by others of their names: the folders are allowed.
    let reads = ["/etc", resolvers, "/proc/self/task"];
    let later =
        Later { user: As::Owner(None), uses_network: true, accepts: true, reads: &reads, ..Later::default() };
    privileges::end(&later, None, |_| Ok(()))?;
    let address = listener.local_addr().unwrap_or(options.listen);
    exit::complain(format_args!("ssmscope: listening on {address}"));
    let most = usize::from(config.max_probes) + limits::SERVED_BESIDE;
    let open = AtomicUsize::new(0);
    thread::scope(|scope| {
        let listener = listener;
        while !ends.load(Ordering::Relaxed) {
            let Some(mut stream) = next(&listener) else { continue };
            if open.load(Ordering::Acquire) >= most {
                exporter.turn_away();
                turn_away(&mut stream);
                continue;
            }
            open.fetch_add(1, Ordering::AcqRel);
            let (exporter, open) = (&exporter, Open(&open));
            let begun = thread::Builder::new().name("scrape".to_owned()).spawn_scoped(scope, move || {
                let _open = open;
                serve(exporter, &mut stream);
            });
            if begun.is_err() {
                // The closure is gone, and with it the connection.
                exporter.turn_away();
            }
        }
        // Nobody connects any more while the checks that run are answered.
        drop(listener);
    });
    Ok(Status::Ok)
}

/// The next connection, if one comes soon.
fn next(listener: &TcpListener) -> Option<TcpStream> {
    let mut waited = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    // An interruption by a signal is looked at by the caller.
    poll(&mut waited, PollTimeout::from(NOTICE)).ok().filter(|ready| *ready > 0)?;
    match listener.accept() {
        Ok((stream, _)) => stream.set_nonblocking(false).ok().map(|()| stream),
        Err(error) => {
            let is_passing = matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
            );
            if !is_passing {
                tracing::warn!(%error, "accept");
                thread::sleep(REST);
            }
            None
        }
    }
}

/// Answers one request.
fn serve(exporter: &Exporter<'_>, stream: &mut TcpStream) {
    let (answer, wants_body) = match http::read(stream) {
        Ok(Ok(request)) => (exporter.answer(&request), request.wants_body),
        Ok(Err(answer)) => {
            exporter.count_unread(answer.status);
            (answer, true)
        }
        // The client left.
        Err(_) => return,
    };
    // One that left meanwhile needs no answer.
    let _ = http::write(stream, &answer, wants_body);
}

/// Refuses a connection without waiting for anything: the answer fits into the socket's empty buffer.
fn turn_away(stream: &mut TcpStream) {
    let _ = stream.set_nonblocking(true);
    let _ = http::send(stream, &Answer::text(503, "too many connections"), true);
}

/// A connection that is open.
struct Open<'n>(&'n AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
