//! Folders that are half there, loose, or on a file system that keeps what is overwritten.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::vault::OpenFailure;

fn open(options: Options) -> Result<(), OpenFailure> {
    Vault::open(options).map(|_| ())
}

#[test]
fn either_key_file_alone_belongs_to_a_vault() {
    let (dir, vault) = home();
    drop(vault);
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    for (name, other) in [("root", "master.key"), ("master.key", "root")] {
        let (path, aside) = (dir.path().join("keys").join(name), dir.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let refused = open(options(dir.path(), Hooks::default())).unwrap_err().0;
        assert!(refused.contains("belongs to a vault, but the data folder"), "{other} alone: {refused}");
        std::fs::rename(&aside, &path).unwrap();
    }
}

#[test]
fn a_vault_that_must_exist_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let must_exist = || Options { must_exist: true, ..options(dir.path(), Hooks::default()) };
    let refused = open(must_exist()).unwrap_err().0;
    assert!(refused.contains("there is no vault"), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "and nothing was made");
    open(options(dir.path(), Hooks::default())).unwrap();
    open(must_exist()).unwrap();
}

#[test]
fn folders_that_others_may_list_become_private() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["keys", "data"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::set_permissions(dir.path().join(folder), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    open(options(dir.path(), Hooks::default())).unwrap();
    for folder in ["keys", "data"] {
        let mode = std::fs::metadata(dir.path().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}

/// `/dev/shm` is a file system in memory, which may be swapped out, on every Linux.
#[test]
fn keys_on_a_file_system_not_known_to_destroy_need_leave() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let strict = Options { accept_unsafe_fs: false, ..options(dir.path(), Hooks::default()) };
    let refused = open(strict).unwrap_err().0;
    assert!(refused.contains("--accept-unsafe-fs"), "{refused}");
    open(options(dir.path(), Hooks::default())).unwrap();
}

/// Keys on a disk that destroys, the recovery folder in memory: the vault opens, and says what that means.
#[test]
fn a_recovery_folder_that_keeps_what_is_overwritten_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let recovery = tempfile::tempdir_in("/dev/shm").unwrap();
    if let Err(reason) = crate::base::files::overwriting_destroys(dir.path()).unwrap() {
        println!("not run: {reason} under {}, so strict opening is refused before this", dir.path().display());
        return;
    }
    for (accept_unsafe_fs, told) in [(false, true), (true, false), (false, true)] {
        let mut options = Options { accept_unsafe_fs, ..options(dir.path(), Hooks::default()) };
        options.layout.recovery = recovery.path().join("recovery");
        let notices = Vault::open(options).unwrap().1.notices;
        let found = notices.iter().any(|notice| notice.contains("an overwritten slot may leave a copy"));
        assert_eq!(found, told, "{notices:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_opening_is_in_the_trail_and_a_sound_vault_has_nothing_to_say() {
    use crate::vault::Detail;
    let openings = |vault: &Vault| {
        let entries = vault.audit_entries(None, 100).unwrap();
        entries.iter().filter(|entry| matches!(entry.detail, Detail::Opened(_))).count()
    };
    let (dir, vault) = home();
    let before = openings(&vault);
    drop(vault);
    let (vault, report) = Vault::open(options(dir.path(), Hooks::default())).unwrap();
    assert!(report.notices.is_empty() && !report.first_run, "{report:?}");
    assert_eq!(openings(&vault), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_page_that_was_changed_is_not_taken_for_an_old_folder() {
    use crate::keys::tree::PageNo;
    use crate::store::sled_engine::SledEngine;
    let (dir, vault) = home();
    drop(vault);
    {
        let engine = SledEngine::open(&dir.path().join("data/store"), 8 << 20).unwrap().engine;
        let key = PageNo::TOP.row_key();
        let mut row = crate::store::Engine::read(&engine, &key).unwrap().unwrap();
        row[50] ^= 1;
        crate::store::Engine::commit(&engine, &Batch::from([(key, Some(row))])).unwrap();
    }
    let refused = open(options(dir.path(), Hooks::default())).unwrap_err().0;
    assert!(refused.contains("the top page was changed"), "{refused}");
}

/// Seventy people have two leaves: places go on past the first, at a start, in the check, and in one order for both.
#[tokio::test(flavor = "multi_thread")]
async fn people_on_two_leaves_are_found_checked_and_erased_together() {
    use crate::domain::subject::EmailAddress;
    let (dir, vault) = home();
    let emails: Vec<String> = (0..70).map(|n| format!("p{n}@example.org")).collect();
    let submitted = emails.iter().map(|email| submit(&vault, Sample { email: Some(email), ..PLAIN }));
    let stored: Vec<_> =
        futures_util::future::join_all(submitted).await.into_iter().map(|stored| stored.unwrap().summary).collect();
    drop(vault);
    let vault = Arc::new(Vault::open(options(dir.path(), Hooks::default())).unwrap().0);
    for (email, summary) in emails.iter().zip(&stored) {
        assert_eq!(vault.find_person(&EmailAddress::parse(email).unwrap()), Some(summary.subject));
        let records = vault.records_of(&summary.subject).unwrap();
        assert_eq!(records.iter().map(|found| found.summary.id).collect::<Vec<_>>(), [summary.id]);
    }
    assert_eq!(problems(&vault).await, Vec::<String>::new());

    let at = |wanted| *stored.iter().find(|one| vault.locate(&one.id).unwrap().place == wanted).as_ref().unwrap();
    let (first, last) = (at(0).subject, at(69).subject);
    let targets = vec![Target::Person(first), Target::Person(last)];
    let certificates = vault.erase(erase_act(Action::ErasePerson), targets).await.unwrap();
    assert!(certificates.iter().all(Option::is_some), "{certificates:?}");
    clean(&vault).await;
    assert_eq!(vault.counts().people, 68);
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_the_store_is_told_from_a_full_disk() {
    use std::io::{Error, ErrorKind};

    use crate::store::StoreError;
    let told = |kind| OpenFailure::from(StoreError::Io(Error::from(kind))).0;
    assert!(told(ErrorKind::StorageFull).contains("the disk is full"));
    assert!(told(ErrorKind::PermissionDenied).contains("restore the data folder"));
}
