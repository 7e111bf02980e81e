//! What needs two people: asked for by one, approved by another who has just proven who they are, done once by whoever asked.

#[path = "support/staff.rs"]
mod staff;
mod support;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use letterlock::base::ids::{PersonId, StaffId};
use letterlock::domain::form::FormSet;
use letterlock::policy::{Actor, Role, Scope};
use letterlock::services::approvals::{self, Done, Stage};
use letterlock::services::{Context, ServiceError, sign_in, staff as accounts};
use letterlock::vault::{Hooks, Step};
use serde_json::{Value, json};
use staff::{DAY, Place, Staff, words};
use support::{Service, document, owner, text};

/// Longer than a proof of who one is counts.
const STALE: u64 = 11 * 60;

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> (Staff<'a>, String, String) {
    let (secret, _, staff) = place.take_up(&place.invite(login, roles).await).await;
    let token = accounts::create_token(&place.service.app, &owner(Role::Admin), login, roles, None).await.unwrap();
    (staff, token.bearer.expose().to_owned(), secret)
}

/// People with one submission each.
async fn people(service: &Service, count: usize) -> Vec<String> {
    let mut out = Vec::new();
    let privacy = service.token(&[Role::Privacy]).await;
    for n in 0..count {
        service.ask_support(&format!("p{n}@example.org")).await;
        let found = json!({ "email": format!("p{n}@example.org") });
        let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&privacy), &found).await).await;
        out.push(text(&found["items"][0]["subject"]));
    }
    out
}

async fn post(service: &Service, path: &str, token: &str, body: &Value) -> (u16, Value) {
    document(service.json("POST", path, Some(token), body).await).await
}

fn code(answer: &Value) -> &str {
    answer["problems"][0]["code"].as_str().unwrap_or("")
}

fn problem(outcome: Result<Done, ServiceError>) -> &'static str {
    match outcome {
        Err(ServiceError::Invalid(problems)) => problems[0].code,
        other => panic!("{other:?}"),
    }
}

async fn id_of(service: &Service, login: &str) -> StaffId {
    let all = accounts::list(&service.app, &owner(Role::Admin)).await.unwrap();
    all.into_iter().find(|account| account.login == login).unwrap().id
}

/// Somebody as the services see them.
async fn acting(service: &Service, login: &str, roles: &[Role]) -> Context {
    let actor = Actor::Staff {
        id: id_of(service, login).await,
        login: login.to_owned(),
        roles: roles.to_vec(),
        scope: Scope::default(),
    };
    Context { actor, ..owner(Role::Admin) }
}

