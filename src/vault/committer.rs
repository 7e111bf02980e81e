//! The one thread that composes changes. It takes jobs from a channel; those that wait together share one commit.
//! It waits for the disk, and for nothing that a caller holds.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::audit::Draft;
use super::change::{ConsentChange, MessageJob, ScanChange};
use super::downloads::Claim;
use super::epoch::{Ordered, Target};
use super::hooks::Step;
use super::intent::Intent;
use super::janitor::Wake;
use super::mailings::{Plan, Progress};
use super::outbox::DoneJob;
use super::people::{Arrived, SubmitJob};
use super::shared::Shared;
use super::subscribers::Turn;
use super::txn::{Ready, State, Txn};
use super::upload::Traces;
use super::work::{SeenJob, WorkJob};
use super::{Act, Reply, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{IntentId, MailingId, RecordId};
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};
use crate::crypto::merkle::Frontier;
use crate::domain::form::FormId;
use crate::domain::submission::Status;
use crate::domain::work::{Note, Work};
use crate::keys::master::MasterKey;
use crate::keys::recovery::RecoverySlot;
use crate::keys::slots::RootSlots;
use crate::store::Row;

/// Jobs in one commit, at most.
const BATCH: usize = 256;
/// Rows and entries in one commit, about.
const WEIGHT: usize = 4096;
/// A commit that already has several jobs waits for more of them, as long as they keep coming, and no longer than this:
/// under load, fewer commits leave more of the machine to everything else. One caller alone never waits.
const GATHER: Duration = Duration::from_micros(800);
/// How often it looks for them meanwhile.
const GATHER_STEP: Duration = Duration::from_micros(100);
/// Jobs that may wait before callers have to.
pub(super) const QUEUE: usize = 1024;

/// What the committer is asked to do. Sent in a box: the slots of channels and queues keep the bytes of what has passed.
pub(super) enum Job {
    Submit(Box<SubmitJob>, Reply<Arrived>),
    /// An audit entry; refused when one of the records (by place and id) is being erased.
    Audit(Draft, Vec<(u64, RecordId)>, Reply<()>),
    SetStatus(Box<(Act, RecordId, Status)>, Reply<()>),
    SetScan(Box<ScanChange>, Reply<()>),
    /// How the work on a record stands.
    Work(Box<WorkJob>, Reply<(Status, Work)>),
    /// An audit entry of a reading, and that an account has seen the record.
    Seen(Box<SeenJob>, Reply<()>),
    /// A note, and whether one is told to the person.
    Note(Box<(Act, RecordId, Note)>, Reply<u32>),
    DiscloseNote(Box<(Act, RecordId, u32, bool)>, Reply<()>),
    Message(Box<MessageJob>, Reply<u32>),
    Consents(Box<(Act, RecordId, ConsentChange)>, Reply<()>),
    /// A file that a form unlocks is about to be handed out.
    Download(Box<(Act, Claim)>, Reply<()>),
    /// A mail was sent, or given up.
    MailDone(Box<DoneJob>, Reply<()>),
    /// How somebody stands to a newsletter.
    Turn(Box<(Act, FormId, Turn, Timestamp)>, Reply<()>),
    /// An issue of a newsletter, sealed.
    Mailing(Box<(Act, MailingId, Vec<u8>)>, Reply<()>),
    /// Mails of an issue.
    Feed(Box<(Act, Plan)>, Reply<Progress>),
    SystemRows(Vec<Draft>, Vec<Row>, Reply<()>),
    /// Rows that lost their meaning go, and what is kept of them comes; with the last of an order, the order itself goes.
    CleanUp {
        kept: Vec<Row>,
        removed: Vec<Vec<u8>>,
        draft: Draft,
        reply: Reply<()>,
    },
    /// An order of erasure; with it, in the same commit, what used up the leave for it.
    Order(Vec<Target>, Arc<Act>, Option<Box<(Draft, Row)>>, Reply<Ordered>),
    /// One epoch for these orders.
    Epoch(Vec<IntentId>, Reply<super::epoch::Facts>),
    Head(Reply<Frontier>),
    /// Try the recovery slot again.
    Recovery,
    Stop(Reply<()>),
}

