//! Submissions: list, show, mark, erase.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use crate::base::ids::RecordId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::message::{Author, Message};
use crate::domain::submission::{Content, Fields, FileInfo, Status, Summary};
use crate::domain::work::{Label, MAX_LABELS, Note};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::policy::Actor;
use crate::services::board::{self, Verdict};
use crate::services::inbox::Whose;
use crate::services::review::{LedgerLine, Submission};
use crate::services::work::{self, Change, LabelChange};
use crate::services::{App, Context, Problem, ServiceError, converse, erase, review};

/// Smallest JSON bodies: a status, an address.
pub(super) const SMALL_BODY: u64 = 4096;
/// A change with as many labels as there can be, each character escaped.
const PATCH_BODY: u64 = 32 * 1024;

/// `GET /api/v1/submissions`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let query = Query::strict(&uri, &["form", "status", "assignee", "label", "seen", "after", "limit", "purpose"])?;
    let status = match query.text("status") {
        None => None,
        Some(name) => Some(parse_status(name)?),
    };
    let wanted = review::ListQuery {
        form: query.parse::<FormId>("form", "bad-form", "This is not the name of a form.")?,
        status,
        whose: query.text("assignee").map(Whose::parse),
        label: query.text("label").map(parse_label).transpose()?,
        seen: query.parse::<bool>("seen", "bad-seen", "This has to be true or false.")?,
        after: query.text("after").map(str::to_owned),
        limit: limit(&query)?,
        purpose: query.text("purpose").map(str::to_owned),
    };
    let page = review::list(&web.app, &ctx, wanted).await?;
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|item| {
            let mut line = line(&web.app, &ctx, &item.summary);
            if let (Some(fields), Some(object)) = (&item.fields, line.as_object_mut()) {
                object.insert("fields".to_owned(), self::fields(fields));
                object.insert("masked".to_owned(), json!(item.masked));
            }
            line
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": page.next })))
}

/// `GET /api/v1/submissions/{id}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let id: RecordId = params.parse("id")?;
    let query = Query::strict(&uri, &["purpose"])?;
    let opened = review::show(&web.app, &ctx, id, query.text("purpose")).await?;
    let mut document = document(&opened.summary, &opened.content, &opened.messages);
    if let (true, Some(members)) = (opened.lent.is_some(), document.as_object_mut()) {
        // How it stands, and the handle by which two of the same person would be known, are not for guests.
        members.remove("status");
        members.remove("subject");
    }
    document["downloads"] = json!(opened.downloads);
    document["masked"] = json!(opened.masked);
    document["former_masked"] = json!(opened.former_masked);
    document["notes"] = Value::Array(opened.notes.iter().map(|(note, told)| self::note(note, *told)).collect());
    put_work(&web.app, &ctx, &opened.summary, &mut document);
    if let (false, Some(members)) = (opened.consent_changes.is_empty(), document.as_object_mut()) {
        let changes = opened.consent_changes.iter().map(change).collect();
        members.insert("consent_changes".to_owned(), Value::Array(changes));
    }
    Ok(Json(document))
}

/// A submission as an export holds it: as [`show`] shows it, without what staff note among themselves.
pub(in crate::http) fn exported(app: &App, opened: &Submission) -> Value {
    let mut document = document(&opened.summary, &opened.content, &opened.messages);
    document["masked"] = json!(opened.masked);
    document["former_masked"] = json!(opened.former_masked);
    document["assignee"] = json!(opened.summary.work.assignee.as_ref().map(|whose| work::name_of(app, whose)));
    document["labels"] = json!(opened.summary.work.labels.iter().map(Label::expose).collect::<Vec<_>>());
    if let (false, Some(members)) = (opened.consent_changes.is_empty(), document.as_object_mut()) {
        let changes = opened.consent_changes.iter().map(change).collect();
        members.insert("consent_changes".to_owned(), Value::Array(changes));
    }
    document
}

/// A line of the ledger.
fn change(line: &LedgerLine) -> Value {
    let consents: BTreeMap<&str, bool> = line.consents.iter().map(|(n, c)| (n.as_str(), c.given)).collect();
    json!({ "at": line.at, "source": line.source.to_string(), "notice": line.notice, "consents": consents })
}

/// A submission, opened.
pub(in crate::http) fn document(summary: &Summary, content: &Content, messages: &[Message]) -> Value {
    let consents: BTreeMap<&str, bool> = content.consents.iter().map(|(n, c)| (n.as_str(), c.given)).collect();
    let wordings: BTreeMap<&str, &str> =
        content.consents.iter().map(|(n, c)| (n.as_str(), c.wording.as_str())).collect();
    json!({
        "id": summary.id,
        "form": summary.form,
        "subject": summary.subject,
        "status": summary.status,
        "received": content.received,
        "region": content.region,
        "fields": fields(&content.fields),
        "consents": consents,
        "files": content.files.iter().map(file).collect::<Vec<_>>(),
        "messages": messages.iter().map(message).collect::<Vec<_>>(),
        "form_version": content.form_version,
        "notice": content.notice,
        "consent_wordings": wordings,
        "server_key": content.server_key,
    })
}

