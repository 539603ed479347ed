//! Values that several objects have.

use crate::packet::{Host, Names};
use crate::story::{Moment, Observed};
use crate::tcp::{PerRole, Role};
use crate::time::Elapsed;

pub(super) fn moment_of<T>(observed: Option<&Observed<T>>) -> Option<Moment> {
    observed.map(|observed| observed.moment)
}

/// The name of a host of which no address is known.
pub(super) fn name(names: &Names, host: Host) -> Option<String> {
    names.get(host).filter(|name| name.address.is_none()).map(|name| name.host.to_string())
}

pub(super) fn both<T>(of: impl Fn(Role) -> T) -> PerRole<T> {
    PerRole { client: of(Role::Client), server: of(Role::Server) }
}

pub(super) fn seconds(elapsed: Elapsed) -> f64 {
    elapsed.as_secs_f64()
}
