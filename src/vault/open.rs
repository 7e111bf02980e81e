//! Opens a vault: makes it on the first run, decides which root counts, and finishes what a crash left half-done.
//!
//! Nothing is changed before the folders are known to belong together: both carry the vault's id, one slot opens the
//! committed top page, and the witness has seen nothing that the store lacks. Then the losing slot is destroyed, and
//! orders that were durable are carried out.

mod create;
mod fit;
mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hooks::Hooks;
use super::{Vault, VaultError};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::files::{self, FolderLock};
use crate::base::ids::VaultId;
use crate::keys::KeyError;
use crate::store::StoreError;
use create::create;
use fit::Opening;

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

    /// Holds the vault's id while it is being made, so that an interrupted start can begin anew.
    fn marker(&self) -> PathBuf {
        self.keys.join("initialising")
    }

    /// The same in the data folder.
    fn data_marker(&self) -> PathBuf {
        self.data.join("initialising")
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
            StoreError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => FULL.to_owned(),
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
            VaultError::StorageFull => FULL.to_owned(),
            other => other.to_string(),
        })
    }
}

const FULL: &str = "the disk is full; free some space and start again";
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
        create(options, report)?;
    }
    Ok([data_lock, keys_lock])
}

/// The repository carries `keys/` as a folder that anybody may list; it becomes private with its first use.
fn tighten(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}
