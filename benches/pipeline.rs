//! The whole way of a capture: read, decode, follow, judge.
//!
//! `cargo bench` prints the time per run and the bytes per second, for a recorded exchange repeated on many ports.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ssmscope::analysis::{self, Judged, Settings, Sink};
use ssmscope::capture::{self, Record, Target};
use ssmscope::decode::Decoder;

/// Connections in the generated captures.
const CONNECTIONS: u16 = 1000;

/// Takes judged connections and forgets them.
struct Forget;

impl Sink for Forget {
    fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
        black_box(judged);
        Ok(())
    }
}

/// The recorded TLS 1.2 exchange over and over, each time from another client port.
fn many_connections() -> Vec<u8> {
    const GLOBAL_HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    // Ethernet 14, IPv4 20; then the source and the destination port.
    const PORTS: usize = 34;
    let recorded = include_bytes!("../testdata/healthy--tls12/capture.pcap");
    let mut all = recorded[..GLOBAL_HEADER].to_vec();
    for connection in 0..CONNECTIONS {
        let port = (10_000 + connection).to_be_bytes();
        let mut at = GLOBAL_HEADER;
        while let Some(header) = recorded.get(at..at + RECORD_HEADER) {
            let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
            let start = all.len() + RECORD_HEADER;
            all.extend_from_slice(&recorded[at..at + RECORD_HEADER + len]);
            let is_from_server = all[start + PORTS..start + PORTS + 2] == 8443u16.to_be_bytes();
            let client_port = start + PORTS + if is_from_server { 2 } else { 0 };
            all[client_port..client_port + 2].copy_from_slice(&port);
            at += RECORD_HEADER + len;
        }
    }
    all
}

fn whole_pipeline(criterion: &mut Criterion) {
    let bytes = many_connections();
    let mut group = criterion.benchmark_group("tls12");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    for keeps_timeline in [false, true] {
        let settings = Settings { keeps_timeline, ..Settings::default() };
        let name = if keeps_timeline { "judged with timelines" } else { "judged" };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut source =
                    capture::file::read("bench", 0, Cursor::new(bytes.clone()), None).expect("a capture");
                let target = Target::new(&[], &[], None).expect("no selection");
                analysis::analyse(&mut *source, target, &settings, &mut Forget).expect("nothing is written")
            });
        });
    }
    group.bench_function("read and decoded", |bencher| {
        bencher.iter(|| {
            let mut source =
                capture::file::read("bench", 0, Cursor::new(bytes.clone()), None).expect("a capture");
            let mut decoder = Decoder::new();
            while let Ok(Some(record)) = source.next_record() {
                if let Record::Frame(frame) = record {
                    black_box(decoder.decode(&frame));
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, whole_pipeline);
criterion_main!(benches);
