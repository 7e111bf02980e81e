//! Text as people type it: one normal form, one kind of line end, nothing that plays tricks on whoever reads it.

use unicode_normalization::UnicodeNormalization;

/// `text` in Unicode normal form C, with line ends as single line feeds.
pub(super) fn normalise(text: &str) -> String {
    // ASCII is in that form already, and most text is ASCII.
    let text = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// Whether `c` has no place in one line of text: control characters, and the overrides that turn the direction of
/// whatever follows. Marks that merely hint at a direction stay: names in Arabic and Hebrew use them.
pub(crate) fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202d}' | '\u{202e}')
}

/// Whether `c` is not seen at all, or moves what stands around it.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a name is sorted by in a list that people read: without its marks and capitals, so that `Île` stands beside `Ile`.
pub(crate) fn as_sorted(name: &str) -> String {
    let bare = name.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c));
    bare.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_without_marks_and_capitals() {
        let mut names = ["Zypern", "Österreich", "Oman", "Île de Man", "Iran", "Irak", "ägypten"];
        names.sort_by_cached_key(|name| as_sorted(name));
        assert_eq!(names, ["ägypten", "Île de Man", "Irak", "Iran", "Oman", "Österreich", "Zypern"]);
    }

    #[test]
    fn one_normal_form() {
        assert_eq!(normalise("e\u{301}"), "é");
        assert_eq!(normalise("a\r\nb\rc\n\r\n"), "a\nb\nc\n\n");
    }

    #[test]
    fn tricks_are_told_from_languages() {
        for c in ['\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}', '\u{202d}', '\u{202e}', '\n', '\t'] {
            assert!(is_unfit(c), "{c:?}");
        }
        for c in ['a', ' ', 'é', '\u{200f}', '\u{200d}', '漢', '🙂'] {
            assert!(!is_unfit(c), "{c:?}");
        }
        assert!(is_invisible('\u{200b}') && is_invisible('\u{feff}') && !is_invisible('a') && !is_invisible('é'));
    }
}
