//! Postal addresses, part by part.

use super::{Answer, Given, problem};
use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::country::Country;
use crate::domain::form::Field;
use crate::domain::language::Said;
use crate::domain::submission::{FieldValue, PostalAddress};
use crate::domain::text::{is_unfit, normalise};

/// Longest part, in characters; postcodes are shorter.
const LONGEST: usize = 120;
const LONGEST_POSTCODE: usize = 16;

/// The address to keep. One of which only the country is there, which a page fills in by itself, is none.
pub(super) fn check(
    field: &Field,
    country: Option<Country>,
    given: Given<'_>,
) -> Result<Option<FieldValue>, Vec<Problem>> {
    let wrong_type = || vec![problem(field, "wrong-type", Said::new("problem.type-address"))];
    let mut address = PostalAddress::default();
    let sent: Vec<(&str, &SensitiveString)> = match given {
        Given::Nothing => Vec::new(),
        Given::One(Answer::Object(parts)) => parts.iter().map(|(name, text)| (name.as_str(), text)).collect(),
        Given::Parts(parts) => {
            let mut texts = Vec::new();
            for (name, answer) in parts {
                let Answer::Text(text) = answer else { return Err(wrong_type()) };
                texts.push((name, text));
            }
            texts
        }
        Given::One(_) | Given::Several(_) => return Err(wrong_type()),
    };
    for (name, text) in sent {
        let kept = SensitiveString::from(normalise(text.expose()));
        *address.part_mut(name).ok_or_else(wrong_type)? = kept.expose().trim().into();
    }
    let said = |(name, text): &(&str, &SensitiveString)| *name != "country" && !text.expose().is_empty();
    if !address.parts().iter().any(said) {
        let missing = || vec![problem(field, "required", Said::new("problem.address"))];
        return if field.required { Err(missing()) } else { Ok(None) };
    }
    if let Some(country) = country.filter(|_| address.country.expose().is_empty()) {
        address.country = country.code().into();
    }
    let problems = mistakes(field, &address);
    if problems.is_empty() { Ok(Some(FieldValue::Address(address))) } else { Err(problems) }
}

fn mistakes(field: &Field, address: &PostalAddress) -> Vec<Problem> {
    let mut out = Vec::new();
    for (name, text) in address.parts() {
        let text = text.expose();
        let most = if name == "postcode" { LONGEST_POSTCODE } else { LONGEST };
        let wrong = if text.is_empty() {
            match name {
                "line1" => Some(("required", Said::new("problem.address-line1"))),
                "town" => Some(("required", Said::new("problem.address-town"))),
                "country" => Some(("required", Said::new("problem.address-country"))),
                _ => None,
            }
        } else if text.contains(is_unfit) {
            Some(("control-characters", Said::new("problem.control-characters-line")))
        } else if text.chars().count() > most {
            Some(("too-long", Said::new("problem.at-most-characters").with("n", most)))
        } else if name == "country" && text.parse::<Country>().is_err() {
            Some(("bad-country", Said::new("problem.bad-country")))
        } else {
            None
        };
        if let Some((code, message)) = wrong {
            let place = format!("{}.{name}", field.name);
            out.push(Problem::in_field(&place, code, message.about(&field.label)));
        }
    }
    out
}
