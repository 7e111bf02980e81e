//! A board over HTTPS: warned of, looked at, published, taken down, and gone from the very next look.

mod support;

use letterlock::policy::Role;
use letterlock::services::{self, ServiceError, review};
use serde_json::{Value, json};
use support::{Service, document, owner, problems, text};

const SEND: &str = "/api/v1/forms/public-comment/submissions";
const BOARD: &str = "/api/v1/boards/public-comment";
const PAGE: &str = "/b/public-comment";

fn comment(name: &str, words: &str) -> Value {
    json!({ "fields": {
        "display-name": name, "email": format!("{}@example.org", name.to_lowercase()), "headline": format!("By {name}"),
        "comment": words, "publish": true,
    } })
}

/// Sends a comment; returns id and receipt.
async fn send(service: &Service, name: &str, words: &str) -> (String, String) {
    let (status, body) = document(service.json("POST", SEND, None, &comment(name, words)).await).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

async fn moderate(service: &Service, token: &str, id: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/submissions/{id}/publication");
    document(service.json("POST", &path, Some(token), &body).await).await
}

async fn publish(service: &Service, token: &str, id: &str) {
    let (status, body) = moderate(service, token, id, json!({ "published": true })).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("published")), "{body}");
}

/// The comments' words, newest first, which page and interface have to agree on.
async fn shown(service: &Service) -> Vec<String> {
    let answer = service.get(BOARD, None).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let (status, list) = document(answer).await;
    assert_eq!(status, 200, "{list}");
    let words: Vec<String> =
        list["items"].as_array().unwrap().iter().map(|item| text(&item["fields"]["comment"])).collect();
    let page = service.get(PAGE, None).await;
    assert_eq!((page.status().as_u16(), &page.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let page = page.text().await.unwrap();
    for word in &words {
        assert!(page.contains(word.as_str()), "{word} is not on the page");
    }
    assert_eq!(page.matches("<article").count(), words.len());
    words
}

#[tokio::test]
async fn a_comment_is_shown_once_published_and_only_what_is_public_of_it() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let (first, _) = send(&service, "Ada", "First words").await;
    let (second, _) = send(&service, "Bob", "Second words").await;
    assert_eq!(shown(&service).await, [""; 0]);
    publish(&service, &token, &first).await;
    assert_eq!(shown(&service).await, ["First words"]);
    publish(&service, &token, &second).await;
    assert_eq!(shown(&service).await, ["Second words", "First words"]);

    let (_, list) = document(service.get(BOARD, None).await).await;
    let fields = &list["items"][0]["fields"];
    assert_eq!(*fields, json!({ "display-name": "Bob", "headline": "By Bob", "comment": "Second words" }));
    assert_eq!(list["items"][0].as_object().unwrap().keys().collect::<Vec<_>>(), ["day", "fields"]);
    assert_eq!(text(&list["items"][0]["day"]).len(), 10);
    let page = service.get(PAGE, None).await.text().await.unwrap();
    for hidden in ["example.org", first.as_str(), second.as_str(), "<script"] {
        assert!(!page.contains(hidden) && !list.to_string().contains(hidden), "{hidden}");
    }
    assert!(page.contains("Everybody can read this page"));

    // The deed is in the trail; that somebody looked is not.
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let deeds = trail["items"].as_array().unwrap();
    assert_eq!(deeds.iter().filter(|entry| entry["action"] == "moderate").count(), 2, "{trail}");
    assert!(deeds.iter().all(|entry| entry["action"] != "read-board"));
}

#[tokio::test]
async fn only_readers_of_the_form_moderate_and_only_comments() {
    let service = Service::start().await;
    let (id, _) = send(&service, "Ada", "Words").await;
    let letter = service.ask_support("sam@example.org").await;
    for role in Role::ALL {
        let token = service.token(&[role]).await;
        let expected = match role {
            Role::Marketing => 200,
            Role::Privacy => 403,
            _ => 404,
        };
        for body in [json!({ "published": false, "reason": "No." }), json!({ "published": true })] {
            assert_eq!(moderate(&service, &token, &id, body.clone()).await.0, expected, "{role} {body}");
            assert_eq!(moderate(&service, &token, &letter, body).await.0, 404, "{role}");
        }
        // Nor by another way in: its progress is that of its publication.
        for status in ["published", "declined", "withdrawn", "new", "closed"] {
            let path = format!("/api/v1/submissions/{id}");
            let patched = service.json("PATCH", &path, Some(&token), &json!({ "status": status })).await.status();
            assert!([403, 404].contains(&patched.as_u16()), "{role} {status} {patched}");
            let message = json!({ "text": "Hello", "status": status });
            let said = service.json("POST", &format!("{path}/messages"), Some(&token), &message).await.status();
            assert!([404, 422].contains(&said.as_u16()), "{role} {status} {said}");
            let other = format!("/api/v1/submissions/{letter}");
            let patched = service.json("PATCH", &other, Some(&token), &json!({ "status": status })).await.status();
            assert!(patched != 200 || ["new", "closed"].contains(&status), "{role} {status}");
        }
    }
    assert_eq!(shown(&service).await, ["Words"]);
    let owner_publishes = async |role, id: &str| {
        let verdict = services::board::Verdict::Publish;
        services::board::moderate(&service.app, &owner(role), id.parse().unwrap(), verdict).await
    };
    assert!(matches!(owner_publishes(Role::Admin, &id).await, Err(ServiceError::NotFound)));
    assert!(owner_publishes(Role::Marketing, &id).await.is_ok());
    // Readers read a comment whole, for a purpose, as any submission.
    let shown = review::show(&service.app, &owner(Role::Marketing), id.parse().unwrap(), Some("public-comments")).await;
    assert!(shown.is_ok());
}

#[tokio::test]
async fn what_is_taken_down_declined_or_erased_is_gone_from_the_next_look() {
    let service = Service::start().await;
    let (token, officer) = (service.token(&[Role::Marketing]).await, service.token(&[Role::Privacy]).await);
    let mut sent = Vec::new();
    for name in ["Ada", "Bob", "Cem", "Dan", "Eve"] {
        let comment = send(&service, name, &format!("Words of {name}")).await;
        publish(&service, &token, &comment.0).await;
        sent.push(comment);
    }
    assert_eq!(shown(&service).await.len(), 5);
    let mine = |receipt: &str| json!({ "receipt": receipt });

    // Its author takes it down, and nobody puts it back.
    let (status, body) =
        document(service.json("POST", "/api/v1/my/publication/withdrawal", None, &mine(&sent[0].1)).await).await;
    assert_eq!((status, &body["publication"]), (200, &json!("withdrawn")), "{body}");
    assert_eq!(shown(&service).await.len(), 4);
    assert_eq!(moderate(&service, &token, &sent[0].0, json!({ "published": true })).await.0, 404);
    let declined = moderate(&service, &token, &sent[0].0, json!({ "published": false, "reason": "No." })).await;
    assert_eq!(declined.0, 404);
    assert_eq!(shown(&service).await.len(), 4);

    // It is declined later, with a reason that the author reads.
    for body in [json!({ "published": false }), json!({ "published": false, "reason": "  " })] {
        let (status, answer) = moderate(&service, &token, &sent[1].0, body).await;
        assert_eq!((status, problems(&answer)), (422, vec![("reason".into(), "required".into())]), "{answer}");
    }
    let body = json!({ "published": false, "reason": "It is an advertisement." });
    assert_eq!(moderate(&service, &token, &sent[1].0, body).await.0, 200);
    assert_eq!(shown(&service).await.len(), 3);
    let (_, body) = document(service.json("POST", "/api/v1/my", None, &mine(&sent[1].1)).await).await;
    assert_eq!(
        (&body["publication"], &body["messages"][0]["text"]),
        (&json!("declined"), &json!("It is an advertisement."))
    );
    publish(&service, &token, &sent[1].0).await;
    assert_eq!(shown(&service).await.len(), 4);

    // It is erased: by its author, by the officer, and with the whole person.
    let erased = service.json("POST", "/api/v1/my/erasure", None, &mine(&sent[2].1)).await;
    assert_eq!(erased.status(), 200);
    assert_eq!(shown(&service).await, ["Words of Eve", "Words of Dan", "Words of Bob"]);
    let path = format!("/api/v1/submissions/{}", sent[3].0);
    assert_eq!(service.send(service.request("DELETE", &path), Some(&officer)).await.status(), 200);
    assert_eq!(shown(&service).await, ["Words of Eve", "Words of Bob"]);
    let asked = json!({ "email": "eve@example.org" });
    let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&officer), &asked).await).await;
    let path = format!("/api/v1/subjects/{}/erasure", text(&found["items"][0]["subject"]));
    assert_eq!(service.send(service.request("POST", &path), Some(&officer)).await.status(), 200);
    assert_eq!(shown(&service).await, ["Words of Bob"]);
    // Only a comment can be taken down.
    let answer = service
        .json(
            "POST",
            "/api/v1/forms/problem-report/submissions",
            None,
            &json!({ "fields": { "area": "website", "description": "It is broken." } }),
        )
        .await;
    let receipt = text(&document(answer).await.1["receipt"]);
    let taken = service.json("POST", "/api/v1/my/publication/withdrawal", None, &mine(&receipt)).await;
    assert_eq!(taken.status(), 404);
}

