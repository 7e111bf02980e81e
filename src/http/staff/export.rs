//! `/staff/requests/export`: asking to take submissions out as a file; and the download, once another has approved it.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Choice, Frame, html};
use super::{Here, Posted, Visit, first, requests, see_other, view, whole};
use crate::base::ids::{ApprovalId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::domain::export::Export;
use crate::domain::form::FormSet;
use crate::domain::work::Label;
use crate::http::Web;
use crate::http::api::approvals::parse_format;
use crate::http::api::complete;
use crate::http::api::search::{parse_day, parse_form};
use crate::http::api::submissions::{parse_label, parse_status};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::export::{self, Asked, Format, Progress, State as Came};
use crate::services::{Context, Credential, ServiceError, approvals, review, work};

/// Bytes of a post: as many submissions as can be ticked, and a reason.
const POST: u64 = 32 * 1024;

/// What the page shows as filled in.
#[derive(Default)]
struct Filled {
    format: String,
    purpose: String,
    status: String,
    whose: String,
    label: SensitiveString,
    from: String,
    until: String,
    records: Vec<RecordId>,
    reason: SensitiveString,
}

/// `GET /staff/requests/export`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["form", "status", "assignee", "label"])?;
    let text = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let label = text("label").into();
    let filled = Filled { status: text("status"), whose: text("assignee"), label, ..Filled::default() };
    page(&web, &ctx, &here, query.text("form"), &filled, None)
}

/// The same for those that were ticked in the inbox.
pub(super) fn of_ticked(
    web: &Web,
    ctx: &Context,
    here: &Here,
    form: &str,
    records: &[RecordId],
) -> Result<Response, HttpError> {
    if records.is_empty() {
        return Err(HttpError::malformed("Tick at least one submission first."));
    }
    page(web, ctx, here, Some(form), &Filled { records: records.to_vec(), ..Filled::default() }, None)
}

/// `POST /staff/requests/export`
pub(in crate::http) async fn ask(Visit { web, ctx, here, .. }: Visit, request: Request) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, POST).await?;
    let text = |name: &str| posted.text(name).trim().to_owned();
    let filled = Filled {
        format: text("format"),
        purpose: text("purpose"),
        status: text("status"),
        whose: text("assignee"),
        label: posted.secret("label"),
        from: text("from"),
        until: text("until"),
        records: posted
            .all("id")
            .map(|id| id.parse().map_err(|_| HttpError::malformed("This is not the id of a submission.")))
            .collect::<Result<_, _>>()?,
        reason: posted.secret("reason"),
    };
    let form = posted.text("form");
    let asked = match asked(form, &filled) {
        Ok(asked) => asked,
        Err(error) => match first(&error.problems) {
            Some(problem) => return page(&web, &ctx, &here, Some(form), &filled, Some(&problem)),
            None => return Err(error),
        },
    };
    let (app, caller, reason) = (Arc::clone(&web.app), ctx.clone(), posted.secret("reason"));
    let done = whole(async move { approvals::ask_export(&app, &caller, asked, reason.expose()).await }).await;
    let problem = match done {
        Ok(_) => return Ok(see_other(requests::PAGE)),
        Err(ServiceError::Invalid(problems)) => first(&problems),
        Err(ServiceError::PurposeNeeded { .. }) => Some("Say what it is for.".to_owned()),
        Err(ServiceError::Later(_)) => Some("Submissions are still being counted; ask again in a moment.".to_owned()),
        Err(other) => return Err(other.into()),
    };
    page(&web, &ctx, &here, Some(form), &filled, problem.as_deref())
}

/// `POST /staff/requests/{id}/download`
pub(in crate::http) async fn download(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, super::SMALL).await?;
    let id: ApprovalId = params.parse("id")?;
    let app = Arc::clone(&web.app);
    let credential = Credential::of_session(&here.who.session);
    let run = complete(async move { export::begin(&app, &ctx, credential, id).await }).await?;
    Ok(crate::http::export::answer(&web.app, run))
}

fn asked(form: &str, filled: &Filled) -> Result<Asked, HttpError> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let day = |field, text: &str| given(text).map(|text| parse_day(field, &text)).transpose();
    Ok(Asked {
        form: parse_form(form)?,
        format: parse_format(&filled.format)?,
        purpose: filled.purpose.clone(),
        status: given(&filled.status).map(|name| parse_status(&name)).transpose()?,
        whose: given(&filled.whose),
        label: given(filled.label.expose()).map(|label| parse_label(&label)).transpose()?,
        from: day("from", &filled.from)?,
        until: day("until", &filled.until)?,
        records: filled.records.clone(),
    })
}

