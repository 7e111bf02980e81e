//! What a file is called: for people to read, never used as a path.

use unicode_normalization::UnicodeNormalization;

use super::FileKind;
use crate::base::sensitive::SensitiveString;
use crate::domain::text::is_invisible;

/// Longest name, in characters.
const MAX_CHARS: usize = 120;
/// Longest name, in bytes: what file systems can store.
const MAX_BYTES: usize = 255;
/// Longest ending that is kept when a name is cut, in characters, without the dot.
const MAX_ENDING: usize = 10;
const FALLBACK: &str = "file";

/// The last part of a name as a client sent it, without anything that could mislead: control characters, invisible
/// ones and turns of direction, leading dots, and what file systems treat specially. `file` when nothing is left.
pub fn clean_name(raw: &str) -> SensitiveString {
    // Both separators, whatever system the client runs on.
    let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    // Long enough for every name that is kept whole, and short work for one that is not.
    let text: String = last.nfc().filter(|c| !c.is_control() && !is_invisible(*c)).take(4096).collect();
    let text: String = text.chars().map(|c| if "<>:\"|?*".contains(c) { '_' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    if text.is_empty() {
        FALLBACK.into()
    } else if is_device(text) {
        shorten(&format!("_{text}")).into()
    } else {
        shorten(text).into()
    }
}

/// The cleaned name with an ending that agrees with what the file is: a text called `cv.bat` becomes `cv.bat.txt`, so
/// that nobody runs by a double click what was judged to be text.
pub fn display_name(raw: &str, kind: FileKind) -> SensitiveString {
    let name = clean_name(raw);
    let ending = ending(name.expose());
    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case(kind.extension())) {
        return name;
    }
    cut(name.expose(), &format!(".{}", kind.extension())).into()
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending)
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= MAX_CHARS && name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let plain = |ending: &&str| ending.len() <= MAX_ENDING && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    match ending(name).filter(plain) {
        Some(ending) => cut(&name[..name.len() - 1 - ending.len()], &format!(".{ending}")),
        None => cut(name, ""),
    }
}

/// As much of `stem` as fits with `ending`, which is ASCII.
fn cut(stem: &str, ending: &str) -> String {
    let mut room = MAX_BYTES - ending.len();
    let fits = |c: &char| room.checked_sub(c.len_utf8()).inspect(|rest| room = *rest).is_some();
    let stem: String = stem.chars().take(MAX_CHARS - ending.len()).take_while(fits).collect();
    format!("{}{ending}", stem.trim_end_matches(['.', ' ']))
}

/// Whether Windows takes the name for a device.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(raw: &str) -> String {
        clean_name(raw).expose().to_owned()
    }

    #[test]
    fn only_a_harmless_name_is_left() {
        for (raw, cleaned) in [
            ("cv.pdf", "cv.pdf"),
            ("Lebenslauf – Jörg Müller (2026).pdf", "Lebenslauf – Jörg Müller (2026).pdf"),
            ("履歴書.docx", "履歴書.docx"),
            ("cv.tar.gz", "cv.tar.gz"),
            ("C:\\Users\\Jane\\cv.pdf", "cv.pdf"),
            ("/etc/passwd", "passwd"),
            ("../../../etc/cv.pdf", "cv.pdf"),
            ("..\\..\\cv.pdf", "cv.pdf"),
            ("cv.pdf/", "file"),
            ("", "file"),
            ("..", "file"),
            (".", "file"),
            (" . . ", "file"),
            (".htaccess", "htaccess"),
            ("...cv.pdf", "cv.pdf"),
            ("cv.pdf. . .", "cv.pdf"),
            ("cv\0.pdf", "cv.pdf"),
            ("cv\r\nSet-Cookie: x.pdf", "cvSet-Cookie_ x.pdf"),
            ("cv\u{202e}fdp.exe", "cvfdp.exe"),
            ("c\u{200b}v\u{feff}.pdf", "cv.pdf"),
            ("a   b\u{a0}c.pdf", "a b c.pdf"),
            ("<script>\"x\"|*?.pdf", "_script__x____.pdf"),
            ("cv.pdf:stream", "cv.pdf_stream"),
            ("con.pdf", "_con.pdf"),
            ("LPT1", "_LPT1"),
            ("contract.pdf", "contract.pdf"),
            ("e\u{301}.pdf", "é.pdf"),
        ] {
            assert_eq!(clean(raw), cleaned, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = clean(&format!("{}.pdf", "é".repeat(500)));
        assert_eq!((long.chars().count(), long.ends_with("é.pdf")), (120, true));
        assert_eq!(clean(&"x".repeat(500)).len(), 120);
        let wide = clean(&format!("{}.docx", "漢".repeat(500)));
        assert_eq!((wide.len(), wide.ends_with("漢.docx")), (3 * 83 + 5, true));
        assert_eq!(clean(&format!("x.{}", "y".repeat(500))).len(), 120);
        assert_eq!(clean(&format!("{}.pdf", "x".repeat(116))).len(), 120);
        assert!(clean(&"x".repeat(10_000_000)).len() == 120);
    }

    #[test]
    fn the_ending_agrees_with_the_content() {
        let shown = |raw: &str, kind| display_name(raw, kind).expose().to_owned();
        assert_eq!(shown("cv.pdf", FileKind::Pdf), "cv.pdf");
        assert_eq!(shown("CV.PDF", FileKind::Pdf), "CV.PDF");
        assert_eq!(shown("cv.bat", FileKind::Txt), "cv.bat.txt");
        assert_eq!(shown("cv.html", FileKind::Txt), "cv.html.txt");
        assert_eq!(shown("cv", FileKind::Docx), "cv.docx");
        assert_eq!(shown("", FileKind::Odt), "file.odt");
        assert_eq!(shown(".pdf", FileKind::Pdf), "pdf.pdf");
        assert_eq!(shown("cv\u{202e}txt.exe", FileKind::Rtf), "cvtxt.exe.rtf");
        let long = shown(&format!("{}.exe", "x".repeat(200)), FileKind::Docx);
        assert_eq!((long.len(), long.ends_with(".docx")), (120, true));
    }

    proptest! {
        #[test]
        fn every_name_is_harmless(raw in any::<String>(), kind in prop::sample::select(FileKind::ALL.to_vec())) {
            for name in [clean(&raw), display_name(&raw, kind).expose().to_owned()] {
                prop_assert!(!name.is_empty() && name.chars().count() <= MAX_CHARS && name.len() <= MAX_BYTES);
                prop_assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']));
                prop_assert!(!name.contains(|c: char| c.is_control() || "/\\:\"".contains(c) || is_invisible(c)));
                prop_assert_eq!(clean(&name), name);
            }
        }
    }
}
