//! The page that a receipt opens, and those around it.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::visit::Here;
use crate::base::clock::Timestamp;
use crate::base::ids::Handle;
use crate::base::sensitive::SensitiveString;
use crate::domain::country::Country;
use crate::domain::form::{Field, FieldKind, Form};
use crate::domain::message::{Author, Message};
use crate::domain::resource::Downloaded;
use crate::domain::scan::Scan;
use crate::domain::staff::Role;
use crate::domain::submission::{FieldValue, Fields, FileInfo, Nature, Status};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::pages::{OTHER, detail, html};
use crate::http::speech::Speech;
use crate::services::portal::{FileRules, HeldPage, Mine, MyConsent};
use crate::services::{ServiceError, resources};

/// What the entrance has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The code opens nothing.
    Unknown,
    /// The submission is gone.
    Gone,
    /// The visit was ended.
    Left,
    /// A link is on its way, if anything is held.
    Mailed,
    /// What was typed is no address.
    NoAddress,
    /// The link was used, or is too old.
    OldLink,
}

/// The entrance; with `mail`, also by a link that is mailed.
pub(super) fn enter(speech: &Speech, note: Option<Note>, mail: bool) -> Response {
    // One answer for a code that is wrong in any way: 404 says that there is nothing to be seen by it.
    let status = match note {
        Some(Note::Unknown | Note::OldLink) => StatusCode::NOT_FOUND,
        Some(Note::NoAddress) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    html(speech, status, &Enter { speech, note, mail })
}

/// All that is held under an address.
pub(super) fn all(web: &Web, speech: &Speech, here: &Here, held: &HeldPage, is_older: bool) -> Response {
    let forms = web.app.forms();
    let lines = held.lines.iter().map(|held| Line {
        id: held.own.to_string(),
        title: forms.get_in(&held.form, speech.lang()).map_or(held.title.as_str(), |form| &form.title),
        lang: forms.get_in(&held.form, speech.lang()).map_or_else(String::new, |form| speech.mark(&form.lang)),
        received: When::of(speech, held.received),
        messages: (held.messages > 0).then(|| speech.count("my.messages-held", held.messages.into())),
    });
    let (guard, older) = (here.visit.guard.to_string(), held.older.as_deref());
    html(speech, StatusCode::OK, &All { speech, guard, lines: lines.collect(), older, is_older })
}

/// Asks whether a link that was mailed shall be used.
pub(super) fn link(speech: &Speech, token: &str) -> Response {
    html(speech, StatusCode::OK, &LinkPage { speech, token })
}

/// The page itself. With `error`, a message was turned down, and `typed` is its text.
pub(super) fn mine(
    web: &Web,
    speech: &Speech,
    here: &Here,
    mine: &Mine,
    error: Option<&HttpError>,
    typed: &str,
) -> Result<Response, HttpError> {
    let once = Handle::make_random(web.app.entropy()).map_err(|_| HttpError::from(ServiceError::Unavailable))?;
    let forms = web.app.forms();
    // In the language of the page, if the form is there at all.
    let form = mine.form.as_deref().and_then(|form| forms.get_in(&form.id, speech.lang())).map(AsRef::as_ref);
    let own = form.map_or_else(String::new, |form| speech.mark(&form.lang));
    let rules = FileRules::of(form, mine.summary.files.unwrap_or(u32::MAX));
    let problem = |field: &str| {
        error
            .into_iter()
            .flat_map(|e| &e.problems)
            .find(|p| p.field.as_deref() == Some(field))
            .map(|p| speech.translated(&p.message, &OTHER))
    };
    let page = MinePage {
        speech,
        own,
        title: form.map_or_else(|| speech.say("my.title"), |form| form.title.clone()),
        received: When::of(speech, mine.content.received),
        standing: speech.say(standing(mine.summary.status)),
        answers: answers(speech, form, &mine.content.fields),
        files: mine.content.files.iter().map(|file| FileView::of(speech, file)).collect(),
        messages: mine.messages.iter().map(|message| MessageView::of(speech, message)).collect(),
        unlocks: form.map_or_else(Vec::new, |form| unlocks(speech, form, here)),
        by_mail: form.is_some_and(|form| !resources::may_fetch(form, &here.visit)),
        downloads: mine.downloads.iter().map(|one| downloaded(speech, form, one)).collect(),
        consents: mine.consents.iter().map(|consent| ConsentView::of(speech, consent)).collect(),
        board: (mine.summary.nature == Nature::Comment).then(|| speech.path("/b/", &mine.summary.form, "")),
        can_take_down: mine.summary.nature == Nature::Comment && mine.summary.status != Status::Withdrawn,
        is_answer: matches!(mine.summary.nature, Nature::Answer(_)),
        guard: here.visit.guard.to_string(),
        among_others: here.visit.person.is_some(),
        once: once.to_string(),
        accept: rules.kinds.iter().map(|kind| format!(".{}", kind.extension())).collect::<Vec<_>>().join(","),
        kinds: rules.kinds.iter().map(|kind| speech.tell(&kind.said())).collect::<Vec<_>>().join(", "),
        most: speech.size(rules.max_bytes),
        files_left: rules.max_files,
        error: error.map(|e| if e.problems.is_empty() { detail(speech, e) } else { String::new() }),
        text_problem: problem("text"),
        file_problem: problem("file"),
        typed,
    };
    let mut response = html(speech, error.map_or(StatusCode::OK, |e| e.status), &page);
    if let Some(error) = error {
        error.add_headers(response.headers_mut());
    }
    Ok(response)
}

/// Asks whether it shall be erased.
pub(super) fn erasure(speech: &Speech, here: &Here) -> Response {
    html(speech, StatusCode::OK, &Erasure { speech, guard: here.visit.guard.to_string() })
}

/// It was.
pub(super) fn erased(speech: &Speech, certificate: &Value, more: bool) -> Response {
    let text = serde_json::to_string_pretty(certificate).unwrap_or_default();
    let pending = certificate["statement"]["state"] != "complete";
    html(speech, StatusCode::OK, &Erased { speech, certificate: &text, pending, more })
}

#[derive(Template)]
#[template(path = "my/enter.html")]
struct Enter<'a> {
    speech: &'a Speech,
    note: Option<Note>,
    mail: bool,
}

