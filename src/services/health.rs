//! Whether the vault can work, and what it holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::App;

/// Whether the service can take and give data now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// All of the below.
    pub ready: bool,
    /// The store can write.
    pub store: bool,
    /// The audit trail can write.
    pub audit: bool,
    /// There is room on the disk.
    pub space: bool,
}

/// Figures about the vault, none of them personal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// The vault's id.
    pub vault: String,
    /// Present epoch of the root key.
    pub epoch: u64,
    /// Epoch that the recovery slot holds; `None` when there is none.
    pub recovery_epoch: Option<u64>,
    /// People held.
    pub people: u64,
    /// Submissions taken so far, erased ones included.
    pub arrivals: u64,
    /// Entries in the audit trail.
    pub audit_entries: u64,
    /// Erasures whose rows are still being removed.
    pub pending_cleanup: u64,
    /// Ed25519 public key of erasure certificates, hex.
    pub erasure_key: String,
    /// Free bytes on the data disk.
    pub free_bytes: u64,
}

/// Whether the service is ready; does not write.
pub fn readiness(app: &Arc<App>) -> Readiness {
    let _ = app;
    todo!()
}

/// The figures.
pub fn figures(app: &Arc<App>) -> Figures {
    let _ = app;
    todo!()
}
