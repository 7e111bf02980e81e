//! What keeps programs and floods away from the forms, over HTTPS.

mod support;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use letterlock::base::clock::{Clock, ManualClock, SystemClock};
use letterlock::domain::form::{FormSet, Source, Sources};
use letterlock::http::Limits;
use letterlock::policy::{Actor, Role};
use letterlock::services::{App, Context, health, submit};
use letterlock::vault::{Hooks, Step};
use serde_json::{Value, json};
use support::{Service, document, free_limits, pdf, support, text};

const HELP: &str = "/api/v1/forms/support-request/submissions";

/// A service behind a proxy at 127.0.0.1, which is where the tests' clients are.
async fn behind_a_proxy(limits: Limits) -> Service {
    Service::with_setup(|config| {
        config.proxies.trust(&["127.0.0.1"]).unwrap();
        config.limits = limits;
    })
    .await
}

#[tokio::test]
async fn behind_a_named_proxy_each_client_has_a_limit_of_its_own() {
    let service = behind_a_proxy(Limits { per_address_per_minute: 2, ..free_limits() }).await;
    let ask = async |from: &str| {
        let request = service.request("GET", "/api/v1/forms").header("x-forwarded-for", from);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!([ask("192.0.2.1").await, ask("192.0.2.1").await, ask("192.0.2.1").await], [200, 200, 429]);
    assert_eq!(ask("192.0.2.2").await, 200);
    // What a client writes itself stands left of what the proxy adds.
    assert_eq!(ask("192.0.2.77, 192.0.2.1").await, 429);
    // What cannot be read counts for the proxy.
    assert_eq!([ask("x").await, ask("unknown").await, ask("1.2.3.4,").await], [200, 200, 429]);
    // Another header is not read at all.
    let request = service.request("GET", "/api/v1/forms").header("forwarded", "for=192.0.2.9");
    assert_eq!(request.send().await.unwrap().status(), 429);
}

/// A post to the support form as a browser sends it.
async fn post(service: &Service, more: &[(&str, &str)]) -> (u16, String) {
    post_to(service, "/f/support-request", more).await
}

async fn post_to(service: &Service, path: &str, more: &[(&str, &str)]) -> (u16, String) {
    let mut fields = more.to_vec();
    fields.extend([
        ("name", "Sam"),
        ("email", "sam@example.org"),
        ("subject-line", "Stuck"),
        ("message", "It is stuck."),
    ]);
    let answer = service.form(path, &fields).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn count(service: &Service) -> usize {
    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    list["items"].as_array().unwrap().len()
}

/// The value of the hidden input of this name.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn keeps_what_was_typed(page: &str) -> bool {
    page.contains("role=\"alert\"")
        && page.contains("value=\"sam@example.org\"")
        && page.contains("It is stuck.</textarea>")
}

#[tokio::test]
async fn one_address_that_floods_a_form_waits_and_keeps_what_it_typed() {
    let limits = Limits { per_address_per_minute: 1000, per_address_and_form_per_minute: 2, ..free_limits() };
    let service = behind_a_proxy(limits).await;
    let send = async |from: &str, n: u8| {
        let body = support(&format!("p{n}@example.org"));
        let request = service.request("POST", HELP).header("x-forwarded-for", from).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().get("retry-after").is_some())
    };
    assert_eq!([send("192.0.2.1", 1).await, send("192.0.2.1", 2).await], [(201, false); 2]);
    assert_eq!(send("192.0.2.1", 3).await, (429, true));
    assert_eq!(send("192.0.2.2", 4).await, (201, false));
    // The page as well, and nothing is lost; the same address may still use another form.
    for _ in 0..2 {
        assert_eq!(post(&service, &[]).await.0, 200);
    }
    let (status, page) = post(&service, &[]).await;
    assert!(status == 429 && keeps_what_was_typed(&page), "{status} {page}");
    assert!(page.contains("Too many requests") && page.contains("Please try again in"), "{page}");
    service.apply("jane@example.org", &pdf(2000, 1)).await;
}