impl Job {
    const fn has_its_own_turn(&self) -> bool {
        match self {
            Self::Epoch(..) | Self::Order(..) | Self::Head(_) | Self::Recovery | Self::Stop(_) => true,
            Self::Submit(..)
            | Self::Audit(..)
            | Self::SetStatus(..)
            | Self::SetScan(..)
            | Self::Work(..)
            | Self::Seen(..)
            | Self::Note(..)
            | Self::DiscloseNote(..)
            | Self::Message(..)
            | Self::Consents(..)
            | Self::MailDone(..)
            | Self::Download(..)
            | Self::Turn(..)
            | Self::Mailing(..)
            | Self::Feed(..)
            | Self::SystemRows(..)
            | Self::CleanUp { .. } => false,
        }
    }

    /// Whether it is refused while the witness cannot be written, and the trail therefore not be held against anything.
    /// What people outside send, take back or confirm is taken all the same, and what was begun is put in order.
    const fn needs_the_witness(&self) -> bool {
        match self {
            Self::Submit(..)
            | Self::Consents(..)
            | Self::Turn(..)
            | Self::MailDone(..)
            | Self::CleanUp { .. }
            | Self::Head(_)
            | Self::Recovery
            | Self::Stop(_) => false,
            Self::Audit(..)
            | Self::SetStatus(..)
            | Self::SetScan(..)
            | Self::Work(..)
            | Self::Seen(..)
            | Self::Note(..)
            | Self::DiscloseNote(..)
            | Self::Message(..)
            | Self::Download(..)
            | Self::Mailing(..)
            | Self::Feed(..)
            | Self::SystemRows(..)
            | Self::Order(..)
            | Self::Epoch(..) => true,
        }
    }
}

pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) state: State,
    pub(super) slots: RootSlots,
    pub(super) master: MasterKey,
    pub(super) recovery: RecoverySlot,
    /// Orders whose epoch has not come yet.
    pub(super) intents: HashMap<IntentId, Intent>,
    pub(super) janitor: std::sync::mpsc::Sender<Wake>,
}

/// A panic is a fault in this program, or in the store: whatever was under way, only a restart mends it, so the vault
/// must not go on looking sound.
impl Drop for Committer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.failed.store(true, Ordering::SeqCst);
        }
    }
}

type AfterCommit = Box<dyn FnOnce(Result<(), VaultError>)>;

