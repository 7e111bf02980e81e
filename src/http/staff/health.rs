//! `/staff/health`: how the service is, and in plain words what to do where it is not well. Nothing is asked that `letterlock
//! status` does not know as well, but for the certificate that this service shows.

use std::time::Duration;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::Visit;
use super::concerns::{self, Concern};
use super::page::{Frame, html};
use crate::base::clock::Timestamp;
use crate::domain::language::Said;
use crate::http::Shown;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::services::health::{self, Overview};

/// `GET /staff/health`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let overview = health::look(&web.app, &ctx).await?;
    let now = web.app.clock().now();
    let seen = Seen { overview: &overview, shown: web.shown, put_off: web.brake().is_err(), now };
    let (grave, others): (Vec<_>, Vec<_>) = concerns::of(&seen).into_iter().partition(|concern| concern.is_grave);
    let groups = groups(&seen);
    Ok(html(
        StatusCode::OK,
        &HealthPage { frame: Frame::of(&here), at: When::of(&Speech::default(), now), grave, others, groups },
    ))
}

/// What the page is made from.
pub(super) struct Seen<'a> {
    pub(super) overview: &'a Overview,
    pub(super) shown: Shown,
    /// Whether submissions are put off just now.
    pub(super) put_off: bool,
    pub(super) now: Timestamp,
}

impl Seen<'_> {
    /// Days until the certificate ends; 0 on the last and when it has ended.
    pub(super) fn days_left(&self) -> Option<u64> {
        const DAY: u64 = 24 * 60 * 60;
        self.shown.ends.map(|end| end.since(self.now).as_secs() / DAY)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.shown.ends.is_some_and(|end| end.since(self.now) == Duration::ZERO)
    }
}

