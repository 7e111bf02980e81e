//! The acts, each carried out on the vault and on the model, the answers compared.

use letterlock::base::ids::{Handle, PersonId, RecordId};
use letterlock::domain::submission::Status;
use letterlock::policy::{Actor, Role};
use letterlock::services::submit::Receipt;
use letterlock::services::{ServiceError, erase, portal, review, staff};
use letterlock::vault::Step;
use serde_json::Value;

use crate::op::Op;
use crate::plain::{Deed, Model, Person, Record, Said, Token};
use crate::world::{BOARD, NEWSLETTER, SIZES, SURVEY, World, context, form_id, has_address, role, statuses};

/// Fails with a sentence unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($sentence:tt)*) => {
        if !$condition {
            return Err(format!($($sentence)*));
        }
    };
}
pub(crate) use hold;

/// What a submission must be answered with.
enum Answer {
    New,
    Same(usize),
    KeyReused,
    Invalid,
    TooLarge,
}

impl World {
    pub async fn act(&mut self, op: &Op) -> Result<(), String> {
        self.tally.answers += 1;
        self.clock.advance(std::time::Duration::from_secs(1));
        match op {
            Op::Submit { form, address, files, text, key } => {
                let said = said(*form, *address, files, *text);
                let answer = self.send(&said, *key).await;
                self.submitted(said, *key, answer).await
            }
            Op::Read(n) => match self.model.record(*n) {
                Some(record) => self.read(record).await,
                None => Ok(()),
            },
            Op::Download(n, file) => match self.model.record(*n) {
                Some(record) => self.download(record, u32::from(*file)).await,
                None => Ok(()),
            },
            Op::Unlock(n) => match self.model.record(*n) {
                Some(record) => self.unlock(record).await,
                None => Ok(()),
            },
            Op::Mark(n, status) => match self.model.record(*n) {
                Some(record) => {
                    let answer = self.mark(record, *status).await;
                    self.marked(record, *status, answer)
                }
                None => Ok(()),
            },
            Op::List { form, status, limit, purpose } => {
                let status = status.map(|n| Status::ALL[usize::from(n)]);
                self.list(*form, status, u32::from(*limit), *purpose).await
            }
            Op::Find(address) => self.find(*address).await,
            Op::ErasePerson(n) => match self.model.person(*n) {
                Some(person) => {
                    let answer = erase::person(&self.app(), &role(Role::Privacy), self.model.people[person].id).await;
                    self.erased_one(answer, Some(person), None)
                }
                None => Ok(()),
            },
            Op::EraseRecord(n) => match self.model.record(*n) {
                Some(record) => {
                    let answer = erase::record(&self.app(), &role(Role::Privacy), self.model.records[record].id).await;
                    self.erased_one(answer, None, Some(record))
                }
                None => Ok(()),
            },
            Op::EraseMany(numbers) => self.erase_many(numbers).await,
            Op::EraseAtOnce(people, records) => self.erase_at_once(people, records).await,
            Op::Certificate(n) => self.certificate(*n).await,
            Op::Token(login, which) => self.token(*login, Role::ALL[usize::from(*which)]).await,
            Op::Revoke(n) => self.revoke(*n).await,
            Op::SignIn(n) => self.sign_in(*n).await,
            Op::Disable(login) => self.disable(*login).await,
            Op::Verify => self.verify().await,
            Op::Restart => {
                self.tally.restarts += 1;
                self.close().await;
                self.open()
            }
            Op::Drop => {
                self.tally.restarts += 1;
                self.drop_it();
                self.open()
            }
            Op::Direct(targets) => self.directly(targets).await,
            Op::StopAt(step, is_person, n) => self.stop(Step::ERASURE[usize::from(*step)], *is_person, *n).await,
            Op::Fault(nth, written, inner) => self.fault(*nth, *written, inner).await,
            Op::Answers(count) => self.answers(*count).await,
            Op::Subscribe(address) => self.subscribe(*address).await,
            Op::Moderate(..) | Op::TakeDown(_) | Op::Confirm(_) | Op::Unsubscribe(_) | Op::TakeBack(_) | Op::Order => {
                match self.meet(op) {
                    Some(act) => {
                        let outcome = self.perform(&act).await;
                        self.performed(&act, outcome)
                    }
                    None => Ok(()),
                }
            }
            Op::Post(most) => self.post(usize::from(*most)).await.map(drop),
            Op::Week => self.week().await,
            Op::Check => self.check().await,
        }
    }

