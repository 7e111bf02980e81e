//! Alerts about unusual reading: raised by the software, explained by whoever read, seen to by a privacy officer. Each step is an entry
//! of the audit trail; the reason stands sealed with the alert, not in the trail.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use super::{App, Context, Problem, ServiceError, staff};
use crate::adapters::mail::Outgoing;
use crate::base::clock::Timestamp;
use crate::base::ids::{AlertId, StaffId};
use crate::domain::alert::KEPT;
pub use crate::domain::alert::{Alert, HOLDS, Unusual, WINDOW};
use crate::domain::approval::Reason;
use crate::policy::{self, Action, Actor, Resource, Role, Scope};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Act, Detail, Vault, VaultError};

/// All alerts in memory, and the turn of whoever changes one.
pub(super) struct Alerts {
    rows: RwLock<BTreeMap<AlertId, Alert>>,
    changing: tokio::sync::Mutex<()>,
}

impl Alerts {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Alerts)?;
        let rows = rows.into_iter().map(|(id, row)| (AlertId::from_bytes(id), row)).collect();
        Ok(Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::new(()) })
    }

    fn read<T>(&self, f: impl FnOnce(&BTreeMap<AlertId, Alert>) -> T) -> T {
        f(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest one of an account that is not older than a reason holds.
    fn latest(&self, account: StaffId, now: Timestamp) -> Option<(AlertId, Alert)> {
        let of = |(_, alert): &(&AlertId, &Alert)| {
            alert.account == account && (now.since(alert.at) < HOLDS || alert.is_explained(now))
        };
        self.read(|rows| rows.iter().filter(of).max_by_key(|(_, alert)| alert.at).map(|(id, row)| (*id, row.clone())))
    }
}

/// An alert as those see it who may.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: AlertId,
    /// The alert.
    pub alert: Alert,
    /// The login of whose it is.
    pub login: String,
    /// Of whoever has seen to it.
    pub settled_by: Option<String>,
    /// Whether the actor may say that it is seen to.
    pub may_settle: bool,
}

impl Shown {
    /// As the interface shows it.
    pub fn to_json(&self) -> Value {
        let (kind, count, usual) = match self.alert.unusual {
            Unusual::Fast { opened } => ("fast", opened, None),
            Unusual::Lines { shown } => ("lines", shown, None),
            Unusual::Much { opened, usual } => ("much", opened, Some(usual)),
        };
        json!({
            "id": self.id, "login": self.login, "time": self.alert.at, "kind": kind, "count": count, "usual": usual,
            "reason": self.alert.reason.as_ref().map(|(reason, _)| reason.expose()),
            "settled_by": self.settled_by, "settled": self.alert.settled.map(|(_, at)| at),
        })
    }
}

/// Whether the account has said lately why it reads so much.
pub(super) fn is_explained(app: &App, account: StaffId, now: Timestamp) -> bool {
    app.alerts.latest(account, now).is_some_and(|(_, alert)| alert.is_explained(now))
}

/// Raises one, unless there is one of this hour already, and has privacy officers told.
pub(super) async fn raise(app: &Arc<App>, account: StaffId, unusual: Unusual) -> Result<(), ServiceError> {
    let _one_at_a_time = app.alerts.changing.lock().await;
    let now = app.clock.now();
    if app.alerts.latest(account, now).is_some() {
        return Ok(());
    }
    let act = Context::system(app)?.act(Action::RaiseAlert, &Resource::Vault)?;
    let id = AlertId::make_random(&*app.entropy).map_err(VaultError::from)?;
    write(app, act, id, Alert { account, at: now, unusual, reason: None, settled: None }, "unusual reading").await?;
    tracing::warn!(account = %account, "an account reads unusually much and is asked why");
    tell_officers(app);
    Ok(())
}

/// Says why one reads so much. It holds for an hour.
///
/// # Errors
/// [`ServiceError::Invalid`] for no reason; [`ServiceError::NotFound`] for who was not asked; [`ServiceError::Forbidden`] for who has no
/// account.
pub async fn explain(app: &Arc<App>, ctx: &Context, reason: &str) -> Result<(), ServiceError> {
    let Actor::Staff { id: account, login, roles, .. } = &ctx.actor else { return Err(ServiceError::Forbidden) };
    // It is about oneself, so a token of some forms or acts gives it too: it could go on nowhere otherwise.
    let actor = Actor::Staff { id: *account, login: login.clone(), roles: roles.clone(), scope: Scope::default() };
    let act = Context { actor, ..ctx.clone() }.act(Action::GiveReason, &Resource::Staff)?;
    let reason = Reason::parse(reason).map_err(|problem: Problem| ServiceError::Invalid(vec![problem]))?;
    let _one_at_a_time = app.alerts.changing.lock().await;
    let now = app.clock.now();
    let (id, alert) = app.alerts.latest(*account, now).ok_or(ServiceError::NotFound)?;
    // The first one stays: who reads on after an hour is asked anew, with an alert of its own.
    if alert.reason.is_some() {
        return Ok(());
    }
    write(app, act, id, Alert { reason: Some((reason, now)), ..alert }, "reason given for unusual reading").await
}

