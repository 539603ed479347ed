//! What is installed: manual pages, completions, the examples of docs/examples, the Debian package, and the static binary in
//! a chroot with nothing else in it.
//!
//! The package and the static binary are built by the scripts of docs/packaging. `SSMSCOPE_DEB` and `SSMSCOPE_STATIC` name
//! what these print; without them the tests are skipped with a printed reason, as they are where a program that judges an example is
//! not installed.

use std::env;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use serde_json::{Value, json};

use crate::support::run::{Outcome, PROGRAM, path, run, spawn};
use crate::support::situations::testdata;

// ---- what the program is built from ----

#[test]
fn the_bill_of_materials_names_what_is_linked_with_its_licences() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("docs/packaging/bill-of-materials.py");
    command.arg(folder.path()).args(["--linked", "libpcap", "1.10.5", "BSD-3-Clause", "LICENSE-MIT"]);
    // env(1): 127 where there is no python3.
    let Some(made) = finished(&mut command).filter(|made| made.status != 127) else { return };
    assert_eq!(made.status, 0, "{made:?}");
    let bill = fs::read_to_string(folder.path().join("ssmscope.cdx.json")).unwrap();
    let bill: Value = serde_json::from_str(&bill).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["metadata"]["component"]["name"]),
        (&json!("CycloneDX"), &json!("ssmscope"))
    );
    let parts = bill["components"].as_array().unwrap();
    let of = |name: &str| parts.iter().find(|part| part["name"] == name);
    assert!(of("rustls").is_some_and(|part| part["hashes"][0]["content"].as_str().unwrap().len() == 64));
    assert!(of("libpcap").is_some_and(|part| part["version"] == "1.10.5"));
    assert!(of("proptest").is_none(), "tests are not linked");
    for part in parts {
        let licence = part["licenses"][0]["expression"].as_str().unwrap();
        assert!(!licence.is_empty() && licence != "NOASSERTION", "{part}");
    }
    let notices = fs::read_to_string(folder.path().join("THIRD-PARTY-NOTICES")).unwrap();
    for part in parts {
        let name = format!("{} {}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap());
        assert!(notices.contains(&format!("    {name}: ")), "{name}");
    }
    assert!(notices.contains("Permission is hereby granted"));
    // Where the licence of a library lies is no part of what was built.
    let elsewhere = tempfile::tempdir().unwrap();
    let licence = elsewhere.path().join("LICENSE");
    fs::copy("LICENSE-MIT", &licence).unwrap();
    let mut command = Command::new("docs/packaging/bill-of-materials.py");
    command.arg(elsewhere.path()).args(["--linked", "libpcap", "1.10.5", "BSD-3-Clause", path(&licence)]);
    assert_eq!(finished(&mut command).unwrap().status, 0);
    let again = fs::read_to_string(elsewhere.path().join("ssmscope.cdx.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), bill);
}

// ---- manual pages and completions ----

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["man", "--to", folder.path().to_str().unwrap()]);
    assert!(output.status == 0, "{output:?}");
    let help = run(&["--help"]).out;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands = commands.filter(|command| !command.is_empty());
    for command in commands.filter(|command| *command != "help") {
        let page = fs::read_to_string(folder.path().join(format!("ssmscope-{command}.1"))).unwrap();
        assert!(page.contains(&format!(".TH ssmscope-{command} 1")), "{page}");
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{page}");
    }
    let page = fs::read_to_string(folder.path().join("ssmscope.1")).unwrap();
    assert!(page.contains("ssmscope\\-read(1)") && page.contains("Exit status:"), "{page}");
    for (command, title) in [("read", ".TH ssmscope-read 1"), ("ssmscope", ".TH ssmscope 1")] {
        let page = run(&["man", command]);
        assert!(page.status == 0 && page.out.contains(title), "{page:?}");
    }
    assert!(run(&["man", "raed"]).error.contains("try: ssmscope man read"));
    let failed = run(&["man", "--to", "/nonexistent"]);
    assert_eq!(failed.status, 3);
    assert!(failed.error.contains("/nonexistent: manual pages can't be written"), "{failed:?}");
}

