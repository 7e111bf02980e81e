//! `/staff` and `/staff/inbox`: what came in, by form and status.

use std::sync::Arc;

use axum::http::Uri;
use axum::response::Response;

use super::{Visit, inbox_page};
use crate::domain::form::{Form, FormId};
use crate::domain::submission::Status;
use crate::domain::work::Label;
use crate::http::api::submissions::{parse_label, parse_status};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::ServiceError;
use crate::services::dashboard;
use crate::services::desk::{self, Desk};
use crate::services::export;
use crate::services::guests;
use crate::services::inbox::{self, Tally, Whose};
use crate::services::results;
use crate::services::review::{self, Item, ListQuery};
use crate::services::work;

/// Lines of a page.
const LINES: u32 = 50;

/// What the inbox shows.
pub(super) struct Inbox<'a> {
    /// The forms that may be listed.
    pub(super) forms: &'a [Arc<Form>],
    /// The one that is open.
    pub(super) form: Option<&'a Arc<Form>>,
    /// Only these.
    pub(super) shown: Shown,
    /// What may be named.
    pub(super) purposes: &'a [String],
    /// Whose submissions of this form can be.
    pub(super) candidates: &'a [String],
    /// How many there are; `None` while they are being gone through.
    pub(super) tally: Option<&'a Tally>,
    /// The lines.
    pub(super) items: &'a [Item],
    /// Where the next page begins.
    pub(super) next: Option<&'a str>,
    /// Whether this is the first page.
    pub(super) first: bool,
    /// What the account has set up.
    pub(super) desk: &'a Desk,
    /// Whether each line is ticked.
    pub(super) all: bool,
    /// Whether they may ask to export submissions of this form.
    pub(super) exports: bool,
}

/// What is shown of a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) status: Option<Status>,
    /// `me`, `nobody`, or a name.
    pub(super) assignee: Option<String>,
    pub(super) label: Option<Label>,
    pub(super) seen: Option<bool>,
    /// What the summaries are read for.
    pub(super) purpose: Option<String>,
}

/// `GET /staff`
pub(in crate::http) async fn home(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let forms = review::readable(&web.app, &ctx);
    let tallies = inbox::tallies(&web.app, &ctx, &forms).await?;
    let flow = dashboard::look(&web.app, &ctx, &forms).await?;
    let lent = match guests::own(&web.app, &ctx).await {
        Ok(lent) => Some(lent),
        // No guest.
        Err(ServiceError::NotFound | ServiceError::Forbidden) => None,
        Err(other) => return Err(other.into()),
    };
    let surveys = results::readable(&web.app, &ctx);
    Ok(inbox_page::home(&here, &forms, tallies.as_deref(), flow.as_ref(), &surveys, lent.as_deref()))
}

/// `GET /staff/inbox`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["form", "status", "assignee", "label", "seen", "after", "purpose", "all"])?;
    let forms = review::readable(&web.app, &ctx);
    let wanted = query.parse::<FormId>("form", "bad-form", "This is not the name of a form.")?;
    let form = match &wanted {
        Some(id) => Some(forms.iter().find(|form| form.id == *id).ok_or_else(HttpError::not_found)?),
        None => forms.first(),
    };
    let purposes = form.map(|form| review::purposes(&ctx, form)).unwrap_or_default();
    let shown = Shown {
        status: query.text("status").map(parse_status).transpose()?,
        assignee: query.text("assignee").map(str::to_owned),
        label: query.text("label").map(parse_label).transpose()?,
        seen: query.parse::<bool>("seen", "bad-seen", "This has to be true or false.")?,
        // The first purpose is the form's main one; any other is chosen on the page.
        purpose: query.text("purpose").or_else(|| purposes.first().map(String::as_str)).map(str::to_owned),
    };
    let after = query.text("after");
    let (items, next) = match form {
        None => (Vec::new(), None),
        Some(form) => {
            let wanted = ListQuery {
                form: Some(form.id.clone()),
                status: shown.status,
                whose: shown.assignee.as_deref().map(Whose::parse),
                label: shown.label.clone(),
                seen: shown.seen,
                after: after.map(str::to_owned),
                limit: Some(LINES),
                purpose: shown.purpose.clone(),
            };
            let page = review::list(&web.app, &ctx, wanted).await?;
            (page.items, page.next)
        }
    };
    let tallies = inbox::tallies(&web.app, &ctx, form.map(std::slice::from_ref).unwrap_or_default()).await?;
    let candidates = form.map(|form| work::candidates(&web.app, form)).transpose()?.unwrap_or_default();
    let desk = desk::own(&web.app, &ctx)?;
    let inbox = Inbox {
        forms: &forms,
        form,
        shown,
        purposes: &purposes,
        candidates: &candidates,
        tally: tallies.as_ref().and_then(|tallies| tallies.first()),
        items: &items,
        next: next.as_deref(),
        first: after.is_none(),
        desk: &desk,
        all: query.text("all").is_some(),
        exports: form.is_some_and(|form| export::exportable(&web.app, &ctx).iter().any(|one| one.id == form.id)),
    };
    Ok(inbox_page::inbox(&web, &here, &inbox))
}
