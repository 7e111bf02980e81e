//! What somebody looks for, and the texts it is held against: both as anybody may type them.

use letterlock::domain::search::{Folded, MAX_QUERY, Words};

use super::Seam;

/// The first line is looked for in the rest: what stands there as it is typed is found, whatever else does; and folding what
/// was folded changes nothing.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (typed, text) = text.split_once('\n').unwrap_or((text, ""));
    let mut once = Folded::default().of(text).as_bytes().to_vec();
    let again = Folded::default().of(&String::from_utf8_lossy(&once)).as_bytes().to_vec();
    (seam.written)(&mut once);
    assert_eq!(again, once, "folded again it is another");
    match Words::parse(typed) {
        Err(problem) => {
            assert_eq!(problem.field.as_deref(), Some("words"));
            assert!(!problem.message.to_string().contains(typed), "it is repeated");
        }
        Ok(words) => {
            let mut look = words.look();
            assert!((seam.refused)(words.is_empty() || !look.is_complete()), "found in nothing");
            look.text(Folded::default().of(&format!("{text}\n{typed}\n{text}")));
            assert!(look.is_complete(), "it stands there and is not found");
        }
    }
    assert!((seam.refused)(Words::parse(&format!("{typed}{}", "x".repeat(MAX_QUERY + 1))).is_err()), "too long a text");
}

/// Whether there are words, and all of them are in the rest.
pub fn understood(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Some((typed, text)) = text.split_once('\n') else { return false };
    Words::parse(typed).is_ok_and(|words| {
        let mut look = words.look();
        look.text(Folded::default().of(text));
        !words.is_empty() && look.is_complete()
    })
}
