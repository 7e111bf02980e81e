//! A form being filled in: fields, consents and files from a request, in whatever shape they came, into an [`Intake`].

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::submission::{Draft, TooMuchText};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json::{self, Members};
use crate::http::extract::multipart::{self, Most, Sink};
use crate::http::extract::urlencoded;
use crate::http::{body, pages};
use crate::services::submit::{self, Intake, Receipt};
use crate::services::{Context, Problem, ServiceError};

/// The hidden part that a page sends first: its own idempotency key, so that a double click is one submission.
pub(super) const ONCE: &str = "_once";

/// Parts or pairs in one submission: as many as a draft takes. A choice of many has one for each option.
const MOST_PARTS: usize = 512;
/// What any other value than true and false means as a consent: a text is none in JSON, not even "true".
const NEITHER: &str = "neither";
/// Bytes before a part's content.
const MOST_PART_HEADER: u64 = 16 * 1024;

/// The JSON body of a submission.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Submission {
    fields: Members,
    #[serde(default)]
    consents: Members,
}

impl Submission {
    /// All of it at once as the draft that an intake would hold, for fuzzing.
    pub(in crate::http) fn into_draft(self) -> Result<Draft, TooMuchText> {
        let mut draft = Draft::default();
        for (name, value) in self.fields.0 {
            draft.json(&name, value)?;
        }
        for (name, value) in self.consents.0 {
            let _ = match value {
                Value::Bool(given) => draft.consent(&name, given),
                _ => draft.consent_text(&name, NEITHER),
            };
        }
        Ok(draft)
    }
}

/// A submission on its way in.
pub(super) struct Filling {
    web: Arc<Web>,
    ctx: Context,
    form: Arc<Form>,
    key: Option<String>,
    intake: Option<Intake>,
    /// What to show again if it is turned down; kept for pages only.
    typed: Option<pages::Typed>,
}

impl Filling {
    /// A submission to `form`. With `for_page`, what is typed is kept for the page that says what is wrong.
    pub(super) fn new(web: Arc<Web>, ctx: Context, form: Arc<Form>, key: Option<String>, for_page: bool) -> Self {
        let typed = for_page.then(pages::Typed::default);
        Self { web, ctx, form, key, intake: None, typed }
    }

    /// What was typed so far.
    pub(super) fn into_typed(self) -> pages::Typed {
        self.typed.unwrap_or_default()
    }

    /// Takes the JSON form. What has the wrong type is told by the intake, with every other mistake.
    pub(super) async fn take_json(&mut self, submission: Submission) -> Result<(), HttpError> {
        self.take_fields(submission.fields).await?;
        self.take_consents(submission.consents).await
    }

    async fn take_fields(&mut self, Members(fields): Members) -> Result<(), HttpError> {
        let intake = self.begun().await?;
        for (name, value) in fields {
            intake.json(&name, value)?;
        }
        Ok(())
    }

    async fn take_consents(&mut self, Members(consents): Members) -> Result<(), HttpError> {
        let intake = self.begun().await?;
        for (name, value) in consents {
            match value {
                Value::Bool(given) => intake.consent(&name, given),
                _ => intake.consent_text(&name, NEITHER),
            }
        }
        Ok(())
    }

    /// Takes a urlencoded body.
    pub(super) async fn take_urlencoded(&mut self, body: &mut Body) -> Result<(), HttpError> {
        let limit = self.web.limits.max_body_bytes;
        let bytes = body::read_all(body, limit).await?;
        let pairs = urlencoded::parse(&bytes, MOST_PARTS).map_err(|bad| match bad {
            urlencoded::Bad::TooMany => HttpError::malformed(format!("The body has more than {MOST_PARTS} fields.")),
            urlencoded::Bad::Name => HttpError::malformed("The name of a field is not valid UTF-8."),
            urlencoded::Bad::Value(name) => {
                HttpError::invalid_field(&name, "bad-utf8", "This is not valid UTF-8 text.")
            }
        })?;
        for (name, value) in pairs {
            self.text(&name, value).await?;
        }
        Ok(())
    }

