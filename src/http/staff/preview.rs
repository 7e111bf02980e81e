//! `/staff/record/{id}/files/{n}/preview`: what is to be seen of a file without its leaving the vault.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::Visit;
use super::page::{Frame, html};
use super::view::FileView;
use crate::base::ids::{Handle, RecordId};
use crate::http::api::download;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::headers::CSP_SANDBOX;
use crate::http::speech::Speech;
use crate::services::preview::{self, Barrier, Failure, Sight, Why};

/// `GET /staff/record/{id}/files/{n}/preview`. In the trail as a reading of the file.
pub(in crate::http) async fn show(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = download::number(&params)?;
    let query = Query::strict(&uri, &["purpose"])?;
    let purpose = query.text("purpose");
    let shown = preview::open(&web.app, &ctx, here.who.session.id, id, n, purpose).await?;
    let speech = Speech::default();
    let mut page = PreviewPage {
        frame: Frame::of(&here),
        id: id.to_string(),
        n,
        purpose: purpose.unwrap_or_default(),
        file: shown.info.as_ref().map(|info| FileView::of(&speech, info)),
        pages: Vec::new(),
        ticket: String::new(),
        total: 0,
        broke_off: false,
        text: None,
        is_cut: false,
        why: None,
        advice: "",
    };
    match &shown.sight {
        Sight::Pages { ticket, shown, total, broke_off } => {
            page.pages = (1..=*shown).collect();
            page.ticket = ticket.to_string();
            page.total = *total;
            page.broke_off = *broke_off;
        }
        Sight::Text { text, is_cut } => {
            page.text = Some(text.expose());
            page.is_cut = *is_cut;
        }
        Sight::Nothing(why) => {
            let (words, advice) = words(*why);
            page.why = Some(words);
            page.advice = advice;
        }
    }
    Ok(html(StatusCode::OK, &page))
}

/// `GET /staff/record/{id}/files/{n}/preview/{page}`. A picture of the page above, in the trail with it.
pub(in crate::http) async fn picture(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = download::number(&params)?;
    let text: String = params.parse("page")?;
    let page: u32 = text.parse().ok().filter(|page: &u32| page.to_string() == text).ok_or_else(HttpError::not_found)?;
    let query = Query::strict(&uri, &["purpose", "ticket"])?;
    let ticket: Handle = query.text("ticket").and_then(|text| text.parse().ok()).ok_or_else(HttpError::not_found)?;
    let session = here.who.session.id;
    let mut png = preview::picture(&web.app, &ctx, session, (id, n, page), ticket, query.text("purpose")).await?;
    let mut response = Response::new(Body::from(std::mem::take(&mut *png)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_SANDBOX));
    Ok(response)
}

/// Why there is nothing, and what can be done.
const fn words(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::Off => ("Previews are switched off in this installation.", ""),
        Why::Barred(Barrier::Landlock) => (
            "This machine cannot keep apart what takes files apart, as its kernel has no Landlock; so there are no previews.",
            "Whoever runs the machine finds more under Health.",
        ),
        Why::Barred(Barrier::Seccomp) => (
            "This machine cannot keep apart what takes files apart, as its kernel has no seccomp filters; so there are no previews.",
            "Whoever runs the machine finds more under Health.",
        ),
        Why::Barred(_) => (
            "The process that makes previews could not be started or locked in.",
            "Whoever runs the machine finds more under Health.",
        ),
        Why::Busy => ("Other previews are being made just now.", "Please try again in a few seconds."),
        Why::Kind => ("Files of this kind have no preview.", ""),
        Why::Failed(Failure::Encrypted) => ("The file is locked with a password.", ""),
        Why::Failed(Failure::Empty) => ("There is nothing in the file that could be shown here.", ""),
        Why::Failed(Failure::TooLarge) => ("The file is too large to be shown here, or unpacks to too much.", ""),
        Why::Failed(Failure::TooSlow) => ("The file took too long to be taken apart.", ""),
        Why::Failed(Failure::Died) => (
            "Taking the file apart went wrong, and was ended before it could do any harm.",
            "Be careful with this file: it may be damaged, or made to break programs.",
        ),
        Why::Failed(Failure::Unreadable | Failure::Unwanted | Failure::Barred(_)) => {
            ("The file does not read as what it claims to be.", "It may be damaged, or made to break programs.")
        }
    }
}

#[derive(Template)]
#[template(path = "staff/preview.html")]
struct PreviewPage<'a> {
    frame: Frame,
    id: String,
    n: u32,
    purpose: &'a str,
    file: Option<FileView<'a>>,
    /// Pages with a picture, from 1.
    pages: Vec<usize>,
    ticket: String,
    total: u32,
    broke_off: bool,
    text: Option<&'a str>,
    is_cut: bool,
    why: Option<&'static str>,
    advice: &'static str,
}
