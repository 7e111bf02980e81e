//! What staff do with a submission: whose it is, what it is called, who has seen it, and what they note about it among
//! themselves.

use serde::{Deserialize, Serialize};

use super::Problem;
use super::message::MessageText;
use super::staff::{Login, Role};
use super::submission::Status;
use super::text::{is_invisible, is_unfit, normalise};
use crate::base::clock::Timestamp;
use crate::base::ids::StaffId;
use crate::base::sensitive::SensitiveString;

/// Longest label, in characters.
pub const MAX_LABEL_CHARS: usize = 40;
/// Most labels of one submission.
pub const MAX_LABELS: usize = 20;
/// Most accounts that are remembered as having seen a submission; the one that saw it longest ago goes first, and for that
/// one it is unread again.
pub const MAX_READERS: usize = 50;
/// Most notes on one submission.
pub const MAX_NOTES: usize = 500;
/// How long the former status is offered after a change, in milliseconds: ten minutes.
pub const UNDO_MILLIS: i64 = 10 * 60 * 1000;

/// What a team is called: `a`–`z`, `0`–`9`, `-`; starts with a letter; at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TeamName(String);

/// The text is not the name of a team.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not the name of a team: expected a letter, then letters, digits and hyphens, all lower case, at most 64")]
pub struct BadTeamName;

impl TeamName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TeamName {
    type Error = BadTeamName;

    fn try_from(text: String) -> Result<Self, BadTeamName> {
        let ok = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if ok { Ok(Self(text)) } else { Err(BadTeamName) }
    }
}

impl std::str::FromStr for TeamName {
    type Err = BadTeamName;

    fn from_str(text: &str) -> Result<Self, BadTeamName> {
        text.to_owned().try_into()
    }
}

impl From<TeamName> for String {
    fn from(name: TeamName) -> Self {
        name.0
    }
}

/// Whose a submission is. Sealed by number of the variant: new ones come last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Assignee {
    /// One account's.
    Account(StaffId),
    /// Whoever of a team takes it.
    Team(TeamName),
}

/// Whose something shall be, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// The account with this login.
    Person(Login),
    /// This team.
    Team(TeamName),
}

/// A short word on a submission: one line, trimmed, in normal form C, without commas, 1 to [`MAX_LABEL_CHARS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(SensitiveString);

impl Label {
    /// Checks what was typed.
    ///
    /// # Errors
    /// A [`Problem`] in the field `labels`.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let text = normalise(typed);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || text.chars().count() > MAX_LABEL_CHARS {
            let message = format!("A label has 1 to {MAX_LABEL_CHARS} characters.");
            return Err(Problem::in_field("labels", "bad-label", message));
        }
        if text.chars().any(|c| is_unfit(c) || is_invisible(c) || c == ',') {
            let message = "A label has no commas and no characters that are not seen.";
            return Err(Problem::in_field("labels", "bad-label", message));
        }
        Ok(Self(text.into()))
    }

    /// The word.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether two stand for the same: case does not tell them apart.
    pub fn is(&self, other: &Self) -> bool {
        self.expose().to_lowercase() == other.expose().to_lowercase()
    }
}

/// Labels, each once, in order of the alphabet; at most [`MAX_LABELS`].
///
/// # Errors
/// A [`Problem`] in the field `labels`.
pub fn labels(typed: impl IntoIterator<Item = Label>) -> Result<Vec<Label>, Problem> {
    let mut out: Vec<Label> = Vec::new();
    for label in typed {
        if !out.iter().any(|known| known.is(&label)) {
            out.push(label);
        }
    }
    if out.len() > MAX_LABELS {
        let message = format!("A submission has at most {MAX_LABELS} labels.");
        return Err(Problem::in_field("labels", "too-many", message));
    }
    out.sort_by_key(|label| label.expose().to_lowercase());
    Ok(out)
}

/// The status that a change took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// What it was.
    pub was: Status,
    /// What it was changed to.
    pub became: Status,
    /// When.
    pub at: Timestamp,
}

