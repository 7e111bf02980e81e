//! What an actor sees of a submission: which answers, and which files. Pure.
//!
//! A form says of each field who of its readers sees it; nobody else does. [`sight`] is the one place where that is decided,
//! and everything that shows, lists, counts, searches or hands out what was sent asks here. What is not shown is named as such
//! by what the *present* form asks ([`Sight::masked`]), never by what a submission holds: so nobody learns whether it was
//! answered.

use super::{Actor, Role, SUBJECT_REQUEST};
use crate::domain::form::Form;
use crate::domain::message::Message;
use crate::domain::submission::Content;

/// What an actor sees of what came by a form.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    form: &'a Form,
    eyes: Eyes,
}

#[derive(Clone, Debug)]
enum Eyes {
    /// Nothing of it.
    Shut,
    /// What is shown to any of these roles, each of which reads the form.
    Of(Vec<Role>),
    /// What is shown to the first of the roles that read the form, without what it keeps from guests; and not what was written
    /// since.
    Guest(Role),
    /// All of it.
    Open,
}

/// What `actor` sees, reading for `purpose`, of what came by `form` as it stands now. Says nothing about whether they may open
/// it at all: that is [`super::decide`].
///
/// The privacy officer sees everything for a subject request, and the person themselves always do.
pub fn sight<'a>(actor: &Actor, form: &'a Form, purpose: Option<&str>) -> Sight<'a> {
    let roles: &[Role] = match actor {
        Actor::Public | Actor::System | Actor::Key { .. } => &[],
        Actor::Subject => return Sight { form, eyes: Eyes::Open },
        Actor::Owner { role } => std::slice::from_ref(role),
        Actor::Staff { roles, .. } => roles,
    };
    let reads = |role: &&Role| form.roles.contains(role) || **role == Role::Privacy;
    let readers: Vec<Role> = roles.iter().filter(reads).copied().collect();
    let eyes = match (readers.is_empty(), purpose) {
        (true, _) => Eyes::Shut,
        (false, Some(SUBJECT_REQUEST)) if readers.contains(&Role::Privacy) => Eyes::Open,
        (false, _) => Eyes::Of(readers),
    };
    Sight { form, eyes }
}

/// What somebody sees whom a pass lets read what came by `form`: whoever gave it reads it for the form's first role, and keeps
/// back what the form says. Nothing where the form has no reader.
pub fn guest_sight(form: &Form) -> Sight<'_> {
    let eyes = form.roles.first().map_or(Eyes::Shut, |role| Eyes::Guest(*role));
    Sight { form, eyes }
}

impl<'a> Sight<'a> {
    /// Whether what was written since is shown.
    pub fn shows_messages(&self) -> bool {
        match self.eyes {
            Eyes::Shut | Eyes::Guest(_) => false,
            Eyes::Of(_) | Eyes::Open => true,
        }
    }

    /// Whether the answer to this field is shown.
    pub fn shows_field(&self, name: &str) -> bool {
        self.form
            .field(name)
            .map_or_else(|| self.shows_former(), |field| self.sees(field.seen_by.as_deref()) && !self.keeps_back(name))
    }

    /// Whether the files of this field are shown.
    pub fn shows_files(&self, name: &str) -> bool {
        self.form
            .file(name)
            .map_or_else(|| self.shows_former(), |file| self.sees(file.seen_by.as_deref()) && !self.keeps_back(name))
    }

    /// Whether answers and files are shown that were asked for by an earlier version of the form: to those whom the form names
    /// for that, and unless it does, to those who see all that it asks now.
    pub fn shows_former(&self) -> bool {
        match (&self.eyes, &self.form.former_fields) {
            (Eyes::Shut | Eyes::Guest(_), _) => false,
            (Eyes::Open, _) => true,
            (Eyes::Of(_), Some(roles)) => self.sees(Some(roles)),
            (Eyes::Of(_), None) => self.masked().next().is_none(),
        }
    }

    /// The names of what the form asks and the actor is not shown, fields before files, in the order of the form.
    pub fn masked(&self) -> impl Iterator<Item = &'a str> + use<'a, '_> {
        let fields = self.form.fields.iter().map(|field| (field.name.as_str(), field.seen_by.as_deref()));
        let files = self.form.files.iter().map(|file| (file.name.as_str(), file.seen_by.as_deref()));
        fields
            .chain(files)
            .filter(|(name, seen_by)| !self.sees(*seen_by) || self.keeps_back(name))
            .map(|(name, _)| name)
    }

    /// Whether all that `other` shows of what the form asks is shown here, too.
    pub fn covers(&self, other: &Self) -> bool {
        self.masked().all(|name| other.masked().any(|also| also == name))
    }

    /// Whether there may be files that are not shown: then their number is not told either.
    pub fn may_hide_files(&self) -> bool {
        !self.shows_former() || self.form.files.iter().any(|file| !self.sees(file.seen_by.as_deref()))
    }

    /// Takes away what is not shown. Files are numbered anew where some are not shown, so that no gap tells of them.
    pub fn limit(&self, content: &mut Content, messages: &mut [Message]) {
        content.fields.retain(|name, _| self.shows_field(name));
        let sent = content.files.len();
        content.files.retain(|file| self.shows_files(&file.field));
        let hidden = u32::try_from(sent - content.files.len()).unwrap_or(u32::MAX);
        for (n, file) in (0..).zip(&mut content.files) {
            file.n = n;
        }
        // What was sent later belongs to the conversation, which is shown as a whole.
        for file in messages.iter_mut().flat_map(|message| &mut message.files) {
            file.n = file.n.saturating_sub(hidden);
        }
    }

    /// The number that file `n` has in truth, when [`Sight::limit`] numbered it `n`. `asked_by` are the fields by which the
    /// files of the submission came, in order, without those of its messages. `None` for a file that is not shown.
    pub fn true_number(&self, asked_by: &[String], n: u32) -> Option<u32> {
        let mut shown = (0..).zip(asked_by).filter(|(_, field)| self.shows_files(field)).map(|(number, _)| number);
        let visible = shown.clone().count();
        match usize::try_from(n).ok()?.checked_sub(visible) {
            None => shown.nth(usize::try_from(n).ok()?),
            // Of what was written later only to who sees that.
            Some(later) if self.shows_messages() => u32::try_from(asked_by.len().checked_add(later)?).ok(),
            Some(_) => None,
        }
    }

    /// Whether a guest is not shown this, which the form names, or which is asked only where something that it names was answered.
    fn keeps_back(&self, name: &str) -> bool {
        let Eyes::Guest(_) = self.eyes else { return false };
        let named = |name: &str| self.form.hidden_from_guests.iter().any(|hidden| hidden == name);
        let mut at = Some(name);
        // A field depends on one above it, so this ends.
        while let Some(name) = at {
            if named(name) {
                return true;
            }
            at = self.form.field(name).and_then(|field| field.shown_when.as_ref()).map(|when| when.field.as_str());
        }
        false
    }

    fn sees(&self, seen_by: Option<&[Role]>) -> bool {
        match (&self.eyes, seen_by) {
            (Eyes::Shut, _) => false,
            (Eyes::Open, _) | (Eyes::Of(_) | Eyes::Guest(_), None) => true,
            (Eyes::Guest(role), Some(named)) => named.contains(role),
            (Eyes::Of(roles), Some(named)) => roles.iter().any(|role| named.contains(role)),
        }
    }
}

#[cfg(test)]
mod tests;
