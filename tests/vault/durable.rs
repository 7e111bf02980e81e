//! Folders that do not fit together, interrupted first starts, broken snapshots: refused or mended, and nothing changed
//! that should not be.

use letterlock::base::sensitive::SensitiveString;
use letterlock::base::tables::Table;
use letterlock::policy::Role;
use letterlock::services::{find, health};
use letterlock::store::{Batch, Engine, SledEngine};

use crate::support::*;

async fn with_one(home: &Home) {
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    app.close().await;
}

/// The refusal, after making sure that it changed nothing.
fn refusal(home: &Home) -> String {
    let relevant = |folder: &std::path::Path| -> Vec<_> {
        if !folder.exists() {
            return Vec::new();
        }
        let skip = |name: &str| name.contains("lock") || name.contains("/store/");
        all_bytes(folder).into_iter().filter(|(path, _)| !skip(&path.to_string_lossy())).collect()
    };
    let before = (relevant(&home.data()), relevant(&home.keys()));
    let message = home.try_open().map(|_| ()).unwrap_err().message;
    assert_eq!(before, (relevant(&home.data()), relevant(&home.keys())), "{message}");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_do_not_fit_are_refused_with_advice() {
    let (home, other) = (Home::new(), Home::new());
    with_one(&home).await;
    with_one(&other).await;
    let aside = home.path().join("aside");
    let keys = home.keys();

    std::fs::rename(&keys, &aside).unwrap();
    assert!(refusal(&home).contains("--keys"));
    std::fs::create_dir(&keys).unwrap();
    assert!(refusal(&home).contains("is empty"));
    std::fs::remove_dir_all(&keys).unwrap();
    copy_dir(&other.keys(), &keys);
    assert!(refusal(&home).contains("belongs to vault"));
    std::fs::remove_dir_all(&keys).unwrap();
    std::fs::rename(&aside, &keys).unwrap();

    let master = std::fs::read_to_string(keys.join("master.key")).unwrap();
    let wrong = format!(
        "{}key {}\n",
        &master[..master.find("key ").and_then(|_| master.rfind("key ")).unwrap()],
        "00".repeat(32)
    );
    std::fs::write(keys.join("master.key"), wrong).unwrap();
    assert!(refusal(&home).contains("master key"));
    std::fs::copy(other.keys().join("master.key"), keys.join("master.key")).unwrap();
    assert!(refusal(&home).contains("belongs to vault"));
    std::fs::write(keys.join("master.key"), master).unwrap();

    std::fs::rename(home.data(), &aside).unwrap();
    assert!(refusal(&home).contains("--data"));
    std::fs::rename(&aside, home.data()).unwrap();
    assert_eq!(health::figures(&home.open()).people, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_format_is_refused_and_not_called_damaged() {
    let home = Home::new();
    with_one(&home).await;
    let set = |version: u32| {
        let engine = SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
        let key = letterlock::base::tables::Table::Meta.key(&[b"schema"]);
        engine.commit(&Batch::from([(key, Some(version.to_be_bytes().to_vec()))])).unwrap();
    };
    let ours = letterlock::store::schema::VERSION;
    set(ours + 1);
    assert!(refusal(&home).contains("newer program"));
    set(ours - 1);
    assert!(refusal(&home).contains("with the program that wrote it"));
    set(ours);
    assert_eq!(problems(&home.open()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time() {
    let home = Home::new();
    let app = home.open();
    let message = home.try_open().err().unwrap().message;
    assert!(message.contains("another letterlock"), "{message}");
    drop(app);
    home.open();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_interrupted_begins_anew() {
    let home = Home::new();
    drop(home.open());
    // As if it had stopped right before its last step.
    let key = std::fs::read_to_string(home.keys().join("master.key")).unwrap();
    let vault = key.lines().find_map(|line| line.strip_prefix("vault ")).unwrap();
    for folder in [home.keys(), home.data()] {
        std::fs::write(folder.join("initialising"), vault).unwrap();
    }
    std::fs::remove_file(home.keys().join("witness")).unwrap();
    std::fs::remove_file(home.keys().join("recovery/slot")).unwrap();
    let (app, opened) = home.try_open().unwrap();
    assert!(opened.first_run && opened.notices[0].contains("interrupted"));
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    drop(app);
    let (app, opened) = home.try_open().unwrap();
    assert!(!opened.first_run);
    assert_eq!(health::figures(&app).people, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_snapshot_is_kept_aside_and_said() {
    let home = Home::new();
    with_one(&home).await;
    drop(home.open());
    let store = home.data().join("store");
    let mut broken = 0;
    for entry in std::fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            std::fs::write(&path, b"garbage").unwrap();
            broken += 1;
        }
    }
    assert!(broken > 0);
    let (app, opened) = home.try_open().unwrap();
    assert!(opened.notices.iter().any(|notice| notice.contains("kept aside")), "{:?}", opened.notices);
    assert_eq!(problems(&app).await, Vec::<String>::new());
    assert!(home.data().join("kept-aside").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_abandoned_uploads_are_swept_and_live_files_are_not() {
    let home = Home::new();
    with_one(&home).await;
    let files = home.data().join("files");
    std::fs::write(files.join("aaaaaaaaaaaaaaaaaaaaaaaaaa"), b"noise").unwrap();
    let app = home.open();
    for _ in 0..200 {
        if std::fs::read_dir(&files).unwrap().count() == 1 {
            assert_eq!(problems(&app).await, Vec::<String>::new());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the leftover is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_private_and_the_keys_may_be_listed_by_nobody_else() {
    use std::os::unix::fs::MetadataExt;
    let home = Home::new();
    with_one(&home).await;
    let mut stack = vec![home.data(), home.keys()];
    while let Some(path) = stack.pop() {
        let meta = std::fs::metadata(&path).unwrap();
        if path.components().any(|c| c.as_os_str() == "store") && path.file_name().unwrap() != "store" {
            continue; // sled's own files lie behind a private folder
        }
        assert_eq!(meta.mode() & 0o077, 0, "{}", path.display());
        if meta.is_dir() {
            stack.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_with_a_revoked_or_expired_token_or_a_disabled_account() {
    use letterlock::services::{ServiceError, staff};
    let home = Home::new();
    let app = home.open();
    let admin = role(Role::Admin);
    let make = async |login: &str, ttl| staff::create_token(&app, &admin, login, &[Role::Hr], ttl).await.unwrap();
    let (a, b) = (make("a", None).await, make("b", None).await);
    let short = make("c", Some(std::time::Duration::from_millis(1))).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    staff::revoke_token(&app, &admin, a.id).await.unwrap();
    staff::authenticate(&app, b.bearer.expose()).await.unwrap();
    staff::disable(&app, &admin, "b").await.unwrap();
    for dead in [&a, &b, &short] {
        assert!(matches!(staff::authenticate(&app, dead.bearer.expose()).await, Err(ServiceError::Unauthenticated)));
    }
    let bytes = all_bytes(home.path());
    let secret = &b.bearer.expose()[31..];
    assert!(
        !bytes.iter().any(|(_, content)| content.windows(52).any(|w| w == secret.as_bytes())),
        "the token is stored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_is_new_and_changes_nothing_while_erasing_goes_on() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use letterlock::services::ServiceError;
    use letterlock::vault::Hooks;

    let home = Home::new();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let app = home.open_with(Hooks { free_bytes: Some(free.clone()), ..Hooks::default() });
    let id = apply(&app, "a@example.org", &pdf("")).await.unwrap().submission;
    apply(&app, "b@example.org", &pdf("")).await.unwrap();

    free.store(32 << 20, Ordering::SeqCst);
    let before = health::figures(&app);
    assert!(matches!(apply(&app, "c@example.org", &pdf("")).await, Err(ServiceError::StorageFull)));
    assert_eq!(health::figures(&app).arrivals, before.arrivals);
    assert_eq!(std::fs::read_dir(home.data().join("files")).unwrap().count(), 2);
    assert!(!health::readiness(&app).ready && health::readiness(&app).store);
    read(&app, id).await.unwrap();
    let person = person_of(&app, "b@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();

    free.store(1 << 20, Ordering::SeqCst);
    assert!(matches!(read(&app, id).await, Err(ServiceError::StorageFull)), "no trace, no read");
    free.store(u64::MAX, Ordering::SeqCst);
    read(&app, id).await.unwrap();
    apply(&app, "c@example.org", &pdf("")).await.unwrap();
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_put_back_is_refused_at_the_start() {
    use letterlock::services::staff;

    let home = Home::new();
    let app = home.open();
    let token = staff::create_token(&app, &role(Role::Admin), "jane", &[Role::Hr], None).await.unwrap();
    app.close().await;
    drop(app);
    let key = Table::Tokens.key(&[token.id.as_bytes()]);
    let read = || {
        let engine = SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
        engine.read(&key).unwrap()
    };
    let alive = read();
    let app = home.open();
    staff::revoke_token(&app, &role(Role::Admin), token.id).await.unwrap();
    app.close().await;
    drop(app);
    let engine = SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
    engine.commit(&Batch::from([(key.clone(), alive)])).unwrap();
    drop(engine);
    assert!(refusal(&home).contains("token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_keeps_what_is_overwritten_is_refused_and_a_good_one_is_read_past_its_cache() {
    use letterlock::base::files::overwriting_destroys;
    use letterlock::services::App;

    let home = Home::new();
    let strict = || letterlock::services::OpenOptions { accept_unsafe_fs: false, ..home.options() };
    match overwriting_destroys(home.path()).unwrap() {
        Ok(()) => {
            let app = App::open(strict()).unwrap().0;
            apply(&app, "a@example.org", &pdf("")).await.unwrap();
            let person = person_of(&app, "a@example.org").await.unwrap();
            let certificate = erase_person(&app, person).await.unwrap();
            assert_eq!(certificate["statement"]["state"], "complete");
            drop(app);
            assert_eq!(problems(&App::open(strict()).unwrap().0).await, Vec::<String>::new());
        }
        Err(reason) => {
            let refused = App::open(strict()).err().unwrap().message;
            assert!(refused.contains(&reason) && refused.contains("--accept-unsafe-fs"), "{refused}");
        }
    }
}

/// A damaged keyring hides what is held about somebody, and does not keep them from being found and erased by their address.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_damaged_keyring_is_erased_by_their_address() {
    let home = Home::new();
    let app = home.open();
    let receipt = apply(&app, "jane@example.org", &pdf("cv")).await.unwrap();
    let person = person_of(&app, "jane@example.org").await.unwrap();
    app.close().await;
    drop(app);
    {
        let engine = SledEngine::open(&home.data().join("store"), 8 << 20).unwrap().engine;
        let key = Table::Keyrings.key(&[person.as_bytes(), &[0, 0]]);
        let mut row = engine.read(&key).unwrap().unwrap();
        row[60] ^= 1;
        engine.commit(&Batch::from([(key, Some(row))])).unwrap();
    }
    let app = home.open();
    // Those who might see some of it cannot be told what, so they get the answer about nobody.
    let email = SensitiveString::from("jane@example.org");
    assert!(find::by_email(&app, &role(Role::Hr), &email).await.unwrap().is_empty());
    let found = find::by_email(&app, &role(Role::Privacy), &email).await.unwrap();
    assert_eq!(found.iter().map(|found| found.subject).collect::<Vec<_>>(), [person]);
    let certificate = erase_person(&app, person).await.unwrap();
    assert_eq!(certificate["statement"]["records"][0], receipt.submission.to_string());
    clean(&app).await;
    assert!(find::by_email(&app, &role(Role::Privacy), &email).await.unwrap().is_empty());
    // That a row was changed shows in the digest for good, and nothing else is left.
    let told = problems(&app).await;
    assert!(told.len() == 1 && told[0].contains("store digest"), "{told:?}");
    assert_eq!(std::fs::read_dir(home.data().join("files")).unwrap().count(), 0, "the file as well");
}
