//! Passes: what lets a guest read one submission for some days.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::base::clock::Timestamp;
use crate::base::ids::{RecordId, StaffId};

/// Most days of one pass.
pub const MOST_DAYS: u64 = 30;
/// Days unless told.
pub const USUAL_DAYS: u64 = 7;
/// Most guests of one submission at a time.
pub const MOST_GUESTS: usize = 20;

/// A pass. It says nothing of whom the submission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Which submission.
    pub record: RecordId,
    /// The account that reads it.
    pub guest: StaffId,
    /// The account that let them in.
    pub by: StaffId,
    /// Since when.
    pub since: Timestamp,
    /// From when on no more.
    pub until: Timestamp,
}

impl Pass {
    /// Whether its days are not over, nor begin later than now by a clock that was put back.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

/// How long a pass is good, from the number of days that was typed.
///
/// # Errors
/// A [`Problem`] in the field `days`.
pub fn days(typed: &str) -> Result<Duration, Problem> {
    let days = typed.trim().parse::<u64>().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    let days = days.ok_or_else(|| {
        Problem::in_field("days", "out-of-range", format!("A guest reads for 1 to {MOST_DAYS} days."))
    })?;
    Ok(Duration::from_secs(days * 24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_for_1_to_30_days_and_ends_to_the_millisecond() {
        assert_eq!(days(" 7 ").unwrap().as_secs(), 604_800);
        for bad in ["", "0", "31", "-1", "1.5", "seven", "18446744073709551616"] {
            assert_eq!(days(bad).unwrap_err().code, "out-of-range", "{bad:?}");
        }
        let at = Timestamp::from_millis;
        let pass = Pass {
            record: RecordId::from_bytes([1; 16]),
            guest: StaffId::from_bytes([2; 16]),
            by: StaffId::from_bytes([3; 16]),
            since: at(1_000),
            until: at(2_000),
        };
        assert!(pass.holds(at(1_000)) && pass.holds(at(1_999)));
        assert!(!pass.holds(at(2_000)) && !pass.holds(at(999)));
    }
}
