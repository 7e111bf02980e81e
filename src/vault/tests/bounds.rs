//! Limits: files of a submission, records of a keyring, free space, and how long a reader goes on.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::base::ids::{RecordId, StaffId};
use crate::policy::{Reach, Safeguards, Scope};

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_has_so_many_files_at_most_and_names_each() {
    use crate::vault::MAX_FILES;
    let (_dir, vault) = home();
    let with = async |files: usize, named: usize| {
        submit(&vault, Sample { files, named: named as u32, ..PLAIN })
            .await
            .map(|stored| stored.summary.files.unwrap() as usize)
    };
    assert_eq!(with(MAX_FILES, MAX_FILES).await, Ok(MAX_FILES));
    for (files, named) in [(MAX_FILES + 1, MAX_FILES + 1), (1, 2), (2, 1)] {
        assert_eq!(with(files, named).await, Err(VaultError::TooLarge), "{files} files, {named} named");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_past_one_part_of_a_keyring_outlive_a_restart() {
    let (dir, vault) = home();
    let sample = || Sample { email: Some("a@example.org"), ..PLAIN };
    let person = submit(&vault, sample()).await.unwrap().summary.subject;
    let more = (0..crate::keys::keyring::RECORDS_PER_PART).map(|_| submit(&vault, sample()));
    for stored in futures_util::future::join_all(more).await {
        assert_eq!(stored.unwrap().summary.subject, person);
    }
    assert_eq!(table(&vault.shared, Table::Keyrings).len(), 2);
    drop(vault);
    let vault = Vault::open(options(dir.path(), Hooks::default())).unwrap().0;
    assert_eq!(vault.records_of(&person).unwrap().len(), crate::keys::keyring::RECORDS_PER_PART + 1);
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}

/// Whoever asks the vault is to have looked at where things are kept before; if somebody forgets, it refuses, and says nothing of it
/// in the trail.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_safeguard_covers_is_not_granted_whoever_forgot_to_look() {
    let (_dir, vault) = home();
    let sample = Sample { email: Some("a@example.org"), files: 1, named: 1, consents: false };
    let id = submit(&vault, sample).await.unwrap().summary.id;
    let located = [vault.locate(&id).unwrap()];
    let account = StaffId::from_bytes([5; 16]);
    let reads = async |from: &str, safeguards: &Arc<Safeguards>| {
        let scope = Scope::default().within(Reach::new(from.parse().unwrap(), Arc::clone(safeguards)));
        let actor = Actor::Staff { id: account, login: "thandi".to_owned(), roles: vec![Role::Support], scope };
        let of = |action| act(&actor, action, &Resource::Submission { roles: READERS });
        let file = vault.grant(of(Action::ReadFile), &located, "support", Some(0)).await.map(|grants| grants.len());
        let lines = vault.grant_lines(of(Action::ReadSubmission), &located, "support").await.map(|grants| grants.len());
        let whole = vault.grant_to(of(Action::ReadSubmission), &located[0], "support", account).await.map(|_| 1);
        [file, lines, whole]
    };
    let mut safeguards = Safeguards::default();
    assert!(safeguards.declare("uk".parse().unwrap(), "za".parse().unwrap(), "Agreement".to_owned()));
    let (none, some) = (Arc::default(), Arc::new(safeguards));
    let entries = || vault.shared.figures.audit_entries.load(Ordering::SeqCst);
    let before = entries();
    assert_eq!(reads("za", &none).await, [const { Err(VaultError::Elsewhere) }; 3]);
    assert_eq!(entries(), before);
    assert_eq!(reads("za", &some).await, [Ok(1), Ok(1), Ok(1)]);
    assert_eq!(reads("uk", &none).await, [Ok(1), Ok(1), Ok(1)]);
    let told: Vec<usize> = vault.audit_entries(None, 6).unwrap().iter().map(|entry| entry.transfers.len()).collect();
    assert_eq!(told, [0, 0, 0, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_a_file_of_a_person_or_record_is_found_until_they_are_done_or_cut() {
    let (_dir, vault) = home();
    let reader = Actor::Owner { role: Role::Support };
    let mut open = Vec::new();
    for email in ["a@example.org", "a@example.org", "b@example.org"] {
        let id = submit(&vault, Sample { email: Some(email), files: 1, named: 1, consents: false }).await.unwrap();
        let located = [vault.locate(&id.summary.id).unwrap()];
        let act = act(&reader, Action::ReadFile, &Resource::Submission { roles: READERS });
        let grant = vault.grant(act, &located, "support", Some(0)).await.unwrap().remove(0);
        open.push((id.summary, vault.open_file(grant, &located[0]).unwrap()));
    }
    let (person, other) = (open[0].0.subject, open[2].0.subject);
    let [first, second] = [0, 1].map(|n: usize| (person, Some(open[n].0.id)));
    let found = |targets: &[_]| vault.shared.readers_of(targets).len();
    assert_eq!([found(&[]), found(&[(person, None)]), found(&[first]), found(&[(other, None)])], [0, 2, 1, 1]);
    vault.shared.drain_readers(&[first], Duration::ZERO);
    assert_eq!([found(&[(person, None)]), found(&[first]), found(&[second]), found(&[(other, None)])], [1, 0, 1, 1]);
    let read = open.iter_mut().map(|(_, file)| file.next_segment().map(|segment| segment.unwrap().to_vec()));
    let x = || Ok(b"x".to_vec());
    assert_eq!(read.collect::<Vec<_>>(), [Err(VaultError::Missing), x(), x()]);

    open.truncate(2);
    assert_eq!([found(&[(person, None)]), found(&[(other, None)])], [1, 0]);
    assert_eq!(vault.shared.open_files.lock().unwrap().len(), 1, "those who are done are forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_status_is_in_the_list_and_in_the_trail() {
    let (_dir, vault) = home();
    let id = submit(&vault, PLAIN).await.unwrap().summary.id;
    let reader = Actor::Owner { role: Role::Support };
    let act = act(&reader, Action::SetStatus, &Resource::Submission { roles: READERS });
    vault.set_status(act, id, Status::Closed).await.unwrap();
    assert_eq!(vault.locate(&id).unwrap().summary.status, Status::Closed);
    let entry = vault.audit_entries(None, 1).unwrap().remove(0);
    let subject = entry.subjects[0].as_ref().unwrap();
    assert_eq!((entry.action.as_str(), subject.record, subject.status), ("set-status", Some(id), Some(Status::Closed)));
}

/// What a submission changes in part 0 of a keyring whose records go into a later one: the number of parts with the first
/// of them, and with each the state of the consents.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_part_of_a_keyring_keeps_up_with_later_parts_and_consents() {
    let (dir, vault) = home();
    let sample = |consents| Sample { email: Some("a@example.org"), consents, ..PLAIN };
    let per_part = crate::keys::keyring::RECORDS_PER_PART;
    let full = (0..per_part).map(|_| submit(&vault, sample(false)));
    let person = futures_util::future::join_all(full).await.remove(0).unwrap().summary.subject;
    assert_eq!(table(&vault.shared, Table::Keyrings).len(), 1);
    drop(vault);
    // Each in a commit of its own, and found by a vault that has nothing in memory.
    for (consents, more) in [(false, 1), (true, 2), (true, 3)] {
        let vault = Vault::open(options(dir.path(), Hooks::default())).unwrap().0;
        submit(&vault, sample(consents)).await.unwrap();
        drop(vault);
        let vault = Vault::open(options(dir.path(), Hooks::default())).unwrap().0;
        assert_eq!(vault.records_of(&person).unwrap().len(), per_part + more);
        assert_eq!(problems(&vault).await, Vec::<String>::new(), "after {more} more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_opens_what_it_was_given_for() {
    let (_dir, vault) = home();
    let sample = || Sample { files: 1, named: 1, ..PLAIN };
    let ids = [submit(&vault, sample()).await.unwrap().summary.id, submit(&vault, sample()).await.unwrap().summary.id];
    let located = ids.map(|id| [vault.locate(&id).unwrap()]);
    let reader = Actor::Owner { role: Role::Support };
    let grant = async |n: usize, file: Option<u32>| {
        let action = if file.is_some() { Action::ReadFile } else { Action::ReadSubmission };
        let act = act(&reader, action, &Resource::Submission { roles: READERS });
        vault.grant(act, &located[n], "support", file).await.unwrap().remove(0)
    };
    assert!(vault.open_record(grant(0, None).await, &located[0][0]).is_ok());
    assert!(vault.open_file(grant(0, Some(0)).await, &located[0][0]).is_ok());
    assert_eq!(vault.open_record(grant(1, None).await, &located[0][0]).unwrap_err(), VaultError::Missing);
    assert_eq!(vault.open_record(grant(0, Some(0)).await, &located[0][0]).unwrap_err(), VaultError::Missing);
    assert!(matches!(vault.open_record_now(grant(0, None).await, &located[0][0]), Ok(Ok(_))));
    for other in [grant(1, None).await, grant(0, Some(0)).await] {
        assert_eq!(vault.open_record_now(other, &located[0][0]).unwrap_err(), VaultError::Missing);
    }
    assert_eq!(vault.locate_now(&ids[0]).unwrap().map(|found| found.summary.id), Some(ids[0]));
    assert_eq!(vault.locate_now(&RecordId::from_bytes([1; 16])).map(|_| ()), Err(VaultError::Missing));
    for (n, file) in [(1, Some(0)), (0, None), (0, Some(1))] {
        let opened = vault.open_file(grant(n, file).await, &located[0][0]);
        assert_eq!(opened.map(|_| ()).unwrap_err(), VaultError::Missing, "{n} {file:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_of_one_person_share_a_row() {
    let (_dir, vault) = home();
    for _ in 0..3 {
        submit(&vault, Sample { email: Some("a@example.org"), consents: true, ..PLAIN }).await.unwrap();
    }
    assert_eq!(table(&vault.shared, Table::Consents).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_a_failed_write_show_in_the_pulse_and_refuse_intake_early() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let (_dir, vault) = home_with(Hooks { free_bytes: Some(free.clone()), ..Hooks::default() });
    let shows = || {
        let pulse = vault.pulse();
        ((pulse.store, pulse.witness, pulse.space), vault.ready_for_intake())
    };
    assert_eq!(shows(), ((true, true, true), Ok(())));
    for (bytes, room) in [(64 << 20, true), ((64 << 20) - 1, false)] {
        free.store(bytes, Ordering::SeqCst);
        assert_eq!(shows().0, (true, true, room));
        assert_eq!(shows().1, if room { Ok(()) } else { Err(VaultError::StorageFull) });
    }
    for (bytes, room) in [(8 << 20, true), ((8 << 20) - 1, false)] {
        free.store(bytes, Ordering::SeqCst);
        assert_eq!(vault.shared.room_for_anything().is_ok(), room, "{bytes}");
    }
    free.store(u64::MAX, Ordering::SeqCst);
    vault.shared.witness_failed.store(true, Ordering::SeqCst);
    vault.shared.failed.store(true, Ordering::SeqCst);
    assert_eq!(shows(), ((false, false, true), Err(VaultError::Unavailable)));
    assert!(vault.has_failed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_free_space_is_asked_for_once_a_second() {
    let (_dir, vault) = home();
    let remember = |age: u64| {
        let when = Instant::now().checked_sub(Duration::from_secs(age)).unwrap();
        *vault.shared.free.lock().unwrap() = Some((when, 7));
        vault.shared.free_bytes()
    };
    assert_eq!(remember(0), 7);
    assert_ne!(remember(2), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_slot_that_was_never_written_has_no_epoch() {
    let (_dir, vault) = home();
    assert_eq!(vault.counts().recovery_epoch, Some(vault.counts().epoch));
    vault.shared.figures.recovery_epoch.store(0, Ordering::SeqCst);
    assert_eq!(vault.counts().recovery_epoch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_read_that_no_commit_overtook_cries_tampering() {
    let (_dir, vault) = home();
    let shared = &vault.shared;
    let calls = AtomicUsize::new(0);
    let tampered_until = |good: usize, during: &dyn Fn(usize)| {
        calls.store(0, Ordering::SeqCst);
        let result = shared.reading(|_| {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            during(call);
            if call < good { Err(VaultError::Tampered) } else { Ok(()) }
        });
        (result, calls.load(Ordering::SeqCst))
    };
    assert_eq!(tampered_until(9, &|_| {}), (Err(VaultError::Tampered), 1), "nothing was committed");

    let overtaken = |call| {
        if call == 1 {
            shared.begin_commit();
            shared.end_commit();
        }
    };
    assert_eq!(tampered_until(2, &overtaken), (Ok(()), 2), "a commit began and ended meanwhile");
    assert_eq!(tampered_until(9, &overtaken), (Err(VaultError::Tampered), 2), "and then all was quiet");

    let before = shared.generation();
    assert_eq!(before % 2, 0);
    shared.begin_commit();
    assert_eq!(shared.generation(), before + 1);
    assert_eq!(tampered_until(4, &|_| {}), (Ok(()), 4), "a commit is under way");
    let ends = |call| {
        if call == 2 {
            shared.end_commit();
        }
    };
    assert_eq!(tampered_until(9, &ends), (Err(VaultError::Tampered), 3), "it ended");

    shared.failed.store(true, Ordering::SeqCst);
    assert_eq!(tampered_until(9, &|_| {}), (Err(VaultError::Unavailable), 1), "what was written may be ahead");
    assert_eq!(tampered_until(1, &|_| {}), (Ok(()), 1), "what opens is right all the same");
}

/// One row that the store does not take must not keep from the disk what others have in the same commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_too_large_fails_alone() {
    let (_dir, vault) = home();
    let issue = |n: u8| {
        let vault = Arc::clone(&vault);
        tokio::spawn(async move {
            let marketing = Actor::Owner { role: Role::Marketing };
            let act = act(&marketing, Action::SendMailing, &Resource::Form { roles: &[Role::Marketing] });
            let large = "x".repeat(2 * crate::store::MAX_ROW);
            vault.order_mailing(act, crate::base::ids::MailingId::from_bytes([n; 16]), &large).await
        })
    };
    for round in 0..20 {
        let large: Vec<_> = (0..10).map(|n| issue(round * 10 + n)).collect();
        let others = (0..10).map(|_| submit(&vault, PLAIN));
        for other in futures_util::future::join_all(others).await {
            assert!(other.is_ok(), "{:?}", other.err());
        }
        for one in large {
            assert_eq!(one.await.unwrap(), Err(VaultError::TooLarge));
        }
    }
    assert!(vault.mailings(|id, _: String, _| Some(id)).unwrap().is_empty());
    assert!(
        vault.seal_system_row(crate::vault::system_rows::SystemTable::Keys, &[1; 16], &"x".repeat(70_000)).is_err()
    );
}
