//! Whether the vault can work, and what it holds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::audit::keep::{self, Keeps, PlaceHealth};
use super::audit::{LastCheck, latest_check};
use super::forms::{self, FormsHealth};
use super::post::{self, MailHealth};
use super::preview::{self, PreviewHealth};
use super::scan::{self, ScannerHealth};
use super::{App, Context, ServiceError, search};
use crate::policy::{self, Action, Resource};
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

/// All that is known of how the service is.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// What it holds.
    #[serde(flatten)]
    pub figures: Figures,
    /// Whether it can work.
    pub readiness: Readiness,
    /// Its forms.
    pub forms: FormsHealth,
    /// Its mails.
    pub mail: MailHealth,
    /// Its virus scanner, asked now.
    pub scanner: ScannerHealth,
    /// Its previews, as of the last one.
    pub preview: PreviewHealth,
    /// The second places of the trail's heads.
    pub heads: Vec<PlaceHealth>,
    /// What its pages cannot say.
    pub operator: Lacking,
    /// Searches that are going on.
    pub searches: usize,
    /// The last check of the trail since the start.
    #[serde(skip)]
    pub check: Option<LastCheck>,
}

/// Keys of the configuration without which the privacy page lacks something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// The keys.
    pub missing: Vec<&'static str>,
}

/// All of it, for whoever may see it. Nobody is in it, so that it leaves no entry in the trail.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::NotFound`], [`ServiceError::Unavailable`].
pub async fn look(app: &Arc<App>, ctx: &Context) -> Result<Overview, ServiceError> {
    let _permit = policy::decide(&ctx.actor, Action::ReadStatus, &Resource::Vault)?;
    overview(app).await
}

/// All of it.
///
/// # Errors
/// [`ServiceError::Unavailable`].
pub async fn overview(app: &Arc<App>) -> Result<Overview, ServiceError> {
    Ok(Overview {
        figures: figures(app),
        readiness: readiness(app),
        forms: forms::health(app),
        mail: post::health(app)?,
        scanner: scan::health(app).await,
        preview: preview::health(app),
        heads: keep::places(app),
        operator: Lacking { missing: app.operator().missing() },
        searches: search::running(app),
        check: latest_check(app),
    })
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