/// Lines under a heading.
struct Group {
    id: &'static str,
    heading: &'static str,
    lines: Vec<(&'static str, String)>,
}

/// A number of bytes, in words.
pub(super) fn size(bytes: u64) -> String {
    match bytes >> 30 {
        0 => Speech::default().sentence(&Said::size(bytes)),
        gib => format!("{gib}.{} GiB", (bytes % (1 << 30)) * 10 / (1 << 30)),
    }
}

/// A number, and what is counted.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

fn groups(seen: &Seen<'_>) -> Vec<Group> {
    let (overview, figures) = (seen.overview, &seen.overview.figures);
    let yes = |good: bool| if good { "Yes" } else { "No" }.to_owned();
    let can = |good: bool| if good { "Can be written" } else { "Cannot be written" }.to_owned();
    vec![
        Group {
            id: "work",
            heading: "Work",
            lines: vec![
                ("Takes submissions", yes(overview.readiness.ready && !seen.put_off)),
                ("Store", can(overview.readiness.store)),
                ("Free on the disk", size(figures.free_bytes)),
                ("Searches running", overview.searches.to_string()),
                ("Certificate", certificate(seen)),
            ],
        },
        Group {
            id: "trail",
            heading: "Audit trail",
            lines: vec![
                ("Trail", can(overview.readiness.audit)),
                ("Entries", figures.audit_entries.to_string()),
                ("Last check", check(overview)),
                ("Heads kept elsewhere", heads(overview)),
            ],
        },
        Group {
            id: "keys",
            heading: "Keys and erasing",
            lines: vec![
                ("Epoch of the root key", figures.epoch.to_string()),
                ("Recovery slot", recovery(overview)),
                ("Erasures tidying up", tidying(figures.pending_cleanup)),
                ("Backups", "Not known: the software makes none and hears of none. Copy the data folder, never the key folder, while the service is stopped.".to_owned()),
            ],
        },
        Group {
            id: "mail",
            heading: "Mail and files",
            lines: vec![
                ("Mail", mail(overview)),
                ("Virus scanner", scanner(overview)),
                ("Previews of files", preview(overview)),
            ],
        },
        Group {
            id: "content",
            heading: "Content",
            lines: vec![
                ("People held", figures.people.to_string()),
                ("Submissions taken", format!("{}, those erased since included", figures.arrivals)),
                ("Forms", forms(overview)),
            ],
        },
    ]
}

fn certificate(seen: &Seen<'_>) -> String {
    let made = if seen.shown.is_self_made { ". Made by the service itself: browsers warn of it" } else { "" };
    match (seen.shown.ends, seen.days_left()) {
        (Some(end), Some(days)) => {
            let left =
                if seen.has_ended() { "ended".to_owned() } else { counted(days, "day", "days") + " left, until" };
            format!("{left} {}{made}", Speech::default().time(end))
        }
        _ => format!("It cannot be read when it ends{made}"),
    }
}

fn check(overview: &Overview) -> String {
    match &overview.check {
        None => "None since the service came up. An auditor can check it in the console, or letterlock audit verify on the machine.".to_owned(),
        Some(check) => {
            let at = Speech::default().time(check.at);
            let found = if check.problems.is_empty() { "whole and in order" } else { "not whole" };
            format!("{at}: {}, {found}", counted(check.entries, "entry", "entries"))
        }
    }
}

fn heads(overview: &Overview) -> String {
    if overview.heads.is_empty() {
        return "Nowhere. With a second place, a trail that was put back or rewritten shows.".to_owned();
    }
    let one = |place: &crate::services::audit::keep::PlaceHealth| match (&place.problem, place.kept, place.entries) {
        (Some(problem), ..) => format!("{}: {problem}", place.place),
        (None, Some(at), entries) => {
            format!(
                "{}: {} at {}",
                place.place,
                counted(entries.unwrap_or(0), "entry", "entries"),
                Speech::default().time(at)
            )
        }
        (None, None, _) => format!("{}: not since the start", place.place),
    };
    overview.heads.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn recovery(overview: &Overview) -> String {
    match overview.figures.recovery_epoch {
        None => "None. With one, the vault survives the loss of the key folder.".to_owned(),
        Some(epoch) => format!("Holds epoch {epoch}"),
    }
}

fn tidying(pending: u64) -> String {
    match pending {
        0 => "None".to_owned(),
        n => format!("{n}. The keys are destroyed already; rows that nobody can read are being removed."),
    }
}

fn mail(overview: &Overview) -> String {
    let mail = &overview.mail;
    if !mail.on {
        return "Off: no mail server is configured".to_owned();
    }
    let waiting = if mail.waiting == 0 { "nothing waits".to_owned() } else { format!("{} waiting", mail.waiting) };
    format!("On, {waiting}, {} refused for now, {} given up since the start", mail.retried, mail.given_up)
}

fn scanner(overview: &Overview) -> String {
    let scanner = &overview.scanner;
    if !scanner.on {
        return "Off: none is configured, and files are not looked at".to_owned();
    }
    if !scanner.answers {
        return format!(
            "Does not answer; {} with files wait for it",
            counted(scanner.waiting as u64, "submission", "submissions")
        );
    }
    let engine = scanner.engine.as_deref().unwrap_or("Answers");
    let signatures = match &scanner.signatures_of {
        Some(day) => format!("signatures of {day}"),
        None => "without the official signatures".to_owned(),
    };
    format!(
        "{engine}, {signatures}; {} with files wait for it",
        counted(scanner.waiting as u64, "submission", "submissions")
    )
}

fn preview(overview: &Overview) -> String {
    match (&overview.preview.problem, overview.preview.on) {
        (_, false) => "Off".to_owned(),
        (Some(problem), true) => format!("None: {problem}"),
        (None, true) => "On, made in a process that is locked in".to_owned(),
    }
}

fn forms(overview: &Overview) -> String {
    let forms = &overview.forms;
    let broken = match forms.broken.len() {
        0 => "every file in order".to_owned(),
        n => format!("{} not in order", counted(n as u64, "file", "files")),
    };
    format!("{}, {broken}", forms.forms)
}

#[derive(Template)]
#[template(path = "staff/health.html")]
struct HealthPage {
    frame: Frame,
    at: When,
    grave: Vec<Concern>,
    others: Vec<Concern>,
    groups: Vec<Group>,
}
