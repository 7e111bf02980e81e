//! The languages that a browser asks for, and the words that an installation brings along.

use letterlock::domain::language::{Catalogue, Lang, Said, best};

use super::Seam;

const OFFERED: [&str; 5] = ["en", "de", "fr", "pt", "pt-br"];

fn offered() -> Vec<Lang> {
    OFFERED.iter().map(|tag| tag.parse().unwrap()).collect()
}

/// Any text as `Accept-Language`: what is found is offered and was asked for, and nothing is found where nothing was. And as a
/// file of messages: it is refused, or every message of it can be said.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let offered = offered();
    let found = best(text, &offered);
    let asked = |tag: &str| {
        text.split([',', ';']).any(|range| {
            let range = range.trim().to_ascii_lowercase();
            range.strip_prefix(tag).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    match found {
        Some(lang) => {
            let mut tag = lang.as_str().as_bytes().to_vec();
            (seam.written)(&mut tag);
            let known = OFFERED.iter().find(|known| known.as_bytes() == tag);
            assert!(known.is_some_and(|tag| asked(tag)), "{lang} was not asked for, or is not offered");
        }
        None if !OFFERED.iter().any(|tag| asked(tag)) => {
            assert!((seam.refused)(found.is_none()), "something is found that nobody asked for");
        }
        None => {}
    }
    if let Ok(words) = Catalogue::parse(Lang::english(), text) {
        for key in words.keys() {
            let said = words.tell(&Said::of(key.to_owned()).with("n", 3_u32).with("name", "{name}"));
            assert!(said.len() <= 8 * text.len() + 64, "a message grows out of bounds");
        }
    }
}

/// Whether a language is found.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| best(text, &offered()).is_some())
}
