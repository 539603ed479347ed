//! What the user makes of a code: another severity than its own.

use std::collections::BTreeMap;

use crate::verdict::Severity;

/// Severities that replace those of verdicts and reasons, by their codes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct States(BTreeMap<&'static str, Severity>);

/// Two severities for one code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} can't be both {one} and {other}")]
pub struct Contradiction {
    code: &'static str,
    one: Severity,
    other: Severity,
}

impl States {
    /// Creates the states from codes with the severity of each.
    ///
    /// # Errors
    /// When a code has two severities.
    pub fn of(given: impl IntoIterator<Item = (&'static str, Severity)>) -> Result<Self, Contradiction> {
        let mut states = Self::default();
        for (code, other) in given {
            match states.0.insert(code, other) {
                Some(one) if one != other => return Err(Contradiction { code, one, other }),
                _ => {}
            }
        }
        Ok(states)
    }

    /// The severity that replaces that of a code.
    pub fn severity(&self, code: &str) -> Option<Severity> {
        self.0.get(code).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_severity() {
        let states = States::of([("refused", Severity::Warning), ("refused", Severity::Warning)]).unwrap();
        assert_eq!((states.severity("refused"), states.severity("reset")), (Some(Severity::Warning), None));
        let error = States::of([("refused", Severity::Warning), ("refused", Severity::Ok)]).unwrap_err();
        assert_eq!(error.to_string(), "refused can't be both warning and ok");
    }
}
