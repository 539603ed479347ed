//! TLS with the proxy itself, before it is asked for a tunnel: the dialogue with it, and the tunnel, are inside.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::Error;

use super::named::{Proxy, ProxyKind};
use crate::cert::{Anchors, NameSource, Wanted};
use crate::probe::http::demands::Demands;
use crate::probe::http::tls::{Handshake, Peer, Tls, TlsPlan};
use crate::probe::http::verifier::Accepted;
use crate::probe::net::socket::Channel;
use crate::story::EndpointKnowledge;

/// How TLS is spoken with a proxy.
pub(in crate::probe) struct ProxyTls {
    tls: Tls,
    plan: TlsPlan,
}

/// Why there is none, as far as packets do not show it.
pub(in crate::probe) struct Refused {
    /// What the client's end knows of the handshake.
    pub(in crate::probe) knowledge: EndpointKnowledge,
    /// What of the proxy's bytes is no TLS.
    pub(in crate::probe) violation: Option<String>,
}

impl ProxyTls {
    /// With a proxy whose certificate is to lead to one of these authorities; nothing for one that speaks no TLS. What is accepted of
    /// the server's certificate is not accepted of the proxy's, since that gets the user's password.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub(in crate::probe) fn of(proxy: &Proxy, anchors: &Arc<Anchors>) -> Result<Option<Self>, Error> {
        if proxy.kind != ProxyKind::Https {
            return Ok(None);
        }
        let is_name = proxy.host.parse::<IpAddr>().is_err();
        let plan = TlsPlan {
            versions: vec![&rustls::version::TLS13, &rustls::version::TLS12],
            server_name: is_name.then(|| proxy.host.clone()),
            wanted: proxy.host.clone(),
            protocols: Vec::new(),
            anchors: Arc::clone(anchors),
            accepted: Accepted::default(),
            pins: Vec::new(),
            demands: Demands::default(),
            identity: None,
            resumes: false,
        };
        Ok(Some(Self { tls: Tls::new(&plan, Peer::Proxy)?, plan }))
    }

    /// Performs the handshake. From then on, everything on the channel is inside it.
    pub(in crate::probe) fn open(&self, channel: &mut Channel<'_>) -> Result<(), Box<Refused>> {
        let (handshake, knowledge) = self.tls.shake_hands(&self.plan, channel, false);
        match handshake {
            Handshake::Complete(established, _) => {
                channel.wrap(established);
                Ok(())
            }
            Handshake::Failed(failed) => {
                let wanted = Wanted { name: self.plan.wanted.clone(), source: NameSource::Target };
                let knowledge = EndpointKnowledge { wanted: Some(wanted), ..knowledge };
                Err(Box::new(Refused { knowledge, violation: failed.violation }))
            }
        }
    }
}
