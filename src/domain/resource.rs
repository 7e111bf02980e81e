//! Files that a form unlocks: what they may be called, and what is kept of a download.

use serde::{Deserialize, Serialize};

use super::language::Lang;
use crate::base::clock::Timestamp;

/// Downloads that one submission can have. Whoever needs more writes to us.
pub const MOST_DOWNLOADS: u32 = 100;

/// The plain name of a file in the folder of resources: letters, digits, dots, hyphens and underscores, the first one a letter
/// or a digit; at most 100. It is never a path, and never hidden.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceName(String);

/// The text is not the plain name of a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error(
    "expected the plain name of a file: letters, digits, dots, hyphens and underscores, the first one a letter or a digit, at \
     most 100"
)]
pub struct BadResourceName;

impl ResourceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResourceName {
    type Error = BadResourceName;

    fn try_from(text: String) -> Result<Self, BadResourceName> {
        let good = text.len() <= 100
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        if good { Ok(Self(text)) } else { Err(BadResourceName) }
    }
}

impl std::str::FromStr for ResourceName {
    type Err = BadResourceName;

    fn from_str(text: &str) -> Result<Self, BadResourceName> {
        text.to_owned().try_into()
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.0
    }
}

impl std::fmt::Display for ResourceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// A file that a form unlocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlock {
    /// Its name in the folder of resources.
    pub file: ResourceName,
    /// What it is, in words.
    pub title: String,
    /// The language of these words: the form's own, whatever language its page is shown in.
    pub lang: Lang,
}

/// How people get at what a form unlocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlockBy {
    /// By a link on the page that says that the submission has arrived.
    #[default]
    Page,
    /// By a link in a mail: whoever reads the mailbox has proven the address.
    Mail,
}

impl UnlockBy {
    /// As it stands in form files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Mail => "mail",
        }
    }
}

/// A download that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downloaded {
    /// When.
    pub at: Timestamp,
    /// Which file.
    pub file: ResourceName,
    /// What it was called then.
    pub title: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for good in ["guide.pdf", "A", "2026_price-list.v2.odt", &"a".repeat(100)] {
            assert_eq!(good.parse::<ResourceName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(101);
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "-x",
            "../guide.pdf",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "a b",
            "a\0",
            "a%2fb",
            "ä.pdf",
            "a\n",
            "~a",
            "a:b",
            long.as_str(),
        ] {
            assert_eq!(bad.parse::<ResourceName>(), Err(BadResourceName), "{bad:?}");
        }
    }
}
