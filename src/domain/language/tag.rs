//! Language tags.

use serde::{Deserialize, Serialize};

/// A language tag in lower case, as `de` or `pt-br`: a language of two or three letters, then subtags of two to eight
/// letters and digits (BCP 47, without private and grandfathered tags); at most 35 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lang(String);

/// The text is not a language tag.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a language: expected a tag such as en, de or pt-br")]
pub struct BadLang;

impl Lang {
    /// English: what everything is worded in first.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `fr-ca` can stand for `fr`, and `fr` for itself.
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.0.strip_prefix(&other.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl TryFrom<String> for Lang {
    type Error = BadLang;

    fn try_from(text: String) -> Result<Self, BadLang> {
        let text = text.to_ascii_lowercase();
        let mut parts = text.split('-');
        let language = |part: &str| (2..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
        let subtag = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let ok = text.len() <= 35 && parts.next().is_some_and(language) && parts.all(subtag);
        if ok { Ok(Self(text)) } else { Err(BadLang) }
    }
}

impl std::str::FromStr for Lang {
    type Err = BadLang;

    fn from_str(text: &str) -> Result<Self, BadLang> {
        text.to_owned().try_into()
    }
}

impl From<Lang> for String {
    fn from(lang: Lang) -> Self {
        lang.0
    }
}

impl std::fmt::Display for Lang {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_other_words() {
        for (text, tag) in [("de", "de"), ("pt-BR", "pt-br"), ("zh-Hant-TW", "zh-hant-tw"), ("gsw", "gsw")] {
            assert_eq!(text.parse::<Lang>().unwrap().as_str(), tag);
        }
        for bad in ["", "d", "forms", "de-", "-de", "de_DE", "d1", "de-x", "de/..", "de-aaaaaaaaa", &"de-".repeat(20)] {
            assert_eq!(bad.parse::<Lang>(), Err(BadLang), "{bad}");
        }
    }

    #[test]
    fn a_region_stands_within_its_language() {
        let lang = |text: &str| text.parse::<Lang>().unwrap();
        assert!(lang("fr-ca").is_within(&lang("fr")) && lang("fr").is_within(&lang("fr")));
        assert!(!lang("fr").is_within(&lang("fr-ca")) && !lang("fry").is_within(&lang("fr")));
    }
}
