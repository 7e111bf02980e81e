//! The pages of an erasure: whom it would be about, whether it shall be, and the certificate.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::erasure::{page_of, request_for};
use super::page::{Frame, html};
use super::{Here, view};
use crate::base::ids::Handle;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::Action;
use crate::services::erase::{Certificate, Held, HeldRecord, Kind, State};
use crate::services::{Context, approvals, review, sign_in};

/// Lines of submissions with a link each, at most.
const LINKS: usize = 50;
/// What is typed before a single submission is erased, and before the number of somebody's.
const WORD: &str = "erase";

/// What shall be erased.
pub(super) enum Asked<'a> {
    /// Somebody with all that is held about them.
    Person(&'a Held),
    /// A single submission.
    Record(&'a HeldRecord),
}

/// Why it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// What was typed is not what was asked for.
    Unconfirmed,
    /// It is not what the page had shown.
    Changed,
    /// One alone has erased enough for a day.
    Limit,
}

impl Asked<'_> {
    /// Changes with what would be erased.
    pub(super) fn state(&self) -> &str {
        match self {
            Self::Person(held) => &held.state,
            Self::Record(held) => &held.state,
        }
    }

    /// What has to be typed: with the number of submissions, so that it is looked at.
    fn phrase(&self) -> String {
        match self {
            Self::Person(held) if !held.damaged => format!("{WORD} {}", held.count()),
            Self::Person(_) | Self::Record(_) => WORD.to_owned(),
        }
    }

    /// Whether this is what was asked for, however it is cased and spaced.
    pub(super) fn is_confirmed_by(&self, typed: &str) -> bool {
        plain(typed) == plain(&self.phrase())
    }

    /// The same where what comes in meanwhile goes as well: the number may be one from before.
    pub(super) fn is_confirmed_with_more_by(&self, typed: &str) -> bool {
        let typed = plain(typed);
        let before = || typed.strip_prefix(WORD).and_then(|number| number.parse().ok());
        self.is_confirmed_by(&typed)
            || matches!(self, Self::Person(held) if before().is_some_and(|number: usize| number <= held.count()))
    }

    const fn has_room(&self) -> bool {
        match self {
            Self::Person(held) => held.has_room,
            Self::Record(held) => held.has_room,
        }
    }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

/// Where somebody is found; with what was wrong in which field.
pub(super) fn find(here: &Here, status: StatusCode, problem: Option<(&str, &str)>) -> Response {
    let of = |name: &str| problem.filter(|(field, _)| *field == name).map(|(_, text)| text);
    let page = FindPage {
        frame: Frame::of(here),
        email_problem: of("email"),
        handle_problem: of("handle"),
        searched: false,
        found: None,
    };
    html(status, &page)
}

/// Who was found; nobody is the same page.
pub(super) fn found(web: &Web, ctx: &Context, here: &Here, found: Option<&Held>) -> Response {
    let page = FindPage {
        frame: Frame::of(here),
        email_problem: None,
        handle_problem: None,
        searched: true,
        found: found.map(|held| Found::of(web, ctx, held)),
    };
    html(StatusCode::OK, &page)
}

