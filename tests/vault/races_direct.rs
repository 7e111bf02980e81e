//! The same below the services: receipts looked up, grants used late, files opened and read on, while one order erases
//! people and single records together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use letterlock::base::clock::{Clock, SystemClock};
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{PersonId, RecordId, RequestId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::scan::Scan;
use letterlock::domain::subject::EmailAddress;
use letterlock::domain::submission::{Content, FieldValue, FileInfo, Status};
use letterlock::policy::{Action, Actor, Resource, Role, decide};
use letterlock::vault::{Act, Hooks, Layout, NewSubmission, Options, Stored, Target, Vault, VaultError};

use crate::support::Home;

static FILE: [u8; 70_000] = [7; 70_000];
const HR: Resource<'_> = Resource::Submission { roles: &[Role::Hr] };

fn act(actor: Actor, action: Action, resource: &Resource<'_>) -> Act {
    let request = RequestId::make_random(&SystemEntropy::new()).unwrap();
    Act { permit: decide(&actor, action, resource).unwrap(), request, purpose: None }
}

fn open(home: &Home) -> Arc<Vault> {
    let layout = Layout { data: home.data(), keys: home.keys(), recovery: home.keys().join("recovery") };
    let options = Options {
        layout,
        accept_unsafe_fs: true,
        cache_bytes: 8 << 20,
        must_exist: false,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
        hooks: Hooks::default(),
    };
    Arc::new(Vault::open(options).unwrap().0)
}

async fn submit(vault: &Vault, email: &str) -> Stored {
    let mut upload = vault.begin_upload().unwrap();
    upload.write(&FILE).unwrap();
    let file = upload.finish().unwrap();
    let info = FileInfo {
        n: 0,
        field: "cv".to_owned(),
        name: SensitiveString::from("cv.txt"),
        kind: "text/plain".to_owned(),
        size: FILE.len() as u64,
        scan: Scan::Off,
    };
    let content = Content {
        form: "job-application".parse().unwrap(),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: SystemClock.now(),
        fields: BTreeMap::from([("letter".to_owned(), FieldValue::Text(SensitiveString::from(email)))]),
        consents: BTreeMap::new(),
        files: vec![info],
        server_key: None,
    };
    let new = NewSubmission {
        email: EmailAddress::parse(email).ok(),
        content,
        status: Status::Received,
        files: vec![file],
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    vault.submit(act(Actor::Public, Action::Submit, &Resource::Form { roles: &[Role::Hr] }), new).await.unwrap()
}

#[derive(Default)]
struct Tally {
    whole: AtomicU64,
    missing: AtomicU64,
}

impl Tally {
    fn count<T>(&self, answer: Result<T, VaultError>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.whole.fetch_add(1, Ordering::SeqCst);
                Some(value)
            }
            Err(VaultError::Missing) => {
                self.missing.fetch_add(1, Ordering::SeqCst);
                None
            }
            Err(other) => panic!("neither whole nor missing: {other:?}"),
        }
    }

    /// By receipt to the record, its text and its file, as far as it is there.
    async fn look(&self, vault: &Vault, receipt: &str, id: RecordId) {
        let Some(located) = self.count(vault.locate_by_receipt(receipt)) else { return };
        assert_eq!(located.summary.id, id);
        let located = [located];
        let reader = Actor::Owner { role: Role::Hr };
        let read = act(reader.clone(), Action::ReadSubmission, &HR);
        if let Some(mut grants) = self.count(vault.grant(read, &located, "recruitment", None).await) {
            tokio::task::yield_now().await;
            if let Some(content) = self.count(vault.open_record(grants.pop().unwrap(), &located[0])) {
                assert_eq!(content.content.fields.len(), 1);
            }
        }
        let read = act(reader, Action::ReadFile, &HR);
        let Some(mut grants) = self.count(vault.grant(read, &located, "recruitment", Some(0)).await) else { return };
        let Some(mut file) = self.count(vault.open_file(grants.pop().unwrap(), &located[0])) else { return };
        let mut bytes = Vec::new();
        loop {
            match self.count(file.next_segment()) {
                Some(Some(piece)) => bytes.extend_from_slice(&piece),
                Some(None) => return assert!(bytes == FILE),
                None => return,
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receipt_or_grant_used_while_its_record_is_erased_is_whole_or_missing() {
    let rounds = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 400 } else { 12 };
    let home = Home::new();
    let vault = open(&home);
    let tally = Arc::new(Tally::default());
    let mut kept: Vec<Stored> = Vec::new();
    let mut gone: Vec<Stored> = Vec::new();
    for n in 0..rounds {
        let whole = submit(&vault, &format!("whole{n}@example.org")).await;
        let other = submit(&vault, &format!("whole{n}@example.org")).await;
        let single = submit(&vault, &format!("single{n}@example.org")).await;
        kept.push(submit(&vault, &format!("single{n}@example.org")).await);
        let done = Arc::new(AtomicBool::new(false));
        let mut tasks = tokio::task::JoinSet::new();
        for stored in [&whole, &other, &single, kept.last().unwrap()] {
            let (vault, tally, done) = (vault.clone(), tally.clone(), done.clone());
            let (receipt, id) = (stored.receipt.expose().to_owned(), stored.summary.id);
            tasks.spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    tally.look(&vault, &receipt, id).await;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(n * 7 % 40)).await;
        let unknown = Target::Person(PersonId::from_bytes([1; 16]));
        let (person, record) = (Target::Person(whole.summary.subject), Target::Record(single.summary.id));
        // A record of the person in the same order, the person twice, somebody unknown.
        let targets = vec![unknown, Target::Record(other.summary.id), person, record, person];
        let order = act(Actor::Owner { role: Role::Privacy }, Action::ErasePerson, &Resource::Subject);
        let certificates = vault.erase(order, targets).await.unwrap();
        done.store(true, Ordering::SeqCst);
        let told: Vec<bool> = certificates.iter().map(Option::is_some).collect();
        assert_eq!(told, [false, true, true, true, false]);
        tasks.join_all().await;
        gone.extend([whole, other, single]);
    }
    let vault = {
        vault.close().await;
        drop(vault);
        open(&home)
    };
    for stored in &gone {
        assert!(matches!(vault.locate_by_receipt(stored.receipt.expose()), Err(VaultError::Missing)));
        assert!(matches!(vault.locate(&stored.summary.id), Err(VaultError::Missing)));
    }
    for stored in &kept {
        assert_eq!(vault.locate_by_receipt(stored.receipt.expose()).unwrap().summary.id, stored.summary.id);
    }
    let findings = vault.check(&|_, _| {}).await.unwrap();
    assert_eq!((findings.problems, findings.records), (Vec::new(), rounds));
    let (whole, missing) = (tally.whole.load(Ordering::SeqCst), tally.missing.load(Ordering::SeqCst));
    println!("{rounds} rounds: {whole} answers whole, {missing} missing");
    assert!(whole + missing > rounds * 20 && missing > rounds / 2, "too few to have raced");
}
