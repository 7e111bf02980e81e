//! Whether the vault can work, and what it holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::App;
use super::audit::keep::{self, Keeps};
pub use crate::vault::Load;

/// Whether the service can take and give data now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// All of the below.
    pub ready: bool,
    /// The store can write.
    pub store: bool,
    /// The audit trail can write, its witness included.
    pub audit: bool,
    /// There is room on the disk.
    pub space: bool,
    /// How heads of the trail are kept elsewhere; says nothing about whether the service can work.
    pub heads: Keeps,
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

/// How much there is to do, and room to do it in; cheap enough for each request.
pub fn load(app: &App) -> Load {
    app.vault.load()
}

/// Whether the service is ready; does not write.
pub fn readiness(app: &Arc<App>) -> Readiness {
    let pulse = app.vault.pulse();
    let store = pulse.store && !app.closed.load(Ordering::SeqCst);
    let audit = store && pulse.witness;
    Readiness { ready: store && audit && pulse.space, store, audit, space: pulse.space, heads: keep::keeps(app) }
}

/// The figures.
pub fn figures(app: &Arc<App>) -> Figures {
    let counts = app.vault.counts();
    Figures {
        vault: app.vault.id().to_string(),
        epoch: counts.epoch,
        recovery_epoch: counts.recovery_epoch,
        people: counts.people,
        arrivals: counts.arrivals,
        audit_entries: counts.audit_entries,
        pending_cleanup: counts.pending_cleanup,
        erasure_key: data_encoding::HEXLOWER.encode(&app.vault.certificate_public_key()),
        free_bytes: counts.free_bytes,
    }
}
