//! `check --redact`: whatever a check prints names neither the server, nor who was asked on the way, nor what they say.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};

use serde_json::Value;
use ssmscope::report::{Form, Subject};

use super::QUICK;
use crate::peers;
use crate::pki::Pki;
use crate::support::lab::{CLIENT, Lab, SERVER};
use crate::support::originals::{self, expect_no_address, left_in};
use crate::support::run::{Outcome, path};

const HOST: &str = "ssm4711.oz-bank.test";
const OTHER: &str = "mail.tin-man.test";
const AUTHORITY: &str = "Emerald City CA";
const PROXY: &str = "proxy3.oz-bank.test";
/// An address of no network that the client knows.
const NO_ROUTE: &str = "10.99.1.2";
const PATH: &str = "/oz-bank/status?of=dorothy";

/// The forms of a check, with all that they can show.
fn forms() -> impl Iterator<Item = Form> {
    Form::ALL.into_iter().filter(|form| form.summary(Subject::Check).is_some() && form.can_be_redacted())
}

fn originals() -> BTreeSet<String> {
    let names = [
        HOST, OTHER, AUTHORITY, PROXY, SERVER, CLIENT, "oz-bank", "dorothy", "toto", NO_ROUTE, "tin-man",
        "Emerald",
    ];
    names.into_iter().map(str::to_owned).collect()
}

fn expect_none(output: &[u8], what: &str) {
    originals::expect_none(output, &originals(), what);
}

/// The check with these options in every form: nothing of the originals is in any, and the outcome is the same as without
/// `--redact`.
fn holds(lab: &Lab, options: &[&str], reason: &str) {
    let plain = Outcome::of(lab.check(&["-o", "json"]).args(options));
    let of = |outcome: &Outcome| {
        let check = outcome.objects_of("check").pop().unwrap_or_else(|| panic!("{outcome:?}"));
        let verdicts: Vec<_> = outcome
            .connections()
            .iter()
            .map(|line| ["code", "cause", "actor", "severity"].map(|field| line["verdict"][field].clone()))
            .collect();
        (["reason", "cause", "severity"].map(|field| check[field].clone()), verdicts)
    };
    assert_eq!(of(&plain).0[0], Value::from(reason), "{options:?} {plain:?}");
    assert!(!left_in(plain.out.as_bytes(), &originals()).is_empty(), "{plain:?}");
    let (metrics, page) = (lab.folder.path().join("check.prom"), lab.folder.path().join("check.html"));
    for form in forms() {
        let with = ["--redact", "--textfile", path(&metrics), "--html", path(&page)];
        let outcome = Outcome::of(lab.check(&["-o", form.name(), "-vvv"]).args(with).args(options));
        expect_none(outcome.out.as_bytes(), &format!("{options:?} {form:?}"));
        for file in [&metrics, &page] {
            expect_none(&fs::read(file).unwrap(), &format!("{} of {options:?}", file.display()));
        }
        assert_eq!(outcome.status, plain.status, "{options:?} {form:?} {outcome:?}");
        if form == Form::Json {
            assert_eq!(of(&outcome), of(&plain), "{options:?}\n{outcome:?}");
            assert_eq!(outcome.summary()["redacted"], true, "{outcome:?}");
        }
        if matches!(form, Form::Timeline | Form::Table | Form::Html) {
            assert_eq!(outcome.out.matches("redacted: addresses, names,").count(), 1, "{}", outcome.out);
        }
    }
}

#[test]
fn no_form_of_a_check_contains_an_original() {
    super::at_once(&[
        healthy_and_redirected,
        faults_of_a_certificate,
        on_the_way,
        resolved,
        words_of_the_server,
    ]);
}

