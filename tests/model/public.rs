//! Acts on the public side: answers to the survey, comments on the board, subscriptions and issues. And what everybody, or who
//! reads results, must be shown.

use std::time::Duration;

use letterlock::base::ids::{MailingId, RecordId, RequestId};
use letterlock::domain::submission::{FieldValue, Status};
use letterlock::policy::Actor;
use letterlock::services::newsletter::{self, Mailing, NewIssue};
use letterlock::services::{Context, ServiceError, board, portal, results};

use crate::acts::{hold, said};
use crate::op::Op;
use crate::plain::{Issue, Mistake, Stand};
use crate::world::{BOARD, K, NEWSLETTER, SURVEY, World, context, form_id, reader, role};

/// What an act on the public side does, once it is known whom it meets.
#[derive(Clone, Debug)]
pub enum Public {
    Moderate(usize, bool),
    TakeDown(usize, String),
    Confirm(usize, String),
    Unsubscribe(usize, String),
    TakeBack(usize, String),
    Order(String),
}

/// What became of one.
pub type Outcome = Result<Option<MailingId>, ServiceError>;

fn request() -> RequestId {
    context(Actor::Subject).request
}

fn reading(form: u8) -> Context {
    let (who, purpose) = reader(form);
    Context { purpose: Some(purpose.to_owned()), ..role(who) }
}

impl World {
    /// Whom an act meets; `None` when there is nobody.
    pub fn meet(&self, op: &Op) -> Option<Public> {
        let with_receipt = |n: u8, form: u8| {
            let of_form = |(_, record): &(usize, &crate::plain::Record)| record.said.form == form;
            let some: Vec<_> = self.model.records.iter().enumerate().filter(of_form).collect();
            let (at, record) = some.get(usize::from(n) % some.len().max(1))?;
            Some((*at, record.receipt.clone()))
        };
        let link = |n: u8, links: &[(String, usize)]| links.get(usize::from(n) % links.len().max(1)).cloned();
        Some(match op {
            Op::Moderate(n, publish) => Public::Moderate(with_receipt(*n, BOARD)?.0, *publish),
            Op::TakeDown(n) => with_receipt(*n, BOARD).and_then(|(at, code)| Some(Public::TakeDown(at, code?)))?,
            Op::TakeBack(n) => with_receipt(*n, NEWSLETTER).and_then(|(at, code)| Some(Public::TakeBack(at, code?)))?,
            Op::Confirm(n) => link(*n, &self.confirmations).map(|(token, at)| Public::Confirm(at, token))?,
            Op::Unsubscribe(n) => {
                link(*n, &self.unsubscriptions).map(|(token, person)| Public::Unsubscribe(person, token))?
            }
            Op::Order => Public::Order(format!("Issue {}", self.clock_now())),
            _ => return None,
        })
    }

    /// Does it.
    pub async fn perform(&self, act: &Public) -> Outcome {
        let app = self.app();
        match act {
            Public::Moderate(n, publish) => {
                let verdict = match publish {
                    true => board::Verdict::Publish,
                    false => board::Verdict::Decline("It is no comment.".into()),
                };
                let id = self.model.records[*n].id;
                board::moderate(&app, &role(reader(BOARD).0), id, verdict).await.map(|_| None)
            }
            Public::TakeDown(_, code) => {
                let own = portal::enter(&app, code).await?;
                portal::take_down(&app, request(), own).await.map(|()| None)
            }
            Public::TakeBack(_, code) => {
                let own = portal::enter(&app, code).await?;
                portal::withdraw(&app, request(), own, "newsletter").await.map(|()| None)
            }
            Public::Confirm(_, token) => {
                let asked = newsletter::find_unconfirmed(&app, &form_id(NEWSLETTER), token).await?;
                newsletter::confirm(&app, request(), asked).await.map(|()| None)
            }
            Public::Unsubscribe(_, token) => {
                let form = form_id(NEWSLETTER);
                let subscriber = newsletter::find_subscriber(&app, &form, token).await?;
                newsletter::unsubscribe(&app, request(), &form, subscriber).await.map(|()| None)
            }
            Public::Order(subject) => {
                let issue = NewIssue {
                    subject: subject.clone(),
                    text: "All is well.".to_owned(),
                    markdown: None,
                    topics: None,
                    key: subject.clone(),
                };
                let ordered = newsletter::order(&app, &reading(NEWSLETTER), &form_id(NEWSLETTER), issue).await;
                ordered.map(|(Mailing { id, .. }, _)| Some(id))
            }
        }
    }

