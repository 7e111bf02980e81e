//! Finds a person by e-mail address. The address is never written down.

use std::sync::Arc;

use super::{App, Context, Problem, ServiceError, blocking, review};
use crate::base::ids::PersonId;
use crate::base::sensitive::SensitiveString;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::Summary;
use crate::policy::{Action, Resource};
use crate::vault::VaultError;

/// What is held about a person, as far as the actor may see it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The person.
    pub subject: PersonId,
    /// Their submissions, newest first, without content.
    pub submissions: Vec<Summary>,
}

/// Everybody held under this address: none or one. A person of whom the actor may see nothing is not found.
///
/// # Errors
/// [`ServiceError::Invalid`] for something that is not an address; [`ServiceError::NotFound`] for a role that searches for
/// nobody.
pub async fn by_email(app: &Arc<App>, ctx: &Context, email: &SensitiveString) -> Result<Vec<Found>, ServiceError> {
    let act = ctx.act(Action::FindSubject, &Resource::Subject)?;
    let email = EmailAddress::parse(email.expose()).map_err(|_| {
        ServiceError::Invalid(vec![Problem::in_field("email", "bad-email", "This is not an e-mail address.")])
    })?;
    let (worker, context) = (Arc::clone(app), ctx.clone());
    let found = blocking(move || look_up(&worker, &context, &email)).await??;
    // The entry keeps that there was a search and whom it found, never for what.
    let people: Vec<PersonId> = found.iter().map(|found| found.subject).collect();
    app.vault.record_search(act, &people).await?;
    Ok(found)
}

fn look_up(app: &App, ctx: &Context, email: &EmailAddress) -> Result<Vec<Found>, ServiceError> {
    let Some(subject) = app.vault.find_person(email) else { return Ok(Vec::new()) };
    let sees_everybody = crate::policy::decide(&ctx.actor, Action::ErasePerson, &Resource::Subject).is_ok();
    let located = match app.vault.records_of(&subject) {
        Err(VaultError::Missing) => return Ok(Vec::new()),
        // What is damaged keeps nobody from being erased by their address. Everybody else gets the answer about nobody, for
        // what they may see of the person cannot be told.
        Err(VaultError::Tampered) => {
            tracing::error!(person = %subject, "what is held about a person does not open; run `letterlock verify`");
            Vec::new()
        }
        other => other?,
    };
    let submissions: Vec<Summary> = located
        .into_iter()
        .rev()
        .filter(|located| review::may_list(app, ctx, located))
        .map(|located| review::line(app, ctx, located.summary))
        .collect();
    // Somebody without submissions (all erased one by one) is still a person to those who may erase people.
    if submissions.is_empty() && !sees_everybody {
        return Ok(Vec::new());
    }
    Ok(vec![Found { subject, submissions }])
}
