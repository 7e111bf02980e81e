//! What needs two people: somebody asks for it with a reason, another approves, and whoever asked does it, once and in time; or,
//! where it is a reading, as often as it takes, while that stands.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::export::Export;
use super::legal::{LegalBasis, Reference};
use super::staff::Role;
use super::text::{is_invisible, is_unfit, normalise};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, StaffId};
use crate::base::sensitive::SensitiveString;

/// People that are erased at once over the network by one alone, at most.
pub const MOST_ALONE: usize = 25;
/// People of one request, at most: those of one order, so that all of them are ordered together or none is.
pub const MOST_PEOPLE: usize = 250;
/// How long a request stands, and from its approval how long it may be done.
pub const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one that is over is kept to be looked at; the audit trail keeps what became of it.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Longest reason, in characters.
pub const MAX_REASON: usize = 500;

/// The name of [`Matter::LegalReading`].
pub const READING: &str = "legal-reading";

/// What is asked for. Sealed by number of the variant: new ones come last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Matter {
    /// An account gets other roles; one of them, or one that it had, is that of an administrator.
    Roles {
        /// Which.
        account: StaffId,
        /// Those that it had when that was asked for.
        from: Vec<Role>,
        /// Those that it gets.
        to: Vec<Role>,
    },
    /// People are erased. The list is emptied once it is over.
    Erasure {
        /// Who.
        people: Vec<PersonId>,
        /// How many.
        count: u32,
    },
    /// Submissions are taken out as a file.
    Export(Export),
    /// What is held about one person is read for a purpose that none of their forms names. Not done once: whoever asked reads while
    /// it stands.
    LegalReading {
        /// Whom it is about; nobody once it is over.
        person: Option<PersonId>,
        /// On what ground.
        basis: LegalBasis,
        /// By what name the case goes.
        reference: Reference,
    },
}

impl Matter {
    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Roles { .. } => "roles",
            Self::Erasure { .. } => "erasure",
            Self::Export(_) => "export",
            Self::LegalReading { .. } => READING,
        }
    }
}

/// How far it is. Sealed by number of the variant: new ones come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Waits for another.
    Asked,
    /// May be done.
    Approved,
    /// Another said no.
    Declined,
    /// Whoever asked took it back.
    Withdrawn,
    /// Was done.
    Done,
    /// Nobody approved it, or did it, in time.
    Expired,
}

impl Stage {
    /// Whether something may still become of it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Asked | Self::Approved)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
            Self::Expired => "expired",
        }
    }
}

/// Why: one to [`MAX_REASON`] characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(SensitiveString);

impl Reason {
    /// Checks what was typed.
    ///
    /// # Errors
    /// A [`Problem`] in the field `reason`.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let text = normalise(typed);
        let text = text.trim();
        if text.is_empty() {
            return Err(Problem::in_field(
                "reason",
                "required",
                "Say why, in a sentence; another person decides by it.",
            ));
        }
        if text.chars().count() > MAX_REASON {
            return Err(Problem::in_field("reason", "too-long", format!("At most {MAX_REASON} characters.")));
        }
        if text.chars().any(|c| (is_unfit(c) && c != '\n') || is_invisible(c)) {
            return Err(Problem::in_field("reason", "bad-text", "This has characters that no text has."));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What.
    pub matter: Matter,
    /// Why.
    pub reason: Reason,
    /// Who asked.
    pub asker: StaffId,
    /// When.
    pub asked: Timestamp,
    /// When it ends, unless it is over before.
    pub expires: Timestamp,
    /// How far it is.
    pub stage: Stage,
    /// Who approved or declined it.
    pub decider: Option<StaffId>,
    /// When it came to that stage.
    pub since: Timestamp,
}

impl Approval {
    /// A new one.
    pub fn new(matter: Matter, reason: Reason, asker: StaffId, now: Timestamp) -> Self {
        let expires = now.plus(LIFE);
        Self { matter, reason, asker, asked: now, expires, stage: Stage::Asked, decider: None, since: now }
    }

    /// How far it is at this time: one that was not done in time has expired, whether or not that was written.
    pub fn stage_at(&self, now: Timestamp) -> Stage {
        if self.stage.is_open() && now >= self.expires { Stage::Expired } else { self.stage }
    }

