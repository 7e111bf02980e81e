//! What the public side leaves in the vault: answers to a survey, comments, subscriptions, an issue that is half sent. And what
//! everybody must be shown of it, whatever was changed.

use std::sync::Arc;

use letterlock::base::ids::RequestId;
use letterlock::policy::{Actor, Role};
use letterlock::services::submit::{self, Receipt};
use letterlock::services::{App, Context, ServiceError, board, newsletter, portal, post, results};

use crate::letterbox::{Letterbox, token};
use crate::support::{context, role};

/// Answers to the survey: one group, and one more.
const ANSWERS: usize = 6;
const SHOWN: &str = "What a pleasant place.";
/// Published, and taken down by its author.
const TAKEN_DOWN: &str = "I regret this.";

async fn send(app: &Arc<App>, form: &str, fields: &[(&str, &str)], consent: Option<&str>) -> Receipt {
    let mut intake = submit::begin(app, &context(Actor::Public), &form.parse().unwrap(), None).await.unwrap();
    for (name, value) in fields {
        intake.field(name, (*value).to_owned()).unwrap();
    }
    if let Some(consent) = consent {
        intake.consent(consent, true);
    }
    intake.finish().await.unwrap()
}

fn request() -> RequestId {
    RequestId::from_bytes([7; 16])
}

/// Everything happens once; the issues that are waiting by then go to the first of two subscribers and not to the second.
pub async fn furnish(app: &Arc<App>, letters: &Letterbox) {
    for n in 0..ANSWERS {
        let mark = (n % 5 + 1).to_string();
        send(app, "survey", &[("satisfaction", &mark), ("ideas", &idea(n))], None).await;
    }

    let marketing = role(Role::Marketing);
    let mut comments = Vec::new();
    for (words, verdict) in [
        (SHOWN, board::Verdict::Publish),
        ("Buy my pills.", board::Verdict::Decline("It is an advertisement.".into())),
        (TAKEN_DOWN, board::Verdict::Publish),
    ] {
        let fields = [("display-name", "Ada"), ("email", "ada@example.org"), ("comment", words), ("publish", "true")];
        let receipt = send(app, "public-comment", &fields, None).await;
        board::moderate(app, &marketing, receipt.submission, verdict).await.unwrap();
        comments.push(receipt);
    }
    let own = portal::enter(app, &comments[2].receipt).await.unwrap();
    portal::take_down(app, request(), own).await.unwrap();

    let form = "newsletter".parse().unwrap();
    for email in ["x@example.org", "y@example.org", "z@example.org"] {
        send(app, "newsletter", &[("email", email)], Some("newsletter")).await;
    }
    let office = app.post().unwrap().clone();
    letters.take(usize::MAX);
    post::deliver(app, &office).await.unwrap();
    let mails = letters.taken();
    // The third never confirms; the others press the link in their mail.
    for email in ["x@example.org", "y@example.org"] {
        let link =
            mails.iter().filter(|mail| mail.to == email).find_map(|mail| token(&mail.text, "/confirm/")).unwrap();
        let asked = newsletter::find_unconfirmed(app, &form, link).await.unwrap();
        newsletter::confirm(app, request(), asked).await.unwrap();
    }
    let sender = Context { purpose: Some("newsletter".to_owned()), ..marketing };
    let issue = newsletter::NewIssue {
        subject: "News of winter".to_owned(),
        text: "None.".to_owned(),
        markdown: None,
        topics: None,
        key: "winter".to_owned(),
    };
    let (ordered, _) = newsletter::order(app, &sender, &form, issue).await.unwrap();
    letters.take(1);
    while letters.taken().is_empty() {
        post::deliver(app, &office).await.unwrap();
    }
    let half = newsletter::show(app, &sender, &form, ordered.id).await.unwrap();
    assert_eq!((half.progress.queued, half.progress.sent, half.waiting), (2, 1, 1), "half sent");
}

fn idea(n: usize) -> String {
    format!("Idea {n}.")
}

/// What people are shown: the board, and of the survey how many answers count and what is said in them; and the issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    comments: Vec<String>,
    answers: Option<u64>,
    marks: Vec<u64>,
    ideas: Vec<String>,
    issues: Vec<String>,
}

/// What they must be shown. The sixth answer is in a group that is not whole.
pub fn truth() -> Shown {
    Shown {
        comments: vec![SHOWN.to_owned()],
        answers: Some(5),
        // Each mark once, which is too seldom to be told.
        marks: vec![0; 5],
        ideas: (0..5).map(idea).collect(),
        issues: ["autumn", "spring", "winter"].map(|name| format!("News of {name}")).to_vec(),
    }
}

