//! What a submission brings along against programs, and whether it is enough.

use crate::base::ids::Handle;
use crate::domain::form::{Form, ReturnAddress};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::gate::{self, Claim, Kind, Token};

use std::time::Duration;

/// The hidden part that a page sends first: its own idempotency key, so that a double click is one submission, and when
/// the page was made.
pub(super) const ONCE: &str = "_once";
/// The hidden part of a page that asked to wait.
const WAIT: &str = "_wait";
/// The hidden part that says where its sender wants to be led on to.
const NEXT: &str = "_next";
/// The part with a solution, as ALTCHA's widget names it.
pub(super) const SOLUTION: &str = "altcha";

/// What has come so far.
#[derive(Default)]
pub(super) struct Guard {
    by_page: bool,
    /// A server with a key answers for what it sends: nothing has to be proven.
    by_key: bool,
    once: Option<Token>,
    wait: Option<Token>,
    next: Option<ReturnAddress>,
    solution: Option<String>,
    trapped: bool,
}

impl Guard {
    /// The guard of a page's post: parts of the page's own are taken, and what is missing is said as people read it.
    pub(super) fn of_page() -> Self {
        Self { by_page: true, ..Self::default() }
    }

    /// The guard of a post by a server with a key.
    pub(super) fn of_key() -> Self {
        Self { by_key: true, ..Self::default() }
    }

    /// Takes a part if it is one of a page's own; returns whether it is.
    pub(super) fn take(&mut self, web: &Web, form: &Form, name: &str, value: &str) -> bool {
        match name {
            _ if !self.by_page => return false,
            ONCE => self.once = self.once.or_else(|| web.gate.read(Kind::Page, &form.id, value)),
            NEXT => self.ask_for_next(form, value),
            WAIT => self.wait = self.wait.or_else(|| web.gate.read(Kind::Wait, &form.id, value)),
            _ if gate::may_be_trap(form, name) => self.trapped |= !value.is_empty(),
            _ => return false,
        }
        true
    }

    /// Takes the page that its sender wants to be led on to. One that the form does not allow is a mistake of the site, not
    /// of the person, whose submission is taken all the same; it is not followed, nor kept.
    fn ask_for_next(&mut self, form: &Form, asked: &str) {
        let allowed = form.site.follow(asked);
        if allowed.is_none() && !asked.is_empty() {
            tracing::warn!(target: "letterlock::http", form = %form.id, "a post asks to be led on to a page that the form does not allow");
        }
        self.next = self.next.take().or(allowed);
    }

    /// Where to lead on to.
    pub(super) fn onward<'a>(&'a self, form: &'a Form) -> Option<&'a ReturnAddress> {
        self.next.as_ref().or(form.site.thanks.as_ref())
    }

    /// Where its sender asked to be led on to, to ask again on the next page.
    pub(super) const fn asked_next(&self) -> Option<&ReturnAddress> {
        self.next.as_ref()
    }

    /// Takes a solution.
    pub(super) fn solve(&mut self, solution: String) {
        self.solution = Some(solution).filter(|s| !s.is_empty());
    }

    /// The handle of the page, made by us or not.
    pub(super) fn page(&self) -> Option<Handle> {
        self.once.map(|token| token.handle)
    }

    /// Whether a field was filled in that people do not see.
    pub(super) const fn is_trapped(&self) -> bool {
        self.trapped
    }

    /// Refuses what a form's guard can see before a file is taken: that nothing was proven.
    pub(super) fn check_files(&self, form: &Form) -> Result<(), HttpError> {
        if form.proof_of_work && !self.by_key && self.solution.is_none() && self.wait.is_none() {
            return Err(HttpError::proof_needed(&form.id, self.by_page));
        }
        Ok(())
    }

    /// Whether it is enough, for a request with this idempotency key. What was claimed is given back if the request comes
    /// to nothing.
    pub(super) fn judge(&self, web: &Web, form: &Form, key: Option<&str>) -> Result<Option<Claim>, HttpError> {
        if self.by_key {
            return Ok(None);
        }
        if self.trapped {
            return Err(HttpError::trapped());
        }
        let now = web.app.clock().now();
        let least = Duration::from_secs(form.min_seconds.unwrap_or(web.limits.min_page_seconds).into());
        if let Some(made) = self.once.and_then(|token| token.made)
            && now.since(made) < least
        {
            return Err(HttpError::too_soon(least));
        }
        if !form.proof_of_work {
            return Ok(None);
        }
        let solved = self.solution.as_deref().and_then(|solution| web.gate.solved(&form.id, solution, key, now));
        let claim = solved.or_else(|| web.gate.waited(self.wait.as_ref()?, key, now));
        claim.map(Some).ok_or_else(|| HttpError::proof_needed(&form.id, self.by_page))
    }

    /// The hidden parts of the next page of `form`. Times run on: whoever has waited need not begin anew.
    pub(super) fn next(&self, web: &Web, form: &Form, after_error: bool) -> Result<Tokens, HttpError> {
        let now = web.app.clock().now();
        let fresh = || {
            let handle = Handle::make_random(web.app.entropy());
            handle.map_err(|_| HttpError::from(crate::services::ServiceError::Unavailable))
        };
        let made = self.once.and_then(|token| token.made).unwrap_or(now);
        let once = web.gate.token(Kind::Page, &form.id, fresh()?, made);
        let wait = if form.proof_of_work && after_error {
            let earlier = self.wait.and_then(|token| Some((token.handle, token.made?)));
            let (handle, made) = match earlier.filter(|(_, made)| now.since(*made) < gate::LIFE) {
                Some(earlier) => earlier,
                None => (fresh()?, now),
            };
            Some(web.gate.token(Kind::Wait, &form.id, handle, made))
        } else {
            None
        };
        Ok(Tokens { once, wait })
    }
}

/// The hidden parts of a page.
pub(super) struct Tokens {
    pub(super) once: String,
    pub(super) wait: Option<String>,
}
