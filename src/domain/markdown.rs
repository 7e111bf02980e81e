//! The Markdown of notices and consents: a small part of CommonMark that is checked before it is kept.
//!
//! Headings, paragraphs, lists, quotations, rules, emphasis, inline code and links to `http`, `https` and `mailto`. HTML,
//! pictures and code blocks are refused, so what [`Markdown::html`] returns holds the tags written here and no others.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Longest text, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// Deepest nesting of lists and quotations.
const DEEPEST: usize = 8;

/// A text that keeps to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    html: String,
    plain: Vec<String>,
}

/// What is wrong, and at which byte it begins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadMarkdown {
    /// Offset into the text.
    pub at: usize,
    /// What was expected, in a sentence.
    pub message: &'static str,
}

impl Markdown {
    /// Reads and checks `text`.
    ///
    /// # Errors
    /// [`BadMarkdown`] for what a notice may not hold, and when there are no words at all.
    pub fn parse(text: &str) -> Result<Self, BadMarkdown> {
        let wrong = |at: usize, message| Err(BadMarkdown { at, message });
        if text.len() > LONGEST {
            return wrong(0, "expected at most 65536 bytes of text");
        }
        if let Some((at, _)) = text.char_indices().find(|(_, c)| super::text::is_unfit(*c) && !"\n\r\t".contains(*c)) {
            return wrong(at, "control characters cannot be used here");
        }
        let mut writer = Writer::default();
        for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
            writer.take(event, range)?;
        }
        let plain: Vec<String> =
            writer.plain.split("\n\n").map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        if plain.is_empty() {
            return wrong(0, "expected some words");
        }
        Ok(Self { html: writer.html, plain })
    }

    /// As HTML. Safe to stand in a page as it is.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The words alone, paragraph by paragraph; not empty.
    pub fn paragraphs(&self) -> &[String] {
        &self.plain
    }
}

#[derive(Default)]
struct Writer {
    html: String,
    plain: String,
    depth: usize,
}

impl Writer {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), BadMarkdown> {
        let wrong = |message| Err(BadMarkdown { at: range.start, message });
        match event {
            Event::Start(tag) => return self.start(&tag, range.start),
            Event::End(end) => self.end(end),
            Event::Text(words) => self.words(&words),
            Event::Code(words) => {
                self.html.push_str("<code>");
                self.words(&words);
                self.html.push_str("</code>");
            }
            Event::SoftBreak => {
                self.html.push('\n');
                self.plain.push(' ');
            }
            Event::HardBreak => {
                self.html.push_str("<br>\n");
                self.plain.push(' ');
            }
            Event::Rule => self.html.push_str("<hr>\n"),
            Event::Html(_) | Event::InlineHtml(_) => return wrong("expected Markdown: HTML cannot be used here"),
            // Extensions, which are not turned on.
            _ => return wrong("expected headings, paragraphs, lists, emphasis and links only"),
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>, at: usize) -> Result<(), BadMarkdown> {
        let wrong = |message| Err(BadMarkdown { at, message });
        let open = match tag {
            Tag::Paragraph => "<p>",
            Tag::Heading { level, .. } => return self.heading(*level, false),
            Tag::BlockQuote(_) => "<blockquote>\n",
            Tag::List(None) => "<ul>\n",
            Tag::List(Some(first)) => {
                self.html.push_str(&format!("<ol start=\"{first}\">\n"));
                return self.deeper(at);
            }
            Tag::Item => "<li>",
            Tag::Emphasis => "<em>",
            Tag::Strong => "<strong>",
            Tag::Link { dest_url, .. } => {
                let dest = dest_url.trim();
                let known = ["https://", "http://", "mailto:"].iter().any(|scheme| dest.starts_with(scheme));
                if !known || dest.contains(|c: char| c.is_whitespace() || super::text::is_unfit(c)) {
                    return wrong("expected a link that begins with https://, http:// or mailto:");
                }
                self.html.push_str("<a href=\"");
                escape(dest, &mut self.html);
                self.html.push_str("\" rel=\"noreferrer noopener external\">");
                return Ok(());
            }
            Tag::Image { .. } => return wrong("expected words: pictures cannot be used here"),
            Tag::CodeBlock(_) => {
                return wrong("expected words: blocks of code (and lines indented by four spaces) cannot be used here");
            }
            Tag::HtmlBlock => return wrong("expected Markdown: HTML cannot be used here"),
            _ => return wrong("expected headings, paragraphs, lists, emphasis and links only"),
        };
        self.html.push_str(open);
        if matches!(tag, Tag::List(_) | Tag::BlockQuote(_)) { self.deeper(at) } else { Ok(()) }
    }

