//! The page that a receipt opens, over HTTPS: the visit and its cookie, posts from elsewhere, messages, files, consents, erasure.

mod support;

use letterlock::policy::Role;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use support::{Service, document, pdf, problems, text};

/// A visitor with a browser.
struct Visitor<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Visitor<'a> {
    async fn enter(service: &'a Service, receipt: &str) -> Self {
        let answer =
            service.form("/my", &[("code", receipt)]).header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, "/my"));
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let (pair, rest) = cookie.split_once(';').unwrap();
        assert!(pair.starts_with("__Host-my="));
        assert_eq!(rest, " Path=/; Secure; HttpOnly; SameSite=Strict");
        Self { service, cookie: pair.to_owned() }
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(self.service.request("GET", path)).await
    }

    async fn page(&self) -> String {
        let answer = self.get("/my").await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.text().await.unwrap()
    }

    /// The value of a hidden part.
    async fn hidden(&self, name: &str) -> String {
        let page = self.page().await;
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page}"));
        rest.split_once('"').unwrap().0.to_owned()
    }

    async fn post(&self, path: &str) -> Response {
        let guard = self.hidden("_guard").await;
        self.send(self.service.form(path, &[("_guard", &guard)])).await
    }

    async fn message(&self, text: &str, files: &[Vec<u8>]) -> Form {
        let (guard, once) = (self.hidden("_guard").await, self.hidden("_once").await);
        let form = Form::new().text("_guard", guard).text("_once", once).text("text", text.to_owned());
        files.iter().fold(form, |form, file| form.part("file", Part::bytes(file.clone()).file_name("more.pdf")))
    }

    async fn write(&self, text: &str, files: &[Vec<u8>]) -> Response {
        let form = self.message(text, files).await;
        self.send(self.service.request("POST", "/my/messages").multipart(form)).await
    }
}

fn location(answer: &Response) -> (u16, String) {
    let place = answer.headers().get("location").map_or("", |place| place.to_str().unwrap());
    (answer.status().as_u16(), place.to_owned())
}

