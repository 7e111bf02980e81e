//! Fields that a form shows to some of its readers only: whatever asks, the others get neither a value, nor its length, nor
//! whether it was filled in.

mod support;

use std::path::Path;

use letterlock::control::{self, Command, Desk, Reply};
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::forms::{Folder, Watcher, load};
use serde_json::{Value, json};
use support::{Service, document, free_limits, pdf, text};

/// A form that shows a date and a file to hr only.
const MOVE: &str = include_str!("support/masked.toml");
const BORN: &str = "1985-04-12";

async fn service() -> Service {
    Service::with_forms(free_limits(), FormSet::with_files([("move.toml", MOVE)]).unwrap()).await
}

/// Sends the form; with `private`, also what only hr sees. Returns id and receipt.
async fn send(service: &Service, private: bool, letter: &[u8]) -> (String, String) {
    let part = |bytes: &[u8], name: &'static str| reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name);
    let mut form = reqwest::multipart::Form::new().text("email", "jane@example.org").text("message", "Hello");
    if private {
        form = form.text("birth", BORN).part("passport", part(&pdf(3000, 9), "passport.pdf"));
    }
    let form = form.part("letter", part(letter, "letter.pdf"));
    let request = service.request("POST", "/api/v1/forms/move/submissions").multipart(form);
    let (status, body) = document(service.send(request, None).await).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

/// Writes a message with a file on the page that the receipt opens.
async fn write_more(service: &Service, receipt: &str) {
    let here = |request: reqwest::RequestBuilder| request.header("sec-fetch-site", "same-origin");
    let entered = here(service.form("/my", &[("code", receipt)])).send().await.unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page =
        here(service.request("GET", "/my")).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    let hidden = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page}"));
        rest.split_once('"').unwrap().0.to_owned()
    };
    let part = reqwest::multipart::Part::bytes(pdf(2500, 2)).file_name("more.pdf");
    let message = reqwest::multipart::Form::new().text("_guard", hidden("_guard")).text("_once", hidden("_once"));
    let message = message.text("text", "More.").part("file", part);
    let written =
        here(service.request("POST", "/my/messages").multipart(message)).header("cookie", &cookie).send().await;
    assert_eq!(written.unwrap().status(), 303);
}

async fn get(service: &Service, path: &str, token: &str) -> Value {
    let (status, body) = document(service.get(path, Some(token)).await).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// What the command line says.
async fn command(service: &Service, command: Command) -> Vec<Value> {
    let desk = Desk { app: service.app.clone(), address: std::sync::OnceLock::new() };
    let mut replies = control::start(desk.into(), command);
    let mut out = Vec::new();
    while let Some(reply) = replies.recv().await {
        match reply {
            Reply::Item { value } | Reply::Done { value } => out.push(value),
            Reply::Error(failure) => out.push(json!({ "failed": failure.message })),
            _ => {}
        }
    }
    out
}

/// An answer without what differs between any two submissions.
fn plain(answer: &Value, id: &str) -> String {
    let mut answer = answer.clone();
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                ["at", "received", "subject", "next"].iter().for_each(|name| drop(members.remove(*name)));
                members.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut answer);
    answer.to_string().replace(id, "ID")
}

