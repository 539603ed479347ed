//! `ssmscope serve`, asked by a client of the tests' own, and by Prometheus.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::{Outcome, PROGRAM, isolate, path, spawn, text};

const ADDRESS: &str = "127.0.0.1:9913";

/// The exporter on the client, until it is dropped.
struct Exporter<'l> {
    lab: &'l Lab,
    process: Child,
    /// Kept open, since it may have something to say.
    stderr: BufReader<std::process::ChildStderr>,
}

fn serve(lab: &Lab, options: &[&str]) -> Command {
    let mut command = lab.command("client", PROGRAM);
    isolate(&mut command);
    command.arg("serve").args(options);
    command
}

fn configured(lab: &Lab, config: &str) -> PathBuf {
    let file = lab.folder.path().join("serve.toml");
    fs::write(&file, config).unwrap();
    file
}

impl<'l> Exporter<'l> {
    fn begin(lab: &'l Lab, config: &str) -> Self {
        let file = configured(lab, config);
        let mut command = serve(lab, &["--config", path(&file)]);
        command.env("SSMSCOPE_CLIENT_SECRET", "of-the-environment").env("HTTPS_PROXY", "http://192.0.2.1:1");
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert_eq!(line, format!("ssmscope: listening on {ADDRESS}\n"));
        Self { lab, process, stderr }
    }

    /// Sends these bytes, and reads what comes to its end.
    fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // The answer may come before all is sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        text(&answer)
    }

    fn connect(&self) -> TcpStream {
        self.lab.within("client", || TcpStream::connect(ADDRESS).unwrap())
    }

    /// Asks for a path, with a line of the head; the status and the body.
    fn get(&self, asked: &str, header: &str) -> (u16, String) {
        let answer = self.send(format!("GET {asked} HTTP/1.1\r\nHost: x\r\n{header}\r\n").as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{asked}: {answer}"));
        (status(head), body.to_owned())
    }

    fn probe(&self, target: &str, module: &str) -> (u16, String) {
        self.get(&format!("/probe?target={target}&module={module}"), "")
    }

    /// Asks it to end; its exit status, and what it said until then.
    fn end(mut self) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM).unwrap();
        let ended = self.process.wait().unwrap().code();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (ended, said)
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

fn promtool_accepts(metrics: &str) {
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("skipped: promtool is not installed");
        return;
    }
    let mut promtool = spawn(Command::new("promtool").args(["check", "metrics"]));
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let outcome = Outcome::from(promtool.wait_with_output().unwrap());
    assert_eq!((outcome.status, outcome.error.as_str()), (0, ""), "{outcome:?}\n{metrics}");
}

