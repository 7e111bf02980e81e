//! What is looked for, held against one submission after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Matched;
use crate::base::clock::Timestamp;
use crate::domain::country::Country;
use crate::domain::form::{Field, FieldKind, Form, FormId};
use crate::domain::search::{Folded, Words};
use crate::domain::submission::{Nature, Status, Summary};
use crate::policy::{self, Action, Actor, Resource, Sight};
use crate::services::{App, Context};
use crate::vault::{Opening, VaultError};

/// The forms that are looked through, and what of them the actor reads for the purpose.
pub(super) struct Scope {
    actor: Actor,
    forms: BTreeMap<FormId, Covered>,
}

struct Covered {
    form: Arc<Form>,
    purpose: String,
    letters: bool,
    comments: bool,
}

/// What is wanted of a submission within the scope.
pub(super) struct Filter {
    pub(super) words: Words,
    pub(super) status: Option<Status>,
    pub(super) since: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
}

pub(super) struct Sieve {
    pub(super) scope: Arc<Scope>,
    pub(super) filter: Filter,
}

impl Scope {
    /// The forms of which the actor may search and read something for one of these purposes; only `form`, if one is given.
    pub(super) fn of(app: &App, ctx: &Context, form: Option<&FormId>, purposes: &[String]) -> Self {
        let loaded = app.forms();
        let wanted = loaded.iter().filter(|one| form.is_none_or(|form| *form == one.id));
        let covered = wanted.filter_map(|form| {
            let may_search = super::may_search(ctx, form);
            let allowed = policy::allowed_purposes(&ctx.actor, &form.purposes);
            let purpose = allowed.into_iter().find(|purpose| purposes.contains(purpose))?;
            let reads = |nature| {
                let what = Resource::of_submission(form, nature);
                policy::decide(&ctx.actor, Action::ReadSubmission, &what).is_ok()
            };
            let (letters, comments) = (reads(Nature::Letter), reads(Nature::Comment));
            let covered = may_search && (letters || comments);
            covered.then(|| (form.id.clone(), Covered { form: Arc::clone(form), purpose, letters, comments }))
        });
        Self { forms: covered.collect(), actor: ctx.actor.clone() }
    }

    /// One of the forms; `None` when there is none.
    pub(super) fn first(&self) -> Option<&Form> {
        self.forms.values().next().map(|covered| &*covered.form)
    }

    /// What the submissions to this form are read for.
    pub(super) fn purpose_of(&self, form: &FormId) -> &str {
        self.forms.get(form).map_or("", |covered| &covered.purpose)
    }

    /// What the actor sees of a submission to this form, which has to be one of the scope's.
    pub(super) fn sight<'a>(&self, form: &'a Form) -> Sight<'a> {
        policy::sight(&self.actor, form, Some(self.purpose_of(&form.id)))
    }

    /// The form of a submission that the actor may read for this; `None` for any other submission. An answer to a survey is none.
    pub(super) fn form_of(&self, summary: &Summary) -> Option<&Form> {
        let covered = self.forms.get(&summary.form)?;
        let reads = match summary.nature {
            Nature::Letter => covered.letters,
            Nature::Comment => covered.comments,
            Nature::Answer(_) => false,
        };
        (reads && self.actor.reaches(&summary.region)).then_some(&*covered.form)
    }
}

impl crate::vault::Sieve for Sieve {
    type Found = Matched;

    fn wants(&self, summary: &Summary) -> bool {
        let Filter { status, since, before, .. } = &self.filter;
        self.scope.form_of(summary).is_some()
            && status.is_none_or(|status| status == summary.status)
            && since.is_none_or(|since| summary.received >= since)
            && before.is_none_or(|before| summary.received < before)
    }

    fn since(&self) -> Option<Timestamp> {
        self.filter.since
    }

    fn sift(&self, summary: &Summary, opening: &Opening<'_>) -> Result<Option<Matched>, VaultError> {
        let Some(form) = self.scope.form_of(summary) else { return Ok(None) };
        let (mut folded, mut look) = (Folded::default(), self.filter.words.look());
        let mut matched = Matched::default();
        if look.is_complete() {
            return Ok(Some(matched));
        }
        // What is not shown is not looked at: whether the words stand there, nobody can tell.
        let sight = self.scope.sight(form);
        for (name, value) in opening.content.fields.iter().filter(|(name, _)| sight.shows_field(name)) {
            let field = form.field(name);
            if look.text(folded.of_value(value, |text| label(field, text))) {
                matched.fields.push(name.clone());
            }
        }
        for file in opening.content.files.iter().filter(|file| sight.shows_files(&file.field)) {
            matched.files |= look.text(folded.of(file.name.expose()));
        }
        // Messages are rows of their own; they are opened when the rest does not say it all.
        if !look.is_complete() {
            for message in opening.messages()? {
                matched.messages |= look.text(folded.of(message.text.expose()));
                for file in &message.files {
                    matched.messages |= look.text(folded.of(file.name.expose()));
                }
            }
        }
        Ok(look.is_complete().then_some(matched))
    }
}

/// What people read where this stands: the words of an option, the name of a country.
fn label<'a>(field: Option<&'a Field>, text: &'a str) -> Option<&'a str> {
    match field?.kind {
        FieldKind::PostalAddress(_) => text.parse::<Country>().ok().map(Country::name),
        _ => field?.label_of(text),
    }
}
