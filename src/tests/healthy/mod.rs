//! Healthy connections by the thousand, of every kind that stacks and networks make: none may raise an alarm.
//!
//! 10,000 of them are analysed by default; `HEALTHY_CONNECTIONS=100000 cargo test --release --test integration healthy` analyses
//! more, the same ones first. They follow from the seed alone.

mod network;
mod tls;

use std::fmt::Write;
use std::io::Cursor;

use network::Conversation;
use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Target};
use tls::Plan;

use crate::support::random::Random;

/// Connections in one capture, interleaved in time.
const AT_ONCE: u64 = 100;

/// What vManage keeps of each packet, in bytes.
const SNAPLEN: usize = 128;

/// Whole frames, whatever their size.
const WHOLE: usize = usize::MAX;

#[test]
fn healthy_connections_raise_no_alarm() {
    analyse_many(WHOLE);
}

#[test]
fn healthy_connections_of_cut_packets_raise_no_alarm() {
    analyse_many(SNAPLEN);
}

fn analyse_many(snaplen: usize) {
    let count =
        std::env::var("HEALTHY_CONNECTIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let mut alarms = String::new();
    let mut alarm_count = 0;
    let mut slow = 0;
    for batch in 0..count / AT_ONCE {
        let numbers = batch * AT_ONCE..(batch + 1) * AT_ONCE;
        let made: Vec<(Plan, Conversation)> = numbers.clone().map(conversation).collect();
        let mut verdicts = Verdicts::default();
        let capture = network::pcap(made.iter().map(|(_, conversation)| conversation), snaplen);
        let mut source = capture::file::read("healthy", 0, Cursor::new(capture), None).unwrap();
        let everything = Target::new(&[], &[], None).unwrap();
        let settings = Settings { keeps_timeline: false, ..Settings::default() };
        analysis::analyse(&mut *source, everything, &settings, &mut verdicts).unwrap();
        assert_eq!(verdicts.0.len(), made.len());
        verdicts.0.sort_unstable();
        for ((number, (plan, conversation)), (port, code, headline)) in numbers.zip(&made).zip(&verdicts.0) {
            assert_eq!(*port, conversation.client_port());
            slow += u64::from(*code == "slow");
            let is_known = if snaplen == WHOLE { plan.is_visible() } else { plan.is_visible_if_cut() };
            if is_known && !conversation.expected().contains(code) {
                alarm_count += 1;
                if alarm_count <= 20 {
                    let _ = writeln!(alarms, "{number}: {code} ({headline})\n    {plan:?}");
                }
            }
        }
    }
    assert_eq!(alarm_count, 0, "of {count} healthy connections\n{alarms}");
    assert!(slow * 50 > count && slow * 5 < count, "{slow} of {count} slow");
}

/// The connection of a number.
fn conversation(number: u64) -> (Plan, Conversation) {
    let mut random = Random::new(number);
    let plan = Plan::draw(&mut random);
    let mut conversation = Conversation::new(number % AT_ONCE, &mut random);
    plan.play(&mut conversation, &mut random);
    (plan, conversation)
}

/// Client port, code and headline of each connection.
#[derive(Default)]
struct Verdicts(Vec<(u16, &'static str, String)>);

impl Sink for Verdicts {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
        self.0.push((
            judged.story.parties.client.port,
            judged.verdict.code.name(),
            judged.verdict.headline.into_owned(),
        ));
        Ok(())
    }
}
