//! Text in a cell of a spreadsheet.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::domain::text::is_invisible;

/// Characters of a cell, at most, in a program that opens XLSX: UTF-16 units.
pub const MAX_CELL_CHARS: usize = 32_767;
/// What stands at the end of a text that was cut.
const CUT: &str = " […]";

/// `text` as a cell of CSV that no spreadsheet runs as a formula. What begins like a formula (`=`, `+`, `-`, `@`, a tab or a
/// line break, whatever space or unseen character stands before, in any width) gets an apostrophe in front, as OWASP advises
/// for CSV injection; and so does each part of it behind a line break, tab, semicolon or quotation mark, since programs set
/// up for other separators than the comma cut the cell there and take no notice of the quotation marks around it.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_control = text.starts_with(|c: char| c.is_control());
    let mut at: Vec<usize> = if is_control { vec![0] } else { Vec::new() };
    let mut begin = 0;
    for (n, c) in text.char_indices() {
        if SEPARATORS.contains(&c) {
            begin = n + c.len_utf8();
        } else if !c.is_whitespace() && !c.is_control() && !is_invisible(c) {
            if begin <= n && begins_a_formula(c) && !at.contains(&begin) {
                at.push(begin);
            }
            // The rest of this part is no beginning.
            begin = usize::MAX;
        }
    }
    if at.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + at.len());
    let mut done = 0;
    for n in at {
        out.push_str(text.get(done..n).unwrap_or_default());
        out.push('\'');
        done = n;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where a program that is set up for another separator begins a cell anew.
const SEPARATORS: [char; 5] = ['\n', '\r', '\t', ';', '"'];

/// Full-width and small forms stand for the plain ones, and so does the sign for minus.
fn begins_a_formula(c: char) -> bool {
    c == '\u{2212}' || c.nfkc().next().is_some_and(|plain| matches!(plain, '=' | '+' | '-' | '@'))
}

/// `text` as a string cell of XLSX, in XML: without characters that XML 1.0 has not, with what XLSX would read as an escape
/// escaped, and cut at [`MAX_CELL_CHARS`].
pub fn typed(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut units, room) = (0, MAX_CELL_CHARS - CUT.chars().count());
    let is_long = text.encode_utf16().take(MAX_CELL_CHARS + 1).count() > MAX_CELL_CHARS;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if is_long && units > room {
            out.push_str(CUT);
            break;
        }
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A line break that XML would turn into another.
            '\r' => out.push_str("&#13;"),
            // _x000D_ stands for a character there.
            '_' if is_escape(&text[at..]) => out.push_str("_x005F_"),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && c < '\u{80}' => {}
            c => out.push(c),
        }
    }
    out
}

fn is_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 7
        && matches!(bytes[1], b'x' | b'X')
        && bytes[2..6].iter().all(u8::is_ascii_hexdigit)
        && bytes[6] == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_made_harmless() {
        for bad in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t plain",
            "\rplain",
            "  =1",
            "\u{a0}=1",
            "\u{3000}=1",
            "\u{200b}=1",
            "\u{feff}=1",
            "\u{202e}=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}SUM",
            "\u{fe66}1",
            "\u{fe62}1",
            "\u{fe63}1",
            "\u{fe6b}1",
            "\u{2212}1",
            "\0=1",
            "+44 20 7946 0000",
        ] {
            assert_eq!(harmless(bad), format!("'{bad}"), "{bad:?}");
        }
        for (bad, told) in [
            ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
            ("Dear all\n=1+1\nbest", "Dear all\n'=1+1\nbest"),
            ("a\t+1", "a\t'+1"),
            ("a; \u{ff1d}1", "a;' \u{ff1d}1"),
            ("=1;=2", "'=1;'=2"),
            ("\"=1\"", "\"'=1\""),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n=1", "'\n'=1"),
        ] {
            assert_eq!(harmless(bad), told, "{bad:?}");
        }
        for good in ["", " ", "Jane", "1-1", "a=b", "jane@example.org", "'=1", "(=1)", "Jörg – 1", "a; b\nc, -d"] {
            assert_eq!(harmless(good), good, "{good:?}");
        }
    }

    #[test]
    fn a_typed_cell_is_xml_and_says_what_was_typed() {
        for (text, xml) in [
            ("=1+1", "=1+1"),
            ("<b>&\"'", "&lt;b&gt;&amp;\"'"),
            ("a\0\u{8}b\u{ffff}", "ab"),
            ("a\r\nb\tc", "a&#13;\nb\tc"),
            ("_x000D_ _xyz_ __x0041_", "_x005F_x000D_ _xyz_ __x005F_x0041_"),
            ("é😀", "é😀"),
        ] {
            assert_eq!(typed(text), xml, "{text:?}");
        }
        assert_eq!(typed(&"x".repeat(MAX_CELL_CHARS)), "x".repeat(MAX_CELL_CHARS));
        let cut = typed(&"😀".repeat(MAX_CELL_CHARS));
        assert!(cut.encode_utf16().count() <= MAX_CELL_CHARS && cut.ends_with(CUT));
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula_wherever_it_is_cut(text in "[ \t\r\n;\"\u{200b}\u{ff1d}=+@a-]{0,8}.{0,8}") {
            let cell = harmless(&text);
            let mut left = text.chars();
            prop_assert!(cell.chars().filter(|c| *c != '\'').eq(left.by_ref().filter(|c| *c != '\'')), "nothing is lost");
            for part in cell.split(SEPARATORS) {
                let first = part.chars().find(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c));
                prop_assert!(!first.is_some_and(begins_a_formula), "{part:?} of {cell:?}");
            }
        }
    }
}
