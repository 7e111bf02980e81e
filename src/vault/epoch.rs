//! Erasure: one epoch destroys the keys of any number of people and records.
//!
//! Every page on the path of a victim gets a fresh random key, up to a fresh root. Nothing is ever sealed old-under-new
//! or new-under-old, so once the old root is destroyed, every earlier version of those pages, wherever it lies, is
//! closed for good. The order of steps is what a crash cannot break:
//!
//! 1. the order is durable: handles only; new reads answer "missing", open downloads end or are cut;
//! 2. the fresh root lies in the spare slot, read back past the cache;
//! 3. a redo copy of the new rows, then one durable commit: pages, keyrings, epoch, order;
//! 4. the new tree is opened from the store and the victims found absent; the old view's keys are wiped;
//! 5. the old slot is overwritten in place: **the instant of deletion**;
//! 6. the recovery slot follows; the caller hears of it. Rows and files go later, driven by the order.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::aim::aim;
use super::audit::Draft;
use super::certificate::Certificate;
use super::committer::{Committer, Job};
use super::deed::{Deed, Victim};
use super::hooks::Step;
use super::intent::{Intent, Line, Outcome, Stage};
use super::janitor::Wake;
use super::rekey::{Gone, Rekeying};
use super::shared::Shared;
use super::system_rows::SystemRow;
use super::txn::{Ready, Txn};
use super::view::TreeView;
use super::{Act, Detail, Vault, VaultError, redo};
use crate::base::ids::{IntentId, PersonId, RecordId};
use crate::crypto::Key;
use crate::keys::keyring::Keyring;
use crate::keys::tree::{FANOUT, InnerPage, LeafPage, PageNo};
use crate::policy::Role;
use crate::store::{Engine, Row, schema};

/// How long open downloads of the erased may go on.
const DRAIN: Duration = Duration::from_secs(5);
/// Targets in one order. More become several orders, between which others get their turn, and one epoch.
const ORDER: usize = 250;

/// What to erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A person with everything held about them.
    Person(PersonId),
    /// A single record; its person stays.
    Record(RecordId),
    /// A single record, and its person when they have no other.
    RecordOrLast(RecordId),
}

/// An order as the caller gets it back: what was found for each target.
pub(super) struct Ordered {
    /// `None` when there is nothing to erase.
    pub(super) intent: Option<IntentId>,
    pub(super) found: Vec<Option<Victim>>,
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    outcome: Outcome,
    recovery: Option<u64>,
}

impl Vault {
    /// Erases. Returns, for each target in order, a signed certificate, or `None` where there was nothing to erase.
    /// When this returns, the keys are destroyed. Fewer than there were targets: the rest was refused and is still there.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]: the order may be durable all the same; then it is carried out at the next start.
    pub async fn erase(
        self: &Arc<Self>,
        act: Act,
        targets: Vec<Target>,
    ) -> Result<Vec<Option<Certificate>>, VaultError> {
        // An order is carried out, whether or not its caller is still there to hear of it.
        let vault = Arc::clone(self);
        let done = tokio::spawn(async move { vault.carry_out(act, targets, None).await });
        done.await.map_err(|_| VaultError::Unavailable)?
    }

    /// As [`Vault::erase`] for at most [`ORDER`] targets, by a leave that is good once: the row that says that it was used is
    /// durable with the order, or neither is. Also when there was nothing to erase.
    ///
    /// # Errors
    /// As there; [`VaultError::TooLarge`] for more targets.
    pub async fn erase_once(
        self: &Arc<Self>,
        act: Act,
        targets: Vec<Target>,
        used: (Act, Detail),
        row: SystemRow,
    ) -> Result<Vec<Option<Certificate>>, VaultError> {
        if targets.len() > ORDER {
            return Err(VaultError::TooLarge);
        }
        let leave = (Draft::new(&used.0, used.1, Vec::new()), (row.key, row.sealed));
        let vault = Arc::clone(self);
        let done = tokio::spawn(async move { vault.carry_out(act, targets, Some(Box::new(leave))).await });
        done.await.map_err(|_| VaultError::Unavailable)?
    }