#[tokio::test]
async fn a_receipt_opens_the_page_and_messages_go_to_and_fro() {
    let service = Service::start().await;
    let (cv, more) = (pdf(2000, 1), pdf(200_000, 2));
    let (id, receipt) = service.apply("jane@example.org", &cv).await;
    let visitor = Visitor::enter(&service, &receipt.to_lowercase().replace('-', " ")).await;
    let page = visitor.page().await;
    for part in
        ["Apply to work with us", "Jane Doe", "Jane Döe CV.pdf", "We are considering it.", "Take this consent back"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(visitor.get("/my/files/0").await.bytes().await.unwrap(), cv);

    let answer = visitor.write("Here is <b>more</b>.", std::slice::from_ref(&more)).await;
    assert_eq!(location(&answer), (303, "/my#message-1".to_owned()));
    let hr = service.token(&[Role::Hr]).await;
    let path = format!("/api/v1/submissions/{id}/messages");
    let (status, written) =
        document(service.json("POST", &path, Some(&hr), &json!({ "text": "Thank you." })).await).await;
    assert_eq!((status, &written["number"]), (201, &json!(1)));
    let page = visitor.page().await;
    assert!(page.contains("Here is &#60;b&#62;more&#60;/b&#62;."), "{page}");
    assert!(page.contains("Our recruitment team") && page.contains("Thank you."));
    assert_eq!(visitor.get("/my/files/1").await.bytes().await.unwrap(), more);
    assert_eq!(visitor.get("/my/files/2").await.status(), 404);

    // Staff see both, and the file.
    let (_, shown) =
        document(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    assert_eq!(shown["messages"][0]["text"], "Here is <b>more</b>.");
    assert_eq!(shown["messages"][1]["author"]["role"], "hr");
    assert!(!page.contains(&text(&shown["messages"][1]["author"]["login"])), "whose login it is stays inside");
    let file = service.get(&format!("/api/v1/submissions/{id}/files/1?purpose=recruitment"), Some(&hr)).await;
    assert_eq!(file.bytes().await.unwrap(), more);
}

#[tokio::test]
async fn a_double_click_is_one_message_and_a_refused_one_can_be_sent_again() {
    let service = Service::start().await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let visitor = Visitor::enter(&service, &receipt).await;
    let (guard, once) = (visitor.hidden("_guard").await, visitor.hidden("_once").await);
    let post = |text: &'static str| {
        let parts = [("_guard", guard.as_str()), ("_once", once.as_str()), ("text", text)];
        visitor.send(service.form("/my/messages", &parts))
    };
    let refused = post("  ").await;
    assert_eq!(refused.status(), 422);
    let page = refused.text().await.unwrap();
    assert!(page.contains("Your message was not sent") && page.contains("href=\"#text\""), "{page}");
    assert_eq!(location(&post("Once").await), (303, "/my#message-1".to_owned()));
    assert_eq!(location(&post("Once").await), (303, "/my".to_owned()));
    let (status, mine) = document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await;
    assert_eq!((status, mine["messages"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn what_was_typed_comes_back_with_what_is_wrong() {
    let service = Service::start().await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let visitor = Visitor::enter(&service, &receipt).await;
    let answer = visitor.write("My long \"letter\"", &[b"\x7fELF not a document".to_vec()]).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("My long &#34;letter&#34;") && page.contains("href=\"#file\""), "{page}");
    assert!(page.contains("There are none yet."));
}

#[tokio::test]
async fn posts_from_elsewhere_and_without_the_guard_are_refused() {
    let service = Service::start().await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (_, other) = service.apply("joe@example.org", &pdf(2000, 1)).await;
    let visitor = Visitor::enter(&service, &receipt).await;
    let (guard, foreign) =
        (visitor.hidden("_guard").await, Visitor::enter(&service, &other).await.hidden("_guard").await);
    for path in ["/my/messages", "/my/consents/talent-pool/withdrawal", "/my/erasure", "/my/leave"] {
        for site in ["cross-site", "same-site"] {
            let request = service.form(path, &[("_guard", &guard), ("text", "x")]).header("cookie", &visitor.cookie);
            assert_eq!(request.header("sec-fetch-site", site).send().await.unwrap().status(), 403, "{path} {site}");
        }
        // The guard of a message has to come first, before anything is taken.
        let late: &[_] = &[("text", "x"), ("_guard", &guard)];
        let without: &[_] = &[("text", "x")];
        let anothers: &[_] = &[("_guard", foreign.as_str()), ("text", "x")];
        for pairs in [without, anothers].into_iter().chain((path == "/my/messages").then_some(late)) {
            assert_eq!(visitor.send(service.form(path, pairs)).await.status(), 403, "{path} {pairs:?}");
        }
        let stranger = service.form(path, &[("_guard", &guard), ("text", "x")]).send().await.unwrap();
        assert_eq!(location(&stranger), (303, "/my".to_owned()), "{path} without a visit");
    }
    let login = service.form("/my", &[("code", &receipt)]).header("sec-fetch-site", "cross-site");
    assert_eq!(login.send().await.unwrap().status(), 403, "nobody is brought into another's visit");
    let page = visitor.page().await;
    assert!(page.contains("There are none yet.") && page.contains("Take this consent back"));
}

/// Of each cookie that there is, that it ends.
const ENDED: [&str; 4] = ["__Host-my", "__Host-staff", "__Host-device", "__Host-provider"];

#[tokio::test]
async fn a_shared_computer_is_cleared_and_what_was_open_in_it_is_closed() {
    let service = Service::start().await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (visitor, second) = (Visitor::enter(&service, &receipt).await, Visitor::enter(&service, &receipt).await);
    assert!(visitor.page().await.contains("action=\"/clear\""));
    assert!(service.get("/clear", None).await.text().await.unwrap().contains("action=\"/clear\""));
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        let sent = service.form("/clear", &[]).header("cookie", &visitor.cookie).header(name, value).send().await;
        let sent = sent.unwrap();
        assert_eq!(sent.status(), 403, "{name}: {value}");
        assert!(!sent.headers().contains_key("clear-site-data") && !sent.headers().contains_key("set-cookie"));
    }
    assert!(visitor.page().await.contains("Jane Doe"), "not by another site");
    let cleared = async |request| {
        let answer = visitor.send(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["clear-site-data"], "\"cache\", \"storage\"");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|one| one.to_str().unwrap()).collect();
        for name in ENDED {
            let ends = |line: &&&str| line.starts_with(&format!("{name}=;")) && line.ends_with("; Max-Age=0");
            assert_eq!(cookies.iter().filter(ends).count(), 1, "{name}: {cookies:?}");
        }
        assert_eq!(cookies.len(), ENDED.len());
        answer.text().await.unwrap()
    };
    let page = cleared(service.form("/clear", &[])).await;
    for words in ["This computer is cleared", "Files that you downloaded", "Your receipt code", "close all windows"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(visitor.page().await.contains("name=\"code\""), "the visit is over, cookie or not");
    assert!(second.page().await.contains("Jane Doe"), "another browser stays");
    // The page that comes after what was left has the browser forget that one too.
    let left = second.post("/my/leave").await.text().await.unwrap();
    for page in [page, left] {
        assert!(page.contains("href=\"/static/behind.css\""), "{page}");
    }
    let behind = service.request("GET", "/static/behind.css").header("sec-fetch-site", "same-origin");
    let behind = behind.send().await.unwrap();
    assert_eq!((&behind.headers()["clear-site-data"], behind.status().as_u16()), (&"\"cache\"".parse().unwrap(), 200));
    assert_eq!(behind.headers()["cache-control"], "no-store");
    // Whoever has nothing open, and whoever presses twice.
    cleared(service.form("/clear?lang=en", &[])).await;
}

/// The page says so.
#[test]
fn no_script_of_ours_keeps_anything_in_the_browser() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut scripts = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "js") {
            let text = std::fs::read_to_string(&file).unwrap();
            for storage in
                ["localStorage", "sessionStorage", "indexedDB", "caches.", "document.cookie", "serviceWorker"]
            {
                assert!(!text.contains(storage), "{}: {storage}", file.display());
            }
            scripts += 1;
        }
    }
    assert!(scripts >= 3, "{scripts}");
}

