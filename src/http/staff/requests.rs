//! `/staff/requests`: what needs two people. One asks, another approves, and whoever asked does it.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Choice, Frame, html};
use super::{Here, Posted, Visit, export, first, see_other, view, whole};
use crate::base::ids::{ApprovalId, PersonId};
use crate::domain::form::FormSet;
use crate::domain::legal::LegalBasis;
use crate::domain::submission::Summary;
use crate::http::Web;
use crate::http::api::approvals::{parse_basis, parse_role};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{Actor, Role};
use crate::services::approvals::{self, MOST_ALONE, MOST_PEOPLE, Matter, READING, Shown, Stage};
use crate::services::export::exportable;
use crate::services::{App, Context, ServiceError};

/// Bytes of a post: as many people as one request may name.
const POST: u64 = 32 * 1024;
pub(super) const PAGE: &str = "/staff/requests";

/// `GET /staff/requests`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["subject", "person"])?;
    let person = query.text("person").map(str::parse::<PersonId>).transpose();
    let person =
        person.map_err(|_| HttpError::invalid_field("person", "bad-id", "This is not the name of a person."))?;
    shown(&web, &ctx, &here, Filled { about: query.text("subject"), person, ..Filled::default() }).await
}

/// `POST /staff/requests`
pub(in crate::http) async fn ask(Visit { web, ctx, here, .. }: Visit, request: Request) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, POST).await?;
    let (app, asked, reason) = (Arc::clone(&web.app), ctx.clone(), posted.secret("reason"));
    let done = match posted.text("kind") {
        "roles" => {
            let login = posted.text("login").trim().to_owned();
            let roles = posted.all("role").map(parse_role).collect::<Result<Vec<_>, _>>()?;
            whole(async move { approvals::ask_roles(&app, &asked, &login, &roles, reason.expose()).await }).await
        }
        "erasure" => {
            let words =
                posted.text("subjects").split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
            match words.map(str::parse).collect::<Result<Vec<PersonId>, _>>() {
                Ok(people) => {
                    whole(async move { approvals::ask_erasure(&app, &asked, &people, reason.expose()).await }).await
                }
                Err(_) => Err(bad_id(
                    "subjects",
                    "Each person is named by 26 letters and digits, as a submission shows them.",
                )),
            }
        }
        READING => match posted.text("subject").trim().parse() {
            Ok(person) => {
                let basis = parse_basis(posted.text("basis"))?;
                let reference = posted.secret("reference");
                whole(async move {
                    approvals::ask_reading(&app, &asked, person, basis, reference.expose(), reason.expose()).await
                })
                .await
            }
            Err(_) => {
                Err(bad_id("subject", "The person is named by 26 letters and digits, as a submission shows them."))
            }
        },
        // An export is asked for on a page of its own.
        _ => return Err(HttpError::invalid_field("kind", "bad-kind", "This is roles, erasure or legal-reading.")),
    };
    answered(&web, &ctx, &here, Some(&posted), done.map(drop)).await
}

/// `POST /staff/requests/{id}/approval`
pub(in crate::http) async fn approve(at: Visit, request: Request) -> Result<Response, HttpError> {
    of_one(at, request, |app: Arc<App>, ctx: Context, id| async move { approvals::approve(&app, &ctx, id).await }).await
}

/// `POST /staff/requests/{id}/refusal`
pub(in crate::http) async fn decline(at: Visit, request: Request) -> Result<Response, HttpError> {
    of_one(at, request, |app: Arc<App>, ctx: Context, id| async move { approvals::decline(&app, &ctx, id).await }).await
}

/// `POST /staff/requests/{id}/use`
pub(in crate::http) async fn perform(at: Visit, request: Request) -> Result<Response, HttpError> {
    let work = |app: Arc<App>, ctx: Context, id| async move { approvals::perform(&app, &ctx, id).await.map(drop) };
    of_one(at, request, work).await
}

