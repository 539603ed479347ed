//! What `-h` prints: examples first, and what is needed most, on one screen of 80 columns and 24 rows. `--help` has it all.

/// The short help of a command, or of the program, where it has one of its own.
pub fn help(command: Option<&str>) -> Option<&'static str> {
    match command {
        None => Some(PROGRAM),
        Some("read") => Some(READ),
        Some("live") => Some(LIVE),
        Some("check") => Some(CHECK),
        Some("serve") => Some(SERVE),
        Some("batch") => Some(BATCH),
        Some(_) => None,
    }
}

const PROGRAM: &str = "\
ssmscope capture.pcap                        why did each connection fail?
ssmscope session.txt                         the same for tcpdump's text
ssmscope -r capture.pcap host 10.106.66.55   a filter, as for tcpdump
ssmscope -i eth0 port 8443                   live
ssmscope check ssm.example.net               connect and say what happens
ssmscope explain unknown_ca                  what a word of a report means

Usage: ssmscope [COMMAND] [OPTIONS] [FILE...] [EXPRESSION]

  read         analyse captures and text; the default for a file
  live         analyse live traffic; the default for -i
  check        make one connection to a server, step by step
  serve        the same whenever Prometheus asks
  batch        analyse many captures, each by itself
  explain      explain a code, a cause, an alert, a finding or a stage
  interfaces   list what can be captured on
  completions  print a shell's completion script
  man          print a manual page

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown. -h after a command is its
help, --help all of it.
";

const READ: &str = "\
ssmscope capture.pcap                        every connection's verdict
ssmscope ring*.pcap.gz host 10.106.66.55     several files are one capture
ssmscope -r capture.pcap -nn tcp port 8443   as typed for tcpdump
ssmscope session.txt -vv                     text that tcpdump printed
tcpdump -w - -i eth0 | ssmscope read -       straight from tcpdump
ssmscope read x.pcap -o json | jq .verdict   for scripts

Usage: ssmscope [read] [OPTIONS] FILE... [EXPRESSION]

  --host HOST[:PORT]   only this host: an address, a prefix or a name
  --port PORT          only this port
  -c, --packets N      stop after N packets
  --only FAIL          show these: FAIL, WARN, OK, UNSURE, or a code
  -w, --write FILE     save what is shown as pcapng, verdicts as comments
  -v, -vv              tcpdump's own lines as well
  -o, --output FORM    timeline, table, json, flat, markdown, html, ...
  -f, --follow         read on as the file grows
  --log FILE...        logs of either side, tied to the connections
  --ca-file PEM        trust these CAs when checking certificates
  --stall-after 3      seconds of silence that count as a stall

All options: ssmscope read --help
";

const LIVE: &str = "\
ssmscope live --host ssm.example.net         the interface that leads there
ssmscope -i eth0 port 8443                   as typed for tcpdump
ssmscope -i any -w all.pcapng port 8443      and save every packet
ssmscope live -i eth0 --until failure        until something fails
ssmscope live -i eth0 --record /var/tmp/ssm  a file for each failure

Usage: ssmscope [live] [OPTIONS] [-i INTERFACE] [EXPRESSION]

  -i INTERFACE         `any` is all; `ssmscope interfaces` lists them
  --host HOST[:PORT]   only this host: an address, a prefix or a name
  --port PORT          only this port
  -w, --write FILE     save what is captured, as pcapng
  -c, --packets N      stop after N packets
  --verdicts N         stop after N verdicts
  --duration SECONDS   stop after this time
  -s, --snaplen BYTES  bytes of each packet; 0 is all
  -v, -vv              tcpdump's own lines in full
  -o, --output FORM    timeline, json, flat, markdown, html, ...

All options: ssmscope live --help
";

const CHECK: &str = "\
ssmscope check ssm.example.net               port 8443
ssmscope check https://ssm.example.net/x     port 443, and ask for the page
ssmscope check --ca-file ca.pem ssm.example.net:8443
ssmscope check -o nagios -H ssm.example.net -w 30 -c 7
ssmscope check --targets servers.txt         one line for each server

Usage: ssmscope check [OPTIONS] HOST[:PORT]|URL

  -I, --address IP     connect to this address, whatever the name resolves to
  -4, -6               only IPv4, only IPv6
  -t, --timeout 10     seconds that all of it may take
  --proxy URL          through this proxy, http or socks5; --no-proxy for none
  --ca-file PEM        trust these CAs instead of the system's
  --insecure           accept an unknown issuer; --accept FAULT for other faults
  --sni NAME           the name in the ClientHello; --no-sni for none
  --cert, --key PEM    a client certificate and its key
  --oauth GRANT        ask for a token of SSM On-Prem
  --http PATH          ask for a page
  --capture            capture the check's own packets too
  -o, --output FORM    timeline, table, json, flat, html, nagios, ...

All options: ssmscope check --help
";

const SERVE: &str = "\
ssmscope serve --config serve.toml --check-config     check the configuration
ssmscope serve --config serve.toml                    on 127.0.0.1:9913
ssmscope serve --config serve.toml --listen [::]:9913
curl '127.0.0.1:9913/probe?target=ssm.example.net:8443&module=ssm'

Usage: ssmscope serve [OPTIONS] --config FILE

  --config FILE        modules and targets, in TOML
  --listen IP:PORT     listen on this address; 127.0.0.1:9913 by default
  --check-config       check the configuration and end: status 0 if it is usable

A configuration:

  targets = [\"ssm.example.net:8443\", \"*.example.net:8443\"]

  [modules.ssm]
  ca_file = \"/etc/ssl/ssm.pem\"
  http = \"/\"

All options: ssmscope serve --help
";

const BATCH: &str = "\
ssmscope batch /var/captures                 a line for each capture
ssmscope batch a.pcap b.pcapng.zst folder    folders are walked
ssmscope batch -o flat /var/captures > rows.jsonl
ssmscope batch -o html --into reports --only FAIL /var/captures
ssmscope batch --join 'ring_*' site1 site2   ring files are one capture

Usage: ssmscope batch [OPTIONS] PATH...

  --host HOST[:PORT]   only this host: an address, a prefix or a name
  --port PORT          only this port
  --only FAIL          show these: FAIL, WARN, OK, UNSURE, or a code
  --into FOLDER        one file per capture; existing ones are kept
  --join GLOB          read the files whose names match as one capture
  -j, --jobs N         captures at once; by default one for each core
  -o, --output FORM    table, timeline, json, flat, markdown, html
  --ca-file PEM        trust these CAs when checking certificates
  --stall-after 3      seconds of silence that count as a stall

All options: ssmscope batch --help
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_help_fits_a_screen_and_names_options_that_there_are() {
        let command = super::super::command();
        for name in [None, Some("read"), Some("live"), Some("check"), Some("serve"), Some("batch")] {
            let text = help(name).unwrap();
            assert!(
                text.lines().count() < 24 && text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
            assert!(text.starts_with("ssmscope "), "{text}");
            let Some(of) = name.and_then(|name| command.find_subcommand(name)) else { continue };
            let words = text.split([' ', '\n', ',', ';']).filter_map(|word| word.strip_prefix("--"));
            for long in words.filter(|word| *word != "help") {
                let is_declared = of.get_arguments().any(|arg| arg.get_long() == Some(long));
                assert!(is_declared, "{name:?} --{long}");
            }
        }
    }
}