    // --- submissions ---

    fn answer(&self, said: &Said, key: Option<u8>) -> Answer {
        if said.files.iter().any(|file| file.len() > 70_000) {
            return Answer::TooLarge;
        }
        if said.files.iter().any(Vec::is_empty) {
            return Answer::Invalid;
        }
        let earlier = key.and_then(|key| self.model.keys.get(&(said.form, key)));
        match earlier.map(|&record| (record, &self.model.records[record])) {
            Some((n, record)) if record.alive && means_the_same(&record.said, said) => Answer::Same(n),
            Some((_, record)) if record.alive => Answer::KeyReused,
            _ => Answer::New,
        }
    }

    pub async fn submitted(
        &mut self,
        said: Said,
        key: Option<u8>,
        answer: Result<Receipt, ServiceError>,
    ) -> Result<(), String> {
        match (self.answer(&said, key), answer) {
            (Answer::New, Ok(Receipt { submission, receipt, .. })) => {
                self.arrived(said, key, submission, Some(receipt), None).await
            }
            (Answer::Same(n), Ok(Receipt { submission, receipt, .. })) => {
                let record = &mut self.model.records[n];
                hold!(record.id == submission, "a repeated request made another submission");
                hold!(*record.receipt.get_or_insert(receipt.clone()) == receipt, "a repetition got another receipt");
                Ok(())
            }
            (Answer::KeyReused, Err(ServiceError::KeyReused)) => Ok(()),
            (Answer::Invalid, Err(ServiceError::Invalid(_))) => Ok(()),
            (Answer::TooLarge, Err(ServiceError::TooLarge { .. })) => Ok(()),
            (_, other) => Err(format!("submitting {:?} with key {key:?} gave {other:?}", brief(&said))),
        }
    }

    /// A submission is in. Whom it is about is asked from the vault, and must be who holds the address, or somebody new. An
    /// answer to the survey without a receipt can be asked by nobody: `seen` says whom it is about.
    pub async fn arrived(
        &mut self,
        said: Said,
        key: Option<u8>,
        id: RecordId,
        receipt: Option<String>,
        seen: Option<PersonId>,
    ) -> Result<(), String> {
        hold!(self.model.records.iter().all(|record| record.id != id), "an id came twice");
        self.model.note("submit", Vec::new());
        let (subject, shown) = if said.form == SURVEY {
            (self.whose_answer(receipt.as_deref(), seen).await?, None)
        } else {
            let (role_of, purpose) = crate::world::reader(said.form);
            let shown = review::show(&self.app(), &role(role_of), id, Some(purpose)).await;
            let shown = shown.map_err(|error| format!("a submission just made gives {error:?}"))?;
            (shown.summary.subject, Some(shown))
        };
        let held = has_address(said.form).then(|| self.model.holder(said.address)).flatten();
        let person = match held {
            Some(person) => {
                hold!(self.model.people[person].id == subject, "the holder of the address is somebody else");
                person
            }
            None => {
                hold!(self.model.people.iter().all(|p| p.id != subject), "a newcomer took over a handle");
                let address = has_address(said.form).then_some(said.address);
                self.model.people.push(Person { id: subject, address, subscribed: None, alive: true });
                self.model.people.len() - 1
            }
        };
        if let Some(last) = self.model.audit.last_mut().filter(|entry| entry.action == "submit") {
            last.about = vec![person];
        }
        if said.form != SURVEY || receipt.is_some() {
            self.model.note("read-submission", vec![person]);
        }
        let (status, stand) = (statuses(said.form)[0], crate::public::stand(said.form));
        let number = self.model.records.len();
        let record = Record { id, person, said, status, receipt, downloads: 0, messages: 0, stand, alive: true };
        self.model.records.push(record);
        if let Some(key) = key {
            self.model.keys.insert((self.model.records[number].said.form, key), number);
        }
        match shown {
            Some(shown) => crate::compare::content(&self.model.records[number], subject, &shown),
            None => Ok(()),
        }
    }

    /// Whom an answer to the survey is about, as its receipt says.
    async fn whose_answer(&self, receipt: Option<&str>, seen: Option<PersonId>) -> Result<PersonId, String> {
        let Some(receipt) = receipt else { return seen.ok_or_else(|| "an answer that nobody has seen".to_owned()) };
        let failed = |error| format!("the receipt of an answer just made gives {error:?}");
        let own = portal::enter(&self.app(), receipt).await.map_err(failed)?;
        let mine = portal::show(&self.app(), context(Actor::Subject).request, own).await.map_err(failed)?;
        Ok(mine.summary.subject)
    }

