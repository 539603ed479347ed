//! Every bound in the program, with its reason. Reaching one is always reported.
//!
//! Long because a reviewer sees in one list what input can cost; a file of bounds in each room would hide that.

use std::time::Duration;

/// Largest frame that is believed, in bytes. libpcap's `MAXIMUM_SNAPLEN` is 262,144; a larger captured length in a
/// file is damage.
pub const FRAME_BYTES: usize = 262_144;

/// Largest pcapng block that is read, in bytes: a frame and generous options. Larger ones are damage.
pub const PCAPNG_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// Most interfaces of one pcapng section. Real captures have dozens; Wireshark's torture test has 400.
pub const PCAPNG_INTERFACES: usize = 65_536;

/// Bytes of damaged capture that are searched for the next plausible record.
pub const RESYNC_BYTES: usize = 1024 * 1024;

/// Seconds that a packet may lie before or after its neighbour in the file while the next plausible record is sought
/// in damage: one day. Ordinary packets may lie further apart.
pub const RESYNC_SECONDS: u64 = 86_400;

/// Damaged places of one file that are noted one by one; further ones are counted.
pub const DAMAGE_NOTES: usize = 8;

/// The buffer that a capture file is read through, in bytes: large enough for system calls not to matter, small enough
/// for a core's own cache. It grows only for a record that is larger.
pub const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Bytes at the start of a file in which tcpdump's text must show.
pub const RECOGNITION_BYTES: usize = 64 * 1024;

/// Rows of a Parquet file that are kept until their row group is written: a row takes about 1 KB.
#[cfg(feature = "parquet")]
pub const PARQUET_ROWS: usize = 16_384;

/// Most files that are read as one capture: each keeps a descriptor and a buffer.
pub const FILES: usize = 1024;

/// Longest line of a transcript, in bytes; what is longer is cut and counted.
pub const TRANSCRIPT_LINE_BYTES: usize = 64 * 1024;

/// Conversations whose first sequence numbers are remembered while a transcript is read.
pub const TRANSCRIPT_CONVERSATIONS: usize = 100_000;

/// Unanswered SYNs that the cut address of an ICMP error is compared with: the latest, since errors come within a round
/// trip or a few.
pub const TRANSCRIPT_UNANSWERED: usize = 64;

/// Places of packet lines in one transcript that could not be read. Beyond it the latest one counts in place of the one before; the summary
/// says how many lines there are.
pub const TRANSCRIPT_UNREAD: usize = 1_024;

/// Names of hosts in one transcript; each is counted by 16 bits.
pub const TRANSCRIPT_NAMES: usize = 50_000;

/// Rows of a packet list that wait until one after them shows to which stream the first of them belongs: the acknowledgement
/// comes within a round trip.
pub const TRANSCRIPT_HELD_ROWS: usize = 256;

/// Hex-dump bytes that one transcript packet may have, in bytes.
pub const TRANSCRIPT_DUMP_BYTES: usize = FRAME_BYTES;

/// Peers of a host, with their ports, that the cut address of an ICMP error is compared with; of a host with more it is not
/// known.
pub const TRANSCRIPT_PEERS: usize = 256;

/// What the lines of one packet may cost in a transcript, in bytes: `-X` prints some 4.5 characters per byte, in lines of 16
/// bytes, each with its overhead.
pub const TRANSCRIPT_PACKET_BYTES: usize = 10 * TRANSCRIPT_DUMP_BYTES;

/// Rules of a packet filter whose packets are counted apart; a report names each of them.
pub const TRANSCRIPT_RULES: usize = 16;

/// What a line costs besides its bytes, so that empty lines count against [`TRANSCRIPT_PACKET_BYTES`] too.
pub const TRANSCRIPT_LINE_OVERHEAD_BYTES: usize = 64;

/// Headers inside headers (VLAN, MPLS, IP in IP, GRE, VXLAN ...) that are followed in one frame.
pub const ENCAPSULATION_DEPTH: usize = 16;

/// Completed datagrams that are remembered, so that the copies of their fragments are not waited for.
pub const COMPLETED_DATAGRAMS: usize = 16;

/// Datagrams being reassembled from IP fragments at one time; the oldest gives way.
pub const FRAGMENTED_DATAGRAMS: usize = 1024;

/// Bytes held for all datagrams being reassembled.
pub const FRAGMENT_BYTES: usize = 16 * 1024 * 1024;

