//! The forms of output.

use std::str::FromStr;

use super::machine::flat::Format;

/// What is reported on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A capture, read or made.
    Capture,
    /// An active check.
    Check,
    /// Many captures, each by itself.
    Batch,
}

/// What there is to know about a form.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
struct Traits {
    name: &'static str,
    /// What it shows of a capture, of a check and of many captures, in one sentence; nothing if it is not for them.
    capture: Option<&'static str>,
    check: Option<&'static str>,
    batch: Option<&'static str>,
    has_packets: bool,
    lists: bool,
    shows_unread: bool,
    is_plugin: bool,
    extension: &'static str,
    is_of_one_input: bool,
    names_inputs: bool,
    has_verdicts: bool,
    needs_clock: bool,
    has_attempts: bool,
    draws_transfers: bool,
    can_be_redacted: bool,
}

impl Traits {
    /// Those of a form that shows verdicts as text and has nothing special.
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            capture: None,
            check: None,
            batch: None,
            has_packets: false,
            lists: false,
            shows_unread: false,
            is_plugin: false,
            extension: "txt",
            is_of_one_input: false,
            names_inputs: false,
            has_verdicts: true,
            needs_clock: false,
            has_attempts: false,
            draws_transfers: false,
            can_be_redacted: true,
        }
    }
}

