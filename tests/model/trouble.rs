//! Acts past the services, stops between two steps, and a store that fails.

use letterlock::base::ids::RecordId;
use letterlock::policy::{Action, Actor, Resource, Role, decide};
use letterlock::services::{ServiceError, erase};
use letterlock::vault::{Act, Step, Target, VaultError};

use crate::acts::{hold, said, says, status_for};
use crate::op::Op;
use crate::plain::{Person, Record};
use crate::world::{SURVEY, World, context, role};

impl World {
    /// Receipts, an empty file, and one order of people and records, with doubles and strangers among them.
    pub async fn directly(&mut self, chosen: &[(bool, u8)]) -> Result<(), String> {
        let vault = self.open_directly().await?;
        for record in &self.model.records {
            let Some(receipt) = &record.receipt else { continue };
            let found = vault.locate_by_receipt(receipt).map(|located| located.summary.id);
            let must = if record.alive { Ok(record.id) } else { Err(VaultError::Missing) };
            hold!(found == must, "a receipt leads to {found:?}, not {must:?}");
            let other = if receipt.starts_with('0') { 'Z' } else { '0' };
            let wrong = format!("{other}{}", &receipt[1..]);
            let found = vault.locate_by_receipt(&wrong).map(|located| located.summary.id);
            hold!(found == Err(VaultError::Missing), "a wrong receipt leads to {found:?}");
        }

        let mut targets = vec![Target::Record(RecordId::from_bytes([8; 16]))];
        let mut expected: Vec<Option<(Option<usize>, Option<usize>)>> = vec![None];
        let mut taken: Vec<(Option<usize>, Option<usize>)> = Vec::new();
        for (is_person, n) in chosen.iter().chain(chosen.first()) {
            let (target, what, alive) = match is_person {
                true => {
                    let Some(person) = self.model.person(*n) else { continue };
                    let Person { id, alive, .. } = self.model.people[person];
                    (Target::Person(id), (Some(person), None), alive)
                }
                false => {
                    let Some(record) = self.model.record(*n) else { continue };
                    let Record { id, person, alive, .. } = self.model.records[record];
                    (Target::Record(id), (None, Some(record)), alive && !taken.contains(&(Some(person), None)))
                }
            };
            let counts = alive && !taken.contains(&what);
            targets.push(target);
            expected.push(counts.then_some(what));
            taken.extend(counts.then_some(what));
        }
        let permit = decide(&Actor::Owner { role: Role::Privacy }, Action::ErasePerson, &Resource::Subject);
        let act = Act { permit: permit.unwrap(), request: context(Actor::Public).request, purpose: None };
        let answers = vault.erase(act, targets).await.map_err(|error| format!("a mixed order gave {error:?}"))?;
        if !taken.is_empty() {
            let audit = self.model.audit.len();
            self.ordered(&taken);
            self.model.audit[audit].action = "erase-person";
        }
        hold!(answers.len() == expected.len(), "{} answers to {} targets", answers.len(), expected.len());
        for (expected, answer) in expected.iter().zip(answers) {
            hold!(expected.is_some() == answer.is_some(), "in a mixed order, {expected:?} gave {answer:?}");
            let (Some((person, record)), Some(certificate)) = (expected, answer) else { continue };
            let handle = match (person, record) {
                (Some(person), _) => self.model.people[*person].id.to_string(),
                (None, record) => self.model.records[record.unwrap()].id.to_string(),
            };
            let deed = self.model.deeds.iter().find(|deed| deed.handle == handle).ok_or("no deed")?;
            says(&serde_json::to_value(certificate).unwrap(), deed, &self.model)?;
        }
        let (said, id, receipt) = crate::compare::submit_an_empty_file(&vault, self.clock_now()).await?;
        drop(vault);
        self.open()?;
        self.arrived(said, None, id, Some(receipt), None).await
    }

    pub async fn stop(&mut self, step: Step, is_person: bool, n: u8) -> Result<(), String> {
        let (person, record) = match is_person {
            true => (self.model.person(n), None),
            false => (None, self.model.record(n)),
        };
        let alive =
            person.is_some_and(|n| self.model.people[n].alive) || record.is_some_and(|n| self.model.records[n].alive);
        if !alive {
            return Ok(());
        }
        self.clean().await?;
        self.tally.stops += 1;
        self.stop_at(step);
        let answer = match (person, record) {
            (Some(n), _) => erase::person(&self.app(), &role(Role::Privacy), self.model.people[n].id).await,
            (_, n) => erase::record(&self.app(), &role(Role::Privacy), self.model.records[n.unwrap()].id).await,
        };
        hold!(matches!(answer, Err(ServiceError::Unavailable)), "stopped at {step:?}, an erasure gave {answer:?}");
        self.drop_it();
        self.open()?;
        if step != Step::Order {
            self.ordered(&[(person, record)]);
        }
        Ok(())
    }

