//! What a packet carries, as its row and its details show it.

use super::Gatherer;
use crate::capture::transcript::tcpdump::CUT;
use crate::capture::transcript::tools::packet::{ToolContent, ToolError, ToolIp, ToolPacket, ToolSegment};
use crate::capture::transcript::tools::wireshark::above::{
    first_line, icmp_error, neighbour, speaker, usual_sizes,
};
use crate::capture::transcript::tools::wireshark::detail::Detail;
use crate::capture::transcript::tools::wireshark::edge::Reach;
use crate::capture::transcript::tools::wireshark::info::Info;
use crate::capture::transcript::tools::wireshark::pending::{is_cut_error, is_cut_name};
use crate::capture::transcript::tools::wireshark::protocols::{Layer, layer};
use crate::capture::transcript::tools::wireshark::row::Row;
use crate::capture::transcript::tools::wireshark::streams::{MOST_HEADERS, Segment};
use crate::packet::{Flags, PART, SELECTED};

/// What goes with a segment that its stream completes.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub packet: ToolPacket,
    /// The window as in the header, where the details show it.
    pub window: Option<u16>,
    pub printed: Option<String>,
    pub decoded: String,
    /// An error whose target the streams may know.
    pub is_segment: bool,
}

impl Gatherer {
    /// Hands the packet to its stream, or passes it by.
    pub(super) fn add(
        &mut self,
        mut packet: ToolPacket,
        row: &Row<'_>,
        info: Info<'_>,
        detail: Option<&Detail>,
        reach: Reach,
    ) {
        let detail_tcp = detail.and_then(|detail| detail.headers.tcp.as_ref());
        let protocol = if row.protocol.is_empty() {
            detail.map_or("", |detail| detail.protocol.as_str())
        } else {
            row.protocol
        };
        let kind = layer(protocol);
        let is_over_tcp = matches!(kind, Layer::Tcp | Layer::Tls | Layer::OverTcp)
            || info.flags.is_some()
            || detail_tcp.is_some()
            || (matches!(kind, Layer::Either | Layer::Other)
                && self.streams.knows(&packet.hosts.0, &packet.hosts.1));
        if let Some(error) = detail.and_then(detail_error).or_else(|| icmp_error(protocol, row.info)) {
            packet.content = ToolContent::Error(self.about(error, &packet));
            self.streams.pass(Extra { packet, ..Extra::default() });
            return;
        }
        if !is_over_tcp && detail.is_some_and(Detail::is_cut_before_tcp) {
            packet.content = ToolContent::Segment(ToolSegment::default());
            self.streams.pass(Extra { packet, ..Extra::default() });
            return;
        }
        if !is_over_tcp {
            packet.content = if kind == Layer::Icmp && is_cut_error(row.info) {
                ToolContent::Unread(CUT.to_owned())
            } else {
                neighbour(row.info)
                    .filter(|_| matches!(kind, Layer::Neighbour | Layer::Icmp))
                    .unwrap_or_else(|| ToolContent::Other(protocol.to_owned()))
            };
            self.streams.pass(Extra { packet, ..Extra::default() });
            return;
        }
        let has_flags = detail_tcp.is_some_and(|tcp| tcp.flags.is_some());
        let is_cut = info.is_cut() || row.info.is_empty() && detail_tcp.is_none();
        // Whatever a long row would say, its frame has data.
        let has_data = row.length.is_some_and(|len| len > MOST_HEADERS);
        if protocol == "TCP" && is_cut && !has_flags && !has_data && packet.dump.is_none() {
            self.cut += 1;
            packet.content = ToolContent::Unread(String::new());
            self.streams.pass(Extra { packet, ..Extra::default() });
            return;
        }
        let (mut words, mut words_protocol) = (info.rest, protocol);
        if words.starts_with('[') && !words.contains(']') {
            // A remark that was cut.
            words = "";
        }
        let mut segment = of_row(&packet, row, info, detail);
        // A row may say more of the same, such as the server's name.
        if let Some(detail) = detail
            && !detail.words.is_empty()
            && !words.starts_with(detail.words.as_str())
        {
            (words, words_protocol) = (detail.words.as_str(), detail.protocol.as_str());
        }
        let decoded = self.decoded(&packet, row, &segment, (words_protocol, words), reach);
        segment.speaker = speaker(words_protocol, words);
        segment.usual_sizes = if reach == Reach::Short { usual_sizes(words_protocol, words) } else { &[] };
        let extra = Extra {
            packet,
            window: detail_tcp.and_then(|tcp| tcp.window),
            printed: first_line(words_protocol, words),
            decoded,
            is_segment: true,
        };
        self.streams.take(segment, extra);
    }

