//! What is done with several submissions that were ticked in the inbox.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;

use super::inbox_page::{self, Outcome};
use super::{Posted, Visit, export, whole};
use crate::base::ids::RecordId;
use crate::domain::work::Label;
use crate::http::api::submissions::parse_status;
use crate::http::error::HttpError;
use crate::http::speech::Speech;
use crate::services::ServiceError;
use crate::services::work::{self, Change, LabelChange};

/// Bytes of a post with a hundred submissions that were ticked.
const TICKED: u64 = 32 * 1024;

/// `POST /staff/inbox/changes`
pub(in crate::http) async fn change(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, TICKED).await?;
    let ids: Vec<RecordId> = posted
        .all("id")
        .map(|id| id.parse().map_err(|_| HttpError::malformed("This is not the id of a submission.")))
        .collect::<Result<_, _>>()?;
    let label = || Label::parse(posted.text("label")).map_err(|problem| ServiceError::Invalid(vec![problem]));
    let labelled = |add: Vec<Label>, remove: Vec<Label>| Change {
        labels: Some(LabelChange::Edit { add, remove }),
        ..Change::default()
    };
    let what = posted.text("do");
    if what == "export" {
        return export::of_ticked(&web, &ctx, &here, posted.text("form"), &ids);
    }
    let wanted = match what {
        "assign" => Some(Change { assignee: Some(posted.text("assignee").to_owned()), ..Change::default() }),
        "status" => Some(Change { status: Some(parse_status(posted.text("status"))?), ..Change::default() }),
        "label" => Some(labelled(vec![label()?], Vec::new())),
        "unlabel" => Some(labelled(Vec::new(), vec![label()?])),
        "read" => Some(Change { seen: Some(true), ..Change::default() }),
        "unread" => Some(Change { seen: Some(false), ..Change::default() }),
        "undo" => None,
        _ => return Err(HttpError::malformed("There is no such thing to do.")),
    };
    let undo = wanted.as_ref().is_some_and(|change| change.status.is_some());
    let app = Arc::clone(&web.app);
    let outcomes = whole(async move {
        match wanted {
            Some(change) => work::change_several(&app, &ctx, &ids, &change).await,
            None => work::undo_several(&app, &ctx, &ids).await,
        }
    })
    .await?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in outcomes {
        match outcome {
            Ok(_) => done.push(id),
            Err(error) => {
                let error = HttpError::from(error);
                let said = error.problems.first().map_or(&error.detail, |problem| &problem.message);
                failed.push((id, Speech::default().sentence(said)));
            }
        }
    }
    let (form, purpose) = (posted.text("form"), posted.text("purpose"));
    Ok(inbox_page::outcome(&here, &Outcome { form, purpose, done: &done, failed: &failed, undo }))
}
