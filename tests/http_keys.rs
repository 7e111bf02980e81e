//! Keys of servers that post forms on behalf of people.

mod support;

use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::{Clock, ManualClock, SystemClock};
use letterlock::domain::form::{FormId, FormSet};
use letterlock::http::{Limits, Who, routes};
use letterlock::policy::Role;
use letterlock::services::{ServiceError, keys};
use reqwest::Response;
use serde_json::{Value, json};
use support::{Service, document, free_limits, owner, pdf, support, text};

const HELP: &str = "/api/v1/forms/support-request/submissions";

/// The shipped forms; the support request asks for proof of work, and for nothing but patience on its page.
fn forms() -> FormSet {
    let help = include_str!("../forms/support-request.toml");
    let help = help.replacen("version = ", "proof_of_work = true\nmin_seconds = 60\nversion = ", 1);
    FormSet::with_files([("help.toml", help.as_str())]).unwrap()
}

async fn make(service: &Service, name: &str, forms: &[&str], ttl: Option<Duration>) -> keys::NewKey {
    let forms: Vec<FormId> = forms.iter().map(|form| form.parse().unwrap()).collect();
    keys::create(&service.app, &owner(Role::Admin), name, &forms, ttl).await.unwrap()
}

async fn send(service: &Service, path: &str, key: &str, body: &Value) -> Response {
    service.json("POST", path, Some(key), body).await
}

async fn stored(service: &Service) -> Vec<Value> {
    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_server_posts_for_people_past_the_limits_of_an_address_and_is_named() {
    // One request a minute from an address, one to a form: a server with a key is held to neither.
    let limits = Limits { per_address_per_minute: 1, per_form_per_minute: 1, upload_mib_per_hour: 1, ..free_limits() };
    let service = Service::with_forms(limits, forms()).await;
    let key = make(&service, "shop", &["support-request", "job-application"], None).await;
    for n in 0..5 {
        let (status, answer) =
            document(send(&service, HELP, key.bearer.expose(), &support(&format!("p{n}@example.org"))).await).await;
        assert_eq!(status, 201, "without proof of work: {answer}");
        assert!(text(&answer["receipt"]).len() > 20, "the receipt, for the server to hand on");
    }
    let form = support::application("jane@example.org", &pdf(2 << 20, 1));
    let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    assert_eq!(service.send(request, Some(key.bearer.expose())).await.status(), 201, "files count for no address");
    // Anybody else is held to them: the first request is free, the next is not.
    let anybody = async |body: Value| service.json("POST", HELP, None, &body).await.status().as_u16();
    assert_eq!(anybody(support("a@example.org")).await, 422);
    assert_eq!(anybody(support("a@example.org")).await, 429);
}

#[tokio::test]
async fn the_record_the_consents_and_the_trail_say_by_which_key_it_came() {
    let service = Service::with_forms(free_limits(), forms()).await;
    let key = make(&service, "shop", &["job-application"], None).await;
    let form = support::application("jane@example.org", &pdf(2000, 1));
    let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    let (_, sent) = document(service.send(request, Some(key.bearer.expose())).await).await;
    let (plain, _) = service.apply("sam@example.org", &pdf(2000, 2)).await;
    let hr = service.token(&[Role::Hr]).await;
    for (id, by) in [(text(&sent["submission"]), json!("shop")), (plain, Value::Null)] {
        let path = format!("/api/v1/submissions/{id}?purpose=recruitment");
        let (status, shown) = document(service.get(&path, Some(&hr)).await).await;
        assert_eq!((status, &shown["server_key"]), (200, &by));
    }
    // The person sees it too.
    let (_, mine) =
        document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": sent["receipt"] })).await).await;
    assert_eq!(mine["consents"]["talent-pool"]["source"], "server key shop", "{mine}");
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let by = |action: &str| -> Vec<String> {
        let items = trail["items"].as_array().unwrap().iter().filter(|item| item["action"] == action);
        items.map(|item| text(&item["actor"])).collect()
    };
    assert_eq!(by("submit"), ["public", "key:shop"], "newest first");
    let made = trail["items"].as_array().unwrap().iter().find(|item| item["detail"]["key"]["change"] == "made");
    assert_eq!(made.unwrap()["detail"]["key"]["id"], json!(key.id));
    assert!(!trail.to_string().contains(key.bearer.expose()));
}

#[tokio::test]
async fn a_key_is_for_its_forms_and_nothing_else() {
    let service = Service::with_forms(free_limits(), forms()).await;
    let key = make(&service, "shop", &["support-request"], None).await;
    let key = key.bearer.expose();
    let enquiry = json!({ "fields": { "name": "Sam", "email": "s@example.org", "topic": "other", "message": "x" } });
    let other = send(&service, "/api/v1/forms/general-enquiry/submissions", key, &enquiry).await;
    assert_eq!(other.status(), 403);
    let unknown = send(&service, "/api/v1/forms/nothing/submissions", key, &enquiry).await;
    assert_eq!(unknown.status(), 404);
    for route in routes().iter().filter(|route| route.who == Who::Bearer) {
        let path = route.path.replace("{id}", &"a".repeat(26)).replace("{n}", "0");
        let answer = service.send(service.request(route.method, &path), Some(key)).await;
        assert_eq!(answer.status(), 401, "{} {path}", route.method);
    }
    assert!(stored(&service).await.is_empty());
}

#[tokio::test]
async fn a_key_that_is_not_good_is_refused_and_never_taken_for_nobody() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |_| {}).await;
    let good = make(&service, "shop", &["support-request"], Some(Duration::from_secs(3600))).await;
    let revoked = make(&service, "old", &["support-request"], None).await;
    keys::revoke(&service.app, &owner(Role::Admin), revoked.id).await.unwrap();
    let good = good.bearer.expose();
    let mut flipped = good.to_owned();
    flipped.replace_range(good.len() - 1.., if good.ends_with('a') { "q" } else { "a" });
    let staff = service.token(&[Role::Admin]).await;
    let as_token = good.replacen("llk_", "llt_", 1);
    let request = |header: &str| {
        service.request("POST", HELP).header("authorization", header.to_owned()).json(&support("sam@example.org"))
    };
    for bad in [
        format!("Bearer {flipped}"),
        format!("Bearer {}", revoked.bearer.expose()),
        format!("Bearer {staff}"),
        format!("Bearer {as_token}"),
        format!("Bearer {}", good.to_uppercase()),
        format!("Bearer {}", &good[..good.len() - 1]),
        format!("Bearer  {good}"),
        format!("Basic {good}"),
        good.to_owned(),
        "Bearer".to_owned(),
        String::new(),
    ] {
        let answer = request(&bad).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{bad}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
    let twice = request(&format!("Bearer {good}")).header("authorization", format!("Bearer {good}"));
    assert_eq!(twice.send().await.unwrap().status(), 401);
    assert!(stored(&service).await.is_empty(), "nothing of it came in as from nobody");
    assert_eq!(request(&format!("Bearer {good}")).send().await.unwrap().status(), 201);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(request(&format!("Bearer {good}")).send().await.unwrap().status(), 401, "it has ended");
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_and_a_good_one_passes() {
    let service = Service::with(Limits { auth_failures_per_minute: 2, ..free_limits() }).await;
    let key = make(&service, "shop", &["support-request"], None).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send(&service, HELP, "llk_nonsense", &support("sam@example.org")).await.status().as_u16());
    }
    assert_eq!(seen, [401, 401, 429, 429]);
    assert_eq!(send(&service, HELP, key.bearer.expose(), &support("sam@example.org")).await.status(), 201);
}