    /// What the row decodes of a segment, whose protocol and words these are.
    fn decoded(
        &self,
        packet: &ToolPacket,
        row: &Row<'_>,
        segment: &Segment,
        (words_protocol, words): (&str, &str),
        reach: Reach,
    ) -> String {
        if matches!(layer(words_protocol), Layer::Tls) && !words.is_empty() {
            // More messages may have followed.
            let is_open = reach != Reach::Short || is_cut_name(words) || words.ends_with(',');
            format!("{words_protocol}: {words}{}", if is_open { "\u{2026}" } else { "" })
        } else if segment.analysis.is_part && words.is_empty() && row.info.contains("segment of") {
            PART.to_owned()
        } else if self.is_selective && segment.flags.is_some_and(|flags| flags.syn() && !flags.ack())
            || segment.analysis.is_retransmission && !self.streams.knows(&packet.hosts.0, &packet.hosts.1)
        {
            SELECTED.to_owned()
        } else {
            String::new()
        }
    }

    /// The error with the packet that it can only be about.
    fn about(&mut self, mut error: ToolError, packet: &ToolPacket) -> ToolError {
        if error.target.is_none() {
            // RFC 792 and RFC 4443, 3.2: what is too big is data.
            let is_data =
                if error.is_v6 { error.icmp_type == 2 } else { (error.icmp_type, error.code) == (3, 4) };
            if let Some((target, ports)) = self.streams.unanswered(&packet.hosts.1, packet.nanos(), is_data) {
                error.target = Some(target);
                error.ports =
                    ports.map_or((None, None), |(source, destination)| (Some(source), Some(destination)));
            }
        }
        error
    }
}

/// The segment of a packet: what its row shows, and what its details add.
fn of_row(packet: &ToolPacket, row: &Row<'_>, info: Info<'_>, detail: Option<&Detail>) -> Segment {
    let detail = detail.and_then(|detail| detail.headers.tcp.as_ref());
    let own = |(source, destination): (&str, &str)| (source.to_owned(), destination.to_owned());
    let mut segment = Segment {
        source: packet.hosts.0.clone(),
        destination: packet.hosts.1.clone(),
        ports: info.ports.or(row.ports).map(own).or_else(|| detail.map(|tcp| tcp.ports.clone())),
        flags: info.flags,
        seq: info.seq,
        ack: info.ack,
        window: info.window,
        payload_len: info.payload_len,
        frame_len: packet.wire_len,
        options: info.options,
        analysis: info.analysis,
        speaker: None,
        usual_sizes: &[],
        nanos: packet.nanos(),
    };
    if let Some(tcp) = detail {
        // Folded details show no flags but that it acknowledges.
        segment.flags = segment.flags.or(tcp.flags).or(tcp.ack.map(|_| Flags(Flags::ACK)));
        segment.seq = segment.seq.or(tcp.seq);
        segment.ack = segment.ack.or(tcp.ack);
        segment.payload_len = segment.payload_len.or(tcp.payload_len);
        if segment.options.bytes.is_empty() {
            segment.options = tcp.options.clone();
        }
    }
    segment
}

/// A packet with the segment that its stream completed.
pub(super) fn completed(segment: Segment, extra: Extra) -> ToolPacket {
    let Extra { mut packet, window, printed, decoded, is_segment } = extra;
    if is_segment {
        packet.content = ToolContent::Segment(ToolSegment {
            ports: segment.ports,
            flags: segment.flags,
            seq: segment.seq,
            ack: segment.ack,
            window: window.or_else(|| segment.window.and_then(|window| window.try_into().ok())),
            urgent: None,
            header_len: None,
            payload_len: segment.payload_len,
            is_length_unknown: false,
            options: segment.options.bytes,
            printed: printed.unwrap_or_default().into_bytes(),
            decoded,
        });
    }
    packet
}

