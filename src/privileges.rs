//! Rights: what root gives up once a device is open, and the network namespace that a capture is made in.
//!
//! One right is kept, CAP_NET_RAW: a device that is removed and made again has to be opened again.

use std::env;
use std::ffi::CString;
use std::fs::File;
use std::path::Path;

use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet, securebits};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setuid};

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
    let become_whom = match user {
        Some(name) => {
            let user = User::from_name(name)?.with_context(|| format!("--user {name}: no such user"))?;
            Unprivileged::from(user)
        }
        None => unprivileged()?,
    };
    let Unprivileged { name, uid, gid } = become_whom;
    if uid.is_root() {
        return Ok(None);
    }
    let refused = || format!("can't become user {name}; --user root stays root");
    let is_held = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_RAW).unwrap_or(false);
    securebits::set_keepcaps(is_held).with_context(refused)?;
    initgroups(&CString::new(name.as_bytes())?, gid).with_context(refused)?;
    setgid(gid).with_context(refused)?;
    // POSIX: setuid by root sets the saved user id as well, so that there is no way back.
    setuid(uid).with_context(refused)?;
    let kept: CapsHashSet = is_held.then_some(Capability::CAP_NET_RAW).into_iter().collect();
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).with_context(refused)?;
    }
    securebits::set_keepcaps(false).with_context(refused)?;
    anyhow::ensure!(setuid(Uid::from_raw(0)).is_err(), "root's rights are still there; not going on");
    Ok(Some(name))
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

/// Whom root becomes.
struct Unprivileged {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl From<User> for Unprivileged {
    fn from(user: User) -> Self {
        Self { name: user.name, uid: user.uid, gid: user.gid }
    }
}

/// The user who called sudo, or one who may nothing; where the system knows no users, as in a bare chroot, the kernel's
/// number for nobody.
fn unprivileged() -> anyhow::Result<Unprivileged> {
    /// Of Linux, for ids that have no other (`/proc/sys/kernel/overflowuid`).
    const OVERFLOW: u32 = 65_534;
    let caller = env::var("SUDO_USER").ok();
    for name in caller.as_deref().into_iter().chain(UNPRIVILEGED) {
        if let Some(user) = User::from_name(name)?
            && !user.uid.is_root()
        {
            return Ok(user.into());
        }
    }
    Ok(Unprivileged {
        name: OVERFLOW.to_string(),
        uid: Uid::from_raw(OVERFLOW),
        gid: Gid::from_raw(OVERFLOW),
    })
}