impl Shown {
    /// As it is shown now. What is refused as damaged or missing shows nothing.
    pub async fn of(app: &Arc<App>) -> Result<Self, ServiceError> {
        let reader = role(Role::Marketing);
        let page = board::page(app, &context(Actor::Public), &"public-comment".parse().unwrap(), 1).await;
        let comments = page.map(|page| page.postings);
        let comments = or_nothing(comments)?.into_iter().filter_map(|mut posting| posting.fields.pop());
        let survey = "survey".parse().unwrap();
        let report = match results::show(app, &reader, &survey, Some("survey")).await {
            Ok(report) => Some(report),
            Err(error) if is_refusal(&error) => None,
            Err(error) => return Err(error),
        };
        let question = report.iter().flat_map(|report| &report.questions).find(|q| q.name == "satisfaction");
        let texts = results::texts(app, &reader, &survey, "ideas", Some("survey"), None, None).await;
        let texts = or_nothing(texts.map(|texts| texts.items))?;
        let mut ideas: Vec<String> = texts.iter().map(|text| text.expose().to_owned()).collect();
        ideas.sort();
        let issues = newsletter::list(app, &reader, &"newsletter".parse().unwrap()).await;
        let mut issues: Vec<String> = or_nothing(issues)?.into_iter().map(|mailing| mailing.subject).collect();
        issues.sort();
        Ok(Self {
            comments: comments.map(|(_, text)| text.expose().to_owned()).collect(),
            answers: report.as_ref().and_then(|report| report.answers),
            marks: question.into_iter().flat_map(|question| &question.counts).map(|line| line.count).collect(),
            ideas,
            issues,
        })
    }

    /// Whether this is `truth`, or, where something was `told` to be wrong, a part of it: never anything else. Answers are shown as
    /// a whole group or not at all. Who puts back rows that belong together shows a comment that everybody read before, until
    /// `verify` tells; never one that nobody published.
    pub fn is_within(&self, truth: &Self, told: bool) -> bool {
        let part = |some: &[String], all: &[String]| some.iter().all(|one| all.contains(one));
        let counted = (self.answers, &self.marks) == (truth.answers, &truth.marks)
            || told && (self.answers, self.marks.len()) == (None, 0);
        let read = self.ideas == truth.ideas || told && self.ideas.is_empty();
        let once = [truth.comments.as_slice(), &[TAKEN_DOWN.to_owned()]].concat();
        let board = self.comments == truth.comments || told && part(&self.comments, &once);
        let issues = self.issues == truth.issues || told && part(&self.issues, &truth.issues);
        counted && read && board && issues
    }
}

/// The control: what nobody published, a part of a group, a number more, and what is missing without a word are not the truth.
#[test]
fn whatever_else_is_shown_is_told_from_the_truth() {
    let truth = truth();
    let change = |change: &dyn Fn(&mut Shown)| {
        let mut shown = truth.clone();
        change(&mut shown);
        [false, true].map(|told| shown.is_within(&truth, told))
    };
    assert_eq!(change(&|_| ()), [true; 2]);
    for (what, expected, edit) in [
        ("a comment missing", [false, true], (|shown| shown.comments.clear()) as fn(&mut Shown)),
        ("one that was taken down", [false, true], |shown| shown.comments.insert(0, TAKEN_DOWN.to_owned())),
        ("one that was declined", [false; 2], |shown| shown.comments.push("Buy my pills.".to_owned())),
        ("the sixth answer", [false; 2], |shown| shown.answers = Some(6)),
        ("no answers", [false, true], |shown| (shown.answers, shown.marks) = (None, Vec::new())),
        ("a mark", [false; 2], |shown| shown.marks[0] = 1),
        ("four of five ideas", [false; 2], |shown| drop(shown.ideas.pop())),
        ("the sixth idea", [false; 2], |shown| shown.ideas.push(idea(5))),
        ("no ideas", [false, true], |shown| shown.ideas.clear()),
        ("an issue missing", [false, true], |shown| drop(shown.issues.pop())),
        ("an issue that nobody wrote", [false; 2], |shown| shown.issues.push("News of pills".to_owned())),
    ] {
        assert_eq!(change(&edit), expected, "{what}");
    }
}

fn is_refusal(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Damaged | ServiceError::NotFound | ServiceError::Unavailable)
}

fn or_nothing<T>(shown: Result<Vec<T>, ServiceError>) -> Result<Vec<T>, ServiceError> {
    match shown {
        Err(error) if is_refusal(&error) => Ok(Vec::new()),
        other => other,
    }
}