#[derive(Template)]
#[template(path = "my/all.html")]
struct All<'a> {
    speech: &'a Speech,
    guard: String,
    lines: Vec<Line<'a>>,
    /// Where the next page begins.
    older: Option<&'a str>,
    /// This is not the first page.
    is_older: bool,
}

/// One of all.
struct Line<'a> {
    id: String,
    title: &'a str,
    /// The mark of the title's language.
    lang: String,
    received: When,
    /// How many, if there are any.
    messages: Option<String>,
}

#[derive(Template)]
#[template(path = "my/link.html")]
struct LinkPage<'a> {
    speech: &'a Speech,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "my/erasure.html")]
struct Erasure<'a> {
    speech: &'a Speech,
    guard: String,
}

#[derive(Template)]
#[template(path = "my/erased.html")]
struct Erased<'a> {
    speech: &'a Speech,
    certificate: &'a str,
    pending: bool,
    more: bool,
}

#[derive(Template)]
#[template(path = "my/mine.html")]
struct MinePage<'a> {
    speech: &'a Speech,
    /// The mark of words of the form's own.
    own: String,
    title: String,
    received: When,
    standing: String,
    answers: Vec<Answer<'a>>,
    files: Vec<FileView<'a>>,
    messages: Vec<MessageView<'a>>,
    /// File and title of what can be fetched, and the mark of the title's language.
    unlocks: Vec<(&'a str, &'a str, String)>,
    /// It can be fetched, but only by a mailed link.
    by_mail: bool,
    /// The same of what was.
    downloads: Vec<(&'a str, String, When)>,
    consents: Vec<ConsentView<'a>>,
    /// An answer to a survey: there is nobody to write to about it.
    is_answer: bool,
    /// Of a comment: where its board is.
    board: Option<String>,
    can_take_down: bool,
    guard: String,
    /// There is a list to go back to.
    among_others: bool,
    once: String,
    accept: String,
    kinds: String,
    most: String,
    files_left: usize,
    /// What is wrong; empty when it stands beside its field.
    error: Option<String>,
    text_problem: Option<String>,
    file_problem: Option<String>,
    typed: &'a str,
}

/// An answer, in words.
pub(in crate::http) struct Answer<'a> {
    pub(in crate::http) label: &'a str,
    pub(in crate::http) text: Cow<'a, str>,
}

struct FileView<'a> {
    n: u32,
    name: &'a str,
    size: String,
    /// Whether it can be opened.
    opens: bool,
    /// What there is to say of the virus scanner; empty for nothing.
    scan: String,
}

struct MessageView<'a> {
    own: bool,
    author: String,
    at: When,
    text: &'a str,
    files: Vec<FileView<'a>>,
}

struct ConsentView<'a> {
    name: &'a str,
    wording: &'a str,
    lang: String,
    version: &'a str,
    given: bool,
    unconfirmed: bool,
    since: When,
}

/// A time, for programs and for people.
pub(in crate::http) struct When {
    pub(in crate::http) exact: String,
    pub(in crate::http) shown: String,
}

impl When {
    /// To the minute.
    pub(in crate::http) fn of(speech: &Speech, time: Timestamp) -> Self {
        Self { exact: time.to_string(), shown: speech.time(time) }
    }
}

/// Where it stands, in words for the person. How far an application is stays with those who decide until they tell.
const fn standing(status: Status) -> &'static str {
    match status {
        Status::New => "standing.new",
        Status::InProgress => "standing.in-progress",
        Status::Answered => "standing.answered",
        Status::Closed => "standing.closed",
        Status::Received | Status::Shortlisted | Status::Interview | Status::Offer => "standing.considered",
        Status::Published => "standing.published",
        Status::Declined => "standing.declined",
        Status::Withdrawn => "standing.withdrawn",
        Status::Unconfirmed => "standing.unconfirmed",
        Status::Confirmed => "standing.confirmed",
        Status::Hired | Status::Rejected => "standing.decided",
    }
}

