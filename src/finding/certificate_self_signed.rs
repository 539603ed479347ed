//! The certificate signed itself.

use super::{Finding, certificate};
use crate::cert::Fault;
use crate::story::Story;

/// `certificate-self-signed`: the certificate signed itself, and is not in the trust store.
pub(super) fn find(story: &Story) -> Option<Finding> {
    certificate::find(story, |fault| matches!(fault, Fault::SelfSigned { .. }))
}
