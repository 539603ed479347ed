//! Lines that tcpdump and vManage print around the packets.

use super::scan::split_rare;

/// What those lines show.
#[derive(Clone, Debug, Default)]
pub struct Banner {
    /// The smallest snapshot length named.
    pub snaplen: Option<u32>,
    /// The link type's name, as in `EN10MB`.
    pub link_type: Option<String>,
    /// Packets dropped, over all trailers.
    pub dropped: Option<u64>,
    /// Packets captured, over all trailers.
    pub captured: Option<u64>,
    /// Whether the command was given `-ttt`, where times count from the packet before.
    pub is_delta: bool,
    /// Whether the latest command leaves out replies: it selects by flags, or one direction.
    pub is_selective: bool,
    /// Lines that begin or end a run of tcpdump: commands, what it listens on, what it captured.
    pub runs: u64,
}

impl Banner {
    /// Takes `text`. Returns whether it was such a line.
    pub fn read(&mut self, text: &str) -> bool {
        let text = text.trim_start_matches("^C").trim_start();
        text.starts_with("```")
            || self.read_trailer(text)
            || self.read_beginning(text)
            || self.read_command(text)
    }

    /// `10 packets captured`, `0 packets dropped by kernel`.
    fn read_trailer(&mut self, text: &str) -> bool {
        let Some((number, words)) = text.split_once(' ') else { return false };
        let Ok(number) = number.parse::<u64>() else { return false };
        let Some(words) = words.strip_prefix("packets ").or_else(|| words.strip_prefix("packet ")) else {
            return false;
        };
        let sum = |total: Option<u64>| Some(total.unwrap_or(0).saturating_add(number));
        match words.trim_end() {
            "captured" => {
                self.captured = sum(self.captured);
                self.runs += 1;
            }
            "dropped by kernel" | "dropped by interface" => self.dropped = sum(self.dropped),
            words => return words.starts_with("received by filter"),
        }
        true
    }

    /// `tcpdump: listening on eth0, link-type EN10MB (Ethernet), capture size 128 bytes`; since 4.99 it prints
    /// `snapshot length 262144 bytes`.
    fn read_beginning(&mut self, text: &str) -> bool {
        let text = text.strip_prefix("tcpdump: ").unwrap_or(text);
        if ["verbose output suppressed", "data link type "].iter().any(|start| text.starts_with(start)) {
            return true;
        }
        if !["listening on ", "reading from file "].iter().any(|start| text.starts_with(start)) {
            return false;
        }
        self.runs += 1;
        if let Some((_, after)) = text.split_once("link-type ") {
            self.link_type = after.split_once([' ', ',']).map(|(name, _)| name.to_owned());
        }
        let length = ["capture size ", "snapshot length "].iter().find_map(|name| text.split_once(name));
        if let Some((_, after)) = length {
            // A number that ends the line may have been cut from libpcap's usual ones.
            let (number, is_whole) =
                after.split_once(' ').map_or((after, false), |(number, _)| (number, true));
            let may_be_cut =
                ["262144", "65535"].iter().any(|usual| usual.starts_with(number) && *usual != number);
            self.add_snaplen(Some(number).filter(|_| is_whole || !may_be_cut));
        }
        true
    }

    /// `tcpdump -p -i eth0 -s 128 host 10.0.0.1 -nn -vv in VPN 0`, with a prompt before it or without.
    fn read_command(&mut self, text: &str) -> bool {
        let Some((prompt, command)) = split_rare(text, "tcpdump ") else { return false };
        let is_prompt =
            prompt.trim().is_empty() || prompt.trim_end().ends_with(['#', '$', '>', '%', '/', ':']);
        let is_command = command.starts_with('-') || command.contains(" -") || command.starts_with("vpn ");
        if !(is_command && (is_prompt || prompt.trim_end().ends_with("sudo"))) {
            return false;
        }
        self.runs += 1;
        self.is_selective = is_selective(command);
        let mut words = command.split([' ', '"']).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            if let Some(attached) = word.strip_prefix("-s") {
                // The word after it shows that the number is whole.
                let number = if attached.is_empty() { words.next() } else { Some(attached) };
                self.add_snaplen(number.filter(|_| words.peek().is_some()));
            }
            self.is_delta |= word == "-ttt";
        }
        true
    }

    fn add_snaplen(&mut self, number: Option<&str>) {
        let Some(number) = number.and_then(|number| number.parse().ok()).filter(|number| *number > 0) else {
            return;
        };
        self.snaplen = Some(self.snaplen.map_or(number, |smallest| smallest.min(number)));
    }
}

/// Whether tcpdump's command line leaves out replies: by a filter on flags (`tcp[13] == 2`), on one direction (`src`, `dst`, `-Q in`), or by
/// a `grep` for one of them.
fn is_selective(command: &str) -> bool {
    let words = || command.split([' ', '"', '\'', '(', ')']);
    let has = |word: &str| words().any(|other| other == word);
    let grep = split_rare(command, "grep ").map_or("", |(_, pattern)| pattern);
    let is_one_way = has("src") != has("dst") || has("inbound") || has("outbound");
    let is_direction = words().zip(words().skip(1)).any(|(option, value)| option == "-Q" && value != "inout");
    let is_greps = ["[S", "Flags", "SYN", "> ", "RST"].iter().any(|pattern| grep.contains(pattern));
    command.contains("tcp[") || command.contains("tcp-syn") || is_one_way || is_direction || is_greps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vmanage_s_lines_show_the_snapshot_length() {
        let mut banner = Banner::default();
        for line in [
            "vManage# tcpdump vpn 0 interface eth0 options \"host 10.106.66.55 -nn -vv\"",
            "tcpdump -p -i eth0 -s 128 host 10.106.66.55 -nn -vv in VPN 0",
            "tcpdump: listening on eth0, link-type EN10MB (Ethernet), capture size 128 bytes",
            "```",
            "^C10 packets captured",
            "12 packets received by filter",
            "2 packets dropped by kernel",
            "1 packet dropped by interface",
        ] {
            assert!(banner.read(line), "{line}");
        }
        assert_eq!((banner.snaplen, banner.captured, banner.dropped), (Some(128), Some(10), Some(3)));
        assert_eq!(banner.link_type.as_deref(), Some("EN10MB"));
    }

    #[test]
    fn a_command_that_leaves_out_replies_is_known() {
        let of = |line: &str| {
            let mut banner = Banner::default();
            assert!(banner.read(line), "{line}");
            banner.is_selective
        };
        for line in [
            "# tcpdump -nni eth0 'tcp[tcpflags] == tcp-syn and port 8443'",
            "$ sudo tcpdump -nni eth0 dst host 10.0.0.2 and port 8443",
            "$ sudo tcpdump -nni eth0 port 8443 | grep 'Flags \\[S\\]'",
            "tcpdump -nn -Q out port 443",
        ] {
            assert!(of(line), "{line}");
        }
        for line in [
            "tcpdump -nn -i any host 10.0.0.2 and port 8443",
            "tcpdump -nn src host 10.0.0.2 or dst host 10.0.0.2",
            "tcpdump -nni eth0 port 8443 | grep 10.0.0.2",
        ] {
            assert!(!of(line), "{line}");
        }
    }

    #[test]
    fn prose_is_not_taken_for_them() {
        for line in ["I ran tcpdump on eth0", "3 packets were lost", "10.0.0.1 > 10.0.0.2", ""] {
            assert!(!Banner::default().read(line), "{line}");
        }
    }
}
