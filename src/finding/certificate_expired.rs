//! A certificate was valid no longer.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-expired`: valid no longer when the client looked at it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::Expired { .. }))
}
