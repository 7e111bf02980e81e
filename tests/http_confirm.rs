//! What is grave in the console: asked once more who it is, for what is changed of how one signs in; and that an administrator is left.

#[path = "support/staff.rs"]
mod console;
mod support;

use console::{DAY, PASSWORD, Place, Staff, between, code_at, words};
use letterlock::http::{Who, routes};
use letterlock::policy::Role;
use letterlock::services::{ServiceError, sign_in, staff};
use reqwest::Response;
use support::authenticator::{Authenticator, Truth};
use support::{document, owner};

const NEW: &str = "yellow badger drinks ink";

/// Longer than anybody counts as proven.
const STALE: u64 = 600;

fn leads_to(answer: &Response) -> (u16, &str) {
    (answer.status().as_u16(), answer.headers().get("location").map_or("", |to| to.to_str().unwrap()))
}

async fn confirm(staff: &Staff<'_>, password: &str, code: &str) -> Response {
    let pairs = [("password", password), ("code", code), ("to", "/staff/account")];
    staff.post("/staff/confirm", &pairs).await
}

#[tokio::test]
async fn whatever_is_grave_is_asked_once_more_and_does_nothing_before() {
    let place = Place::new().await;
    let (secret, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let hanna = place.sign_in("hanna", &secret).await;
    let other = place.sign_in("hanna", &secret).await;
    place.later(STALE);
    let grave: Vec<_> = routes().iter().filter(|route| route.who == Who::Fresh).collect();
    for needed in ["changePassword", "renewRecovery", "addPasskey", "removePasskey", "completeCodes", "removeCodes"] {
        assert!(grave.iter().any(|route| route.operation == needed), "{needed} is not grave");
    }
    for route in &grave {
        let path = route.path.replace("{id}", &"a".repeat(26));
        let pairs = [("password", PASSWORD), ("new-password", NEW), ("again", NEW), ("code", "000000"), ("name", "x")];
        let asked = hanna.post(&path, &pairs).await;
        // The page that the form stands on: `/staff/account`, `/staff/people`, `/staff/requests`, or that of whom it is about.
        let deep = if path.starts_with("/staff/erasure/") { 4 } else { 2 };
        let (end, _) = path.match_indices('/').nth(deep).unwrap();
        assert_eq!(leads_to(&asked), (303, &*format!("/staff/confirm?to={}", &path[..end])), "{path}");
    }
    assert!(hanna.page("/staff/account").await.contains("you will be asked once more"));
    // Not by half of it, nor by a code that was used.
    let code = code_at(&*place.clock, &secret);
    for (password, code) in [("wrong", code.as_str()), (PASSWORD, "000000"), (PASSWORD, ""), ("", code.as_str())] {
        let (status, page) = words(confirm(&hanna, password, code).await).await;
        assert!(status == 422 && page.contains("This was not taken"), "{password} {code}: {page}");
    }
    assert_eq!(leads_to(&hanna.post("/staff/account/codes", &[]).await).0, 303, "still not");
    place.later(60);
    let code = code_at(&*place.clock, &secret);
    assert_eq!(leads_to(&confirm(&hanna, PASSWORD, &code).await), (303, "/staff/account"));
    assert!(!hanna.page("/staff/account").await.contains("you will be asked once more"));
    assert_eq!(hanna.post("/staff/account/codes", &[]).await.status(), 200, "proven");
    assert_eq!(leads_to(&other.post("/staff/account/codes", &[]).await).0, 303, "in the one session only");
    assert_eq!(confirm(&other, PASSWORD, &code).await.status(), 422, "a code counts once");
    place.later(STALE);
    assert_eq!(leads_to(&hanna.post("/staff/account/codes", &[]).await).0, 303, "and not for ever");
}

#[tokio::test]
async fn who_confirms_is_led_back_into_the_console_and_nowhere_else() {
    let place = Place::new().await;
    let (secret, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let hanna = place.sign_in("hanna", &secret).await;
    for (to, page) in
        [("/staff/account", "/staff/account"), ("//evil.example", "/staff"), ("https://evil.example", "/staff")]
    {
        place.later(60);
        let code = code_at(&*place.clock, &secret);
        let pairs = [("password", PASSWORD), ("code", code.as_str()), ("to", to)];
        assert_eq!(leads_to(&hanna.post("/staff/confirm", &pairs).await), (303, page), "{to}");
        let shown = hanna.page(&format!("/staff/confirm?to={to}")).await;
        assert!(shown.contains(&format!("name=\"to\" value=\"{page}\"")), "{shown}");
    }
}

#[tokio::test]
async fn a_passkey_confirms_and_only_ones_own() {
    let place = Place::new().await;
    let truth = Truth::at(&format!("https://localhost:{}", place.service.address.port()));
    let (secret, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (_, _, henry) = place.take_up(&place.invite("henry", &[Role::Hr]).await).await;
    let (mut mine, mut his) = (Authenticator::new(), Authenticator::new());
    for (staff, device) in [(&hanna, &mut mine), (&henry, &mut his)] {
        let answer = staff.post("/staff/account/passkeys/options", &[]).await;
        let made = device.make(&document(answer).await.1, &truth).to_string();
        assert_eq!(staff.post("/staff/account/passkeys", &[("name", "Key"), ("answer", &made)]).await.status(), 200);
    }
    let hanna = place.sign_in("hanna", &secret).await;
    place.later(STALE);
    let ask = async || document(hanna.post("/staff/confirm/passkey/options", &[]).await).await.1;
    let send = async |answer: &str| {
        hanna.post("/staff/confirm/passkey", &[("answer", answer), ("to", "/staff/account")]).await
    };
    let proof = his.prove(&ask().await, &truth).to_string();
    assert_eq!(send(&proof).await.status(), 422, "somebody else's");
    let unseen = Truth { verified: false, ..truth.clone() };
    let proof = mine.prove(&ask().await, &unseen).to_string();
    assert_eq!(send(&proof).await.status(), 422, "nobody was recognised");
    assert_eq!(leads_to(&hanna.post("/staff/account/codes", &[]).await).0, 303, "still not");
    let proof = mine.prove(&ask().await, &truth).to_string();
    assert_eq!(leads_to(&send(&proof).await), (303, "/staff/account"));
    assert_eq!(hanna.post("/staff/account/codes", &[]).await.status(), 200);
    assert_eq!(send(&proof).await.status(), 422, "an answer counts once");
}

#[tokio::test]
async fn an_authenticator_program_is_replaced_and_taken_away() {
    let place = Place::new().await;
    let truth = Truth::at(&format!("https://localhost:{}", place.service.address.port()));
    let (old, codes, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    assert_eq!(
        hanna.post("/staff/account/codes/removal", &[]).await.status(),
        422,
        "the last thing beside the password"
    );
    // The phone is lost: in by a recovery code.
    let half = console::cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    let done = place.try_code(&half, &codes[0]).await;
    let hanna = Staff { place: &place, cookie: console::cookie(&done, "__Host-staff"), device: String::new() };
    let page = hanna.post("/staff/account/codes", &[]).await.text().await.unwrap();
    let new = between(&page, "class=\"code big\">", "<").replace(' ', "");
    assert_ne!(new, old);
    let (status, page) = words(hanna.post("/staff/account/codes/confirmation", &[("code", "000000")]).await).await;
    assert!(status == 422 && page.replace(' ', "").contains(&new), "{page}");
    assert!(hanna.is_in().await);
    let code = code_at(&*place.clock, &new);
    assert_eq!(hanna.post("/staff/account/codes/confirmation", &[("code", &code)]).await.status(), 200);
    assert!(!hanna.is_in().await, "every session ends");
    place.later(60);
    let half = console::cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    assert_eq!(place.try_code(&half, &code_at(&*place.clock, &old)).await.status(), 422, "the lost one counts no more");
    let hanna = place.sign_in("hanna", &new).await;
    // With a passkey, the program can go.
    let mut device = Authenticator::new();
    let made = device.make(&document(hanna.post("/staff/account/passkeys/options", &[]).await).await.1, &truth);
    let made = made.to_string();
    assert_eq!(hanna.post("/staff/account/passkeys", &[("name", "Key"), ("answer", &made)]).await.status(), 200);
    let hanna = place.sign_in("hanna", &new).await;
    assert_eq!(hanna.post("/staff/account/codes/removal", &[]).await.status(), 200);
    assert!(!hanna.is_in().await);
    place.later(60);
    let half = console::cookie(&place.try_password("hanna", PASSWORD, None).await, "__Host-staff");
    assert_eq!(place.try_code(&half, &code_at(&*place.clock, &new)).await.status(), 422);
}

#[tokio::test]
async fn new_recovery_codes_end_every_other_session() {
    let place = Place::new().await;
    let (secret, _, _) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (here, there) = (place.sign_in("hanna", &secret).await, place.sign_in("hanna", &secret).await);
    assert_eq!(here.post("/staff/account/recovery", &[("password", PASSWORD)]).await.status(), 200);
    assert!(here.is_in().await && !there.is_in().await);
}

#[tokio::test]
async fn other_roles_end_every_session_and_count_at_once() {
    let place = Place::new().await;
    place.service.ask_support("sam@example.org").await;
    let (secret, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (app, admin) = (&place.service.app, owner(Role::Admin));
    sign_in::change_roles(app, &admin, "hanna", &[Role::Support]).await.unwrap();
    assert!(!hanna.is_in().await);
    let hanna = place.sign_in("hanna", &secret).await;
    let home = hanna.page("/staff").await;
    assert!(home.contains("form=support-request") && !home.contains("form=job-application"), "{home}");
    let none = sign_in::change_roles(app, &admin, "hanna", &[]).await;
    assert!(matches!(none, Err(ServiceError::Invalid(_))));
    for role in [Role::Hr, Role::Privacy, Role::Auditor] {
        let refused = sign_in::change_roles(app, &owner(role), "hanna", &[Role::Admin]).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden | ServiceError::NotFound)), "{role}");
    }
    let unknown = sign_in::change_roles(app, &admin, "nobody", &[Role::Hr]).await;
    assert!(matches!(unknown, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let place = Place::new().await;
    let (app, owner) = (&place.service.app, owner(Role::Admin));
    let (_, _, ada) = place.take_up(&place.invite("ada", &[Role::Admin]).await).await;
    // One who is invited only, or was disabled, or is a program, is none.
    place.invite("waiting", &[Role::Admin]).await;
    place.service.token(&[Role::Admin]).await;
    let refused = |done: Result<(), ServiceError>| match done {
        Err(ServiceError::Invalid(problems)) => assert_eq!(problems[0].code, "the-last-administrator"),
        other => panic!("{other:?}"),
    };
    refused(staff::disable(app, &owner, "ada").await);
    refused(sign_in::change_roles(app, &owner, "ada", &[Role::Hr]).await);
    assert!(ada.is_in().await);
    sign_in::change_roles(app, &owner, "ada", &[Role::Hr, Role::Admin]).await.unwrap();
    // With another one, either may go, but not both: not at once either.
    place.take_up(&place.invite("bob", &[Role::Admin]).await).await;
    let hr = [Role::Hr];
    let (one, other) = tokio::join!(staff::disable(app, &owner, "ada"), sign_in::change_roles(app, &owner, "bob", &hr));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    // Whoever lost the way in begins anew.
    let last = if one.is_ok() { "bob" } else { "ada" };
    let again = sign_in::recover(app, &owner, last, DAY).await.unwrap();
    place.take_up(again.token.expose()).await;
    refused(staff::disable(app, &owner, last).await);
}