    /// What an answer to it means.
    pub fn performed(&mut self, act: &Public, outcome: Outcome) -> Result<(), String> {
        let now = self.clock_now();
        let can = match act {
            Public::Moderate(n, _) => {
                let record = &self.model.records[*n];
                record.alive && record.status != Status::Withdrawn
            }
            Public::TakeDown(n, _) | Public::TakeBack(n, _) => self.model.records[*n].alive,
            Public::Confirm(n, _) => self.model.can_confirm(*n),
            Public::Unsubscribe(person, _) => self.model.people[*person].alive,
            Public::Order(_) => true,
        };
        let id = match outcome {
            Ok(id) if can => id,
            Err(ServiceError::NotFound) if !can => return Ok(()),
            other => return Err(format!("{act:?} (possible: {can}) gave {other:?}")),
        };
        match act {
            Public::Moderate(n, publish) => {
                let record = &mut self.model.records[*n];
                record.status = if *publish { Status::Published } else { Status::Declined };
                record.messages += usize::from(!publish);
                let person = record.person;
                self.model.note("moderate", vec![person]);
            }
            Public::TakeDown(n, _) => {
                if self.model.mistake != Some(Mistake::ShowsWhatWasTakenDown) {
                    self.model.records[*n].status = Status::Withdrawn;
                }
                let person = self.model.records[*n].person;
                self.model.note("take-down", vec![person]);
            }
            Public::TakeBack(n, _) => {
                let person = self.model.records[*n].person;
                self.model.note("read-submission", vec![person]);
                if self.model.take_back(*n) {
                    self.model.note("withdraw-consent", vec![person]);
                }
            }
            Public::Confirm(n, _) => {
                if self.model.confirm(*n, now) {
                    let person = self.model.records[*n].person;
                    self.model.note("confirm-consent", vec![person]);
                }
            }
            Public::Unsubscribe(person, _) => {
                if self.model.unsubscribe(*person) {
                    self.model.note("withdraw-consent", vec![*person]);
                }
            }
            Public::Order(subject) => {
                let id = id.ok_or("an order without an id")?;
                let excused = self.model.bereft();
                let issue = Issue { id, subject: subject.clone(), at: now, got: Vec::new(), excused };
                self.model.issues.push(issue);
                self.model.note("send-mailing", Vec::new());
            }
        }
        Ok(())
    }

    /// An act whose answer never came, and that left these entries in the trail.
    pub async fn performed_unseen(&mut self, act: &Public, entries: &[String]) -> Result<(), String> {
        // Looking at one's own submission comes first, and is in the trail by itself.
        if let (Public::TakeBack(n, _), [only]) = (act, entries)
            && only == "read-submission"
        {
            let person = self.model.records[*n].person;
            self.model.note("read-submission", vec![person]);
            return Ok(());
        }
        let id = match act {
            Public::Order(subject) => {
                let all = newsletter::list(&self.app(), &reading(NEWSLETTER), &form_id(NEWSLETTER)).await;
                let all = all.map_err(|error| format!("the issues gave {error:?}"))?;
                all.iter().find(|mailing| mailing.subject == *subject).map(|mailing| mailing.id)
            }
            _ => None,
        };
        self.performed(act, Ok(id))
    }

    /// So many answers come in, one after the other.
    pub async fn answers(&mut self, count: u8) -> Result<(), String> {
        for n in 0..count {
            let said = said(SURVEY, 0, &[], n.wrapping_mul(37).wrapping_add(self.model.records.len() as u8));
            let answer = self.send(&said, None).await;
            self.submitted(said, None, answer).await?;
        }
        Ok(())
    }

    /// Somebody subscribes, and confirms by the mail that comes; of those to one address some may be left out.
    pub async fn subscribe(&mut self, address: u8) -> Result<(), String> {
        let said = said(NEWSLETTER, address, &[], 0);
        let answer = self.send(&said, None).await;
        self.submitted(said, None, answer).await?;
        let newest = self.model.records.len() - 1;
        self.post(usize::MAX).await?;
        let found = self.confirmations.iter().find(|(_, n)| *n == newest).cloned();
        let Some((token, n)) = found else { return Ok(()) };
        let act = Public::Confirm(n, token);
        let outcome = self.perform(&act).await;
        self.performed(&act, outcome)
    }

    /// What nobody confirmed for a week goes.
    pub async fn week(&mut self) -> Result<(), String> {
        self.post_all().await?;
        self.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
        // A key is good for a day.
        self.model.keys.clear();
        let due: Vec<usize> = (0..self.model.records.len())
            .filter(|n| self.model.records[*n].alive && self.model.records[*n].status == Status::Unconfirmed)
            .collect();
        let gone = newsletter::sweep(&self.app()).await.map_err(|error| format!("the sweep gave {error:?}"))?;
        hold!(gone == due.len(), "{gone} subscriptions went, the model knows of {}", due.len());
        let rounds = due.iter().map(|n| due.iter().filter(|m| self.person_of(**m) == self.person_of(*n)).count()).max();
        self.model.epoch += rounds.unwrap_or(0) as u64;
        for n in due {
            let person = self.person_of(n);
            self.model.records[n].alive = false;
            if self.model.records_of(person).is_empty() {
                self.model.people[person].alive = false;
            }
        }
        // Issues are kept for thirty days.
        let now = self.clock_now();
        self.model.issues.retain(|issue| now.since(issue.at) < Duration::from_secs(30 * 24 * 60 * 60));
        self.clean().await
    }

