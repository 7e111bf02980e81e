//! What is known of a file's harmlessness, and what a form says about files that could not be looked at.

use serde::{Deserialize, Serialize};

/// What the virus scanner said of a file.
///
/// Sealed by number of the variant: new ones come last, and none goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scan {
    /// Nobody was asked: there was no scanner when it came.
    #[default]
    Off,
    /// Nothing was found.
    Clean,
    /// The scanner could not look at it, and the form takes such files.
    Unscanned,
    /// The scanner could not look at it yet; nobody opens it until it has.
    Held,
    /// The scanner found something when it looked later; nobody opens it.
    Infected,
    /// It was held, and the scanner never finished it, however often it was asked; nobody opens it.
    Unscannable,
    /// The scanner never finished it, and the form takes such files.
    Tolerated,
}

impl Scan {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Off, Self::Clean, Self::Unscanned, Self::Held, Self::Infected, Self::Unscannable, Self::Tolerated];

    /// The name, as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Clean => "clean",
            Self::Unscanned => "unscanned",
            Self::Held => "held",
            Self::Infected => "infected",
            Self::Unscannable => "unscannable",
            Self::Tolerated => "tolerated",
        }
    }

    /// Whether nobody may open the file.
    pub const fn is_withheld(self) -> bool {
        matches!(self, Self::Held | Self::Infected | Self::Unscannable)
    }

    /// Whether the scanner is still to look at it.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Held | Self::Unscanned)
    }

    /// Whether the scanner was asked so often that it is not asked again before the next start.
    pub const fn is_given_up(self) -> bool {
        matches!(self, Self::Unscannable | Self::Tolerated)
    }

    /// What becomes of a file that waits when the scanner is not asked again.
    #[must_use]
    pub const fn given_up(self) -> Self {
        match self {
            Self::Held => Self::Unscannable,
            Self::Unscanned => Self::Tolerated,
            other => other,
        }
    }
}

/// What becomes of a file that the scanner could not look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unscanned {
    /// It is not taken.
    Refuse,
    /// It is taken, and nobody opens it until it was scanned.
    #[default]
    Hold,
    /// It is taken, and marked.
    Accept,
}

impl Unscanned {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Hold, Self::Accept];

    /// The name, as form files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Hold => "hold",
            Self::Accept => "accept",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_stay() {
        for (number, scan) in Scan::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_string(&scan).unwrap(), format!("\"{}\"", scan.as_str()));
            assert_eq!(postcard::to_stdvec(&scan).unwrap(), [number as u8]);
        }
        for unscanned in Unscanned::ALL {
            assert_eq!(serde_json::to_string(&unscanned).unwrap(), format!("\"{}\"", unscanned.as_str()));
        }
        assert_eq!(Scan::ALL.map(Scan::is_withheld), [false, false, false, true, true, true, false]);
        assert_eq!(Scan::ALL.map(Scan::waits), [false, false, true, true, false, false, false]);
    }

    #[test]
    fn giving_up_opens_nothing_and_withholds_nothing() {
        for scan in Scan::ALL {
            let later = scan.given_up();
            assert_eq!((later.is_withheld(), later.waits()), (scan.is_withheld(), false), "{scan:?}");
            assert_eq!(later.is_given_up(), scan.waits() || scan.is_given_up(), "{scan:?}");
        }
    }
}
