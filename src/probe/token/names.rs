//! Names that a JSON object has more than once.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The names that a client reads of an answer (RFC 6749, 5.1 and 5.2).
const READ: [&str; 6] = ["access_token", "token_type", "expires_in", "refresh_token", "scope", "error"];

/// The first of the names that clients read which the object has again; nothing if it is no object.
pub(super) fn repeated(body: &[u8]) -> Option<&'static str> {
    serde_json::Deserializer::from_slice(body).deserialize_map(Names).ok().flatten()
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut seen = BTreeSet::new();
        let mut again = None;
        while let Some(name) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if let Some(read) = READ.into_iter().find(|read| *read == name)
                && !seen.insert(read)
            {
                again = again.or(Some(read));
            }
        }
        Ok(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_clients_read_is_found_when_it_is_there_twice() {
        for (body, name) in [
            (r#"{"access_token":"a","access_token":"b"}"#, Some("access_token")),
            (r#"{"access_token":"a","x":{"access_token":"b"}}"#, None),
            (r#"{"access_token":"a","acc\u0065ss_token":"a"}"#, Some("access_token")),
            (r#"{"x":1,"x":2,"scope":"","scope":null}"#, Some("scope")),
            (r#"[{"error":1,"error":2}]"#, None),
            ("", None),
        ] {
            assert_eq!(repeated(body.as_bytes()), name, "{body}");
        }
    }
}
