//! Newsletters over HTTPS and a real mail server: nobody gets an issue without having confirmed, one press ends it, and what
//! goes on disk tells nothing of anybody.

mod attacks;

use std::collections::BTreeSet;

use letterlock::services::newsletter;
use letterlock::services::post::MailHealth;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FORM: &str = "/api/v1/forms/newsletter/submissions";
const MAILINGS: &str = "/api/v1/forms/newsletter/mailings";

/// What a mail says, with what quoted-printable broke put together again.
struct Mail {
    to: String,
    content: String,
}

impl Mail {
    fn next(server: &Server) -> Self {
        let (mail, content) = server.next();
        Self { to: text(&mail["to"][0]), content }
    }

    /// The head, unfolded: names and values.
    fn head(&self) -> Vec<(String, String)> {
        let (head, _) = self.content.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.lines().map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    fn header(&self, name: &str) -> Vec<String> {
        self.head().into_iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect()
    }

    /// The path of the first link with this word in it.
    fn path(&self, word: &str) -> String {
        let place = format!("https://letterlock.example/f/newsletter/{word}/");
        let (_, rest) = self.content.split_once(&place).unwrap_or_else(|| panic!("no {word} in {}", self.content));
        let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        format!("/f/newsletter/{word}/{token}")
    }
}

fn subscription(email: &str, topics: &[&str]) -> Value {
    json!({ "fields": { "email": email, "topics": topics }, "consents": { "newsletter": true } })
}

/// Fills the form in; returns (submission, receipt).
async fn ask(service: &Service, email: &str, topics: &[&str]) -> (String, String) {
    let (status, body) = document(service.json("POST", FORM, None, &subscription(email, topics)).await).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

/// Fills the form in and confirms; returns (submission, receipt).
async fn subscribe(service: &Service, server: &Server, email: &str, topics: &[&str]) -> (String, String) {
    let asked = ask(service, email, topics).await;
    deliver(service).await;
    let path = Mail::next(server).path("confirm");
    assert_eq!(press(service, &path).await.0, 200);
    asked
}

/// What pressing the button of a page does: a post with nothing but what the page holds.
async fn press(service: &Service, path: &str) -> (u16, String) {
    let answer = service.form(path, &[]).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn order(service: &Service, token: &str, key: &str, issue: &Value) -> (u16, Value) {
    let request = service.request("POST", MAILINGS).header("idempotency-key", key).json(issue);
    document(service.send(request, Some(token)).await).await
}

fn issue(subject: &str) -> Value {
    json!({ "purpose": "newsletter", "subject": subject, "text": "What is new:\n\nEverything." })
}

async fn progress(service: &Service, token: &str, id: &Value) -> Value {
    document(service.get(&format!("{MAILINGS}/{}", text(id)), Some(token)).await).await.1
}

/// Orders an issue and delivers until nothing is left to do; whom it reached.
async fn send(service: &Service, server: &Server, token: &str, key: &str, issue: &Value) -> BTreeSet<String> {
    let (status, ordered) = order(service, token, key, issue).await;
    assert_eq!(status, 202, "{ordered}");
    drain(service, server).await.into_iter().map(|mail| mail.to).collect()
}

async fn drain(service: &Service, server: &Server) -> Vec<Mail> {
    let mut out = Vec::new();
    for _ in 0..50 {
        let sent = deliver(service).await;
        (0..sent).for_each(|_| out.push(Mail::next(server)));
        if sent == 0 {
            break;
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_counts_once_it_is_confirmed_by_a_press_and_not_by_a_look() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let (_, receipt) = ask(&service, "jane@example.org", &[]).await;
    assert_eq!(deliver(&service).await, 1);
    let mail = Mail::next(&server);
    assert_eq!(mail.to, "jane@example.org");
    assert!(mail.content.contains("good for 7 days") && mail.header("list-unsubscribe").is_empty(), "{}", mail.content);
    let path = mail.path("confirm");
    // Programs that look at what is in mails change nothing.
    for _ in 0..3 {
        let page = service.get(&path, None).await;
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("Yes, send me your mails"));
    }
    assert!(send(&service, &server, &marketing, "1", &issue("Too early")).await.is_empty());
    let mine =
        async || document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await.1;
    assert_eq!(mine().await["consents"]["newsletter"]["given"], false, "a tick alone is no consent");

    for _ in 0..2 {
        let (status, page) = press(&service, &path).await;
        assert_eq!(status, 200);
        assert!(page.contains("Your address is confirmed"), "{page}");
    }
    assert_eq!(mine().await["consents"]["newsletter"]["given"], true);
    let reached = send(&service, &server, &marketing, "2", &issue("News")).await;
    assert_eq!(reached, BTreeSet::from(["jane@example.org".to_owned()]));

    let listed = document(service.get("/api/v1/submissions?form=newsletter&status=confirmed", Some(&marketing)).await);
    assert_eq!(listed.await.1["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_survive_a_restart_and_others_open_nothing() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    ask(&service, "jane@example.org", &[]).await;
    deliver(&service).await;
    let path = Mail::next(&server).path("confirm");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let app = support::open(dir.path());
    let form = "newsletter".parse().unwrap();
    let token = path.rsplit('/').next().unwrap();
    let asked = newsletter::find_unconfirmed(&app, &form, token).await.unwrap();
    for at in 0..token.len() {
        let other = if token[at..].starts_with('A') { "B" } else { "A" };
        let wrong = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert!(newsletter::find_unconfirmed(&app, &form, &wrong).await.is_err(), "{wrong}");
        assert!(newsletter::find_subscriber(&app, &form, &wrong).await.is_err(), "{wrong}");
    }
    // One kind of link is not another, and neither is for another form.
    assert!(newsletter::find_subscriber(&app, &form, token).await.is_err());
    assert!(newsletter::find_unconfirmed(&app, &"support-request".parse().unwrap(), token).await.is_err());
    newsletter::confirm(&app, support::owner(Role::Admin).request, asked).await.unwrap();
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_confirmed_within_a_week_is_deleted_with_its_person() {
    let server = Server::start();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |config| config.limits = free_limits()).await;
    service.app.set_post(server.post());
    let (gone, receipt) = ask(&service, "stranger@example.org", &[]).await;
    subscribe_from(&service, &server).await;
    // Known for something else: only the subscription goes.
    service.apply("joe@example.org", &pdf(2000, 1)).await;
    let (alone, _) = ask(&service, "joe@example.org", &[]).await;
    deliver(&service).await;
    let paths: Vec<String> = (0..2)
        .map(|_| Mail::next(&server))
        .filter(|m| m.content.contains("/confirm/"))
        .map(|mail| mail.path("confirm"))
        .collect();
    let people = || letterlock::services::health::figures(&service.app).people;
    assert_eq!(people(), 3);

    clock.advance(7 * DAY - HOUR);
    assert_eq!(newsletter::sweep(&service.app).await.unwrap(), 0);
    assert_eq!(service.get(&paths[0], None).await.status(), 200);
    clock.advance(HOUR);
    assert_eq!(service.get(&paths[0], None).await.status(), 404, "too late");
    assert_eq!(press(&service, &paths[0]).await.0, 404);
    clock.advance(2 * HOUR);
    assert_eq!(newsletter::sweep(&service.app).await.unwrap(), 2);
    assert_eq!((people(), newsletter::sweep(&service.app).await.unwrap()), (2, 0));
    let marketing = service.token(&[Role::Marketing]).await;
    for id in [gone, alone] {
        let path = format!("/api/v1/submissions/{id}?purpose=newsletter");
        assert_eq!(service.get(&path, Some(&marketing)).await.status(), 404);
    }
    let shown = service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await;
    assert_eq!(shown.status(), 404);
    let reached = send(&service, &server, &marketing, "1", &issue("News")).await;
    assert_eq!(reached, BTreeSet::from(["jane@example.org".to_owned()]), "the confirmed stays");
}

/// Jane, confirmed, with another mail in the queue before hers.
async fn subscribe_from(service: &Service, server: &Server) {
    deliver(service).await;
    Mail::next(server);
    subscribe(service, server, "jane@example.org", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_tells_nobody_who_is_subscribed_and_nobody_is_flooded() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    let fields = |email: &'static str| [("email", email), ("newsletter", "true")];
    let mut answers = Vec::new();
    for email in ["jane@example.org", "nobody@example.org"] {
        let answer = service.form("/f/newsletter", &fields(email)).send().await.unwrap();
        let (status, page) = (answer.status(), answer.text().await.unwrap());
        let (before, after) = page.split_once("class=\"code big\">").unwrap();
        let (before, _) = before.split_once("arrived on").unwrap();
        answers.push((status, before.to_owned(), after.split_once('<').unwrap().1.to_owned()));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].1.contains("look into your mailbox"), "{}", answers[0].1);
    for n in 0..8 {
        let email = ["jane@example.org", "JANE@Example.org", "jane+x@example.org"][n % 3];
        ask(&service, email, &[]).await;
    }
    // Five to Jane in all, the first of which is confirmed long since; and one to nobody.
    assert_eq!(deliver(&service).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_nobody_can_subscribe() {
    let service = Service::start().await;
    let refused = service.json("POST", FORM, None, &subscription("jane@example.org", &[])).await;
    assert_eq!(refused.status(), 403);
    let marketing = service.token(&[Role::Marketing]).await;
    assert_eq!(order(&service, &marketing, "1", &issue("News")).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_has_the_headers_of_rfc_8058_and_one_post_from_anywhere_ends_it() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let (submission, receipt) = subscribe(&service, &server, "jane@example.org", &[]).await;
    let markdown = "# Hello\n\nRead **this**: [here](https://example.org/news).";
    let mut with_html = issue("Nëws & more");
    with_html["markdown"] = json!(markdown);
    assert_eq!(order(&service, &marketing, "1", &with_html).await.0, 202);
    let mail = drain(&service, &server).await.pop().unwrap();
    let path = mail.path("unsubscribe");
    assert_eq!(mail.header("list-unsubscribe"), [format!("<https://letterlock.example{path}>")]);
    assert_eq!(mail.header("list-unsubscribe-post"), ["List-Unsubscribe=One-Click"]);
    let names: Vec<String> = mail.head().into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "each header once: {names:?}");
    assert!(
        mail.content.contains("<strong>this</strong>") && mail.content.contains("What is new:"),
        "{}",
        mail.content
    );

    // As providers post: no cookie, no sign-in, over HTTP/1.1 too, with the body of the RFC in either form.
    let page = service.get(&path, None).await;
    assert!(page.headers().get("set-cookie").is_none());
    assert_eq!(page.text().await.unwrap().matches("<button").count(), 1);
    let multipart = reqwest::multipart::Form::new().text("List-Unsubscribe", "One-Click");
    let foreign = support::client(false)
        .post(service.url(&path))
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://mail.example")
        .multipart(multipart);
    let first = foreign.send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers().get("set-cookie")), (200, None));
    let said = first.text().await.unwrap();
    let again = service.form(&path, &[("List-Unsubscribe", "One-Click")]).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.text().await.unwrap()), (200, said.clone()));
    assert!(send(&service, &server, &marketing, "2", &issue("After")).await.is_empty());

    let mine = document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await.1;
    assert_eq!(mine["consents"]["newsletter"]["given"], false);
    let ledger = ledger(&service, &marketing, &submission).await;
    assert_eq!(ledger, ["form true", "confirmation true", "unsubscribe-link false"]);

    // An old link brings nobody back; a new confirmation does, and the old unsubscribe link still works.
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(send(&service, &server, &marketing, "3", &issue("Again")).await.len(), 1);
    assert_eq!(press(&service, &path).await, (200, said.clone()));
    assert!(send(&service, &server, &marketing, "4", &issue("Over")).await.is_empty());

    // Erased: the same words, for who asks by a look too.
    let asked = service.get(&path, None).await.text().await.unwrap();
    erase(&service, "jane@example.org").await;
    assert_eq!(press(&service, &path).await, (200, said));
    assert_eq!(service.get(&path, None).await.text().await.unwrap(), asked);
}

/// The person's ledger: source and state of each line.
async fn ledger(service: &Service, token: &str, submission: &str) -> Vec<String> {
    let path = format!("/api/v1/submissions/{submission}?purpose=newsletter");
    let (_, shown) = document(service.get(&path, Some(token)).await).await;
    let lines = shown["consent_changes"].as_array().unwrap();
    lines.iter().map(|line| format!("{} {}", text(&line["source"]), line["consents"]["newsletter"])).collect()
}

async fn erase(service: &Service, email: &str) {
    let privacy = service.token(&[Role::Privacy]).await;
    let found = service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": email })).await;
    let subject = text(&document(found).await.1["items"][0]["subject"]);
    let erased = service.request("POST", &format!("/api/v1/subjects/{subject}/erasure"));
    assert_eq!(service.send(erased, Some(&privacy)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_takes_back_its_own_and_what_was_never_confirmed_ends_nobody_elses() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let (_, confirmed) = subscribe(&service, &server, "jane@example.org", &[]).await;
    // Somebody else fills the form in with her address, and takes that back.
    let (_, foreign) = ask(&service, "jane@example.org", &[]).await;
    deliver(&service).await;
    let old = Mail::next(&server).path("confirm");
    let withdraw = async |receipt: &str| {
        let body = json!({ "receipt": receipt, "consent": "newsletter" });
        service.json("POST", "/api/v1/my/withdrawals", None, &body).await.status().as_u16()
    };
    assert_eq!(withdraw(&foreign).await, 200);
    assert_eq!(send(&service, &server, &marketing, "1", &issue("Still")).await.len(), 1);
    assert_eq!(press(&service, &old).await.0, 404, "taken back before it was confirmed");
    assert_eq!(withdraw(&confirmed).await, 200);
    assert!(send(&service, &server, &marketing, "2", &issue("No more")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_subscriptions_of_one_person_are_one_mail_and_one_press_ends_both() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &["events"]).await;
    subscribe(&service, &server, "Jane@Example.org", &["products"]).await;
    let (_, ordered) = order(&service, &marketing, "1", &issue("News")).await;
    let mails = drain(&service, &server).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(progress(&service, &marketing, &ordered["id"]).await["sent"], 1);
    press(&service, &mails[0].path("unsubscribe")).await;
    assert!(send(&service, &server, &marketing, "2", &issue("Over")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_for_a_topic_goes_to_who_chose_it_or_chose_none() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    for (email, topics) in [("a@example.org", &["events"][..]), ("b@example.org", &["company"]), ("c@example.org", &[])]
    {
        subscribe(&service, &server, email, topics).await;
    }
    let mut events = issue("Events");
    events["topics"] = json!(["events", "products"]);
    let reached = send(&service, &server, &marketing, "1", &events).await;
    assert_eq!(reached, ["a@example.org", "c@example.org"].map(str::to_owned).into());
    events["topics"] = json!(["weather"]);
    assert_eq!(order(&service, &marketing, "2", &events).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_checked_audited_and_taken_once() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let privacy = service.token(&[Role::Privacy]).await;
    let support_staff = service.token(&[Role::Support]).await;
    assert_eq!(order(&service, &privacy, "1", &issue("News")).await.0, 403);
    assert_eq!(order(&service, &support_staff, "1", &issue("News")).await.0, 404);
    let no_key = service.json("POST", MAILINGS, Some(&marketing), &issue("News")).await;
    assert_eq!(no_key.status(), 400);
    for subject in ["Hi\r\nBcc: everybody@example.org", "Hi\nX: y", "\0", "a\u{85}b", "", &"x".repeat(201)] {
        let (status, body) = order(&service, &marketing, "1", &issue(subject)).await;
        assert_eq!(status, 422, "{subject:?}");
        assert!(support::problems(&body).iter().all(|(field, _)| field == "subject"), "{body}");
    }
    for (member, value) in [("markdown", "<script>alert(1)</script>"), ("text", " "), ("purpose", "recruitment")] {
        let mut bad = issue("News");
        bad[member] = json!(value);
        assert_eq!(order(&service, &marketing, "1", &bad).await.0, 422, "{member}");
    }
    let mut bad = issue("News");
    bad["topics"] = json!(vec!["events"; 20_000]);
    assert_eq!(order(&service, &marketing, "1", &bad).await.0, 422, "the same topic many times");
    let elsewhere = service
        .request("POST", "/api/v1/forms/support-request/mailings")
        .header("idempotency-key", "1")
        .json(&issue("News"));
    assert_eq!(service.send(elsewhere, Some(&marketing)).await.status(), 404);
    assert_eq!(deliver(&service).await, 0, "nothing of all that was an order");

    let (status, first) = order(&service, &marketing, "1", &issue("News")).await;
    assert_eq!(status, 202);
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=50", Some(&auditor)).await).await;
    let entry = trail["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "send-mailing").unwrap();
    assert_eq!(entry["purpose"], "newsletter", "in the trail before anything leaves");
    let (status, again) = order(&service, &marketing, "1", &issue("News")).await;
    assert_eq!((status, &again["id"]), (200, &first["id"]));
    assert_eq!(order(&service, &marketing, "1", &issue("Other news")).await.0, 422);
    assert_eq!(drain(&service, &server).await.len(), 1);
    let shown = progress(&service, &marketing, &first["id"]).await;
    assert_eq!((&shown["state"], &shown["queued"], &shown["sent"]), (&json!("done"), &json!(1), &json!(1)), "{shown}");
    let (_, all) = document(service.get(MAILINGS, Some(&marketing)).await).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    assert!(!all.to_string().contains("jane") && !trail.to_string().contains("jane@"));
    let mark = json!({ "status": "confirmed" });
    let id = ask(&service, "joe@example.org", &[]).await.0;
    let marked = service.json("PATCH", &format!("/api/v1/submissions/{id}"), Some(&marketing), &mark).await;
    assert_eq!(marked.status(), 422, "nobody confirms for somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_neither_leaves_out_nor_sends_twice_and_who_went_gets_nothing() {
    const MANY: usize = 230;
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let email = |n: usize| format!("reader{n}@example.org");
    for n in 0..MANY {
        ask(&service, &email(n), &[]).await;
    }
    let mut confirmed = BTreeSet::new();
    for mail in drain(&service, &server).await {
        assert_eq!(press(&service, &mail.path("confirm")).await.0, 200);
        confirmed.insert(mail.to);
    }
    assert_eq!(confirmed.len(), MANY);
    let (_, ordered) = order(&service, &marketing, "1", &issue("News")).await;
    // The first batch goes out, and then the power.
    let first = deliver(&service).await;
    assert!((1..=100).contains(&first), "{first} in one pass");
    let mut reached: Vec<Mail> = (0..first).map(|_| Mail::next(&server)).collect();
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);

    let mut down = server.settings();
    down.port = Some(1);
    let service = Service::again(dir).await;
    service.app.set_post(post_with(&down));
    // With the server away the next batch waits; meanwhile two go.
    assert_eq!(deliver(&service).await, 0);
    let left: Vec<String> =
        confirmed.iter().filter(|to| !reached.iter().any(|mail| mail.to == **to)).cloned().collect();
    erase(&service, &left[0]).await;
    let (_, receipt) = document(service.json("POST", FORM, None, &subscription(&left[1], &[])).await).await;
    assert!(receipt["receipt"].is_string());
    let app = service.app.clone();
    let form = "newsletter".parse().unwrap();
    // Who has a mail already and one who is still to come take it back by their link.
    let token = reached[0].path("unsubscribe").rsplit('/').next().unwrap().to_owned();
    let subscriber = newsletter::find_subscriber(&app, &form, &token).await.unwrap();
    newsletter::unsubscribe(&app, support::owner(Role::Admin).request, &form, subscriber).await.unwrap();
    drop(app);
    let dir = service.dir.clone();
    let mut service = service;
    service.stop().await;
    drop(service);

    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    reached.extend(drain(&service, &server).await.into_iter().filter(|mail| !mail.content.contains("/confirm/")));
    let to: Vec<String> = reached.iter().map(|mail| mail.to.clone()).collect();
    let unique: BTreeSet<String> = to.iter().cloned().collect();
    assert_eq!(unique.len(), to.len(), "nobody twice");
    let mut wanted = confirmed.clone();
    wanted.remove(&left[0]);
    assert_eq!(unique, wanted, "nobody left out, and the erased got nothing");
    let shown = progress(&service, &marketing, &ordered["id"]).await;
    assert_eq!((&shown["state"], &shown["sent"]), (&json!("done"), &json!(MANY - 1)), "{shown}");
    assert!(service.app.post().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_unsubscribes_while_their_mail_waits_does_not_get_it() {
    let server = Server::start();
    let mut down = server.settings();
    down.port = Some(1);
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(order(&service, &marketing, "1", &issue("First")).await.0, 202);
    let path = drain(&service, &server).await[0].path("unsubscribe");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let mut service = Service::again(dir.clone()).await;
    service.app.set_post(post_with(&down));
    let (_, second) = order(&service, &marketing, "2", &issue("Second")).await;
    assert_eq!((deliver(&service).await, waiting(&service).0), (0, 1), "in the outbox");
    assert_eq!(press(&service, &path).await.0, 200);
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    assert_eq!((deliver(&service).await, waiting(&service).0, server.nothing_came()), (0, 0, true));
    assert_eq!(progress(&service, &marketing, &second["id"]).await["withdrawn"], 1);
    assert!(matches!(post::health(&service.app), Ok(MailHealth { waiting: 0, .. })));
}

/// They never were unsubscribed: the mail goes, though the subscription that it was made out for was taken over.
#[tokio::test(flavor = "multi_thread")]
async fn who_confirms_again_while_their_mail_waits_gets_it_once() {
    let server = Server::start();
    let mut down = server.settings();
    down.port = Some(1);
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    ask(&service, "jane@example.org", &[]).await;
    let again = drain(&service, &server).await[0].path("confirm");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let mut service = Service::again(dir.clone()).await;
    service.app.set_post(post_with(&down));
    let (_, ordered) = order(&service, &marketing, "1", &issue("First")).await;
    assert_eq!((deliver(&service).await, waiting(&service).0), (0, 1), "in the outbox");
    assert_eq!(press(&service, &again).await.0, 200);
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    let to: Vec<String> = drain(&service, &server).await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["jane@example.org"]);
    let done = progress(&service, &marketing, &ordered["id"]).await;
    assert_eq!((&done["sent"], &done["withdrawn"]), (&json!(1), &json!(0)));
}

/// The mail waits under the earlier subscription; the one that holds is erased by itself.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_subscription_that_holds_erased_gets_nothing_that_waited_under_an_earlier_one() {
    let server = Server::start();
    let mut down = server.settings();
    down.port = Some(1);
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    let (second, _) = ask(&service, "jane@example.org", &[]).await;
    let again = drain(&service, &server).await[0].path("confirm");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let mut service = Service::again(dir.clone()).await;
    service.app.set_post(post_with(&down));
    let (_, ordered) = order(&service, &marketing, "1", &issue("First")).await;
    assert_eq!((deliver(&service).await, waiting(&service).0), (0, 1), "in the outbox");
    assert_eq!(press(&service, &again).await.0, 200);
    let officer = crate::support::owner(Role::Privacy);
    letterlock::services::erase::record(&service.app, &officer, second.parse().unwrap()).await.unwrap();
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    assert_eq!((deliver(&service).await, waiting(&service).0, server.nothing_came()), (0, 0, true));
    assert_eq!(progress(&service, &marketing, &ordered["id"]).await["withdrawn"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unsubscribing_works_from_an_address_whose_limit_others_have_used_up() {
    let server = Server::start();
    let limits = letterlock::http::Limits { per_address_per_minute: 40, auth_failures_per_minute: 3, ..free_limits() };
    let service = Service::with(limits).await;
    service.app.set_post(server.post());
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(order(&service, &marketing, "1", &issue("News")).await.0, 202);
    let path = drain(&service, &server).await[0].path("unsubscribe");
    let wrong = format!("/f/newsletter/unsubscribe/{}", "A".repeat(28));
    let mut refused = false;
    for _ in 0..60 {
        refused |= press(&service, &wrong).await.0 == 429;
    }
    assert!(refused, "links that lead nowhere are limited");
    assert_eq!(service.get("/", None).await.status(), 429, "as is everything else");
    assert_eq!(service.get(&path, None).await.status(), 200);
    assert_eq!(press(&service, &path).await.0, 200);
    let form = "newsletter".parse().unwrap();
    let token = path.rsplit('/').next().unwrap();
    assert!(newsletter::find_subscriber(&service.app, &form, token).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_and_no_link_of_a_subscriber_is_on_disk() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    ask(&service, "nelly.qwvz@readers.example", &["events"]).await;
    deliver(&service).await;
    let confirm = Mail::next(&server).path("confirm");
    press(&service, &confirm).await;
    assert_eq!(order(&service, &marketing, "1", &issue("News")).await.0, 202);
    let mails = drain(&service, &server).await;
    let unsubscribe = mails[0].path("unsubscribe");
    press(&service, &unsubscribe).await;
    service.stop().await;
    let token = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    for secret in ["nelly.qwvz", "readers.example", &token(&confirm), &token(&unsubscribe)] {
        assert!(!is_under(service.dir.path(), secret), "{secret}");
    }
    std::fs::write(service.dir.path().join("data/leak"), token(&unsubscribe)).unwrap();
    assert!(is_under(service.dir.path(), &token(&unsubscribe)), "the scan finds what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_international_domain_gets_mail_and_a_local_part_that_no_server_takes_stops_nobody() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    for email in ["info@bücher.example", "rené@example.org", "jane@example.org"] {
        ask(&service, email, &[]).await;
    }
    // aiosmtpd offers no SMTPUTF8 here.
    assert_eq!((deliver(&service).await, waiting(&service)), (2, (1, 1)));
    let to: BTreeSet<String> = (0..2).map(|_| Mail::next(&server).to).collect();
    assert_eq!(to, ["info@xn--bcher-kva.example", "jane@example.org"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_inside_get_one_mail_for_many_arrivals() {
    let server = Server::start();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let shipped = include_str!("../../forms/support-request.toml");
    let own = shipped.replacen("roles = [", "announce = [\"desk@example.org\"]\nroles = [", 1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("support-request.toml"), own).unwrap();
    let forms = letterlock::services::forms::Folder { path: Some(folder.path().to_owned()), ..Default::default() };
    let forms = letterlock::services::forms::load(&forms).unwrap();
    let service = Service::with_clock(forms, clock.clone(), |config| config.limits = free_limits()).await;
    service.app.set_post(server.post());
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(service.ask_support(&format!("sam{n}@example.org")).await);
        drain_to_desk(&service, &server, usize::from(n == 0)).await;
    }
    assert_eq!(waiting(&service), (3, 0), "gathered, and none of them was refused");
    let privacy = service.token(&[Role::Privacy]).await;
    let erased = service.request("DELETE", &format!("/api/v1/submissions/{}", ids[3]));
    assert_eq!(service.send(erased, Some(&privacy)).await.status(), 200);
    clock.advance(Duration::from_secs(9 * 60));
    assert!(drain_to_desk(&service, &server, 0).await.is_empty());
    clock.advance(Duration::from_secs(2 * 60));
    let told = drain_to_desk(&service, &server, 1).await;
    assert!(told[0].content.contains("2 submissions have arrived"), "{}", told[0].content);
    assert_eq!(waiting(&service).0, 0);
}

async fn drain_to_desk(service: &Service, server: &Server, expected: usize) -> Vec<Mail> {
    let mails = drain(service, server).await;
    let desk: Vec<Mail> = mails.into_iter().filter(|mail| mail.to == "desk@example.org").collect();
    assert_eq!(desk.len(), expected);
    desk
}
