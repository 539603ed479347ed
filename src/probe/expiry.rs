//! When the server's certificates end.

use crate::cert::{Date, Details, When};
use crate::story::Story;

/// The first of a server's certificates to end.
#[derive(Clone, Copy, Debug)]
pub struct Expiry<'s> {
    /// The last second at which it is valid.
    pub at: Date,
    /// Days until then, as the client saw it; below zero when it had passed. Absent where the capture has no date.
    pub days: Option<f64>,
    /// Its content.
    pub certificate: &'s Details,
    /// Its place in the server's chain; 0 is the server's own.
    pub place: usize,
}

impl<'s> Expiry<'s> {
    /// Of the certificates that came over this connection.
    pub fn of(story: &'s Story) -> Option<Self> {
        let certificates = &story.tls.examination.as_ref()?.certificates;
        let ends = certificates.iter().enumerate().filter_map(|(place, certificate)| {
            let details = certificate.details.as_ref()?;
            Some((details.not_after?, place, details))
        });
        let (at, place, certificate) = ends.min_by_key(|(at, ..)| *at)?;
        // Without its zone, the capture's clock leaves a day open: the later end of it counts.
        let now = When::of(story.last.at, story.capture.clock);
        let days = now.map(|now| (at.0.saturating_sub(now.latest.0)) as f64 / 86_400.0);
        Some(Self { at, days, certificate, place })
    }

    /// Its date: `2026-12-17`.
    pub fn date(&self) -> String {
        let at = self.at.machine_readable();
        at.split('T').next().unwrap_or(&at).to_owned()
    }
}
