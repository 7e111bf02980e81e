//! What a submission is read for: a purpose of its form by virtue of a role, or one that two people agreed on for its person.

use std::sync::Arc;

use super::{form_of, locate};
use crate::base::ids::RecordId;
use crate::domain::form::Form;
use crate::policy::{self, Action, LEGAL_BASIS};
use crate::services::approvals::{self, Reading, Standing};
use crate::services::{App, Context, ServiceError};
use crate::vault::{Act, Grant, Located};

/// A purpose that the actor may name.
pub(super) struct Named {
    pub(super) purpose: String,
    /// What it hangs on beside their roles.
    pub(super) legal: Option<Reading>,
}

/// By what the actor reads this submission for [`LEGAL_BASIS`], if they do.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Unavailable`].
pub async fn standing(app: &Arc<App>, ctx: &Context, id: RecordId) -> Result<Option<Standing>, ServiceError> {
    let (located, _permit) = locate(app, ctx, id, Action::ReadSubmission).await?;
    Ok(approvals::standing(app, ctx, &located.summary.subject))
}

pub(super) fn need_purpose(
    app: &Arc<App>,
    ctx: &Context,
    located: &Located,
    purpose: Option<&str>,
    lent: bool,
) -> Result<Named, ServiceError> {
    let form = form_of(app, located)?;
    let mut allowed = if lent { form.purposes.clone() } else { policy::allowed_purposes(&ctx.actor, &form.purposes) };
    // No form and no role has this one, whatever they say.
    allowed.retain(|one| one != LEGAL_BASIS);
    let person = located.summary.subject;
    let standing = if lent { None } else { approvals::standing(app, ctx, &person) };
    match (purpose, standing) {
        (Some(LEGAL_BASIS), Some(standing)) => {
            let legal = Some(Reading::new(app, ctx, person, standing));
            Ok(Named { purpose: LEGAL_BASIS.to_owned(), legal })
        }
        (Some(purpose), _) if allowed.iter().any(|one| one == purpose) => {
            Ok(Named { purpose: purpose.to_owned(), legal: None })
        }
        (_, standing) => {
            allowed.extend(standing.map(|_| LEGAL_BASIS.to_owned()));
            Err(ServiceError::PurposeNeeded { allowed })
        }
    }
}

/// Leave to open by what two people agreed on: the entry names it.
pub(super) async fn grant_by(
    app: &App,
    act: Act,
    located: &Located,
    file: Option<u32>,
    legal: &Reading,
) -> Result<Grant, ServiceError> {
    Ok(app.vault.grant_by(act, located, LEGAL_BASIS, file, legal.standing().id, approvals::READING).await?)
}

/// Refuses what would be read by a request that has ended since it was looked at.
pub(super) fn check_holds(ctx: &Context, form: &Form, legal: Option<&Reading>) -> Result<(), ServiceError> {
    if legal.is_none_or(Reading::holds) {
        return Ok(());
    }
    Err(ServiceError::PurposeNeeded { allowed: policy::allowed_purposes(&ctx.actor, &form.purposes) })
}
