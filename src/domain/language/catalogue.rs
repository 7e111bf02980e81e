//! The words of one language, out of its TOML file.
//!
//! Sections and keys make up the name of a message (`form.optional`). A message is a text with placeholders in braces
//! (`"at most {n} characters"`), or a table with a text for each plural form that the language has (`one`, `other` …, as
//! Unicode CLDR names them), of which the number at `{n}` picks one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use intl_pluralrules::{PluralCategory, PluralRuleType, PluralRules};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use unic_langid::LanguageIdentifier;

use super::{Arg, Lang, Said};

const FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];
/// How deep a message is looked for within another.
const DEEPEST: usize = 4;

/// What is wrong with a file of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1; `None` for the file as a whole.
    pub line: Option<usize>,
    /// What is wrong and what was expected, in a sentence.
    pub message: String,
}

/// The words of one language.
#[derive(Clone)]
pub struct Catalogue {
    lang: Lang,
    messages: BTreeMap<String, Message>,
    rules: Option<PluralRules>,
}

#[derive(Clone, Debug)]
struct Message {
    /// By plural form; a message without any has `other` alone.
    forms: BTreeMap<&'static str, Vec<Piece>>,
    /// Where it stands in its file.
    line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Place(String),
}

impl Catalogue {
    /// Reads the text of a file of messages in `lang`.
    ///
    /// # Errors
    /// The first [`Mistake`].
    pub fn parse(lang: Lang, text: &str) -> Result<Self, Mistake> {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
        let table = DeTable::parse(text).map_err(|e| Mistake {
            line: e.span().map(|span| line(span.start)),
            message: crate::domain::form::one_line(e.message()),
        })?;
        let mut messages = BTreeMap::new();
        read(table.get_ref(), "", &mut messages, &line)
            .map_err(|(span, message)| Mistake { line: Some(line(span.start)), message })?;
        // A language that CLDR does not know has one form. The rules are those of languages, not of regions.
        let language = lang.as_str().split('-').next().unwrap_or_default().parse::<LanguageIdentifier>();
        let rules = language.ok().and_then(|tag| PluralRules::create(tag, PluralRuleType::CARDINAL).ok());
        Ok(Self { lang, messages, rules })
    }

    /// The language.
    pub const fn lang(&self) -> &Lang {
        &self.lang
    }

    /// Puts what is missing here from `other`, which speaks the same or stands in.
    #[must_use]
    pub fn over(mut self, other: &Self) -> Self {
        for (key, message) in &other.messages {
            self.messages.entry(key.clone()).or_insert_with(|| message.clone());
        }
        self
    }

    /// What stands in the way of using this beside `model`, which has every message: keys that are missing or unknown, and
    /// placeholders that differ.
    pub fn compare(&self, model: &Self) -> Vec<Mistake> {
        let mut out = Vec::new();
        for (key, message) in &self.messages {
            let line = Some(message.line);
            match model.messages.get(key) {
                None => out.push(Mistake { line, message: format!("there is no message {key}") }),
                Some(model) if model.places() != message.places() => {
                    let names: Vec<_> = model.places().into_iter().map(|name| format!("{{{name}}}")).collect();
                    let expected = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
                    out.push(Mistake { line, message: format!("{key}: expected the placeholders {expected}") });
                }
                Some(model) if model.forms.len() > 1 => {
                    let missing: Vec<_> =
                        self.plurals().into_iter().filter(|form| !message.forms.contains_key(form)).collect();
                    if !missing.is_empty() {
                        let message = format!("{key}: expected the plural forms {}", missing.join(", "));
                        out.push(Mistake { line, message });
                    }
                }
                Some(_) => {}
            }
        }
        let missing = model.messages.keys().filter(|key| !self.messages.contains_key(*key));
        out.extend(missing.map(|key| Mistake { line: None, message: format!("the message {key} is missing") }));
        out
    }

