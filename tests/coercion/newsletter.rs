//! A newsletter in the play: two people subscribe and confirm, get an issue, and one of them unsubscribes by the link in it. The other's
//! next mail waits when both are erased.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use letterlock::adapters::mail::{Carrier, Carrying, Outgoing, Refused};
use letterlock::base::ids::RequestId;
use letterlock::policy::{Actor, Role};
use letterlock::services::post::{self, Post};
use letterlock::services::{App, Context, newsletter, portal, submit};

use crate::scenario::GONE;
use crate::support::{context, erase_person, person_of, role};

/// In the addresses of readers.
const READER: &str = "reader";

/// A mail server that takes mails to readers, while it is open, and is away for everybody else.
#[derive(Clone, Default)]
pub struct Readers(Arc<State>);

#[derive(Default)]
struct State {
    open: AtomicBool,
    taken: Mutex<Vec<Taken>>,
}

struct Taken {
    to: String,
    text: String,
    unsubscribe: Option<String>,
}

impl Readers {
    pub fn post(&self) -> Post {
        Post::new(Arc::new(self.clone()), None, "https://letterlock.example", "Example").unwrap()
    }

    fn taken(&self) -> Vec<Taken> {
        std::mem::take(&mut self.0.taken.lock().unwrap())
    }
}

impl Carrier for Readers {
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a> {
        let mine = mail.to.expose().starts_with(READER) && self.0.open.load(Ordering::SeqCst);
        if mine {
            self.0.taken.lock().unwrap().push(Taken {
                to: mail.to.expose().to_owned(),
                text: mail.text.expose().to_owned(),
                unsubscribe: mail.unsubscribe.as_ref().map(|link| link.expose().to_owned()),
            });
        }
        let answer = if mine { Ok(()) } else { Err(Refused::Later("nobody is there".to_owned())) };
        Box::pin(std::future::ready(answer))
    }
}

fn address(n: usize) -> String {
    format!("{READER}{n}.{GONE}@example.org")
}

/// The token behind `word` in a text with a link.
fn token<'a>(text: &'a str, word: &str) -> &'a str {
    let rest = text.split_once(word).expect("a link").1;
    rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).next().unwrap()
}

pub async fn play(app: &Arc<App>, letters: &Readers) {
    let (form, request) = ("newsletter".parse().unwrap(), RequestId::from_bytes([10; 16]));
    let mut receipts = Vec::new();
    for n in 0..2 {
        let mut intake = submit::begin(app, &context(Actor::Public), &form, None).await.unwrap();
        intake.field("email", address(n)).unwrap();
        intake.consent("newsletter", true);
        receipts.push(intake.finish().await.unwrap().receipt);
    }
    let office = app.post().unwrap().clone();
    letters.0.open.store(true, Ordering::SeqCst);
    post::deliver(app, &office).await.unwrap();
    let questions = letters.taken();
    assert_eq!(questions.len(), 2);
    for mail in questions {
        let asked = newsletter::find_unconfirmed(app, &form, token(&mail.text, "/confirm/")).await.unwrap();
        newsletter::confirm(app, request, asked).await.unwrap();
    }

    let sender = Context { purpose: Some("newsletter".to_owned()), ..role(Role::Marketing) };
    let issue = |key: &str| newsletter::NewIssue {
        subject: format!("News of {key}"),
        text: "None.".to_owned(),
        markdown: None,
        topics: None,
        key: key.to_owned(),
    };
    newsletter::order(app, &sender, &form, issue("spring")).await.unwrap();
    let mut issues = Vec::new();
    for _ in 0..10 {
        post::deliver(app, &office).await.unwrap();
        issues.extend(letters.taken());
    }
    assert_eq!(issues.len(), 2);
    let link = issues.iter().find(|mail| mail.to == address(0)).and_then(|mail| mail.unsubscribe.as_ref()).unwrap();
    let subscriber = newsletter::find_subscriber(app, &form, token(link, "/unsubscribe/")).await.unwrap();
    newsletter::unsubscribe(app, request, &form, subscriber).await.unwrap();

    letters.0.open.store(false, Ordering::SeqCst);
    let (ordered, _) = newsletter::order(app, &sender, &form, issue("autumn")).await.unwrap();
    for _ in 0..10 {
        post::deliver(app, &office).await.unwrap();
    }
    let shown = newsletter::show(app, &sender, &form, ordered.id).await.unwrap();
    assert_eq!((shown.progress.queued, shown.waiting), (1, 1), "for the other one");

    let own = portal::enter(app, &receipts[0]).await.unwrap();
    portal::erase(app, request, own).await.unwrap();
    let person = person_of(app, &address(1)).await.unwrap();
    erase_person(app, person).await.unwrap();
    let shown = newsletter::show(app, &sender, &form, ordered.id).await.unwrap();
    assert_eq!(shown.waiting, 0);
}
