//! API tokens with a scope: fewer actions, fewer forms, never more than their account; when they were last used.

#[path = "support/staff.rs"]
mod console;
mod support;

use std::time::Duration;

use console::Place;
use letterlock::domain::form::FormId;
use letterlock::policy::{Action, Role, Scope};
use letterlock::services::{ServiceError, sign_in, staff};
use serde_json::json;
use support::{Service, document, owner, pdf, text};

async fn token(service: &Service, roles: &[Role], actions: Option<&[Action]>, forms: Option<&[&str]>) -> String {
    let forms = forms.map(|forms| forms.iter().map(|form| form.parse::<FormId>().unwrap()).collect());
    let scope = Scope::new(actions.map(<[Action]>::to_vec), forms);
    let admin = owner(Role::Admin);
    let made = staff::create_scoped_token(&service.app, &admin, "reader", roles, &scope, None);
    made.await.unwrap().bearer.expose().to_owned()
}

async fn get(service: &Service, path: &str, token: &str) -> u16 {
    service.get(path, Some(token)).await.status().as_u16()
}

#[tokio::test]
async fn a_token_of_one_form_reaches_nothing_else() {
    let service = Service::start().await;
    let (mine, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let theirs = service.ask_support("sam@example.org").await;
    let both = [Role::Hr, Role::Support, Role::Privacy, Role::Auditor, Role::Admin];
    let limited = token(&service, &both, None, Some(&["job-application"])).await;
    let free = token(&service, &both, None, None).await;
    let record = |id: &str, purpose: &str| format!("/api/v1/submissions/{id}?purpose={purpose}");
    for (path, with, without) in [
        (record(&mine, "recruitment"), 200, 200),
        (record(&theirs, "support"), 404, 200),
        (record(&theirs, "subject-request"), 404, 200),
        (format!("/api/v1/submissions/{mine}/files/0?purpose=recruitment"), 200, 200),
        ("/api/v1/submissions?form=job-application".to_owned(), 200, 200),
        ("/api/v1/submissions?form=support-request".to_owned(), 404, 200),
        ("/api/v1/audit".to_owned(), 403, 200),
    ] {
        assert_eq!(
            (get(&service, &path, &limited).await, get(&service, &path, &free).await),
            (with, without),
            "{path}"
        );
    }
    // What is listed without a form is what the token reaches.
    let (_, list) = document(service.get("/api/v1/submissions", Some(&limited)).await).await;
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
    assert_eq!(ids, std::slice::from_ref(&mine));
    // People are of no form: neither found nor erased.
    let search = json!({ "email": "sam@example.org" });
    assert_eq!(service.json("POST", "/api/v1/subjects/search", Some(&limited), &search).await.status(), 403);
    let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&free), &search).await).await;
    let subject = text(&found["items"][0]["subject"]);
    let erasure = format!("/api/v1/subjects/{subject}/erasure");
    assert_eq!(service.request("POST", &erasure).bearer_auth(&limited).send().await.unwrap().status(), 403);
    let gone = service.request("DELETE", &format!("/api/v1/submissions/{theirs}")).bearer_auth(&limited);
    assert_eq!(gone.send().await.unwrap().status(), 404);
    assert_eq!(get(&service, &record(&theirs, "support"), &free).await, 200, "nothing was erased");
}

