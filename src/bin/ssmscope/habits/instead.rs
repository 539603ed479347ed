//! What to type in place of options and values of other programs.

use std::ffi::OsString;

/// What to type in place of other options of tcpdump and tshark, by their letter.
pub(super) const INSTEAD: [(char, &str); 34] = [
    ('#', "packets are always numbered; leave it out"),
    ('2', "leave it out"),
    ('A', "payload is not printed; use: tcpdump -A -r FILE"),
    ('C', "use --record FOLDER, which writes a file for each failure"),
    ('D', "use: ssmscope interfaces"),
    ('E', "nothing is decrypted; leave it out"),
    ('F', "put the filter at the end: \"$(cat FILE)\""),
    ('G', "use --record FOLDER, which writes a file for each failure"),
    ('H', "use --host HOST"),
    ('I', "use: tcpdump -I -i IFACE -w - | ssmscope read -"),
    ('J', "leave it out; the time stamps are the system's"),
    ('L', "the link type is recognised; leave it out"),
    ('M', "leave it out"),
    ('N', "addresses are never turned into names; leave it out"),
    ('O', "leave it out"),
    ('Q', "put inbound or outbound into the filter at the end"),
    ('R', "put a libpcap filter at the end, such as: host 192.0.2.1 and tcp port 8443"),
    ('S', "sequence numbers are relative; use: tcpdump -S -r FILE"),
    ('T', "use -o json, -o table or -o tcpdump"),
    ('W', "use --record FOLDER, which writes a file for each failure"),
    ('X', "payload is not printed; use: tcpdump -X -r FILE"),
    ('Y', "put a libpcap filter at the end, such as: host 192.0.2.1 and tcp port 8443"),
    ('Z', "use --user NAME on `live`; a file needs none"),
    ('a', "use --duration SECONDS or --packets N"),
    ('b', "use --record FOLDER, which writes a file for each failure"),
    ('d', "use: tcpdump -d EXPRESSION"),
    ('e', "link-level headers are not printed; use: tcpdump -e -r FILE"),
    ('f', "put the filter at the end, such as: host 192.0.2.1 and tcp port 8443"),
    ('j', "leave it out; the time stamps are the system's"),
    ('q', "use -o table, one line for each connection"),
    ('u', "leave it out"),
    ('x', "payload is not printed; use: tcpdump -x -r FILE"),
    ('y', "the link type is recognised; leave it out"),
    ('z', "use -o table for a line for each connection, -o json for figures"),
];

/// The same for long options.
pub(super) const INSTEAD_LONG: [(&str, &str); 12] = [
    ("--width", "the report is as wide as the terminal; elsewhere set COLUMNS=N"),
    ("--read", "use -r FILE"),
    ("--json", "use -o json"),
    ("--csv", "use -o flat --format csv"),
    ("--table", "use -o table"),
    ("--display-filter", "put a libpcap filter at the end, such as: host 192.0.2.1 and tcp port 8443"),
    ("--read-filter", "put a libpcap filter at the end, such as: host 192.0.2.1 and tcp port 8443"),
    ("--count", "use --verdicts N to stop after N verdicts, --packets N (-c N) after N packets"),
    ("--list-interfaces", "use: ssmscope interfaces"),
    ("--number", "packets are always numbered; leave it out"),
    ("--absolute-tcp-sequence-numbers", "sequence numbers are relative; use: tcpdump -S -r FILE"),
    ("--monitor-mode", "use: tcpdump -I -i IFACE -w - | ssmscope read -"),
];

