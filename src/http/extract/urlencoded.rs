//! `application/x-www-form-urlencoded`, without the usual leniency: what is not UTF-8 is refused, not mended.

use axum::extract::Request;

use super::media_type;
use crate::http::body;
use crate::http::error::HttpError;

/// Why a text did not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum Bad {
    /// More pairs than allowed.
    TooMany,
    /// A name is not UTF-8.
    Name,
    /// The value of this name is not UTF-8.
    Value(String),
}

/// The pairs of a post of `most_bytes` and `most` pairs at most.
///
/// # Errors
/// 415 for another kind of body; 400, 408 and 413 for one that cannot be read.
pub(in crate::http) async fn post(
    request: Request,
    most_bytes: u64,
    most: usize,
) -> Result<Vec<(String, String)>, HttpError> {
    let (parts, mut body) = request.into_parts();
    if media_type(&parts.headers).as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(HttpError::unsupported("This is sent as application/x-www-form-urlencoded."));
    }
    let bytes = body::read_all(&mut body, most_bytes).await?;
    parse(&bytes, most).map_err(|_| HttpError::malformed("The body is not a form post in UTF-8."))
}

/// The pairs in order. An escape that is none (`%zz`) stands for itself, as browsers have it.
pub(in crate::http) fn parse(text: &[u8], most: usize) -> Result<Vec<(String, String)>, Bad> {
    let mut pairs = Vec::new();
    for piece in text.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
        if pairs.len() == most {
            return Err(Bad::TooMany);
        }
        let cut = piece.iter().position(|b| *b == b'=').unwrap_or(piece.len());
        let name = String::from_utf8(decode(&piece[..cut])).map_err(|_| Bad::Name)?;
        let value = decode(piece.get(cut + 1..).unwrap_or(&[]));
        let value = String::from_utf8(value).map_err(|_| Bad::Value(name.clone()))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decode(text: &[u8]) -> Vec<u8> {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [a, b, after @ ..]) => match (hex(*a), hex(*b)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(*other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let got = parse(b"a=1&&b=x+y%3D&c&=d&e=%zz%4", 10).unwrap();
        let want = [("a", "1"), ("b", "x y="), ("c", ""), ("", "d"), ("e", "%zz%4")];
        assert_eq!(got, want.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn refusals() {
        assert_eq!(parse(b"a=1&b=2&c=3", 2), Err(Bad::TooMany));
        assert_eq!(parse(b"name=%c3%28", 9), Err(Bad::Value("name".into())));
        assert_eq!(parse(b"%ff=1", 9), Err(Bad::Name));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: Vec<u8>) {
            let _ = parse(&text, 100);
        }
    }
}
