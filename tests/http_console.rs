//! What people do in the console beside reading and answering: their own address.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::policy::Role;
use letterlock::services::staff as accounts;
use staff::{Place, words};
use support::owner;

async fn address(place: &Place, login: &str) -> Option<String> {
    let listed = accounts::list(&place.service.app, &owner(Role::Admin)).await.unwrap();
    let found = listed.into_iter().find(|account| account.login == login).unwrap();
    found.email.map(|email| email.expose().to_owned())
}

#[tokio::test]
async fn people_set_their_own_address_and_nobody_elses() {
    let place = Place::new().await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (_, _, sam) = place.take_up(&place.invite("sam", &[Role::Auditor]).await).await;
    let set = async |email: &str| hanna.post("/staff/account/email", &[("email", email)]).await;
    assert_eq!(set(" Hanna.qzxw@Example.org ").await.status(), 303);
    assert_eq!(address(&place, "hanna").await.as_deref(), Some("Hanna.qzxw@Example.org"));
    assert!(hanna.page("/staff/account").await.contains("value=\"Hanna.qzxw@Example.org\""));
    let other = sam.page("/staff/account").await;
    assert!(other.contains("name=\"email\" value=\"\"") && !other.contains("qzxw"), "{other}");
    let wrong = "\"><b>nobody@";
    let (status, page) = words(set(wrong).await).await;
    assert!(status == 422 && page.contains("value=\"&#34;&#62;&#60;b&#62;nobody@\""), "what was typed stays: {page}");
    assert!(page.contains("id=\"email-problem\">") && page.contains("aria-invalid"), "{page}");
    assert_eq!(address(&place, "hanna").await.as_deref(), Some("Hanna.qzxw@Example.org"));
    assert_eq!(set(" ").await.status(), 303);
    assert_eq!(address(&place, "hanna").await, None);
    accounts::disable(&place.service.app, &owner(Role::Admin), "hanna").await.unwrap();
    assert_eq!(hanna.get("/staff/account").await.status(), 303, "signed out");
}
