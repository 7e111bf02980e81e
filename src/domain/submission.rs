//! What a person sent: the content that is sealed, and the [`Draft`] it is before it has been checked.

mod draft;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::form::FormId;
use super::scan::Scan;
use super::work::Work;
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SensitiveString;

pub use draft::{Draft, MAX_TEXT_BYTES, SentFile, TooMuchText, Valid, holds};
pub use value::{FieldValue, PostalAddress};

/// Where a submission stands. Which of them a form uses depends on its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Status {
    New,
    InProgress,
    Answered,
    Closed,
    Received,
    Shortlisted,
    Interview,
    Offer,
    Hired,
    Rejected,
    Published,
    Declined,
    Withdrawn,
    Unconfirmed,
    Confirmed,
}

/// The text is not the name of a status.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a status")]
pub struct BadStatus;

impl Status {
    /// Every status.
    pub const ALL: [Self; 15] = [
        Self::New,
        Self::InProgress,
        Self::Answered,
        Self::Closed,
        Self::Received,
        Self::Shortlisted,
        Self::Interview,
        Self::Offer,
        Self::Hired,
        Self::Rejected,
        Self::Published,
        Self::Declined,
        Self::Withdrawn,
        Self::Unconfirmed,
        Self::Confirmed,
    ];

    /// The exact name, as the API and the store write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in-progress",
            Self::Answered => "answered",
            Self::Closed => "closed",
            Self::Received => "received",
            Self::Shortlisted => "shortlisted",
            Self::Interview => "interview",
            Self::Offer => "offer",
            Self::Hired => "hired",
            Self::Rejected => "rejected",
            Self::Published => "published",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Unconfirmed => "unconfirmed",
            Self::Confirmed => "confirmed",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Status {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, BadStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(BadStatus)
    }
}

/// The answers by field name.
pub type Fields = BTreeMap<String, FieldValue>;

/// One consent as it was given or withheld with a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentGiven {
    /// Whether the box was ticked.
    pub given: bool,
    /// The version of the wording shown.
    pub wording: String,
}

/// A file as readers see it. The key that opens it is not here; it stays in the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Its number within the submission, from 0.
    pub n: u32,
    /// The form's name for the file, for example `cv`.
    pub field: String,
    /// The name it came with, cleaned for display; never a path.
    pub name: SensitiveString,
    /// Media type as judged by content.
    pub kind: String,
    /// True length in bytes.
    pub size: u64,
    /// What the virus scanner said. It changes, so it is kept with the list entry and filled in when the file is read.
    #[serde(skip)]
    pub scan: Scan,
}

/// A submission's content: what is sealed, once, when it arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The form it came by.
    pub form: FormId,
    /// Version of that form.
    pub form_version: u32,
    /// Version of the privacy notice shown.
    pub notice: String,
    /// Where it is stored.
    pub region: String,
    /// When it arrived.
    pub received: Timestamp,
    /// The answers.
    pub fields: Fields,
    /// The consents by name.
    pub consents: BTreeMap<String, ConsentGiven>,
    /// The files, in order of `n`.
    pub files: Vec<FileInfo>,
    /// The name of the key by which a server posted it on behalf of the person; `None` when it came from anybody.
    pub server_key: Option<String>,
}

/// What a submission is from its arrival on, whatever its form is turned into later. Sealed by number of the variant: new ones
/// come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nature {
    /// Something to be read by those who read the form.
    #[default]
    Letter,
    /// An answer to a survey, which nobody but its sender reads alone.
    Answer(Group),
    /// A comment for a board, which everybody reads once it is published.
    Comment,
}

/// The group in which an answer to a survey is counted: all of its `k` answers together, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// Which one of its form, from 0, in order of arrival.
    pub number: u64,
    /// How many answers make it whole: what the form promised when they came.
    pub k: u32,
}

/// What a list shows of a submission without opening its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Id of the submission.
    pub id: RecordId,
    /// Whom it is about.
    pub subject: PersonId,
    /// The form it came by.
    pub form: FormId,
    /// Where it stands.
    pub status: Status,
    /// When it arrived.
    pub received: Timestamp,
    /// Where it is stored.
    pub region: String,
    /// How many files it has, those of its messages included; `None` where that would tell of files that are not shown.
    pub files: Option<u32>,
    /// How many messages its conversation has.
    pub messages: u32,
    /// Of these, those of the person since the last of the staff.
    pub unanswered: u32,
    /// What it is from its arrival on.
    pub nature: Nature,
    /// How the work on it stands.
    pub work: Work,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_names_are_exact() {
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        for bad in ["New", "in progress", "in_progress", "", "done"] {
            assert_eq!(bad.parse::<Status>(), Err(BadStatus), "{bad:?}");
        }
    }
}
