//! What an act must not leave behind, must not use twice, and must not hide: rows and files of the erased, salts, slots,
//! and a trail that cannot be written.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use letterlock::base::tables::Table;
use letterlock::domain::submission::Status;
use letterlock::policy::Role;
use letterlock::services::{ServiceError, erase, health, review};
use letterlock::store::{Batch, Engine, Row, Rows, StoreError};
use letterlock::vault::Hooks;

use crate::support::*;

/// What stands between the vault and its store here.
#[derive(Default)]
struct Watch {
    /// Every row ever written.
    written: Mutex<Vec<Row>>,
    /// Commits fail from now on.
    broken: AtomicBool,
    /// One has failed, so no other is accepted.
    failed: AtomicBool,
}

struct Watched {
    inner: Box<dyn Engine>,
    watch: Arc<Watch>,
}

impl Engine for Watched {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.watch.broken.load(Ordering::SeqCst) {
            self.watch.failed.store(true, Ordering::SeqCst);
            return Err(StoreError::Io(std::io::Error::other("a disk that fails")));
        }
        let rows = batch.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        self.watch.written.lock().unwrap().extend(rows);
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        !self.watch.failed.load(Ordering::SeqCst) && self.inner.is_writable()
    }
}

fn watched() -> (Hooks, Arc<Watch>) {
    let watch = Arc::new(Watch::default());
    let ours = Arc::clone(&watch);
    let engine = move |inner| -> Box<dyn Engine> { Box::new(Watched { inner, watch: Arc::clone(&ours) }) };
    (Hooks { engine: Some(Arc::new(engine)), ..Hooks::default() }, watch)
}

