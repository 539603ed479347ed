//! Floods of text: what tcpdump printed, and logs.

use super::*;

pub(super) const KINDS: &[Flood] = &[
    flood("empty lines", syn, 5 * MANY, |_| b"\n".to_vec()),
    flood("lines of one letter", syn, 5 * MANY, |_| b"x\n".to_vec()),
    flood("lines of a hex dump", syn, 5 * MANY, |_| {
        b"\t0x0000:  4500 003c 1c46 4000 4006 b1e6 c000 020a\n".to_vec()
    }),
    flood("rows of a hex dump that count on", syn, 5 * MANY, |number| {
        format!("\t0x{:04x}:  4500 003c 1c46 4000 4006 b1e6 c000 020a\n", number * 16 % 65_536).into_bytes()
    }),
    flood("one line without an end", syn, MANY, |_| vec![b'x'; 100]),
    flood("first lines of packets", syn, 5 * MANY, |_| {
        b"22:13:20.407513 IP (tos 0x0, ttl 64, id 24618, offset 0, flags [DF], proto TCP (6), length 60)\n"
            .to_vec()
    }),
    flood("segments in text", syn, MANY, |number| {
        line(
            number,
            &format!(
                "192.0.2.10.{} > 198.51.100.20.8443: Flags [S], seq {number}, length 0",
                ports(number)[0]
            ),
        )
    }),
    flood("a transfer in text", syn, MANY, |number| {
        line(
            number,
            &format!(
                "192.0.2.10.50000 > 198.51.100.20.8443: Flags [P.], seq {}:{}, ack 1, length 100",
                1 + number * 100,
                101 + number * 100
            ),
        )
    }),
    flood("names in text", syn, MANY, |number| {
        line(
            number,
            &format!(
                "client-{number}.example.50000 > host-{number}.example.8443: Flags [S], seq 1, length 0"
            ),
        )
    }),
    flood("errors in text", syn, MANY, |number| {
        line(number, "192.0.2.1 > 192.0.2.10: ICMP host 198.51.100.20 unreachable, length 68")
    }),
    flood("errors with cut addresses in text", syn, MANY, |number| {
        line(number, "192.0.2.1 > 192.0.2.10: ICMP host 198.51.3")
    }),
    flood("prompts in text", syn, MANY, |_| b"vmanage:~$ tcpdump -nn -i eth0 port 8443\n".to_vec()),
    flood("tags of HTML in text", syn, MANY, |_| b"<pre><b>IP</b> &lt;x&gt; <br></pre>\n".to_vec()),
    log("lines of a log at one time", |number| {
        format!("13-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [RestAPIClient] (default task-{}) |default| sends\n", number % 40).into_bytes()
    }),
    log("lines of one task in a log", |number| vmanage(number, 24, "RestAPI proxy settings: none")),
    log("attempts of one task in a log", |number| {
        vmanage(
            number,
            24,
            if number.is_multiple_of(2) {
                "Validating smart account credentials"
            } else {
                "Failed to get token"
            },
        )
    }),
    log("tasks of a log", |number| vmanage(number, number, "Validating smart account credentials")),
    log("exceptions of many lines", |number| match number % 50 {
        0 => vmanage(number, 24, "java.net.SocketTimeoutException: Read timed out"),
        _ => b"\tat java.base/java.net.SocketInputStream.socketRead(SocketInputStream.java:115)\n".to_vec(),
    }),
    log("one exception without an end", |number| match number {
        0 => vmanage(number, 24, "java.net.SocketTimeoutException: Read timed out"),
        _ => b"Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed\n".to_vec(),
    }),
    log("lines of no known log", |number| {
        format!("{number} something happened, and was written down\n").into_bytes()
    }),
    log("lines of an access log at one time", |number| {
        format!("10.106.66.{} - - [28/Nov/2026:02:12:20 +0000] \"POST /oauth/token HTTP/1.1\" 401 0 \"-\" \"Java-http-client/17\"\n", number % 250).into_bytes()
    }),
    log("lines of an error log", |number| {
        format!("2026/11/28 02:{:02}:{:02} [info] 26544#26544: *{number} client prematurely closed connection, client: 10.106.66.1, server: ssm\n", number / 60 % 60, number % 60).into_bytes()
    }),
    log("a clock of a log that leaps", |number| {
        let day = 1 + number * 11 % 28;
        format!("{day:02}-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [RestAPIClient] (default task-24) |default| sends\n").into_bytes()
    }),
    log("secrets in a log", |_| {
        b"13-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [RestAPIClient] (default task-24) |default| password=x&client_secret=y Authorization: Bearer z\n".to_vec()
    }),
    Flood {
        way: Way::Ties,
        count: 400,
        ..log("attempts that overlap, more than connections", |number| {
            let text = if number / 40 % 2 == 0 {
                "Validating smart account credentials"
            } else {
                "Failed to get token"
            };
            vmanage_at(number, number % 40, text)
        })
    },
    Flood {
        way: Way::Ties,
        count: 400,
        ..log("answers of a server, more than connections", |number| {
            let (minutes, seconds) = (15 + number / 1_200, number / 20 % 60);
            let hours = 11 + minutes / 60;
            format!("10.106.66.1 - - [13/Jan/2023:{hours:02}:{:02}:{seconds:02} +0000] \"POST /oauth/token HTTP/1.1\" 401 0 \"-\" \"Java-http-client/17\"\n", minutes % 60).into_bytes()
        })
    },
];

/// A flood of lines of a log.
const fn log(name: &'static str, part: fn(u32) -> Vec<u8>) -> Flood {
    Flood {
        name,
        head: || {
            b"13-Jan-2023 17:29:01,775 IST INFO [um8_vManage] [RestAPIClient] (default task-24) |default| begins\n".to_vec()
        },
        part,
        count: MANY,
        way: Way::Log,
    }
}

/// A line by which a text is known to be one of packets.
fn syn() -> Vec<u8> {
    b"22:13:20.407513 IP 192.0.2.10.40000 > 198.51.100.20.8443: Flags [S], seq 74638621, win 64240, length 0\n".to_vec()
}

/// A line of tcpdump's, a millisecond after the one before.
fn line(number: u32, text: &str) -> Vec<u8> {
    let (seconds, millis) = (number / 1_000, number % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}000 IP {text}\n").into_bytes()
}

/// A line of vManage's log, a second after the one before.
fn vmanage(number: u32, task: u32, text: &str) -> Vec<u8> {
    let (hours, minutes, seconds) = (number / 3_600 % 24, number / 60 % 60, number % 60);
    format!(
        "13-Jan-2023 {hours:02}:{minutes:02}:{seconds:02},775 IST INFO [um8_vManage] [RestAPIClient] (default task-{task}) |default| {text}\n"
    )
    .into_bytes()
}

/// The same, 50 ms after the one before, from 11:15 UTC on.
fn vmanage_at(number: u32, task: u32, text: &str) -> Vec<u8> {
    let (seconds, millis) = (number / 20, number % 20 * 50);
    let (hours, minutes, seconds) = (16 + (45 + seconds / 60) / 60, (45 + seconds / 60) % 60, seconds % 60);
    format!(
        "13-Jan-2023 {hours:02}:{minutes:02}:{seconds:02},{millis:03} IST INFO [um8_vManage] [RestAPIClient] (default task-{task}) |default| {text}\n"
    )
    .into_bytes()
}
