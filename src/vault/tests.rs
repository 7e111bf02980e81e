//! What can be told only from inside the vault: bounds, batches, what the check and the trail say, what is left behind.

mod answers;
mod background;
mod bounds;
mod erasing;
mod opening;
mod orders;
mod publics;
mod search;
mod waiting;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::shared::Shared;
use super::{Act, Hooks, Layout, Located, NewSubmission, Options, Stored, Target, Vault, VaultError};
use crate::base::clock::{SystemClock, Timestamp};
use crate::base::entropy::SystemEntropy;
use crate::base::ids::{PersonId, RequestId};
use crate::base::tables::Table;
use crate::domain::scan::Scan;
use crate::domain::submission::{ConsentGiven, Content, FileInfo, Status};
use crate::policy::{Action, Actor, Resource, Role, decide};
use crate::store::{Batch, Row, after_prefix};

const READERS: &[Role] = &[Role::Support];

pub(super) fn options(dir: &Path, hooks: Hooks) -> Options {
    let keys = dir.join("keys");
    Options {
        layout: Layout { data: dir.join("data"), recovery: keys.join("recovery"), keys },
        accept_unsafe_fs: true,
        cache_bytes: 8 << 20,
        must_exist: false,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
        hooks,
    }
}

/// A new vault in a folder that goes with the value.
pub(super) fn home() -> (TempDir, Arc<Vault>) {
    home_with(Hooks::default())
}

pub(super) fn home_with(hooks: Hooks) -> (TempDir, Arc<Vault>) {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(options(dir.path(), hooks)).unwrap().0;
    (dir, Arc::new(vault))
}

pub(super) fn act(actor: &Actor, action: Action, resource: &Resource<'_>) -> Act {
    let request = RequestId::from_bytes([1; 16]);
    Act { permit: decide(actor, action, resource).unwrap(), request, purpose: None }
}

/// A submission: from whom, with how many files of one byte, how many of them named in its content, and consents.
pub(super) struct Sample<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) files: usize,
    pub(super) named: u32,
    pub(super) consents: bool,
}

pub(super) const PLAIN: Sample<'static> = Sample { email: None, files: 0, named: 0, consents: false };