/// How the work on a submission stands. Sealed with its list entry: it goes with the submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Whose it is.
    pub assignee: Option<Assignee>,
    /// Its labels, in order.
    pub labels: Vec<Label>,
    /// The accounts that have seen it, latest last; at most [`MAX_READERS`].
    pub readers: Vec<StaffId>,
    /// The last change of status that was asked for.
    pub former: Option<Former>,
    /// Its notes: for each, whether the privacy officer decided that the person's own copy holds it.
    pub notes: Vec<bool>,
}

impl Work {
    /// Whether an account has seen it.
    pub fn was_seen_by(&self, account: StaffId) -> bool {
        self.readers.contains(&account)
    }

    /// Remembers that an account has seen it, or forgets it.
    pub fn mark(&mut self, account: StaffId, seen: bool) {
        self.readers.retain(|known| *known != account);
        if seen {
            self.readers.push(account);
        }
        if self.readers.len() > MAX_READERS {
            self.readers.remove(0);
        }
    }

    /// What the status was before it became `now`, while that can be undone.
    pub fn undo(&self, status: Status, now: Timestamp) -> Option<Status> {
        let former = self.former.filter(|former| former.became == status)?;
        let age = now.as_millis() - former.at.as_millis();
        (0..UNDO_MILLIS).contains(&age).then_some(former.was)
    }
}

/// What staff wrote about a submission for each other. Never changed once written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// In which role.
    pub role: Role,
    /// By which account; `None` for the owner of the machine.
    pub login: Option<String>,
    /// The text; not empty.
    pub text: MessageText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_words_that_hide_nothing() {
        let parsed = |text: &str| Label::parse(text).map(|label| label.expose().to_owned());
        assert_eq!(parsed("  Second \n interview ").as_deref(), Ok("Second interview"));
        assert_eq!(parsed("e\u{301}").as_deref(), Ok("é"));
        assert_eq!(parsed("<script>").as_deref(), Ok("<script>"), "it is text, whatever it looks like");
        for bad in ["", " ", "a,b", "a\u{0}b", "a\u{202e}b", "a\u{200b}b", &"x".repeat(41)] {
            assert_eq!(parsed(bad).unwrap_err().code, "bad-label", "{bad:?}");
        }
        assert!(parsed(&"ü".repeat(40)).is_ok());
    }

    #[test]
    fn labels_stand_once_and_in_order() {
        let all = |words: &[&str]| labels(words.iter().map(|word| Label::parse(word).unwrap()));
        let words: Vec<String> =
            all(&["b", "A", "a", "B", "c"]).unwrap().iter().map(|label| label.expose().to_owned()).collect();
        assert_eq!(words, ["A", "b", "c"]);
        let many: Vec<String> = (0..21).map(|n| format!("l{n}")).collect();
        assert_eq!(all(&many.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err().code, "too-many");
    }

    #[test]
    fn so_many_readers_are_remembered() {
        let mut work = Work::default();
        let account = |n: u8| StaffId::from_bytes([n; 16]);
        (0..60).for_each(|n| work.mark(account(n), true));
        work.mark(account(20), true);
        assert_eq!(work.readers.len(), MAX_READERS);
        assert!(!work.was_seen_by(account(9)) && work.was_seen_by(account(10)) && work.was_seen_by(account(59)));
        work.mark(account(20), false);
        assert!(!work.was_seen_by(account(20)));
    }

    #[test]
    fn a_change_can_be_undone_for_ten_minutes_and_while_it_is_the_last() {
        let at = |millis| Timestamp::from_millis(1_000_000 + millis);
        let former = Former { was: Status::Received, became: Status::Offer, at: at(0) };
        let work = Work { former: Some(former), ..Work::default() };
        assert_eq!(work.undo(Status::Offer, at(0)), Some(Status::Received));
        assert_eq!(work.undo(Status::Offer, at(UNDO_MILLIS - 1)), Some(Status::Received));
        assert_eq!(work.undo(Status::Offer, at(UNDO_MILLIS)), None);
        assert_eq!(work.undo(Status::Offer, at(-1)), None, "a clock that was put back");
        assert_eq!(work.undo(Status::Hired, at(0)), None);
    }
}
