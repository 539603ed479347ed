//! What each part of the way costs: the whole of it for each kind of capture, then its parts by themselves.
//!
//! `cargo bench --bench pipeline` prints the time per run and the bytes, packets or connections per second.

mod workload;

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Record, Target};
use ssmscope::decode::Decoder;
use ssmscope::packet::{Content, Segment};
use ssmscope::tcp::{Delivery, Role, TcpConnection};
use ssmscope::time::Timestamp;
use ssmscope::tls::Tracker;
use workload::{Workload, made};

/// Takes judged connections and forgets them.
struct Forget;

impl Sink for Forget {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
        black_box(judged);
        Ok(())
    }
}

fn analyse(bytes: &[u8], target: &Target, keeps_timeline: bool) {
    let settings = Settings { keeps_timeline, ..Settings::default() };
    let mut source = source(bytes);
    analysis::analyse(&mut *source, target.clone(), &settings, &mut Forget).expect("nothing is written");
}

fn source(bytes: &[u8]) -> Box<dyn capture::Source> {
    capture::file::read("bench", 0, Cursor::new(bytes.to_vec()), None).expect("a capture")
}

fn whole_pipeline(criterion: &mut Criterion) {
    let everything = Target::default();
    let one = Target::new(&["203.0.113.10".to_owned()], &[8443], None).expect("an address");
    let mut group = criterion.benchmark_group("pipeline");
    group.sample_size(20);
    for (name, workload, target, keeps_timeline) in [
        ("connections", Workload::Connections(2_000), &everything, false),
        ("connections with timelines", Workload::Connections(2_000), &everything, true),
        ("needle", Workload::Needle(2_000), &one, true),
        ("scan", Workload::Scan(50_000), &everything, false),
        ("bulk", Workload::Bulk(20_000), &everything, false),
    ] {
        let bytes = made(workload);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| analyse(&bytes, target, keeps_timeline)));
    }
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let bytes = made(Workload::Connections(1_000));
    let mut group = criterion.benchmark_group("parts");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    group.bench_function("reader", |bencher| {
        bencher.iter(|| {
            let mut source = source(&bytes);
            while let Ok(Some(record)) = source.next_record() {
                black_box(&record);
            }
        });
    });
    group.bench_function("reader and decode", |bencher| {
        bencher.iter(|| {
            let (mut source, mut decoder) = (source(&bytes), Decoder::new());
            while let Ok(Some(record)) = source.next_record() {
                if let Record::Frame(frame) = record {
                    black_box(decoder.decode(&frame));
                }
            }
        });
    });
    group.finish();
    let segments = segments(&made(Workload::Connections(1)));
    let mut group = criterion.benchmark_group("connection");
    group.throughput(Throughput::Elements(segments.len() as u64));
    group.bench_function("reassembly", |bencher| bencher.iter(|| follow(&segments, &mut |_, _| {})));
    group.bench_function("reassembly and TLS", |bencher| {
        bencher.iter(|| {
            let mut tracker = Tracker::new(true, true, 8443);
            follow(&segments, &mut |role, delivery| {
                tracker.take(role, &delivery, &mut |event| {
                    black_box(event);
                });
            });
        });
    });
    group.finish();
}

/// A segment that is kept.
type Kept = (ssmscope::packet::SegmentHeader, Vec<u8>);

fn segments(bytes: &[u8]) -> Vec<Kept> {
    let (mut source, mut decoder) = (source(bytes), Decoder::new());
    let mut segments = Vec::new();
    while let Ok(Some(record)) = source.next_record() {
        let Record::Frame(frame) = record else { continue };
        if let Content::Segment(segment) = decoder.decode(&frame).content {
            segments.push((*segment.header, segment.payload.to_vec()));
        }
    }
    segments
}

fn follow(segments: &[Kept], deliver: &mut dyn FnMut(Role, Delivery<'_>)) {
    let mut connection = TcpConnection::new(&segments[0].0, Role::Client);
    for (number, (header, payload)) in segments.iter().enumerate() {
        let segment = Segment { header, payload, printed: &[], decoded: "" };
        black_box(connection.observe(number as u64, Timestamp::ZERO, &segment, deliver));
    }
}

criterion_group!(benches, whole_pipeline, parts);
criterion_main!(benches);
