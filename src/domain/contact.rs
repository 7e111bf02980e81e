//! Finds what people should not post where everybody reads: e-mail addresses, telephone numbers, card numbers. It warns and
//! does not judge: it finds some that are none, and misses what somebody hides on purpose. Time is linear in the text.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::language::Said;
use super::text::is_invisible;

/// What a text seems to contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// An e-mail address.
    pub email: bool,
    /// A telephone number.
    pub phone: bool,
    /// A number of a payment card: 13 to 19 digits with the right check digit.
    pub card: bool,
}

/// Fewest and most digits of a card number (ISO/IEC 7812).
const CARD: std::ops::RangeInclusive<usize> = 13..=19;
/// Most digits of a telephone number (E.164).
const MOST_PHONE: usize = 15;
/// Fewest digits of one that begins like one: with `+`, `0` or a bracket.
const FEWEST_MARKED: usize = 7;
/// Fewest digits of one that does not.
const FEWEST_BARE: usize = 9;

/// An address, also with `(at)` and `[dot]`, or with both spelt out between spaces.
static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let at = r"(?:\s?@\s?|\s?[\(\[\{<]\s?(?:at|ät)\s?[\)\]\}>]\s?)";
    let dot = r"(?:\s?\.\s?|\s?[\(\[\{<]\s?(?:dot|punkt|point|\.)\s?[\)\]\}>]\s?|\s(?:dot|punkt|point)\s)";
    let (local, label) = (r"[\p{L}\p{N}_%+-]", r"[\p{L}\p{N}-]+");
    Regex::new(&format!(
        r"{local}{at}{label}(?:{dot}{label})*{dot}\p{{L}}|{local}\sat\s{label}\s(?:dot|punkt|point)\s\p{{L}}"
    ))
    .ok()
});

/// Days, which have as many digits as short telephone numbers.
static DAY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./-] ?[0-9]{1,2}[./-] ?[0-9]{4})\b").ok());

impl Contacts {
    /// Looks through a text.
    pub fn find(text: &str) -> Self {
        let text = plain(text);
        let email = EMAIL.as_ref().is_some_and(|email| email.is_match(&text));
        let mut found = Self { email, phone: false, card: false };
        for run in runs(&text) {
            let card = run.has_card();
            found.card |= card;
            found.phone |= !card && run.is_phone();
        }
        found
    }

    /// Whether there is any.
    pub const fn any(self) -> bool {
        self.email || self.phone || self.card
    }

    /// What there is, to be said; `None` for nothing.
    pub fn said(self) -> Option<Said> {
        let all = [(self.email, "found.email"), (self.phone, "found.phone"), (self.card, "found.card")];
        let mut there = all.into_iter().filter(|(there, _)| *there).map(|(_, key)| Said::new(key));
        let first = there.next()?;
        Some(there.fold(first, |rest, last| Said::new("found.and").with("rest", rest).with("last", last)))
    }
}

/// In one spelling: compatibility forms (as full-width ones) made plain, nothing unseen, digits of other scripts as 0 to 9, small letters.
fn plain(text: &str) -> String {
    let seen = text.nfkc().filter(|c| !is_invisible(*c));
    seen.map(|c| digit(c).map_or(c, |digit| char::from(b'0' + digit))).flat_map(char::to_lowercase).collect()
}

/// The value of a decimal digit, in the scripts whose digits people type.
fn digit(c: char) -> Option<u8> {
    const ZEROS: [char; 9] = ['0', '٠', '۰', '०', '০', '੦', '૦', '௦', '๐'];
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(*zero))?;
        u8::try_from(value).ok().filter(|value| *value < 10)
    })
}

/// Digits that belong together, with what may stand between them.
#[derive(Default)]
struct Run {
    /// As they stand.
    text: String,
    digits: Vec<u8>,
    /// For each digit, whether something stands before it.
    begins: Vec<bool>,
    /// It begins like a telephone number.
    marked: bool,
}

impl Run {
    /// Whether some of the groups together are a card number.
    fn has_card(&self) -> bool {
        let ends = |end: usize| end == self.digits.len() || self.begins[end];
        let starts = (0..self.digits.len()).filter(|at| self.begins[*at]);
        starts.flat_map(|at| CARD.map(move |len| (at, at + len))).any(|(from, to)| {
            to <= self.digits.len() && ends(to) && self.digits[from] != 0 && has_check_digit(&self.digits[from..to])
        })
    }

    fn is_phone(&self) -> bool {
        let day = DAY.as_ref().filter(|_| !self.marked).and_then(|day| day.find(&self.text));
        // What stands behind a day, a time perhaps, counts by itself.
        let of_day = day.map_or(0, |day| day.as_str().bytes().filter(u8::is_ascii_digit).count());
        let marked = of_day == 0 && (self.marked || self.digits.first() == Some(&0));
        let fewest = if marked { FEWEST_MARKED } else { FEWEST_BARE };
        (fewest..=MOST_PHONE).contains(&(self.digits.len() - of_day))
    }
}

/// The runs of a text. Between two digits of a run stand at most three of these marks: spaces, points, hyphens, brackets, slashes.
fn runs(text: &str) -> Vec<Run> {
    const MOST_BETWEEN: usize = 3;
    let (mut out, mut run, mut between, mut before) = (Vec::new(), Run::default(), 0, ' ');
    for c in text.chars() {
        let value = c.to_digit(10).and_then(|value| u8::try_from(value).ok());
        let joins =
            matches!(c, ' ' | '\u{a0}' | '.' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '(' | ')' | '/' | '_');
        match value {
            Some(value) => {
                if run.digits.is_empty() {
                    run.marked = matches!(before, '+' | '(');
                }
                run.begins.push(run.digits.is_empty() || between > 0);
                run.digits.push(value);
                run.text.push(c);
                between = 0;
            }
            None if joins && !run.digits.is_empty() && between < MOST_BETWEEN => {
                run.text.push(c);
                between += 1;
            }
            None => {
                if !run.digits.is_empty() {
                    out.push(std::mem::take(&mut run));
                }
                between = 0;
            }
        }
        before = c;
    }
    if !run.digits.is_empty() {
        out.push(run);
    }
    out
}

