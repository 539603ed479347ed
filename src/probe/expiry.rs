//! When the server's certificates end.

use crate::cert::{Date, Details, VerificationTime};
use crate::story::Story;

/// The first to end of the certificates that a server's chain needs.
#[derive(Clone, Copy, Debug)]
pub struct Expiry<'s> {
    /// The last second at which it is valid.
    pub at: Date,
    /// Days until then, as the client saw it; below zero when it had passed. Absent if the capture has no date.
    pub days: Option<f64>,
    /// Its content.
    pub certificate: &'s Details,
    /// Its place in the server's chain; 0 is the server's own.
    pub place: usize,
}

impl<'s> Expiry<'s> {
    /// Creates the expiry of the certificates that came over this connection.
    pub fn of(story: &'s Story) -> Option<Self> {
        let examination = story.tls.examination.as_ref()?;
        let place = examination.first_to_end?;
        let certificate = examination.certificates.get(place)?.details.as_ref()?;
        let at = certificate.not_after?;
        // Without its zone, the capture's clock leaves a day open: the later end of it counts.
        let now = VerificationTime::of(story.last.at, story.capture.clock);
        let days = now.map(|now| (at.0.saturating_sub(now.latest.0)) as f64 / 86_400.0);
        Some(Self { at, days, certificate, place })
    }

    /// Its date: `2026-12-17`.
    pub fn date(&self) -> String {
        let at = self.at.machine_readable();
        at.split('T').next().unwrap_or(&at).to_owned()
    }
}