/// Seconds after which an incomplete datagram is given up (RFC 1122, 3.3.2: 60 to 120 s).
pub const FRAGMENT_SECONDS: i64 = 60;

/// Reassembled datagrams that one packet can need: its own fragments, and those of the tunnel's packet around them.
pub const NESTED_REASSEMBLIES: usize = 2;

/// Headers that are kept of connections whose headers PPP compresses: RFC 1144's own 16 for each direction of four links.
pub const COMPRESSED_HEADERS: usize = 128;

/// Those of them that a packet without a number is compared with.
pub const COMPRESSED_CANDIDATES: usize = 8;

/// What a held fragment costs besides its bytes, so that tiny fragments count against [`FRAGMENT_BYTES`] too.
pub const FRAGMENT_OVERHEAD_BYTES: usize = 64;

/// Connections followed at one time; the least informative are judged early and leave. A scan of 50,000 SYNs in a second
/// stays for 20 s, longer than an answer takes.
pub const CONNECTIONS: usize = 1_000_000;

/// Memory of the whole program, in bytes, what is kept for reports aside: half of the smallest virtual machine on which
/// captures of gigabytes are looked at.
pub const MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// Memory that the program takes with no connection, in bytes: itself, its buffers, a trust store.
pub const PROGRAM_BYTES: usize = 24 * 1024 * 1024;

/// New connections after which those that are over are judged and leave, as soon as all packets read until then are taken in. A
/// capture with fewer is reported in the order of
/// the first packets.
pub const UNSORTED_CONNECTIONS: usize = 1024;

/// Shares of a capture's connections, each followed apart from the others with its part of every bound. There are as many
/// whatever the number of threads, so that this number changes no result.
pub const SHARES: usize = 8;

/// Packets that are decoded before the shares take them in: enough for handing them to other threads to cost nothing, and few
/// enough to stay in a core's cache.
pub const ROUND_PACKETS: usize = 1024;

/// Packets from which on other threads take a round in. Fewer are taken in sooner than another thread wakes up.
pub const ROUND_PACKETS_FOR_THREADS: usize = 64;

/// Bytes of payload after which such a round ends too.
pub const ROUND_BYTES: usize = 1024 * 1024;

/// Connections that may wait to be judged while others are followed: as many as leave in one sweep.
pub const CONNECTIONS_TO_JUDGE: usize = 1024;

/// Connections that are judged in one go at the end of a capture.
pub const JUDGED_AT_ONCE: usize = 256;

/// Connections that are remembered after they were judged early, so that their last packets do not look like new ones.
pub const RECENTLY_CLOSED: usize = 200_000;

/// Failed connections that a monitoring plugin's output lists one by one; Nagios keeps 8 KB of it, and NRPE less.
pub const PLUGIN_FAILURES: usize = 20;

/// Characters of one line of a monitoring plugin's output below its status line.
pub const PLUGIN_LINE_CHARACTERS: usize = 240;

/// Failed connections that wait at a time for the flight recorder to write their files.
pub const RECORDINGS: usize = 1_000;

/// Verdicts that the flight recorder remembers, so that one that is known before the connection ends is recorded once.
pub const RECORDED_VERDICTS: usize = 100_000;

/// Names that the flight recorder tries for a file: others have files of these names.
pub const RECORDER_NAMES: usize = 100;

/// Servers and verdicts whose failures the flight recorder counts each by itself in an hour; further ones share one quota.
pub const RECORDED_SERVERS: usize = 10_000;

/// Lookups of names and neighbours in one failure's file: a host asks a few of them before a connection.
pub const RECORDED_LOOKUPS: usize = 1_000;

/// Batches that wait for the flight recorder's thread: with the bytes of each, 8 MiB, which a gigabit fills while a disk pauses for 60 ms.
pub const RECORDER_BATCHES: usize = 32;

/// Bytes of packets in such a batch.
pub const RECORDER_BATCH_BYTES: u64 = 256 * 1024;

/// Failures in such a batch.
pub const RECORDINGS_IN_BATCH: usize = 64;

/// How long the flight recorder may write at the end of a capture what is still due.
pub const RECORDER_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Files of failures in the recorder's folder; the oldest are removed.
pub const RECORDED_FILES: usize = 10_000;