#[tokio::test]
async fn a_key_has_a_limit_of_its_own() {
    let service = Service::with(Limits { per_key_per_minute: 2, ..free_limits() }).await;
    let first = make(&service, "shop", &["support-request"], None).await;
    let second = make(&service, "site", &["support-request"], None).await;
    let mut seen = Vec::new();
    for key in [&first, &first, &first, &second] {
        seen.push(send(&service, HELP, key.bearer.expose(), &support("sam@example.org")).await.status().as_u16());
    }
    assert_eq!(seen, [201, 201, 429, 201]);
}

#[tokio::test]
async fn nobody_gets_in_the_way_of_a_servers_idempotency_keys() {
    let service = Service::start().await;
    let key = make(&service, "shop", &["support-request"], None).await;
    let post = async |bearer: Option<&str>, email: &str| {
        let request = service.request("POST", HELP).header("idempotency-key", "order-1").json(&support(email));
        document(service.send(request, bearer).await).await
    };
    let (status, _) = post(None, "stranger@example.org").await;
    assert_eq!(status, 201);
    let (status, first) = post(Some(key.bearer.expose()), "sam@example.org").await;
    assert_eq!(status, 201, "{first}");
    let (_, again) = post(Some(key.bearer.expose()), "sam@example.org").await;
    assert_eq!(again, first, "the same again is the same");
    let (status, other) = post(None, "sam@example.org").await;
    assert!(status == 422 && other != first, "a stranger gets no receipt of the server's: {other}");
}

#[tokio::test]
async fn a_key_is_stored_as_a_hash_and_outlives_a_restart() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let app = support::open(dir.path());
    let admin = owner(Role::Admin);
    let form: FormId = "support-request".parse().unwrap();
    let key = keys::create(&app, &admin, "shop", std::slice::from_ref(&form), None).await.unwrap();
    assert!(keys::list(&app, &admin).await.unwrap()[0].last_used.is_none());
    keys::authenticate(&app, key.bearer.expose(), &form).unwrap();
    for bad in [("shop", "support-request"), ("Shop", "support-request"), ("other", "nothing")] {
        let made = keys::create(&app, &admin, bad.0, &[bad.1.parse().unwrap()], None).await;
        assert!(matches!(made, Err(ServiceError::Invalid(_))), "{bad:?}");
    }
    for role in [Role::Hr, Role::Privacy, Role::Auditor] {
        assert!(keys::list(&app, &owner(role)).await.is_err(), "{role}");
    }
    app.close().await;
    drop(app);
    let app = support::open(dir.path());
    let listed = keys::list(&app, &admin).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].id == key.id && listed[0].name == "shop" && listed[0].last_used.is_some(), "{listed:?}");
    assert!(keys::authenticate(&app, key.bearer.expose(), &form).is_ok());
    keys::revoke(&app, &admin, key.id).await.unwrap();
    assert!(matches!(keys::authenticate(&app, key.bearer.expose(), &form), Err(ServiceError::Unauthenticated)));
    // The name is free again.
    keys::create(&app, &admin, "shop", &[form], None).await.unwrap();
    app.close().await;
}