impl Committer {
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Box<Job>>) {
        let mut queue = VecDeque::new();
        let mut stopped = false;
        while let Some(first) = queue.pop_front().or_else(|| jobs.blocking_recv()) {
            queue.push_front(first);
            gather(&mut queue, &mut jobs);
            // Dropped unanswered, a job is refused: see `Vault::ask`.
            if stopped {
                queue.clear();
            } else if self.shared.witness_failed.load(Ordering::SeqCst) {
                queue.retain(|job| !job.needs_the_witness());
                stopped = !queue.is_empty() && self.turn(&mut queue);
            } else {
                stopped = self.turn(&mut queue);
                wipe_stack::<USUAL_DEPTH>();
            }
        }
    }

    /// Works off the front of the queue: one commit, or one epoch. Returns whether to stop.
    fn turn(&mut self, queue: &mut VecDeque<Box<Job>>) -> bool {
        match queue.front().map(AsRef::as_ref) {
            Some(Job::Epoch(..)) => self.epoch_turn(queue),
            Some(Job::Order(..)) => {
                if let Some(Job::Order(targets, act, leave, reply)) = queue.pop_front().map(|job| *job) {
                    let _ = reply.send(self.order(targets, &act, leave.map(|leave| *leave)));
                }
            }
            Some(Job::Head(_)) => {
                if let Some(Job::Head(reply)) = queue.pop_front().map(|job| *job) {
                    let _ = reply.send(Ok(self.state.counters.audit.clone()));
                }
            }
            Some(Job::Recovery) => {
                queue.pop_front();
                self.write_recovery(self.shared.view().epoch);
            }
            Some(Job::Stop(_)) => {
                if let Some(Job::Stop(reply)) = queue.pop_front().map(|job| *job) {
                    let _ = reply.send(Ok(()));
                }
                return true;
            }
            _ => self.commit_turn(queue),
        }
        false
    }

    /// All epochs that wait, wherever in the queue, become one: many erasures cost one change of the root.
    fn epoch_turn(&mut self, queue: &mut VecDeque<Box<Job>>) {
        let (mut ids, mut replies) = (Vec::new(), Vec::new());
        let mut rest = VecDeque::with_capacity(queue.len());
        for job in queue.drain(..) {
            match *job {
                Job::Epoch(orders, reply) => {
                    ids.extend(orders);
                    replies.push(reply);
                }
                other => rest.push_back(Box::new(other)),
            }
        }
        *queue = rest;
        let result = self.epoch(&ids);
        for reply in replies {
            let _ = reply.send(result);
        }
    }

    fn commit_turn(&mut self, queue: &mut VecDeque<Box<Job>>) {
        let shared = Arc::clone(&self.shared);
        let mut after: Vec<AfterCommit> = Vec::new();
        let ready = {
            let mut txn = Txn::new(&shared, &self.state);
            while after.len() < BATCH && txn.weight() < WEIGHT {
                match queue.pop_front() {
                    Some(job) if job.has_its_own_turn() => {
                        queue.push_front(job);
                        break;
                    }
                    Some(job) => after.extend(apply(&mut txn, *job)),
                    None => break,
                }
            }
            if after.is_empty() {
                return;
            }
            txn.finish()
        };
        let result = ready.and_then(|ready| self.commit(ready));
        after.into_iter().for_each(|tell| tell(result));
    }

    /// Makes a commit durable, then publishes it.
    pub(super) fn commit(&mut self, ready: Ready) -> Result<(), VaultError> {
        self.shared.room_for_anything()?;
        let shared = Arc::clone(&self.shared);
        shared.step(Step::Composed)?;
        shared.begin_commit();
        let mut result = self.write(&ready.batch).and_then(|()| shared.step(Step::Stored));
        if result.is_ok() {
            let view = shared.view();
            view.update(ready.pages);
            if let Ok(mut directory) = shared.directory.write() {
                for person in &ready.newcomers {
                    directory.insert(&person.person, person.tag.as_ref(), person.place);
                }
            }
            shared.committed(view.epoch, &ready.counters);
            shared.shelf.touch(&ready.batch);
            self.state.counters = ready.counters;
            result = shared.step(Step::Published);
        }
        shared.end_commit();
        result
    }

    pub(super) fn write(&self, batch: &crate::store::Batch) -> Result<(), VaultError> {
        if self.shared.failed.load(Ordering::SeqCst) {
            return Err(VaultError::Unavailable);
        }
        let result = self.shared.engine.commit(batch);
        if !self.shared.engine.is_writable() {
            self.shared.failed.store(true, Ordering::SeqCst);
        }
        Ok(result?)
    }
}

/// Takes in what waits, and what comes while it keeps coming.
fn gather(queue: &mut VecDeque<Box<Job>>, jobs: &mut mpsc::Receiver<Box<Job>>) {
    let begun = Instant::now();
    let mut before = 0;
    loop {
        take_in(queue, jobs);
        let come = queue.len() - before;
        if queue.len() < 2 || queue.len() >= BATCH || come == 0 || begun.elapsed() >= GATHER {
            return;
        }
        before = queue.len();
        std::thread::sleep(GATHER_STEP);
    }
}

/// Takes in what waits, as far as the queue holds it.
fn take_in(queue: &mut VecDeque<Box<Job>>, jobs: &mut mpsc::Receiver<Box<Job>>) {
    while queue.len() < QUEUE {
        match jobs.try_recv() {
            Ok(job) => queue.push_back(job),
            Err(_) => return,
        }
    }
}

