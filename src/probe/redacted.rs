//! `--redact`: an outcome that names nobody. Its connections were redacted when they were judged; here is what the check itself knows.
//!
//! Structures are taken apart field by field, without `..`: a new field is an error of the compiler here.

use super::http::tls::Failed;
use super::net::dns::{Resolution, ResolverFault};
use super::outcome::{CheckOutcome, ProxyUse};
use super::page::PageAnswer;
use super::proxy::Tunnel;
use super::record::{ConnectionRecord, Failure, GivenUp};
use super::step::Step;
use super::token::{self, Token};
use crate::analysis::Redaction;

/// Schemes of authentication that say nothing about their user (IANA's registry, and Microsoft's).
const SCHEMES: [&str; 6] = ["basic", "bearer", "digest", "kerberos", "negotiate", "ntlm"];

fn is_known(scheme: &str) -> bool {
    SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
}

/// What a check knows by itself, with what stands for it.
pub(super) struct Redacted<'r> {
    redaction: &'r Redaction,
    /// Paths and words of peers that are quoted.
    phrases: Vec<(String, String)>,
}

impl<'r> Redacted<'r> {
    /// Creates the redaction of a check that asks for these paths, a token's and a page's, and that these words of a server name.
    pub(super) fn of<'w>(
        redaction: &'r Redaction,
        token_path: Option<&str>,
        page_path: Option<&str>,
        words: impl Iterator<Item = &'w str>,
    ) -> Self {
        let mut redacted = Self { redaction, phrases: Vec::new() };
        let token_path = token_path.map(|path| (path.to_owned(), redacted.token_path(path)));
        let page_path = page_path.map(|path| (path.to_owned(), redaction.path(path)));
        let words = words.map(|words| (words.to_owned(), Redaction::masked(words)));
        redacted.phrases.extend(token_path.into_iter().chain(page_path).chain(words));
        redacted
    }

    /// The path of SSM's own interface is no name of anybody.
    fn token_path(&self, path: &str) -> String {
        if path == token::TOKEN_PATH { path.to_owned() } else { self.redaction.path(path) }
    }

    /// Replaces what a connection is recognised by, and what of its record is quoted in a verdict. What was analysed already stays.
    pub(super) fn record(&self, record: &mut ConnectionRecord) {
        let redaction = self.redaction;
        let ConnectionRecord {
            knowledge,
            offer: _,
            spent: _,
            listened: _,
            answered: _,
            is_wrapped: _,
            unwrapped: _,
            tunnel,
            failure,
            asked: _,
            given_up,
            closed_instead,
            was_reset: _,
        } = record;
        knowledge.client = redaction.socket(knowledge.client);
        *tunnel = tunnel.take().map(Self::tunnel);
        if let Some(failure) = failure {
            self.failure(failure);
        }
        if let Some(GivenUp { phase: _, awaited, waited: _, lack: _ }) = given_up {
            *awaited = self.sentence(awaited);
        }
        if let Some(asked) = closed_instead {
            *asked = self.sentence(asked);
        }
    }

    fn failure(&self, failure: &mut Failure) {
        let without_quotes = |words: &mut String| *words = Redaction::without_quotes(words);
        let masked = |words: &mut String| *words = Redaction::masked(words);
        match failure {
            Failure::Unopened(_) | Failure::NoTunnel => {}
            Failure::ProxyTls { violation } => violation.iter_mut().for_each(without_quotes),
            Failure::Unencrypted { words, cut: _ } => {
                *words = words.as_deref().map(|words| self.redaction.said(words));
            }
            Failure::Injected { len: _, words } => words.iter_mut().for_each(masked),
            Failure::Handshake(Failed { is_no_choice: _, violation, unpinned, unmet: _, refusal: _ }) => {
                violation.iter_mut().for_each(without_quotes);
                unpinned.iter_mut().for_each(masked);
            }
        }
    }

    /// Replaces what names somebody.
    pub(super) fn outcome(mut self, outcome: CheckOutcome) -> CheckOutcome {
        let redaction = self.redaction;
        let CheckOutcome {
            host,
            port,
            zone,
            began,
            alerts,
            states,
            spent,
            steps,
            resolution,
            order,
            untried,
            tries_all_addresses,
            not_sent,
            proxy,
            connections,
            unmapped,
            captured,
            opaque,
            mut summary,
            token,
            page,
        } = outcome;
        // The device that was captured on has a name.
        if captured.is_some() {
            summary.about = redaction.about(&summary.about);
        }
        // What is quoted has to be known before the steps are looked at.
        let host = redaction.host(&host);
        let resolution = resolution.map(|resolution| self.resolution(resolution));
        let proxy = proxy.map(|proxy| self.proxy(proxy));
        let token = token.map(|token| self.token(token));
        let page = page.map(|page| self.page(page));
        CheckOutcome {
            host,
            port,
            zone: zone.map(|zone| redaction.host(&zone)),
            began,
            alerts,
            states,
            spent,
            steps: steps.into_iter().map(|step| self.step(step)).collect(),
            resolution,
            order: order.into_iter().map(|address| redaction.address(address)).collect(),
            untried: untried.into_iter().map(|address| redaction.address(address)).collect(),
            tries_all_addresses,
            not_sent: not_sent.into_iter().map(|(address, why)| (redaction.address(address), why)).collect(),
            proxy,
            connections,
            unmapped,
            captured: captured.map(|captured| captured.redacted(redaction)),
            opaque: opaque.map(|captured| captured.redacted(redaction)),
            summary,
            token,
            page,
        }
    }

    fn sentence(&self, sentence: &str) -> String {
        self.redaction.sentence(sentence, &self.phrases)
    }

    /// From now on these words of a peer are masked in sentences.
    fn quote(&mut self, words: &str) -> String {
        let masked = Redaction::masked(words);
        self.phrases.push((words.to_owned(), masked.clone()));
        masked
    }

    fn step(&self, step: Step) -> Step {
        let Step { number, at, phase, text, received } = step;
        Step { number, at, phase, text: self.sentence(&text), received }
    }

    fn resolution(&self, resolution: Resolution) -> Resolution {
        let redaction = self.redaction;
        let Resolution {
            name,
            outcome,
            rcode,
            failure,
            server,
            servers,
            canonical,
            family,
            faults,
            addresses,
            elapsed,
        } = resolution;
        let fault = |fault: ResolverFault| {
            let ResolverFault { server, record, rcode, cut } = fault;
            ResolverFault { server: redaction.socket(server), record, rcode, cut }
        };
        Resolution {
            name: redaction.host(&name),
            outcome,
            rcode,
            failure: failure.map(|failure| self.sentence(&failure)),
            server: server.map(|server| redaction.socket(server)),
            servers: servers.into_iter().map(|server| redaction.socket(server)).collect(),
            canonical: canonical.map(|name| redaction.host(&name)),
            family,
            faults: faults.into_iter().map(fault).collect(),
            addresses: addresses.into_iter().map(|address| redaction.address(address)).collect(),
            elapsed,
        }
    }

    /// What a proxy answered, without what names somebody.
    pub(super) fn tunnel(tunnel: Tunnel) -> Tunnel {
        let Tunnel { status, reply, schemes, is_page, target, unread } = tunnel;
        let masked = |scheme: String| if is_known(&scheme) { scheme } else { Redaction::masked(&scheme) };
        Tunnel {
            status,
            reply,
            schemes: schemes.into_iter().map(masked).collect(),
            is_page,
            target: target.map(|target| Redaction::masked(&target)),
            unread: unread.map(|why| Redaction::without_quotes(&why)),
        }
    }

    fn proxy(&mut self, proxy: ProxyUse) -> ProxyUse {
        let ProxyUse { kind, host, port, user, named_by, tunnel } = proxy;
        let tunnel = tunnel.map(|tunnel| {
            // The steps quote them too.
            for scheme in &tunnel.schemes {
                if !is_known(scheme) {
                    self.quote(scheme);
                }
            }
            Self::tunnel(tunnel)
        });
        ProxyUse {
            kind,
            host: self.redaction.host(&host),
            port,
            user: user.map(|user| Redaction::masked(&user)),
            named_by,
            tunnel,
        }
    }

    fn token(&mut self, token: Token) -> Token {
        if token.has_free_text() {
            self.quote(&token.outcome);
        }
        let Token {
            grant,
            path,
            status,
            outcome,
            description,
            expires_in,
            scope,
            quoted,
            unanswered,
            headline,
            explanation,
            advice,
        } = token;
        let quoted = quoted.iter().map(|words| self.quote(words)).collect();
        Token {
            grant,
            path: self.token_path(&path),
            status,
            description: description.map(|words| self.quote(&words)),
            expires_in,
            scope: scope.map(|words| self.quote(&words)),
            quoted,
            unanswered,
            // What is quoted in these is known by now.
            outcome: self.sentence(&outcome),
            headline: self.sentence(&headline),
            explanation: self.sentence(&explanation),
            advice,
        }
    }

    fn page(&mut self, page: PageAnswer) -> PageAnswer {
        let PageAnswer {
            path,
            status,
            is_expected,
            quoted,
            unanswered,
            next,
            is_followed,
            headline,
            explanation,
            advice,
        } = page;
        let quoted = quoted.iter().map(|words| self.quote(words)).collect();
        PageAnswer {
            path: self.redaction.path(&path),
            status,
            is_expected,
            quoted,
            unanswered,
            next,
            is_followed,
            headline: self.sentence(&headline),
            explanation: self.sentence(&explanation),
            advice,
        }
    }
}
