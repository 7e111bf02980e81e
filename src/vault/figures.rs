//! Whether the vault can work, and counts of what it holds.

use std::sync::atomic::Ordering;

use super::{Vault, VaultError};

/// What works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Commits are accepted.
    pub store: bool,
    /// The witness was written when it was last due. Without it nothing is read, changed or erased, and submissions are taken.
    pub witness: bool,
    /// There is room for new submissions.
    pub space: bool,
}

/// Counts, none of them personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Present epoch of the root key.
    pub epoch: u64,
    /// Epoch of the recovery slot.
    pub recovery_epoch: Option<u64>,
    /// People held.
    pub people: u64,
    /// Submissions taken so far.
    pub arrivals: u64,
    /// Entries of the audit trail.
    pub audit_entries: u64,
    /// Orders whose rows are still being removed.
    pub pending_cleanup: u64,
    /// Free bytes on the data disk.
    pub free_bytes: u64,
}

/// How much there is to do, and room to do it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Callers that wait for something to become durable.
    pub waiting: usize,
    /// Free bytes on the data disk, as of a moment ago.
    pub free_bytes: u64,
}

impl Vault {
    /// What works.
    pub fn pulse(&self) -> Pulse {
        Pulse {
            store: !self.has_failed() && self.shared.engine.is_writable(),
            witness: !self.shared.witness_failed.load(Ordering::SeqCst),
            space: self.shared.room_for_intake().is_ok(),
        }
    }

    /// Whether a write failed half-way; nothing is written any more until a restart.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::SeqCst)
    }

    /// How much there is to do, and room to do it in.
    pub fn load(&self) -> Load {
        Load { waiting: self.waiting.load(Ordering::Relaxed), free_bytes: self.shared.free_bytes() }
    }

    /// Refuses early what would be refused at the end.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub fn ready_for_intake(&self) -> Result<(), VaultError> {
        if self.has_failed() {
            return Err(VaultError::Unavailable);
        }
        self.shared.room_for_intake()
    }

    /// The counts.
    pub fn counts(&self) -> Counts {
        let figures = &self.shared.figures;
        let recovery = figures.recovery_epoch.load(Ordering::SeqCst);
        Counts {
            epoch: figures.epoch.load(Ordering::SeqCst),
            recovery_epoch: (recovery > 0).then_some(recovery),
            people: self.shared.directory.read().map_or(0, |directory| directory.len()),
            arrivals: figures.arrivals.load(Ordering::SeqCst),
            audit_entries: figures.audit_entries.load(Ordering::SeqCst),
            pending_cleanup: figures.pending_cleanup.load(Ordering::SeqCst),
            free_bytes: self.shared.free_bytes(),
        }
    }
}