    pub async fn mark(&self, record: usize, status: u8) -> Result<Status, ServiceError> {
        let record = &self.model.records[record];
        let ctx = role(crate::world::reader(record.said.form).0);
        let status = status_for(record.said.form, status);
        review::set_status(&self.app(), &ctx, record.id, status).await.map(|summary| summary.status)
    }

    pub fn marked(&mut self, n: usize, status: u8, answer: Result<Status, ServiceError>) -> Result<(), String> {
        let record = &mut self.model.records[n];
        let status = status_for(record.said.form, status);
        let allowed = statuses(record.said.form).contains(&status);
        match answer {
            // Answers are for nobody; comments are published or declined; how somebody is subscribed, they say themselves.
            Err(ServiceError::NotFound) if record.said.form == SURVEY => Ok(()),
            Err(ServiceError::Forbidden) if record.alive && record.said.form == BOARD => Ok(()),
            Err(ServiceError::Invalid(_)) if record.alive && record.said.form == NEWSLETTER => Ok(()),
            other if record.alive && matches!(record.said.form, SURVEY | BOARD | NEWSLETTER) => {
                Err(format!("marking by form {} gave {other:?}", record.said.form))
            }
            Ok(now) if record.alive && allowed => {
                hold!(now == status, "marking {status} gave {now}");
                if self.model.mistake != Some(crate::plain::Mistake::ForgetsMarks) {
                    record.status = status;
                }
                let person = record.person;
                self.model.note("set-status", vec![person]);
                Ok(())
            }
            Err(ServiceError::Invalid(_)) if record.alive && !allowed => Ok(()),
            Err(ServiceError::NotFound) if !record.alive => Ok(()),
            other => Err(format!("marking a record (alive: {}) as {status} gave {other:?}", record.alive)),
        }
    }

    // --- erasures ---

    /// An erasure of one person or record was answered.
    pub fn erased_one(
        &mut self,
        answer: Result<Value, ServiceError>,
        person: Option<usize>,
        record: Option<usize>,
    ) -> Result<(), String> {
        let alive =
            person.is_some_and(|n| self.model.people[n].alive) || record.is_some_and(|n| self.model.records[n].alive);
        match answer {
            Ok(certificate) if alive => {
                self.ordered(&[(person, record)]);
                self.is_certified(&certificate)
            }
            Err(ServiceError::NotFound) if !alive => Ok(()),
            other => Err(format!("erasing something (alive: {alive}) gave {other:?}")),
        }
    }

    /// One order was carried out.
    pub fn ordered(&mut self, targets: &[(Option<usize>, Option<usize>)]) {
        self.tally.erasures += 1;
        self.model.epoch += 1;
        let about: Vec<usize> =
            targets.iter().filter_map(|(_, record)| record.map(|n| self.model.records[n].person)).collect();
        let only_a_record = matches!(targets, [(None, Some(_))]);
        self.model.note(if only_a_record { "erase-record" } else { "erase-person" }, about);
        let before = self.model.clone();
        for (person, record) in targets {
            match (person, record) {
                (Some(person), _) => {
                    self.model.erase_person(*person);
                    // A record that the same order named first counts for both.
                    if let Some(deed) = self.model.deeds.last_mut() {
                        deed.records = before.records_of(*person);
                    }
                }
                (None, Some(record)) => self.model.erase_record(*record),
                (None, None) => {}
            }
        }
    }

    /// The last deed is what the certificate says.
    fn is_certified(&self, certificate: &Value) -> Result<(), String> {
        let deed = self.model.deeds.last().ok_or("no deed")?;
        says(certificate, deed, &self.model)
    }

    async fn erase_many(&mut self, numbers: &[u8]) -> Result<(), String> {
        let mut ids: Vec<PersonId> = vec![PersonId::from_bytes([7; 16])];
        let mut wanted: Vec<Option<usize>> = vec![None];
        let mut chosen = Vec::new();
        for person in numbers.iter().filter_map(|n| self.model.person(*n)) {
            ids.push(self.model.people[person].id);
            let fresh = self.model.people[person].alive && !chosen.contains(&person);
            wanted.push(fresh.then_some(person));
            chosen.extend(fresh.then_some(person));
        }
        let answers = erase::people(&self.app(), &role(Role::Privacy), &ids).await;
        let answers = answers.map_err(|error| format!("erasing many gave {error:?}"))?;
        self.erased_many(&wanted, &answers)
    }