/// The check of ISO/IEC 7812 (Luhn).
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(*digit) << (at % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &str) -> (bool, bool, bool) {
        let Contacts { email, phone, card } = Contacts::find(text);
        (email, phone, card)
    }

    #[test]
    fn addresses_are_found_in_many_spellings() {
        for text in [
            "write to jane@example.org.",
            "JANE@EXAMPLE.ORG",
            "jane.doe+x@mail.example.co.uk",
            "jane (at) example (dot) org",
            "jane[at]example[dot]org",
            "jane at example dot org",
            "jane @ example . org",
            "jane＠example．org",
            "ja\u{200b}ne@\u{200b}example.org",
            "jane{at}example.org",
            "jörg@müller.de",
            "hans ät no, hans (ät) example punkt de",
        ] {
            assert!(kinds(text).0, "{text}");
        }
        for text in ["we met at noon. Then we left", "@home", "3 @ 5 euros", "look at this dot", "a@b", "e.g. this", ""]
        {
            assert!(!kinds(text).0, "{text}");
        }
    }

    #[test]
    fn telephone_numbers_are_found_in_many_spellings() {
        for text in [
            "+44 20 7946 0958",
            "call 020 7946 0958",
            "(555) 123-4567",
            "0049.30.901820",
            "00 43 (0)664 / 123 45 67",
            "+1-202-555-0143 please",
            "٠٢٠٧٩٤٦٠٩٥٨",
            "０２０ ７９４６ ０９５８",
            "555 123 4567",
            "601 234 567",
        ] {
            assert_eq!(kinds(text), (false, true, false), "{text}");
        }
        for text in [
            "on 2026-11-25",
            "25.11.2026",
            "01/02/2026 and 03/04/2026",
            "2019-2024",
            "in 1999, 2004 and 2010",
            "10 000 000",
            "version 4.2.1",
            "1234567",
            "3.14159",
        ] {
            assert_eq!(kinds(text), (false, false, false), "{text}");
        }
    }

    #[test]
    fn card_numbers_are_found_by_their_check_digit() {
        for text in [
            "4111 1111 1111 1111",
            "5500-0000-0000-0004",
            "378282246310005",
            "my card 4111111111111111 12/29",
            "４１１１ １１１１ １１１１ １１１１",
        ] {
            assert!(kinds(text).2, "{text}");
        }
        assert!(!kinds("4111 1111 1111 1112").2);
        assert!(!kinds("0000 0000 0000 0000").2);
    }

    #[test]
    fn what_is_found_is_said_in_words() {
        let said = |text: &str| Contacts::find(text).said().map(|said| said.to_string());
        assert_eq!(said("a@example.org").as_deref(), Some("an e-mail address"));
        let all = "an e-mail address and a telephone number and the number of a payment card";
        assert_eq!(said("a@example.org, +44 20 7946 0958; 4111 1111 1111 1111").as_deref(), Some(all));
        assert_eq!(said("nothing"), None);
    }

    #[test]
    fn time_is_linear() {
        let begun = std::time::Instant::now();
        for text in [
            "a@".repeat(100_000),
            "1 ".repeat(100_000),
            "a at b dot ".repeat(20_000),
            "4".repeat(200_000),
            "(at)".repeat(50_000),
        ] {
            let _ = Contacts::find(&text);
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_stumble(text in ".{0,400}") {
            let _ = Contacts::find(&text);
        }

        #[test]
        fn an_address_is_found_wherever_it_stands(
            before in "[a-z ,.!?]{0,40}", local in "[a-z][a-z0-9._-]{0,10}[a-z0-9]", label in "[a-z][a-z0-9]{1,10}",
            end in "[a-z]{2,6}", after in "[ ,!?][a-z ,!?]{0,40}",
        ) {
            let text = format!("{before} {local}@{label}.{end}{after}");
            prop_assert!(kinds(&text).0, "{}", text);
        }

        #[test]
        fn a_card_is_found_however_it_is_spaced(digits in prop::collection::vec(0u8..10, 15), gaps in prop::collection::vec(prop::sample::select(vec!["", " ", "-"]), 16), first in 2u8..7) {
            let mut card = vec![first];
            card.extend(&digits[..14]);
            let last = (0..10).find(|last| has_check_digit(&[card.as_slice(), &[*last]].concat())).unwrap();
            card.push(last);
            let text: String = card.iter().zip(&gaps).map(|(digit, gap)| format!("{gap}{digit}")).collect();
            prop_assert!(kinds(&format!("Card: {text}, thanks")).2, "{}", text);
        }

        #[test]
        fn an_international_number_is_found_however_it_is_spaced(digits in prop::collection::vec(0u8..10, 9..12), gaps in prop::collection::vec(prop::sample::select(vec!["", " ", "-", ".", " / "]), 12)) {
            let text: String = digits.iter().zip(&gaps).map(|(digit, gap)| format!("{gap}{digit}")).collect();
            let text = format!("Ring +4{text}!");
            prop_assert!(Contacts::find(&text).any(), "{}", text);
        }
    }
}