    async fn carry_out(
        &self,
        act: Act,
        targets: Vec<Target>,
        mut leave: Option<Box<(Draft, Row)>>,
    ) -> Result<Vec<Option<Certificate>>, VaultError> {
        self.shared.room_to_erase(targets.len())?;
        let (role, act) = (act.permit.role(), Arc::new(act));
        let mut found = Vec::with_capacity(targets.len());
        let mut orders = Vec::new();
        let mut refused = None;
        for some in targets.chunks(ORDER) {
            match self.ask(|reply| Job::Order(some.to_vec(), Arc::clone(&act), leave.take(), reply)).await {
                Ok(ordered) => {
                    found.extend(ordered.found);
                    orders.extend(ordered.intent);
                }
                Err(error) => {
                    // Those before are ordered, so they are carried out.
                    refused = Some(error);
                    break;
                }
            }
        }
        let mut facts = None;
        if !orders.is_empty() {
            let reading: Vec<_> = found.iter().flatten().map(|v: &Victim| (v.person, v.record)).collect();
            let shared = Arc::clone(&self.shared);
            let drained = tokio::task::spawn_blocking(move || shared.drain_readers(&reading, DRAIN)).await;
            drained.map_err(|_| VaultError::Unavailable)?;
            facts = Some(self.ask(|reply| Job::Epoch(orders, reply)).await?);
        }
        match (refused, facts) {
            (Some(error), None) => Err(error),
            (None, None) => Ok(found.iter().map(|_| None).collect()),
            (_, Some(facts)) => self.certify(found, facts, role).await,
        }
    }

    /// Signs away from the threads that serve connections: thousands of signatures take a while.
    async fn certify(
        &self,
        found: Vec<Option<Victim>>,
        facts: Facts,
        role: Option<Role>,
    ) -> Result<Vec<Option<Certificate>>, VaultError> {
        let shared = Arc::clone(&self.shared);
        let certify = move |victim| Deed { victim, outcome: facts.outcome, role }.certify(&shared, facts.recovery);
        let signed = move || found.into_iter().map(|victim| victim.map(&certify)).collect();
        tokio::task::spawn_blocking(signed).await.map_err(|_| VaultError::Unavailable)
    }

    /// The public key of certificates.
    pub fn certificate_public_key(&self) -> [u8; crate::crypto::sign::PUBLIC_LEN] {
        self.shared.derived.certificate_signer.public()
    }
}

impl Committer {
    /// Step 1: makes the order durable, and the victims unreadable.
    pub(super) fn order(
        &mut self,
        targets: Vec<Target>,
        act: &Act,
        leave: Option<(Draft, Row)>,
    ) -> Result<Ordered, VaultError> {
        let shared = Arc::clone(&self.shared);
        let id = IntentId::make_random(&*shared.entropy)?;
        let mut intent =
            Intent { id, stage: Stage::Ordered, at: shared.clock.now(), role: act.permit.role(), lines: Vec::new() };
        let mut found = Vec::with_capacity(targets.len());
        let mut subjects = Vec::new();
        let ready = {
            let mut txn = Txn::new(&shared, &self.state);
            let mut seen = BTreeSet::new();
            for target in targets {
                found.push(match aim(&mut txn, target, &mut seen, &mut intent.lines) {
                    Ok((victim, subject)) => {
                        subjects.extend(subject);
                        Some(victim)
                    }
                    Err(VaultError::Missing) => None,
                    Err(other) => return Err(other),
                });
            }
            let is_empty = intent.lines.is_empty();
            if is_empty && leave.is_none() {
                return Ok(Ordered { intent: None, found });
            }
            if let Some((draft, (key, row))) = leave {
                txn.put(key, row);
                txn.entry(draft);
            }
            if is_empty {
                let ready = txn.finish()?;
                self.commit(ready)?;
                return Ok(Ordered { intent: None, found });
            }
            for (key, row) in intent.rows(&shared)? {
                txn.put(key, row);
            }
            let (people, records) = intent.counts();
            txn.entry(Draft::new(act, Detail::Ordered { intent: id, people, records }, subjects));
            txn.finish()?
        };
        shared.step(Step::Order)?;
        self.commit(ready)?;
        mark(&shared, &intent);
        self.intents.insert(id, intent);
        shared.step(Step::Ordered)?;
        Ok(Ordered { intent: Some(id), found })
    }

