//! A privacy officer, from a request to be erased that came in to its certificate, without a script.

use serde_json::{Value, json};

use super::{HOSTILE, PLAIN, Worker};
use crate::chrome::Chrome;
use crate::served::{Served, client};

async fn ask(served: &Served, email: &str, subject: &str, message: &str) -> String {
    let fields = json!({ "name": "Jane Example", "email": email, "subject-line": subject, "message": message });
    let url = format!("{}/api/v1/forms/support-request/submissions", served.url);
    let answer = client().post(url).json(&json!({ "fields": fields })).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json::<Value>().await.unwrap()["submission"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_a_privacy_officer() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    ask(&served, "jane@example.org", "It is stuck", HOSTILE).await;
    let request = ask(&served, "jane@example.org", "Please erase me", &format!("All of it. {HOSTILE}")).await;
    let single = ask(&served, "omar@example.org", "Sent by mistake", "Please delete this one.").await;
    ask(&served, "omar@example.org", "Another one", "This shall stay.").await;

    let (pia, _) = Worker::invited(&served, &chrome, PLAIN, "pia", "privacy").await;
    pia.enter(".forms a[href*=support-request]").await;
    pia.sees("Ask our support team").await;
    pia.enter(&format!(".lines a[href*='{request}']")).await;
    pia.sees("Please erase me").await;
    pia.is_text().await;

    // By the address that is on the page, typed into another.
    pia.enter(".bar a[href='/staff/erasure']").await;
    pia.put("#email", "nobody@example.org").await;
    pia.enter("form[action='/staff/erasure'] button").await;
    pia.sees("Nobody is held under this address").await;
    pia.put("#email", "Jane@Example.org").await;
    pia.enter("form[action='/staff/erasure'] button").await;
    let page = pia.sees("Somebody is held under this address").await;
    assert!(page.contains("2 submissions") && !page.contains("jane@"), "{page}");
    assert_eq!(pia.path().await, "/staff/erasure", "the address is in none");
    pia.is_text().await;
    pia.enter("a.button[href^='/staff/erasure/people/']").await;
    pia.sees("It cannot be undone.").await;
    pia.put("#confirmation", "erase 1").await;
    pia.enter("button.grave").await;
    pia.sees("Please type “erase 2”.").await;
    // Something comes in meanwhile.
    ask(&served, "jane@example.org", "And this, too", "Please.").await;
    pia.put("#confirmation", "erase 2").await;
    pia.enter("button.grave").await;
    pia.sees("something has changed").await;
    pia.put("#confirmation", " Erase  3").await;
    pia.enter("button.grave").await;
    pia.sees("This person was erased").await;
    let at = pia.path().await;
    // A reload does nothing once more.
    pia.browser.refresh().await.unwrap();
    pia.sees("3 submissions, 0 files").await;
    let file = pia.download(&chrome, "a[download]", &served.scratch().join("pia")).await;
    std::fs::write(served.scratch().join("certificate.json"), &file).unwrap();
    let key = client().get(format!("{}/.well-known/letterlock-erasure-key", served.url)).send().await.unwrap();
    let key = key.text().await.unwrap();
    let certificate = served.scratch().join("certificate.json");
    let told = served.cli(&["erasure", "verify", certificate.to_str().unwrap(), "--key", key.trim()]);
    assert!(told.contains("valid") && !told.contains("NOT VALID"), "{told}");
    pia.goto(&format!("/staff/record/{request}?purpose=subject-request")).await;
    pia.never_shows(&["jane@example.org", "Please erase me"]).await;

    // One submission, from its page.
    pia.goto(&format!("/staff/record/{single}?purpose=subject-request")).await;
    pia.sees("Sent by mistake").await;
    pia.enter(&format!("a.button[href='/staff/erasure/records/{single}']")).await;
    pia.sees("Erase this submission?").await;
    pia.put("#confirmation", "erase").await;
    pia.enter("button.grave").await;
    pia.sees("This submission was erased").await;
    // And a certificate of before, by its handle.
    pia.enter(".back a").await;
    pia.put("#handle", at.rsplit('/').next().unwrap()).await;
    pia.enter("form[action='/staff/erasure/certificates'] button").await;
    pia.sees("This person was erased").await;
    assert_eq!(pia.path().await, at);
    pia.leave(&["jane@example.org", "Please erase me", "omar@example.org"]).await;
}
