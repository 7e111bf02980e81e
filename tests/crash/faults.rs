//! A disk that fails under the store: each commit in turn is refused before anything is applied (the disk is full), or is
//! applied and said to have failed (an error of `fsync`, after which nobody knows). The caller hears of it, the vault
//! takes nothing more, and the next start finds everything as it was told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use letterlock::domain::submission::Status;
use letterlock::policy::Role;
use letterlock::services::{App, ServiceError, find, health, review};
use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::{Hooks, Step};

use crate::ledger::{self, Expected};
use crate::scenario::{self, Run};
use crate::support::{read, role};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Nothing is applied.
    Full,
    /// All is applied, and the caller told that it is not known.
    Unsure,
    /// Nothing is applied, and the caller told that all is well: what no disk should do.
    Lie,
}

/// Which commit fails, and how; counted over all starts of a run.
struct Plan {
    fault: Fault,
    at: usize,
    commits: AtomicUsize,
}

struct Faulty {
    inner: Box<dyn Engine>,
    plan: Arc<Plan>,
    poisoned: AtomicBool,
}

impl Engine for Faulty {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if !self.is_writable() {
            return Err(StoreError::Poisoned);
        }
        let number = self.plan.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if number != self.plan.at || self.plan.fault == Fault::None {
            return self.inner.commit(batch);
        }
        let error = match self.plan.fault {
            Fault::Lie => return Ok(()),
            Fault::Unsure => {
                self.inner.commit(batch)?;
                std::io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
            }
            _ => std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()),
        };
        self.poisoned.store(true, Ordering::SeqCst);
        Err(error.into())
    }

    fn is_writable(&self) -> bool {
        !self.poisoned.load(Ordering::SeqCst) && self.inner.is_writable()
    }
}

/// A run whose store fails so. Returns it where it stopped, what it said, and how many commits there were.
async fn run(folder: &Path, fault: Fault, at: usize) -> (Run, Result<(), String>, usize) {
    let plan = Arc::new(Plan { fault, at, commits: AtomicUsize::new(0) });
    let told = scenario::Told::open(folder);
    let of_engine = Arc::clone(&plan);
    let hooks = Hooks {
        engine: Some(Arc::new(move |inner| {
            Box::new(Faulty { inner, plan: Arc::clone(&of_engine), poisoned: AtomicBool::new(false) })
        })),
        at_step: Some(Arc::new(move |step| {
            if step == Step::Ordered {
                told.say("durable");
            }
            ControlFlow::Continue(())
        })),
        ..Hooks::default()
    };
    let mut run = Run::new(folder, hooks);
    let result = run.all().await;
    (run, result, plan.commits.load(Ordering::SeqCst))
}

