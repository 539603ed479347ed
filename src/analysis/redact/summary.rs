//! The summary of a capture without names. Its connections were redacted before they were counted.

use std::collections::HashSet;

use super::{Redaction, StandIns};
use crate::analysis::{Failure, LookupSubject, Search, Summary, Unanswered};
use crate::capture::{About, FileAbout, FileNote, ReadError};
use crate::packet::Other;

impl StandIns {
    /// Replaces what names somebody and was not counted from connections.
    pub(in crate::analysis) fn summary(&mut self, summary: &mut Summary) {
        summary.neighbours = std::mem::take(&mut summary.neighbours)
            .into_iter()
            .map(|(host, search)| {
                let Search { asker, .. } = search;
                let asker = asker.map(|asker| self.host(asker));
                (self.host(host), Search { asker, ..search })
            })
            .collect();
        for Unanswered {
            client,
            subject,
            fault: _,
            is_critical: _,
            asked: _,
            first: _,
            last: _,
            other_type: _,
            repeated: _,
            answered: _,
            evidence: _,
        } in &mut summary.unanswered
        {
            *client = client.map(|client| self.host(client));
            match subject {
                LookupSubject::Name(name, resolver, _) => {
                    *name = self.written_host(name);
                    *resolver = self.host(*resolver);
                }
                LookupSubject::Neighbor(host) => *host = self.host(*host),
            }
        }
        // The same table is looked at for each of both.
        let stand_ins = std::cell::RefCell::new(&mut *self);
        summary.lookups.redact(
            |host| stand_ins.borrow_mut().host(host),
            |name| stand_ins.borrow_mut().written_host(name),
        );
        if let Some(logs) = &mut summary.logs {
            self.log_summary(logs);
        }
        self.names_in(summary);
        summary.is_redacted = true;
        summary.shared_stand_ins = self.shared;
        if let Some(Failure::Select(_)) = &summary.error {
            // It quotes the filter.
            let what = "the filter can't be applied to it".to_owned();
            summary.error = Some(ReadError { file: "the input".to_owned(), what, hint: None }.into());
        }
        // A word that a text has instead of a protocol can be anything.
        let others = std::mem::take(&mut summary.others);
        for (other, count) in others {
            let other = match other {
                Other::Printed(_) => Other::Printed("other text".into()),
                other => other,
            };
            *summary.others.entry(other).or_default() += count;
        }
    }

    /// What the capture calls hosts. Those of connections have their stand-ins by now.
    fn names_in(&mut self, summary: &mut Summary) {
        if summary.names.is_empty() {
            return;
        }
        let given: HashSet<String> = self.names.values().cloned().collect();
        summary.names = summary
            .names
            .renamed(|name| if given.contains(&*name.host) { name.clone() } else { self.named(name) });
    }

    /// The files by numbers. What is noted of text quotes it, and is left out.
    pub(super) fn about(&mut self, about: &About) -> About {
        let is_text = |file: u16| about.files.get(usize::from(file)).is_some_and(|file| file.is_text);
        let (kept, quoting): (Vec<_>, Vec<_>) =
            about.notes.iter().cloned().partition(|note| !is_text(note.file));
        let mut notes: Vec<_> = kept.into_iter().map(|note| self.remark(note, about)).collect();
        if let Some(note) = quoting.first() {
            let text = format!(
                "{} left out, since they quote it",
                match quoting.len() {
                    1 => "1 remark on the text was".to_owned(),
                    count => format!("{count} remarks on the text were"),
                }
            );
            notes.push(FileNote { file: note.file, text });
        }
        if !about.files.is_empty() {
            notes.insert(0, FileNote { file: 0, text: Redaction::SENTENCE.to_owned() });
        }
        let files = about.files.iter().map(|file| FileAbout { name: self.file(&file.name), ..file.clone() });
        About { files: files.collect(), notes, unread: about.unread.clone(), ..*about }
    }

    /// What is noted of an interface begins with its name.
    fn remark(&mut self, note: FileNote, about: &About) -> FileNote {
        let file = about.files.get(usize::from(note.file)).map(|file| file.name.as_str());
        let Some(name) = file.filter(|name| !name.is_empty()) else { return note };
        match note.text.strip_prefix(name) {
            Some(rest) => FileNote { text: self.file(name) + rest, ..note },
            None => note,
        }
    }

    pub(super) fn error(&mut self, error: ReadError) -> ReadError {
        let ReadError { file, what, hint: _ } = error;
        let stand_in = self.file(&file);
        // What goes wrong with a name may quote it.
        let what = if file.is_empty() { what } else { what.replace(&file, &stand_in) };
        ReadError { file: stand_in, what, hint: None }
    }
}
