//! Whether a certificate is for the host that a client wanted.

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::certificate::Details;
use super::fault::Fault;
use super::wanted::{NameSource, Wanted};

/// What a client objects to in the names of a certificate.
pub(super) fn name_fault(der: Option<&Vec<u8>>, own: &Details, wanted: &Wanted) -> Option<Fault> {
    // A check is the client, and fails closed: a name that can't be compared fits no certificate, and a common name, which name
    // constraints don't cover, is no name (RFC 9525, 6.3). Other clients are more lenient, which is theirs to decide.
    let is_client = wanted.source == NameSource::Target;
    match ServerName::try_from(wanted.name.strip_suffix('.').unwrap_or(&wanted.name)) {
        Ok(name) if fits(der?, own, &name, !is_client) => return None,
        Err(_) if !is_client => return None,
        _ => {}
    }
    Some(Fault::NameMismatch {
        wanted: wanted.clone(),
        names: own.names.clone(),
        further_names: own.further_names,
        common_name: own.common_name.clone(),
    })
}

/// Whether a certificate is for a host.
fn fits(der: &[u8], own: &Details, name: &ServerName<'_>, by_common_name: bool) -> bool {
    let der = CertificateDer::from(der);
    // A certificate that webpki can't read, as of X.509's first version, has no alternative names.
    let fits = ParsedCertificate::try_from(&der).is_ok_and(|own| verify_server_name(&own, name).is_ok());
    let by_common_name = by_common_name && own.names.is_empty();
    let common_name = own.common_name.as_deref().filter(|_| by_common_name);
    fits || matches!((name, common_name), (ServerName::DnsName(name), Some(common)) if stands_for(common, name.as_ref()))
}

/// Whether a common name names a host, as OpenSSL and Java take it where there are no alternative names (RFC 6125,
/// 6.4.4): `*` is one label, the first.
fn stands_for(common: &str, host: &str) -> bool {
    if common.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(domain), Some((_, host_domain))) = (common.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    domain.contains('.') && domain.eq_ignore_ascii_case(host_domain)
}
