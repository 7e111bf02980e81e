//! `/staff/forms`: what each form asks, on what ground, for how long, and who reads it.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Frame, html};
use super::{Visit, view};
use crate::domain::form::{Announce, Field, FieldKind, FileField, Form, FormKind};
use crate::domain::language::Said;
use crate::domain::resource::UnlockBy;
use crate::domain::staff::Role;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::speech::Speech;
use crate::services::forms::{self, Kept};

/// `GET /staff/forms`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let all = forms::list(&web.app, &ctx)?;
    let speech = Speech::default();
    let page = FormsPage {
        frame: Frame::of(&here),
        open: all.iter().filter(|kept| kept.is_open).count(),
        overdue: all.iter().filter(|kept| kept.is_overdue).count(),
        forms: all.iter().map(|kept| FormView::of(&speech, web.app.region().as_str(), kept)).collect(),
    };
    Ok(html(StatusCode::OK, &page))
}

struct FormView<'a> {
    id: String,
    form: &'a Form,
    is_open: bool,
    kind: &'static str,
    kept: String,
    readers: String,
    purposes: String,
    region: &'a str,
    langs: String,
    review: Option<String>,
    is_overdue: bool,
    told: String,
    fields: Vec<Asked<'a>>,
    files: Vec<Asked<'a>>,
    unlocks: Vec<&'a str>,
    unlocked_by_mail: bool,
}

impl<'a> FormView<'a> {
    fn of(speech: &Speech, region: &'a str, kept: &'a Kept) -> Self {
        let form = &*kept.form;
        let told = form.announce.iter().map(|one| match one {
            Announce::Role(role) => format!("everybody of {}", view::role(*role)),
            Announce::Address(address) => address.clone(),
        });
        Self {
            id: form.id.to_string(),
            form,
            is_open: kept.is_open,
            kind: kind(&form.kind),
            kept: days(form.retention_days),
            readers: roles(&form.roles),
            purposes: form.purposes.iter().map(|name| view::purpose(name)).collect::<Vec<_>>().join(", "),
            region: form.region.as_deref().unwrap_or(region),
            langs: kept.langs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            review: form.notice.review_by.map(|day| day.to_string()),
            is_overdue: kept.is_overdue,
            told: told.collect::<Vec<_>>().join(", "),
            fields: form.fields.iter().map(Asked::field).collect(),
            files: form.files.iter().map(|file| Asked::file(speech, file)).collect(),
            unlocks: form.unlocks.iter().map(|unlock| unlock.title.as_str()).collect(),
            unlocked_by_mail: form.unlock_by == UnlockBy::Mail,
        }
    }
}

/// Something that a form asks for.
struct Asked<'a> {
    label: &'a str,
    kind: String,
    required: bool,
    /// Of those who read the form, who sees it; `None` for all.
    seen_by: Option<String>,
}

impl<'a> Asked<'a> {
    fn field(field: &'a Field) -> Self {
        let mut kind = answer(&field.kind).to_owned();
        if field.shown_when.is_some() {
            kind.push_str(", asked only sometimes");
        }
        Self { label: &field.label, kind, required: field.required, seen_by: field.seen_by.as_deref().map(roles) }
    }

    fn file(speech: &Speech, file: &'a FileField) -> Self {
        let size = speech.sentence(&Said::size(file.max_bytes));
        let kind = match file.max_files {
            1 => format!("One file, up to {size}"),
            many => format!("Up to {many} files, each up to {size}"),
        };
        Self { label: &file.label, kind, required: file.required, seen_by: file.seen_by.as_deref().map(roles) }
    }
}

fn roles(roles: &[Role]) -> String {
    roles.iter().map(|role| view::role(*role)).collect::<Vec<_>>().join(", ")
}

/// How long something is kept. Whole years are told as such.
fn days(days: u32) -> String {
    match days {
        1 => "1 day".to_owned(),
        365 => "365 days (a year)".to_owned(),
        days if days % 365 == 0 => format!("{days} days ({} years)", days / 365),
        days => format!("{days} days"),
    }
}

const fn kind(kind: &FormKind) -> &'static str {
    match kind {
        FormKind::Request => "Request",
        FormKind::Application => "Application",
        FormKind::Survey { .. } => "Survey",
        FormKind::Referral { .. } => "Referral",
        FormKind::Board { .. } => "Board",
        FormKind::Newsletter { .. } => "Newsletter",
    }
}

/// A kind of answer, in words.
fn answer(kind: &FieldKind) -> &'static str {
    match kind.as_str() {
        "short-text" => "A line of text",
        "long-text" => "Text",
        "email" => "E-mail address",
        "phone" => "Telephone number",
        "url" => "Address of a web page",
        "number" => "Number",
        "date" => "Date",
        "choice" => "One of several",
        "choices" => "Any of several",
        "yes-no" => "Yes or no",
        "rating" => "A mark",
        "postal-address" => "Postal address",
        other => other,
    }
}

#[derive(Template)]
#[template(path = "staff/forms.html")]
struct FormsPage<'a> {
    frame: Frame,
    open: usize,
    overdue: usize,
    forms: Vec<FormView<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_days_and_whole_years() {
        for (n, told) in [(1, "1 day"), (90, "90 days"), (365, "365 days (a year)"), (730, "730 days (2 years)")] {
            assert_eq!(days(n), told);
        }
    }

    #[test]
    fn every_kind_of_answer_has_words() {
        for name in FieldKind::NAMES {
            let source = include_str!("forms.rs");
            assert!(source.contains(&format!("\"{name}\" => \"")), "{name}");
        }
    }
}
