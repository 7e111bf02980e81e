//! Standard error, and text that other people typed.

use std::io::Write;

/// Writes a line to standard error. A closed one is no reason to stop.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The text with everything replaced that a terminal might obey or that hides what stands there: control characters,
/// escape sequences, direction marks, invisible characters. Submitters are hostile until shown otherwise.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// As [`clean`], with line breaks kept and each further line indented by `indent` spaces.
pub(super) fn clean_lines(text: &str, indent: usize) -> String {
    let lines: Vec<_> = text.lines().map(clean).collect();
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_obeys() {
        assert_eq!(clean("Zoë 漢字 ✓"), "Zoë 漢字 ✓");
        for hostile in ["\x1b[2J", "\u{9b}31m", "a\rb", "a\nb", "\u{202e}gpj.exe", "\0", "\u{200b}", "\x07"] {
            let out = clean(hostile);
            assert!(out.contains("\\u{") && !out.chars().any(is_hidden), "{out}");
        }
        assert_eq!(clean_lines("a\r\nb\x1b", 2), "a\n  b\\u{1b}");
    }
}
