//! The interface for programs, end to end over TLS: in, out, marked, erased, and every refusal in its own words.

mod support;

use letterlock::policy::Role;
use serde_json::{Value, json};
use support::{Service, application, document, pdf, problems, text};

const JOBS: &str = "/api/v1/forms/job-application/submissions";
const HELP: &str = "/api/v1/forms/support-request/submissions";

#[tokio::test]
async fn a_cv_goes_in_and_the_same_bytes_come_out() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let cv = pdf(3 << 20, 1);
    let (id, receipt) = service.apply("jane@example.org", &cv).await;
    assert!(receipt.len() >= 20, "{receipt}");

    let (status, list) = document(service.get("/api/v1/submissions", Some(&hr)).await).await;
    assert_eq!((status, list["items"].as_array().unwrap().len(), &list["next"]), (200, 1, &Value::Null));
    let line = &list["items"][0];
    assert_eq!(
        (text(&line["id"]), text(&line["form"]), text(&line["status"])),
        (id.clone(), "job-application".into(), "received".into())
    );
    assert!(line.get("fields").is_none());
    let (_, list) = document(service.get("/api/v1/submissions?purpose=recruitment", Some(&hr)).await).await;
    assert_eq!(list["items"][0]["fields"], json!({ "name": "Jane Doe", "vacancy": "speculative" }));

    let (status, shown) =
        document(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    assert_eq!(status, 200, "{shown}");
    for member in ["id", "form", "subject", "status", "received", "region", "fields", "consents", "files"] {
        assert!(shown.get(member).is_some(), "{member}");
    }
    assert_eq!(shown["fields"]["email"], "jane@example.org");
    assert_eq!(shown["consents"], json!({ "marketing": false, "talent-pool": true }));
    let file = &shown["files"][0];
    assert_eq!((&file["n"], &file["kind"], &file["size"]), (&json!(0), &json!("application/pdf"), &json!(cv.len())));
    assert_eq!(file["name"], "Jane Döe CV.pdf");

    let answer = service.get(&format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"), Some(&hr)).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    assert_eq!(headers["content-length"], cv.len().to_string());
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"Jane D_e CV.pdf\""));
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("sandbox;"));
    assert_eq!(
        (&headers["x-content-type-options"], &headers["cache-control"]),
        (&"nosniff".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert!(answer.bytes().await.unwrap() == cv);
}

#[tokio::test]
async fn what_may_not_be_known_is_answered_like_what_does_not_exist() {
    let service = Service::start().await;
    let (hr, other) = (service.token(&[Role::Hr]).await, service.token(&[Role::Support]).await);
    let privacy = service.token(&[Role::Privacy]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 2)).await;
    let (gone, _) = service.apply("gone@example.org", &pdf(2000, 2)).await;
    let erased = service.send(service.request("DELETE", &format!("/api/v1/submissions/{gone}")), Some(&privacy)).await;
    assert_eq!(erased.status(), 200);

    let unknown = "a".repeat(26);
    let mut seen: Option<(Vec<String>, String)> = None;
    for (token, id) in [
        (&other, id.as_str()),
        (&other, unknown.as_str()),
        (&other, gone.as_str()),
        (&hr, unknown.as_str()),
        (&hr, gone.as_str()),
        (&hr, "not-an-id"),
        (&hr, "..%2f..%2fkeys"),
        (&hr, "%ff"),
    ] {
        for tail in ["?purpose=recruitment", "/files/0?purpose=recruitment"] {
            let answer = service.get(&format!("/api/v1/submissions/{id}{tail}"), Some(token)).await;
            assert_eq!(answer.status(), 404, "{id}{tail}");
            let names: Vec<String> = answer.headers().keys().map(|k| k.as_str().to_owned()).collect();
            let request = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
            let body = answer.text().await.unwrap().replace(&request, "ID");
            match &seen {
                None => seen = Some((names, body)),
                Some(first) => assert_eq!(first, &(names, body), "{id}{tail}"),
            }
        }
    }
    // Not in lists either.
    let (_, list) = document(service.get("/api/v1/submissions", Some(&other)).await).await;
    assert_eq!(list["items"], json!([]));
    for n in ["1", "00", "-1", "x", "4294967296"] {
        let answer = service.get(&format!("/api/v1/submissions/{id}/files/{n}?purpose=recruitment"), Some(&hr)).await;
        assert_eq!(answer.status(), 404, "{n}");
    }
}

