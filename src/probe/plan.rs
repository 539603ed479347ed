//! What is to be checked, and how.

use std::net::IpAddr;

use super::alerts::Alerts;
use super::http::tls::TlsPlan;
use super::net::dns::Family;
use super::page::Page;
use super::proxy::{Proxy, ProxyKind};
use super::secret::Secret;
use super::starttls::StartTls;
use super::states::States;
use super::token::Request as Token;
use crate::analysis::Settings;
use crate::time::Elapsed;

/// One attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The host's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The address to connect to, whatever the host's name resolves to.
    pub address: Option<IpAddr>,
    /// Names whose addresses are given: no resolver is asked for them.
    pub known: Vec<(String, IpAddr)>,
    /// The number of the interface to which a link-local address belongs.
    pub scope: Option<u32>,
    /// Its name, as the address was given.
    pub zone: Option<String>,
    /// Only addresses of this family.
    pub family: Option<Family>,
    /// Whether every address is tried, not only until one answers.
    pub tries_all_addresses: bool,
    /// Whether a server that is silent before TLS is established is waited for until the time is over, and not only for the stall
    /// time.
    pub is_patient: bool,
    /// How long all of it may take.
    pub timeout: Elapsed,
    /// Through this proxy.
    pub proxy: Option<Proxy>,
    /// The protocol in whose words the server is asked for TLS.
    pub starttls: Option<StartTls>,
    /// How TLS is spoken.
    pub tls: TlsPlan,
    /// A token is asked for.
    pub token: Option<Token>,
    /// A page is asked for.
    pub page: Option<Page>,
    /// When a server that answers is worth an alert.
    pub alerts: Alerts,
    /// Severities that replace those of verdicts and reasons.
    pub states: States,
    /// How what comes is judged.
    pub settings: Settings,
}

impl Plan {
    /// The names whose addresses are given and which are not looked up. What a proxy looks up itself is not.
    pub fn unused_known(&self) -> impl Iterator<Item = &str> {
        let known = self.known.iter().map(|(name, _)| name.as_str());
        known.filter(|name| !self.looked_up().any(|host| is_same_name(host, name)))
    }

    /// What is looked up here: the host, unless its address is given or a proxy does it; and the proxy.
    fn looked_up(&self) -> impl Iterator<Item = &str> {
        let by_proxy = self.proxy.as_ref().is_some_and(|proxy| proxy.kind != ProxyKind::Socks5);
        let host = Some(self.host.as_str()).filter(|_| self.address.is_none() && !by_proxy);
        host.into_iter().chain(self.proxy.as_ref().map(|proxy| proxy.host.as_str()))
    }

    /// The addresses that are given for a name.
    pub(super) fn known_addresses(&self, host: &str) -> Vec<IpAddr> {
        let known = self.known.iter().filter(|(name, _)| is_same_name(host, name));
        known.map(|(_, address)| *address).collect()
    }

    /// What must show in no output.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let proxy = self.proxy.as_ref().map(Proxy::secrets).unwrap_or_default();
        let token = self.token.as_ref();
        let client = token.map(|token| token.client_secret.clone());
        let user = token.and_then(|token| token.password.clone());
        let page = self.page.as_ref().map(|page| page.request.secrets()).unwrap_or_default();
        proxy.into_iter().chain(client).chain(user).chain(page).collect()
    }
}

/// Whether two names are one: a final dot makes no other name.
fn is_same_name(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}
