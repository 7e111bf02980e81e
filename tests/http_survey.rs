//! Surveys over HTTPS: nobody reads a single answer, and no two results tell one apart.

mod support;

use std::collections::BTreeSet;

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::{self, ServiceError};
use serde_json::{Value, json};
use support::{Service, document, owner, text};

const SEND: &str = "/api/v1/forms/survey/submissions";
const RESULTS: &str = "/api/v1/forms/survey/results?purpose=survey";
const IDEAS: &str = "/api/v1/forms/survey/results/ideas?purpose=survey";

/// Sends an answer; returns id and receipt.
async fn answer(service: &Service, relation: &str, mark: u8, idea: Option<&str>) -> (String, String) {
    let mut fields = json!({ "relation": relation, "satisfaction": mark, "liked": ["price", "people"] });
    if let Some(idea) = idea {
        fields["ideas"] = idea.into();
    }
    if mark < 3 {
        fields["reason"] = format!("because of {mark}").into();
    }
    let (status, body) = document(service.json("POST", SEND, None, &json!({ "fields": fields })).await).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

async fn get(service: &Service, path: &str, token: &str) -> Value {
    let (status, body) = document(service.get(path, Some(token)).await).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn erase(service: &Service, receipt: &str) {
    let (status, body) =
        document(service.json("POST", "/api/v1/my/erasure", None, &json!({ "receipt": receipt })).await).await;
    assert_eq!(status, 200, "{body}");
}

fn count(results: &Value, question: &str, value: &Value) -> u64 {
    let questions = results["questions"].as_array().unwrap();
    let question = questions.iter().find(|one| one["name"] == question).unwrap();
    let counts = question["counts"].as_array().unwrap();
    counts.iter().find(|line| line["value"] == *value).unwrap()["count"].as_u64().unwrap()
}

fn sorted(texts: &Value) -> BTreeSet<String> {
    texts["items"].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
async fn nobody_but_its_sender_reads_an_answer() {
    let service = Service::start().await;
    let mut sent = Vec::new();
    for n in 0..6 {
        sent.push(answer(&service, "customer", 5, Some(&format!("idea {n}"))).await);
    }
    let (id, receipt) = &sent[0];
    for role in Role::ALL {
        let token = service.token(&[role]).await;
        let ask = async |method: &str, path: &str, body: Option<Value>| {
            let request = service.request(method, path);
            let request = match body {
                Some(body) => request.json(&body),
                None => request,
            };
            service.send(request, Some(&token)).await.status().as_u16()
        };
        for purpose in ["survey", "subject-request"] {
            assert_eq!(ask("GET", &format!("/api/v1/submissions/{id}?purpose={purpose}"), None).await, 404, "{role}");
            let file = format!("/api/v1/submissions/{id}/files/0?purpose={purpose}");
            assert_eq!(ask("GET", &file, None).await, 404, "{role}");
        }
        let path = format!("/api/v1/submissions/{id}");
        assert_eq!(ask("PATCH", &path, Some(json!({ "status": "closed" }))).await, 404, "{role}");
        let message = Some(json!({ "text": "Who are you?" }));
        assert_eq!(ask("POST", &format!("{path}/messages"), message).await, 404, "{role}");
        if role != Role::Privacy {
            assert_eq!(ask("DELETE", &path, None).await, 404, "{role}");
        }
        for query in ["", "?purpose=survey", "?status=new", "?purpose=subject-request"] {
            let (_, list) = document(service.get(&format!("/api/v1/submissions{query}"), Some(&token)).await).await;
            let items = list["items"].as_array().map_or(0, Vec::len);
            assert_eq!(items, 0, "{role} {query}: {list}");
        }
        let expected = if matches!(role, Role::Marketing | Role::Privacy) { 403 } else { 404 };
        assert_eq!(ask("GET", "/api/v1/submissions?form=survey", None).await, expected, "{role}");
        // The owner of the machine acts as a role, and gets what it gets.
        let shown = services::review::show(&service.app, &owner(role), id.parse().unwrap(), Some("survey")).await;
        assert!(matches!(shown, Err(ServiceError::NotFound)), "{role}");
    }

    let mine = document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await;
    assert_eq!((mine.0, &mine.1["fields"]["ideas"]), (200, &json!("idea 0")), "{}", mine.1);
    let message = json!({ "receipt": receipt, "text": "Hello?" });
    assert_eq!(service.json("POST", "/api/v1/my/messages", None, &message).await.status(), 403);
    erase(&service, receipt).await;
    assert_eq!(service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await.status(), 404);
}

#[tokio::test]
async fn results_change_only_when_a_whole_group_has_come() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let mut seen = Vec::new();
    for n in 0..20u8 {
        answer(&service, if n % 2 == 0 { "customer" } else { "visitor" }, n % 5 + 1, None).await;
        seen.push(get(&service, RESULTS, &token).await);
    }
    for (n, results) in (1u64..).zip(&seen) {
        let whole = n / 5 * 5;
        let expected = if whole == 0 { Value::Null } else { whole.into() };
        assert_eq!(results["answers"], expected, "after {n} answers");
        if n % 5 != 0 && n > 1 {
            assert_eq!(*results, seen[n as usize - 2], "answer {n} alone changed what is told");
        }
        for line in results["questions"].as_array().unwrap().iter().flat_map(|one| one["counts"].as_array().unwrap()) {
            assert_eq!(line["count"].as_u64().unwrap() % 5, 0, "{line}");
        }
    }
    let last = seen.last().unwrap();
    assert_eq!((count(last, "relation", &json!("customer")), count(last, "liked", &json!("price"))), (10, 20));
    assert_eq!((count(last, "relation", &json!("partner")), count(last, "satisfaction", &json!(3))), (0, 5));
}

/// Whoever erases an answer and looks again, or sends others and erases them, learns of whole groups only.
#[tokio::test]
async fn an_erasure_takes_its_whole_group_out_and_nobody_takes_its_place() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let mut receipts = Vec::new();
    for n in 0..10 {
        // The first group loves us, the second does not.
        receipts.push(answer(&service, "customer", if n < 5 { 5 } else { 1 }, Some(&format!("idea {n}"))).await.1);
    }
    let before = get(&service, RESULTS, &token).await;
    assert_eq!((count(&before, "satisfaction", &json!(5)), count(&before, "satisfaction", &json!(1))), (5, 5));
    assert_eq!(sorted(&get(&service, IDEAS, &token).await).len(), 10);

    erase(&service, &receipts[2]).await;
    let after = get(&service, RESULTS, &token).await;
    assert_eq!((&after["answers"], count(&after, "satisfaction", &json!(5))), (&json!(5), 0), "{after}");
    let ideas = sorted(&get(&service, IDEAS, &token).await);
    assert_eq!(ideas, (5..10).map(|n| format!("idea {n}")).collect(), "the words of the whole group go");

    // One more answer neither fills the gap nor shows; that of a new group does not bring the old one back.
    for n in 0..4 {
        answer(&service, "partner", 4, None).await;
        assert_eq!(get(&service, RESULTS, &token).await, after, "answer {n} after the erasure");
    }
    let last = answer(&service, "partner", 4, None).await.1;
    let grown = get(&service, RESULTS, &token).await;
    assert_eq!((&grown["answers"], count(&grown, "relation", &json!("partner"))), (&json!(10), 5), "{grown}");
    erase(&service, &last).await;
    assert_eq!(get(&service, RESULTS, &token).await, after);

    // Nor after a restart.
    let (dir, mut service) = (service.dir.clone(), service);
    service.stop().await;
    drop(service);
    let app = support::open(dir.path());
    let ctx = owner(Role::Marketing);
    let form = "survey".parse().unwrap();
    let results = services::results::show(&app, &ctx, &form, Some("survey")).await.unwrap();
    assert_eq!(serde_json::to_value(results).unwrap(), after);
    app.close().await;
}

#[tokio::test]
async fn words_come_in_an_order_of_chance_and_alone() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let empty = get(&service, IDEAS, &token).await;
    assert_eq!(empty, json!({ "items": [], "next": null }));
    let mut expected = BTreeSet::new();
    let mut ids = Vec::new();
    for n in 0..40 {
        let idea = format!("idea {n:02}");
        ids.push(answer(&service, "customer", 2, Some(&idea)).await.0);
        expected.insert(idea);
        let texts = get(&service, IDEAS, &token).await;
        assert_eq!(texts["items"].as_array().unwrap().len(), (n + 1) / 5 * 5);
    }
    let (all, again) = (get(&service, IDEAS, &token).await, get(&service, IDEAS, &token).await);
    assert_eq!((sorted(&all), &all), (expected.clone(), &again));
    let order: Vec<String> = all["items"].as_array().unwrap().iter().map(text).collect();
    assert!(order.iter().ne(expected.iter()) && order.iter().ne(expected.iter().rev()), "{order:?}");
    assert!(ids.iter().all(|id| !all.to_string().contains(id.as_str())));

    let mut paged = Vec::new();
    let mut path = format!("{IDEAS}&limit=7");
    loop {
        let page = get(&service, &path, &token).await;
        paged.extend(page["items"].as_array().unwrap().iter().map(text));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{IDEAS}&limit=7&after={next}");
    }
    assert_eq!(paged, order);

    // Only fields that the form names, and only for a purpose of its own.
    for field in ["relation", "satisfaction", "liked", "nothing", "..", "email"] {
        let path = format!("/api/v1/forms/survey/results/{field}?purpose=survey");
        assert_eq!(service.get(&path, Some(&token)).await.status(), 404, "{field}");
    }
    for purpose in ["", "curiosity", "subject-request"] {
        for place in ["", "/ideas"] {
            let path = format!("/api/v1/forms/survey/results{place}?purpose={purpose}");
            assert_eq!(service.get(&path, Some(&token)).await.status(), 422, "{path}");
        }
    }
    assert_eq!(service.get(&format!("{IDEAS}&after=x"), Some(&token)).await.status(), 422);
    let other = "/api/v1/forms/support-request/results?purpose=support";
    assert_eq!(service.get(other, Some(&service.token(&[Role::Support]).await)).await.status(), 404);
}

