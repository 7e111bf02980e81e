//! What a form does not show to a role, the work among colleagues does not show either: not in lists, filters, changes of several
//! at once, the page to print, answers that are kept ready, or the history.

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use serde_json::json;

use crate::desk::{Place, Staff};
use crate::support::{document, pdf, text};

/// A form that shows a date and a file to hr only.
const MOVE: &str = include_str!("../support/masked.toml");
const BORN: &str = "1985-04-12";

/// Sends the form; with `private`, also what only hr sees.
async fn send(place: &Place, private: bool) -> String {
    let part = |bytes: Vec<u8>, name: &'static str| reqwest::multipart::Part::bytes(bytes).file_name(name);
    let mut form = reqwest::multipart::Form::new().text("email", "jane@example.org").text("message", "Hello");
    if private {
        form = form.text("birth", BORN).part("passport", part(pdf(3000, 9), "passport.pdf"));
    }
    let form = form.part("letter", part(pdf(2000, 1), "letter.pdf"));
    let request = place.service.request("POST", "/api/v1/forms/move/submissions").multipart(form);
    let (status, body) = document(place.service.send(request, None).await).await;
    assert_eq!(status, 201, "{body}");
    text(&body["submission"])
}

/// A page without what differs between any two submissions and sessions.
fn plain(page: &str, id: &str) -> String {
    let mut out = page.replace(id, "ID");
    for (from, to) in
        [("name=\"_guard\" value=\"", "\""), ("<time datetime=\"", "</time>"), ("<dt>Person</dt>", "</dd>")]
    {
        let mut parts = out.split(from);
        let mut kept = parts.next().unwrap().to_owned();
        for part in parts {
            kept.push_str(from);
            kept.push_str(part.split_once(to).unwrap().1);
        }
        out = kept;
    }
    out
}

async fn pages(staff: &Staff<'_>, id: &str) -> Vec<String> {
    let mut out = Vec::new();
    for path in [
        "/staff".to_owned(),
        "/staff/inbox?form=move&purpose=moving".to_owned(),
        "/staff/inbox?form=move&purpose=moving&seen=true".to_owned(),
        format!("/staff/record/{id}?purpose=moving"),
        format!("/staff/record/{id}?purpose=moving&answer=born"),
        format!("/staff/record/{id}/print?purpose=moving"),
    ] {
        out.push(staff.page(&path).await);
    }
    out
}

#[tokio::test]
async fn nobody_can_tell_from_the_work_what_they_are_not_shown() {
    let mut seen = Vec::new();
    for private in [true, false] {
        let place = Place::with_forms(FormSet::with_files([("move.toml", MOVE)]).unwrap()).await;
        let answers = tempfile::tempdir().unwrap();
        std::fs::create_dir(answers.path().join("move")).unwrap();
        let kept = "Born\n\nBorn on <{birth}>, you said {message}.";
        std::fs::write(answers.path().join("move/born.txt"), kept).unwrap();
        place.service.app.set_answers(answers.path().to_owned());
        let (sam, hanna) = (place.staff("sam", &[Role::Support]).await, place.staff("hanna", &[Role::Hr]).await);
        let id = send(&place, private).await;
        // Who sees all of it opens the file that others are not shown, and both open the one that everybody is.
        let last = u32::from(private);
        for n in 0..=last {
            assert_eq!(hanna.get(&format!("/staff/record/{id}/files/{n}?purpose=moving")).await.status(), 200);
        }
        assert_eq!(sam.get(&format!("/staff/record/{id}/files/0?purpose=moving")).await.status(), 200);
        assert_eq!(sam.get(&format!("/staff/record/{id}/files/1?purpose=moving")).await.status(), 404);
        let mut told = pages(&sam, &id).await;
        let several =
            [("form", "move"), ("purpose", "moving"), ("do", "label"), ("label", "late"), ("id", id.as_str())];
        told.push(sam.post("/staff/inbox/changes", &several).await.text().await.unwrap());
        let token = place.service.token(&[Role::Support]).await;
        let body = json!({ "ids": [id], "change": { "status": "in-progress" } });
        let changed = place.service.json("POST", "/api/v1/submissions/changes", Some(&token), &body).await;
        let changed = document(changed).await.1;
        assert_eq!(changed["items"][0]["submission"]["file_count"], json!(null), "{changed}");
        for query in ["birth=1985-04-12", "field=birth", "q=1985"] {
            let asked = format!("/api/v1/submissions?form=move&{query}");
            assert_eq!(place.service.get(&asked, Some(&token)).await.status(), 422, "{query} filters");
        }
        for page in &told {
            assert!(!page.contains(BORN) && !page.contains("passport.pdf"), "{page}");
        }
        // The test sees what there is to see.
        assert!(told[1].contains("Not shown to your role: Date of birth") && told[1].contains("Hello"), "{}", told[1]);
        assert!(told[1].contains("<td data-label=\"Files\">1</td>"), "{}", told[1]);
        for page in [&told[3], &told[5]] {
            assert!(page.contains("<dt>Date of birth</dt>") && page.contains("Not shown to your role"), "{page}");
            assert!(page.contains("letter.pdf"), "{page}");
        }
        assert!(told[4].contains("you said Hello."), "{}", told[4]);
        assert!(told[3].contains("opened a file (1)"), "{}", told[3]);
        assert!(!told[3].contains("opened a file (2)"), "{}", told[3]);
        let whole = pages(&hanna, &id).await;
        for page in [&whole[1], &whole[3], &whole[5]] {
            // The page of a submission writes dates in words.
            let born = page.contains(BORN) || page.contains("12 April 1985");
            assert_eq!(born, private, "{page}");
        }
        assert_eq!(whole[3].contains("opened a file (2)"), private, "{}", whole[3]);
        seen.push(told.iter().map(|page| plain(page, &id)).collect::<Vec<_>>());
    }
    for (with, without) in seen[0].iter().zip(&seen[1]) {
        assert_eq!(with, without, "a page tells whether what it does not show was filled in");
    }
}
