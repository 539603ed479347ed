//! Random secrets that a server repeats in every spelling, in every part of its answers: none is found in any output.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::random::Random;
use crate::support::run::Outcome;

/// Characters that some spelling changes, and some that none does.
const CHARACTERS: &[u8] = br#"abcXYZ0189 +/=%&<>"'\{}[]:;,.?!@#$^*()_-~|`"#;

/// Rounds, each with secrets of its own.
const ROUNDS: u64 = 4;

/// Shortest part of a secret that counts as found.
const LEAST: usize = 8;

fn secret(random: &mut Random) -> String {
    let len = random.of(12..40);
    // Files of secrets end with their line, and neither end is a space.
    let inner: String = (0..len).map(|_| char::from(random.pick(CHARACTERS))).collect();
    format!("s{inner}t")
}

/// As servers' libraries write a text.
fn spellings(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let each = |write: fn(u8) -> String| text.bytes().map(write).collect::<Vec<_>>().concat();
    let form = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    vec![
        text.to_owned(),
        json,
        each(form),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("\\u{byte:04x}")),
        each(|byte| format!("&#{byte};")),
        STANDARD.encode(format!("admin:{text}")),
        URL_SAFE_NO_PAD.encode(text),
    ]
}

/// What would have to be found: each spelling, without the ends, which may be covered by chance.
fn shown(outcome: &Outcome, secrets: &[String]) -> Option<String> {
    let found = |text: &str| outcome.out.contains(text) || outcome.error.contains(text);
    let spellings = secrets.iter().flat_map(|secret| spellings(secret));
    spellings.filter(|spelling| spelling.len() >= LEAST).find(|spelling| found(spelling))
}

/// A refusal that repeats secrets in the header and in the body.
fn refusal(form: usize, secrets: &[String]) -> String {
    let words = secrets.iter().flat_map(|secret| spellings(secret)).collect::<Vec<_>>();
    match form {
        0 => {
            let text = serde_json::to_string(&words.join(" , ")).unwrap();
            peers::json(
                "400 Bad Request",
                &format!(r#"{{"error":"invalid_grant","error_description":{text}}}"#),
            )
        }
        1 => {
            let body = words.join("\n");
            format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"{}\"\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
                words.join(" "),
                body.len()
            )
        }
        _ => format!(
            "HTTP/1.1 302 Found\r\nLocation: https://{NAME}/?{}\r\nContent-Length: 0\r\n\r\n",
            words.join("&")
        ),
    }
}

#[test]
fn no_output_contains_a_secret_in_any_spelling() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let files = ["client", "user"].map(|name| lab.folder.path().join(format!("{name}.random")));
    let [client, user] = files.each_ref().map(|file| file.display().to_string());
    for round in 0..ROUNDS {
        let mut random = Random::new(round);
        let secrets: Vec<_> = (0..2).map(|_| secret(&mut random)).collect();
        let token: String =
            (0..32).map(|_| char::from(random.pick(b"abcdefABCDEF0123456789-._~+/"))).collect();
        for (file, secret) in files.iter().zip(&secrets) {
            fs::write(file, secret).unwrap();
        }
        let port = 8_500 + round as u16;
        let (known, granted) = (secrets.clone(), token.clone());
        peers::serve_https(&lab, port, &pki.good(), move |path, _| match path {
            "/json" => refusal(0, &known),
            "/page" => refusal(1, &known),
            "/moved" => refusal(2, &known),
            "/token" => {
                peers::json("200 OK", &format!(r#"{{"access_token":"{granted}","token_type":"Bearer"}}"#))
            }
            // A page that repeats the bearer of the request.
            _ => refusal(1, std::slice::from_ref(&granted)),
        });
        let server = format!("{SERVER}:{port}");
        let common = [
            "--name",
            NAME,
            "--ca-file",
            &ca,
            "--client-id",
            "ro",
            "--username",
            "admin",
            "--oauth",
            "password",
        ];
        let files = ["--client-secret-file", &client, "--password-file", &user];
        let all = [secrets, vec![token]].concat();
        for options in [
            &["--token-path", "/json"][..],
            &["--token-path", "/page"],
            &["--token-path", "/moved"],
            &["--token-path", "/token", "--http", "/api"],
        ] {
            for form in ["json", "timeline", "nagios"] {
                let mut command = lab.check(&[&server, "-o", form]);
                command.args(common).args(files).args(options).env("SSMSCOPE_TRACE", "trace");
                let outcome = Outcome::of(&mut command);
                assert_ne!(outcome.status, 3, "{outcome:?}");
                assert_eq!(shown(&outcome, &all), None, "{options:?} {form}: {outcome:?}");
            }
        }
    }
}
