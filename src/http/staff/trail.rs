//! `/staff/audit`: the trail, for those who may read it: how it stands, what is in it, and proofs to take along.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::page::{Choice, Frame, html};
use super::{Here, Posted, SMALL, Visit, see_other, view, whole};
use crate::base::ids::{PersonId, RecordId};
use crate::http::Web;
use crate::http::api::audit as api;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::Action;
use crate::services::audit::{self, Detail, EntryView, LastCheck, REFUSED, SERVICE, SearchedBy, SubjectView, Wanted};
use crate::services::{Context, health};

/// Entries of a page.
const LINES: u32 = 50;
/// Where it is.
const PATH: &str = "/staff/audit";

/// `GET /staff/audit`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["action", "actor", "person", "record", "after"])?;
    let person: Option<PersonId> = query.parse("person", "bad-id", "The handle of a person: 26 characters.")?;
    let record: Option<RecordId> = query.parse("record", "bad-id", "The handle of a submission: 26 characters.")?;
    let text = |name| query.text(name).map(str::trim).filter(|text| !text.is_empty());
    let filter = Filter { action: text("action"), actor: text("actor"), person, record };
    let wanted = Wanted {
        actor: filter.actor.map(str::to_owned),
        action: filter.action.map(str::to_owned),
        person,
        record,
        transfers: false,
    };
    let after = query.text("after");
    let found = audit::look(&web.app, &ctx, wanted, after, Some(LINES)).await?;
    let more = filter.to_query();
    let page = TrailPage {
        frame: Frame::of(&here),
        state: Standing::of(&web, &ctx),
        actions: actions(filter.action),
        actor: filter.actor.unwrap_or_default(),
        person: filter.person.map(|id| id.to_string()).unwrap_or_default(),
        record: filter.record.map(|id| id.to_string()).unwrap_or_default(),
        filtered: !more.is_empty(),
        lines: found.items.iter().map(Line::of).collect(),
        next: found.next.map(|next| format!("{PATH}?{more}after={next}")),
        newest: after.map(|_| format!("{PATH}?{}", more.trim_end_matches('&'))),
    };
    Ok(html(StatusCode::OK, &page))
}

/// `POST /staff/audit/verification`: checks all of it, and leads back to what was found.
pub(in crate::http) async fn verify(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    let app = Arc::clone(&web.app);
    whole(async move { audit::verify(&app, &ctx, [], &|_, _| {}).await }).await?;
    Ok(see_other(PATH))
}

/// `GET /staff/audit/export`: as the API's, as a file.
pub(in crate::http) async fn export(
    state: State<Arc<Web>>,
    caller: Caller,
    _here: Here,
    uri: Uri,
) -> Result<Response, HttpError> {
    api::export(state, caller, uri).await
}

/// `GET /staff/audit/entries/{n}`: the proof of one entry, as a file.
pub(in crate::http) async fn entry(
    state: State<Arc<Web>>,
    caller: Caller,
    _here: Here,
    params: Params,
    uri: Uri,
) -> Result<Response, HttpError> {
    let mut headers = HeaderMap::new();
    let saved = HeaderValue::from_static("attachment; filename=\"audit-entry.json\"");
    headers.insert(header::CONTENT_DISPOSITION, saved);
    Ok((headers, api::entry(state, caller, params, uri).await?).into_response())
}

/// What is looked for.
struct Filter<'a> {
    action: Option<&'a str>,
    actor: Option<&'a str>,
    person: Option<PersonId>,
    record: Option<RecordId>,
}

impl Filter<'_> {
    /// As the beginning of a query, each part with `&` behind it.
    fn to_query(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        let handles =
            [("person", self.person.map(|id| id.to_string())), ("record", self.record.map(|id| id.to_string()))];
        out.extend_pairs(
            [("action", self.action), ("actor", self.actor)].iter().filter_map(|(name, value)| Some((name, (*value)?))),
        );
        out.extend_pairs(handles.iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
        let out = out.finish();
        if out.is_empty() { out } else { out + "&" }
    }
}

fn actions(picked: Option<&str>) -> Vec<Choice> {
    let mut names: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).chain([REFUSED, SERVICE]).collect();
    names.sort_unstable();
    names.into_iter().map(|name| Choice::of(name.to_owned(), &view::purpose(name), picked == Some(name))).collect()
}

/// How the trail stands.
struct Standing {
    entries: u64,
    durable: bool,
    check: Option<CheckView>,
    places: Vec<PlaceView>,
    may_check: bool,
}

struct CheckView {
    at: When,
    entries: u64,
    problems: Vec<String>,
}

struct PlaceView {
    place: String,
    kept: Option<When>,
    problem: Option<String>,
}

