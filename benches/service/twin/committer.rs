//! The one thread that writes: jobs that wait together share one batch, one flush and one `fdatasync`. The rows are those
//! of Letterlock without keys, tree and audit: record, list entry, person, consents, files, counters.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use letterlock::base::clock::Timestamp;
use letterlock::base::ids::{FileId, PersonId, RecordId};
use letterlock::base::tables::Table;
use letterlock::domain::form::FormId;
use letterlock::domain::submission::{ConsentGiven, Status};
use letterlock::store::{Batch, Engine, SledEngine};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::Outcome;

/// As in Letterlock: jobs that may wait, jobs in one commit, and how long a commit waits for more.
const QUEUE: usize = 1024;
const BATCH: usize = 256;
const GATHER: Duration = Duration::from_micros(800);
const GATHER_STEP: Duration = Duration::from_micros(100);

/// A submission ready to be stored, and who waits for it.
pub(super) struct Job {
    pub(super) address: Option<String>,
    pub(super) person: PersonId,
    pub(super) record: RecordId,
    /// The record's content, encoded by the worker.
    pub(super) content: Vec<u8>,
    pub(super) entry: ListEntry,
    pub(super) consents: Option<ConsentLine>,
    pub(super) files: Vec<FileId>,
    pub(super) reply: oneshot::Sender<Result<(), Failed>>,
}

/// The disk did not take it, or what it holds does not decode.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// What a list shows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ListEntry {
    pub(super) form: FormId,
    pub(super) status: Status,
    pub(super) received: Timestamp,
    pub(super) region: String,
    pub(super) files: u32,
    pub(super) idempotency: Option<([u8; 32], [u8; 32])>,
}

/// One line of a consent ledger.
#[derive(Serialize, Deserialize)]
pub(super) struct ConsentLine {
    pub(super) at: Timestamp,
    pub(super) source: String,
    pub(super) notice: String,
    pub(super) consents: BTreeMap<String, ConsentGiven>,
}

/// A person: the address, and the records with their arrival numbers.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) address: Option<String>,
    pub(super) records: Vec<(RecordId, u64)>,
}

/// A list row.
#[derive(Serialize, Deserialize)]
pub(super) struct ListRow {
    pub(super) person: PersonId,
    pub(super) record: RecordId,
    pub(super) entry: ListEntry,
}

pub(super) fn record_key(record: &RecordId) -> Vec<u8> {
    Table::Records.key(&[record.as_bytes()])
}

pub(super) fn list_key(arrival: u64) -> Vec<u8> {
    Table::List.key(&[&arrival.to_be_bytes()])
}

pub(super) fn person_key(person: &PersonId) -> Vec<u8> {
    Table::Keyrings.key(&[person.as_bytes()])
}

/// Starts the thread.
pub(super) fn start(engine: Arc<SledEngine>) -> Outcome<mpsc::Sender<Job>> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let committer = Committer { engine, people: HashMap::new(), next_arrival: 0 };
    std::thread::Builder::new().name("committer".to_owned()).spawn(move || committer.run(queue))?;
    Ok(jobs)
}

struct Committer {
    engine: Arc<SledEngine>,
    /// Who is held under an address.
    people: HashMap<String, PersonId>,
    next_arrival: u64,
}

impl Committer {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = vec![first];
            gather(&mut jobs, &mut queue);
            self.commit(jobs);
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let mut batch = Batch::new();
        let mut newcomers = HashMap::new();
        let mut replies = Vec::with_capacity(jobs.len());
        for job in jobs {
            match self.apply(&mut batch, &mut newcomers, job) {
                Ok(reply) => replies.push(reply),
                Err((reply, failed)) => drop(reply.send(Err(failed))),
            }
        }
        batch.insert(Table::Meta.key(&[b"state"]), Some(self.next_arrival.to_be_bytes().to_vec()));
        let result = self.engine.commit(&batch).map_err(|_| Failed);
        if result.is_ok() {
            self.people.extend(newcomers);
        }
        for reply in replies {
            let _ = reply.send(result);
        }
    }

    fn apply(&mut self, batch: &mut Batch, newcomers: &mut HashMap<String, PersonId>, job: Job) -> Applied {
        let Job { address, person, record, content, entry, consents, files, reply } = job;
        let known = address.as_ref().and_then(|address| {
            let here = newcomers.get(address).copied();
            here.or_else(|| self.people.get(address).copied())
        });
        let id = known.unwrap_or(person);
        let arrival = self.next_arrival;
        match self.rows(batch, id, known.is_some(), &address, arrival, record, content, entry, consents, &files) {
            Ok(()) => {}
            Err(failed) => return Err((reply, failed)),
        }
        self.next_arrival += 1;
        if let Some(address) = address.filter(|_| known.is_none()) {
            newcomers.insert(address, id);
        }
        Ok(reply)
    }

    #[expect(clippy::too_many_arguments, reason = "one row for each")]
    fn rows(
        &self,
        batch: &mut Batch,
        id: PersonId,
        is_known: bool,
        address: &Option<String>,
        arrival: u64,
        record: RecordId,
        content: Vec<u8>,
        entry: ListEntry,
        consents: Option<ConsentLine>,
        files: &[FileId],
    ) -> Result<(), Failed> {
        let mut person = match is_known {
            true => self.read(batch, &person_key(&id))?.ok_or(Failed)?,
            false => Person { address: address.clone(), records: Vec::with_capacity(1) },
        };
        person.records.push((record, arrival));
        if let Some(line) = consents {
            let key = Table::Consents.key(&[id.as_bytes(), &[0, 0]]);
            let mut lines: Vec<ConsentLine> = self.read(batch, &key)?.unwrap_or_default();
            lines.push(line);
            batch.insert(key, Some(encode(&lines)?));
        }
        batch.insert(person_key(&id), Some(encode(&person)?));
        batch.insert(record_key(&record), Some([&arrival.to_be_bytes(), content.as_slice()].concat()));
        batch.insert(list_key(arrival), Some(encode(&ListRow { person: id, record, entry })?));
        for file in files {
            batch.insert(Table::Files.key(&[file.as_bytes()]), Some(Vec::new()));
        }
        Ok(())
    }

    /// A row as this batch will leave it.
    fn read<T: for<'de> Deserialize<'de>>(&self, batch: &Batch, key: &[u8]) -> Result<Option<T>, Failed> {
        let row = match batch.get(key) {
            Some(row) => row.clone(),
            None => self.engine.read(key).map_err(|_| Failed)?,
        };
        row.map(|row| postcard::from_bytes(&row).map_err(|_| Failed)).transpose()
    }
}

/// Takes in what waits, and what comes while it keeps coming.
fn gather(jobs: &mut Vec<Job>, queue: &mut mpsc::Receiver<Job>) {
    let begun = Instant::now();
    let mut before = 0;
    loop {
        while jobs.len() < BATCH {
            match queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => break,
            }
        }
        let come = jobs.len() - before;
        if jobs.len() < 2 || jobs.len() >= BATCH || come == 0 || begun.elapsed() >= GATHER {
            return;
        }
        before = jobs.len();
        std::thread::sleep(GATHER_STEP);
    }
}

type Reply = oneshot::Sender<Result<(), Failed>>;
type Applied = Result<Reply, (Reply, Failed)>;

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Failed> {
    postcard::to_stdvec(value).map_err(|_| Failed)
}
