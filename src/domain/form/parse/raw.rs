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
    pub(super) language: Option<Spanned<String>>,
    pub(super) title: Spanned<String>,
    #[serde(default)]
    pub(super) intro: String,
    pub(super) submit: Spanned<String>,
    pub(super) kind: Option<Spanned<String>>,
    pub(super) k: Option<Spanned<u32>>,
    pub(super) texts: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) public: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) friend: Option<Spanned<String>>,
    pub(super) consent: Option<Spanned<String>>,
    pub(super) purposes: Spanned<Vec<Spanned<String>>>,
    pub(super) legal_basis: Spanned<String>,
    pub(super) roles: RawRoles,
    pub(super) former_fields: Option<RawRoles>,
    pub(super) retention_days: Spanned<u32>,
    pub(super) region: Option<Spanned<String>>,
    pub(super) announce: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) country: Option<Spanned<String>>,
    pub(super) notice: Spanned<RawNotice>,
    pub(super) min_seconds: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) proof_of_work: bool,
    #[serde(default)]
    pub(super) origins: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) return_to: Vec<Spanned<String>>,
    pub(super) thanks: Option<Spanned<String>>,
    pub(super) return_at_once: Option<Spanned<bool>>,
    pub(super) unscanned: Option<Spanned<String>>,
    pub(super) subject: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) summary: Vec<Spanned<String>>,
    pub(super) fields: Spanned<Vec<RawField>>,
    #[serde(default)]
    pub(super) files: Vec<RawFile>,
    #[serde(default)]
    pub(super) consents: Vec<RawConsent>,
    #[serde(default)]
    pub(super) unlocks: Vec<RawUnlock>,
    pub(super) unlock_by: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) labels: Vec<Spanned<String>>,
    pub(super) acknowledge: Option<bool>,
    #[serde(default)]
    pub(super) hidden_from_guests: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) routes: Vec<Spanned<RawRoute>>,
}

/// Names of roles.
pub(super) type RawRoles = Spanned<Vec<Spanned<String>>>;

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
    pub(super) roles: Option<RawRoles>,
    pub(super) min_length: Option<Spanned<usize>>,
    pub(super) max_length: Option<Spanned<usize>>,
    pub(super) pattern: Option<Spanned<String>>,
    pub(super) pattern_help: Option<Spanned<String>>,
    pub(super) options: Option<Spanned<Vec<Choice>>>,
    pub(super) options_from: Option<Spanned<String>>,
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
    pub(super) roles: Option<RawRoles>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConsent {
    pub(super) name: Spanned<String>,
    pub(super) wording: Option<Spanned<String>>,
    pub(super) version: Option<Spanned<String>>,
    pub(super) words: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) when: Option<Spanned<RawShown>>,
    pub(super) team: Option<Spanned<String>>,
    pub(super) person: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUnlock {
    pub(super) file: Spanned<String>,
    pub(super) title: Spanned<String>,
}

fn one() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The keys that the parser knows, out of its own words about one that it does not.
    fn keys<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
        let told = toml::from_str::<T>("no-such-key = 1").err().map(|e| e.message().to_owned()).unwrap();
        assert!(told.starts_with("unknown field `no-such-key`"), "{told}");
        told.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_schema_has_the_keys_of_the_parser() {
        let schema: Value = serde_json::from_str(include_str!("../../../../docs/form.schema.json")).unwrap();
        let described = |place: &str| -> BTreeSet<String> {
            let place = schema.pointer(place).unwrap();
            assert_eq!(place["additionalProperties"], false);
            place["properties"].as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(described(""), keys::<RawForm>());
        assert_eq!(described("/properties/fields/items"), keys::<RawField>());
        assert_eq!(described("/properties/fields/items/properties/shown_when"), keys::<RawShown>());
        assert_eq!(described("/properties/fields/items/properties/options/items"), keys::<Choice>());
        assert_eq!(described("/properties/files/items"), keys::<RawFile>());
        assert_eq!(described("/properties/consents/items"), keys::<RawConsent>());
        assert_eq!(described("/properties/unlocks/items"), keys::<RawUnlock>());
        assert_eq!(described("/properties/routes/items"), keys::<RawRoute>());
        assert_eq!(described("/properties/routes/items/properties/when"), keys::<RawShown>());
        assert_eq!(described("/properties/notice/oneOf/1"), keys::<RawInline>());
        // The page for people explains each of them.
        let page = include_str!("../../../../docs/forms.md");
        let all = [
            keys::<RawForm>(),
            keys::<RawField>(),
            keys::<RawFile>(),
            keys::<RawConsent>(),
            keys::<RawUnlock>(),
            keys::<RawRoute>(),
        ];
        let missing: Vec<&String> = all.iter().flatten().filter(|key| !page.contains(&format!("`{key}`"))).collect();
        assert!(missing.is_empty(), "docs/forms.md lacks {missing:?}");
    }
}
