//! What the kernel denies the process, so that a bug can do less: opening files that the command line does not name, by Landlock,
//! and system calls that no command makes, by a seccomp filter.
//!
//! Landlock holds for the calling thread and the threads that it begins later, the filter for all threads. A kernel that lacks one
//! of them is no error: only that defence is missing.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};
use nix::libc::{self, c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// The newest rights that are requested. An older kernel restricts those that it knows.
const ABI_WANTED: ABI = ABI::V6;

/// What is opened later.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
pub struct Sandbox {
    /// Files that are read, and folders whose files are read.
    pub read: Vec<PathBuf>,
    /// Folders in which files are made, replaced and removed.
    pub written: Vec<PathBuf>,
    /// Whether sockets are opened.
    pub uses_network: bool,
    /// Whether a device is captured on: libpcap opens sockets of kinds that no check needs.
    pub captures: bool,
    /// Whether connections are accepted on a socket that listens.
    pub accepts: bool,
    /// Whether a second sandbox closes within this one.
    pub closes_again: bool,
}

impl Sandbox {
    /// Closes the sandbox for the process, as far as the kernel can.
    pub fn close(&self) {
        if is_filtered_by_unit() {
            return;
        }
        self.restrict();
        if let Err(error) = self.close_system_calls() {
            tracing::debug!(%error, "no seccomp filter");
        }
    }

    /// Closes the part that holds for this thread and those that it begins.
    pub fn close_files(&self) {
        if !is_filtered_by_unit() {
            self.restrict();
        }
    }

    fn restrict(&self) {
        match self.restricted() {
            Ok(status) => tracing::debug!(?status, "Landlock"),
            Err(error) => tracing::debug!(%error, "no Landlock"),
        }
    }

    fn restricted(&self) -> Result<landlock::RulesetStatus, landlock::RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let written: BitFlags<AccessFs> = read
            | AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile;
        let status = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI_WANTED))?
            .scope(Scope::from_all(ABI_WANTED))?
            .create()?
            .add_rules(path_beneath_rules(&self.read, read))?
            .add_rules(path_beneath_rules(&self.written, written))?
            .restrict_self()?;
        Ok(status.ruleset)
    }

    fn close_system_calls(&self) -> anyhow::Result<()> {
        let architecture = TargetArch::try_from(env::consts::ARCH)?;
        // A filter can't see the flags of clone3. glibc falls back to clone where the kernel has no clone3.
        let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let missing = SeccompAction::Errno(libc::ENOSYS as u32);
        let absent = SeccompFilter::new(absent, SeccompAction::Allow, missing, architecture)?;
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let allowed = SeccompFilter::new(self.allowed()?, refused, SeccompAction::Allow, architecture)?;
        for filter in [absent, allowed] {
            seccompiler::apply_filter_all_threads(&BpfProgram::try_from(filter)?)?;
        }
        Ok(())
    }

    /// The system calls that are allowed, with the conditions on their arguments.
    fn allowed(&self) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, seccompiler::BackendError> {
        use SeccompCmpArgLen::{Dword, Qword};
        let mut calls = [ALWAYS, ONLY_HERE, if self.uses_network { SOCKETS } else { &[] }].concat();
        calls.push(libc::SYS_clone3);
        calls.extend(self.accepts.then_some(libc::SYS_accept4));
        calls.extend(if self.closes_again { CLOSING } else { &[] });
        let mut allowed: BTreeMap<c_long, Vec<SeccompRule>> =
            calls.into_iter().map(|call| (call, Vec::new())).collect();
        let without = |argument: u8, bits: u64| {
            SeccompCondition::new(argument, Qword, SeccompCmpOp::MaskedEq(bits), 0)
                .and_then(|condition| SeccompRule::new(vec![condition]))
        };
        // In a user namespace of its own, a process has all capabilities.
        allowed.insert(libc::SYS_clone, vec![without(0, NAMESPACES)?]);
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            allowed.insert(call, vec![without(2, libc::PROT_EXEC as u64)?]);
        }
        // ioctl_tty(2): the shell executes what these put into its terminal.
        let is_not = |request: u64| SeccompCondition::new(1, Dword, SeccompCmpOp::Ne, request);
        let typing = vec![is_not(TIOCSTI)?, is_not(TIOCLINUX)?];
        if self.uses_network && !self.captures {
            let of = |domain: c_int| {
                SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, domain as u64)
                    .and_then(|condition| SeccompRule::new(vec![condition]))
            };
            let domains = DOMAINS.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
            allowed.insert(libc::SYS_socket, domains);
        }
        allowed.insert(libc::SYS_ioctl, vec![SeccompRule::new(typing)?]);
        Ok(allowed)
    }
}

/// Whether the process runs in a systemd unit with a filter. By default such a filter kills for system calls that are not on its
/// list, and older versions of `@system-service` lack those of the sandbox.
fn is_filtered_by_unit() -> bool {
    // systemd.exec(5): INVOCATION_ID is set in each unit.
    let is_unit = env::var_os("INVOCATION_ID").is_some();
    let is_filtered =
        is_unit && fs::read_to_string("/proc/self/status").is_ok_and(|status| has_filter(&status));
    if is_filtered {
        tracing::debug!("no sandbox: the systemd unit's filter may kill the process for it");
    }
    is_filtered
}

/// Whether `/proc/PID/status` shows a filter (proc(5): `Seccomp`, 2).
fn has_filter(status: &str) -> bool {
    status.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| name == "Seccomp" && value.trim() == "2")
    })
}

/// ioctl_tty(2), and ioctl_console(2).
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// The flags of clone(2) that make namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// Memory, threads, time, files that are open or that Landlock lets open, and signals to itself.
const ALWAYS: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_linkat,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_prctl,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_prlimit64,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The same, by system calls that not every architecture has.
#[cfg(target_arch = "x86_64")]
const ONLY_HERE: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const ONLY_HERE: &[c_long] = &[];

/// The sockets of a check: TCP and UDP, and the kernel's counters of them. A service on this host that listens in the file system, as
/// one that starts programs, is no server to be checked.
const DOMAINS: [c_int; 3] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// What a check and a capture need in addition.
const SOCKETS: &[c_long] = &[
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socket,
];

/// What closes a sandbox. Neither gives any right.
const CLOSING: &[c_long] = &[
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_seccomp,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_opens_sockets_of_the_network_alone() {
        let domains = |captures| {
            let sandbox = Sandbox { uses_network: true, captures, ..Sandbox::default() };
            sandbox.allowed().unwrap().get(&libc::SYS_socket).map(Vec::len)
        };
        assert_eq!(domains(false), Some(DOMAINS.len()));
        // No condition.
        assert_eq!(domains(true), Some(0));
        assert_eq!(Sandbox::default().allowed().unwrap().get(&libc::SYS_socket), None);
    }

    #[test]
    fn a_filter_shows_in_the_status_of_a_process() {
        assert!(has_filter("NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(!has_filter("NoNewPrivs:\t1\nSeccomp:\t0\nSeccomp_filters:\t2\n"));
        assert!(!has_filter(""));
    }
}
