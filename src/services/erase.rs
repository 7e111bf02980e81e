//! Erases records and people by destroying their keys, and certifies it.

use std::sync::Arc;

use serde_json::Value;

use super::{App, Context, ServiceError, review};
use crate::base::ids::{PersonId, RecordId};
use crate::policy::{Action, Resource};
use crate::vault::Target;
use crate::vault::certificate::{Certificate, Kind, State};

/// Erases one submission. Returns the signed certificate, ready to be shown as JSON.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Forbidden`], [`ServiceError::Unavailable`].
pub async fn record(app: &Arc<App>, ctx: &Context, id: RecordId) -> Result<Value, ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::EraseRecord).await?;
    drop(located);
    let act = ctx.act_on(permit)?;
    one(app.vault.erase(act, vec![Target::Record(id)]).await?)
}

/// Erases one person with all that is held about them.
///
/// # Errors
/// As [`record`].
pub async fn person(app: &Arc<App>, ctx: &Context, id: PersonId) -> Result<Value, ServiceError> {
    let act = ctx.act(Action::ErasePerson, &Resource::Subject)?;
    one(app.vault.erase(act, vec![Target::Person(id)]).await?)
}

/// Erases many people in as few epochs as possible; one result for each, in order.
///
/// # Errors
/// [`ServiceError::Forbidden`] or [`ServiceError::Unavailable`] when nothing was done at all.
pub async fn people(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[PersonId],
) -> Result<Vec<Result<Value, ServiceError>>, ServiceError> {
    /// People in one order: a few megabytes of rows.
    const ORDER: usize = 10_000;
    let mut results = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ORDER) {
        let act = ctx.act(Action::ErasePerson, &Resource::Subject)?;
        match app.vault.erase(act, chunk.iter().map(|id| Target::Person(*id)).collect()).await {
            Ok(certificates) => results.extend(certificates.iter().map(|c| to_value(c.as_ref()))),
            Err(error) if results.is_empty() => return Err(error.into()),
            Err(_) => results.extend(chunk.iter().map(|_| Err(ServiceError::Unavailable))),
        }
    }
    Ok(results)
}

fn one(certificates: Vec<Option<Certificate>>) -> Result<Value, ServiceError> {
    to_value(certificates.first().and_then(Option::as_ref))
}

fn to_value(certificate: Option<&Certificate>) -> Result<Value, ServiceError> {
    serde_json::to_value(certificate.ok_or(ServiceError::NotFound)?).map_err(|_| ServiceError::Internal)
}

/// What a certificate says, in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// `person` or `record`, and its handle.
    pub subject: String,
    /// Names and figures to show, in order.
    pub facts: Vec<(&'static str, String)>,
}

/// Checks a certificate's signature under a public key that the checker has from elsewhere. Needs no vault.
///
/// # Errors
/// A sentence: not a certificate, not a key, or not by this key.
pub fn verify_certificate(json: &str, key_hex: &str) -> Result<CertificateSummary, String> {
    let certificate: Certificate =
        serde_json::from_str(json).map_err(|_| "this is not an erasure certificate".to_owned())?;
    let key = data_encoding::HEXLOWER_PERMISSIVE
        .decode(key_hex.trim().as_bytes())
        .ok()
        .filter(|key| key.len() == crate::crypto::sign::PUBLIC_LEN)
        .ok_or("the key is not an Ed25519 public key (64 hex digits)")?;
    certificate
        .verify(&key)
        .map_err(|_| "the signature is not by this key, or the certificate was changed".to_owned())?;
    let s = certificate.statement;
    let kind = match s.kind {
        Kind::Person => "person",
        Kind::Record => "record",
    };
    let recovery = match (s.state, s.recovery_epoch) {
        (State::Complete, Some(epoch)) => format!("complete: the recovery slot is at epoch {epoch}"),
        (_, Some(epoch)) => format!("pending in backup: the recovery slot is still at epoch {epoch}"),
        (_, None) => "pending in backup: the recovery slot could not be reached".to_owned(),
    };
    Ok(CertificateSummary {
        subject: format!(
            "{kind} {}",
            s.records.first().filter(|_| s.kind == Kind::Record).map_or(s.subject.to_string(), ToString::to_string)
        ),
        facts: vec![
            ("vault", s.vault.to_string()),
            ("records destroyed", s.records.len().to_string()),
            ("files destroyed", s.files.len().to_string()),
            ("keyrings destroyed", s.keyrings.to_string()),
            ("consent rows destroyed", s.consent_rows.to_string()),
            ("root key", format!("epoch {} destroyed, now epoch {}", s.epoch_before, s.epoch_after)),
            ("backup", recovery),
            ("erased at", s.erased_at.to_string()),
            ("on the authority of", s.role.map_or("nobody".to_owned(), |role| role.to_string())),
        ],
    })
}
