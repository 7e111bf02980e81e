//! Regions: where submissions are kept, and where those who read them are.

use serde::{Deserialize, Serialize};

use crate::base::config::is_region;

/// The name of a region: 1 to 32 lower-case letters, digits and hyphens, for example `uk`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// The text is no name of a region.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a region: expected 1 to 32 lower-case letters, digits and hyphens, for example uk")]
pub struct BadRegion;

impl Region {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Region {
    type Err = BadRegion;

    fn from_str(text: &str) -> Result<Self, BadRegion> {
        if is_region(text) { Ok(Self(text.to_owned())) } else { Err(BadRegion) }
    }
}

impl TryFrom<String> for Region {
    type Error = BadRegion;

    fn try_from(text: String) -> Result<Self, BadRegion> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_none() {
        for good in ["uk", "eu-west-1", &"a".repeat(32)] {
            assert_eq!(good.parse::<Region>().unwrap().to_string(), good);
        }
        for bad in ["", "UK", "u k", "ü", &"a".repeat(33)] {
            assert_eq!(bad.parse::<Region>(), Err(BadRegion), "{bad}");
            assert!(serde_json::from_value::<Region>(bad.into()).is_err());
        }
    }
}