/// Asks whether it shall be erased.
pub(super) fn ask(web: &Web, here: &Here, asked: &Asked<'_>, problem: Option<Problem>) -> Response {
    let speech = Speech::default();
    let (path, person, single) = match asked {
        Asked::Person(held) => (page_of(&held.person), held.person, None),
        Asked::Record(held) => {
            let id = held.summary.id;
            let single = Single {
                title: &held.title,
                received: When::of(&speech, held.summary.received),
                record: format!("/staff/record/{id}"),
                files: held.summary.files.unwrap_or(0).into(),
                messages: held.summary.messages.into(),
                is_only: held.is_only,
            };
            (format!("/staff/erasure/records/{id}"), held.summary.subject, Some(single))
        }
    };
    let counts = match asked {
        Asked::Person(held) => Some(Counts::of(&speech, held)),
        Asked::Record(_) => None,
    };
    let page = AskPage {
        frame: Frame::of(here),
        problem,
        handle: path.rsplit('/').next().unwrap_or_default(),
        path: &path,
        all_of: page_of(&person),
        single,
        counts,
        seen: asked.state(),
        phrase: asked.phrase(),
        is_fresh: sign_in::is_fresh(&web.app, &here.who),
        has_room: asked.has_room() && problem != Some(Problem::Limit),
        request: request_for(&person),
        most_alone: approvals::MOST_ALONE,
    };
    html(if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

/// Where a certificate is shown.
pub(super) fn certificate_at(handle: [u8; 16]) -> String {
    format!("/staff/erasure/certificates/{}", Handle::from_bytes(handle))
}

/// What a certificate says.
pub(super) fn certificate(here: &Here, handle: Handle, certificate: &Value) -> Result<Response, HttpError> {
    let text = serde_json::to_string_pretty(certificate).map_err(|_| HttpError::internal())?;
    let Certificate { statement, public_key, .. } =
        serde_json::from_value(certificate.clone()).map_err(|_| HttpError::internal())?;
    let page = CertificatePage {
        frame: Frame::of(here),
        handle: handle.to_string(),
        is_person: statement.kind == Kind::Person,
        person: statement.subject.to_string(),
        when: When::of(&Speech::default(), statement.erased_at),
        records: statement.records.len(),
        files: statement.files.len(),
        before: statement.epoch_before,
        after: statement.epoch_after,
        pending: statement.state == State::PendingInBackup,
        role: statement.role.map(view::role),
        key: public_key,
        text,
    };
    Ok(html(StatusCode::OK, &page))
}

/// How many there are, in words.
fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// What is held, in counts.
struct Counts {
    damaged: bool,
    total: usize,
    /// Title, how many, when the first and the last came.
    forms: Vec<(String, usize, When, When)>,
    others: usize,
    /// What else there is, in words; nothing that there is none of.
    more: Vec<String>,
}

impl Counts {
    fn of(speech: &Speech, held: &Held) -> Self {
        let more = [
            (held.files, "file", "files"),
            (held.messages, "message in the conversations", "messages in the conversations"),
            (held.consents as u64, "entry about consents", "entries about consents"),
            (held.subscriptions as u64, "newsletter subscribed to", "newsletters subscribed to"),
            (held.mails as u64, "mail that waits to be sent", "mails that wait to be sent"),
            (held.passes as u64, "guest who may read a submission", "guests who may read submissions"),
        ];
        let forms = held
            .forms
            .iter()
            .map(|of| (of.title.clone(), of.count, When::of(speech, of.first), When::of(speech, of.last)));
        Self {
            damaged: held.damaged,
            total: held.count(),
            forms: forms.collect(),
            others: held.others,
            more: more.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| counted(*n, one, many)).collect(),
        }
    }
}

/// Somebody who is held.
struct Found {
    handle: String,
    path: String,
    counts: Counts,
    /// Address, title and time of submissions that the reader may open.
    links: Vec<(String, String, When)>,
    /// More of them have no link here.
    more_links: usize,
}

impl Found {
    fn of(web: &Web, ctx: &Context, held: &Held) -> Self {
        let (speech, forms) = (Speech::default(), web.app.forms());
        let readable = held.listed.iter().filter_map(|one| {
            let form = forms.get(&one.form)?;
            let may = review::may_with(ctx, Action::ReadSubmission, form, one.nature);
            may.then(|| (format!("/staff/record/{}", one.id), form.title.clone(), When::of(&speech, one.received)))
        });
        let mut links: Vec<_> = readable.collect();
        let more_links = links.len().saturating_sub(LINKS);
        links.truncate(LINKS);
        Self {
            handle: held.person.to_string(),
            path: page_of(&held.person),
            counts: Counts::of(&speech, held),
            links,
            more_links,
        }
    }
}

/// A single submission.
struct Single<'a> {
    title: &'a str,
    received: When,
    record: String,
    files: u64,
    messages: u64,
    is_only: bool,
}

#[derive(Template)]
#[template(path = "staff/erasure.html")]
struct FindPage<'a> {
    frame: Frame,
    email_problem: Option<&'a str>,
    handle_problem: Option<&'a str>,
    searched: bool,
    found: Option<Found>,
}

#[derive(Template)]
#[template(path = "staff/erase.html")]
struct AskPage<'a> {
    frame: Frame,
    problem: Option<Problem>,
    handle: &'a str,
    /// Of this page.
    path: &'a str,
    /// Of the page that asks about all of the person.
    all_of: String,
    single: Option<Single<'a>>,
    counts: Option<Counts>,
    seen: &'a str,
    phrase: String,
    is_fresh: bool,
    has_room: bool,
    request: String,
    most_alone: usize,
}

#[derive(Template)]
#[template(path = "staff/certificate.html")]
struct CertificatePage {
    frame: Frame,
    handle: String,
    is_person: bool,
    person: String,
    when: When,
    records: usize,
    files: usize,
    before: u64,
    after: u64,
    pending: bool,
    role: Option<String>,
    key: String,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::PersonId;

    #[test]
    fn what_is_typed_is_compared_kindly_and_yet_has_to_be_it() {
        let held = Held::nothing(PersonId::from_bytes([1; 16]));
        let asked = Asked::Person(&held);
        for good in ["erase 0", "ERASE 0", " Erase0 ", "erase\u{a0}0"] {
            assert!(asked.is_confirmed_by(good), "{good}");
        }
        for bad in ["", "erase", "0", "erase 1", "erase 00", "erased 0", "yes"] {
            assert!(!asked.is_confirmed_by(bad), "{bad}");
        }
        for (typed, good) in
            [("erase 0", true), ("erase 1", false), ("erase", false), ("0", false), ("erase -1", false)]
        {
            assert_eq!(asked.is_confirmed_with_more_by(typed), good, "{typed}");
        }
    }
}
