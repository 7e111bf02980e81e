//! Mail by a real mail server (aiosmtpd) that wants STARTTLS and a login: what is sent, what waits, what is given up, what goes
//! with the person; and links by mail for who has lost the receipt.

mod damaged;
mod newsletter;
mod roles;
#[path = "../support/mod.rs"]
mod support;
mod taken;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use letterlock::adapters::mail::{Security, Settings, Smtp};
use letterlock::base::clock::{Clock, ManualClock, SystemClock};
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::post::{self, Post};
use serde_json::{Value, json};
use support::{Service, document, free_limits, pdf, text};

/// A running mail server; ends when dropped.
struct Server {
    child: Child,
    port: u16,
    root: Vec<u8>,
    mails: Receiver<Value>,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) =
            letterlock::http::tls::make_self_signed(&["localhost".to_owned()], SystemClock.now()).unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("chain.pem"), &chain).unwrap();
        std::fs::write(path("key.pem"), key.expose()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args([path("chain.pem"), path("key.pem"), path("port")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 with aiosmtpd; scripts/test installs it or says how");
        let (tell, mails) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        let port = (0..600).find_map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            std::fs::read_to_string(path("port")).ok()?.parse().ok()
        });
        Self { port: port.expect("the mail server does not start"), child, root: chain.into(), mails, _dir: dir }
    }

    fn settings(&self) -> Settings {
        Settings {
            server: "localhost".to_owned(),
            port: Some(self.port),
            security: Security::StartTls,
            login: Some(("letterlock".to_owned(), "secret & long".into())),
            from: "Example <office@example.org>".to_owned(),
            root: Some(self.root.clone()),
        }
    }

    fn post(&self) -> Post {
        post_with(&self.settings())
    }

    /// The next mail: the whole, and its text decoded.
    fn next(&self) -> (Value, String) {
        let mail = self.mails.recv_timeout(Duration::from_secs(30)).expect("no mail came");
        let content = text(&mail["content"]).replace("=\r\n", "").replace("=3D", "=");
        (mail, content)
    }

    fn nothing_came(&self) -> bool {
        self.mails.try_recv().is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing its input ends it.
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.child.wait();
    }
}

fn post_with(settings: &Settings) -> Post {
    let carrier = Arc::new(Smtp::new(settings).unwrap());
    Post::new(carrier, None, "https://letterlock.example/", "Example Ltd").unwrap()
}

async fn service_with(post: Post) -> Service {
    let service = Service::start().await;
    service.app.set_post(post);
    service
}

async fn deliver(service: &Service) -> usize {
    post::deliver(&service.app, service.app.post().unwrap()).await.unwrap()
}

