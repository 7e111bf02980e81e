//! The console's first page, and the inbox.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Here;
use super::charts::{self, Arrivals, Row};
use super::guests::LentView;
use super::inbox::{Inbox, Shown};
use super::page::{Choice, Frame, html, labels as words, named};
use super::view;
use crate::base::ids::RecordId;
use crate::domain::form::Form;
use crate::domain::submission::{FieldValue, Status};
use crate::domain::work::Label;
use crate::http::Web;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::services::dashboard::Dashboard;
use crate::services::guests::Lent;
use crate::services::inbox::Tally;
use crate::services::review::Item;
use crate::services::work;

/// Labels that one can filter by, at most: those that most submissions have.
const MOST_LABELS: usize = 100;

/// The console's first page.
pub(super) fn home(
    here: &Here,
    forms: &[Arc<Form>],
    tallies: Option<&[Tally]>,
    flow: Option<&Dashboard>,
    surveys: &[Arc<Form>],
    lent: Option<&[Lent]>,
) -> Response {
    let forms = forms.iter().enumerate().map(|(n, form)| FormLine {
        id: form.id.to_string(),
        title: &form.title,
        tally: tallies.and_then(|tallies| tallies.get(n)),
    });
    let flow = flow.map(|flow| FlowView {
        arrivals: Arrivals::of(flow),
        rows: charts::rows(flow),
        since: When::of(&Speech::default(), flow.since),
        overdue_days: flow.overdue_days,
    });
    let lent = lent.map(|lent| lent.iter().map(LentView::of).collect());
    let page = Home { frame: Frame::of(here), forms: forms.collect(), flow, surveys: named(surveys), lent };
    html(StatusCode::OK, &page)
}

/// The inbox.
pub(super) fn inbox(web: &Web, here: &Here, inbox: &Inbox<'_>) -> Response {
    let (form, speech, shown, login) = (inbox.form, Speech::default(), &inbox.shown, here.who.login.as_str());
    let account = match &here.who.actor {
        Actor::Staff { id, .. } => Some(*id),
        _ => None,
    };
    let lines = inbox.items.iter().map(|item| {
        let standing = &item.summary.work;
        Line {
            id: item.summary.id.to_string(),
            summary: summary_of(form, item),
            status: view::status(item.summary.status),
            is_unread: account.is_some_and(|account| !standing.was_seen_by(account)),
            whose: standing.assignee.as_ref().map(|assignee| view::assignee(&work::name_of(&web.app, assignee), login)),
            labels: standing.labels.iter().map(Label::expose).collect(),
            received: When::of(&speech, item.summary.received),
            files: item.summary.files,
            messages: item.summary.messages,
            notes: standing.notes.len(),
            unanswered: item.summary.unanswered,
        }
    });
    let name = form.map(|form| form.id.to_string()).unwrap_or_default();
    let at = |shown: &Shown| address(&name, shown);
    let only = |assignee: Option<&str>, seen: Option<bool>| {
        at(&Shown { assignee: assignee.map(str::to_owned), seen, purpose: shown.purpose.clone(), ..Shown::default() })
    };
    let roles: &[Role] = match &here.who.actor {
        Actor::Staff { roles, .. } => roles,
        _ => &[],
    };
    let statuses = form.map(|form| form.kind.statuses()).unwrap_or_default();
    let count = |status: &Status| {
        let counted = inbox.tally.map(|tally| tally.by_status.get(status).copied().unwrap_or(0));
        counted.map_or_else(String::new, |count| format!(" ({count})"))
    };
    let given = shown.assignee.as_deref();
    let mut assignees = vec![
        Choice::of(String::new(), "Anybody's", given.is_none()),
        Choice::of("me".to_owned(), "Mine and my teams'", given == Some("me")),
        Choice::of("nobody".to_owned(), "Nobody's", given == Some("nobody")),
    ];
    let named = |name: &String| Choice::of(name.clone(), &view::assignee(name, login), given == Some(name));
    assignees.extend(inbox.candidates.iter().map(named));
    let mut labels: Vec<(&Label, u64)> =
        inbox.tally.into_iter().flat_map(|tally| &tally.by_label).map(|(label, count)| (label, *count)).collect();
    labels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    labels.truncate(MOST_LABELS);
    labels.sort_by_key(|(label, _)| label.expose().to_lowercase());
    let picked = |label: &Label| shown.label.as_ref().is_some_and(|wanted| wanted.is(label));
    let mut label_choices = vec![Choice::of(String::new(), "Any or none", shown.label.is_none())];
    if let Some(wanted) = shown.label.as_ref().filter(|wanted| !labels.iter().any(|(label, _)| label.is(wanted))) {
        label_choices.push(Choice::of(wanted.expose().to_owned(), wanted.expose(), true));
    }
    label_choices.extend(labels.iter().map(|(label, count)| {
        Choice::of(label.expose().to_owned(), &format!("{} ({count})", label.expose()), picked(label))
    }));
    let page = InboxPage {
        frame: Frame::of(here),
        forms: inbox
            .forms
            .iter()
            .map(|one| Choice::of(one.id.to_string(), &one.title, form.is_some_and(|open| open.id == one.id)))
            .collect(),
        title: form.map_or("Nothing to read", |form| &form.title),
        statuses: statuses
            .iter()
            .map(|status| {
                let words = format!("{}{}", view::status(*status), count(status));
                Choice::of(status.as_str().to_owned(), &words, shown.status == Some(*status))
            })
            .collect(),
        settable: form
            .filter(|form| form.kind.subscribes().is_none())
            .map(|form| form.kind.statuses())
            .unwrap_or_default()
            .iter()
            .map(|status| Choice::of(status.as_str().to_owned(), view::status(*status), false))
            .collect(),
        given: inbox
            .candidates
            .iter()
            .map(|name| Choice::of(name.clone(), &view::assignee(name, login), false))
            .collect(),
        own_labels: form
            .map(|form| form.known_labels().iter().map(|label| label.expose().to_owned()).collect())
            .unwrap_or_default(),
        assignees,
        labels: label_choices,
        seen: [("", "Read or not"), ("false", "Unread"), ("true", "Read")]
            .map(|(value, words)| Choice::of(value.to_owned(), words, seen_word(shown.seen) == value))
            .into(),
        purposes: inbox
            .purposes
            .iter()
            .map(|one| Choice::of(one.clone(), &view::purpose(one), shown.purpose.as_ref() == Some(one)))
            .collect(),
        purpose: shown.purpose.as_deref().unwrap_or_default(),
        tally: inbox.tally,
        views: [only(None, None), only(None, Some(false)), only(Some("me"), None), only(Some("nobody"), None)],
        kept: inbox.desk.views.iter().map(|view| (view.name.expose(), view.address.as_str())).collect(),
        present: texts(shown).into_iter().filter_map(|(name, text)| Some((name, text?.to_owned()))).collect(),
        here: at(shown),
        ticked: format!("{}&all=1", at(shown)),
        // Those who do the work settle whose it is.
        works: policy::decide(&here.who.actor, Action::Assign, &Resource::Submission { roles }).is_ok(),
        all: inbox.all,
        exports: inbox.exports,
        export: (inbox.exports && shown.seen.is_none()).then(|| export_address(&name, shown)),
        lines: lines.collect(),
        masked: inbox.items.first().map_or_else(Vec::new, |item| words(form.map(|form| &**form), &item.masked)),
        next: inbox.next,
        first: inbox.first,
        form: name.clone(),
    };
    html(StatusCode::OK, &page)
}

