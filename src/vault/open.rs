//! Opens a vault: makes it on the first run, decides which root counts, and finishes what a crash left half-done.
//!
//! Nothing is changed before the folders are known to belong together: both carry the vault's id, one slot opens the
//! committed top page, and the witness has seen nothing that the store lacks. Then the losing slot is destroyed, and
//! orders that were durable are carried out.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::audit::{Draft, Entry, entry_key};
use super::committer::{Committer, QUEUE};
use super::intent::{Intent, Stage};
use super::janitor::{Janitor, Wake, orphans};
use super::shared::{DerivedKeys, Parts, Shared};
use super::txn::{Counters, State, Txn};
use super::view::{Pages, TreeView};
use super::{Detail, Vault, VaultError, epoch, redo};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::files::{self, FolderLock};
use crate::base::ids::VaultId;
use crate::crypto::Key;
use crate::crypto::merkle::leaf_hash;
use crate::keys::KeyError;
use crate::keys::master::MasterKey;
use crate::keys::recovery::{self, RecoverySlot};
use crate::keys::slots::{FoundRoot, RootSlots, SlotNo};
use crate::keys::system::SystemKeys;
use crate::keys::tree::{InnerPage, PageNo, TopPage};
use crate::keys::witness::{Testimony, Witness};
use crate::store::{Batch, Engine, SledEngine, StoreError, schema};

/// Where everything lies.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The data folder.
    pub data: PathBuf,
    /// The key folder.
    pub keys: PathBuf,
    /// The folder of the recovery slot.
    pub recovery: PathBuf,
}

impl Layout {
    fn store(&self) -> PathBuf {
        self.data.join("store")
    }

    fn files(&self) -> PathBuf {
        self.data.join("files")
    }

    fn master(&self) -> PathBuf {
        self.keys.join("master.key")
    }

    fn root(&self) -> PathBuf {
        self.keys.join("root")
    }

    fn witness(&self) -> PathBuf {
        self.keys.join("witness")
    }

    fn recovery_public(&self) -> PathBuf {
        self.keys.join("recovery.pub")
    }

    fn identity(&self) -> PathBuf {
        self.recovery.join("identity")
    }

    fn slot(&self) -> PathBuf {
        self.recovery.join("slot")
    }

    /// Exists while the vault is being made, so that an interrupted start can begin anew.
    fn marker(&self) -> PathBuf {
        self.keys.join("initialising")
    }
}

/// How to open a vault.
pub struct Options {
    /// Where everything lies.
    pub layout: Layout,
    /// Work on a file system on which overwriting in place is not known to destroy.
    pub accept_unsafe_fs: bool,
    /// Page cache of the store, in bytes.
    pub cache_bytes: u64,
    /// Refuse to make a new vault.
    pub must_exist: bool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// For tests: called between steps.
    pub hooks: Hooks,
}

/// A point between two steps at which a crash test can stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the steps in `epoch`")]
pub enum Step {
    Order,
    Ordered,
    SpareSlot,
    SpareSlotWritten,
    RedoWritten,
    Committed,
    OldSlotDestroyed,
    RecoveryWritten,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 8] = [
        Self::Order,
        Self::Ordered,
        Self::SpareSlot,
        Self::SpareSlotWritten,
        Self::RedoWritten,
        Self::Committed,
        Self::OldSlotDestroyed,
        Self::RecoveryWritten,
    ];
}

/// What tests hook in; empty in a running service.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Called at each step; `Break` stops the vault there, as a crash would.
    #[allow(clippy::type_complexity, reason = "it is the whole of it")]
    pub at_step: Option<Arc<dyn Fn(Step) -> ControlFlow<()> + Send + Sync>>,
}

impl Hooks {
    pub(super) fn reach(&self, step: Step) -> Result<(), VaultError> {
        match self.at_step.as_ref().map(|hook| hook(step)) {
            Some(ControlFlow::Break(())) => Err(VaultError::Unavailable),
            _ => Ok(()),
        }
    }
}

