//! A certificate was not valid yet.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-not-yet-valid`: not valid yet when the client looked at it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::NotYetValid { .. }))
}
