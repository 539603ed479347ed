//! The rungs of a question that got no usable answer.

use super::packets::{DIGITS, Drawn, Lane, Rung, class_of, line_of};
use crate::analysis::{Summary, Unanswered};
use crate::report::Style;
use crate::report::human::ladder::{Deltas, three_digits};
use crate::report::human::lookup;
use crate::report::human::row::{Arrow, Row};
use crate::report::text::clock;
use crate::tcp::Role;

/// What was asked, and the outcome.
pub(super) fn rungs(found: &Unanswered, summary: &Summary, style: &Style) -> Vec<Rung> {
    let mut deltas = Deltas::default();
    let digits = summary.about.digits.min(DIGITS);
    let far = lookup::far_end(found, summary).1;
    let rung = |row: Row| {
        let at = row.at.and_then(|at| clock::time_of_day(at, summary.about.clock, digits, &style.zone));
        let delta = deltas.next(&row);
        let (lane, spoken) = lane(&row.arrow, far);
        let anchors: Vec<u64> = row.label.parse().into_iter().collect();
        Rung {
            class: if row.is_fault { " fault".to_owned() } else { String::new() },
            label: row.label,
            at: at.unwrap_or_default(),
            delta,
            is_fault: row.is_fault,
            is_proof: anchors.iter().any(|number| found.evidence.contains(number)),
            anchors,
            lane: Some(lane),
            spoken,
            text: row.text,
            ..Rung::default()
        }
    };
    lookup::rows(found, summary).into_iter().map(rung).collect()
}

fn lane(arrow: &Arrow, far: &str) -> (Lane, String) {
    match arrow {
        Arrow::From(role, label) => {
            let (from, to) = (line_of(*role), line_of(role.other()));
            let ends = if *role == Role::Client { ("client", far) } else { (far, "client") };
            let drawn = Drawn::new(from, to, class_of(*role), label.clone());
            (Lane::Arrow(drawn), format!("{} to {}, {label}: ", ends.0, ends.1))
        }
        Arrow::Gap(what, elapsed, _) => {
            let above = elapsed.map_or_else(
                || (*what).to_owned(),
                |elapsed| format!("{what} for {}", three_digits(elapsed)),
            );
            let drawn = Drawn {
                y: 28,
                text_y: 44,
                above: Some(above.clone()),
                is_lost: true,
                ..Drawn::new(
                    line_of(Role::Server),
                    line_of(Role::Client),
                    "missing",
                    "expected, did not come".to_owned(),
                )
            };
            (Lane::Arrow(drawn), format!("{above}: "))
        }
        Arrow::Lost(_, label) | Arrow::Other(label) | Arrow::Several(label) => {
            (Lane::Text(label.clone()), format!("{label}: "))
        }
    }
}
