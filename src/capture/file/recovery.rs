//! Where reading continues after damage: at the next place that looks like the beginning of a record.

use std::io;

use super::account::Account;
use super::input::Input;
use crate::limits;

/// Damage at the first available byte.
pub(super) struct Damage<'a> {
    /// What the format calls its unit: `record` or `block`.
    pub(super) unit: &'a str,
    /// Bytes without which nothing is a unit.
    pub(super) smallest: usize,
    /// Bytes that the damaged unit claims to have.
    pub(super) claimed: usize,
    /// That length as the unit gives it: `80 captured bytes`.
    pub(super) claim: String,
    /// Whether that length may be right, the file being cut off inside the unit.
    pub(super) is_believable: bool,
}

/// Searches for the next unit, which `is_plausible` recognises at the first available byte, and notes what was found or that
/// nothing was. Returns whether reading can continue there.
///
/// # Errors
/// When the file can't be read.
pub(super) fn search(
    input: &mut Input,
    account: &mut Account,
    damage: &Damage<'_>,
    mut is_plausible: impl FnMut(&mut Input) -> io::Result<bool>,
) -> io::Result<bool> {
    let (damage_at, packets) = (input.offset(), account.file.packets);
    for _ in 0..limits::RESYNC_BYTES {
        input.skip(1);
        if !input.fill(damage.smallest)? {
            break;
        }
        if is_plausible(input)? {
            let found_at = input.offset();
            account.note_damage(format!(
                "damaged at byte {damage_at}, after packet {packets}: {} bytes were skipped up to byte {found_at}, \
                 and the packets in them are missing",
                found_at - damage_at
            ));
            return Ok(true);
        }
    }
    let searched = input.offset() + input.available().len() as u64 - damage_at;
    let ends_inside = !input.fill(damage.smallest)? && searched < damage.claimed as u64;
    if ends_inside && (damage.is_believable || input.trouble().is_some()) {
        account.note_end(input, damage_at, searched as usize, damage.claimed);
    } else {
        let Damage { unit, claim, .. } = damage;
        account.note_damage(format!(
            "damaged at byte {damage_at}, after packet {packets}: the {unit} there claims {claim}, and no plausible \
             {unit} was found in the {searched} bytes from there, so the rest is not read"
        ));
    }
    Ok(false)
}
