//! Where the holders of accounts are, and what they may read from there.

use std::sync::Arc;

use super::alone::check_another;
use super::{AccountRow, find, parse_login, save};
use crate::base::ids::StaffId;
use crate::domain::region::Region;
use crate::policy::{Action, Reach, Resource, Scope};
use crate::services::{App, Context, ServiceError};

/// Says where the holder of an account reads; `None` for where the vault is. It counts from the next request on.
///
/// # Errors
/// [`ServiceError::NotFound`] for an unknown login; [`ServiceError::Invalid`] for one's own; [`ServiceError::Forbidden`].
pub async fn set(app: &Arc<App>, ctx: &Context, login: &str, region: Option<Region>) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let login = parse_login(login)?;
    let _one_at_a_time = app.staff.changing.lock().await;
    let (id, row) = find(app, login.as_str())?.ok_or(ServiceError::NotFound)?;
    check_another(ctx, id)?;
    if row.region == region {
        return Ok(());
    }
    let change = region.as_ref().map_or_else(|| "region removed".to_owned(), |region| format!("region set: {region}"));
    save(app, act, id, AccountRow { region, ..row }, &change).await
}

/// What the roles of an account mean here, and what it may read from where it is.
pub(in crate::services) fn scope_of(app: &App, id: StaffId) -> Scope {
    complete(app, id, Scope::default())
}

/// The same for an account that acts by something that takes away more.
pub(in crate::services) fn complete(app: &App, id: StaffId, scope: Scope) -> Scope {
    scope.within(reach_of(app, id)).knowing(Arc::clone(app.custom_roles()))
}

/// What an account may read from where it is. Of an account that is not known, what may be read from where the vault is.
fn reach_of(app: &App, id: StaffId) -> Reach {
    let region = app.staff.read(|state| state.accounts.get(&id).and_then(|row| row.region.clone()));
    let here = region.ok().flatten().unwrap_or_else(|| app.region.clone());
    Reach::new(here, Arc::clone(app.safeguards()))
}
