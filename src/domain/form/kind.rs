//! What kind of business a form is about, with the rules that only this kind has.

use crate::domain::submission::Status;

/// What kind of business a form is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// Something that is answered and closed.
    Request,
    /// An application for a job.
    Application,
    /// Questions to many.
    Survey {
        /// How many answers are told about together, and the step in which they are counted. At least 5.
        k: u32,
        /// Names of the text fields whose words are read, apart from all else of their answer.
        texts: Vec<String>,
    },
    /// A word to a friend.
    Referral {
        /// Name of the required e-mail field that holds the friend's address.
        friend: String,
    },
    /// Words for everybody to read, once somebody has looked at them.
    Board {
        /// Names of the text fields that everybody reads: first the author's name, last the comment, and in between what
        /// stands above it. At least two.
        public: Vec<String>,
    },
    /// Mail from us, now and then.
    Newsletter {
        /// Name of the consent that it is sent under, without which nobody subscribes.
        consent: String,
    },
}

impl FormKind {
    /// The names of the kinds, as form files write them.
    pub const NAMES: [&'static str; 6] = ["request", "application", "survey", "referral", "board", "newsletter"];

    /// The name of the kind, as form files write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Application => "application",
            Self::Survey { .. } => "survey",
            Self::Referral { .. } => "referral",
            Self::Board { .. } => "board",
            Self::Newsletter { .. } => "newsletter",
        }
    }

    /// The statuses, in order; the first is that of a new submission.
    pub const fn statuses(&self) -> &'static [Status] {
        match self {
            Self::Request => &[Status::New, Status::InProgress, Status::Answered, Status::Closed],
            Self::Board { .. } => &[Status::New, Status::Published, Status::Declined, Status::Withdrawn],
            Self::Survey { .. } | Self::Referral { .. } => &[Status::New, Status::Closed],
            Self::Newsletter { .. } => &[Status::Unconfirmed, Status::Confirmed, Status::Closed],
            Self::Application => &[
                Status::Received,
                Status::Shortlisted,
                Status::Interview,
                Status::Offer,
                Status::Hired,
                Status::Rejected,
            ],
        }
    }

    /// Of a board: the fields that everybody reads.
    pub fn public(&self) -> &[String] {
        match self {
            Self::Board { public } => public,
            _ => &[],
        }
    }

    /// Of a survey: how many answers are counted together.
    pub const fn k(&self) -> Option<u32> {
        match self {
            Self::Survey { k, .. } => Some(*k),
            _ => None,
        }
    }

    /// Whether it is of no use without a mail server: a referral is one mail, and nobody can confirm a subscription without one.
    pub const fn needs_mail(&self) -> bool {
        matches!(self, Self::Referral { .. } | Self::Newsletter { .. })
    }

    /// The consent that a newsletter is sent under; `None` for every other kind. The status of such a submission is what its
    /// person has done, so nobody else sets it.
    pub fn subscribes(&self) -> Option<&str> {
        match self {
            Self::Newsletter { consent } => Some(consent),
            _ => None,
        }
    }
}
