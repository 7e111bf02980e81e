//! The process aborts at a step, the next one aborts while it mends that, and the third one finds everything as it was
//! told.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;

use letterlock::vault::Step;

use crate::ledger::{self, Expected};
use crate::scenario::{self, Abort};

/// How often each step is passed in a whole run.
fn survey() -> BTreeMap<Step, usize> {
    let folder = scenario::scratch();
    let status = scenario::run_child(folder.path(), Abort::Never, false);
    assert!(status.success(), "the run failed: {status}");
    let mut counts = BTreeMap::new();
    for step in scenario::passed(folder.path()) {
        *counts.entry(step).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_aborts_at_any_step_loses_nothing_and_brings_nothing_back() {
    let counts = survey();
    let missed: Vec<_> = Step::ALL.iter().filter(|step| !counts.contains_key(step)).collect();
    assert_eq!(missed, [&Step::RedoPutBack], "the run does not pass these");
    let plan: Vec<(Step, usize)> = if crate::deep() {
        counts.iter().flat_map(|(step, count)| (1..=*count).map(|n| (*step, n))).collect()
    } else {
        // One occasion of each, early ones and late ones by turns.
        (0..).zip(&counts).map(|(n, (step, count))| (*step, 1 + (n * 7) % count)).collect()
    };
    let (mut aborted, mut again, mut failures) = (0, 0, Vec::new());
    for (seed, (step, nth)) in (0..).zip(&plan) {
        let folder = scenario::scratch();
        aborted += usize::from(is_abort(scenario::run_child(folder.path(), Abort::At(*step, *nth), false)));
        // A start passes a dozen steps or two.
        again += usize::from(is_abort(scenario::run_child(folder.path(), Abort::Any(1 + (seed * 5) % 16), true)));
        if let Err(said) = ledger::check(folder.path(), &Expected::told(folder.path())).await {
            failures.push(format!("{step:?}, time {nth}, and then step {} of the start: {said}", 1 + (seed * 5) % 16));
        }
    }
    println!("{} steps, {aborted} aborts in a run, {again} in the start after it", Step::ALL.len());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), plan.len(), failures.join("\n"));
    // Some steps hang on what the janitor's clock does, so a run can come to its end without them.
    assert!(aborted * 10 >= plan.len() * 9 && again * 2 >= plan.len(), "{aborted} and {again} aborts are too few");
}

/// The one step that no crash leads to, for the store syncs what it commits: a store that lost its last epoch after the old
/// root was destroyed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_epoch_put_back_survives_an_abort_as_well() {
    let folder = scenario::scratch();
    let at = |step| scenario::run_child(folder.path(), Abort::At(step, 1), false);
    // The first erasure deletes submission 1 by itself.
    assert!(is_abort(at(Step::RedoWritten)));
    let told = std::fs::read_to_string(scenario::Told::path(folder.path())).unwrap();
    assert!(told.ends_with("try delete 1\ndurable\n"), "{told}");
    // Only the new root is left, and the store is still at the old epoch.
    let root = folder.path().join("keys/root");
    let mut slots = std::fs::read(&root).unwrap();
    let old = if slots[31] == 1 { 0 } else { 4096 };
    slots[old..old + 4096].fill(0xaa);
    std::fs::write(&root, slots).unwrap();
    assert_eq!(ledger::roots(folder.path()), [2]);
    assert!(is_abort(scenario::run_child(folder.path(), Abort::At(Step::RedoPutBack, 1), true)));
    let seen = ledger::check(folder.path(), &Expected::told(folder.path())).await.unwrap();
    assert_eq!(seen.records, 2);
}

/// Whether it aborted; that it failed in any other way is a fault of the test, or of the vault.
fn is_abort(status: std::process::ExitStatus) -> bool {
    let abort = status.signal() == Some(rustix::process::Signal::ABORT.as_raw());
    assert!(abort || status.success(), "neither an abort nor a success: {status}");
    abort
}
