//! Proofs by API, checked by the program in `examples`.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use letterlock::base::ids::{ApprovalId, Handle, IntentId, KeyId, MailingId, StaffId, TokenId, VacancyId};
use letterlock::base::tables::Table;
use letterlock::domain::form::FormSet;
use letterlock::domain::submission::Status;
use letterlock::policy::{Actor, Role};
use letterlock::services::audit;
use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::{Detail, Hooks, SearchedBy};
use serde_json::{Value, json};

use crate::support::{Service, document, owner, pdf};
use crate::verifier::{self, check};

/// A service with entries of several kinds, one of them about somebody erased since, and enough of them for a tree of several
/// blocks.
async fn furnished() -> (Service, String) {
    let service = Service::start().await;
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    let (kept, _) = service.apply("kept@example.org", &pdf(2000, 1)).await;
    let (gone, _) = service.apply("gone@example.org", &pdf(2000, 2)).await;
    for id in [&kept, &gone] {
        service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await;
        service.get(&format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"), Some(&hr)).await;
        service.json("PATCH", &format!("/api/v1/submissions/{id}"), Some(&hr), &json!({ "status": "interview" })).await;
    }
    service.get("/api/v1/submissions?purpose=recruitment", Some(&hr)).await;
    let asked = json!({ "email": "gone@example.org" });
    let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&privacy), &asked).await).await;
    let path = format!("/api/v1/subjects/{}/erasure", found["items"][0]["subject"].as_str().unwrap());
    assert_eq!(service.request("POST", &path).bearer_auth(&privacy).send().await.unwrap().status(), 200);
    for _ in 0..600 {
        audit::head(&service.app, &owner(Role::Auditor)).await.unwrap();
    }
    let auditor = service.token(&[Role::Auditor]).await;
    (service, auditor)
}

