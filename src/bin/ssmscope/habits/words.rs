//! Words that are no options: which of them are files, and which are the expression.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use ssmscope::capture::select;

use super::display;

/// Words with which an expression begins (pcap-filter(7)).
const KEYWORDS: [&str; 36] = [
    "and",
    "arp",
    "broadcast",
    "dst",
    "ether",
    "gateway",
    "geneve",
    "greater",
    "host",
    "icmp",
    "icmp6",
    "igmp",
    "inbound",
    "ip",
    "ip6",
    "less",
    "mpls",
    "multicast",
    "net",
    "not",
    "or",
    "outbound",
    "port",
    "portrange",
    "pppoed",
    "pppoes",
    "proto",
    "rarp",
    "sctp",
    "src",
    "tcp",
    "udp",
    "vlan",
    "vxlan",
    "wlan",
    "llc",
];

/// How captures are named, after a dot.
const EXTENSIONS: [&str; 12] =
    ["pcap", "pcapng", "cap", "dmp", "dump", "gz", "zst", "txt", "log", "json", "csv", "html"];

/// The words of a command line, by what they are.
#[derive(Debug, Default)]
pub struct Expressed {
    /// The captures.
    pub files: Vec<OsString>,
    /// What is selected of them, in libpcap's language.
    pub expression: Option<String>,
}

/// Whether a word names a file that there is, or standard input.
pub fn is_file(word: &OsStr) -> bool {
    word == "-" || Path::new(word).exists()
}

/// Whether an expression can begin with this word.
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || word.starts_with(['(', '!'])
}

/// The first word of an expression that is one word on the command line, or several: `host 192.0.2.1` in quotes.
pub fn keyword(word: &OsStr) -> Option<&str> {
    let text = word.to_str()?;
    let first = text.split_ascii_whitespace().next()?;
    // A file may have spaces in its name.
    let is_name = first != text && is_file(word);
    (is_keyword(first) && !is_name).then_some(first)
}