#[tokio::test]
async fn few_words_wait_until_there_are_enough_of_them() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let mut seen = BTreeSet::new();
    for n in 0..30 {
        // Two in each group of five have an idea.
        let idea = (n % 5 < 2).then(|| format!("idea {n:02}"));
        answer(&service, "customer", 4, idea.as_deref()).await;
        let shown = sorted(&get(&service, IDEAS, &token).await);
        // Of six ideas five are told, of twelve ten.
        assert_eq!(shown.len(), [0, 5, 10][usize::from(n >= 14) + usize::from(n >= 24)], "after {} answers", n + 1);
        assert!(shown.is_superset(&seen), "what was told stays told");
        seen = shown;
    }
}

/// Who says that something went wrong is asked what: the number of those words must not say more than the rounded counts.
#[tokio::test]
async fn the_number_of_words_tells_no_exact_count() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let reasons = "/api/v1/forms/survey/results/reason?purpose=survey";
    for n in 0..10 {
        // One of ten has nothing to complain of.
        answer(&service, "customer", if n == 3 { 5 } else { 1 }, None).await;
    }
    let results = get(&service, RESULTS, &token).await;
    assert_eq!((&results["answers"], count(&results, "satisfaction", &json!(1))), (&json!(10), 10));
    assert_eq!(
        get(&service, reasons, &token).await["items"].as_array().unwrap().len(),
        5,
        "nine would single out the one"
    );
}

