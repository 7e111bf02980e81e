//! How the worker locks itself in: limits, then Landlock, then seccomp. Each must hold, or nothing is read.

use std::collections::BTreeMap;

use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::super::{Barrier, Bounds};
use crate::base::memory;

/// Bytes of the stack: what is nested deeper ends the worker.
const STACK: u64 = 8 << 20;

/// Limits memory, processor time, stack and files for this process and what it starts as: the allocator is to know them from the
/// beginning, or it has reserved more by then.
pub(super) fn limit(bounds: &Bounds) -> Result<(), Barrier> {
    let cpu = Rlimit { current: Some(bounds.seconds), maximum: Some(bounds.seconds + 1) };
    set(Resource::Cpu, cpu)?;
    for (resource, most) in
        [(Resource::As, bounds.memory_mib << 20), (Resource::Stack, STACK), (Resource::Core, 0), (Resource::Fsize, 0)]
    {
        set(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

fn set(resource: Resource, limit: Rlimit) -> Result<(), Barrier> {
    // Where the system allows less already, that holds.
    let before = rustix::process::getrlimit(resource).maximum;
    let at_most = |wanted: Option<u64>| before.map_or(wanted, |before| wanted.map(|wanted| wanted.min(before)));
    let limit = Rlimit { current: at_most(limit.current), maximum: at_most(limit.maximum) };
    rustix::process::setrlimit(resource, limit).map_err(|_| Barrier::Limits)
}

/// Locks the process in for good. `with` says which parts are wanted: all of them, but in tests.
pub(super) fn lock_in(bounds: &Bounds, with: impl Fn(&str) -> bool) -> Result<(), Barrier> {
    // Nobody reads its memory, and it ends with the service.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|_| Barrier::Limits)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|_| Barrier::Limits)?;
    // As in the service, where the system lets it.
    memory::lock();
    if with("without-limits") {
        let limited = rustix::process::getrlimit(Resource::As).current;
        if limited.is_none_or(|limited| limited > bounds.memory_mib << 20) {
            return Err(Barrier::Limits);
        }
    }
    if with("without-landlock") {
        deny_files()?;
    }
    if with("without-limits") {
        for resource in [Resource::Nofile, Resource::Nproc] {
            set(resource, Rlimit { current: Some(0), maximum: Some(0) })?;
        }
    }
    if with("without-seccomp") {
        let program = filter().map_err(|_| Barrier::Seccomp)?;
        seccompiler::apply_filter(&program).map_err(|_| Barrier::Seccomp)?;
    }
    Ok(())
}

/// No file can be opened, made, run or removed any more, and from Linux 6.7 on no TCP connection made; and no process outside be
/// sent a signal, from 6.12 on. There is no rule that allows anything.
fn deny_files() -> Result<(), Barrier> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map(|ruleset| ruleset.set_compatibility(CompatLevel::BestEffort))
        .and_then(|ruleset| ruleset.handle_access(AccessFs::from_all(ABI::V7)))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V7)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(ABI::V7)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(|_| Barrier::Landlock)?;
    // What it says is tried, too.
    let is_open = std::fs::read_dir("/").is_ok() || std::fs::File::open("/proc/self/exe").is_ok();
    if status.ruleset == RulesetStatus::NotEnforced || !status.no_new_privs || is_open {
        return Err(Barrier::Landlock);
    }
    Ok(())
}

/// What may still be asked of the kernel: to read standard input, to write to the two outputs, memory that is not run, and what
/// waiting, chance and the end take. Anything else ends the process.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    use SeccompCmpOp::{Eq, Le, MaskedEq};
    let when = |conditions: &[(u8, SeccompCmpOp, u64)]| {
        let conditions: Result<Vec<_>, _> = conditions
            .iter()
            .map(|(n, op, value)| SeccompCondition::new(*n, SeccompCmpArgLen::Dword, op.clone(), *value))
            .collect();
        Ok::<_, seccompiler::BackendError>(vec![SeccompRule::new(conditions?)?])
    };
    let (exec, anonymous) = (libc::PROT_EXEC as u64, libc::MAP_ANONYMOUS as u64);
    let mut rules = BTreeMap::from([
        (libc::SYS_read, when(&[(0, Eq, 0)])?),
        (libc::SYS_write, when(&[(0, Le, 2)])?),
        (libc::SYS_mmap, when(&[(2, MaskedEq(exec), 0), (3, MaskedEq(anonymous), anonymous)])?),
        (libc::SYS_mprotect, when(&[(2, MaskedEq(exec), 0)])?),
        // The allocator names its memory.
        (libc::SYS_prctl, when(&[(0, Eq, libc::PR_SET_VMA as u64)])?),
    ]);
    for number in [
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_getcpu,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigreturn,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ] {
        rules.insert(number, Vec::new());
    }
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}
