//! Somebody who can write to the data folder cuts the trail, adds rows, edits a record. What becomes of every single row
//! and segment is in `tests/tamper`.

use letterlock::base::tables::Table;
use letterlock::policy::Role;
use letterlock::services::audit;
use letterlock::store::{Batch, Engine, SledEngine};

use crate::support::*;

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
