//! Every recorded situation in other forms: cut as vManage cuts packets, with an 802.1Q tag, and over IPv6. What
//! happened to the connection is the same, so the verdict must be.

use std::io::Cursor;
use std::path::Path;

use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Record, Target};

use crate::support::situations::{Situation, situations};

/// What vManage keeps of each packet, in bytes.
const SNAPLEN: usize = 128;

/// Situations of which cut packets show less: whether the server's flight ended is beyond the cut, so that nobody is named.
const SHOWN_IF_CUT: [(&str, &str); 4] = [
    ("handshake-stalled/plain", "handshake-stalled actor=unknown cause=-"),
    ("handshake-stalled/tls13-flight", "handshake-stalled actor=unknown cause=-"),
    ("handshake-stalled/client-tls12", "handshake-stalled actor=unknown cause=-"),
    ("handshake-stalled/client-tls13", "handshake-stalled actor=unknown cause=-"),
];

/// Situations that are judged wrongly from cut packets, and why.
const WRONG_IF_CUT: [(&str, &str); 3] = [
    (
        "handshake-stalled/pmtu-client-certificate-tls13",
        "the flight counts as received that nobody acknowledged",
    ),
    (
        "healthy/early-data-closed",
        "the early data is beyond the cut, and the answer is taken for the server's flight",
    ),
    ("tls-alert/no-common-alpn-rustls-rustls-tls13", "the alert is beyond the cut"),
];

/// Situations that are judged wrongly from whole packets.
const WRONG: [(&str, &str); 1] =
    [("handshake-stalled/pmtu-client-certificate-tls13", "the request after the lost flight counts")];

/// A captured frame that owns its bytes.
#[derive(Clone)]
pub struct Frame {
    pub nanos: i64,
    pub link_type: u32,
    pub wire_len: u32,
    pub bytes: Vec<u8>,
}

/// A situation whose capture is one file of frames, and the verdict that its README names.
pub struct Recording {
    pub name: String,
    verdict: String,
    pub frames: Vec<Frame>,
}

#[test]
fn cut_packets_lead_to_the_same_verdict() {
    let all = recordings();
    assert!(all.len() > 200, "only {} situations", all.len());
    compare(&all, &SHOWN_IF_CUT, &WRONG_IF_CUT, |frames| {
        Some(frames.iter().map(|frame| cut(frame.clone())).collect())
    });
}

#[test]
fn cut_packets_with_a_vlan_tag_lead_to_the_same_verdict() {
    compare(&recordings(), &SHOWN_IF_CUT, &WRONG_IF_CUT, |frames| {
        frames.iter().map(|frame| tagged(frame).map(cut)).collect()
    });
}

#[test]
fn cut_packets_over_ipv6_lead_to_the_same_verdict() {
    compare(&recordings(), &SHOWN_IF_CUT, &WRONG_IF_CUT, |frames| {
        frames.iter().map(|frame| over_ipv6(frame).map(cut)).collect()
    });
}

#[test]
fn whole_packets_over_ipv6_lead_to_the_same_verdict() {
    compare(&recordings(), &[], &WRONG, |frames| frames.iter().map(over_ipv6).collect());
}

/// Rewrites the situations, and compares code, actor and cause; where one can't be rewritten, it is left out. The stage is
/// the furthest point that shows, and may be an earlier one in what is left of a packet.
fn compare(
    recordings: &[Recording],
    if_cut: &[(&str, &str)],
    exceptions: &[(&str, &str)],
    rewrite: impl Fn(&[Frame]) -> Option<Vec<Frame>>,
) {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for recording in recordings {
        if exceptions.iter().any(|(name, _)| *name == recording.name) {
            continue;
        }
        let Some(frames) = rewrite(&recording.frames) else { continue };
        let found = judge(pcap(&frames));
        compared += 1;
        let expected = if_cut.iter().find(|(name, _)| *name == recording.name);
        let expected = expected.map_or(recording.verdict.as_str(), |(_, verdict)| verdict);
        if without_stage(&found) != without_stage(expected) {
            wrong.push(format!("{}: {found}, not {expected}", recording.name));
        }
    }
    assert!(compared > 100, "only {compared} situations were rewritten");
    assert!(wrong.is_empty(), "of {compared}:\n{}", wrong.join("\n"));
}

