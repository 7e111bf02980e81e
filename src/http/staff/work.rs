//! What is done with a submission among colleagues: whose it is, labels, notes.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use super::opened::Part;
use super::record::{back, refused};
use super::{Posted, SMALL, Visit, see_other, whole};
use crate::base::ids::RecordId;
use crate::domain::work::Label;
use crate::http::api::download;
use crate::http::error::HttpError;
use crate::services::ServiceError;
use crate::services::work::{self, Change, LabelChange};

/// Bytes of a post with a note: as much as a message may be, each byte written in three.
const NOTE: u64 = 256 * 1024;

/// `POST /staff/record/{id}/work`
pub(in crate::http) async fn change(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, SMALL).await?;
    let (change, typed) = match posted.text("do") {
        "assign" => (Change { assignee: Some(posted.text("assignee").to_owned()), ..Change::default() }, None),
        "take" => (Change { assignee: Some(here.who.login.clone()), ..Change::default() }, None),
        "labels" => {
            // Boxes come one by one, words in a line with commas.
            let words: Vec<&str> = posted.all("labels").flat_map(|text| text.split(',')).collect();
            let typed = words.join(",");
            let words = words.into_iter().filter(|word| !word.trim().is_empty());
            match words.map(Label::parse).collect::<Result<Vec<_>, _>>() {
                Ok(labels) => (Change { labels: Some(LabelChange::Set(labels)), ..Change::default() }, Some(typed)),
                Err(problem) => {
                    let error = ServiceError::Invalid(vec![problem]);
                    let what = (Part::Labels, typed.as_str());
                    return refused(&web, &ctx, &here, id, posted.text("purpose"), what, error).await;
                }
            }
        }
        "unread" => (Change { seen: Some(false), ..Change::default() }, None),
        _ => return Err(HttpError::malformed("There is no such thing to do.")),
    };
    let unread = change.seen == Some(false);
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    match whole(async move { work::change(&app, &asked, id, change).await }).await {
        // Whoever went back to it would have seen it again.
        Ok(summary) if unread => Ok(see_other(&format!("/staff/inbox?form={}", summary.form.as_str()))),
        Ok(_) => Ok(see_other(&format!("{}#work", back(id, posted.text("purpose"))))),
        Err(error @ ServiceError::Invalid(_)) if typed.is_some() => {
            let typed = typed.unwrap_or_default();
            refused(&web, &ctx, &here, id, posted.text("purpose"), (Part::Labels, &typed), error).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /staff/record/{id}/notes`
pub(in crate::http) async fn note(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, NOTE).await?;
    let (app, asked, text) = (Arc::clone(&web.app), ctx.clone(), posted.secret("note"));
    match whole(async move { work::note(&app, &asked, id, text.expose()).await }).await {
        Ok(number) => Ok(see_other(&format!("{}#note-{}", back(id, posted.text("purpose")), number + 1))),
        Err(error @ ServiceError::Invalid(_)) => {
            refused(&web, &ctx, &here, id, posted.text("purpose"), (Part::Note, posted.text("note")), error).await
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /staff/record/{id}/notes/{n}`
pub(in crate::http) async fn disclose(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = download::number(&params)?;
    let posted = Posted::read(&here, request, SMALL).await?;
    let disclosed = posted.text("disclosed") == "yes";
    let app = Arc::clone(&web.app);
    whole(async move { work::disclose(&app, &ctx, id, n, disclosed).await }).await?;
    Ok(see_other(&format!("{}#note-{}", back(id, posted.text("purpose")), u64::from(n) + 1)))
}