#[tokio::test]
async fn a_restart_shows_the_same_and_pages_go_on() {
    let mut service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let mut expected = Vec::new();
    for n in 0..45 {
        let (id, _) = send(&service, &format!("N{n}"), &format!("Words {n:02}")).await;
        if n % 9 != 8 {
            publish(&service, &token, &id).await;
            expected.insert(0, format!("Words {n:02}"));
        }
    }
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);
    let app = support::open(dir.path());
    let visitor = services::Context { actor: letterlock::policy::Actor::Public, ..owner(Role::Hr) };
    let form = "public-comment".parse().unwrap();
    let mut seen = Vec::new();
    for (number, more) in [(1, true), (2, true), (3, false)] {
        let page = services::board::page(&app, &visitor, &form, number).await.unwrap();
        assert_eq!(page.more, number < 2 || more && expected.len() > 40, "{number}");
        seen.extend(page.postings.iter().map(|posting| posting.fields.last().unwrap().1.expose().to_owned()));
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, expected);
    for bad in [0, 100_001] {
        assert!(services::board::page(&app, &visitor, &form, bad).await.is_err());
    }
    for other in ["support-request", "survey", "nothing"] {
        assert!(services::board::page(&app, &visitor, &other.parse().unwrap(), 1).await.is_err(), "{other}");
    }
    app.close().await;
}

