//! Everything at once while people and records are erased: reading, downloading, listing, searching, marking, submitting,
//! repeating a submission, uploads under way, a second order for the same person. Every answer is whole or "missing";
//! what was acknowledged is readable unless a certificate names it; what a certificate names is never read again, by
//! nobody, also not under the new person who took the same address.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use letterlock::base::ids::{PersonId, RecordId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::base::tables::Table;
use letterlock::domain::submission::{FieldValue, Status};
use letterlock::policy::{Actor, Role};
use letterlock::services::review::{self, ListQuery, Submission};
use letterlock::services::{App, ServiceError, erase, find, health, search, submit};
use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::Hooks;
use serde_json::Value;

use crate::support::*;

/// How a round is made to go wrong, to show that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cheat {
    Honest,
    /// The row of a record that nobody ordered erased is gone.
    LosesARecord,
    /// Lines of the list do not open.
    TearsAList,
    /// The erasures are acknowledged and not done.
    OnlySaysErased,
}

/// What was answered, counted.
#[derive(Default)]
struct Tally {
    whole: AtomicU64,
    missing: AtomicU64,
    running: AtomicU64,
}

impl Tally {
    /// An answer is whole, or "missing", or wrong.
    fn count<T>(&self, what: &str, answer: Result<T, ServiceError>) -> Result<Option<T>, String> {
        match answer {
            Ok(value) => {
                self.whole.fetch_add(1, Ordering::SeqCst);
                Ok(Some(value))
            }
            Err(ServiceError::NotFound) => {
                self.missing.fetch_add(1, Ordering::SeqCst);
                Ok(None)
            }
            Err(ServiceError::StillRunning) if what == "repeating" => {
                self.running.fetch_add(1, Ordering::SeqCst);
                Ok(None)
            }
            Err(other) => Err(format!("{what} gave neither whole nor missing: {other:?}")),
        }
    }
}

/// One round: its people and records, and what has been acknowledged so far.
struct Round {
    app: Arc<App>,
    tally: Arc<Tally>,
    /// The address of whoever is erased whole, and who they are.
    email: String,
    person: PersonId,
    /// To be erased: records of people erased whole, and a single one.
    doomed: Vec<RecordId>,
    /// Records that the first of them is in, with a key to repeat it by.
    repeated: RecordId,
    key: String,
    /// Set before the last erasure was acknowledged; cleared never.
    done: AtomicBool,
    /// Everything acknowledged under the address while it was being erased.
    acknowledged: Mutex<Vec<RecordId>>,
}

fn letter(submission: &Submission) -> Option<&str> {
    match submission.content.fields.get("letter") {
        Some(FieldValue::Text(text)) => Some(text.expose()),
        _ => None,
    }
}

impl Round {
    fn acknowledge(&self, id: RecordId) {
        self.acknowledged.lock().unwrap().push(id);
    }

    /// A record read, or missing; after the acknowledgement of its erasure only missing.
    async fn look(&self, id: RecordId) -> Result<(), String> {
        let over = self.done.load(Ordering::SeqCst);
        if let Some(read) = self.tally.count("reading", read(&self.app, id).await)? {
            let words = letter(&read).unwrap_or_default();
            if read.content.fields.len() != 3 || !words.ends_with("-xyzzy.") {
                return Err("a reading was not whole".to_owned());
            }
            if over {
                return Err("somebody was read after their erasure was acknowledged".to_owned());
            }
        }
        let over = self.done.load(Ordering::SeqCst);
        if let Some(bytes) = self.tally.count("downloading", download(&self.app, id).await)?
            && (over || bytes != pdf("race"))
        {
            return Err("a download was not whole, or came after the erasure".to_owned());
        }
        let marked = review::set_status(&self.app, &role(Role::Hr), id, Status::Interview).await;
        if self.tally.count("marking", marked)?.is_some() && over {
            return Err("a record was marked after its erasure was acknowledged".to_owned());
        }
        Ok(())
    }

    /// The list and searches: every line belongs to somebody who is there.
    async fn search(&self) -> Result<(), String> {
        let over = self.done.load(Ordering::SeqCst);
        let gone: &[RecordId] = if over { &self.doomed } else { &[] };
        let query = ListQuery { limit: Some(20), purpose: Some("recruitment".to_owned()), ..ListQuery::default() };
        if let Some(page) = self.tally.count("listing", review::list(&self.app, &role(Role::Hr), query).await)?
            && page.items.iter().any(|item| gone.contains(&item.summary.id) || item.fields.is_none())
        {
            return Err("a list shows somebody erased, or a line without fields".to_owned());
        }
        let query = search::Query {
            words: "xyzzy roe".into(),
            purposes: vec!["recruitment".to_owned()],
            limit: Some(20),
            ..search::Query::default()
        };
        if let Some(found) =
            self.tally.count("looking for words", search::page(&self.app, &role(Role::Hr), query).await)?
            && found.hits.iter().any(|hit| {
                gone.contains(&hit.summary.id) || !hit.fields.contains_key("name") || hit.matched.fields.len() < 2
            })
        {
            return Err("words of somebody erased were found, or a hit is not whole".to_owned());
        }
        let address = SensitiveString::from(self.email.as_str());
        let found = find::by_email(&self.app, &role(Role::Privacy), &address).await;
        for found in self.tally.count("searching", found)?.unwrap_or_default() {
            if over && found.subject == self.person {
                return Err("a search found somebody erased".to_owned());
            }
            if found.submissions.iter().any(|summary| gone.contains(&summary.id)) {
                return Err("a new person was found with a record of somebody erased".to_owned());
            }
        }
        Ok(())
    }