/// Does something with the request that the path names, whole.
async fn of_one<W: Future<Output = Result<(), ServiceError>> + Send + 'static>(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
    work: impl FnOnce(Arc<App>, Context, ApprovalId) -> W,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, super::SMALL).await?;
    let done = whole(work(Arc::clone(&web.app), ctx.clone(), params.parse("id")?)).await;
    answered(&web, &ctx, &here, None, done).await
}

fn bad_id(field: &str, message: &'static str) -> ServiceError {
    ServiceError::Invalid(vec![crate::services::Problem::in_field(field, "bad-id", message)])
}

async fn answered(
    web: &Web,
    ctx: &Context,
    here: &Here,
    posted: Option<&Posted>,
    done: Result<(), ServiceError>,
) -> Result<Response, HttpError> {
    match done {
        Ok(()) => Ok(see_other(PAGE)),
        Err(ServiceError::Invalid(problems)) => {
            let problem = first(&problems);
            shown(web, ctx, here, Filled { posted, problem: problem.as_deref(), ..Filled::default() }).await
        }
        Err(other) => Err(other.into()),
    }
}

/// What the page begins with.
#[derive(Default)]
struct Filled<'a> {
    /// What was turned down, and why.
    posted: Option<&'a Posted>,
    problem: Option<&'a str>,
    /// Whom a link named that led here, to be read about.
    about: Option<&'a str>,
    /// To be erased.
    person: Option<PersonId>,
}

