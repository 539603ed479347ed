//! The forms of output.

use std::str::FromStr;

use super::machine::flat::Format;

/// A form in which a capture or an active check is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Each connection's packets, or a check's steps, with notes and verdicts.
    Timeline,
    /// A row for each connection, or for each part of a check.
    Table,
    /// JSON Lines for scripts.
    Json,
    /// A row of scalar columns for each connection.
    Flat(Format),
    /// Markdown for a ticket.
    Markdown,
    /// One HTML page.
    Html,
    /// A monitoring plugin's status line, with performance data and failures.
    Nagios,
    /// Metrics in Prometheus' text format.
    Prometheus,
    /// Packets alone, as tcpdump prints them.
    Tcpdump,
}

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

impl Form {
    /// All forms, in the order in which they are offered.
    pub const ALL: [Self; 9] = [
        Self::Timeline,
        Self::Table,
        Self::Json,
        Self::Flat(Format::Jsonl),
        Self::Markdown,
        Self::Html,
        Self::Nagios,
        Self::Prometheus,
        Self::Tcpdump,
    ];

    /// The form's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Table => "table",
            Self::Json => "json",
            Self::Flat(_) => "flat",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Nagios => "nagios",
            Self::Prometheus => "prometheus",
            Self::Tcpdump => "tcpdump",
        }
    }

    /// What the form shows of a subject, in one sentence; nothing where it is not for that subject.
    pub fn summary(self, subject: Subject) -> Option<&'static str> {
        use Subject::{Batch, Capture, Check};
        Some(match (self, subject) {
            (Self::Timeline, Capture) => {
                "Each connection's packets as tcpdump prints them, with notes, and its verdict"
            }
            (Self::Timeline, Check) => "The steps with their times, and the verdict",
            (Self::Table, Capture) => "One row per connection, and a summary by server",
            (Self::Table, Check) => "A row for each part",
            (Self::Table, Batch) => {
                "One row per file: its connections, how many failed, and the worst verdict"
            }
            (Self::Json, Capture) => "JSON Lines for scripts: a connection object for each, then a summary",
            (Self::Json, Check) => {
                "JSON Lines for scripts: connection objects, a check object, and a summary"
            }
            (Self::Json, Batch) => {
                "JSON Lines for scripts: connection objects and a file object for each file, then a summary"
            }
            (Self::Flat(_), _) => {
                "One row of scalar columns per connection, for tables: JSON Lines, or CSV by --format"
            }
            (Self::Markdown, Capture) => "Markdown for a ticket: each kind of failure with its packets",
            (Self::Markdown, Batch) => "Markdown for a ticket, a section for each file",
            (Self::Html, Batch) => "One HTML page for each file; needs --into",
            (Self::Html, Capture) => {
                "One HTML page with the answer, a ladder diagram of each kind of failure, and the proof"
            }
            (Self::Html, Check) => "One HTML page with the answer, the steps, and the proof",
            (Self::Nagios, Capture) => {
                "A monitoring plugin's status line with performance data, and a line per failure"
            }
            (Self::Nagios, Check) => "A monitoring plugin's status line with performance data",
            (Self::Prometheus, Capture | Check) => "Metrics in Prometheus' text format",
            (Self::Tcpdump, Capture) => "Packets only, in tcpdump -nn format",
            (Self::Markdown | Self::Tcpdump, Check)
            | (Self::Timeline | Self::Nagios | Self::Prometheus | Self::Tcpdump, Batch) => return None,
        })
    }

    /// Whether it shows the packets of connections.
    pub fn has_packets(self) -> bool {
        match self {
            Self::Timeline | Self::Markdown | Self::Html => true,
            Self::Table | Self::Json | Self::Flat(_) | Self::Nagios | Self::Prometheus | Self::Tcpdump => {
                false
            }
        }
    }

    /// Whether it has something to show where nothing could be read.
    pub fn shows_unread(self) -> bool {
        match self {
            Self::Flat(_) | Self::Nagios | Self::Prometheus => true,
            Self::Timeline | Self::Table | Self::Json | Self::Markdown | Self::Html | Self::Tcpdump => false,
        }
    }

    /// Whether it is a monitoring plugin's: everything goes to standard output, errors too, thresholds alert, and the run has an
    /// end within the plugins' usual time.
    pub fn is_plugin(self) -> bool {
        match self {
            Self::Nagios => true,
            Self::Timeline
            | Self::Table
            | Self::Json
            | Self::Flat(_)
            | Self::Markdown
            | Self::Html
            | Self::Prometheus
            | Self::Tcpdump => false,
        }
    }

    /// How the name of a file ends that holds it.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "jsonl",
            Self::Flat(Format::Jsonl) => "flat.jsonl",
            Self::Flat(Format::Csv) => "flat.csv",
            #[cfg(feature = "parquet")]
            Self::Flat(Format::Parquet) => "parquet",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Timeline | Self::Table | Self::Nagios | Self::Prometheus | Self::Tcpdump => "txt",
        }
    }

    /// Whether it is a file for one input, as a page is, so that many inputs need a folder of files.
    pub fn is_of_one_input(self) -> bool {
        match self {
            Self::Html => true,
            Self::Flat(format) => !format.is_continuable(),
            Self::Timeline
            | Self::Table
            | Self::Json
            | Self::Markdown
            | Self::Nagios
            | Self::Prometheus
            | Self::Tcpdump => false,
        }
    }

    /// Whether it identifies its input by the SHA-256 of the content.
    pub fn names_inputs(self) -> bool {
        match self {
            Self::Flat(_) | Self::Html => true,
            Self::Timeline
            | Self::Table
            | Self::Json
            | Self::Markdown
            | Self::Nagios
            | Self::Prometheus
            | Self::Tcpdump => false,
        }
    }

    /// Whether it shows verdicts.
    pub fn has_verdicts(self) -> bool {
        match self {
            Self::Tcpdump => false,
            Self::Timeline
            | Self::Table
            | Self::Json
            | Self::Flat(_)
            | Self::Markdown
            | Self::Html
            | Self::Nagios
            | Self::Prometheus => true,
        }
    }

    /// Whether it needs to know the capture's clock before the first packet.
    pub fn needs_clock(self) -> bool {
        match self {
            Self::Tcpdump => true,
            Self::Timeline
            | Self::Table
            | Self::Json
            | Self::Flat(_)
            | Self::Markdown
            | Self::Html
            | Self::Nagios
            | Self::Prometheus => false,
        }
    }

    /// Whether it shows the attempts of logs where there is no capture.
    pub fn has_attempts(self) -> bool {
        match self {
            Self::Timeline | Self::Json | Self::Html => true,
            Self::Table
            | Self::Flat(_)
            | Self::Markdown
            | Self::Nagios
            | Self::Prometheus
            | Self::Tcpdump => false,
        }
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
        assert_eq!("xml".parse::<Form>(), Err(NoForm));
        assert_eq!([Form::Tcpdump, Form::Markdown].map(|form| form.summary(Subject::Check)), [None, None]);
    }
}
