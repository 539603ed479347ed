//! How well something is known.

use serde::Serialize;

/// On what a conclusion rests, strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Every byte that it needs was there and in clear.
    Decoded,
    /// Some bytes were there: headers at the places that lengths predict.
    Partial,
    /// Only lengths, directions and order.
    Inferred,
}
