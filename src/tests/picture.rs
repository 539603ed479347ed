//! The README's picture of a terminal: made from what the command prints, and compared with it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test integration picture` draws it again.

use std::fs;
use std::path::Path;

use anstyle_svg::{Term, WIN10_CONSOLE};

use crate::support::run::{Outcome, is_updating, ssmscope};

#[test]
fn the_readme_s_picture_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("testdata/reset/injected");
    let mut command = ssmscope(&["read", "--color", "always", "capture.pcap"]);
    command.current_dir(&folder).env("COLUMNS", "100");
    command.env("SSL_CERT_FILE", "../../lab/stranger.pem").env_remove("SSL_CERT_DIR");
    let printed = Outcome::of(&mut command).out;
    assert!(printed.contains("\u{1b}["), "no colour in {printed}");
    let drawn = Term::new().palette(WIN10_CONSOLE).render_svg(&printed);
    let picture = root.join("docs/terminal.svg");
    if is_updating() {
        fs::write(&picture, &drawn).unwrap();
    }
    assert_eq!(fs::read_to_string(&picture).unwrap_or_default(), drawn, "UPDATE_GOLDEN=1 draws it again");
    assert!(fs::read_to_string(root.join("README.md")).unwrap().contains("(docs/terminal.svg)"));
}
