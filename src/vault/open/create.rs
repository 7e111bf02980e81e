//! The first run: keys, folders and the first rows. Until its last step a marker with the vault's id stands in the key
//! folder and another in the data folder, so that an interrupted first run begins anew, and touches only what is its own.

use std::path::Path;
use std::sync::Arc;

use super::{Layout, OpenFailure, OpenReport, Options};
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
use crate::store::{Batch, Engine, SledEngine, schema};
use crate::vault::Detail;
use crate::vault::audit::Draft;
use crate::vault::hooks::{Hooks, Step};
use crate::vault::shared::{Parts, Shared};
use crate::vault::txn::{Counters, State, Txn};
use crate::vault::view::{Pages, TreeView};

/// Makes a new vault: keys, folders, the first rows.
pub(super) fn create(options: &Options, report: &mut OpenReport) -> Result<(), OpenFailure> {
    let (layout, entropy) = (&options.layout, &*options.entropy);
    let fail = |error: std::io::Error| OpenFailure(format!("the first start could not make its files: {error}"));
    let steps = options.hooks.steps();
    let step = |step| steps.reach(step).map_err(fail);
    let vault = match begun(layout).map_err(fail)? {
        Some(vault) => {
            clear_leftovers(layout, vault)?;
            report.notices.push(BEGUN_ANEW.to_owned());
            vault
        }
        None => {
            refuse_to_overwrite(layout)?;
            let vault = VaultId::make_random(entropy).map_err(|error| OpenFailure(error.to_string()))?;
            files::write_new_private(&layout.marker(), vault.to_string().as_bytes()).map_err(fail)?;
            vault
        }
    };
    step(Step::KeyMarkerMade)?;
    if !is_of(&layout.data_marker(), vault) {
        // Without content, or of a first start with another key folder that had put nothing in here yet.
        missing_is_fine(std::fs::remove_file(layout.data_marker())).map_err(fail)?;
        files::write_new_private(&layout.data_marker(), vault.to_string().as_bytes()).map_err(fail)?;
    }
    step(Step::DataMarkerMade)?;
    files::make_private_dir(&layout.files()).map_err(fail)?;
    files::make_private_dir(&layout.recovery).map_err(fail)?;
    step(Step::FoldersMade)?;

    let master = MasterKey::create(&layout.master(), vault, entropy)?;
    step(Step::MasterKeyMade)?;
    let public = recovery::create_identity(&layout.identity(), vault, entropy)?;
    step(Step::IdentityMade)?;
    recovery::create_public(&layout.recovery_public(), &public)?;
    step(Step::RecoveryPublicMade)?;
    RootSlots::create(&layout.root(), entropy)?;
    step(Step::SlotsMade)?;
    Witness::create(&layout.witness())?;
    step(Step::WitnessMade)?;

    let root = Key::make_random(entropy).map_err(KeyError::from)?;
    let opened = SledEngine::open(&layout.store(), options.cache_bytes)?;
    step(Step::StoreMade)?;
    let label = schema::Label { version: schema::VERSION, vault, epoch: 1, recovery: public };
    write_first_rows(options.hooks.around(Box::new(opened.engine)), &label, &root, options)?;
    step(Step::FirstRowsWritten)?;
    let slots = RootSlots::open(&layout.root(), vault, !options.accept_unsafe_fs)?.with_steps(steps.clone());
    slots.write(SlotNo::A, 1, &root, &master, entropy)?;
    step(Step::FirstRootWritten)?;
    // The marker beside the keys decides whether the vault is complete, so it goes first.
    for (marker, folder, removed) in [
        (layout.marker(), &layout.keys, Step::KeyMarkerRemoved),
        (layout.data_marker(), &layout.data, Step::DataMarkerRemoved),
    ] {
        std::fs::remove_file(marker).map_err(fail)?;
        files::sync_dir(folder).map_err(fail)?;
        step(removed)?;
    }

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

const BEGUN_ANEW: &str = "An earlier first start was interrupted before anything was stored; it was begun anew.";

/// The vault that an interrupted first start was making in this key folder.
fn begun(layout: &Layout) -> std::io::Result<Option<VaultId>> {
    match std::fs::read_to_string(layout.marker()) {
        Ok(text) if text.is_empty() => {
            // It stopped before the marker had its content, which is before anything else was made.
            std::fs::remove_file(layout.marker())?;
            Ok(None)
        }
        Ok(text) => text.parse().map(Some).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A first start finds nothing of any vault, least of all the recovery slot of one whose machine was lost.
fn refuse_to_overwrite(layout: &Layout) -> Result<(), OpenFailure> {
    let everything = [
        layout.master(),
        layout.root(),
        layout.witness(),
        layout.recovery_public(),
        layout.identity(),
        layout.slot(),
        layout.store(),
        layout.files(),
    ];
    match everything.iter().find(|path| path.exists()) {
        Some(found) => Err(OpenFailure(format!(
            "{} is part of a vault whose other parts are missing, and a new vault would take its place; put the missing folders back, or name empty ones",
            found.display()
        ))),
        None => Ok(()),
    }
}

/// Removes what an interrupted first start of this very vault has left, and nothing that another one owns.
fn clear_leftovers(layout: &Layout, vault: VaultId) -> Result<(), OpenFailure> {
    let foreign = |path: &Path| {
        Err(OpenFailure(format!(
            "an earlier first start was interrupted, but {} is not of its making; name the folders that it was started with, or empty ones",
            path.display()
        )))
    };
    for folder in [layout.store(), layout.files()] {
        if folder.exists() && !is_of(&layout.data_marker(), vault) {
            return foreign(&folder);
        }
    }
    if layout.slot().exists() {
        return foreign(&layout.slot());
    }
    // One without content has only just been begun, and holds no key of anybody's.
    let has_content = std::fs::metadata(layout.identity()).is_ok_and(|meta| meta.len() > 0);
    if has_content && !is_of(&layout.identity(), vault) {
        return foreign(&layout.identity());
    }
    let fail =
        |error: std::io::Error| OpenFailure(format!("an interrupted first start could not be cleared away: {error}"));
    for file in [layout.master(), layout.root(), layout.witness(), layout.recovery_public(), layout.identity()] {
        missing_is_fine(std::fs::remove_file(file)).map_err(fail)?;
    }
    for folder in [layout.store(), layout.files()] {
        missing_is_fine(std::fs::remove_dir_all(folder)).map_err(fail)?;
    }
    Ok(())
}

/// Whether a file names this vault.
fn is_of(path: &Path, vault: VaultId) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.contains(&vault.to_string()))
}

fn missing_is_fine(done: std::io::Result<()>) -> std::io::Result<()> {
    done.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn write_first_rows(
    engine: Box<dyn Engine>,
    label: &schema::Label,
    root: &Key,
    options: &Options,
) -> Result<(), OpenFailure> {
    let entropy = &*options.entropy;
    let keys = SystemKeys::make_random(entropy)?;
    let system_key = Key::make_random(entropy).map_err(KeyError::from)?;
    let top = TopPage { system: system_key.duplicate(), children: InnerPage::empty() };
    let mut batch = Batch::new();
    schema::write(&mut batch, label);
    batch.insert(PageNo::TOP.row_key(), Some(PageNo::TOP.seal(root, 1, &top.encode(), entropy)?));
    batch.insert(SystemKeys::row_key(), Some(keys.seal(&system_key, entropy)?));

    // The first commit goes through the same door as all later ones, so that it has its digest and audit entry.
    let pages = Pages::from([(PageNo::TOP, Arc::new(InnerPage::empty()))]);
    let shared = Shared::new(Parts {
        vault: label.vault,
        data: options.layout.data.clone(),
        engine,
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::prepare;
    use super::*;
    use crate::base::clock::SystemClock;
    use crate::base::entropy::SystemEntropy;

    fn options_in(folder: &Path) -> Options {
        Options {
            layout: Layout { data: folder.join("data"), keys: folder.join("keys"), recovery: folder.join("recovery") },
            accept_unsafe_fs: true,
            cache_bytes: 8 << 20,
            must_exist: false,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::new()),
            hooks: Hooks::default(),
        }
    }

    fn make(options: &Options) -> Result<OpenReport, String> {
        let mut report = OpenReport::default();
        prepare(options, &mut report).map(|_| report).map_err(|failure| failure.0)
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn an_interrupted_first_start_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        let layout = &options.layout;
        let vault = VaultId::make_random(&SystemEntropy::new()).unwrap().to_string();
        put(&layout.marker(), &vault);
        put(&layout.data_marker(), &vault);
        put(&layout.master(), "half");
        put(&layout.identity(), &format!("letterlock recovery key 1\nvault {vault}\n"));
        put(&layout.store().join("db"), "half");

        let report = make(&options).unwrap();
        assert!(report.first_run && report.notices.len() == 1, "{report:?}");
        assert!(!layout.marker().exists() && !layout.data_marker().exists());
        assert_eq!(MasterKey::load(&layout.master()).unwrap().vault().to_string(), vault);
        assert!(!make(&options).unwrap().first_run, "it is complete now");
    }

    #[test]
    fn files_that_were_only_just_begun_are_no_obstacle_however_often_it_is_interrupted() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        let layout = &options.layout;
        let vault = VaultId::make_random(&SystemEntropy::new()).unwrap().to_string();
        put(&layout.marker(), &vault);
        put(&layout.data_marker(), "");
        put(&layout.identity(), "");
        let stop_at = |wanted| Hooks {
            at_step: Some(Arc::new(move |step| {
                if step == wanted { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
            })),
            ..Hooks::default()
        };
        for step in [Step::FoldersMade, Step::IdentityMade, Step::StoreMade, Step::FirstRowsWritten] {
            let stopped = make(&Options { hooks: stop_at(step), ..options_in(dir.path()) }).unwrap_err();
            assert!(stopped.contains("stopped by a test"), "{step:?}: {stopped}");
        }
        assert!(make(&options).unwrap().first_run);
        assert!(!layout.data_marker().exists());
    }

    #[test]
    fn an_interrupted_first_start_leaves_another_vaults_data_alone() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        let layout = &options.layout;
        let vault = VaultId::make_random(&SystemEntropy::new()).unwrap().to_string();
        put(&layout.marker(), &vault);
        for precious in [layout.store().join("db"), layout.files().join("f"), layout.slot(), layout.identity()] {
            put(&precious, "precious");
            let refusal = make(&options).unwrap_err();
            assert!(refusal.contains("not of its making"), "{refusal}");
            assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
            fs::remove_dir_all(precious.parent().unwrap()).unwrap();
        }
        make(&options).unwrap();
    }

    #[test]
    fn a_first_start_takes_the_place_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        let layout = &options.layout;
        for precious in [layout.slot(), layout.identity(), layout.witness(), layout.files().join("f")] {
            put(&precious, "precious");
            let refusal = make(&options).unwrap_err();
            assert!(refusal.contains("would take its place"), "{refusal}");
            assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
            assert!(!layout.marker().exists() && !layout.master().exists());
            fs::remove_dir_all(precious.parent().unwrap()).unwrap();
        }
        make(&options).unwrap();
    }

    #[test]
    fn a_marker_that_cannot_be_read_is_not_taken_for_none() {
        let dir = tempfile::tempdir().unwrap();
        let layout = options_in(dir.path()).layout;
        assert_eq!(begun(&layout).unwrap(), None);
        fs::create_dir_all(layout.marker()).unwrap();
        assert!(begun(&layout).is_err());
    }

    #[test]
    fn what_cannot_be_cleared_away_stops_the_first_start() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        let vault = VaultId::make_random(&SystemEntropy::new()).unwrap().to_string();
        put(&options.layout.marker(), &vault);
        fs::create_dir(options.layout.witness()).unwrap();
        let refusal = make(&options).unwrap_err();
        assert!(refusal.contains("could not be cleared away"), "{refusal}");
        fs::remove_dir(options.layout.witness()).unwrap();
        make(&options).unwrap();
    }

    #[test]
    fn a_marker_without_content_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let options = options_in(dir.path());
        put(&options.layout.marker(), "");
        assert!(make(&options).unwrap().first_run);
    }
}
