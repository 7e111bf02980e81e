//! The tokens that a page carries: a handle of its own, and when it was made, authenticated.

use data_encoding::BASE32_NOPAD as BASE32;
use ring::hmac;

use crate::base::clock::Timestamp;
use crate::base::ids::Handle;
use crate::domain::form::FormId;

/// What a token is for. One kind never passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Kind {
    /// The page of a form: it is the page's idempotency key as well.
    Page,
    /// A wait in place of proof of work.
    Wait,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Token {
    /// Its own handle; whoever sends it may have made it up.
    pub(in crate::http) handle: Handle,
    /// When we made it; `None` for a token that we did not make, or not since the start.
    pub(in crate::http) made: Option<Timestamp>,
}

/// The token as text: handle, milliseconds, tag, each in the letters of a handle.
pub(super) fn issue(key: &hmac::Key, kind: Kind, form: &FormId, handle: Handle, made: Timestamp) -> String {
    let tag = hmac::sign(key, &words(kind, form, handle, made));
    let made = BASE32.encode(&made.as_millis().to_be_bytes());
    format!("{handle}.{made}.{}", BASE32.encode(tag.as_ref())).to_ascii_lowercase()
}

/// Reads a token. A bare handle, as older pages had it, is one without a time.
pub(super) fn read(key: &hmac::Key, kind: Kind, form: &FormId, text: &str) -> Option<Token> {
    let (handle, rest) = text.split_once('.').unwrap_or((text, ""));
    let handle: Handle = handle.parse().ok()?;
    let made = rest.split_once('.').and_then(|(made, tag)| {
        let made: [u8; 8] = decode(made)?.try_into().ok()?;
        let (made, tag) = (Timestamp::from_millis(i64::from_be_bytes(made)), decode(tag)?);
        hmac::verify(key, &words(kind, form, handle, made), &tag).ok().map(|()| made)
    });
    Some(Token { handle, made })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let one_spelling = text.bytes().all(|b| !b.is_ascii_uppercase());
    BASE32.decode(text.to_ascii_uppercase().as_bytes()).ok().filter(|_| one_spelling)
}

/// What the tag is over. None of the parts holds a space, so no two of them read the same.
fn words(kind: Kind, form: &FormId, handle: Handle, made: Timestamp) -> Vec<u8> {
    let kind = match kind {
        Kind::Page => "page",
        Kind::Wait => "wait",
    };
    format!("{kind} {form} {handle} {}", made.as_millis()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn only_an_unchanged_token_has_a_time() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let form: FormId = "contact".parse().unwrap();
        let handle = Handle::make_random(&SystemEntropy::new()).unwrap();
        let made = Timestamp::from_millis(1_795_453_726_042);
        let text = issue(&key, Kind::Page, &form, handle, made);
        assert_eq!(read(&key, Kind::Page, &form, &text), Some(Token { handle, made: Some(made) }));

        let none = Some(Token { handle, made: None });
        let (start, tag) = text.rsplit_once('.').unwrap();
        assert!(start.contains(".aaaa"), "{start}");
        for changed in [
            handle.to_string(),
            format!("{handle}."),
            start.to_owned(),
            format!("{start}."),
            format!("{}.{tag}", start.replace(".aaaa", ".aaab")),
            format!("{start}.{}", tag.to_uppercase()),
            format!("{start}.{}", &tag[8..]),
            format!("{text}.{tag}"),
            format!("{text}00"),
        ] {
            assert_eq!(read(&key, Kind::Page, &form, &changed), none, "{changed}");
        }
        assert_eq!(read(&key, Kind::Wait, &form, &text), none);
        assert_eq!(read(&key, Kind::Page, &"support".parse().unwrap(), &text), none);
        assert_eq!(read(&hmac::Key::new(hmac::HMAC_SHA256, &[2; 32]), Kind::Page, &form, &text), none);
        for nothing in ["", ".", "x", &text[1..]] {
            assert_eq!(read(&key, Kind::Page, &form, nothing), None, "{nothing}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_made_up_has_a_time(made in "[a-z2-7.]{0,80}", tail in ".{0,80}") {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
            let form: FormId = "contact".parse().unwrap();
            let handle = Handle::from_bytes([7; 16]);
            for text in [format!("{handle}.{made}.{tail}"), format!("{handle}.{made}"), tail] {
                let token = read(&key, Kind::Page, &form, &text);
                proptest::prop_assert!(token.is_none_or(|token| token.made.is_none()));
            }
        }
    }
}