/// A message as staff see it.
pub(in crate::http) fn message(message: &Message) -> Value {
    let author = match &message.author {
        Author::Subject => json!({ "is": "subject" }),
        Author::Staff { role, login } => json!({ "is": "staff", "role": role, "login": login }),
    };
    json!({
        "at": message.at,
        "author": author,
        "text": message.text.expose(),
        "files": message.files.iter().map(file).collect::<Vec<_>>(),
    })
}

/// The body of a `POST` of a message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: SensitiveString,
    status: Option<Value>,
}

/// `POST /api/v1/submissions/{id}/messages`
pub(in crate::http) async fn answer(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Answer { text, status } = json::read(&parts.headers, &mut body, web.limits.max_body_bytes).await?;
    let status = status.map(|status| parse_status(status.as_str().unwrap_or(""))).transpose()?;
    let number = complete(async move { converse::answer(&web.app, &ctx, id, text.expose(), status).await }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "number": number }))))
}

/// The body of a `POST` of a publication.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publication {
    published: bool,
    #[serde(default)]
    reason: Option<SensitiveString>,
}

/// `POST /api/v1/submissions/{id}/publication`
pub(in crate::http) async fn moderate(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let verdict = match json::read(&parts.headers, &mut body, web.limits.max_body_bytes).await? {
        Publication { published: true, reason: None } => Verdict::Publish,
        Publication { published: true, reason: Some(_) } => {
            let message = "A reason is for declining.";
            return Err(HttpError::invalid_field("reason", "not-needed", message));
        }
        Publication { published: false, reason } => Verdict::Decline(reason.unwrap_or_default()),
    };
    let (app, caller) = (Arc::clone(&web.app), ctx.clone());
    let summary = complete(async move { board::moderate(&app, &caller, id, verdict).await }).await?;
    Ok(Json(line(&web.app, &ctx, &summary)))
}

/// The body of a `PATCH`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    status: Option<Value>,
    /// Null is for nobody, and leaving it out for no change.
    #[serde(default, deserialize_with = "some")]
    assignee: Option<Option<String>>,
    labels: Option<Vec<SensitiveString>>,
    add_labels: Option<Vec<SensitiveString>>,
    remove_labels: Option<Vec<SensitiveString>>,
    seen: Option<bool>,
}

fn some<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(d).map(Some)
}

impl Patch {
    fn change(self) -> Result<Change, HttpError> {
        let Self { status, assignee, labels, add_labels, remove_labels, seen } = self;
        let status = status.map(|status| parse_status(status.as_str().unwrap_or(""))).transpose()?;
        let assignee = match assignee {
            Some(Some(name)) if name.is_empty() => {
                return Err(HttpError::invalid_field("assignee", "bad-assignee", "Nobody is null."));
            }
            other => other.map(Option::unwrap_or_default),
        };
        let labels = match (labels, add_labels, remove_labels) {
            (None, None, None) => None,
            (Some(set), None, None) => Some(LabelChange::Set(parse_labels(&set)?)),
            (None, add, remove) => Some(LabelChange::Edit {
                add: parse_labels(&add.unwrap_or_default())?,
                remove: parse_labels(&remove.unwrap_or_default())?,
            }),
            (Some(_), ..) => {
                let message = "Either all labels, or those that are added and removed.";
                return Err(HttpError::invalid_field("labels", "not-needed", message));
            }
        };
        Ok(Change { status, assignee, labels, seen })
    }
}

pub(in crate::http) fn parse_label(typed: &str) -> Result<Label, HttpError> {
    Label::parse(typed)
        .map_err(|problem| ServiceError::Invalid(vec![Problem { field: Some("label".to_owned()), ..problem }]).into())
}

fn parse_labels(typed: &[SensitiveString]) -> Result<Vec<Label>, HttpError> {
    // More than can be set are not looked at one by one.
    let (typed, beyond) = typed.split_at(typed.len().min(2 * MAX_LABELS));
    if !beyond.is_empty() {
        let message = format!("A submission has at most {MAX_LABELS} labels.");
        return Err(HttpError::invalid_field("labels", "too-many", message));
    }
    let parsed = typed.iter().map(|text| Label::parse(text.expose())).collect::<Result<_, _>>();
    parsed.map_err(|problem| ServiceError::Invalid(vec![problem]).into())
}

