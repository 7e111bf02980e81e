//! The page of one submission in the console.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Here;
use super::guests::{self, GuestView};
use super::page::{Choice, Frame, html, labels};
use super::view::{self, FileView, MessageView, NoteView, PastView};
use crate::base::sensitive::SensitiveString;
use crate::domain::submission::{Nature, Status};
use crate::domain::work::Label;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::portal::page::{Answer, When, answers};
use crate::http::speech::Speech;
use crate::policy::Action;
use crate::services::Context;
use crate::services::preview;
use crate::services::review::{self, Submission};
use crate::services::{approvals, canned, guests as service, letters, work};

/// What was turned down, with what was typed.
pub(super) struct Refused<'a> {
    /// Where it was typed.
    pub(super) part: Part,
    /// The text.
    pub(super) typed: &'a str,
    /// What is wrong with it.
    pub(super) error: &'a HttpError,
}

/// The places where something is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// An answer to the person.
    Answer,
    /// The reason for declining a comment.
    Reason,
    /// A note for colleagues.
    Note,
    /// Labels.
    Labels,
    /// Who is let in as a guest.
    Guest,
}

/// A submission. `canned` is the name of an answer that is kept ready and wanted.
pub(super) async fn record(
    web: &Web,
    ctx: &Context,
    here: &Here,
    opened: &Submission,
    purpose: &str,
    canned: Option<&str>,
    refused: Option<&Refused<'_>>,
) -> Result<Response, HttpError> {
    if let Some(until) = opened.lent {
        return Ok(guests::lent(web, here, opened, until, purpose, refused));
    }
    let speech = Speech::default();
    let forms = web.app.forms();
    let form = forms.get(&opened.summary.form);
    let (status, nature) = (opened.summary.status, opened.summary.nature);
    // What two people agreed on is to read, and to do nothing else with it.
    let reads_only = opened.legal.is_some();
    let may = |action| !reads_only && form.is_some_and(|form| review::may_with(ctx, action, form, nature));
    let marks = form.filter(|form| {
        // Where a comment stands is set below, and how somebody stands to a newsletter they say themselves.
        nature == Nature::Letter && form.kind.subscribes().is_none() && may(Action::SetStatus)
    });
    let statuses = marks.map(|form| form.kind.statuses()).unwrap_or_default();
    let of = |part: Part| refused.filter(|refused| refused.part == part);
    let problem = |part| {
        let error = of(part)?.error;
        Some(speech.sentence(error.problems.first().map_or(&error.detail, |first| &first.message)))
    };
    let typed = |part| of(part).map_or("", |refused| refused.typed);
    let standing = &opened.summary.work;
    let assignee = standing.assignee.as_ref().map(|assignee| work::name_of(&web.app, assignee)).unwrap_or_default();
    let mut assignees = vec![Choice::of(String::new(), "Nobody", assignee.is_empty())];
    for name in form.map(|form| work::candidates(&web.app, form)).transpose()?.unwrap_or_default() {
        assignees.push(Choice::of(name.clone(), &view::assignee(&name, &here.who.login), name == assignee));
    }
    let label = |label: &Label| Choice::of(label.expose().to_owned(), label.expose(), standing.labels.contains(label));
    let words: Vec<&str> = standing.labels.iter().map(Label::expose).collect();
    let kept = match form {
        Some(form) => canned::list(&web.app, form).await?,
        None => Vec::new(),
    };
    let ready = canned.zip(form).and_then(|(name, form)| {
        let one = kept.iter().find(|one| one.name == name)?;
        Some(SensitiveString::from(canned::fill(&one.text, form, &opened.content.fields, &here.who.login)))
    });
    let page = RecordPage {
        frame: Frame::of(here),
        id: opened.summary.id.to_string(),
        form: opened.summary.form.to_string(),
        title: form.map_or(opened.summary.form.as_str(), |form| &form.title),
        subject: opened.summary.subject.to_string(),
        received: When::of(&speech, opened.content.received),
        region: &opened.content.region,
        notice: &opened.content.notice,
        status: view::status(status),
        statuses: statuses
            .iter()
            .map(|one| Choice::of(one.as_str().to_owned(), view::status(*one), *one == status))
            .collect(),
        purpose,
        purpose_words: view::purpose(purpose),
        legal: opened
            .legal
            .as_ref()
            .map(|legal| (view::basis(legal.basis), legal.reference.expose(), When::of(&speech, legal.until))),
        asks_reading: !reads_only && approvals::may_ask_reading(ctx),
        answers: answers(&speech, form.map(|form| &**form), &opened.content.fields),
        masked: labels(form.map(|form| &**form), &opened.masked),
        former_masked: opened.former_masked,
        previews: preview::is_on(&web.app),
        files: opened.content.files.iter().map(|file| FileView::of(&speech, file)).collect(),
        messages: opened.messages.iter().map(|message| MessageView::of(&speech, message)).collect(),
        downloads: opened
            .downloads
            .iter()
            .map(|one| (one.title.as_str(), one.file.as_str(), When::of(&speech, one.at)))
            .collect(),
        consents: opened
            .content
            .consents
            .iter()
            .map(|(name, consent)| (name.as_str(), consent.given, consent.wording.as_str()))
            .collect(),
        is_comment: nature == Nature::Comment,
        moderates: may(Action::Moderate),
        is_published: status == Status::Published,
        is_declined: status == Status::Declined,
        is_withdrawn: status == Status::Withdrawn,
        undo: standing
            .undo(status, web.app.clock().now())
            .filter(|_| marks.is_some())
            .map(|status| (status.as_str(), view::status(status))),
        files_in_messages: opened.messages.iter().any(|message| !message.files.is_empty()),
        whose: view::assignee(&assignee, &here.who.login),
        assignees,
        labels: words.clone(),
        label_choices: form.map(|form| form.known_labels().iter().map(label).collect()).unwrap_or_default(),
        typed_labels: of(Part::Labels).map_or_else(|| words.join(", "), |refused| refused.typed.to_owned()),
        label_problem: problem(Part::Labels),
        assigns: may(Action::Assign),
        labels_it: may(Action::SetLabels),
        decides: may(Action::DiscloseNote),
        notes: (0..).zip(&opened.notes).map(|(n, (note, told))| NoteView::of(&speech, n, note, *told)).collect(),
        note_problem: problem(Part::Note),
        typed_note: typed(Part::Note),
        history: PastView::all(&speech, &opened.history),
        canned: kept.iter().map(|one| (one.name.as_str(), one.title.as_str())).collect(),
        problem: problem(Part::Answer),
        typed: ready.as_ref().map_or(typed(Part::Answer), SensitiveString::expose),
        reason_problem: problem(Part::Reason),
        reason: typed(Part::Reason),
        guests: form
            .map(|form| service::of_record(&web.app, ctx, form, &opened.summary).iter().map(GuestView::of).collect())
            .unwrap_or_default(),
        sees_guests: may(Action::DismissGuest),
        admits: may(Action::AdmitGuest),
        erases: may(Action::EraseRecord),
        guest_choices: match may(Action::AdmitGuest) {
            true => service::candidates(&web.app, ctx)?,
            false => Vec::new(),
        },
        letters: form.is_some_and(|form| letters::takes_letters(form) && may(Action::WriteMessage)),
        offers: match status {
            Status::Interview => "invitation",
            Status::Rejected => "rejection",
            _ => "",
        },
        guest_problem: problem(Part::Guest),
        typed_guest: typed(Part::Guest),
        usual_days: service::USUAL_DAYS,
        most_days: service::MOST_DAYS,
    };
    Ok(html(if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

#[derive(Template)]
#[template(path = "staff/record.html")]
struct RecordPage<'a> {
    frame: Frame,
    id: String,
    form: String,
    title: &'a str,
    subject: String,
    received: When,
    region: &'a str,
    notice: &'a str,
    status: &'static str,
    statuses: Vec<Choice>,
    purpose: &'a str,
    purpose_words: String,
    /// By what it is read, where two people agreed on that: the ground, the reference, until when.
    legal: Option<(&'static str, &'a str, When)>,
    /// Whether its reader can ask for that.
    asks_reading: bool,
    answers: Vec<Answer<'a>>,
    /// The labels of what is not shown to this role.
    masked: Vec<&'a str>,
    former_masked: bool,
    /// Whether there are previews.
    previews: bool,
    files: Vec<FileView<'a>>,
    messages: Vec<MessageView<'a>>,
    /// Title, name of the file, when.
    downloads: Vec<(&'a str, &'a str, When)>,
    /// Name, whether it was given, version of the wording.
    consents: Vec<(&'a str, bool, &'a str)>,
    /// The status that can be gone back to: its name, and in words.
    undo: Option<(&'static str, &'static str)>,
    files_in_messages: bool,
    whose: String,
    assignees: Vec<Choice>,
    labels: Vec<&'a str>,
    /// Of a form that says which there are.
    label_choices: Vec<Choice>,
    typed_labels: String,
    label_problem: Option<String>,
    assigns: bool,
    labels_it: bool,
    decides: bool,
    notes: Vec<NoteView<'a>>,
    note_problem: Option<String>,
    typed_note: &'a str,
    history: Vec<PastView>,
    /// Answers that are kept ready: names and titles.
    canned: Vec<(&'a str, &'a str)>,
    is_comment: bool,
    moderates: bool,
    is_published: bool,
    is_declined: bool,
    is_withdrawn: bool,
    problem: Option<String>,
    typed: &'a str,
    reason_problem: Option<String>,
    reason: &'a str,
    guests: Vec<GuestView>,
    sees_guests: bool,
    admits: bool,
    erases: bool,
    /// Logins of those who can be let in.
    guest_choices: Vec<String>,
    /// Whether letters are written about it, and which one goes with its status.
    letters: bool,
    offers: &'static str,
    guest_problem: Option<String>,
    typed_guest: &'a str,
    usual_days: u64,
    most_days: u64,
}
