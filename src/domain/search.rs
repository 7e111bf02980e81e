//! Words to look for, and texts as they are compared: without case, accents and the like.
//!
//! A text is folded letter by letter: decomposed by compatibility (NFKD, UAX #15), accents dropped, lower case, and a few
//! letters that Unicode does not decompose written out (`ß` is `ss`, `ø` is `o`). A text that is found has all words in it;
//! part of a word is enough.

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use zeroize::Zeroizing;

use super::problem::Problem;
use super::submission::FieldValue;
use crate::base::sensitive::SensitiveString;

/// The longest text that is looked for, in characters.
pub const MAX_QUERY: usize = 200;
/// The most words.
pub const MAX_WORDS: usize = 10;

/// What is looked for: words, folded, none twice. Never printed.
#[derive(Clone, Debug, Default)]
pub struct Words(Vec<SensitiveString>);

impl Words {
    /// The words in what somebody typed; none in an empty text.
    ///
    /// # Errors
    /// A text above [`MAX_QUERY`] or [`MAX_WORDS`], or one of nothing but accents.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        if typed.chars().count() > MAX_QUERY {
            let message = format!("At most {MAX_QUERY} characters.");
            return Err(Problem::in_field("words", "too-long", message));
        }
        let mut folded = Folded::default();
        let mut words: Vec<SensitiveString> = Vec::new();
        for word in folded.of(typed).split_whitespace() {
            if !words.iter().any(|known| known.expose() == word) {
                words.push(word.into());
            }
        }
        if words.len() > MAX_WORDS {
            return Err(Problem::in_field("words", "too-many", format!("At most {MAX_WORDS} words.")));
        }
        if words.is_empty() && !typed.trim().is_empty() {
            return Err(Problem::in_field("words", "no-word", "There is no letter or digit in this to look for."));
        }
        Ok(Self(words))
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins to look through one thing of several texts.
    pub fn look(&self) -> Look<'_> {
        Look { words: &self.0, missing: self.0.iter().enumerate().fold(0, |bits, (n, _)| bits | 1 << n) }
    }
}

/// Which words have been found so far.
pub struct Look<'a> {
    words: &'a [SensitiveString],
    /// One bit a word.
    missing: u32,
}

impl Look<'_> {
    /// Looks through a text that is folded already; returns whether any of the words is in it.
    pub fn text(&mut self, folded: &str) -> bool {
        let mut any = false;
        for (n, word) in self.words.iter().enumerate() {
            if folded.contains(word.expose()) {
                self.missing &= !(1 << n);
                any = true;
            }
        }
        any
    }

    /// Whether all words have been found.
    pub const fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

/// A place to fold texts in, one after the other. What was in it is wiped when it goes.
#[derive(Default)]
pub struct Folded(Zeroizing<String>);

impl Folded {
    /// The text, folded.
    pub fn of(&mut self, text: &str) -> &str {
        self.0.clear();
        self.push(text);
        &self.0
    }

