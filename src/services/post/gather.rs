//! Word to people inside that something arrived: at most one mail for each form and address in [`EVERY`], which says how many
//! there were. The first goes at once. Each waits in the outbox with its submission, so that nobody is told of what was erased.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::subject::EmailAddress;
use crate::vault::MailName;

/// How long those that come after the first are gathered.
pub(super) const EVERY: Duration = Duration::from_secs(10 * 60);

/// What is gathered; in memory only.
#[derive(Default)]
pub(super) struct Gathering {
    groups: BTreeMap<(FormId, SensitiveString), Group>,
    held: HashMap<MailName, Timestamp>,
}

struct Group {
    /// Not before.
    next: Timestamp,
    names: Vec<MailName>,
}

impl Gathering {
    /// Whether this mail is held back now.
    pub(super) fn holds(&self, name: &MailName, now: Timestamp) -> bool {
        self.held.get(name).is_some_and(|until| now < *until)
    }

    /// How many are held back, or were until now.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// All mails that go together with this one, itself among them; `None` when it has to wait for more.
    pub(super) fn take(
        &mut self,
        form: &FormId,
        to: &SensitiveString,
        name: MailName,
        now: Timestamp,
    ) -> Option<Vec<MailName>> {
        // In one spelling, or an address that the form names and that of an account would be two.
        let address = EmailAddress::parse(to.expose()).map_or_else(|_| to.clone(), |to| to.canonical().into());
        let group = self.groups.entry((form.clone(), address)).or_insert(Group { next: now, names: Vec::new() });
        if !group.names.contains(&name) {
            group.names.push(name);
        }
        let goes = now >= group.next;
        if goes {
            group.next = now.plus(EVERY);
        }
        // Also while it goes: if it does not get through, it is tried again with those that have come by then.
        self.held.extend(group.names.iter().map(|name| (*name, group.next)));
        goes.then(|| group.names.clone())
    }

    /// Forgets those that do not wait any more.
    pub(super) fn keep(&mut self, waiting: &HashSet<MailName>, now: Timestamp) {
        self.held.retain(|name, _| waiting.contains(name));
        for group in self.groups.values_mut() {
            group.names.retain(|name| waiting.contains(name));
        }
        self.groups.retain(|_, group| !group.names.is_empty() || now < group.next);
    }
}