#[tokio::test]
async fn a_key_lifts_the_limit_of_an_address_for_its_forms_only() {
    let limits = Limits { per_address_per_minute: 3, per_key_per_minute: 3, ..free_limits() };
    let enquiry = json!({ "fields": { "name": "Sam", "email": "s@example.org", "topic": "other", "message": "x" } });
    for (name, method, path, refused) in [
        ("another form", "POST", "/api/v1/forms/general-enquiry/submissions", 403),
        ("no form", "POST", "/api/v1/forms/nothing/submissions", 404),
        ("another method", "PUT", HELP, 405),
        ("a look", "GET", HELP, 405),
    ] {
        let service = Service::with_forms(limits.clone(), forms()).await;
        let key = make(&service, "shop", &["support-request"], None).await;
        let mut seen = Vec::new();
        for _ in 0..5 {
            let request = service.request(method, path).json(&enquiry);
            seen.push(service.send(request, Some(key.bearer.expose())).await.status().as_u16());
        }
        assert_eq!(seen, [refused, refused, refused, 429, 429], "{name}");
        assert_eq!(service.get("/", None).await.status(), 429, "{name}: it counts for the address");
        let own = send(&service, HELP, key.bearer.expose(), &support("sam@example.org")).await;
        assert_eq!(own.status(), 201, "{name}: and not for its own form");
    }
}

#[tokio::test]
async fn whatever_a_server_sends_with_its_key_counts_for_the_key() {
    // The newsletter takes nothing here without a mail server.
    let news = json!({ "fields": { "email": "s@example.org" }, "consents": { "newsletter": true } });
    for (name, path, body, status) in [
        ("a form that is not open", "/api/v1/forms/newsletter/submissions", &news, 403),
        ("what is not valid", HELP, &json!({ "fields": {} }), 422),
        ("what is no submission", HELP, &json!([]), 422),
        ("a parameter too many", "/api/v1/forms/support-request/submissions?x=1", &support("s@example.org"), 422),
        ("another spelling", "/api/v1/forms/support%2Drequest/submissions", &support("s@example.org"), 201),
    ] {
        let limits = Limits { per_address_per_minute: 1, per_key_per_minute: 2, ..free_limits() };
        let service = Service::with_forms(limits, forms()).await;
        let key = make(&service, "shop", &["support-request", "newsletter"], None).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(send(&service, path, key.bearer.expose(), body).await.status().as_u16());
        }
        assert_eq!(seen, [status, status, 429], "{name}");
        assert_eq!(service.get("/", None).await.status(), 200, "{name}: nothing of it counts for the address");
    }
}

#[tokio::test]
async fn files_by_a_key_have_a_limit_of_their_own() {
    let limits = Limits { upload_mib_per_hour: 1, per_key_upload_mib_per_hour: 3, ..free_limits() };
    let service = Service::with_forms(limits, forms()).await;
    let key = make(&service, "shop", &["job-application"], None).await;
    let other = make(&service, "site", &["job-application"], None).await;
    let apply = async |key: &keys::NewKey| {
        let form = support::application("jane@example.org", &pdf(2 << 20, 1));
        let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
        document(service.send(request, Some(key.bearer.expose())).await).await
    };
    assert_eq!(apply(&key).await.0, 201);
    let (status, refused) = apply(&key).await;
    assert_eq!(status, 429, "{refused}");
    assert_eq!(apply(&other).await.0, 201, "each key by itself");
    assert_eq!(stored(&service).await.len(), 2, "nothing of what was refused is kept");
}

/// Between the look at a key and the beginning of its submission it may have been revoked: it is looked at again.
#[tokio::test]
async fn a_submission_begins_only_for_a_form_that_the_key_names_now() {
    let service = Service::with_forms(free_limits(), forms()).await;
    let key = make(&service, "shop", &["support-request"], None).await;
    let own: FormId = "support-request".parse().unwrap();
    let actor = keys::authenticate(&service.app, key.bearer.expose(), &own).unwrap();
    let ctx = letterlock::services::Context { actor, ..owner(Role::Admin) };
    let begin = async |form: &str| {
        let form = form.parse().unwrap();
        letterlock::services::submit::begin(&service.app, &ctx, &form, None).await.map(drop)
    };
    assert!(begin("support-request").await.is_ok());
    assert!(matches!(begin("general-enquiry").await, Err(ServiceError::Forbidden)));
    keys::revoke(&service.app, &owner(Role::Admin), key.id).await.unwrap();
    assert!(matches!(begin("support-request").await, Err(ServiceError::Forbidden)));
}
