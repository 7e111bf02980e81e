//! Somebody who can write to the data folder: every row and every file, one at a time, flipped, dropped, swapped,
//! replaced by an earlier version of itself. Opening refuses, or `verify` reports.

use std::collections::BTreeMap;
use std::path::Path;

use letterlock::base::tables::Table;
use letterlock::domain::submission::Status;
use letterlock::policy::Role;
use letterlock::services::{audit, review, staff};
use letterlock::store::{Batch, Engine, SledEngine};

use crate::support::*;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn rows(data: &Path) -> Rows {
    let engine = SledEngine::open(&data.join("store"), 8 << 20).unwrap().engine;
    engine.scan(&[], &[0xff]).map(Result::unwrap).collect()
}

/// Whether a vault with these changes is refused, or reported by `verify`.
async fn noticed(home: &Home, change: Batch) -> bool {
    let trial = Home::new();
    copy_dir(&home.data(), &trial.data());
    copy_dir(&home.keys(), &trial.keys());
    let engine = SledEngine::open(&trial.data().join("store"), 8 << 20).unwrap().engine;
    engine.commit(&change).unwrap();
    drop(engine);
    match trial.try_open() {
        Err(_) => true,
        Ok((app, _)) => !problems(&app).await.is_empty(),
    }
}

/// A vault with something in every table, and the rows that it had before its last changes.
async fn furnished() -> (Home, Rows) {
    let home = Home::new();
    let app = home.open();
    let first = apply(&app, "a@example.org", &pdf("a")).await.unwrap().submission;
    apply(&app, "b@example.org", &pdf("b")).await.unwrap();
    apply(&app, "gone@example.org", &pdf("g")).await.unwrap();
    staff::create_token(&app, &role(Role::Admin), "jane", &[Role::Hr], None).await.unwrap();
    staff::add(&app, &role(Role::Admin), "joe", false).await.unwrap();
    app.close().await;
    drop(app);
    let earlier = rows(&home.data());
    let app = home.open();
    review::set_status(&app, &role(Role::Hr), first, Status::Offer).await.unwrap();
    apply(&app, "a@example.org", &pdf("a2")).await.unwrap();
    staff::disable(&app, &role(Role::Admin), "jane").await.unwrap();
    let person = person_of(&app, "gone@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();
    clean(&app).await;
    app.close().await;
    drop(app);
    (home, earlier)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_can_be_changed_unnoticed() {
    let (home, earlier) = furnished().await;
    let now = rows(&home.data());
    assert!(!noticed(&home, Batch::new()).await, "the vault as it is, is whole");
    let tables: std::collections::BTreeSet<u8> = now.keys().map(|key| key[0]).collect();
    assert_eq!(tables.len(), Table::ALL.len() - 1, "every table but that of orders has rows");

    let mut tried = 0;
    let mut unnoticed = Vec::new();
    let mut attempt = async |what: &str, key: &[u8], change: Batch| {
        tried += 1;
        if !noticed(&home, change).await {
            unnoticed.push(format!("{what} {:?}", data_encoding::HEXLOWER.encode(key)));
        }
    };
    let mut last: Option<(&Vec<u8>, &Vec<u8>)> = None;
    for (key, value) in &now {
        let mut flipped = value.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        attempt("flipped", key, Batch::from([(key.clone(), Some(flipped))])).await;
        attempt("dropped", key, Batch::from([(key.clone(), None)])).await;
        if let Some((other, theirs)) = last.filter(|(other, theirs)| other[0] == key[0] && *theirs != value) {
            let swap = Batch::from([(key.clone(), Some(theirs.clone())), (other.clone(), Some(value.clone()))]);
            attempt("swapped", key, swap).await;
        }
        if let Some(old) = earlier.get(key).filter(|old| *old != value) {
            attempt("replayed", key, Batch::from([(key.clone(), Some(old.clone()))])).await;
        }
        last = Some((key, value));
    }
    // Rows of the erased put back.
    for (key, value) in earlier.iter().filter(|(key, _)| !now.contains_key(*key)) {
        attempt("revived", key, Batch::from([(key.clone(), Some(value.clone()))])).await;
    }
    assert!(tried > 100, "{tried}");
    assert_eq!(unnoticed, Vec::<String>::new(), "of {tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_can_be_changed_unnoticed() {
    let home = Home::new();
    let app = home.open();
    let big = apply(&app, "a@example.org", &pdf(&"x".repeat(150_000))).await.unwrap().submission;
    apply(&app, "b@example.org", &pdf(&"y".repeat(150_000))).await.unwrap();
    app.close().await;
    drop(app);
    let files: Vec<_> = std::fs::read_dir(home.data().join("files")).unwrap().map(|e| e.unwrap().path()).collect();
    let good: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
    let segment = 66 + 65_552;
    let mut bad: Vec<Vec<u8>> = Vec::new();
    for at in [0, 10, 40, 66, 70_000, good[0].len() - 1] {
        let mut flipped = good[0].clone();
        flipped[at] ^= 1;
        bad.push(flipped);
    }
    bad.push(good[1].clone()); // another file in its place
    bad.push(good[0][..segment].to_vec()); // cut at a segment
    bad.push([good[0].as_slice(), &good[0][66..segment]].concat()); // a segment more
    bad.push([&good[0][..66], &good[0][segment..], &good[0][66..segment]].concat()); // segments swapped
    bad.push([&good[1][..66], &good[0][66..]].concat()); // another header
    for content in bad {
        std::fs::write(&files[0], &content).unwrap();
        let app = home.open();
        assert_eq!(problems(&app).await.len(), 1);
        drop(app);
    }
    std::fs::remove_file(&files[0]).unwrap();
    let app = home.open();
    assert_eq!(problems(&app).await.len(), 1);
    drop(app);
    std::fs::write(&files[0], &good[0]).unwrap();
    let app = home.open();
    assert_eq!(problems(&app).await, Vec::<String>::new());
    download(&app, big).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_cut_or_rewritten_is_told_by_a_head_kept_elsewhere() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    let ctx = role(Role::Auditor);
    let kept = audit::head(&app, &ctx).await.unwrap();
    apply(&app, "b@example.org", &pdf("")).await.unwrap();
    let verdict = audit::verify(&app, &ctx, Some(kept.clone()), &|_, _| {}).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());

    let mut longer = audit::head(&app, &ctx).await.unwrap();
    let later = longer.clone();
    longer.size += 1;
    let verdict = audit::verify(&app, &ctx, Some(longer), &|_, _| {}).await.unwrap();
    assert!(verdict.problems[0].contains("signature"), "{:?}", verdict.problems);

    // A whole installation rolled back, keys included, is consistent in itself; only the head kept outside tells.
    app.close().await;
    drop(app);
    let (data, keys) = (home.path().join("data-old"), home.path().join("keys-old"));
    copy_dir(&home.data(), &data);
    copy_dir(&home.keys(), &keys);
    let app = home.open();
    apply(&app, "c@example.org", &pdf("")).await.unwrap();
    let newest = audit::head(&app, &ctx).await.unwrap();
    app.close().await;
    drop(app);
    std::fs::remove_dir_all(home.data()).unwrap();
    std::fs::remove_dir_all(home.keys()).unwrap();
    std::fs::rename(data, home.data()).unwrap();
    std::fs::rename(keys, home.keys()).unwrap();
    let app = home.open();
    let verdict = audit::verify(&app, &ctx, Some(newest), &|_, _| {}).await.unwrap();
    assert!(!verdict.problems.is_empty());
    let verdict = audit::verify(&app, &ctx, Some(later), &|_, _| {}).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_added_beyond_the_trail_or_beyond_the_tables_is_noticed() {
    let home = Home::new();
    drop(home.open());
    for key in [Table::Audit.key(&[&9999u64.to_be_bytes()]), Table::Audit.key(&[b"x"]), vec![0xff; 8]] {
        assert!(noticed(&home, Batch::from([(key.clone(), Some(b"added".to_vec()))])).await, "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_record_is_refused_as_such_and_the_others_are_read() {
    use letterlock::services::ServiceError;

    let home = Home::new();
    let app = home.open();
    let edited = apply(&app, "a@example.org", &pdf("")).await.unwrap().submission;
    let other = apply(&app, "b@example.org", &pdf("")).await.unwrap().submission;
    app.close().await;
    drop(app);
    let engine = SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
    let key = Table::Records.key(&[edited.as_bytes()]);
    let mut row = engine.read(&key).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    engine.commit(&Batch::from([(key, Some(row))])).unwrap();
    drop(engine);
    let app = home.open();
    assert!(matches!(read(&app, edited).await, Err(ServiceError::Damaged)));
    read(&app, other).await.unwrap();
    assert_eq!(problems(&app).await.len(), 2, "the record, and the digest");
}