#[test]
fn bash_completes_commands_and_options() {
    let script = run(&["completions", "bash"]).out;
    // What bash does when TAB is pressed.
    let ask = |words: &[&str]| {
        let [.., before, current] = words else { panic!("two words at least") };
        let program = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _ssmscope ssmscope '{current}' '{before}'; echo ${{COMPREPLY[*]}}",
            words.join(" "),
            words.len() - 1
        );
        let output = Outcome::of(Command::new("bash").args(["--norc", "-c", &program]));
        assert!(output.status == 0, "{output:?}");
        output.out
    };
    assert_eq!(ask(&["ssmscope", "expl"]).trim(), "explain");
    assert_eq!(ask(&["ssmscope", "read", "--stall"]).trim(), "--stall-after");
    assert_eq!(ask(&["ssmscope", "read", "--output", "nag"]).trim(), "nagios");
    assert_eq!(ask(&["ssmscope", "explain", "unknown_c"]).trim(), "unknown_ca");
    assert_eq!(ask(&["ssmscope", "read", "--only", "tls-al"]).trim(), "tls-alert");
    assert_eq!(ask(&["ssmscope", "live", "-i", "an"]).trim(), "any");
    for shell in ["zsh", "fish"] {
        assert!(run(&["completions", shell]).out.contains("stall-after"), "{shell}");
    }
}

// ---- examples ----

#[test]
fn systemd_accepts_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let unit = |name: &str, example: &str| {
        let text = fs::read_to_string(example_path(example)).unwrap();
        // As if it were installed.
        let text = text.replace("/usr/bin/ssmscope", PROGRAM);
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    unit("ssmscope-check@.service", "ssmscope-check@.service");
    unit("ssmscope-check@.timer", "ssmscope-check@.timer");
    unit("ssmscope-serve.service", "ssmscope-serve.service");
    let units = ["ssmscope-check@.service", "ssmscope-serve.service", "ssmscope-check@.timer"];
    let units = units.map(|name| folder.path().join(name));
    let verify = || {
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--man=no"]).args(&units);
        finished(&mut command)
    };
    let Some(output) = verify() else { return };
    assert!(output.status == 0 && output.error.is_empty(), "{}", output.error);
    // systemd-analyze(1): tenths of points, of which fewer are better.
    let mut command = Command::new("systemd-analyze");
    let output =
        finished(command.args(["security", "--offline=true", "--threshold=20"]).args(&units[..2])).unwrap();
    let is_old = output.error.contains("unrecognized option");
    assert!(is_old || output.status == 0, "{}{}", output.out, output.error);
    // With the drop-in for metrics.
    unit("ssmscope-check@.service.d/textfile.conf", "textfile.conf");
    let output = verify().unwrap();
    assert!(output.status == 0 && output.error.is_empty(), "{}", output.error);
}

#[test]
fn prometheus_accepts_the_rules_and_they_alert() {
    for (command, file) in [("check", "prometheus-rules.yml"), ("test", "prometheus-rules-test.yml")] {
        let mut promtool = Command::new("promtool");
        let Some(output) = finished(promtool.args([command, "rules"]).arg(example_path(file))) else {
            return;
        };
        assert!(output.status == 0, "{}{}", output.out, output.error);
    }
}

#[test]
fn the_exporter_and_prometheus_accept_their_configurations() {
    let outcome = run(&["serve", "--config", path(&example_path("serve.toml")), "--check-config"]);
    assert_eq!((outcome.status, outcome.error.as_str()), (0, ""), "{outcome:?}");
    let mut promtool = Command::new("promtool");
    let config = example_path("prometheus-serve.yml");
    let Some(output) = finished(promtool.args(["check", "config"]).arg(config)) else { return };
    assert!(output.status == 0, "{}{}", output.out, output.error);
}

#[test]
fn the_rules_read_metrics_that_exist() {
    let capture = testdata("healthy/intermediate/capture.pcap");
    let metrics = run(&["read", "-o", "prometheus", &capture]).out;
    let rules = fs::read_to_string(example_path("prometheus-rules.yml")).unwrap();
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let names: Vec<_> = rules.split(|c| !is_name(c)).filter(|word| word.starts_with("ssmscope_")).collect();
    assert!(names.len() > 5);
    for name in names {
        assert!(metrics.contains(&format!("# TYPE {name} ")), "{name}");
    }
}