#[tokio::test]
async fn nobody_can_tell_whether_what_they_are_not_shown_was_filled_in() {
    let service = service().await;
    let (support, hr) = (service.token(&[Role::Support]).await, service.token(&[Role::Hr]).await);
    let mut seen = Vec::new();
    for private in [true, false] {
        let (id, receipt) = send(&service, private, &pdf(2000, 1)).await;
        // What is sent later is numbered after what came first.
        write_more(&service, &receipt).await;

        let path = format!("/api/v1/submissions/{id}");
        let mut answers = Vec::new();
        for path in [format!("{path}?purpose=moving"), "/api/v1/submissions?purpose=moving&limit=1".to_owned()] {
            answers.push(get(&service, &path, &support).await);
        }
        answers.push(get(&service, "/api/v1/submissions?limit=1", &support).await);
        let found = json!({ "email": "jane@example.org" });
        let found = document(service.json("POST", "/api/v1/subjects/search", Some(&support), &found).await).await.1;
        answers.push(found["items"][0]["submissions"][0].clone());
        let marked = json!({ "status": "in-progress" });
        answers.push(document(service.json("PATCH", &path, Some(&support), &marked).await).await.1);
        let acting = (Role::Support, Some("moving".to_owned()), id.parse().unwrap());
        let (role, purpose, record) = acting.clone();
        answers.extend(command(&service, Command::RecordShow { role, purpose, id: record }).await);
        for purpose in [None, Some("moving".to_owned())] {
            let (form, status, after, limit) = (None, None, None, Some(1));
            answers.extend(command(&service, Command::RecordList { role, purpose, form, status, after, limit }).await);
        }
        for n in 0..4 {
            let (role, purpose, id) = acting.clone();
            answers.extend(command(&service, Command::RecordFile { role, purpose, id, n }).await);
            let answer = service.get(&format!("{path}/files/{n}?purpose=moving"), Some(&support)).await;
            let length = answer.headers().get("content-length").map(|value| value.to_str().unwrap().to_owned());
            answers.push(json!([n, answer.status().as_u16(), length.filter(|_| answer.status() == 200)]));
            if answer.status() == 200 {
                let expected = if n == 0 { pdf(2000, 1) } else { pdf(2500, 2) };
                assert!(answer.bytes().await.unwrap() == expected, "file {n}");
            }
        }
        let answers: Vec<String> = answers.iter().map(|answer| plain(answer, &id)).collect();
        for answer in &answers {
            assert!(!answer.contains(BORN) && !answer.contains("passport.pdf"), "{answer}");
        }
        // The test sees what there is to see.
        assert!(answers[0].contains("\"masked\":[\"birth\",\"passport\"]"), "{}", answers[0]);
        assert!(answers[0].contains("letter.pdf") && answers[0].contains("Hello"), "{}", answers[0]);
        assert!(answers[1].contains("\"masked\":[\"birth\"]") && answers[1].contains("Hello"), "{}", answers[1]);
        assert!(answers[2].contains("\"file_count\":null"), "{}", answers[2]);
        let whole = get(&service, &format!("{path}?purpose=moving"), &hr).await;
        assert_eq!(whole["masked"], json!([]));
        assert_eq!(whole["fields"]["birth"], if private { json!(BORN) } else { Value::Null });
        seen.push(answers);
    }
    let (with, without) = (&seen[0], &seen[1]);
    assert_eq!(with.len(), without.len());
    for (one, other) in with.iter().zip(without) {
        assert_eq!(one, other, "an answer tells whether what it does not show was filled in");
    }
}

#[tokio::test]
async fn a_file_that_is_not_shown_is_not_had_by_any_number() {
    let service = service().await;
    let (id, _) = send(&service, true, &pdf(2000, 1)).await;
    for (role, purpose, sizes) in [
        (Role::Hr, "moving", &[200_u16, 200, 404][..]),
        (Role::Support, "moving", &[200, 404, 404]),
        (Role::Privacy, "moving", &[200, 404, 404]),
        (Role::Privacy, "subject-request", &[200, 200, 404]),
        (Role::Marketing, "moving", &[404, 404, 404]),
    ] {
        let token = service.token(&[role]).await;
        for (n, expected) in sizes.iter().enumerate() {
            let path = format!("/api/v1/submissions/{id}/files/{n}?purpose={purpose}");
            let answer = service.get(&path, Some(&token)).await;
            assert_eq!(answer.status(), *expected, "{role} {purpose} {n}");
            if *expected == 200 {
                let sees_all = sizes == [200, 200, 404];
                let file = if sees_all && n == 0 { pdf(3000, 9) } else { pdf(2000, 1) };
                assert!(answer.bytes().await.unwrap() == file, "{role} {purpose} {n}");
            }
        }
        let far = format!("/api/v1/submissions/{id}/files/{}?purpose={purpose}", u32::MAX);
        assert_eq!(service.get(&far, Some(&token)).await.status(), 404);
    }
    // The trail keeps the number that a file has in truth.
    let auditor = service.token(&[Role::Auditor]).await;
    let trail = get(&service, "/api/v1/audit?limit=200", &auditor).await;
    let read = |role: &str| -> Vec<Value> {
        let entries = trail["items"].as_array().unwrap().iter();
        let of_role = entries.filter(|entry| entry["role"] == role && entry["action"] == "read-file");
        of_role.map(|entry| entry["subjects"][0]["file"].clone()).collect()
    };
    assert_eq!((read("hr"), read("support")), (vec![json!(1), json!(0)], vec![json!(1)]));
}