    /// All texts of an answer, folded, one a line. `label` gives the words that stand for an option; boxes have none.
    pub fn of_value<'a>(&mut self, value: &'a FieldValue, label: impl Fn(&'a str) -> Option<&'a str>) -> &str {
        self.0.clear();
        let mut say = |text: &'a str| {
            self.push(text);
            self.0.push('\n');
            if let Some(label) = label(text) {
                self.push(label);
                self.0.push('\n');
            }
        };
        match value {
            FieldValue::Text(text) => say(text.expose()),
            FieldValue::Bool(_) => {}
            FieldValue::Number(number) => {
                let number = Zeroizing::new(number.to_string());
                self.push(&number);
            }
            FieldValue::Many(picked) => picked.iter().for_each(|text| say(text.expose())),
            FieldValue::Address(address) => address.parts().into_iter().for_each(|(_, text)| say(text.expose())),
        }
        &self.0
    }

    fn push(&mut self, text: &str) {
        let mut rest = text;
        loop {
            // Most text is plain, and goes by the whole piece.
            let plain = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
            let begin = self.0.len();
            self.0.push_str(&rest[..plain]);
            self.0[begin..].make_ascii_lowercase();
            rest = &rest[plain..];
            let Some(letter) = rest.chars().next() else { return };
            decompose_compatible(letter, |part| self.push_part(part));
            rest = &rest[letter.len_utf8()..];
        }
    }

    /// A letter without its accents, or an accent.
    fn push_part(&mut self, part: char) {
        // Classes 7 to 9 tell letters of Indic and Japanese scripts apart; what is above them are accents and points.
        if canonical_combining_class(part) > 9 {
            return;
        }
        let written = match part {
            'ß' | 'ẞ' => "ss",
            'æ' | 'Æ' => "ae",
            'œ' | 'Œ' => "oe",
            'ø' | 'Ø' => "o",
            'đ' | 'Đ' | 'ð' | 'Ð' => "d",
            'ł' | 'Ł' => "l",
            'ħ' | 'Ħ' => "h",
            'ŧ' | 'Ŧ' => "t",
            'þ' | 'Þ' => "th",
            'ı' => "i",
            'ς' => "σ",
            '‘' | '’' | 'ʼ' | '`' => "'",
            '“' | '”' | '„' | '«' | '»' => "\"",
            '‐' | '–' | '—' | '−' => "-",
            // Hyphens and joiners that nobody sees.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => "",
            other => {
                self.0.extend(other.to_lowercase());
                return;
            }
        };
        self.0.push_str(written);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::submission::PostalAddress;

    fn fold(text: &str) -> String {
        Folded::default().of(text).to_owned()
    }

    fn finds(typed: &str, texts: &[&str]) -> bool {
        let words = Words::parse(typed).unwrap();
        let mut look = words.look();
        for text in texts {
            look.text(Folded::default().of(text));
        }
        look.is_complete()
    }

    #[test]
    fn case_and_accents_do_not_matter() {
        for (typed, text) in [
            ("zoe", "Zoë Quill"),
            ("ZOË", "zoe quill"),
            ("e", "é"),
            ("é", "e"),
            ("é", "e\u{301}"),
            ("strasse", "Hauptstraße 5"),
            ("STRAẞE", "hauptstrasse"),
            ("muller", "Müller"),
            ("soren", "Søren Kierkegård"),
            ("kierkegard", "Søren Kierkegård"),
            ("lodz", "Łódź"),
            ("istanbul", "İSTANBUL"),
            ("ΟΔΟΣ", "οδός"),
            ("οδος", "Ὁδός"),
            ("й", "И"),
            ("o'brien", "O’Brien"),
            ("x-y", "x–y"),
            ("ｆｕｌｌ", "full"),
            ("file", "ﬁle"),
            ("zusammen", "zu\u{ad}sammen"),
            ("북", "북경"),
            ("北京", "在北京工作"),
        ] {
            assert!(finds(typed, &[text]), "{typed} in {text}");
        }
        assert!(finds("か", &["が"]) && !finds("が", &["か"]), "a voiced sign is kept");
        assert!(!finds("zoe", &["Zo Quill"]) && !finds("muller", &["Mueller"]));
    }

    #[test]
    fn all_words_have_to_be_there_and_parts_of_words_will_do() {
        let texts = ["Jane Miller", "jane@example.org", "I know Python and Rust"];
        for typed in ["jane", "mill", "jane rust", "rust JANE", "@example.org python", "  jane\t jane ", "ane@exam"] {
            assert!(finds(typed, &texts), "{typed}");
        }
        for typed in ["jane cobol", "janemiller", "jane@example.com"] {
            assert!(!finds(typed, &texts), "{typed}");
        }
    }

    #[test]
    fn too_much_and_nothing_are_refused() {
        let code = |typed: &str| Words::parse(typed).map(|words| words.0.len()).map_err(|problem| problem.code);
        assert_eq!(code(""), Ok(0));
        assert_eq!(code(" \n "), Ok(0));
        assert_eq!(code("a b A"), Ok(2));
        assert_eq!(code("\u{301}"), Err("no-word"));
        assert_eq!(code(&"x".repeat(MAX_QUERY)), Ok(1));
        assert_eq!(code(&"x".repeat(MAX_QUERY + 1)), Err("too-long"));
        assert_eq!(code("a b c d e f g h i j"), Ok(10));
        assert_eq!(code("a b c d e f g h i j k"), Err("too-many"));
    }

    #[test]
    fn every_part_of_an_answer_is_looked_at() {
        let address = PostalAddress { line1: "1 High St".into(), town: "Leeds".into(), ..PostalAddress::default() };
        for (value, words) in [
            (FieldValue::Text("sales".into()), "sales enquiries"),
            (FieldValue::Many(vec!["b".into(), "sales".into()]), "b enquiries"),
            (FieldValue::Number("2.50".parse().unwrap()), "2.5"),
            (FieldValue::Address(address), "leeds high"),
        ] {
            let (mut folded, words) = (Folded::default(), Words::parse(words).unwrap());
            let mut look = words.look();
            look.text(folded.of_value(&value, |text| (text == "sales").then_some("Sales Enquiries")));
            assert!(look.is_complete(), "{value:?}");
        }
        assert_eq!(Folded::default().of_value(&FieldValue::Bool(true), |_| None), "");
        // Two parts do not make one word.
        let apart = FieldValue::Many(vec!["ab".into(), "cd".into()]);
        assert!(!Folded::default().of_value(&apart, |_| None).contains("abcd"));
    }

    #[test]
    fn words_are_not_printed() {
        assert!(!format!("{:?}", Words::parse("jane").unwrap()).contains("jane"));
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_text_is_found_in_it(before: String, word in "\\S{1,20}", after: String) {
            let text = format!("{before}{word}{after}");
            if let Ok(words) = Words::parse(&word) {
                let mut look = words.look();
                look.text(Folded::default().of(&text));
                prop_assert!(look.is_complete(), "{word:?} in {text:?}");
            }
        }

        #[test]
        fn folding_again_changes_nothing(text: String) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
