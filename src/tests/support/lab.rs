//! Hosts of the tests' own: network namespaces with wires between them, and the programs that run there.
//!
//! They need root and iproute2. Elsewhere `Lab`'s constructors print why and return nothing, and the test is skipped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::run::{PROGRAM, isolate, ssmscope};

pub const CLIENT: &str = "10.9.0.1";
pub const SERVER: &str = "10.9.0.2";
pub const SERVER_V6: &str = "2001:db8:9::2";
/// An address behind the server, which forwards to nobody; behind a router, the server's own.
pub const BEHIND: &str = "10.9.1.5";
/// The router's address on the client's wire, and on the server's.
const ROUTER: [&str; 2] = ["10.9.0.254", "10.9.1.254"];

/// Two hosts, `client` and `server`, on one wire, or on two with a `router` between them.
pub struct Lab {
    /// The device that client and server have on their wire, and the router on the client's.
    pub device: String,
    /// For the files of a test.
    pub folder: tempfile::TempDir,
    id: String,
    hosts: &'static [&'static str],
    has_ipv6: bool,
}

impl Lab {
    /// Client and server on one wire, with IPv4 alone: nothing but what a test does is on it.
    pub fn new() -> Option<Self> {
        let lab = Self::with(&["client", "server"], false)?;
        lab.connect();
        Some(lab)
    }

    /// The same with IPv4 and IPv6, and with the server as the client's resolver.
    pub fn with_ipv6() -> Option<Self> {
        let lab = Self::with(&["client", "server"], true)?;
        lab.connect();
        lab.resolve_by(
            &format!("nameserver {SERVER}\noptions timeout:1 attempts:1\n"),
            "127.0.0.1 localhost\n",
        );
        Some(lab)
    }

    /// Client and server with a router between them.
    pub fn with_router() -> Option<Self> {
        let lab = Self::with(&["client", "router", "server"], false)?;
        let far = lab.far_device();
        lab.lay_wire(("client", &lab.device, CLIENT), ("router", &lab.device, ROUTER[0]));
        lab.lay_wire(("server", &lab.device, BEHIND), ("router", &far, ROUTER[1]));
        lab.within("router", || {
            for (switch, value) in [("ip_forward", "1"), ("icmp_ratelimit", "0")] {
                fs::write(Path::new("/proc/sys/net/ipv4").join(switch), value).unwrap();
            }
        });
        lab.run("client", &["ip", "route", "add", "default", "via", ROUTER[0]]);
        lab.run("server", &["ip", "route", "add", "default", "via", ROUTER[1]]);
        Some(lab)
    }

