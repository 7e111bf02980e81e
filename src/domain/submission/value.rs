//! One answer, as it is sealed and as the API shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::sensitive::SensitiveString;
use crate::domain::decimal::Decimal;

/// One answer.
///
/// Sealed by number of the variant: new ones come last, and none goes away, so that old submissions keep opening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldValue {
    /// Text of any kind: names, e-mail addresses, letters, one option, telephone numbers, dates as `2026-11-25`.
    Text(SensitiveString),
    /// A box that was ticked or not.
    Bool(bool),
    /// A number or a mark.
    Number(Decimal),
    /// The options picked, in the order of the form.
    Many(Vec<SensitiveString>),
    /// A postal address.
    Address(PostalAddress),
}

/// A postal address; what was left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostalAddress {
    /// House and street.
    pub line1: SensitiveString,
    /// More of it.
    pub line2: SensitiveString,
    /// Town or city.
    pub town: SensitiveString,
    /// County, state or province.
    pub region: SensitiveString,
    /// Postcode.
    pub postcode: SensitiveString,
    /// The two letters of ISO 3166-1.
    pub country: SensitiveString,
}

impl PostalAddress {
    /// The names of the parts, in posts and in JSON.
    pub const PARTS: [&'static str; 6] = ["line1", "line2", "town", "region", "postcode", "country"];

    /// The parts with their names, in that order.
    pub fn parts(&self) -> [(&'static str, &SensitiveString); 6] {
        let [line1, line2, town, region, postcode, country] = Self::PARTS;
        [
            (line1, &self.line1),
            (line2, &self.line2),
            (town, &self.town),
            (region, &self.region),
            (postcode, &self.postcode),
            (country, &self.country),
        ]
    }

    /// The part of this name.
    pub(super) fn part_mut(&mut self, name: &str) -> Option<&mut SensitiveString> {
        match name {
            "line1" => Some(&mut self.line1),
            "line2" => Some(&mut self.line2),
            "town" => Some(&mut self.town),
            "region" => Some(&mut self.region),
            "postcode" => Some(&mut self.postcode),
            "country" => Some(&mut self.country),
            _ => None,
        }
    }
}

impl FieldValue {
    /// As JSON: a string, a boolean, a number, a list of strings, or an object of strings without empty ones.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.expose().into(),
            Self::Bool(ticked) => (*ticked).into(),
            Self::Number(number) => number.to_json(),
            Self::Many(picked) => picked.iter().map(SensitiveString::expose).collect(),
            Self::Address(address) => {
                let said = address.parts().into_iter().filter(|(_, text)| !text.expose().is_empty());
                Value::Object(said.map(|(name, text)| (name.to_owned(), text.expose().into())).collect::<Map<_, _>>())
            }
        }
    }

    /// The bytes of text in it.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.expose().len(),
            Self::Bool(_) => 1,
            Self::Number(_) => size_of::<Decimal>(),
            Self::Many(picked) => picked.iter().map(|text| text.expose().len() + 1).sum(),
            Self::Address(address) => address.parts().iter().map(|(_, text)| text.expose().len() + 1).sum(),
        }
    }

    /// Hands everything that it means to `part`, piece by piece: its variant, and for a list its length first. Where each
    /// piece is told from the next, no two values give the same pieces.
    pub fn each_part(&self, part: &mut dyn FnMut(&[u8])) {
        match self {
            Self::Text(text) => {
                part(b"text");
                part(text.expose().as_bytes());
            }
            Self::Bool(ticked) => {
                part(b"bool");
                part(&[u8::from(*ticked)]);
            }
            Self::Number(number) => {
                part(b"number");
                part(number.to_string().as_bytes());
            }
            Self::Many(picked) => {
                part(b"many");
                part(&(picked.len() as u64).to_be_bytes());
                picked.iter().for_each(|text| part(text.expose().as_bytes()));
            }
            Self::Address(address) => {
                part(b"address");
                address.parts().iter().for_each(|(_, text)| part(text.expose().as_bytes()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> PostalAddress {
        PostalAddress {
            line1: "1 High St".into(),
            town: "Leeds".into(),
            postcode: "LS1".into(),
            country: "GB".into(),
            ..PostalAddress::default()
        }
    }

    /// What stands in vaults. If this test fails, old submissions no longer open.
    #[test]
    fn stored_forms_never_change() {
        for (value, hex) in [
            (FieldValue::Text("Jane".into()), "00044a616e65"),
            (FieldValue::Bool(true), "0101"),
            (FieldValue::Number("-2.5".parse().unwrap()), "023101"),
            (FieldValue::Many(vec!["a".into(), "b".into()]), "030201610162"),
            (FieldValue::Address(address()), "0409312048696768205374000 54c6565647300034c5331024742"),
        ] {
            let bytes = data_encoding::HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap();
            assert_eq!(data_encoding::HEXLOWER.encode(&postcard::to_stdvec(&value).unwrap()), hex.replace(' ', ""));
            assert_eq!(postcard::from_bytes::<FieldValue>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn as_json() {
        let json = |value: FieldValue| value.to_json().to_string();
        assert_eq!(json(FieldValue::Number("2.50".parse().unwrap())), "2.5");
        assert_eq!(json(FieldValue::Number(7.into())), "7");
        assert_eq!(json(FieldValue::Many(vec!["a".into(), "b".into()])), "[\"a\",\"b\"]");
        let expected = serde_json::json!({"line1": "1 High St", "town": "Leeds", "postcode": "LS1", "country": "GB"});
        assert_eq!(FieldValue::Address(address()).to_json(), expected);
    }

    #[test]
    fn no_two_values_give_the_same_parts() {
        let moved = PostalAddress { region: "Leeds".into(), town: "".into(), ..address() };
        let values = [
            FieldValue::Text("a".into()),
            FieldValue::Text("\u{1}".into()),
            FieldValue::Text("1".into()),
            FieldValue::Bool(true),
            FieldValue::Number(1.into()),
            FieldValue::Many(vec!["a".into()]),
            FieldValue::Many(vec!["a".into(), "".into()]),
            FieldValue::Many(Vec::new()),
            FieldValue::Address(address()),
            FieldValue::Address(moved),
        ];
        let parts = |value: &FieldValue| {
            let mut out: Vec<Vec<u8>> = Vec::new();
            value.each_part(&mut |part| out.push(part.to_vec()));
            out
        };
        let distinct: std::collections::BTreeSet<_> = values.iter().map(parts).collect();
        assert_eq!(distinct.len(), values.len());
    }
}
