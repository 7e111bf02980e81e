//! Query strings: only the parameters a route knows, each once.

use std::str::FromStr;

use axum::http::Uri;

use super::urlencoded;
use crate::http::error::HttpError;
use crate::services::Problem;

/// Most parameters looked at; no route knows as many.
const MOST: usize = 32;

/// The parameters of a request.
#[derive(Debug)]
pub(in crate::http) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses the query of `uri`; only the names in `known` are accepted, and each at most once.
    pub(in crate::http) fn strict(uri: &Uri, known: &[&str]) -> Result<Self, HttpError> {
        let pairs = urlencoded::parse(uri.query().unwrap_or("").as_bytes(), MOST)
            .map_err(|_| HttpError::invalid(vec![whole("the query string is too long or not valid UTF-8")]))?;
        let mut problems = Vec::new();
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let message = if known.is_empty() {
                    "This address takes no parameters.".to_owned()
                } else {
                    format!("There is no such parameter. Known are: {}.", known.join(", "))
                };
                problems.push(Problem {
                    field: Some(name.clone()),
                    code: "unknown-parameter",
                    message: message.into(),
                });
            } else if pairs[..at].iter().any(|(n, _)| n == name) {
                let message = "This parameter may be given only once.".to_owned();
                problems.push(Problem { field: Some(name.clone()), code: "repeated", message: message.into() });
            }
        }
        if problems.is_empty() { Ok(Self(pairs)) } else { Err(HttpError::invalid(problems)) }
    }

    /// The value of `name`; an empty one counts as absent.
    pub(in crate::http) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// The value of `name` as a `T`.
    pub(in crate::http) fn parse<T: FromStr>(
        &self,
        name: &str,
        code: &'static str,
        message: &str,
    ) -> Result<Option<T>, HttpError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| HttpError::invalid_field(name, code, message)),
        }
    }
}

fn whole(message: &str) -> Problem {
    Problem { field: None, code: "bad-query", message: message.to_owned().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(uri: &str) -> Result<Query, HttpError> {
        Query::strict(&uri.parse().unwrap(), &["form", "limit"])
    }

    #[test]
    fn known_parameters_once() {
        let q = strict("/x?form=job%2Dapplication&limit=").unwrap();
        assert_eq!(q.text("form"), Some("job-application"));
        assert_eq!(q.text("limit"), None);
        let e = strict("/x?from=a").unwrap_err();
        assert_eq!(
            (e.status.as_u16(), e.problems[0].field.as_deref(), e.problems[0].code),
            (422, Some("from"), "unknown-parameter")
        );
        let e = strict("/x?form=a&form=b").unwrap_err();
        assert_eq!(e.problems[0].code, "repeated");
        assert_eq!(strict("/x?form=%ff").unwrap_err().problems[0].code, "bad-query");
        let e = strict("/x?limit=many").unwrap().parse::<u32>("limit", "bad-limit", "…").unwrap_err();
        assert_eq!(e.problems[0].field.as_deref(), Some("limit"));
    }
}
