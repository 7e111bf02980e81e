//! The model of what the public side shows and sends: boards, results of the survey, subscriptions and issues.

use letterlock::base::clock::Timestamp;
use letterlock::domain::submission::Status;

use crate::plain::{Issue, Mistake, Model, Record, Stand};
use crate::world::{BOARD, K, SURVEY};

impl Model {
    /// The comments that everybody reads, newest first.
    pub fn shown(&self) -> Vec<usize> {
        let shown = |record: &Record| record.alive && record.said.form == BOARD && record.status == Status::Published;
        (0..self.records.len()).rev().filter(|n| shown(&self.records[*n])).collect()
    }

    /// The answers that are counted: those of groups of which nobody is gone.
    pub fn counted(&self) -> Vec<usize> {
        let answers: Vec<usize> = (0..self.records.len()).filter(|n| self.records[*n].said.form == SURVEY).collect();
        let broken = self.mistake == Some(Mistake::CountsBrokenGroups);
        let groups = answers.chunks_exact(K as usize);
        let whole = groups.filter(|group| broken || group.iter().all(|n| self.records[*n].alive));
        whole.flatten().copied().filter(|n| self.records[*n].alive).collect()
    }

    /// Whether a link that confirms is good for anything.
    pub fn can_confirm(&self, n: usize) -> bool {
        let record = &self.records[n];
        record.alive
            && match record.stand {
                Some(Stand::Asked) => true,
                // What was taken over by a later one is closed.
                Some(Stand::Confirmed) => record.status == Status::Confirmed,
                _ => false,
            }
    }

    /// A subscription is confirmed. Returns whether that is new.
    pub fn confirm(&mut self, n: usize, now: Timestamp) -> bool {
        if self.records[n].stand != Some(Stand::Asked) {
            return false;
        }
        let person = self.records[n].person;
        for earlier in self.confirmed_of(person) {
            self.close(earlier);
        }
        self.records[n].stand = Some(Stand::Confirmed);
        self.records[n].status = Status::Confirmed;
        let since = self.people[person].subscribed.map_or(now, |(_, since)| since);
        self.people[person].subscribed = Some((n, since));
        true
    }

    /// The consent of a subscription is taken back. Returns whether it held, or waited.
    pub fn take_back(&mut self, n: usize) -> bool {
        match self.records[n].stand {
            // Of itself alone: whoever sent it may be anybody.
            Some(Stand::Asked) => self.records[n].stand = Some(Stand::Ended),
            Some(Stand::Confirmed) => {
                let person = self.records[n].person;
                for one in self.confirmed_of(person) {
                    self.records[one].stand = Some(Stand::Ended);
                    self.close(one);
                }
                self.people[person].subscribed = None;
            }
            _ => return false,
        }
        true
    }

    /// Somebody unsubscribes. Returns whether they were subscribed.
    pub fn unsubscribe(&mut self, person: usize) -> bool {
        let Some((current, _)) = self.people[person].subscribed else { return false };
        if self.mistake == Some(Mistake::MailsWhoUnsubscribed) {
            return true;
        }
        self.take_back(current)
    }

    /// Who gets an issue, if their mail goes now.
    pub fn gets(&self, issue: &Issue, person: usize) -> bool {
        let person = &self.people[person];
        let holds = person.subscribed.filter(|(record, since)| self.records[*record].alive && *since <= issue.at);
        person.alive && holds.is_some()
    }

    /// Whose subscription was erased and is not taken back: a further one goes on from its day.
    pub fn bereft(&self) -> Vec<usize> {
        let gone = |n: &usize| self.people[*n].subscribed.is_some_and(|(record, _)| !self.records[record].alive);
        (0..self.people.len()).filter(gone).collect()
    }

    fn confirmed_of(&self, person: usize) -> Vec<usize> {
        let confirmed = |record: &Record| record.person == person && record.stand == Some(Stand::Confirmed);
        (0..self.records.len()).filter(|n| confirmed(&self.records[*n])).collect()
    }

    fn close(&mut self, n: usize) {
        self.records[n].status = Status::Closed;
    }
}
