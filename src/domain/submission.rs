//! What a person sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::form::FormId;
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SensitiveString;

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
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldValue {
    /// Text of any kind: names, addresses, letters, choices.
    Text(SensitiveString),
    /// A box that was ticked or not.
    Bool(bool),
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
    /// How many files it has.
    pub files: u32,
}