async fn get(service: &Service, auditor: &str, path: &str) -> (u16, String) {
    let answer = service.get(path, Some(auditor)).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_is_proven_and_read_with_the_public_key_alone() {
    let (service, auditor) = furnished().await;
    let key = crate::key(&service).await;
    let (_, head) = get(&service, &auditor, "/api/v1/audit/head").await;
    check(&key, &head, None).unwrap();
    let size = serde_json::from_str::<Value>(&head).unwrap()["size"].as_u64().unwrap();
    let (_, page) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let (mut people, mut erased) = (0, 0);
    for number in (0..100).chain(250..262).chain(size - 20..size) {
        let (status, proof) = get(&service, &auditor, &format!("/api/v1/audit/entries/{number}?size={size}")).await;
        assert_eq!(status, 200, "{proof}");
        check(&key, &proof, Some(&head)).unwrap_or_else(|wrong| panic!("entry {number}: {wrong}\n{proof}"));
        let proof: Value = serde_json::from_str(&proof).unwrap();
        let subjects = proof["entry"]["subjects"].as_array().unwrap();
        erased += subjects.iter().filter(|subject| subject["erased"] == true).count();
        people += subjects.iter().filter(|subject| subject["subject"].is_string()).count();
        let listed = page["items"].as_array().unwrap().iter().find(|entry| entry["seq"] == number);
        assert!(listed.is_none_or(|listed| *listed == proof["entry"]), "{listed:?}");
    }
    println!("{size} entries; of those proven, {people} parts about people there and {erased} about somebody erased");
    assert!(people >= 5 && erased >= 5, "{people} {erased}");
    // Of what is proven, there is a trace.
    let (_, page) = document(service.get("/api/v1/audit?limit=1", Some(&auditor)).await).await;
    assert_eq!(page["items"][0]["detail"], json!({ "trail": { "from": size - 1, "to": size } }));

    let beyond = format!("/api/v1/audit/entries/{}", size + 10_000);
    for (path, expected) in [
        (beyond.as_str(), 404),
        ("/api/v1/audit/entries/-1", 404),
        ("/api/v1/audit/entries/007", 404),
        ("/api/v1/audit/entries/5?size=5", 422),
        ("/api/v1/audit/entries/5?size=999999", 422),
        ("/api/v1/audit/entries/5?size=+6", 422),
        ("/api/v1/audit/consistency?first=9&second=5", 422),
        ("/api/v1/audit/consistency?first=9&second=999999", 422),
        ("/api/v1/audit/consistency?first=x", 422),
    ] {
        assert_eq!(get(&service, &auditor, path).await.0, expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_of_any_size_continues_that_of_any_smaller() {
    let (service, auditor) = furnished().await;
    let key = crate::key(&service).await;
    let (_, first_head) = get(&service, &auditor, "/api/v1/audit/head").await;
    let mut proven = 0;
    for first in [0, 1, 2, 3, 127, 128, 255, 256, 257, 400, 511, 512, 513, 600] {
        for second in [first, first + 1, 512, 600, 611] {
            let path = format!("/api/v1/audit/consistency?first={first}&second={second}");
            let (status, proof) = get(&service, &auditor, &path).await;
            assert_eq!(status, if first <= second { 200 } else { 422 }, "{path}: {proof}");
            if first <= second {
                check(&key, &proof, None).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
                proven += 1;
            }
        }
    }
    println!("{proven} continuations proven");
    let kept: Value = serde_json::from_str(&first_head).unwrap();
    let path = format!("/api/v1/audit/consistency?first={}", kept["size"]);
    let (_, proof) = get(&service, &auditor, &path).await;
    let said = check(&key, &proof, Some(&first_head)).unwrap();
    assert!(said.iter().any(|line| line.contains("the same")), "{said:?}");
    // Nothing is said about a head that is not in it.
    let (_, elsewhere) = get(&service, &auditor, "/api/v1/audit/consistency?first=3&second=7").await;
    assert!(check(&key, &elsewhere, Some(&first_head)).unwrap_err().contains("no head of"));
}

/// Every text and number of a document, each changed by itself.
fn changed(document: &Value) -> Vec<(String, Value)> {
    fn walk(value: &Value, at: &str, out: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| walk(value, &format!("{at}/{name}"), out))
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, value)| walk(value, &format!("{at}/{n}"), out));
                // One too many, and each one missing.
                out.push((at.to_owned(), items.iter().chain(items.last().or(Some(&json!("x")))).cloned().collect()));
                for n in 0..items.len() {
                    let mut fewer = items.clone();
                    fewer.remove(n);
                    out.push((at.to_owned(), fewer.into()));
                }
            }
            Value::String(text) => {
                let mut other = text.clone().into_bytes();
                let middle = other.len() / 2;
                other[middle] = if other[middle] == b'a' { b'b' } else { b'a' };
                out.push((at.to_owned(), String::from_utf8(other).unwrap().into()));
            }
            Value::Number(number) => out.push((at.to_owned(), json!(number.as_u64().unwrap() + 1))),
            Value::Null => out.push((at.to_owned(), json!("x"))),
            Value::Bool(truth) => out.push((at.to_owned(), json!(!truth))),
        }
    }
    let mut out = Vec::new();
    walk(document, "", &mut out);
    let put = |(at, value): (String, Value)| {
        let mut changed = document.clone();
        *changed.pointer_mut(&at).unwrap() = value.clone();
        (format!("{at} = {value}"), changed)
    };
    out.into_iter().map(put).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_or_proof_changed_anywhere_is_refused() {
    let (service, auditor) = furnished().await;
    let key = crate::key(&service).await;
    let (_, page) = document(service.get("/api/v1/audit?limit=200&after=AAAAAAAAAEA", Some(&auditor)).await).await;
    let about = |what: &str| {
        let entries = page["items"].as_array().unwrap();
        entries.iter().find(|entry| entry["action"] == what).unwrap_or_else(|| panic!("{what}: {page}"))["seq"].clone()
    };
    let mut paths = vec!["/api/v1/audit/head".to_owned(), "/api/v1/audit/consistency?first=300".to_owned()];
    paths.extend(
        ["set-status", "read-submission", "find-subject", "erase-person", "manage-staff"]
            .map(|what| format!("/api/v1/audit/entries/{}", about(what))),
    );
    let (mut tried, mut accepted) = (0, Vec::new());
    for path in paths {
        let (_, text) = get(&service, &auditor, &path).await;
        check(&key, &text, None).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        let other = [[0; 31].as_slice(), &[1]].concat().try_into().unwrap();
        assert!(check(&other, &text, None).is_err(), "by another key");
        for (change, document) in changed(&serde_json::from_str(&text).unwrap()) {
            tried += 1;
            if check(&key, &document.to_string(), None).is_ok() {
                accepted.push(format!("{path}: {change}"));
            }
        }
    }
    println!("{tried} changes of heads and proofs, all refused");
    assert_eq!(accepted, Vec::<String>::new());
    assert!(tried > 200, "{tried}");
}

