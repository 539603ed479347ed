//! Lines of a service itself, after syslog's prefix or without one.

use super::{AccessFormat, Entry, haproxy, nginx_access, nginx_error, ssm};

/// Reads one line. `formats` are access logs' formats that are tried first.
pub(super) fn read<'a>(text: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    formats
        .iter()
        .find_map(|format| format.read(text))
        .or_else(|| nginx_error::read(text))
        .or_else(|| nginx_access::read(text))
        .or_else(|| ssm::read(text))
        .or_else(|| haproxy::read(text))
}