    fn person_of(&self, n: usize) -> usize {
        self.model.records[n].person
    }

    /// Board, results and issues are those of the model.
    pub async fn public(&mut self) -> Result<(), String> {
        self.board().await?;
        self.results().await?;
        self.post_all().await
    }

    async fn board(&self) -> Result<(), String> {
        let mut told = Vec::new();
        for number in 1.. {
            let page = board::page(&self.app(), &context(Actor::Public), &form_id(BOARD), number).await;
            let page = page.map_err(|error| format!("the board gave {error:?}"))?;
            told.extend(
                page.postings
                    .iter()
                    .map(|posting| posting.fields.iter().map(|(_, text)| text.expose().to_owned()).collect::<Vec<_>>()),
            );
            if !page.more {
                break;
            }
        }
        let text = |n: &usize| {
            let fields = crate::world::fields(&self.model.records[*n].said);
            vec![fields["display-name"].clone(), fields["comment"].clone()]
        };
        let must: Vec<Vec<String>> = self.model.shown().iter().map(text).collect();
        hold!(told == must, "the board shows {told:?}, the model {must:?}");
        Ok(())
    }

    async fn results(&mut self) -> Result<(), String> {
        let (app, form, ctx) = (self.app(), form_id(SURVEY), role(reader(SURVEY).0));
        let purpose = Some(reader(SURVEY).1);
        let report =
            results::show(&app, &ctx, &form, purpose).await.map_err(|error| format!("results gave {error:?}"))?;
        self.model.note("read-results", Vec::new());
        let counted = self.model.counted();
        let answers = (!counted.is_empty()).then_some(counted.len() as u64);
        hold!(report.answers == answers, "{:?} answers are counted, the model has {answers:?}", report.answers);
        let fields = |n: &usize| crate::world::fields(&self.model.records[*n].said);
        let marks = |mark: u64| {
            let given = counted.iter().filter(|n| fields(n)["satisfaction"] == mark.to_string()).count() as u64;
            (2 * given + u64::from(K)) / (2 * u64::from(K)) * u64::from(K)
        };
        let question = report.questions.iter().find(|question| question.name == "satisfaction");
        let told: Vec<u64> = question.iter().flat_map(|question| &question.counts).map(|line| line.count).collect();
        let must: Vec<u64> = if answers.is_some() { (1..=5).map(marks).collect() } else { Vec::new() };
        hold!(told == must, "marks are told as {told:?}, the model has {must:?}");

        let (mut texts, mut after) = (Vec::new(), None);
        loop {
            let page = results::texts(&app, &ctx, &form, "ideas", purpose, after.as_deref(), Some(7)).await;
            let page = page.map_err(|error| format!("words gave {error:?}"))?;
            self.model.note("read-results", Vec::new());
            texts.extend(page.items.iter().map(|text| text.expose().to_owned()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let fields = |n: &usize| crate::world::fields(&self.model.records[*n].said);
        let mut must: Vec<String> = counted.iter().map(|n| fields(n)["ideas"].clone()).collect();
        texts.sort();
        must.sort();
        hold!(texts == must, "words are {texts:?}, the model has {must:?}");
        Ok(())
    }

    /// Whoever holds the receipt of an answer sees it; nobody else does.
    pub async fn read_answer(&mut self, n: usize) -> Result<(), String> {
        let record = &self.model.records[n];
        let Some(code) = record.receipt.clone() else { return Ok(()) };
        let (alive, person) = (record.alive, record.person);
        let own = match portal::enter(&self.app(), &code).await {
            Ok(own) if alive => own,
            Err(ServiceError::NotFound) if !alive => return Ok(()),
            other => return Err(format!("a receipt (alive: {alive}) gave {other:?}")),
        };
        let mine =
            portal::show(&self.app(), request(), own).await.map_err(|error| format!("an answer gave {error:?}"))?;
        self.model.note("read-submission", vec![person]);
        let texts = told(&mine.content.fields);
        let must = crate::world::fields(&self.model.records[n].said);
        hold!(texts == must, "an answer reads {texts:?}, sent was {must:?}");
        let id: RecordId = mine.summary.id;
        hold!(id == self.model.records[n].id, "a receipt opens another answer");
        Ok(())
    }
}

/// Fields as the model has them.
pub fn told(fields: &letterlock::domain::submission::Fields) -> std::collections::BTreeMap<&str, String> {
    let text = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.expose().to_owned(),
        other => other.to_json().to_string(),
    };
    fields.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
}

/// How a new submission by a form stands as a subscription.
pub fn stand(form: u8) -> Option<Stand> {
    (form == NEWSLETTER).then_some(Stand::Asked)
}
