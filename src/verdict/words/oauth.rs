//! What helps against an OAuth error of SSM On-Prem (RFC 6749, 5.2; RFC 6750, 3.1), whether a check asked for the token or a log
//! reports the error.

/// How to make the client that vManage needs.
pub(crate) const RESOURCE_OWNER: &str = "On SSM On-Prem, in API Tool Kit, create a Resource Owner Grant, and give its client id and \
    secret to vManage with the user name and password of an On-Prem login.";

/// How to make a client that logs in by itself.
pub(crate) const CLIENT_CREDENTIALS: &str =
    "On SSM On-Prem, in API Tool Kit, create a Client Credentials Grant and use its client id and secret.";

/// What helps against `error`, where `create` is how to make a client of the right kind.
pub(crate) fn advice(error: &str, create: &'static str) -> Vec<&'static str> {
    const CONSOLE: &str = "In API Tool Kit, check that API Console is enabled and that the client's expiration date has not passed.";
    match error {
        "invalid_client" => vec![
            "Compare the client id and secret with API Tool Kit on SSM On-Prem; a secret is easily cut when it is copied.",
            CONSOLE,
            create,
        ],
        "invalid_grant" => vec![
            "Log in to SSM On-Prem's web page with the same user and password.",
            "Give vManage the login of SSM On-Prem, not a Cisco account of the cloud.",
        ],
        "unauthorized_client" | "unsupported_grant_type" => vec![create, CONSOLE],
        "invalid_scope" | "insufficient_scope" => {
            vec!["In API Tool Kit, give the client the scope that it needs, or create a new one.", CONSOLE]
        }
        _ => vec![CONSOLE],
    }
}