async fn shown(web: &Web, ctx: &Context, here: &Here, filled: Filled<'_>) -> Result<Response, HttpError> {
    let Filled { posted, problem, about, person } = filled;
    let all = approvals::list(&web.app, ctx).await?;
    let (speech, forms) = (Speech::default(), web.app.forms());
    let lines = |wanted: fn(&Shown) -> bool| {
        all.iter().filter(|one| wanted(one)).map(|one| Line::of(&speech, &forms, one)).collect()
    };
    let roles: &[Role] = match &here.who.actor {
        Actor::Staff { roles, .. } => roles,
        _ => &[],
    };
    let typed = |name: &str| posted.map(|posted| posted.text(name).to_owned()).unwrap_or_default();
    let basis = typed("basis");
    let picked = |role: Role| posted.is_some_and(|posted| posted.all("role").any(|name| name == role.as_str()));
    let own = web.app.custom_roles();
    let given = Role::ALL.into_iter().chain(own.iter().map(|(role, _)| Role::Custom(role)));
    let page = RequestsPage {
        frame: Frame::of(here),
        problem,
        waiting: lines(|one| one.may_approve),
        open: lines(|one| !one.may_approve && one.stage.is_open()),
        over: lines(|one| !one.stage.is_open()),
        asks_roles: roles.contains(&Role::Admin),
        asks_erasure: roles.contains(&Role::Privacy),
        asks_export: !exportable(&web.app, ctx).is_empty(),
        kind: typed("kind"),
        login: typed("login"),
        subjects: person.map_or_else(|| typed("subjects"), |person| person.to_string()),
        subject: about.map_or_else(|| typed("subject"), str::to_owned),
        bases: LegalBasis::ALL
            .map(|one| Choice::of(one.as_str().to_owned(), view::basis(one), basis == one.as_str()))
            .into(),
        reference: typed("reference"),
        reason: typed("reason"),
        roles: given.map(|role| Choice::of(role.to_string(), &view::role(role), picked(role))).collect(),
        most_alone: MOST_ALONE,
        most_people: MOST_PEOPLE,
    };
    Ok(html(if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

struct Line<'a> {
    id: String,
    what: String,
    /// People, or submissions, by their handles.
    people: Vec<String>,
    /// What is exported, in words: a name and what it says.
    facts: Vec<(&'static str, String)>,
    /// It is done by downloading it.
    download: bool,
    /// It is a reading, which stands while it is approved.
    reading: bool,
    /// It stands, and can be ended.
    ends: bool,
    /// What its reader may open by it: id, title of the form, when it came.
    records: Vec<(String, String, When)>,
    /// How far the download is, and whether it goes on.
    progress: Option<(String, bool)>,
    reason: &'a str,
    asker: &'a str,
    asked: When,
    expires: When,
    stage: String,
    may_approve: bool,
    may_decline: bool,
    may_use: bool,
}

impl<'a> Line<'a> {
    fn of(speech: &Speech, forms: &FormSet, one: &'a Shown) -> Self {
        let names = |roles: &[Role]| roles.iter().map(|role| view::role(*role)).collect::<Vec<_>>().join(", ");
        let (what, people) = match &one.request.matter {
            Matter::Roles { from, to, .. } => {
                let whose = one.account.as_deref().unwrap_or_default();
                (format!("Change the roles of {whose} from {} to {}", names(from), names(to)), Vec::new())
            }
            Matter::Erasure { people, count } => {
                let noun = if *count == 1 { "person" } else { "people" };
                (format!("Erase {count} {noun}"), people.iter().map(ToString::to_string).collect())
            }
            Matter::Export(wanted) => {
                (export::in_words(forms, wanted), wanted.records.iter().map(ToString::to_string).collect())
            }
            Matter::LegalReading { .. } => ("Read what is held about one person".to_owned(), Vec::new()),
        };
        let (facts, download) = match &one.request.matter {
            Matter::Export(wanted) => (export::facts(wanted, one.asker.as_str()), true),
            Matter::LegalReading { person, basis, reference } => {
                let mut facts =
                    vec![("Legal basis", view::basis(*basis).to_owned()), ("Reference", reference.expose().to_owned())];
                if let Some(person) = person {
                    facts.push(("Person", person.to_string()));
                    facts.push(("Submissions", one.submissions.len().to_string()));
                }
                (facts, false)
            }
            Matter::Roles { .. } | Matter::Erasure { .. } => (Vec::new(), false),
        };
        let reading = matches!(one.request.matter, Matter::LegalReading { .. });
        let record = |summary: &Summary| {
            let title = forms.get(&summary.form).map_or(summary.form.as_str(), |form| &form.title).to_owned();
            (summary.id.to_string(), title, When::of(speech, summary.received))
        };
        let reads = one.may_use && one.stands;
        let by = one.decider.as_deref().unwrap_or_default();
        let stage = match one.stage {
            Stage::Asked => "Waits for another person".to_owned(),
            Stage::Approved if reading && !one.stands => {
                format!("Approved by {by}, who may not do so any more: nothing can be read by it")
            }
            Stage::Approved => format!("Approved by {by}"),
            Stage::Declined => format!("Declined by {by}"),
            Stage::Withdrawn => "Taken back".to_owned(),
            Stage::Done => format!("Done, approved by {by}"),
            Stage::Expired if reading => "Over".to_owned(),
            Stage::Expired => "Ended: nobody came in time".to_owned(),
        };
        Self {
            id: one.id.to_string(),
            what,
            people,
            facts,
            download,
            reading,
            ends: reading && one.stage == Stage::Approved,
            records: one.submissions.iter().filter(|_| reads).map(record).collect(),
            progress: one.progress.map(export::progress),
            reason: one.request.reason.expose(),
            asker: &one.asker,
            asked: When::of(speech, one.request.asked),
            expires: When::of(speech, one.request.expires),
            stage,
            may_approve: one.may_approve,
            may_decline: one.may_decline,
            may_use: one.may_use,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/requests.html")]
struct RequestsPage<'a> {
    frame: Frame,
    problem: Option<&'a str>,
    /// For the reader to decide.
    waiting: Vec<Line<'a>>,
    open: Vec<Line<'a>>,
    over: Vec<Line<'a>>,
    asks_roles: bool,
    asks_erasure: bool,
    asks_export: bool,
    /// What was typed and turned down.
    kind: String,
    login: String,
    subjects: String,
    subject: String,
    bases: Vec<Choice>,
    reference: String,
    reason: String,
    roles: Vec<Choice>,
    most_alone: usize,
    most_people: usize,
}
