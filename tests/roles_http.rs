//! Every route of the router with every role, and with no, a broken and an unknown token.
//!
//! The expected answers stand in one table; a route that is missing from it fails the test.

mod support;

use letterlock::http::{Who, routes};
use letterlock::policy::Role;
use serde_json::json;
use support::{Service, document, pdf, text};

const ROLES: [Role; 5] = [Role::Hr, Role::Support, Role::Privacy, Role::Auditor, Role::Admin];

/// What [`ROLES`] get, in that order, on a job application and the person it is about.
const EXPECTED: [(&str, [u16; 5]); 8] = [
    ("listSubmissions", [200, 200, 200, 404, 404]),
    ("showSubmission", [200, 404, 200, 404, 404]),
    ("markSubmission", [200, 404, 403, 404, 404]),
    ("eraseSubmission", [403, 404, 200, 404, 404]),
    ("downloadFile", [200, 404, 200, 404, 404]),
    ("searchSubjects", [200, 200, 200, 404, 404]),
    ("eraseSubject", [403, 403, 200, 404, 404]),
    ("listAudit", [403, 403, 403, 200, 403]),
];

/// What is sent to an operation, given a submission and its subject: (path, body).
fn request(operation: &str, path: &str, id: &str, subject: &str) -> (String, Option<serde_json::Value>) {
    let path = match operation {
        "eraseSubject" => path.replace("{id}", subject),
        _ => path.replace("{id}", id),
    };
    let path = path.replace("{n}", "0").replace("{form}", "job-application");
    match operation {
        "showSubmission" | "downloadFile" => (format!("{path}?purpose=recruitment"), None),
        "markSubmission" => (path, Some(json!({ "status": "interview" }))),
        "searchSubjects" => (path, Some(json!({ "email": "jane@example.org" }))),
        _ => (path, None),
    }
}

async fn ask(
    service: &Service,
    method: &str,
    path: &str,
    body: Option<&serde_json::Value>,
    token: Option<&str>,
) -> u16 {
    let request = service.request(method, path);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    service.send(request, token).await.status().as_u16()
}

#[tokio::test]
async fn each_role_gets_what_the_table_says_on_every_route() {
    let service = Service::start().await;
    for route in routes().iter().filter(|r| r.who == Who::Bearer) {
        let row = EXPECTED.iter().find(|(operation, _)| *operation == route.operation);
        let (_, expected) = row.unwrap_or_else(|| panic!("{} has no row in the table", route.operation));
        for (role, expected) in ROLES.iter().zip(expected) {
            // Each on a person of its own, since some of these erase.
            let email = format!("{}-{role:?}@example.org", route.operation).to_lowercase();
            let (id, _) = service.apply(&email, &pdf(2000, 1)).await;
            let privacy = service.token(&[Role::Privacy]).await;
            let (_, shown) =
                document(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&privacy)).await)
                    .await;
            let (path, body) = request(route.operation, route.path, &id, &text(&shown["subject"]));
            let token = service.token(&[*role]).await;
            let got = ask(&service, route.method, &path, body.as_ref(), Some(&token)).await;
            assert_eq!(got, *expected, "{role:?} on {}", route.operation);
        }
    }
    assert_eq!(EXPECTED.len(), routes().iter().filter(|r| r.who == Who::Bearer).count(), "a row without a route");
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing_but_401() {
    let service = Service::start().await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let good = service.token(&[Role::Hr]).await;
    let mut flipped = good.clone().into_bytes();
    let last = flipped.len() - 1;
    flipped[last] = if flipped[last] == b'a' { b'b' } else { b'a' };
    let flipped = String::from_utf8(flipped).unwrap();
    for route in routes().iter().filter(|r| r.who == Who::Bearer) {
        for id in [id.as_str(), &"a".repeat(26), "not-an-id"] {
            let (path, body) = request(route.operation, route.path, id, id);
            let upper = good.to_uppercase();
            for token in [None, Some("nonsense"), Some(flipped.as_str()), Some(&good[..good.len() - 1]), Some(&upper)] {
                let got = ask(&service, route.method, &path, body.as_ref(), token).await;
                assert_eq!(got, 401, "{} {path}", route.method);
            }
            for value in ["Basic aHI6aHI=".to_owned(), format!("Bearer  {good}"), format!("Token {good}"), good.clone()]
            {
                let answer = service.request(route.method, &path).header("authorization", value).send().await.unwrap();
                assert_eq!(answer.status(), 401, "{} {path}", route.method);
                assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            }
            let twice = service.request(route.method, &path).bearer_auth(&good).header("authorization", "Bearer x");
            assert_eq!(twice.send().await.unwrap().status(), 401);
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_or_the_body_is_none() {
    let service = Service::start().await;
    let good = service.token(&[Role::Hr]).await;
    assert_eq!(service.get(&format!("/api/v1/submissions?access_token={good}"), None).await.status(), 401);
    let cookie = service.request("GET", "/api/v1/submissions").header("cookie", format!("token={good}"));
    assert_eq!(cookie.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn public_routes_do_not_look_at_tokens() {
    let service = Service::start().await;
    let good = service.token(&[Role::Admin]).await;
    for route in routes().iter().filter(|r| r.who == Who::Public && r.method == "GET") {
        let (path, _) = request(route.operation, route.path, "", "");
        let mut answers = Vec::new();
        for token in [None, Some("nonsense"), Some(good.as_str())] {
            answers.push(ask(&service, "GET", &path, None, token).await);
        }
        assert_eq!(answers, [200; 3], "{path}");
    }
}

#[tokio::test]
async fn every_other_method_is_405_or_a_route_of_its_own() {
    let service = Service::start().await;
    let paths: std::collections::BTreeSet<_> = routes().iter().map(|r| r.path).collect();
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if routes().iter().any(|r| r.path == path && r.method == method) {
                continue;
            }
            let (place, _) = request("", path, &"a".repeat(26), "");
            let answer = service.request(method, &place).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {path}");
            assert!(answer.headers().contains_key("allow"), "{method} {path}");
        }
    }
}
