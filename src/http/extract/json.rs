//! JSON bodies: bounded in size and depth, no member twice, no member that is not known.

use std::fmt;

use axum::body::Body;
use axum::http::HeaderMap;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::media_type;
use crate::http::body;
use crate::http::error::HttpError;
use crate::services::Problem;

/// Deepest nesting. serde_json itself stops at 128; nothing here needs more than three.
const DEEPEST: usize = 16;
/// Most members of one object.
const MOST: usize = 256;

/// Reads a body of `application/json` as a `T`.
pub(in crate::http) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &mut Body,
    limit: u64,
) -> Result<T, HttpError> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(HttpError::unsupported("Send this as application/json."));
    }
    let bytes = body::read_all(body, limit).await?;
    parse(&bytes)
}

/// Parses a body.
pub(in crate::http) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| HttpError::malformed(format!("The body is not valid UTF-8 at byte {}.", e.valid_up_to())))?;
    if depth(text) > DEEPEST {
        return Err(HttpError::malformed(format!("The body is nested deeper than {DEEPEST} levels.")));
    }
    serde_json::from_str(text).map_err(|e| explain(&e))
}

/// A JSON object as its members in order, none twice, at most [`MOST`].
#[derive(Debug, Default)]
pub(in crate::http) struct Members(pub(in crate::http) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut out: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if out.iter().any(|(n, _)| *n == name) {
                        return Err(serde::de::Error::custom(Told::Repeated(&name)));
                    }
                    if out.len() == MOST {
                        return Err(serde::de::Error::custom(Told::TooMany));
                    }
                    out.push((name, value));
                }
                Ok(Members(out))
            }
        }

        d.deserialize_map(Collect)
    }
}

/// Mistakes that pass through serde's error as text, marked so that [`explain`] knows them again.
enum Told<'a> {
    Repeated(&'a str),
    TooMany,
}

const MARK: char = '\u{1}';

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated(name) => write!(f, "{MARK}repeated{MARK}{name}{MARK}"),
            Self::TooMany => write!(f, "{MARK}too-many{MARK}{MARK}"),
        }
    }
}

/// Our words for what went wrong, never the library's.
fn explain(e: &serde_json::Error) -> HttpError {
    let text = e.to_string();
    if let Some(rest) = text.strip_prefix(MARK) {
        let mut parts = rest.split(MARK);
        return match (parts.next(), parts.next()) {
            (Some("repeated"), Some(name)) => {
                HttpError::invalid_field(name, "repeated", "This member is given more than once.")
            }
            _ => HttpError::invalid(vec![Problem {
                field: None,
                code: "too-many",
                message: format!("An object may have at most {MOST} members.").into(),
            }]),
        };
    }
    let at = format!("line {}, column {}", e.line(), e.column());
    match e.classify() {
        serde_json::error::Category::Data => {
            // serde names an unknown or missing member between backquotes.
            let name = text.split('`').nth(1).map(str::to_owned);
            let (code, message) = if text.starts_with("unknown field") {
                ("unknown-member", format!("There is no such member ({at})."))
            } else if text.starts_with("missing field") {
                ("required", "This member is missing.".to_owned())
            } else if text.starts_with("duplicate field") {
                ("repeated", "This member is given more than once.".to_owned())
            } else {
                ("wrong-type", format!("A value has the wrong type ({at})."))
            };
            let field = if code == "wrong-type" { None } else { name };
            HttpError::invalid(vec![Problem { field, code, message: message.into() }])
        }
        _ => HttpError::malformed(format!("The body is not valid JSON ({at}).")),
    }
}

/// How deep brackets nest, not counting those within strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for b in text.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        fields: Members,
        #[serde(default)]
        consents: Members,
    }

    fn sample(text: &str) -> Result<Sample, (u16, Option<String>, &'static str)> {
        parse(text.as_bytes()).map_err(|e: HttpError| {
            let p = e.problems.first();
            (e.status.as_u16(), p.and_then(|p| p.field.clone()), p.map_or(e.slug, |p| p.code))
        })
    }

    #[test]
    fn good() {
        let s = sample(r#"{"fields":{"name":"[[[{{{","age":1},"consents":{"a":true}}"#).unwrap();
        assert_eq!((s.fields.0.len(), s.consents.0.len()), (2, 1));
    }

    #[test]
    fn mistakes_are_named() {
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(sample(r#"{"fields":{"a":1,"a":2}}"#).unwrap_err(), (422, some("a"), "repeated"));
        assert_eq!(sample(r#"{"fields":{},"fields":{}}"#).unwrap_err(), (422, some("fields"), "repeated"));
        assert_eq!(sample(r#"{"fields":{},"admin":1}"#).unwrap_err(), (422, some("admin"), "unknown-member"));
        assert_eq!(sample(r#"{"consents":{}}"#).unwrap_err(), (422, some("fields"), "required"));
        assert_eq!(sample(r#"{"fields":[]}"#).unwrap_err(), (422, None, "wrong-type"));
        assert_eq!(sample(r#"{"fields":"#).unwrap_err(), (400, None, "malformed"));
        assert_eq!(sample("").unwrap_err(), (400, None, "malformed"));
        assert_eq!(sample(r#"{"fields":{}} x"#).unwrap_err(), (400, None, "malformed"));
        let e = parse::<Sample>(b"{\"fields\":{\"a\":\"\xff\"}}").unwrap_err();
        assert_eq!(e.status.as_u16(), 400);
    }

    #[test]
    fn deep_and_wide_are_refused() {
        let deep = format!("{{\"fields\":{{\"a\":{}{}}}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(sample(&deep).unwrap_err(), (400, None, "malformed"));
        let wide: Vec<_> = (0..300).map(|n| format!("\"f{n}\":1")).collect();
        let wide = format!("{{\"fields\":{{{}}}}}", wide.join(","));
        assert_eq!(sample(&wide).unwrap_err(), (422, None, "too-many"));
    }

    #[test]
    fn a_name_cannot_pose_as_our_mark() {
        let e = sample("{\"fields\":{},\"\\u0001repeated\\u0001x\\u0001\":1}").unwrap_err();
        assert_eq!((e.0, e.2), (422, "unknown-member"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = sample(&text);
        }
    }
}
