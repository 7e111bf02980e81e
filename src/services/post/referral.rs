//! A word to a friend: one mail, sent while the person who writes it waits. The friend's address is in memory for as long as
//! that takes, and nowhere else: not in the outbox, not in the record, not in a log.

use std::sync::Arc;

use crate::adapters::mail::Refused;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{FieldKind, Form, FormKind};
use crate::domain::language::{Lang, Said};
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{FieldValue, Valid};
use crate::services::{App, Problem, ServiceError};

/// What goes to the friend.
pub(in crate::services) struct Referral {
    field: String,
    to: SensitiveString,
    /// Who writes: the form's first summary field.
    who: SensitiveString,
    /// Their words: the form's first long text. They stay with their own submission, too.
    words: SensitiveString,
    /// The language in which it was written.
    lang: Lang,
}

impl Referral {
    /// Takes the friend's address out of a submission; `None` when the form is no referral.
    pub(in crate::services) fn take_out(form: &Form, valid: &mut Valid) -> Result<Option<Self>, ServiceError> {
        let FormKind::Referral { friend } = &form.kind else { return Ok(None) };
        let Some(FieldValue::Text(to)) = valid.fields.remove(friend) else { return Err(ServiceError::Internal) };
        let text = |name: &str| match valid.fields.get(name) {
            Some(FieldValue::Text(text)) => text.expose().into(),
            _ => SensitiveString::from(""),
        };
        let who = form.summary.first().map_or_else(|| "".into(), |name| text(name));
        let long = form.fields.iter().find(|field| matches!(field.kind, FieldKind::LongText(_)));
        let words = long.map_or_else(|| "".into(), |field| text(&field.name));
        let mentions = |typed: &SensitiveString| typed.expose().to_lowercase().contains(&to.expose().to_lowercase());
        if let Some(field) = form
            .fields
            .iter()
            .find(|field| matches!(valid.fields.get(&field.name), Some(FieldValue::Text(text)) if mentions(text)))
        {
            let message = Said::new("problem.friends-address");
            return Err(invalid(Problem::in_field(&field.name, "friends-address", message)));
        }
        // Nobody is to send strangers to a page in our name.
        for (typed, field) in [(&who, form.summary.first()), (&words, long.map(|field| &field.name))] {
            let lower = typed.expose().to_lowercase();
            if let Some(field) = field.filter(|_| ["://", "www.", "http"].iter().any(|mark| lower.contains(mark))) {
                let message = Said::new("problem.links");
                return Err(invalid(Problem::in_field(field, "links", message)));
            }
        }
        Ok(Some(Self { field: friend.clone(), to, who, words, lang: form.lang.clone() }))
    }

    /// Sends it. When this returns, the mail server has it.
    pub(in crate::services) async fn send(self, app: &Arc<App>) -> Result<(), ServiceError> {
        let post = app.post().ok_or(ServiceError::NotYetOpen)?;
        let address = EmailAddress::parse(self.to.expose()).map_err(|_| ServiceError::Internal)?;
        if !post.may_cause(app, "referral", &address) {
            let message = Said::new("problem.too-often");
            return Err(invalid(Problem::in_field(&self.field, "too-often", message)));
        }
        let values = [
            ("who", self.who.expose()),
            ("words", self.words.expose()),
            ("url", post.url.as_str()),
            ("name", post.name.as_str()),
        ];
        let mail = post
            .words
            .write("referral", &self.lang, app.languages().first().lang(), &self.to, &values, "")
            .map_err(|_| ServiceError::Internal)?;
        match post.carrier.carry(&mail).await {
            Ok(()) => Ok(()),
            Err(Refused::Never(reason)) => {
                tracing::info!(reason, "a referral was refused");
                let message = Said::new("problem.refused-address");
                Err(invalid(Problem::in_field(&self.field, "refused-address", message)))
            }
            Err(Refused::Later(reason) | Refused::NotNow(reason)) => {
                tracing::warn!(reason, "a referral could not be sent");
                Err(ServiceError::MailNotTaken)
            }
        }
    }
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}
