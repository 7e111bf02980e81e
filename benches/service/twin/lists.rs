//! A page of the list: the newest of a form, or those below a number, as they lie in the store.

use std::sync::Arc;

use letterlock::domain::form::FormId;
use letterlock::domain::submission::{Fields, Nature, Summary};
use letterlock::domain::work::Work;
use letterlock::policy::{self, Action, Actor, Resource};
use letterlock::services::ServiceError;
use letterlock::store::Engine;

use super::Twin;
use super::committer::{ListRow, list_key};
use super::intake::blocking;
use super::reads::decode;

/// What is asked for.
pub(super) struct Asked {
    form: FormId,
    /// What summaries are read for; without it there are none.
    purpose: Option<String>,
    limit: usize,
    /// A number in clear.
    after: Option<u64>,
}

/// The lines, and where the next page goes on.
type Page = (Vec<(Summary, Fields)>, Option<u64>);

impl Asked {
    /// Reads a query in which nothing has to be decoded.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let text = |name| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        let text = |name| text(name).map(|(_, value)| value);
        Some(Self {
            form: text("form")?.parse().ok()?,
            purpose: text("purpose").map(str::to_owned),
            limit: text("limit")?.parse().ok()?,
            after: text("after").map(str::parse).transpose().ok()?,
        })
    }
}

/// A page of the list.
pub(super) async fn run(twin: &Arc<Twin>, actor: Actor, asked: Asked) -> Result<Page, ServiceError> {
    let worker = Arc::clone(twin);
    blocking(move || worker.list(&actor, &asked)).await?
}

impl Twin {
    fn list(&self, actor: &Actor, asked: &Asked) -> Result<Page, ServiceError> {
        let form = self.forms.get(&asked.form).ok_or(ServiceError::NotFound)?;
        let _ = policy::decide(actor, Action::ListSubmissions, &Resource::of_form(form))?;
        let allowed = policy::allowed_purposes(actor, &form.purposes);
        if asked.purpose.as_ref().is_some_and(|purpose| !allowed.contains(purpose)) {
            return Err(ServiceError::PurposeNeeded { allowed });
        }
        let (mut lines, mut last) = (Vec::new(), None);
        for row in self.engine.scan(&list_key(0), &list_key(asked.after.unwrap_or(u64::MAX))).rev() {
            let (key, row) = row.map_err(|_| ServiceError::Unavailable)?;
            let listed: ListRow = decode(&row)?;
            if listed.entry.form != asked.form {
                continue;
            }
            if lines.len() == asked.limit {
                return Ok((lines, last));
            }
            let mut fields = Fields::default();
            if asked.purpose.is_some() {
                fields = self.content(&listed.record)?.1.fields;
                fields.retain(|name, _| form.summary.contains(name));
            }
            last = key.get(1..9).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
            let entry = listed.entry;
            let summary = Summary {
                id: listed.record,
                subject: listed.person,
                form: entry.form,
                status: entry.status,
                received: entry.received,
                region: entry.region,
                files: Some(entry.files),
                messages: 0,
                unanswered: 0,
                nature: Nature::Letter,
                work: Work::default(),
            };
            lines.push((summary, fields));
        }
        Ok((lines, None))
    }
}