/// What to type on `check` in place of options of curl and openssl s_client.
pub(super) const INSTEAD_ON_CHECK: &[(&str, &str)] = &[
    ("-tls1_2", "use --tls-max 1.2"),
    ("-tls1_3", "use --tls-min 1.3"),
    ("-no_tls1_3", "use --tls-max 1.2"),
    ("-CAfile", "use --ca-file PEM"),
    ("-CApath", "use --ca-file PEM"),
    ("-cafile", "use --ca-file PEM"),
    ("-starttls", "use --starttls PROTOCOL"),
    ("-alpn", "use --alpn PROTOCOL"),
    ("-cert", "use --cert PEM --key PEM"),
    ("-key", "use --cert PEM --key PEM"),
    ("-proxy", "use --proxy URL"),
    ("-brief", "use -o nagios, one line; or leave it out"),
    ("-quiet", "use -o nagios, one line; or leave it out"),
    ("-verify_return_error", "certificates are always verified; leave it out"),
    ("-verify_hostname", "use --name NAME"),
    ("-Pn", "leave it out; nothing is scanned"),
    ("-k", "use --insecure"),
    ("-x", "use --proxy URL"),
    ("-m", "use --timeout SECONDS"),
    ("-L", "use --follow, which stays at the same host and port"),
    ("-s", "leave it out; for a text in the page: --expect-body REGEX"),
    ("-S", "TLS is always spoken; leave it out"),
    ("-sS", "leave it out"),
    ("-u", "use --basic-user NAME --basic-password-file FILE for a page, --oauth password for a token"),
    ("-E", "use --cert PEM --key PEM"),
    ("-X", "use --http PATH --method METHOD"),
    ("-d", "no body is sent; use --http PATH --method METHOD, or --oauth GRANT for a token"),
    ("--head", "use --http PATH --method HEAD"),
    ("-A", "use --header 'User-Agent: NAME'"),
    ("-U", "use --proxy http://NAME@HOST:PORT --proxy-password-file FILE"),
    ("-b", "no cookies are sent; leave it out"),
    ("-e", "use --expect-status STATUS"),
    ("-r", "use --expect-body REGEX"),
    ("-R", "use --expect-body REGEX, with (?i) before it"),
    ("-f", "use --follow"),
    ("-a", "use --basic-user NAME --basic-password-file FILE"),
    ("-J", "use --cert PEM --key PEM"),
    ("-K", "use --cert PEM --key PEM"),
    ("-C", "use -w DAYS -c DAYS"),
    ("--location", "use --follow, which stays at the same host and port"),
    ("--request", "use --http PATH --method METHOD"),
    ("--data", "no body is sent; use --http PATH --method METHOD, or --oauth GRANT for a token"),
    ("--user-agent", "use --header 'User-Agent: NAME'"),
    ("--proxy-user", "use --proxy http://NAME@HOST:PORT --proxy-password-file FILE"),
    ("--regex", "use --expect-body REGEX"),
    ("--crlfile", "use --crl-file FILE"),
    ("--pinnedpubkey", "use --pin PIN"),
    ("--http2", "use --alpn h2"),
    ("--http1.1", "use --alpn http/1.1"),
    ("--compressed", "leave it out"),
    ("--ciphers", "cipher suites are not chosen; leave it out"),
    ("--retry", "one attempt is made; leave it out"),
    ("--cert-status", "leave it out"),
    ("--socks5", "use --proxy socks5://HOST:PORT"),
    ("--socks5-hostname", "use --proxy socks5h://HOST:PORT"),
    ("--trace-ascii", "use -v"),
    ("--fail", "use --expect-status STATUS"),
    ("--haproxy-protocol", "the PROXY protocol is not sent; leave it out"),
    ("--cacert", "use --ca-file PEM"),
    ("--max-time", "use --timeout SECONDS"),
    ("--connect-timeout", "use --timeout SECONDS"),
    ("--connect-to", "use --address IP (-I IP)"),
    ("--tlsv1.2", "use --tls-min 1.2, which is the default"),
    ("--tlsv1.3", "use --tls-min 1.3"),
    ("-connect", "the server is a word: ssmscope check HOST:PORT"),
    ("-servername", "use --sni NAME"),
    ("-showcerts", "certificates are always shown; leave it out"),
];

/// Refuses values that an option of this name takes elsewhere.
///
/// # Errors
/// When there is one.
pub fn refuse_values(words: &[OsString]) -> Result<(), String> {
    let text = |word: &OsString| word.to_str().unwrap_or_default().to_owned();
    for pair in words.windows(2) {
        let [option, value] = [text(&pair[0]), text(&pair[1])];
        if option == "--" {
            break;
        }
        let instead = match (option.as_str(), value.as_str()) {
            ("-o" | "--output", "csv") => "use -o flat --format csv",
            ("-o" | "--output", "jsonl" | "ndjson") => "use -o json, which is one object a line",
            ("-o" | "--output", "md") => "use -o markdown",
            ("-o" | "--output", "text" | "txt" | "plain") => "use -o timeline, or leave it out",
            ("-o" | "--output", value) if value.contains('/') => {
                "takes an output format; to write to a file use > FILE, and for an additional page --html FILE"
            }
            ("-o", value) if value.contains(':') => {
                "takes an output format, and nothing is decrypted; leave it out"
            }
            ("--host", value) if has_impossible_port(value) => "has a port above 65535",
            ("--format", "json") => "use -o json",
            ("-H", value) if value.contains(": ") => "takes the host; for a header: --header 'NAME: VALUE'",
            ("-w", value) if value.contains("%{") => "takes the certificate's days; for figures: -o json",
            _ => continue,
        };
        return Err(format!("{option} {value}: {instead}"));
    }
    Ok(())
}

fn has_impossible_port(value: &str) -> bool {
    let parts = value.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        host.parse::<std::net::Ipv4Addr>().is_ok() && is_number && port.parse::<u16>().is_err()
    })
}
