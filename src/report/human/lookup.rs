//! A question that got no usable answer, as rows: what was asked, and the outcome.

use super::row::{Arrow, Awaited, Kind, Row};
use crate::analysis::{LookupSubject, Summary, Unanswered};
use crate::packet::Host;
use crate::report::text::escape::escaped;
use crate::report::text::lookups;
use crate::report::text::words::count;
use crate::story::Moment;
use crate::tcp::Role;
use crate::time::Timestamp;

/// Further questions without an answer that are named.
const FURTHER: usize = 3;

/// Who asked, as it is shown: one host, or several.
pub(super) fn client(found: &Unanswered, summary: &Summary) -> String {
    let client = found.client.map(|client| escaped(&summary.names.show(client).to_string()));
    client.unwrap_or_else(|| "several hosts".to_owned())
}

/// Who should have answered, and what it is.
pub(super) fn far_end(found: &Unanswered, summary: &Summary) -> (String, &'static str) {
    let show = |host: Host| escaped(&summary.names.show(host).to_string());
    match &found.subject {
        LookupSubject::Name(_, resolver, _) => (show(*resolver), "resolver"),
        LookupSubject::Neighbor(host) => (show(*host), "host"),
    }
}

/// The question's packets, and the answer or that there was none.
pub(super) fn rows(found: &Unanswered, summary: &Summary) -> Vec<Row> {
    let (protocol, question) = match &found.subject {
        LookupSubject::Name(name, ..) => ("DNS", format!("the address of {}?", escaped(name))),
        LookupSubject::Neighbor(host) if host.is_ipv6() => ("NDP", who_has(*host, summary)),
        LookupSubject::Neighbor(host) => ("ARP", who_has(*host, summary)),
    };
    let asks = || Arrow::From(Role::Client, protocol.to_owned());
    let mut rows = vec![row(found.first, asks(), question)];
    if let (Some(at), LookupSubject::Name(name, ..)) = (found.other_type, &found.subject) {
        rows.push(row(at, asks(), format!("the address of {}? (for the other IP version)", escaped(name))));
    }
    if let Some((repeated, first, last)) = found.repeated {
        let label = match repeated {
            1 => first.number.to_string(),
            _ => format!("{}-{}", first.number, last.number),
        };
        let row = row(first, asks(), count(repeated, "retransmission"));
        rows.push(Row { kind: Kind::Repeat, label, until: Some(last.at), ..row });
    }
    let answer = lookups::of(found, &summary.names).answer();
    let fault = match (found.answered, answer) {
        (Some(at), Some(answer)) => row(at, Arrow::From(Role::Server, protocol.to_owned()), answer),
        _ => silence(found, summary.end),
    };
    rows.push(Row { is_fault: true, ..fault });
    // A silence has no time of its own and is the last.
    rows.sort_by_key(|row| (row.at.is_none(), row.at));
    rows
}

fn who_has(host: Host, summary: &Summary) -> String {
    format!("who has {}?", escaped(&summary.names.show(host).to_string()))
}

fn row(moment: Moment, arrow: Arrow, text: String) -> Row {
    Row {
        items: Vec::new(),
        label: moment.number.to_string(),
        at: Some(moment.at),
        until: Some(moment.at),
        arrow,
        text: vec![text],
        is_fault: false,
        is_dim: false,
        kind: Kind::Key,
    }
}

/// No reply up to the end of the capture.
fn silence(found: &Unanswered, end: Timestamp) -> Row {
    let awaited = Awaited { from: Role::Server, since: found.first.at };
    let elapsed = end - found.last.at;
    let arrow = Arrow::Gap("no reply", Some(elapsed).filter(|elapsed| elapsed.nanos() > 0), Some(awaited));
    Row {
        items: Vec::new(),
        label: String::new(),
        at: None,
        until: None,
        arrow,
        text: vec!["until the end of the capture".to_owned()],
        is_fault: false,
        is_dim: false,
        kind: Kind::Key,
    }
}

/// The other questions of the capture that got no usable answer and count.
pub(super) fn further(summary: &Summary) -> Vec<String> {
    let others = || summary.unanswered.iter().filter(|found| found.is_critical).skip(1);
    let named = others().take(FURTHER).map(|found| lookups::of(found, &summary.names).line());
    let left = others().skip(FURTHER).count();
    let left = (left > 0).then(|| format!("{} that failed", count(left as u64, "further lookup")));
    named.chain(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::LookupFault;
    use crate::packet::NoAddress;

    fn moment(number: u64) -> Moment {
        Moment { number, at: Timestamp::from_parts(number as i64, 0) }
    }

    fn found(subject: LookupSubject, asked: u64, answered: Option<Moment>) -> Unanswered {
        Unanswered {
            fault: LookupFault::NameUnknown,
            is_critical: true,
            subject,
            client: None,
            asked,
            first: moment(1),
            last: moment(asked),
            other_type: None,
            repeated: (asked > 1).then(|| (asked - 1, moment(2), moment(asked))),
            answered,
            evidence: vec![1],
        }
    }

    fn shown(subject: LookupSubject, asked: u64, answered: Option<Moment>) -> Vec<(String, Arrow, bool)> {
        let found = found(subject, asked, answered);
        let summary = Summary { end: moment(9).at, unanswered: vec![found.clone()], ..Summary::default() };
        assert_eq!(client(&found, &summary), "several hosts");
        let rows = rows(&found, &summary).into_iter();
        rows.map(|row| (row.text.concat(), row.arrow, row.is_fault)).collect()
    }

    #[test]
    fn the_answer_is_the_fault_or_that_there_was_none() {
        let resolver = Host::from([192, 0, 2, 53]);
        let name = |answer| LookupSubject::Name("ssm\u{202e}.example".to_owned(), resolver, answer);
        let rows = shown(name(Some(NoAddress::Rcode(3))), 1, Some(moment(2)));
        assert!(rows[0].0.starts_with("the address of ssm") && !rows[0].0.contains('\u{202e}'), "{rows:?}");
        assert_eq!(rows[1].1, Arrow::From(Role::Server, "DNS".to_owned()));
        assert!(rows[1].0.starts_with("NXDOMAIN") && rows[1].2);
        let mut both = found(name(Some(NoAddress::Rcode(3))), 2, Some(moment(2)));
        (both.other_type, both.repeated) = (Some(moment(3)), None);
        let labels: Vec<_> =
            super::rows(&both, &Summary::default()).into_iter().map(|row| row.label).collect();
        assert_eq!(labels, ["1", "2", "3"], "in the order of packets");
        let rows = shown(LookupSubject::Neighbor(resolver), 3, None);
        assert_eq!((rows.len(), rows[0].0.as_str()), (3, "who has 192.0.2.53?"));
        assert_eq!(rows[1].0, "2 retransmissions");
        assert!(matches!(rows[2].1, Arrow::Gap("no reply", Some(_), Some(_))) && rows[2].2);
    }
}