#[test]
fn nagios_accepts_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("nagios.cfg");
    // What an installation brings with it, as short as Nagios takes it.
    let templates = [
        "timeperiod,timeperiod_name always,alias always,monday 00:00-24:00",
        "command,command_name none,command_line /bin/true",
        "contact,contact_name root,alias root,email root,host_notification_commands none,\
         service_notification_commands none,host_notification_period always,service_notification_period always",
        "host,name generic-host,register 0,max_check_attempts 3,check_period always,contacts root,\
         notification_period always",
        "service,name generic-service,register 0,max_check_attempts 3,check_period always,contacts root,\
         notification_period always",
    ];
    let define =
        |object: &&str| format!("define {}\n}}\n", object.replacen(',', " {\n", 1).replace(',', "\n"));
    let templates = templates.iter().map(define).collect::<Vec<_>>().concat();
    fs::write(folder.path().join("templates.cfg"), templates).unwrap();
    let path = folder.path().display();
    let text_of_main = format!(
        "cfg_file={path}/templates.cfg\ncfg_file={}\nlog_file={path}/log\ncheck_result_path={path}\n\
         object_cache_file={path}/cache\nstatus_file={path}/status\ntemp_path={path}\ncommand_file={path}/command\n\
         nagios_user=root\nnagios_group=root\nillegal_macro_output_chars=`~$&|'\"<>\n",
        example_path("nagios.cfg").display()
    );
    fs::write(&main, text_of_main).unwrap();
    let Some(output) = finished(Command::new("nagios4").arg("-v").arg(&main)) else { return };
    assert!(output.status == 0 && output.out.contains("Total Errors:   0"), "{output:?}");
    assert!(output.out.contains("Checked 1 services"), "{output:?}");
}

#[test]
fn icinga_accepts_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("icinga2.conf");
    fs::write(&main, format!("include \"{}\"\n", example_path("icinga2.conf").display())).unwrap();
    let mut icinga = Command::new("icinga2");
    icinga.args(["daemon", "--validate", "--config"]).arg(&main);
    for name in ["DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir"] {
        icinga.arg(format!("-D{name}={}", folder.path().display()));
    }
    // As the user who runs the tests.
    icinga.args(["-DRunAsUser=root", "-DRunAsGroup=root"]);
    let Some(output) = finished(&mut icinga) else { return };
    assert!(output.status == 0 && output.out.contains("1 CheckCommand"), "{output:?}");
}

#[test]
fn the_examples_command_lines_find_a_fault() {
    // A port of this host on which nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let example = |name: &str| fs::read_to_string(example_path(name)).unwrap();
    let after = |text: &str, word: &str| {
        let found =
            text.lines().filter_map(|line| line.trim().strip_prefix(word)).find(|rest| !rest.is_empty());
        found.unwrap().trim().to_owned()
    };
    let lines = [
        after(&example("nagios.cfg"), "command_line"),
        after(&example("cron"), "*/5 * * * * nobody"),
        after(&example("ssmscope-check@.service"), "ExecStart="),
        after(&example("textfile.conf"), "ExecStart="),
    ];
    for line in lines {
        assert!(line.contains("/usr/bin/ssmscope check"), "{line}");
        let line = line
            .replace("/usr/bin/ssmscope", PROGRAM)
            .replace("$HOSTADDRESS$", "127.0.0.1")
            .replace("$ARG1$", &port)
            .replace("$ARG2$", "30")
            .replace("$ARG3$", "7")
            .replace("/var/lib/prometheus/node-exporter", folder.path().to_str().unwrap())
            .replace("%i", &format!("127.0.0.1:{port}"))
            .replace("ssm.example.net", "127.0.0.1")
            .replace("-p 8443", &format!("-p {port}"));
        let output = Outcome::of(Command::new("sh").args(["-c", &line]).env_remove("HTTPS_PROXY"));
        let begin = format!("SSMSCOPE CRITICAL - refused at syn, 127.0.0.1:{port} | time=");
        assert!(output.out.starts_with(&begin) && output.error.is_empty(), "{line}: {output:?}");
    }
    assert!(folder.path().join(format!("ssmscope-127.0.0.1:{port}.prom")).exists());
}