#[tokio::test]
async fn a_submission_is_answered_alike_whether_or_not_its_person_is_known() {
    let service = Service::start().await;
    service.apply("known@example.org", &pdf(2000, 1)).await;
    let mut shapes = std::collections::BTreeSet::new();
    for email in ["known@example.org", "other@example.org", "KNOWN@example.org"] {
        let answer = service.json("POST", HELP, None, &support::support(email)).await;
        let mut names: Vec<String> = answer.headers().keys().map(|name| name.to_string()).collect();
        names.sort();
        let (status, body) = document(answer).await;
        let members: Vec<(String, usize)> =
            body.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value).len())).collect();
        shapes.insert((status, names, members));
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
}

#[tokio::test]
async fn reading_needs_a_purpose_that_the_form_names() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 3)).await;
    for tail in ["", "?purpose=", "?purpose=curiosity", "/files/0", "/files/0?purpose=marketing"] {
        let (status, body) = document(service.get(&format!("/api/v1/submissions/{id}{tail}"), Some(&hr)).await).await;
        assert_eq!((status, problems(&body)[0].0.as_str()), (422, "purpose"), "{tail} {body}");
    }
    let (status, body) = document(service.get("/api/v1/submissions?purpose=curiosity", Some(&hr)).await).await;
    assert_eq!(status, 422, "{body}");
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_leaves_nothing() {
    let service = Service::start().await;
    let good = support::support("sam@example.org")["fields"].clone();
    let with = |name: &str, value: Value| {
        let mut fields = good.clone();
        fields[name] = value;
        json!({ "fields": fields })
    };
    let long = "x".repeat(10_001);
    for (body, field, code) in [
        (with("age", json!("7")), "age", "unknown-field"),
        (with("name", json!("")), "name", "required"),
        (with("name", json!(7)), "name", "wrong-type"),
        (with("name", json!(true)), "name", "wrong-type"),
        (with("name", json!(["a"])), "name", "wrong-type"),
        (with("name", json!(null)), "name", "wrong-type"),
        (with("message", json!(long)), "message", "too-long"),
        (with("email", json!("nobody")), "email", "bad-email"),
        (json!({ "fields": good, "consents": { "world-domination": true } }), "world-domination", "unknown-consent"),
        (json!({ "fields": good, "admin": true }), "admin", "unknown-member"),
        (json!({ "consents": {} }), "fields", "required"),
    ] {
        let (status, answer) = document(service.json("POST", HELP, None, &body).await).await;
        assert_eq!(status, 422, "{answer}");
        assert_eq!(problems(&answer), [(field.to_owned(), code.to_owned())], "{answer}");
    }
    let (_, answer) = document(service.json("POST", HELP, None, &json!({ "fields": {} })).await).await;
    assert_eq!(problems(&answer).len(), 4, "all at once: {answer}");

    let raw = |body: Vec<u8>, kind: &'static str| service.request("POST", HELP).header("content-type", kind).body(body);
    for (body, kind, expected) in [
        (b"{\"fields\":{\"name\":\"a\",\"name\":\"b\"}}".to_vec(), "application/json", 422),
        (format!("{{\"fields\":{}1{}}}", "[".repeat(3000), "]".repeat(3000)).into_bytes(), "application/json", 400),
        (b"{\"fields\":".to_vec(), "application/json", 400),
        (b"{\"fields\":{\"name\":\"\xff\"}}".to_vec(), "application/json", 400),
        (vec![b' '; 300 * 1024], "application/json", 413),
        (b"name=Sam".to_vec(), "application/x-www-form-urlencoded", 415),
        (b"<form/>".to_vec(), "text/xml", 415),
        (b"".to_vec(), "multipart/form-data", 400),
        (b"--B\r\nbroken".to_vec(), "multipart/form-data; boundary=B", 400),
    ] {
        let (status, answer) = document(service.send(raw(body, kind), None).await).await;
        assert_eq!((status, answer["status"].as_u64()), (expected, Some(u64::from(expected))), "{answer}");
        for word in ["serde", "multer", "axum", "hyper", "src/", "EOF while"] {
            assert!(!answer.to_string().contains(word), "{answer}");
        }
    }
    assert_eq!(service.json("POST", "/api/v1/forms/nothing/submissions", None, &json!({})).await.status(), 404);

    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn files_are_judged_by_content_size_and_number() {
    let service = Service::start().await;
    let send = async |form: reqwest::multipart::Form| {
        document(service.send(service.request("POST", JOBS).multipart(form), None).await).await
    };
    let part = |bytes: Vec<u8>| reqwest::multipart::Part::bytes(bytes).file_name("cv.pdf");

    let (status, body) = send(application("a@example.org", b"MZ\x90\0 not a PDF at all \0\0\0")).await;
    assert_eq!((status, problems(&body)), (422, vec![("cv".into(), "wrong-file-type".into())]), "{body}");
    let (status, body) = send(application("a@example.org", &pdf(21 << 20, 4))).await;
    assert_eq!(status, 413, "{body}");
    assert_eq!(problems(&body)[0].0, "cv", "{body}");
    let (status, body) = send(application("a@example.org", &pdf(2000, 4)).part("cv", part(pdf(2000, 5)))).await;
    assert_eq!((status, problems(&body)[0].0.as_str()), (422, "cv"), "{body}");
    let (status, body) = send(application("a@example.org", &pdf(2000, 4)).part("letter", part(pdf(2000, 5)))).await;
    assert_eq!(status, 422, "{body}");
    let (status, body) = send(application("a@example.org", &pdf(2000, 4)).part("other", part(pdf(2000, 5)))).await;
    assert_eq!((status, problems(&body)[0].0.as_str()), (422, "other"), "{body}");
    let bad_text = reqwest::multipart::Part::bytes(b"\xff\xfe".to_vec());
    let form = reqwest::multipart::Form::new().part("name", bad_text);
    let (status, body) = send(form).await;
    assert_eq!((status, problems(&body)), (422, vec![("name".into(), "bad-utf8".into())]), "{body}");
    let unclear = application("a@example.org", &pdf(2000, 4)).text("marketing", "perhaps");
    let (status, body) = send(unclear).await;
    assert_eq!((status, problems(&body)), (422, vec![("marketing".into(), "wrong-type".into())]), "{body}");

    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn an_idempotency_key_makes_one_submission_of_two() {
    let service = Service::start().await;
    let send = async |path: &str, key: &str, body: &Value| {
        let request = service.request("POST", path).header("idempotency-key", key).json(body);
        document(service.send(request, None).await).await
    };
    let body = support::support("sam@example.org");
    let (first, again) = (send(HELP, "k-1", &body).await, send(HELP, "k-1", &body).await);
    assert_eq!((first.0, &first), (201, &again));
    let other = send(HELP, "k-1", &support::support("pat@example.org")).await;
    assert_eq!((other.0, other.1["type"].as_str().unwrap()), (422, "urn:letterlock:problem:idempotency-key-reused"));
    assert_ne!(send(HELP, "k-2", &body).await.1, first.1);
    for bad in ["", "a b", &"x".repeat(256)] {
        assert_eq!(send(HELP, bad, &body).await.0, 400, "{bad:?}");
    }
    // The same content with its fields in another order is the same content.
    let form = |order: [usize; 2]| {
        let parts = [("name", "Sam Smith"), ("email", "sam@example.org")];
        order.iter().fold(reqwest::multipart::Form::new(), |f, n| f.text(parts[*n].0, parts[*n].1))
    };
    let send = async |order| {
        let form = form(order).text("subject-line", "Stuck").text("message", "It is.");
        let request = service.request("POST", HELP).header("idempotency-key", "k-3").multipart(form);
        document(service.send(request, None).await).await
    };
    let first = send([0, 1]).await;
    assert_eq!(first.0, 201);
    assert_eq!(send([0, 1]).await, first);
}

#[tokio::test]
async fn a_key_that_is_still_in_use_is_409_and_free_again_when_its_request_is_gone() {
    let service = Service::start().await;
    let body = support::support("sam@example.org");
    let keyed = || service.request("POST", HELP).header("idempotency-key", "k-1");
    let start = b"--B\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nSam\r\n--B\r\n".to_vec();
    let stream = futures_util::stream::unfold(Some(start), |start| async move {
        match start {
            Some(start) => Some((Ok::<_, std::convert::Infallible>(start), None)),
            None => std::future::pending().await,
        }
    });
    let slow = keyed()
        .header("content-type", "multipart/form-data; boundary=B")
        .body(reqwest::Body::wrap_stream(stream))
        .timeout(std::time::Duration::from_millis(1500));
    let slow = tokio::spawn(slow.send());
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let answer = keyed().json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 409);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(slow.await.unwrap().is_err());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(keyed().json(&body).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn lists_go_by_pages_newest_first_and_by_status() {
    let service = Service::start().await;
    let token = service.token(&[Role::Support]).await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(service.ask_support(&format!("p{n}@example.org")).await);
    }
    ids.reverse();
    let (mut got, mut path) = (Vec::new(), "/api/v1/submissions?limit=3".to_owned());
    loop {
        let (status, page) = document(service.get(&path, Some(&token)).await).await;
        assert_eq!(status, 200, "{page}");
        got.extend(page["items"].as_array().unwrap().iter().map(|i| text(&i["id"])));
        match page["next"].as_str() {
            Some(next) => {
                // It would tell a role how much arrives at the forms that it may not see.
                let number = data_encoding::BASE64URL_NOPAD.decode(next.as_bytes()).unwrap();
                let number = u64::from_be_bytes(number.try_into().unwrap());
                assert!(number > 1000, "the cursor is the arrival number: {number}");
                path = format!("/api/v1/submissions?limit=3&after={next}");
            }
            None => break,
        }
    }
    assert_eq!(got, ids);

    let marked = service
        .json("PATCH", &format!("/api/v1/submissions/{}", ids[2]), Some(&token), &json!({ "status": "answered" }))
        .await;
    let (status, line) = document(marked).await;
    assert_eq!((status, &line["status"]), (200, &json!("answered")), "{line}");
    let (_, page) = document(service.get("/api/v1/submissions?status=answered", Some(&token)).await).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["items"][0]["id"], ids[2].as_str());

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=all", "limit"),
        ("status=done", "status"),
        ("form=Job%20Application", "form"),
        ("after=nonsense", "after"),
        ("since=yesterday", "since"),
        ("limit=1&limit=2", "limit"),
    ] {
        let (status, body) = document(service.get(&format!("/api/v1/submissions?{query}"), Some(&token)).await).await;
        assert_eq!((status, problems(&body)[0].0.as_str()), (422, field), "{query} {body}");
    }
    let path = format!("/api/v1/submissions/{}", ids[0]);
    for body in [
        json!({ "status": "hired" }),
        json!({ "status": "Answered" }),
        json!({ "status": 7 }),
        json!({}),
        json!({ "status": "new", "x": 1 }),
    ] {
        let (status, answer) = document(service.json("PATCH", &path, Some(&token), &body).await).await;
        assert_eq!(status, 422, "{body} {answer}");
    }
}

