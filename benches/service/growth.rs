//! What grows with the number of people, and what must not: erasures, the start, memory. One vault of a thousand people and
//! one of two hundred thousand serve all rows.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{PersonId, RecordId, VaultId};
use letterlock::crypto::{Key, kem};
use letterlock::keys::master::MasterKey;
use letterlock::keys::recovery::RecoverySlot;
use letterlock::keys::slots::{RootSlots, SlotNo};
use letterlock::policy::Role;
use letterlock::services::{App, erase, health};
use letterlock::store::{Batch, Engine, SledEngine};
use serde_json::json;

use crate::args::Args;
use crate::home::{self, Home, as_role};
use crate::report::{Report, Row};
use crate::rounds::median;
use crate::side::{Side, memory_kib};
use crate::{Outcome, REST};

/// People who read at the same time while others are erased.
const READERS: usize = 4;
const CACHE: u64 = 128 << 20;

/// All rows.
pub(crate) fn growth(args: &Args, report: &mut Report) -> Outcome {
    let (small, large) = (Home(args.folder("few")?), Home(args.folder("many")?));
    let (few_people, many_people) = (1000, args.size(200_000, 4000));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let last = runtime.block_on(async {
        let (few, many) = (small.open()?, large.open()?);
        home::fill(&few, few_people).await;
        let records = home::fill(&many, many_people).await;
        eprintln!("bench:   {many_people} people are in");
        one_erasure(args, report, [(&few, few_people), (&many, many_people)]).await?;
        let epoch = args.size(10_000, 500);
        let stretch = (0..epoch).map(|n| 2 * n + 1).collect();
        many_erasures(report, &many, "every second of a stretch", stretch, &records, true).await;
        let spread = (0..epoch).map(|n| 2 * (epoch + n * ((many_people - 2 * epoch) / epoch / 2)) + 1).collect();
        many_erasures(report, &many, "spread over everybody", spread, &records, false).await;
        few.close().await;
        many.close().await;
        Outcome::Ok(records.last().copied().ok_or("nobody came in")?)
    })?;
    start(args, report, &runtime, &large, last)?;
    memory(report, large, many_people)
}

/// One erasure against the least it can cost, and in a large vault against a small one; in turn.
async fn one_erasure(args: &Args, report: &mut Report, vaults: [(&Arc<App>, usize); 2]) -> Outcome {
    let count = args.size(100, 10);
    let mut victims = Vec::new();
    for (app, people) in vaults {
        // Even numbers; the odd ones go in the epoch of many.
        let mut found = home::find(app, (0..count).map(|n| n * (people / count) / 2 * 2).collect()).await;
        victims.push(found.split_off(0).into_iter());
    }
    let floor = Floor::new(args)?;
    let (mut floors, mut times) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..count {
        floors.push(floor.seconds()?);
        for (n, (app, _)) in vaults.into_iter().enumerate() {
            let victim = victims[n].next().ok_or("too few people were found")?;
            times[n].push(seconds_to_erase(app, victim).await?);
            home::clean(app).await;
        }
    }
    let [few, many] = times.clone().map(median);
    let least = median(floors.clone());
    report.add(Row {
        measure: format!("one erasure, {} people held", vaults[0].1),
        value: format!("{:.2} ms", few * 1e3),
        against: format!("one store commit and three slot writes {:.2} ms", least * 1e3),
        ratio: Some(few / least),
        reach: "≤ 3".to_owned(),
        met: Some(few / least <= 3.0),
        figures: json!({ "seconds": times[0], "floor_seconds": floors }),
    });
    report.add(Row {
        measure: format!("one erasure, {} people held", vaults[1].1),
        value: format!("{:.2} ms", many * 1e3),
        against: format!("with {} people {:.2} ms", vaults[0].1, few * 1e3),
        ratio: Some(many / few),
        reach: "≤ 1.3".to_owned(),
        met: Some(many / few <= 1.3),
        figures: json!({ "seconds": times[1] }),
    });
    Ok(())
}