/// What opening did.
#[derive(Clone, Debug, Default)]
pub struct OpenReport {
    /// A new vault was made.
    pub first_run: bool,
    /// Files made, with what they are.
    pub made: Vec<(PathBuf, &'static str)>,
    /// What was mended or wants attention, in sentences.
    pub notices: Vec<String>,
}

/// Why a vault did not open. Nothing was changed. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenFailure(pub String);

impl From<KeyError> for OpenFailure {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for OpenFailure {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::InUse => IN_USE.to_owned(),
            other => format!("{other}; restore the data folder from a backup"),
        })
    }
}

impl From<VaultError> for OpenFailure {
    fn from(error: VaultError) -> Self {
        Self(match error {
            VaultError::Tampered => {
                "a page of the key tree or the vault's state was changed: it does not open; restore the data folder from a backup".to_owned()
            }
            other => other.to_string(),
        })
    }
}

const IN_USE: &str = "another letterlock is using the data folder; stop it first, or use the commands that talk to it";

impl Vault {
    /// Opens the vault, making it if both folders are empty.
    ///
    /// # Errors
    /// [`OpenFailure`]; nothing was changed.
    pub fn open(options: Options) -> Result<(Self, OpenReport), OpenFailure> {
        let mut report = OpenReport::default();
        let locks = prepare(&options, &mut report)?;
        let opened = Opening::new(&options, &mut report)?;
        opened.start(&options, locks, report)
    }

    /// Which vault this is.
    pub fn id(&self) -> VaultId {
        self.shared.vault
    }
}

/// Makes and locks the folders, and makes the vault in them if it is the first run.
fn prepare(options: &Options, report: &mut OpenReport) -> Result<[FolderLock; 2], OpenFailure> {
    let layout = &options.layout;
    let (has_keys, has_data) = (layout.master().exists() || layout.root().exists(), layout.store().exists());
    let begun = layout.marker().exists();
    let (keys, data) = (layout.keys.display(), layout.data.display());
    match (has_keys || begun, has_data) {
        (false, false) if options.must_exist => {
            return Err(OpenFailure(format!(
                "there is no vault in {data} yet; make one with `letterlock init` or `letterlock serve`"
            )));
        }
        (true, false) if !begun => {
            return Err(OpenFailure(format!(
                "the key folder {keys} belongs to a vault, but the data folder {data} is empty; point --data at its data, or restore it from a backup"
            )));
        }
        (false, true) => {
            return Err(OpenFailure(format!(
                "the data folder {data} holds a vault, but the key folder {keys} is empty; point --keys at its keys. Without them nothing in it can be read"
            )));
        }
        _ => {}
    }
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| OpenFailure(format!("{path}: {error}"))
    };
    for folder in [&layout.data, &layout.keys] {
        files::make_private_dir(folder).map_err(io(folder))?;
    }
    for folder in [&layout.data, &layout.keys] {
        if files::loose_permissions(folder).map_err(io(folder))? != 0 {
            tighten(folder).map_err(io(folder))?;
        }
    }
    let data_lock =
        files::lock_folder(&layout.data).map_err(io(&layout.data))?.ok_or_else(|| OpenFailure(IN_USE.to_owned()))?;
    let keys_lock = files::lock_folder(&layout.keys)
        .map_err(io(&layout.keys))?
        .ok_or_else(|| OpenFailure("another letterlock is using the key folder; stop it first".to_owned()))?;
    if !options.accept_unsafe_fs
        && let Err(reason) = files::overwriting_destroys(&layout.keys).map_err(io(&layout.keys))?
    {
        return Err(OpenFailure(format!(
            "{keys}: {reason}, so overwriting a key in place may leave a copy, and erasing could not be relied on. Put the key folder on ext4 or xfs, or accept that with --accept-unsafe-fs"
        )));
    }
    if begun || !has_keys {
        if begun {
            report.notices.push(
                "An earlier first start was interrupted before anything was stored; it was begun anew.".to_owned(),
            );
        }
        create(options, report)?;
    }
    Ok([data_lock, keys_lock])
}