    /// Steps 2 to 6 for all these orders at once.
    pub(super) fn epoch(&mut self, ids: &[IntentId]) -> Result<Facts, VaultError> {
        if self.shared.failed.load(Ordering::SeqCst) {
            return Err(VaultError::Unavailable);
        }
        let intents: Vec<Intent> = ids.iter().filter_map(|id| self.intents.get(id).cloned()).collect();
        let result = self.change_root(intents);
        if result.is_err() {
            // Half-way through: which root counts is decided at the next start, by what is on disk.
            self.shared.failed.store(true, Ordering::SeqCst);
        }
        result
    }

    fn change_root(&mut self, intents: Vec<Intent>) -> Result<Facts, VaultError> {
        let shared = Arc::clone(&self.shared);
        let entropy = &*shared.entropy;
        let before = shared.view().epoch;
        let after = before + 1;
        let root = Key::make_random(entropy)?;
        let (old_slot, new_slot) = (self.state.slot, self.state.slot.other());

        shared.step(Step::SpareSlot)?;
        self.slots.write(new_slot, after, &root, &self.master, entropy)?;
        shared.step(Step::SpareSlotWritten)?;

        let lines: Vec<&Line> = intents.iter().flat_map(|intent| &intent.lines).collect();
        let mut outcome = Outcome { before, after, at: shared.clock.now() };
        let composed = self.compose(&shared, &intents, &lines, &root, &outcome)?;
        redo::write(&shared.data, shared.vault, after, &composed.ready.batch, &shared.steps)
            .map_err(super::upload::to_error)?;
        shared.step(Step::RedoWritten)?;

        shared.begin_epoch();
        let committed = self.commit_epoch(&shared, composed, &lines, root, after);
        if committed.is_err() {
            // Before a reader can find the store ahead of what was published.
            shared.failed.store(true, Ordering::SeqCst);
        }
        shared.end_epoch();
        committed?;
        shared.step(Step::Committed)?;

        self.slots.destroy(old_slot, entropy)?;
        self.state.slot = new_slot;
        // What certificates say: not before the old root was gone.
        outcome.at = shared.note_destroyed(after);
        shared.step(Step::OldSlotDestroyed)?;

        let recovery = self.write_recovery(after);
        shared.step(Step::RecoveryWritten)?;
        for mut intent in intents {
            self.intents.remove(&intent.id);
            intent.stage = Stage::Erased(outcome);
            shared.figures.pending_cleanup.fetch_add(1, Ordering::SeqCst);
            let _ = self.janitor.send(Wake::Clean(intent));
        }
        Ok(Facts { outcome, recovery })
    }

    /// Writes the present root into the recovery slot. That it cannot be reached is told, not fatal. Returns the epoch
    /// that the slot surely holds.
    pub(super) fn write_recovery(&self, epoch: u64) -> Option<u64> {
        let held = match self.recovery.write(epoch, &self.state.root, &*self.shared.entropy) {
            Ok(()) => self.recovery.epoch(),
            Err(error) => {
                tracing::warn!(%error, "the recovery slot could not be written; certificates say \"pending in backup\"");
                // What reads back after a failed write may be in memory only.
                self.recovery.epoch().filter(|held| *held < epoch)
            }
        };
        self.shared.figures.recovery_epoch.store(held.unwrap_or(0), Ordering::SeqCst);
        held
    }

