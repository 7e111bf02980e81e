//! What is asked of the vault without changing it, and compared with the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::Timestamp;
use letterlock::base::ids::{PersonId, RecordId, RequestId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::scan::Scan;
use letterlock::domain::subject::EmailAddress;
use letterlock::domain::submission::{Content, FieldValue, FileInfo, Status};
use letterlock::policy::{Action, Actor, Resource, Role, decide};
use letterlock::services::review::{ListQuery, Submission};
use letterlock::services::{ServiceError, audit, find, health, portal, resources, review, verify};
use letterlock::vault::{Act, NewSubmission, Vault};
use serde_json::Value;

use crate::acts::hold;
use crate::plain::{Entry, Record, Said};
use crate::world::{ADDRESSES, BOARD, GUIDE, NEWSLETTER, SURVEY, World, context, fields, form_id, reader, role};

/// What the software does at moments of its own: the model knows nothing of it.
fn of_its_own_accord(action: &str) -> bool {
    ["clean-up", "keep-statistics", "send-mail"].contains(&action)
}

/// What a vault holds, seen past the services.
pub struct Look {
    /// Each submission, and whom it is about.
    pub ids: Vec<(RecordId, PersonId)>,
    /// Entries of the trail beyond those that the model knows, the software's own left out.
    pub new_entries: Vec<String>,
    pub epoch: u64,
}

pub fn look(vault: &Vault, known: usize) -> Result<Look, String> {
    let mut ids = Vec::new();
    let walked = vault.walk_list(None, |listed| {
        ids.push((listed.located.summary.id, listed.located.summary.subject));
        true
    });
    walked.map_err(|error| format!("the list gave {error:?}"))?;
    let entries = vault.audit_entries(None, usize::MAX >> 1).map_err(|error| format!("the trail gave {error:?}"))?;
    let mut actions: Vec<String> =
        entries.into_iter().map(|entry| entry.action).filter(|action| !of_its_own_accord(action)).collect();
    actions.reverse();
    hold!(actions.len() >= known, "{} entries in the trail, the model has {known}", actions.len());
    Ok(Look { ids, new_entries: actions.split_off(known), epoch: vault.counts().epoch })
}

/// Whether a submission reads as it was sent.
pub fn content(record: &Record, subject: PersonId, shown: &Submission) -> Result<(), String> {
    let told = crate::public::told(&shown.content.fields);
    hold!(told == fields(&record.said), "fields read {told:?}, sent were {:?}", fields(&record.said));
    let sizes: Vec<u64> = shown.content.files.iter().map(|file| file.size).collect();
    let sent: Vec<u64> = record.said.files.iter().map(|file| file.len() as u64).collect();
    hold!(sizes == sent, "files of {sizes:?} bytes, sent were {sent:?}");
    if record.said.form == 0 && !shown.content.consents.is_empty() {
        hold!(shown.content.consents["keep"].given == (record.said.text.is_multiple_of(2)), "a consent changed");
    }
    let summary = &shown.summary;
    let right = summary.id == record.id
        && summary.subject == subject
        && summary.form == form_id(record.said.form)
        && summary.status == record.status
        && summary.files == u32::try_from(record.said.files.len()).ok()
        && shown.messages.len() == record.messages
        && shown.downloads.len() == record.downloads;
    hold!(right, "the line {summary:?} is not that of {record:?}", record = record.id);
    Ok(())
}

impl World {
    pub async fn read(&mut self, n: usize) -> Result<(), String> {
        if self.model.records[n].said.form == SURVEY {
            return self.read_answer(n).await;
        }
        let record = &self.model.records[n];
        let (role_of, purpose) = reader(record.said.form);
        match review::show(&self.app(), &role(role_of), record.id, Some(purpose)).await {
            Ok(shown) if record.alive => {
                content(record, self.model.people[record.person].id, &shown)?;
                let person = record.person;
                self.model.note("read-submission", vec![person]);
                Ok(())
            }
            Err(ServiceError::NotFound) if !record.alive => Ok(()),
            other => Err(format!("reading a record (alive: {}) gave {:?}", record.alive, other.map(|s| s.summary))),
        }
    }

    pub async fn unlock(&mut self, n: usize) -> Result<(), String> {
        let record = &self.model.records[n];
        let Some(receipt) = record.receipt.clone().filter(|_| record.said.form == 0) else { return Ok(()) };
        let (app, alive, person) = (self.app(), record.alive, record.person);
        let own = match portal::enter(&app, &receipt).await {
            Ok(own) if alive => own,
            Err(ServiceError::NotFound) if !alive => return Ok(()),
            other => return Err(format!("a receipt (alive: {alive}) gave {other:?}")),
        };
        let offer = resources::fresh(&app, own, "guide.txt").await.map_err(|error| format!("a link gave {error:?}"))?;
        let take = || resources::take(&app, RequestId::from_bytes([7; 16]), offer.token.expose(), None);
        match take().await {
            Ok(file) => hold!(file.size == GUIDE.len() as u64, "the guide has {} bytes", file.size),
            Err(error) => return Err(format!("a fresh link gave {error:?}")),
        }
        self.model.records[n].downloads += 1;
        self.model.note("download-resource", vec![person]);
        match take().await {
            Err(ServiceError::LinkSpent) => Ok(()),
            other => Err(format!("a link that was used gave {:?}", other.map(|file| file.size))),
        }
    }

    pub async fn download(&mut self, n: usize, file: u32) -> Result<(), String> {
        let record = &self.model.records[n];
        let (role_of, purpose) = reader(record.said.form);
        let sent = record.said.files.get(file as usize).filter(|_| record.alive);
        match (sent, review::file(&self.app(), &role(role_of), record.id, file, Some(purpose)).await) {
            (Some(sent), Ok(mut download)) => {
                let mut bytes = Vec::new();
                while let Some(piece) = download.next().await.map_err(|error| format!("a download gave {error:?}"))? {
                    bytes.extend_from_slice(&piece);
                }
                hold!(bytes == *sent, "a file of {} bytes came back as {} others", sent.len(), bytes.len());
                let person = record.person;
                self.model.note("read-file", vec![person]);
                Ok(())
            }
            (None, Err(ServiceError::NotFound)) => Ok(()),
            (sent, other) => {
                Err(format!("downloading a file (there: {}) gave {:?}", sent.is_some(), other.map(|d| d.info.size)))
            }
        }
    }

    /// The whole list under these filters, page by page.
    pub async fn list(
        &mut self,
        form: Option<u8>,
        status: Option<Status>,
        limit: u32,
        purpose: bool,
    ) -> Result<(), String> {
        let wanted: Vec<usize> = (0..self.model.records.len())
            .rev()
            .filter(|n| {
                let record = &self.model.records[*n];
                record.alive
                    && record.said.form != SURVEY
                    && form.is_none_or(|form| form == record.said.form)
                    && status.is_none_or(|status| status == record.status)
            })
            .collect();
        let mut pages = wanted.chunks(limit as usize).peekable();
        let mut after = None;
        loop {
            let query = ListQuery {
                form: form.map(form_id),
                status,
                after,
                limit: Some(limit),
                purpose: purpose.then(|| "subject-request".to_owned()),
                ..ListQuery::default()
            };
            let page = review::list(&self.app(), &role(Role::Privacy), query).await;
            if form == Some(SURVEY) {
                return match page {
                    Err(ServiceError::Forbidden) => Ok(()),
                    other => Err(format!("a list of answers gave {other:?}")),
                };
            }
            let page = page.map_err(|error| format!("a list gave {error:?}"))?;
            let expected = pages.next().unwrap_or_default();
            let told: Vec<(RecordId, Status)> =
                page.items.iter().map(|item| (item.summary.id, item.summary.status)).collect();
            let must: Vec<(RecordId, Status)> =
                expected.iter().map(|n| (self.model.records[*n].id, self.model.records[*n].status)).collect();
            hold!(told == must, "a page of the list has {told:?}, the model {must:?}");
            for (item, n) in page.items.iter().zip(expected) {
                let said = &self.model.records[*n].said;
                let name = if said.form == BOARD { "display-name" } else { "name" };
                let text = item.fields.as_ref().and_then(|fields| fields.get(name));
                let right = match text {
                    Some(FieldValue::Text(text)) => text.expose() == format!("text {}", said.text),
                    Some(_) => false,
                    // Nothing of a subscription stands in a line.
                    None => !purpose || said.form == NEWSLETTER,
                };
                hold!(right, "a line of the list has other fields");
            }
            let people: Vec<usize> = expected.iter().map(|n| self.model.records[*n].person).collect();
            match purpose {
                false => self.model.note("list-submissions", Vec::new()),
                true if people.is_empty() => self.model.note("list-submissions", Vec::new()),
                true => self.model.note("read-submission", people),
            }
            hold!(page.next.is_some() == pages.peek().is_some(), "a page says wrongly whether another follows");
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    pub async fn find(&mut self, address: u8) -> Result<(), String> {
        let text = SensitiveString::from(ADDRESSES[usize::from(address)]);
        let found = find::by_email(&self.app(), &role(Role::Privacy), &text).await;
        let found = found.map_err(|error| format!("a search gave {error:?}"))?;
        let told: Vec<(PersonId, Vec<RecordId>)> = found
            .iter()
            .map(|found| (found.subject, found.submissions.iter().map(|summary| summary.id).collect()))
            .collect();
        let holder = self.model.holder(address);
        let must: Vec<(PersonId, Vec<RecordId>)> = holder
            .iter()
            .map(|n| (self.model.people[*n].id, self.model.records_of(*n).into_iter().rev().collect()))
            .collect();
        hold!(told == must, "a search found {told:?}, the model {must:?}");
        self.model.note("find-subject", holder.into_iter().collect());
        Ok(())
    }

    pub async fn verify(&mut self) -> Result<(), String> {
        self.clean().await?;
        let report = verify::run(&self.app(), &role(Role::Admin), &|_, _| {}).await;
        let report = report.map_err(|error| format!("verify gave {error:?}"))?;
        hold!(report.problems.is_empty(), "verify: {:?}", report.problems);
        let people = self.model.people.iter().filter(|person| person.alive).count() as u64;
        let records = self.model.living().count() as u64;
        let files = self.model.living().map(|record| record.said.files.len() as u64).sum::<u64>();
        let told = (report.people, report.records, report.files);
        hold!(told == (people, records, files), "verify counts {told:?}, the model {:?}", (people, records, files));
        self.model.note("verify-vault", Vec::new());
        Ok(())
    }

    /// Everything: every record and file that ever was, every line, every address, every certificate, the trail, the
    /// figures, the files on disk.
    pub async fn check(&mut self) -> Result<(), String> {
        self.tally.checks += 1;
        self.verify().await?;
        for n in 0..self.model.records.len() {
            self.read(n).await?;
            for file in 0..=self.model.records[n].said.files.len() as u32 {
                self.download(n, file).await?;
            }
        }
        self.public().await?;
        self.list(None, None, 7, false).await?;
        self.list(None, None, 200, true).await?;
        for address in 0..ADDRESSES.len() as u8 {
            self.find(address).await?;
        }
        for n in 0..self.model.tokens.len() as u8 {
            self.sign_in(n).await?;
        }
        let figures = health::figures(&self.app());
        let told = (figures.people, figures.arrivals, figures.epoch, figures.recovery_epoch, figures.pending_cleanup);
        let people = self.model.people.iter().filter(|person| person.alive).count() as u64;
        let must = (people, self.model.records.len() as u64, self.model.epoch, Some(self.model.epoch), 0);
        hold!(told == must, "the figures are {told:?}, the model's {must:?}");
        let files = self.model.living().map(|record| record.said.files.len()).sum::<usize>();
        // What abandoned uploads left is swept shortly after a start.
        for _ in 0..500 {
            if self.files_on_disk() == files {
                break;
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        hold!(self.files_on_disk() == files, "{} files on disk, the model has {files}", self.files_on_disk());
        self.trail().await
    }

    /// The whole trail, entry by entry, and whom each was about.
    async fn trail(&mut self) -> Result<(), String> {
        let number: BTreeMap<String, usize> =
            self.model.people.iter().enumerate().map(|(n, person)| (person.id.to_string(), n)).collect();
        let mut told: Vec<(String, Vec<Option<usize>>)> = Vec::new();
        let (mut after, mut pages) = (None, 0);
        loop {
            let page = audit::list(&self.app(), &role(Role::Auditor), after.as_deref(), Some(200)).await;
            let page = page.map_err(|error| format!("the trail gave {error:?}"))?;
            pages += 1;
            for entry in page.items.iter().filter(|entry| !entry["action"].as_str().is_some_and(of_its_own_accord)) {
                let subjects: Result<Vec<Option<usize>>, String> = entry["subjects"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|subject| match &subject["subject"] {
                        Value::String(id) => number.get(id).copied().map(Some).ok_or(format!("a stranger {id}")),
                        _ => Ok(None),
                    })
                    .collect();
                told.push((entry["action"].as_str().unwrap_or_default().to_owned(), subjects?));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        told.reverse();
        let people = &self.model.people;
        let show = |entry: &Entry| {
            let about = entry.about.iter().map(|n| people[*n].alive.then_some(*n)).collect();
            (entry.action.to_owned(), about)
        };
        let mut must: Vec<(String, Vec<Option<usize>>)> = self.model.audit.iter().map(show).collect();
        for &(start, len) in &self.model.unordered {
            for list in [&mut told, &mut must] {
                if let Some(stretch) = list.get_mut(start..start + len) {
                    stretch.sort();
                }
            }
        }
        let differs =
            told.iter().zip(&must).position(|(told, must)| told != must).unwrap_or(told.len().min(must.len()));
        hold!(
            told == must,
            "entry {differs} of the trail is {:?}, the model's {:?} ({} and {} entries)",
            told.get(differs),
            must.get(differs),
            told.len(),
            must.len()
        );
        for _ in 0..pages {
            self.model.note("read-audit", Vec::new());
        }
        Ok(())
    }
}

/// What no form takes: a submission with a file of no bytes.
pub async fn submit_an_empty_file(vault: &Arc<Vault>, received: Timestamp) -> Result<(Said, RecordId, String), String> {
    let said = Said { form: 0, address: 5, text: 251, files: vec![Vec::new()] };
    let file = vault.begin_upload().and_then(|upload| upload.finish()).map_err(|error| format!("{error:?}"))?;
    let info = FileInfo {
        n: 0,
        field: "paper".to_owned(),
        name: SensitiveString::from("empty.txt"),
        kind: "text/plain".to_owned(),
        size: 0,
        scan: Scan::Off,
    };
    let content = Content {
        form: form_id(0),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received,
        fields: fields(&said)
            .into_iter()
            .map(|(name, text)| (name.to_owned(), FieldValue::Text(SensitiveString::from(text))))
            .collect(),
        consents: BTreeMap::new(),
        files: vec![info],
        server_key: None,
    };
    let permit = decide(&Actor::Public, Action::Submit, &Resource::Form { roles: &[Role::Support] }).unwrap();
    let act = Act { permit, request: context(Actor::Public).request, purpose: None };
    let email = EmailAddress::parse(ADDRESSES[5]).ok();
    let new = NewSubmission {
        email,
        content,
        status: Status::New,
        files: vec![file],
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    let stored = vault.submit(act, new).await.map_err(|error| format!("an empty file gave {error:?}"))?;
    Ok((said, stored.summary.id, stored.receipt.expose().to_owned()))
}