#[tokio::test]
async fn an_address_uploads_so_much_an_hour_and_no_more() {
    let limits = Limits { per_address_per_minute: 1000, upload_mib_per_hour: 1, ..free_limits() };
    let service = behind_a_proxy(limits).await;
    let send = async |from: &str, path: &str, bytes: usize| {
        let form = support::application("jane@example.org", &pdf(bytes, 1));
        let request = service.request("POST", path).header("x-forwarded-for", from).multipart(form);
        let answer = request.send().await.unwrap();
        let again = answer.headers().get("retry-after").is_some();
        (answer.status().as_u16(), again, answer.text().await.unwrap())
    };
    let api = "/api/v1/forms/job-application/submissions";
    assert_eq!(send("192.0.2.1", api, 700_000).await.0, 201);
    let (status, again, body) = send("192.0.2.1", api, 700_000).await;
    assert!(status == 429 && again && body.contains("So many files"), "{body}");
    let (status, again, page) = send("192.0.2.1", "/f/job-application", 700_000).await;
    assert!(status == 429 && again && page.contains("value=\"jane@example.org\""), "{page}");
    assert_eq!(send("192.0.2.2", api, 700_000).await.0, 201);
    // Without a file nothing is counted.
    let request = service.request("POST", HELP).header("x-forwarded-for", "192.0.2.1").json(&support("a@example.org"));
    assert_eq!(request.send().await.unwrap().status(), 201);
    assert_eq!(count(&service).await, 3);
}

#[tokio::test]
async fn a_page_that_comes_back_within_a_moment_is_asked_to_come_again() {
    let service = Service::with(Limits { min_page_seconds: 3600, ..free_limits() }).await;
    let page = service.get("/f/support-request", None).await.text().await.unwrap();
    let once = hidden(&page, "_once");
    let (status, answer) = post(&service, &[("_once", &once)]).await;
    assert!(status == 429 && keeps_what_was_typed(&answer), "{status} {answer}");
    assert!(answer.contains("Please send it again") && answer.contains("press the button again"));
    // The time runs on from the first page, in a token of its own.
    let next = hidden(&answer, "_once");
    assert!(next != once && next.split('.').nth(1) == once.split('.').nth(1), "{once} {next}");
    // Wherever it stands in the body.
    let fields = [("name", "Sam"), ("_once", once.as_str())];
    assert_eq!(service.form("/f/support-request", &fields).send().await.unwrap().status(), 429);
    // A site's own page has no token, and an unknown one proves nothing and does no harm.
    assert_eq!(post(&service, &[]).await.0, 200);
    let (handle, _) = once.split_once('.').unwrap();
    let forged = format!("{handle}.1.{}", "0".repeat(64));
    assert_eq!(post(&service, &[("_once", &forged)]).await.0, 200);
    assert_eq!(post(&service, &[("_once", "")]).await.0, 200);
    // Programs have no page.
    assert_eq!(service.json("POST", HELP, None, &support("x@example.org")).await.status(), 201);
}

#[tokio::test]
async fn a_page_that_was_open_for_long_enough_is_taken() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |c| c.limits.min_page_seconds = 2).await;
    let page = service.get("/f/support-request", None).await.text().await.unwrap();
    let once = hidden(&page, "_once");
    clock.advance(Duration::from_millis(1999));
    assert_eq!(post(&service, &[("_once", &once)]).await.0, 429);
    clock.advance(Duration::from_millis(1));
    let (status, first) = post(&service, &[("_once", &once)]).await;
    assert_eq!(status, 200, "{first}");
    // Clicked twice: the token is the page's idempotency key as well.
    assert_eq!(receipt(&post(&service, &[("_once", &once)]).await.1), receipt(&first));
    assert_eq!(count(&service).await, 1);
}

#[tokio::test]
async fn where_no_script_runs_ten_seconds_open_a_guarded_form_once() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(with("proof_of_work = true"), clock.clone(), |_| {}).await;
    let (_, answer) = post_to(&service, "/f/guarded", &[("altcha", "")]).await;
    let (once, wait) = (hidden(&answer, "_once"), hidden(&answer, "_wait"));
    clock.advance(Duration::from_secs(9));
    let (status, answer) = post_to(&service, "/f/guarded", &[("_once", &once), ("_wait", &wait)]).await;
    assert_eq!((status, hidden(&answer, "_wait")), (422, wait.clone()));
    clock.advance(Duration::from_secs(1));
    // A mistake does not use the wait up, and need not be waited for again.
    let answer = service.form("/f/guarded", &[("_wait", &wait), ("name", "Sam")]).send().await.unwrap();
    let again = hidden(&answer.text().await.unwrap(), "_wait");
    assert_eq!(again, wait);
    let (status, answer) = post_to(&service, "/f/guarded", &[("_once", &once), ("_wait", &wait)]).await;
    assert!(status == 200 && answer.contains("Keep this code"), "{status} {answer}");
    // The same click again gets the same receipt; another page needs a wait of its own.
    let (_, again) = post_to(&service, "/f/guarded", &[("_once", &once), ("_wait", &wait)]).await;
    assert_eq!(receipt(&again), receipt(&answer));
    let page = service.get("/f/guarded", None).await.text().await.unwrap();
    let fresh = hidden(&page, "_once");
    assert_eq!(post_to(&service, "/f/guarded", &[("_once", &fresh), ("_wait", &wait)]).await.0, 422);
    assert_eq!(count(&service).await, 1);
}

