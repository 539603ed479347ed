//! Examinations written by hand, for the tests of rules.

use std::sync::Arc;

use super::check::{Examination, Issuer};
use super::fault::Fault;

impl Examination {
    /// One that found these faults, on a day that is known and without a store.
    pub(crate) fn by_hand(faults: Vec<Fault>) -> Self {
        Self {
            certificates: Arc::default(),
            further: 0,
            message_len: 900,
            is_whole: true,
            wanted: None,
            is_dated: true,
            store: None,
            is_store_chosen: false,
            issuer: Issuer::Unchecked("there is no store"),
            faults,
            first_to_end: None,
        }
    }
}
