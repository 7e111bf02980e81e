//! What staff type: titles and references of vacancies, labels, answers and letters, notes, reasons, case numbers. The first line of
//! the input says which, the rest is what was typed.

use letterlock::domain::language::Lang;
use letterlock::domain::legal;
use letterlock::domain::message::{MAX_CHARS, MessageText};
use letterlock::domain::vacancy::{MAX_ABOUT, MAX_PLACE, MAX_REFERENCE, MAX_TITLE, Typed, Words, reference};
use letterlock::domain::work::{Label, MAX_LABEL_CHARS};
use letterlock::domain::{approval, legal::MAX_REFERENCE as MAX_CASE};

use super::Seam;

/// Which words, as they are kept; `None` for what is refused. How many characters there are at most, and whether they are one line.
fn kept(kind: &str, typed: &str) -> Option<(String, usize, bool)> {
    let vacancy = |typed: Typed| {
        let titles = [("en".to_owned(), "A title".to_owned())].into_iter().chain(typed.titles).collect();
        Words::parse(&Typed { titles, ..typed }, &[Lang::english(), "de".parse().ok()?]).ok()
    };
    match kind {
        "label" => Some((Label::parse(typed).ok()?.expose().to_owned(), MAX_LABEL_CHARS, true)),
        "message" => Some((MessageText::parse(typed).ok()?.expose().to_owned(), MAX_CHARS, false)),
        "reason" => Some((approval::Reason::parse(typed).ok()?.expose().to_owned(), approval::MAX_REASON, false)),
        "case" => Some((legal::Reference::parse(typed).ok()?.expose().to_owned(), MAX_CASE, true)),
        "reference" => Some((reference(typed).ok()?.as_str().to_owned(), MAX_REFERENCE, true)),
        "title" => {
            let titles = vec![("de".to_owned(), typed.to_owned())];
            let words = vacancy(Typed { titles, ..Typed::default() })?;
            let title = words.titles.get(&"de".parse().ok()?).cloned();
            Some((title.unwrap_or_default(), MAX_TITLE, true))
        }
        "place" => Some((vacancy(Typed { place: typed.to_owned(), ..Typed::default() })?.place, MAX_PLACE, true)),
        "about" => Some((vacancy(Typed { about: typed.to_owned(), ..Typed::default() })?.about, MAX_ABOUT, false)),
        "day" => {
            let words = vacancy(Typed { last_day: typed.to_owned(), ..Typed::default() })?;
            Some((words.last_day().map(|day| day.to_string()).unwrap_or_default(), 10, true))
        }
        _ => None,
    }
}

/// What is kept is bounded, trimmed and without characters that would turn or hide others; it is kept alike when it is typed again;
/// and with such a character inside it is refused.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((kind, typed)) = text.split_once('\n') else { return };
    let Some((words, most, is_line)) = kept(kind, typed) else { return };
    assert!(words.chars().count() <= most, "{kind}: too long");
    assert_eq!(words.trim(), words, "{kind}");
    let is_bad = |c: char| {
        (c.is_control() && (is_line || c != '\n' && !(kind == "message" && c == '\t')))
            || matches!(c, '\u{202d}' | '\u{202e}')
    };
    assert!(!words.contains(is_bad), "{kind}: {words:?}");

    let mut again = words.clone().into_bytes();
    (seam.written)(&mut again);
    let again = String::from_utf8_lossy(&again).into_owned();
    assert_eq!(kept(kind, &again).map(|(words, ..)| words), Some(words.clone()), "{kind}: typed again");
    for c in ['\0', '\u{202e}', '\u{1b}'] {
        let turned = format!("x{c}{words}");
        assert!((seam.refused)(kept(kind, &turned).is_none()), "{kind}: {c:?} is taken");
    }
}

/// Whether it is kept.
pub fn understood(data: &[u8]) -> bool {
    let text = std::str::from_utf8(data).ok().and_then(|text| text.split_once('\n'));
    text.is_some_and(|(kind, typed)| kept(kind, typed).is_some())
}