/// Puts a job into the commit, or refuses it. What is returned is called once the commit is durable, or has failed.
fn apply(txn: &mut Txn<'_>, job: Job) -> Option<AfterCommit> {
    match job {
        Job::Submit(mut job, reply) => {
            let traces = std::mem::take(&mut job.traces);
            let tell = then(reply, super::people::apply(txn, *job))?;
            Some(with_files(traces, tell))
        }
        Job::Message(mut job, reply) => {
            let traces = std::mem::take(&mut job.traces);
            let tell = then(reply, super::change::apply_message(txn, *job))?;
            Some(with_files(traces, tell))
        }
        Job::Download(job, reply) => {
            let (act, claim) = *job;
            then(reply, super::downloads::apply(txn, &act, claim))
        }
        Job::MailDone(job, reply) => then(reply, super::outbox::apply_done(txn, *job)),
        Job::Turn(job, reply) => {
            let (act, form, turn, at) = *job;
            then(reply, super::subscribers::apply_turn(txn, &act, form, turn, at))
        }
        Job::Mailing(job, reply) => {
            let (act, id, order) = *job;
            then(reply, super::mailings::apply_order(txn, &act, id, order))
        }
        Job::Feed(job, reply) => {
            let (act, plan) = *job;
            then(reply, super::mailings::apply_feed(txn, &act, plan))
        }
        Job::Consents(job, reply) => {
            let (act, record, change) = *job;
            then(reply, super::change::apply_consents(txn, &act, record, change))
        }
        Job::SetStatus(job, reply) => {
            let (act, record, status) = *job;
            then(reply, super::change::apply_status(txn, &act, record, status))
        }
        Job::Work(job, reply) => then(reply, super::work::apply(txn, *job)),
        Job::Seen(job, reply) => then(reply, super::work::apply_seen(txn, *job)),
        Job::Note(job, reply) => {
            let (act, record, note) = *job;
            then(reply, super::notes::apply(txn, &act, record, &note))
        }
        Job::DiscloseNote(job, reply) => {
            let (act, record, number, disclosed) = *job;
            then(reply, super::notes::apply_disclosure(txn, &act, record, number, disclosed))
        }
        Job::SetScan(change, reply) => then(reply, super::change::apply_scan(txn, *change)),
        Job::Audit(draft, alive, reply) => {
            if alive.iter().any(|(place, record)| txn.shared.is_dying(*place, Some(record))) {
                return then(reply, Err(VaultError::Missing));
            }
            txn.entry(draft);
            then(reply, Ok(()))
        }
        Job::SystemRows(drafts, rows, reply) => {
            rows.into_iter().for_each(|(key, value)| txn.put(key, value));
            drafts.into_iter().for_each(|draft| txn.entry(draft));
            then(reply, Ok(()))
        }
        Job::CleanUp { kept, removed, draft, reply } => {
            kept.into_iter().for_each(|(key, value)| txn.put(key, value));
            removed.into_iter().for_each(|key| txn.remove(key));
            txn.entry(draft);
            then(reply, Ok(()))
        }
        // Jobs with a turn of their own; none of them gets here.
        Job::Order(..) | Job::Epoch(..) | Job::Head(_) | Job::Recovery | Job::Stop(_) => None,
    }
}

/// Keeps the files of a job whose commit is on disk, or may be.
fn with_files(traces: Vec<Traces>, tell: AfterCommit) -> AfterCommit {
    Box::new(move |committed| {
        // What a failed write left on disk is known at the next start, which sweeps files without a record.
        if matches!(committed, Ok(()) | Err(VaultError::Unavailable)) {
            traces.into_iter().for_each(Traces::keep);
        }
        tell(committed);
    })
}

fn then<T: Send + 'static>(reply: Reply<T>, outcome: Result<T, VaultError>) -> Option<AfterCommit> {
    match outcome {
        Ok(value) => Some(Box::new(move |committed| {
            let _ = reply.send(committed.map(|()| value));
        })),
        Err(error) => {
            let _ = reply.send(Err(error));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_jobs_are_taken_in_than_the_queue_holds() {
        let (sender, mut jobs) = mpsc::channel(QUEUE + 5);
        for _ in 0..QUEUE + 5 {
            assert!(sender.try_send(Box::new(Job::Recovery)).is_ok());
        }
        let mut queue = VecDeque::new();
        gather(&mut queue, &mut jobs);
        assert_eq!((queue.len(), jobs.len()), (QUEUE, 5));
    }
}
