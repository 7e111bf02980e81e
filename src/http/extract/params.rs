//! The variable parts of a path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::http::error::HttpError;

/// The variable parts of the path, percent-decoded.
pub(in crate::http) struct Params(Vec<(String, String)>);

impl Params {
    /// Part `name` as a `T`. What does not parse cannot exist, and is answered like what does not exist.
    pub(in crate::http) fn parse<T: FromStr>(&self, name: &str) -> Result<T, HttpError> {
        let text = self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        text.and_then(|t| t.parse().ok()).ok_or_else(HttpError::not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let raw = RawPathParams::from_request_parts(parts, state).await.map_err(|_| HttpError::not_found())?;
        Ok(Self(raw.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()))
    }
}