#[tokio::test]
async fn an_administrator_is_made_by_two_and_the_second_proves_who_they_are() {
    let place = Place::new().await;
    let (anna, _, _) = person(&place, "anna", &[Role::Admin]).await;
    let (_, _, secret) = person(&place, "ben", &[Role::Admin]).await;
    let (hanna, _, _) = person(&place, "hanna", &[Role::Hr]).await;
    let (auditor, _, _) = person(&place, "aud", &[Role::Auditor]).await;
    assert_eq!(auditor.get("/staff/requests").await.status(), 404, "nobody else learns of it");
    let wanted = [("kind", "roles"), ("login", "hanna"), ("role", "admin"), ("reason", "Ben is <b>leaving</b>.")];
    for bad in [
        [("kind", "roles"), ("login", "nobody"), ("role", "admin"), ("reason", "x")],
        [("kind", "roles"), ("login", "hanna"), ("role", "hr"), ("reason", "x")],
        [("kind", "roles"), ("login", "hanna"), ("role", "admin"), ("reason", " ")],
    ] {
        let (status, page) = words(anna.post("/staff/requests", &bad).await).await;
        assert!(status == 422 && page.contains("That was not done"), "{bad:?}: {page}");
    }
    assert_eq!(anna.post("/staff/requests", &wanted).await.status(), 303);
    let page = anna.page("/staff/requests").await;
    assert!(page.contains("Change the roles of hanna from HR to Administrator"), "{page}");
    assert!(page.contains("Ben is &#60;b&#62;leaving") && !page.contains("<b>"), "{page}");
    // Who asks for other things sees none of it.
    assert!(!hanna.page("/staff/requests").await.contains("Change the roles"));
    let id = approvals::list(&place.service.app, &owner(Role::Admin)).await.unwrap()[0].id;
    let [approval, refusal, use_it] = ["approval", "refusal", "use"].map(|what| format!("/staff/requests/{id}/{what}"));
    // Neither by whoever asked, nor by who may not even know of it, nor before it is approved.
    assert!(!page.contains(&approval), "no button for one's own");
    assert_eq!(anna.post(&approval, &[]).await.status(), 403);
    for path in [&approval, &refusal, &use_it] {
        assert_eq!(hanna.post(path, &[]).await.status(), 404, "{path}");
    }
    assert_eq!(anna.post(&use_it, &[]).await.status(), 422);
    // Another, who has proven lately who they are.
    let ben = place.sign_in("ben", &secret).await;
    place.later(STALE);
    let asked = ben.post(&approval, &[]).await;
    assert_eq!(
        (asked.status().as_u16(), &asked.headers()["location"]),
        (303, &"/staff/confirm?to=/staff/requests".parse().unwrap())
    );
    assert_eq!(approvals::list(&place.service.app, &owner(Role::Admin)).await.unwrap()[0].stage, Stage::Asked);
    place.later(60);
    let proof = [("password", staff::PASSWORD), ("code", &place.code(&secret)), ("to", "/staff/requests")];
    assert_eq!(ben.post("/staff/confirm", &proof).await.status(), 303);
    assert!(ben.page("/staff/requests").await.contains(&approval));
    assert_eq!(ben.post(&approval, &[]).await.status(), 303);
    assert_eq!(ben.post(&use_it, &[]).await.status(), 403, "whoever asked does it");
    assert_eq!(anna.post(&use_it, &[]).await.status(), 303, "asked once more who she is");
    assert!(hanna.is_in().await);
    let ctx = acting(&place.service, "anna", &[Role::Admin]).await;
    assert!(matches!(approvals::perform(&place.service.app, &ctx, id).await, Ok(Done::Roles)));
    assert!(!hanna.is_in().await, "sessions with the roles of before have ended");
    let again = approvals::perform(&place.service.app, &ctx, id).await;
    assert!(matches!(&again, Err(ServiceError::Invalid(problems)) if problems[0].code == "done"), "{again:?}");
    let unchanged = approvals::ask_roles(&place.service.app, &ctx, "hanna", &[Role::Admin], "x").await;
    assert!(
        matches!(&unchanged, Err(ServiceError::Invalid(p)) if p[0].code == "unchanged"),
        "she is one now: {unchanged:?}"
    );
    // Each step stands in the trail.
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let actions: Vec<&str> = trail["items"].as_array().unwrap().iter().filter_map(|e| e["action"].as_str()).collect();
    for action in ["ask-approval", "approve", "use-approval"] {
        assert_eq!(actions.iter().filter(|one| **one == action).count(), 1, "{action}");
    }
}

