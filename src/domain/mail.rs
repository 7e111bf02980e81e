//! Mails about a submission, as they wait to be sent: to whom, and what about. The words come from templates when it is sent.

use serde::{Deserialize, Serialize};

use super::form::FormId;
use super::language::Lang;
use crate::base::clock::Timestamp;
use crate::base::ids::{MailingId, StaffId};
use crate::base::sensitive::SensitiveString;

/// What a mail is about.
///
/// Sealed by number: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MailKind {
    /// To the person: their submission has arrived.
    Received,
    /// To the person: there is an answer. It stands on their page, not in the mail.
    Answered,
    /// To an address that the form names: a submission has arrived. Says by which form, and nothing about whom.
    Arrived,
    /// To the person: their submission has arrived, and here are the links to what it unlocks.
    Unlocked,
    /// To the person: whether they really want the newsletter.
    Confirm,
    /// To a person who has confirmed: an issue of the newsletter.
    Issue(MailingId),
    /// As [`MailKind::Arrived`], to an account that holds a role which the form names. The address is looked up when it goes.
    ArrivedFor(StaffId),
    /// To the person: the message of this number in the conversation, which invites them.
    Invitation(u32),
    /// To the person: the message of this number in the conversation, which turns them down.
    Rejection(u32),
}

impl MailKind {
    /// The name of its templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Answered => "answered",
            Self::Arrived | Self::ArrivedFor(_) => "arrived",
            Self::Unlocked => "unlocked",
            Self::Confirm => "confirm",
            Self::Issue(_) => "issue",
            Self::Invitation(_) => "invitation",
            Self::Rejection(_) => "rejection",
        }
    }

    /// The same about the message of this number, if it carries one.
    #[must_use]
    pub const fn about_message(self, number: u32) -> Self {
        match self {
            Self::Invitation(_) => Self::Invitation(number),
            Self::Rejection(_) => Self::Rejection(number),
            other => other,
        }
    }
}

/// A mail that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What about.
    pub kind: MailKind,
    /// The address, as it was typed; empty where it is looked up later.
    pub to: SensitiveString,
    /// The form by which the submission came.
    pub form: FormId,
    /// Since when it waits.
    pub since: Timestamp,
    /// The language of whom it is for; `None` for that of the form.
    pub lang: Option<Lang>,
}
