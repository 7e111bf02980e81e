//! How a person stands to a newsletter, read out of their consent ledger.
//!
//! A tick on the form only asks; the link in the mail to that address confirms; whatever takes a confirmed one back ends it
//! for the person, by whichever of their submissions. What was never confirmed is taken back for itself alone: anybody may
//! have sent it, under anybody's address.

use std::time::Duration;

use super::consent::ConsentSource;
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;

/// How long a subscription waits to be confirmed. After that it is deleted.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A line of the ledger that says something of the newsletter's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The submission.
    pub record: RecordId,
    kind: Kind,
    /// Whether it was given, or taken back.
    pub given: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Asks,
    Confirms,
    Other,
}

impl Step {
    /// A line of the ledger. A server's word asks as a tick does: only the mailbox's holder confirms.
    pub const fn new(at: Timestamp, record: RecordId, source: &ConsentSource, given: bool) -> Self {
        let kind = match source {
            ConsentSource::Form | ConsentSource::Server { .. } => Kind::Asks,
            ConsentSource::Confirmation => Kind::Confirms,
            ConsentSource::Receipt | ConsentSource::UnsubscribeLink => Kind::Other,
        };
        Self { at, record, kind, given }
    }
}

/// How one submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Asked for, and not confirmed.
    Pending,
    /// Confirmed, and not taken back since.
    Confirmed,
    /// Taken back, or never asked for.
    Ended,
}

/// How a person stands to one newsletter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Each submission that was ever ticked, whether it was ever confirmed and whether it is over, and since when.
    records: Vec<(RecordId, Reached, Timestamp)>,
    current: Option<(RecordId, Timestamp)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Asked,
    Confirmed,
    Ended,
}

