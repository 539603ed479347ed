//! A client and a server in network namespaces, joined by a wire, with a resolver's address and a hosts file of their own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

pub const SERVER: &str = "10.8.0.2";
pub const SERVER_V6: &str = "2001:db8:8::2";
/// Behind the server, which forwards to nobody.
pub const BEHIND: &str = "10.8.1.5";

/// Two hosts on one wire.
pub struct Net {
    id: String,
    pub device: String,
    pub folder: tempfile::TempDir,
}

impl Net {
    /// Nothing where it can't be made; the reason is printed.
    pub fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: making network namespaces needs root");
            return None;
        }
        let id = format!("{}-{}", std::process::id() % 100_000, MADE.fetch_add(1, Ordering::Relaxed));
        let net = Self { device: format!("c{id}"), id, folder: tempfile::tempdir().unwrap() };
        let [client, server] = ["client", "server"].map(|host| net.name(host));
        for name in [&client, &server] {
            let made = Command::new("ip").args(["netns", "add", name]).status();
            if !made.is_ok_and(|status| status.success()) {
                eprintln!("skipped: `ip netns add` does not work here");
                return None;
            }
        }
        let pair =
            ["link", "add", &net.device, "netns", &client, "type", "veth", "peer", "name", &net.device];
        assert!(Command::new("ip").args(pair).args(["netns", &server]).status().unwrap().success());
        for (host, number) in [("client", 1), ("server", 2)] {
            net.within(host, || {
                for file in ["ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"] {
                    let _ = fs::write(format!("/proc/sys/net/{file}"), "0");
                }
                let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{}/accept_dad", net.device), "0");
            });
            net.run(host, &["ip", "link", "set", "lo", "up"]);
            net.run(host, &["ip", "addr", "add", &format!("10.8.0.{number}/24"), "dev", &net.device]);
            net.run(
                host,
                &["ip", "addr", "add", &format!("2001:db8:8::{number}/64"), "dev", &net.device, "nodad"],
            );
            net.run(host, &["ip", "link", "set", &net.device, "up"]);
        }
        net.run("client", &["ip", "route", "add", "10.8.1.0/24", "via", SERVER]);
        net.resolves_by(
            &format!("nameserver {SERVER}\noptions timeout:1 attempts:1\n"),
            "127.0.0.1 localhost\n",
        );
        Some(net)
    }

    fn name(&self, host: &str) -> String {
        format!("check-{host}-{}", self.id)
    }

    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.name("client"))
    }

    /// The client's resolv.conf and hosts file, which `ip netns exec` puts in place.
    pub fn resolves_by(&self, resolv_conf: &str, hosts: &str) {
        fs::create_dir_all(self.etc()).unwrap();
        fs::write(self.etc().join("resolv.conf"), resolv_conf).unwrap();
        fs::write(self.etc().join("hosts"), hosts).unwrap();
    }

    /// A program in a host's namespace.
    pub fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host), program]);
        command
    }

    pub fn run(&self, host: &str, words: &[&str]) {
        let status = self.command(host, words[0]).args(&words[1..]).status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    /// Does something in a host's namespace; sockets that it makes stay there.
    pub fn within<T: Send>(&self, host: &str, work: impl FnOnce() -> T + Send) -> T {
        let path = PathBuf::from("/run/netns").join(self.name(host));
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }

    /// `ssmscope check` on the client, with what the caller's environment has of proxies left out.
    pub fn check(&self, options: &[&str]) -> Command {
        let mut command = self.command("client", env!("CARGO_BIN_EXE_ssmscope"));
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
        command.env("TZ", "UTC").env("NO_COLOR", "1").arg("check").args(options);
        command
    }

    /// A program on the server that goes on until it is dropped, or nothing where it is not installed.
    pub fn serve(&self, program: &str, arguments: &[&str]) -> Option<Ended> {
        let is_there = Command::new("which").arg(program).stdout(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            eprintln!("skipped: {program} is not installed");
            return None;
        }
        let mut command = self.command("server", program);
        let log = File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        command.args(arguments).stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        Some(Ended(command.spawn().unwrap()))
    }

    /// Waits until somebody listens on the server.
    pub fn awaits(&self, port: u16) {
        let began = Instant::now();
        let wanted = format!(":{port:04X} ");
        loop {
            let listening = self.within("server", || {
                ["tcp", "tcp6"].iter().any(|table| {
                    let table =
                        fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
                    table.lines().any(|line| line.contains(&wanted) && line.contains(" 0A "))
                })
            });
            if listening {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "nobody listens on {port}");
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Captures what the client sees from now on; nothing where tcpdump is not installed.
    pub fn capture(&self, file: &Path) -> Option<Capturing> {
        let mut command = self.command("client", "tcpdump");
        command.args(["-i", &self.device, "-U", "--immediate-mode", "-Z", "root", "-w"]).arg(file);
        let mut child = match command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: tcpdump: {error}");
                return None;
            }
        };
        let mut told = String::new();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        while !told.contains("listening on") {
            if std::io::BufRead::read_line(&mut stderr, &mut told).unwrap() == 0 {
                eprintln!("skipped: tcpdump: {told}");
                return None;
            }
        }
        Some(Capturing(child))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in ["client", "server"] {
            let _ = Command::new("ip").args(["netns", "del", &self.name(host)]).status();
        }
        let _ = fs::remove_dir_all(self.etc());
    }
}

/// A process that ends with its owner.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        end(&self.0);
        for _ in 0..40 {
            if self.0.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a process to end, so that it leaves nothing behind.
fn end(child: &Child) {
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
}

/// A running tcpdump.
pub struct Capturing(Child);

impl Capturing {
    /// Ends it once its last packets are written.
    pub fn end(mut self) {
        thread::sleep(Duration::from_millis(150));
        end(&self.0);
        let _ = self.0.wait();
    }
}