fn serve(lab: &Lab, pki: &Pki, host: &str) {
    let identity = pki.issue("ssm", host, |_| {});
    peers::serve_https(lab, 8443, &identity, |path, _| {
        match path {
        "/" => "HTTP/1.1 302 Found\r\nLocation: https://mail.tin-man.test/login/dorothy\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "/oz-bank/oauth/words" => {
            peers::json("401 Unauthorized", r#"{"error":"dorothy of oz-bank is unknown"}"#)
        }
        path if path.contains("oauth") => peers::json(
            "401 Unauthorized",
            r#"{"error":"invalid_client","error_description":"dorothy of oz-bank is unknown at mail.tin-man.test"}"#,
        ),
        _ => peers::json("200 OK", "{}"),
    }
    });
}

fn known() -> [String; 2] {
    ["--resolve".to_owned(), format!("{HOST}={SERVER}")]
}

fn healthy_and_redirected(lab: &Lab) {
    let pki = Pki::named(lab.folder.path(), AUTHORITY);
    serve(lab, &pki, HOST);
    let (ca, known) = (pki.authority(), known());
    let options = |more: &[&'static str]| {
        let own = [known[0].as_str(), &known[1], "--ca-file", &ca];
        own.into_iter().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
    };
    let with = |more: &[&'static str], reason| {
        let options = options(more);
        holds(lab, &options.iter().map(String::as_str).collect::<Vec<_>>(), reason);
    };
    with(&[HOST], "healthy");
    with(&["--http", PATH, HOST], "healthy");
    with(&["--http", "/", "--expect-status", "200", HOST], "page-unexpected");
    with(&["--http", PATH, "--expect-body", "toto", HOST], "page-unexpected");
    let secret = lab.folder.path().join("secret");
    fs::write(&secret, "under-the-rainbow\n").unwrap();
    let token =
        ["--oauth", "client-credentials", "--client-id", "dorothy", "--client-secret-file", path(&secret)];
    for path in ["/oz-bank/oauth/token", "/oz-bank/oauth/words"] {
        let arguments = [token.map(str::to_owned).to_vec(), options(&["--token-path", path, HOST])].concat();
        holds(lab, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), "rejected");
    }
}

fn faults_of_a_certificate(lab: &Lab) {
    let pki = Pki::named(lab.folder.path(), AUTHORITY);
    serve(lab, &pki, OTHER);
    let (ca, known) = (pki.authority(), known());
    let known = [known[0].as_str(), &known[1]];
    // The name is another, and then the issuer is unknown as well.
    holds(lab, &[&known[..], &["--ca-file", &ca, HOST]].concat(), "tls-alert");
    holds(lab, &[&known[..], &["--name", OTHER, HOST]].concat(), "tls-alert");
    holds(lab, &[&known[..], &["--name", OTHER, "--insecure", HOST]].concat(), "healthy");
    let pin = "sha256//BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    holds(lab, &[&known[..], &["--name", OTHER, "--ca-file", &ca, "--pin", pin, HOST]].concat(), "tls-alert");
    holds(lab, &["--name", OTHER, "--sni", HOST, "--ca-file", &ca, SERVER], "healthy");
}

fn on_the_way(lab: &Lab) {
    peers::serve(lab, 3128, |peer| {
        peers::answer(
            peer,
            b"HTTP/1.1 407 Ask dorothy of oz-bank\r\nProxy-Authenticate: Basic realm=\"mail.tin-man.test\"\r\n\r\n",
        );
    });
    peers::serve(lab, 8444, peers::read_and_wait);
    let proxy = format!("http://{PROXY}:3128");
    let resolve = format!("{PROXY}={SERVER}");
    holds(lab, &["--resolve", &resolve, "--proxy", &proxy, HOST], "proxy-refused");
    peers::serve_socks(lab, 1080, Some(("dorothy", "ruby-shoes")), 0, |_| None);
    let socks = format!("socks5h://{PROXY}");
    holds(lab, &["--resolve", &resolve, "--proxy", &socks, HOST], "proxy-refused");
    peers::serve(lab, 1081, |peer| peers::answer(peer, b"dorothy of oz-bank at mail.tin-man.test"));
    let other = format!("{socks}:1081");
    holds(lab, &["--resolve", &resolve, "--proxy", &other, HOST], "proxy-refused");
    let known = known();
    let silent = format!("{HOST}:8444");
    holds(lab, &[&[known[0].as_str(), &known[1], &silent][..], &QUICK].concat(), "no-server-hello");
    holds(lab, &[&known[0], &known[1], &format!("{HOST}:8445")], "refused");
    holds(lab, &[NO_ROUTE], "not-sent");
}

