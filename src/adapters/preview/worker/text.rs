//! Text that is collected up to a bound.

use super::super::MOST_TEXT;

/// Text that grows to [`MOST_TEXT`] bytes and no further.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    is_cut: bool,
}

impl Text {
    /// Adds to it; whether there is room for more.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let room = MOST_TEXT - self.out.len();
        let end = text.floor_char_boundary(room);
        self.out.push_str(&text[..end]);
        self.is_cut |= end < text.len();
        !self.is_cut
    }

    /// Adds a line end, unless there is nothing before it to be ended.
    pub(super) fn end_line(&mut self) -> bool {
        self.out.is_empty() || self.push("\n")
    }

    /// Says that there is more.
    pub(super) const fn cut(&mut self) {
        self.is_cut = true;
    }

    pub(super) fn as_str(&self) -> &str {
        &self.out
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Plain text, which is UTF-8 by what was said when it came.
pub(super) fn plain(content: &[u8]) -> Text {
    let mut out = Text::default();
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    // No longer than can be shown, replacements included.
    let is_long = content.len() > MOST_TEXT;
    out.push(&String::from_utf8_lossy(&content[..content.len().min(MOST_TEXT)]));
    out.is_cut |= is_long;
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        let mut text = Text::default();
        assert!(text.push(&"x".repeat(MOST_TEXT - 1)) && !text.is_cut());
        assert!(!text.push("é") && text.is_cut());
        assert_eq!(text.as_str().len(), MOST_TEXT - 1);
        let long = "é".repeat(MOST_TEXT);
        let text = plain(long.as_bytes());
        assert!(text.is_cut() && text.as_str().len() <= MOST_TEXT && text.as_str().starts_with("éé"));
        assert_eq!(plain(b"\xef\xbb\xbfGood day \xff").as_str(), "Good day \u{fffd}");
    }
}
