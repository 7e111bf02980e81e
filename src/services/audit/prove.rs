//! Proofs for those who keep heads: documents that `examples/audit-verifier.rs` checks with the public key alone.
//! Their layout is in `docs/formats.md`.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use super::head::{self, Head};
use super::to_json;
use crate::crypto::envelope::Disclosure;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, Problem, ServiceError, blocking};
use crate::vault::Detail;
use crate::vault::audit::Proven;

/// Names the layout of a proof of one entry.
const INCLUSION: &str = "letterlock audit inclusion 1";
/// Names the layout of a proof that the trail was continued.
const CONSISTENCY: &str = "letterlock audit consistency 1";

/// Whether the trail continues a head that was kept elsewhere.
#[derive(Clone, Debug)]
pub enum Continued {
    /// It does, and here is the proof.
    Yes(Value),
    /// It does not, in words.
    No(String),
}

/// One entry with a proof that it is in the trail: under the present head, or under the one of `size` entries.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::NotFound`] for an entry that is not there; [`ServiceError::Invalid`] for a size
/// that the trail has not reached or that leaves the entry out.
pub async fn entry(app: &Arc<App>, ctx: &Context, number: u64, size: Option<u64>) -> Result<Value, ServiceError> {
    let act = ctx.act(Action::ReadAudit, &Resource::Audit)?;
    let vault = Arc::clone(&app.vault);
    let made = blocking(move || {
        let last = vault.prove_continuation(0, None)?.map_or(0, |([_, head], _)| head.size);
        if number >= last {
            return Err(ServiceError::NotFound);
        }
        vault.prove_entries(&[number], size)?.ok_or_else(|| out_of_range("size"))
    });
    let (tree, mut proven) = made.await??;
    app.vault.record_act(act, Detail::Trail { from: number, to: number + 1 }).await?;
    let mut out = proven.pop().map(proof_of).ok_or(ServiceError::Internal)?;
    out["format"] = json!(INCLUSION);
    out["head"] = json!(head::sign(app, &tree));
    Ok(out)
}

/// A proof that the tree over the first `second` entries (the present one when `None`) continues the one over `first`.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Invalid`] for sizes that the trail has not reached, or the wrong way round.
pub async fn continuation(
    app: &Arc<App>,
    ctx: &Context,
    first: u64,
    second: Option<u64>,
) -> Result<Value, ServiceError> {
    let act = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    let vault = Arc::clone(&app.vault);
    let made = blocking(move || vault.prove_continuation(first, second)).await??;
    let ([first, second], path) = made.ok_or_else(|| out_of_range("first"))?;
    app.vault.record_act(act, Detail::Trail { from: first.size, to: second.size }).await?;
    Ok(json!({
        "format": CONSISTENCY,
        "first": head::sign(app, &first),
        "second": head::sign(app, &second),
        "path": path.iter().map(|hash| HEXLOWER.encode(hash)).collect::<Vec<_>>(),
    }))
}

/// As [`continuation`], from a head that was kept elsewhere to the present one.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn continues(app: &Arc<App>, ctx: &Context, known: &Head) -> Result<Continued, ServiceError> {
    let tree = match head::check(app, known) {
        Ok(tree) => tree,
        Err(problem) => return Ok(Continued::No(problem)),
    };
    let proof = match continuation(app, ctx, tree.size, None).await {
        Err(ServiceError::Invalid(_)) => {
            return Ok(Continued::No(format!(
                "the trail was cut: it has fewer entries than the {} of the head given",
                tree.size
            )));
        }
        proof => proof?,
    };
    if proof["first"]["root"] == json!(known.root) {
        Ok(Continued::Yes(proof))
    } else {
        Ok(Continued::No(format!("the first {} audit entries are not those of the head given", tree.size)))
    }
}

fn out_of_range(field: &str) -> ServiceError {
    let message = "A number of entries that the trail has reached, and that holds what is to be proven.";
    ServiceError::Invalid(vec![Problem::in_field(field, "out-of-range", message)])
}

/// An entry with what proves it, but for the head.
pub(super) fn proof_of(proven: Proven) -> Value {
    let hex = |disclosure: &Disclosure| HEXLOWER.encode(&disclosure.0);
    json!({
        "entry": to_json(proven.entry),
        "leaf": BASE64.encode(&proven.leaf),
        "opens": hex(&proven.disclosure),
        "subjects_open": proven.subjects.iter().map(|one| one.as_ref().map(hex)).collect::<Vec<_>>(),
        "path": proven.path.iter().map(|hash| HEXLOWER.encode(hash)).collect::<Vec<_>>(),
    })
}