#[tokio::test]
async fn a_form_says_for_itself_how_long_its_page_has_to_be_open() {
    let forms = with("min_seconds = 0");
    let service = Service::with_own_forms(forms, |config| config.limits.min_page_seconds = 3600).await;
    let page = service.get("/f/guarded", None).await.text().await.unwrap();
    assert_eq!(post_to(&service, "/f/guarded", &[("_once", &hidden(&page, "_once"))]).await.0, 200);
}

#[tokio::test]
async fn a_field_that_people_do_not_see_catches_who_fills_it_in() {
    let service = Service::start().await;
    let page = service.get("/f/support-request", None).await.text().await.unwrap();
    let (_, rest) = page.split_once("id=\"extra\" name=\"").unwrap();
    let name = rest.split('"').next().unwrap();
    let (status, answer) = post(&service, &[(name, "http://buy.example")]).await;
    assert!(status == 422 && keeps_what_was_typed(&answer), "{status} {answer}");
    assert!(!answer.contains("Keep this code") && !answer.contains("buy.example"));
    assert!(answer.contains("leave the last field empty") && !answer.contains("aria-hidden"), "{answer}");
    // At the end of the body, where a browser has it, likewise; nothing was stored.
    let fields = [("name", "S"), ("email", "s@example.org"), ("subject-line", "x"), ("message", "y"), (name, "z")];
    assert_eq!(service.form("/f/support-request", &fields).send().await.unwrap().status(), 422);
    assert_eq!(count(&service).await, 0);
    assert_eq!(post(&service, &[(name, "")]).await.0, 200);
    assert_eq!(count(&service).await, 1);
}

/// The shipped forms, and the support request under the id `guarded` with these lines in it.
fn with(lines: &str) -> FormSet {
    let shipped = include_str!("../forms/support-request.toml");
    let text = shipped.replace("id = \"support-request\"", &format!("id = \"guarded\"\n{lines}"));
    let source = Source { file: "guarded.toml".to_owned(), text: Ok(text) };
    FormSet::from_sources(&Sources { forms: vec![source], ..Sources::default() }).unwrap()
}

const GUARDED: &str = "/api/v1/forms/guarded/submissions";

async fn solve(service: &Service) -> String {
    let (status, c) = document(service.get("/api/v1/forms/guarded/challenge", None).await).await;
    assert_eq!((status, &c["algorithm"]), (200, &json!("SHA-256")));
    let most = c["maxnumber"].as_u64().unwrap();
    let hash = |n: u64| {
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{}{n}", text(&c["salt"])).as_bytes());
        data_encoding::HEXLOWER.encode(digest.as_ref())
    };
    let number = (0..=most).find(|n| hash(*n) == text(&c["challenge"])).unwrap();
    let solution = json!({ "algorithm": c["algorithm"], "challenge": c["challenge"], "number": number,
        "salt": c["salt"], "signature": c["signature"] });
    data_encoding::BASE64.encode(solution.to_string().as_bytes())
}

fn with_solution(email: &str, solution: &str) -> Value {
    let mut body = support(email);
    body["altcha"] = json!(solution);
    body
}

