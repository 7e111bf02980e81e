//! Forms as their TOML files define them.
//!
//! A [`Form`] comes only out of [`set::check`] or a [`FormSet`], so whoever holds one holds a valid one.

mod field;
mod kind;
mod parse;
pub mod set;
mod site;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::consent::Consent;
use super::country::Country;
use super::file::FileKind;
use super::language::Lang;
use super::notice::Notice;
use super::resource::{Unlock, UnlockBy};
use super::scan::Unscanned;
use super::staff::Role;
use super::submission::Status;
use super::vacancy::Offered;
use super::work::{Assigned, Label};

/// The reading purpose of people's own requests (access, correction, erasure), for any form.
pub const SUBJECT_REQUEST: &str = "subject-request";
/// The reading purpose of what two people agreed on to read of one person, on a ground that the law gives. No form names it and no
/// role has it: it is named by whoever asked, while that stands.
pub const LEGAL_BASIS: &str = "legal-basis";

pub use field::{
    Choice, DateRange, Field, FieldKind, Length, NumberRange, Options, Pattern, Rating, ShownWhen, TextRules, Wanted,
};
pub use kind::FormKind;
pub(super) use parse::{VERSION, date, is_version, one_line};
pub use set::{FormSet, Library, Source, Sources, check, check_translation, check_with};
pub use site::{Origin, ReturnAddress, ReturnRule, Site};

/// The name of a form, as it stands in URLs: `a`–`z`, `0`–`9`, `-`; starts with a letter; at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormId(String);

/// The text is not a form id.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a form id: expected a letter, then letters, digits and hyphens, all lower case, at most 64")]
pub struct BadFormId;

impl FormId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FormId {
    type Error = BadFormId;

    fn try_from(text: String) -> Result<Self, BadFormId> {
        let ok = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if ok { Ok(Self(text)) } else { Err(BadFormId) }
    }
}

impl std::str::FromStr for FormId {
    type Err = BadFormId;

    fn from_str(text: &str) -> Result<Self, BadFormId> {
        text.to_owned().try_into()
    }
}

impl From<FormId> for String {
    fn from(id: FormId) -> Self {
        id.0
    }
}

impl std::fmt::Display for FormId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A form, checked: names are unique, rules fit their fields, what it refers to exists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::manual_non_exhaustive, reason = "closed to the other modules of this crate, not only to other crates")]
pub struct Form {
    /// Its name in URLs.
    pub id: FormId,
    /// Goes up with every change; each submission records it. At least 1.
    pub version: u32,
    /// The language of its words.
    pub lang: Lang,
    /// Heading of the page.
    pub title: String,
    /// What the form is for; paragraphs stand apart by an empty line. May be empty.
    pub intro: String,
    /// Words on the button.
    pub submit: String,
    /// Which statuses its submissions go through.
    pub kind: FormKind,
    /// What its submissions may be read for; not empty. Reading names one of them.
    pub purposes: Vec<String>,
    /// On what ground the data is processed, in words.
    pub legal_basis: String,
    /// Who reads its submissions; not empty, never `auditor` or `admin`.
    pub roles: Vec<Role>,
    /// Who sees answers to fields that the form had once and has no more; `None` for those who see everything that it has.
    pub former_fields: Option<Vec<Role>>,
    /// How many days a submission is kept. At least 1.
    pub retention_days: u32,
    /// Where its submissions are stored; `None` for the installation's own region.
    pub region: Option<String>,
    /// Who is told that something arrived; nothing of what it says.
    pub announce: Vec<Announce>,
    /// The country whose telephone numbers are understood without their calling code, and that addresses begin with.
    pub country: Option<Country>,
    /// The privacy notice shown with it.
    pub notice: Notice,
    /// How long its page has to be open before it is sent, in seconds; `None` for what the installation says.
    pub min_seconds: Option<u32>,
    /// Whether whoever sends it proves some work, or waits.
    pub proof_of_work: bool,
    /// The company's own site around it.
    pub site: Site,
    /// What becomes of a file that the virus scanner cannot look at; `None` when the form does not say.
    pub unscanned: Option<Unscanned>,
    /// Name of the e-mail field that says whom the submission is about; `None` when each makes a person of its own.
    pub subject: Option<String>,
    /// Names of the fields that lists show.
    pub summary: Vec<String>,
    /// What is asked, in order.
    pub fields: Vec<Field>,
    /// Files that can be sent along, in order.
    pub files: Vec<FileField>,
    /// Boxes, in order. They start unticked and are never required.
    pub consents: Vec<Consent>,
    /// Files of the folder of resources that a submission unlocks, in order.
    pub unlocks: Vec<Unlock>,
    /// How people get at them.
    pub unlock_by: UnlockBy,
    /// The labels that its submissions can have; empty for any.
    pub labels: Vec<Label>,
    /// Whether who sends it is told by mail that it has arrived.
    pub acknowledge: bool,
    /// Names of fields and files that guests are not shown.
    pub hidden_from_guests: Vec<String>,
    /// Whose its submissions are when they arrive: the first that fits decides.
    pub routes: Vec<Route>,
    /// Keeps every other module from putting a form together unchecked.
    _checked: (),
}