    /// The rows of the new epoch.
    fn compose(
        &self,
        shared: &Shared,
        intents: &[Intent],
        lines: &[&Line],
        root: &Key,
        outcome: &Outcome,
    ) -> Result<Composed, VaultError> {
        let Outcome { before, after, .. } = *outcome;
        let mut txn = Txn::new(shared, &self.state);
        let mut tree = Rekeying::new(shared);
        let mut partly: BTreeMap<u64, (PersonId, Vec<RecordId>)> = BTreeMap::new();
        for line in lines {
            match line {
                Line::Person { place, person, .. } => tree.remove(*place, person)?,
                Line::Record { place, person, record, .. } => {
                    partly.entry(*place).or_insert_with(|| (*person, Vec::new())).1.push(*record);
                }
                Line::Rows { .. } => {}
            }
        }
        for (place, (person, records)) in partly {
            tree.replace_keyring(&mut txn, place, &person, &records)?;
        }
        let pages = tree.seal(&mut txn, &self.state.system_key, root, after)?;
        let mut epoch_row = crate::store::Batch::new();
        schema::write_epoch(&mut epoch_row, after);
        for (key, value) in epoch_row {
            txn.put(key, value.unwrap_or_default());
        }
        for intent in intents {
            let (key, row) = intent.outcome_row(shared, outcome)?;
            txn.put(key, row);
            txn.entry(Draft::system(Detail::Erased { intent: intent.id, before, after }));
        }
        Ok(Composed { ready: txn.finish()?, pages, gone: tree.into_gone() })
    }

    /// Steps 3 and 4.
    fn commit_epoch(
        &mut self,
        shared: &Shared,
        composed: Composed,
        lines: &[&Line],
        root: Key,
        after: u64,
    ) -> Result<(), VaultError> {
        let Composed { ready, pages, gone } = composed;
        self.write(&ready.batch)?;
        shared.step(Step::EpochStored)?;
        check_absent(&*shared.engine, &root, after, lines)?;
        shared.step(Step::AbsenceChecked)?;
        shared.publish(shared.view().successor(after, pages));
        if let Ok(mut directory) = shared.directory.write() {
            for (person, tag, place) in &gone {
                directory.remove(person, tag.as_ref(), *place);
            }
        }
        shared.shelf.forget(&shared.directory);
        self.state.root = root;
        self.state.counters = ready.counters;
        shared.committed(after, &self.state.counters);
        Ok(())
    }
}

/// Marks an order's victims: from here on they answer "missing".
pub(super) fn mark(shared: &Shared, intent: &Intent) {
    if let Ok(mut directory) = shared.directory.write() {
        for line in &intent.lines {
            match line {
                Line::Person { place, .. } => directory.mark_person(*place),
                Line::Record { record, .. } => directory.mark_record(*record),
                Line::Rows { .. } => {}
            }
        }
    }
}

/// Opens the new tree from the store, past every cache, and looks for the victims in it: people in their leaves, single
/// records in their people's keyrings.
pub(super) fn check_absent(engine: &dyn Engine, root: &Key, epoch: u64, lines: &[&Line]) -> Result<(), VaultError> {
    let leaves = lines.iter().filter_map(|line| line.place()).map(PageNo::leaf_of);
    let above: BTreeSet<PageNo> = leaves.flat_map(PageNo::ancestors).collect();
    let (view, _) = TreeView::load_some(engine, root, epoch, |page| above.contains(&page))?;
    let mut leaves: HashMap<u64, LeafPage> = HashMap::new();
    for line in lines {
        let (place, record) = match line {
            Line::Person { place, .. } => (place, None),
            Line::Record { place, record, .. } => (place, Some(record)),
            Line::Rows { .. } => continue,
        };
        let index = place / FANOUT;
        let leaf = match leaves.entry(index) {
            hash_map::Entry::Occupied(leaf) => leaf.into_mut(),
            hash_map::Entry::Vacant(free) => free.insert(view.leaf(engine, index)?.ok_or(VaultError::Tampered)?),
        };
        let survives = match (leaf.entry((place % FANOUT) as usize), record) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(entry), Some(record)) => {
                let read = |part| Ok(engine.read(&Keyring::row_key(&entry.person, part))?);
                Keyring::open::<VaultError>(&entry.person, &entry.key, read)?.record(record).is_some()
            }
        };
        if survives {
            return Err(VaultError::Tampered);
        }
    }
    Ok(())
}

struct Composed {
    ready: Ready,
    pages: Vec<(PageNo, InnerPage)>,
    gone: Vec<Gone>,
}