/// A run in which whatever was done last before the n-th passing of a step is said to have failed: the write of a slot,
/// of the redo copy, of the witness, of an upload. Where it stopped, and how often each step was passed.
async fn run_failing_at(folder: &Path, at: Option<(Step, usize)>) -> (Run, Result<(), String>, BTreeMap<Step, usize>) {
    let told = scenario::Told::open(folder);
    let counts = Arc::new(Mutex::new(BTreeMap::new()));
    let of_hook = Arc::clone(&counts);
    let at_step = move |step| {
        let mut counts = of_hook.lock().unwrap();
        let count: &mut usize = counts.entry(step).or_default();
        *count += 1;
        if step == Step::Ordered {
            told.say("durable");
        }
        if at == Some((step, *count)) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut run = Run::new(folder, Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() });
    let result = run.all().await;
    let counts = counts.lock().unwrap().clone();
    (run, result, counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_at_any_step_is_told_and_mended_by_a_start() {
    let whole = scenario::scratch();
    let (run, result, counts) = run_failing_at(whole.path(), None).await;
    result.unwrap();
    drop(run);
    let (mut cases, mut told_so, mut failures) = (0, 0, Vec::new());
    for (row, (step, count)) in (0..).zip(counts) {
        let occasions: Vec<usize> = if crate::deep() { (1..=count).collect() } else { vec![1 + (row * 5) % count] };
        for nth in occasions {
            let folder = scenario::scratch();
            let (mut run, result, _) = run_failing_at(folder.path(), Some((step, nth))).await;
            let told = std::fs::read_to_string(scenario::Told::path(folder.path())).unwrap();
            cases += 1;
            told_so += usize::from(result.is_err());
            match run.app.take() {
                // Told, and tried again.
                Some(_) if matches!(step, Step::RecoveryPut | Step::RecoverySynced) => {}
                Some(app) if matches!(step, Step::TestimonyPut | Step::TestimonyWritten) => {
                    takes_and_gives_nothing(&app, folder.path()).await;
                }
                Some(app) => is_shut(&app, &told).await,
                None => {}
            }
            drop(run);
            if let Err(said) = ledger::check(folder.path(), &Expected::told(folder.path())).await {
                failures.push(format!("{step:?}, time {nth}, {result:?}: {said}"));
            }
        }
    }
    println!("{cases} failures, {told_so} of them met the caller");
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n"));
    assert!(told_so * 10 >= cases * 7, "only {told_so} of {cases} met anybody");
}

/// A vault whose store failed takes nothing, gives nothing, and says so.
async fn is_shut(app: &Arc<App>, told: &str) {
    let refused = |result: Result<(), ServiceError>| {
        assert!(matches!(result, Err(ServiceError::Unavailable)), "{told}: {result:?}");
    };
    assert!(app.has_failed(), "{told}");
    assert!(!health::readiness(app).ready && !health::readiness(app).store, "{told}");
    refused(scenario::send(app, 99, "zoe").await.map(drop));
    gives_nothing(app, told).await;
}

/// A vault whose trail can be held against nothing any more is open for what people send, and for nothing else.
async fn takes_and_gives_nothing(app: &Arc<App>, folder: &Path) {
    let told = scenario::Told::open(folder);
    let so_far = || std::fs::read_to_string(scenario::Told::path(folder)).unwrap();
    // The failure may be that of the last round, a moment after the last answer.
    for _ in 0..1000 {
        if !health::readiness(app).audit {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let readiness = health::readiness(app);
    assert!(!readiness.ready && !readiness.audit && readiness.store && !app.has_failed(), "{}", so_far());
    told.say("try submit 99");
    let id = scenario::send(app, 99, "zoe").await.unwrap();
    told.say(&format!("ok submit 99 {id}"));
    gives_nothing(app, &so_far()).await;
    let searched = find::by_email(app, &role(Role::Privacy), &scenario::address("zoe").as_str().into()).await;
    assert!(matches!(searched, Err(ServiceError::Unavailable)), "{searched:?}");
}

async fn gives_nothing(app: &Arc<App>, told: &str) {
    let refused = |result: Result<(), ServiceError>| {
        assert!(matches!(result, Err(ServiceError::Unavailable)), "{told}: {result:?}");
    };
    if let Some(id) = told.lines().find_map(|line| line.strip_prefix("ok submit 0 ")) {
        let id = id.parse().unwrap();
        // Without a trace nothing is read.
        refused(read(app, id).await.map(drop));
        refused(review::set_status(app, &role(Role::Hr), id, Status::Offer).await.map(drop));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_at_any_write_is_told_and_mended_by_a_start() {
    let clean = scenario::scratch();
    let (whole, result, commits) = run(clean.path(), Fault::None, 0).await;
    result.unwrap();
    drop(whole);
    let (mut cases, mut told_so, mut failures) = (0, 0, Vec::new());
    for at in 1..=commits {
        let faults: &[Fault] = match (crate::deep(), at % 2) {
            (true, _) => &[Fault::Full, Fault::Unsure],
            (false, 0) => &[Fault::Full],
            (false, _) => &[Fault::Unsure],
        };
        for &fault in faults {
            let folder = scenario::scratch();
            let (mut run, result, _) = run(folder.path(), fault, at).await;
            let told = std::fs::read_to_string(scenario::Told::path(folder.path())).unwrap();
            cases += 1;
            told_so += usize::from(result.is_err());
            if let Some(app) = run.app.take() {
                is_shut(&app, &told).await;
            }
            drop(run);
            if let Err(said) = ledger::check(folder.path(), &Expected::told(folder.path())).await {
                failures.push(format!("{fault:?} at commit {at}, {result:?}: {said}"));
            }
        }
    }
    println!("{commits} commits, {cases} failures, {told_so} of them met the caller");
    assert!(failures.is_empty(), "{} of {cases}:\n{}", failures.len(), failures.join("\n"));
    assert!(told_so * 10 >= cases * 8, "only {told_so} of {cases} met anybody");
}

/// The control: a store that says yes and writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lies_is_noticed() {
    let mut noticed = 0;
    // The first ones make the vault and note its opening.
    for at in 3..=8 {
        let folder = scenario::scratch();
        let (run, result, _) = run(folder.path(), Fault::Lie, at).await;
        drop(run);
        let checked = ledger::check(folder.path(), &Expected::told(folder.path())).await;
        noticed += usize::from(result.is_err() || checked.is_err());
    }
    assert_eq!(noticed, 6);
}