/// What the actor was asked about and has not answered yet.
pub fn asked(app: &App, ctx: &Context) -> Option<Alert> {
    let Actor::Staff { id, .. } = &ctx.actor else { return None };
    app.alerts.latest(*id, app.clock.now()).map(|(_, alert)| alert).filter(|alert| alert.reason.is_none())
}

/// All alerts, newest first.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<Shown>, ServiceError> {
    let act = ctx.act(Action::ReadAlerts, &Resource::Audit)?;
    let may_settle = policy::decide(&ctx.actor, Action::SettleAlert, &Resource::Audit).is_ok();
    let name = |id| staff::name_of(app, id).map_or_else(|| id.to_string(), |(login, _)| login);
    let mut out: Vec<Shown> = app.alerts.read(|rows| {
        let shown = rows.iter().map(|(id, alert)| Shown {
            id: *id,
            alert: alert.clone(),
            login: name(alert.account),
            settled_by: alert.settled.map(|(id, _)| name(id)),
            may_settle: may_settle && alert.settled.is_none() && ctx.actor.account() != Some(alert.account),
        });
        shown.collect()
    });
    out.sort_by_key(|shown| (std::cmp::Reverse(shown.alert.at), shown.id));
    app.vault.record_act(act, Detail::Found(out.len() as u64)).await?;
    Ok(out)
}

/// Says that one has seen to an alert; of another's, never one's own.
///
/// # Errors
/// [`ServiceError::NotFound`]; [`ServiceError::Forbidden`].
pub async fn settle(app: &Arc<App>, ctx: &Context, id: AlertId) -> Result<(), ServiceError> {
    let act = ctx.act(Action::SettleAlert, &Resource::Audit)?;
    let officer = ctx.actor.account().ok_or(ServiceError::Forbidden)?;
    let _one_at_a_time = app.alerts.changing.lock().await;
    let alert = app.alerts.read(|rows| rows.get(&id).cloned()).ok_or(ServiceError::NotFound)?;
    if alert.account == officer {
        return Err(ServiceError::Forbidden);
    }
    if alert.settled.is_some() {
        return Ok(());
    }
    let settled = Some((officer, app.clock.now()));
    write(app, act, id, Alert { settled, ..alert }, "unusual reading seen to").await
}

/// Removes what is old.
///
/// # Errors
/// Storage errors.
pub async fn tidy(app: &Arc<App>) -> Result<(), ServiceError> {
    let _one_at_a_time = app.alerts.changing.lock().await;
    let now = app.clock.now();
    let old = |(id, alert): (&AlertId, &Alert)| (now.since(alert.at) > KEPT).then_some(*id);
    let old: Vec<AlertId> = app.alerts.read(|rows| rows.iter().filter_map(old).collect());
    for id in old {
        let act = Context::system(app)?.act(Action::CleanUp, &Resource::Vault)?;
        let gone = [*id.as_bytes()];
        app.vault.change_system_rows(act, Detail::Removed(1), Vec::new(), SystemTable::Alerts, &gone).await?;
        app.alerts.rows.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
    Ok(())
}

async fn write(app: &Arc<App>, act: Act, id: AlertId, alert: Alert, change: &str) -> Result<(), ServiceError> {
    let row = app.vault.seal_system_row(SystemTable::Alerts, id.as_bytes(), &alert)?;
    let detail = Detail::Account { id: alert.account, change: change.to_owned() };
    app.vault.write_system_rows(act, detail, vec![row]).await?;
    app.alerts.rows.write().unwrap_or_else(PoisonError::into_inner).insert(id, alert);
    Ok(())
}

/// Sends word to the work addresses of privacy officers, once: it stands in the console whether or not a mail gets through. It names nobody.
fn tell_officers(app: &Arc<App>) {
    let Some(post) = app.post().cloned() else { return };
    let officers = staff::addresses_of(app, Role::Privacy);
    tokio::spawn(async move {
        for to in officers {
            let text = format!(
                "Somebody reads far more than usual and was asked why. Please look at {}/staff/alerts\n",
                post.url()
            );
            let html = format!("<p>{}</p>", text.trim());
            let mail = Outgoing {
                to,
                subject: "Unusual reading".to_owned(),
                text: text.into(),
                html: html.into(),
                id: None,
                unsubscribe: None,
            };
            if let Err(error) = post.carry(&mail).await {
                tracing::warn!(%error, "a privacy officer could not be told of unusual reading by mail");
            }
        }
    });
}