/// Whether a word can hardly be meant as anything but a capture, though there may be none of that name.
pub fn looks_like_capture(word: &str) -> bool {
    let extension = Path::new(word).extension().and_then(OsStr::to_str).unwrap_or_default();
    let is_path = word.contains('/') && word.parse::<ipnet::IpNet>().is_err() && !word.contains("://");
    is_path || EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

/// Sorts the words of `read`, after the files that options named.
///
/// # Errors
/// When they can be neither files nor an expression.
pub fn of_read(
    words: &[OsString],
    named: Vec<OsString>,
    remarks: &mut Vec<String>,
) -> Result<Expressed, String> {
    if let Some(at) = words.iter().position(|word| !is_file(word) && display::is_filter(word)) {
        return Err(display::instead(&words[at..]));
    }
    if !named.is_empty() {
        let first_file = words.first().filter(|word| is_file(word)).cloned();
        let expression = expression(words)?;
        if let (Some(file), Some(text)) = (first_file, &expression)
            && select::syntax_error(text).is_some()
        {
            let file = file.display();
            return Err(format!(
                "after -r the words are a filter, and '{file}' is a file: add it with -r {file}"
            ));
        }
        return Ok(Expressed { files: named, expression });
    }
    let mut files: Vec<OsString> = Vec::new();
    let mut rest = words;
    while let Some((word, others)) = rest.split_first() {
        let keyword = keyword(word);
        if let Some(keyword) = keyword {
            if files.is_empty() {
                let hint = if is_file(word) { "; the file of that name is" } else { "" };
                let place = if hint.is_empty() { String::new() } else { format!(" ./{keyword}") };
                return Err(format!(
                    "'{keyword}' begins a filter, which follows the files: ssmscope read FILE {keyword} ...{hint}{place}"
                ));
            }
            if is_file(word) {
                remarks.push(format!("'{keyword}' begins the filter; write ./{keyword} for the file"));
            }
        }
        let is_first = files.is_empty();
        if keyword.is_none() && files.iter().any(|file| is_file(file)) && !is_file(word) {
            refuse(word, rest)?;
        }
        if keyword.is_some() || !(is_first || is_file(word) || is_missing(rest)) {
            break;
        }
        files.push(word.clone());
        rest = others;
    }
    Ok(Expressed { files, expression: expression(rest)? })
}

/// Refuses a word after the files that is no other file and no expression, where it is plain what was meant.
fn refuse(word: &OsStr, rest: &[OsString]) -> Result<(), String> {
    let Some(text) = word.to_str() else { return Ok(()) };
    let instead = if text.parse::<std::net::IpAddr>().is_ok() {
        format!("host {text}")
    } else if text.parse::<ipnet::IpNet>().is_ok() {
        format!("net {text}")
    } else if text.parse::<u16>().is_ok() {
        format!("port {text}")
    } else if text.eq_ignore_ascii_case("tls") || text.eq_ignore_ascii_case("ssl") {
        "tcp port 443, or tcp port 8443".to_owned()
    } else {
        return Ok(());
    };
    let is_expression =
        || expression(rest).ok().flatten().is_some_and(|text| select::syntax_error(&text).is_none());
    // libpcap would ask the resolver for a name.
    if rest.len() > 1 && is_expression() {
        return Ok(());
    }
    Err(format!("'{text}' is neither a file nor a filter; try: {instead}"))
}

/// Whether these words begin with a file that is missing, and are no expression.
fn is_missing(words: &[OsString]) -> bool {
    let Some(first) = words.first() else { return false };
    let Some(text) = first.to_str() else { return true };
    if !text.contains(['.', '/']) {
        return false;
    }
    // libpcap would ask the resolver for a name, and wait for its answer.
    looks_like_capture(text)
        || expression(words).ok().flatten().is_some_and(|text| select::syntax_error(&text).is_some())
}

/// Takes the words of `live`, which are all of the expression.
///
/// # Errors
/// When they are no text.
pub fn of_live(words: &[OsString]) -> Result<Expressed, String> {
    if let Some(at) = words.iter().position(|word| display::is_filter(word)) {
        return Err(display::instead(&words[at..]));
    }
    let is_capture = |word: &&OsString| is_file(word) && word.to_str().is_some_and(looks_like_capture);
    if let Some(file) = words.first().filter(is_capture) {
        let file = file.display();
        return Err(format!("'{file}' is a file: ssmscope read {file}"));
    }
    Ok(Expressed { files: Vec::new(), expression: expression(words)? })
}

fn expression(words: &[OsString]) -> Result<Option<String>, String> {
    let texts: Option<Vec<_>> = words.iter().map(|word| word.to_str()).collect();
    let text = texts.ok_or("the filter is no text in UTF-8")?.join(" ");
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// Splits the words of a line as a shell does, quotes included; nothing if a quote is not closed.
pub fn split(line: &str) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take().map(OsString::from)),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word.map(OsString::from));
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str, named: &[&str]) -> Result<(String, Option<String>), String> {
        let words = split(words).unwrap();
        let named = named.iter().map(OsString::from).collect();
        let expressed = of_read(&words, named, &mut Vec::new())?;
        let files: Vec<_> = expressed.files.iter().map(|file| file.to_string_lossy()).collect();
        Ok((files.join(" "), expressed.expression))
    }

    #[test]
    fn files_end_where_a_word_is_none() {
        let expect = |files: &str, text: &str| Ok((files.to_owned(), Some(text.to_owned())));
        assert_eq!(read("Cargo.toml - src tcp", &[]), expect("Cargo.toml -", "src tcp"));
        assert_eq!(read("Cargo.toml '(tcp' or udp) - x", &[]), expect("Cargo.toml", "(tcp or udp) - x"));
        assert_eq!(
            read("none.pcap gone.pcap Cargo.toml tcp", &[]),
            expect("none.pcap gone.pcap Cargo.toml", "tcp")
        );
        assert_eq!(read("Cargo.toml net 192.0.2.0/24", &[]), expect("Cargo.toml", "net 192.0.2.0/24"));
        assert_eq!(read("port 443", &["x.pcap"]), expect("x.pcap", "port 443"));
        for (word, instead) in [
            ("192.0.2.1", "host 192.0.2.1"),
            ("2001:db8::1", "host 2001:db8::1"),
            ("192.0.2.0/24", "net 192.0.2.0/24"),
            ("8443", "port 8443"),
            ("tls", "port 443"),
        ] {
            let error = read(&format!("Cargo.toml {word}"), &[]).unwrap_err();
            assert!(error.contains(instead), "{error}");
        }
        assert!(read("Cargo.toml", &["x.pcap"]).unwrap_err().contains("-r Cargo.toml"));
        assert!(read("host 192.0.2.1", &[]).unwrap_err().contains("FILE host"));
        assert!(read("'host 192.0.2.1'", &[]).unwrap_err().contains("FILE host"));
        // A filter with a mistake is a filter.
        for text in ["host 300.1.1.1", "host 192.0.2.1 andport 8443", "(port 443) or host 192.0.2.1.5"] {
            assert_eq!(read(&format!("Cargo.toml '{text}'"), &[]), expect("Cargo.toml", text));
        }
    }

    #[test]
    fn words_of_a_line_may_be_quoted() {
        assert_eq!(split(" -o table  --name 'a b' \"\"").unwrap(), ["-o", "table", "--name", "a b", ""]);
        assert_eq!(split("'open"), None);
    }
}