#[tokio::test]
async fn each_look_is_in_the_trail_and_names_nobody() {
    let service = Service::start().await;
    let (reader, auditor) = (service.token(&[Role::Marketing]).await, service.token(&[Role::Auditor]).await);
    for _ in 0..5 {
        answer(&service, "customer", 4, Some("an idea")).await;
    }
    get(&service, RESULTS, &reader).await;
    get(&service, IDEAS, &reader).await;
    let trail = get(&service, "/api/v1/audit", &auditor).await;
    let looks: Vec<&Value> =
        trail["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "read-results").collect();
    assert_eq!(looks.len(), 2, "{trail}");
    for look in looks {
        assert_eq!((&look["purpose"], &look["subjects"]), (&json!("survey"), &json!([])), "{look}");
        assert!(look.to_string().contains("\"survey\""), "{look}");
    }
}

/// What was answered under the promise of a survey stays under it, whatever the form's file says later.
#[tokio::test]
async fn a_form_that_is_no_survey_any_more_does_not_give_its_answers_away() {
    let mut service = Service::start().await;
    let mut id = String::new();
    for _ in 0..5 {
        id = answer(&service, "customer", 4, Some("an idea")).await.0;
    }
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);
    let turned = include_str!("../forms/survey.toml")
        .replace("kind = \"survey\"\nk = 5\ntexts = [\"reason\", \"ideas\"]\n", "kind = \"request\"\n");
    assert!(turned.contains("kind = \"request\""));
    let app = support::open_with(dir.path(), FormSet::with_files([("survey.toml", turned.as_str())]).unwrap());
    for role in [Role::Marketing, Role::Privacy] {
        let shown = services::review::show(&app, &owner(role), id.parse().unwrap(), Some("survey")).await;
        assert!(matches!(shown, Err(ServiceError::NotFound)), "{shown:?}");
        let query = services::review::ListQuery { purpose: Some("survey".to_owned()), ..Default::default() };
        let list = services::review::list(&app, &owner(role), query).await.unwrap();
        assert_eq!(list.items.len(), 0);
    }
    app.close().await;
}

