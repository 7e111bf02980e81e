//! Rows of bytes on disk: an ordered map with atomic, durable batches. Knows nothing of what the bytes mean.

pub mod schema;
pub mod sled_engine;

use std::collections::BTreeMap;

pub use sled_engine::SledEngine;

/// Largest value of a row in bytes. Larger ones would leave the log for files that sled never syncs.
pub const MAX_ROW: usize = 64 * 1024;

/// The store could not read or write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("the store could not be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The engine found its own files damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Another process has the store open.
    #[error("the store is in use by another process")]
    InUse,
    /// A value is larger than [`MAX_ROW`]. Nothing of its batch was written.
    #[error("a row of {0} bytes is above the limit")]
    RowTooLarge(usize),
    /// An earlier write failed, so what is on disk is not known; nothing is written any more until a restart.
    #[error("an earlier write failed; restart to recover")]
    Poisoned,
}

/// Changes that happen together or not at all: by key, the new value, or `None` to remove the row.
pub type Batch = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows in order of their keys.
pub type Rows<'a> = Box<dyn DoubleEndedIterator<Item = Result<Row, StoreError>> + Send + 'a>;

/// An ordered map of bytes with atomic, durable batches.
pub trait Engine: Send + Sync {
    /// The value under `key`. Sees batches as soon as they are applied, durable or not.
    ///
    /// # Errors
    /// [`StoreError`] when the disk or the engine fails.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The rows with `from` ≤ key < `to`, in order. No snapshot: a long scan sees later batches.
    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_>;

    /// Applies a batch. When this returns, it is on disk whole, power cuts included.
    ///
    /// # Errors
    /// After an error from the disk nothing more is accepted ([`StoreError::Poisoned`]): a second `fsync` could claim
    /// success for pages that the first one lost.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Whether commits are still accepted.
    fn is_writable(&self) -> bool;
}

/// The first key after every key that begins with `prefix`; `None` when there is none (all bytes 0xff).
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
