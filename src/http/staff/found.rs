//! What a search found, as a page and as pieces for the script.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::inbox_page::in_line;
use super::page::{Choice, Frame, html};
use super::search::Told;
use super::{Here, view};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::Form;
use crate::domain::submission::Status;
use crate::http::Web;
use crate::http::headers::CSP_SCRIPT;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::SUBJECT_REQUEST;
use crate::services::Context;
use crate::services::search::{self, Found, Hit};

/// What somebody asked, as it was typed.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) words: SensitiveString,
    pub(super) form: String,
    pub(super) status: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) purposes: Vec<String>,
    pub(super) after: String,
}

/// What earlier requests of the same search came to, as its page says.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) looked: u64,
    pub(super) found: u64,
}

/// Nothing is asked yet.
pub(super) fn empty(web: &Web, ctx: &Context, here: &Here) -> Response {
    let mut purposes = search::purposes(&web.app, ctx);
    // The one that holds for every form is enough.
    if purposes.iter().any(|purpose| purpose == SUBJECT_REQUEST) {
        purposes = vec![SUBJECT_REQUEST.to_owned()];
    }
    answer(StatusCode::OK, &Page::of(web, ctx, here, &Asked { purposes, ..Asked::default() }))
}

/// What is asked cannot be.
pub(super) fn refused(web: &Web, ctx: &Context, here: &Here, asked: &Asked, told: &Told) -> Response {
    let page = Page { problem: Some(&told.sentence), wrong: &told.field, ..Page::of(web, ctx, here, asked) };
    answer(told.status, &page)
}

/// A page of hits.
pub(super) fn page(web: &Web, ctx: &Context, here: &Here, asked: &Asked, before: Sums, found: &Found) -> Response {
    let sums = add(before, found);
    let page = Page {
        state: Some(state(sums, found)),
        lines: found.hits.iter().map(|hit| Line::of(web, hit)).collect(),
        next: found.next.as_deref(),
        looked: sums.looked,
        found: sums.found,
        ..Page::of(web, ctx, here, asked)
    };
    answer(StatusCode::OK, &page)
}

/// A piece for the script.
pub(super) fn piece(web: &Web, before: Sums, found: &Found) -> Value {
    let sums = add(before, found);
    let hits: Vec<Value> = found.hits.iter().map(|hit| Line::of(web, hit).to_json()).collect();
    json!({
        "hits": hits, "state": state(sums, found), "percent": found.percent, "looked": sums.looked, "found": sums.found,
        "next": found.next, "is_last": found.is_last,
    })
}

fn add(before: Sums, found: &Found) -> Sums {
    Sums { looked: before.looked + found.looked, found: before.found + found.hits.len() as u64 }
}

/// How it stands, in a sentence or two.
fn state(sums: Sums, found: &Found) -> String {
    let (looked, hits, percent) = (in_thousands(sums.looked), in_thousands(sums.found), found.percent);
    let is_over = found.next.is_none();
    let hits = match (sums.found, is_over) {
        (0, true) => "Nothing was found.".to_owned(),
        (0, false) => "Nothing was found so far.".to_owned(),
        (_, true) => format!("{hits} found."),
        (_, false) => format!("{hits} found so far."),
    };
    let looked = match (sums.looked, is_over) {
        (0, true) => "There is nothing to look through.".to_owned(),
        (1, true) => "1 submission was looked through, all there is.".to_owned(),
        (_, true) => format!("{looked} submissions were looked through, all there are."),
        (1, false) => format!("1 submission was looked through ({percent} %)."),
        (_, false) => format!("{looked} submissions were looked through ({percent} %)."),
    };
    format!("{hits} {looked}")
}

/// `31000` is "31,000".
fn in_thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A line of the list.
struct Line {
    link: String,
    summary: String,
    form: String,
    place: String,
    status: &'static str,
    received: String,
    exact: String,
}

