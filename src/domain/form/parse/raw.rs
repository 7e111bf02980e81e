//! A form file as TOML gives it, before any rule is checked: every key that there is.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;
use toml::value::Datetime;

use crate::domain::file::FileKind;
use crate::domain::form::{Choice, Wanted};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForm {
    pub(super) id: Spanned<String>,
    pub(super) version: Spanned<u32>,
    pub(super) title: Spanned<String>,
    #[serde(default)]
    pub(super) intro: String,
    pub(super) submit: Spanned<String>,
    pub(super) kind: Option<Spanned<String>>,
    pub(super) k: Option<Spanned<u32>>,
    pub(super) friend: Option<Spanned<String>>,
    pub(super) consent: Option<Spanned<String>>,
    pub(super) purposes: Spanned<Vec<Spanned<String>>>,
    pub(super) legal_basis: Spanned<String>,
    pub(super) roles: Spanned<Vec<Spanned<String>>>,
    pub(super) retention_days: Spanned<u32>,
    pub(super) region: Option<Spanned<String>>,
    pub(super) announce: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) country: Option<Spanned<String>>,
    pub(super) notice: Spanned<RawNotice>,
    pub(super) min_seconds: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) proof_of_work: bool,
    pub(super) subject: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) summary: Vec<Spanned<String>>,
    pub(super) fields: Spanned<Vec<RawField>>,
    #[serde(default)]
    pub(super) files: Vec<RawFile>,
    #[serde(default)]
    pub(super) consents: Vec<RawConsent>,
}

/// The name of a notice, or the notice itself.
pub(super) enum RawNotice {
    Named(String),
    Inline(RawInline),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInline {
    pub(super) version: Spanned<String>,
    pub(super) text: Spanned<String>,
}

impl<'de> Deserialize<'de> for RawNotice {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = RawNotice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a notice, or a table with version and text")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<RawNotice, E> {
                Ok(RawNotice::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawNotice, A::Error> {
                RawInline::deserialize(MapAccessDeserializer::new(map)).map(RawNotice::Inline)
            }
        }

        d.deserialize_any(Either)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pub(super) name: Spanned<String>,
    pub(super) label: Spanned<String>,
    #[serde(default)]
    pub(super) help: String,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) kind: Spanned<String>,
    pub(super) autocomplete: Option<Spanned<String>>,
    pub(super) shown_when: Option<Spanned<RawShown>>,
    pub(super) min_length: Option<Spanned<usize>>,
    pub(super) max_length: Option<Spanned<usize>>,
    pub(super) pattern: Option<Spanned<String>>,
    pub(super) pattern_help: Option<Spanned<String>>,
    pub(super) options: Option<Spanned<Vec<Choice>>>,
    pub(super) min_picked: Option<Spanned<usize>>,
    pub(super) max_picked: Option<Spanned<usize>>,
    pub(super) min: Option<Spanned<RawNumber>>,
    pub(super) max: Option<Spanned<RawNumber>>,
    pub(super) decimals: Option<Spanned<u8>>,
    pub(super) earliest: Option<Spanned<Datetime>>,
    pub(super) latest: Option<Spanned<Datetime>>,
    pub(super) scale: Option<Spanned<u8>>,
    pub(super) low: Option<Spanned<String>>,
    pub(super) high: Option<Spanned<String>>,
    pub(super) country: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawShown {
    pub(super) field: Spanned<String>,
    pub(super) is: Spanned<Vec<Wanted>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number")]
pub(super) enum RawNumber {
    Whole(i64),
    Fraction(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) name: Spanned<String>,
    pub(super) label: Spanned<String>,
    #[serde(default)]
    pub(super) help: String,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) max_bytes: Spanned<u64>,
    #[serde(default = "one")]
    pub(super) max_files: Spanned<u32>,
    pub(super) kinds: Spanned<Vec<FileKind>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsent {
    pub(super) name: Spanned<String>,
    pub(super) wording: Option<Spanned<String>>,
    pub(super) version: Option<Spanned<String>>,
    pub(super) words: Option<Spanned<String>>,
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}
