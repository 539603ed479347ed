//! How a page is asked for: the credentials, the words, and what becomes of redirects.

use std::fs;
use std::sync::{Arc, Mutex};

use super::check;
use crate::peers::{self, json};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

const PASSWORD: &str = "pa55word-of-joe";
/// What the request has of `joe` and the password.
const CREDENTIALS: &str = "am9lOnBhNTV3b3JkLW9mLWpvZQ==";

#[test]
fn a_page_is_asked_for_as_the_options_say_and_credentials_stay_with_the_server() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    peers::serve_https(&lab, 8443, &pki.good(), move |path, rest| {
        heard.lock().unwrap().push(format!("{path} {rest}"));
        match path {
            "/first" => "HTTP/1.1 302 Found\r\nLocation: second?x=1\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/second?x=1" => {
                format!(
                    "HTTP/1.1 301 Moved\r\nLocation: https://{SERVER}:8443/page\r\nContent-Length: 0\r\n\r\n"
                )
            }
            "/leak" => format!(
                "HTTP/1.1 302 Found\r\nLocation: /x/{CREDENTIALS}/{PASSWORD}\r\nContent-Length: 0\r\n\r\n"
            ),
            "/bare" => "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/circle" => "HTTP/1.1 307 Again\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/away" => {
                "HTTP/1.1 302 Found\r\nLocation: https://sso.test/?ticket=t1cket\r\nContent-Length: 0\r\n\r\n"
                    .to_owned()
            }
            _ => json("200 OK", "{}"),
        }
    });
    let file = lab.folder.path().join("secret");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.display().to_string();
    let basic = ["--basic-user", "joe", "--basic-password-file", &file];
    let of = |options: &[&str]| {
        let checked = check(&lab, &[&[SERVER, "--name", NAME, "--ca-file", &ca][..], options].concat());
        for secret in [PASSWORD, CREDENTIALS, "t1cket"] {
            assert!(!checked.contains(secret), "{checked}");
        }
        (checked, std::mem::take(&mut *asked.lock().unwrap()))
    };
    let (checked, heard) =
        of(&[&["--http", "/first", "--follow", "--expect-status", "200"][..], &basic].concat());
    assert_eq!((checked.status(), checked.check["http"]["path"].as_str()), (0, Some("/page")), "{checked}");
    assert_eq!(checked.codes(), ["healthy"; 3], "{checked}");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard.iter().all(|heard| heard.contains(&format!("Basic {CREDENTIALS}"))), "{heard:?}");
    let (checked, heard) = of(&["--http", "/page", "--bearer-file", &file]);
    assert!(checked.status() == 0 && heard[0].contains(&format!("Bearer {PASSWORD}")), "{checked} {heard:?}");
    for (path, words) in [
        ("/away", "a redirect away from this server: https://sso.test/?..."),
        ("/bare", "nowhere"),
        ("/circle", "still redirects after 10 redirects"),
    ] {
        let (checked, _) = of(&[&["--http", path, "--follow"][..], &basic].concat());
        assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
        assert!(checked.contains(words), "{checked}");
    }
    // A path that repeats them is asked for, and shown without them.
    let (checked, heard) = of(&[&["--http", "/leak", "--follow"][..], &basic].concat());
    assert!(checked.status() == 0 && heard[1].contains(PASSWORD), "{checked} {heard:?}");
    assert!(checked.contains("/x/[secret]"), "{checked}");
    let (checked, heard) = of(&["--http", "/first"]);
    assert!(checked.status() == 0 && heard.len() == 1, "{checked}");
    let (checked, _) = of(&["--http", "/page", "--method", "HEAD", "--header", "X-Probe: yes"]);
    assert!(checked.contains("HEAD /page"), "{checked}");
    // Nobody unverified gets a secret, and command lines hold none.
    for (options, words) in [
        (&[&["--http", "/", "--insecure"][..], &basic].concat()[..], "--send-secrets-unverified"),
        (&["--http", "/", "--header", "Authorization: Bearer x"], "command lines are not"),
        (&["--follow"], "need a page"),
    ] {
        let outcome = Outcome::of(lab.check(&[SERVER]).args(options));
        assert!(outcome.status == 3 && outcome.error.contains(words), "{outcome:?}");
    }
}