/// Good, silent, refused.
fn servers(lab: &Lab) -> Pki {
    let pki = Pki::new(lab.folder.path());
    peers::serve_https(lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    peers::serve(lab, 8444, |_peer| thread::sleep(Duration::from_secs(30)));
    pki
}

fn config(pki: &Pki, more: &str) -> String {
    format!(
        "targets = ['{SERVER}:8443', '{SERVER}:8444', '{SERVER}:8445']\n{more}\n\
         [modules.tls]\nname = '{NAME}'\nca_file = '{}'\ntimeout = 9\nstall_after = 9\n\
         [modules.page]\nname = '{NAME}'\nca_file = '{}'\nhttp = '/'\nexpect_body = 'no such text'\nwarn_time = 9\n",
        pki.authority(),
        pki.authority()
    )
}

#[test]
fn a_probe_is_a_check_with_the_names_of_blackbox_exporter() {
    let Some(lab) = Lab::new() else { return };
    let pki = servers(&lab);
    let exporter = Exporter::begin(&lab, &config(&pki, ""));
    for (target, module, reason, success, further) in [
        (
            8443,
            "tls",
            "healthy",
            1,
            &["probe_tls_version_info{version=\"TLS 1.3\"} 1\n", "probe_ip_protocol 4\n"][..],
        ),
        (
            8443,
            "page",
            "page-unexpected",
            0,
            &["probe_http_status_code 200\n", "probe_ssl_earliest_cert_expiry "],
        ),
        (
            8445,
            "tls",
            "refused",
            0,
            &["ssmscope_check_actor{actor=\"server\"} 1\n", "ssmscope_stage{stage=\"syn\"} 1\n"],
        ),
    ] {
        let (status, metrics) = exporter.probe(&format!("{SERVER}:{target}"), module);
        assert_eq!(status, 200, "{metrics}");
        assert!(metrics.contains(&format!("probe_success {success}\n")), "{metrics}");
        assert!(metrics.contains(&format!("ssmscope_state{{reason=\"{reason}\"}} 1\n")), "{metrics}");
        assert!(further.iter().all(|line| metrics.contains(line)), "{metrics}");
        promtool_accepts(&metrics);
    }
    let began = Instant::now();
    let asked = format!("/probe?module=tls&target={SERVER}:8444");
    let (_, silent) = exporter.get(&asked, "X-Prometheus-Scrape-Timeout-Seconds: 1.5\r\n");
    assert!(silent.contains("ssmscope_state{reason=\"no-server-hello\"} 1\n"), "{silent}");
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    let (status, metrics) = exporter.get("/metrics", "");
    assert!(status == 200 && metrics.contains("ssmscope_serve_probes_in_flight 0\n"), "{metrics}");
    assert!(
        metrics.contains("ssmscope_serve_probes_total{module=\"tls\",status=\"critical\"} 2\n"),
        "{metrics}"
    );
    promtool_accepts(&metrics);
    assert_eq!(exporter.get("/-/healthy", "").0, 200);
    assert!(exporter.get("/", "").1.contains("/probe?target="));
    assert_eq!(exporter.end(), (Some(0), String::new()));
}

#[test]
fn what_the_configuration_does_not_admit_is_never_connected_to() {
    let Some(lab) = Lab::new() else { return };
    let pki = servers(&lab);
    let connected = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&connected);
    peers::serve(&lab, 8446, move |_| seen.store(true, Ordering::SeqCst));
    let exporter = Exporter::begin(&lab, &config(&pki, ""));
    for (target, module, expected) in [
        ("10.9.0.2:8446", "tls", 403),
        ("10.9.0.2:8443.evil.example", "tls", 400),
        ("[::ffff:10.9.0.2]:8446", "tls", 403),
        ("0xa090002:8443", "tls", 403),
        ("10.9.0.2:8443%0a", "tls", 400),
        ("10.9.0.2:8443%22%7d", "tls", 400),
        ("10.9.0.2:8443%ff", "tls", 400),
        ("http://10.9.0.2:8443", "tls", 400),
        ("https://10.9.0.2:8443/elsewhere", "tls", 400),
        ("10.9.0.2:8443&target=10.9.0.2:8446", "tls", 400),
        ("10.9.0.2:8443", "no%0asuch", 400),
        ("10.9.0.2:8443", "none", 404),
    ] {
        let (status, body) = exporter.probe(target, module);
        assert_eq!(status, expected, "{target} {body}");
        assert!(body.lines().count() == 1 && !body.contains("ssmscope_"), "{target} {body}");
    }
    assert_eq!(exporter.get("/probe", "").0, 400);
    assert_eq!(exporter.get("/elsewhere", "").0, 404);
    let header = "X-Prometheus-Scrape-Timeout-Seconds: soon\r\n";
    assert_eq!(exporter.get("/probe?module=tls&target=10.9.0.2:8443", header).0, 400);
    let (_, metrics) = exporter.get("/metrics", "");
    assert!(metrics.contains("ssmscope_serve_refused_total{why=\"target\"} 3\n"), "{metrics}");
    promtool_accepts(&metrics);
    assert!(!connected.load(Ordering::SeqCst));
}

#[test]
fn a_hostile_client_costs_others_nothing() {
    let Some(lab) = Lab::new() else { return };
    let pki = servers(&lab);
    let exporter = Exporter::begin(&lab, &config(&pki, "max_probes = 2"));
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(status(&exporter.send(huge.as_bytes())), 431);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: x\r\n".repeat(100));
    assert_eq!(status(&exporter.send(many.as_bytes())), 431);
    assert_eq!(status(&exporter.send(b"\x16\x03\x01\x00\xff\r\n\r\n")), 400);
    assert_eq!(status(&exporter.send(b"POST /probe HTTP/1.1\r\nContent-Length: 9\r\n\r\n")), 405);
    let began = Instant::now();
    assert_eq!(status(&exporter.send(b"GET /met")), 408);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let head = exporter.send(b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    // Some who say nothing, more than checks may run.
    let mute: Vec<_> = (0..20).map(|_| exporter.connect()).collect();
    let began = Instant::now();
    assert!(exporter.probe(&format!("{SERVER}:8443"), "tls").1.contains("probe_success 1\n"));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // Two silent servers take all the checks that may run.
    let asked = format!("/probe?module=tls&target={SERVER}:8444");
    thread::scope(|scope| {
        let asks = || exporter.get(&asked, "X-Prometheus-Scrape-Timeout-Seconds: 2\r\n").0;
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(asks)).collect();
        let mut found: Vec<_> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, [200, 200, 503, 503]);
    });
    assert!(exporter.probe(&format!("{SERVER}:8443"), "tls").1.contains("probe_success 1\n"));
    drop(mute);
}

