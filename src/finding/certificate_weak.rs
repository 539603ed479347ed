//! A key or signature that clients refuse.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-weak`: an RSA key or a signature that is too weak for today's clients.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::Weak { .. }))
}