    fn end(&mut self, tag: TagEnd) {
        let close = match tag {
            TagEnd::Paragraph => "</p>\n",
            TagEnd::Heading(level) => {
                let _ = self.heading(level, true);
                ""
            }
            TagEnd::BlockQuote(_) => "</blockquote>\n",
            TagEnd::List(false) => "</ul>\n",
            TagEnd::List(true) => "</ol>\n",
            TagEnd::Item => "</li>\n",
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Link => "</a>",
            _ => "",
        };
        self.html.push_str(close);
        if matches!(tag, TagEnd::List(_) | TagEnd::BlockQuote(_)) {
            self.depth -= 1;
        }
        if !matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link) {
            self.plain.push_str("\n\n");
        }
    }

    /// The page's own headings stand above those of a notice.
    fn heading(&mut self, level: HeadingLevel, close: bool) -> Result<(), BadMarkdown> {
        let level = if level == HeadingLevel::H1 { 2 } else { 3 };
        self.html.push_str(&if close { format!("</h{level}>\n") } else { format!("<h{level}>") });
        Ok(())
    }

    fn deeper(&mut self, at: usize) -> Result<(), BadMarkdown> {
        self.depth += 1;
        let message = "expected lists and quotations at most eight levels deep";
        if self.depth > DEEPEST { Err(BadMarkdown { at, message }) } else { Ok(()) }
    }

    fn words(&mut self, words: &str) {
        escape(words, &mut self.html);
        self.plain.push_str(words);
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        Markdown::parse(text).unwrap().html().to_owned()
    }

    #[test]
    fn what_a_notice_is_made_of() {
        assert_eq!(
            html("# A & B\n\nOne *two* **three**\nfour."),
            "<h2>A &amp; B</h2>\n<p>One <em>two</em> <strong>three</strong>\nfour.</p>\n"
        );
        assert_eq!(html("- a\n- b"), "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n");
        assert_eq!(
            html("[us](https://example.org/?a=1&b=\"x)"),
            "<p><a href=\"https://example.org/?a=1&amp;b=&quot;x\" rel=\"noreferrer noopener external\">us</a></p>\n"
        );
        assert!(html("<mailto:privacy@example.org>").contains("href=\"mailto:privacy@example.org\""));
        let words = Markdown::parse("## Head\n\nA *b*\nc.\n\n- d\n").unwrap();
        assert_eq!(words.paragraphs(), ["Head", "A b c.", "d"]);
    }

    #[test]
    fn what_it_may_not_hold() {
        for (text, at, word) in [
            ("a <b>c</b>", 2, "HTML"),
            ("one\n\n<script>x</script>\n", 5, "HTML"),
            ("![x](https://example.org/x.png)", 0, "pictures"),
            ("[x](javascript:alert(1))", 0, "https://"),
            ("[x](/f/other)", 0, "https://"),
            ("[x](https:relative)", 0, "https://"),
            ("a\n\n```\ncode\n```\n", 3, "code"),
            ("", 0, "some words"),
            ("---\n", 0, "some words"),
            ("a\u{1b}b", 1, "control"),
            ("> > > > > > > > > a", 16, "eight"),
        ] {
            let bad = Markdown::parse(text).unwrap_err();
            assert!(bad.message.contains(word), "{text:?}: {bad:?}");
            assert_eq!(bad.at, at, "{text:?}: {bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_tag_but_ours(text in "[a-z<>&\"'()\\[\\]*_#`!:/ \n-]{0,80}") {
            if let Ok(words) = Markdown::parse(&text) {
                for tag in words.html().split('<').skip(1) {
                    let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
                    let ours = ["p", "h2", "h3", "ul", "ol", "li", "em", "strong", "code", "a", "br", "hr", "blockquote"];
                    proptest::prop_assert!(ours.contains(&name), "{}", words.html());
                }
            }
        }
    }
}
