//! Memory that is kept out of the swap space.

use rustix::mm::MlockAllFlags;
use rustix::process::Resource;

/// Bit of `CAP_IPC_LOCK` in the capability masks.
const CAP_IPC_LOCK: u32 = 14;

/// Locks all memory of this process, what it has now and what it takes later; whether the system let it.
pub fn lock() -> bool {
    // Under a finite limit, locking all future memory would make some later allocation fail, and with it the process.
    let unlimited = rustix::process::getrlimit(Resource::Memlock).current.is_none();
    if !unlimited && !may_lock() {
        return false;
    }
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    rustix::mm::mlockall(flags).is_ok()
}

fn may_lock() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << CAP_IPC_LOCK) != 0
}
