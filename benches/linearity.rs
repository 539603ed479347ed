//! How cost and memory grow with a capture: prints the table of docs/performance.md and draws docs/performance.svg.
//!
//! `cargo bench --bench linearity` makes captures of three kinds in several sizes, up to a gigabyte, and reads each with the
//! command itself. Time is the processor's, user and system together, so other load on the machine matters little.

mod workload;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use workload::Workload;

/// A kind of capture by its size.
type Made = fn(u64) -> Workload;

/// What one run took.
struct Point {
    megabytes: f64,
    seconds: f64,
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("capture.pcap");
    let kinds: [(&str, Made, &[u64]); 4] = [
        ("TLS connections", Workload::Connections, &[1_000, 2_900, 29_000, 288_000]),
        ("SYNs of a scan", Workload::Scan, &[1_000, 10_000, 100_000, 1_000_000, 3_000_000]),
        ("segments of a transfer", Workload::Bulk, &[6_600, 66_000, 660_000]),
        ("TLS connections, one in 1,000 selected", Workload::Needle, &[2_900, 29_000, 288_000]),
    ];
    println!("| capture | size | CPU time | per MB |\n| --- | --- | --- | --- |");
    let mut curves = Vec::new();
    for (name, workload, counts) in kinds {
        let mut points = Vec::new();
        for count in counts {
            let mut out = BufWriter::new(File::create(&path).expect("a file"));
            workload::write(workload(*count), &mut out).and_then(|()| out.flush()).expect("room for it");
            let megabytes = fs::metadata(&path).expect("it was written").len() as f64 / 1e6;
            let seconds = run(&path, workload(1) == Workload::Needle(1));
            println!(
                "| {count} {name} | {megabytes:.1} MB | {seconds:.2} s | {:.2} ms |",
                seconds * 1e3 / megabytes
            );
            points.push(Point { megabytes, seconds });
        }
        curves.push((name, points));
    }
    let plot = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.svg");
    fs::write(plot, svg(&curves)).expect("the plot");
}

/// Processor time for one reading, in seconds: the best of three, since the first finds caches cold.
fn run(path: &Path, selects: bool) -> f64 {
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is known");
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
    };
    let once = || {
        let before = spent();
        let status = Command::new(env!("CARGO_BIN_EXE_ssmscope"))
            .args(["read", "--output", "nagios"])
            .args(if selects { &["--host", "203.0.113.10", "--port", "8443"][..] } else { &[] })
            .arg(path)
            .stdout(Stdio::null())
            .status()
            .expect("it starts");
        assert!(status.code().is_some());
        spent() - before
    };
    once().min(once()).min(once())
}

/// Both axes are logarithmic: a straight line that rises as the dotted one does is linear growth.
fn svg(curves: &[(&str, Vec<Point>)]) -> String {
    const LEFT: f64 = 60.0;
    const TOP: f64 = 20.0;
    const DECADE: f64 = 100.0;
    // 0.01 MB to 1,000 MB, 1 ms to 10 s.
    let x = |megabytes: f64| LEFT + (megabytes.log10() + 2.0) * DECADE;
    let y = |seconds: f64| TOP + (1.0 - seconds.max(1e-3).log10()) * DECADE;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 600 450\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"600\" height=\"450\" fill=\"white\"/>\n",
    );
    let mut put = |line: String| {
        let _ = writeln!(svg, "{line}");
    };
    for decade in -2..=3 {
        let (at, label) = (x(10f64.powi(decade)), 10f64.powi(decade));
        put(format!("<path d=\"M{at:.0} {TOP}V{:.0}\" stroke=\"#ddd\"/>", y(1e-3)));
        put(format!(
            "<text x=\"{at:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{label} MB</text>",
            y(1e-3) + 18.0
        ));
    }
    for decade in -3..=1 {
        let (at, label) = (y(10f64.powi(decade)), 10f64.powi(decade));
        put(format!("<path d=\"M{LEFT} {at:.0}H{:.0}\" stroke=\"#ddd\"/>", x(1e3)));
        put(format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{label} s</text>",
            LEFT - 6.0,
            at + 4.0
        ));
    }
    put(format!(
        "<path d=\"M{:.0} {:.0}L{:.0} {:.0}\" stroke=\"#999\" stroke-dasharray=\"2 4\"/>",
        x(1.0),
        y(0.003),
        x(1e3),
        y(3.0)
    ));
    for (index, ((name, points), color)) in
        curves.iter().zip(["#1b6ca8", "#c0392b", "#2e7d32", "#8e44ad"]).enumerate()
    {
        let path: Vec<_> =
            points.iter().map(|point| format!("{:.1} {:.1}", x(point.megabytes), y(point.seconds))).collect();
        put(format!("<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>", path.join("L")));
        for point in points {
            put(format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"/>",
                x(point.megabytes),
                y(point.seconds)
            ));
        }
        put(format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{color}\">{name}</text>",
            LEFT + 12.0,
            TOP + 16.0 + 18.0 * index as f64
        ));
    }
    svg.push_str("</svg>\n");
    svg
}
