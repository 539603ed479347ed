//! Active checks against real servers, proxies and resolvers in network namespaces: each fault with its verdict, and that a
//! capture of the check has the same.
//!
//! Skipped with a printed reason where namespaces can't be made, or where a peer is not installed.

mod monitoring;
mod network;
mod peers;
mod pki;

use std::fs;
use std::process::{Command, Output};
use std::thread;

use network::{BEHIND, Ended, Net, SERVER, SERVER_V6};
use peers::serve;
use pki::{NAME, Pki};
use serde_json::Value;

/// The time limit and the stall time of checks that end in a silence.
const QUICK: [&str; 4] = ["-t", "2", "--stall-after", "0.5"];

/// What `--output json` said.
struct Told {
    status: i32,
    connections: Vec<Value>,
    check: Value,
    all: String,
}

impl Told {
    /// Every line keeps to the schema.
    fn of(output: &Output) -> Self {
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<Value> = all.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let schema = serde_json::to_value(ssmscope::report::machine::json::schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for line in &lines {
            let faults: Vec<_> = validator.iter_errors(line).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{faults:?}\n{line}");
        }
        let of_type =
            |kind: &str| lines.iter().filter(|line| line["type"] == kind).cloned().collect::<Vec<_>>();
        let check = of_type("check").pop();
        Self {
            status: output.status.code().unwrap_or(-1),
            connections: of_type("connection"),
            check: check.unwrap_or_else(|| panic!("no check in {all}{errors}")),
            all,
        }
    }

    /// The codes of the connections.
    fn codes(&self) -> Vec<&str> {
        self.connections.iter().filter_map(|line| line["verdict"]["code"].as_str()).collect()
    }

    fn reason(&self) -> &str {
        self.check["reason"].as_str().unwrap_or_default()
    }
}

fn check(net: &Net, options: &[&str]) -> Told {
    Told::of(&net.check(&["-o", "json"]).args(options).output().unwrap())
}

/// One way to fail, or not to.
struct Case<'c> {
    code: &'c str,
    cause: Option<&'c str>,
    options: Vec<&'c str>,
}

impl<'c> Case<'c> {
    fn new(code: &'c str, options: &[&'c str]) -> Self {
        Self { code, cause: None, options: options.to_vec() }
    }

    fn cause(self, cause: &'c str) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// The check has the verdict, and so has a capture of it.
    fn holds(&self, net: &Net) {
        monitoring::holds(net, &self.options, self.code);
        let file = net.folder.path().join("capture.pcap");
        let capturing = net.capture(&file);
        let told = check(net, &self.options);
        let code = self.code;
        assert_eq!(told.codes(), [code], "{:?}\n{}", self.options, told.all);
        let verdict = &told.connections[0]["verdict"];
        assert_eq!(verdict["cause"].as_str(), self.cause, "{:?}\n{}", self.options, told.all);
        let Some(capturing) = capturing else { return };
        capturing.end();
        let stall = if self.options.contains(&"--stall-after") { "0.5" } else { "3" };
        let slow = if code == "slow" { "0.00005" } else { "2" };
        let read = Command::new(env!("CARGO_BIN_EXE_ssmscope"))
            .args(["read", "-o", "json", "--stall-after", stall, "--slow-after", slow, "--tls-port", "8444"])
            .arg(&file)
            .output()
            .unwrap();
        let read = String::from_utf8_lossy(&read.stdout).into_owned();
        // The last packets of earlier connections may be in the capture too.
        let lines = read.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let captured = lines
            .filter(|line| line["type"] == "connection")
            .find(|line| line["client"] == told.connections[0]["client"])
            .unwrap_or_else(|| panic!("{:?} is not in its capture\n{read}\n{}", self.options, told.all));
        assert_eq!(
            captured["verdict"]["code"], code,
            "{:?} by its capture\n{read}\n{}",
            self.options, told.all
        );
        assert_eq!(
            captured["stage"], told.connections[0]["stage"],
            "{:?} by its capture\n{read}\n{}",
            self.options, told.all
        );
    }
}

/// Runs each with a network of its own, all at once.
fn at_once(works: &[fn(&Net)]) {
    thread::scope(|scope| {
        for work in works {
            scope.spawn(move || {
                if let Some(net) = Net::new() {
                    work(&net);
                }
            });
        }
    });
}

