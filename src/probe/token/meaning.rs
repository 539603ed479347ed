//! What a refusal means, in words, and what helps.

use super::Grant;
use crate::verdict::oauth;

/// What a refusal means.
pub(in crate::probe) struct Meaning {
    pub(in crate::probe) headline: String,
    pub(in crate::probe) explanation: String,
    pub(in crate::probe) advice: Vec<&'static str>,
}

/// The meaning of a status without an OAuth error, to a request for `path` whose answer is of this kind and, if it is a redirect, leads
/// to this target.
pub(super) fn of_status(status: u16, path: &str, kind: &str, target: Option<&str>) -> Meaning {
    let (headline, explanation, advice): (String, &str, &'static str) = match status {
        502..=504 => (
            format!("SSM's front end answers {status}: the application behind it is down"),
            "nginx took the request and could not pass it on. TLS and the network are fine; the backend's container does not \
             run, does not answer, or is still starting.",
            "On SSM On-Prem, look at the containers and at nginx's error log (`connect() failed ... while connecting to \
             upstream`), and restart the application if need be.",
        ),
        500..=599 => (
            format!("SSM failed on the request with status {status}"),
            "The application took the request and failed on it.",
            "Read SSM's application log at that time.",
        ),
        429 => (
            "SSM limits requests (429: too many)".to_owned(),
            "The server, or something in front of it, refuses requests for a time because there were too many.",
            "Ask less often. Failed logins may have locked the client or the user for a time, too.",
        ),
        404 | 405 => (
            format!("SSM has no token endpoint at {path}"),
            "Nothing answers there. The path depends on the front end: the application itself knows it as /oauth/token.",
            "Try --token-path /oauth/token, and check that host and port are those of SSM On-Prem (8443) and not of another \
             service.",
        ),
        401 => (
            "the server rejected the credentials (401)".to_owned(),
            "The status says that the credentials are not accepted, and no OAuth error says which of them.",
            "Check the client id and secret in API Tool Kit, and that API Console is enabled there.",
        ),
        403 => (
            "SSM, or something in front of it, forbids the request (403)".to_owned(),
            "The status is not one that the token endpoint gives by itself: a filter in front of it, or an API that is switched \
             off.",
            "Check that API Console is enabled in API Tool Kit, and look for a filter or proxy in front of SSM.",
        ),
        300..=399 => (
            match target {
                Some(target) => format!("SSM redirects the request ({status}) to {target}"),
                None => format!("SSM sends the request elsewhere ({status})"),
            },
            "A redirect is what a web page gives, not a token endpoint: the host, the port or the path is another's.",
            "Check host, port and --token-path.",
        ),
        200..=299 => (
            format!("the answer is {kind}, and no token"),
            "The status is a success, but no token is in the answer: something else than the token endpoint answers there, a \
             login page or a portal for example.",
            "Check host, port and --token-path, and whether a proxy or portal answers instead of SSM.",
        ),
        _ => (
            format!("SSM refused the request with status {status}"),
            "The answer names no OAuth error.",
            "Read SSM's log at that time.",
        ),
    };
    let explanation = format!("{explanation} The answer is {kind}.");
    Meaning { headline, explanation, advice: vec![advice] }
}

/// The meaning of a status 503 by a server that says when to ask again.
pub(super) fn of_unavailable() -> Meaning {
    Meaning {
        headline: "SSM takes no requests now (503)".to_owned(),
        explanation: "The server, or something in front of it, says that it is unavailable for a time, and until when: it is overloaded, \
                      starting, or being maintained."
            .to_owned(),
        advice: vec!["Wait for as long as it says. If it says so again, look at SSM's containers and its front end."],
    }
}

/// The meaning of a success whose body is incomplete.
pub(super) fn of_broken_off(status: u16, how: &str) -> Meaning {
    Meaning {
        headline: format!("SSM answers {status}, but the answer is incomplete: {how}"),
        explanation: "A client can't use the token in it.".to_owned(),
        advice: vec!["Read SSM's log at that time, and look at proxies and load balancers in front of it."],
    }
}

/// The meaning of a success whose token is of another type than the API takes.
pub(super) fn of_kind(kind: &str) -> Meaning {
    Meaning {
        headline: format!("the token's type is \"{kind}\", not Bearer"),
        explanation: "SSM On-Prem grants bearer tokens (RFC 6750), and its clients use them without checking the type. Another \
                      server answers here, or a device on the path changes the answer."
            .to_owned(),
        advice: vec!["Check host, port and --token-path, and what is in front of SSM."],
    }
}