#[tokio::test]
async fn a_person_is_found_by_address_and_erased_with_a_certificate() {
    let service = Service::start().await;
    let (privacy, hr) = (service.token(&[Role::Privacy]).await, service.token(&[Role::Hr]).await);
    let (id, _) = service.apply("Jane@Example.ORG", &pdf(2000, 6)).await;
    let search = async |email: &str| {
        document(service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": email })).await)
            .await
    };
    let (status, found) = search(" jane@example.org ").await;
    assert_eq!((status, found["items"].as_array().unwrap().len()), (200, 1), "{found}");
    let subject = text(&found["items"][0]["subject"]);
    assert_eq!(found["items"][0]["submissions"][0]["id"], id.as_str());
    assert_eq!(search("nobody@example.org").await, (200, json!({ "items": [], "next": null })));
    assert_eq!(search("not an address").await.0, 422);
    let (status, _) =
        document(service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": 7 })).await).await;
    assert_eq!(status, 422);

    let path = format!("/api/v1/subjects/{subject}/erasure");
    assert_eq!(service.send(service.request("POST", &path), Some(&hr)).await.status(), 403);
    let (status, certificate) = document(service.send(service.request("POST", &path), Some(&privacy)).await).await;
    assert_eq!(status, 200, "{certificate}");
    assert!(!certificate.to_string().to_lowercase().contains("jane"));
    assert_eq!(search("jane@example.org").await.1["items"], json!([]));
    assert_eq!(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await.status(), 404);
    assert_eq!(service.send(service.request("POST", &path), Some(&privacy)).await.status(), 404);

    let key = service.get("/.well-known/letterlock-erasure-key", None).await.text().await.unwrap();
    assert!(key.trim().len() == 64 && key.trim().bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    assert!(certificate.to_string().contains(key.trim()) || certificate.get("signature").is_some(), "{certificate}");
}

#[tokio::test]
async fn the_trail_names_each_read_and_only_auditors_see_it() {
    let service = Service::start().await;
    let (hr, auditor) = (service.token(&[Role::Hr]).await, service.token(&[Role::Auditor]).await);
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 7)).await;
    let read = service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await;
    assert_eq!(read.status(), 200);
    let (status, page) = document(service.get("/api/v1/audit?limit=1", Some(&auditor)).await).await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1), "{page}");
    for member in ["seq", "time", "actor", "action"] {
        assert!(page["items"][0].get(member).is_some(), "{member} in {page}");
    }
    let next = text(&page["next"]);
    let (_, more) = document(service.get(&format!("/api/v1/audit?after={next}&limit=200"), Some(&auditor)).await).await;
    assert!(!more["items"].as_array().unwrap().is_empty());
    assert!(!format!("{page}{more}").contains("jane"), "{page}{more}");
    assert_eq!(service.get("/api/v1/audit", Some(&hr)).await.status(), 403);
}

