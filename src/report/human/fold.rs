//! Folds rows of packets until they fit a screen.

use super::row::{Arrow, Kind, Row};
use crate::packet::Flags;
use crate::report::text::words::{PacketNames, amount, count};
use crate::story::{Entry, Item, Seen};

/// The most rows of a connection, folds and silences included.
pub(super) const ROWS: usize = 16;

/// From this many on, repeats are folded but for the first two and the last.
const REPEATS: usize = 5;

/// Folds rows.
pub(super) struct Fold<'a> {
    pub(super) items: &'a [Item],
    pub(super) names: &'a PacketNames<'a>,
}

impl Fold<'_> {
    /// Folds what repeats, acknowledges or closes, further and further until [`ROWS`] are left; more than that where it
    /// `is_tight`. The fault is never folded.
    pub(super) fn fold_all(&self, rows: &mut Vec<Row>, is_tight: bool) {
        self.repeats(rows, is_tight);
        self.closings(rows);
        self.runs(rows, Kind::Ack, 2);
        let is_long = |rows: &[Row]| rows.len() > ROWS;
        if is_tight || is_long(rows) {
            self.opening(rows);
            rows.retain(|row| row.kind != Kind::Ack);
        }
        if is_long(rows) {
            for row in rows.iter_mut() {
                if matches!(row.kind, Kind::Repeat | Kind::Ack) {
                    row.kind = Kind::Data;
                }
            }
            self.runs(rows, Kind::Data, 2);
        }
        if is_long(rows) {
            self.middle(rows);
        }
    }

    /// Many repeats, but for the first two and the last; all of them where there is little room.
    fn repeats(&self, rows: &mut Vec<Row>, is_tight: bool) {
        let mut at = 0;
        while at < rows.len() {
            let is_same = |row: &Row| row.kind == Kind::Repeat && row.arrow == rows[at].arrow;
            let run = rows[at..].iter().take_while(|row| is_same(row)).count();
            if is_tight && run > 1 {
                let folded = self.fold(&rows[at..at + run]);
                let text = vec![format!("packets {}", folded.label)];
                let arrow = Arrow::Several(format!("{run} retransmissions"));
                rows.splice(at..at + run, [Row { label: ":".to_owned(), at: None, arrow, text, ..folded }]);
                at += 1;
            } else if run >= REPEATS {
                let (first, last) = (at + 2, at + run - 1);
                let folded = self.fold(&rows[first..last]);
                let times: Vec<_> = rows[first - 1..last].iter().filter_map(|row| row.at).collect();
                let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let apart = match (gaps.iter().min(), gaps.iter().max()) {
                    (Some(least), Some(most)) if least.to_string() == most.to_string() => {
                        format!(", {least} apart")
                    }
                    _ => String::new(),
                };
                let arrow = Arrow::Several(format!("{} more{apart}", last - first));
                let text = vec![format!("packets {}", folded.label)];
                rows.splice(first..last, [Row { label: ":".to_owned(), at: None, arrow, text, ..folded }]);
                at += 4;
            } else {
                at += run.max(1);
            }
        }
    }

    /// FINs, RSTs and their acknowledgements from the first of them on, where nothing else follows.
    fn closings(&self, rows: &mut Vec<Row>) {
        let is_end = |row: &Row| !row.is_fault && matches!(row.kind, Kind::Closing | Kind::Ack);
        let run = rows.iter().rev().take_while(|row| is_end(row)).count();
        let begin = rows.len() - run;
        let Some(first) = rows[begin..].iter().position(|row| row.kind == Kind::Closing) else { return };
        let begin = begin + first;
        if rows.len() - begin >= 2 {
            let folded = Row { text: vec!["closing".to_owned()], ..self.fold(&rows[begin..]) };
            rows.splice(begin.., [folded]);
        }
    }

    /// The TCP handshake.
    fn opening(&self, rows: &mut Vec<Row>) {
        let run = rows.iter().take_while(|row| !row.is_fault && row.kind == Kind::Opening).count();
        if run >= 2 {
            let trip =
                rows[..run].iter().find_map(|row| row.text.iter().find_map(|text| text.split_once("RTT ")));
            let trip = trip.map(|(_, trip)| format!(", RTT {trip}")).unwrap_or_default();
            let text = format!("{}{trip}", self.opening_steps(&rows[..run]));
            let folded = Row { text: vec![text], ..self.fold(&rows[..run]) };
            rows.splice(..run, [folded]);
        }
    }

    /// What the packets of an opening are, and which one of the three was not captured.
    fn opening_steps(&self, rows: &[Row]) -> String {
        let items = rows.iter().flat_map(|row| row.items.iter());
        let flags: Vec<Flags> = items
            .filter_map(|index| match &self.items[*index] {
                Item::Packet(entry) => header_flags(entry),
                Item::Fold { .. } => None,
            })
            .collect();
        let [syn, answer, ack] = [(true, false), (true, true), (false, true)]
            .map(|kind| flags.iter().any(|flags| (flags.syn(), flags.ack()) == kind));
        match [syn, answer, ack] {
            [true, true, true] | [false, false, false] => "TCP handshake".to_owned(),
            [true, true, false] => "SYN, SYN-ACK".to_owned(),
            [true, false, true] => "SYN, ACK; SYN-ACK not captured".to_owned(),
            [false, true, true] => "SYN-ACK, ACK; SYN not captured".to_owned(),
            [true, false, false] => "SYN".to_owned(),
            [false, true, false] => "SYN-ACK; SYN not captured".to_owned(),
            [false, false, true] => "ACK".to_owned(),
        }
    }

    /// Folds runs of at least `least` rows of a kind.
    fn runs(&self, rows: &mut Vec<Row>, kind: Kind, least: usize) {
        let mut at = 0;
        while at < rows.len() {
            let run = rows[at..].iter().take_while(|row| !row.is_fault && row.kind == kind).count();
            if run >= least {
                let folded = self.fold(&rows[at..at + run]);
                rows.splice(at..at + run, [folded]);
            }
            at += 1;
        }
    }

    /// Folds everything between the first and the last rows, except the fault.
    fn middle(&self, rows: &mut Vec<Row>) {
        const FIRST: usize = 6;
        let last = rows.len() - (ROWS - FIRST - 3);
        let fault = rows[FIRST..last].iter().position(|row| row.is_fault).map(|at| FIRST + at);
        for (from, to) in match fault {
            Some(fault) => vec![(fault + 1, last), (FIRST, fault)],
            None => vec![(FIRST, last)],
        } {
            if to > from + 1 {
                let folded = self.fold(&rows[from..to]);
                rows.splice(from..to, [folded]);
            }
        }
    }

    /// Several rows as one.
    fn fold(&self, rows: &[Row]) -> Row {
        let items: Vec<usize> = rows.iter().flat_map(|row| row.items.iter().copied()).collect();
        // Bare ACKs between them, whose rows were left out, are among the packets as well.
        let ends = items.iter().min().copied().zip(items.iter().max().copied());
        let items: Vec<usize> = ends.map(|(first, last)| (first..=last).collect()).unwrap_or_default();
        let entries: Vec<&Entry> = items
            .iter()
            .filter_map(|index| match &self.items[*index] {
                Item::Packet(entry) => Some(&**entry),
                Item::Fold { .. } => None,
            })
            .collect();
        let (packets, bytes) =
            items.iter().fold((0, 0), |(packets, bytes), index| match &self.items[*index] {
                Item::Packet(entry) => (packets + 1, bytes + payload(entry)),
                Item::Fold { packets: folded, bytes: more, .. } => (packets + folded, bytes + more),
            });
        // Numbers of one connection need not follow one another, but a range of them is searched in one step.
        let ends = items.first().zip(items.last()).map(|(first, last)| {
            let first = match &self.items[*first] {
                Item::Packet(entry) => entry.moment.number,
                Item::Fold { first, .. } => first.number,
            };
            let last = match &self.items[*last] {
                Item::Packet(entry) => entry.moment.number,
                Item::Fold { last, .. } => last.number,
            };
            (first, last)
        });
        let label = match (entries.as_slice(), ends) {
            // Packets that were folded before have numbers too.
            ([_, ..], Some((first, last))) if last > first && !self.names.has_files() => {
                format!("{first}-{last}")
            }
            ([first, ..], _) => self.names.at(first.moment.number, first.origin),
            ([], _) => ":".to_owned(),
        };
        let flags: Vec<String> = entries.iter().filter_map(|entry| flags(entry)).collect();
        let arrow = if flags.len() as u64 == packets && packets <= 4 && bytes == 0 {
            Arrow::Several(flags.join(" "))
        } else {
            Arrow::Several(format!("{}, {}", count(packets, "packet"), amount(bytes)))
        };
        let is_acks = rows.iter().all(|row| row.kind == Kind::Ack);
        let text = if is_acks { vec!["ACK".to_owned()] } else { Vec::new() };
        Row {
            items,
            label,
            at: rows.iter().find_map(|row| row.at),
            until: rows.iter().rev().find_map(|row| row.until),
            arrow,
            text,
            is_fault: false,
            is_dim: true,
            kind: rows.first().map_or(Kind::Data, |row| row.kind),
        }
    }
}