pub(super) async fn submit(vault: &Vault, sample: Sample<'_>) -> Result<Stored, VaultError> {
    let files = (0..sample.files).map(|_| {
        let mut upload = vault.begin_upload()?;
        upload.write(b"x")?;
        upload.finish()
    });
    let named = |n| FileInfo {
        n,
        field: "cv".to_owned(),
        name: "cv".into(),
        kind: "text/plain".to_owned(),
        size: 1,
        scan: Scan::Off,
    };
    let consent = ("news".to_owned(), ConsentGiven { given: true, wording: "1".to_owned() });
    let content = Content {
        form: "support-request".parse().unwrap(),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: Timestamp::from_millis(0),
        fields: BTreeMap::new(),
        consents: sample.consents.then_some(consent).into_iter().collect(),
        files: (0..sample.named).map(named).collect(),
        server_key: None,
    };
    let new = NewSubmission {
        email: sample.email.map(|email| crate::domain::subject::EmailAddress::parse(email).unwrap()),
        content,
        status: Status::New,
        files: files.collect::<Result<_, _>>()?,
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    vault.submit(act(&Actor::Public, Action::Submit, &Resource::Form { roles: READERS }), new).await
}

pub(super) fn erase_act(action: Action) -> Act {
    let officer = Actor::Owner { role: Role::Privacy };
    match action {
        Action::ErasePerson => act(&officer, action, &Resource::Subject),
        _ => act(&officer, action, &Resource::Submission { roles: READERS }),
    }
}

/// Waits until the janitor has nothing left to remove.
pub(super) async fn clean(vault: &Vault) {
    for _ in 0..2000 {
        if vault.counts().pending_cleanup == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the janitor does not come to an end");
}

pub(super) fn table(shared: &Shared, table: Table) -> Vec<Row> {
    let from = [table.id()];
    shared.engine.scan(&from, &after_prefix(&from).unwrap()).collect::<Result<_, _>>().unwrap()
}

pub(super) async fn problems(vault: &Vault) -> Vec<String> {
    vault.check(&|_, _| {}).await.unwrap().problems
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_finds_its_own_record_and_dies_with_it() {
    let (_dir, vault) = home();
    let (first, second) = (submit(&vault, PLAIN).await.unwrap(), submit(&vault, PLAIN).await.unwrap());
    let found = |receipt: &str| vault.locate_by_receipt(receipt).map(|located| located.summary.id);
    assert_eq!(found(first.receipt.expose()), Ok(first.summary.id));
    assert_eq!(found(second.receipt.expose()), Ok(second.summary.id));

    // The locator of one with the secret of the other opens neither, also where the check character fits.
    let (arrival, _) = vault.shared.derived.locators.parse(first.receipt.expose()).unwrap();
    let (_, secret) = vault.shared.derived.locators.parse(second.receipt.expose()).unwrap();
    let mixed = vault.shared.derived.locators.code(arrival, &secret).unwrap();
    assert_eq!(found(mixed.expose()), Err(VaultError::Missing));

    vault.erase(erase_act(Action::EraseRecord), vec![Target::Record(first.summary.id)]).await.unwrap();
    assert_eq!(found(first.receipt.expose()), Err(VaultError::Missing));
    assert_eq!(found(second.receipt.expose()), Ok(second.summary.id));
}

/// What the check counts, and how far it says it is: two people, three records, two files, three lines of consent.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_counts_what_it_opens_and_says_how_far_it_is() {
    let (_dir, vault) = home();
    for (email, files) in [("a@example.org", 1), ("a@example.org", 1), ("b@example.org", 0)] {
        let sample = Sample { email: Some(email), files, named: files as u32, consents: true };
        submit(&vault, sample).await.unwrap();
    }
    let rows: u64 = Table::ALL
        .into_iter()
        .flat_map(|t| table(&vault.shared, t))
        .filter(|(key, _)| super::digest::covers(key))
        .count() as u64;
    let told = Mutex::new(Vec::new());
    let findings = vault.check(&|done, total| told.lock().unwrap().push((done, total))).await.unwrap();
    assert_eq!(findings.problems, Vec::<String>::new());
    // Four pages above the one leaf. Of a person: keyring, ledger, then record, list row and file of each submission.
    assert_eq!((findings.pages, findings.people, findings.records, findings.files), (5, 2, 3, 2));
    assert_eq!(findings.audit_entries, table(&vault.shared, Table::Audit).len() as u64);
    assert_eq!(*told.lock().unwrap(), [(8, rows), (12, rows), (rows, rows)]);

    let told = Mutex::new(Vec::new());
    let trail = vault.check_trail(&[], &|done, total| told.lock().unwrap().push((done, total))).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [(0, trail.entries), (trail.entries, trail.entries)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_record_of_an_erasure_is_named() {
    let (_dir, vault) = home();
    let stored = submit(&vault, PLAIN).await.unwrap();
    vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(stored.summary.subject)]).await.unwrap();
    clean(&vault).await;
    assert_eq!(problems(&vault).await, Vec::<String>::new());
    let (key, mut row) = table(&vault.shared, Table::Deeds).remove(0);
    row[40] ^= 1;
    vault.shared.engine.commit(&Batch::from([(key, Some(row))])).unwrap();
    let found = problems(&vault).await;
    assert!(found.iter().any(|problem| problem.contains("the record of an erasure does not open")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_reads_back_from_any_position() {
    let (_dir, vault) = home();
    let content: Vec<u8> = (0..150_000u32).map(|n| (n % 251) as u8).collect();
    let mut upload = vault.begin_upload().unwrap();
    assert!(upload.is_empty());
    upload.write(&content).unwrap();
    assert!(!upload.is_empty() && upload.len() == 150_000);
    let sealed = upload.finish().unwrap();
    assert!(!sealed.is_empty() && sealed.len() == 150_000);
    assert!(vault.begin_upload().unwrap().finish().unwrap().is_empty());

    use std::io::{Read, Seek, SeekFrom};
    let mut reader = sealed.reader().unwrap();
    let mut all = Vec::new();
    assert_eq!((reader.read_to_end(&mut all).unwrap(), reader.read(&mut [0; 8]).unwrap()), (150_000, 0));
    assert!(all == content);
    for (to, at) in [
        (SeekFrom::Start(70_000), 70_000),
        (SeekFrom::Current(-10), 70_000),
        (SeekFrom::Current(4), 70_014),
        (SeekFrom::End(-30), 149_970),
        (SeekFrom::Start(65_536), 65_536),
    ] {
        assert_eq!(reader.seek(to).unwrap(), at);
        let mut ten = [0; 10];
        reader.read_exact(&mut ten).unwrap();
        assert_eq!(ten, content[at as usize..at as usize + 10], "{to:?}");
    }
    assert_eq!(reader.read(&mut []).unwrap(), 0);
    assert_eq!(reader.seek(SeekFrom::End(5)).unwrap(), 150_005);
    assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
    assert!(reader.seek(SeekFrom::Current(-200_000)).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_prints_nothing_of_itself_and_a_row_too_large_is_told_from_a_failing_disk() {
    let (_dir, vault) = home();
    assert_eq!(format!("{vault:?}"), "Vault { .. }");
    use crate::store::StoreError;
    assert_eq!(VaultError::from(StoreError::RowTooLarge(70_000)), VaultError::TooLarge);
    assert_eq!(VaultError::from(StoreError::Poisoned), VaultError::Unavailable);
    use crate::crypto::SealError;
    assert_eq!(VaultError::from(SealError::TooLarge), VaultError::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_matches_its_own_hash_only() {
    let (_dir, vault) = home();
    let entropy = SystemEntropy::new();
    let token = || crate::crypto::token::Token::make_random(&entropy).unwrap();
    let (mine, other) = (token(), token());
    let hash = vault.hash_token(&mine);
    assert!(vault.token_matches(&mine, &hash) && !vault.token_matches(&other, &hash));
}
