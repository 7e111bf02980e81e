//! The text of a notice file: TOML above, Markdown below.

use letterlock::domain::notice::{Notice, NoticeText};

use super::Seam;

/// The tags that a notice may put into a page.
const TAGS: [&str; 13] = ["p", "h2", "h3", "ul", "ol", "li", "em", "strong", "code", "a", "br", "hr", "blockquote"];

/// What is a notice gives HTML of known tags and links only, and the same once its head is written anew; with HTML of its
/// own added it is none; and a mistake is told in one plain line that names a line of the text.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let notice = match Notice::parse(text, "n", "n.md") {
        Ok(notice) => notice,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!(error.line.is_some_and(|line| (1..=lines).contains(&line)), "no line: {error:?}");
            assert!(!error.message.is_empty() && !error.message.contains(char::is_control), "{error:?}");
            return;
        }
    };
    let NoticeText::Markdown(words) = &notice.text else { panic!("a file holds Markdown") };
    assert_tame(words.html());

    let review = notice.review_by.expect("a file has a date");
    let below = text.split_once("+++").and_then(|(_, rest)| fence(rest)).expect("two lines of +++");
    let mut written = format!("+++\nversion = \"{}\"\nreview_by = {review}\n+++\n{below}", notice.version).into_bytes();
    let more = format!("{}\n\n<script>x</script>\n", std::str::from_utf8(&written).unwrap());
    let more = Notice::parse(&more, "n", "n.md");
    // Within what is left open above, it is plain text, which stays harmless.
    let tame = more.as_ref().map_or(true, |more| match &more.text {
        NoticeText::Markdown(words) => !words.html().contains("<script"),
        NoticeText::Plain(_) => false,
    });
    assert!((seam.refused)(tame), "a script gets into the page");
    (seam.written)(&mut written);
    let again = Notice::parse(std::str::from_utf8(&written).unwrap(), "n", "n.md").expect("what was a notice is one");
    assert_eq!(again, notice);
}

/// Whether it is a notice.
pub fn understood(data: &[u8]) -> bool {
    std::str::from_utf8(data).is_ok_and(|text| Notice::parse(text, "n", "n.md").is_ok())
}

/// What stands below the second fence; the first has been cut off.
fn fence(rest: &str) -> Option<&str> {
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "+++" {
            return rest.get(at..);
        }
    }
    None
}

fn assert_tame(html: &str) {
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("every tag is closed");
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        assert!(TAGS.contains(&name), "<{tag}> in {html}");
        if let Some(rest) = tag.strip_prefix("a href=\"") {
            let known = ["https://", "http://", "mailto:"].iter().any(|scheme| rest.starts_with(scheme));
            assert!(known && rest.ends_with("\" rel=\"noreferrer noopener external\""), "<{tag}>");
            assert_eq!(rest.matches('"').count(), 3, "<{tag}>");
        } else {
            let ordered = tag.strip_prefix("ol start=\"").and_then(|rest| rest.strip_suffix('"'));
            let number = ordered.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
            assert!(number || tag.trim_start_matches('/') == name, "<{tag}>");
        }
    }
}
