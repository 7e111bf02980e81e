//! Words of the console, which speaks English in this version.

use crate::domain::legal::LegalBasis;
use crate::domain::message::{Author, Message};
use crate::domain::scan::Scan;
use crate::domain::staff::Role;
use crate::domain::submission::{FileInfo, Status};
use crate::domain::work::Note;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{Actor, LEGAL_BASIS};
use crate::services::approvals::Standing;
use crate::services::preview;
use crate::services::review::Past;
use crate::services::sign_in::Factor;

/// A status, in words.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::New => "New",
        Status::InProgress => "In progress",
        Status::Answered => "Answered",
        Status::Closed => "Closed",
        Status::Received => "Received",
        Status::Shortlisted => "Shortlisted",
        Status::Interview => "Interview",
        Status::Offer => "Offer",
        Status::Hired => "Hired",
        Status::Rejected => "Rejected",
        Status::Published => "Published",
        Status::Declined => "Declined",
        Status::Withdrawn => "Withdrawn",
        Status::Unconfirmed => "Not confirmed",
        Status::Confirmed => "Confirmed",
    }
}

/// A role, in words.
pub(super) fn role(role: Role) -> String {
    let known = match role {
        Role::Custom(name) => return purpose(name.as_str()),
        Role::Hr => "HR",
        Role::Support => "Support",
        Role::Training => "Training",
        Role::Partner => "Partners",
        Role::Marketing => "Marketing",
        Role::Privacy => "Privacy",
        Role::Auditor => "Auditor",
        Role::Admin => "Administrator",
        Role::Guest => "Guest",
    };
    known.to_owned()
}

/// What somebody signed in with.
pub(super) const fn factor(factor: Factor) -> &'static str {
    match factor {
        Factor::Code => "with password and code",
        Factor::Recovery => "with password and recovery code",
        Factor::Passkey => "with password and passkey",
        Factor::PasskeyAlone => "with a passkey",
        Factor::Provider => "through the provider",
    }
}

/// A purpose, as people read it: `subject-request` is "Subject request".
pub(super) fn purpose(name: &str) -> String {
    let text = name.replace('-', " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// As [`purpose`], where it may be what two people agreed on: then by what.
pub(super) fn purpose_of(name: &str, legal: Option<&Standing>) -> String {
    match legal.filter(|_| name == LEGAL_BASIS) {
        Some(standing) => format!("{}, {}", basis(standing.basis), standing.reference.expose()),
        None => purpose(name),
    }
}

/// The ground on which something is read, in words, and where it stands in the GDPR.
pub(super) const fn basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::LegalObligation => "Legal obligation: a law, a court or an authority demands it (Article 6(1)(c))",
        LegalBasis::VitalInterests => "Vital interests: somebody's life or health depends on it (Article 6(1)(d))",
        LegalBasis::OfficialTask => "Official task: in the public interest or by public authority (Article 6(1)(e))",
        LegalBasis::LegalClaims => "Legal claims: to establish, exercise or defend one (Article 6(1)(f))",
        LegalBasis::PreventingHarm => "Fraud or harm: to prevent it or find it out (Article 6(1)(f))",
    }
}

/// A file, with its size.
pub(super) struct FileView<'a> {
    pub(super) n: u32,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) size: String,
    /// Whether it can be opened.
    pub(super) opens: bool,
    /// Whether files of its kind can be previewed.
    pub(super) is_shown: bool,
    /// What there is to say of the virus scanner; empty for nothing.
    pub(super) scan: &'static str,
}

impl<'a> FileView<'a> {
    pub(super) fn of(speech: &Speech, file: &'a FileInfo) -> Self {
        let scan = match file.scan {
            Scan::Off | Scan::Clean => "",
            Scan::Unscanned => "not scanned for viruses",
            Scan::Held => "still to be scanned for viruses; it can be opened then",
            Scan::Infected => "the virus scanner found something in it; nobody can open it",
            Scan::Unscannable => "the virus scanner never managed to look at it; nobody can open it",
            Scan::Tolerated => "not scanned for viruses: the scanner never managed to",
        };
        let opens = !file.scan.is_withheld();
        let is_shown = opens && preview::is_known(&file.kind);
        let size = speech.size(file.size);
        Self { n: file.n, name: file.name.expose(), kind: &file.kind, size, opens, is_shown, scan }
    }
}

/// A message of the conversation.
pub(super) struct MessageView<'a> {
    pub(super) ours: bool,
    pub(super) author: String,
    pub(super) at: When,
    pub(super) text: &'a str,
    pub(super) files: Vec<FileView<'a>>,
}

