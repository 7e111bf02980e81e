//! Finds a person by e-mail address. The address is never written down.

use std::sync::Arc;

use super::{App, Context, ServiceError};
use crate::base::ids::PersonId;
use crate::base::sensitive::SensitiveString;
use crate::domain::submission::Summary;

/// What is held about a person, as far as the actor may see it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The person.
    pub subject: PersonId,
    /// Their submissions, newest first, without content.
    pub submissions: Vec<Summary>,
}

/// Everybody held under this address: none or one.
///
/// # Errors
/// [`ServiceError::Invalid`] for something that is not an address; [`ServiceError::Forbidden`].
pub async fn by_email(app: &Arc<App>, ctx: &Context, email: &SensitiveString) -> Result<Vec<Found>, ServiceError> {
    let _ = (app, ctx, email);
    todo!()
}
