//! What keeps programs from filling in forms: the time that a page was open, a field that people do not see, and, where
//! a form asks for it, proof of work or a wait.
//!
//! Everything here is authenticated under a key made at the start and lives in memory: after a restart, an older token
//! proves nothing, and is none the worse for it.

mod challenge;
mod token;
mod used;

use std::time::Duration;

use ring::hmac;

use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError, random};
use crate::base::ids::Handle;
use crate::domain::form::{Form, FormId};

pub(super) use challenge::Challenge;
pub(super) use token::{Kind, Token};
pub(super) use used::Claim;

/// Names for a field that people do not see. Nothing in them says what it is for, and no shipped form asks for it.
const TRAPS: [&str; 6] = ["website", "homepage", "company-url", "fax", "middle-name", "second-email"];
/// How long the page of a guarded form has to wait where no proof of work comes.
pub(super) const WAIT: Duration = Duration::from_secs(10);
/// How long what was waited for, or worked for, is good.
pub(super) const LIFE: Duration = Duration::from_secs(30 * 60);

/// The gate of a running service.
pub(super) struct Gate {
    key: hmac::Key,
    used: used::Used,
}

impl Gate {
    /// A gate with a fresh key.
    pub(super) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>(entropy)?);
        Ok(Self { key, used: used::Used::default() })
    }

    /// The name of the field of `form`'s page that people do not see.
    pub(super) fn trap(&self, form: &Form) -> &'static str {
        let tag = hmac::sign(&self.key, format!("trap {}", form.id).as_bytes());
        let start = usize::from(tag.as_ref()[0]);
        let all = (0..TRAPS.len()).map(|n| TRAPS[(start + n) % TRAPS.len()]);
        all.into_iter().find(|name| !is_asked(form, name)).unwrap_or("leave-empty")
    }

    /// A token of this kind for a page of `form`, as of `made`.
    pub(super) fn token(&self, kind: Kind, form: &FormId, handle: Handle, made: Timestamp) -> String {
        token::issue(&self.key, kind, form, handle, made)
    }

    /// Reads a token; one of somebody else's making has no time.
    pub(super) fn read(&self, kind: Kind, form: &FormId, text: &str) -> Option<Token> {
        token::read(&self.key, kind, form, text)
    }

    /// A challenge to whoever sends `form`.
    pub(super) fn challenge(
        &self,
        form: &FormId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Challenge, EntropyError> {
        challenge::make(&self.key, form, now.plus(LIFE), entropy)
    }

    /// Takes the solution of a challenge for `form`, for the request with this idempotency key. `None` when it is wrong,
    /// late, or was used for another request.
    pub(super) fn solved(&self, form: &FormId, solution: &str, request: Option<&str>, now: Timestamp) -> Option<Claim> {
        let (id, until) = challenge::check(&self.key, form, solution, now)?;
        self.used.claim(id, until, request, now)
    }

    /// Takes a wait that is over, as a solution is taken.
    pub(super) fn waited(&self, wait: &Token, request: Option<&str>, now: Timestamp) -> Option<Claim> {
        let made = wait.made?;
        let age = now.since(made);
        if age < WAIT || age >= LIFE {
            return None;
        }
        let mut id = [0; 32];
        id[..16].copy_from_slice(wait.handle.as_bytes());
        self.used.claim(id, made.plus(LIFE), request, now)
    }

    /// Gives back what a request has claimed that came to nothing.
    pub(super) fn release(&self, claim: Claim) {
        self.used.release(claim);
    }
}

/// Whether `name` may be a field that people do not see, on the page of `form` now or before a restart.
pub(super) fn may_be_trap(form: &Form, name: &str) -> bool {
    TRAPS.contains(&name) && !is_asked(form, name)
}

fn is_asked(form: &Form, name: &str) -> bool {
    form.field(name).is_some() || form.file(name).is_some() || form.consent(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};
    use crate::domain::form::FormSet;

    const NOW: Timestamp = Timestamp::from_millis(1_795_453_726_042);

    fn form() -> FormId {
        "contact".parse().unwrap()
    }

    #[test]
    fn no_form_asks_for_its_trap() {
        for seed in 0..8 {
            let gate = Gate::new(&SeededEntropy::new(seed)).unwrap();
            for form in FormSet::default().iter() {
                let name = gate.trap(form);
                assert!(!is_asked(form, name) && may_be_trap(form, name), "{} {name}", form.id);
            }
        }
        let forms = FormSet::default();
        let form = forms.iter().next().unwrap();
        let own = &form.fields[0].name;
        assert!(!may_be_trap(form, own) && !may_be_trap(form, "anything"));
    }

    #[test]
    fn a_wait_counts_once_and_only_when_it_is_over() {
        let gate = Gate::new(&SystemEntropy::new()).unwrap();
        let handle = Handle::make_random(&SystemEntropy::new()).unwrap();
        let text = gate.token(Kind::Wait, &form(), handle, NOW);
        let wait = gate.read(Kind::Wait, &form(), &text).unwrap();
        let after = |time: Duration| gate.waited(&wait, Some("a"), NOW.plus(time));
        assert!(after(WAIT - Duration::from_millis(1)).is_none() && after(LIFE).is_none());
        let claim = after(WAIT).unwrap();
        // The same request again is the same; another one is not.
        assert!(after(WAIT).is_some());
        assert!(gate.waited(&wait, Some("b"), NOW.plus(WAIT)).is_none());
        assert!(gate.waited(&wait, None, NOW.plus(WAIT)).is_none());
        gate.release(claim);
        assert!(gate.waited(&wait, Some("b"), NOW.plus(WAIT)).is_some());
    }

    #[test]
    fn a_wait_that_nobody_gave_is_none() {
        let (gate, other) = (Gate::new(&SeededEntropy::new(1)).unwrap(), Gate::new(&SeededEntropy::new(2)).unwrap());
        let handle = Handle::make_random(&SystemEntropy::new()).unwrap();
        for text in [
            other.token(Kind::Wait, &form(), handle, NOW),
            gate.token(Kind::Page, &form(), handle, NOW),
            gate.token(Kind::Wait, &"other".parse().unwrap(), handle, NOW),
            handle.to_string(),
        ] {
            let wait = gate.read(Kind::Wait, &form(), &text).unwrap();
            assert!(gate.waited(&wait, None, NOW.plus(WAIT)).is_none(), "{text}");
        }
    }
}
