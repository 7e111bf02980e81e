//! Numbers that people type: exact decimals, never binary fractions.

use serde::{Deserialize, Serialize};

/// Most digits after the point.
pub const MOST_DECIMALS: u8 = 6;
/// Most digits in all: so many pass through a JSON number unchanged.
const MOST_DIGITS: usize = 15;

/// A decimal number of at most 15 digits, in lowest terms: `2.50` is `2.5`, and there is one zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(i64, u8)", into = "(i64, u8)")]
pub struct Decimal {
    units: i64,
    decimals: u8,
}

/// The text is not a number of this kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a number: expected digits with a point before the decimals, at most {MOST_DIGITS} digits")]
pub struct BadDecimal;

impl Decimal {
    /// How many digits stand after the point.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// The number for JSON. Nothing is lost: 15 digits fit.
    pub fn to_json(self) -> serde_json::Value {
        if self.decimals == 0 {
            return self.units.into();
        }
        // What `Display` writes is always a number.
        self.to_string().parse::<f64>().map_or(serde_json::Value::Null, Into::into)
    }

    /// As a whole number, if it is one.
    pub const fn whole(self) -> Option<i64> {
        if self.decimals == 0 { Some(self.units) } else { None }
    }

    /// In millionths: exact.
    pub(super) fn millionths(self) -> i128 {
        i128::from(self.units) * 10_i128.pow(u32::from(MOST_DECIMALS - self.decimals))
    }
}

/// The number that a JSON value stands for, if it stands for one of this kind.
pub(super) fn from_json(value: &serde_json::Value) -> Option<Decimal> {
    let serde_json::Value::Number(number) = value else { return None };
    if number.is_i64() || number.is_u64() {
        return number.to_string().parse().ok();
    }
    // Written out without an exponent, which serde_json would use for small fractions.
    number.as_f64().and_then(|n| format!("{n}").parse().ok())
}

impl From<i64> for Decimal {
    /// Whole numbers of more than 15 digits become the nearest that can be held.
    fn from(number: i64) -> Self {
        let most = 10_i64.pow(15) - 1;
        Self { units: number.clamp(-most, most), decimals: 0 }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.millionths().cmp(&other.millionths())
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::str::FromStr for Decimal {
    type Err = BadDecimal;

    fn from_str(text: &str) -> Result<Self, BadDecimal> {
        let (negative, rest) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
        let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let part = part.trim_end_matches('0');
        let significant = whole.trim_start_matches('0').len() + part.len();
        let ok = !whole.is_empty()
            && !rest.ends_with('.')
            && whole.len() <= 64
            && all_digits(whole)
            && all_digits(part)
            && part.len() <= usize::from(MOST_DECIMALS)
            && significant <= MOST_DIGITS;
        if !ok {
            return Err(BadDecimal);
        }
        let digits = format!("{}{part}", whole.trim_start_matches('0'));
        let units: i64 = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| BadDecimal)? };
        let decimals = u8::try_from(part.len()).map_err(|_| BadDecimal)?;
        Ok(Self { units: if negative { -units } else { units }, decimals })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let power = 10_u64.pow(u32::from(self.decimals));
        let sign = if self.units < 0 { "-" } else { "" };
        let units = self.units.unsigned_abs();
        match self.decimals {
            0 => write!(f, "{sign}{units}"),
            n => write!(f, "{sign}{}.{:0width$}", units / power, units % power, width = usize::from(n)),
        }
    }
}

impl From<Decimal> for (i64, u8) {
    fn from(number: Decimal) -> Self {
        (number.units, number.decimals)
    }
}

impl TryFrom<(i64, u8)> for Decimal {
    type Error = BadDecimal;

    fn try_from((units, decimals): (i64, u8)) -> Result<Self, BadDecimal> {
        let lowest = decimals == 0 || units % 10 != 0;
        let ok = decimals <= MOST_DECIMALS && lowest && units.unsigned_abs() < 10_u64.pow(15);
        if ok { Ok(Self { units, decimals }) } else { Err(BadDecimal) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Result<String, BadDecimal> {
        text.parse::<Decimal>().map(|n| n.to_string())
    }

    #[test]
    fn one_spelling() {
        for (text, kept) in [
            ("7", "7"),
            ("007", "7"),
            ("-0", "0"),
            ("0.0", "0"),
            ("2.50", "2.5"),
            ("-0.05", "-0.05"),
            ("\u{2212}3", "-3"),
            ("999999999999999", "999999999999999"),
            ("0.000001", "0.000001"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(kept), "{text}");
        }
        for bad in
            ["", "-", ".", ".5", "5.", "1,5", "1e3", "+1", " 1", "0x1", "1.0000001", "1000000000000000", "--1", "٣"]
        {
            assert_eq!(shown(bad), Err(BadDecimal), "{bad:?}");
        }
    }

    #[test]
    fn order_and_stored_form() {
        let n = |t: &str| t.parse::<Decimal>().unwrap();
        assert!(n("-1.5") < n("-1") && n("0.1") > n("0.09") && n("10") > n("9.999999"));
        assert_eq!((n("3").whole(), n("3.1").whole()), (Some(3), None));
        for bad in [(10, 1), (0, 1), (1, 7), (10_i64.pow(15), 0)] {
            assert!(Decimal::try_from(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_json_and_bytes_come_back(units in -999_999_999_999_999_i64..=999_999_999_999_999, decimals in 0..=6_u8) {
            let power = 10_i64.pow(u32::from(decimals));
            let sign = if units < 0 { "-" } else { "" };
            let (whole, part) = (units.unsigned_abs() / power.unsigned_abs(), units.unsigned_abs() % power.unsigned_abs());
            let text = if decimals == 0 { format!("{sign}{whole}") }
                else { format!("{sign}{whole}.{part:0width$}", width = usize::from(decimals)) };
            let number: Decimal = text.parse().unwrap();
            prop_assert_eq!(number.to_string().parse(), Ok(number));
            let json = serde_json::to_string(&number.to_json()).unwrap();
            let back: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(crate::domain::decimal::from_json(&back), Some(number));
            let bytes = postcard::to_stdvec(&number).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Decimal>(&bytes).unwrap(), number);
        }
    }
}