#[tokio::test]
async fn a_program_proves_work_once_for_each_submission() {
    let service = Service::with_own_forms(with("proof_of_work = true"), |_| {}).await;
    let (status, body) = document(service.json("POST", GUARDED, None, &support("a@example.org")).await).await;
    assert_eq!((status, text(&body["type"]).as_str()), (422, "urn:letterlock:problem:proof-needed"), "{body}");
    assert!(text(&body["detail"]).contains("/api/v1/forms/guarded/challenge"));

    let solution = solve(&service).await;
    // A mistake in the rest does not use it up.
    let wrong = json!({ "fields": { "name": "Sam" }, "altcha": solution });
    assert_eq!(service.json("POST", GUARDED, None, &wrong).await.status(), 422);
    let send = async |email: &str, solution: &str, key: Option<&str>| {
        let request = service.request("POST", GUARDED).json(&with_solution(email, solution));
        let request = if let Some(key) = key { request.header("idempotency-key", key) } else { request };
        document(request.send().await.unwrap()).await
    };
    let (status, first) = send("a@example.org", &solution, Some("k")).await;
    assert_eq!(status, 201, "{first}");
    // The same request again is the same; any other needs work of its own.
    assert_eq!(send("a@example.org", &solution, Some("k")).await, (201, first));
    assert_eq!(send("b@example.org", &solution, Some("l")).await.0, 422);
    assert_eq!(send("b@example.org", &solution, None).await.0, 422);
    assert_eq!(send("b@example.org", &solve(&service).await, None).await.0, 201);
    assert_eq!(count(&service).await, 2);
    // Forms that do not ask have no challenge.
    assert_eq!(service.get("/api/v1/forms/support-request/challenge", None).await.status(), 404);
    let (_, form) = document(service.get("/api/v1/forms/guarded", None).await).await;
    assert_eq!(form["proof_of_work"], true);
}

#[tokio::test]
async fn a_guarded_page_takes_a_solution_or_asks_to_wait() {
    let service = Service::with_own_forms(with("proof_of_work = true"), |_| {}).await;
    let answer = service.get("/f/guarded", None).await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("script-src 'self'") && policy.contains("connect-src 'self'") && !policy.contains("unsafe")
    );
    let page = answer.text().await.unwrap();
    let script = page.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    let script = service.get(script, None).await;
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(script.headers()["cache-control"].to_str().unwrap().contains("immutable"));

    // As the script sends it.
    let once = hidden(&page, "_once");
    let (status, answer) =
        post_to(&service, "/f/guarded", &[("_once", &once), ("altcha", &solve(&service).await)]).await;
    assert!(status == 200 && answer.contains("Keep this code"), "{status} {answer}");
    // Without a script: nothing is stored, what was typed is kept, and the page says to wait.
    let (status, answer) = post_to(&service, "/f/guarded", &[("_once", &once), ("altcha", "")]).await;
    assert!(status == 422 && keeps_what_was_typed(&answer), "{status} {answer}");
    assert!(answer.contains("One more step") && answer.contains("wait ten seconds"));
    // At once is too early, and the wait is not longer for it.
    let wait = hidden(&answer, "_wait");
    let (status, answer) = post_to(&service, "/f/guarded", &[("_wait", &wait)]).await;
    assert_eq!((status, hidden(&answer, "_wait")), (422, wait));
    assert_eq!(count(&service).await, 1);
}

/// The receipt on a page.
fn receipt(page: &str) -> String {
    let (_, rest) = page.split_once("class=\"code big\">").unwrap_or_else(|| panic!("{page}"));
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_same_content_from_the_same_sender_is_one_submission() {
    let service = behind_a_proxy(free_limits()).await;
    let send = async |from: &str, message: &str| {
        let fields = [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "x"), ("message", message)];
        let request = service.form("/f/support-request", &fields).header("x-forwarded-for", from);
        receipt(&request.send().await.unwrap().text().await.unwrap())
    };
    // Clicked twice at once, and once more.
    let (first, second) = tokio::join!(send("192.0.2.1", "one"), send("192.0.2.1", "one"));
    assert_eq!(first, second);
    assert_eq!(send("192.0.2.1", "one").await, first);
    assert_eq!(count(&service).await, 1);
    // Other content is another, and whoever guesses what somebody sent is not handed their receipt.
    assert_ne!(send("192.0.2.1", "two").await, first);
    assert_ne!(send("192.0.2.2", "one").await, first);
    assert_eq!(count(&service).await, 3);
    // A program that sends twice means it, and says with a key when it does not.
    for _ in 0..2 {
        assert_eq!(service.json("POST", HELP, None, &support("x@example.org")).await.status(), 201);
    }
    assert_eq!(count(&service).await, 5);
    // What was erased does not come back as a receipt that opens nothing.
    let own = service.json("POST", "/api/v1/my/erasure", None, &json!({ "receipt": first })).await;
    assert_eq!(own.status(), 200);
    let again = send("192.0.2.1", "one").await;
    assert_ne!(again, first);
    let opened = service.json("POST", "/api/v1/my", None, &json!({ "receipt": again })).await;
    assert_eq!(opened.status(), 200);
}

