//! The chain leads to nobody in the trust store.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-unknown-issuer`: nobody in the trust store signed the chain.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::UnknownIssuer { .. }))
}