/// Changes of a live capture's device (down, up, removed, there again) that are noted one by one: a week of them, once an
/// hour.
pub const DEVICE_NOTES: usize = 168;

/// Records of a pipe or a growing file that are read ahead of the analysis.
pub const WAITING_RECORDS: usize = 1_024;

/// Their bytes: that many frames of the largest size would be 256 MiB, whatever memory the analysis may take.
pub const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Seconds after which a connection that is watched and says nothing is judged and leaves: as long as Linux waits before
/// its first keep-alive.
pub const WATCHED_IDLE_SECONDS: i64 = 7_200;

/// Bytes held per direction while a hole before them may still be filled.
pub const OUT_OF_ORDER_BYTES: usize = 256 * 1024;

/// Separate pieces held per direction while a hole before them may still be filled.
pub const OUT_OF_ORDER_PIECES: usize = 128;

/// Segments of a connection that wait for one that was sent before them and is captured later: what a card's queues hold of one
/// connection in a millisecond.
pub const EARLY_SEGMENTS: usize = 32;

/// ICMP errors of a share of the connections that wait for a segment which they answer and which is captured later; what one router sends
/// in a moment is less, since it limits their rate (RFC 1812, 4.3.2.8).
pub const EARLY_ERRORS: usize = 32;

/// Bytes of such segments over all connections: what a link of 40 Gbit/s brings in a millisecond is 5 MB.
pub const EARLY_BYTES_IN_ALL: usize = 8 * 1024 * 1024;

/// Packets of a connection that a capture holds before what they follow and whose places are kept; what is moved within a
/// millisecond matters at the beginning.
pub const MOVED_PACKETS: usize = 64;

/// Bytes held over all connections while holes may still be filled.
pub const OUT_OF_ORDER_BYTES_IN_ALL: usize = 64 * 1024 * 1024;

/// Segments of the beginning, and of the end, that a connection's timeline keeps; between them stays what is
/// remarkable, and the rest is folded.
pub const TIMELINE_HEAD: usize = 64;

/// What a packet of a timeline takes in memory, in bytes: its headers, its first bytes, notes.
pub const TIMELINE_ENTRY_BYTES: usize = 600;

/// Packets that all timelines together keep; connections beyond it are judged without one.
pub const TIMELINE_ENTRIES_IN_ALL: usize = 500_000;

/// See [`TIMELINE_HEAD`].
pub const TIMELINE_TAIL: usize = 24;

/// Remarkable entries that a timeline keeps between its head and its tail.
pub const TIMELINE_REMARKABLE: usize = 64;

/// Samples of each side's packets that a timeline folds, for a picture of the transfer: half of them are single packets, the latest ones.
pub const SAMPLES: usize = 256;

/// Payload bytes that a timeline entry keeps, for the protocols that tcpdump prints (HTTP and the like).
pub const TIMELINE_EXCERPT_BYTES: usize = 512;

/// Notes that TLS records leave at one packet of a timeline; further ones are counted. A segment has room for thousands of
/// tiny records, a real one brings a few.
pub const RECORD_NOTES: usize = 16;

/// Packet numbers that one list of evidence holds.
pub const EVIDENCE: usize = 12;

/// Repeats of one kind (SYN attempts, alerts, RSTs, ICMP errors) that a story keeps one by one; further ones
/// are counted.
pub const STORY_REPEATS: usize = 16;

/// Times that the word changes between the sides inside TLS, after the records that are kept one by one.
pub const STORY_RUNS: usize = 256;

/// Kinds of packets that the summary counts one by one.
pub const OTHER_KINDS: usize = 64;

/// Bytes of one handshake message that are kept for reading; longer ones are followed by length.
pub const HANDSHAKE_MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes of handshake messages that are not complete, kept for all connections together; beyond it they are followed by
/// length. A busy server's handshakes under way have some megabytes.
pub const HANDSHAKE_BYTES_IN_ALL: usize = 64 * 1024 * 1024;

/// Suites, groups and protocols that are kept of a ClientHello's lists, each; the registries have fewer. A longer list counts
/// as cut off.
pub const HELLO_ENTRIES: usize = 512;

/// Bytes that are kept of the name that a ClientHello asks for: a host's name has 253 (RFC 1035, 2.3.4).
pub const HELLO_NAME_BYTES: usize = 512;