    /// The plural forms that numbers up to a thousand have in this language.
    fn plurals(&self) -> BTreeSet<&'static str> {
        (0..=1000).map(|n| self.plural(n)).collect()
    }

    /// The keys of all messages.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.messages.keys().map(String::as_str)
    }

    /// Whether there is such a message.
    pub fn has(&self, key: &str) -> bool {
        self.messages.contains_key(key)
    }

    /// What is said, in words.
    pub fn tell(&self, said: &Said) -> String {
        self.tell_within(said, 0)
    }

    /// The words before and after the placeholder `name` of a message that has no other.
    pub fn around(&self, key: &str, name: &str) -> (String, String) {
        let pieces = self.messages.get(key).map_or(&[][..], |message| message.pieces("other"));
        let at = pieces.iter().position(|piece| *piece == Piece::Place(name.to_owned())).unwrap_or(pieces.len());
        let words = |pieces: &[Piece]| -> String {
            pieces.iter().map(|piece| if let Piece::Words(words) = piece { words } else { "" }).collect()
        };
        (words(&pieces[..at]), words(&pieces[at..]))
    }

    fn tell_within(&self, said: &Said, depth: usize) -> String {
        let Some(key) = said.key() else { return said.sentence().to_owned() };
        let Some(message) = self.messages.get(key) else { return key.to_owned() };
        let n = said.args().iter().find_map(|(name, arg)| match arg {
            Arg::Number(n) if *name == "n" => Some(*n),
            _ => None,
        });
        let mut out = String::new();
        for piece in message.pieces(n.map_or("other", |n| self.plural(n))) {
            match piece {
                Piece::Words(words) => out.push_str(words),
                Piece::Place(name) => match said.args().iter().find(|(known, _)| known == name) {
                    Some((_, Arg::Text(text))) => out.push_str(text),
                    Some((_, Arg::Number(n))) => out.push_str(&n.to_string()),
                    Some((_, Arg::Said(said))) if depth < DEEPEST => out.push_str(&self.tell_within(said, depth + 1)),
                    Some((_, Arg::List(all))) if depth < DEEPEST => {
                        let told: Vec<String> = all.iter().map(|said| self.tell_within(said, depth + 1)).collect();
                        out.push_str(&told.join(", "));
                    }
                    _ => {}
                },
            }
        }
        out
    }

    fn plural(&self, n: u64) -> &'static str {
        match self.rules.as_ref().and_then(|rules| rules.select(usize::try_from(n).unwrap_or(usize::MAX)).ok()) {
            Some(PluralCategory::ZERO) => "zero",
            Some(PluralCategory::ONE) => "one",
            Some(PluralCategory::TWO) => "two",
            Some(PluralCategory::FEW) => "few",
            Some(PluralCategory::MANY) => "many",
            Some(PluralCategory::OTHER) | None => "other",
        }
    }
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalogue({}, {} messages)", self.lang, self.messages.len())
    }
}

impl Message {
    fn pieces(&self, form: &str) -> &[Piece] {
        self.forms.get(form).or_else(|| self.forms.get("other")).map_or(&[], Vec::as_slice)
    }

    /// The placeholders of all forms together: `one` may do without its number.
    fn places(&self) -> BTreeSet<&str> {
        let pieces = self.forms.values().flatten();
        pieces.filter_map(|piece| if let Piece::Place(name) = piece { Some(name.as_str()) } else { None }).collect()
    }
}

type Wrong = (Range<usize>, String);