/// The repository carries `keys/` as a folder that anybody may list; it becomes private with its first use.
fn tighten(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Makes a new vault: keys, folders, the first rows.
fn create(options: &Options, report: &mut OpenReport) -> Result<(), OpenFailure> {
    let (layout, entropy) = (&options.layout, &*options.entropy);
    let fail = |error: std::io::Error| OpenFailure(format!("the first start could not make its files: {error}"));
    for leftover in
        [layout.master(), layout.root(), layout.witness(), layout.recovery_public(), layout.identity(), layout.slot()]
    {
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    for folder in [layout.store(), layout.files()] {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    if !layout.marker().exists() {
        files::write_new_private(&layout.marker(), b"").map_err(fail)?;
    }
    files::make_private_dir(&layout.files()).map_err(fail)?;
    files::make_private_dir(&layout.recovery).map_err(fail)?;

    let vault = VaultId::make_random(entropy).map_err(|error| OpenFailure(error.to_string()))?;
    let master = MasterKey::create(&layout.master(), vault, entropy)?;
    let public = recovery::create_identity(&layout.identity(), vault, entropy)?;
    recovery::create_public(&layout.recovery_public(), &public)?;
    RootSlots::create(&layout.root(), entropy)?;
    Witness::create(&layout.witness())?;

    let root = Key::make_random(entropy).map_err(KeyError::from)?;
    let opened = SledEngine::open(&layout.store(), options.cache_bytes)?;
    write_first_rows(opened.engine, vault, &root, options)?;
    let slots = RootSlots::open(&layout.root(), vault, !options.accept_unsafe_fs)?;
    slots.write(SlotNo::A, 1, &root, &master, entropy)?;
    std::fs::remove_file(layout.marker()).map_err(fail)?;
    files::sync_dir(&layout.keys).map_err(fail)?;

    report.first_run = true;
    report.made = vec![
        (layout.master(), "master key: seals the root key; keep a copy where the data is not"),
        (layout.root(), "root slots: the root of the key tree; never copy this file"),
        (layout.witness(), "witness: notices a data folder older than its keys"),
        (layout.recovery_public(), "recovery public key"),
        (layout.identity(), "recovery private key: move it off this machine"),
        (layout.slot(), "recovery slot: overwritten at each erasure; never keep old versions"),
        (layout.store(), "sealed records"),
        (layout.files(), "sealed files"),
    ];
    Ok(())
}

fn write_first_rows(engine: SledEngine, vault: VaultId, root: &Key, options: &Options) -> Result<(), OpenFailure> {
    let entropy = &*options.entropy;
    let keys = SystemKeys::make_random(entropy)?;
    let system_key = Key::make_random(entropy).map_err(KeyError::from)?;
    let top = TopPage { system: system_key.duplicate(), children: InnerPage::empty() };
    let mut batch = Batch::new();
    schema::write(&mut batch, &schema::Label { version: schema::VERSION, vault, epoch: 1 });
    batch.insert(PageNo::TOP.row_key(), Some(PageNo::TOP.seal(root, 1, &top.encode(), entropy)?));
    batch.insert(SystemKeys::row_key(), Some(keys.seal(&system_key, entropy)?));

    // The first commit goes through the same door as all later ones, so that it has its digest and audit entry.
    let pages = Pages::from([(PageNo::TOP, Arc::new(InnerPage::empty()))]);
    let shared = Shared::new(Parts {
        vault,
        data: options.layout.data.clone(),
        engine: Box::new(engine),
        clock: options.clock.clone(),
        entropy: options.entropy.clone(),
        hooks: Hooks::default(),
        keys,
        view: TreeView::new(1, pages),
    });
    let state = State { root: root.duplicate(), system_key, slot: SlotNo::A, counters: Counters::default() };
    let mut txn = Txn::new(&shared, &state);
    for (key, value) in batch {
        txn.put(key, value.unwrap_or_default());
    }
    txn.entry(Draft::system(Detail::Opened(format!("made by {}", env!("CARGO_PKG_VERSION")))));
    let ready = txn.finish()?;
    shared.engine.commit(&ready.batch)?;
    Ok(())
}

/// A vault whose parts have been opened and found to fit together.
struct Opening {
    vault: VaultId,
    engine: SledEngine,
    master: MasterKey,
    slots: RootSlots,
    found: FoundRoot,
    view: TreeView,
    system_key: Key,
    keys: SystemKeys,
    counters: Counters,
    witness: Witness,
    testimony: Option<Testimony>,
    recovery: RecoverySlot,
}

impl Opening {
    fn new(options: &Options, report: &mut OpenReport) -> Result<Self, OpenFailure> {
        let layout = &options.layout;
        let master = MasterKey::load(&layout.master())?;
        let vault = master.vault();
        let slots = RootSlots::open(&layout.root(), vault, !options.accept_unsafe_fs)?;
        if let Some(other) = slots.foreign_vault()? {
            return Err(OpenFailure(format!(
                "{} belongs to vault {other}, but the master key to vault {vault}; put the files of one vault together",
                layout.root().display()
            )));
        }
        let mut witness = Witness::open(&layout.witness(), vault)?;
        let recovery = RecoverySlot::new(layout.slot(), vault, recovery::load_public(&layout.recovery_public())?);

        let opened = SledEngine::open(&layout.store(), options.cache_bytes)?;
        for path in &opened.kept_aside {
            report.notices.push(format!(
                "A snapshot of the store was broken and is kept aside in {}; nothing was lost, the log is whole.",
                path.display()
            ));
        }
        let engine = opened.engine;
        let label = read_label(&engine, layout, vault)?;
        let roots = slots.find(&master)?;
        if roots.is_empty() {
            return Err(OpenFailure(format!(
                "neither root slot opens with this master key; restore {} (or the passphrase) that belongs to vault {vault}",
                layout.master().display()
            )));
        }
        let (found, label) = choose_root(&engine, layout, vault, roots, label, &witness, report)?;
        let (view, system_key) = TreeView::load(&engine, &found.root, label.epoch)?;
        let sealed = engine.read(&SystemKeys::row_key())?.ok_or(VaultError::Tampered)?;
        let keys = SystemKeys::open(&system_key, &sealed).map_err(VaultError::from)?;
        let sealed = engine.read(&Counters::row_key())?.ok_or(VaultError::Tampered)?;
        let counters = Counters::open(&sealed, &keys.state)?;
        let testimony = witness.read(&DerivedKeys::new(&keys).witness)?;
        check_witness(&engine, &keys, label.epoch, &counters, testimony.as_ref(), counters.audit.size() <= 1)?;
        Ok(Self { vault, engine, master, slots, found, view, system_key, keys, counters, witness, testimony, recovery })
    }

    /// From here on things are changed: the losing slot goes, orders are carried out, threads start.
    fn start(
        self,
        options: &Options,
        locks: [FolderLock; 2],
        mut report: OpenReport,
    ) -> Result<(Vault, OpenReport), OpenFailure> {
        let epoch = self.found.epoch;
        self.slots.destroy(self.found.slot.other(), &*options.entropy)?;
        let shared = Arc::new(Shared::new(Parts {
            vault: self.vault,
            data: options.layout.data.clone(),
            engine: Box::new(self.engine),
            clock: options.clock.clone(),
            entropy: options.entropy.clone(),
            hooks: options.hooks.clone(),
            keys: self.keys,
            view: self.view,
        }));
        shared.figures.epoch.store(epoch, Ordering::SeqCst);
        shared.committed(epoch, &self.counters);
        fill_directory(&shared)?;

        let (wake, woken) = std::sync::mpsc::channel();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let mut committer = Committer {
            shared: Arc::clone(&shared),
            state: State {
                root: self.found.root,
                system_key: self.system_key,
                slot: self.found.slot,
                counters: self.counters,
            },
            slots: self.slots,
            master: self.master,
            recovery: self.recovery,
            intents: HashMap::new(),
            janitor: wake.clone(),
        };
        carry_out_orders(&mut committer, &wake, &mut report)?;
        if committer.recovery.epoch() != Some(shared.view().epoch) {
            committer.write_recovery(shared.view().epoch);
        }
        match committer.recovery.epoch() {
            Some(epoch) => shared.figures.recovery_epoch.store(epoch, Ordering::SeqCst),
            None => report.notices.push(format!(
                "The recovery slot {} cannot be written; until it can, erasures are \"pending in backup\".",
                committer.recovery.path().display()
            )),
        }
        let mut witness = self.witness;
        let written = match self.testimony {
            Some(testimony) => testimony,
            // A vault just made: an end before the first second is over must not leave it without a testimony.
            None => {
                let first = Testimony { epoch: shared.view().epoch, audit: committer.state.counters.audit.clone() };
                witness.write(&first, &shared.derived.witness)?;
                first
            }
        };
        note_opening(&mut committer)?;
        match orphans(&shared) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => drop(wake.send(Wake::Sweep(files))),
            Err(error) => return Err(OpenFailure(format!("{}: {error}", shared.files_dir().display()))),
        }
        let janitor = Janitor { shared: Arc::clone(&shared), jobs: jobs.downgrade(), witness, written };
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(body)
                .map_err(|error| OpenFailure(format!("no thread could be started: {error}")))
        };
        let threads = vec![
            spawn("committer", Box::new(move || committer.run(queue)))?,
            spawn(
                "janitor",
                Box::new(move || {
                    // The folders stay locked until the last thread that writes to them is done.
                    let _locks = locks;
                    janitor.run(&woken);
                }),
            )?,
        ];
        let vault = Vault { shared, jobs: Some(jobs), threads: Mutex::new(threads), stop: Some(wake) };
        Ok((vault, report))
    }
}

fn read_label(engine: &dyn Engine, layout: &Layout, vault: VaultId) -> Result<schema::Label, OpenFailure> {
    let label = schema::read(engine)?.ok_or_else(|| {
        OpenFailure(format!("the store in {} is empty; restore it from a backup", layout.store().display()))
    })?;
    if label.version > schema::VERSION {
        return Err(OpenFailure(format!(
            "the store has format {}, this program knows formats up to {}; use the newer program that wrote it",
            label.version,
            schema::VERSION
        )));
    }
    if label.vault != vault {
        return Err(OpenFailure(format!(
            "the data folder {} belongs to vault {}, the key folder {} to vault {vault}; point --data and --keys at the same vault",
            layout.data.display(),
            label.vault,
            layout.keys.display()
        )));
    }
    Ok(label)
}

/// The slot that opens the committed top page wins. If none does but the redo copy fits a slot, the store lost its last
/// commit, which is put back.
fn choose_root(
    engine: &SledEngine,
    layout: &Layout,
    vault: VaultId,
    roots: Vec<FoundRoot>,
    label: schema::Label,
    witness: &Witness,
    report: &mut OpenReport,
) -> Result<(FoundRoot, schema::Label), OpenFailure> {
    let top = engine.read(&PageNo::TOP.row_key())?.ok_or(VaultError::Tampered)?;
    let newest = roots.iter().map(|found| found.epoch).max().unwrap_or(0);
    let mut others = Vec::new();
    for found in roots {
        if found.epoch == label.epoch && PageNo::TOP.open(&found.root, found.epoch, &top).is_ok() {
            return Ok((found, label));
        }
        others.push(found);
    }
    let redo = redo::read(&layout.data, vault)
        .map_err(|error| OpenFailure(format!("{}/redo: {error}", layout.data.display())))?;
    if let Some((epoch, batch)) = redo
        && epoch == label.epoch + 1
        && let Some(Some(top)) = batch.get(&PageNo::TOP.row_key())
        && let Some(at) = others.iter().position(|f| f.epoch == epoch && PageNo::TOP.open(&f.root, epoch, top).is_ok())
    {
        engine.commit(&batch)?;
        report
            .notices
            .push(format!("The store had lost its last erasure (epoch {epoch}); it was put back from the redo copy."));
        return Ok((others.swap_remove(at), schema::Label { epoch, ..label }));
    }
    let seen = newest.max(witness.claimed_epoch().unwrap_or(0));
    Err(OpenFailure(if seen > label.epoch {
        format!(
            "the data folder {} is older than its keys (epoch {}, the keys are at {seen}): somebody was erased since. An old data folder cannot be put back by itself; restore it together with the key rows of the recovery slot",
            layout.data.display(),
            label.epoch
        )
    } else {
        format!(
            "no root slot opens the key tree (the data folder is at epoch {}, the newest slot at {newest}); the key folder {} is older than the data, or the top page was changed",
            label.epoch,
            layout.keys.display()
        )
    }))
}

/// Refuses a store that lacks what the witness has seen.
fn check_witness(
    engine: &dyn Engine,
    keys: &SystemKeys,
    epoch: u64,
    counters: &Counters,
    testimony: Option<&Testimony>,
    is_new: bool,
) -> Result<(), OpenFailure> {
    let Some(testimony) = testimony else {
        if is_new {
            return Ok(());
        }
        return Err(OpenFailure(
            "keys/witness says nothing that can be checked; restore the file that belongs to this key folder"
                .to_owned(),
        ));
    };
    let size = counters.audit.size();
    if testimony.epoch > epoch || testimony.audit.size() > size {
        return Err(OpenFailure(format!(
            "the data folder is older than its keys remember (audit trail of {size} entries at epoch {epoch}; seen were {} at epoch {}); put the newest data folder back",
            testimony.audit.size(),
            testimony.epoch
        )));
    }
    let mut frontier = testimony.audit.clone();
    for seq in frontier.size()..size {
        let sealed = engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
        Entry::open(seq, &sealed, &keys.audit).map_err(VaultError::from)?;
        frontier.push(leaf_hash(&sealed));
    }
    if frontier != counters.audit {
        return Err(OpenFailure(
            "the audit trail is not a continuation of the one that the keys remember: the data folder was exchanged or edited; restore the right one".to_owned(),
        ));
    }
    Ok(())
}

fn fill_directory(shared: &Shared) -> Result<(), OpenFailure> {
    let view = shared.view();
    let mut directory = shared.directory.write().map_err(|_| VaultError::Unavailable)?;
    for index in view.leaves() {
        let leaf = view.leaf(&*shared.engine, index)?.ok_or(VaultError::Tampered)?;
        for (slot, entry) in leaf.entries() {
            directory.insert(&entry.person, entry.tag.as_ref(), index * crate::keys::tree::FANOUT + slot as u64);
        }
    }
    Ok(())
}

/// Orders that were durable when the vault last stopped: first the keys, then the clean-up.
fn carry_out_orders(
    committer: &mut Committer,
    wake: &std::sync::mpsc::Sender<Wake>,
    report: &mut OpenReport,
) -> Result<(), OpenFailure> {
    let shared = Arc::clone(&committer.shared);
    let mut waiting = Vec::new();
    for intent in Intent::load_all(&shared)? {
        match intent.stage {
            Stage::Ordered => {
                epoch::mark(&shared, &intent);
                waiting.push(intent.id);
                committer.intents.insert(intent.id, intent);
            }
            Stage::Erased => {
                shared.figures.pending_cleanup.fetch_add(1, Ordering::SeqCst);
                let _ = wake.send(Wake::Clean(intent));
            }
        }
    }
    if !waiting.is_empty() {
        committer.epoch(&waiting)?;
        report.notices.push(format!("{} erasure order(s) from before the last stop were carried out.", waiting.len()));
    }
    Ok(())
}

fn note_opening(committer: &mut Committer) -> Result<(), OpenFailure> {
    let shared = Arc::clone(&committer.shared);
    let ready = {
        let mut txn = Txn::new(&shared, &committer.state);
        txn.entry(Draft::system(Detail::Opened(env!("CARGO_PKG_VERSION").to_owned())));
        txn.finish()?
    };
    committer.commit(ready).map_err(|error| match error {
        VaultError::StorageFull => OpenFailure("the disk is full; free some space and start again".to_owned()),
        other => other.into(),
    })
}
