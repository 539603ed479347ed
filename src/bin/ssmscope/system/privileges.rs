//! Rights: what the process gives up, and when, and the network namespace that a capture is made in.
//!
//! Each command goes the same way. [`confine`] comes first, before there is a second thread: from then on nothing that the
//! process does or executes can give it more rights than it has. Then what was named on the command line is opened, and not yet
//! read. Then [`end`], before the first byte that somebody else wrote: root becomes a user, all capabilities go that nothing
//! needs any more, what is written is opened with the rights that are left, and the [`Sandbox`] closes. Threads that read begin after
//! that. Names, which a capture needs before its device is open, are looked up [`without_rights`].

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use caps::{CapSet, Capability, CapsHashSet, securebits};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, geteuid, setgid, setgroups, setuid};

use super::deadline::Deadline;
use super::folder;
use super::sandbox::Sandbox;
use super::users::Account;

/// The user that root becomes where nobody is named, after the user who called sudo: the one that distributions make for
/// tcpdump, and the one that everybody has.
const UNPRIVILEGED: [&str; 2] = ["tcpdump", "nobody"];

/// What the C library reads to look names up, with its plug-ins. `/etc/resolv.conf` may be a link to anywhere.
const NAME_SERVICES: [&str; 8] =
    ["/etc", "/etc/resolv.conf", "/lib", "/lib64", "/run", "/usr/lib", "/usr/lib64", "/var/run"];

/// What to think of where a file can't be written.
pub const USER: &str = "--user names whose rights files are opened with";

/// What a command may still do after dropping privileges.
#[derive(Default)]
pub struct Later<'a> {
    /// The user that root becomes.
    pub user: As<'a>,
    /// A device is captured on. A device that is removed and made again has to be opened again: CAP_NET_RAW stays.
    pub captures: bool,
    /// Sockets are opened.
    pub uses_network: bool,
    /// Connections are accepted on a socket that listens.
    pub accepts: bool,
    /// Files, or folders with all that is in them, that are read by their names.
    pub reads: &'a [&'a str],
    /// Files and folders that are read, with all that is in them, whoever owns it: CAP_DAC_READ_SEARCH stays.
    pub walks: &'a [PathBuf],
    /// Files that are followed. Other files, of any owner, may replace them: CAP_DAC_READ_SEARCH stays, but not while a capture runs.
    pub follows: &'a [&'a Path],
    /// Files that are created, or created again, by their names.
    pub writes: &'a [&'a Path],
    /// A folder of many files.
    pub records: Option<&'a Path>,
}

/// The user that root becomes.
#[derive(Clone, Copy)]
pub enum As<'a> {
    /// The one that is named, else an unprivileged one. `root` stays root.
    User(Option<&'a str>),
    /// The owner of the folder of a file that is replaced, else an unprivileged user. Without another user on the system, as in a
    /// container of one, the process stays root without capabilities.
    Owner(Option<&'a Path>),
}

impl Default for As<'_> {
    fn default() -> Self {
        Self::Owner(None)
    }
}

/// Keeps the process from ever having more rights than now, and its memory, where secrets and packets are, out of files if it should crash.
/// No program of ours executes another, so nothing that works otherwise fails for it; a kernel that refuses is left alone.
pub fn confine() {
    folder::note_rights();
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = prctl::set_no_new_privs();
    let _ = caps::clear(None, CapSet::Bounding);
}