impl Standing {
    fn of(web: &Web, ctx: &Context) -> Self {
        let speech = Speech::default();
        let check = audit::last_check(&web.app, ctx);
        let may_check = check.is_ok();
        let view = |check: LastCheck| CheckView {
            at: When::of(&speech, check.at),
            entries: check.entries,
            problems: check.problems,
        };
        let places = audit::keep::places(&web.app).into_iter().map(|place| PlaceView {
            place: place.place,
            kept: place.kept.map(|at| When::of(&speech, at)),
            problem: place.problem,
        });
        Self {
            entries: health::figures(&web.app).audit_entries,
            durable: health::readiness(&web.app).audit,
            check: check.ok().flatten().map(view),
            places: places.collect(),
            may_check,
        }
    }
}

/// An entry, in words.
struct Line {
    seq: u64,
    at: When,
    actor: String,
    role: Option<String>,
    action: String,
    detail: Option<String>,
    purpose: Option<String>,
    subjects: Vec<Option<About>>,
    grave: bool,
}

/// Whom an entry is about, and which of their things.
struct About {
    person: String,
    record: Option<String>,
    words: String,
}

impl Line {
    fn of(entry: &EntryView) -> Self {
        let purposes = entry.subjects.iter().flatten().filter_map(|subject| subject.purpose.as_deref());
        let purpose = entry.purpose.as_deref().or_else(|| purposes.into_iter().next()).map(view::purpose);
        Self {
            seq: entry.seq,
            at: When::of(&Speech::default(), entry.time),
            actor: entry.actor.to_string(),
            role: entry.role.map(view::role),
            action: view::purpose(&entry.action),
            detail: in_words(&entry.detail),
            purpose,
            subjects: entry.subjects.iter().map(|subject| subject.as_ref().map(About::of)).collect(),
            grave: entry.action == REFUSED,
        }
    }
}

impl About {
    fn of(subject: &SubjectView) -> Self {
        let file = subject.file.map(|n| format!("file {}", n + 1));
        let status = subject.status.map(|status| format!("set to: {}", view::status(status)));
        let words: Vec<String> = file.into_iter().chain(status).collect();
        Self {
            person: subject.person.to_string(),
            record: subject.record.map(|id| id.to_string()),
            words: words.join(", "),
        }
    }
}

/// What an entry says beyond who did what.
fn in_words(detail: &Detail) -> Option<String> {
    let counted = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    Some(match detail {
        Detail::None => return None,
        Detail::Found(n) => format!("found {n}"),
        Detail::Ordered { people, records, .. } => {
            let people = counted(*people, "person", "people");
            format!("ordered: {people}, {}", counted(*records, "single submission", "single submissions"))
        }
        Detail::Erased { before, after, .. } => format!("keys destroyed: epoch {before} became {after}"),
        Detail::Removed(n) => counted(*n, "row removed", "rows removed"),
        Detail::Account { id, change } => format!("account {id}: {change}"),
        Detail::Token { id, change } => format!("token {id}: {change}"),
        Detail::Opened(version) => format!("vault opened: {version}"),
        Detail::Mail { about, outcome } => format!("mail about {about}: {outcome}"),
        Detail::Scan { form, outcome } if form.is_empty() => outcome.clone(),
        Detail::Scan { form, outcome } => format!("{form}: {outcome}"),
        Detail::Key { id, change } => format!("key {id}: {change}"),
        Detail::Survey(form) => format!("answers to {form}"),
        Detail::Mailing { id, mails } => format!("issue {id}: {}", counted(*mails, "mail", "mails")),
        Detail::Vacancy { id, change } => format!("vacancy {id}: {change}"),
        Detail::Approval { id, change } => format!("request {id}: {change}"),
        Detail::Export { id, format, before, records, of } => {
            format!("request {id}, as {format}: {} to {} of {of}", before + 1, before + records)
        }
        Detail::Trail { from, to } => format!("proofs from {from} to {to}"),
        Detail::Search { by, purposes, found } => {
            let by = match by {
                SearchedBy::Words => "by words",
                SearchedBy::Filters => "by filters",
            };
            let came = found.map_or_else(|| "begun".to_owned(), |found| format!("found {found}"));
            format!("{by}, for {}: {came}", purposes.join(", "))
        }
        Detail::Refused { what, status, unlisted: 0 } => format!("{what} ({status})"),
        Detail::Refused { what, status, unlisted } => {
            format!("{what} ({status}); {unlisted} more before it are not listed")
        }
        Detail::Service { change, configuration: None } => change.clone(),
        Detail::Service { change, configuration: Some(sum) } => {
            format!("{change}, configuration {}", sum.get(..12).unwrap_or(sum))
        }
    })
}

#[derive(Template)]
#[template(path = "staff/audit.html")]
struct TrailPage<'a> {
    frame: Frame,
    state: Standing,
    actions: Vec<Choice>,
    actor: &'a str,
    person: String,
    record: String,
    filtered: bool,
    lines: Vec<Line>,
    next: Option<String>,
    newest: Option<String>,
}