#[tokio::test]
async fn whoever_types_an_address_is_warned_and_may_send_it_all_the_same() {
    let service = Service::start().await;
    for (words, kind) in [
        ("Write to me: ada (at) example (dot) org", "an e-mail address"),
        ("Ring +44 20 7946 0958!", "a telephone number"),
        ("4111 1111 1111 1111 is mine", "the number of a payment card"),
    ] {
        let mut body = comment("Ada", words);
        let (status, answer) = document(service.json("POST", SEND, None, &body).await).await;
        assert_eq!((status, problems(&answer)), (422, vec![("comment".into(), "seems-private".into())]), "{answer}");
        assert!(text(&answer["problems"][0]["message"]).contains(kind), "{answer}");
        body["acknowledge"] = false.into();
        assert_eq!(service.json("POST", SEND, None, &body).await.status(), 422);
        body["acknowledge"] = true.into();
        assert_eq!(service.json("POST", SEND, None, &body).await.status(), 201, "{words}");
    }
    // The name and the headline are public as well; the address field is not, and warns of nothing.
    let body = comment("Ada", "Nothing in here.");
    assert_eq!(service.json("POST", SEND, None, &body).await.status(), 201);
    let mut body = comment("Ada", "Nothing in here either.");
    body["fields"]["display-name"] = "ada@example.org".into();
    let (status, answer) = document(service.json("POST", SEND, None, &body).await).await;
    assert_eq!((status, problems(&answer)[0].0.as_str()), (422, "display-name"));

    // On the page: the text comes back with the warning and a box, and the box sends it.
    let pairs = |more: Option<(&'static str, &'static str)>| {
        let mut pairs = vec![
            ("display-name", "Ada"),
            ("email", "ada@example.org"),
            ("headline", ""),
            ("comment", "Ring 020 7946 0958 <b>now</b>"),
            ("publish", "true"),
        ];
        pairs.extend(more);
        pairs
    };
    let answer = service.form("/f/public-comment", &pairs(None)).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("name=\"_acknowledge\"") && page.contains("Ring 020 7946 0958 &#60;b&#62;now"), "{page}");
    assert!(page.contains("Everybody will be able to read it"));
    let empty = service.get("/f/public-comment", None).await.text().await.unwrap();
    assert!(!empty.contains("_acknowledge"));
    for more in [("_acknowledge", ""), ("_acknowledge", "no")] {
        assert_eq!(service.form("/f/public-comment", &pairs(Some(more))).send().await.unwrap().status(), 422);
    }
    let sent = service.form("/f/public-comment", &pairs(Some(("_acknowledge", "true")))).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    // Other forms do not warn: what goes there is not public.
    let mut body = support::support("sam@example.org");
    body["fields"]["message"] = "Ring 020 7946 0958".into();
    let path = "/api/v1/forms/support-request/submissions";
    assert_eq!(service.json("POST", path, None, &body).await.status(), 201);
}