/// The shipped survey, changed, and another one beside it.
fn surveys(from: &str, to: &str) -> FormSet {
    let shipped = include_str!("../forms/survey.toml");
    assert!(shipped.contains(from));
    let changed = shipped.replace(from, to);
    let other = shipped.replacen("id = \"survey\"", "id = \"other-survey\"", 1);
    FormSet::with_files([("survey.toml", changed.as_str()), ("other-survey.toml", other.as_str())]).unwrap()
}

#[tokio::test]
async fn each_survey_has_its_own_answers_and_its_own_purposes() {
    let roles = surveys("roles = [\"marketing\"]", "roles = [\"marketing\", \"privacy\"]");
    let service = Service::with_own_forms(roles, |_| ()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    for n in 0..5 {
        answer(&service, "customer", 5, Some(&format!("idea {n}"))).await;
    }
    let fields = json!({ "relation": "partner", "satisfaction": 1, "ideas": "of the other" });
    for _ in 0..5 {
        let body = json!({ "fields": fields });
        let sent = service.json("POST", "/api/v1/forms/other-survey/submissions", None, &body).await;
        assert_eq!(sent.status(), 201);
    }
    let results = get(&service, RESULTS, &marketing).await;
    assert_eq!((&results["answers"], count(&results, "relation", &json!("partner"))), (&json!(5), 0), "{results}");
    assert!(!get(&service, IDEAS, &marketing).await.to_string().contains("other"));
    // One's own request is about oneself: it opens no results, for nobody.
    let privacy = service.token(&[Role::Privacy]).await;
    let ask = async |purpose: &str| {
        let path = format!("/api/v1/forms/survey/results?purpose={purpose}");
        service.get(&path, Some(&privacy)).await.status().as_u16()
    };
    assert_eq!([ask("survey").await, ask("subject-request").await], [200, 422]);
}

/// Who answered under a larger `k` is counted by it for good, whatever the form says later.
#[tokio::test]
async fn a_smaller_k_tells_nothing_finer_of_earlier_answers() {
    let mut service = Service::with_own_forms(surveys("k = 5", "k = 8"), |_| ()).await;
    for n in 0..8 {
        answer(&service, if n < 5 { "customer" } else { "visitor" }, 4, None).await;
    }
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);
    let app = support::open_with(dir.path(), surveys("k = 5", "k = 5"));
    let (ctx, form) = (owner(Role::Marketing), "survey".parse().unwrap());
    let results = services::results::show(&app, &ctx, &form, Some("survey")).await.unwrap();
    let results = serde_json::to_value(results).unwrap();
    assert_eq!((&results["k"], &results["answers"]), (&json!(8), &json!(8)));
    assert_eq!(count(&results, "relation", &json!("customer")), 8, "five of eight, in steps of eight");
    app.close().await;
}
