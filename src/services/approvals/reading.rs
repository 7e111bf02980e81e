//! Reading under a legal basis. Approved, it stands: whoever asked reads the submissions of that one person by it, each with an entry
//! in the trail that names the request, until it ends, is ended, or one of the two may not agree on such things any more. Nobody
//! else reads by it, and it lets nobody see more than their role does.

use std::sync::Arc;

use super::ask::{ask, check_ask};
use super::{Approval, Matter, Shown, Stage, act, check_both, detail, invalid, may, remove};
use crate::base::clock::Timestamp;
use crate::base::ids::{ApprovalId, PersonId};
use crate::domain::legal::{LegalBasis, Reference};
use crate::domain::submission::Summary;
use crate::policy::{Action, Actor, Role};
use crate::services::{App, Context, ServiceError, blocking, review};
use crate::vault::VaultError;

/// Asks that what is held about one person may be read under a legal basis.
///
/// # Errors
/// [`ServiceError::NotFound`] for who does not hold the role; [`ServiceError::Invalid`] for somebody of whom the actor reads
/// nothing, for a reference that is none, and as for other requests.
pub async fn ask_reading(
    app: &Arc<App>,
    ctx: &Context,
    person: PersonId,
    basis: LegalBasis,
    reference: &str,
    reason: &str,
) -> Result<Shown, ServiceError> {
    check_ask(ctx, Role::Privacy)?;
    let reference = Reference::parse(reference).map_err(|problem| ServiceError::Invalid(vec![problem]))?;
    let (worker, context) = (Arc::clone(app), ctx.clone());
    if blocking(move || held(&worker, &context, &person)).await?.is_none_or(|held| held.is_empty()) {
        let message =
            "There is nothing to read of such a person. A submission says whom it is about, in 26 characters.";
        return Err(invalid("subject", "nobody", message));
    }
    ask(app, ctx, Matter::LegalReading { person: Some(person), basis, reference }, reason).await
}

/// Whether the actor may ask for it.
pub fn may_ask_reading(ctx: &Context) -> bool {
    check_ask(ctx, Role::Privacy).is_ok()
}

/// What lets the actor read the submissions of a person.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The request.
    pub id: ApprovalId,
    /// On what ground.
    pub basis: LegalBasis,
    /// By what name the case goes.
    pub reference: Reference,
    /// From when on no more.
    pub until: Timestamp,
}

/// By what the actor reads the submissions of this person now: of several, what lasts longest.
pub(in crate::services) fn standing(app: &App, ctx: &Context, person: &PersonId) -> Option<Standing> {
    let account = ctx.actor.account().filter(|_| is_whole(ctx))?;
    let mine: Vec<(ApprovalId, Approval)> = app.approvals.read(|rows| {
        let mine = rows.iter().filter(|(_, row)| row.asker == account && is_about(row, person));
        mine.map(|(id, row)| (*id, row.clone())).collect()
    });
    let standing = mine.into_iter().filter(|(_, row)| may(app, ctx, Action::UseApproval, row) && stands(app, row));
    let (id, row) = standing.max_by_key(|(_, row)| row.expires)?;
    match row.matter {
        Matter::LegalReading { basis, reference, .. } => Some(Standing { id, basis, reference, until: row.expires }),
        _ => None,
    }
}

/// What somebody reads on with: it holds while the request does by which they began.
pub(in crate::services) struct Reading {
    app: Arc<App>,
    ctx: Context,
    person: PersonId,
    standing: Standing,
}

impl Reading {
    pub(in crate::services) fn new(app: &Arc<App>, ctx: &Context, person: PersonId, standing: Standing) -> Self {
        Self { app: Arc::clone(app), ctx: ctx.clone(), person, standing }
    }

    /// By which request.
    pub(in crate::services) const fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(in crate::services) fn holds(&self) -> bool {
        let row = self.app.approvals.read(|rows| rows.get(&self.standing.id).cloned());
        row.is_some_and(|row| {
            is_about(&row, &self.person)
                && may(&self.app, &self.ctx, Action::UseApproval, &row)
                && stands(&self.app, &row)
        })
    }
}

/// What two people agreed on for a person is not for a token that was made to do a part of what they may.
fn is_whole(ctx: &Context) -> bool {
    matches!(&ctx.actor, Actor::Staff { scope, .. } if scope.is_whole())
}

/// Whether it may be read by this request now, by whoever asked.
pub(super) fn stands(app: &App, row: &Approval) -> bool {
    matches!(row.matter, Matter::LegalReading { .. })
        && row.stage_at(app.clock.now()) == Stage::Approved
        && check_both(app, row).is_ok()
}

fn is_about(row: &Approval, person: &PersonId) -> bool {
    matches!(&row.matter, Matter::LegalReading { person: Some(one), .. } if one == person)
}

/// The submissions of a person that the actor may list, newest first; `None` when there is no such person.
pub(super) fn held(app: &App, ctx: &Context, person: &PersonId) -> Option<Vec<Summary>> {
    let located = match app.vault.records_of(person) {
        Ok(located) => located,
        Err(VaultError::Missing) => return None,
        Err(error) => {
            tracing::error!(%person, %error, "what is held about a person does not open; run `letterlock verify`");
            return Some(Vec::new());
        }
    };
    let listed = located.into_iter().rev().filter(|located| review::may_list(app, ctx, located));
    Some(listed.map(|located| review::line(app, ctx, located.summary)).collect())
}

/// Whether anything waits or stands that is about somebody.
pub(super) fn is_any_open(app: &App) -> bool {
    app.approvals
        .read(|rows| rows.values().any(|row| matches!(row.matter, Matter::LegalReading { person: Some(_), .. })))
}

/// Drops requests about somebody who was erased, with the reason and the reference: these may tell of them. The caller has the
/// turn to change requests.
pub(super) async fn drop_erased(app: &Arc<App>, system: &Context) -> Result<(), ServiceError> {
    let about: Vec<(ApprovalId, Approval, PersonId)> = app.approvals.read(|rows| {
        let about = rows.iter().filter_map(|(id, row)| match row.matter {
            Matter::LegalReading { person: Some(person), .. } => Some((*id, row.clone(), person)),
            _ => None,
        });
        about.collect()
    });
    if about.is_empty() {
        return Ok(());
    }
    let worker = Arc::clone(app);
    let is_gone = move |person: &PersonId| matches!(worker.vault.records_of(person), Err(VaultError::Missing));
    let gone = blocking(move || about.into_iter().filter(|(_, _, person)| is_gone(person)).collect::<Vec<_>>()).await?;
    for (id, row, _) in gone {
        let over = row.at_stage(Stage::Expired, None, app.clock.now());
        remove(app, act(app, system, Action::ExpireApproval, &row)?, detail(id, &over), id).await?;
    }
    Ok(())
}
