//! Runs lives, and cuts down one that went wrong to the acts that matter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::Plant;
use crate::op::{self, Op};
use crate::plain::Mistake;
use crate::world::World;

/// Lives tried while cutting one down.
const TRIES: usize = 150;

/// What a life runs on; all of it empty in earnest.
#[derive(Clone, Copy, Default)]
pub struct Setup {
    pub on_disk: bool,
    pub plant: Option<Plant>,
    pub mistake: Option<Mistake>,
}

/// What happened, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub acts: u64,
    pub answers: u64,
    pub erasures: u64,
    pub restarts: u64,
    pub stops: u64,
    pub faults: u64,
    /// Of the faults, those after which the act had happened all the same.
    pub happened: u64,
    pub checks: u64,
    pub mails: u64,
}

pub struct Failure {
    /// The act at which it was noticed; the number of acts when it was the last comparison.
    pub at: usize,
    pub message: String,
}

/// One life; every answer compared, and everything at the end.
pub fn live(seed: u64, ops: Vec<Op>, setup: &Setup) -> Result<Tally, Failure> {
    let at = AtomicUsize::new(0);
    let whole = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(seed, setup);
            world.open()?;
            for (n, op) in ops.iter().enumerate() {
                at.store(n, Ordering::SeqCst);
                world.tally.acts += 1;
                world.act(op).await?;
            }
            at.store(ops.len(), Ordering::SeqCst);
            world.check().await?;
            world.close().await;
            world.open()?;
            world.check().await?;
            Ok::<_, String>(world.tally)
        })
    };
    let outcome = catch_unwind(AssertUnwindSafe(whole)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "panicked: {}",
            text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default()
        ))
    });
    outcome.map_err(|message| Failure { at: at.load(Ordering::SeqCst), message })
}

/// Leaves acts out as long as the life still goes wrong in much the same way.
pub fn shrink(seed: u64, mut ops: Vec<Op>, failure: &Failure, setup: &Setup) -> Vec<Op> {
    let alike = |other: &Failure| other.message.split(' ').take(3).eq(failure.message.split(' ').take(3));
    ops.truncate(failure.at + 1);
    let mut tries = 0;
    let mut size = ops.len().div_ceil(2);
    while size > 0 && tries < TRIES {
        let mut start = 0;
        while start < ops.len() && tries < TRIES {
            let end = (start + size).min(ops.len());
            let fewer = [&ops[..start], &ops[end..]].concat();
            tries += 1;
            if live(seed, fewer.clone(), setup).is_err_and(|other| alike(&other)) {
                ops = fewer;
            } else {
                start = end;
            }
        }
        size /= 2;
    }
    ops
}

pub fn report(seed: u64, ops: &[Op], failure: &Failure) -> String {
    let acts: String = ops.iter().map(|op| format!("\n    {op:?}")).collect();
    format!(
        "{}\n  act {}; seed {seed}: LETTERLOCK_TEST_SEED={seed} cargo test --test model -- --nocapture\n  acts:{acts}",
        failure.message, failure.at
    )
}

/// Runs a life for each seed, on all cores; fails with the first that went wrong, cut down.
pub fn run_seeds(title: &str, seeds: &[u64], len: usize, setup: &Setup) {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(u64, Failure)>> = Mutex::new(None);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match live(seed, op::life(seed, len), setup) {
                        Ok(tally) => total.lock().unwrap().add(&tally),
                        Err(failure) => {
                            next.store(seeds.len(), Ordering::SeqCst);
                            failed.lock().unwrap().get_or_insert((seed, failure));
                        }
                    }
                }
            });
        }
    });
    println!("{title}: {} lives of {len} acts: {:?}", seeds.len(), total.into_inner().unwrap());
    if let Some((seed, failure)) = failed.into_inner().unwrap() {
        println!("{}", report(seed, &[], &failure));
        let least = shrink(seed, op::life(seed, len), &failure, setup);
        // What goes wrong now and then only may not go wrong again.
        let failure = live(seed, least.clone(), setup).err().unwrap_or(failure);
        panic!("{title}: {}", report(seed, &least, &failure));
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.acts += other.acts;
        self.answers += other.answers;
        self.erasures += other.erasures;
        self.restarts += other.restarts;
        self.stops += other.stops;
        self.faults += other.faults;
        self.happened += other.happened;
        self.checks += other.checks;
        self.mails += other.mails;
    }
}
