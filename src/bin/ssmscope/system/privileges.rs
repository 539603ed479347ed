//! Rights: what the process gives up, and when, and the network namespace that a capture is made in.
//!
//! Each command goes the same way. [`confine`] comes first, before there is a second thread: from then on nothing that the
//! process does or executes can give it more rights than it has. Then what was named on the command line is opened. Then,
//! before the first byte that somebody else wrote, [`give_up`] leaves the right to capture, or [`give_up_all`] none.
//!
//! The right to capture, CAP_NET_RAW, stays where a device is captured on: one that is removed and made again has to be
//! opened again.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet, securebits};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, geteuid, setgid, setgroups, setuid};

use super::users::Account;

/// Whom root becomes where nobody is named, after the user who called sudo: the one that distributions make for
/// tcpdump, and the one that everybody has.
const UNPRIVILEGED: [&str; 2] = ["tcpdump", "nobody"];

/// Keeps the process from ever having more rights than now. No program of ours executes another, so nothing that works
/// otherwise fails for it; a kernel that refuses is left alone.
pub fn confine() {
    let _ = prctl::set_no_new_privs();
    let _ = caps::clear(None, CapSet::Bounding);
}

/// Gives up all rights but that to capture: root's, or those that the program's file has. Returns the name of the user that
/// root became; nothing where the process was not root or is to stay root.
///
/// # Errors
/// When there is no such user, and when the system refuses.
pub fn give_up(user: Option<&str>) -> anyhow::Result<Option<String>> {
    if !geteuid().is_root() {
        keep(&held(Capability::CAP_NET_RAW)).context("capabilities can't be given up")?;
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
    let kept = held(Capability::CAP_NET_RAW);
    become_account(&account, &kept)
        .with_context(|| format!("can't become user {}; --user root stays root", account.name))?;
    Ok(Some(account.name))
}

/// Gives all rights up, for a command that needs none once its files are open.
///
/// Two files are opened later, by their names, and need a right: a followed file may be replaced (`follows`), and the metrics'
/// file is renamed in its folder (`writes`), whose owner the process becomes. Without another user on the system, as in a
/// container of one, the process stays root without capabilities.
///
/// # Errors
/// When the capabilities can't be given up.
pub fn give_up_all(follows: bool, writes: Option<&Path>) -> anyhow::Result<()> {
    let kept = if follows { held(Capability::CAP_DAC_READ_SEARCH) } else { CapsHashSet::new() };
    let is_root = geteuid().is_root();
    let account = match writes {
        Some(path) => owner_of_folder(path),
        None if is_root => unprivileged()?,
        None => return keep(&kept).context("capabilities can't be given up"),
    };
    if is_root && !account.user.is_root() {
        let became = become_account(&account, &kept);
        if let Err(error) = &became {
            tracing::warn!("can't become user {}: {error:#}", account.name);
        }
        anyhow::ensure!(became.is_ok() || geteuid().is_root(), "root's rights are only half given up");
    }
    keep(&kept).context("capabilities can't be given up")
}

/// The owner of the folder whose file is replaced; root if it is unknown.
fn owner_of_folder(path: &Path) -> Account {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let (user, group) = fs::metadata(folder).map_or((0, 0), |about| (about.uid(), about.gid()));
    let group = Gid::from_raw(group);
    Account { name: user.to_string(), user: Uid::from_raw(user), group, groups: vec![group] }
}

/// A capability, if the process has it.
fn held(capability: Capability) -> CapsHashSet {
    let is_held = caps::has_cap(None, CapSet::Permitted, capability).unwrap_or(false);
    is_held.then_some(capability).into_iter().collect()
}

/// Gives up all capabilities but these.
fn keep(kept: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, kept)?;
    }
    caps::clear(None, CapSet::Inheritable)
}

/// Becomes a user, with no capabilities but these.
fn become_account(account: &Account, kept: &CapsHashSet) -> anyhow::Result<()> {
    securebits::set_keepcaps(!kept.is_empty())?;
    setgroups(&account.groups)?;
    setgid(account.group)?;
    // POSIX: setuid by root sets the saved user id as well, so that there is no way back.
    setuid(account.user)?;
    keep(kept)?;
    securebits::set_keepcaps(false)?;
    anyhow::ensure!(setuid(Uid::from_raw(0)).is_err(), "root's rights could not be given up");
    Ok(())
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
