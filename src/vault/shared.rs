//! What the committer, the readers and the janitor share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use super::VaultError;
use super::digest::Terms;
use super::directory::Directory;
use super::download::OpenFile;
use super::held::Held;
use super::hooks::{Hooks, Step};
use super::shelf::Shelf;
use super::view::TreeView;
use crate::base::clock::{Clock, Timestamp};
use crate::base::entropy::Entropy;
use crate::base::files;
use crate::base::ids::{FileId, PersonId, RecordId, VaultId};
use crate::base::steps::Steps;
use crate::base::tables::Table;
use crate::crypto::derive::{Label, Prf};
use crate::crypto::mail_link::Links;
use crate::crypto::merkle::Frontier;
use crate::crypto::receipt::Locators;
use crate::crypto::sign::Signer;
use crate::crypto::token::TokenHasher;
use crate::keys::system::SystemKeys;
use crate::keys::tree::{AddressTag, TAG_LEN};
use crate::keys::witness::Testimony;
use crate::store::{Engine, StoreError, after_prefix};

/// Below this many free bytes nothing new is taken in, so that erasing and reading can go on.
const RESERVE_FOR_INTAKE: u64 = 64 << 20;
/// Below this many free bytes nothing at all is written.
const RESERVE: u64 = 8 << 20;
/// What erasing one person takes on disk while it is going on, at most and in round figures: twice a full leaf of 7 KiB, its
/// share of the pages above, the rows of the order, the trail and the deed, and what the store rewrites with them.
const ERASING_ONE: u64 = 32 << 10;
/// How long a reader goes on retrying while commits overtake it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) vault: VaultId,
    pub(super) data: PathBuf,
    pub(super) engine: Box<dyn Engine>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) hooks: Hooks,
    pub(super) steps: Steps,
    pub(super) keys: SystemKeys,
    pub(super) derived: DerivedKeys,
    view: RwLock<Arc<TreeView>>,
    pub(super) directory: RwLock<Directory>,
    /// Odd while a commit is under way, until its pages are published.
    generation: AtomicU64,
    /// While an epoch is committed, whose batch may be large: the store lets nobody read until it is applied.
    applying_epoch: AtomicBool,
    pub(super) open_files: Mutex<HashMap<PersonId, Vec<std::sync::Weak<OpenFile>>>>,
    pub(super) held: Mutex<HashMap<PersonId, Vec<std::sync::Weak<Held>>>>,
    pub(super) uploads: Mutex<HashSet<FileId>>,
    pub(super) figures: Figures,
    /// What the witness shall say: epoch and audit head of the last durable commit.
    pub(super) testimony: Mutex<Testimony>,
    /// Roots of subtrees of the trail, for proofs.
    pub(super) hashes: super::audit::Hashes,
    /// When the root before an epoch was gone, for epochs whose clean-up is under way: what their certificates say.
    pub(super) destroyed: Mutex<HashMap<u64, Timestamp>>,
    pub(super) failed: AtomicBool,
    pub(super) witness_failed: AtomicBool,
    pub(super) free: Mutex<Option<(Instant, u64)>>,
    pub(super) shelf: Shelf,
}

/// Counts that `status` shows.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) epoch: AtomicU64,
    pub(super) recovery_epoch: AtomicU64,
    pub(super) arrivals: AtomicU64,
    pub(super) audit_entries: AtomicU64,
    pub(super) pending_cleanup: AtomicU64,
}

/// Functions under system keys, set up once.
pub(super) struct DerivedKeys {
    pub(super) address_tag: Prf,
    pub(super) idempotency_key: Prf,
    pub(super) request_body: Prf,
    pub(super) digest: Terms,
    pub(super) locators: Locators,
    pub(super) cursors: Locators,
    pub(super) links: Locators,
    pub(super) answer_order: Prf,
    pub(super) confirmations: Links,
    pub(super) unsubscribing: Links,
    pub(super) tokens: TokenHasher,
    pub(super) witness: Prf,
    pub(super) head_signer: Signer,
    pub(super) certificate_signer: Signer,
}

