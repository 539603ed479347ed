//! Rights: what root gives up once a device is open, and the network namespace that a capture is made in.
//!
//! One right is kept, CAP_NET_RAW: a device that is removed and made again has to be opened again.

use std::env;
use std::fs::File;
use std::path::Path;

use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet, securebits};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Uid, geteuid, setgid, setgroups, setuid};

use super::users::Account;

/// Whom root becomes where nobody is named, after the user who called sudo: the one that distributions make for
/// tcpdump, and the one that everybody has.
const UNPRIVILEGED: [&str; 2] = ["tcpdump", "nobody"];

/// Gives root's rights up, but for that to capture. The name of the user that it became; nothing where it was not root or
/// is to stay so.
///
/// # Errors
/// When there is no such user, and when the system refuses.
pub fn give_up(user: Option<&str>) -> anyhow::Result<Option<String>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let account = match user {
        Some("root") => return Ok(None),
        Some(name) => Account::named(name)?.with_context(|| format!("--user {name}: no such user"))?,
        None => unprivileged()?,
    };
    if account.user.is_root() {
        return Ok(None);
    }
    let refused = || format!("can't become user {}; --user root stays root", account.name);
    let is_held = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW).unwrap_or(false);
    securebits::set_keepcaps(is_held).with_context(refused)?;
    setgroups(&account.groups).with_context(refused)?;
    setgid(account.group).with_context(refused)?;
    // POSIX: setuid by root sets the saved user id as well, so that there is no way back.
    setuid(account.user).with_context(refused)?;
    let kept: CapsHashSet = is_held.then_some(Capability::CAP_NET_RAW).into_iter().collect();
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).with_context(refused)?;
    }
    securebits::set_keepcaps(false).with_context(refused)?;
    anyhow::ensure!(setuid(Uid::from_raw(0)).is_err(), "root's rights are still there; not going on");
    Ok(Some(account.name))
}

/// Enters a network namespace of `ip netns`.
///
/// # Errors
/// When there is none of that name, or without the right to enter it.
pub fn enter_namespace(name: &str) -> anyhow::Result<()> {
    anyhow::ensure!(!name.contains('/'), "--netns {name}: a name without '/', as `ip netns` lists it");
    let path = Path::new("/run/netns").join(name);
    let file = File::open(&path)
        .with_context(|| format!("--netns {name}: no such network namespace; `ip netns` lists them"))?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("--netns {name}: can't be entered; that needs CAP_SYS_ADMIN"))
}

/// The user who called sudo, or one who may nothing; where the system knows no users, as in a bare chroot, the kernel's
/// number for nobody.
fn unprivileged() -> anyhow::Result<Account> {
    let caller = env::var("SUDO_USER").ok();
    for name in caller.as_deref().into_iter().chain(UNPRIVILEGED) {
        if let Some(account) = Account::named(name)?
            && !account.user.is_root()
        {
            return Ok(account);
        }
    }
    Ok(Account::nobody())
}
