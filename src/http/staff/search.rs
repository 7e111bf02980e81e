//! `/staff/search`: looking through submissions. What is looked for travels in bodies only; a page says where to go on and what
//! for in hidden parts. Where our script runs, hits come as they are found, one piece a line, and a closed connection ends the
//! search.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use super::found::{self, Asked, Sums};
use super::{Here, Posted, SMALL, Visit, first};
use crate::http::Web;
use crate::http::api::search::{parse_day, parse_form};
use crate::http::api::submissions::parse_status;
use crate::http::error::HttpError;
use crate::http::extract::query::Query as Parameters;
use crate::services::search::{self, Query, STREAM_TIME, Search};
use crate::services::{ServiceError, sign_in};

/// Hits of a page.
const HITS: u32 = 50;

/// `GET /staff/search`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Parameters::strict(&uri, &[])?;
    if search::searchable(&web.app, &ctx).is_empty() {
        return Err(HttpError::not_found());
    }
    Ok(found::empty(&web, &ctx, &here))
}

/// `POST /staff/search`: a page of hits.
pub(in crate::http) async fn page(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let (asked, sums) = read(&here, request).await?;
    let outcome = match query(&asked) {
        Ok(query) => search::page(&web.app, &ctx, query).await.map_err(Refused::from),
        Err(refused) => Err(refused),
    };
    match outcome {
        Ok(page) => Ok(found::page(&web, &ctx, &here, &asked, sums, &page)),
        Err(refused) => {
            let told = refused.told()?;
            Ok(found::refused(&web, &ctx, &here, &asked, &told))
        }
    }
}

/// `POST /staff/search/hits`: the same for the script, as it comes.
pub(in crate::http) async fn hits(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let (asked, sums) = read(&here, request).await?;
    let begun = match query(&asked) {
        Ok(query) => search::begin(&web.app, &ctx, query, STREAM_TIME).await.map_err(Refused::from),
        Err(refused) => Err(refused),
    };
    match begun {
        Ok(search) => {
            let stream = Telling { web, here, sums, search: Some(search) };
            Ok(lines(StatusCode::OK, Body::from_stream(futures_util::stream::unfold(stream, Telling::next))))
        }
        Err(refused) => {
            let told = refused.told()?;
            Ok(lines(told.status, Body::from(line(&json!({ "state": told.sentence, "is_last": true })))))
        }
    }
}

/// A search that is told piece by piece.
struct Telling {
    web: Arc<Web>,
    here: Here,
    sums: Sums,
    /// `None` once all is told.
    search: Option<Search>,
}

impl Telling {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let piece = match self.search.as_mut()?.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return None,
            // The reader sees that the last piece is missing.
            Err(_) => return None,
        };
        // Whoever was signed out meanwhile is told nothing more.
        sign_in::find(&self.web.app, self.here.token.expose())?;
        if piece.is_last {
            // It is over for others before anybody has read this.
            self.search = None;
        }
        let told = found::piece(&self.web, self.sums, &piece);
        self.sums.found += piece.hits.len() as u64;
        Some((Ok(line(&told)), self))
    }
}

fn line(value: &serde_json::Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

fn lines(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

/// Why there is no search.
enum Refused {
    Service(ServiceError),
    Http(HttpError),
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// A mistake to be mended, or a wait.
pub(super) struct Told {
    pub(super) status: StatusCode,
    /// The field; empty for none.
    pub(super) field: String,
    pub(super) sentence: String,
}

impl Refused {
    /// What the page says of it; everything else is an error page.
    fn told(self) -> Result<Told, HttpError> {
        let problems = match self {
            Self::Service(ServiceError::Later(_)) => {
                let sentence = "Too many searches are under way. Please try again in a moment.".to_owned();
                return Ok(Told { status: StatusCode::TOO_MANY_REQUESTS, field: String::new(), sentence });
            }
            Self::Service(ServiceError::PurposeNeeded { .. }) => {
                let sentence = "Please choose what you read this for; this form is not read for that.".to_owned();
                return Ok(Told { status: StatusCode::UNPROCESSABLE_ENTITY, field: "purpose".to_owned(), sentence });
            }
            Self::Service(ServiceError::Invalid(problems)) => problems,
            Self::Service(other) => return Err(other.into()),
            Self::Http(error) if error.problems.is_empty() => return Err(error),
            Self::Http(error) => error.problems,
        };
        let field = problems.first().and_then(|problem| problem.field.clone()).unwrap_or_default();
        let sentence = first(&problems).unwrap_or_default();
        Ok(Told { status: StatusCode::UNPROCESSABLE_ENTITY, field, sentence })
    }
}

async fn read(here: &Here, request: Request) -> Result<(Asked, Sums), HttpError> {
    Parameters::strict(request.uri(), &[])?;
    let posted = Posted::read(here, request, SMALL).await?;
    let number = |name: &str| posted.text(name).parse::<u32>().map_or(0, u64::from);
    let sums = Sums { looked: number("before"), found: number("had") };
    let text = |name: &str| posted.text(name).to_owned();
    let asked = Asked {
        words: posted.secret("words"),
        form: text("form"),
        status: text("status"),
        from: text("from"),
        until: text("until"),
        // One part for each box, or one with all of them.
        purposes: posted.all("purpose").flat_map(|names| names.split(',')).map(str::to_owned).collect(),
        after: text("after"),
    };
    Ok((asked, sums))
}

fn query(asked: &Asked) -> Result<Query, Refused> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let day = |field, text: &str| given(text).map(|text| parse_day(field, &text)).transpose();
    Ok(Query {
        words: asked.words.clone(),
        form: given(&asked.form).map(|form| parse_form(&form)).transpose().map_err(Refused::Http)?,
        status: given(&asked.status).map(|status| parse_status(&status)).transpose().map_err(Refused::Http)?,
        from: day("from", &asked.from).map_err(Refused::Http)?,
        until: day("until", &asked.until).map_err(Refused::Http)?,
        purposes: asked.purposes.clone(),
        after: given(&asked.after),
        limit: Some(HITS),
    })
}
