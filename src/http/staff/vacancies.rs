//! `/staff/vacancies`: which vacancies forms offer. Opened, changed and closed by those who fill them.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Frame, html};
use super::{Here, Posted, Visit, first, see_other, whole};
use crate::base::ids::VacancyId;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::services::vacancies::{self, MAX_ABOUT, MAX_PLACE, MAX_REFERENCE, MAX_TITLE, Shown, Typed};
use crate::services::{Context, ServiceError};

const PAGE: &str = "/staff/vacancies";
/// Bytes of a post: all texts, each character escaped.
const POST: u64 = 32 * 1024;

/// `GET /staff/vacancies`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    shown(&web, &ctx, &here, None, None).await
}

/// `POST /staff/vacancies`: opens one.
pub(in crate::http) async fn open(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, POST).await?;
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    let (reference, words) = (posted.text("reference").to_owned(), typed(&web, &posted));
    let done = whole(async move { vacancies::open(&app, &asked, &reference, &words).await }).await;
    match done {
        Ok(_) => Ok(see_other(PAGE)),
        Err(ServiceError::Invalid(problems)) => shown(&web, &ctx, &here, Some(&posted), first(&problems)).await,
        Err(other) => Err(other.into()),
    }
}

/// `GET /staff/vacancies/{id}`
pub(in crate::http) async fn one(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    edited(&web, &ctx, &here, params.parse("id")?, None, None).await
}

/// `POST /staff/vacancies/{id}`: says something else of it, closes it, or opens it again.
pub(in crate::http) async fn change(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: VacancyId = params.parse("id")?;
    let posted = Posted::read(&here, request, POST).await?;
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    let (words, closed) = match posted.text("do") {
        "close" => (None, Some(true)),
        "open" => (None, Some(false)),
        _ => (Some(typed(&web, &posted)), None),
    };
    let typed = words.is_some();
    let done = whole(async move { vacancies::change(&app, &asked, id, words.as_ref(), closed).await }).await;
    match done {
        Ok(()) => Ok(see_other(PAGE)),
        Err(ServiceError::Invalid(problems)) => {
            edited(&web, &ctx, &here, id, typed.then_some(&posted), first(&problems)).await
        }
        Err(other) => Err(other.into()),
    }
}

fn typed(web: &Web, posted: &Posted) -> Typed {
    let title = |lang: &str| (lang.to_owned(), posted.text(&format!("title-{lang}")).to_owned());
    Typed {
        titles: vacancies::langs(&web.app).iter().map(|lang| title(lang.as_str())).collect(),
        place: posted.text("place").to_owned(),
        about: posted.text("about").to_owned(),
        last_day: posted.text("last_day").to_owned(),
    }
}

async fn shown(
    web: &Arc<Web>,
    ctx: &Context,
    here: &Here,
    posted: Option<&Posted>,
    problem: Option<String>,
) -> Result<Response, HttpError> {
    let all = vacancies::list(&web.app, ctx).await?;
    let (open, closed) = all.iter().map(Line::of).partition(|line| line.is_open);
    let fields = Fields::of(web, None, posted);
    let reference = posted.map_or("", |posted| posted.text("reference"));
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = VacanciesPage {
        frame: Frame::of(here),
        problem,
        open,
        closed,
        reference,
        longest_reference: MAX_REFERENCE,
        fields,
    };
    Ok(html(status, &page))
}

async fn edited(
    web: &Arc<Web>,
    ctx: &Context,
    here: &Here,
    id: VacancyId,
    posted: Option<&Posted>,
    problem: Option<String>,
) -> Result<Response, HttpError> {
    let all = vacancies::list(&web.app, ctx).await?;
    let found = all.iter().find(|shown| shown.id == id).ok_or_else(HttpError::not_found)?;
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = VacancyPage {
        frame: Frame::of(here),
        problem,
        line: Line::of(found),
        fields: Fields::of(web, Some(found), posted),
    };
    Ok(html(status, &page))
}

/// A vacancy.
struct Line {
    id: String,
    reference: String,
    title: String,
    titles: Vec<(String, String)>,
    place: String,
    last_day: Option<String>,
    opened: When,
    closed: Option<When>,
    is_open: bool,
    is_closed: bool,
}

impl Line {
    fn of(shown: &Shown) -> Self {
        let (speech, words) = (Speech::default(), &shown.vacancy.words);
        let english = crate::domain::language::Lang::english();
        let others = words.titles.iter().filter(|(lang, _)| **lang != english);
        Self {
            id: shown.id.to_string(),
            reference: shown.vacancy.reference.as_str().to_owned(),
            title: words.title(&english).to_owned(),
            titles: others.map(|(lang, title)| (lang.as_str().to_owned(), title.clone())).collect(),
            place: words.place.clone(),
            last_day: words.last_day().map(|day| day.to_string()),
            opened: When::of(&speech, shown.vacancy.opened),
            closed: shown.vacancy.closed.map(|at| When::of(&speech, at)),
            is_open: shown.is_open,
            is_closed: shown.vacancy.closed.is_some(),
        }
    }
}

/// What is asked of a vacancy, with what stands there or was typed.
struct Fields {
    titles: Vec<TitleField>,
    place: String,
    about: String,
    last_day: String,
    longest_title: usize,
    longest_place: usize,
    longest_about: usize,
}

struct TitleField {
    lang: String,
    value: String,
    needed: bool,
}

impl Fields {
    fn of(web: &Web, shown: Option<&Shown>, posted: Option<&Posted>) -> Self {
        let words = shown.map(|shown| &shown.vacancy.words);
        let text = |name: &str, own: Option<String>| match posted {
            Some(posted) => posted.text(name).to_owned(),
            None => own.unwrap_or_default(),
        };
        let title = |lang: &crate::domain::language::Lang| {
            let own = words.and_then(|words| words.titles.get(lang)).cloned();
            let lang = lang.as_str().to_owned();
            TitleField { value: text(&format!("title-{lang}"), own), needed: lang == "en", lang }
        };
        Self {
            titles: vacancies::langs(&web.app).iter().map(title).collect(),
            place: text("place", words.map(|words| words.place.clone())),
            about: text("about", words.map(|words| words.about.clone())),
            last_day: text("last_day", words.and_then(|words| Some(words.last_day()?.to_string()))),
            longest_title: MAX_TITLE,
            longest_place: MAX_PLACE,
            longest_about: MAX_ABOUT,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/vacancies.html")]
struct VacanciesPage<'a> {
    frame: Frame,
    problem: Option<String>,
    open: Vec<Line>,
    closed: Vec<Line>,
    reference: &'a str,
    longest_reference: usize,
    fields: Fields,
}

#[derive(Template)]
#[template(path = "staff/vacancy.html")]
struct VacancyPage {
    frame: Frame,
    problem: Option<String>,
    line: Line,
    fields: Fields,
}