/// Bytes of each side in which a request for a tunnel or for TLS is looked for before TLS begins; TLS itself is found
/// after them too. Dialogues up to a STARTTLS have a few hundred.
pub const PRELUDE_BYTES: usize = 16 * 1024;

/// Longest message of a protocol in front of TLS that is put together from segments, in bytes; a longer one is passed
/// over. A SOCKS5 login has at most 513, lines of SMTP 512.
pub const PRELUDE_MESSAGE_BYTES: usize = 1024;

/// Certificates of one chain that are looked at. OpenSSL sends and takes up to 100, JSSE takes 10, real chains have 2 to 4.
pub const CHAIN_CERTIFICATES: usize = 16;

/// Intermediates of a chain among which a path to a trust anchor is searched. Clients follow 6 (webpki), real chains have
/// 1 to 3. The paths to try grow exponentially with their number.
pub const PATH_CERTIFICATES: usize = 6;

/// Those of them of one name: the one in use, and another that was renewed or cross-signed.
pub const PATH_CERTIFICATES_OF_A_NAME: usize = 2;

/// SCTs of one certificate that are shown. Browsers want two or three.
pub const CERTIFICATE_SCTS: usize = 16;

/// Keys that the signature of a revocation list was compared with and that are remembered; the first is forgotten. An issuer has one key,
/// or two while it changes it.
pub const LIST_KEYS: usize = 8;

/// Redirects that a check follows, one after the other, where it is asked to. Browsers follow 20; a page has one or two.
pub const REDIRECTS: usize = 10;

/// Names of one certificate that are kept; further ones are counted. Certificates of large hosters have some 100.
pub const CERTIFICATE_NAMES: usize = 256;

/// Bytes of one name or text of a certificate that are kept: a host's name has 253 (RFC 1035), a common name 64 characters
/// (RFC 5280, appendix A).
pub const CERTIFICATE_TEXT_BYTES: usize = 512;

/// Bytes of certificates kept for all connections together; equal chains count once. Beyond it, a connection's
/// certificates are not looked at, and that is reported.
pub const CERTIFICATE_BYTES_IN_ALL: usize = 64 * 1024 * 1024;

/// Chains whose check is remembered, so that a server's many connections cost one; beyond it all are forgotten.
pub const CHECKED_CHAINS: usize = 4096;

/// Certificates that are examined at once, of different chains. Real chains have 2 to 4 certificates, and a network has some
/// dozens of them. With signatures, a certificate takes a tenth of a millisecond.
pub const EXAMINED_CERTIFICATES: u64 = 2048;

/// Packets after which one further certificate may be examined, so that a capture of many days or servers shows its chains, and a
/// capture that consists of certificates takes little longer than any other.
pub const PACKETS_FOR_A_CERTIFICATE: u64 = 32;

/// TTLs or hop limits that are known of a server's packets. Routes that change show two or three.
pub const HOST_HOP_LIMITS: usize = 4;

/// Servers that the summary lists one by one.
pub const SERVERS: usize = 4096;

/// Steps of the capture's clock that are remembered one by one.
pub const CLOCK_STEPS: usize = 1024;

/// Conversations whose first sequence numbers are remembered while packets are printed; the oldest gives way.
pub const PRINTED_CONVERSATIONS: usize = 200_000;

/// Changes from one file to another that are remembered when several files are read as one capture.
pub const ORIGIN_RUNS: usize = 1_000_000;

/// Groups of connections that ended in the same way; connections of further ones are counted.
pub const GROUPS: usize = 64;

/// Codes with their causes that connections are counted by; further causes are counted by their code.
pub const KINDS: usize = 256;

/// Clients that a group counts one by one.
pub const GROUP_CLIENTS: usize = 64;

/// DNS questions that wait for their answers; the oldest gives way. An answer comes within a second or five.
pub const LOOKUPS_ASKED: usize = 256;

/// Names that clients asked for and that are followed to an answer; the oldest give way.
pub const LOOKUP_COURSES: usize = 256;

/// Addresses that clients got as answers, by client and address; the oldest give way.
pub const LOOKUPS_FOUND: usize = 4_096;

/// Pairs of a server and a client of which it is counted what the server answered.
pub const SERVER_CLIENTS: usize = 16_384;

/// Spans of time in which a server answered, or served, that are kept apart; the longest gaps between them outlive it.
pub const SERVER_SPANS: usize = 16;

