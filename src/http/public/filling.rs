//! A form being filled in: fields, consents and files from a request, in whatever shape they came, into an [`Intake`].

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::guard::{Guard, SOLUTION};
use crate::base::ids::KeyId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::language::Said;
use crate::domain::submission::{Draft, TooMuchText};
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::json::{self, Members};
use crate::http::extract::multipart::{self, Most, Sink};
use crate::http::extract::urlencoded;
use crate::http::rates::{Meter, Payer, Source};
use crate::http::{body, pages};
use crate::services::submit::{self, Intake, Receipt};
use crate::services::{Context, Problem, ServiceError};

/// Parts or pairs in one submission: as many as a draft takes. A choice of many has one for each option.
const MOST_PARTS: usize = 512;
/// What any other value than true and false means as a consent: a text is none in JSON, not even "true".
const NEITHER: &str = "neither";
/// Bytes of what is kept for the page, about: more than a submission may have.
const MOST_KEPT: usize = 512 * 1024;
/// Bytes before a part's content.
const MOST_PART_HEADER: u64 = 16 * 1024;
/// The box that says: send it all the same, to be read by everybody. No field's name begins with a line.
const ACKNOWLEDGE: &str = "_acknowledge";

/// The JSON body of a submission.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Submission {
    fields: Members,
    #[serde(default)]
    consents: Members,
    /// The solution of a challenge, for forms that ask for one.
    #[serde(default)]
    altcha: Option<String>,
    /// For a board: that its sender knows what it warned of.
    #[serde(default)]
    acknowledge: bool,
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
    client: Option<Client>,
    key: Option<String>,
    guard: Guard,
    meter: Meter,
    intake: Option<Intake>,
    /// What to show again if it is turned down; kept for pages only.
    typed: Option<pages::Typed>,
    kept: usize,
    /// Why it is turned down already. For pages only: the rest is read for what was typed, and nothing else.
    refusal: Option<HttpError>,
}

impl Filling {
    /// A submission to `form` by a program.
    pub(super) fn new(
        web: Arc<Web>,
        ctx: Context,
        form: Arc<Form>,
        client: Option<Client>,
        key: Option<String>,
    ) -> Self {
        let meter = Meter::new(Payer::of(client.map(|Client(address)| address)));
        let guard = Guard::default();
        Self { web, ctx, form, client, key, guard, meter, intake: None, typed: None, kept: 0, refusal: None }
    }

    /// A submission by a server with a key: it is counted for the key alone, and proves nothing.
    pub(super) fn by_key(web: Arc<Web>, ctx: Context, form: Arc<Form>, by: KeyId, key: Option<String>) -> Self {
        let meter = Meter::new(Payer::Key(by));
        Self { guard: Guard::of_key(), meter, ..Self::new(web, ctx, form, None, key) }
    }

    /// A submission by a page: what is typed is kept for the page that says what is wrong.
    pub(super) fn by_page(web: Arc<Web>, ctx: Context, form: Arc<Form>, client: Option<Client>) -> Self {
        Self {
            typed: Some(pages::Typed::default()),
            guard: Guard::of_page(),
            ..Self::new(web, ctx, form, client, None)
        }
    }

    /// Turns the submission of a page down, whatever follows.
    pub(super) fn refuse(&mut self, error: HttpError) {
        self.refusal = Some(error);
        self.intake = None;
    }

    /// What came along beside the answers.
    pub(super) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// What was typed so far, and what came along against programs.
    pub(super) fn into_parts(self) -> (pages::Typed, Guard) {
        (self.typed.unwrap_or_default(), self.guard)
    }

    /// Takes the JSON form. What has the wrong type is told by the intake, with every other mistake.
    pub(super) async fn take_json(&mut self, submission: Submission) -> Result<(), HttpError> {
        if let Some(solution) = submission.altcha {
            self.guard.solve(solution);
        }
        self.take_fields(submission.fields).await?;
        if let (true, Some(intake)) = (submission.acknowledge, self.begun().await?) {
            intake.acknowledge();
        }
        self.take_consents(submission.consents).await
    }

    async fn take_fields(&mut self, Members(fields): Members) -> Result<(), HttpError> {
        let Some(intake) = self.begun().await? else { return Ok(()) };
        for (name, value) in fields {
            intake.json(&name, value)?;
        }
        Ok(())
    }

