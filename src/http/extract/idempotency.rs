//! The `Idempotency-Key` header: 1 to 255 visible ASCII characters, once.

use axum::http::HeaderMap;

use crate::http::error::HttpError;

/// The header's name.
pub(in crate::http) const HEADER: &str = "idempotency-key";

/// The key, when there is one.
pub(in crate::http) fn key(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let mut all = headers.get_all(HEADER).iter();
    let Some(first) = all.next() else { return Ok(None) };
    let bytes = first.as_bytes();
    let good = all.next().is_none() && (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match first.to_str() {
        Ok(text) if good => Ok(Some(text.to_owned())),
        _ => {
            Err(HttpError::malformed("The Idempotency-Key has to be one header of 1 to 255 visible ASCII characters."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn rules() {
        let with = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for v in values {
                headers.append(HEADER, HeaderValue::from_bytes(v).unwrap());
            }
            key(&headers).map_err(|e| e.status.as_u16())
        };
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&[b"a-1"]), Ok(Some("a-1".to_owned())));
        assert_eq!(with(&[&[b'x'; 255]]), Ok(Some("x".repeat(255))));
        for bad in [&[b"".as_slice()][..], &[&[b'x'; 256]], &[b"a b"], &[b"\xc3\xa9"], &[b"a", b"a"]] {
            assert_eq!(with(bad), Err(400), "{bad:?}");
        }
    }
}