#[tokio::test]
async fn what_is_typed_runs_nowhere_and_leads_nowhere() {
    let service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let hostile = "<script>alert(1)</script> <a href=https://evil.example>x</a> \"'&";
    let (id, _) = send(&service, "Ada", hostile).await;
    publish(&service, &token, &id).await;
    let page = service.get(PAGE, None).await.text().await.unwrap();
    assert!(!page.contains("<script") && !page.contains("<a href=https://evil"), "{page}");
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
}

/// A form that is turned into another kind shows nothing, and one that shows more fields does so for later comments only.
#[tokio::test]
async fn a_changed_form_shows_no_more_than_the_sender_was_told() {
    use letterlock::domain::form::FormSet;
    let mut service = Service::start().await;
    let token = service.token(&[Role::Marketing]).await;
    let (id, _) = send(&service, "Ada", "Words").await;
    publish(&service, &token, &id).await;
    let letter = service.ask_support("sam@example.org").await;
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);
    let more = include_str!("../forms/public-comment.toml")
        .replace("public = [\"display-name\", ", "public = [\"headline\", ")
        .replace("\"headline\", \"comment\"]", "\"display-name\", \"comment\"]")
        .replace(
            "label = \"Headline\"\nkind = \"short-text\"\n",
            "label = \"Headline\"\nkind = \"short-text\"\nrequired = true\n",
        );
    let board = include_str!("../forms/support-request.toml")
        .replace("purposes =", "kind = \"board\"\npublic = [\"subject-line\", \"message\"]\npurposes =");
    let forms = FormSet::with_files([("a.toml", more.as_str()), ("b.toml", board.as_str())]).unwrap();
    let app = support::open_with(dir.path(), forms);
    let visitor = services::Context { actor: letterlock::policy::Actor::Public, ..owner(Role::Hr) };
    let page = services::board::page(&app, &visitor, &"public-comment".parse().unwrap(), 1).await.unwrap();
    let names: Vec<&str> = page.postings[0].fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["display-name", "headline", "comment"]);
    // What was sent as a letter is no comment, and is never published.
    let verdict = services::board::Verdict::Publish;
    let published = services::board::moderate(&app, &owner(Role::Support), letter.parse().unwrap(), verdict).await;
    assert!(matches!(published, Err(ServiceError::NotFound)), "{published:?}");
    let page = services::board::page(&app, &visitor, &"support-request".parse().unwrap(), 1).await.unwrap();
    assert_eq!(page.postings.len(), 0);
    app.close().await;
}