    fn with(hosts: &'static [&'static str], has_ipv6: bool) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: making network namespaces needs root");
            return None;
        }
        let id = format!("{}-{}", std::process::id() % 100_000, MADE.fetch_add(1, Ordering::Relaxed));
        let lab =
            Self { device: format!("v{id}"), folder: tempfile::tempdir().unwrap(), id, hosts, has_ipv6 };
        for host in hosts {
            let made = Command::new("ip").args(["netns", "add", &lab.name(host)]).status();
            if !made.is_ok_and(|status| status.success()) {
                eprintln!("skipped: `ip netns add` does not work here");
                return None;
            }
            lab.within(host, || lab.set_up_ipv6());
            lab.run(host, &["ip", "link", "set", "lo", "up"]);
        }
        Some(lab)
    }

    /// Addresses of IPv6 are usable at once, or there are none.
    fn set_up_ipv6(&self) {
        let switches = if self.has_ipv6 {
            &[("all/accept_dad", "0"), ("default/accept_dad", "0")][..]
        } else {
            &[("all/disable_ipv6", "1"), ("default/disable_ipv6", "1")]
        };
        for (switch, value) in switches {
            // A kernel without IPv6 has none of them.
            let _ = fs::write(Path::new("/proc/sys/net/ipv6/conf").join(switch), value);
        }
    }

    /// Lays the wire between client and server, again where a test has removed it.
    pub fn connect(&self) {
        self.lay_wire(("client", &self.device, CLIENT), ("server", &self.device, SERVER));
        self.run("client", &["ip", "route", "add", "10.9.1.0/24", "via", SERVER]);
    }

    /// A wire between two hosts, each with its device and its address there.
    fn lay_wire(&self, one: (&str, &str, &str), other: (&str, &str, &str)) {
        let [first, second] = [one.0, other.0].map(|host| self.name(host));
        let pair = ["link", "add", one.1, "netns", &first, "type", "veth", "peer", "name", other.1];
        assert!(Command::new("ip").args(pair).args(["netns", &second]).status().unwrap().success());
        for (host, device, address) in [one, other] {
            self.run(host, &["ip", "addr", "add", &format!("{address}/24"), "dev", device]);
            if self.has_ipv6 {
                let number = address.rsplit('.').next().unwrap();
                let address = format!("2001:db8:9::{number}/64");
                self.run(host, &["ip", "addr", "add", &address, "dev", device, "nodad"]);
            }
            self.run(host, &["ip", "link", "set", device, "up"]);
        }
    }

    /// The router's device on the server's wire.
    pub fn far_device(&self) -> String {
        format!("w{}", self.id)
    }

    /// The name of a host's namespace.
    pub fn name(&self, host: &str) -> String {
        format!("ssm-{host}-{}", self.id)
    }

    /// Replaces the client's resolv.conf and hosts file.
    pub fn resolve_by(&self, resolv_conf: &str, hosts: &str) {
        fs::create_dir_all(self.etc()).unwrap();
        fs::write(self.etc().join("resolv.conf"), resolv_conf).unwrap();
        fs::write(self.etc().join("hosts"), hosts).unwrap();
    }

    /// Where `ip netns exec` takes the client's files of /etc from.
    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.name("client"))
    }

    /// A program on a host.
    pub fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host), program]);
        command
    }

    /// Runs a program on a host, which must succeed.
    pub fn run(&self, host: &str, words: &[&str]) {
        let status = self.command(host, words[0]).args(&words[1..]).status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    /// Does something on a host; sockets that it makes stay there.
    pub fn within<T: Send>(&self, host: &str, work: impl FnOnce() -> T + Send) -> T {
        let name = self.name(host);
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                enter(&name);
                work()
            });
            inside.join().unwrap()
        })
    }

    /// Does something on a host while the test continues.
    pub fn start(&self, host: &str, work: impl FnOnce() + Send + 'static) {
        let name = self.name(host);
        thread::spawn(move || {
            enter(&name);
            work();
        });
    }

    /// `ssmscope check` on the client.
    pub fn check(&self, options: &[&str]) -> Command {
        let mut command = self.command("client", PROGRAM);
        isolate(&mut command);
        command.arg("check").args(options);
        command
    }

    /// `ssmscope live` on a host's device, with a short stall time.
    pub fn live(&self, host: &str, options: &[&str]) -> Command {
        let mut command = ssmscope(&["live", "-i", &self.device, "--netns", &self.name(host)]);
        command.args(["--stall-after", "1"]).args(options);
        command
    }

    /// A program on the server that runs until it is dropped; nothing if it is not installed.
    pub fn serve(&self, program: &str, arguments: &[&str]) -> Option<Background> {
        let is_there = Command::new("which").arg(program).stdout(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            eprintln!("skipped: {program} is not installed");
            return None;
        }
        let mut command = self.command("server", program);
        let log = File::create(self.folder.path().join(format!("{program}.log"))).unwrap();
        command.args(arguments).stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        Some(Background(command.spawn().unwrap()))
    }

    /// OpenSSL's server on a port, with a certificate, its key and further options; nothing if it is not installed.
    pub fn serve_tls(
        &self,
        port: u16,
        [certificate, key]: &[String; 2],
        options: &[&str],
    ) -> Option<Background> {
        let port_text = port.to_string();
        let arguments = ["s_server", "-quiet", "-accept", &port_text, "-cert", certificate, "-key", key];
        let server = self.serve("openssl", &[&arguments[..], options].concat())?;
        self.wait_for_listener(port);
        Some(server)
    }

    /// Waits until a program listens on the server.
    pub fn wait_for_listener(&self, port: u16) {
        let began = Instant::now();
        let wanted = format!(":{port:04X} ");
        loop {
            let is_listening = self.within("server", || {
                ["tcp", "tcp6"].iter().any(|table| {
                    let table =
                        fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
                    table.lines().any(|line| line.contains(&wanted) && line.contains(" 0A "))
                })
            });
            if is_listening {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "nobody listens on {port}");
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// tcpdump on the client from now on, with further options; nothing if it is not installed.
    pub fn tcpdump(&self, options: &[&str], file: &Path) -> Option<Tcpdump> {
        let mut command = self.command("client", "tcpdump");
        command.args(["-i", &self.device, "-U", "-Z", "root", "-w"]).arg(file).args(options);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut process = Background(child);
        let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("listening on") {
            if stderr.read_line(&mut printed).unwrap() == 0 {
                eprintln!("skipped: tcpdump: {printed}");
                return None;
            }
        }
        Some(Tcpdump { process, _stderr: stderr })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in self.hosts {
            let _ = Command::new("ip").args(["netns", "del", &self.name(host)]).status();
        }
        let _ = fs::remove_dir_all(self.etc());
    }
}

/// Takes this thread into a namespace.
pub fn enter(name: &str) {
    let path = Path::new("/run/netns").join(name);
    setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
}

/// A process that ends with its owner.
pub struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        // It is asked first, so that nothing is left over.
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
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

/// A running tcpdump.
pub struct Tcpdump {
    process: Background,
    /// Kept open, since tcpdump reports its counts there.
    _stderr: BufReader<std::process::ChildStderr>,
}

impl Tcpdump {
    /// Ends it once its last packets are written.
    pub fn end(self) {
        thread::sleep(Duration::from_millis(150));
        drop(self.process);
    }
}