    async fn submit(&self) -> Result<(), String> {
        if let Some(receipt) = self.tally.count("submitting", apply(&self.app, &self.email, &pdf("race")).await)? {
            self.acknowledge(receipt.submission);
        }
        let again = apply_keyed(&self.app, &self.email, &pdf("race"), Some(&self.key)).await;
        if let Some(receipt) = self.tally.count("repeating", again)?
            && receipt.submission != self.repeated
        {
            // The earlier one was erased, so this is a new one.
            self.acknowledge(receipt.submission);
        }
        Ok(())
    }

    /// An upload that begins before the erasure and ends after it began.
    async fn upload(&self) -> Result<(), String> {
        let form = "job-application".parse().unwrap();
        let error = |error: ServiceError| format!("an upload gave {error:?}");
        let mut intake = submit::begin(&self.app, &context(Actor::Public), &form, None).await.map_err(error)?;
        intake.field("name", "Jane Roe".to_owned()).map_err(error)?;
        intake.field("email", self.email.clone()).map_err(error)?;
        intake.field("letter", "Dear all, -xyzzy.".to_owned()).map_err(error)?;
        intake.begin_file("cv", Some("cv.pdf")).await.map_err(error)?;
        for piece in pdf("race").chunks(20) {
            intake.file_chunk(piece).await.map_err(error)?;
            tokio::task::yield_now().await;
        }
        intake.end_file().await.map_err(error)?;
        if let Some(receipt) = self.tally.count("uploading", intake.finish().await)? {
            self.acknowledge(receipt.submission);
        }
        Ok(())
    }
}

/// The records that certificates name.
fn certified(certificates: &[Value]) -> BTreeSet<RecordId> {
    let records = certificates.iter().flat_map(|c| c["statement"]["records"].as_array().cloned().unwrap_or_default());
    records.map(|id| id.as_str().unwrap().parse().unwrap()).collect()
}