impl DerivedKeys {
    pub(super) fn new(keys: &SystemKeys) -> Self {
        Self {
            address_tag: Prf::new(&keys.address_tag, Label::AddressTag),
            idempotency_key: Prf::new(&keys.idempotency, Label::IdempotencyKey),
            request_body: Prf::new(&keys.idempotency, Label::RequestBody),
            digest: Terms::new(&keys.digest),
            locators: Locators::new(&keys.locator),
            cursors: Locators::for_cursors(&keys.locator),
            links: Locators::for_links(&keys.locator),
            answer_order: Prf::new(&keys.locator, Label::AnswerOrder),
            confirmations: Links::to_confirm(&keys.locator),
            unsubscribing: Links::to_unsubscribe(&keys.locator),
            tokens: TokenHasher::new(&keys.token_hash),
            witness: Prf::new(&keys.witness, Label::Witness),
            head_signer: Signer::new(&keys.head_signer),
            certificate_signer: Signer::new(&keys.certificate_signer),
        }
    }
}

/// The parts that opening a vault brings together.
pub(super) struct Parts {
    pub(super) vault: VaultId,
    pub(super) data: PathBuf,
    pub(super) engine: Box<dyn Engine>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) hooks: Hooks,
    pub(super) keys: SystemKeys,
    pub(super) view: TreeView,
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Self {
        let derived = DerivedKeys::new(&parts.keys);
        Self {
            vault: parts.vault,
            data: parts.data,
            engine: parts.engine,
            clock: parts.clock,
            entropy: parts.entropy,
            steps: parts.hooks.steps(),
            hooks: parts.hooks,
            keys: parts.keys,
            derived,
            view: RwLock::new(Arc::new(parts.view)),
            directory: RwLock::default(),
            generation: AtomicU64::new(0),
            applying_epoch: AtomicBool::new(false),
            open_files: Mutex::default(),
            held: Mutex::default(),
            uploads: Mutex::default(),
            figures: Figures::default(),
            testimony: Mutex::new(Testimony { epoch: 0, audit: Frontier::default() }),
            hashes: Default::default(),
            destroyed: Mutex::default(),
            failed: AtomicBool::new(false),
            witness_failed: AtomicBool::new(false),
            free: Mutex::new(None),
            shelf: Shelf::default(),
        }
    }

    pub(super) fn address_tag(&self, address: &str) -> AddressTag {
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&self.derived.address_tag.value(&[address.as_bytes()])[..TAG_LEN]);
        tag
    }

    pub(super) fn view(&self) -> Arc<TreeView> {
        self.view.read().map_or_else(|poisoned| poisoned.into_inner().clone(), |view| view.clone())
    }

    /// Replaces the view; the old one's keys are wiped as soon as its last reader is done.
    pub(super) fn publish(&self, view: TreeView) {
        self.figures.epoch.store(view.epoch, Ordering::SeqCst);
        match self.view.write() {
            Ok(mut slot) => *slot = Arc::new(view),
            Err(poisoned) => *poisoned.into_inner() = Arc::new(view),
        }
    }

    pub(super) fn begin_commit(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn end_commit(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// As [`Shared::begin_commit`], for the commit of an epoch.
    pub(super) fn begin_epoch(&self) {
        self.applying_epoch.store(true, Ordering::SeqCst);
        self.begin_commit();
    }

    pub(super) fn end_epoch(&self) {
        self.end_commit();
        self.applying_epoch.store(false, Ordering::SeqCst);
    }

    /// Odd while a commit is under way; another number after each.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Runs a read, again if a commit overtook it: rows are read one by one, so a commit in between can make a key and
    /// its row disagree. Only a read during which nothing was committed may cry tampering, and nobody may after a write
    /// failed: what is stored can then be ahead of what was published.
    pub(super) fn reading<T>(&self, read: impl Fn(&TreeView) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let start = Instant::now();
        loop {
            let before = self.generation.load(Ordering::SeqCst);
            let result = read(&self.view());
            let quiet = before.is_multiple_of(2) && self.generation.load(Ordering::SeqCst) == before;
            match result {
                Err(VaultError::Tampered) if !quiet && start.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Err(VaultError::Tampered) if self.failed.load(Ordering::SeqCst) => return Err(VaultError::Unavailable),
                other => return other,
            }
        }
    }

    /// Runs a read once. `None` when a row did not open, overtaken by a commit or tampered with, which is for
    /// [`Shared::reading`] to find out; and while an epoch is committed, for which it would have to wait.
    pub(super) fn reading_once<T>(
        &self,
        read: impl FnOnce(&TreeView) -> Result<T, VaultError>,
    ) -> Result<Option<T>, VaultError> {
        if self.applying_epoch.load(Ordering::SeqCst) {
            return Ok(None);
        }
        match read(&self.view()) {
            Err(VaultError::Tampered) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Takes note of a durable commit.
    pub(super) fn committed(&self, epoch: u64, counters: &super::txn::Counters) {
        self.figures.arrivals.store(counters.next_arrival, Ordering::SeqCst);
        self.figures.audit_entries.store(counters.audit.size(), Ordering::SeqCst);
        if let Ok(mut testimony) = self.testimony.lock() {
            *testimony = Testimony { epoch, audit: counters.audit.clone() };
        }
    }

    /// The right edge of the trail as the last durable commit left it.
    pub(super) fn durable_trail(&self) -> Frontier {
        let testimony = self.testimony.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        testimony.audit.clone()
    }

    pub(super) fn is_dying(&self, place: u64, record: Option<&crate::base::ids::RecordId>) -> bool {
        // A directory that cannot be asked vouches for nobody.
        self.directory.read().map_or(true, |directory| directory.is_dying(place, record))
    }

    /// Notes that the root before `epoch` is gone; returns the time.
    pub(super) fn note_destroyed(&self, epoch: u64) -> Timestamp {
        let now = self.clock.now();
        if let Ok(mut destroyed) = self.destroyed.lock() {
            destroyed.insert(epoch, now);
        }
        now
    }

    /// Passes a step. Where a test stops, the vault has failed, as after an error of the disk.
    pub(super) fn step(&self, step: Step) -> Result<(), VaultError> {
        self.steps.reach(step).map_err(|_| {
            self.failed.store(true, Ordering::SeqCst);
            VaultError::Unavailable
        })
    }

    /// Free bytes on the data disk, at most a second old.
    pub(super) fn free_bytes(&self) -> u64 {
        if let Some(free) = &self.hooks.free_bytes {
            return free.load(Ordering::SeqCst);
        }
        let Ok(mut cached) = self.free.lock() else { return 0 };
        match *cached {
            Some((when, free)) if when.elapsed() < Duration::from_secs(1) => free,
            _ => {
                let free = files::free_bytes(&self.data).unwrap_or(0);
                *cached = Some((Instant::now(), free));
                free
            }
        }
    }

    pub(super) fn room_for_intake(&self) -> Result<(), VaultError> {
        if self.free_bytes() < RESERVE_FOR_INTAKE { Err(VaultError::StorageFull) } else { Ok(()) }
    }

    pub(super) fn room_for_anything(&self) -> Result<(), VaultError> {
        if self.free_bytes() < RESERVE { Err(VaultError::StorageFull) } else { Ok(()) }
    }

    /// Whether an erasure of so many targets can be carried through: its epoch writes each leaf concerned twice, to the redo
    /// copy and to the store, and a few rows a target. Refused before anything is ordered, for half-way the vault would have
    /// to be restarted.
    pub(super) fn room_to_erase(&self, targets: usize) -> Result<(), VaultError> {
        let need = RESERVE + (targets as u64).saturating_mul(ERASING_ONE);
        if self.free_bytes() < need { Err(VaultError::StorageFull) } else { Ok(()) }
    }

    /// The store keys of a record's messages, waiting mails, downloads and notes.
    pub(super) fn keys_beside(&self, record: &RecordId) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut keys = self.keys_of(Table::Messages, record)?;
        keys.extend(self.keys_of(Table::Outbox, record)?);
        keys.extend(self.keys_of(Table::Downloads, record)?);
        keys.extend(self.keys_of(Table::Notes, record)?);
        Ok(keys)
    }

    /// The store keys in a table that begin with a record.
    pub(super) fn keys_of(&self, table: Table, record: &RecordId) -> Result<Vec<Vec<u8>>, StoreError> {
        let from = table.key(&[record.as_bytes()]);
        let rows = self.engine.scan(&from, &after_prefix(&from).unwrap_or_default());
        rows.map(|row| row.map(|(key, _)| key)).collect()
    }

    pub(super) fn files_dir(&self) -> PathBuf {
        self.data.join("files")
    }

    pub(super) fn file_path(&self, file: &FileId) -> PathBuf {
        self.files_dir().join(file.to_string())
    }
}