/// Defines the forms, each with its traits.
macro_rules! forms {
    ($($(#[$doc:meta])* $form:ident $(($of:ty = $usual:expr))? => $traits:expr,)*) => {
        /// A form in which a capture or an active check is reported.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Form { $($(#[$doc])* $form $(($of))?,)* }

        impl Form {
            /// All forms, in the order in which they are offered.
            pub const ALL: [Self; [$(stringify!($form)),*].len()] = [$(Self::$form $(($usual))?),*];

            fn traits(self) -> Traits {
                match self { $(Self::$form { .. } => $traits,)* }
            }
        }
    };
}

forms! {
    /// Each connection's packets, or a check's steps, with notes and verdicts.
    Timeline => Traits {
        capture: Some("Each connection's packets as tcpdump prints them, with notes, and its verdict"),
        check: Some("The steps with their times, and the verdict"),
        has_packets: true,
        has_attempts: true,
        ..Traits::named("timeline")
    },
    /// A row for each connection, or for each part of a check.
    Table => Traits {
        capture: Some("One row per connection, and a summary by server"),
        check: Some("A row for each part"),
        batch: Some("One row per file: its connections, how many failed, and the worst verdict"),
        lists: true,
        ..Traits::named("table")
    },
    /// JSON Lines for scripts.
    Json => Traits {
        capture: Some("JSON Lines for scripts: a connection object for each, then a summary"),
        check: Some("JSON Lines for scripts: connection objects, a check object, and a summary"),
        batch: Some("JSON Lines for scripts: connection objects and a file object for each file, then a summary"),
        extension: "jsonl",
        has_attempts: true,
        lists: true,
        ..Traits::named("json")
    },
    /// A row of scalar columns for each connection.
    Flat(Format = Format::Jsonl) => Traits {
        capture: Some(FLAT),
        check: Some(FLAT),
        batch: Some(FLAT),
        shows_unread: true,
        extension: "flat.jsonl",
        names_inputs: true,
        lists: true,
        ..Traits::named("flat")
    },
    /// Markdown for a ticket.
    Markdown => Traits {
        capture: Some("Markdown for a ticket: each kind of failure with its packets"),
        batch: Some("Markdown for a ticket, a section for each file"),
        has_packets: true,
        extension: "md",
        ..Traits::named("markdown")
    },
    /// One HTML page.
    Html => Traits {
        capture: Some("One HTML page with the answer, a ladder diagram of each kind of failure, and the proof"),
        check: Some("One HTML page with the answer, the steps, and the proof"),
        batch: Some("One HTML page for each file; needs --into"),
        has_packets: true,
        extension: "html",
        is_of_one_input: true,
        names_inputs: true,
        has_attempts: true,
        draws_transfers: true,
        ..Traits::named("html")
    },
    /// A monitoring plugin's status line, with performance data and failures.
    Nagios => Traits {
        capture: Some("A monitoring plugin's status line with performance data, and a line per failure"),
        check: Some("A monitoring plugin's status line with performance data"),
        shows_unread: true,
        is_plugin: true,
        ..Traits::named("nagios")
    },
    /// Metrics in Prometheus' text format.
    Prometheus => Traits {
        capture: Some("Metrics in Prometheus' text format"),
        check: Some("Metrics in Prometheus' text format"),
        shows_unread: true,
        ..Traits::named("prometheus")
    },
    /// Packets alone, as tcpdump prints them.
    Tcpdump => Traits {
        capture: Some("Packets only, in tcpdump -nn format"),
        has_verdicts: false,
        needs_clock: true,
        can_be_redacted: false,
        ..Traits::named("tcpdump")
    },
}

/// What the flat form shows of everything.
const FLAT: &str = "One row of scalar columns per connection, for tables: JSON Lines, or CSV by --format";

impl Form {
    /// The form's name on the command line.
    pub fn name(self) -> &'static str {
        self.traits().name
    }

    /// What the form shows of a subject, in one sentence; nothing if it is not for that subject.
    pub fn summary(self, subject: Subject) -> Option<&'static str> {
        let traits = self.traits();
        match subject {
            Subject::Capture => traits.capture,
            Subject::Check => traits.check,
            Subject::Batch => traits.batch,
        }
    }

    /// Whether it has a row or an object for each connection.
    pub fn lists(self) -> bool {
        self.traits().lists
    }

    /// Whether it shows the packets of connections.
    pub fn has_packets(self) -> bool {
        self.traits().has_packets
    }

    /// Whether it has something to show where nothing could be read.
    pub fn shows_unread(self) -> bool {
        self.traits().shows_unread
    }

    /// Whether it is a monitoring plugin's: everything goes to standard output, errors too, thresholds alert, and the run has an
    /// end within the plugins' usual time.
    pub fn is_plugin(self) -> bool {
        self.traits().is_plugin
    }

    /// How the name of a file ends that holds it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Flat(Format::Csv) => "flat.csv",
            #[cfg(feature = "parquet")]
            Self::Flat(Format::Parquet) => "parquet",
            _ => self.traits().extension,
        }
    }

    /// Whether it is a file for one input, as a page is, so that many inputs need a folder of files.
    pub fn is_of_one_input(self) -> bool {
        match self {
            Self::Flat(format) => !format.is_continuable(),
            _ => self.traits().is_of_one_input,
        }
    }

    /// Whether it identifies its input by the SHA-256 of the content.
    pub fn names_inputs(self) -> bool {
        self.traits().names_inputs
    }

    /// Whether it shows verdicts.
    pub fn has_verdicts(self) -> bool {
        self.traits().has_verdicts
    }

    /// Whether it needs to know the capture's clock before the first packet.
    pub fn needs_clock(self) -> bool {
        self.traits().needs_clock
    }

    /// Whether it shows the attempts of logs where there is no capture.
    pub fn has_attempts(self) -> bool {
        self.traits().has_attempts
    }

    /// Whether it has pictures of transfers, which need samples of the packets that a timeline folds.
    pub fn draws_transfers(self) -> bool {
        self.traits().draws_transfers
    }

    /// Whether it can be written without the original addresses and names: it shows stories and verdicts, not packets as they came.
    pub fn can_be_redacted(self) -> bool {
        self.traits().can_be_redacted
    }
}

/// A name that no form has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no form of output")]
pub struct NoForm;

impl FromStr for Form {
    type Err = NoForm;

    fn from_str(name: &str) -> Result<Self, NoForm> {
        Self::ALL.into_iter().find(|form| form.name() == name).ok_or(NoForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_by_its_name() {
        for form in Form::ALL {
            assert_eq!(form.name().parse(), Ok(form));
            assert!(form.summary(Subject::Capture).is_some());
        }
        assert_eq!(
            Form::ALL.into_iter().filter(|form| form.is_of_one_input()).collect::<Vec<_>>(),
            [Form::Html]
        );
        let redacted: Vec<_> = Form::ALL.into_iter().filter(|form| !form.can_be_redacted()).collect();
        assert_eq!(redacted, [Form::Tcpdump]);
        assert!(Form::ALL.into_iter().all(|form| form.has_packets() || !form.draws_transfers()));
        assert_eq!("xml".parse::<Form>(), Err(NoForm));
        assert_eq!([Form::Tcpdump, Form::Markdown].map(|form| form.summary(Subject::Check)), [None, None]);
    }
}
