//! Rights: what root gives up once a device is open, and the network namespace that a capture is made in.

use std::env;
use std::ffi::CString;
use std::fs::File;
use std::path::Path;

use anyhow::Context;
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Uid, User, geteuid, initgroups, setgid, setuid};

/// Whom root becomes where nobody is named, after the user who called sudo: the one that distributions make for
/// tcpdump, and the one that everybody has.
const UNPRIVILEGED: [&str; 2] = ["tcpdump", "nobody"];

/// Gives root's rights up. The name of the user that it became; nothing where it was not root or is to stay so.
///
/// # Errors
/// When there is no such user, and when the system refuses.
pub fn give_up(user: Option<&str>) -> anyhow::Result<Option<String>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = match user {
        Some(name) => User::from_name(name)?.with_context(|| format!("--user {name}: no such user"))?,
        None => match unprivileged()? {
            Some(user) => user,
            None => return Ok(None),
        },
    };
    if user.uid.is_root() {
        return Ok(None);
    }
    let name = CString::new(user.name.as_bytes())?;
    let refused = || format!("can't become user {}; --user root stays root", user.name);
    initgroups(&name, user.gid).with_context(refused)?;
    setgid(user.gid).with_context(refused)?;
    setuid(user.uid).with_context(refused)?;
    // POSIX: setuid by root sets the saved user id as well, so that there is no way back.
    anyhow::ensure!(setuid(Uid::from_raw(0)).is_err(), "root's rights are still there; not going on");
    Ok(Some(user.name))
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

fn unprivileged() -> anyhow::Result<Option<User>> {
    let caller = env::var("SUDO_USER").ok();
    for name in caller.as_deref().into_iter().chain(UNPRIVILEGED) {
        if let Some(user) = User::from_name(name)?
            && !user.uid.is_root()
        {
            return Ok(Some(user));
        }
    }
    Ok(None)
}