impl Form {
    /// Where a new submission stands.
    pub fn initial_status(&self) -> Status {
        self.kind.statuses()[0]
    }

    /// Whether submissions by this form go through `status`.
    pub fn allows_status(&self, status: Status) -> bool {
        self.kind.statuses().contains(&status)
    }

    /// This form, with `country` where it names none itself.
    #[must_use]
    pub fn with_country(self, country: Option<Country>) -> Self {
        Self { country: self.country.or(country), ..self }
    }

    /// This form, where fields that take vacancies begin with the open ones, in the language of the form. One that is called
    /// like an option of the form itself is left out.
    #[must_use]
    fn offering(&self, vacancies: &[Offered]) -> Self {
        let mut form = self.clone();
        for field in &mut form.fields {
            let (Some(former), FieldKind::Choice(options)) = (&mut field.vacancies, &mut field.kind) else { continue };
            let own = std::mem::take(options);
            let new = vacancies.iter().filter(|vacancy| own.iter().all(|option| option.value != vacancy.value));
            let (open, over): (Vec<_>, Vec<_>) = new.partition(|vacancy| vacancy.is_open);
            *former = over.iter().map(|vacancy| vacancy.choice(&form.lang)).collect();
            *options = open.iter().map(|vacancy| vacancy.choice(&form.lang)).chain(own).collect();
        }
        form
    }

    /// The labels that what came by it can have: those that it names, and its vacancies; empty for any.
    pub fn known_labels(&self) -> Vec<Label> {
        if self.labels.is_empty() {
            return Vec::new();
        }
        let taking = self.fields.iter().filter(|field| field.vacancies.is_some());
        let all = taking.flat_map(|field| field.kind.options().iter().chain(field.vacancies.iter().flatten()));
        let vacancies = all.filter_map(|choice| Label::parse(&choice.value).ok());
        self.labels.iter().cloned().chain(vacancies).collect()
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The file field of this name.
    pub fn file(&self, name: &str) -> Option<&FileField> {
        self.files.iter().find(|file| file.name == name)
    }

    /// The consent of this name.
    pub fn consent(&self, name: &str) -> Option<&Consent> {
        self.consents.iter().find(|consent| consent.name == name)
    }

    /// The file of this name, if the form unlocks it.
    pub fn unlock(&self, file: &str) -> Option<&Unlock> {
        self.unlocks.iter().find(|unlock| unlock.file.as_str() == file)
    }

    /// Whether it is nothing without a mail server.
    pub fn needs_mail(&self) -> bool {
        self.kind.needs_mail() || (self.unlock_by == UnlockBy::Mail && !self.unlocks.is_empty())
    }

    /// The most that the files of one submission can come to, in bytes.
    pub fn max_file_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.max_bytes.saturating_mul(u64::from(file.max_files))).sum()
    }
}

/// Whose a submission is when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What a field has to say; `None` for every submission.
    pub when: Option<ShownWhen>,
    /// Whose it is then.
    pub to: Assigned,
}

/// Who is told that something arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announce {
    /// Whoever has this role, which is one of those that read the form.
    Role(Role),
    /// This e-mail address.
    Address(String),
}

/// A file, or several, that can be sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileField {
    /// Its name in posts and in the API.
    pub name: String,
    /// What is asked for.
    pub label: String,
    /// A sentence of help; may be empty.
    pub help: String,
    /// Whether at least one file is needed.
    pub required: bool,
    /// Largest size of one file, in bytes.
    pub max_bytes: u64,
    /// Most files.
    pub max_files: u32,
    /// What is taken, as judged by content; not empty.
    pub kinds: Vec<FileKind>,
    /// Of those who read the form, who sees the files; `None` for all of them. Not empty.
    pub seen_by: Option<Vec<Role>>,
}

/// What is wrong with a form file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", .line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct FormError {
    /// The file's name, as it was given.
    pub file: String,
    /// The line, counted from 1; `None` when the file as a whole is at fault.
    pub line: Option<usize>,
    /// What is wrong and what was expected, in a sentence.
    pub message: String,
}
