//! Faults below the program: `strace` kills the process at the n-th write, sync, rename or unlink of a thread, or has the
//! call fail for want of room or with an error of the disk. This reaches every file that anything here writes: slots, redo
//! copy, witness, recovery slot, uploads, markers, and those of the store itself.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::ledger::{self, Expected};
use crate::scenario::{self, Abort};

const ALL: &str = "write,pwrite64,fsync,fdatasync,rename,unlink,mkdir";
/// A plain `write` also goes to the descriptors by which threads wake each other, which no disk can fail; a disk that is
/// really full fails it in `full_disk`.
const FAILING: &str = "pwrite64,fsync,fdatasync,rename,unlink,mkdir";

/// By what is done, at which calls, and to which n at most: threads count by themselves.
const FAULTS: [(&str, &str, usize); 3] =
    [("signal=KILL", ALL, 120), ("error=ENOSPC", FAILING, 60), ("error=EIO", FAILING, 60)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_or_failed_at_any_write_loses_nothing_and_brings_nothing_back() {
    let (mut cases, mut hit, mut failures) = (0, 0, Vec::new());
    for (row, (fault, calls, last)) in FAULTS.into_iter().enumerate() {
        let stride = if crate::deep() { 1 } else { last / 10 };
        for nth in (1 + row..last).step_by(stride) {
            let folder = scenario::scratch();
            let mut strace = Command::new("strace");
            strace.args(["-f", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
            strace.arg("-e").arg(format!("inject={calls}:{fault}:when={nth}"));
            let child = scenario::child_under(strace, folder.path(), Abort::Never, false)
                .spawn()
                .expect("this test needs strace, which scripts/test installs");
            cases += 1;
            let Some(status) = ends(child) else {
                failures.push(format!("{fault} at call {nth}: the process hangs"));
                continue;
            };
            hit += usize::from(!status.success());
            if let Err(said) = ledger::check(folder.path(), &Expected::told(folder.path())).await {
                failures.push(format!("{fault} at call {nth}: {said}"));
            }
        }
    }
    println!("{cases} runs, {hit} of them ended by the fault");
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n"));
    assert!(hit * 3 >= cases, "only {hit} of {cases} were hit");
}

/// Waits for the end, but not for ever.
fn ends(mut child: Child) -> Option<ExitStatus> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}