#[tokio::test]
async fn health_description_and_forms_are_public() {
    let service = Service::start().await;
    assert_eq!(document(service.get("/health/live", None).await).await, (200, json!({ "live": true })));
    let (status, ready) = document(service.get("/health/ready", None).await).await;
    assert_eq!((status, &ready["ready"]), (200, &json!(true)), "{ready}");
    let (_, openapi) = document(service.get("/api/openapi.json", None).await).await;
    assert_eq!(openapi["openapi"], "3.1.0");
    let (_, forms) = document(service.get("/api/v1/forms", None).await).await;
    assert!(forms["items"].as_array().unwrap().iter().any(|f| f["id"] == "job-application"), "{forms}");
    let (_, form) = document(service.get("/api/v1/forms/job-application", None).await).await;
    let names = |list: &str| form[list].as_array().unwrap().iter().map(|f| text(&f["name"])).collect::<Vec<_>>();
    assert_eq!(names("fields"), ["name", "email", "phone", "vacancy", "letter"]);
    assert_eq!(
        (names("files"), names("consents")),
        (vec!["cv".into()], vec!["talent-pool".into(), "marketing".to_owned()])
    );
    assert!(form["notice"]["version"].is_string());
    assert_eq!(service.get("/api/v1/forms/nothing", None).await.status(), 404);
}

