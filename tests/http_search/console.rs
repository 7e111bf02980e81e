//! Searching in the console: with the script and without, and what happens to a search that nobody waits for any more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letterlock::base::clock::{Clock, SystemClock};
use letterlock::base::ids::RecordId;
use letterlock::base::tables::Table;
use letterlock::crypto::password::Cost;
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::{search, sign_in};
use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::Hooks;
use reqwest::Response;
use serde_json::{Value, json};

use crate::apply;
use crate::support::{self, Service, owner, text};

const PASSWORD: &str = "purple otter eats soap";

/// Somebody in the console.
struct Desk {
    service: Service,
    cookie: String,
    slow: Keys,
}

type Keys = Arc<Mutex<BTreeSet<Vec<u8>>>>;

/// A store that takes its time for some rows.
struct Slow {
    inner: Box<dyn Engine>,
    slow: Keys,
}

impl Engine for Slow {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.slow.lock().unwrap().contains(key) {
            std::thread::sleep(Duration::from_millis(25));
        }
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

impl Desk {
    async fn new(roles: &[Role]) -> Self {
        let slow = Keys::default();
        let told = slow.clone();
        let wrap = move |inner| -> Box<dyn Engine> { Box::new(Slow { inner, slow: told.clone() }) };
        let hooks = Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() };
        let service = Service::with_hooks(FormSet::default(), hooks, |_| ()).await;
        service.app.set_password_cost(Cost::FLOOR);
        let day = Duration::from_secs(24 * 60 * 60);
        let made = sign_in::invite(&service.app, &owner(Role::Admin), "hanna", roles, None, day).await.unwrap();
        let path = format!("/staff/welcome/{}", made.token.expose());
        let page = service.form(&path, &[("new-password", PASSWORD), ("again", PASSWORD)]).send().await.unwrap();
        let secret = between(&page.text().await.unwrap(), "class=\"code big\">", "<").replace(' ', "");
        let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
        let totp = totp_rs::Builder::new().with_secret(bytes).with_account_name("x").build().unwrap();
        let code = totp.generate(u64::try_from(SystemClock.now().as_millis() / 1000).unwrap()).to_string();
        let answer = service.form(&format!("{path}/code"), &[("code", &code)]).send().await.unwrap();
        let cookies: Vec<&str> = answer.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
        let cookie = cookies.iter().find(|line| line.starts_with("__Host-staff=")).unwrap();
        Self { cookie: cookie.split(';').next().unwrap().to_owned(), service, slow }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Response {
        request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.send(self.service.request("GET", path)).await
    }

