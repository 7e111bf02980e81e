//! What is taken out of the vault as a file: which submissions, and in which format.

mod cell;
mod entry;

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::form::FormId;
use super::submission::Status;
use super::work::Label;
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;

pub use cell::{MAX_CELL_CHARS, harmless, typed};
pub use entry::entry_name;

/// Submissions that one export may name one by one, at most.
pub const MOST_NAMED: usize = 250;
/// Submissions of one export, at most.
const MOST_RECORDS: usize = 50_000;
/// Of one with their files: an archive ends with a list of all that is in it, which is kept in memory until then.
const MOST_IN_ARCHIVE: usize = 5_000;

/// What the file is. Sealed by number of the variant: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Format {
    Csv,
    Xlsx,
    Json,
    Zip,
}

/// The text is not the name of a format.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a format: csv, xlsx, json or zip")]
pub struct BadFormat;

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Xlsx, Self::Json, Self::Zip];

    /// Its name, which is also the ending of the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
            Self::Zip => "zip",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json",
            Self::Zip => "application/zip",
        }
    }

    /// Submissions of one export, at most.
    pub const fn most(self) -> usize {
        if self.has_files() { MOST_IN_ARCHIVE } else { MOST_RECORDS }
    }

    /// Whether the files of the submissions are in it.
    pub const fn has_files(self) -> bool {
        matches!(self, Self::Zip)
    }
}

impl std::str::FromStr for Format {
    type Err = BadFormat;

    fn from_str(text: &str) -> Result<Self, BadFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(BadFormat)
    }
}

/// Which submissions of one form, as somebody asked for them. What of it may be about a person goes once the request is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The form.
    pub form: FormId,
    /// What the file is.
    pub format: Format,
    /// What for: one of the form's purposes.
    pub purpose: String,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those of somebody: `me` (whoever asked), `nobody`, a login or `team:` and a name.
    pub whose: Option<String>,
    /// Only those with this label.
    pub label: Option<Label>,
    /// Received at this moment or later.
    pub since: Option<Timestamp>,
    /// Received before this moment.
    pub before: Option<Timestamp>,
    /// Only these; empty for all that the rest lets through.
    pub records: Vec<RecordId>,
    /// What arrived at this place of the list or later is not in it: it came after the request.
    pub below: u64,
    /// How many there were when it was asked for.
    pub count: u32,
    /// Which ones, by their places in the list: what is relabelled or assigned afterwards to fit is not what was approved.
    pub places: Places,
}

/// Places in the list of submissions, newest first: the first one, and then by how much each lies below the one before it.
/// Shared: whoever copies a request copies none of its 50,000 places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Places(Arc<[u64]>);

impl From<Vec<u64>> for Places {
    fn from(steps: Vec<u64>) -> Self {
        Self(steps.into())
    }
}

impl From<Places> for Vec<u64> {
    fn from(places: Places) -> Self {
        places.0.to_vec()
    }
}

impl Places {
    /// These places. `None` unless each is below the one before.
    pub fn new(places: &[u64]) -> Option<Self> {
        let mut steps = Vec::with_capacity(places.len());
        let mut last = None;
        for place in places {
            steps.push(match last {
                None => *place,
                Some(before) => u64::checked_sub(before, *place).filter(|step| *step > 0)?,
            });
            last = Some(*place);
        }
        Some(Self(steps.into()))
    }

    /// The places, newest first.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let mut last: Option<u64> = None;
        self.0.iter().map(move |step| {
            let place = last.map_or(*step, |before| before.saturating_sub(*step));
            last = Some(place);
            place
        })
    }
}

impl Export {
    /// The first day on which they were received (UTC), if it matters.
    pub fn first_day(&self) -> Option<Date> {
        self.since?.day()
    }

    /// The last one.
    pub fn last_day(&self) -> Option<Date> {
        self.before?.day()?.yesterday().ok()
    }

    /// Forgets what of it may be about a person: handles of submissions, and a label, which is the words of somebody.
    pub(super) fn forget(&mut self) {
        self.records = Vec::new();
        self.label = None;
        self.places = Places::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_were() {
        for places in [&[][..], &[0], &[7], &[9, 8, 3, 0], &[u64::MAX, 1]] {
            assert_eq!(Places::new(places).unwrap().iter().collect::<Vec<_>>(), places);
        }
        assert!(Places::new(&[3, 3]).is_none() && Places::new(&[3, 4]).is_none());
        let many: Vec<u64> = (0..50_000).rev().map(|n| 3 * n).collect();
        let stored = postcard::to_stdvec(&Places::new(&many).unwrap()).unwrap();
        assert!(stored.len() < 50_010, "a byte each: {}", stored.len());
    }
}