#[tokio::test]
async fn the_officer_sees_everything_for_a_subject_request_and_for_nothing_else() {
    let service = service().await;
    let (id, _) = send(&service, true, &pdf(2000, 1)).await;
    let privacy = service.token(&[Role::Privacy]).await;
    let shown = get(&service, &format!("/api/v1/submissions/{id}?purpose=subject-request"), &privacy).await;
    assert_eq!((&shown["fields"]["birth"], &shown["masked"]), (&json!(BORN), &json!([])));
    assert_eq!(shown["files"].as_array().unwrap().len(), 2);
    let shown = get(&service, &format!("/api/v1/submissions/{id}?purpose=moving"), &privacy).await;
    assert_eq!((&shown["fields"]["birth"], &shown["masked"]), (&Value::Null, &json!(["birth", "passport"])));
    let list = get(&service, "/api/v1/submissions?purpose=subject-request", &privacy).await;
    assert_eq!((&list["items"][0]["fields"]["birth"], &list["items"][0]["file_count"]), (&json!(BORN), &json!(2)));
}

/// Whatever words are looked for: one who is not shown a field gets the same answers whether it was filled in or not.
#[tokio::test]
async fn nobody_can_tell_by_searching_what_a_masked_field_holds() {
    let mut seen = Vec::new();
    for private in [true, false] {
        let service = service().await;
        let (support, hr) = (service.token(&[Role::Support]).await, service.token(&[Role::Hr]).await);
        let privacy = service.token(&[Role::Privacy]).await;
        let (id, _) = send(&service, private, &pdf(2000, 1)).await;
        let ask = async |token: &str, words: &str, purpose: &str| {
            let asked = json!({ "words": words, "purpose": purpose });
            let answer = service.json("POST", "/api/v1/submissions/search", Some(token), &asked).await;
            let (status, body) = document(answer).await;
            assert_eq!(status, 200, "{words}: {body}");
            body
        };
        let count = |body: &Value| body["items"].as_array().unwrap().len();
        let secret = [BORN, "1985", "passport", "passport.pdf", "hello 1985", "letter passport", "04 jane"];
        let mut answers = Vec::new();
        for words in secret {
            let told = ask(&support, words, "moving").await;
            assert_eq!(count(&told), 0, "{words}: {told}");
            // The test sees what there is to see.
            assert_eq!(count(&ask(&hr, words, "moving").await), usize::from(private), "{words}");
            assert_eq!(count(&ask(&privacy, words, "moving").await), 0, "{words}");
            assert_eq!(count(&ask(&privacy, words, "subject-request").await), usize::from(private), "{words}");
            answers.push(told);
        }
        for words in ["hello", "letter.pdf", "jane hello", ""] {
            let told = ask(&support, words, "moving").await;
            assert_eq!(count(&told), 1, "{words}: {told}");
            assert_eq!(told["items"][0]["masked"], json!(["birth"]), "{told}");
            answers.push(told);
            let command_line = Command::RecordSearch {
                role: Role::Support,
                purpose: Some("moving".to_owned()),
                words: words.into(),
                form: None,
                status: None,
                from: None,
                until: None,
                after: None,
                limit: None,
            };
            answers.extend(command(&service, command_line).await);
        }
        seen.push(answers.iter().map(|answer| plain(answer, &id)).collect::<Vec<_>>());
    }
    for answer in &seen[0] {
        assert!(!answer.contains(BORN) && !answer.contains("passport.pdf"), "{answer}");
    }
    assert_eq!(seen[0].len(), seen[1].len());
    for (one, other) in seen[0].iter().zip(&seen[1]) {
        assert_eq!(one, other, "a search tells whether what it does not show was filled in");
    }
}