impl Line {
    fn of(web: &Web, hit: &Hit) -> Self {
        let (forms, id) = (web.app.forms(), hit.summary.id.to_string());
        let form = forms.get(&hit.summary.form).map(|form| &**form);
        let texts = form.into_iter().flat_map(|form| &form.summary).filter_map(|name| hit.fields.get(name));
        let summary = texts.map(in_line).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ");
        let when = When::of(&Speech::default(), hit.summary.received);
        Self {
            link: format!("/staff/record/{id}?purpose={}", hit.purpose),
            summary: if summary.is_empty() { id } else { summary },
            form: form.map_or_else(|| hit.summary.form.to_string(), |form| form.title.clone()),
            place: place(form, hit),
            status: view::status(hit.summary.status),
            received: when.shown,
            exact: when.exact,
        }
    }

    fn to_json(&self) -> Value {
        let Self { link, summary, form, place, status, received, exact } = self;
        json!({
            "link": link, "summary": summary, "form": form, "place": place, "status": status, "received": received,
            "exact": exact,
        })
    }
}

/// Where the words stand: the questions in the order of the form, then the rest.
fn place(form: Option<&Form>, hit: &Hit) -> String {
    let matched = &hit.matched;
    let asked = form.map_or(&[][..], |form| &form.fields);
    let labels = asked.iter().filter(|field| matched.fields.contains(&field.name)).map(|field| field.label.as_str());
    let old = matched.fields.iter().filter(|name| asked.iter().all(|field| field.name != **name)).map(String::as_str);
    let others = [(matched.files, "Name of a file"), (matched.messages, "Messages")];
    labels
        .chain(old)
        .chain(others.into_iter().filter_map(|(is, words)| is.then_some(words)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn answer(status: StatusCode, page: &Page<'_>) -> Response {
    let mut response = html(status, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_SCRIPT));
    response
}

#[derive(Template)]
#[template(path = "staff/search.html")]
struct Page<'a> {
    frame: Frame,
    asked: Typed<'a>,
    forms: Vec<Choice>,
    statuses: Vec<Choice>,
    purposes: Vec<Choice>,
    problem: Option<&'a str>,
    /// The field that it is in.
    wrong: &'a str,
    state: Option<String>,
    lines: Vec<Line>,
    next: Option<&'a str>,
    looked: u64,
    found: u64,
}

struct Typed<'a> {
    words: &'a str,
    form: &'a str,
    status: &'a str,
    from: &'a str,
    until: &'a str,
    /// With commas between.
    purposes: String,
}

impl<'a> Page<'a> {
    fn of(web: &Web, ctx: &Context, here: &Here, asked: &'a Asked) -> Self {
        let forms = search::searchable(&web.app, ctx);
        let uses = |status: &Status| forms.iter().any(|form| form.allows_status(*status));
        Self {
            frame: Frame::of(here),
            asked: Typed {
                words: asked.words.expose(),
                form: &asked.form,
                status: &asked.status,
                from: &asked.from,
                until: &asked.until,
                purposes: asked.purposes.join(","),
            },
            statuses: Status::ALL
                .iter()
                .filter(|status| uses(status))
                .map(|one| Choice::of(one.as_str().to_owned(), view::status(*one), asked.status == one.as_str()))
                .collect(),
            purposes: search::purposes(&web.app, ctx)
                .into_iter()
                .map(|name| {
                    let (label, picked) = (view::purpose(&name), asked.purposes.contains(&name));
                    Choice::of(name, &label, picked)
                })
                .collect(),
            forms: forms
                .iter()
                .map(|form| Choice::of(form.id.to_string(), &form.title, asked.form == form.id.as_str()))
                .collect(),
            problem: None,
            wrong: "",
            state: None,
            lines: Vec::new(),
            next: None,
            looked: 0,
            found: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_how_it_stands() {
        let say = |looked, found, next: Option<&str>| {
            let piece = Found { hits: vec![], looked: 0, percent: 31, next: next.map(str::to_owned), is_last: true };
            state(Sums { looked, found }, &piece)
        };
        assert_eq!(say(31_000, 2, Some("x")), "2 found so far. 31,000 submissions were looked through (31 %).");
        assert_eq!(say(999, 0, Some("x")), "Nothing was found so far. 999 submissions were looked through (31 %).");
        assert_eq!(
            say(1_234_567, 1_000, None),
            "1,000 found. 1,234,567 submissions were looked through, all there are."
        );
        assert_eq!(say(0, 0, None), "Nothing was found. There is nothing to look through.");
        assert_eq!(say(1, 1, None), "1 found. 1 submission was looked through, all there is.");
    }
}
