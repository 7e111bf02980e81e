//! Across regions: what is kept in one is read from another only under a safeguard that was declared for the two, and each such
//! reading is a transfer (GDPR, Articles 44 to 49), for the register of transfers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::region::Region;

/// The safeguards that were declared: by where it is kept and where it is read from, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Safeguards(BTreeMap<(Region, Region), String>);

/// How far somebody sees from where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    here: Region,
    safeguards: Arc<Safeguards>,
}

/// What was read across regions by one act, for the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Where it is kept.
    pub stored: String,
    /// Where it was read from.
    pub reader: String,
    /// Under which safeguard, in the words of the configuration at that time.
    pub safeguard: String,
    /// How many submissions.
    pub records: u64,
}

impl Safeguards {
    /// Declares one for what is kept in `stored` and read from `reader`. `false` for one region, and for two that have one already.
    pub fn declare(&mut self, stored: Region, reader: Region, words: String) -> bool {
        if stored == reader || self.0.contains_key(&(stored.clone(), reader.clone())) {
            return false;
        }
        self.0.insert((stored, reader), words);
        true
    }

    /// All of them: kept where, read from where, in which words.
    pub fn iter(&self) -> impl Iterator<Item = (&Region, &Region, &str)> {
        self.0.iter().map(|((stored, reader), words)| (stored, reader, words.as_str()))
    }

    fn words(&self, stored: &str, reader: &Region) -> Option<&str> {
        let key = (stored.parse().ok()?, reader.clone());
        self.0.get(&key).map(String::as_str)
    }
}

impl Reach {
    /// That of somebody who is here.
    pub const fn new(here: Region, safeguards: Arc<Safeguards>) -> Self {
        Self { here, safeguards }
    }

    /// Where they are.
    pub const fn here(&self) -> &Region {
        &self.here
    }

    /// Whether they may read what is kept there.
    pub fn covers(&self, stored: &str) -> bool {
        self.here.as_str() == stored || self.safeguards.words(stored, &self.here).is_some()
    }

    /// What it is to read these, each given by where it is kept: a transfer for each region that is not one's own, in order.
    /// `None` if one of them may not be read from here.
    pub fn transfers<'a>(&self, stored: impl IntoIterator<Item = &'a str>) -> Option<Vec<Transfer>> {
        let mut out: BTreeMap<&str, Transfer> = BTreeMap::new();
        for stored in stored {
            if self.here.as_str() == stored {
                continue;
            }
            if let Some(known) = out.get_mut(stored) {
                known.records += 1;
                continue;
            }
            let safeguard = self.safeguards.words(stored, &self.here)?.to_owned();
            let (to, reader) = (stored.to_owned(), self.here.to_string());
            out.insert(stored, Transfer { stored: to, reader, safeguard, records: 1 });
        }
        Some(out.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    #[test]
    fn one_reads_at_home_and_elsewhere_only_what_a_safeguard_covers_that_way() {
        let mut safeguards = Safeguards::default();
        assert!(safeguards.declare(region("uk"), region("za"), "IDTA of 2026".to_owned()));
        assert!(!safeguards.declare(region("uk"), region("za"), "another".to_owned()), "one for the two");
        assert!(!safeguards.declare(region("uk"), region("uk"), "none needed".to_owned()));
        let safeguards = Arc::new(safeguards);
        let reach = |here| Reach::new(region(here), Arc::clone(&safeguards));
        for (here, stored, covers) in
            [("uk", "uk", true), ("za", "uk", true), ("uk", "za", false), ("za", "eu", false), ("uk", "U K", false)]
        {
            assert_eq!(reach(here).covers(stored), covers, "{stored} from {here}");
        }
        assert_eq!(reach("za").transfers(["za", "za"]), Some(vec![]));
        let told = reach("za").transfers(["uk", "za", "uk"]).unwrap();
        let expected = Transfer {
            stored: "uk".to_owned(),
            reader: "za".to_owned(),
            safeguard: "IDTA of 2026".to_owned(),
            records: 2,
        };
        assert_eq!(told, [expected]);
        assert_eq!(reach("za").transfers(["uk", "eu"]), None);
    }
}