    /// An act meets a store that fails. What was acknowledged has happened; what was not has happened whole, with its
    /// entry in the trail, or not at all.
    pub async fn fault(&mut self, nth: u8, written: bool, op: &Op) -> Result<(), String> {
        self.clean().await?;
        let nobody = match op {
            Op::Mark(n, _) | Op::EraseRecord(n) => self.model.record(*n).is_none(),
            Op::ErasePerson(n) => self.model.person(*n).is_none(),
            Op::Submit { .. } | Op::Answers(_) => false,
            other => self.meet(other).is_none(),
        };
        if nobody {
            return Ok(());
        }
        self.tally.faults += 1;
        self.fail_at(nth, written);
        match op {
            Op::Submit { .. } | Op::Answers(_) => {
                let (said, key) = match op {
                    Op::Submit { form, address, files, text, key } => (said(*form, *address, files, *text), *key),
                    _ => (said(SURVEY, 0, &[], nth), None),
                };
                let answer = self.send(&said, key).await;
                let look = self.look_after_a_fault().await?;
                let Err(ServiceError::Unavailable) = answer else { return self.submitted(said, key, answer).await };
                let known = |id: &RecordId| self.model.records.iter().any(|record| record.id == *id);
                let new: Vec<_> = look.ids.into_iter().filter(|(id, _)| !known(id)).collect();
                hold!(new.len() < 2, "one submission made {} records", new.len());
                hold!(
                    new.len() == look.new_entries.len(),
                    "{} records, {:?} in the trail",
                    new.len(),
                    look.new_entries
                );
                let Some((id, subject)) = new.first() else { return Ok(()) };
                self.tally.happened += 1;
                self.arrived(said, key, *id, None, Some(*subject)).await
            }
            Op::Mark(n, status) => {
                let Some(record) = self.model.record(*n) else { return Ok(()) };
                let answer = self.mark(record, *status).await;
                let look = self.look_after_a_fault().await?;
                let Err(ServiceError::Unavailable) = answer else { return self.marked(record, *status, answer) };
                if look.new_entries.is_empty() {
                    return Ok(());
                }
                self.tally.happened += 1;
                let now = status_for(self.model.records[record].said.form, *status);
                self.marked(record, *status, Ok(now))
            }
            Op::ErasePerson(n) | Op::EraseRecord(n) => {
                let (person, record) = match op {
                    Op::ErasePerson(_) => (self.model.person(*n), None),
                    _ => (None, self.model.record(*n)),
                };
                let ctx = role(Role::Privacy);
                let answer = match (person, record) {
                    (Some(n), _) => erase::person(&self.app(), &ctx, self.model.people[n].id).await,
                    (_, Some(n)) => erase::record(&self.app(), &ctx, self.model.records[n].id).await,
                    _ => return Ok(()),
                };
                let look = self.look_after_a_fault().await?;
                let Err(ServiceError::Unavailable) = answer else { return self.erased_one(answer, person, record) };
                let happened = look.epoch > self.model.epoch;
                hold!(
                    happened != look.new_entries.is_empty(),
                    "epoch {}, {:?} in the trail",
                    look.epoch,
                    look.new_entries
                );
                if happened {
                    self.tally.happened += 1;
                    self.ordered(&[(person, record)]);
                }
                Ok(())
            }
            other => {
                let Some(act) = self.meet(other) else { return Ok(()) };
                let outcome = self.perform(&act).await;
                let look = self.look_after_a_fault().await?;
                match outcome {
                    Err(ServiceError::Unavailable) if look.new_entries.is_empty() => Ok(()),
                    Err(ServiceError::Unavailable) => {
                        self.tally.happened += 1;
                        self.performed_unseen(&act, &look.new_entries).await
                    }
                    outcome => self.performed(&act, outcome),
                }
            }
        }
    }

    /// The vault is dropped, looked at past the services, which leaves no entry, and opened.
    async fn look_after_a_fault(&mut self) -> Result<crate::compare::Look, String> {
        self.drop_it();
        let vault = self.open_directly().await?;
        let look = crate::compare::look(&vault, self.model.audit.len())?;
        drop(vault);
        self.open()?;
        Ok(look)
    }
}
