//! Crashes: the process aborted at each step, the store and the disk failing at each write, a disk that is full, and power
//! cut at each point of a recorded run. Afterwards nothing acknowledged is lost, nothing erased returns, exactly one root
//! is left, and `verify` is clean: [`ledger`] says what must hold, [`scenario`] is what runs.

#![allow(missing_docs, unreachable_pub, reason = "nothing outside this test binary sees its items")]

mod disk;
mod faults;
mod full_disk;
mod ledger;
mod power;
mod scenario;
mod steps;
#[allow(dead_code, reason = "each test binary uses a part of this")]
#[path = "../vault/support.rs"]
mod support;
mod syscalls;
#[allow(dead_code, reason = "each test binary uses a part of this")]
#[path = "../support/trace.rs"]
mod trace;

/// Long loops were asked for.
fn deep() -> bool {
    std::env::var_os("LETTERLOCK_TEST_DEEP").is_some()
}
