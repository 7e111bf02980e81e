//! Makes the process hard to look into, before it holds anything worth seeing.

use std::ffi::OsStr;

use rustix::fs::Mode;

use crate::base::memory;

/// A variable with this name leaves the memory of a test build open to its own user, so that a test can search it. A
/// release build knows no such variable and refuses to start with it, as with any other unknown key.
const PERMIT_DUMP: &str = "LETTERLOCK_TEST_DUMPABLE";

/// Whether this variable of the environment is for this module and no key of the configuration.
pub(super) fn is_own_variable(name: &OsStr) -> bool {
    cfg!(debug_assertions) && name == PERMIT_DUMP
}

/// No core dumps, no tracing by others, no swap where the system lets us, new files for the owner only. Returns what
/// was refused, in sentences; the service runs nonetheless.
pub(super) fn process() -> Vec<String> {
    let mut refused = Vec::new();
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let permit_dump = std::env::vars_os().any(|(name, _)| is_own_variable(&name));
    if permit_dump {
        refused.push(format!("{PERMIT_DUMP} is set: this test build lets its user read its memory"));
    } else if let Err(e) = secmem_proc::harden_process() {
        refused.push(format!("core dumps and tracing could not be ruled out for this process ({e})"));
    }
    if !memory::lock() {
        refused.push(
            "keys may reach the swap space: the system does not let this process lock its memory (allow CAP_IPC_LOCK \
             or `ulimit -l unlimited`, or run without swap)"
                .to_owned(),
        );
    }
    refused
}
