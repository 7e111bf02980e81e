//! What was made of a file and is kept in memory for a while: it hangs on its record, and an erasure takes it away before it is
//! acknowledged.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::read::Located;
use super::shared::Shared;
use super::{Vault, VaultError};
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SecretBytes;

/// Pieces of something that was made of a record's file. Wiped with the last owner, or with the record.
#[derive(Debug)]
pub struct Held {
    record: RecordId,
    pieces: Mutex<Option<Vec<SecretBytes>>>,
}

impl Held {
    /// A copy of a piece; `None` when there is none, or the record was erased.
    pub fn piece(&self, n: usize) -> Option<SecretBytes> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(n).cloned()
    }

    /// Bytes of all of it.
    pub fn size(&self) -> usize {
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().flatten().map(|piece| piece.len()).sum()
    }

    fn cut(&self) {
        *self.pieces.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Vault {
    /// Keeps what was made of a file of this record, until the last owner lets go of it or an erasure takes it.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when the record was erased meanwhile.
    pub fn hold(&self, located: &Located, pieces: Vec<SecretBytes>) -> Result<Arc<Held>, VaultError> {
        let held = Arc::new(Held { record: located.record, pieces: Mutex::new(Some(pieces)) });
        // Put down before the last look, so that an erasure finds it or it finds the erasure.
        {
            let mut all = self.shared.held.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, of| {
                of.retain(|held| held.strong_count() > 0);
                !of.is_empty()
            });
            all.entry(located.person).or_default().push(Arc::downgrade(&held));
        }
        if self.shared.is_dying(located.place, Some(&located.record)) {
            held.cut();
            return Err(VaultError::Missing);
        }
        Ok(held)
    }
}

impl Shared {
    /// Wipes what is held of these people, or of single records of theirs.
    pub(super) fn cut_held(&self, targets: &[(PersonId, Option<RecordId>)]) {
        let all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (person, record) in targets {
            let of = all.get(person).into_iter().flatten().filter_map(Weak::upgrade);
            of.filter(|held| record.is_none_or(|record| record == held.record)).for_each(|held| held.cut());
        }
    }
}
