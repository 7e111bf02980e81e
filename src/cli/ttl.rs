//! How long a token is good for, as people write it.

use std::time::Duration;

/// A limited life, or none. Its own type because the command line reads an `Option` as "may be left out".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life<T> {
    /// So long.
    For(T),
    /// Until revoked.
    Unlimited,
}

/// Longest life that can be given, in seconds: a hundred years.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

/// Parses `30s`, `30m`, `12h`, `90d`, `52w` or `never`.
pub(super) fn parse(text: &str) -> Result<Life<Duration>, String> {
    const EXPECTED: &str = "expected a number and a unit (30m, 12h, 90d, 52w), at most 100 years, or never";
    if text == "never" {
        return Ok(Life::Unlimited);
    }
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(EXPECTED.to_owned()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    match seconds {
        Some(1..=MAX_SECONDS) => Ok(Life::For(Duration::from_secs(seconds.unwrap_or(1)))),
        Some(0) => Err("a token that has ended already is of no use".to_owned()),
        _ => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_bounds() {
        assert_eq!(parse("90d"), Ok(Life::For(Duration::from_secs(90 * 86_400))));
        assert_eq!(parse("2w"), Ok(Life::For(Duration::from_secs(14 * 86_400))));
        assert_eq!(parse("never"), Ok(Life::Unlimited));
        for bad in ["", "d", "90", "0d", "-1d", "1y", "1d1h", " 1d", "1 d", "99999999999999999999d", "9999999d"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
