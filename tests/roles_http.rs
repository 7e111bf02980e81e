//! Every route of the router with every role, and with no, a broken and an unknown token.
//!
//! The expected answers stand in one table; a route that is missing from it fails the test.

mod support;

use letterlock::http::{Who, routes};
use letterlock::policy::Role;
use serde_json::json;
use support::{Service, document, pdf, text};

const ROLES: [Role; 9] = Role::ALL;

/// What [`ROLES`] get, in that order, on a job application and the person it is about.
const EXPECTED: [(&str, [u16; 9]); 36] = [
    ("listSubmissions", [200, 200, 200, 200, 200, 200, 404, 404, 404]),
    ("showSubmission", [200, 404, 404, 404, 404, 200, 404, 404, 404]),
    ("markSubmission", [200, 404, 404, 404, 404, 403, 404, 404, 404]),
    // What became of each stands in the answer.
    ("changeSubmissions", [200, 200, 200, 200, 200, 200, 404, 404, 404]),
    ("noteSubmission", [201, 404, 404, 404, 404, 201, 404, 404, 404]),
    // There is no such note, for whom it would be.
    ("discloseNote", [403, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("answerSubmission", [201, 404, 404, 404, 404, 201, 404, 404, 404]),
    ("eraseSubmission", [403, 404, 404, 404, 404, 200, 404, 404, 404]),
    ("downloadFile", [200, 404, 404, 404, 404, 200, 404, 404, 404]),
    // For the purpose of that form.
    ("searchSubmissions", [200, 422, 422, 422, 422, 200, 404, 404, 404]),
    ("searchSubjects", [200, 200, 200, 200, 200, 200, 404, 404, 404]),
    ("eraseSubject", [403, 403, 403, 403, 403, 200, 404, 404, 404]),
    // No comment on a board, and to those who do not read its form as good as none.
    ("moderate", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("showResults", [404, 404, 404, 404, 200, 403, 404, 404, 404]),
    ("listTexts", [404, 404, 404, 404, 200, 403, 404, 404, 404]),
    ("listMailings", [404, 404, 404, 404, 200, 403, 404, 404, 404]),
    // Of whoever may send one, the purpose is asked for first.
    ("orderMailing", [404, 404, 404, 404, 422, 403, 404, 404, 404]),
    // There is none of that name.
    ("showMailing", [404, 404, 404, 404, 404, 403, 404, 404, 404]),
    ("eraseSubjects", [403, 403, 403, 403, 403, 200, 404, 404, 404]),
    // Whoever reads a form asks for exports of it, but for partners.
    ("listApprovals", [200, 200, 200, 404, 200, 200, 404, 200, 404]),
    // The tokens here are those of programs, which are no second person: `http_requests` asks as people.
    ("askApproval", [404, 404, 404, 404, 404, 403, 404, 404, 404]),
    // There is none of that name.
    ("useApproval", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("downloadExport", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("withdrawApproval", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    // Nobody was asked.
    ("giveReason", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("listAlerts", [403, 403, 403, 403, 403, 200, 200, 403, 403]),
    ("settleAlert", [403, 403, 403, 403, 403, 404, 403, 403, 403]),
    ("listVacancies", [200, 403, 403, 403, 403, 403, 403, 200, 403]),
    // Nothing is said of it, so those who may are told that.
    ("openVacancy", [422, 403, 403, 403, 403, 403, 403, 422, 403]),
    // There is none of that name.
    ("changeVacancy", [404, 403, 403, 403, 403, 403, 403, 404, 403]),
    ("listTransfers", [403, 403, 403, 403, 403, 200, 200, 403, 403]),
    ("listAudit", [403, 403, 403, 403, 403, 403, 200, 403, 403]),
    ("exportAudit", [403, 403, 403, 403, 403, 403, 200, 403, 403]),
    ("auditHead", [403, 403, 403, 403, 403, 403, 200, 403, 403]),
    ("auditEntry", [403, 403, 403, 403, 403, 403, 200, 403, 403]),
    ("auditConsistency", [403, 403, 403, 403, 403, 403, 200, 403, 403]),
];

/// What is sent to an operation, given a submission and its subject: (path, body).
fn request(operation: &str, path: &str, id: &str, subject: &str) -> (String, Option<serde_json::Value>) {
    let path = match operation {
        "eraseSubject" => path.replace("{id}", subject),
        _ => path.replace("{id}", id),
    };
    let form = match operation {
        "showResults" | "listTexts" => "survey",
        "listMailings" | "orderMailing" | "showMailing" => "newsletter",
        "boardPage" | "listBoard" => "public-comment",
        _ => "job-application",
    };
    let path = path.replace("{n}", "0").replace("{form}", form).replace("{field}", "ideas");
    match operation {
        "showSubmission" | "downloadFile" => (format!("{path}?purpose=recruitment"), None),
        "showResults" | "listTexts" => (format!("{path}?purpose=survey"), None),
        "markSubmission" => (path, Some(json!({ "status": "interview" }))),
        "changeSubmissions" => (path, Some(json!({ "ids": [id], "change": { "labels": ["one"] } }))),
        "noteSubmission" => (path, Some(json!({ "text": "Call her." }))),
        "discloseNote" => (path, Some(json!({ "disclosed": true }))),
        "eraseSubjects" => (path, Some(json!({ "subjects": [subject] }))),
        "askApproval" => (path, Some(json!({ "kind": "erasure", "subjects": [subject], "reason": "They asked." }))),
        "giveReason" => (path, Some(json!({ "reason": "Closing the quarter." }))),
        "moderate" => (path, Some(json!({ "published": true }))),
        "openVacancy" => (path, Some(json!({ "reference": "", "titles": {} }))),
        "changeVacancy" => (path, Some(json!({ "titles": { "en": "Engineer" }, "closed": true }))),
        "answerSubmission" => (path, Some(json!({ "text": "Thank you." }))),
        "orderMailing" => (path, Some(json!({ "purpose": "", "subject": "News", "text": "None." }))),
        "searchSubmissions" => (path, Some(json!({ "words": "jane", "purpose": "recruitment" }))),
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
    let request = service.request(method, path).header("idempotency-key", "one");
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
            if route.method == "GET" {
                // Answered like GET, and by the same rules.
                let head = ask(&service, "HEAD", &path, None, Some(&token)).await;
                assert_eq!(head, *expected, "{role:?} on HEAD of {}", route.operation);
                assert_eq!(ask(&service, "HEAD", &path, None, None).await, 401, "HEAD of {}", route.operation);
            }
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
        let expected = match path.as_str() {
            // Without a visit, whatever the token.
            "/my/files/0" | "/my/link/{token}" | "/r/{token}" | "/staff/welcome/{token}" => 404,
            // No newsletter.
            "/f/job-application/confirm/{token}" | "/f/job-application/unsubscribe/{token}" => 404,
            // A form that names no site is framed by none.
            "/embed/job-application" => 404,
            // No provider to come back from.
            "/staff/sign-in/provider/callback" => 404,
            "/my/erasure" => 303,
            // A form that asks for no proof has none.
            "/api/v1/forms/job-application/challenge" => 404,
            _ => 200,
        };
        assert_eq!(answers, [expected; 3], "{path}");
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

/// The tokens of [`ROLES`], each its own account.
async fn tokens(service: &Service) -> Vec<String> {
    let mut tokens = Vec::new();
    for role in ROLES {
        tokens.push(service.token(&[role]).await);
    }
    tokens
}

#[tokio::test]
async fn what_a_list_or_a_search_shows_is_what_may_be_opened_and_nothing_else() {
    let service = Service::start().await;
    let mut all = Vec::new();
    for n in 0..3 {
        // The same people send both forms, so that a search by address could lead from one to the other.
        let email = format!("p{n}@example.org");
        all.push((service.apply(&email, &pdf(2000, n)).await.0, "recruitment"));
        all.push((service.ask_support(&email).await, "support"));
    }
    let (mut shown, mut opened) = (0, 0);
    for (role, token) in ROLES.iter().zip(tokens(&service).await) {
        let mut listed = std::collections::BTreeSet::new();
        let collect = |items: &serde_json::Value, listed: &mut std::collections::BTreeSet<String>| {
            for item in items.as_array().into_iter().flatten() {
                listed.insert(text(&item["id"]));
            }
        };
        for query in [
            "",
            "?limit=1",
            "?form=job-application",
            "?form=support-request",
            "?status=received",
            "?status=new",
            "?purpose=recruitment",
            "?purpose=support",
        ] {
            let mut path = format!("/api/v1/submissions{query}");
            loop {
                let (status, page) = document(service.get(&path, Some(&token)).await).await;
                assert!([200, 404, 422].contains(&status), "{role:?} {path}: {page}");
                collect(&page["items"], &mut listed);
                let Some(next) = page["next"].as_str() else { break };
                path = format!("/api/v1/submissions?limit=1&after={next}");
            }
        }
        for n in 0..3 {
            let asked = json!({ "email": format!("P{n}@Example.org") });
            let (_, found) =
                document(service.json("POST", "/api/v1/subjects/search", Some(&token), &asked).await).await;
            for subject in found["items"].as_array().into_iter().flatten() {
                collect(&subject["submissions"], &mut listed);
            }
        }
        for words in ["example.org", ""] {
            for purpose in ["recruitment", "support", "subject-request"] {
                let asked = json!({ "words": words, "purpose": purpose });
                let answer = service.json("POST", "/api/v1/submissions/search", Some(&token), &asked).await;
                let (status, found) = document(answer).await;
                assert!([200, 404, 422].contains(&status), "{role:?}: {found}");
                collect(&found["items"], &mut listed);
            }
        }
        for (id, purpose) in &all {
            let path = format!("/api/v1/submissions/{id}?purpose={purpose}");
            let status = service.get(&path, Some(&token)).await.status();
            assert_eq!(status == 200, listed.contains(id), "{role:?} lists what it may not open, or the reverse: {id}");
            opened += usize::from(status == 200);
        }
        shown += listed.len();
    }
    // hr and support three each, the privacy officer six.
    assert_eq!((shown, opened), (12, 12));
}

#[tokio::test]
async fn a_file_is_that_of_its_submission_and_an_id_serves_for_its_own_kind_only() {
    let service = Service::start().await;
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    let (mine, theirs) = (pdf(3000, 1), pdf(3000, 2));
    let (a, _) = service.apply("a@example.org", &mine).await;
    let (b, _) = service.apply("b@example.org", &theirs).await;
    let plain = service.ask_support("c@example.org").await;
    for (id, cv) in [(&a, &mine), (&b, &theirs)] {
        let path = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
        assert!(service.get(&path, Some(&hr)).await.bytes().await.unwrap() == *cv, "a file of another submission");
    }
    for n in 0..3 {
        let path = format!("/api/v1/submissions/{plain}/files/{n}?purpose=subject-request");
        assert_eq!(service.get(&path, Some(&privacy)).await.status(), 404, "a submission without files has none");
    }
    let of = async |id: &str| {
        let path = format!("/api/v1/submissions/{id}?purpose=subject-request");
        let (_, shown) = document(service.get(&path, Some(&privacy)).await).await;
        text(&shown["subject"])
    };
    let subject = of(&a).await;
    assert_ne!(subject, of(&b).await);
    let wrong = [
        ("DELETE", format!("/api/v1/submissions/{subject}")),
        ("GET", format!("/api/v1/submissions/{subject}?purpose=subject-request")),
        ("GET", format!("/api/v1/submissions/{subject}/files/0?purpose=subject-request")),
        ("POST", format!("/api/v1/subjects/{a}/erasure")),
        ("POST", format!("/api/v1/subjects/{plain}/erasure")),
    ];
    for (method, path) in &wrong {
        assert_eq!(ask(&service, method, path, None, Some(&privacy)).await, 404, "{method} {path}");
    }
    // Nothing was erased by mistake, and with the right kind it is.
    assert_eq!(of(&a).await, subject);
    assert_eq!(ask(&service, "POST", &format!("/api/v1/subjects/{subject}/erasure"), None, Some(&privacy)).await, 200);
}

#[tokio::test]
async fn no_token_of_zeros_halves_or_another_life_is_good_and_all_look_alike() {
    let service = Service::start().await;
    let (one, other) = (service.token(&[Role::Hr]).await, service.token(&[Role::Hr]).await);
    let admin = support::owner(Role::Admin);
    let staff = |login: &'static str, ttl| {
        letterlock::services::staff::create_token(&service.app, &admin, login, &[Role::Hr], ttl)
    };
    let (revoked, disabled) = (staff("revoked", None).await.unwrap(), staff("disabled", None).await.unwrap());
    let short = staff("short", Some(std::time::Duration::from_millis(1))).await.unwrap();
    letterlock::services::staff::revoke_token(&service.app, &admin, revoked.id).await.unwrap();
    letterlock::services::staff::disable(&service.app, &admin, "disabled").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    // `llt_`, 26 characters that name the row, `_`, 52 of secret.
    let (id, secret) = (&one[..31], &other[31..]);
    assert_eq!(service.get("/api/v1/submissions", Some(&one)).await.status(), 200, "the whole token is good");
    let (zero_id, zeros) = ("a".repeat(26), "a".repeat(52));
    let mut seen = std::collections::BTreeSet::new();
    for token in [
        format!("{id}{secret}"),
        format!("{id}{zeros}"),
        format!("llt_{zero_id}_{zeros}"),
        format!("llt_{zero_id}_{secret}"),
        id.to_owned(),
        format!("{id}0"),
        format!("{one}a"),
        "0".to_owned(),
        "null".to_owned(),
        revoked.bearer.expose().to_owned(),
        disabled.bearer.expose().to_owned(),
        short.bearer.expose().to_owned(),
    ] {
        let answer = service.get("/api/v1/submissions", Some(&token)).await;
        assert_eq!(answer.status(), 401, "{token}");
        let names: Vec<String> = answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
        let request = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        seen.insert((names, answer.text().await.unwrap().replace(&request, "ID")));
    }
    assert_eq!(seen.len(), 1, "refusals differ: {seen:?}");
}

#[tokio::test]
async fn another_token_of_the_same_account_gives_the_first_nothing() {
    let service = Service::start().await;
    let admin = support::owner(Role::Admin);
    let make =
        |roles: &'static [Role]| letterlock::services::staff::create_token(&service.app, &admin, "one", roles, None);
    let first = make(&[Role::Support]).await.unwrap();
    let second = make(&[Role::Auditor, Role::Privacy]).await.unwrap();
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let path = format!("/api/v1/submissions/{id}?purpose=subject-request");
    for (token, audit, read) in [(&first, 403, 404), (&second, 200, 200), (&first, 403, 404)] {
        let token = Some(token.bearer.expose());
        assert_eq!(ask(&service, "GET", "/api/v1/audit", None, token).await, audit);
        assert_eq!(ask(&service, "GET", &path, None, token).await, read);
    }
}

#[tokio::test]
async fn ids_have_one_spelling_and_a_path_is_taken_as_it_comes() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {hr}");
        let answer = support::raw::exchange(service.address, &request).await;
        let status = answer.split(' ').nth(1).and_then(|s| s.parse::<u16>().ok());
        (status.unwrap_or_else(|| panic!("{path}: no answer: {answer:?}")), answer)
    };
    let purpose = "purpose=recruitment";
    assert_eq!(get(&format!("/api/v1/submissions/{id}?{purpose}")).await.0, 200);
    let upper = id.to_uppercase();
    for odd in [
        format!("/api/v1/submissions/{upper}?{purpose}"),
        format!("/api/v1/submissions/{id}/?{purpose}"),
        format!("/api/v1/submissions//{id}?{purpose}"),
        format!("//api/v1/submissions/{id}?{purpose}"),
        format!("/api/v1/submissions/./{id}?{purpose}"),
        format!("/api/v1/submissions/../submissions/{id}?{purpose}"),
        format!("/api/v1/forms/../submissions/{id}?{purpose}"),
        format!("/api/v1/submissions/%2e%2e?{purpose}"),
        format!("/api/v1/submissions/..?{purpose}"),
        format!("/api/v1/submissions/.?{purpose}"),
        format!("/api/v1/submissions/%2f{id}?{purpose}"),
        format!("/api/v1/submissions/{id}%2f?{purpose}"),
        format!("/api/v1/submissions/{id}%00?{purpose}"),
        format!("/api/v1/submissions/%20{id}?{purpose}"),
        format!("/api/v1/submissions/{id};x=y?{purpose}"),
        format!("/api/v1/submissions/{id}/files/%30%30?{purpose}"),
        format!("/api/v1/submissions/{id}/files/../files/0?{purpose}"),
        format!("/API/v1/submissions/{id}?{purpose}"),
        "/api/v1/forms/Job-Application".to_owned(),
        "/api/v1/forms/..%2fforms%2fjob-application".to_owned(),
        "/f/..%2f..%2fkeys%2fmaster.key".to_owned(),
        "/static/../keys/master.key".to_owned(),
        "/static/..%2f..%2fkeys/master.key".to_owned(),
    ] {
        let (status, answer) = get(&odd).await;
        assert_eq!(status, 404, "{odd}");
        assert!(!answer.contains("jane@") && !answer.contains(&id), "{odd}: {answer}");
    }
}

#[tokio::test]
async fn headers_that_speak_for_the_client_are_not_believed() {
    let service = Service::start().await;
    let support = service.token(&[Role::Support]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let forged = [
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-original-url", "/api/v1/audit"),
        ("x-rewrite-url", "/api/v1/audit"),
        ("x-forwarded-user", "admin"),
        ("x-remote-user", "admin"),
        ("x-role", "privacy"),
        ("x-purpose", "recruitment"),
        ("x-request-id", "aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("x-encrypted", "true"),
        ("x-forwarded-proto", "https"),
        ("cookie", "role=privacy; admin=true"),
        ("origin", "https://localhost"),
    ];
    let send = async |method: &str, path: &str| {
        let request = forged.iter().fold(service.request(method, path), |r, (name, value)| r.header(*name, *value));
        service.send(request, Some(&support)).await
    };
    let own = format!("/api/v1/submissions/{}", service.ask_support("sam@example.org").await);
    for (method, path, status) in [
        ("GET", "/api/v1/forms/support-request".to_owned(), 200),
        ("GET", "/api/v1/audit".to_owned(), 403),
        ("GET", format!("/api/v1/submissions/{id}?purpose=recruitment"), 404),
        ("GET", own.clone(), 422),
        ("DELETE", own.clone(), 403),
        ("GET", format!("{own}?purpose=support"), 200),
    ] {
        let answer = send(method, &path).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_ne!(answer.headers()["x-request-id"], "a".repeat(26), "the client names its own request");
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
}