fn payload(entry: &Entry) -> u64 {
    match &entry.seen {
        Seen::Segment { header, .. } => u64::from(header.payload_len.unwrap_or(0)),
        Seen::Icmp(..) => 0,
    }
}

fn flags(entry: &Entry) -> Option<String> {
    header_flags(entry).map(|flags| format!("[{flags}]"))
}

fn header_flags(entry: &Entry) -> Option<Flags> {
    match &entry.seen {
        Seen::Segment { header, .. } => header.tcp.flags,
        Seen::Icmp(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Story;
    use crate::story::script::talk::{client_hello, data, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    /// The words on the opening's packets, as one row.
    fn opening(story: &Story) -> String {
        let origins = crate::report::Origins::default();
        let names = PacketNames::new(&[], &origins);
        let items = story.timeline.items(usize::MAX);
        let verdict = story.verdict();
        let rows = super::super::rows::rows(story, &verdict, &items, &names, true, false);
        rows.first().map(|row| row.text.join(" ")).unwrap_or_default()
    }

    #[test]
    fn an_opening_names_the_packets_that_were_captured() {
        let talk = ssm().open().say(Client, &client_hello()).ack(Server).wait(8_000).fin(Client);
        assert!(opening(&talk.story(0)).starts_with("TCP handshake"), "{}", opening(&talk.story(0)));
        assert_eq!(opening(&talk.only(Client).story(0)), "SYN, ACK; SYN-ACK not captured");
    }

    #[test]
    fn a_fold_counts_all_packets_of_its_range() {
        let talk = exchange();
        let talk = (0..200).fold(talk, |talk, _| talk.say(Server, &data()).say(Server, &data()).ack(Client));
        let story = talk.wait(20_000).rst(Client).story(0);
        let origins = crate::report::Origins::default();
        let names = PacketNames::new(&[], &origins);
        let (items, verdict) = (story.timeline.items(usize::MAX), story.verdict());
        let rows = super::super::rows::rows(&story, &verdict, &items, &names, true, false);
        let mut ranges = 0;
        for row in rows {
            let Arrow::Several(text) = &row.arrow else { continue };
            let Some((first, last)) = row.label.split_once('-') else { continue };
            let Some((packets, _)) = text.split_once(" packets") else { continue };
            let number = |text: &str| text.parse::<u64>().expect("a number");
            assert_eq!(number(packets), number(last) - number(first) + 1, "{}: {text}", row.label);
            ranges += 1;
        }
        assert!(ranges > 0, "a fold was expected");
    }
}
