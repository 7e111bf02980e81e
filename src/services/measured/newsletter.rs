//! A newsletter with fifty thousand subscribers.

use std::collections::BTreeMap;

use super::*;
use crate::adapters::mail::{Carrier, Carrying, Outgoing};
use crate::base::sensitive::SensitiveString;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{ConsentGiven, Content, FieldValue, Status};
use crate::policy::{Action, Resource, SUBJECT_REQUEST};
use crate::services::newsletter::{self, NewIssue};
use crate::services::post::{self, Post};
use crate::vault::{NewSubmission, Turn};

const SUBSCRIBERS: usize = 50_000;
const FORM: &str = "newsletter";

/// Takes every mail at once.
struct Taking;

impl Carrier for Taking {
    fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
        Box::pin(async { Ok(()) })
    }
}

/// Somebody subscribes and confirms. Past the services: their mail that asks for it would have to be sent first.
async fn subscribe(app: Arc<App>, n: usize) {
    let address = format!("reader{n}@example{}.org", n % 97);
    let form = app.forms().get(&FORM.parse().unwrap()).cloned().unwrap();
    let text = |text: &str| FieldValue::Text(SensitiveString::from(text));
    let topic = ["products", "events", "company"][n % 3];
    let given = ConsentGiven { given: true, wording: "1".to_owned() };
    let content = Content {
        form: form.id.clone(),
        form_version: form.version,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: app.clock.now(),
        fields: BTreeMap::from([
            ("email".to_owned(), text(&address)),
            ("topics".to_owned(), FieldValue::Many(vec![topic.into()])),
        ]),
        consents: BTreeMap::from([(FORM.to_owned(), given)]),
        files: Vec::new(),
        server_key: None,
    };
    let new = NewSubmission {
        email: EmailAddress::parse(&address).ok(),
        content,
        status: Status::Unconfirmed,
        files: Vec::new(),
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    let act = context(Actor::Public, None).act(Action::Submit, &Resource::of_form(&form)).unwrap();
    let record = app.vault.submit(act, new).await.unwrap().summary.id;
    let act = context(Actor::Subject, Some(SUBJECT_REQUEST)).act(Action::ConfirmConsent, &Resource::Own).unwrap();
    let turn = Turn::Confirm(record, FORM.to_owned());
    app.vault.turn(act, form.id.clone(), turn, app.clock.now()).await.unwrap();
}

fn issue(key: &str) -> NewIssue {
    NewIssue {
        subject: "News".to_owned(),
        text: "Much has happened. ".repeat(200),
        markdown: Some(format!("# News\n\n{}", "Much has **happened**. ".repeat(200))),
        topics: None,
        key: key.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; measures: the command stands in src/services/measured.rs"]
async fn fifty_thousand_subscribers_get_an_issue() {
    let (_dir, app) = home();
    let form = FORM.parse().unwrap();
    let record = send(
        &app,
        "general-enquiry",
        vec![
            ("name", "Sam".to_owned()),
            ("email", "sam@example.org".to_owned()),
            ("topic", "other".to_owned()),
            ("message", "How are you?".to_owned()),
        ],
    )
    .await;
    measured("filled", all(SUBSCRIBERS, |n| subscribe(Arc::clone(&app), n))).await;
    app.set_post(Post::new(Arc::new(Taking), None, "https://letterlock.example/", "Example Ltd").unwrap());
    let office = Arc::clone(app.post().unwrap());
    let marketing = owner(Role::Marketing, FORM);
    let shown = async || newsletter::list(&app, &marketing, &form).await.unwrap().remove(0);

    Reader::alone(&app, record).await;
    // As the post office does it: a hundred at a time, each sent before the next come.
    measured("ordered", newsletter::order(&app, &marketing, &form, issue("one"))).await.unwrap();
    let reader = Reader::start(&app, record);
    let sending = async {
        let mut sent = 0;
        while sent < SUBSCRIBERS {
            sent += post::deliver(&app, &office).await.unwrap();
        }
    };
    measured("sent to all, by a server that takes each at once", sending).await;
    reader.stop("sending").await;
    let done = measured("looked at", shown()).await;
    assert_eq!((done.progress.sent, done.waiting), (SUBSCRIBERS as u64, 0));

    // The same without sending: what gathering alone costs, and what it is like with much that waits.
    measured("ordered", newsletter::order(&app, &marketing, &form, issue("two"))).await.unwrap();
    let reader = Reader::start(&app, record);
    let gather = async |most: u64| {
        let mut queued = 0;
        while queued < most {
            let more = newsletter::feed(&app, (most - queued) as usize).await.unwrap();
            assert!(more > 0);
            queued += more;
        }
    };
    // As many as the outbox ever holds of issues.
    measured("five thousand gathered", gather(5_000)).await;
    let some = measured("looked at, five thousand waiting", shown()).await;
    assert_eq!(some.waiting, 5_000);
    measured("five thousand sent", post::deliver(&app, &office)).await.unwrap();
    measured("the rest gathered", gather(SUBSCRIBERS as u64 - 5_000)).await;
    reader.stop("gathering").await;
}
