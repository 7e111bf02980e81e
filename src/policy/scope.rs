//! What a token may do of all that its account may: some actions, what came by some forms; and what may be read from where the
//! account is. A scope only ever takes away; it also holds what the configuration says of roles that are not built in, without
//! which these allow nothing.

use std::sync::Arc;

use super::{Action, CustomRoles, Denial, Reach, Resource};
use crate::domain::form::FormId;

/// A scope; the default takes nothing away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    actions: Option<Vec<Action>>,
    forms: Option<Vec<FormId>>,
    reach: Option<Arc<Reach>>,
    custom: Option<Arc<CustomRoles>>,
}

impl Scope {
    /// These actions and forms; `None` takes nothing away.
    pub const fn new(actions: Option<Vec<Action>>, forms: Option<Vec<FormId>>) -> Self {
        Self { actions, forms, reach: None, custom: None }
    }

    /// The same from where the account is.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        Self { reach: Some(Arc::new(reach)), ..self }
    }

    /// The same where these roles are there.
    #[must_use]
    pub fn knowing(self, custom: Arc<CustomRoles>) -> Self {
        Self { custom: Some(custom), ..self }
    }

    /// The roles that are not built in.
    pub(super) fn custom(&self) -> Option<&CustomRoles> {
        self.custom.as_deref()
    }

    /// How far the account sees from where it is; `None` takes nothing away.
    pub fn reach(&self) -> Option<&Reach> {
        self.reach.as_deref()
    }

    /// The actions, if they are limited.
    pub fn actions(&self) -> Option<&[Action]> {
        self.actions.as_deref()
    }

    /// The forms, if they are limited.
    pub fn forms(&self) -> Option<&[FormId]> {
        self.forms.as_deref()
    }

    /// Whether a token with it may do all that its account may.
    pub const fn is_whole(&self) -> bool {
        self.actions.is_none() && self.forms.is_none()
    }

    /// As it stands to a form: `None` where the form is not in it.
    pub(super) fn at(&self, form: &FormId) -> Option<Self> {
        let inside = self.forms.as_ref().is_none_or(|forms| forms.contains(form));
        inside.then(|| Self { forms: None, ..self.clone() })
    }

    /// Whether it lets an action through that a role allows. A scope of some forms that was not brought to one lets nothing through:
    /// to forget that is to refuse.
    pub(super) fn check(&self, action: Action, resource: &Resource<'_>) -> Result<(), Denial> {
        if self.forms.is_some() {
            let of_a_form = match resource {
                Resource::Form { .. }
                | Resource::KeyedForm
                | Resource::Submission { .. }
                | Resource::Lent
                | Resource::Survey { .. }
                | Resource::Answer { .. }
                | Resource::Comment { .. }
                | Resource::Board
                | Resource::Export { .. }
                | Resource::Own
                | Resource::OwnAnswer
                | Resource::OwnComment => true,
                // People, accounts and the vault are of no form, or of all.
                Resource::Subject
                | Resource::Audit
                | Resource::Staff
                | Resource::Vault
                | Resource::Vacancies
                | Resource::Approval { .. } => false,
            };
            return Err(if of_a_form { Denial::Hidden } else { Denial::Forbidden });
        }
        if self.actions.as_ref().is_some_and(|actions| !actions.contains(&action)) {
            return Err(Denial::Forbidden);
        }
        Ok(())
    }
}