fn read(
    table: &DeTable<'_>,
    prefix: &str,
    out: &mut BTreeMap<String, Message>,
    line: &dyn Fn(usize) -> usize,
) -> Result<(), Wrong> {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        let place = Spanned::span(name);
        match value.get_ref() {
            DeValue::String(text) => {
                let forms =
                    BTreeMap::from([("other", pieces(text).map_err(|e| (place.clone(), format!("{key}: {e}")))?)]);
                out.insert(key, Message { forms, line: line(place.start) });
            }
            DeValue::Table(inner) if inner.contains_key("other") => {
                let mut forms = BTreeMap::new();
                for (form, text) in inner {
                    let known = FORMS.into_iter().find(|known| *known == form.get_ref().as_ref());
                    let (Some(form), DeValue::String(text)) = (known, text.get_ref()) else {
                        let expected = format!("{key}: expected a text for each of {}", FORMS.join(", "));
                        return Err((Spanned::span(form), expected));
                    };
                    forms.insert(form, pieces(text).map_err(|e| (place.clone(), format!("{key}: {e}")))?);
                }
                out.insert(key, Message { forms, line: line(place.start) });
            }
            DeValue::Table(inner) => read(inner, &format!("{key}."), out, line)?,
            _ => return Err((place, format!("{key}: expected a text"))),
        }
    }
    Ok(())
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (words, from) = rest.split_at(at);
        if !words.is_empty() {
            out.push(Piece::Words(words.to_owned()));
        }
        let name = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let good = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
        match name {
            Some((name, after)) if good(name) => {
                out.push(Piece::Place(name.to_owned()));
                rest = after;
            }
            _ => return Err("expected braces around the name of a placeholder only".to_owned()),
        }
    }
    if !rest.is_empty() {
        out.push(Piece::Words(rest.to_owned()));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(lang: &str, text: &str) -> Catalogue {
        Catalogue::parse(lang.parse().unwrap(), text).unwrap()
    }

    #[test]
    fn messages_are_filled_in() {
        let en = catalogue("en", "a = 'one'\n[b]\nc = 'x {name} y {name}'\nd.one = 'a file'\nd.other = '{n} files'\n");
        assert_eq!(en.tell(&Said::new("a")), "one");
        assert_eq!(en.tell(&Said::new("b.c").with("name", "{n} <b>")), "x {n} <b> y {n} <b>");
        assert_eq!(en.tell(&Said::new("b.c").with("name", Said::new("b.d").with("n", 1_u32))), "x a file y a file");
        assert_eq!(en.tell(&Said::new("b.d").with("n", 0_u32)), "0 files");
        assert_eq!(
            en.tell(&Said::new("b.c").with("name", vec![Said::new("a"), Said::new("a")])),
            "x one, one y one, one"
        );
        assert_eq!(en.tell(&Said::plain("As {it} is.")), "As {it} is.");
        assert_eq!(en.around("b.c", "name"), ("x ".to_owned(), " y ".to_owned()));
        assert_eq!(en.tell(&Said::new("no.such")), "no.such");
    }

    #[test]
    fn plural_forms_are_those_of_the_language() {
        let text = "n.one = 'one'\nn.few = 'few'\nn.many = 'many'\nn.other = 'other'\n";
        let told = |lang: &str| {
            let catalogue = catalogue(lang, text);
            [0_u32, 1, 2, 5].map(|n| catalogue.tell(&Said::new("n").with("n", n)))
        };
        assert_eq!(told("de"), ["other", "one", "other", "other"]);
        assert_eq!(told("fr"), ["one", "one", "other", "other"]);
        assert_eq!(told("pl"), ["many", "one", "few", "many"]);
        assert_eq!(told("qqq"), ["other", "other", "other", "other"]);
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, line, words) in [
            ("a = 1", 1, "expected a text"),
            ("\na = '{'", 2, "braces"),
            ("\na = '}'", 2, "braces"),
            ("a = '{A}'", 1, "braces"),
            ("[a]\nother = 'x'\nsome = 'y'", 3, "expected a text for each"),
            ("a = 'x'\nb = ", 2, ""),
        ] {
            let mistake = Catalogue::parse(Lang::english(), text).unwrap_err();
            assert_eq!(mistake.line, Some(line), "{text}: {mistake:?}");
            assert!(mistake.message.contains(words), "{mistake:?}");
        }
    }

    #[test]
    fn a_translation_is_held_against_its_model() {
        let en = catalogue("en", "a = '{x}'\nb = 'b'\nc.one = 'one'\nc.other = '{n}'\n");
        let told = |text: &str| -> Vec<_> {
            let mistakes = catalogue("pl", text).compare(&en);
            mistakes.into_iter().map(|mistake| (mistake.line, mistake.message)).collect()
        };
        let good = "a = '{x} {x}'\nb = 'B'\nc.one = '{n}'\nc.few = '{n}'\nc.many = '{n}'\nc.other = '{n}'\n";
        assert_eq!(told(good), []);
        let bad = "a = '{y}'\nd = ''\nc.other = '{n}'\n";
        let expected = [
            (Some(1), "a: expected the placeholders {x}".to_owned()),
            (Some(3), "c: expected the plural forms few, many, one".to_owned()),
            (Some(2), "there is no message d".to_owned()),
            (None, "the message b is missing".to_owned()),
        ];
        assert_eq!(told(bad), expected);
    }
}
