//! Unusual reading: an account opened far more than work asks for, or than it usually does. It is asked why, and privacy officers
//! are told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::approval::Reason;
use crate::base::clock::Timestamp;
use crate::base::ids::StaffId;

/// The stretch of time in which openings are counted.
pub const WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long a reason holds; after that, whoever still reads unusually much is asked again.
pub const HOLDS: Duration = Duration::from_secs(60 * 60);
/// How long an alert is kept to be looked at; the audit trail keeps that there was one.
pub const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What was unusual. Sealed by number of the variant: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unusual {
    /// So many submissions within [`WINDOW`].
    Fast {
        /// Submissions opened.
        opened: u32,
    },
    /// So many lines of lists and hits of searches within [`WINDOW`].
    Lines {
        /// Lines.
        shown: u32,
    },
    /// Far more in a day than on one's own usual day.
    Much {
        /// Openings since midnight, UTC.
        opened: u32,
        /// The median of the days before on which anything was opened.
        usual: u32,
    },
}

/// One case of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Whose.
    pub account: StaffId,
    /// Since when.
    pub at: Timestamp,
    /// What.
    pub unusual: Unusual,
    /// What the account says about it, and when.
    pub reason: Option<(Reason, Timestamp)>,
    /// The privacy officer who has seen to it, and when.
    pub settled: Option<(StaffId, Timestamp)>,
}

impl Alert {
    /// Whether the account has given a reason that still holds.
    pub fn is_explained(&self, now: Timestamp) -> bool {
        self.reason.as_ref().is_some_and(|(_, given)| now.since(*given) < HOLDS)
    }
}