#[tokio::test]
async fn a_token_of_some_actions_does_no_others_and_never_more_than_its_roles() {
    let service = Service::start().await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let lists = token(&service, &[Role::Hr], Some(&[Action::ListSubmissions]), None).await;
    // Names what the role may not do: that adds nothing.
    let greedy =
        [Action::ErasePerson, Action::EraseRecord, Action::ReadAudit, Action::ManageStaff, Action::FindSubject];
    let greedy = token(&service, &[Role::Hr], Some(&greedy), None).await;
    let plain = token(&service, &[Role::Hr], None, None).await;
    let record = format!("/api/v1/submissions/{id}?purpose=recruitment");
    assert_eq!(get(&service, "/api/v1/submissions", &lists).await, 200);
    assert_eq!(get(&service, &record, &lists).await, 403);
    assert_eq!(get(&service, &format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"), &lists).await, 403);
    let (_, list) = document(service.get("/api/v1/submissions?purpose=recruitment", Some(&lists)).await).await;
    assert_eq!(list["items"], json!([]), "summaries are content");
    let patch = json!({ "status": "rejected" });
    let marked = service.json("PATCH", &format!("/api/v1/submissions/{id}"), Some(&lists), &patch).await;
    assert_eq!(marked.status(), 403);
    for (method, path) in [
        ("GET", "/api/v1/audit".to_owned()),
        ("DELETE", format!("/api/v1/submissions/{id}")),
        ("POST", format!("/api/v1/subjects/{}/erasure", "a".repeat(26))),
    ] {
        let ask = async |token: &str| service.request(method, &path).bearer_auth(token).send().await.unwrap().status();
        let (with, without) = (ask(&greedy).await, ask(&plain).await);
        assert!(with == without && matches!(with.as_u16(), 403 | 404), "{method} {path}: {with} {without}");
    }
    assert!(matches!(get(&service, &record, &greedy).await, 403 | 404), "and what it did not name is gone");
}

#[tokio::test]
async fn a_token_is_never_more_than_its_account() {
    let place = Place::new().await;
    let (app, admin) = (&place.service.app, owner(Role::Admin));
    place.take_up(&place.invite("hanna", &[Role::Hr, Role::Support]).await).await;
    place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let made = async |roles: &[Role]| staff::create_token(app, &admin, "hanna", roles, None).await;
    for roles in [&[Role::Admin][..], &[Role::Hr, Role::Privacy]] {
        let Err(ServiceError::Invalid(problems)) = made(roles).await else { panic!("{roles:?} was taken") };
        assert_eq!(problems[0].code, "not-its-own");
    }
    let token = made(&[Role::Hr]).await.unwrap().bearer;
    let applications = "/api/v1/submissions?form=job-application";
    assert_eq!(get(&place.service, applications, token.expose()).await, 200);
    sign_in::change_roles(app, &admin, "hanna", &[Role::Support]).await.unwrap();
    assert_eq!(get(&place.service, applications, token.expose()).await, 404, "a role that is gone is gone for tokens");
    sign_in::change_roles(app, &admin, "hanna", &[Role::Hr]).await.unwrap();
    assert_eq!(get(&place.service, applications, token.expose()).await, 200);
}

#[tokio::test]
async fn a_scope_has_to_name_something_that_is_there() {
    let service = Service::start().await;
    let form = |id: &str| id.parse::<FormId>().unwrap();
    for (scope, code) in [
        (Scope::new(Some(Vec::new()), None), "required"),
        (Scope::new(None, Some(Vec::new())), "required"),
        (Scope::new(None, Some(vec![form("no-such-form")])), "unknown-form"),
    ] {
        let made = staff::create_scoped_token(&service.app, &owner(Role::Admin), "x", &[Role::Hr], &scope, None).await;
        let Err(ServiceError::Invalid(problems)) = made else { panic!("{scope:?}") };
        assert_eq!(problems[0].code, code);
    }
    assert!("Read-Submission".parse::<Action>().is_err() && "read-submission".parse::<Action>().is_ok());
}

#[tokio::test]
async fn the_hour_of_the_last_use_is_kept_over_a_restart() {
    let mut place = Place::new().await;
    let used = async |app: &std::sync::Arc<letterlock::services::App>| {
        let accounts = staff::list(app, &owner(Role::Admin)).await.unwrap();
        accounts[0].tokens[0].last_used.map(|at| at.as_millis())
    };
    let token = place.service.token(&[Role::Hr]).await;
    assert_eq!(used(&place.service.app).await, None);
    get(&place.service, "/api/v1/submissions", &token).await;
    let first = used(&place.service.app).await.unwrap();
    assert_eq!(first % 3_600_000, 0, "to the hour");
    place.later(1800);
    get(&place.service, "/api/v1/submissions", &format!("{token}x")).await;
    place.later(3600);
    assert_eq!(used(&place.service.app).await, Some(first), "what is refused is no use");
    get(&place.service, "/api/v1/submissions", &token).await;
    let second = used(&place.service.app).await.unwrap();
    assert!(second > first);
    let before = letterlock::services::audit::head(&place.service.app, &owner(Role::Auditor)).await.unwrap().size;
    staff::flush(&place.service.app).await.unwrap();
    staff::flush(&place.service.app).await.unwrap();
    let after = letterlock::services::audit::head(&place.service.app, &owner(Role::Auditor)).await.unwrap().size;
    assert!(after <= before + 2, "written once, not with each use: {before} {after}");
    place.service.stop().await;
    let Place { service, clock } = place;
    let dir = service.dir.clone();
    drop(service);
    let app = support::open_at(dir.path(), clock.clone());
    assert_eq!(used(&app).await, Some(second));
    clock.advance(Duration::from_secs(1));
    app.close().await;
}
