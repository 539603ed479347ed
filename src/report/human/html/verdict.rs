//! How a page shows a verdict: by a class of its style, and by a line in the reader's language.

use crate::report::Style;
use crate::report::human::judgement;
use crate::verdict::Severity;

/// The class of what has this severity.
pub(super) fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "fail",
        Severity::Warning => "warn",
        Severity::Ok => "ok",
        Severity::Unknown => "unsure",
    }
}

/// What a code means in the reader's language, with the language.
pub(super) fn translation(code: &str, style: &Style) -> Option<(&'static str, &'static str)> {
    Some((style.language?.code(), judgement::translation(code, style)?))
}
