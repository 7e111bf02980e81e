//! The audit trail as a page; and that everything which has to be in the trail is there: reads, lists, searches, downloads,
//! changes, refusals.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::policy::Role;
use letterlock::services::{audit, erase};
use serde_json::{Value, json};
use staff::{Place, words};
use support::{document, owner, pdf};

/// The newest entries, newest first, without the looks at the trail that this takes.
async fn trail(place: &Place) -> Vec<Value> {
    let page = audit::list(&place.service.app, &owner(Role::Auditor), None, Some(200)).await.unwrap();
    page.items.into_iter().filter(|entry| entry["action"] != "read-audit").collect()
}

#[tokio::test]
async fn everything_that_counts_is_in_the_trail_and_nothing_of_what_it_was_about() {
    let place = Place::new().await;
    let (submission, receipt) = place.service.apply("qzxw@example.org", &pdf(400, 1)).await;
    let hr = place.service.token(&[Role::Hr]).await;
    let support = place.service.token(&[Role::Support]).await;
    let get = async |path: &str, token: &str| place.service.get(path, Some(token)).await.status().as_u16();
    let record = format!("/api/v1/submissions/{submission}");
    let unknown = format!("/api/v1/submissions/{}", "a".repeat(26));
    let refused = |what: &str, status: u16| json!({ "refused": { "what": what, "status": status, "unlisted": 0 } });
    let of_record = "GET /api/v1/submissions/{id}";
    for (what, path, token, status, action, detail) in [
        ("a list", "/api/v1/submissions?form=job-application", &hr, 200, "list-submissions", json!({ "found": 1 })),
        ("a read", &format!("{record}?purpose=recruitment"), &hr, 200, "read-submission", json!("none")),
        ("a download", &format!("{record}/files/0?purpose=recruitment"), &hr, 200, "read-file", json!("none")),
        ("a hidden record", &record, &support, 404, "refused", refused(of_record, 404)),
        ("no record at all", &unknown, &support, 404, "refused", refused(of_record, 404)),
        (
            "a hidden list",
            "/api/v1/submissions?form=job-application",
            &support,
            404,
            "refused",
            refused("GET /api/v1/submissions", 404),
        ),
        ("what the role may not", "/api/v1/audit", &hr, 403, "refused", refused("GET /api/v1/audit", 403)),
        ("a bad token", &record, &"llt_bad".to_owned(), 401, "refused", refused(of_record, 401)),
    ] {
        let before = trail(&place).await.len();
        assert_eq!(get(path, token).await, status, "{what}");
        let after = trail(&place).await;
        assert_eq!(after.len(), before + 1, "{what}: {after:?}");
        assert_eq!((&after[0]["action"], &after[0]["detail"]), (&json!(action), &detail), "{what}");
        assert_eq!(after[0]["actor"] == "public", status == 401, "{what}: {}", after[0]);
    }

    // Whoever says nothing of themselves was not turned away as anybody, and cannot fill the trail.
    let before = trail(&place).await.len();
    assert_eq!(place.service.get(&record, None).await.status(), 401);
    assert_eq!(trail(&place).await.len(), before);
    // A server's key that is none.
    let sent = json!({ "fields": {} });
    let path = "/api/v1/forms/job-application/submissions";
    assert_eq!(place.service.json("POST", path, Some("llk_bad"), &sent).await.status(), 401);
    let newest = trail(&place).await.remove(0);
    assert_eq!(newest["detail"], refused("POST /api/v1/forms/{form}/submissions", 401), "{newest}");

    // At the console, and at the machine.
    let (_, _, sam) = place.take_up(&place.invite("sam", &[Role::Support]).await).await;
    assert_eq!(sam.get("/staff/audit").await.status(), 403);
    let newest = trail(&place).await.remove(0);
    assert_eq!((&newest["actor"], &newest["detail"]), (&json!("staff:sam"), &refused("GET /staff/audit", 403)));
    let foreign = place.service.form("/staff/sign-out", &[("_guard", "x")]).header("cookie", &sam.cookie);
    assert_eq!(foreign.header("sec-fetch-site", "cross-site").send().await.unwrap().status(), 403);
    assert_eq!(trail(&place).await[0]["detail"], refused("POST /staff/sign-out", 403));
    assert!(
        letterlock::services::find::by_email(&place.service.app, &owner(Role::Privacy), &"qzxw@example.org".into())
            .await
            .is_ok()
    );
    let newest = trail(&place).await.remove(0);
    assert_eq!((&newest["action"], &newest["detail"]), (&json!("find-subject"), &json!({ "found": 1 })));

    // Never a secret, an address, a query or what was sent.
    let whole = serde_json::to_string(&trail(&place).await).unwrap();
    for secret in
        ["qzxw", "example.org", "llk_bad", "llt_bad", hr.as_str(), support.as_str(), receipt.as_str(), &"a".repeat(26)]
    {
        assert!(!whole.contains(secret), "{secret} in {whole}");
    }
}

