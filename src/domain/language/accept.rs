//! Which of several languages somebody reads best, by the `Accept-Language` of their browser.

use super::Lang;

/// Ranges that are looked at; a browser sends a handful.
const MOST: usize = 32;

/// The language out of `offered` that `accepted` (RFC 9110 §12.5.4) wants most, by the lookup of RFC 4647 §3.4: each range
/// is shortened from its end until it is offered. `None` when none fits, or when anything will do.
pub fn best<'a>(accepted: &str, offered: &'a [Lang]) -> Option<&'a Lang> {
    let mut ranges: Vec<(&str, u16)> = accepted.split(',').take(MOST).filter_map(range).collect();
    let refused: Vec<Lang> = ranges.iter().filter(|(_, q)| *q == 0).filter_map(|(tag, _)| tag.parse().ok()).collect();
    // Stable: of two that are wanted alike, the first.
    ranges.sort_by_key(|(_, q)| std::cmp::Reverse(*q));
    ranges.retain(|(_, q)| *q > 0);
    ranges.into_iter().find_map(|(tag, _)| lookup(tag, offered).filter(|found| !refused.contains(found)))
}

/// A range and its weight in thousandths; `None` for what is not one. `*` is no language and finds nothing.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let weight = match parts.next() {
        None => 1000,
        Some(weight) => quality(weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?)?,
    };
    Some((tag, weight))
}

/// `0.8` as 800: a digit, then up to three after the point.
fn quality(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "1" if thousandths == 0 => Some(1000),
        "0" => Some(thousandths),
        _ => None,
    }
}

fn lookup<'a>(tag: &str, offered: &'a [Lang]) -> Option<&'a Lang> {
    let wanted: Lang = tag.parse().ok()?;
    let mut wanted = wanted.as_str();
    loop {
        if let Some(found) = offered.iter().find(|lang| lang.as_str() == wanted) {
            return Some(found);
        }
        wanted = wanted.rsplit_once('-')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(accepted: &str) -> Option<String> {
        let offered: Vec<Lang> = ["en", "de", "fr", "pt-br"].iter().map(|tag| tag.parse().unwrap()).collect();
        best(accepted, &offered).map(ToString::to_string)
    }

    #[test]
    fn the_one_wanted_most_is_found() {
        for (accepted, found) in [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de-AT-1996,en", Some("de")),
            ("nl, fr;q=0.4, de;q=0.8", Some("de")),
            ("fr;q=0.80, de;q=0.801", Some("de")),
            ("en, de", Some("en")),
            ("pt-BR", Some("pt-br")),
            ("de;q=0, de-at;q=0.9, fr;q=0.1", Some("fr")),
            ("fr ; q=1.000 , de;q=0.9", Some("fr")),
        ] {
            assert_eq!(pick(accepted).as_deref(), found, "{accepted}");
        }
    }

    #[test]
    fn what_is_not_offered_or_cannot_be_read_finds_nothing() {
        for accepted in
            ["", "*", "nl", "pt", "de;q=0", "de;q=2", "de;q=1.5", "de;q=-1", "de;q=0.1234", "de;x", ";;,,;", "d e"]
        {
            assert_eq!(pick(accepted), None, "{accepted}");
        }
        assert_eq!(pick(&format!("{}de", "nl,".repeat(MOST))), None, "only so many are looked at");
    }
}
