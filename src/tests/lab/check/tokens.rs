//! A token of SSM On-Prem and the page that needs it; no secret is printed.

use std::fs;

use super::{Checked, check};
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

/// A client's secret and a user's password, and the token that they buy: none may be printed.
const SECRETS: [&str; 3] = ["s3cr3t-0f-the-client", "pa55w0rd of admin", "t0ken-that-was-granted"];

/// Answers as Doorkeeper does.
fn token_endpoint(path: &str, request: &str) -> String {
    let [secret, password, token] = SECRETS;
    let has = |name: &str, value: &str| {
        let form = value.replace(' ', "+");
        request.contains(&format!(r#""{name}":"{value}""#)) || request.contains(&format!("{name}={form}"))
    };
    let error = |status: &str, error: &str| {
        // As a server does that repeats its input.
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
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    peers::serve_https(&lab, 8443, &pki.good(), token_endpoint);
    let files = ["client", "user"].map(|name| lab.folder.path().join(format!("{name}.secret")));
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
        let checked = check(&lab, &options);
        assert_eq!(checked.check["oauth"]["outcome"], outcome, "{options:?}\n{checked}");
        let is_granted = outcome == "granted";
        assert_eq!(checked.reason(), if is_granted { "healthy" } else { "rejected" }, "{checked}");
        assert_eq!(checked.status(), if is_granted { 0 } else { 2 }, "{checked}");
        if outcome == "unauthorized_client" {
            assert!(checked.contains("create a Resource Owner Grant"), "{checked}");
        }
        for form in ["json", "timeline", "table"] {
            shows_no_secret(&Outcome::of(lab.check(&options).args(["-o", form])));
        }
    }
    let page =
        ["--http", "/api/me", "--expect-body", "me", "--oauth", "client-credentials", "--client-id", "cc"];
    let checked = check(&lab, &[&common[..], &page].concat());
    assert_eq!(checked.codes(), ["healthy", "healthy"], "{checked}");
    assert_eq!((checked.check["http"]["status"].as_u64(), checked.status()), (Some(200), 0), "{checked}");
    let checked = check(&lab, &[&common[..], &["--http", "/api/me"]].concat());
    assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
    // The secret may come from the environment, and a file with more than a secret is refused.
    let grant = ["--oauth", "client-credentials", "--client-id", "cc"];
    let mut command = lab.check(&[SERVER, "--name", NAME, "--ca-file", &ca]);
    let outcome = Outcome::of(command.args(grant).env("SSMSCOPE_CLIENT_SECRET", SECRETS[0]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    shows_no_secret(&outcome);
    // Nor does a maintainer's trace show one.
    let options = [&common[..], &page].concat();
    let traced = Outcome::of(lab.check(&options).env("SSMSCOPE_TRACE", "trace"));
    assert!(traced.error.contains("handshake") && traced.error.contains("status=200"), "{traced:?}");
    shows_no_secret(&traced);
    fs::write(&secret_file, format!("{}\n{}\n", SECRETS[0], SECRETS[1])).unwrap();
    let outcome = Outcome::of(lab.check(&common).args(grant));
    assert_eq!(outcome.status, 3, "{outcome:?}");
    shows_no_secret(&outcome);
}

fn shows_no_secret(outcome: &Outcome) {
    for secret in SECRETS {
        assert!(!outcome.out.contains(secret) && !outcome.error.contains(secret), "{outcome:?}");
    }
}

#[test]
fn nginx_with_its_backend_down_is_distinguished_from_one_that_answers() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let [certificate, key] = pki.good();
    let folder = lab.folder.path().display();
    let config = lab.folder.path().join("nginx.conf");
    let text = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.err; user root;\nevents {{}}\n\
         http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;\n\
         uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;\n\
         server {{ listen 8443 ssl; ssl_certificate {certificate}; ssl_certificate_key {key};\n\
         location / {{ return 200 \"fine\"; }} location /backend/ {{ proxy_pass http://127.0.0.1:3000/; }} }} }}\n"
    );
    fs::write(&config, text).unwrap();
    let Some(_server) = lab.serve("nginx", &["-c", &config.display().to_string()]) else { return };
    lab.wait_for_listener(8443);
    let ca = pki.authority();
    let common = ["--name", NAME, "--ca-file", &ca, SERVER];
    let checked = check(
        &lab,
        &[&common[..], &["--http", "/", "--expect-status", "200", "--expect-body", "^f(in|ak)e$"]].concat(),
    );
    assert_eq!((checked.codes(), checked.status()), (vec!["healthy"], 0), "{checked}");
    let checked = check(&lab, &[&common[..], &["--http", "/", "--expect-body", "fin$"]].concat());
    assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
    assert_eq!(checked.check["headline"], "/ answers 200, but its body does not match \"fin$\"", "{checked}");
    let mut command = lab.check(&["-o", "json"]);
    command.args(common).args(["--oauth", "client-credentials", "--client-id", "cc"]);
    let checked = Checked::of(command.env("SSMSCOPE_CLIENT_SECRET", "x"));
    assert_eq!(checked.check["oauth"]["outcome"], "status-502", "{checked}");
    assert!(
        checked.check["headline"].as_str().unwrap().contains("the application behind it is down"),
        "{checked}"
    );
}