/// One round of everything at once. Returns the records that must be readable for good, and those that never again.
async fn round(
    app: &Arc<App>,
    n: u64,
    tally: &Arc<Tally>,
    cheat: Cheat,
    plant: &Plant,
) -> Result<(Vec<RecordId>, Vec<RecordId>), String> {
    let email = format!("round{n}@example.org");
    let key = format!("key-{n}");
    let new = async |email: &str| apply(app, email, &pdf("race")).await.unwrap().submission;
    let repeated = apply_keyed(app, &email, &pdf("race"), Some(&key)).await.unwrap().submission;
    let second = new(&email).await;
    let halved = format!("halved{n}@example.org");
    let (single, kept) = (new(&halved).await, new(&halved).await);
    let several = [format!("x{n}@example.org"), format!("y{n}@example.org")];
    let of_several = [new(&several[0]).await, new(&several[1]).await];
    let person = person_of(app, &email).await.unwrap();
    let batch = [person_of(app, &several[0]).await.unwrap(), person_of(app, &several[1]).await.unwrap()];
    let round = Arc::new(Round {
        app: app.clone(),
        tally: tally.clone(),
        email,
        person,
        doomed: vec![repeated, second, single, of_several[0], of_several[1]],
        repeated,
        key,
        done: AtomicBool::new(false),
        acknowledged: Mutex::default(),
    });

    let mut tasks: tokio::task::JoinSet<Result<(), String>> = tokio::task::JoinSet::new();
    for id in round.doomed.clone() {
        let round = round.clone();
        tasks.spawn(async move {
            while !round.done.load(Ordering::SeqCst) {
                round.look(id).await?;
                // Who is missing is asked for again, but not in a frenzy.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            round.look(id).await
        });
    }
    let searching = round.clone();
    tasks.spawn(async move {
        while !searching.done.load(Ordering::SeqCst) {
            searching.search().await?;
        }
        searching.search().await
    });
    for _ in 0..2 {
        let submitting = round.clone();
        tasks.spawn(async move {
            for _ in 0..2 {
                submitting.submit().await?;
            }
            Ok(())
        });
    }
    let uploading = round.clone();
    tasks.spawn(async move { uploading.upload().await });

    tokio::time::sleep(std::time::Duration::from_millis(n * 7 % 40)).await;
    let ctx = role(Role::Privacy);
    let mut certificates = Vec::new();
    if cheat == Cheat::OnlySaysErased {
        certificates.push(serde_json::json!({ "statement": { "records": round.doomed } }));
    } else {
        let (one, other, record, many) = tokio::join!(
            erase::person(app, &ctx, person),
            erase::person(app, &ctx, person),
            erase::record(app, &ctx, single),
            erase::people(app, &ctx, &batch),
        );
        // Two orders for one person: one is carried out, the other finds nobody.
        if one.is_ok() == other.is_ok() {
            return Err(format!("two orders for one person gave {one:?} and {other:?}"));
        }
        for answer in [one, other, record].into_iter().chain(many.map_err(|error| format!("{error:?}"))?) {
            certificates.extend(tally.count("erasing", answer)?);
        }
    }
    round.done.store(true, Ordering::SeqCst);
    plant.strike(cheat, kept);
    for outcome in tasks.join_all().await {
        outcome?;
    }

    let gone = certified(&certificates);
    if round.doomed.iter().any(|id| !gone.contains(id)) {
        return Err("a certificate does not name what was erased".to_owned());
    }
    let mut alive = vec![kept];
    alive.extend(round.acknowledged.lock().unwrap().iter().filter(|id| !gone.contains(id)));
    let gone: Vec<RecordId> = gone.into_iter().collect();
    settled(app, &alive, &gone).await?;
    round.search().await?;
    Ok((alive, gone))
}

/// What was acknowledged and not erased is whole; what was erased is missing.
async fn settled(app: &Arc<App>, alive: &[RecordId], gone: &[RecordId]) -> Result<(), String> {
    for id in alive {
        let bytes = download(app, *id).await.map_err(|error| format!("acknowledged and lost: {error:?}"))?;
        if bytes != pdf("race") || read(app, *id).await.is_err() {
            return Err("acknowledged, and not whole".to_owned());
        }
    }
    for id in gone {
        if !matches!(read(app, *id).await, Err(ServiceError::NotFound)) {
            return Err("erased, and yet there".to_owned());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_erased_meanwhile_is_whole_or_missing() {
    let rounds = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 400 } else { 25 };
    let home = Home::new();
    let plant = Plant::default();
    let app = home.open_with(plant.hooks());
    let tally = Arc::new(Tally::default());
    let (mut alive, mut gone) = (Vec::new(), Vec::new());
    for n in 0..rounds {
        let (kept, erased) = round(&app, n, &tally, Cheat::Honest, &plant).await.unwrap();
        alive.extend(kept);
        gone.extend(erased);
    }
    settled(&app, &alive, &gone).await.unwrap();
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    let epochs = health::figures(&app).epoch - 1;
    app.close().await;
    drop(app);
    settled(&home.open(), &alive, &gone).await.unwrap();
    let [whole, missing, running] =
        [&tally.whole, &tally.missing, &tally.running].map(|count| count.load(Ordering::SeqCst));
    println!(
        "{rounds} rounds, {epochs} epochs: {whole} answers whole, {missing} missing, {running} told to wait; {} records \
         kept, {} erased",
        alive.len(),
        gone.len()
    );
    assert!(whole + missing > rounds * 40, "too few answers to have raced");
    assert!(missing > rounds, "too few were overtaken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_vault_that_loses_or_keeps_what_it_should_not_is_found_out() {
    for cheat in [Cheat::LosesARecord, Cheat::TearsAList, Cheat::OnlySaysErased] {
        let home = Home::new();
        let plant = Plant::default();
        let app = home.open_with(plant.hooks());
        let found = round(&app, 1, &Arc::default(), cheat, &plant).await.unwrap_err();
        println!("control {cheat:?}: {found}");
    }
}

/// A store from which a row vanishes, or in which one changes, without an order.
#[derive(Clone, Default)]
struct Plant(Arc<Mutex<Option<(Cheat, RecordId)>>>);

struct Lying {
    inner: Box<dyn Engine>,
    plant: Plant,
}

impl Plant {
    fn hooks(&self) -> Hooks {
        let plant = self.clone();
        let wrap = move |inner| -> Box<dyn Engine> { Box::new(Lying { inner, plant: plant.clone() }) };
        Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() }
    }

    fn strike(&self, cheat: Cheat, record: RecordId) {
        *self.0.lock().unwrap() = Some((cheat, record));
    }
}

impl Engine for Lying {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.inner.read(key)?;
        match *self.plant.0.lock().unwrap() {
            Some((Cheat::LosesARecord, record)) if key == Table::Records.key(&[record.as_bytes()]) => Ok(None),
            Some((Cheat::TearsAList, _)) if key[0] == Table::List.id() => Ok(row.map(|mut row| {
                *row.last_mut().unwrap() ^= 1;
                row
            })),
            _ => Ok(row),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}