fn waiting(service: &Service) -> (usize, usize) {
    let health = post::health(&service.app).unwrap();
    (health.waiting, health.retried)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_confirmed_and_an_answer_is_announced_without_its_words() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let (id, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert_eq!((deliver(&service).await, waiting(&service)), (1, (0, 0)));
    let (mail, content) = server.next();
    assert_eq!((&mail["to"], &mail["from"]), (&json!(["jane@example.org"]), &json!("office@example.org")));
    assert_eq!((&mail["tls"], &mail["login"]), (&json!(true), &json!(true)));
    assert!(content.contains("Subject: We have received what you sent: Apply to work with us"), "{content}");
    assert!(content.contains("https://letterlock.example/my") && content.contains("text/html"), "{content}");
    assert!(!content.contains(&receipt) && !content.contains("Jane Doe"), "nothing of what was sent: {content}");

    let hr = service.token(&[Role::Hr]).await;
    let path = format!("/api/v1/submissions/{id}/messages");
    let answer = service.json("POST", &path, Some(&hr), &json!({ "text": "My very own words." })).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(deliver(&service).await, 1);
    let (mail, content) = server.next();
    assert_eq!(mail["to"], json!(["jane@example.org"]));
    assert!(content.contains("There is an answer for you") && !content.contains("very own words"), "{content}");

    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=10", Some(&auditor)).await).await;
    let sent = trail["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "send-mail").count();
    assert_eq!(sent, 2);
    assert!(!trail.to_string().contains("jane@example.org"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_in_the_language_that_the_form_was_sent_in() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let path = "/api/v1/forms/support-request/submissions";
    let request =
        service.request("POST", path).json(&support::support("sam@example.org")).header("accept-language", "de-CH");
    let (status, body) = document(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
    deliver(&service).await;
    let (_, content) = server.next();
    assert!(content.contains("Guten Tag") && content.contains("Hilfe vom Kundendienst"), "{content}");
    // The answer too, weeks later: the record knows.
    let staff = service.token(&[Role::Support]).await;
    let path = format!("/api/v1/submissions/{}/messages", body["submission"].as_str().unwrap());
    assert_eq!(service.json("POST", &path, Some(&staff), &json!({ "text": "Yes." })).await.status(), 201);
    deliver(&service).await;
    let (_, content) = server.next();
    assert!(content.contains("Zum Schutz Ihrer Daten"), "{content}");
    let ask = service.form("/my/link?lang=fr", &[("email", "sam@example.org")]);
    assert_eq!(ask.header("accept-language", "de").send().await.unwrap().status(), 200);
    while deliver(&service).await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, content) = server.next();
    assert!(content.contains("lang=3D\"fr\"") || content.contains("lang=\"fr\""), "{content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_now_waits_over_a_restart_and_goes_with_the_person() {
    let server = Server::start();
    let mut down = server.settings();
    down.port = Some(1);
    let mut service = service_with(post_with(&down)).await;
    service.apply("jane@example.org", &pdf(2000, 1)).await;
    service.apply("gone@example.org", &pdf(2000, 1)).await;
    // A server that is not there is asked once a pass, not once a mail.
    assert_eq!((deliver(&service).await, waiting(&service)), (0, (2, 1)));

    let privacy = service.token(&[Role::Privacy]).await;
    let found =
        service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": "gone@example.org" })).await;
    let subject = text(&document(found).await.1["items"][0]["subject"]);
    let erased = service.request("POST", &format!("/api/v1/subjects/{subject}/erasure"));
    assert_eq!(service.send(erased, Some(&privacy)).await.status(), 200);

    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let app = support::open(dir.path());
    app.set_post(server.post());
    assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 1);
    assert_eq!(server.next().0["to"], json!(["jane@example.org"]));
    assert!(server.nothing_came(), "the mail of the erased is never sent");
    assert_eq!(post::health(&app).unwrap().waiting, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_or_certificate_sends_nothing_and_loses_nothing() {
    let server = Server::start();
    let wrong = Settings { login: Some(("letterlock".to_owned(), "guess".into())), ..server.settings() };
    let unknown = Settings { root: None, ..server.settings() };
    let plain = Settings { security: Security::None, ..server.settings() };
    for settings in [wrong, unknown, plain] {
        let service = service_with(post_with(&settings)).await;
        service.apply("jane@example.org", &pdf(2000, 1)).await;
        assert_eq!(deliver(&service).await, 0, "{:?}", settings.security);
        assert_eq!((waiting(&service), server.nothing_came()), ((1, 1), true), "{:?}", settings.security);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_ends_in_an_hour() {
    let server = Server::start();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |config| config.limits = free_limits()).await;
    service.app.set_post(server.post());
    service.apply("never@example.org", &pdf(2000, 1)).await;
    service.apply("later@example.org", &pdf(2000, 1)).await;
    assert_eq!((deliver(&service).await, waiting(&service)), (0, (2, 2)));
    clock.advance(Duration::from_secs(29));
    assert_eq!(deliver(&service).await, 0, "not yet");
    clock.advance(Duration::from_secs(2));
    assert_eq!((deliver(&service).await, waiting(&service)), (1, (1, 1)));
    assert_eq!(server.next().0["to"], json!(["later@example.org"]));
    clock.advance(Duration::from_secs(60 * 60));
    assert_eq!((deliver(&service).await, waiting(&service)), (0, (0, 0)), "given up");
    assert!(server.nothing_came());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_under_any_spelling() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    for email in
        ["jane@example.org", "JANE@example.org", "jane@EXAMPLE.org", "jane+a@example.org", "Jane+b@Example.Org"]
    {
        service.apply(email, &pdf(2000, 1)).await;
        service.apply(email, &pdf(2000, 2)).await;
    }
    assert_eq!(deliver(&service).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_in_our_name() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    for _ in 0..8 {
        service.apply("jane@example.org", &pdf(2000, 1)).await;
    }
    assert_eq!(deliver(&service).await, 5);
    // What others cause does not use up what one asks for oneself.
    assert_eq!(service.form("/my/link", &[("email", "jane@example.org")]).send().await.unwrap().status(), 200);
    for _ in 0..5 {
        server.next();
    }
    let mut links = 0;
    for _ in 0..200 {
        links += deliver(&service).await;
        if links > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(links, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_by_mail_opens_everything_of_that_address_once() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let running = tokio::spawn(post::run(service.app.clone()));
    let (first, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (second, _) = service.apply("Jane@EXAMPLE.org", &pdf(2000, 2)).await;
    let (other, _) = service.apply("joe@example.org", &pdf(2000, 3)).await;
    for _ in 0..3 {
        server.next();
    }
    // The same answer, whoever is asked for.
    let mut answers = Vec::new();
    for email in ["jane@example.org", "nobody@example.org"] {
        let answer = service.form("/my/link", &[("email", email)]).send().await.unwrap();
        answers.push((answer.status(), answer.text().await.unwrap()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(service.form("/my/link", &[("email", "nonsense")]).send().await.unwrap().status(), 422);
    let (mail, content) = server.next();
    assert_eq!(mail["to"], json!(["jane@example.org"]));
    let (_, rest) = content.split_once("https://letterlock.example").unwrap();
    let path = rest.split_whitespace().next().unwrap().to_owned();

    // Looking at it does not use it up.
    for _ in 0..2 {
        let page = service.get(&path, None).await;
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("Open it now"));
    }
    let foreign = service.request("POST", &path).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    let entered = service.request("POST", &path).send().await.unwrap();
    assert_eq!(entered.status(), 303);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(service.request("POST", &path).send().await.unwrap().status(), 404, "used up");

    let page = async |path: &str| {
        service.request("GET", path).header("cookie", &cookie).send().await.unwrap().text().await.unwrap()
    };
    let all = page("/my").await;
    assert!(all.contains(&first) && all.contains(&second) && !all.contains(&other), "{all}");
    let guard = all.split("name=\"_guard\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let post = async |path: &str, pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().copied().chain([("_guard", guard.as_str())]).collect();
        service.form(path, &pairs).header("cookie", &cookie).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("/my/open", &[("id", &other)]).await, 404, "somebody else's");
    assert_eq!(post("/my/open", &[("id", &first)]).await, 303);
    assert!(page("/my").await.contains("Back to everything"));
    assert_eq!(post("/my/erasure", &[]).await, 200);
    let all = page("/my").await;
    assert!(!all.contains(&first) && all.contains(&second), "{all}");
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_everything_else_works() {
    let service = Service::start().await;
    service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert!(!post::health(&service.app).unwrap().on);
    assert_eq!(service.form("/my/link", &[("email", "jane@example.org")]).send().await.unwrap().status(), 403);
    assert!(!service.get("/my", None).await.text().await.unwrap().contains("Mail me a link"));
}

/// Every way in which a text may stand in a file.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut out = vec![text.as_bytes().to_vec(), text.to_uppercase().into_bytes(), utf16];
    out.push(data_encoding::HEXLOWER.encode(text.as_bytes()).into_bytes());
    for shift in 0..3 {
        // Without the characters that depend on what stands beside it.
        let padded = [&b"\0\0"[..shift], text.as_bytes()].concat();
        let coded = data_encoding::BASE64.encode(&padded);
        out.push(coded.as_bytes()[4..coded.len() - 4].to_vec());
    }
    out
}

fn is_under(folder: &Path, text: &str) -> bool {
    let wanted = spellings(text);
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_under(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap();
        wanted.iter().any(|spelling| bytes.windows(spelling.len()).any(|window| window == spelling))
    })
}

fn referral(friend: &str, words: &str) -> Value {
    json!({ "fields": {
        "name": "Jane Roe", "email": "jane@example.org", "friend-email": friend, "message": words, "asked": true,
    } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friend_gets_one_mail_and_nothing_about_them_is_kept() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    let path = "/api/v1/forms/refer-a-friend/submissions";
    let friend = "bonny.qhvz@friends.example";
    let sent = service.json("POST", path, None, &referral(friend, "You have to see {{ this }} <b>!")).await;
    let (status, receipt) = document(sent).await;
    assert_eq!(status, 201, "{receipt}");
    // Acknowledged, so the server has it; the outbox had no part in it.
    let (mail, content) = server.next();
    assert_eq!(mail["to"], json!([friend]));
    assert!(content.contains("Jane Roe would like to tell you") && content.contains("{{ this }} <b>!"), "{content}");
    assert!(content.contains("{{ this }} &lt;b&gt;!") && !content.contains("jane@example.org"), "{content}");

    let post = async |body: Value| {
        let (status, body) = document(service.json("POST", path, None, &body).await).await;
        (status, body["problems"][0]["field"].clone(), body["problems"][0]["code"].clone())
    };
    let field = |name: &str, code: &str| (422, json!(name), json!(code));
    assert_eq!(post(referral("never@example.org", "Hi")).await, field("friend-email", "refused-address"));
    assert_eq!(post(referral(friend, "See https://evil.example")).await, field("message", "links"));
    assert_eq!(post(referral(friend, &format!("Is {friend} yours?"))).await, field("message", "friends-address"));
    assert_eq!(post(referral("later@example.org", "Hi")).await.0, 503);
    let (_, mine) =
        document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt["receipt"] })).await).await;
    assert_eq!(mine["fields"]["message"], "You have to see {{ this }} <b>!");
    assert!(mine["fields"].get("friend-email").is_none() && !mine.to_string().contains("bonny"), "{mine}");
    assert_eq!(letterlock::services::health::figures(&service.app).people, 1, "what was not sent is not stored");

    service.stop().await;
    assert!(!is_under(service.dir.path(), "bonny.qhvz"));
    // The scan finds what is there.
    std::fs::write(service.dir.path().join("data/leak"), data_encoding::BASE64.encode(friend.as_bytes())).unwrap();
    assert!(is_under(service.dir.path(), "bonny.qhvz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_no_friend_can_be_written_to() {
    let service = Service::start().await;
    let path = "/api/v1/forms/refer-a-friend/submissions";
    let refused = service.json("POST", path, None, &referral("bonny@example.org", "Hi")).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(service.get("/f/refer-a-friend", None).await.status(), 403);
}

const GATED: &str = r#"
id = "white-paper"
version = 1
title = "White paper"
submit = "Get it"
purposes = ["sales"]
legal_basis = "consent"
roles = ["marketing"]
retention_days = 365
notice = "general"
subject = "email"
unlocks = [{ file = "paper.pdf", title = "The <paper>" }, { file = "more.txt", title = "More" }]
unlock_by = "mail"

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_unlocks_by_mail_goes_to_the_address_and_not_to_the_receipt() {
    let server = Server::start();
    let forms = FormSet::with_files([("white-paper.toml", GATED)]).unwrap();
    let service = Service::with_own_forms(forms, |config| config.limits = free_limits()).await;
    let path = "/api/v1/forms/white-paper/submissions";
    let body = json!({ "fields": { "email": "jane@example.org" } });
    assert_eq!(service.json("POST", path, None, &body).await.status(), 403, "not open without a mail server");
    service.app.set_post(server.post());
    let folder = service.dir.path().join("resources");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("paper.pdf"), pdf(3000, 1)).unwrap();
    std::fs::write(folder.join("more.txt"), "more").unwrap();
    let link_life = Duration::from_secs(3600);
    service.app.set_resources(letterlock::services::resources::Shelf { folder, link_life });

    let (status, sent) = document(service.json("POST", path, None, &body).await).await;
    assert_eq!((status, sent.get("downloads")), (201, None));
    let receipt = text(&sent["receipt"]);
    assert_eq!(deliver(&service).await, 1, "one mail: it says that it has arrived as well");
    let (mail, content) = server.next();
    assert_eq!(mail["to"], json!(["jane@example.org"]));
    assert!(
        content.contains("Subject: Your downloads: White paper") && content.contains("The <paper>\r\nhttps://"),
        "{content}"
    );
    assert!(content.contains("The &lt;paper&gt;</a>") && !content.contains(&receipt), "{content}");
    let links: Vec<String> = content
        .split("https://letterlock.example/r/")
        .skip(1)
        .map(|rest| {
            format!(
                "/r/{}",
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect::<String>()
            )
        })
        .collect();
    assert_eq!(links.len(), 2, "in the text; HTML has them with its own slashes");
    assert_eq!(service.get(&links[0], None).await.status(), 200);
    assert!(service.form(&links[0], &[]).send().await.unwrap().bytes().await.unwrap() == pdf(3000, 1));
    assert_eq!(service.form(&links[0], &[]).send().await.unwrap().status(), 410);

    // The receipt proves no address: neither the page nor the interface gives a way in by it.
    let ask = json!({ "receipt": receipt, "file": "paper.pdf" });
    assert_eq!(service.json("POST", "/api/v1/my/links", None, &ask).await.status(), 422);
    let visit = async |path: &str, pairs: &[(&str, &str)]| {
        let entered = service.form(path, pairs).send().await.unwrap();
        entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    };
    let page = async |cookie: &str| {
        service.request("GET", "/my").header("cookie", cookie).send().await.unwrap().text().await.unwrap()
    };
    let fetch = async |cookie: &str, page: &str| {
        let guard = page.split("name=\"_guard\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = service.form("/my/resources", &[("_guard", guard), ("file", "paper.pdf")]);
        form.header("cookie", cookie).send().await.unwrap()
    };
    let cookie = visit("/my", &[("code", &receipt)]).await;
    let shown = page(&cookie).await;
    assert!(shown.contains("go to your e-mail address") && !shown.contains("action=\"/my/resources\""), "{shown}");
    assert_eq!(fetch(&cookie, &shown).await.status(), 404);

    // Whoever reads the mailbox can have them again.
    assert_eq!(service.form("/my/link", &[("email", "jane@example.org")]).send().await.unwrap().status(), 200);
    let link = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if deliver(&service).await == 1 {
            let (_, content) = server.next();
            break content
                .split("https://letterlock.example")
                .nth(1)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned();
        }
    };
    let cookie = visit(&link, &[]).await;
    let list = page(&cookie).await;
    let value = |name: &str| {
        list.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let open =
        service.form("/my/open", &[("_guard", &value("_guard")), ("id", &value("id"))]).header("cookie", &cookie);
    assert_eq!(open.send().await.unwrap().status(), 303);
    let shown = page(&cookie).await;
    assert!(fetch(&cookie, &shown).await.bytes().await.unwrap() == pdf(3000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_with_much_in_it_is_shown_a_page_at_a_time() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let mut sent = Vec::new();
    for _ in 0..53 {
        sent.push(service.ask_support("jane@example.org").await);
    }
    sent.reverse();
    post::ask_for_link(&service.app, &letterlock::domain::language::Lang::english(), "jane@example.org").unwrap();
    let link = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        deliver(&service).await;
        let found = server.mails.try_iter().find_map(|mail| {
            let content = text(&mail["content"]).replace("=\r\n", "");
            let link = content.split("https://letterlock.example/my/link/").nth(1)?;
            Some(format!("/my/link/{}", link.split_whitespace().next().unwrap()))
        });
        if let Some(link) = found {
            break link;
        }
    };
    let entered = service.form(&link, &[]).send().await.unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = async |path: &str| {
        let page = service.request("GET", path).header("cookie", &cookie).send().await.unwrap();
        (page.status().as_u16(), page.text().await.unwrap())
    };
    let ids = |page: &str| -> Vec<String> {
        page.split("name=\"id\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let (_, first) = page("/my").await;
    assert_eq!(ids(&first), sent[..50]);
    assert!(!first.contains(">Newest</a>"));
    let older = first.split("href=\"/my?older=").nth(1).unwrap().split('"').next().unwrap();
    let (_, second) = page(&format!("/my?older={older}")).await;
    assert_eq!(ids(&second), sent[50..]);
    assert!(second.contains(">Newest</a>") && !second.contains(">Older</a>"), "{second}");
    for bad in ["x", "", "AAAAAAAAAAA=", "__________8"] {
        assert_eq!(page(&format!("/my?older={bad}")).await.0, 422, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_called_off_before_its_content_is_not_taken() {
    use letterlock::adapters::mail::{Carrier, Outgoing};

    let server = Server::start();
    let smtp = Smtp::new(&server.settings()).unwrap();
    let mail = |subject: &str| Outgoing {
        to: "jane@example.org".into(),
        subject: subject.to_owned(),
        text: "Hello".into(),
        html: "<p>Hello</p>".into(),
        id: None,
        unsubscribe: None,
    };
    assert_eq!(smtp.carry_if(&mail("No"), &|| false).await, Ok(false));
    assert_eq!(smtp.carry_if(&mail("Yes"), &|| true).await, Ok(true));
    let (_, content) = server.next();
    assert!(content.contains("Subject: Yes"), "{content}");
    assert!(server.nothing_came());
}
