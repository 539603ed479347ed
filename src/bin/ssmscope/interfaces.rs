//! `ssmscope interfaces`: what can be captured on.

use std::io::Write;

use ssmscope::capture::live::devices;
use ssmscope::report::grid;
use ssmscope::verdict::Status;

use crate::exit;
use crate::system::privileges;

/// Runs the command and returns its exit status.
pub fn run(netns: Option<&str>) -> anyhow::Result<Status> {
    if let Some(name) = netns {
        privileges::enter_namespace(name)?;
    }
    let devices = devices()?;
    if devices.is_empty() {
        exit::complain("ssmscope: libpcap lists no interface; capturing may need CAP_NET_RAW");
        return Ok(Status::Unknown);
    }
    let mut table = grid::grid(["Interface", "State", "Addresses", "Description"], &[]);
    for device in devices {
        let description = device.description.unwrap_or_default();
        table.add_row([device.name, device.state, device.addresses.join(" "), description]);
    }
    let mut out = anstream::stdout().lock();
    write!(out, "{}", grid::text(&table))?;
    out.flush()?;
    Ok(Status::Ok)
}
