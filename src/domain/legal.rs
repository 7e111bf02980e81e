//! On what ground the house reads what it holds about somebody for a purpose that they were not told of: one of a closed list, and
//! the name of the case.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::text::{is_invisible, is_unfit, normalise};
use crate::base::sensitive::SensitiveString;

/// Longest reference, in characters.
pub const MAX_REFERENCE: usize = 100;

/// The ground, out of Article 6(1) of the GDPR: those by which data may be processed whatever the person was told it is for, and
/// without asking them. Sealed by number of the variant: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegalBasis {
    /// A law, a court or an authority demands it: point (c).
    LegalObligation,
    /// Somebody's life or health depends on it: point (d).
    VitalInterests,
    /// The house has an official task that needs it: point (e).
    OfficialTask,
    /// A claim is to be established, exercised or defended: point (f).
    LegalClaims,
    /// Fraud or harm is to be prevented or found out: point (f).
    PreventingHarm,
}

impl LegalBasis {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::LegalObligation, Self::VitalInterests, Self::OfficialTask, Self::LegalClaims, Self::PreventingHarm];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LegalObligation => "legal-obligation",
            Self::VitalInterests => "vital-interests",
            Self::OfficialTask => "official-task",
            Self::LegalClaims => "legal-claims",
            Self::PreventingHarm => "preventing-harm",
        }
    }
}

/// The text is not the name of a ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a legal basis: legal-obligation, vital-interests, official-task, legal-claims or preventing-harm")]
pub struct BadLegalBasis;

impl std::str::FromStr for LegalBasis {
    type Err = BadLegalBasis;

    fn from_str(text: &str) -> Result<Self, BadLegalBasis> {
        Self::ALL.into_iter().find(|basis| basis.as_str() == text).ok_or(BadLegalBasis)
    }
}

/// By what name the case goes, such as an authority's file number: one to [`MAX_REFERENCE`] characters in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(SensitiveString);

impl Reference {
    /// Checks what was typed.
    ///
    /// # Errors
    /// A [`Problem`] in the field `reference`.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let text = normalise(typed);
        let text = text.trim();
        if text.is_empty() {
            let message = "Name the case, for example the file number of the authority.";
            return Err(Problem::in_field("reference", "required", message));
        }
        if text.chars().count() > MAX_REFERENCE {
            return Err(Problem::in_field("reference", "too-long", format!("At most {MAX_REFERENCE} characters.")));
        }
        if text.chars().any(|c| is_unfit(c) || is_invisible(c)) {
            return Err(Problem::in_field(
                "reference",
                "bad-text",
                "This has characters that no text in one line has.",
            ));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ground_is_found_by_its_name_and_keeps_its_number() {
        for (number, basis) in (0u8..).zip(LegalBasis::ALL) {
            assert_eq!(basis.as_str().parse(), Ok(basis));
            assert_eq!(postcard::to_stdvec(&basis).unwrap(), [number]);
        }
        for wrong in ["", "consent", "Legal-Claims", "legal_claims", "legal-claims "] {
            assert_eq!(wrong.parse::<LegalBasis>(), Err(BadLegalBasis));
        }
    }

    #[test]
    fn a_reference_is_one_line() {
        assert_eq!(Reference::parse("  StA 12 Js 3/26 ").unwrap().expose(), "StA 12 Js 3/26");
        assert!(Reference::parse(&"é".repeat(100)).is_ok());
        for (bad, code) in [(" ", "required"), (&*"é".repeat(101), "too-long"), ("a\nb", "bad-text")]
            .into_iter()
            .chain(["a\u{0}b", "a\u{200b}b", "a\u{202e}b"].map(|hidden| (hidden, "bad-text")))
        {
            assert_eq!(Reference::parse(bad).unwrap_err().code, code, "{bad:?}");
        }
    }
}