/// OpenSSL's server on a port, with further options.
fn openssl(net: &Net, port: u16, [certificate, key]: &[String; 2], options: &[&str]) -> Option<Ended> {
    let port_text = port.to_string();
    let arguments = ["s_server", "-quiet", "-accept", &port_text, "-cert", certificate, "-key", key];
    let server = net.serve("openssl", &[&arguments[..], options].concat())?;
    net.awaits(port);
    Some(server)
}

#[test]
fn each_fault_has_the_verdict_that_its_capture_has() {
    at_once(&[tcp_faults, silent_faults, filtered, handshakes, certificates, proxies]);
}

fn tcp_faults(net: &Net) {
    Case::new("refused", &[SERVER]).holds(net);
    Case::new("refused", &[&format!("[{SERVER_V6}]")]).holds(net);
    serve(net, 8443, |peer| peers::answer(peer, b""));
    Case::new("closed-early", &[SERVER]).holds(net);
    serve(net, 8444, peers::close_unread);
    Case::new("reset", &[&format!("{SERVER}:8444")]).holds(net);
    serve(net, 443, |peer| peers::answer(peer, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    Case::new("not-tls", &[&format!("{SERVER}:443")]).holds(net);
}

fn silent_faults(net: &Net) {
    let quick = |host: &'static str| [&[host][..], &QUICK[..]].concat();
    serve(net, 8443, peers::read_and_wait);
    Case::new("no-server-hello", &quick(SERVER)).holds(net);
    serve(net, 8444, peers::begin_and_wait);
    Case::new("handshake-stalled", &quick("10.8.0.2:8444")).holds(net);
}

fn filtered(net: &Net) {
    let quick = |host: &'static str| [&[host][..], &QUICK[..]].concat();
    let filter = |rule: &[&str]| {
        let words = [&["iptables", "-I", "INPUT", "-p", "tcp", "--dport"][..], rule].concat();
        net.run("server", &words);
    };
    if Command::new("iptables").arg("--version").output().is_err() {
        eprintln!("skipped: iptables is not installed");
        return;
    }
    filter(&["8443", "-j", "DROP"]);
    Case::new("syn-no-reply", &quick(SERVER)).holds(net);
    for (port, kind, code, cause) in [
        ("8001", "tcp-reset", "refused", None),
        ("8002", "icmp-port-unreachable", "unreachable", Some("icmp-port-unreachable")),
        ("8003", "icmp-admin-prohibited", "unreachable", Some("icmp-admin-prohibited")),
        ("8004", "icmp-host-unreachable", "unreachable", Some("icmp-host-unreachable")),
        ("8005", "icmp-net-unreachable", "unreachable", Some("icmp-net-unreachable")),
    ] {
        filter(&[port, "-j", "REJECT", "--reject-with", kind]);
        let host = format!("{SERVER}:{port}");
        let case = Case { cause, ..Case::new(code, &[&host]) };
        case.holds(net);
    }
    net.within("server", || fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    net.run("server", &["ip", "route", "add", "prohibit", "10.8.1.0/24"]);
    Case::new("unreachable", &[BEHIND]).cause("icmp-admin-prohibited").holds(net);
    // The ClientHello goes nowhere, though the connection stands.
    serve(net, 8006, peers::read_and_wait);
    filter(&["8006", "-m", "length", "--length", "120:", "-j", "DROP"]);
    Case::new("no-server-hello", &quick("10.8.0.2:8006")).cause("client-hello-lost").holds(net);
}

fn handshakes(net: &Net) {
    let pki = Pki::new(net.folder.path());
    let ca = pki.authority();
    let good = pki.good();
    let named = ["--name", NAME, "--ca-file", &ca];
    let with = |options: &[&'static str]| -> Vec<String> {
        options.iter().copied().chain(named).map(str::to_owned).collect()
    };
    let holds = |code: &str, cause: Option<&str>, options: &[&'static str]| {
        let options = with(options);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        Case { cause, ..Case::new(code, &options) }.holds(net);
    };
    let Some(server) = openssl(net, 8443, &good, &["-www"]) else { return };
    holds("healthy", None, &[SERVER]);
    holds("healthy", None, &[SERVER, "--http", "/"]);
    let told = check(net, &[&[SERVER][..], &named].concat());
    assert!(told.check["certificate_expiry"]["days"].as_f64().unwrap() > 700_000.0, "{}", told.all);
    holds("healthy", None, &[SERVER, "--tls-max", "1.2", "--http", "/"]);
    holds("slow", None, &[SERVER, "--slow-after", "0.05ms"]);
    drop(server);
    let Some(server) = openssl(net, 8444, &good, &["-tls1_2"]) else { return };
    holds("tls-alert", Some("protocol_version"), &["10.8.0.2:8444", "--tls-min", "1.3"]);
    // Nobody answers over it.
    holds("no-response", None, &["10.8.0.2:8444", "--http", "/", "-t", "2", "--stall-after", "0.5"]);
    drop(server);
    for (port, version) in [("8445", "-tls1_2"), ("8446", "-tls1_3")] {
        let options = ["-www", version, "-Verify", "1", "-CAfile", &ca, "-verify_return_error"];
        let Some(_server) = openssl(net, port.parse().unwrap(), &good, &options) else { return };
        let host: &'static str = if port == "8445" { "10.8.0.2:8445" } else { "10.8.0.2:8446" };
        let cause = if port == "8445" { "handshake_failure" } else { "certificate_required" };
        holds("tls-alert", Some(cause), &[host]);
        let [certificate, key] = pki.issue("client", "client.test", |_| {});
        let told =
            check(net, &[host, "--name", NAME, "--ca-file", &ca, "--cert", &certificate, "--key", &key]);
        assert_eq!(told.codes(), ["healthy"], "{}", told.all);
    }
}

fn certificates(net: &Net) {
    let pki = Pki::new(net.folder.path());
    let ca = pki.authority();
    let folder = net.folder.path().join("stranger");
    fs::create_dir(&folder).unwrap();
    let stranger = Pki::named(&folder, "Another Authority");
    let [good, expired, own] = [pki.good(), pki.expired(), pki.self_signed()];
    let other = stranger.authority();
    let mut port = 8450;
    for version in ["1.2", "1.3"] {
        for (certificate, ca, name, alert, finding) in [
            (&good, &other, NAME, "unknown_ca", "certificate-unknown-issuer"),
            (&own, &ca, NAME, "unknown_ca", "certificate-self-signed"),
            (&expired, &ca, NAME, "certificate_expired", "certificate-expired"),
            (&good, &ca, "other.test", "bad_certificate", "certificate-name-mismatch"),
        ] {
            port += 1;
            let Some(_server) = openssl(net, port, certificate, &["-www"]) else { return };
            let host = format!("{SERVER}:{port}");
            let options =
                [&host, "--name", name, "--ca-file", ca, "--tls-min", version, "--tls-max", version];
            Case::new("tls-alert", &options).cause(alert).holds(net);
            let told = check(net, &options);
            assert!(told.all.contains(&format!(r#""code":"{finding}""#)), "{}", told.all);
            let shown = &told.connections[0]["tls"]["certificates"];
            assert_eq!(shown.as_array().map(Vec::len), Some(1), "{}", told.all);
            let told = check(net, &[&options[..], &["--insecure"]].concat());
            assert_eq!(told.codes(), ["healthy"], "{}", told.all);
            assert!(
                told.all.contains(&format!(r#""code":"{finding}","severity":"warning""#)),
                "{}",
                told.all
            );
        }
    }
}

fn proxies(net: &Net) {
    for (port, status, schemes) in [
        (3128, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x", "Basic"),
        (3129, "403 Forbidden", ""),
        (3130, "502 Bad Gateway", ""),
    ] {
        serve(net, port, move |peer| {
            peers::answer(peer, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        });
        let proxy = format!("http://{SERVER}:{port}");
        let options = ["--proxy", &proxy, "ssm.test"];
        Case::new("proxy-refused", &options).cause(&status[..3]).holds(net);
        let told = check(net, &options);
        assert_eq!(told.check["proxy"]["status"].to_string(), status[..3], "{}", told.all);
        assert_eq!(told.check["proxy"]["schemes"][0].as_str().unwrap_or_default(), schemes, "{}", told.all);
        assert!(told.check["dns"]["outcome"] == "literal", "only the proxy is looked for: {}", told.all);
    }
    serve(net, 3131, peers::read_and_wait);
    let proxy = format!("http://{SERVER}:3131");
    Case::new("no-response", &[&["--proxy", &proxy, "ssm.test"][..], &QUICK[..]].concat()).holds(net);
}

#[test]
fn names_that_do_not_resolve_are_told_apart() {
    at_once(&[resolvers, silent_resolvers]);
}

fn resolvers(net: &Net) {
    let zone = [
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--pid-file=",
        "--conf-file=/dev/null",
        "--local=/test/",
        "--address=/ssm.test/10.8.0.2",
        "--address=/ssm.test/2001:db8:8::2",
        "--host-record=only6.test,2001:db8:8::2",
        "--cname=alias.test,only6.test",
    ];
    let Some(_server) = net.serve("dnsmasq", &zone) else { return };
    net.awaits(53);
    let told = check(net, &["ssm.test"]);
    assert_eq!(told.check["dns"]["outcome"], "found", "{}", told.all);
    assert_eq!(told.check["dns"]["server"], "10.8.0.2:53", "{}", told.all);
    assert_eq!(told.check["dns"]["tried"], serde_json::json!(["2001:db8:8::2", "10.8.0.2"]), "{}", told.all);
    assert_eq!(told.codes(), ["refused", "refused"], "{}", told.all);
    let told = check(net, &["-4", "ssm.test"]);
    assert_eq!(told.check["dns"]["addresses"], serde_json::json!(["10.8.0.2"]), "{}", told.all);
    let told = check(net, &["nowhere.test"]);
    assert_eq!((told.reason(), told.status), ("name-unknown", 2), "{}", told.all);
    assert_eq!(told.check["dns"]["rcode"], "NXDOMAIN", "{}", told.all);
    monitoring::holds(net, &["nowhere.test"], "name-unknown");
    let told = check(net, &["-4", "only6.test"]);
    assert_eq!(told.check["dns"]["outcome"], "no-address", "{}", told.all);
    // Without a server behind it, dnsmasq refuses what it does not know.
    let told = check(net, &["elsewhere.example"]);
    assert_eq!((told.reason(), told.status), ("resolver-failed", 2), "{}", told.all);
    assert_eq!(told.check["dns"]["rcode"], "REFUSED", "{}", told.all);
    net.resolves_by(
        &format!("nameserver {SERVER}\nsearch test\n"),
        "10.8.0.9 other\n10.8.0.2 listed.test listed\n",
    );
    let told = check(net, &["-4", "ssm"]);
    assert_eq!(told.check["dns"]["canonical"], "ssm.test", "{}", told.all);
    let told = check(net, &["listed"]);
    assert_eq!(told.check["dns"]["outcome"], "hosts-file", "{}", told.all);
    assert_eq!(told.codes(), ["refused"], "{}", told.all);
}

fn silent_resolvers(net: &Net) {
    let told = check(net, &["ssm.test"]);
    assert_eq!((told.reason(), told.status), ("resolver-silent", 2), "{}", told.all);
    assert!(told.check["dns"]["failure"].as_str().unwrap().contains("nobody listens"), "{}", told.all);
    let socket = net.within("server", || std::net::UdpSocket::bind((SERVER, 53)).unwrap());
    let told = check(net, &["-t", "2", "ssm.test"]);
    assert_eq!((told.reason(), told.status), ("resolver-silent", 2), "{}", told.all);
    assert_eq!(told.check["dns"]["failure"], "no answer", "{}", told.all);
    monitoring::holds(net, &["-t", "2", "ssm.test"], "resolver-silent");
    thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((len, peer)) = socket.recv_from(&mut message) {
            // An answer (QR) with the code SERVFAIL.
            message[2] |= 0x80;
            message[3] = message[3] & 0xf0 | 2;
            let _ = socket.send_to(&message[..len], peer);
        }
    });
    let told = check(net, &["ssm.test"]);
    assert_eq!((told.reason(), told.status), ("resolver-failed", 2), "{}", told.all);
    assert_eq!(told.check["dns"]["rcode"], "SERVFAIL", "{}", told.all);
    monitoring::holds(net, &["ssm.test"], "resolver-failed");
}

/// A client's secret and a user's password, and the token that they are worth: none may show anywhere.
const SECRETS: [&str; 3] = ["s3cr3t-0f-the-client", "pa55w0rd of admin", "t0ken-that-was-granted"];

/// Answers as Doorkeeper does.
fn token_endpoint(path: &str, request: &str) -> String {
    let [secret, password, token] = SECRETS;
    let has = |name: &str, value: &str| {
        let form = value.replace(' ', "+");
        request.contains(&format!(r#""{name}":"{value}""#)) || request.contains(&format!("{name}={form}"))
    };
    let error = |status: &str, error: &str| {
        // A server that repeats what it was told.
        peers::json(
            status,
            &format!(r#"{{"error":"{error}","error_description":"no: {secret} {password}"}}"#),
        )
    };
    match path {
        "/down/token" => {
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html".to_owned()
        }
        "/login" => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<html".to_owned(),
        "/api/me" if request.contains(&format!("Bearer {token}")) => {
            peers::json("200 OK", r#"{"name":"me"}"#)
        }
        "/api/me" => peers::json("401 Unauthorized", "{}"),
        "/backend/oauth/token" if !has("client_secret", secret) || has("client_id", "nobody") => {
            error("401 Unauthorized", "invalid_client")
        }
        "/backend/oauth/token" if has("client_id", "cc") && has("grant_type", "password") => {
            error("400 Bad Request", "unauthorized_client")
        }
        "/backend/oauth/token" if has("grant_type", "password") && !has("username", "admin") => {
            error("400 Bad Request", "invalid_grant")
        }
        "/backend/oauth/token" => {
            let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":7200}}"#);
            peers::json("200 OK", &body)
        }
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    }
}

#[test]
fn a_refused_token_is_explained_and_no_secret_shows() {
    let Some(net) = Net::new() else { return };
    let pki = Pki::new(net.folder.path());
    let ca = pki.authority();
    peers::serve_https(&net, 8443, &pki.good(), token_endpoint);
    let files = ["client", "user"].map(|name| net.folder.path().join(format!("{name}.secret")));
    for (file, secret) in files.iter().zip(SECRETS) {
        fs::write(file, format!("{secret}\n")).unwrap();
    }
    let [secret_file, password_file] = files.map(|file| file.display().to_string());
    let common = ["--name", NAME, "--ca-file", &ca, "--client-secret-file", &secret_file, SERVER];
    let user = ["--password-file", &password_file, "--username"];
    let password = ["--oauth", "password", user[0], user[1], user[2]];
    let cases: [(&str, Vec<&str>); 9] = [
        ("granted", [&password[..], &["admin", "--client-id", "ro"]].concat()),
        ("granted", [&password[..], &["admin", "--client-id", "ro", "--oauth-body", "form"]].concat()),
        ("granted", vec!["--oauth", "client-credentials", "--client-id", "cc"]),
        ("invalid_client", [&password[..], &["admin", "--client-id", "nobody"]].concat()),
        ("invalid_grant", [&password[..], &["eve", "--client-id", "ro"]].concat()),
        ("unauthorized_client", [&password[..], &["admin", "--client-id", "cc"]].concat()),
        (
            "status-502",
            [&password[..], &["admin", "--client-id", "ro", "--token-path", "/down/token"]].concat(),
        ),
        ("not-json", [&password[..], &["admin", "--client-id", "ro", "--token-path", "/login"]].concat()),
        ("status-404", [&password[..], &["admin", "--client-id", "ro", "--token-path", "/none"]].concat()),
    ];
    for (outcome, options) in cases {
        let options = [&common[..], &options].concat();
        let told = check(&net, &options);
        assert_eq!(told.check["oauth"]["outcome"], outcome, "{options:?}\n{}", told.all);
        let is_granted = outcome == "granted";
        assert_eq!(told.reason(), if is_granted { "healthy" } else { "token-refused" }, "{}", told.all);
        assert_eq!(told.status, if is_granted { 0 } else { 2 }, "{}", told.all);
        if outcome == "unauthorized_client" {
            assert!(told.all.contains("create a Resource Owner Grant"), "{}", told.all);
        }
        for form in ["json", "timeline", "table"] {
            let output = net.check(&options).args(["-o", form]).output().unwrap();
            shows_no_secret(&output);
        }
    }
    let page =
        ["--http", "/api/me", "--expect-body", "me", "--oauth", "client-credentials", "--client-id", "cc"];
    let told = check(&net, &[&common[..], &page].concat());
    assert_eq!(told.codes(), ["healthy", "healthy"], "{}", told.all);
    assert_eq!((told.check["http"]["status"].as_u64(), told.status), (Some(200), 0), "{}", told.all);
    let told = check(&net, &[&common[..], &["--http", "/api/me"]].concat());
    assert_eq!((told.reason(), told.status), ("page-unexpected", 2), "{}", told.all);
    // From the environment too, and not where a wrong one is named.
    let mut command = net.check(&[
        SERVER,
        "--name",
        NAME,
        "--ca-file",
        &ca,
        "--oauth",
        "client-credentials",
        "--client-id",
        "cc",
    ]);
    let output = command.env("SSMSCOPE_CLIENT_SECRET", SECRETS[0]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    shows_no_secret(&output);
    fs::write(&secret_file, format!("{}\n{}\n", SECRETS[0], SECRETS[1])).unwrap();
    let output = net
        .check(&[&common[..], &["--oauth", "client-credentials", "--client-id", "cc"]].concat())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    shows_no_secret(&output);
}

fn shows_no_secret(output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(stream);
        for secret in SECRETS {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn real_proxies_open_tunnels_and_refuse_them() {
    at_once(&[tinyproxy, squid]);
}

/// What the proxy's user is told, and what it is in the request.
const PROXY_PASSWORD: &str = "pr0xy-pa55";
const PROXY_CREDENTIALS: &str = "am9lOnByMHh5LXBhNTU=";

fn tinyproxy(net: &Net) {
    let pki = Pki::new(net.folder.path());
    let ca = pki.authority();
    let Some(_server) = openssl(net, 8443, &pki.good(), &["-www"]) else { return };
    let config = net.folder.path().join("tinyproxy.conf");
    let log = net.folder.path().join("tinyproxy.out");
    let text = format!(
        "Port 8888\nListen 10.8.0.2\nTimeout 10\nLogFile \"{}\"\nMaxClients 9\nBasicAuth joe {PROXY_PASSWORD}\nConnectPort 8443\n",
        log.display()
    );
    fs::write(&config, text).unwrap();
    let Some(_proxy) = net.serve("tinyproxy", &["-d", "-c", &config.display().to_string()]) else { return };
    net.awaits(8888);
    let common = ["--proxy", "http://joe@10.8.0.2:8888", "--name", NAME, "--ca-file", &ca, SERVER];
    let saved = net.folder.path().join("saved.pcapng");
    let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap()];
    let run = |password: &str, options: &[&str]| {
        let mut command = net.check(&["-o", "json"]);
        command.args(common).args(options).env("SSMSCOPE_PROXY_PASSWORD", password);
        command.output().unwrap()
    };
    let output = run(PROXY_PASSWORD, &capture);
    let told = Told::of(&output);
    assert_eq!(told.codes(), ["healthy"], "{}", told.all);
    assert_eq!(told.check["proxy"]["status"], 200, "{}", told.all);
    assert_eq!(told.connections[0]["tcp"]["prelude"]["step"], "agreed", "{}", told.all);
    let bytes = fs::read(&saved).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|part| part == words.as_bytes());
    assert!(
        holds("CONNECT 10.8.0.2:8443 HTTP/1.1") && !holds(PROXY_CREDENTIALS),
        "the credentials are saved"
    );
    for output in [&output, &run(PROXY_PASSWORD, &[]), &run(PROXY_PASSWORD, &["-o", "timeline"])] {
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains(PROXY_PASSWORD) && !text.contains(PROXY_CREDENTIALS), "{text}");
        }
    }
    let told = Told::of(&run("wrong", &[]));
    assert_eq!(told.codes(), ["proxy-refused"], "{}", told.all);
    // Without a user, by the environment's proxy, which does not know one either.
    let of_environment = |exception: &str| {
        let mut command = net.check(&["-o", "json", "--name", NAME, "--ca-file", &ca, SERVER]);
        command.env("HTTPS_PROXY", "http://10.8.0.2:8888").env("NO_PROXY", exception);
        Told::of(&command.output().unwrap())
    };
    let told = of_environment("example.net");
    assert_eq!(told.codes(), ["proxy-refused"], "{}", told.all);
    assert_eq!(told.connections[0]["verdict"]["cause"], "407", "{}", told.all);
    assert_eq!(told.check["proxy"]["named_by"], "HTTPS_PROXY", "{}", told.all);
    let told = of_environment("10.8.0.0/24");
    assert_eq!((told.codes(), &told.check["proxy"]), (vec!["healthy"], &Value::Null), "{}", told.all);
    let output = net.check(&["--proxy", "http://joe:secret@10.8.0.2:8888", SERVER]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && !error.contains("secret@"), "{error}");
}

fn squid(net: &Net) {
    let config = net.folder.path().join("squid.conf");
    let folder = net.folder.path().display();
    let text = format!(
        "http_port 10.8.0.2:3128\npid_filename none\naccess_log none\ncache_log /dev/null\ncache deny all\n\
         cache_effective_user proxy\ncoredump_dir {folder}\nacl ssl port 8443 8444\nacl CONNECT method CONNECT\n\
         http_access deny CONNECT !ssl\nhttp_access allow all\nconnect_timeout 1 seconds\nshutdown_lifetime 0 seconds\n"
    );
    fs::write(&config, text).unwrap();
    // Its shared memory is named by it.
    let name = format!("check{}", std::process::id());
    let Some(_proxy) = net.serve("squid", &["-N", "-n", &name, "-f", &config.display().to_string()]) else {
        return;
    };
    net.awaits(3128);
    let proxy = ["--proxy", "http://10.8.0.2:3128"];
    // Its policy forbids the port, and nobody listens on the other.
    for (host, status) in [("10.8.0.2:22", "403"), ("10.8.0.2:8444", "503")] {
        let told = check(net, &[&proxy[..], &[host]].concat());
        assert_eq!(told.codes(), ["proxy-refused"], "{}", told.all);
        assert_eq!(told.connections[0]["verdict"]["cause"], status, "{}", told.all);
    }
}

#[test]
fn with_a_capture_the_packets_prove_the_verdict_and_are_saved() {
    let Some(net) = Net::new() else { return };
    let saved = net.folder.path().join("saved.pcapng");
    let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap()];
    let run = |options: &[&str]| check(&net, &[&capture[..], options].concat());
    let read = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssmscope"));
        let output = command.args(["read", "-o", "json"]).args(options).arg(&saved).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str::<Value>(text.lines().next().unwrap_or("null")).unwrap()
    };
    let told = run(&[SERVER]);
    assert_eq!(
        (told.codes(), &told.check["evidence"]),
        (vec!["refused"], &Value::from("packets")),
        "{}",
        told.all
    );
    assert!(told.connections[0]["tcp"]["resets"][0]["hop_limit"].is_u64(), "{}", told.all);
    assert_eq!(read(&[])["verdict"]["evidence"], told.connections[0]["verdict"]["evidence"], "{}", told.all);
    // Somebody else's connection to the same server is not the check's.
    serve(&net, 8443, peers::read_and_wait);
    let other = net.within("client", || std::net::TcpStream::connect((SERVER, 8443)).unwrap());
    let told = run(&[&[SERVER][..], &QUICK[..]].concat());
    drop(other);
    assert_eq!(told.codes(), ["no-server-hello"], "{}", told.all);
    assert_eq!(told.connections[0]["verdict"]["actor"], "server", "{}", told.all);
    net.run("server", &["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "8443", "-j", "DROP"]);
    let told = run(&[&[SERVER][..], &QUICK[..]].concat());
    assert_eq!(told.codes(), ["syn-no-reply"], "{}", told.all);
    assert!(told.connections[0]["tcp"]["syn_count"].as_u64() >= Some(2), "{}", told.all);
    let shown = net.check(&capture).args([SERVER]).args(QUICK).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Flags [S]") && shown.contains("captured on c"), "{shown}");
    // On an interface that sees nothing of it, the socket's view is left.
    let told = check(&net, &["--capture", "--user", "root", "-i", "lo", &format!("{SERVER}:8444")]);
    assert_eq!(
        (told.codes(), &told.check["evidence"]),
        (vec!["refused"], &Value::from("steps")),
        "{}",
        told.all
    );
    // Rights are given up before anything is sent, and files are opened without them.
    let locked = net.folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let file = locked.join("x.pcapng");
    let options = ["--capture", "--user", "nobody", "--save", file.to_str().unwrap(), SERVER];
    let output = net.check(&options).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(!file.exists());
}

#[test]
fn sessions_are_resumed_and_all_addresses_tried_if_asked_for() {
    let Some(net) = Net::new() else { return };
    let pki = Pki::new(net.folder.path());
    let ca = pki.authority();
    net.resolves_by("", &format!("{SERVER} {NAME}\n{SERVER_V6} {NAME}\n"));
    let Some(_server) = openssl(&net, 8443, &pki.good(), &["-www"]) else { return };
    for version in ["1.2", "1.3"] {
        let told =
            check(&net, &[NAME, "--ca-file", &ca, "--resume", "--tls-min", version, "--tls-max", version]);
        assert_eq!(told.codes(), ["healthy", "healthy"], "{}", told.all);
        let resumed: Vec<_> =
            told.connections.iter().map(|line| line["tls"]["is_resumed"].as_bool()).collect();
        assert_eq!(resumed, [Some(false), Some(true)], "{}", told.all);
        let first = &told.connections[0]["tls"];
        assert_eq!(
            (&first["alpn"], &first["server_name"]),
            (&serde_json::json!(["http/1.1"]), &Value::from(NAME))
        );
    }
    let told = check(&net, &[NAME, "--ca-file", &ca, "--all-addresses"]);
    assert_eq!(told.codes(), ["healthy", "healthy"], "{}", told.all);
    assert_eq!(told.connections[0]["server"]["ip"], SERVER_V6, "{}", told.all);
    assert_eq!(told.connections[1]["server"]["ip"], SERVER, "{}", told.all);
    let told = check(&net, &[NAME, "--ca-file", &ca]);
    assert_eq!(told.codes(), ["healthy"], "{}", told.all);
    // A client that takes the first address only fails.
    net.run("server", &["ip", "addr", "del", &format!("{SERVER_V6}/64"), "dev", &net.device]);
    let told = check(&net, &[NAME, "--ca-file", &ca, "-t", "6", "--stall-after", "0.5"]);
    assert_eq!((told.codes().last(), told.status), (Some(&"healthy"), 2), "{}", told.all);
}

#[test]
fn the_report_fits_a_terminal_and_time_is_limited() {
    let Some(net) = Net::new() else { return };
    let pki = Pki::new(net.folder.path());
    peers::serve_https(&net, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    for form in ["timeline", "table"] {
        let output = net.check(&[SERVER, "--http", "/", "-o", form]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("unknown_ca"), "{text}");
    }
    let ca = pki.authority();
    peers::serve_https(&net, 8445, &pki.good(), |_, _| peers::json("200 OK", &"x".repeat(200_000)));
    let output =
        net.check(&["10.8.0.2:8445", "--name", NAME, "--ca-file", &ca, "--http", "/"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(" up to this one, ") && text.lines().count() < 80, "{text}");
    serve(&net, 8444, peers::read_and_wait);
    let began = std::time::Instant::now();
    let told = check(&net, &["10.8.0.2:8444", "-t", "1"]);
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{}", told.all);
    assert_eq!(told.codes(), ["no-server-hello"], "{}", told.all);
}

#[test]
fn nginx_with_its_backend_down_is_told_from_one_that_answers() {
    let Some(net) = Net::new() else { return };
    let pki = Pki::new(net.folder.path());
    let [certificate, key] = pki.good();
    let folder = net.folder.path().display();
    let config = net.folder.path().join("nginx.conf");
    let text = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.err; user root;\nevents {{}}\n\
         http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;\n\
         uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n\
         server {{ listen 8443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n\
         location / {{ return 200 \"fine\"; }} location /backend/ {{ proxy_pass http://127.0.0.1:3000/; }} }} }}\n"
    );
    fs::write(&config, text).unwrap();
    let Some(_server) = net.serve("nginx", &["-c", &config.display().to_string()]) else { return };
    net.awaits(8443);
    let ca = pki.authority();
    let common = ["--name", NAME, "--ca-file", &ca, SERVER];
    let told = check(
        &net,
        &[&common[..], &["--http", "/", "--expect-status", "200", "--expect-body", "fine"]].concat(),
    );
    assert_eq!((told.codes(), told.status), (vec!["healthy"], 0), "{}", told.all);
    let told = check(&net, &[&common[..], &["--http", "/", "--expect-body", "other"]].concat());
    assert_eq!((told.reason(), told.status), ("page-unexpected", 2), "{}", told.all);
    let mut command = net.check(&["-o", "json"]);
    command
        .args(common)
        .args(["--oauth", "client-credentials", "--client-id", "cc"])
        .env("SSMSCOPE_CLIENT_SECRET", "x");
    let told = Told::of(&command.output().unwrap());
    assert_eq!(told.check["oauth"]["outcome"], "status-502", "{}", told.all);
    assert!(
        told.check["headline"].as_str().unwrap().contains("the application behind it is down"),
        "{}",
        told.all
    );
}
