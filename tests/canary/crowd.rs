//! What is counted, published and sent out rather than read one by one: a survey, a board and a newsletter, with mails. None of
//! their words stays in memory at rest or on disk, and those of what was erased are nowhere.

use reqwest::Client;
use serde_json::{Value, json};

use crate::mailbox::Mailbox;
use crate::person::{self, document, text};
use crate::scan::{Needle, Scanner, assert_none};
use crate::service::{Service, client};

/// Where the links in mails lead.
const SITE: &str = "https://letterlock.example";

/// Everybody's words, and the codes and links that only they have.
#[derive(Default)]
struct Crowd {
    needles: Vec<Needle>,
    /// Receipts of what is erased in the end.
    leaving: Vec<String>,
}

impl Crowd {
    /// A word that must not be found.
    fn word(&mut self, what: &str) -> String {
        let word = word();
        self.needles.push(Needle::new(what, &word));
        word
    }

    /// Sends a form; returns the submission's id.
    async fn send(&mut self, service: &Service, client: &Client, form: &str, body: &Value, leaves: bool) -> String {
        let url = format!("{}/api/v1/forms/{form}/submissions", service.url);
        let answer = document(client.post(url).json(body).send().await.unwrap(), 201).await;
        let receipt = answer["receipt"].as_str().unwrap().to_owned();
        let plain = receipt.replace('-', "");
        self.needles.extend([&receipt, &plain].map(|code| Needle::new(format!("receipt of {form}"), code)));
        if leaves {
            self.leaving.push(receipt);
        }
        answer["submission"].as_str().unwrap().to_owned()
    }

    /// A link out of a mail, whose last part must not be found.
    fn link(&mut self, path: String) -> String {
        self.needles.push(Needle::new("token of a link", path.rsplit('/').next().unwrap()));
        path
    }

    /// Ten answers, enough to be told; counted, and their words read, by staff.
    async fn answer_survey(&mut self, service: &Service, client: &Client, token: &str) {
        for n in 0..10 {
            let (reason, idea) = (self.word("reason of a survey"), self.word("idea of a survey"));
            let fields = json!({
                "relation": "customer", "satisfaction": 1 + n % 2,
                "reason": format!("{reason} is why"), "ideas": format!("{idea} would help"),
            });
            self.send(service, client, "survey", &json!({ "fields": fields }), n < 5).await;
        }
        for place in ["", "/ideas", "/reason"] {
            let url = format!("{}/api/v1/forms/survey/results{place}?purpose=survey", service.url);
            let told = text(client.get(url).bearer_auth(token).send().await.unwrap(), 200).await;
            assert_eq!(told.contains(" would help"), place == "/ideas", "{told}");
        }
    }

    /// Three comments: one shown to the end, one shown and taken down by its erasure, one never shown.
    async fn comment(&mut self, service: &Service, client: &Client, token: &str) {
        for kind in ["shown", "taken down", "declined"] {
            // What is shown is for everybody to read, so only the rest must not be found.
            let mut said = || if kind == "shown" { word() } else { self.word(&format!("comment {kind}")) };
            let fields = json!({
                "display-name": format!("Ada {}", said()), "headline": said(), "comment": format!("{} is mine to say", said()),
                "email": format!("{}@example.org", self.word("address on a board")), "publish": true,
            });
            let leaves = kind == "taken down";
            let id = self.send(service, client, "public-comment", &json!({ "fields": fields }), leaves).await;
            let verdict = match kind {
                "declined" => {
                    json!({ "published": false, "reason": format!("{} is no comment.", self.word("reason")) })
                }
                _ => json!({ "published": true }),
            };
            let url = format!("{}/api/v1/submissions/{id}/publication", service.url);
            text(client.post(url).bearer_auth(token).json(&verdict).send().await.unwrap(), 200).await;
        }
        for path in ["/b/public-comment", "/api/v1/boards/public-comment"] {
            let shown = text(client.get(format!("{}{path}", service.url)).send().await.unwrap(), 200).await;
            assert_eq!(shown.matches(" is mine to say").count(), 2, "{shown}");
        }
    }

    /// Three subscribe; two confirm, get an issue, and one of them takes it back.
    async fn subscribe(&mut self, service: &Service, client: &Client, mailbox: &Mailbox, token: &str) {
        for n in 0..3 {
            let address = format!("{}@Letters.Example", self.word("address of a subscription"));
            let body = json!({ "fields": { "email": address }, "consents": { "newsletter": true } });
            self.send(service, client, "newsletter", &body, n < 2).await;
            let path = self.link(mailbox.wait_for_path(SITE, "/confirm/"));
            if n > 0 {
                press(service, client, &path).await;
            }
        }
        let issue = json!({ "purpose": "newsletter", "subject": "News", "text": "What is new: everything." });
        let order = client.post(format!("{}/api/v1/forms/newsletter/mailings", service.url)).bearer_auth(token);
        text(order.header("idempotency-key", "one").json(&issue).send().await.unwrap(), 202).await;
        let links = [(); 2].map(|()| self.link(mailbox.next_path(SITE, "/unsubscribe/")));
        press(service, client, &links[0]).await;
    }
}

/// Letters alone: a board takes digits for a telephone number.
fn word() -> String {
    person::word().bytes().map(|b| char::from(if b.is_ascii_digit() { b + 55 } else { b })).collect()
}

/// What the one button of a page does.
async fn press(service: &Service, client: &Client, path: &str) {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let request = client.post(format!("{}{path}", service.url)).header(kind.0, kind.1);
    text(request.send().await.unwrap(), 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_crowd_stays_and_nothing_of_those_who_leave_is_left() {
    let mailbox = Mailbox::open();
    let service = Service::start_with("json", &mailbox.settings());
    let token = service.token("writer", "marketing");
    let mut crowd = Crowd::default();
    let at_work = client(true);
    crowd.answer_survey(&service, &at_work, &token).await;
    crowd.comment(&service, &at_work, &token).await;
    crowd.subscribe(&service, &at_work, &mailbox, &token).await;
    drop(at_work);
    service.wait_until_quiet();
    let scanner = Scanner::new(crowd.needles.iter().cloned());
    assert_none("on disk", &service.search_disk(&scanner));
    assert_none("in memory", &service.search_memory(&scanner));

    let leaving = client(true);
    for receipt in &crowd.leaving {
        let url = format!("{}/api/v1/my/erasure", service.url);
        text(leaving.post(url).json(&json!({ "receipt": receipt })).send().await.unwrap(), 200).await;
    }
    let url = format!("{}/api/v1/boards/public-comment", service.url);
    assert_eq!(text(leaving.get(url).send().await.unwrap(), 200).await.matches(" is mine to say").count(), 1);
    let url = format!("{}/api/v1/forms/survey/results?purpose=survey", service.url);
    text(leaving.get(url).bearer_auth(&token).send().await.unwrap(), 200).await;
    drop(leaving);
    service.wait_for_clean_up(0);
    service.wait_until_quiet();
    assert_none("on disk", &service.search_disk(&scanner));
    assert_none("in memory", &service.search_memory(&scanner));
}