#[test]
fn icinga_s_arguments_are_options_of_the_check() {
    let example = fs::read_to_string(example_path("icinga2.conf")).unwrap();
    let mut arguments = vec!["check".to_owned(), "-o".to_owned(), "nagios".to_owned()];
    for name in example.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\" = {")) {
        arguments.push(name.to_owned());
        arguments.push(match name {
            "-H" => "127.0.0.1".to_owned(),
            "--ca-file" => testdata("lab/stranger.pem"),
            _ => "9".to_owned(),
        });
    }
    assert!(arguments.len() > 12, "{arguments:?}");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments);
    assert!(output.out.starts_with("SSMSCOPE CRITICAL - refused at syn, 127.0.0.1:9 "), "{output:?}");
}

// ---- the Debian package ----

#[test]
fn the_debian_package_installs_runs_and_leaves() {
    let Some(package) = built("SSMSCOPE_DEB") else { return };
    let fields = execute("dpkg-deb", &["--field", &package]).out;
    assert!(fields.contains("Package: ssmscope\n") && fields.contains("libpcap0.8"), "{fields}");
    if env::var_os("SSMSCOPE_INSTALL").is_none() {
        eprintln!("skipped: SSMSCOPE_INSTALL=1 lets the test install the package here, and remove it");
        return;
    }
    execute("apt-get", &["install", "-y", "-qq", &package]);
    let installed = Installed;
    let read =
        execute("/usr/bin/ssmscope", &["read", "-o", "nagios", &testdata("healthy/plain/capture.pcap")]);
    assert!(read.out.starts_with("SSMSCOPE OK - 1 of 1 ok: healthy"), "{read:?}");
    for (path, mode) in [
        ("/usr/bin/ssmscope", 0o755),
        ("/usr/share/bash-completion/completions/ssmscope", 0o644),
        ("/usr/share/zsh/vendor-completions/_ssmscope", 0o644),
        ("/usr/share/fish/vendor_completions.d/ssmscope.fish", 0o644),
        ("/usr/lib/systemd/system/ssmscope-check@.service", 0o644),
        ("/usr/lib/systemd/system/ssmscope-check@.timer", 0o644),
        ("/usr/lib/systemd/system/ssmscope-serve.service", 0o644),
    ] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    // A container's dpkg may leave documentation out; the package has it.
    let files = execute("dpkg-deb", &["--contents", &package]).out;
    for name in [
        "man/man1/ssmscope-check.1.gz",
        "doc/ssmscope/README.md",
        "doc/ssmscope/copyright",
        "doc/ssmscope/ssmscope.cdx.json",
        "doc/ssmscope/THIRD-PARTY-NOTICES",
        "doc/ssmscope/docs/health-checks.md",
        "doc/ssmscope/docs/verdicts/refused.md",
        "doc/ssmscope/docs/examples/cron",
    ] {
        assert!(files.contains(&format!("./usr/share/{name}\n")), "{name}: {files}");
    }
    let enabled = Path::new("/etc/systemd/system/timers.target.wants");
    let is_enabled = fs::read_dir(enabled).is_ok_and(|mut units| {
        units.any(|unit| unit.unwrap().file_name().to_string_lossy().contains("ssmscope"))
    });
    assert!(!is_enabled, "nothing runs before somebody wants it");
    drop(installed);
    assert!(!Path::new("/usr/bin/ssmscope").exists());
    assert!(!Path::new("/usr/lib/systemd/system/ssmscope-check@.service").exists());
}

/// The package, until it is dropped.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        execute("apt-get", &["purge", "-y", "-qq", "ssmscope"]);
    }
}

// ---- the static binary ----

#[test]
fn the_static_binary_needs_no_other_file() {
    let Some(binary) = built("SSMSCOPE_STATIC") else { return };
    let output = Outcome::of(Command::new("ldd").arg(&binary));
    let printed = output.out + &output.error;
    // ldd prints the second for a static binary that loads at any address.
    assert!(
        printed.contains("not a dynamic executable") || printed.contains("statically linked"),
        "{printed}"
    );
    let headers = execute("readelf", &["--program-headers", "--dynamic", &binary]).out;
    assert!(!headers.contains("INTERP") && !headers.contains("(NEEDED)"), "{headers}");
    // Half of it is what optimizations leave out.
    assert!(fs::metadata(&binary).unwrap().len() < 40_000_000);
}

