//! Opens the parts of a vault and makes sure that they fit together. Changes nothing, but for a lost commit put back
//! from the redo copy.

use super::{Layout, OpenFailure, OpenReport, Options};
use crate::base::files;
use crate::base::ids::VaultId;
use crate::crypto::Key;
use crate::crypto::kem::PUBLIC_LEN;
use crate::crypto::merkle::leaf_hash;
use crate::keys::master::MasterKey;
use crate::keys::recovery::{self, RecoverySlot};
use crate::keys::slots::{FoundRoot, RootSlots};
use crate::keys::system::SystemKeys;
use crate::keys::tree::PageNo;
use crate::keys::witness::{Testimony, Witness};
use crate::store::{Engine, SledEngine, schema};
use crate::vault::VaultError;
use crate::vault::audit::{Entry, entry_key};
use crate::vault::digest;
use crate::vault::hooks::Step;
use crate::vault::redo;
use crate::vault::shared::DerivedKeys;
use crate::vault::txn::Counters;
use crate::vault::view::TreeView;

/// A vault whose parts have been opened and found to fit together.
pub(super) struct Opening {
    pub(super) vault: VaultId,
    pub(super) engine: Box<dyn Engine>,
    pub(super) master: MasterKey,
    pub(super) slots: RootSlots,
    pub(super) found: FoundRoot,
    pub(super) view: TreeView,
    pub(super) system_key: Key,
    pub(super) keys: SystemKeys,
    pub(super) counters: Counters,
    pub(super) witness: Witness,
    pub(super) testimony: Option<Testimony>,
    pub(super) recovery: RecoverySlot,
}

impl Opening {
    pub(super) fn new(options: &Options, report: &mut OpenReport) -> Result<Self, OpenFailure> {
        let layout = &options.layout;
        let master = MasterKey::load(&layout.master())?;
        let vault = master.vault();
        let steps = options.hooks.steps();
        let slots = RootSlots::open(&layout.root(), vault, !options.accept_unsafe_fs)?.with_steps(steps.clone());
        if let Some(other) = slots.foreign_vault()? {
            return Err(OpenFailure(format!(
                "{} belongs to vault {other}, but the master key to vault {vault}; put the files of one vault together",
                layout.root().display()
            )));
        }
        let mut witness = Witness::open(&layout.witness(), vault)?.with_steps(steps);
        let public = recovery::load_public(&layout.recovery_public())?;
        let recovery = recovery_slot(options, vault, public, report)?;
        for (there, what) in
            [(SledEngine::is_in(&layout.store()), layout.store()), (layout.files().is_dir(), layout.files())]
        {
            if !there {
                return Err(OpenFailure(format!(
                    "{} is missing or empty; restore the data folder from a backup",
                    what.display()
                )));
            }
        }

        let engine = options.hooks.around(match &options.hooks.instead {
            Some(make) => make(),
            None => open_store(options, report)?,
        });
        let label = read_label(&*engine, layout, vault)?;
        if label.recovery != public {
            return Err(OpenFailure(format!(
                "{} is not the recovery public key that this vault was made with; put it back from your offline copy. With another key, whoever holds its private half could read everything, or nobody could restore anything",
                layout.recovery_public().display()
            )));
        }
        let roots = slots.find(&master)?;
        if roots.is_empty() {
            return Err(OpenFailure(format!(
                "neither root slot opens with this master key; put back {} as it was made for vault {vault}, from your offline \
                 copy. If it is the right one, the root slots are damaged",
                layout.master().display()
            )));
        }
        let (found, label) = choose_root(&*engine, options, vault, roots, label, &witness, report)?;
        refuse_slot_ahead(&recovery, label.epoch, layout)?;
        let (view, system_key) = TreeView::load(&*engine, &found.root, label.epoch)?;
        let sealed = engine.read(&SystemKeys::row_key())?.ok_or(VaultError::Tampered)?;
        let keys = SystemKeys::open(&system_key, &sealed).map_err(VaultError::from)?;
        let sealed = engine.read(&Counters::row_key())?.ok_or(VaultError::Tampered)?;
        let counters = Counters::open(&sealed, &keys.state)?;
        let derived = DerivedKeys::new(&keys);
        if digest::accounts(&*engine, &derived.digest)? != counters.accounts {
            return Err(OpenFailure(
                "an account or token row was changed, dropped or put back behind the vault's back; restore the data folder from a backup".to_owned(),
            ));
        }
        let testimony = witness.read(&derived.witness)?;
        check_witness(&*engine, &keys, label.epoch, &counters, testimony.as_ref(), counters.audit.size() <= 1)?;
        Ok(Self { vault, engine, master, slots, found, view, system_key, keys, counters, witness, testimony, recovery })
    }
}