/// What became of several submissions.
pub(super) struct Outcome<'a> {
    pub(super) form: &'a str,
    pub(super) purpose: &'a str,
    pub(super) done: &'a [RecordId],
    /// Those that were not changed, and why.
    pub(super) failed: &'a [(RecordId, String)],
    /// Whether it was the status that was changed, so that it can be undone.
    pub(super) undo: bool,
}

/// Says what became of several submissions.
pub(super) fn outcome(here: &Here, outcome: &Outcome<'_>) -> Response {
    let page = OutcomePage {
        frame: Frame::of(here),
        form: outcome.form,
        purpose: outcome.purpose,
        done: outcome.done.iter().map(RecordId::to_string).collect(),
        failed: outcome.failed.iter().map(|(id, why)| (id.to_string(), why.as_str())).collect(),
        undo: outcome.undo && !outcome.done.is_empty(),
    };
    html(StatusCode::OK, &page)
}

/// The address of the inbox that shows this.
pub(super) fn address(form: &str, shown: &Shown) -> String {
    let mut out = format!("/staff/inbox?form={}", encoded(form));
    for (name, text) in texts(shown) {
        if let Some(text) = text {
            out.push_str(&format!("&{name}={}", encoded(text)));
        }
    }
    out
}

/// The address of the page where one asks to export this. Whether something was read is nothing to choose by there.
fn export_address(form: &str, shown: &Shown) -> String {
    let mut out = format!("/staff/requests/export?form={}", encoded(form));
    for (name, text) in texts(shown).into_iter().filter(|(name, _)| !matches!(*name, "seen" | "purpose")) {
        if let Some(text) = text {
            out.push_str(&format!("&{name}={}", encoded(text)));
        }
    }
    out
}