/// Names, targets, and versions that the clients of one server, or of one group, asked for and that are compared.
pub const TRAIT_VALUES: usize = 4;

/// ICMP errors of a text, without the packets that they quote, whose numbers are kept.
pub const UNQUOTED_ERRORS: usize = 4_096;

/// Senders of ICMP errors that a group counts one by one.
pub const GROUP_SENDERS: usize = 8;

/// Certificates of one server, or of one group, that are counted one by one. A pool has a few members, each with its own.
pub const SERVER_CERTIFICATES: usize = 8;

/// Connections whose outcome the strip shows in order of time; further ones are left out of it.
pub const STRIP_CONNECTIONS: usize = 1_000_000;

/// Connections that a table lists in the order that is asked for; from there on, as they end.
pub const TABLE_ROWS: usize = 10_000;

/// Connections of which an HTML page has a ladder: some 20 kB each, so that a page that shows every connection can still be sent by
/// mail.
pub const PAGE_CONNECTIONS: u32 = 400;

/// Bytes of the connections that an HTML page shows in full. With 10,000 lines of its table, it stays below the 10 MB that mail carries.
pub const PAGE_SECTION_BYTES: usize = 7_500_000;

/// Rows of one ladder of an HTML page: more than the packets that a timeline keeps, each with a silence before it.
pub const PAGE_ROWS: usize = 320;

/// Pictures of transfers that an HTML page has, of some 10 kB each.
pub const PAGE_TRANSFERS: usize = 100;

/// Labels of retransmissions and the like in one picture of a transfer; without one, the mark itself remains.
pub const TRANSFER_LABELS: usize = 40;

/// Lines of tcpdump that one row of a ladder shows.
pub const PAGE_LINES: usize = 16;

/// Stand-ins of each kind that `--redact` gives out: as many as there are IPv4 addresses for documentation and benchmarks. What comes
/// after that shares one.
pub const STAND_INS: usize = 128_000;

/// Bytes of names that have stand-ins of their own: some 60 for each of [`STAND_INS`], and more than hosts of any network have. A name can
/// have 512.
pub const STAND_IN_BYTES: usize = 8 * 1024 * 1024;

/// Connections that the timeline shows; further ones are counted.
pub const REPORTED_CONNECTIONS: usize = 50_000;

/// What a connection takes in memory that is kept for the timeline, in bytes, its packets aside.
pub const REPORTED_CONNECTION_BYTES: usize = 5 * 1024;

/// Steps of one active check that are followed; a handshake, a token and a page take some 30. Beyond it the check ends.
pub const PROBE_STEPS: usize = 10_000;

/// TLS sessions that an active check keeps for its second connection.
pub const PROBE_SESSIONS: usize = 8;

/// Resolvers that are asked for a name: as many as resolv.conf(5) allows.
pub const RESOLVERS: usize = 3;

/// Domains of resolv.conf's search list that are tried. glibc had six until 2.26, and no limit since.
pub const SEARCH_DOMAINS: usize = 6;

/// Bytes of a DNS answer by UDP: 512 by RFC 1035, and some more from servers that do not keep to it.
pub const DNS_MESSAGE_BYTES: usize = 4096;

/// Addresses of one name that are kept.
pub const ADDRESSES: usize = 32;

/// Bytes of an HTTP answer's head that are read. Servers send 8 or 16 KiB at most; curl reads 300 KB, and Java 384 KiB.
pub const HTTP_ANSWER_HEAD_BYTES: usize = 256 * 1024;

/// Bytes of a request's head, and of what a server says in clear text before TLS. Most servers take no more than 8 or 16 KiB.
pub const HTTP_HEAD_BYTES: usize = 16 * 1024;

/// Bytes of an HTTP answer's body that are kept: a token's answer has some 200, and what is expected of a page is
/// near its beginning.
pub const HTTP_BODY_BYTES: usize = 256 * 1024;

/// Bytes that the regular expression for a page's body may take when it is compiled: some 50 `\w`, which has all letters of
/// Unicode. The time for a body is linear in both; counted repetitions in each other take longest, up to a minute.
pub const BODY_PATTERN_BYTES: usize = 2 * 1024 * 1024;

