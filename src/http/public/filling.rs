//! A form being filled in: fields, consents and files from a request, in whatever shape they came, into an [`Intake`].

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use crate::base::sensitive::SensitiveString;
use crate::domain::form::{FieldKind, Form};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json::Members;
use crate::http::extract::multipart::{self, Most, Sink};
use crate::http::extract::urlencoded;
use crate::http::{body, pages};
use crate::services::submit::{self, Intake, Receipt};
use crate::services::{Context, Problem, ServiceError};

/// The hidden part that a page sends first: its own idempotency key, so that a double click is one submission.
pub(super) const ONCE: &str = "_once";

/// Parts or pairs in one submission; the largest form has far fewer.
const MOST_PARTS: usize = 128;
/// Bytes before a part's content.
const MOST_PART_HEADER: u64 = 16 * 1024;

/// The JSON body of a submission.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Submission {
    fields: Members,
    #[serde(default)]
    consents: Members,
}

/// A submission on its way in.
pub(super) struct Filling {
    web: Arc<Web>,
    ctx: Context,
    form: Arc<Form>,
    key: Option<String>,
    intake: Option<Intake>,
    seen: HashSet<String>,
    /// What to show again if it is turned down; kept for pages only.
    typed: Option<pages::Typed>,
}

impl Filling {
    /// A submission to `form`. With `for_page`, what is typed is kept for the page that says what is wrong.
    pub(super) fn new(web: Arc<Web>, ctx: Context, form: Arc<Form>, key: Option<String>, for_page: bool) -> Self {
        let typed = for_page.then(pages::Typed::default);
        Self { web, ctx, form, key, intake: None, seen: HashSet::new(), typed }
    }

    /// What was typed so far.
    pub(super) fn into_typed(self) -> pages::Typed {
        self.typed.unwrap_or_default()
    }

    /// Takes the JSON form.
    pub(super) async fn take_json(&mut self, submission: Submission) -> Result<(), HttpError> {
        let form = self.form.clone();
        let (mut problems, mut texts, mut ticks) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in submission.fields.0 {
            let yes_no = form.field(&name).map(|f| matches!(f.kind, FieldKind::YesNo));
            match (yes_no, value) {
                (Some(true), Value::Bool(ticked)) => texts.push((name, ticked.to_string())),
                (Some(true), _) => problems.push(wrong_type(&name, "This has to be true or false.")),
                (Some(false), Value::String(text)) => texts.push((name, text)),
                (Some(false), _) => problems.push(wrong_type(&name, "This has to be a text, in quotation marks.")),
                (None, _) if form.file(&name).is_some() => {
                    problems.push(wrong_type(&name, "Files are sent as multipart/form-data, not as JSON."));
                }
                (None, _) => problems.push(unknown(&name)),
            }
        }
        for (name, value) in submission.consents.0 {
            match value {
                Value::Bool(given) if form.consent(&name).is_some() => ticks.push((name, given)),
                _ if form.consent(&name).is_none() => problems.push(unknown(&name)),
                _ => problems.push(wrong_type(&name, "A consent has to be true or false.")),
            }
        }
        if !problems.is_empty() {
            return Err(HttpError::invalid(problems));
        }
        let intake = self.begun().await?;
        for (name, text) in texts {
            intake.field(&name, text)?;
        }
        for (name, given) in ticks {
            intake.consent(&name, given);
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

    /// The intake, begun with the first content: by then the page's token has been read.
    async fn begun(&mut self) -> Result<&mut Intake, HttpError> {
        if self.intake.is_none() {
            let begun = submit::begin(&self.web.app, &self.ctx, &self.form.id, self.key.as_deref()).await?;
            self.intake = Some(begun);
        }
        self.intake.as_mut().ok_or_else(HttpError::internal)
    }

    /// A name may come once; files may come several times, and their number is the form's rule.
    fn first_time(&mut self, name: &str) -> Result<(), HttpError> {
        if self.seen.insert(name.to_owned()) {
            return Ok(());
        }
        Err(HttpError::invalid_field(name, "repeated", "This is given more than once."))
    }

    async fn box_ticked(&mut self, name: &str, value: &str) -> Result<bool, HttpError> {
        let ticked = match value.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => true,
            "" | "false" | "off" | "no" | "0" => false,
            _ => return Err(HttpError::invalid(vec![wrong_type(name, "This has to be true or false.")])),
        };
        if let (true, Some(typed)) = (ticked, &mut self.typed) {
            typed.ticked.insert(name.to_owned());
        }
        Ok(ticked)
    }
}

impl Sink for Filling {
    fn is_file(&self, name: &str) -> bool {
        self.form.file(name).is_some()
    }

    /// Fields go by their name or as `fields.NAME`, consents by theirs or as `consents.NAME`.
    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        if name == ONCE {
            // Ignored unless it comes first and looks like one of ours: it protects, it does not authorise.
            if self.intake.is_none() && self.typed.is_some() && value.parse::<crate::base::ids::Handle>().is_ok() {
                self.key = Some(format!("page-{value}"));
            }
            return Ok(());
        }
        let consent = name.strip_prefix("consents.").unwrap_or(name);
        let field = name.strip_prefix("fields.").unwrap_or(name);
        let kind = self.form.field(field).map(|f| f.kind.clone());
        match kind {
            Some(FieldKind::YesNo) => {
                self.first_time(field)?;
                let ticked = self.box_ticked(field, &value).await?;
                self.begun().await?.field(field, ticked.to_string())?;
            }
            Some(_) => {
                self.first_time(field)?;
                if let Some(typed) = &mut self.typed {
                    typed.text.insert(field.to_owned(), SensitiveString::from(value.as_str()));
                }
                self.begun().await?.field(field, value)?;
            }
            None if self.form.consent(consent).is_some() => {
                self.first_time(consent)?;
                let given = self.box_ticked(consent, &value).await?;
                self.begun().await?.consent(consent, given);
            }
            None => return Err(HttpError::invalid(vec![unknown(name)])),
        }
        Ok(())
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        if self.form.file(name).is_none() {
            return Err(HttpError::invalid(vec![unknown(name)]));
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

fn wrong_type(name: &str, message: &str) -> Problem {
    Problem { field: Some(name.to_owned()), code: "wrong-type", message: message.to_owned() }
}

fn unknown(name: &str) -> Problem {
    // A name is the client's own text; what is longer than any real one is not repeated whole.
    let name = name.chars().take(64).collect();
    Problem { field: Some(name), code: "unknown-field", message: "The form has no field of this name.".to_owned() }
}