#[tokio::test]
async fn a_consent_is_taken_back_on_the_page() {
    let service = Service::start().await;
    let (id, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let visitor = Visitor::enter(&service, &receipt).await;
    assert_eq!(location(&visitor.post("/my/consents/talent-pool/withdrawal").await), (303, "/my#consents".to_owned()));
    assert!(!visitor.page().await.contains("Take this consent back"));
    assert_eq!(visitor.post("/my/consents/nothing/withdrawal").await.status(), 404);
    let (_, mine) = document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await;
    assert_eq!(mine["consents"]["talent-pool"]["given"], false);
    // What was given with the submission stays written down.
    let hr = service.token(&[Role::Hr]).await;
    let (_, shown) =
        document(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    assert_eq!(shown["consents"]["talent-pool"], true);
}

#[tokio::test]
async fn a_person_erases_their_submission_and_the_visit_ends() {
    let service = Service::start().await;
    let (id, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (visitor, second) = (Visitor::enter(&service, &receipt).await, Visitor::enter(&service, &receipt).await);
    assert!(visitor.get("/my/erasure").await.text().await.unwrap().contains("Delete for good"));
    let answer = visitor.post("/my/erasure").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(answer.headers().contains_key("clear-site-data"));
    let page = answer.text().await.unwrap();
    assert!(page.contains("It is deleted") && page.contains(&id), "{page}");
    for visitor in [visitor, second] {
        assert!(visitor.page().await.contains("name=\"code\""));
        assert_eq!(visitor.get("/my/files/0").await.status(), 404);
    }
    let again = service.form("/my", &[("code", &receipt)]).send().await.unwrap();
    assert_eq!(again.status(), 404);
    assert!(again.text().await.unwrap().contains("This code opens nothing"));
}

#[tokio::test]
async fn leaving_ends_the_visit_and_a_submission_erased_by_staff_is_gone() {
    let service = Service::start().await;
    let (id, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (visitor, second) = (Visitor::enter(&service, &receipt).await, Visitor::enter(&service, &receipt).await);
    assert!(visitor.post("/my/leave").await.text().await.unwrap().contains("You have left"));
    assert!(visitor.page().await.contains("name=\"code\""));
    assert!(second.page().await.contains("Jane Doe"), "another browser stays");
    let privacy = service.token(&[Role::Privacy]).await;
    let erased = service.send(service.request("DELETE", &format!("/api/v1/submissions/{id}")), Some(&privacy)).await;
    assert_eq!(erased.status(), 200);
    assert!(second.page().await.contains("not there any more"));
}

#[tokio::test]
async fn programs_do_the_same_with_the_receipt_in_the_body() {
    let service = Service::start().await;
    let (id, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let post = async |path: &str, body: Value| document(service.json("POST", path, None, &body).await).await;
    let (status, mine) = post("/api/v1/my", json!({ "receipt": receipt })).await;
    assert_eq!((status, &mine["id"], &mine["fields"]["name"]), (200, &json!(id), &json!("Jane Doe")));
    assert!(mine.get("status").is_none() && mine.get("subject").is_none(), "{mine}");
    let (status, written) = post("/api/v1/my/messages", json!({ "receipt": receipt, "text": "Hello" })).await;
    assert_eq!((status, &written["number"]), (201, &json!(0)));
    let (status, body) = post("/api/v1/my/messages", json!({ "receipt": receipt, "text": "" })).await;
    assert_eq!((status, problems(&body)), (422, vec![("text".to_owned(), "required".to_owned())]));
    let (status, mine) = post("/api/v1/my/withdrawals", json!({ "receipt": receipt, "consent": "talent-pool" })).await;
    assert_eq!((status, &mine["consents"]["talent-pool"]["given"]), (200, &json!(false)));
    let mut answers = Vec::new();
    for bad in ["", "nonsense", &receipt[..receipt.len() - 1], &"A".repeat(3000)] {
        let (status, body) = post("/api/v1/my", json!({ "receipt": bad })).await;
        answers.push((status, text(&body["type"]), text(&body["detail"])));
    }
    assert!(answers.iter().all(|answer| answer.0 == 404 && *answer == answers[0]), "{answers:?}");
    let (status, certificate) = post("/api/v1/my/erasure", json!({ "receipt": receipt })).await;
    assert_eq!((status, &certificate["statement"]["kind"]), (200, &json!("person")));
    assert_eq!(post("/api/v1/my", json!({ "receipt": receipt })).await.0, 404);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let limits = letterlock::http::Limits { auth_failures_per_minute: 3, ..support::free_limits() };
    let service = Service::with(limits).await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = service.form("/my", &[("code", "nonsense")]).send().await.unwrap();
        seen.push(answer.status().as_u16());
    }
    assert_eq!(seen, [404, 404, 404, 429, 429]);
    // Whoever has a good code gets in all the same.
    Visitor::enter(&service, &receipt).await;
}