/// Bytes that matching it may take besides; beyond them it is slower, not wrong.
pub const BODY_PATTERN_CACHE_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of an HTTP answer's body that are read to see whether it comes to its end. A page that is longer, a download as
/// a rule, is taken as whole.
pub const HTTP_BODY_READ_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of packets that an active check holds when it captures them: its own connections have less than 1 MiB each, and
/// others may go to the same server.
pub const PROBE_CAPTURE_BYTES: usize = 64 * 1024 * 1024;

/// Characters of a server's own words on an error that are kept: a sentence or two.
pub const PEER_WORDS: usize = 300;

/// Bytes of a log whose lines are read at one time, apart from the rest of the last line.
pub const LOG_BLOCK_BYTES: usize = 512 * 1024;

/// Longest line of a log, in bytes; what is longer is cut and counted. A stack trace is many lines, a body that an error quotes one.
pub const LOG_LINE_BYTES: usize = 64 * 1024;

/// Bytes that are kept of a log line's words.
pub const LOG_TEXT_BYTES: usize = 1024;

/// Bytes that are kept of a host's name in a log: a name has 253 (RFC 1035, 2.3.4).
pub const LOG_HOST_BYTES: usize = 256;

/// Different secrets of the logs that are looked for wherever else the logs may have them: those of a client are few.
pub const LOG_SECRETS: usize = 1_000;

/// How long such a secret is, in bytes: a shorter one may be a word of the log itself, and no line repeats a longer one.
pub const LOG_SECRET_BYTES: std::ops::RangeInclusive<usize> = 6..=256;

/// Attempts that are kept of one log, in all its files; the oldest leave. A busy server's access log has as many in an hour.
pub const LOG_ATTEMPTS: usize = 100_000;

/// Bytes of attempts that are kept of one log; the oldest leave.
pub const LOG_BYTES: usize = 64 * 1024 * 1024;

/// Lines that one attempt keeps.
pub const LOG_ATTEMPT_LINES: usize = 16;

/// Lines near the capture that are kept of one log besides those of attempts.
pub const LOG_LINES: usize = 20_000;

/// Lines that are read of what continues one entry: a stack trace with its causes has some 200.
pub const LOG_CONTINUATION_LINES: usize = 500;

/// Threads of a vManage that are followed at one time; the longest silent leave. An application server has some 200.
pub const LOG_THREADS: usize = 4096;

/// Errors of nginx that wait for their access line.
pub const LOG_PENDING_ERRORS: usize = 64;

/// nginx's numbers of connections that are kept of one log.
pub const LOG_CONNECTION_NUMBERS: usize = 100_000;

/// Daemons of FlexNet whose ports are kept of one log.
pub const LOG_SERVICES: usize = 64;

/// Clocks of all logs: hosts, zones and layers. A relay of syslog may bring more; the lines of the others are counted.
pub const LOG_CLOCKS: usize = 256;

/// Parts of a format of an access log. Long ones have some 60.
pub const LOG_FORMAT_ELEMENTS: usize = 256;

/// Odd things about one log that are noted one by one; further ones are counted.
pub const LOG_NOTES: usize = 8;

/// Connections that wait for the logs before they are judged; further ones are judged without them.
pub const LOG_CONNECTIONS: usize = 50_000;

/// Lines of logs that are shown next to one connection by their time.
pub const LOG_LINES_NEARBY: usize = 16;

/// Bytes of a log that is followed, from its end back, that are read for its form and its latest lines.
pub const LOG_FOLLOWED_BYTES: u64 = 256 * 1024;

/// Bytes of a log that is followed that are read at once; the rest is read the next time, since packets are waiting.
pub const LOG_FOLLOWED_AT_ONCE: usize = 4 * 1024 * 1024;

/// How often that much is read at the end of a capture: 1 GiB of each log.
pub const LOG_FOLLOWED_ROUNDS: usize = 256;

/// Attempts of each log that is followed that are kept to be compared again; older ones are forgotten.
pub const LOG_FOLLOWED_ATTEMPTS: usize = 512;

/// The same for a check, which compares them once, at its end: the lines of a busy server's few seconds.
pub const LOG_CHECK_ATTEMPTS: usize = 50_000;

/// Connections that are kept to be compared with logs that are followed; older ones are forgotten.
pub const LOG_FOLLOWED_CONNECTIONS: usize = 1_024;

/// Attempts that are tied to one connection: a long one has many requests.
pub const LOG_TIES: usize = 64;