/// `PATCH /api/v1/submissions/{id}`
pub(in crate::http) async fn patch(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let patch: Patch = json::read(&parts.headers, &mut body, PATCH_BODY).await?;
    let change = patch.change()?;
    let (app, caller) = (Arc::clone(&web.app), ctx.clone());
    let summary = complete(async move { work::change(&app, &caller, id, change).await }).await?;
    Ok(Json(line(&web.app, &ctx, &summary)))
}

/// The body of a `POST` of changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    ids: Vec<RecordId>,
    change: Patch,
}

/// `POST /api/v1/submissions/changes`
pub(in crate::http) async fn change_several(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Changes { ids, change } = json::read(&parts.headers, &mut body, PATCH_BODY).await?;
    let change = change.change()?;
    let (app, caller) = (Arc::clone(&web.app), ctx.clone());
    let outcomes = complete(async move { work::change_several(&app, &caller, &ids, &change).await }).await?;
    let items = outcomes.into_iter().map(|(id, outcome)| match outcome {
        Ok(summary) => json!({ "id": id, "submission": line(&web.app, &ctx, &summary), "problem": null }),
        Err(error) => {
            let error = HttpError::from(error);
            let code = error.problems.first().map_or(error.slug, |problem| problem.code);
            json!({ "id": id, "submission": null, "problem": code })
        }
    });
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// The body of a `POST` of a note.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    text: SensitiveString,
}

/// `POST /api/v1/submissions/{id}/notes`
pub(in crate::http) async fn add_note(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let NewNote { text } = json::read(&parts.headers, &mut body, web.limits.max_body_bytes).await?;
    let number = complete(async move { work::note(&web.app, &ctx, id, text.expose()).await }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "number": number }))))
}

/// The body of a `PATCH` of a note.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclosure {
    disclosed: bool,
}

/// `PATCH /api/v1/submissions/{id}/notes/{n}`
pub(in crate::http) async fn disclose_note(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = super::download::number(&params)?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Disclosure { disclosed } = json::read(&parts.headers, &mut body, SMALL_BODY).await?;
    complete(async move { work::disclose(&web.app, &ctx, id, n, disclosed).await }).await?;
    Ok(Json(json!({ "number": n, "disclosed": disclosed })))
}

/// `DELETE /api/v1/submissions/{id}`
pub(in crate::http) async fn delete(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let id: RecordId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    Ok(Json(complete(async move { erase::record(&web.app, &ctx, id).await }).await?))
}

/// A note as staff see it.
fn note(note: &Note, disclosed: bool) -> Value {
    let author = json!({ "is": "staff", "role": note.role, "login": note.login });
    json!({ "at": note.at, "author": author, "text": note.text.expose(), "disclosed": disclosed })
}

/// How the work stands, as the caller sees it.
fn put_work(app: &App, ctx: &Context, summary: &Summary, line: &mut Value) {
    let work = &summary.work;
    line["assignee"] = json!(work.assignee.as_ref().map(|assignee| work::name_of(app, assignee)));
    line["labels"] = json!(work.labels.iter().map(Label::expose).collect::<Vec<_>>());
    line["note_count"] = json!(work.notes.len());
    line["seen"] = json!(match &ctx.actor {
        Actor::Staff { id, .. } => Some(work.was_seen_by(*id)),
        _ => None,
    });
}

/// A submission as a list shows it.
pub(in crate::http) fn line(app: &App, ctx: &Context, summary: &Summary) -> Value {
    let mut line = bare(summary);
    put_work(app, ctx, summary, &mut line);
    line
}

/// Of this, what is the same for whoever reads it.
pub(in crate::http) fn bare(summary: &Summary) -> Value {
    json!({
        "id": summary.id,
        "form": summary.form,
        "subject": summary.subject,
        "status": summary.status,
        "received": summary.received,
        "region": summary.region,
        "file_count": summary.files,
        "message_count": summary.messages,
    })
}

/// The `limit` of a list; its range is the service's business.
pub(super) fn limit(query: &Query) -> Result<Option<u32>, HttpError> {
    query.parse::<u32>("limit", "bad-limit", "This has to be a whole number from 1 to 200.")
}

pub(in crate::http) fn parse_status(name: &str) -> Result<Status, HttpError> {
    serde_json::from_value(Value::from(name)).map_err(|_| {
        HttpError::invalid_field(
            "status",
            "bad-status",
            "This is not a status. The form's description lists those it uses.",
        )
    })
}

pub(in crate::http) fn fields(fields: &Fields) -> Value {
    Value::Object(fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
}

pub(in crate::http) fn file(file: &FileInfo) -> Value {
    json!({
        "n": file.n,
        "field": file.field,
        "name": file.name.expose(),
        "kind": file.kind,
        "size": file.size,
        "scan": file.scan,
    })
}