#[tokio::test]
async fn both_versions_of_http_carry_the_same_headers() {
    let service = Service::start().await;
    for http2 in [true, false] {
        let client = support::client(http2);
        for (method, path, status) in [
            ("GET", "/", 200),
            ("GET", "/nothing", 404),
            ("PUT", "/api/v1/submissions", 405),
            ("GET", "/api/v1/audit", 401),
        ] {
            let answer = client.request(method.parse().unwrap(), service.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            let version = if http2 { reqwest::Version::HTTP_2 } else { reqwest::Version::HTTP_11 };
            assert_eq!(answer.version(), version);
            let headers = answer.headers();
            assert!(!headers["content-security-policy"].to_str().unwrap().contains("unsafe"));
            assert_eq!(
                (&headers["cache-control"], &headers["referrer-policy"]),
                (&"no-store".parse().unwrap(), &"no-referrer".parse().unwrap())
            );
            assert!(headers.contains_key("x-request-id") && !headers.contains_key("strict-transport-security"));
            assert_eq!(headers.contains_key("www-authenticate"), status == 401);
            assert_eq!(headers.contains_key("allow"), status == 405);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_served_and_everybody_gets_a_submission_of_their_own() {
    let service = std::sync::Arc::new(Service::start().await);
    let clients = [support::client(true), support::client(false)];
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let (service, client) = (service.clone(), clients[n % 2].clone());
            tokio::spawn(async move {
                let body = support::support(&format!("p{}@example.org", n % 50));
                let answer = client.post(service.url(HELP)).json(&body).send().await.unwrap();
                let (status, body) = document(answer).await;
                assert_eq!(status, 201, "{body}");
                (text(&body["submission"]), text(&body["receipt"]))
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for task in tasks {
        let (submission, receipt) = task.await.unwrap();
        assert!(seen.insert(submission) && seen.insert(receipt));
    }
    let token = service.token(&[Role::Support]).await;
    let (_, list) = document(service.get("/api/v1/submissions?limit=200", Some(&token)).await).await;
    assert_eq!((list["items"].as_array().unwrap().len(), &list["next"]), (200, &Value::Null));
}
