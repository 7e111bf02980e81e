//! What a data folder says of itself, in clear, before any key is tried: format version, vault, epoch, recovery key.

use crate::base::ids::VaultId;
use crate::base::tables::Table;

use super::{Batch, Engine, StoreError};

/// The format that this program writes, and the only one that it reads. 2 since list entries, records and consent lines say more than
/// at first, 3 since accounts and downloads do, 4 since accounts have passkeys and tokens a scope, 5 since list entries say how the work stands, 6 since accounts are
/// somewhere and entries of the trail name transfers, 7 since accounts may belong to people of a provider; nothing was released with any of them.
pub const VERSION: u32 = 7;

/// The clear rows of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Format version.
    pub version: u32,
    /// Which vault it belongs to.
    pub vault: VaultId,
    /// Epoch of the root key that the pages hang on.
    pub epoch: u64,
    /// The recovery public key that the vault was made with: `keys/recovery.pub` exchanged would hand the root key to
    /// whoever holds another private key, or to nobody.
    pub recovery: [u8; 32],
}

/// The names of the clear rows.
pub const ROWS: [&[u8]; 4] = [b"schema", b"vault", b"epoch", b"recovery"];

/// Reads the label; `None` for an empty store.
///
/// # Errors
/// [`StoreError::Damaged`] when rows are there but not the label.
pub fn read(engine: &dyn Engine) -> Result<Option<Label>, StoreError> {
    let row = |name: &[u8]| engine.read(&Table::Meta.key(&[name]));
    let [version, vault, epoch, recovery] = ROWS.map(row);
    let (version, vault, epoch, recovery) = (version?, vault?, epoch?, recovery?);
    if version.is_none() && vault.is_none() && epoch.is_none() && engine.scan(&[], &[0xff]).next().is_none() {
        return Ok(None);
    }
    let label = (|| {
        Some(Label {
            version: u32::from_be_bytes(version?.try_into().ok()?),
            vault: VaultId::from_bytes(vault?.try_into().ok()?),
            epoch: u64::from_be_bytes(epoch?.try_into().ok()?),
            recovery: recovery?.try_into().ok()?,
        })
    })();
    label.map(Some).ok_or_else(|| {
        StoreError::Damaged("its first rows (version, vault, epoch, recovery key) are missing".to_owned())
    })
}

/// Puts the label of a new store into its first batch.
pub fn write(batch: &mut Batch, label: &Label) {
    batch.insert(Table::Meta.key(&[b"schema"]), Some(label.version.to_be_bytes().to_vec()));
    batch.insert(Table::Meta.key(&[b"vault"]), Some(label.vault.as_bytes().to_vec()));
    batch.insert(Table::Meta.key(&[b"recovery"]), Some(label.recovery.to_vec()));
    write_epoch(batch, label.epoch);
}

/// Puts a new epoch into the batch that commits it.
pub fn write_epoch(batch: &mut Batch, epoch: u64) {
    batch.insert(Table::Meta.key(&[b"epoch"]), Some(epoch.to_be_bytes().to_vec()));
}