#[test]
fn the_static_binary_reads_and_captures_in_an_empty_chroot() {
    let Some(chroot) = Chroot::new() else { return };
    chroot.copy("capture.pcap", "healthy/intermediate/capture.pcap");
    chroot.copy("transcript.txt", "transcript/vmanage/transcript.txt");
    let output = chroot.run(&["read", "-o", "json", "/capture.pcap"]);
    assert!(output.status == 0, "{output:?}");
    assert!(output.out.contains("Mozilla's trust store, since the system has none"), "{output:?}");
    let output = chroot.run(&["read", "/transcript.txt"]);
    assert_eq!(output.status, 3);
    assert!(output.out.contains("UNSURE in-progress: "), "{output:?}");
    let output = chroot.run(&["explain", "refused"]);
    assert!(output.out.starts_with("refused\n"), "{output:?}");
    let output = chroot.run(&["interfaces"]);
    assert!(output.status == 0 && output.out.lines().any(|line| line.starts_with("lo ")), "{output:?}");
    // libpcap's own names of services and hosts are the C library's; what has numbers needs none of it.
    let output = chroot.run(&[
        "read",
        "-o",
        "nagios",
        "--filter",
        "tcp port 8443 and net 198.51.100.0/24",
        "/capture.pcap",
    ]);
    assert!(output.out.starts_with("SSMSCOPE OK - 1 of 1 ok: healthy"), "{output:?}");
}

#[test]
fn the_static_binary_knows_zones_by_their_rules() {
    let Some(chroot) = Chroot::new() else { return };
    chroot.copy("capture.pcap", "healthy/plain/capture.pcap");
    let hour = |zone: &str| {
        let mut command = chroot.command(&["read", "-o", "tcpdump", "/capture.pcap"]);
        Outcome::of(command.env("TZ", zone)).out[..2].parse::<u32>().unwrap()
    };
    let utc = hour("UTC0");
    assert_eq!(hour("EST5EDT4,M1.1.0/0,M12.5.0/24"), (utc + 24 - 4) % 24);
    assert_eq!(hour("Europe/Nowhere"), utc, "what is not known is UTC");
}

#[test]
fn the_static_binary_finds_names_without_the_c_library_s_plug_ins() {
    let Some(chroot) = Chroot::new() else { return };
    chroot.copy("capture.pcap", "healthy/plain/capture.pcap");
    fs::create_dir(chroot.0.path().join("etc")).unwrap();
    let server = chroot.run(&["read", "-o", "json", "/capture.pcap"]).out;
    let server: serde_json::Value = serde_json::from_str(server.lines().next().unwrap()).unwrap();
    let address: std::net::Ipv4Addr = server["server"]["ip"].as_str().unwrap().parse().unwrap();
    let is_judged = |output: &Outcome| output.out.starts_with("SSMSCOPE OK - 1 of 1 ok: healthy");
    let of_host = |host: &str| chroot.command(&["read", "-o", "nagios", "--host", host, "/capture.pcap"]);
    let write = |name: &str, text: &str| fs::write(chroot.0.path().join("etc").join(name), text).unwrap();
    let unknown = Outcome::of(&mut of_host("ssm.example"));
    assert_eq!(unknown.status, 3, "{unknown:?}");
    write("hosts", &format!("{address} ssm.example\n"));
    // As a system has it whose plug-ins are of another C library.
    write("nsswitch.conf", "hosts: mymachines resolve [!UNAVAIL=return] files\npasswd: sss\n");
    let output = Outcome::of(&mut of_host("ssm.example"));
    assert!(is_judged(&output), "{output:?}");
    // A name server of a network namespace of this thread's own, which the program is started in.
    thread::scope(|scope| {
        scope.spawn(|| {
            let ends = AtomicBool::new(false);
            if unshare(CloneFlags::CLONE_NEWNET).is_err() {
                eprintln!("skipped: making network namespaces needs root");
                return;
            }
            execute("ip", &["link", "set", "lo", "up"]);
            let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let (socket, ends) = (&socket, &ends);
            thread::scope(|inner| {
                inner.spawn(move || answer(socket, address, ends));
                write("resolv.conf", "nameserver 127.0.0.1\n");
                let output = Outcome::of(&mut of_host("other.example"));
                ends.store(true, Ordering::Relaxed);
                assert!(is_judged(&output), "{output:?}");
            });
            // A check needs no more: the name is in the hosts file, and nobody listens.
            write("hosts", "127.0.0.1 here.example\n");
            let output = chroot.run(&["check", "-o", "nagios", "-H", "here.example"]);
            assert!(
                output.out.starts_with("SSMSCOPE CRITICAL - refused at syn, 127.0.0.1:8443 | time="),
                "{output:?}"
            );
        });
    });
}

