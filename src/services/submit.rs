//! Takes a submission in: fields and files as they arrive, validated, sealed, durable, then acknowledged.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::arriving::{Arrivals, Arrived};
use super::idempotency::{self, Held};
use super::{App, Context, Problem, ServiceError, board, desk, keys, post, scan, vacancies};
use crate::base::ids::RecordId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::language::{Lang, Said};
use crate::domain::mail::MailKind;
use crate::domain::submission::{Content, Draft, MAX_TEXT_BYTES, TooMuchText, Valid};
use crate::policy::{Action, Actor, Resource};
use crate::vault::{Act, MAX_FILES, NewSubmission, VaultError};

/// How often a second click looks whether the first is done: ten seconds in all.
const LONGEST_WAIT: usize = 200;

/// A submission on its way in. Dropped without [`Intake::finish`], it leaves nothing readable behind.
pub struct Intake {
    app: Arc<App>,
    act: Act,
    form: Arc<Form>,
    draft: Draft,
    files: Arrivals,
    held: Option<Held>,
    /// From whom it comes, where the same content from there again shall be the same submission.
    sender: Option<Vec<u8>>,
    /// The name of the key by which a server sends it.
    server_key: Option<String>,
    /// Whether its sender knows that it holds what had better not be public.
    acknowledged: bool,
}

/// The acknowledgement: the submission is on disk.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Id of the submission.
    pub submission: RecordId,
    /// The receipt code, for the person to keep.
    pub receipt: String,
    /// Whether it was stored just now, rather than by an earlier request of which this is a repetition.
    pub is_new: bool,
    /// Whether a mail goes to the person that confirms it, and says how they get in without the code.
    pub is_confirmed: bool,
}

