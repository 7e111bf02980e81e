//! The inbox: filters, counts, several at once, kept views, absence, handing over, routes.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use letterlock::domain::form::FormSet;
use letterlock::policy::{Actor, Role};
use letterlock::services::work::Teams;
use letterlock::services::{Context, submit};
use serde_json::{Value, json};

use crate::desk::{Place, Staff, between};
use crate::support::{document, owner, pdf, text};

/// The ids of what a page of the inbox shows, newest first.
async fn shown(staff: &Staff<'_>, query: &str) -> Vec<String> {
    let page = staff.page(&format!("/staff/inbox?form=job-application{query}")).await;
    page.split("name=\"id\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn patch(place: &Place, token: &str, id: &str, body: &Value) {
    let answer = place.service.json("PATCH", &format!("/api/v1/submissions/{id}"), Some(token), body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

async fn applications<const N: usize>(place: &Place) -> [String; N] {
    let mut out = Vec::new();
    for n in 0..N {
        out.push(place.service.apply(&format!("p{n}@example.org"), &pdf(2000, n as u8)).await.0);
    }
    out.try_into().unwrap()
}

#[tokio::test]
async fn it_is_filtered_by_all_that_is_set_and_counts_it() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    let [a, b, c, d] = applications(&place).await;
    let hr = place.service.token(&[Role::Hr]).await;
    patch(&place, &hr, &a, &json!({ "assignee": "hanna", "labels": ["Red & <b>blue</b>"] })).await;
    patch(&place, &hr, &b, &json!({ "status": "interview", "labels": ["red & <b>BLUE</b>", "late"] })).await;
    hanna.page(&format!("/staff/record/{c}?purpose=recruitment")).await;
    for (query, expected) in [
        ("", vec![&d, &c, &b, &a]),
        ("&status=interview", vec![&b]),
        ("&assignee=me", vec![&a]),
        ("&assignee=hanna", vec![&a]),
        ("&assignee=nobody", vec![&d, &c, &b]),
        ("&assignee=no.such.login", vec![]),
        ("&assignee=team%3Anone", vec![]),
        ("&label=Red%20%26%20%3Cb%3Eblue%3C%2Fb%3E", vec![&b, &a]),
        ("&label=late&assignee=nobody", vec![&b]),
        ("&label=late&assignee=me", vec![]),
        ("&seen=true", vec![&c]),
        ("&seen=false", vec![&d, &b, &a]),
    ] {
        assert_eq!(shown(&hanna, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let page = hanna.page("/staff/inbox?form=job-application").await;
    for words in ["All (4)", "Unread (3)", "Mine (1)", "Nobody's (3)", "Interview (1)", "Received (3)", "late (1)"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<b>"), "{page}");
    assert!(hanna.page("/staff").await.contains("4 in all, 3 unread, 1 mine"));
    for bad in ["seen=maybe", "label=a%2Cb", "status=done", "limit=1", "seen=true&seen=false"] {
        assert_eq!(hanna.get(&format!("/staff/inbox?form=job-application&{bad}")).await.status(), 422, "{bad}");
    }
    // The interface takes the same words.
    for (query, expected) in
        [("label=LATE", vec![&b]), ("assignee=hanna", vec![&a]), ("assignee=me", vec![]), ("seen=true", vec![])]
    {
        let path = format!("/api/v1/submissions?form=job-application&{query}");
        let (_, list) = document(place.service.get(&path, Some(&hr)).await).await;
        let ids: Vec<String> = list["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[tokio::test]
async fn several_are_changed_at_once_and_what_was_not_is_told() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    let [a, b, c] = applications(&place).await;
    let foreign = place.service.ask_support("sam@example.org").await;
    let ticked = |what: &'static str, more: &'static [(&'static str, &'static str)]| {
        let mut pairs = vec![("do", what), ("form", "job-application"), ("purpose", "recruitment")];
        pairs.extend(more);
        pairs
    };
    let send = async |mut pairs: Vec<(&str, &str)>, ids: &[&str]| {
        pairs.extend(ids.iter().map(|id| ("id", *id)));
        let answer = hanna.post("/staff/inbox/changes", &pairs).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = send(ticked("status", &[("status", "offer")]), &[&a, &b, &foreign]).await;
    assert!(status == 200 && page.contains("2 changed, 1 not") && page.contains("Undo"), "{page}");
    assert_eq!(shown(&hanna, "&status=offer").await, [b.clone(), a.clone()]);
    // One has gone on meanwhile: it is left as it is.
    let hr = place.service.token(&[Role::Hr]).await;
    patch(&place, &hr, &b, &json!({ "status": "hired" })).await;
    let (_, page) = send(ticked("undo", &[]), &[&a, &b]).await;
    assert!(page.contains("2 changed") || page.contains("1 changed, 1 not"), "{page}");
    assert_eq!(shown(&hanna, "&status=received").await, [c.clone(), a.clone()]);

    send(ticked("label", &[("label", "late")]), &[&a, &c]).await;
    send(ticked("unlabel", &[("label", "LATE")]), &[&c]).await;
    assert_eq!(shown(&hanna, "&label=late").await, std::slice::from_ref(&a));
    send(ticked("assign", &[("assignee", "hanna")]), &[&a, &b, &a]).await;
    assert_eq!(shown(&hanna, "&assignee=me").await, [b.clone(), a.clone()]);
    send(ticked("read", &[]), &[&c]).await;
    assert_eq!(shown(&hanna, "&seen=true").await, std::slice::from_ref(&c));
    for (pairs, ids, expected) in [
        (ticked("status", &[("status", "offer")]), vec![], 422),
        (ticked("label", &[("label", "")]), vec![a.as_str()], 422),
        (ticked("erase", &[]), vec![a.as_str()], 400),
        (ticked("read", &[]), vec!["not-an-id"], 400),
    ] {
        assert_eq!(send(pairs, &ids).await.0, expected);
    }
    let many: Vec<String> = (0..101).map(|_| a.clone()).collect();
    let body = json!({ "ids": many, "change": { "seen": true } });
    assert_eq!(place.service.json("POST", "/api/v1/submissions/changes", Some(&hr), &body).await.status(), 422);
    let body = json!({ "ids": [a, foreign], "change": { "labels": [] } });
    let (status, told) =
        document(place.service.json("POST", "/api/v1/submissions/changes", Some(&hr), &body).await).await;
    assert_eq!(
        (status, &told["items"][0]["problem"], &told["items"][1]["problem"]),
        (200, &Value::Null, &json!("not-found"))
    );

    // Each of them is in the trail by itself.
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let count = |action: &str| trail["items"].as_array().unwrap().iter().filter(|e| e["action"] == action).count();
    assert_eq!((count("assign"), count("set-labels"), count("mark-seen")), (2, 4, 1));
}

#[tokio::test]
async fn views_are_kept_by_each_for_themselves() {
    let place = Place::new().await;
    let (hanna, hugo) = (place.staff("hanna", &[Role::Hr]).await, place.staff("hugo", &[Role::Hr]).await);
    applications::<1>(&place).await;
    let keep = [
        ("do", "keep"),
        ("name", "<i>Late</i> ones"),
        ("form", "job-application"),
        ("label", "a&b"),
        ("assignee", "me"),
        ("seen", "false"),
    ];
    let led = hanna.done("/staff/desk/views", &keep).await;
    assert_eq!(led, "/staff/inbox?form=job-application&assignee=me&label=a%26b&seen=false");
    let page = hanna.page("/staff/inbox?form=job-application").await;
    assert!(page.contains("&#60;i&#62;Late&#60;/i&#62; ones") && !page.contains("<i>"), "{page}");
    assert!(
        page.contains("/staff/inbox?form=job-application&#38;assignee=me&#38;label=a%26b&#38;seen=false"),
        "{page}"
    );
    assert!(!hugo.page("/staff/inbox?form=job-application").await.contains("ones"));
    hanna.done("/staff/desk/views", &[("do", "drop"), ("name", "<i>late</i> ones")]).await;
    assert!(!hanna.page("/staff/desk").await.contains("ones"));
    for n in 0..20 {
        let name = n.to_string();
        hanna.done("/staff/desk/views", &[("do", "keep"), ("name", name.as_str()), ("form", "job-application")]).await;
    }
    let one_more = [("do", "keep"), ("name", "more"), ("form", "job-application")];
    assert_eq!(hanna.post("/staff/desk/views", &one_more).await.status(), 422);
}

const FORM: &str = r#"
id = "call-back"
version = 1
title = "Call me back"
submit = "Send"
purposes = ["support"]
legal_basis = "your request"
roles = ["support"]
retention_days = 30
notice = { version = "1", text = "We call you back." }
labels = ["urgent", "second call"]

[[fields]]
name = "topic"
label = "Topic"
kind = "choice"
required = true
options = [{ value = "bill", label = "A bill" }, { value = "move", label = "Moving" }, { value = "other", label = "Other" }]

[[routes]]
when = { field = "topic", is = ["bill"] }
team = "accounts"

[[routes]]
when = { field = "topic", is = ["move"] }
person = "sue"
"#;

#[tokio::test]
async fn what_arrives_goes_where_the_routes_of_the_form_say() {
    let place = Place::with_forms(FormSet::with_files([("call-back.toml", FORM)]).unwrap()).await;
    let teams = Teams::from([("accounts".parse().unwrap(), vec!["sam".parse().unwrap(), "sue".parse().unwrap()])]);
    place.service.app.set_teams(teams);
    let token = place.service.token(&[Role::Support]).await;
    let call = async |topic: &str| {
        let body = json!({ "fields": { "topic": topic } });
        let sent = place.service.json("POST", "/api/v1/forms/call-back/submissions", None, &body).await;
        let (status, made) = document(sent).await;
        assert_eq!(status, 201, "{made}");
        let id = text(&made["submission"]);
        let path = format!("/api/v1/submissions/{id}?purpose=support");
        (id, document(place.service.get(&path, Some(&token)).await).await.1["assignee"].clone())
    };
    // Nobody of these is there yet.
    assert_eq!(call("bill").await.1, Value::Null);
    assert_eq!(call("move").await.1, Value::Null);
    let sue = place.staff("sue", &[Role::Support]).await;
    let sam = place.staff("sam", &[Role::Support]).await;
    place.staff("hanna", &[Role::Hr]).await;
    assert_eq!(call("bill").await.1, json!("team:accounts"));
    assert_eq!(call("other").await.1, Value::Null);
    let (moved, whose) = call("move").await;
    assert_eq!(whose, json!("sue"));
    let mine = async |staff: &Staff<'_>| {
        between(&staff.page("/staff/inbox?form=call-back").await, ">Mine (", ")").parse::<u32>().unwrap()
    };
    assert_eq!((mine(&sue).await, mine(&sam).await), (2, 1), "one's own and the team's");

    // Absent: to who stands in, if they read the form.
    sue.done("/staff/desk/absence", &[("stand-in", "hanna")]).await;
    assert_eq!(call("move").await.1, json!("sue"), "hanna does not read it");
    sue.done("/staff/desk/absence", &[("stand-in", "sam")]).await;
    assert_eq!(call("move").await.1, json!("sam"));
    sam.done("/staff/desk/absence", &[("stand-in", "sue")]).await;
    assert!(["sam", "sue"].contains(&call("move").await.1.as_str().unwrap()), "a circle ends");
    sue.done("/staff/desk/absence", &[("stand-in", "")]).await;
    assert_eq!(call("move").await.1, json!("sue"));
    for bad in ["sue", "nobody", "Hanna", "<b>"] {
        assert_eq!(sue.post("/staff/desk/absence", &[("stand-in", bad)]).await.status(), 422, "{bad}");
    }

    // Handed over: all that is one's own, to whom may read it.
    let page = sue.post("/staff/desk/hand-over", &[("to", "hanna")]).await.text().await.unwrap();
    assert!(page.contains("0 handed over."), "{page}");
    let page = sue.post("/staff/desk/hand-over", &[("to", "sam")]).await.text().await.unwrap();
    assert!(!page.contains("0 handed over.") && page.contains("handed over."), "{page}");
    let path = format!("/api/v1/submissions/{moved}?purpose=support");
    assert_eq!(document(place.service.get(&path, Some(&token)).await).await.1["assignee"], json!("sam"));

    // Of its labels, and of no others.
    for (label, expected) in [("URGENT", 200), ("other", 422)] {
        let path = format!("/api/v1/submissions/{moved}");
        let answer = place.service.json("PATCH", &path, Some(&token), &json!({ "labels": [label] })).await;
        assert_eq!(answer.status(), expected, "{label}");
    }
}

#[tokio::test]
async fn a_page_to_print_is_a_reading_and_says_that_it_leaves_the_vault() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    let [id] = applications(&place).await;
    hanna.done(&format!("/staff/record/{id}/notes"), &[("note", "zorilla"), ("purpose", "recruitment")]).await;
    let page = hanna.page(&format!("/staff/record/{id}/print?purpose=recruitment")).await;
    assert!(page.contains("What you print has left the vault.") && page.contains("Yours, Jane"), "{page}");
    assert!(!page.contains("zorilla") && !page.contains("<form"), "{page}");
    assert_eq!(hanna.get(&format!("/staff/record/{id}/print")).await.status(), 422, "not without a purpose");
    let record = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(record.contains("A file that you download has left the vault."));
    assert_eq!(record.matches("hanna</strong> read it").count(), 2, "{record}");
}

#[tokio::test]
async fn an_answer_that_is_kept_ready_is_filled_in_and_is_text() {
    let place = Place::new().await;
    let folder = place.service.dir.path().join("answers");
    std::fs::create_dir_all(folder.join("support-request")).unwrap();
    let text_of = "It <b>works</b>\n\nDear {name},\nabout {subject-line}: {login} {no-such}";
    std::fs::write(folder.join("support-request/works.txt"), text_of).unwrap();
    place.service.app.set_answers(folder);
    let sue = place.staff("sue", &[Role::Support]).await;
    let body = json!({ "fields": {
        "name": "{login}</textarea><script>x</script>", "email": "sam@example.org", "subject-line": "{form}", "message": "m",
    } });
    let sent = place.service.json("POST", "/api/v1/forms/support-request/submissions", None, &body).await;
    let id = text(&document(sent).await.1["submission"]);
    let record = format!("/staff/record/{id}?purpose=support");
    assert!(sue.page(&record).await.contains("It &#60;b&#62;works"));
    let page = sue.page(&format!("{record}&answer=works")).await;
    assert!(page.contains("Dear {login}&#60;/textarea&#62;&#60;script&#62;"), "{page}");
    assert!(page.contains("about {form}: sue {no-such}</textarea>") && !page.contains("<script"), "{page}");
    for odd in ["..%2fworks", "none", "works.txt"] {
        assert!(!sue.page(&format!("{record}&answer={odd}")).await.contains("Dear"), "{odd}");
    }
}

/// After a flood, whoever looks first gets a page at once, and the counts when what came in has been gone through.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_after_a_flood_does_not_wait_until_all_of_it_is_counted() {
    let place = Place::new().await;
    let sue = place.staff("sue", &[Role::Support]).await;
    sue.page("/staff").await;
    let flood = (0..2800).map(|n| {
        let (app, ctx) = (place.service.app.clone(), Context { actor: Actor::Public, ..owner(Role::Admin) });
        async move {
            let form = "support-request".parse().unwrap();
            let mut intake = submit::begin(&app, &ctx, &form, None).await.unwrap();
            for (field, words) in [("name", "Sam"), ("subject-line", "It is stuck"), ("message", "It is.")] {
                intake.field(field, words.to_owned()).unwrap();
            }
            intake.field("email", format!("p{n}@example.org")).unwrap();
            intake.finish().await.unwrap();
        }
    });
    futures_util::stream::iter(flood).buffer_unordered(200).collect::<Vec<()>>().await;
    let page = sue.page("/staff/inbox?form=support-request").await;
    assert!(page.contains("They are being counted"), "it was counted while somebody waited");
    assert_eq!(page.matches("name=\"id\"").count(), 50, "the newest are there all the same");
    let begun = Instant::now();
    while !sue.page("/staff/inbox?form=support-request").await.contains("All (2800)") {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is never counted");
    }
    assert!(sue.page("/staff").await.contains("2800 in all, 2800 unread"));
}