fn resolved(lab: &Lab) {
    holds(lab, &["-t", "3", HOST], "resolver-silent");
    lab.resolve_by(&format!("nameserver {SERVER}\n"), &format!("{SERVER} {HOST}\n"));
    holds(lab, &[HOST], "refused");
}

fn words_of_the_server(lab: &Lab) {
    peers::serve(lab, 25, |mut peer| {
        let _ = peer.write_all(b"554 mail.tin-man.test: dorothy has no business here\r\n");
        let _ = peer.read(&mut [0; 100]);
    });
    holds(lab, &["--starttls", "smtp", SERVER], "not-tls");
    peers::serve(lab, 8446, |peer| peers::answer(peer, b"HTTP/1.1 400 toto of oz-bank\r\n\r\n"));
    holds(lab, &[&format!("{SERVER}:8446")], "not-tls");
}

#[test]
fn a_captured_check_and_many_targets_contain_no_original() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::named(lab.folder.path(), AUTHORITY);
    serve(&lab, &pki, HOST);
    let (ca, known) = (pki.authority(), known());
    let known = [known[0].as_str(), &known[1], "--ca-file", &ca];
    holds(&lab, &[&known[..], &["--capture", "--user", "root", HOST]].concat(), "healthy");

    let list = lab.folder.path().join("list.txt");
    let targets = [
        HOST.to_owned(),
        format!("{HOST}:8445"),
        format!("https://{HOST}:8443{PATH}"),
        format!("{SERVER}:8446"),
    ];
    fs::write(&list, targets.join("\n")).unwrap();
    let metrics = lab.folder.path().join("targets.prom");
    let run = |options: &[&str]| {
        Outcome::of(
            lab.check(&["--targets", path(&list), "--textfile", path(&metrics)]).args(known).args(options),
        )
    };
    let plain = run(&["-o", "json"]);
    for form in [&["-o", "json"][..], &["-o", "flat"], &[], &["-o", "nagios", "-vv"], &["-o", "prometheus"]] {
        let outputs = ["1", "4"].map(|jobs| run(&[&["--redact", "-j", jobs], form].concat()));
        for outcome in &outputs {
            expect_none(outcome.out.as_bytes(), &format!("{form:?}"));
            assert_eq!(outcome.status, plain.status, "{form:?} {outcome:?}");
        }
        expect_none(&fs::read(&metrics).unwrap(), "metrics");
        let series = fs::read_to_string(&metrics).unwrap();
        let of_info = series.lines().filter(|line| line.starts_with("ssmscope_build_info{"));
        let targets: BTreeSet<_> = of_info.map(str::to_owned).collect();
        assert_eq!(targets.len(), 4, "each target has a series of its own: {series}");
    }
    let reasons = |outcome: &Outcome| -> Vec<Value> {
        outcome.objects_of("check").iter().map(|check| check["reason"].clone()).collect()
    };
    let redacted = run(&["--redact", "-o", "json"]);
    assert_eq!(reasons(&redacted), reasons(&plain));
    let host = |index: usize| redacted.objects_of("check")[index]["host"].clone();
    assert_eq!(host(0), host(1), "the same host has the same stand-in: {redacted:?}");
    let file = lab.folder.path().join("saved.pcapng");
    let saving = ["--redact", "--capture", "--user", "root", "--save", path(&file), "-o", "json", HOST];
    let saved = Outcome::of(lab.check(&saving).args(known));
    let bytes = fs::read(&file).unwrap();
    expect_none(&bytes, "the packets");
    expect_no_address(&bytes, &[SERVER, CLIENT]);
    let again = crate::support::run::run(&["read", "-o", "json", path(&file)]);
    assert_eq!(again.codes(), ["healthy"], "{again:?} {saved:?}");
    assert_eq!(again.connections()[0]["server"], saved.connections()[0]["server"]);
}