fn without_stage(verdict: &str) -> Vec<&str> {
    verdict.split(' ').filter(|word| !word.starts_with("stage=")).collect()
}

pub fn recordings() -> Vec<Recording> {
    let recording = |situation: Situation| {
        let frames = frames(&situation.frames()?);
        Some(Recording { name: situation.name, verdict: situation.verdict, frames })
    };
    situations().into_iter().filter_map(recording).collect()
}

fn frames(path: &Path) -> Vec<Frame> {
    let mut source = capture::open(&[path]).unwrap();
    let mut frames = Vec::new();
    // A damaged file is read up to where it is damaged.
    while let Ok(Some(record)) = source.next_record() {
        if let Record::Frame(frame) = record {
            frames.push(Frame {
                nanos: frame.at.nanos(),
                link_type: frame.link_type,
                wire_len: frame.wire_len,
                bytes: frame.bytes.to_vec(),
            });
        }
    }
    frames
}

fn cut(mut frame: Frame) -> Frame {
    frame.bytes.truncate(SNAPLEN);
    frame
}

const ETHERNET: u32 = 1;
const ADDRESSES: usize = 12;

/// With an 802.1Q tag of VLAN 100 after the addresses.
fn tagged(frame: &Frame) -> Option<Frame> {
    let mut frame = (frame.link_type == ETHERNET).then(|| frame.clone())?;
    frame.bytes.splice(ADDRESSES..ADDRESSES, [0x81, 0, 0, 100]);
    frame.wire_len += 4;
    Some(frame)
}

/// The same TCP segment in an IPv6 packet (RFC 8200, 3), its ports and bytes as they were; `None` if it is anything but TCP
/// over plain IPv4. The TCP checksum no longer fits, as with checksum offload.
fn over_ipv6(frame: &Frame) -> Option<Frame> {
    let (ethernet, ip) = frame.bytes.split_at_checked(ADDRESSES + 2)?;
    let (header, tcp) = ip.split_at_checked(20)?;
    if frame.link_type != ETHERNET || ethernet.get(ADDRESSES..)? != [8, 0] || header[0] != 0x45 {
        return None;
    }
    let total = u16::from_be_bytes([header[2], header[3]]);
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if is_fragment || header[9] != 6 {
        return None;
    }
    let mut bytes = ethernet[..ADDRESSES].to_vec();
    bytes.extend([0x86, 0xdd, 0x60 | header[1] >> 4, header[1] << 4, 0, 0]);
    bytes.extend((total - 20).to_be_bytes());
    bytes.extend([6, header[8]]);
    for address in [&header[12..16], &header[16..20]] {
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(address);
    }
    bytes.extend(tcp);
    Some(Frame { bytes, wire_len: frame.wire_len + 20, ..*frame })
}

/// The frames as a pcap of nanosecond times.
pub fn pcap(frames: &[Frame]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_3c4d_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(frames.first().map_or(ETHERNET, |frame| frame.link_type).to_le_bytes());
    for frame in frames {
        file.extend(((frame.nanos / 1_000_000_000) as u32).to_le_bytes());
        file.extend(((frame.nanos % 1_000_000_000) as u32).to_le_bytes());
        file.extend((frame.bytes.len() as u32).to_le_bytes());
        file.extend(frame.wire_len.to_le_bytes());
        file.extend(&frame.bytes);
    }
    file
}

/// The first connection's verdict, in the words of the READMEs.
#[derive(Default)]
struct First(Option<String>);

impl Sink for First {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
        let verdict = &judged.verdict;
        self.0.get_or_insert_with(|| {
            format!(
                "{} stage={} actor={} cause={}",
                verdict.code.name(),
                judged.story.stage,
                format!("{:?}", verdict.actor).to_lowercase(),
                verdict.cause.as_deref().unwrap_or("-")
            )
        });
        Ok(())
    }
}

fn judge(pcap: Vec<u8>) -> String {
    let mut source = capture::file::read("rewritten", 0, Cursor::new(pcap), None).unwrap();
    let mut first = First::default();
    let everything = Target::new(&[], &[], None).unwrap();
    analysis::analyse(&mut *source, everything, &Settings::default(), &mut first).unwrap();
    first.0.unwrap_or_default()
}