#[tokio::test]
async fn more_than_25_people_are_erased_by_two_once_and_in_time() {
    let place = Place::new().await;
    let service = &place.service;
    let (_, pia, _) = person(&place, "pia", &[Role::Privacy]).await;
    let (paul, paul_token, secret) = person(&place, "paul", &[Role::Privacy]).await;
    drop(paul);
    let ids = people(service, 27).await;
    let (path, reason) = ("/api/v1/subjects/erasures", "The campaign is over.");
    let (status, answer) = post(service, path, &pia, &json!({ "subjects": ids })).await;
    assert_eq!((status, code(&answer)), (422, "needs-approval"), "{answer}");
    for (role, expected) in [(Role::Hr, 403), (Role::Admin, 404)] {
        let token = service.token(&[role]).await;
        assert_eq!(post(service, path, &token, &json!({ "subjects": ids[..1] })).await.0, expected, "{role}");
    }
    let asking = json!({ "kind": "erasure", "subjects": ids, "reason": reason });
    // A program's account is no person: whoever holds its token could approve as themselves.
    let program = service.token(&[Role::Privacy]).await;
    assert_eq!(post(service, "/api/v1/approvals", &program, &asking).await.0, 403);
    let (status, asked) = post(service, "/api/v1/approvals", &pia, &asking).await;
    assert_eq!((status, &asked["stage"], &asked["subject_count"]), (201, &json!("asked"), &json!(27)), "{asked}");
    let use_it = format!("/api/v1/approvals/{}/use", text(&asked["id"]));
    let used = async |token: &str| document(service.send(service.request("POST", &use_it), Some(token)).await).await;
    assert_eq!(code(&used(&pia).await.1), "not-approved");
    let paul = place.sign_in("paul", &secret).await;
    assert_eq!(paul.post(&format!("/staff/requests/{}/approval", text(&asked["id"])), &[]).await.status(), 303);
    assert_eq!(used(&paul_token).await.0, 403, "not by whoever approved");
    // Too late: nothing is done, and the trail says that it ended.
    place.later(DAY.as_secs());
    assert_eq!(code(&used(&pia).await.1), "expired");
    approvals::tidy(&service.app).await.unwrap();
    let listed = document(service.get("/api/v1/approvals", Some(&pia)).await).await.1;
    assert_eq!((&listed["items"][0]["stage"], &listed["items"][0]["subjects"]), (&json!("expired"), &json!([])));
    let (_, asked) = post(service, "/api/v1/approvals", &pia, &asking).await;
    let paul = place.sign_in("paul", &secret).await;
    assert_eq!(paul.post(&format!("/staff/requests/{}/approval", text(&asked["id"])), &[]).await.status(), 303);
    // Twice at the same moment: one of them does it.
    let use_it = format!("/api/v1/approvals/{}/use", text(&asked["id"]));
    let once = || async { document(service.send(service.request("POST", &use_it), Some(&pia)).await).await };
    let (one, other) = tokio::join!(once(), once());
    let (done, refused) = if one.0 == 200 { (one, other) } else { (other, one) };
    assert_eq!((done.0, refused.0, code(&refused.1)), (200, 422, "done"), "{done:?} {refused:?}");
    let certificates = done.1["certificates"].as_array().unwrap();
    assert!(certificates.len() == 27 && certificates.iter().all(Value::is_object), "{certificates:?}");
    let privacy = service.token(&[Role::Privacy]).await;
    let found = post(service, "/api/v1/subjects/search", &privacy, &json!({ "email": "p3@example.org" })).await.1;
    assert_eq!(found["items"], json!([]));
    // So many as one alone may.
    let few = people(service, 25).await;
    let (status, answer) = post(service, path, &pia, &json!({ "subjects": few })).await;
    assert_eq!((status, answer["certificates"].as_array().unwrap().len()), (200, 25));
}