impl<'a> MessageView<'a> {
    pub(super) fn of(speech: &Speech, message: &'a Message) -> Self {
        let (ours, author) = match &message.author {
            Author::Subject => (false, "The person".to_owned()),
            Author::Staff { role: of, login: Some(login) } => (true, format!("{login} ({})", role(*of))),
            Author::Staff { role: of, login: None } => (true, role(*of).to_owned()),
        };
        Self {
            ours,
            author,
            at: When::of(speech, message.at),
            text: message.text.expose(),
            files: message.files.iter().map(|file| FileView::of(speech, file)).collect(),
        }
    }
}

/// An assignee, as people read it.
pub(super) fn assignee(name: &str, own: &str) -> String {
    match name.strip_prefix("team:") {
        _ if name.is_empty() => "Nobody".to_owned(),
        Some(team) => format!("Team {team}"),
        None if name == own => format!("{name} (me)"),
        None => name.to_owned(),
    }
}

/// A note for colleagues.
pub(super) struct NoteView<'a> {
    pub(super) n: u32,
    pub(super) author: String,
    pub(super) at: When,
    pub(super) text: &'a str,
    pub(super) disclosed: bool,
}

impl<'a> NoteView<'a> {
    pub(super) fn of(speech: &Speech, n: u32, note: &'a Note, disclosed: bool) -> Self {
        let author = match &note.login {
            Some(login) => format!("{login} ({})", role(note.role)),
            None => role(note.role).to_owned(),
        };
        Self { n, author, at: When::of(speech, note.at), text: note.text.expose(), disclosed }
    }
}

/// A line of what was done with a submission.
pub(super) struct PastView {
    pub(super) who: String,
    pub(super) what: String,
    pub(super) at: When,
    /// How often, when it was several times.
    pub(super) times: usize,
}

impl PastView {
    /// The lines, newest first. Glances in a list are one line for each who had them.
    pub(super) fn all(speech: &Speech, history: &[Past]) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for past in history {
            let (who, what) = (actor(&past.actor), done(past));
            match out.iter_mut().find(|line| past.in_list && line.who == who && line.what == what) {
                Some(line) => line.times += 1,
                None => out.push(Self { who, what, at: When::of(speech, past.at), times: 1 }),
            }
        }
        out
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Public => "Whoever sent it".to_owned(),
        Actor::Subject => "The person".to_owned(),
        Actor::Staff { login, .. } => login.clone(),
        Actor::Owner { role: of } => format!("The owner of the machine, as {}", role(*of)),
        Actor::System => "The software".to_owned(),
        Actor::Key { name, .. } => format!("The server {name}"),
    }
}

fn done(past: &Past) -> String {
    let words = match past.action.as_str() {
        "submit" => "sent it",
        "read-submission" if past.in_list => "saw it in a list",
        "read-submission" => "read it",
        "export-submissions" => "took it out, among others, in a file",
        "read-file" => "opened a file",
        "set-status" => "set the status",
        "assign" => "said whose it is",
        "set-labels" => "set the labels",
        "mark-seen" => "marked it as read or unread",
        "write-note" => "wrote a note",
        "admit-guest" => "let a guest read it",
        "dismiss-guest" => "ended the reading of a guest",
        "disclose-note" => "decided about a note",
        "write-message" => "wrote a message",
        "confirm-consent" => "confirmed a consent",
        "withdraw-consent" => "took a consent back",
        "download-resource" => "downloaded what the form unlocks",
        "find-subject" | "search-submissions" => "found it by a search",
        "send-mail" => "sent a mail about it",
        "scan-file" => "had a file scanned",
        "moderate" => "moderated it",
        "take-down" => "took it down",
        other => other,
    };
    let file = past.file.map(|n| format!(" ({})", n + 1)).unwrap_or_default();
    let status = past.status.map(|of| format!(": {}", status(of))).unwrap_or_default();
    format!("{words}{file}{status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_may_open_has_no_link_and_says_why() {
        for scan in Scan::ALL {
            let (name, kind) = ("cv.pdf".into(), "application/pdf".to_owned());
            let file = FileInfo { n: 0, field: "cv".to_owned(), name, kind, size: 1, scan };
            let view = FileView::of(&Speech::default(), &file);
            assert_eq!(view.opens, !scan.is_withheld(), "{scan:?}");
            assert_eq!(view.scan.is_empty(), matches!(scan, Scan::Off | Scan::Clean), "{scan:?}");
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(purpose("subject-request"), "Subject request");
        assert_eq!(purpose("recruitment"), "Recruitment");
        assert_eq!(purpose(""), "");
    }
}