/// What the form unlocks.
fn unlocks<'a>(speech: &Speech, form: &'a Form, here: &Here) -> Vec<(&'a str, &'a str, String)> {
    let open = form.unlocks.iter().filter(|_| resources::may_fetch(form, &here.visit));
    open.map(|unlock| (unlock.file.as_str(), unlock.title.as_str(), speech.mark(&unlock.lang))).collect()
}

/// A download that was made.
fn downloaded<'a>(speech: &Speech, form: Option<&Form>, one: &'a Downloaded) -> (&'a str, String, When) {
    let unlock = form.and_then(|form| form.unlock(one.file.as_str()));
    (&one.title, unlock.map_or_else(String::new, |unlock| speech.mark(&unlock.lang)), When::of(speech, one.at))
}

/// The answers in the order of the form, then those to questions that it asks no longer.
pub(in crate::http) fn answers<'a>(speech: &Speech, form: Option<&'a Form>, fields: &'a Fields) -> Vec<Answer<'a>> {
    let mut rest: Vec<(&String, &FieldValue)> = fields.iter().collect();
    let mut out = Vec::new();
    for field in form.map_or(&[][..], |form| &form.fields) {
        if let Some(at) = rest.iter().position(|(name, _)| **name == field.name) {
            let (_, value) = rest.remove(at);
            out.push(Answer { label: &field.label, text: shown(speech, Some(field), value) });
        }
    }
    out.extend(rest.into_iter().map(|(name, value)| Answer { label: name, text: shown(speech, None, value) }));
    out
}

fn shown<'a>(speech: &Speech, field: Option<&'a Field>, value: &'a FieldValue) -> Cow<'a, str> {
    let kind = field.map(|field| &field.kind);
    let label = |value: &'a str| field.and_then(|field| field.label_of(value)).unwrap_or(value);
    match value {
        FieldValue::Text(text) => label(text.expose()).into(),
        FieldValue::Bool(true) => speech.say("my.yes").into(),
        FieldValue::Bool(false) => speech.say("my.no").into(),
        FieldValue::Number(number) => match kind {
            Some(FieldKind::Rating(rating)) => {
                speech.fill("my.mark").with("mark", number).with("scale", rating.scale).to_string().into()
            }
            _ => number.to_string().into(),
        },
        FieldValue::Many(picked) => {
            picked.iter().map(|text| label(text.expose())).collect::<Vec<_>>().join("\n").into()
        }
        FieldValue::Address(address) => {
            let line = |(name, text): (&str, &'a SensitiveString)| match text.expose().parse::<Country>() {
                Ok(country) if name == "country" => Cow::Owned(speech.country(country)),
                _ => Cow::Borrowed(text.expose()),
            };
            let lines: Vec<Cow<'_, str>> =
                address.parts().into_iter().map(line).filter(|text| !text.is_empty()).collect();
            lines.join("\n").into()
        }
    }
}

impl<'a> FileView<'a> {
    fn of(speech: &Speech, file: &'a FileInfo) -> Self {
        let scan = match file.scan {
            Scan::Off | Scan::Clean => None,
            Scan::Unscanned | Scan::Tolerated => Some("my.unscanned"),
            Scan::Held => Some("my.held"),
            Scan::Infected => Some("my.infected"),
            Scan::Unscannable => Some("my.unscannable"),
        };
        Self {
            n: file.n,
            name: file.name.expose(),
            size: speech.size(file.size),
            opens: !file.scan.is_withheld(),
            scan: scan.map_or_else(String::new, |key| speech.say(key)),
        }
    }
}

impl<'a> MessageView<'a> {
    fn of(speech: &Speech, message: &'a Message) -> Self {
        let (own, author) = match &message.author {
            Author::Subject => (true, "who.subject"),
            Author::Staff { role: Role::Hr, .. } => (false, "who.hr"),
            Author::Staff { role: Role::Support, .. } => (false, "who.support"),
            Author::Staff { role: Role::Training, .. } => (false, "who.training"),
            Author::Staff { role: Role::Partner, .. } => (false, "who.partner"),
            Author::Staff { role: Role::Marketing, .. } => (false, "who.marketing"),
            Author::Staff { role: Role::Privacy, .. } => (false, "who.privacy"),
            // None of them writes to people, or none that has a name there.
            Author::Staff { role: Role::Auditor | Role::Admin | Role::Guest | Role::Custom(_), .. } => {
                (false, "who.staff")
            }
        };
        Self {
            own,
            author: speech.say(author),
            at: When::of(speech, message.at),
            text: message.text.expose(),
            files: message.files.iter().map(|file| FileView::of(speech, file)).collect(),
        }
    }
}

impl<'a> ConsentView<'a> {
    fn of(speech: &Speech, consent: &'a MyConsent) -> Self {
        Self {
            name: &consent.name,
            wording: consent.wording.as_deref().unwrap_or(&consent.name),
            lang: consent.lang.as_ref().map_or_else(String::new, |lang| speech.mark(lang)),
            version: &consent.version,
            given: consent.given,
            unconfirmed: consent.unconfirmed,
            since: When::of(speech, consent.since),
        }
    }
}