fn open_store(options: &Options, report: &mut OpenReport) -> Result<Box<dyn Engine>, OpenFailure> {
    let opened = SledEngine::open(&options.layout.store(), options.cache_bytes)?;
    for path in &opened.kept_aside {
        report.notices.push(format!(
            "A snapshot of the store was broken and is kept aside in {}; nothing was lost, the log is whole.",
            path.display()
        ));
    }
    Ok(Box::new(opened.engine))
}

/// The recovery slot may lie on another disk, out of reach for now or of a kind that keeps what is overwritten.
fn recovery_slot(
    options: &Options,
    vault: VaultId,
    public: [u8; PUBLIC_LEN],
    report: &mut OpenReport,
) -> Result<RecoverySlot, OpenFailure> {
    let layout = &options.layout;
    let destroys = match files::overwriting_destroys(&layout.recovery) {
        Ok(Ok(())) => true,
        Ok(Err(reason)) if !options.accept_unsafe_fs => {
            report.notices.push(format!(
                "The recovery folder {}: {reason}, so an overwritten slot may leave a copy that still opens what was erased. Put it on ext4 or xfs.",
                layout.recovery.display()
            ));
            false
        }
        _ => false,
    };
    let slot = RecoverySlot::new(layout.slot(), vault, public, destroys && !options.accept_unsafe_fs)
        .with_steps(options.hooks.steps());
    slot.refuse_foreign()?;
    Ok(slot)
}

/// The recovery slot follows the store, so it is never ahead of it, unless data and keys were put back together: then people
/// erased since would be there again, and overwriting the slot would remove the last sign of it.
fn refuse_slot_ahead(recovery: &RecoverySlot, epoch: u64, layout: &Layout) -> Result<(), OpenFailure> {
    match recovery.epoch() {
        Some(ahead) if ahead > epoch => Err(OpenFailure(format!(
            "the data folder {} and the key folder {} are older than the recovery slot (epoch {epoch}, the slot is at {ahead}): somebody was erased since. Put the newest folders back; if they are lost for good, move {} away and erase again whom you erased since",
            layout.data.display(),
            layout.keys.display(),
            recovery.path().display()
        ))),
        _ => Ok(()),
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
    if label.version < schema::VERSION {
        return Err(OpenFailure(format!(
            "the store has format {}, of a program before its first release, and this one reads format {} only; nothing was \
             changed: read it with the program that wrote it, or begin with empty folders",
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
    engine: &dyn Engine,
    options: &Options,
    vault: VaultId,
    roots: Vec<FoundRoot>,
    label: schema::Label,
    witness: &Witness,
    report: &mut OpenReport,
) -> Result<(FoundRoot, schema::Label), OpenFailure> {
    let layout = &options.layout;
    let current = engine.read(&PageNo::TOP.row_key())?.ok_or(VaultError::Tampered)?;
    let newest = roots.iter().map(|found| found.epoch).max().unwrap_or(0);
    let mut others = Vec::new();
    for found in roots {
        if found.epoch == label.epoch && PageNo::TOP.open(&found.root, found.epoch, &current).is_ok() {
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
        // A tree that is of that epoch already was not lost; putting the copy back would undo all that came after it.
        if PageNo::TOP.open(&others[at].root, epoch, &current).is_ok() {
            return Err(OpenFailure(format!(
                "the store in {} says epoch {}, but its key tree is of epoch {epoch}: a row was changed; restore the data folder from a backup",
                layout.store().display(),
                label.epoch
            )));
        }
        engine.commit(&batch)?;
        options.hooks.steps().reach(Step::RedoPutBack).map_err(|error| OpenFailure(error.to_string()))?;
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