    /// The same, further on.
    #[must_use]
    pub fn at_stage(&self, stage: Stage, decider: Option<StaffId>, now: Timestamp) -> Self {
        let expires = if stage == Stage::Approved { now.plus(LIFE) } else { self.expires };
        let mut next = Self { stage, decider: decider.or(self.decider), since: now, expires, ..self.clone() };
        // Who it was about is of no use any more; certificates name those who were erased, and the trail what was exported.
        match &mut next.matter {
            Matter::Erasure { people, .. } if !stage.is_open() => people.clear(),
            Matter::Export(export) if !stage.is_open() => export.forget(),
            Matter::LegalReading { person, .. } if !stage.is_open() => *person = None,
            _ => {}
        }
        next
    }

    /// The same, waiting for another once more until it would have ended: whoever approved it may not have been who they seemed.
    #[must_use]
    pub fn without_approval(&self, now: Timestamp) -> Self {
        Self { stage: Stage::Asked, decider: None, since: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Approval {
        let people = vec![PersonId::from_bytes([1; 16]); 30];
        let matter = Matter::Erasure { people, count: 30 };
        Approval::new(
            matter,
            Reason::parse("They asked.").unwrap(),
            StaffId::from_bytes([2; 16]),
            Timestamp::from_millis(0),
        )
    }

    #[test]
    fn it_ends_by_itself_a_day_after_it_was_asked_for_or_approved() {
        let day = LIFE.as_millis() as i64;
        let at = Timestamp::from_millis;
        assert_eq!((one().stage_at(at(day - 1)), one().stage_at(at(day))), (Stage::Asked, Stage::Expired));
        let approved = one().at_stage(Stage::Approved, Some(StaffId::from_bytes([3; 16])), at(day - 1));
        assert_eq!(approved.stage_at(at(2 * day - 2)), Stage::Approved);
        assert_eq!(approved.stage_at(at(2 * day - 1)), Stage::Expired);
        let done = approved.at_stage(Stage::Done, None, at(day));
        assert_eq!((done.stage_at(at(9 * day)), done.decider), (Stage::Done, Some(StaffId::from_bytes([3; 16]))));
    }

    #[test]
    fn one_that_is_over_names_nobody_who_was_to_be_erased() {
        for stage in [Stage::Declined, Stage::Withdrawn, Stage::Done, Stage::Expired] {
            let over = one().at_stage(stage, None, Timestamp::from_millis(5));
            assert_eq!(over.matter, Matter::Erasure { people: Vec::new(), count: 30 });
        }
    }

    #[test]
    fn a_reading_that_is_over_names_nobody_and_keeps_why_it_was() {
        let (basis, reference) = (LegalBasis::LegalObligation, Reference::parse("Case 12/26").unwrap());
        let of = |person| Matter::LegalReading { person, basis, reference: reference.clone() };
        let (person, now) = (Some(PersonId::from_bytes([1; 16])), Timestamp::from_millis(5));
        let asked = Approval { matter: of(person), ..one() };
        let approved = asked.at_stage(Stage::Approved, Some(StaffId::from_bytes([3; 16])), now);
        assert_eq!(approved.matter, of(person));
        assert_eq!(approved.without_approval(now).matter, of(person));
        for stage in [Stage::Declined, Stage::Withdrawn, Stage::Done, Stage::Expired] {
            assert_eq!(approved.at_stage(stage, None, now).matter, of(None), "{}", stage.as_str());
        }
    }

    /// Rows on disk are read by the number of the variant.
    #[test]
    fn a_matter_keeps_its_number() {
        let reading = Matter::LegalReading {
            person: None,
            basis: LegalBasis::PreventingHarm,
            reference: Reference::parse("x").unwrap(),
        };
        assert_eq!(postcard::to_stdvec(&reading).unwrap(), [3, 0, 4, 1, b'x']);
        assert_eq!(postcard::to_stdvec(&one().matter).unwrap()[0], 1);
    }

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(Reason::parse("  why \n not ").unwrap().expose(), "why \n not");
        for (bad, code) in [(" ", "required"), (&*"x".repeat(501), "too-long"), ("a\u{0}b", "bad-text")]
            .into_iter()
            .chain(["a\u{200b}b", "a\u{2067}b", "a\u{202e}b"].map(|hidden| (hidden, "bad-text")))
        {
            assert_eq!(Reason::parse(bad).unwrap_err().code, code);
        }
    }
}
