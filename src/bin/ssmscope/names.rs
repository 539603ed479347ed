//! Hosts that are selected by name: the capture itself is asked first. A resolver may not know the names of another network, and a
//! question shows its operator what is looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use ssmscope::analysis::{self, Judged, LookupSubject, Needs, Settings, Sink};
use ssmscope::capture::{Source, Target, split_port};
use ssmscope::limits;
use ssmscope::tcp::Role;

use crate::args::Selection;

/// The hosts that are selected by name, without their ports.
pub fn selected(selection: &Selection) -> Vec<String> {
    let hosts = selection.host.iter().map(|host| split_port(host).0);
    hosts.filter(|host| Target::is_name(host)).map(str::to_owned).collect()
}

/// What a capture calls by these names.
#[derive(Default)]
pub struct Named {
    /// Each name with its addresses. A text may have none.
    found: BTreeMap<String, BTreeSet<IpAddr>>,
    wanted: Vec<String>,
}

impl Named {
    /// Looks for names in a capture: in its text, in SNI, and in what resolvers answered.
    pub fn read(source: &mut dyn Source, wanted: Vec<String>, settings: &Settings) -> Self {
        let settings = Settings {
            keeps_timeline: false,
            keeps_samples: false,
            window: None,
            most_packets: None,
            logs: None,
            redaction: None,
            threads: 1,
            ..settings.clone()
        };
        let mut named = Self { found: BTreeMap::new(), wanted };
        // What can't be read is reported when it is read again.
        let Ok(summary) = analysis::analyse(source, Target::default(), &settings, &mut named) else {
            return named;
        };
        for name in named.wanted.clone() {
            summary.lookups.addresses_of(&name).for_each(|address| named.add(&name, Some(address)));
        }
        for question in &summary.unanswered {
            if let LookupSubject::Name(name, ..) = &question.subject {
                named.add(name, None);
            }
        }
        named
    }

    /// The addresses of a name; nothing if the capture does not have it.
    pub fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.found.get(&name.to_ascii_lowercase()).map(|addresses| addresses.iter().copied().collect())
    }

    /// Adds an address of a name. DNS ignores case (RFC 4343).
    fn add(&mut self, name: &str, address: Option<IpAddr>) {
        if self.wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)) {
            let addresses = self.found.entry(name.to_ascii_lowercase()).or_default();
            if addresses.len() < limits::COUNTED_ENDS {
                addresses.extend(address);
            }
        }
    }
}

impl Sink for Named {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let story = &judged.story;
        for role in [Role::Client, Role::Server] {
            if let Some(name) = story.names.get(story.parties[role].host) {
                self.add(&name.host, None);
            }
        }
        let hello = story.tls.client_hello.as_ref();
        if let Some(name) = hello.and_then(|hello| hello.what.server_name.as_deref()) {
            self.add(name, story.parties.server.host.address());
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::VERDICTS
    }
}
