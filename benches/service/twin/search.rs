//! A search in the twin: a plain scan from the newest to the oldest, as a list makes one, on one thread.

use std::sync::Arc;

use letterlock::domain::search::{Folded, Words};
use letterlock::domain::submission::{Content, FieldValue, Fields, Nature, Summary};
use letterlock::domain::work::Work;
use letterlock::policy::{self, Action, Actor, Resource};
use letterlock::services::ServiceError;
use letterlock::store::Engine;
use serde::Deserialize;

use super::Twin;
use super::committer::{ListRow, list_key};
use super::intake::blocking;
use super::reads::decode;

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Asked {
    words: String,
    purpose: String,
    limit: usize,
    after: Option<String>,
}

/// What was found.
pub(super) struct Found {
    pub(super) hits: Vec<(Summary, Fields)>,
    pub(super) looked: u64,
    /// A number in clear.
    pub(super) next: Option<u64>,
}

/// Looks through everything that the actor reads for the purpose.
pub(super) async fn run(twin: &Arc<Twin>, actor: Actor, asked: Asked) -> Result<Found, ServiceError> {
    let worker = Arc::clone(twin);
    blocking(move || worker.search(&actor, &asked)).await?
}

impl Twin {
    fn search(&self, actor: &Actor, asked: &Asked) -> Result<Found, ServiceError> {
        let words = Words::parse(&asked.words).map_err(|problem| ServiceError::Invalid(vec![problem]))?;
        let reads: Vec<_> = self
            .forms
            .iter()
            .filter(|form| {
                policy::decide(actor, Action::SearchSubmissions, &Resource::of_form(form)).is_ok()
                    && policy::allowed_purposes(actor, &form.purposes).contains(&asked.purpose)
            })
            .collect();
        let mut found = Found { hits: Vec::new(), looked: 0, next: None };
        let mut folded = Folded::default();
        let below = asked.after.as_ref().and_then(|after| after.parse().ok()).unwrap_or(u64::MAX);
        for row in self.engine.scan(&list_key(0), &list_key(below)).rev() {
            let (key, row) = row.map_err(|_| ServiceError::Unavailable)?;
            let arrival = key.get(1..9).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
            let listed: ListRow = decode(&row)?;
            let Some(form) = reads.iter().find(|form| form.id == listed.entry.form) else { continue };
            let mut content = self.content(&listed.record)?.1;
            found.looked += 1;
            if !matches(&words, &mut folded, &content) {
                continue;
            }
            let entry = listed.entry;
            content.fields.retain(|name, _| form.summary.contains(name));
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
            found.hits.push((summary, content.fields));
            if found.hits.len() == asked.limit {
                found.next = Some(arrival);
                break;
            }
        }
        Ok(found)
    }
}

fn matches(words: &Words, folded: &mut Folded, content: &Content) -> bool {
    let mut look = words.look();
    for value in content.fields.values() {
        look.text(folded.of_value(value, |_: &str| None));
    }
    for file in &content.files {
        look.text(folded.of_value(&FieldValue::Text(file.name.clone()), |_: &str| None));
    }
    look.is_complete()
}
