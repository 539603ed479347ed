//! What a page may do: show itself in its own style, and filter its own table. It loads nothing and sends nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// How a page looks.
pub(super) const STYLE: &str = include_str!("style.css");

/// What filters and sorts its table. All that a page holds can be read without it.
pub(super) const SCRIPT: &str = include_str!("script.js");

/// The page's Content-Security-Policy (CSP level 3, 2.3.1 and 6.7.3.3): nothing but this style and this script, by their hashes.
pub(super) fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_be_loaded() {
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("url(") && !text.contains("http"), "{text}");
            assert!(!text.contains("@import") && !text.contains("fetch(") && !text.contains("innerHTML"));
        }
    }
}
