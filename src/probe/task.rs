//! What a connection of a check is for, and its outcome.

use std::time::Duration;

use super::http::offer::Offer;
use super::page::{Page, PageAnswer};
use super::page_request::Credentials;
use super::secret::Secret;
use super::step::Phase;
use super::token::{self, Token};
use crate::log::OwnRequest;

/// What is to be done over one connection.
pub(super) enum Task<'e> {
    /// Nothing: that it can be opened is enough.
    Open,
    /// Asking for a token.
    Token(&'e token::Request),
    /// Asking what the server would choose of more than rustls offers.
    Offer(Offer),
    /// Asking for a page, with a token if there is one.
    Page(&'e Page, Option<(&'e Secret, token::Grant)>),
}

impl Task<'_> {
    /// What it asks, as a log has it: method and path.
    pub(super) fn line(&self) -> Option<String> {
        match self {
            Self::Token(request) => Some(format!("POST {}", request.path)),
            Self::Page(page, _) => Some(page.line()),
            Self::Open | Self::Offer(_) => None,
        }
    }

    /// The same as it is shown.
    pub(super) fn shown_line(&self) -> Option<String> {
        match self {
            Self::Page(page, _) => Some(page.shown_line()),
            _ => self.line(),
        }
    }

    /// The secrets that it sends, in words.
    pub(super) fn secrets(&self) -> Option<&'static str> {
        match self {
            Self::Token(token::Request { grant: token::Grant::Password, .. }) => {
                Some("the client's secret and the user's password")
            }
            Self::Token(_) => Some("the client's secret"),
            Self::Page(_, Some(_)) => Some("the access token"),
            Self::Page(page, None) => {
                page.request.credentials.as_ref().map(|credentials| match credentials {
                    Credentials::Basic(..) => "the user's password",
                    Credentials::Bearer(_) => "the bearer token",
                })
            }
            Self::Open | Self::Offer(_) => None,
        }
    }
}

/// The outcome of a task.
#[derive(Default)]
pub(super) struct Performed {
    pub(super) token: Option<Token>,
    pub(super) granted: Option<Secret>,
    pub(super) page: Option<PageAnswer>,
    /// How long the check listened before it asked.
    pub(super) listened: Duration,
    /// Whether something was asked, and no byte of an answer came.
    pub(super) lacks_answer: bool,
    /// The request to which no byte of an answer came until time was over, and what it belongs to.
    pub(super) unanswered: Option<(Phase, String)>,
    /// The request that the server closed before it sent a byte of an answer.
    pub(super) closed_instead: Option<String>,
}

impl Performed {
    /// What was asked, and the status that came.
    pub(super) fn request(&self, task: &Task<'_>, tunnel: Option<String>) -> OwnRequest {
        let of_page = self.page.as_ref().and_then(|page| page.status);
        let status = self.token.as_ref().map_or(of_page, |token| token.status);
        OwnRequest { line: task.line(), status, tunnel }
    }
}
