//! Large logs, in time and memory. `LOG_MEGABYTES=1000 cargo test --release --lib log::tests::size` writes a gigabyte of each.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use super::super::LogSettings;
use super::super::tie::{TieSettings, tie};
use super::world::{Plan, make};
use crate::time::Timestamp;

/// The size up to which a test run without optimisation need not be fast.
const SMALL: u64 = 2_000_000;

/// Bytes of each log.
fn size() -> u64 {
    let megabytes = std::env::var("LOG_MEGABYTES").ok();
    megabytes.map_or(SMALL, |text| text.parse::<u64>().expect("a number of megabytes") * 1_000_000)
}

/// Writes days of a busy host's log: a world's lines again and again, each time a day later, with noise between them.
fn write(path: &Path, size: u64, first_day: i64, line: impl Fn(i64, u64) -> String) -> std::io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    let (mut written, mut number) = (0, 0);
    while written < size {
        let text = line(first_day + number as i64 * 37_000_000, number);
        file.write_all(text.as_bytes())?;
        written += text.len() as u64;
        number += 1;
    }
    file.flush()?;
    Ok(number)
}

fn civil(nanos: i64, format: &str) -> String {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(nanos)).expect("a time");
    instant.to_zoned(jiff::tz::TimeZone::UTC).strftime(format).to_string()
}

/// Peak of the resident memory, in MiB (proc(5), `VmHWM`).
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn vmanage(at: i64, number: u64) -> String {
    let stamp = format!("{},{:03} IST", civil(at, "%d-%b-%Y %H:%M:%S"), at / 1_000_000 % 1000);
    let thread = number % 97;
    match number % 40 {
        0 => format!(
            "{stamp} ERROR [um8_vManage] [RestAPIClient] (default task-{thread}) |default| Failed to query Exception - :java.net.SocketTimeoutException: Read timed out\n\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)\n\tat java.base/sun.nio.ch.NioSocketImpl.implRead(NioSocketImpl.java:314)\nCaused by: java.net.SocketTimeoutException: Read timed out\n"
        ),
        1..5 => format!(
            "{stamp} INFO [um8_vManage] [SmartLicensingUtil] (default task-{thread}) |default| Query https://10.106.66.55:8443/oauth/token\n"
        ),
        _ => format!(
            "{stamp} INFO  [um8_vManage] [DeviceActionStatusDAO] (device-action-{thread}) |default| Updating the status of device 10.1.{}.{} in the database\n",
            number % 200,
            thread
        ),
    }
}

fn messages(at: i64, number: u64) -> String {
    let prefix = civil(at, "%b %e %H:%M:%S SSM-On-Prem");
    match number % 12 {
        0 => format!(
            "{prefix} 504f06c0d581: 10.66.{}.{} - - [{}] \"POST /oauth/token HTTP/1.1\" 401 53 \"-\" \"Java/17.0.15\"\n",
            number % 250,
            number % 99,
            civil(at, "%d/%b/%Y:%H:%M:%S +0000")
        ),
        1 => format!(
            "{prefix} 1a1fca641d0a: method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create status=401 duration=23.91 view=0.21 db=3.05\n"
        ),
        2 => format!(
            "{prefix} b09c1e3b5d81: 1:M {} * 100 changes in 300 seconds. Saving...\n",
            civil(at, "%d %b %Y %H:%M:%S.049")
        ),
        _ => format!(
            "{prefix} 1a1fca641d0a: [active_model_serializers] Rendered ActiveModel::Serializer::CollectionSerializer with ActiveModelSerializers::Adapter::Attributes (3.1ms)\n"
        ),
    }
}

#[test]
fn a_gigabyte_is_read_in_ten_seconds_and_256_mib() {
    let size = size();
    let folder = tempfile::tempdir().expect("a folder");
    let world = make(&Plan::new(1));
    let start = world.wire.span.0.nanos();
    for (name, line) in [("vmanage-server.log", vmanage as fn(i64, u64) -> String), ("messages", messages)] {
        let path = folder.path().join(name);
        let lines = write(&path, size, start - 86_400_000_000_000, line).expect("a file");
        for window in [Some(world.wire.span), None] {
            let settings =
                LogSettings { near: Some(Timestamp::from_nanos(start)), window, ..LogSettings::default() };
            let begun = Instant::now();
            let logs = super::super::read(&[&path], &settings).expect("logs");
            let read = begun.elapsed();
            let ties = tie(&logs, &world.wire, &TieSettings::default());
            let took = begun.elapsed();
            let peak = peak().unwrap_or_default();
            println!(
                "{name}: {lines} lines, {read:?} to read, {took:?} in all, {peak} MiB, {} attempts, {} tied",
                logs.attempts.len(),
                ties.ties.len()
            );
            assert_eq!(logs.files[0].placed, logs.files[0].lines);
            // Other tests share the process, and its peak, where none is chosen.
            let is_chosen = size > SMALL;
            assert!(!is_chosen || (took.as_secs() < 10 && peak <= 256), "{took:?}, {peak} MiB");
        }
        std::fs::remove_file(&path).expect("a file");
    }
}