#[tokio::test]
async fn an_approval_by_who_may_not_any_more_or_about_what_has_changed_is_none() {
    let place = Place::new().await;
    let service = &place.service;
    for (login, roles) in [("anna", [Role::Admin]), ("ben", [Role::Admin]), ("hanna", [Role::Hr])] {
        person(&place, login, &roles).await;
    }
    let [anna, ben] = [acting(service, "anna", &[Role::Admin]).await, acting(service, "ben", &[Role::Admin]).await];
    let app = &service.app;
    let asked = approvals::ask_roles(app, &anna, "hanna", &[Role::Admin], "x").await.unwrap().id;
    assert!(matches!(approvals::approve(app, &anna, asked).await, Err(ServiceError::Forbidden)));
    approvals::approve(app, &ben, asked).await.unwrap();
    sign_in::change_roles(app, &owner(Role::Admin), "hanna", &[Role::Support]).await.unwrap();
    assert_eq!(problem(approvals::perform(app, &anna, asked).await), "stale");
    sign_in::change_roles(app, &owner(Role::Admin), "hanna", &[Role::Hr]).await.unwrap();
    sign_in::change_roles(app, &owner(Role::Admin), "ben", &[Role::Auditor]).await.unwrap();
    assert_eq!(problem(approvals::perform(app, &anna, asked).await), "approver-gone");
    sign_in::change_roles(app, &owner(Role::Admin), "ben", &[Role::Admin]).await.unwrap();
    // Another may decline it even now, and then it is over.
    approvals::decline(app, &ben, asked).await.unwrap();
    assert_eq!(problem(approvals::perform(app, &anna, asked).await), "declined");
    // The last administrator stays one, also by two.
    let asked = approvals::ask_roles(app, &anna, "ben", &[Role::Hr], "x").await.unwrap().id;
    approvals::approve(app, &ben, asked).await.unwrap();
    approvals::perform(app, &anna, asked).await.unwrap();
    let asked = approvals::ask_roles(app, &anna, "anna", &[Role::Hr], "x").await.unwrap().id;
    let late = approvals::approve(app, &ben, asked).await;
    assert!(matches!(late, Err(ServiceError::Forbidden)), "also by the context of before: {late:?}");
}

/// Whoever recovers an account lets somebody begin anew; what was approved from it before may have been approved by anybody.
#[tokio::test]
async fn an_approval_ends_with_the_recovery_of_its_approvers_account() {
    let place = Place::new().await;
    let service = &place.service;
    for login in ["pia", "paul", "petra"] {
        person(&place, login, &[Role::Privacy]).await;
    }
    let [pia, paul, petra] = [
        acting(service, "pia", &[Role::Privacy]).await,
        acting(service, "paul", &[Role::Privacy]).await,
        acting(service, "petra", &[Role::Privacy]).await,
    ];
    let ids: Vec<PersonId> = people(service, 2).await.iter().map(|id| id.parse().unwrap()).collect();
    let app = &service.app;
    let asked = approvals::ask_erasure(app, &pia, &ids, "x").await.unwrap();
    let by_petra = approvals::ask_erasure(app, &pia, &ids[..1], "x").await.unwrap().id;
    approvals::approve(app, &paul, asked.id).await.unwrap();
    approvals::approve(app, &petra, by_petra).await.unwrap();
    place.later(60);
    sign_in::recover(app, &owner(Role::Admin), "paul", DAY).await.unwrap();
    let shown = approvals::found(app, &pia, asked.id).await.unwrap();
    assert_eq!((shown.stage, &shown.decider), (Stage::Asked, &None), "waits for another again");
    assert_eq!(problem(approvals::perform(app, &pia, asked.id).await), "not-approved");
    assert_eq!(approvals::found(app, &pia, by_petra).await.unwrap().stage, Stage::Approved, "of nobody else");
    approvals::approve(app, &petra, asked.id).await.unwrap();
    assert!(matches!(approvals::perform(app, &pia, asked.id).await, Ok(Done::Erased(_))));
}