/// What is shown, part by part.
fn texts(shown: &Shown) -> [(&'static str, Option<&str>); 5] {
    [
        ("status", shown.status.map(Status::as_str)),
        ("assignee", shown.assignee.as_deref()),
        ("label", shown.label.as_ref().map(Label::expose)),
        ("seen", shown.seen.map(|_| seen_word(shown.seen))),
        ("purpose", shown.purpose.as_deref()),
    ]
}

const fn seen_word(seen: Option<bool>) -> &'static str {
    match seen {
        None => "",
        Some(true) => "true",
        Some(false) => "false",
    }
}

/// A text as part of an address (RFC 3986, section 2).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn summary_of(form: Option<&Arc<Form>>, item: &Item) -> String {
    let fields = item.fields.as_ref();
    let ordered = form.into_iter().flat_map(|form| &form.summary);
    let label = |name: &String, text: &str| {
        let field = form.and_then(|form| form.field(name));
        field.and_then(|field| field.label_of(text)).map(str::to_owned)
    };
    let texts = ordered.filter_map(|name| {
        let value = fields.and_then(|fields| fields.get(name))?;
        let chosen = if let FieldValue::Text(text) = value { label(name, text.expose()) } else { None };
        Some(chosen.unwrap_or_else(|| in_line(value)))
    });
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// One line of a value, in a list.
pub(super) fn in_line(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.expose().chars().take(120).collect(),
        FieldValue::Bool(true) => "yes".to_owned(),
        FieldValue::Bool(false) => "no".to_owned(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Many(picked) => picked.iter().map(|text| text.expose().to_owned()).collect::<Vec<_>>().join(", "),
        FieldValue::Address(address) => address
            .parts()
            .into_iter()
            .map(|(_, text)| text.expose().to_owned())
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

struct FormLine<'a> {
    id: String,
    title: &'a str,
    tally: Option<&'a Tally>,
}

struct Line<'a> {
    id: String,
    summary: String,
    status: &'static str,
    is_unread: bool,
    whose: Option<String>,
    labels: Vec<&'a str>,
    received: When,
    /// `None` where it would tell of files that are not shown.
    files: Option<u32>,
    messages: u32,
    notes: usize,
    unanswered: u32,
}

/// How the work goes.
struct FlowView<'a> {
    arrivals: Arrivals,
    rows: Vec<Row<'a>>,
    since: When,
    overdue_days: u32,
}

#[derive(Template)]
#[template(path = "staff/home.html")]
struct Home<'a> {
    frame: Frame,
    forms: Vec<FormLine<'a>>,
    flow: Option<FlowView<'a>>,
    surveys: Vec<(String, &'a str)>,
    /// Of a guest: what they may read.
    lent: Option<Vec<LentView>>,
}

#[derive(Template)]
#[template(path = "staff/inbox.html")]
struct InboxPage<'a> {
    frame: Frame,
    forms: Vec<Choice>,
    form: String,
    title: &'a str,
    statuses: Vec<Choice>,
    /// Statuses that can be set.
    settable: Vec<Choice>,
    assignees: Vec<Choice>,
    /// Whom they can be given to.
    given: Vec<Choice>,
    labels: Vec<Choice>,
    /// Labels of a form that says which there are.
    own_labels: Vec<String>,
    seen: Vec<Choice>,
    purposes: Vec<Choice>,
    purpose: &'a str,
    tally: Option<&'a Tally>,
    /// Where all, the unread ones, one's own and nobody's are shown.
    views: [String; 4],
    /// Views that the account keeps: names and addresses.
    kept: Vec<(&'a str, &'a str)>,
    /// What is shown, to be kept.
    present: Vec<(&'static str, String)>,
    /// Where this is shown.
    here: String,
    /// The same with every line ticked.
    ticked: String,
    works: bool,
    all: bool,
    /// Whether they may ask to export some.
    exports: bool,
    /// Where one asks to export all that is shown here.
    export: Option<String>,
    lines: Vec<Line<'a>>,
    /// The labels of what summaries do not show to this role.
    masked: Vec<&'a str>,
    next: Option<&'a str>,
    first: bool,
}

#[derive(Template)]
#[template(path = "staff/changed.html")]
struct OutcomePage<'a> {
    frame: Frame,
    form: &'a str,
    purpose: &'a str,
    done: Vec<String>,
    failed: Vec<(String, &'a str)>,
    undo: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_typed_ends_its_part_of_an_address() {
        let shown = Shown {
            label: Label::parse("a&b=c#d é\"><script>").ok(),
            assignee: Some("team:x".to_owned()),
            seen: Some(false),
            ..Shown::default()
        };
        assert_eq!(
            address("job-application", &shown),
            "/staff/inbox?form=job-application&assignee=team%3Ax&label=a%26b%3Dc%23d%20%C3%A9%22%3E%3Cscript%3E&seen=false"
        );
    }
}