/// The meaning of a success whose token can't be used, and why.
pub(super) fn of_unusable(why: &str) -> Meaning {
    Meaning {
        headline: format!("SSM granted a token that can't be used: {why}"),
        explanation: "The request was accepted, but no client can use what was granted.".to_owned(),
        advice: vec!["Read SSM's application log at that time, and compare its clock with the real time."],
    }
}

/// The meaning of a success in JSON without a token.
pub(super) fn of_no_token(status: u16) -> Meaning {
    Meaning {
        headline: format!("SSM answers {status} without a token"),
        explanation: "The answer is JSON, but its access_token is missing or empty (RFC 6749, 5.1)."
            .to_owned(),
        advice: vec![
            "Check --token-path: another endpoint of the same server may answer there.",
            "Read SSM's application log at that time.",
        ],
    }
}

/// The meaning of a success in JSON with an error that has no name, which no token outweighs.
pub(super) fn of_strange_error(status: u16) -> Meaning {
    Meaning {
        headline: format!("SSM answers {status} with an error in place of a token"),
        explanation: "The answer is JSON with an error that is not one of OAuth's names (RFC 6749, 5.2)."
            .to_owned(),
        advice: vec![
            "Check --token-path: another endpoint of the same server may answer there.",
            "Read SSM's application log at that time.",
        ],
    }
}

/// The meaning of an error of RFC 6749, 5.2, or RFC 6750, 3.1, by which this was refused. Doorkeeper checks in this order: the client, its grant type, the
/// user, the scope.
pub(in crate::probe) fn of_error(error: &str, grant: Grant, refused: &str) -> Meaning {
    let kind = grant.client_kind();
    let (headline, explanation) = match error {
            "invalid_client" => (
                "SSM does not know this client id with this secret",
                "The client id is unknown, the secret is not that client's, or the client has expired. Nothing was said about \
                 the user yet: the client is looked at first."
                    .to_owned(),
            ),
            "invalid_grant" => (
                "SSM knows the client and does not accept the user",
                "Client id, secret and grant type are right. The user's name or password is wrong, or the user is locked or may \
                 not log in to SSM On-Prem."
                    .to_owned(),
            ),
            "unauthorized_client" => (
                "the client was made for another grant type",
                format!(
                    "Id and secret are right, but the client may not use the grant type {}: it was made as another kind than \
                     {kind}.",
                    grant.name()
                ),
            ),
            "unsupported_grant_type" => (
                "SSM does not offer this grant type",
                format!("The server does not know the grant type {}, whichever client asks.", grant.name()),
            ),
            "invalid_scope" => (
                "SSM does not grant the scope",
                "The client is known, but the scope that it asks for, or that it has by default, is not one that SSM grants it."
                    .to_owned(),
            ),
            "insufficient_scope" => (
                "the token does not reach as far as the request",
                "The token is good, but its scope does not cover what was asked for (RFC 6750, 3.1).".to_owned(),
            ),
            "invalid_token" => (
                "the token is not, or no longer, good",
                "The token is unknown, revoked or expired (RFC 6750, 3.1).".to_owned(),
            ),
            "invalid_request" => (
                "SSM misses something in the request",
                "A parameter is missing, there twice, or unreadable: the body's form may not be the one that the server reads."
                    .to_owned(),
            ),
            "server_error" | "temporarily_unavailable" => (
                "SSM failed on the request, by its own account",
                format!("It names the error {error}: the request may be right, the server can't answer it now."),
            ),
            _ => ("", format!("It names the error {error}.")),
        };
    let headline = if headline.is_empty() { format!("SSM refused {refused}") } else { headline.to_owned() };
    Meaning { headline, explanation, advice: advice(error, grant) }
}

/// What helps against an error.
fn advice(error: &str, grant: Grant) -> Vec<&'static str> {
    let create = match grant {
        Grant::Password => oauth::RESOURCE_OWNER,
        Grant::ClientCredentials => oauth::CLIENT_CREDENTIALS,
    };
    match error {
        "invalid_request" => vec!["Try the other body: --oauth-body form or --oauth-body json."],
        _ => oauth::advice(error, create),
    }
}