/// Ends all rights of the process that are not needed later. `open` opens the outputs, with the name of the user that root became,
/// and is the last that can open any file. A deadline's thread loses its rights too.
///
/// # Errors
/// When there is no such user, when the system refuses, and the errors of `open`.
pub fn end<T>(
    later: &Later<'_>,
    deadline: Option<&Deadline>,
    open: impl FnOnce(Option<&str>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let reads_others = !later.follows.is_empty() || !later.walks.is_empty();
    let kept = match (later.captures, reads_others) {
        (true, _) => held(Capability::CAP_NET_RAW),
        (_, true) => held(Capability::CAP_DAC_READ_SEARCH),
        _ => CapsHashSet::new(),
    };
    let user = match later.user {
        As::User(name) => become_named(name, kept)?,
        As::Owner(of) => {
            become_owner(of, &kept)?;
            None
        }
    };
    if let Some(deadline) = deadline {
        deadline.have_its_thread(end_of_thread);
    }
    let opened = open(user.as_deref())?;
    later.sandbox().close();
    Ok(opened)
}

impl Later<'_> {
    /// Closes the sandbox for all but the questions to a resolver, while [`end`] opens what is needed: captures are read then, to find
    /// the names in them.
    pub fn close_but_for_names(&self) {
        let mut sandbox = self.sandbox();
        sandbox.read.extend(NAME_SERVICES.map(PathBuf::from));
        sandbox.uses_network = true;
        sandbox.closes_again = true;
        sandbox.close();
    }

    fn sandbox(&self) -> Sandbox {
        let mut sandbox = Sandbox {
            read: self.reads.iter().map(PathBuf::from).collect(),
            written: self.writes.iter().map(|path| folder_of(path)).collect(),
            uses_network: self.uses_network || self.captures,
            captures: self.captures,
            accepts: self.accepts,
            closes_again: false,
        };
        sandbox.read.extend(self.walks.iter().filter_map(|path| path.canonicalize().ok()));
        // A followed file may be a link into another folder.
        let followed =
            self.follows.iter().flat_map(|path| [path.canonicalize().ok(), Some(path.to_path_buf())]);
        sandbox.read.extend(followed.flatten().map(|path: PathBuf| folder_of(&path)));
        if let As::Owner(Some(path)) = self.user {
            sandbox.written.push(folder_of(path));
        }
        sandbox.written.extend(self.records.map(Path::to_path_buf));
        sandbox
    }
}

/// Does something on a thread without capabilities, which can read what looking up names needs, and write nothing.
pub fn without_rights<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        let _ = keep(&CapsHashSet::new());
        let read = NAME_SERVICES.map(PathBuf::from).to_vec();
        Sandbox { read, ..Sandbox::default() }.close_files();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Ends all rights of the calling thread.
fn end_of_thread() {
    let _ = keep(&CapsHashSet::new());
    Sandbox::default().close_files();
}

/// Ends all rights of the calling thread but to write files where root can, as a process that stays root does.
pub fn only_write() {
    let _ = keep(&held(Capability::CAP_DAC_OVERRIDE));
}

/// Gives up all capabilities but these, and root for the user of this name, if any. Returns the name of the user that root became;
/// nothing if the process was not root or is to stay root.
fn become_named(user: Option<&str>, mut kept: CapsHashSet) -> anyhow::Result<Option<String>> {
    let account = match user {
        _ if !geteuid().is_root() => None,
        Some("root") => None,
        Some(name) => Some(Account::named(name)?.with_context(|| format!("--user {name}: no such user"))?),
        None => Some(unprivileged()?),
    };
    let Some(account) = account.filter(|account| !account.user.is_root()) else {
        if geteuid().is_root() {
            // A process that stays root writes where root can.
            kept.extend(held(Capability::CAP_DAC_OVERRIDE));
        }
        keep(&kept).context("capabilities can't be given up")?;
        return Ok(None);
    };
    become_account(&account, &kept)
        .with_context(|| format!("can't become user {}; --user root stays root", account.name))?;
    Ok(Some(account.name))
}

/// Becomes the owner of the folder of a file that is replaced later, else an unprivileged user, with these capabilities.
fn become_owner(of: Option<&Path>, kept: &CapsHashSet) -> anyhow::Result<()> {
    let is_root = geteuid().is_root();
    let account = match of {
        Some(path) => owner_of_folder(path),
        None if is_root => unprivileged()?,
        None => return keep(kept).context("capabilities can't be given up"),
    };
    if is_root && !account.user.is_root() {
        let became = become_account(&account, kept);
        if let Err(error) = &became {
            tracing::warn!("can't become user {}: {error:#}", account.name);
        }
        anyhow::ensure!(became.is_ok() || geteuid().is_root(), "root's rights are only half given up");
    }
    keep(kept).context("capabilities can't be given up")
}

/// Whether a file can be put into its place after the process became the owner of another file's folder.
pub fn can_put_later(path: &Path, owner_of: Option<&Path>) -> bool {
    let owner = |path| owner_of_folder(path).user;
    !geteuid().is_root() || owner_of.is_none_or(|other| owner(path) == owner(other))
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// The owner of the folder whose file is replaced; root if it is unknown.
fn owner_of_folder(path: &Path) -> Account {
    let (user, group) = fs::metadata(folder_of(path)).map_or((0, 0), |about| (about.uid(), about.gid()));
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