#[tokio::test]
async fn an_auditor_reads_the_trail_follows_a_person_and_takes_proofs_along() {
    let place = Place::new().await;
    let (submission, _) = place.service.apply("ann@example.org", &pdf(400, 1)).await;
    place.service.ask_support("bob@example.org").await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    hanna.page(&format!("/staff/record/{submission}?purpose=recruitment")).await;
    let (_, _, ada) = place.take_up(&place.invite("ada", &[Role::Auditor]).await).await;
    assert!(
        !hanna.page("/staff").await.contains("/staff/audit")
            && ada.page("/staff").await.contains("href=\"/staff/audit\"")
    );

    let page = ada.page("/staff/audit").await;
    assert!(
        page.contains("Read submission") && page.contains("staff:hanna") && page.contains("For: Recruitment"),
        "{page}"
    );
    assert!(page.contains("Not checked since") && !page.contains("ann@example.org"), "{page}");
    let entry = trail(&place).await.into_iter().find(|entry| entry["action"] == "read-submission").unwrap();
    let person = entry["subjects"][0]["subject"].as_str().unwrap();
    let rows = |page: &str| page.matches("data-label=\"When\"").count();
    for (query, hit, miss) in [
        (format!("person={person}"), "staff:hanna", "staff:ada"),
        (format!("record={submission}"), "Read submission", "staff:ada"),
        ("actor=staff:ada".to_owned(), "Sign in", "staff:hanna"),
        ("action=submit".to_owned(), "Submit", "staff:"),
    ] {
        let page = ada.page(&format!("/staff/audit?{query}")).await;
        let table = page.split("<table").nth(1).unwrap_or_else(|| panic!("{query}: {page}"));
        assert!(table.contains(hit) && !table.contains(miss) && rows(&page) > 0, "{query}: {table}");
    }
    assert!(ada.page("/staff/audit?actor=%22%3E%3Cb%3E").await.contains("value=\"&#34;&#62;&#60;b&#62;\""));
    assert_eq!(ada.get("/staff/audit?person=x").await.status(), 422);

    let checked = ada.post("/staff/audit/verification", &[]).await;
    assert_eq!((checked.status().as_u16(), &checked.headers()["location"]), (303, &"/staff/audit".parse().unwrap()));
    assert!(ada.page("/staff/audit").await.contains("whole and in order"));
    let export = ada.get("/staff/audit/export?from=0&to=2").await;
    assert_eq!(export.headers()["content-disposition"], "attachment; filename=\"audit.jsonl\"");
    assert_eq!(export.text().await.unwrap().lines().count(), 4);
    let number = entry["seq"].as_u64().unwrap();
    let proof = ada.get(&format!("/staff/audit/entries/{number}")).await;
    assert!(proof.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let (_, proof) = document(proof).await;
    assert_eq!(proof["entry"]["seq"], number, "{proof}");

    for path in ["/staff/audit", "/staff/audit/export", "/staff/audit/entries/0"] {
        assert_eq!(hanna.get(path).await.status(), 403, "{path}");
    }
    assert_eq!(hanna.post("/staff/audit/verification", &[]).await.status(), 403);

    // The erased are in it as somebody; by their handle nothing is found.
    erase::people(&place.service.app, &owner(Role::Privacy), &[person.parse().unwrap()]).await.unwrap();
    let page = ada.page("/staff/audit?action=read-submission").await;
    assert!(page.contains("somebody erased since") && !page.contains(person), "{page}");
    let (status, page) = words(ada.get(&format!("/staff/audit?person={person}")).await).await;
    assert!(status == 200 && rows(&page) == 0, "{page}");
}
