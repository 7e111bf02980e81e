//! Telephone numbers, kept as E.164: `+`, the calling code, the number; digits only.
//!
//! The rules are those of E.164 itself (at most 15 digits, no leading 0) and the trunk prefixes of the countries in
//! [`COUNTRIES`]; whether a number is assigned is not asked. The crates that know every numbering plan were weighed and
//! left out: `phonenumber` turns on the parts of postcard that this tree does without, `rlibphonenumber` brings a
//! protocol-buffer runtime and a second set of maps, each for a list that is out of date a month later.

use super::country::Country;
use super::text::is_invisible;

/// Fewest digits of a whole number: the smallest plans have three digits of calling code and four of number.
const FEWEST: usize = 7;
/// Most digits, by E.164.
const MOST: usize = 15;
/// Longest text that is looked at, in characters.
pub(super) const LONGEST: usize = 40;

/// `text` as E.164. A number without calling code is taken for one of `country`; without a country it is none.
pub(super) fn parse(text: &str, country: Option<Country>) -> Option<String> {
    let plain: String = text.trim().chars().filter(|c| !is_invisible(*c)).collect();
    if plain.chars().count() > LONGEST || plain.contains(char::is_control) {
        return None;
    }
    let plain = plain.trim();
    let international = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00"));
    let number = match international {
        // The usual way to write both at once: +44 (0)20 7946 0958.
        Some(rest) => digits(&rest.replacen("(0)", "", 1))?,
        None => national(&digits(plain)?, country?)?,
    };
    let ok = (FEWEST..=MOST).contains(&number.len()) && !number.starts_with('0');
    ok.then(|| format!("+{number}"))
}

/// Whether numbers of `country` are understood without their calling code.
pub(super) fn knows(country: Country) -> bool {
    COUNTRIES.iter().any(|(code, ..)| *code == country.code())
}

fn national(number: &str, country: Country) -> Option<String> {
    let (_, calling, trunk) = COUNTRIES.iter().find(|(code, ..)| *code == country.code())?;
    let rest = number.strip_prefix(trunk).unwrap_or(number);
    Some(format!("{calling}{rest}"))
}

/// The digits of a number, without what people put between them.
fn digits(text: &str) -> Option<String> {
    let between = |c: char| c.is_whitespace() || "().-/\u{2010}\u{2011}\u{2012}\u{2013}".contains(c);
    let kept: String = text.chars().filter(|c| !between(*c)).collect();
    kept.bytes().all(|b| b.is_ascii_digit()).then_some(kept)
}

/// Country, calling code, and the digits before a number at home that fall away after the calling code.
const COUNTRIES: &[(&str, &str, &str)] = &[
    ("AD", "376", ""),
    ("AE", "971", "0"),
    ("AL", "355", "0"),
    ("AM", "374", "0"),
    ("AR", "54", "0"),
    ("AT", "43", "0"),
    ("AU", "61", "0"),
    ("BA", "387", "0"),
    ("BE", "32", "0"),
    ("BG", "359", "0"),
    ("BR", "55", "0"),
    ("BY", "375", "8"),
    ("CA", "1", "1"),
    ("CH", "41", "0"),
    ("CL", "56", ""),
    ("CN", "86", "0"),
    ("CO", "57", ""),
    ("CY", "357", ""),
    ("CZ", "420", ""),
    ("DE", "49", "0"),
    ("DK", "45", ""),
    ("EE", "372", ""),
    ("EG", "20", "0"),
    ("ES", "34", ""),
    ("FI", "358", "0"),
    ("FR", "33", "0"),
    ("GB", "44", "0"),
    ("GG", "44", "0"),
    ("GI", "350", ""),
    ("GR", "30", ""),
    ("HK", "852", ""),
    ("HR", "385", "0"),
    ("HU", "36", "06"),
    ("IE", "353", "0"),
    ("IL", "972", "0"),
    ("IM", "44", "0"),
    ("IN", "91", "0"),
    ("IS", "354", ""),
    ("IT", "39", ""),
    ("JE", "44", "0"),
    ("JP", "81", "0"),
    ("KE", "254", "0"),
    ("KR", "82", "0"),
    ("LI", "423", ""),
    ("LT", "370", "0"),
    ("LU", "352", ""),
    ("LV", "371", ""),
    ("MA", "212", "0"),
    ("MC", "377", ""),
    ("MD", "373", "0"),
    ("ME", "382", "0"),
    ("MK", "389", "0"),
    ("MT", "356", ""),
    ("MX", "52", ""),
    ("MY", "60", "0"),
    ("NG", "234", "0"),
    ("NL", "31", "0"),
    ("NO", "47", ""),
    ("NZ", "64", "0"),
    ("PH", "63", "0"),
    ("PK", "92", "0"),
    ("PL", "48", ""),
    ("PT", "351", ""),
    ("RO", "40", "0"),
    ("RS", "381", "0"),
    ("SA", "966", "0"),
    ("SE", "46", "0"),
    ("SG", "65", ""),
    ("SI", "386", "0"),
    ("SK", "421", "0"),
    ("SM", "378", ""),
    ("TH", "66", "0"),
    ("TR", "90", "0"),
    ("TW", "886", "0"),
    ("UA", "380", "0"),
    ("US", "1", "1"),
    ("VN", "84", "0"),
    ("ZA", "27", "0"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, country: &str) -> Option<String> {
        parse(text, country.parse().ok())
    }

    #[test]
    fn numbers_as_people_write_them() {
        for text in ["+44 20 7946 0958", "+44 (0)20 7946-0958", "0044 20 7946.0958", "\u{202a}+442079460958\u{202c}"] {
            assert_eq!(of(text, "").as_deref(), Some("+442079460958"), "{text}");
        }
        assert_eq!(of("020 7946 0958", "GB").as_deref(), Some("+442079460958"));
        assert_eq!(of("(212) 555-0123", "US").as_deref(), Some("+12125550123"));
        assert_eq!(of("1 212 555 0123", "US").as_deref(), Some("+12125550123"));
        assert_eq!(of("06 1234 5678", "IT").as_deref(), Some("+390612345678"));
        assert_eq!(of("06 1 234 5678", "HU").as_deref(), Some("+3612345678"));
        assert_eq!(of("+49 30 123456", "GB").as_deref(), Some("+4930123456"));
    }

    #[test]
    fn what_is_no_number() {
        for bad in ["", "+", "+0 20 7946 0958", "+44 20 x", "++442079460958", "+1234567890123456", "+44\n2079460958"] {
            assert_eq!(of(bad, "GB"), None, "{bad:?}");
        }
        assert_eq!(of("020 7946 0958", ""), None);
        assert_eq!(of("020 7946 0958", "AQ"), None);
        assert_eq!(of("٠٢٠٧٩٤٦٠٩٥٨", "GB"), None);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_e164_and_stays_what_it_is(text in "[+0-9 ().-]{0,24}") {
            if let Some(kept) = of(&text, "GB") {
                prop_assert!(kept.len() <= MOST + 1 && kept.starts_with('+'));
                prop_assert!(kept[1..].bytes().all(|b| b.is_ascii_digit()));
                let again = of(&kept, "");
                prop_assert_eq!(again, Some(kept));
            }
        }

        #[test]
        fn never_panics(text: String) {
            let _ = of(&text, "GB");
        }
    }
}