    async fn guard(&self) -> String {
        between(&self.get("/staff").await.text().await.unwrap(), "name=\"_guard\" value=\"", "\"")
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Response {
        let guard = self.guard().await;
        let pairs: Vec<_> = pairs.iter().copied().chain([("_guard", guard.as_str())]).collect();
        self.send(self.service.form(path, &pairs)).await
    }
}

fn between(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap().0.to_owned()
}

#[tokio::test]
async fn the_console_searches_without_a_script_page_by_page() {
    let desk = Desk::new(&[Role::Hr]).await;
    let page = desk.get("/staff/search").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    let page = page.text().await.unwrap();
    assert!(page.contains("Apply to work with us") && !page.contains("Shortlisted</option></select></div><script"));
    assert!(!page.contains("support-request"), "a form of others");
    for n in 0..53 {
        apply(&desk.service, &format!("Jane <b>N{n}.</b>"), "A letter").await;
    }
    desk.service.ask_support("jane@example.org").await;
    let asked = [("words", "JANE \"&<"), ("purpose", "recruitment")];
    let none = desk.post("/staff/search", &asked).await;
    assert_eq!(none.status(), 200);
    let none = none.text().await.unwrap();
    assert!(none.contains("Nothing was found.") && none.contains("value=\"JANE &#34;&#38;&#60;\""), "{none}");

    let asked =
        [("words", "jane letter"), ("form", ""), ("status", "received"), ("from", ""), ("purpose", "recruitment")];
    let first = desk.post("/staff/search", &asked).await.text().await.unwrap();
    assert!(
        first.contains("50 found so far. 50 submissions were looked through (") && first.contains("Search on"),
        "{first}"
    );
    assert_eq!(first.matches("target=\"_blank\">Jane &#60;b&#62;N").count(), 50);
    assert!(first.contains("Jane &#60;b&#62;N52.") && !first.contains("Jane &#60;b&#62;N2.&"), "newest first");
    assert!(first.contains("<td data-label=\"Found in\">Full name, Covering letter</td>"), "{first}");
    let link = between(&first, "<th scope=\"row\"><a href=\"", "\"");
    assert_eq!(desk.get(&link).await.status(), 200);

    // What its form says, and nothing else, goes on.
    let more = first.split("id=\"more\"").nth(1).unwrap();
    assert!(!first.contains("id=\"more\" aria-label=\"Further on\" hidden"));
    let parts: Vec<(String, String)> = more
        .split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|rest| (rest.split('"').next().unwrap().to_owned(), between(rest, "value=\"", "\"")))
        .collect();
    let pairs: Vec<(&str, &str)> = parts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let second = desk.send(desk.service.form("/staff/search", &pairs)).await.text().await.unwrap();
    assert!(second.contains("53 found. 53 submissions were looked through, all there are."), "{second}");
    assert_eq!(second.matches("target=\"_blank\">Jane").count(), 3);
    assert!(second.contains("aria-label=\"Further on\" hidden"));
}

#[tokio::test]
async fn the_console_says_what_is_wrong_and_keeps_what_was_typed() {
    let desk = Desk::new(&[Role::Hr, Role::Support]).await;
    let page = desk.get("/staff/search").await.text().await.unwrap();
    assert!(page.contains("value=\"recruitment\" checked") && page.contains("value=\"support\" checked"), "{page}");
    for (asked, said, wrong) in [
        (vec![("words", "a b c d e f g h i j k"), ("purpose", "support")], "At most 10 words.", "words"),
        (vec![("words", "jane"), ("from", "2026-13-01"), ("purpose", "support")], "This is not a day", "from"),
        (vec![("words", "jane"), ("form", "job-application")], "Please choose what you read this for", "purpose"),
        (vec![("words", "jane"), ("form", "job-application"), ("purpose", "support")], "Please choose", "purpose"),
    ] {
        for path in ["/staff/search", "/staff/search/hits"] {
            let answer = desk.post(path, &asked).await;
            assert_eq!(answer.status(), 422, "{asked:?}");
            let answer = answer.text().await.unwrap();
            assert!(answer.contains(said), "{answer}");
            if path == "/staff/search" {
                // A group of boxes is described; only a single field can be said to be wrong.
                let mark = if wrong == "purpose" { "\"purpose-help problem\"" } else { "aria-invalid=\"true\"" };
                assert!(answer.contains(&format!("id=\"{wrong}\"")) && answer.contains(mark), "{answer}");
                assert!(answer.contains("value=\"jane\"") || wrong == "words");
            }
        }
    }
    // From another site, without the guard, signed out, in the address: nothing.
    let foreign = desk.service.form("/staff/search", &[("words", "jane")]).header("cookie", &desk.cookie);
    assert_eq!(foreign.header("sec-fetch-site", "cross-site").send().await.unwrap().status(), 403);
    let guardless = desk.service.form("/staff/search/hits", &[("words", "jane"), ("purpose", "support")]);
    assert_eq!(desk.send(guardless).await.status(), 403);
    let nobody = desk.service.form("/staff/search/hits", &[("words", "jane")]).send().await.unwrap();
    assert_eq!((nobody.status().as_u16(), nobody.headers()["location"].to_str().unwrap()), (303, "/staff/sign-in"));
    assert_eq!(desk.get("/staff/search?words=jane").await.status(), 422);

    let auditor = Desk::new(&[Role::Auditor]).await;
    assert_eq!(auditor.get("/staff/search").await.status(), 404);
    assert_eq!(auditor.post("/staff/search", &[("words", "jane"), ("purpose", "x")]).await.status(), 404);
}

fn pieces(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[tokio::test]
async fn hits_come_as_they_are_found_and_say_where_to_go_on() {
    let desk = Desk::new(&[Role::Hr]).await;
    for n in 0..52 {
        apply(&desk.service, &format!("Jane <i>N{n}."), "A letter").await;
    }
    let asked = [("words", "jane"), ("purpose", "recruitment")];
    let answer = desk.post("/staff/search/hits", &asked).await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let first = pieces(&answer.text().await.unwrap());
    let hits: Vec<&Value> = first.iter().flat_map(|piece| piece["hits"].as_array().unwrap()).collect();
    assert_eq!(hits.len(), 50);
    assert_eq!(hits[0]["summary"], "Jane <i>N51.", "as text; the script puts it in as text");
    assert_eq!(
        (&hits[0]["place"], &hits[0]["form"]),
        (&json!("Full name, Name of a file"), &json!("Apply to work with us"))
    );
    let last = first.last().unwrap();
    assert!(last["is_last"] == true && first.iter().rev().skip(1).all(|piece| piece["is_last"] == false));
    assert!(last["state"].as_str().unwrap().starts_with("50 found so far."), "{last}");
    let (next, before) = (text(&last["next"]), last["looked"].to_string());
    let asked = [asked[0], asked[1], ("after", &next), ("before", &before), ("had", "50")];
    let rest = pieces(&desk.post("/staff/search/hits", &asked).await.text().await.unwrap());
    let last = rest.last().unwrap();
    assert_eq!(last["state"], "52 found. 52 submissions were looked through, all there are.");
    assert!(last["next"].is_null() && last["percent"] == 100);
}

/// So many submissions that the oldest are looked through after the first piece was told, which takes a second.
async fn begin_quickly_and_end_slowly(desk: &Desk) {
    for n in 0..300 {
        let id: RecordId = desk.service.ask_support(&format!("p{n}@example.org")).await.parse().unwrap();
        if n < 40 {
            desk.slow.lock().unwrap().insert(Table::Records.key(&[id.as_bytes()]));
        }
    }
}

/// Waits until so many searches are under way.
async fn until_running(desk: &Desk, count: usize) {
    let begun = std::time::Instant::now();
    while search::running(&desk.service.app) != count {
        assert!(begun.elapsed() < Duration::from_secs(5), "there are not {count} searches");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_ends_the_search() {
    let desk = Desk::new(&[Role::Support]).await;
    begin_quickly_and_end_slowly(&desk).await;
    let guard = desk.guard().await;
    let pairs = [("words", "nowhere"), ("purpose", "support"), ("_guard", guard.as_str())];
    for http2 in [true, false] {
        for path in ["/staff/search/hits", "/staff/search"] {
            let request = desk.service.form(path, &pairs).build().unwrap();
            let request = reqwest::RequestBuilder::from_parts(support::client(http2), request);
            let request = request.header("cookie", &desk.cookie).header("sec-fetch-site", "same-origin");
            let sent = tokio::spawn(async move { request.send().await.unwrap().text().await });
            until_running(&desk, 1).await;
            // Long before it would have come to its end by itself.
            tokio::time::sleep(Duration::from_millis(50)).await;
            sent.abort();
            assert!(sent.await.unwrap_err().is_cancelled(), "{path} was answered");
            let closed = std::time::Instant::now();
            until_running(&desk, 0).await;
            assert!(closed.elapsed() < Duration::from_millis(500), "{path} went on for {:?}", closed.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_out_meanwhile_is_told_nothing_more() {
    let desk = Desk::new(&[Role::Support]).await;
    begin_quickly_and_end_slowly(&desk).await;
    let asked = [("words", "nowhere"), ("purpose", "support")];
    let mut answer = desk.post("/staff/search/hits", &asked).await;
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(pieces(std::str::from_utf8(&first).unwrap())[0]["is_last"], false);
    assert_eq!(desk.post("/staff/sign-out", &[]).await.status(), 200);
    while let Some(piece) = answer.chunk().await.unwrap() {
        // What was on its way.
        assert!(pieces(std::str::from_utf8(&piece).unwrap()).iter().all(|piece| piece["is_last"] == false));
    }
    until_running(&desk, 0).await;
}
