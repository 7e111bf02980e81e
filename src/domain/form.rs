//! Forms as their TOML files define them.

use serde::{Deserialize, Serialize};

/// The name of a form, as it stands in URLs: `a`–`z`, `0`–`9`, `-`; starts with a letter; at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FormId(String);

/// The text is not a form id.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a form id: expected a letter, then letters, digits and hyphens, all lower case, at most 64")]
pub struct BadFormId;

impl FormId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FormId {
    type Error = BadFormId;

    fn try_from(text: String) -> Result<Self, BadFormId> {
        let ok = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if ok { Ok(Self(text)) } else { Err(BadFormId) }
    }
}

impl std::str::FromStr for FormId {
    type Err = BadFormId;

    fn from_str(text: &str) -> Result<Self, BadFormId> {
        text.to_owned().try_into()
    }
}

impl From<FormId> for String {
    fn from(id: FormId) -> Self {
        id.0
    }
}

impl std::fmt::Display for FormId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The forms of this installation.
#[derive(Clone, Debug, Default)]
pub struct FormSet {}
