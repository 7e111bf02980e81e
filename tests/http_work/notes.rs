//! Notes among colleagues: for those who read the submission, and not for the person.

use letterlock::policy::Role;
use serde_json::json;

use crate::desk::Place;
use crate::support::{document, pdf};

#[tokio::test]
async fn notes_are_for_colleagues_and_never_for_the_person() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    let (id, receipt) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let notes = format!("/staff/record/{id}/notes");
    let hostile = "<script>alert(1)</script> zorilla-note";
    let led = hanna.done(&notes, &[("note", hostile), ("purpose", "recruitment")]).await;
    assert_eq!(led, format!("/staff/record/{id}?purpose=recruitment#note-1"));
    let empty = hanna.post(&notes, &[("note", " \n"), ("purpose", "recruitment")]).await;
    assert_eq!(empty.status(), 422);
    assert!(empty.text().await.unwrap().contains("The note was not written"));
    let hr = place.service.token(&[Role::Hr]).await;
    let path = format!("/api/v1/submissions/{id}/notes");
    let (status, made) =
        document(place.service.json("POST", &path, Some(&hr), &json!({ "text": "Second zorilla-note" })).await).await;
    assert_eq!((status, &made["number"]), (201, &json!(1)));

    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(
        page.contains("&#60;script&#62;alert(1)&#60;/script&#62; zorilla-note") && !page.contains("<script"),
        "{page}"
    );
    assert!(page.contains("Second zorilla-note") && page.contains("hanna (HR)"));
    let (_, shown) =
        document(place.service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    assert_eq!((&shown["notes"][0]["text"], &shown["note_count"]), (&json!(hostile), &json!(2)));
    assert_eq!(shown["notes"][0]["author"], json!({ "is": "staff", "role": "hr", "login": "hanna" }));

    // The person reads none of it, whatever the officer has decided: not by the interface, not on the page.
    let officer = place.service.token(&[Role::Privacy]).await;
    let (status, told) = document(
        place.service.json("PATCH", &format!("{path}/1"), Some(&officer), &json!({ "disclosed": true })).await,
    )
    .await;
    assert_eq!((status, &told["disclosed"]), (200, &json!(true)));
    let mine = place.service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await;
    let (status, mine) = document(mine).await;
    assert!(status == 200 && !mine.to_string().contains("zorilla"), "{mine}");
    for member in ["notes", "labels", "assignee", "history", "seen"] {
        assert!(mine.get(member).is_none(), "{member}");
    }
    let visit = place.service.form("/my", &[("code", receipt.as_str())]).send().await.unwrap();
    let cookie = visit.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = place.service.request("GET", "/my").header("cookie", cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Yours, Jane") && !page.contains("zorilla"), "{page}");

    // Only the officer decides, and only about a note that is there.
    for (token, n, expected) in [(&hr, 0, 403), (&officer, 2, 404), (&officer, 0, 200)] {
        let path = format!("{path}/{n}");
        let answer = place.service.json("PATCH", &path, Some(token), &json!({ "disclosed": true })).await;
        assert_eq!(answer.status(), expected, "{n}");
    }
    let pat = place.staff("pat", &[Role::Privacy]).await;
    let record = format!("/staff/record/{id}?purpose=subject-request");
    assert!(pat.page(&record).await.contains("Withhold note 1"));
    pat.done(&format!("{notes}/0"), &[("disclosed", "no"), ("purpose", "subject-request")]).await;
    assert!(pat.page(&record).await.contains("Release note 1"));
}