fn page(
    web: &Web,
    ctx: &Context,
    here: &Here,
    form: Option<&str>,
    filled: &Filled,
    problem: Option<&str>,
) -> Result<Response, HttpError> {
    let forms = export::exportable(&web.app, ctx);
    let form = match form {
        Some(name) => forms.iter().find(|one| one.id.as_str() == name),
        None => forms.first(),
    };
    let form = form.ok_or_else(HttpError::not_found)?;
    let login = here.who.login.as_str();
    let choice = |value: &str, words: &str, picked: &str| Choice::of(value.to_owned(), words, value == picked);
    let purposes = review::purposes(ctx, form);
    let picked =
        if filled.purpose.is_empty() { purposes.first().cloned().unwrap_or_default() } else { filled.purpose.clone() };
    let mut whose = vec![
        choice("", "Anybody's", &filled.whose),
        choice("me", "Mine and my teams'", &filled.whose),
        choice("nobody", "Nobody's", &filled.whose),
    ];
    whose.extend(
        work::candidates(&web.app, form)?.iter().map(|name| choice(name, &view::assignee(name, login), &filled.whose)),
    );
    let format = if filled.format.is_empty() { Format::Xlsx.as_str() } else { filled.format.as_str() };
    let page = ExportPage {
        frame: Frame::of(here),
        problem,
        others: forms.iter().filter(|one| one.id != form.id).map(|one| (one.id.to_string(), &*one.title)).collect(),
        form: form.id.to_string(),
        title: &form.title,
        formats: Format::ALL.map(|one| choice(one.as_str(), format_in_words(one), format)).into(),
        purposes: purposes.iter().map(|one| choice(one, &view::purpose(one), &picked)).collect(),
        statuses: form
            .kind
            .statuses()
            .iter()
            .map(|one| choice(one.as_str(), view::status(*one), &filled.status))
            .collect(),
        whose,
        filled,
        records: filled.records.iter().map(RecordId::to_string).collect(),
        most: Format::Csv.most(),
        most_in_archive: Format::Zip.most(),
    };
    Ok(html(if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

const fn format_in_words(format: Format) -> &'static str {
    match format {
        Format::Csv => "CSV: a table as text",
        Format::Xlsx => "XLSX: a table for Excel, LibreOffice and the like",
        Format::Json => "JSON: everything, with the conversations, for programs",
        Format::Zip => "ZIP: everything, with the files that were sent",
    }
}

/// A request in a sentence.
pub(super) fn in_words(forms: &FormSet, wanted: &Export) -> String {
    let title = forms.get(&wanted.form).map_or(wanted.form.as_str(), |form| &form.title);
    let noun = if wanted.count == 1 { "submission" } else { "submissions" };
    format!("Export {} {noun} to “{title}” as {}", wanted.count, wanted.format.as_str().to_uppercase())
}

/// What is exported, in words: names and what they say.
pub(super) fn facts(wanted: &Export, asker: &str) -> Vec<(&'static str, String)> {
    let whose = wanted.whose.as_deref().map(|whose| match whose {
        "me" => format!("{asker}’s and their teams’"),
        "nobody" => "nobody’s".to_owned(),
        name => name.to_owned(),
    });
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    let facts = [
        ("For", Some(view::purpose(&wanted.purpose))),
        ("Status", wanted.status.map(|status| view::status(status).to_owned())),
        ("Whose", whose),
        ("Label", wanted.label.as_ref().map(|label| Label::expose(label).to_owned())),
        ("From", day(wanted.first_day())),
        ("Until", day(wanted.last_day())),
    ];
    facts.into_iter().filter_map(|(name, said)| Some((name, said?))).collect()
}

/// How far a download is, and whether it goes on.
pub(super) fn progress(progress: Progress) -> (String, bool) {
    let Progress { sent, of, state } = progress;
    match state {
        Came::Running => (format!("Being downloaded: {sent} of {of} handed out so far."), true),
        Came::Complete => (format!("Downloaded: {sent} of {of} handed out."), false),
        Came::BrokenOff => {
            (format!("The download broke off: {sent} of {of} were handed out. Ask anew for the rest."), false)
        }
    }
}

#[derive(Template)]
#[template(path = "staff/export.html")]
struct ExportPage<'a> {
    frame: Frame,
    problem: Option<&'a str>,
    /// Other forms that they may export: names and titles.
    others: Vec<(String, &'a str)>,
    form: String,
    title: &'a str,
    formats: Vec<Choice>,
    purposes: Vec<Choice>,
    statuses: Vec<Choice>,
    whose: Vec<Choice>,
    filled: &'a Filled,
    /// Those that were ticked.
    records: Vec<String>,
    most: usize,
    most_in_archive: usize,
}
