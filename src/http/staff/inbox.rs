//! `/staff` and `/staff/inbox`: what came in, by form and status.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::{Here, page};
use crate::domain::form::{Form, FormId};
use crate::domain::submission::Status;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::results;
use crate::services::review::{self, Item, ListQuery};

/// Lines of a page.
const LINES: u32 = 50;

/// What the inbox shows.
pub(super) struct Inbox<'a> {
    /// The forms that may be listed.
    pub(super) forms: &'a [Arc<Form>],
    /// The one that is open.
    pub(super) form: Option<&'a Arc<Form>>,
    /// Only these.
    pub(super) status: Option<Status>,
    /// What the summaries are read for.
    pub(super) purpose: Option<&'a str>,
    /// What may be named.
    pub(super) purposes: &'a [String],
    /// The lines.
    pub(super) items: &'a [Item],
    /// Where the next page begins.
    pub(super) next: Option<&'a str>,
    /// Whether this is the first page.
    pub(super) first: bool,
}

/// `GET /staff`
pub(in crate::http) async fn home(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    here: Here,
    uri: Uri,
) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    Ok(page::home(&here, &review::readable(&web.app, &ctx), &results::readable(&web.app, &ctx)))
}

/// `GET /staff/inbox`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    here: Here,
    uri: Uri,
) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["form", "status", "after", "purpose"])?;
    let forms = review::readable(&web.app, &ctx);
    let wanted = query.parse::<FormId>("form", "bad-form", "This is not the name of a form.")?;
    let form = match &wanted {
        Some(id) => Some(forms.iter().find(|form| form.id == *id).ok_or_else(HttpError::not_found)?),
        None => forms.first(),
    };
    let status = match query.text("status") {
        None => None,
        Some(name) => Some(crate::http::api::submissions::parse_status(name)?),
    };
    let purposes = form.map(|form| review::purposes(&ctx, form)).unwrap_or_default();
    // The first purpose is the form's main one; any other is chosen on the page.
    let purpose = query.text("purpose").or_else(|| purposes.first().map(String::as_str));
    let after = query.text("after");
    let (items, next) = match form {
        None => (Vec::new(), None),
        Some(form) => {
            let wanted = ListQuery {
                form: Some(form.id.clone()),
                status,
                after: after.map(str::to_owned),
                limit: Some(LINES),
                purpose: purpose.map(str::to_owned),
            };
            let page = review::list(&web.app, &ctx, wanted).await?;
            (page.items, page.next)
        }
    };
    let inbox = Inbox {
        forms: &forms,
        form,
        status,
        purpose,
        purposes: &purposes,
        items: &items,
        next: next.as_deref(),
        first: after.is_none(),
    };
    Ok(page::inbox(&here, &inbox))
}