    fn erased_many(&mut self, wanted: &[Option<usize>], answers: &[Result<Value, ServiceError>]) -> Result<(), String> {
        let targets: Vec<_> = wanted.iter().flatten().map(|person| (Some(*person), None)).collect();
        if !targets.is_empty() {
            self.ordered(&targets);
        }
        hold!(answers.len() == wanted.len(), "{} answers to {} targets", answers.len(), wanted.len());
        for (wanted, answer) in wanted.iter().zip(answers) {
            match (wanted, answer) {
                (Some(person), Ok(certificate)) => {
                    let handle = self.model.people[*person].id.to_string();
                    let deed = self.model.deeds.iter().find(|deed| deed.handle == handle).ok_or("no deed")?;
                    says(certificate, deed, &self.model)?;
                }
                (None, Err(ServiceError::NotFound)) => {}
                (wanted, other) => return Err(format!("of many, {wanted:?} gave {other:?}")),
            }
        }
        Ok(())
    }

    /// Several orders at the same moment: each is carried out, in as few epochs as it happens.
    async fn erase_at_once(&mut self, people: &[u8], records: &[u8]) -> Result<(), String> {
        let mut targets: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        for person in people.iter().filter_map(|n| self.model.person(*n)).filter(|n| self.model.people[*n].alive) {
            if !targets.contains(&(Some(person), None)) {
                targets.push((Some(person), None));
            }
        }
        for record in records.iter().filter_map(|n| self.model.record(*n)).filter(|n| self.model.records[*n].alive) {
            let person = self.model.records[record].person;
            if !targets.contains(&(Some(person), None)) && !targets.contains(&(None, Some(record))) {
                targets.push((None, Some(record)));
            }
        }
        let mut tasks = tokio::task::JoinSet::new();
        for (n, target) in targets.iter().enumerate() {
            let (app, ctx) = (self.app(), role(Role::Privacy));
            let ids = (target.0.map(|n| self.model.people[n].id), target.1.map(|n| self.model.records[n].id));
            tasks.spawn(async move {
                let answer = match ids {
                    (Some(person), _) => erase::person(&app, &ctx, person).await,
                    (_, Some(record)) => erase::record(&app, &ctx, record).await,
                    _ => unreachable!("a target is one or the other"),
                };
                (n, answer)
            });
        }
        let (before, noted) = (self.model.epoch, self.model.audit.len());
        for (n, answer) in tasks.join_all().await {
            let certificate = answer.map_err(|error| format!("one of several erasures gave {error:?}"))?;
            self.ordered(&[targets[n]]);
            let after = certificate["statement"]["epoch_after"].as_u64().unwrap_or(0);
            hold!(after > before && after <= before + targets.len() as u64, "epoch {after} after {before}");
            if let Some(deed) = self.model.deeds.last_mut() {
                deed.after = after;
            }
            self.is_certified(&certificate)?;
        }
        if targets.len() > 1 {
            self.model.unordered.push((noted, self.model.audit.len() - noted));
        }
        let epoch = letterlock::services::health::figures(&self.app()).epoch;
        hold!(epoch <= self.model.epoch, "epoch {epoch} after {} orders from {before}", targets.len());
        self.model.epoch = epoch;
        Ok(())
    }

    async fn certificate(&mut self, n: u8) -> Result<(), String> {
        let ctx = role(Role::Privacy);
        let unknown = erase::certificate(&self.app(), &ctx, Handle::from_bytes([9; 16])).await;
        hold!(matches!(unknown, Err(ServiceError::NotFound)), "an unknown handle gave {unknown:?}");
        let Some(count) = u8::try_from(self.model.deeds.len()).ok().filter(|count| *count > 0) else { return Ok(()) };
        let deed = self.model.deeds[usize::from(n % count)].clone();
        let handle: Handle = deed.handle.parse().map_err(|_| "a handle that is none")?;
        let answer = erase::certificate(&self.app(), &ctx, handle).await;
        let certificate = answer.map_err(|error| format!("a certificate asked for again gave {error:?}"))?;
        self.model.note("find-subject", Vec::new());
        says(&certificate, &deed, &self.model)
    }

    // --- accounts ---

