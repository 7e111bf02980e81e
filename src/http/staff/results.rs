//! `/staff/results`: what surveys come to, over whole groups of answers, and the words of those fields whose words are read.

use std::sync::Arc;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{self, Frame, html, named};
use super::{Visit, view};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::survey::{Question, Report};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::results;
use crate::services::{Context, ServiceError};

/// Where the results are.
const PATH: &str = "/staff/results";
/// Texts of a page.
const TEXTS: u32 = 50;

/// `GET /staff/results`. Without a form, the surveys; without a purpose, one is asked for, unless only one may be named.
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["form", "purpose"])?;
    let surveys = results::readable(&web.app, &ctx);
    let form = match (wanted(&query, &surveys)?, surveys.as_slice()) {
        (Some(form), _) => form,
        (None, []) => return Err(HttpError::not_found()),
        (None, [only]) => Arc::clone(only),
        (None, several) => {
            return Ok(html(StatusCode::OK, &SurveysPage { frame: Frame::of(&here), surveys: named(several) }));
        }
    };
    let Some(purpose) = purpose(&query, &ctx, &form) else {
        return Ok(page::ask_purpose(&here, PATH, Some(&form.id), &results::purposes(&ctx, &form), None));
    };
    let report = results::show(&web.app, &ctx, &form.id, Some(&purpose)).await?;
    let page = ResultsPage {
        frame: Frame::of(&here),
        several: surveys.len() > 1,
        form: form.id.to_string(),
        title: &report.title,
        purpose: &purpose,
        purpose_words: view::purpose(&purpose),
        k: report.k,
        answers: report.answers,
        questions: views(&report),
    };
    Ok(html(StatusCode::OK, &page))
}

/// `GET /staff/results/words`
pub(in crate::http) async fn words(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["form", "field", "purpose", "after"])?;
    let form = wanted(&query, &results::readable(&web.app, &ctx))?.ok_or_else(HttpError::not_found)?;
    let field = query.text("field").and_then(|name| form.field(name)).ok_or_else(HttpError::not_found)?;
    let purpose = purpose(&query, &ctx, &form)
        .ok_or_else(|| ServiceError::PurposeNeeded { allowed: results::purposes(&ctx, &form) })?;
    let after = query.text("after");
    let texts = results::texts(&web.app, &ctx, &form.id, &field.name, Some(&purpose), after, Some(TEXTS)).await?;
    let page = WordsPage {
        frame: Frame::of(&here),
        form: form.id.to_string(),
        field: &field.name,
        label: &field.label,
        purpose: &purpose,
        words: texts.items.iter().map(SensitiveString::expose).collect(),
        next: texts.next.as_deref(),
        first: after.is_none(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// The survey that is asked for. One that the reader may not know of is as good as none.
fn wanted(query: &Query, surveys: &[Arc<Form>]) -> Result<Option<Arc<Form>>, HttpError> {
    let Some(id) = query.parse::<FormId>("form", "bad-form", "This is not the name of a form.")? else {
        return Ok(None);
    };
    let found = surveys.iter().find(|form| form.id == id);
    found.cloned().map(Some).ok_or_else(HttpError::not_found)
}

/// What is named, or the only one that may be.
fn purpose(query: &Query, ctx: &Context, form: &Form) -> Option<String> {
    let only = || match results::purposes(ctx, form).as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    query.text("purpose").filter(|purpose| !purpose.is_empty()).map(str::to_owned).or_else(only)
}

fn views(report: &Report) -> Vec<QuestionView<'_>> {
    report.questions.iter().map(QuestionView::of).collect()
}

struct QuestionView<'a> {
    name: &'a str,
    label: &'a str,
    answers: Option<u64>,
    lines: Vec<LineView<'a>>,
    /// The largest count.
    most: u64,
    mean: Option<f64>,
    quartiles: Option<(String, String, String)>,
    readable: bool,
    masked: bool,
}

struct LineView<'a> {
    label: &'a str,
    count: u64,
}

impl<'a> QuestionView<'a> {
    fn of(question: &'a Question) -> Self {
        let shown = |value: &serde_json::Value| {
            let line = question.counts.iter().find(|line| line.value == *value);
            line.map_or_else(|| value.to_string(), |line| line.label.clone())
        };
        Self {
            name: &question.name,
            label: &question.label,
            answers: question.answers,
            lines: question.counts.iter().map(|line| LineView { label: &line.label, count: line.count }).collect(),
            most: question.counts.iter().map(|line| line.count).max().unwrap_or(0).max(1),
            mean: question.mean,
            quartiles: question.quartiles.as_ref().map(|[first, half, last]| (shown(first), shown(half), shown(last))),
            readable: question.readable,
            masked: question.masked,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/surveys.html")]
struct SurveysPage<'a> {
    frame: Frame,
    surveys: Vec<(String, &'a str)>,
}

#[derive(Template)]
#[template(path = "staff/results.html")]
struct ResultsPage<'a> {
    frame: Frame,
    several: bool,
    form: String,
    title: &'a str,
    purpose: &'a str,
    purpose_words: String,
    k: u32,
    answers: Option<u64>,
    questions: Vec<QuestionView<'a>>,
}

#[derive(Template)]
#[template(path = "staff/words.html")]
struct WordsPage<'a> {
    frame: Frame,
    form: String,
    field: &'a str,
    label: &'a str,
    purpose: &'a str,
    words: Vec<&'a str>,
    next: Option<&'a str>,
    first: bool,
}
