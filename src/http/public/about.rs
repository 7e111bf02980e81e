//! `/privacy`, `/cookies` and `/accessibility`: made from the configuration and from what the service does.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::form::{Form, FormId};
use crate::domain::language::{Lang, Said};
use crate::domain::markdown::Markdown;
use crate::domain::notice::NoticeText;
use crate::domain::operator::{About, Operator};
use crate::http::Web;
use crate::http::pages::{html, paragraphs};
use crate::http::portal::visit;
use crate::http::speech::Speech;
use crate::services::submit;

/// The form by which people ask about their data, and the one by which they report what does not work.
const ASK: &str = "privacy-contact";
const REPORT: &str = "problem-report";

/// `GET /privacy`
pub(in crate::http) async fn privacy(State(web): State<Arc<Web>>, speech: Speech) -> Response {
    let forms = web.app.forms();
    let open = forms.iter_in(speech.lang()).filter(|form| submit::is_open(&web.app, form));
    let page = PrivacyPage {
        speech: &speech,
        own: Own::find(&speech, About::Privacy),
        operator: speech.operator(),
        forms: open.map(|form| FormLine::of(&speech, form)).collect(),
        region: web.app.region().as_str(),
        mail: web.app.post().is_some(),
        scans: web.app.scanner().is_some(),
        ask: open_form(&web, ASK),
    };
    html(&speech, StatusCode::OK, &page)
}

/// `GET /cookies`
pub(in crate::http) async fn cookies(speech: Speech) -> Response {
    let page = CookiesPage { speech: &speech, own: Own::find(&speech, About::Cookies), name: visit::NAME };
    html(&speech, StatusCode::OK, &page)
}

/// `GET /accessibility`
pub(in crate::http) async fn accessibility(State(web): State<Arc<Web>>, speech: Speech) -> Response {
    let report = open_form(&web, REPORT).and_then(|id| web.app.forms().get_in(&id, speech.lang()).cloned());
    let page = AccessibilityPage {
        speech: &speech,
        own: Own::find(&speech, About::Accessibility),
        report: report.as_deref(),
        email: speech.operator().email.as_deref(),
    };
    html(&speech, StatusCode::OK, &page)
}

/// The id of a shipped form, if it takes something here.
fn open_form(web: &Web, id: &str) -> Option<FormId> {
    let form = web.app.forms().get(&id.parse().ok()?).cloned()?;
    submit::is_open(&web.app, &form).then(|| form.id.clone())
}

/// Words of the site's own, in the place of what is made, and below it.
struct Own<'a> {
    instead: Option<(&'a Markdown, Option<&'a Lang>)>,
    more: Option<(&'a Markdown, Option<&'a Lang>)>,
}

impl<'a> Own<'a> {
    fn find(speech: &'a Speech, about: About) -> Self {
        let find = |more| {
            let found = speech.operator().page(about, more, speech.lang())?;
            Some((found.0, found.1.or_else(|| speech.first()).and_then(|lang| speech.foreign(lang))))
        };
        Self { instead: find(false), more: find(true) }
    }
}

#[derive(Template)]
#[template(path = "about/privacy.html")]
struct PrivacyPage<'a> {
    speech: &'a Speech,
    own: Own<'a>,
    operator: &'a Operator,
    forms: Vec<FormLine<'a>>,
    region: &'a str,
    mail: bool,
    scans: bool,
    ask: Option<FormId>,
}

#[derive(Template)]
#[template(path = "about/cookies.html")]
struct CookiesPage<'a> {
    speech: &'a Speech,
    own: Own<'a>,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "about/accessibility.html")]
struct AccessibilityPage<'a> {
    speech: &'a Speech,
    own: Own<'a>,
    report: Option<&'a Form>,
    email: Option<&'a str>,
}

/// What is said of one form.
struct FormLine<'a> {
    form: &'a Form,
    purposes: String,
    readers: String,
    kept: String,
}

impl<'a> FormLine<'a> {
    fn of(speech: &Speech, form: &'a Form) -> Self {
        // The purposes of one's own forms have names, and no words in every language.
        let purpose = |name: &String| {
            let key = format!("purpose.{name}");
            if speech.knows(&key) { speech.tell(&Said::of(key)) } else { name.replace('-', " ") }
        };
        let readers = form.roles.iter().map(|role| speech.tell(&Said::of(format!("who.{role}"))));
        Self {
            form,
            purposes: form.purposes.iter().map(purpose).collect::<Vec<_>>().join(", "),
            readers: readers.collect::<Vec<_>>().join(", "),
            kept: speech.count("form.days", form.retention_days.into()),
        }
    }
}
