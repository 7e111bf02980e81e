//! Bearer tokens, alone and in the `Authorization` header.

use letterlock::crypto::Key;
use letterlock::crypto::token::{Token, TokenHasher};
use letterlock::http::probe::bearer;

use super::{Seam, pick};

/// Header values, one a line, and each as a token. What the header gives stands in it after the scheme, and nothing else
/// does; what is a token is written as it was, and matches no hash but its own.
pub fn check(data: &[u8], seam: Seam) {
    let lines: Vec<&[u8]> = data.split(|b| *b == b'\n').collect();
    let found = bearer(&lines);
    assert!(lines.len() == 1 || (seam.refused)(found.is_none()), "a token out of {} headers", lines.len());
    for line in lines {
        if let Some(token) = bearer(&[line]) {
            assert!(line[..6].eq_ignore_ascii_case(b"bearer") && line[6] == b' ' && &line[7..] == token.as_bytes());
            assert_eq!(bearer(&[format!("Bearer {token}").as_bytes()]).as_deref(), Some(&*token));
            held(&token, seam);
        }
        if let Ok(text) = std::str::from_utf8(line) {
            held(text, seam);
        }
    }
}

/// Whether there is a token in it, alone or in a header.
pub fn understood(data: &[u8]) -> bool {
    let parses = |text: &str| Token::parse(text).is_ok();
    std::str::from_utf8(data).is_ok_and(parses) || bearer(&[data]).is_some_and(|token| parses(&token))
}

fn held(text: &str, seam: Seam) {
    let Ok(token) = Token::parse(text) else { return };
    let mut again = token.bearer().expose().as_bytes().to_vec();
    (seam.written)(&mut again);
    assert_eq!(again, text.as_bytes(), "two spellings of one token");
    let header = format!("Bearer {text}");
    assert_eq!(bearer(&[header.as_bytes()]).as_deref(), Some(text), "a token that no header can carry");

    let hasher = TokenHasher::new(&Key::from_bytes([1; 32]));
    let hash = hasher.hash(&token);
    assert!(hasher.matches(&Token::parse(text).unwrap(), &hash));
    let at = pick(text.as_bytes(), text.len());
    for other in ["a", "b", "7", "A", "_", "é", " ", ""] {
        let changed = [&text[..at], other, &text[at + 1..]].concat();
        let refused = changed == text || Token::parse(&changed).is_ok_and(|t| !hasher.matches(&t, &hash));
        assert!((seam.refused)(refused || Token::parse(&changed).is_err()), "another token matches");
    }
    for changed in [text.to_uppercase(), format!(" {text}"), format!("{text} "), format!("{text}\0"), text.repeat(2)] {
        assert!((seam.refused)(Token::parse(&changed).is_err()), "a second spelling of a token is taken");
    }
}