#[test]
fn the_static_binary_captures_in_an_empty_chroot_and_gives_root_s_rights_up() {
    let Some(chroot) = Chroot::new() else { return };
    thread::scope(|scope| {
        scope.spawn(|| {
            if unshare(CloneFlags::CLONE_NEWNET).is_err() {
                eprintln!("skipped: making network namespaces needs root");
                return;
            }
            execute("ip", &["link", "set", "lo", "up"]);
            let options = ["live", "-i", "lo", "-o", "json", "--until", "verdict", "--duration", "10"];
            let mut command = chroot.command(&options);
            let child = spawn(&mut command);
            thread::sleep(Duration::from_millis(1_500));
            assert!(std::net::TcpStream::connect("127.0.0.1:8443").is_err());
            let output = Outcome::from(child.wait_with_output().unwrap());
            assert_eq!(output.status, 2, "{output:?}");
            assert!(output.out.contains("\"code\":\"refused\""), "{output:?}");
            assert!(output.error.contains("listening on lo, as user 65534"), "{output:?}");
        });
    });
}

/// A folder with the static binary and nothing else, as the root of what is run in it.
struct Chroot(tempfile::TempDir);

impl Chroot {
    fn new() -> Option<Self> {
        let binary = built("SSMSCOPE_STATIC")?;
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: chroot needs root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::copy(binary, folder.path().join("ssmscope")).unwrap();
        Some(Self(folder))
    }

    fn copy(&self, name: &str, from: &str) {
        fs::copy(testdata(from), self.0.path().join(name)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(self.0.path()).arg("/ssmscope").args(arguments);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }
}

/// Answers every question for an IPv4 address with this one, and any other with no record.
fn answer(socket: &UdpSocket, address: std::net::Ipv4Addr, ends: &AtomicBool) {
    const A: u8 = 1;
    let mut bytes = [0; 512];
    while !ends.load(Ordering::Relaxed) {
        let Ok((len, asker)) = socket.recv_from(&mut bytes) else { continue };
        let question = &bytes[12..len];
        let name = question.iter().position(|byte| *byte == 0).unwrap();
        let question = &question[..name + 5];
        let has_answer = question[name + 2] == A;
        let mut reply =
            [&bytes[..2], &[0x81, 0x80, 0, 1, 0, u8::from(has_answer), 0, 0, 0, 0], question].concat();
        if has_answer {
            reply.extend([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4]);
            reply.extend(address.octets());
        }
        socket.send_to(&reply, asker).unwrap();
    }
}

// ---- helpers ----

/// What a script built, as the environment names it.
fn built(variable: &str) -> Option<String> {
    let path = env::var(variable).ok();
    if path.is_none() {
        eprintln!("skipped: {variable} names none; docs/packaging builds one");
    }
    path
}

/// What a program prints; nothing if it is not installed.
fn finished(command: &mut Command) -> Option<Outcome> {
    let output = command.output();
    if output.is_err() {
        eprintln!("skipped: {} is not installed", command.get_program().to_string_lossy());
    }
    output.ok().map(Outcome::from)
}

fn execute(program: &str, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(program);
    let outcome = Outcome::of(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"));
    assert!(outcome.status == 0, "{program} {arguments:?}: {outcome:?}");
    outcome
}

fn example_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name)
}