/// Where the arguments stand when this test binary is run as that program.
const ARGUMENTS: &str = "AUDIT_VERIFIER_ARGUMENTS";

/// Does nothing, unless it is run by the test below: then the process is the program.
#[test]
fn as_the_program() {
    if let Ok(arguments) = std::env::var(ARGUMENTS) {
        let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
        std::process::exit(verifier::run(&arguments).into());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_in_examples_checks_files_and_says_by_its_code_what_it_found() {
    let source = include_str!("../../examples/audit-verifier.rs");
    assert!(!source.contains("use letterlock") && !source.contains("letterlock::"), "it stands by itself");
    let (service, auditor) = furnished().await;
    let at = service.dir.path();
    let (_, head) = get(&service, &auditor, "/api/v1/audit/head").await;
    let size = serde_json::from_str::<Value>(&head).unwrap()["size"].clone();
    let (_, proof) = get(&service, &auditor, &format!("/api/v1/audit/entries/7?size={size}")).await;
    let key = service.get("/.well-known/letterlock-audit-key", None).await.text().await.unwrap();
    let changed = proof.replace("\"actor\":\"", "\"actor\":\"x");
    for (name, text) in [("key", &key), ("head.json", &head), ("proof.json", &proof), ("changed.json", &changed)] {
        std::fs::write(at.join(name), text).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "proofs::as_the_program", "--nocapture"]).current_dir(at);
        let output = program.env(ARGUMENTS, json!(arguments).to_string()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    for (arguments, code, word) in [
        (&[key.trim(), "head.json"][..], 0, "good"),
        (&["key", "proof.json"], 0, "good"),
        (&["key", "proof.json", "head.json"], 0, "the same"),
        (&["key", "changed.json"], 1, "says something else"),
        (&[&"0".repeat(64), "head.json"], 1, "another key"),
        (&["key", "nowhere.json"], 2, "nowhere.json"),
        (&["key"], 2, "KEY FILE"),
        (&["head.json", "head.json"], 2, "64 hexadecimal"),
    ] {
        let (got, said) = run(arguments);
        assert!(got == code && said.contains(word), "{arguments:?}: {got}, {said}");
    }
}

/// One of each kind. Whoever adds a kind has to add it here, and to the program in `examples`.
fn details() -> Vec<Detail> {
    let all = |last: &Detail| match last {
        Detail::None
        | Detail::Found(_)
        | Detail::Ordered { .. }
        | Detail::Erased { .. }
        | Detail::Removed(_)
        | Detail::Account { .. }
        | Detail::Token { .. }
        | Detail::Opened(_)
        | Detail::Mail { .. }
        | Detail::Scan { .. }
        | Detail::Key { .. }
        | Detail::Survey(_)
        | Detail::Mailing { .. }
        | Detail::Trail { .. }
        | Detail::Refused { .. }
        | Detail::Service { .. }
        | Detail::Search { .. }
        | Detail::Approval { .. }
        | Detail::Export { .. }
        | Detail::Vacancy { .. } => 20,
    };
    let text = |text: &str| text.to_owned();
    let intent = IntentId::from_bytes([1; 16]);
    let details = vec![
        Detail::None,
        Detail::Found(300),
        Detail::Ordered { intent, people: 2, records: 0 },
        Detail::Erased { intent, before: 1, after: 2 },
        Detail::Removed(7),
        Detail::Account { id: StaffId::from_bytes([2; 16]), change: text("added") },
        Detail::Token { id: TokenId::from_bytes([3; 16]), change: text("made") },
        Detail::Opened(text("0.1.0")),
        Detail::Mail { about: text("received"), outcome: text("sent") },
        Detail::Scan { form: text("x"), outcome: text("clean") },
        Detail::Key { id: KeyId::from_bytes([4; 16]), change: text("made") },
        Detail::Survey("survey".parse().unwrap()),
        Detail::Mailing { id: MailingId::from_bytes([5; 16]), mails: 100 },
        Detail::Trail { from: 3, to: 9 },
        Detail::Refused { what: text("GET /staff/audit"), status: 403, unlisted: 2 },
        Detail::Service { change: text("started"), configuration: Some(text("00ff")) },
        Detail::Search { by: SearchedBy::Filters, purposes: vec![text("support")], found: Some(2) },
        Detail::Approval { id: ApprovalId::from_bytes([9; 16]), change: text("erasure approved") },
        Detail::Export { id: ApprovalId::from_bytes([9; 16]), format: text("csv"), before: 50, records: 7, of: 57 },
        Detail::Vacancy { id: VacancyId::from_bytes([8; 16]), change: text("opened") },
    ];
    assert_eq!(details.len(), all(&details[0]));
    details
}

#[test]
fn the_program_in_examples_knows_every_kind_of_entry() {
    for detail in details() {
        let bytes = postcard::to_stdvec(&detail).unwrap();
        let (known, rest) = postcard::take_from_bytes::<verifier::Detail>(&bytes)
            .unwrap_or_else(|_| panic!("examples/audit-verifier.rs does not know {detail:?}"));
        assert_eq!((json!(known), rest.len()), (json!(detail), 0));
    }
    for role in Role::ALL {
        let bytes = postcard::to_stdvec(&role).unwrap();
        assert_eq!(json!(postcard::from_bytes::<verifier::Role>(&bytes).unwrap()), json!(role));
    }
    for number in 0u8.. {
        match (postcard::from_bytes::<Status>(&[number]), postcard::from_bytes::<verifier::Status>(&[number])) {
            (Ok(ours), Ok(theirs)) => assert_eq!(json!(ours), json!(theirs)),
            (Err(_), Err(_)) => break,
            _ => panic!("status {number}"),
        }
    }
    let id = Handle::from_bytes([9; 16]);
    for actor in [
        Actor::Public,
        Actor::Staff {
            id: StaffId::from_bytes([9; 16]),
            login: "jane".into(),
            roles: vec![Role::Hr, Role::Auditor],
            scope: letterlock::policy::Scope::default(),
        },
        Actor::Owner { role: Role::Privacy },
        Actor::System,
        Actor::Subject,
        Actor::Key { id: KeyId::from_bytes(*id.as_bytes()), name: "shop".into() },
    ] {
        let bytes = postcard::to_stdvec(&actor).unwrap();
        assert_eq!(postcard::from_bytes::<verifier::Actor>(&bytes).unwrap().to_string(), actor.to_string());
    }
}

/// A store that gives one row of the trail back changed, once told to.
struct Lying {
    inner: Box<dyn Engine>,
    lies: Arc<AtomicBool>,
    about: Vec<u8>,
}

impl Lying {
    fn told(&self, key: &[u8], mut value: Vec<u8>) -> Vec<u8> {
        if key == self.about && self.lies.load(Ordering::SeqCst) {
            value[100] ^= 1;
        }
        value
    }
}

impl Engine for Lying {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner.read(key)?.map(|value| self.told(key, value)))
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        Box::new(self.inner.scan(from, to).map(|row| row.map(|(key, value)| (key.clone(), self.told(&key, value)))))
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

/// Changed behind the back of a running vault, before its hashes are known and after: nothing false is proven.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_that_was_changed_proves_nothing_about_what_was() {
    for warm in [false, true] {
        let lies = Arc::new(AtomicBool::new(false));
        let about = Table::Audit.key(&[&40u64.to_be_bytes()]);
        let ours = (Arc::clone(&lies), about.clone());
        let engine = move |inner| -> Box<dyn Engine> {
            Box::new(Lying { inner, lies: Arc::clone(&ours.0), about: ours.1.clone() })
        };
        let hooks = Hooks { engine: Some(Arc::new(engine)), ..Hooks::default() };
        let service = Service::with_hooks(FormSet::default(), hooks, |_| ()).await;
        let (app, ctx) = (&service.app, owner(Role::Auditor));
        for _ in 0..300 {
            audit::head(app, &ctx).await.unwrap();
        }
        if warm {
            audit::entry(app, &ctx, 40, None).await.unwrap();
        }
        lies.store(true, Ordering::SeqCst);
        for number in [40, 41, 3] {
            let proven = audit::entry(app, &ctx, number, None).await;
            assert!(matches!(proven, Err(letterlock::services::ServiceError::Damaged)), "{number}: {proven:?}");
        }
        // Of what lies elsewhere, a known hash still tells the truth.
        assert_eq!(audit::entry(app, &ctx, 290, None).await.is_ok(), warm);
        lies.store(false, Ordering::SeqCst);
        audit::entry(app, &ctx, 40, None).await.unwrap();
    }
}
