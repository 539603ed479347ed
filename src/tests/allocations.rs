//! What the packets of a quiet connection cost: nothing is allocated for them.

#[path = "../../benches/workload/mod.rs"]
mod workload;

use std::alloc::System;
use std::io::{self, Cursor};

use ssmscope::analysis::{self, Event, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Target};
use ssmscope::limits;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use workload::{Workload, made};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Counts what is allocated from one packet to another.
struct Counter {
    packets: u64,
    from: u64,
    to: u64,
    region: Option<Region<'static, System>>,
    stats: Option<Stats>,
}

impl Sink for Counter {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let Event::Packet(_) = event else { return Ok(()) };
        self.packets += 1;
        if self.packets == self.from {
            self.region = Some(Region::new(ALLOCATOR));
        }
        if self.packets == self.to {
            self.stats = self.region.as_ref().map(Region::change);
        }
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        assert!(!judged.verdict.headline.is_empty());
        Ok(())
    }
}

/// Allocations and reallocations while these packets of a capture are analysed.
fn allocations(capture: &[u8], from: u64, to: u64) -> usize {
    let mut counter = Counter { packets: 0, from, to, region: None, stats: None };
    let mut source = capture::file::read("made", 0, Cursor::new(capture.to_vec()), None).expect("a capture");
    let everything = Target::new(&[], &[], None).expect("no selection");
    let settings = Settings { keeps_timeline: false, ..Settings::default() };
    analysis::analyse(source.as_mut(), everything, &settings, &mut counter).expect("nothing is written");
    let stats = counter.stats.expect("so many packets");
    stats.allocations + stats.reallocations
}

/// One test, since the allocator is the whole process's.
#[test]
fn nothing_is_allocated_for_a_packet_after_the_handshake() {
    let transfer = made(Workload::Bulk(30_000));
    // Up to the first report of progress, which names the files.
    assert_eq!(allocations(&transfer, 500, 4_000), 0);
    let with_reports = allocations(&transfer, 500, 40_000);
    assert!(with_reports < 200, "{with_reports}");
    // Nor for a SYN of a scan, but that the tables of connections grow now and then.
    let with_growth = allocations(&made(Workload::Scan(4_000)), 500, 4_000);
    assert!(with_growth < 20 * limits::SHARES, "{with_growth}");
    // The counter counts: other connections that begin take room.
    let connections = made(Workload::Connections(200));
    assert!(allocations(&connections, 500, 2_000) > 1_000);
    assert!(allocations(&made(Workload::Needle(200)), 500, 2_000) > 1_000);
}