/// Programs and people in a hurry erase one after the other; so many alone, by whatever way.
#[tokio::test]
async fn one_alone_erases_25_people_within_a_day_by_all_ways_together() {
    let place = Place::new().await;
    let service = &place.service;
    let (_, pia, _) = person(&place, "pia", &[Role::Privacy]).await;
    let other = service.token(&[Role::Privacy]).await;
    let ids = people(service, 29).await;
    let record = async |n: usize| {
        let found = json!({ "email": format!("p{n}@example.org") });
        let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&other), &found).await).await;
        text(&found["items"][0]["submissions"][0]["id"])
    };
    let one = async |token: &str, method: &str, path: String| {
        document(service.send(service.request(method, &path), Some(token)).await).await
    };
    let person_gone =
        async |token: &str, n: usize| one(token, "POST", format!("/api/v1/subjects/{}/erasure", ids[n])).await;
    let (status, _) = post(service, "/api/v1/subjects/erasures", &pia, &json!({ "subjects": ids[..10] })).await;
    assert_eq!(status, 200);
    for n in 10..20 {
        assert_eq!(person_gone(&pia, n).await.0, 200, "{n}");
    }
    // Who is not there, or not any more, does not count.
    assert_eq!(person_gone(&pia, 12).await.0, 404);
    for n in 20..25 {
        assert_eq!(one(&pia, "DELETE", format!("/api/v1/submissions/{}", record(n).await)).await.0, 200, "{n}");
    }
    let too_many = async |token: &str| {
        let last = record(26).await;
        let answers = [
            post(service, "/api/v1/subjects/erasures", token, &json!({ "subjects": ids[25..26] })).await,
            person_gone(token, 25).await,
            one(token, "DELETE", format!("/api/v1/submissions/{last}")).await,
        ];
        answers.map(|(status, answer)| (status, code(&answer).to_owned()))
    };
    for answer in too_many(&pia).await {
        assert_eq!(answer, (422, "needs-approval".to_owned()));
    }
    let (status, answer) =
        post(service, "/api/v1/approvals", &pia, &json!({ "kind": "erasure", "subjects": ids[25..27], "reason": "x" }))
            .await;
    assert_eq!(status, 201, "beyond that it is asked for: {answer}");
    // Another has their own; and a day later there is room again.
    assert_eq!(person_gone(&other, 27).await.0, 200);
    place.later(DAY.as_secs());
    assert_eq!(person_gone(&pia, 28).await.0, 200);
}

/// What one account erased alone is read from the trail after a start; what another approved is not counted there either.
#[tokio::test]
async fn a_restart_makes_no_room_for_more_than_25() {
    let mut service = Service::start().await;
    let admin = owner(Role::Admin);
    for login in ["pia", "paul"] {
        sign_in::invite(&service.app, &admin, login, &[Role::Privacy], None, DAY).await.unwrap();
    }
    let ctx = [acting(&service, "pia", &[Role::Privacy]).await, acting(&service, "paul", &[Role::Privacy]).await];
    let pia = accounts::create_token(&service.app, &admin, "pia", &[Role::Privacy], None).await.unwrap();
    let pia = pia.bearer.expose().to_owned();
    let ids = people(&service, 53).await;
    let gone = async |service: &Service, ids: &[String]| {
        post(service, "/api/v1/subjects/erasures", &pia, &json!({ "subjects": ids })).await.0
    };
    // Two ask for 26, and one of them erases 24 alone: one of these only in part.
    let asked: Vec<PersonId> = ids[27..].iter().map(|id| id.parse().unwrap()).collect();
    let asked = approvals::ask_erasure(&service.app, &ctx[0], &asked, "x").await.unwrap().id;
    approvals::approve(&service.app, &ctx[1], asked).await.unwrap();
    approvals::perform(&service.app, &ctx[0], asked).await.unwrap();
    assert_eq!(gone(&service, &ids[..23]).await, 200);
    let found = json!({ "email": "p23@example.org" });
    let (_, found) = post(&service, "/api/v1/subjects/search", &pia, &found).await;
    let record = format!("/api/v1/submissions/{}", text(&found["items"][0]["submissions"][0]["id"]));
    assert_eq!(service.send(service.request("DELETE", &record), Some(&pia)).await.status(), 200);
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    assert_eq!(gone(&service, &ids[24..26]).await, 422, "26");
    assert_eq!(gone(&service, &ids[23..25]).await, 200, "25, one of whom counted before");
    assert_eq!(gone(&service, &ids[25..26]).await, 422);
}