impl Subscription {
    /// What these steps, oldest first, come to.
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut out = Self::default();
        steps.into_iter().for_each(|step| out.take(step));
        out
    }

    /// The submission that holds now, and since when the person has been subscribed without a break.
    pub const fn current(&self) -> Option<(RecordId, Timestamp)> {
        self.current
    }

    /// How one submission stands.
    pub fn standing(&self, record: &RecordId) -> Standing {
        match self.reached(record) {
            Some(Reached::Asked) => Standing::Pending,
            Some(Reached::Confirmed) => Standing::Confirmed,
            Some(Reached::Ended) | None => Standing::Ended,
        }
    }

    /// Since when one submission stands so; `None` for one that was never asked for. What others of the same person say
    /// counts only where it changed how this one stands: whoever typed a stranger's address learns nothing of the stranger.
    pub fn since(&self, record: &RecordId) -> Option<Timestamp> {
        self.records.iter().find(|(one, ..)| one == record).map(|(.., since)| *since)
    }

    /// Every submission that is confirmed: the current one, and those before it.
    pub fn confirmed(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.records.iter().filter(|(_, reached, _)| *reached == Reached::Confirmed).map(|(record, ..)| *record)
    }

    fn reached(&self, record: &RecordId) -> Option<Reached> {
        self.records.iter().find(|(one, ..)| one == record).map(|(_, reached, _)| *reached)
    }

    fn take(&mut self, step: Step) {
        match (step.kind, step.given, self.reached(&step.record)) {
            (Kind::Asks, true, None) => self.records.push((step.record, Reached::Asked, step.at)),
            (Kind::Confirms, true, Some(Reached::Asked)) => {
                self.set(&step, Reached::Confirmed);
                let since = self.current.map_or(step.at, |(_, since)| since);
                self.current = Some((step.record, since));
            }
            (_, false, Some(Reached::Asked)) => self.set(&step, Reached::Ended),
            (_, false, Some(Reached::Confirmed)) => {
                self.current = None;
                for (_, reached, since) in self.records.iter_mut().filter(|(_, r, _)| *r == Reached::Confirmed) {
                    (*reached, *since) = (Reached::Ended, step.at);
                }
            }
            // Nothing that leads anywhere: a confirmation of what was never asked for, or is over.
            _ => {}
        }
    }

    fn set(&mut self, step: &Step, to: Reached) {
        if let Some((_, reached, since)) = self.records.iter_mut().find(|(one, ..)| *one == step.record) {
            (*reached, *since) = (to, step.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn record(n: u8) -> RecordId {
        RecordId::from_bytes([n; 16])
    }

    fn step(at: i64, n: u8, source: ConsentSource, given: bool) -> Step {
        Step::new(Timestamp::from_millis(at), record(n), &source, given)
    }

    use ConsentSource::{Confirmation, Form, Receipt, UnsubscribeLink};

    #[test]
    fn a_tick_asks_and_the_link_confirms() {
        let asked = Subscription::of([step(1, 1, Form, true)]);
        assert_eq!((asked.current(), asked.standing(&record(1))), (None, Standing::Pending));
        let confirmed = Subscription::of([step(1, 1, Form, true), step(5, 1, Confirmation, true)]);
        assert_eq!(confirmed.current(), Some((record(1), Timestamp::from_millis(5))));
        assert_eq!(confirmed.standing(&record(2)), Standing::Ended, "never asked for");
        let unticked = Subscription::of([step(1, 1, Form, false), step(2, 1, Confirmation, true)]);
        assert_eq!(unticked, Subscription::default());
    }

    #[test]
    fn what_was_taken_back_is_not_confirmed_again_by_an_old_link() {
        for source in [Receipt, UnsubscribeLink] {
            let steps = [
                step(1, 1, Form, true),
                step(2, 1, Confirmation, true),
                step(3, 1, source, false),
                step(4, 1, Confirmation, true),
            ];
            let after = Subscription::of(steps);
            assert_eq!((after.current(), after.standing(&record(1))), (None, Standing::Ended));
        }
        let before =
            Subscription::of([step(1, 1, Form, true), step(2, 1, Receipt, false), step(3, 1, Confirmation, true)]);
        assert_eq!(before.current(), None);
    }

    #[test]
    fn a_second_subscription_takes_over_and_one_end_ends_both() {
        let mut steps = vec![
            step(1, 1, Form, true),
            step(2, 1, Confirmation, true),
            step(3, 2, Form, true),
            step(4, 2, Confirmation, true),
        ];
        let both = Subscription::of(steps.clone());
        assert_eq!(both.current(), Some((record(2), Timestamp::from_millis(2))), "without a break since the first");
        assert_eq!(both.confirmed().collect::<Vec<_>>(), [record(1), record(2)]);
        for n in [1, 2] {
            let mut ended = steps.clone();
            ended.push(step(5, n, UnsubscribeLink, false));
            let ended = Subscription::of(ended);
            assert_eq!((ended.current(), ended.confirmed().count()), (None, 0), "by {n}");
        }
        // What somebody else sent under this address and never confirmed ends nothing but itself.
        steps.extend([step(5, 3, Form, true), step(6, 3, Receipt, false)]);
        assert_eq!(Subscription::of(steps).current().map(|(record, _)| record), Some(record(2)));
    }

    #[test]
    fn what_was_never_confirmed_tells_nothing_of_the_others() {
        let at = |n| Some(Timestamp::from_millis(n));
        let strangers = [step(1, 9, Form, true), step(2, 9, Receipt, false)];
        let own = [step(3, 1, Form, true), step(4, 1, Confirmation, true), step(5, 1, UnsubscribeLink, false)];
        for n in 0..=own.len() {
            let all = Subscription::of(strangers.into_iter().chain(own[..n].to_vec()));
            assert_eq!((all.standing(&record(9)), all.since(&record(9))), (Standing::Ended, at(2)), "{n}");
        }
        // One that was confirmed is ended by any other, and says so.
        let both = [step(6, 2, Form, true), step(7, 2, Confirmation, true)];
        let all = [&own[..2], &both, &[step(8, 2, UnsubscribeLink, false)]].concat();
        assert_eq!(Subscription::of(all).since(&record(1)), at(8));
        assert_eq!(Subscription::default().since(&record(1)), None);
    }

    proptest! {
        #[test]
        fn nobody_is_subscribed_without_a_tick_and_a_confirmation_since(
            steps in proptest::collection::vec((0u8..4, 0u8..4, any::<bool>()), 0..30),
        ) {
            let source = |n: u8| [Form, Receipt, Confirmation, UnsubscribeLink][usize::from(n)].clone();
            let steps: Vec<Step> =
                (0..).zip(steps).map(|(at, (n, from, given))| step(at, n, source(from), given)).collect();
            let found = Subscription::of(steps.clone());
            if let Some((current, since)) = found.current() {
                let of = |kind, given| steps.iter().rposition(|s| s.record == current && s.kind == kind && s.given == given);
                prop_assert!(of(Kind::Asks, true).is_some() && of(Kind::Confirms, true).is_some());
                let confirmed = steps.iter().position(|s| s.record == current && s.kind == Kind::Confirms && s.given
                    && s.at >= since).unwrap();
                let after = steps[confirmed..].iter();
                prop_assert!(!after.clone().any(|s| !s.given && s.record == current), "{:?}", steps);
                prop_assert_eq!(found.standing(&current), Standing::Confirmed);
            } else {
                prop_assert_eq!(found.confirmed().count(), 0);
            }
        }
    }
}