/// Begins a submission to `form`. `idempotency_key` is the client's key, 1 to 255 visible ASCII bytes, already checked.
///
/// # Errors
/// [`ServiceError::Forbidden`] for a form that the actor's key does not name; [`ServiceError::NotFound`] for an unknown form, [`ServiceError::NotYetOpen`] for one of a kind that is not open yet, [`ServiceError::StillRunning`] while a request with the same key runs,
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`].
pub async fn begin(
    app: &Arc<App>,
    ctx: &Context,
    form: &FormId,
    idempotency_key: Option<&str>,
) -> Result<Intake, ServiceError> {
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    check_open(app, &form)?;
    let (server_key, resource) = match &ctx.actor {
        Actor::Key { id, name } if keys::names(app, id, &form.id)? => (Some(name.clone()), Resource::KeyedForm),
        _ => (None, Resource::of_form(&form)),
    };
    let act = ctx.act(Action::Submit, &resource)?;
    app.vault.ready_for_intake()?;
    let held = match idempotency_key {
        Some(key) => {
            // A server's keys are its own: nobody who guesses them gets in its way. No other key holds a space.
            let key = match &ctx.actor {
                Actor::Key { id, .. } => format!("{id} {key}"),
                _ => key.to_owned(),
            };
            let key = app.vault.hash_idempotency_key(form.id.as_str(), &key);
            Some(idempotency::hold(app, key).await?)
        }
        None => None,
    };
    let files = Arrivals::new(app, Some(&form));
    Ok(Intake {
        app: Arc::clone(app),
        act,
        form,
        draft: Draft::default(),
        files,
        held,
        sender: None,
        server_key,
        acknowledged: false,
    })
}

/// Refuses a form that takes nothing, before anything of a submission is read.
///
/// # Errors
/// [`ServiceError::NotYetOpen`].
pub fn check_open(app: &App, form: &Form) -> Result<(), ServiceError> {
    if is_open(app, form) { Ok(()) } else { Err(ServiceError::NotYetOpen) }
}

/// Whether a form takes submissions here: those that are nothing without mail need a mail server.
pub fn is_open(app: &App, form: &Form) -> bool {
    !form.needs_mail() || app.post().is_some()
}

impl Intake {
    /// Takes the submission by the words that the form has in `lang`: they are what its mistakes name, and what is recorded.
    pub fn speak(&mut self, lang: &Lang) {
        if let Some(form) =
            self.app.forms().get_in(&self.form.id, lang).filter(|form| form.version == self.form.version)
        {
            self.form = Arc::clone(form);
        }
    }

    /// Where no idempotency key came: takes the same content from the same `sender` within ten minutes for the same
    /// submission. The sender belongs to it, or whoever guesses what somebody sent would be handed the receipt. It is kept
    /// as a keyed hash, in memory.
    pub fn join_same(&mut self, sender: Vec<u8>) {
        self.sender = Some(sender).filter(|_| self.held.is_none());
    }

    /// One field as text (form posts), or a boolean as `"true"`/`"false"`. Problems are collected and told by `finish`.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the total of all fields passes the limit.
    pub fn field(&mut self, name: &str, value: String) -> Result<(), ServiceError> {
        Ok(self.draft.text(name, value)?)
    }

    /// One field as it stands in a JSON body.
    ///
    /// # Errors
    /// As [`Intake::field`].
    pub fn json(&mut self, name: &str, value: Value) -> Result<(), ServiceError> {
        Ok(self.draft.json(name, value)?)
    }

    /// Whoever sends it knows that everybody will be able to read what [`board::warn`] warns of.
    pub fn acknowledge(&mut self) {
        self.acknowledged = true;
    }

    /// One consent box. Too many of them are told by `finish`.
    pub fn consent(&mut self, name: &str, given: bool) {
        // The draft remembers that it is overfull.
        let _ = self.draft.consent(name, given);
    }

    /// One consent box as a form posts it (`on`, `true`, …). A text that is neither is told by `finish`.
    pub fn consent_text(&mut self, name: &str, value: &str) {
        let _ = self.draft.consent_text(name, value);
    }

    /// A file begins. `file_name` is as the client sent it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for an unknown file field or too many files, [`ServiceError::StorageFull`].
    pub async fn begin_file(&mut self, field: &str, file_name: Option<&str>) -> Result<(), ServiceError> {
        let Some(rules) = self.form.file(field) else {
            return Err(invalid(Problem::overall("unknown-file", Said::new("problem.no-such-file"))));
        };
        let already = self.files.of(field);
        // One more than allowed is let in, so that an untouched second input, which is none, does no harm.
        if already > rules.max_files as usize || self.files.len() >= MAX_FILES {
            let message = Said::new("problem.at-most-files").with("n", rules.max_files).about(&rules.label);
            return Err(invalid(Problem::in_field(field, "too-many-files", message)));
        }
        let limit = rules.max_bytes;
        self.files.begin(field, file_name, limit).await
    }

    /// The next piece of the file begun last.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the limit is passed, [`ServiceError::StorageFull`].
    pub async fn file_chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        self.files.chunk(chunk).await
    }

    /// The file is complete: its kind is judged. An empty, unnamed file (an untouched file input) counts as none.
    ///
    /// # Errors
    /// As [`Intake::file_chunk`]; a wrong kind is told by `finish`.
    pub async fn end_file(&mut self) -> Result<(), ServiceError> {
        if let Some((field, sent)) = self.files.end().await? {
            // An overfull draft is told by `finish`.
            let _ = self.draft.file(&field, sent);
        }
        Ok(())
    }

    /// Validates, seals and stores everything, and returns once it is durable.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every mistake; [`ServiceError::KeyReused`]; storage errors. Nothing is stored then.
    pub async fn finish(self) -> Result<Receipt, ServiceError> {
        let Self { app, act, form, draft, files, mut held, sender, server_key, acknowledged } = self;
        let (files, mut refused) = files.into_parts();
        let mut valid = match draft.validate(&form) {
            Ok(valid) if refused.is_empty() => valid,
            checked => {
                refused.extend(checked.err().into_iter().flatten());
                return Err(ServiceError::Invalid(refused));
            }
        };
        if !acknowledged {
            board::warn(&form, &valid.fields)?;
        }
        // Taken out before anything is made of the content: nothing about a friend is stored, no hash of it either.
        let referral = post::Referral::take_out(&form, &mut valid)?;
        let keyed = held.is_some();
        // Without the friend, one word to many looks like the same word again.
        let sender = sender.filter(|_| referral.is_none());
        let body = (keyed || sender.is_some()).then(|| hash_body(&app, &valid, &files));
        if let (Some(sender), Some(body)) = (sender, body) {
            held = hold_content(&app, &form.id, &sender, body).await?;
        }
        if let (Some(held), Some(body)) = (&mut held, body)
            && let Some(receipt) = earlier_answer(&app, held, body)?
        {
            return Ok(receipt);
        }

        if let Some(referral) = referral {
            // Only what the mail server has taken is acknowledged.
            referral.send(&app).await?;
        }
        let now = app.clock.now();
        let content = Content {
            form: form.id.clone(),
            form_version: form.version,
            notice: form.notice.recorded(),
            region: form.region.clone().unwrap_or_else(|| app.region.to_string()),
            received: now,
            fields: valid.fields,
            consents: valid.consents,
            files: (0..).zip(&files).map(|(n, file)| file.info(n)).collect(),
            server_key,
        };
        let idempotency = held
            .as_ref()
            .zip(body)
            .filter(|_| keyed)
            .map(|(held, body)| crate::vault::Idempotency { key: held.key, body });
        let typed = post::address_in(&form, &content);
        let mails =
            post::about_submission(&app, &form, valid.email.as_ref(), typed.as_ref().map(SensitiveString::expose));
        let assignee = desk::route(&app, &form, &content.fields);
        let labels = vacancies::labels_of(&app, &form, &content.fields);
        let submission = NewSubmission {
            email: valid.email,
            content,
            status: form.initial_status(),
            files: files.into_iter().map(|file| file.sealed).collect(),
            idempotency,
            mails,
            k: form.kind.k(),
            shown: form.kind.public().to_vec(),
            assignee,
            labels,
        };
        let has_mails = !submission.mails.is_empty();
        let is_confirmed =
            submission.mails.iter().any(|mail| matches!(mail.kind, MailKind::Received | MailKind::Unlocked));
        let waits = submission.content.files.iter().any(|file| file.scan.waits());
        let stored = app.vault.submit(act, submission).await?;
        if waits {
            scan::came(&app, stored.summary.id);
        }
        if has_mails {
            post::came(&app);
        }
        if let (Some(held), Some(body)) = (held, body) {
            held.done(body, stored.summary.id, now);
        }
        let receipt = stored.receipt.expose().to_owned();
        Ok(Receipt { submission: stored.summary.id, receipt, is_new: true, is_confirmed })
    }
}

/// Takes hold of the content. While the same is being stored, it waits for that one to be done: whoever clicks twice gets
/// one receipt twice.
async fn hold_content(
    app: &Arc<App>,
    form: &FormId,
    sender: &[u8],
    body: [u8; 32],
) -> Result<Option<Held>, ServiceError> {
    let mut stream = app.vault.hash_request_body();
    for part in [b"content".as_slice(), form.as_str().as_bytes(), sender, &body] {
        stream.update(&(part.len() as u64).to_be_bytes());
        stream.update(part);
    }
    let hash = stream.finish();
    for _ in 0..LONGEST_WAIT {
        match idempotency::hold_content(app, hash) {
            Err(ServiceError::StillRunning) => tokio::time::sleep(Duration::from_millis(50)).await,
            done => return done,
        }
    }
    Err(ServiceError::StillRunning)
}

impl From<TooMuchText> for ServiceError {
    fn from(_: TooMuchText) -> Self {
        Self::TooLarge { field: None, limit: MAX_TEXT_BYTES as u64 }
    }
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}

/// The answer to a request that was made before; `None` when it is new, or its submission was erased meanwhile.
fn earlier_answer(app: &App, held: &mut Held, body: [u8; 32]) -> Result<Option<Receipt>, ServiceError> {
    let Some(earlier) = held.earlier else { return Ok(None) };
    match app.vault.locate(&earlier.record) {
        Ok(located) if earlier.body == body => {
            let receipt = app.vault.receipt_of(&located)?;
            let receipt = receipt.expose().to_owned();
            Ok(Some(Receipt { submission: earlier.record, receipt, is_new: false, is_confirmed: false }))
        }
        Ok(_) => Err(ServiceError::KeyReused),
        Err(VaultError::Missing) => {
            held.forget_earlier()?;
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// A keyed hash over what the request means: the order of fields and parts, and how the body was encoded, do not matter.
fn hash_body(app: &App, valid: &Valid, files: &[Arrived]) -> [u8; 32] {
    let mut stream = app.vault.hash_request_body();
    let mut part = |bytes: &[u8]| {
        stream.update(&(bytes.len() as u64).to_be_bytes());
        stream.update(bytes);
    };
    part(&(valid.fields.len() as u64).to_be_bytes());
    for (name, value) in &valid.fields {
        part(name.as_bytes());
        value.each_part(&mut part);
    }
    for (name, consent) in &valid.consents {
        part(name.as_bytes());
        part(&[u8::from(consent.given)]);
    }
    for file in files {
        part(file.field.as_bytes());
        part(file.name.as_ref().map_or("", SensitiveString::expose).as_bytes());
        part(file.hash.as_ref());
    }
    stream.finish()
}
