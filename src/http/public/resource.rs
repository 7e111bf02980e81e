//! Files that a form unlocks: `GET` and `POST /r/{token}`. Looking at a link uses nothing up, since scanners and previews of
//! mail programs look at each; the button on its page does. A second click on it is the same download.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::base::ids::Handle;
use crate::crypto::link::TEXT_LEN;
use crate::domain::scan::Scan;
use crate::domain::submission::FileInfo;
use crate::http::api::download::{Cut, attach};
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::{media_type, urlencoded};
use crate::http::layers::Caller;
use crate::http::portal::visit;
use crate::http::speech::Speech;
use crate::http::{Web, pages};
use crate::services::resources::{self, Attachment, Offer};

/// The hidden part by which a page is known.
const ONCE: &str = "_once";
/// Bytes of a post of the button.
const SMALL: u64 = 1024;

/// `GET /r/{token}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
) -> Result<Response, HttpError> {
    let token = token(&params)?;
    let described = resources::describe(&web.app, &token).await?;
    let once = Handle::make_random(web.app.entropy()).map_err(|_| HttpError::internal())?;
    let page = ResourcePage {
        speech: &speech,
        token: &token,
        once: once.to_string(),
        title: &described.title,
        lang: speech.mark(&described.lang),
        file: described.file.as_str(),
        size: speech.size(described.size),
    };
    Ok(pages::html(&speech, StatusCode::OK, &page))
}

/// `POST /r/{token}`
pub(in crate::http) async fn take(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    let token = token(&params)?;
    let page = pressed(request).await?;
    Ok(answer(resources::take(&web.app, ctx.request, &token, page).await?))
}

/// The page whose button was pressed; `None` for a post without one.
async fn pressed(request: Request) -> Result<Option<Handle>, HttpError> {
    if media_type(request.headers()).is_none() {
        return Ok(None);
    }
    let pairs = urlencoded::post(request, SMALL, 8).await?;
    Ok(pairs.iter().find(|(name, _)| name == ONCE).and_then(|(_, value)| value.parse().ok()))
}

/// A file that is handed out, as an attachment.
pub(in crate::http) fn answer(attachment: Attachment) -> Response {
    let info = FileInfo {
        n: 0,
        field: String::new(),
        name: attachment.file.as_str().into(),
        kind: attachment.media_type.to_owned(),
        scan: Scan::Off,
        size: attachment.size,
    };
    let pieces = futures_util::stream::try_unfold(attachment, |mut attachment| async move {
        match attachment.next().await {
            Ok(Some(piece)) => Ok(Some((piece, attachment))),
            Ok(None) => Ok(None),
            Err(_) => Err(Cut),
        }
    });
    attach(&info, Body::from_stream(pieces))
}

/// Where the page of a link is.
pub(in crate::http) fn path(offer: &Offer) -> String {
    format!("/r/{}", offer.token.expose())
}

/// A link as programs see it.
pub(in crate::http) fn document(offer: &Offer) -> Value {
    json!({ "file": offer.file, "title": offer.title, "link": path(offer), "until": offer.until })
}

/// What cannot be a token leads nowhere.
fn token(params: &Params) -> Result<String, HttpError> {
    let token: String = params.parse("token")?;
    let good = token.len() == TEXT_LEN && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if good { Ok(token) } else { Err(HttpError::not_found()) }
}

#[derive(Template)]
#[template(path = "resource.html")]
struct ResourcePage<'a> {
    speech: &'a Speech,
    token: &'a str,
    /// By it a second click on the button is known as one.
    once: String,
    title: &'a str,
    /// The mark of the title's language.
    lang: String,
    file: &'a str,
    size: String,
}
