//! The first run: keys, folders and the first rows. Until its last step a marker stands in the key folder, so that an
//! interrupted first run begins anew; before that step nothing can have been stored.

use std::sync::Arc;

use super::{OpenFailure, OpenReport, Options};
use crate::base::files;
use crate::base::ids::VaultId;
use crate::crypto::Key;
use crate::keys::KeyError;
use crate::keys::master::MasterKey;
use crate::keys::recovery;
use crate::keys::slots::{RootSlots, SlotNo};
use crate::keys::system::SystemKeys;
use crate::keys::tree::{InnerPage, PageNo, TopPage};
use crate::keys::witness::Witness;
use crate::store::{Batch, SledEngine, schema};
use crate::vault::Detail;
use crate::vault::audit::Draft;
use crate::vault::hooks::Hooks;
use crate::vault::shared::{Parts, Shared};
use crate::vault::txn::{Counters, State, Txn};
use crate::vault::view::{Pages, TreeView};

/// Makes a new vault: keys, folders, the first rows.
pub(super) fn create(options: &Options, report: &mut OpenReport) -> Result<(), OpenFailure> {
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
