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
        /// How many answers there have to be before anything is told about them. At least 5.
        k: u32,
    },
    /// A word to a friend.
    Referral {
        /// Name of the required e-mail field that holds the friend's address.
        friend: String,
    },
    /// Words for everybody to read, once somebody has looked at them.
    Board,
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
            Self::Board => "board",
            Self::Newsletter { .. } => "newsletter",
        }
    }

    /// The statuses, in order; the first is that of a new submission.
    pub const fn statuses(&self) -> &'static [Status] {
        match self {
            Self::Request | Self::Board => &[Status::New, Status::InProgress, Status::Answered, Status::Closed],
            Self::Survey { .. } | Self::Referral { .. } | Self::Newsletter { .. } => &[Status::New, Status::Closed],
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

    /// Whether submissions are taken. What a board promises (moderation) is not built yet, and until it is, nothing is
    /// taken under that promise.
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Board)
    }

    /// Whether it is of no use without a mail server: a referral is one mail.
    pub const fn needs_mail(&self) -> bool {
        matches!(self, Self::Referral { .. })
    }
}
