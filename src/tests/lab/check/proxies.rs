//! Real proxies: tunnels that they open and refuse.

use std::fs;

use serde_json::Value;

use super::{Checked, at_once, check};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

/// What the proxy's user is checked, and what it is in the request.
const PROXY_PASSWORD: &str = "pr0xy-pa55";

const PROXY_CREDENTIALS: &str = "am9lOnByMHh5LXBhNTU=";

#[test]
fn real_proxies_open_tunnels_and_refuse_them() {
    at_once(&[tinyproxy, squid]);
}

fn tinyproxy(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let config = lab.folder.path().join("tinyproxy.conf");
    let log = lab.folder.path().join("tinyproxy.out");
    let text = format!(
        "Port 8888\nListen 10.9.0.2\nTimeout 10\nLogFile \"{}\"\nMaxClients 9\nBasicAuth joe {PROXY_PASSWORD}\nConnectPort 8443\n",
        log.display()
    );
    fs::write(&config, text).unwrap();
    let Some(_proxy) = lab.serve("tinyproxy", &["-d", "-c", &config.display().to_string()]) else { return };
    lab.wait_for_listener(8888);
    let common = ["--proxy", "http://joe@10.9.0.2:8888", "--name", NAME, "--ca-file", &ca, SERVER];
    let saved = lab.folder.path().join("saved.pcapng");
    let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap()];
    let run = |password: &str, options: &[&str]| {
        let mut command = lab.check(&["-o", "json"]);
        command.args(common).args(options).env("SSMSCOPE_PROXY_PASSWORD", password);
        Outcome::of(&mut command)
    };
    let outcome = run(PROXY_PASSWORD, &capture);
    let checked = Checked::from(outcome);
    assert_eq!(checked.codes(), ["healthy"], "{checked}");
    assert_eq!(checked.check["proxy"]["status"], 200, "{checked}");
    assert_eq!(checked.connections[0]["tcp"]["prelude"]["step"], "agreed", "{checked}");
    let bytes = fs::read(&saved).unwrap();
    let holds = |words: &str| bytes.windows(words.len()).any(|part| part == words.as_bytes());
    assert!(
        holds("CONNECT 10.9.0.2:8443 HTTP/1.1") && !holds(PROXY_CREDENTIALS),
        "the credentials are saved"
    );
    let others = [&[][..], &["-o", "timeline"]].map(|options| run(PROXY_PASSWORD, options));
    for outcome in [&checked.outcome, &others[0], &others[1]] {
        for secret in [PROXY_PASSWORD, PROXY_CREDENTIALS] {
            assert!(!outcome.out.contains(secret) && !outcome.error.contains(secret), "{outcome:?}");
        }
    }
    let checked = Checked::from(run("wrong", &[]));
    assert_eq!(checked.codes(), ["proxy-refused"], "{checked}");
    // The environment's proxy, without a user.
    let of_environment = |exception: &str| {
        let mut command = lab.check(&["-o", "json", "--name", NAME, "--ca-file", &ca, SERVER]);
        Checked::of(command.env("HTTPS_PROXY", "http://10.9.0.2:8888").env("NO_PROXY", exception))
    };
    let checked = of_environment("example.lab");
    assert_eq!(checked.codes(), ["proxy-refused"], "{checked}");
    assert_eq!(checked.connections[0]["verdict"]["cause"], "407", "{checked}");
    assert_eq!(checked.check["proxy"]["named_by"], "HTTPS_PROXY", "{checked}");
    let checked = of_environment("10.9.0.0/24");
    assert_eq!((checked.codes(), &checked.check["proxy"]), (vec!["healthy"], &Value::Null), "{checked}");
    let outcome = Outcome::of(&mut lab.check(&["--proxy", "http://joe:secret@10.9.0.2:8888", SERVER]));
    assert!(outcome.status == 3 && !outcome.error.contains("secret@"), "{}", outcome.error);
}

fn squid(lab: &Lab) {
    let config = lab.folder.path().join("squid.conf");
    let folder = lab.folder.path().display();
    let text = format!(
        "http_port 10.9.0.2:3128\npid_filename none\naccess_log none\ncache_log /dev/null\ncache deny all\n\
         cache_effective_user proxy\ncoredump_dir {folder}\nacl ssl port 8443 8444\nacl CONNECT method CONNECT\n\
         http_access deny CONNECT !ssl\nhttp_access allow all\nconnect_timeout 1 seconds\nshutdown_lifetime 0 seconds\n"
    );
    fs::write(&config, text).unwrap();
    // Its shared memory is named by it.
    let name = format!("check{}", std::process::id());
    let Some(_proxy) = lab.serve("squid", &["-N", "-n", &name, "-f", &config.display().to_string()]) else {
        return;
    };
    lab.wait_for_listener(3128);
    let proxy = ["--proxy", "http://10.9.0.2:3128"];
    // Its policy forbids the port, and nobody listens on the other.
    for (host, status) in [("10.9.0.2:22", "403"), ("10.9.0.2:8444", "503")] {
        let checked = check(lab, &[&proxy[..], &[host]].concat());
        assert_eq!(checked.codes(), ["proxy-refused"], "{checked}");
        assert_eq!(checked.connections[0]["verdict"]["cause"], status, "{checked}");
    }
}