    /// Takes a multipart body.
    pub(super) async fn take_multipart(&mut self, headers: &HeaderMap, body: Body) -> Result<(), HttpError> {
        let limits = &self.web.limits;
        let most = Most {
            parts: MOST_PARTS,
            header: MOST_PART_HEADER,
            text: limits.max_body_bytes,
            total: limits.max_upload_bytes,
        };
        multipart::read(headers, body, most, self).await
    }

    /// Validates and stores what was taken.
    pub(super) async fn finish(&mut self) -> Result<Receipt, HttpError> {
        self.begun().await?;
        let Some(intake) = self.intake.take() else { return Err(HttpError::internal()) };
        // On a task of its own: once it has begun, a client that hangs up does not stop it half-way.
        let done = tokio::spawn(intake.finish()).await;
        Ok(done.unwrap_or(Err(ServiceError::Internal))?)
    }

    /// Remembers what was typed, where a page may have to show it again.
    fn keep(&mut self, name: &str, value: &str) {
        let Some(typed) = &mut self.typed else { return };
        if matches!(value, "true" | "on" | "yes" | "1") {
            typed.ticked.insert(name.to_owned());
        }
        let field = name.split_once('.').map_or(name, |(field, _)| field);
        if self.form.field(field).is_some() {
            typed.text.entry(name.to_owned()).or_default().push(SensitiveString::from(value));
        }
    }

    /// The intake, begun with the first content: by then the page's token has been read.
    async fn begun(&mut self) -> Result<&mut Intake, HttpError> {
        if self.intake.is_none() {
            let begun = submit::begin(&self.web.app, &self.ctx, &self.form.id, self.key.as_deref()).await?;
            self.intake = Some(begun);
        }
        self.intake.as_mut().ok_or_else(HttpError::internal)
    }
}

impl Sink for Filling {
    fn is_file(&self, name: &str) -> bool {
        self.form.file(name).is_some()
    }

    /// Fields go by their name or as `fields.NAME`, consents by theirs or as `consents.NAME`; or all of them as two parts
    /// `fields` and `consents`, each a JSON object.
    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        if name == ONCE && self.typed.is_some() {
            // Ignored unless it comes first and looks like one of ours: it protects, it does not authorise.
            if self.intake.is_none() && value.parse::<crate::base::ids::Handle>().is_ok() {
                self.key = Some(format!("page-{value}"));
            }
            return Ok(());
        }
        // A program may send the two objects of the JSON form as parts, and only the files as files.
        match name {
            "fields" if self.form.field(name).is_none() => {
                return self.take_fields(json::parse(value.as_bytes())?).await;
            }
            "consents" if self.form.consent(name).is_none() && self.form.field(name).is_none() => {
                return self.take_consents(json::parse(value.as_bytes())?).await;
            }
            _ => {}
        }
        let consent = name.strip_prefix("consents.").unwrap_or(name);
        let field = name.strip_prefix("fields.").unwrap_or(name);
        if self.form.field(field).is_none() && self.form.consent(consent).is_some() {
            self.keep(consent, &value);
            self.begun().await?.consent_text(consent, &value);
        } else {
            self.keep(field, &value);
            self.begun().await?.field(field, value)?;
        }
        Ok(())
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        if self.form.file(name).is_none() {
            // Repeated only where it could be the name of a field at all.
            let field = name.parse::<FormId>().ok().map(String::from);
            let message = "The form takes no file of this name.".to_owned();
            return Err(HttpError::invalid(vec![Problem { field, code: "unknown-field", message }]));
        }
        Ok(self.begun().await?.begin_file(name, file_name).await?)
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        Ok(self.begun().await?.file_chunk(piece).await?)
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        Ok(self.begun().await?.end_file().await?)
    }
}