/// The store keys of a data folder, by table.
fn keys_by_table(home: &Home) -> BTreeMap<u8, BTreeSet<Vec<u8>>> {
    let engine = letterlock::store::SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
    let mut out: BTreeMap<u8, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for row in engine.scan(&[], &[0xff]) {
        let (key, _) = row.unwrap();
        out.entry(key[0]).or_default().insert(key);
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_removes_every_row_and_file_that_the_erased_brought() {
    const OF_PEOPLE: [Table; 5] = [Table::Keyrings, Table::Records, Table::List, Table::Consents, Table::Files];
    let home = Home::new();
    let app = home.open();
    apply(&app, "stays@example.org", &pdf("stays")).await.unwrap();
    let kept = apply(&app, "half@example.org", &pdf("kept")).await.unwrap().submission;
    app.close().await;
    drop(app);
    let before = keys_by_table(&home);

    let app = home.open();
    let one = apply(&app, "half@example.org", &pdf("one")).await.unwrap().submission;
    for n in 0..3 {
        apply(&app, "goes@example.org", &pdf(&format!("goes {n}"))).await.unwrap();
    }
    review::set_status(&app, &role(Role::Hr), one, Status::Interview).await.unwrap();
    app.close().await;
    drop(app);
    let between = keys_by_table(&home);
    let files = || std::fs::read_dir(home.data().join("files")).unwrap().count();
    for table in [Table::Keyrings, Table::Records, Table::List, Table::Files] {
        assert!(between[&table.id()].len() > before[&table.id()].len(), "{table:?}: nothing came that could go");
    }
    assert_eq!(files(), 6);

    let app = home.open();
    let person = person_of(&app, "goes@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();
    erase::record(&app, &role(Role::Privacy), one).await.unwrap();
    // Once more is an answer, not a success that did nothing.
    assert!(matches!(erase_person(&app, person).await, Err(ServiceError::NotFound)));
    assert!(matches!(erase::record(&app, &role(Role::Privacy), one).await, Err(ServiceError::NotFound)));
    clean(&app).await;
    assert_eq!(download(&app, kept).await.unwrap(), pdf("kept"));
    app.close().await;
    drop(app);
    let after = keys_by_table(&home);
    for table in OF_PEOPLE {
        assert_eq!(after.get(&table.id()), before.get(&table.id()), "{table:?}");
    }
    assert!(!after.contains_key(&Table::Intents.id()), "the orders are done");
    assert_eq!(files(), 2);
}

/// The envelopes in a row: each begins with version and suite, and some rows hold two.
fn envelopes((key, value): &Row) -> Vec<&[u8]> {
    let two = [Table::Records.id(), Table::List.id()].contains(&key[0]);
    let parts = if two {
        let (outer, inner) = value[2..].split_at(usize::from(u16::from_be_bytes([value[0], value[1]])));
        vec![outer, inner]
    } else {
        vec![value.as_slice()]
    };
    let header = [letterlock::crypto::context::VERSION, letterlock::crypto::context::SUITE];
    parts.into_iter().filter(|part| part.starts_with(&header) && part.len() > 82).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_salt_is_ever_used_twice() {
    let home = Home::new();
    let (hooks, watch) = watched();
    let app = home.open_with(hooks.clone());
    let mut ids = Vec::new();
    for n in 0..20 {
        // The same content again and again: only the salt tells one sealing from the next.
        ids.push(apply(&app, &format!("p{}@example.org", n % 5), &pdf("same")).await.unwrap().submission);
    }
    for id in &ids {
        read(&app, *id).await.unwrap();
        review::set_status(&app, &role(Role::Hr), *id, Status::Interview).await.unwrap();
    }
    erase::record(&app, &role(Role::Privacy), ids[0]).await.unwrap();
    erase_person(&app, person_of(&app, "p1@example.org").await.unwrap()).await.unwrap();
    clean(&app).await;
    app.close().await;
    drop(app);
    let app = home.open_with(hooks);
    apply(&app, "p1@example.org", &pdf("same")).await.unwrap();
    app.close().await;

    let written = watch.written.lock().unwrap();
    let mut by_table: BTreeMap<u8, usize> = BTreeMap::new();
    let mut seen: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    for row in written.iter() {
        for envelope in envelopes(row) {
            // The very same bytes written again (the outer layer of a row whose inner one changed) are one sealing.
            let first = seen.insert(&envelope[2..34], envelope);
            assert!(first.is_none_or(|first| first == envelope), "a salt came again in {:?}", Table::from_id(row.0[0]));
            *by_table.entry(row.0[0]).or_default() += usize::from(first.is_none());
        }
    }
    let files = std::fs::read_dir(home.data().join("files")).unwrap();
    let files: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    for file in &files {
        assert!(seen.insert(&file[2..34], file).is_none(), "a salt came again in a file");
    }
    println!("{} rows written, {} salts, all different; by table {by_table:?}", written.len(), seen.len());
    for table in [Table::Pages, Table::Keyrings, Table::Records, Table::List, Table::Audit] {
        assert!(by_table[&table.id()] >= 20, "{table:?}: {by_table:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_keys_are_overwritten_in_place_and_never_shorter() {
    let home = Home::new();
    let app = home.open();
    let names = ["root", "witness", "master.key"];
    let look = |name: &str| std::fs::metadata(home.keys().join(name)).map(|meta| (meta.ino(), meta.len()));
    let first: Vec<_> = names.iter().map(|name| look(name).unwrap()).collect();
    // Somebody who looks all the time: an overwrite that truncates or renames shows, if only for a moment.
    let (stop, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    let odd = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut odd = BTreeSet::new();
            while !stop.load(Ordering::SeqCst) {
                for (name, first) in names.iter().zip(&first) {
                    match look(name) {
                        Ok(now) if now == *first => {}
                        other => drop(odd.insert(format!("{name}: {other:?}, first {first:?}"))),
                    }
                    looks.fetch_add(1, Ordering::SeqCst);
                }
            }
            odd
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for n in 0..30 {
                    let email = format!("p{n}@example.org");
                    apply(&app, &email, &pdf("")).await.unwrap();
                    erase_person(&app, person_of(&app, &email).await.unwrap()).await.unwrap();
                }
                // The witness follows within a second.
                tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
            });
        });
        stop.store(true, Ordering::SeqCst);
        watcher.join().unwrap()
    });
    let (looks, epoch) = (looks.load(Ordering::SeqCst), health::figures(&app).epoch);
    println!("looked {looks} times at the files of keys during {epoch} epochs");
    assert_eq!(odd, BTreeSet::new());
    assert!(looks > 1000 && epoch == 31);
    for (name, first) in names.iter().zip(first) {
        assert_eq!(look(name).unwrap(), first, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_that_cannot_be_written_stops_reading_and_the_health_check_says_so() {
    let home = Home::new();
    let (hooks, watch) = watched();
    let app = home.open_with(hooks);
    let id = apply(&app, "a@example.org", &pdf("")).await.unwrap().submission;
    read(&app, id).await.unwrap();
    assert!(health::readiness(&app).ready && health::readiness(&app).audit);
    watch.broken.store(true, Ordering::SeqCst);
    assert!(matches!(read(&app, id).await, Err(ServiceError::Unavailable)), "no trace, no read");
    let readiness = health::readiness(&app);
    assert!(!readiness.ready && !readiness.audit, "{readiness:?}");
    // It stays so, also when the disk would work again: what is on it is not known.
    watch.broken.store(false, Ordering::SeqCst);
    assert!(matches!(download(&app, id).await, Err(ServiceError::Unavailable)));
    assert!(apply(&app, "b@example.org", &pdf("")).await.is_err());
    assert!(!health::readiness(&app).ready);
    drop(app);
    let app = home.open();
    read(&app, id).await.unwrap();
    assert!(health::readiness(&app).ready);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_after_an_erasure_is_a_new_submission_and_gets_no_old_receipt() {
    let home = Home::new();
    let app = home.open();
    let first = apply_keyed(&app, "a@example.org", &pdf("1"), Some("key-1")).await.unwrap();
    let second = apply_keyed(&app, "b@example.org", &pdf("1"), Some("key-2")).await.unwrap();
    erase::record(&app, &role(Role::Privacy), first.submission).await.unwrap();
    erase_person(&app, person_of(&app, "b@example.org").await.unwrap()).await.unwrap();
    for (old, email, key) in [(first, "a@example.org", "key-1"), (second, "b@example.org", "key-2")] {
        let again = apply_keyed(&app, email, &pdf("1"), Some(key)).await.unwrap();
        assert!(again.submission != old.submission && again.receipt != old.receipt);
        read(&app, again.submission).await.unwrap();
        assert!(matches!(read(&app, old.submission).await, Err(ServiceError::NotFound)));
    }
    assert_eq!(health::figures(&app).arrivals, 4);
}
