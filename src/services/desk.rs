//! What an account has set up for itself: views of the inbox that it keeps, and who stands in while it is absent. Few and asked
//! for often, so they are held in memory and written through.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::{App, Context, Problem, ServiceError, inbox, staff, work};
use crate::base::clock::Timestamp;
use crate::base::ids::{RecordId, StaffId};
use crate::domain::form::Form;
use crate::domain::staff::Login;
use crate::domain::submission::{Fields, holds};
use crate::domain::work::{Assigned, Assignee, Label};
use crate::policy::{Action, Actor, Resource};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Detail, Vault, VaultError};

/// Most views that an account keeps.
pub const MOST_VIEWS: usize = 20;
/// Longest address of one, in bytes.
const LONGEST_ADDRESS: usize = 2_000;
/// How many stand-ins are followed, each absent in turn.
const CHAIN: usize = 5;

/// What an account has set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Views of the inbox, in the order in which they were kept.
    pub views: Vec<View>,
    /// Set while the account is absent.
    pub absence: Option<Absence>,
}

/// A view of the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// What it is called.
    pub name: Label,
    /// Its address on this service. Made by the service, never typed.
    pub address: String,
}

/// Somebody is not there, and somebody else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// Who gets what would come to the one that is absent.
    pub stand_in: StaffId,
    /// Since when.
    pub since: Timestamp,
}

/// All desks, and the turn of whoever changes one.
pub(super) struct Desks {
    rows: RwLock<HashMap<StaffId, Desk>>,
    changing: tokio::sync::Mutex<()>,
}

impl Desks {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Desks)?;
        let rows = rows.into_iter().map(|(id, row)| (StaffId::from_bytes(id), row)).collect();
        Ok(Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::new(()) })
    }

    fn of(&self, account: StaffId) -> Desk {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(&account).cloned().unwrap_or_default()
    }
}

/// The actor's own desk.
///
/// # Errors
/// [`ServiceError::Forbidden`] for who has no account.
pub fn own(app: &App, ctx: &Context) -> Result<Desk, ServiceError> {
    Ok(app.desks.of(account_of(ctx)?))
}

/// Keeps a view under a name, in the place of one of that name.
///
/// # Errors
/// [`ServiceError::Invalid`] for more than [`MOST_VIEWS`]; storage errors.
pub async fn keep_view(app: &Arc<App>, ctx: &Context, name: Label, address: String) -> Result<(), ServiceError> {
    if address.len() > LONGEST_ADDRESS {
        return Err(invalid("name", "too-long", "This view is too long to be kept."));
    }
    change(app, ctx, |desk| {
        desk.views.retain(|view| !view.name.is(&name));
        if desk.views.len() >= MOST_VIEWS {
            return Err(invalid("name", "too-many", "You keep twenty views. Please drop one first."));
        }
        desk.views.push(View { name: name.clone(), address: address.clone() });
        Ok(())
    })
    .await
}

/// Drops a view.
///
/// # Errors
/// Storage errors.
pub async fn drop_view(app: &Arc<App>, ctx: &Context, name: &Label) -> Result<(), ServiceError> {
    change(app, ctx, |desk| {
        desk.views.retain(|view| !view.name.is(name));
        Ok(())
    })
    .await
}

/// Says that the actor is absent and who stands in; an empty login says that they are back.
///
/// # Errors
/// [`ServiceError::Invalid`] for a login that is nobody's, or one's own; storage errors.
pub async fn set_absence(app: &Arc<App>, ctx: &Context, stand_in: &str) -> Result<(), ServiceError> {
    let own = account_of(ctx)?;
    let absence = match stand_in {
        "" => None,
        login => {
            let found = login.parse::<Login>().ok().map(|login| staff::find_active(app, &login)).transpose()?.flatten();
            let stand_in = found
                .filter(|id| *id != own)
                .ok_or_else(|| invalid("stand-in", "bad-login", "This is not the login of a colleague."))?;
            Some(Absence { stand_in, since: app.clock.now() })
        }
    };
    change(app, ctx, |desk| {
        desk.absence = absence;
        Ok(())
    })
    .await
}

/// Colleagues who could stand in, by login.
///
/// # Errors
/// [`ServiceError::Internal`].
pub fn colleagues(app: &App, ctx: &Context) -> Result<Vec<String>, ServiceError> {
    let own = account_of(ctx)?;
    Ok(staff::people(app)?.into_iter().filter(|(id, _)| *id != own).map(|(_, login)| login).collect())
}