/// Pairs of an attempt and a connection that are compared for one clock; more than four clocks share what four may have. Beyond it, attempts
/// are left out evenly.
pub const LOG_PAIRS: usize = 2_000_000;

/// Pairs of an attempt and a connection of one clock that fit each other at its offset; each takes some 200 bytes. Attempts beyond it are
/// tied to nothing.
pub const LOG_FITS: usize = 500_000;

/// Pairs that are looked at for the offsets of one clock that are looked at closely. Where more meet, fewer offsets are.
pub const LOG_MEETINGS: usize = 32_000_000;

/// Pairs that are looked at for one clock in search of changes by which an attempt without a connection gets one. Attempts that are left
/// then are reported as they are without such changes: what fits them is another attempt's.
pub const LOG_CHAINS: usize = 1_000_000;

/// Pairs at one offset whose answers' sizes are compared.
pub const LOG_ANSWERS: usize = 4096;

/// States of one part of a server's log in which its lines are aligned with exchanges. In a part with more, none is tied.
pub const LOG_STATES: usize = 1_000_000;

/// Offsets of a clock that are looked at closely, the best of all candidates.
pub const LOG_OFFSETS: usize = 256;

/// Most connections whose packets `read -w` writes: each takes some 200 bytes, and its verdict's text where it is not ok.
pub const WRITTEN_CONNECTIONS: usize = 100_000;

/// Bytes that `-w` with `--redact` keeps of what connections contain: some 20 KiB for each of 6,000 TLS handshakes, or the headers of a
/// million records. No payload is left of what comes after it, which is reported.
pub const REWRITTEN_BYTES: usize = 128 * 1024 * 1024;

/// Segments, and their bytes, buffered after a hole in one direction of a connection that is written with `--redact`.
pub const REWRITTEN_WAITING: usize = 256;
/// See [`REWRITTEN_WAITING`].
pub const REWRITTEN_WAITING_BYTES: usize = 256 * 1024;

/// Bytes of a line in clear that are put together from segments, where packets are written with `--redact`: more than protocols of lines
/// allow (RFC 5321, 4.5.3.1). A word is not recognised where a longer line is parted.
pub const REWRITTEN_LINE_BYTES: usize = 8 * 1024;

/// Bytes before a packet of which it is remembered, in one direction of a connection that is captured with `--redact`, what is left of them:
/// a window's worth, for packets that are sent again.
pub const PASSING_KEPT_BYTES: usize = 64 * 1024;

/// Packets, and their bytes, that wait until a message in front of them is whole, where a capture is written with `--redact`.
pub const PASSING_FRAMES: usize = 64 * 1024;
/// See [`PASSING_FRAMES`].
pub const PASSING_BYTES: usize = 32 * 1024 * 1024;

/// Servers, and clients, that are counted to say what the input holds where a selection matches nothing.
pub const COUNTED_ENDS: usize = 1_000;

/// Files that one run of `batch` reads: more than a day's of a large site, and some 300 bytes for each.
pub const BATCH_FILES: usize = 1_000_000;

/// Folders within folders that it walks.
pub const BATCH_DEPTH: usize = 64;

/// Captures that it takes before the first of them is reported.
pub const BATCH_AHEAD: usize = 1024;

/// Bytes of results that wait for those of earlier captures.
pub const BATCH_HELD_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a list of servers to check: as many lines as the servers may be, with long names and comments.
pub const TARGETS_BYTES: u64 = 1024 * 1024;

/// Servers of such a list: some 6 kB of metrics for each.
pub const TARGETS: usize = 4096;

/// Servers that are checked before an earlier one is reported: their steps wait, some 100 kB each.
pub const TARGETS_AHEAD: usize = 256;

/// Bytes of the configuration of `serve`: some 100,000 targets by name.
pub const CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// Checks that `serve` runs at a time at most, whatever its configuration asks for: each has a thread, a few sockets and some 100 kB.
pub const SERVED_PROBES: u16 = 2048;

/// Connections that `serve` holds besides those whose checks run: scrapes of its own metrics, and clients that are slow.
pub const SERVED_BESIDE: usize = 64;

/// Bytes of a request's head that `serve` reads. Prometheus sends some 400.
pub const REQUEST_BYTES: usize = 8 * 1024;

/// Headers of a request. Prometheus sends six.
pub const REQUEST_HEADERS: usize = 64;