    async fn token(&mut self, login: u8, role_of: Role) -> Result<(), String> {
        let name = format!("login-{login}");
        let answer = staff::create_token(&self.app(), &role(Role::Admin), &name, &[role_of], None).await;
        match (self.model.logins.get(&login).copied().unwrap_or(false), answer) {
            (false, Ok(token)) => {
                let bearer = token.bearer.expose().to_owned();
                self.model.logins.insert(login, false);
                self.model.tokens.push(Token { id: token.id, bearer, login, role: role_of, revoked: false });
                self.model.note("manage-staff", Vec::new());
                Ok(())
            }
            (true, Err(ServiceError::Invalid(_))) => Ok(()),
            (disabled, other) => Err(format!("a token for a login (disabled: {disabled}) gave {other:?}")),
        }
    }

    async fn revoke(&mut self, n: u8) -> Result<(), String> {
        if self.model.tokens.is_empty() {
            return Ok(());
        }
        let n = usize::from(n) % self.model.tokens.len();
        let answer = staff::revoke_token(&self.app(), &role(Role::Admin), self.model.tokens[n].id).await;
        answer.map_err(|error| format!("revoking gave {error:?}"))?;
        self.model.tokens[n].revoked = true;
        self.model.note("manage-staff", Vec::new());
        Ok(())
    }

    pub async fn sign_in(&self, n: u8) -> Result<(), String> {
        if self.model.tokens.is_empty() {
            return Ok(());
        }
        let token = &self.model.tokens[usize::from(n) % self.model.tokens.len()];
        let works = !token.revoked && !self.model.logins[&token.login];
        match staff::authenticate(&self.app(), &token.bearer).await {
            Ok(Actor::Staff { roles, .. }) if works && roles == [token.role] => Ok(()),
            Err(ServiceError::Unauthenticated) if !works => Ok(()),
            other => Err(format!("signing in (a good token: {works}) gave {other:?}")),
        }
    }

    async fn disable(&mut self, login: u8) -> Result<(), String> {
        let answer = staff::disable(&self.app(), &role(Role::Admin), &format!("login-{login}")).await;
        match (self.model.logins.contains_key(&login), answer) {
            (true, Ok(())) => {
                self.model.logins.insert(login, true);
                self.model.note("manage-staff", Vec::new());
                Ok(())
            }
            (false, Err(ServiceError::NotFound)) => Ok(()),
            (known, other) => Err(format!("disabling a login (known: {known}) gave {other:?}")),
        }
    }
}

/// A status from a number, mostly one that the form uses.
pub fn status_for(form: u8, n: u8) -> Status {
    let own = statuses(form);
    if n < 8 { own[usize::from(n) % own.len()] } else { Status::ALL[usize::from(n % 2) * 9] }
}

/// What a submission says, from numbers.
pub fn said(form: u8, address: u8, files: &[u8], text: u8) -> Said {
    let content = |n: u8| vec![b'a' + text % 26; SIZES[usize::from(n)]];
    let files = if form == 0 { files.iter().map(|n| content(*n)).collect() } else { Vec::new() };
    Said { form, address, text, files }
}

/// Who is named does not count where the form does not ask.
fn means_the_same(one: &Said, other: &Said) -> bool {
    *one == Said { address: if has_address(one.form) { other.address } else { one.address }, ..other.clone() }
}

fn brief(said: &Said) -> String {
    let sizes: Vec<usize> = said.files.iter().map(Vec::len).collect();
    format!("form {} address {} text {} files {sizes:?}", form_id(said.form), said.address, said.text)
}

/// Whether a certificate says what was done, and is signed by this vault.
pub fn says(certificate: &Value, deed: &Deed, model: &Model) -> Result<(), String> {
    let statement = &certificate["statement"];
    let mut records: Vec<String> = deed.records.iter().map(ToString::to_string).collect();
    let mut told: Vec<String> =
        statement["records"].as_array().into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    records.sort();
    told.sort();
    hold!(records == told, "a certificate tells of {told:?}, erased were {records:?}");
    let subject = model.people[deed.person].id.to_string();
    hold!(statement["subject"] == subject.as_str(), "a certificate is about somebody else");
    hold!(
        statement["epoch_after"] == deed.after,
        "a certificate says epoch {}, not {}",
        statement["epoch_after"],
        deed.after
    );
    hold!(statement["state"] == "complete", "a certificate is {}", statement["state"]);
    let certificate: letterlock::vault::Certificate =
        serde_json::from_value(certificate.clone()).map_err(|error| error.to_string())?;
    let key = data_encoding::HEXLOWER.decode(certificate.public_key.as_bytes()).map_err(|error| error.to_string())?;
    certificate.verify(&key).map_err(|error| error.to_string())
}