/// What a login stands for; empty when it is gone.
pub fn login_of(app: &App, account: StaffId) -> String {
    staff::name_of(app, account).map(|(login, _)| login).unwrap_or_default()
}

/// Gives everything that is the actor's own to a colleague, as far as they read it. Returns how many were given, and how
/// many were not.
///
/// # Errors
/// [`ServiceError::Unavailable`] while the list is still being gone through; [`ServiceError::Invalid`] for no such colleague.
pub async fn hand_over(app: &Arc<App>, ctx: &Context, to: &str) -> Result<(usize, usize), ServiceError> {
    let own = account_of(ctx)?;
    let known = to.parse::<Login>().ok().map(|login| staff::find_active(app, &login)).transpose()?.flatten();
    if known.is_none_or(|id| id == own) {
        return Err(invalid("to", "bad-login", "This is not the login of a colleague."));
    }
    if !inbox::warm(app).await? {
        return Err(ServiceError::Unavailable);
    }
    let (vault, whose) = (Arc::clone(&app.vault), Assignee::Account(own));
    let ids: Vec<RecordId> = super::blocking(move || {
        let places = vault.places_given_to(&whose).unwrap_or_default();
        let own = |arrival| {
            vault
                .locate_by_arrival(arrival)
                .ok()
                .filter(|located| located.summary.work.assignee.as_ref() == Some(&whose))
        };
        places.into_iter().filter_map(own).map(|located| located.summary.id).collect()
    })
    .await?;
    let (mut given, mut kept) = (0, 0);
    let wanted = work::Change { assignee: Some(to.to_owned()), ..work::Change::default() };
    for some in ids.chunks(work::MOST_AT_ONCE) {
        for (_, outcome) in work::change_several(app, ctx, some, &wanted).await? {
            match outcome {
                Ok(_) => given += 1,
                Err(_) => kept += 1,
            }
        }
    }
    Ok((given, kept))
}

/// Whose a submission is when it arrives: what the first route of the form says that leads to somebody.
pub(super) fn route(app: &App, form: &Form, fields: &Fields) -> Option<Assignee> {
    let fitting = form.routes.iter().filter(|route| route.when.as_ref().is_none_or(|when| holds(when, fields)));
    let found = fitting.clone().find_map(|route| resolve(app, form, &route.to));
    if found.is_none() && fitting.count() > 0 {
        tracing::warn!(form = %form.id, "a route leads to nobody: no such team or account reads this form");
    }
    found
}

fn resolve(app: &App, form: &Form, to: &Assigned) -> Option<Assignee> {
    match to {
        Assigned::Person(login) => {
            let mut account = staff::find_active(app, login).ok()??;
            for _ in 0..CHAIN {
                let Some(absence) = app.desks.of(account).absence else { break };
                // A stand-in who does not read the form is none.
                if staff::login_of(app, absence.stand_in).is_none() || !work::reads(app, absence.stand_in, form) {
                    break;
                }
                account = absence.stand_in;
            }
            work::reads(app, account, form).then_some(Assignee::Account(account))
        }
        Assigned::Team(name) => {
            let members = app.teams().get(name)?;
            let reads = |login: &Login| {
                staff::find_active(app, login).ok().flatten().is_some_and(|id| work::reads(app, id, form))
            };
            members.iter().any(reads).then(|| Assignee::Team(name.clone()))
        }
    }
}

async fn change(
    app: &Arc<App>,
    ctx: &Context,
    edit: impl FnOnce(&mut Desk) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let account = account_of(ctx)?;
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    let _one_at_a_time = app.desks.changing.lock().await;
    let mut desk = app.desks.of(account);
    edit(&mut desk)?;
    let sealed = app.vault.seal_system_row(SystemTable::Desks, account.as_bytes(), &desk)?;
    let detail = Detail::Account { id: account, change: "desk".to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.desks.rows.write().unwrap_or_else(PoisonError::into_inner).insert(account, desk);
    Ok(())
}

fn account_of(ctx: &Context) -> Result<StaffId, ServiceError> {
    match &ctx.actor {
        Actor::Staff { id, .. } => Ok(*id),
        _ => Err(ServiceError::Forbidden),
    }
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}