    async fn take_consents(&mut self, Members(consents): Members) -> Result<(), HttpError> {
        let Some(intake) = self.begun().await? else { return Ok(()) };
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
            urlencoded::Bad::Value(name) => HttpError::invalid_field(&name, "bad-utf8", Said::new("problem.bad-utf8")),
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
        if let Some(error) = self.refusal.take() {
            return Err(error);
        }
        let Some(intake) = self.intake.take() else { return Err(HttpError::internal()) };
        let claim = self.guard.judge(&self.web, &self.form, self.key.as_deref())?;
        let web = self.web.clone();
        // On a task of its own: once it has begun, a client that hangs up does not stop it half-way.
        let done = tokio::spawn(async move {
            let done = intake.finish().await;
            if let (Err(_), Some(claim)) = (&done, claim) {
                web.gate.release(claim);
            }
            done
        });
        Ok(done.await.unwrap_or(Err(ServiceError::Internal))?)
    }

    /// Remembers what was typed, where a page may have to show it again.
    fn keep(&mut self, name: &str, value: &str) {
        let Some(typed) = &mut self.typed else { return };
        self.kept = self.kept.saturating_add(name.len() + value.len());
        if self.kept > MOST_KEPT {
            return;
        }
        if matches!(value, "true" | "on" | "yes" | "1") {
            typed.ticked.insert(name.to_owned());
        }
        let field = name.split_once('.').map_or(name, |(field, _)| field);
        if self.form.field(field).is_some() {
            typed.text.entry(name.to_owned()).or_default().push(SensitiveString::from(value));
        }
    }

    /// The intake, begun with the first content: by then the page's token has been read. `None` once it is turned down.
    async fn begun(&mut self) -> Result<Option<&mut Intake>, HttpError> {
        if self.intake.is_none() && self.refusal.is_none() {
            match self.begin().await {
                Ok(intake) => self.intake = Some(intake),
                Err(error) if self.typed.is_some() => self.refusal = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(self.intake.as_mut())
    }

    async fn begin(&self) -> Result<Intake, HttpError> {
        self.web.brake()?;
        let mut intake = submit::begin(&self.web.app, &self.ctx, &self.form.id, self.key.as_deref()).await?;
        intake.speak(&self.form.lang);
        if let (Some(Client(address)), true) = (self.client, self.typed.is_some()) {
            intake.join_same(Source::of(address).to_bytes());
        }
        Ok(intake)
    }

    /// Counts what a file brings; `None` once the submission is turned down.
    async fn metered(&mut self, bytes: Option<usize>) -> Result<Option<&mut Intake>, HttpError> {
        if self.refusal.is_none() {
            let rates = &self.web.outer.rates;
            let counted = match bytes {
                None => self.meter.begin(rates),
                Some(bytes) => self.meter.count(rates, bytes),
            };
            if let Err(wait) = counted {
                let error = HttpError::too_much(wait);
                if self.typed.is_none() {
                    return Err(error);
                }
                self.refuse(error);
            }
        }
        self.begun().await
    }
}

impl Sink for Filling {
    fn is_file(&self, name: &str) -> bool {
        self.form.file(name).is_some()
    }

    /// Fields go by their name or as `fields.NAME`, consents by theirs or as `consents.NAME`; or all of them as two parts
    /// `fields` and `consents`, each a JSON object.
    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        if self.guard.take(&self.web, &self.form, name, &value) {
            // A key only if it comes first and looks like one of ours: it protects, it does not authorise.
            if self.intake.is_none()
                && let Some(page) = self.guard.page()
            {
                self.key = Some(format!("page-{page}"));
            }
            return Ok(());
        }
        if name == SOLUTION && self.form.proof_of_work && self.form.field(name).is_none() {
            self.guard.solve(value);
            return Ok(());
        }
        if name == ACKNOWLEDGE {
            if matches!(value.as_str(), "true" | "on" | "yes" | "1")
                && let Some(intake) = self.begun().await?
            {
                intake.acknowledge();
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
            if let Some(intake) = self.begun().await? {
                intake.consent_text(consent, &value);
            }
        } else {
            self.keep(field, &value);
            if let Some(intake) = self.begun().await? {
                intake.field(field, value)?;
            }
        }
        Ok(())
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        if self.form.file(name).is_none() {
            // Repeated only where it could be the name of a field at all.
            let field = name.parse::<FormId>().ok().map(String::from);
            let message = Said::new("problem.no-such-file");
            return Err(HttpError::invalid(vec![Problem { field, code: "unknown-field", message }]));
        }
        if let Err(error) = self.guard.check_files(&self.form) {
            if self.typed.is_none() {
                return Err(error);
            }
            self.refuse(error);
        }
        match self.metered(None).await? {
            Some(intake) => Ok(intake.begin_file(name, file_name).await?),
            None => Ok(()),
        }
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        match self.metered(Some(piece.len())).await? {
            Some(intake) => Ok(intake.file_chunk(piece).await?),
            None => Ok(()),
        }
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        match self.begun().await? {
            Some(intake) => Ok(intake.end_file().await?),
            None => Ok(()),
        }
    }
}