#[test]
fn secrets_go_to_the_targets_of_their_module_and_into_no_output() {
    let Some(lab) = Lab::new() else { return };
    let pki = servers(&lab);
    let granted = r#"{"access_token":"the-token","token_type":"bearer","expires_in":60}"#;
    peers::serve_https(&lab, 8447, &pki.good(), move |_, body| {
        if body.contains("hush-hush") { peers::json("200 OK", granted) } else { peers::json("401 No", "{}") }
    });
    let secret = lab.folder.path().join("secret");
    fs::write(&secret, "hush-hush\n").unwrap();
    let module = |targets: &str, file: &str| {
        format!(
            "{}[modules.token]\ntargets = [{targets}]\nname = '{NAME}'\nca_file = '{}'\n\
             oauth = 'client-credentials'\nclient_id = 'id'\n{file}\n",
            config(&pki, ""),
            pki.authority()
        )
    };
    let file = format!("client_secret_file = '{}'", secret.display());
    let one = format!("'{SERVER}:8447'");
    for (config, why) in [
        (module("'10.9.0.0/24:8447'", &file), "each a single HOST:PORT"),
        // The environment's secret is nobody's here.
        (module(&one, ""), "no secret"),
        (module(&one, "client_secret_file = '/nonexistent'"), "No such file"),
    ] {
        let configured = configured(&lab, &config);
        let outcome = Outcome::of(&mut serve(&lab, &["--config", path(&configured), "--check-config"]));
        assert!(outcome.status == 3 && outcome.error.contains(why), "{outcome:?}");
    }
    let exporter = Exporter::begin(&lab, &module(&one, &file));
    let mut all = String::new();
    let (status, body) = exporter.probe(&format!("{SERVER}:8447"), "token");
    assert!(status == 200 && body.contains("probe_success 1\n"), "{body}");
    all.push_str(&body);
    for (target, expected) in [("10.9.0.2:8443", 403), ("https://10.9.0.2:8447/elsewhere", 400)] {
        let (status, body) = exporter.probe(target, "token");
        assert_eq!(status, expected, "{target} {body}");
        all.push_str(&body);
    }
    all.push_str(&exporter.get("/metrics", "").1);
    let arguments = fs::read(format!("/proc/{}/cmdline", exporter.process.id())).unwrap();
    all.push_str(&text(&arguments));
    all.push_str(&exporter.end().1);
    assert!(!all.contains("hush-hush") && !all.contains("the-token"), "{all}");
}

#[test]
fn prometheus_scrapes_it() {
    let Some(lab) = Lab::new() else { return };
    if Command::new("prometheus").arg("--version").output().is_err() {
        eprintln!("skipped: prometheus is not installed");
        return;
    }
    let pki = servers(&lab);
    let exporter = Exporter::begin(&lab, &config(&pki, ""));
    let scrape = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
         - job_name: ssm\n  metrics_path: /probe\n  params: {{module: [tls]}}\n  static_configs:\n  \
         - targets: ['{SERVER}:8443', '{SERVER}:8444', '{SERVER}:8445', '{SERVER}:8446']\n  relabel_configs:\n  \
         - {{source_labels: [__address__], target_label: __param_target}}\n  \
         - {{source_labels: [__param_target], target_label: instance}}\n  \
         - {{target_label: __address__, replacement: '{ADDRESS}'}}\n"
    );
    let file = lab.folder.path().join("prometheus.yml");
    fs::write(&file, scrape).unwrap();
    let mut command = lab.command("client", "prometheus");
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", lab.folder.path().join("tsdb").display()));
    command.arg("--web.listen-address=127.0.0.1:9090").stdout(Stdio::null()).stderr(Stdio::null());
    let mut prometheus = command.spawn().unwrap();
    let query = |text: &str| {
        let mut stream = lab.within("client", || TcpStream::connect("127.0.0.1:9090")).ok()?;
        let head = format!("GET /api/v1/query?query={text} HTTP/1.0\r\nHost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let rows = body["data"]["result"].as_array()?.iter();
        let mut rows: Vec<_> = rows
            .map(|row| {
                let label = |name: &str| row["metric"][name].as_str().unwrap_or_default().to_owned();
                (label("instance"), label("reason"), row["value"][1].as_str().unwrap_or_default().to_owned())
            })
            .collect();
        rows.sort();
        Some(rows)
    };
    let row = |port: u16, reason: &str| (format!("{SERVER}:{port}"), reason.to_owned(), "1".to_owned());
    let expected = [row(8443, "healthy"), row(8444, "no-server-hello"), row(8445, "refused")];
    let until = Instant::now() + Duration::from_secs(30);
    let mut found = None;
    while Instant::now() < until && found.as_deref() != Some(&expected[..]) {
        thread::sleep(Duration::from_millis(300));
        found = query("ssmscope_state==1");
    }
    let up = query("up==0");
    kill(Pid::from_raw(prometheus.id() as i32), Signal::SIGTERM).unwrap();
    prometheus.wait().unwrap();
    assert_eq!(found.as_deref(), Some(&expected[..]));
    // What the configuration does not admit is a scrape that fails.
    assert_eq!(up.unwrap(), [(format!("{SERVER}:8446"), String::new(), "0".to_owned())]);
    drop(exporter);
}