/// Two acts about one person at the same moment take one place, and neither gives it back while the other one uses it.
#[tokio::test(flavor = "multi_thread")]
async fn erasing_somebody_twice_at_once_makes_no_room_either() {
    let service = Service::start().await;
    let token = service.token(&[Role::Privacy]).await;
    let ids = people(&service, 26).await;
    for id in &ids[..25] {
        let once = || async {
            let path = format!("/api/v1/subjects/{id}/erasure");
            service.send(service.request("POST", &path), Some(&token)).await.status().as_u16()
        };
        let (one, other) = tokio::join!(once(), once());
        assert_eq!(one.min(other), 200);
        assert_eq!(one.max(other), 404, "one of them finds nobody");
    }
    let last = format!("/api/v1/subjects/{}/erasure", ids[25]);
    assert_eq!(service.send(service.request("POST", &last), Some(&token)).await.status(), 422);
}

/// Each request stays for thirty days: taking it back makes no room for another on the same day.
#[tokio::test]
async fn one_account_asks_fifty_times_a_day_at_most() {
    let place = Place::new().await;
    let service = &place.service;
    person(&place, "pia", &[Role::Privacy]).await;
    let pia = acting(service, "pia", &[Role::Privacy]).await;
    let ids: Vec<PersonId> = people(service, 1).await.iter().map(|id| id.parse().unwrap()).collect();
    for _ in 0..50 {
        let asked = approvals::ask_erasure(&service.app, &pia, &ids, "x").await.unwrap().id;
        approvals::decline(&service.app, &pia, asked).await.unwrap();
    }
    let refused = approvals::ask_erasure(&service.app, &pia, &ids, "x").await.map(|_| Done::Roles);
    assert_eq!(problem(refused), "too-many");
    place.later(DAY.as_secs());
    assert!(approvals::ask_erasure(&service.app, &pia, &ids, "x").await.is_ok());
}

/// Stopped before the order is durable, the leave is still there and nobody is erased; stopped behind it, it is used and they are.
#[tokio::test]
async fn the_leave_is_used_with_the_erasure_or_not_at_all() {
    for (stop_at, expected) in [(Step::Order, Stage::Approved), (Step::Ordered, Stage::Done)] {
        let armed = Arc::new(Mutex::new(false));
        let seen = armed.clone();
        let at_step = move |step: Step| {
            if *seen.lock().unwrap() && step == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let hooks = Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() };
        let mut service = Service::with_hooks(FormSet::default(), hooks, |_| ()).await;
        let admin = owner(Role::Admin);
        for login in ["pia", "paul"] {
            sign_in::invite(&service.app, &admin, login, &[Role::Privacy], None, DAY).await.unwrap();
        }
        let [pia, paul] =
            [acting(&service, "pia", &[Role::Privacy]).await, acting(&service, "paul", &[Role::Privacy]).await];
        let ids: Vec<PersonId> = people(&service, 26).await.iter().map(|id| id.parse().unwrap()).collect();
        let asked = approvals::ask_erasure(&service.app, &pia, &ids, "x").await.unwrap().id;
        approvals::approve(&service.app, &paul, asked).await.unwrap();
        *armed.lock().unwrap() = true;
        assert!(approvals::perform(&service.app, &pia, asked).await.is_err(), "{stop_at:?}");
        assert_eq!(approvals::list(&service.app, &pia).await.unwrap()[0].stage, expected, "{stop_at:?}: at once");
        *armed.lock().unwrap() = false;
        let dir = service.dir.clone();
        service.stop().await;
        drop(service);
        let service = Service::again(dir).await;
        let shown = approvals::list(&service.app, &pia).await.unwrap();
        assert_eq!(shown[0].stage, expected, "{stop_at:?}");
        let privacy = service.token(&[Role::Privacy]).await;
        let found = post(&service, "/api/v1/subjects/search", &privacy, &json!({ "email": "p3@example.org" })).await.1;
        let left = found["items"].as_array().unwrap().len();
        assert_eq!(left, usize::from(expected == Stage::Approved), "{stop_at:?}");
    }
}