async fn seconds_to_erase(app: &Arc<App>, victim: PersonId) -> Outcome<f64> {
    let begun = Instant::now();
    erase::person(app, &as_role(Role::Privacy), victim).await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// The least that an erasure can cost: one commit of the store, and the three writes of slots.
struct Floor {
    engine: SledEngine,
    slots: RootSlots,
    recovery: RecoverySlot,
    master: MasterKey,
    root: Key,
    _folder: tempfile::TempDir,
}

impl Floor {
    fn new(args: &Args) -> Outcome<Self> {
        let folder = args.folder("floor")?;
        let path = |name: &str| folder.path().join(name);
        let entropy = SystemEntropy::new();
        let vault = VaultId::make_random(&entropy)?;
        RootSlots::create(&path("root"), &entropy)?;
        Ok(Self {
            engine: SledEngine::open(&path("store"), CACHE)?.engine,
            slots: RootSlots::open(&path("root"), vault, true)?,
            recovery: RecoverySlot::new(path("slot"), vault, [9; kem::PUBLIC_LEN], true),
            master: MasterKey::create(&path("master.key"), vault, &entropy)?,
            root: Key::make_random(&entropy)?,
            _folder: folder,
        })
    }

    fn seconds(&self) -> Outcome<f64> {
        let entropy = SystemEntropy::new();
        let batch: Batch = (0..8u8).map(|n| (vec![n], Some(vec![n; 512]))).collect();
        let begun = Instant::now();
        self.slots.write(SlotNo::A, 1, &self.root, &self.master, &entropy)?;
        self.engine.commit(&batch)?;
        self.slots.destroy(SlotNo::B, &entropy)?;
        self.recovery.write(1, &self.root, &entropy)?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Thousands of erasures in one epoch, from the order to the signed certificates, while others read.
async fn many_erasures(
    report: &mut Report,
    app: &Arc<App>,
    which: &str,
    numbers: Vec<usize>,
    records: &[RecordId],
    judged: bool,
) {
    let victims = home::find(app, numbers).await;
    // Those with odd numbers may be among the victims.
    let survivors: Vec<RecordId> = records.iter().rev().skip(1).step_by(2).take(500).copied().collect();
    let survivors = &survivors[..];
    let before = health::figures(app).epoch;
    let quiet = reading(app, survivors, async { tokio::time::sleep(Duration::from_secs(1)).await }).await;
    let begun = Instant::now();
    let mut took = Duration::ZERO;
    let meanwhile = reading(app, survivors, async {
        let results = erase::people(app, &as_role(Role::Privacy), &victims).await.expect("the vault erases");
        took = begun.elapsed();
        assert!(results.iter().all(Result::is_ok), "each has its certificate");
        // The removal of rows is part of what readers feel.
        home::clean(app).await;
    })
    .await;
    let rate = victims.len() as f64 / took.as_secs_f64();
    let stall = meanwhile.longest.as_secs_f64() * 1e3;
    let epochs = health::figures(app).epoch - before;
    report.add(Row {
        measure: format!("{} erasures, {which}, in {epochs} epoch", victims.len()),
        value: format!("{rate:.0}/s"),
        against: "from the order to the certificates".to_owned(),
        ratio: None,
        reach: if judged { "≥ 10,000/s" } else { "" }.to_owned(),
        met: judged.then_some(rate >= 10_000.0),
        figures: json!({ "seconds": took.as_secs_f64(), "count": victims.len() }),
    });
    report.add(Row {
        measure: format!("longest stall of a read meanwhile, clean-up included, {READERS} readers"),
        value: format!("{stall:.0} ms"),
        against: format!("with nothing else going on {:.0} ms", quiet.longest.as_secs_f64() * 1e3),
        ratio: None,
        reach: if judged { "≤ 50 ms" } else { "" }.to_owned(),
        met: judged.then_some(stall <= 50.0),
        figures: json!({ "reads": meanwhile.count, "quiet_reads": quiet.count }),
    });
}

struct Reading {
    longest: Duration,
    count: usize,
}

/// Reads all the time until `work` is done.
async fn reading(app: &Arc<App>, records: &[RecordId], work: impl Future<Output = ()>) -> Reading {
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..READERS {
        let (app, stop, records) = (Arc::clone(app), Arc::clone(&stop), records.to_vec());
        readers.spawn(async move {
            let mut reading = Reading { longest: Duration::ZERO, count: 0 };
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                home::read(&app, records[(reader * 125 + reading.count) % records.len()]).await;
                reading.longest = reading.longest.max(begun.elapsed());
                reading.count += 1;
            }
            reading
        });
    }
    work.await;
    stop.store(true, Ordering::Relaxed);
    let all = readers.join_all().await;
    let longest = all.iter().map(|reading| reading.longest).max().unwrap_or_default();
    Reading { longest, count: all.iter().map(|reading| reading.count).sum() }
}

/// From opening the folders to the first record read, against sled alone opening the same store; in turn.
fn start(
    args: &Args,
    report: &mut Report,
    runtime: &tokio::runtime::Runtime,
    home: &Home,
    record: RecordId,
) -> Outcome {
    let (mut alone, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..args.size(5, 2) {
        let begun = Instant::now();
        let engine = SledEngine::open(&home.store(), CACHE)?.engine;
        alone.push(begun.elapsed().as_secs_f64());
        drop(engine);
        let begun = Instant::now();
        let app = home.open()?;
        runtime.block_on(home::read(&app, record));
        answered.push(begun.elapsed().as_secs_f64());
        runtime.block_on(app.close());
    }
    let (sled, ours) = (median(alone.clone()), median(answered.clone()));
    report.add(Row {
        measure: "start to the first record read, the large vault".to_owned(),
        value: format!("{:.0} ms", ours * 1e3),
        against: format!("sled alone opens in {:.0} ms", sled * 1e3),
        ratio: Some(ours / sled),
        reach: "≤ 2".to_owned(),
        met: Some(ours / sled <= 2.0),
        figures: json!({ "seconds": answered, "sled_seconds": alone }),
    });
    Ok(())
}

/// Memory of the real service at rest, and of its parts, each in a process of its own.
fn memory(report: &mut Report, home: Home, people: usize) -> Outcome {
    let part = |what: &str| -> Outcome<u64> {
        let mut child = std::process::Command::new(std::env::current_exe()?)
            .args([REST.as_ref(), what.as_ref(), home.0.path().as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // It says a line when it is at rest, and ends when its input does.
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().ok_or("no output")?), &mut line)?;
        let kib = memory_kib(child.id());
        drop(child.stdin.take());
        child.wait()?;
        kib
    };
    let mib = |kib: u64| kib as f64 / 1024.0;
    let (empty, store, vault) = (part("nothing")?, part("store")?, part("vault")?);
    let side = Side::letterlock_on(home.0)?;
    std::thread::sleep(Duration::from_secs(3));
    let service = side.memory_kib()?;
    report.add(Row {
        measure: format!("memory at rest, {people} people came in"),
        value: format!("{:.0} MiB", mib(service)),
        against: format!(
            "of which sled {:.0} MiB, directory and key tree {:.0} MiB",
            mib(store.saturating_sub(empty)),
            mib(vault.saturating_sub(store))
        ),
        ratio: None,
        reach: String::new(),
        met: None,
        figures: json!({
            "service_kib": service, "process_with_nothing_kib": empty, "with_sled_kib": store, "with_vault_kib": vault,
        }),
    });
    Ok(())
}

/// The process of one part, at rest until its input ends.
pub(crate) fn rest(what: &str, folder: &str) -> Outcome {
    let home = std::path::Path::new(folder);
    let (mut store, mut vault) = (None, None);
    match what {
        "store" => store = Some(SledEngine::open(&home.join("data/store"), CACHE)?),
        "vault" => vault = Some(home::open_at(home)?),
        _ => {}
    }
    std::thread::sleep(Duration::from_secs(1));
    println!("at rest");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop((store, vault));
    Ok(())
}