/// A field that the form has no more is for those who see all of it, or whom it names, whatever it was called.
#[tokio::test]
async fn what_an_earlier_version_asked_is_masked_too() {
    let dir = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("move.toml"), text).unwrap();
    write(MOVE);
    let folder = Folder { path: Some(dir.path().to_owned()), ..Folder::default() };
    let service = Service::with_forms(free_limits(), load(&folder).unwrap()).await;
    let (support, hr) = (service.token(&[Role::Support]).await, service.token(&[Role::Hr]).await);
    let (id, _) = send(&service, true, &pdf(2000, 1)).await;
    let mut watcher = Watcher::new(folder);
    let mut now = |text: &str| {
        write(text);
        assert_eq!(watcher.look(&service.app), Some(Vec::new()), "{text}");
    };
    let path = format!("/api/v1/submissions/{id}?purpose=moving");
    // The field is called differently now; the form still hides something.
    let renamed = MOVE.replace("version = 3", "version = 4").replace("name = \"birth\"", "name = \"born-on\"");
    let renamed = renamed.replace("\"message\", \"birth\"", "\"message\"");
    now(&renamed);
    let shown = get(&service, &path, &support).await;
    assert_eq!((&shown["fields"]["birth"], &shown["former_masked"]), (&Value::Null, &json!(true)), "{shown}");
    assert_eq!(shown["masked"], json!(["born-on", "passport"]));
    let shown = get(&service, &path, &hr).await;
    assert_eq!((&shown["fields"]["birth"], &shown["former_masked"]), (&json!(BORN), &json!(false)), "{shown}");
    for (token, count) in [(&support, 0), (&hr, 1)] {
        let asked = json!({ "words": BORN, "purpose": "moving" });
        let answer = service.json("POST", "/api/v1/submissions/search", Some(token), &asked).await;
        assert_eq!(document(answer).await.1["items"].as_array().unwrap().len(), count, "found by what is not shown");
    }
    // It names others for that.
    now(&renamed.replace("version = 4", "version = 5\nformer_fields = [\"support\"]"));
    assert_eq!(get(&service, &path, &support).await["fields"]["birth"], json!(BORN));
    assert_eq!(get(&service, &path, &hr).await["fields"]["birth"], Value::Null);
    // It hides nothing any more.
    now(&renamed.replace("version = 4", "version = 6").replace("roles = [\"hr\"]\n", ""));
    let shown = get(&service, &path, &support).await;
    assert_eq!((&shown["fields"]["birth"], &shown["files"][0]["name"]), (&json!(BORN), &json!("passport.pdf")));
}

#[tokio::test]
async fn results_of_a_survey_leave_out_what_a_role_is_not_shown() {
    let shipped = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("forms/survey.toml")).unwrap();
    let own = shipped.replace("roles = [\"marketing\"]", "roles = [\"marketing\", \"support\"]");
    let own = own.replace("name = \"ideas\"", "name = \"ideas\"\nroles = [\"marketing\"]");
    let own = own.replace("name = \"relation\"", "name = \"relation\"\nroles = [\"marketing\"]");
    let service = Service::with_forms(free_limits(), FormSet::with_files([("s.toml", own.as_str())]).unwrap()).await;
    for n in 0..5 {
        let fields =
            json!({ "relation": "customer", "satisfaction": 5, "liked": ["price"], "ideas": format!("idea {n}") });
        let sent = json!({ "fields": fields });
        let (status, body) =
            document(service.json("POST", "/api/v1/forms/survey/submissions", None, &sent).await).await;
        assert_eq!(status, 201, "{body}");
    }
    for (role, sees) in [(Role::Marketing, true), (Role::Support, false)] {
        let token = service.token(&[role]).await;
        let results = get(&service, "/api/v1/forms/survey/results?purpose=survey", &token).await;
        let question = |name: &str| {
            results["questions"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
        };
        for name in ["relation", "ideas"] {
            let told = question(name);
            assert_eq!((&told["masked"], told["answers"].is_null()), (&json!(!sees), !sees), "{role}: {told}");
            assert_eq!(told["counts"].as_array().unwrap().is_empty(), !sees || name == "ideas", "{role}: {told}");
            assert_eq!(told["readable"], json!(sees && name == "ideas"), "{role}: {told}");
        }
        assert_eq!(question("satisfaction")["answers"], json!(5));
        let ideas = service.get("/api/v1/forms/survey/results/ideas?purpose=survey", Some(&token)).await;
        assert_eq!(ideas.status(), if sees { 200 } else { 403 }, "{role}");
        let form = "survey".parse().unwrap();
        let told = command(&service, Command::SurveyResults { role, purpose: Some("survey".to_owned()), form }).await;
        assert_eq!(told[0], results, "{role}");
    }
}
