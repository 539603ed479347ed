//! The certificate is for another name than the client's.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-name-mismatch`: the certificate does not bear the name that the client wanted.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::NameMismatch { .. }))
}