pub(super) fn hosts(row: &Row<'_>, detail: Option<&Detail>) -> (String, String) {
    let host = |row: &str, detail: Option<&String>| match detail {
        // The details may show the address of a name.
        Some(host) if !host.is_empty() => host.clone(),
        _ => row.to_owned(),
    };
    let headers = detail.map(|detail| &detail.headers);
    (
        host(row.source, headers.map(|headers| &headers.source)),
        host(row.destination, headers.map(|headers| &headers.destination)),
    )
}

pub(super) fn ip(detail: &Detail) -> ToolIp {
    let headers = &detail.headers;
    ToolIp { hop_limit: headers.hop_limit, id: headers.id, total_len: headers.total_len }
}

fn detail_error(detail: &Detail) -> Option<ToolError> {
    let (icmp, quoted) = (detail.icmp?, detail.quoted.as_ref()?);
    let ports = quoted.tcp.as_ref().map(|tcp| tcp.ports.clone());
    Some(ToolError {
        icmp_type: icmp.kind?,
        code: icmp.code.unwrap_or(0),
        is_v6: quoted.source.contains(':'),
        mtu: icmp.mtu,
        target: Some(quoted.destination.clone()),
        protocol: quoted.tcp.as_ref().map(|_| 6),
        ports: ports.map_or((None, None), |(source, destination)| (Some(source), Some(destination))),
        quoted_len: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::script::{ROW, read, segment};
    use super::*;

    #[test]
    fn messages_of_tls_and_the_text_of_others_go_with_their_segments() {
        let packets = read(
            "1 0.5 192.0.2.1 → 198.51.100.5 TLSv1 583 Client Hello (SNI=ssm.example.net)\n\
             2 0.6 198.51.100.5 → 192.0.2.1 TLSv1.2 144 [TCP Previous segment not captured] , Server Hello, Certificate, Server\n\
             Hello Done\n\
             3 0.7 192.0.2.9 → 198.51.100.5 HTTP 120 CONNECT ssm.example.net:443 HTTP/1.1 \n",
        );
        let decoded: Vec<_> = packets.iter().map(|packet| segment(packet).decoded.as_str()).collect();
        assert_eq!(
            decoded,
            [
                "TLSv1: Client Hello (SNI=ssm.example.net)",
                "TLSv1.2: Server Hello, Certificate, Server Hello Done",
                ""
            ]
        );
        assert_eq!(segment(&packets[2]).printed, b"CONNECT ssm.example.net:443 HTTP/1.1\r\n");
    }

    #[test]
    fn where_rows_show_no_length_the_acknowledgement_does() {
        let packets = read(
            "192.0.2.1  198.51.100.5  TCP  50000 > https [SYN] Seq=0 ...\n\
             198.51.100.5  192.0.2.1  TCP  https > 50000 [SYN, ACK] Seq=0 Ack=1 ...\n\
             192.0.2.1  198.51.100.5  TLSv1  Client Hello\n\
             198.51.100.5  192.0.2.1  TCP  https > 50000 [ACK] Seq=1 Ack=398\n\
             198.51.100.5  192.0.2.1  TLSv1  Server Hello, Certificate, Server Hello Done\n\
             192.0.2.1  198.51.100.5  TCP  50000 > https [ACK] Seq=398 Ack=1134\n",
        );
        let lengths: Vec<_> = packets.iter().map(|packet| segment(packet).payload_len).collect();
        assert_eq!(lengths[2..5], [Some(397), None, Some(1133)]);
        assert_eq!(segment(&packets[2]).decoded, "TLSv1: Client Hello");
    }

    #[test]
    fn an_error_names_the_only_syn_that_it_can_be_about() {
        let packets = read(&format!(
            "{ROW}\n2 0.6 192.0.2.254 → 192.0.2.1 ICMP 102 Destination unreachable (Host unreachable)"
        ));
        let ToolContent::Error(error) = &packets[1].content else { panic!("an error") };
        assert_eq!((error.icmp_type, error.code, error.target.as_deref()), (3, 1, Some("198.51.100.5")));
        assert_eq!(error.ports, (Some("50000".to_owned()), Some("443".to_owned())));
    }
}