#[tokio::test]
async fn with_little_room_submissions_wait_while_staff_read_and_people_are_erased() {
    let free = Arc::new(AtomicU64::new(10 << 30));
    let hooks = Hooks { free_bytes: Some(free.clone()), ..Hooks::default() };
    let service = Service::with_hooks(FormSet::default(), hooks, |_| {}).await;
    let (id, own) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    service.apply("joe@example.org", &pdf(2000, 1)).await;
    // Below what submissions need here, above what the vault keeps for itself.
    free.store(100 << 20, Ordering::SeqCst);
    let answer = service.json("POST", HELP, None, &support("x@example.org")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"30".parse().unwrap()));
    let (_, body) = document(answer).await;
    assert_eq!(body["type"], "urn:letterlock:problem:busy");
    let (status, page) = post(&service, &[]).await;
    assert!(status == 503 && keeps_what_was_typed(&page) && page.contains("Please try again shortly"), "{page}");
    let message = service.json("POST", "/api/v1/my/messages", None, &json!({ "receipt": own, "text": "Hello?" })).await;
    assert_eq!(message.status(), 503);

    let hr = service.token(&[Role::Hr]).await;
    let read = service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await;
    assert_eq!(read.status(), 200);
    assert_eq!(service.json("POST", "/api/v1/my/erasure", None, &json!({ "receipt": own })).await.status(), 200);
    assert_eq!(count(&service).await, 1);
    assert_eq!(service.get("/f/support-request", None).await.status(), 200);
    free.store(10 << 30, Ordering::SeqCst);
    assert_eq!(post(&service, &[]).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_much_waits_for_the_disk_more_is_put_off() {
    let stuck = Arc::new(AtomicBool::new(false));
    let until = stuck.clone();
    let at_step = move |step| {
        while step == Step::Composed && until.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        ControlFlow::Continue(())
    };
    let hooks = Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() };
    let service = Service::with_hooks(FormSet::default(), hooks, |config| config.limits.busy_jobs = 2).await;
    stuck.store(true, Ordering::SeqCst);
    let waiting: Vec<_> = (0..2)
        .map(|n| {
            let request = service.request("POST", HELP).json(&support(&format!("p{n}@example.org")));
            tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();
    while health::load(&service.app).waiting < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.json("POST", HELP, None, &support("x@example.org")).await.status(), 503);
    stuck.store(false, Ordering::SeqCst);
    for one in waiting {
        assert_eq!(one.await.unwrap(), 201);
    }
    assert_eq!(health::load(&service.app).waiting, 0);
    assert_eq!(service.json("POST", HELP, None, &support("x@example.org")).await.status(), 201);
}

#[tokio::test]
async fn content_is_remembered_for_ten_minutes_and_not_over_a_restart() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let public = Context { actor: Actor::Public, ..support::owner(Role::Admin) };
    let send = async |app: &Arc<App>| {
        let mut intake = submit::begin(app, &public, &"support-request".parse().unwrap(), None).await.unwrap();
        intake.join_same(vec![192, 0, 2, 1]);
        for (name, value) in [("name", "Sam"), ("email", "s@example.org"), ("subject-line", "x"), ("message", "y")] {
            intake.field(name, value.to_owned()).unwrap();
        }
        intake.finish().await.unwrap()
    };
    let app = support::open_at(dir.path(), clock.clone());
    let first = send(&app).await;
    clock.advance(Duration::from_secs(599));
    let second = send(&app).await;
    assert!(first.is_new && !second.is_new && second.receipt == first.receipt);
    clock.advance(Duration::from_secs(1));
    let third = send(&app).await;
    assert!(third.is_new && third.receipt != first.receipt);
    app.close().await;
    drop(app);
    // Nothing of it was written down.
    let app = support::open_at(dir.path(), clock);
    assert!(send(&app).await.is_new);
    app.close().await;
}
