//! Passkeys over HTTPS: made by an invitation and in the account, taken alone and in the place of a code, removed; and every answer
//! that must not be taken.

#[path = "support/staff.rs"]
mod console;
mod support;

use console::{DAY, PASSWORD, Place, Staff, between, cookie, words};
use letterlock::policy::Role;
use reqwest::Response;
use serde_json::Value;
use support::authenticator::{Authenticator, Truth};
use support::{document, owner};

/// Where the browser is.
fn truth(place: &Place) -> Truth {
    Truth::at(&format!("https://localhost:{}", place.service.address.port()))
}

/// What the service asks for at `path`, and the cookie that it sets, if any.
async fn options(
    place: &Place,
    path: &str,
    cookie: Option<&str>,
    pairs: &[(&str, &str)],
) -> (u16, Value, Option<String>) {
    let request = place.service.form(path, pairs);
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let set =
        answer.headers().get("set-cookie").map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned());
    let (status, body) = document(answer).await;
    (status, body, set)
}

/// Takes an invitation up with a password and a passkey on `device`. Returns the recovery codes too.
async fn take_up<'a>(place: &'a Place, token: &str, device: &mut Authenticator) -> (Vec<String>, Staff<'a>) {
    let path = format!("/staff/welcome/{token}");
    let page = place.service.form(&path, &[("new-password", PASSWORD), ("again", PASSWORD)]).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("data-passkey=\"make\""));
    let (status, asked, _) = options(place, &format!("{path}/passkey/options"), None, &[]).await;
    assert_eq!(status, 200, "{asked}");
    let answer = device.make(&asked, &truth(place)).to_string();
    let done = place.service.form(&format!("{path}/passkey"), &[("name", "Key <1>"), ("answer", &answer)]);
    let done = done.send().await.unwrap();
    assert_eq!(done.status(), 200);
    let staff = Staff { place, cookie: cookie(&done, "__Host-staff"), device: cookie(&done, "__Host-device") };
    let page = done.text().await.unwrap();
    let codes = page.split("<li>").skip(1).map(|rest| rest.split("</li>").next().unwrap().to_owned()).collect();
    (codes, staff)
}

/// Asks for a sign-in by passkey alone, and answers it.
async fn alone(place: &Place, device: &mut Authenticator, truth: &Truth) -> Response {
    let (status, asked, cookie) = options(place, "/staff/sign-in/passkey/options", None, &[]).await;
    assert_eq!(status, 200, "{asked}");
    assert_eq!(asked["publicKey"]["userVerification"], "required");
    assert_eq!(asked["publicKey"]["allowCredentials"], serde_json::json!([]), "nobody is named to a stranger");
    let answer = device.prove(&asked, truth).to_string();
    send(place, "/staff/sign-in/passkey", &cookie.unwrap(), &answer).await
}

async fn send(place: &Place, path: &str, cookie: &str, answer: &str) -> Response {
    place.service.form(path, &[("answer", answer)]).header("cookie", cookie).send().await.unwrap()
}

/// The password was right; what comes second is asked for.
async fn half(place: &Place, login: &str) -> String {
    cookie(&place.try_password(login, PASSWORD, None).await, "__Host-staff")
}

/// Adds a passkey in the account.
async fn add(staff: &Staff<'_>, name: &str, device: &mut Authenticator, truth: &Truth) -> Response {
    let guard = staff.guard().await;
    let path = "/staff/account/passkeys/options";
    let (status, asked, _) = options(staff.place, path, Some(&staff.cookie), &[("_guard", &guard)]).await;
    assert_eq!(status, 200, "{asked}");
    let answer = device.make(&asked, truth).to_string();
    staff.post("/staff/account/passkeys", &[("name", name), ("answer", &answer)]).await
}

fn is_in(place: &Place, answer: &Response) -> Option<String> {
    (answer.status() == 303 && answer.headers()["location"] == "/staff")
        .then(|| cookie(answer, "__Host-staff"))
        .inspect(|cookie| {
            assert!(
                letterlock::services::sign_in::find(&place.service.app, cookie.split_once('=').unwrap().1).is_some()
            )
        })
}

#[tokio::test]
async fn a_passkey_is_made_by_an_invitation_and_lets_its_holder_in_alone() {
    let place = Place::new().await;
    let mut device = Authenticator::new();
    let (codes, hanna) = take_up(&place, &place.invite("hanna", &[Role::Hr]).await, &mut device).await;
    assert_eq!(codes.len(), 10);
    assert!(hanna.is_in().await);
    assert_eq!(device.user.len(), 16, "the account's number, and nothing of its holder");
    let answer = alone(&place, &mut device, &truth(&place)).await;
    let cookie = is_in(&place, &answer).expect("signed in");
    let page = Staff { place: &place, cookie, device: String::new() }.page("/staff/account").await;
    assert!(page.contains("Key &#60;1&#62;") && page.contains("with a passkey"), "{page}");
    // After the password, in the place of a code; and a recovery code works there too, as does nothing that looks like a code.
    let token = half(&place, "hanna").await;
    let shown = place.service.request("GET", "/staff/sign-in").header("cookie", &token).send().await.unwrap();
    let shown = shown.text().await.unwrap();
    assert!(shown.contains("Use a passkey") && shown.contains("recovery code"), "{shown}");
    assert_eq!(place.try_code(&token, "000000").await.status(), 422);
    let (status, asked, _) = options(&place, "/staff/sign-in/code/passkey/options", Some(&token), &[]).await;
    assert_eq!((status, asked["publicKey"]["allowCredentials"].as_array().unwrap().len()), (200, 1));
    let answer = device.prove(&asked, &truth(&place)).to_string();
    let done = send(&place, "/staff/sign-in/code/passkey", &token, &answer).await;
    assert!(is_in(&place, &done).is_some());
    let token = half(&place, "hanna").await;
    assert_eq!(place.try_code(&token, &codes[0]).await.status(), 303);
}

#[tokio::test]
async fn an_answer_that_is_not_true_lets_nobody_in() {
    let place = Place::new().await;
    let mut device = Authenticator::new();
    take_up(&place, &place.invite("hanna", &[Role::Hr]).await, &mut device).await;
    let good = truth(&place);
    let lies = [
        ("another origin", Truth { origin: "https://evil.example".to_owned(), ..good.clone() }),
        ("another port", Truth { origin: "https://localhost:1".to_owned(), ..good.clone() }),
        ("no encryption", Truth { origin: good.origin.replace("https", "http"), ..good.clone() }),
        ("a name below", Truth { origin: good.origin.replace("localhost", "a.localhost"), ..good.clone() }),
        ("another party", Truth { party: Some("evil.example"), ..good.clone() }),
        ("nobody was recognised", Truth { verified: false, ..good.clone() }),
        ("nobody was there", Truth { present: false, ..good.clone() }),
        ("a registration", Truth { kind: Some("webauthn.create"), ..good.clone() }),
        ("another challenge", Truth { challenge: Some("A".repeat(43)), ..good.clone() }),
    ];
    let mut pages = Vec::new();
    for (what, lie) in &lies {
        let (status, page) = words(alone(&place, &mut device, lie).await).await;
        assert_eq!(status, 422, "{what}");
        pages.push(page);
        // A password without the rest counts as a failed try.
        place.later(1000);
        let token = half(&place, "hanna").await;
        let (_, asked, _) = options(&place, "/staff/sign-in/code/passkey/options", Some(&token), &[]).await;
        let answer = device.prove(&asked, lie).to_string();
        let done = send(&place, "/staff/sign-in/code/passkey", &token, &answer).await;
        assert_eq!(done.status(), 422, "{what}, after the password");
    }
    // A device that nobody knows, one that says it is somebody else's, and a passkey of nobody: the same answer.
    let mut stranger = Authenticator::new();
    stranger.user.clone_from(&device.user);
    pages.push(words(alone(&place, &mut stranger, &good).await).await.1);
    let user = std::mem::replace(&mut device.user, vec![7; 16]);
    pages.push(words(alone(&place, &mut device, &good).await).await.1);
    device.user = Vec::new();
    pages.push(words(alone(&place, &mut device, &good).await).await.1);
    device.user = user;
    for junk in ["", "{}", "[", "null", &"{".repeat(5000), &"a".repeat(10_000)] {
        let (_, _, cookie) = options(&place, "/staff/sign-in/passkey/options", None, &[]).await;
        pages.push(words(send(&place, "/staff/sign-in/passkey", &cookie.unwrap(), junk).await).await.1);
    }
    assert!(pages[0].contains("This passkey was not taken"), "{}", pages[0]);
    assert!(pages.iter().all(|page| *page == pages[0]), "every refusal looks alike");
    assert!(is_in(&place, &alone(&place, &mut device, &good).await).is_some(), "and the truth is taken");
}

#[tokio::test]
async fn an_answer_is_good_once_for_its_browser_and_not_for_long() {
    let place = Place::new().await;
    let mut device = Authenticator::new();
    take_up(&place, &place.invite("hanna", &[Role::Hr]).await, &mut device).await;
    let good = truth(&place);
    let path = "/staff/sign-in/passkey";
    let ask = async || {
        let (_, asked, cookie) = options(&place, "/staff/sign-in/passkey/options", None, &[]).await;
        (asked, cookie.unwrap())
    };
    let (asked, mine) = ask().await;
    let answer = device.prove(&asked, &good).to_string();
    let (_, theirs) = ask().await;
    assert_eq!(send(&place, path, &theirs, &answer).await.status(), 422, "in another browser");
    assert!(is_in(&place, &send(&place, path, &mine, &answer).await).is_some());
    assert_eq!(send(&place, path, &mine, &answer).await.status(), 422, "once");
    let (asked, mine) = ask().await;
    let answer = device.prove(&asked, &good).to_string();
    assert_eq!(send(&place, path, &mine, "{}").await.status(), 422);
    assert_eq!(send(&place, path, &mine, &answer).await.status(), 422, "a wrong answer uses the question up");
    let (asked, mine) = ask().await;
    let answer = device.prove(&asked, &good).to_string();
    place.later(300);
    assert_eq!(send(&place, path, &mine, &answer).await.status(), 422, "after five minutes");
    // Nor does an answer to the one question do for the other.
    let token = half(&place, "hanna").await;
    let (asked, _) = ask().await;
    options(&place, "/staff/sign-in/code/passkey/options", Some(&token), &[]).await;
    let answer = device.prove(&asked, &good).to_string();
    assert_eq!(send(&place, "/staff/sign-in/code/passkey", &token, &answer).await.status(), 422);
}

#[tokio::test]
async fn a_counter_that_goes_back_is_noticed_and_written_down() {
    let place = Place::new().await;
    let mut device = Authenticator::new();
    take_up(&place, &place.invite("hanna", &[Role::Hr]).await, &mut device).await;
    device.counter = 10;
    assert!(is_in(&place, &alone(&place, &mut device, &truth(&place)).await).is_some());
    // A copy from before.
    for counter in [3, 10] {
        device.counter = counter;
        assert_eq!(alone(&place, &mut device, &truth(&place)).await.status(), 422, "{counter}");
    }
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    assert_eq!(trail.to_string().matches("there may be a copy of it").count(), 2, "{trail}");
    device.counter = 11;
    assert!(is_in(&place, &alone(&place, &mut device, &truth(&place)).await).is_some());
}

#[tokio::test]
async fn passkeys_are_added_and_removed_and_every_session_ends() {
    let place = Place::new().await;
    let (secret, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let other = place.sign_in("hanna", &secret).await;
    let (mut first, good) = (Authenticator::new(), truth(&place));
    // What is not true is not added, and a name has to be one.
    for (what, lie) in [
        ("another origin", Truth { origin: "https://evil.example".to_owned(), ..good.clone() }),
        ("another party", Truth { party: Some("evil.example"), ..good.clone() }),
        ("nobody was recognised", Truth { verified: false, ..good.clone() }),
        ("a sign-in", Truth { kind: Some("webauthn.get"), ..good.clone() }),
        ("another challenge", Truth { challenge: Some("A".repeat(43)), ..good.clone() }),
    ] {
        assert_eq!(add(&hanna, "x", &mut first, &lie).await.status(), 422, "{what}");
    }
    for name in ["", "  ", "a\nb", &"x".repeat(61)] {
        assert_eq!(add(&hanna, name, &mut first, &good).await.status(), 422, "{name:?}");
    }
    assert!(hanna.is_in().await && other.is_in().await, "nothing has changed yet");
    let (status, page) = words(add(&hanna, "Laptop", &mut first, &good).await).await;
    assert!(status == 200 && page.contains("Your passkey is added"), "{page}");
    assert!(!hanna.is_in().await && !other.is_in().await);

    let entered = alone(&place, &mut first, &good).await;
    let hanna = Staff { place: &place, cookie: is_in(&place, &entered).unwrap(), device: String::new() };
    // The device is told what it has, and the same passkey is not taken twice, nor for another account.
    let guard = hanna.guard().await;
    let path = "/staff/account/passkeys/options";
    let (_, asked, _) = options(&place, path, Some(&hanna.cookie), &[("_guard", &guard)]).await;
    assert_eq!(asked["publicKey"]["excludeCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(add(&hanna, "Again", &mut first, &good).await.status(), 422);
    let (_, _, henry) = place.take_up(&place.invite("henry", &[Role::Hr]).await).await;
    assert_eq!(add(&henry, "Hers", &mut first, &good).await.status(), 422);
    // Its holder is still hanna.
    first.user = bytes_of(&asked);
    // Somebody else's session removes nothing of hers.
    let page = hanna.page("/staff/account").await;
    let id = between(&page, "/staff/account/passkeys/", "/removal");
    let removal = format!("/staff/account/passkeys/{id}/removal");
    assert_eq!(henry.post(&removal, &[]).await.status(), 404);
    let (status, page) = words(hanna.post(&removal, &[]).await).await;
    assert!(status == 200 && page.contains("The passkey is removed"), "{page}");
    assert!(!hanna.is_in().await);
    assert_eq!(alone(&place, &mut first, &good).await.status(), 422, "it opens nothing any more");
    place.sign_in("hanna", &secret).await;
}

fn bytes_of(asked: &Value) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD.decode(asked["publicKey"]["user"]["id"].as_str().unwrap().as_bytes()).unwrap()
}

#[tokio::test]
async fn the_last_way_in_stays_and_a_disabled_account_has_none() {
    let place = Place::new().await;
    let (mut device, good) = (Authenticator::new(), truth(&place));
    let (_, hanna) = take_up(&place, &place.invite("hanna", &[Role::Hr]).await, &mut device).await;
    let page = hanna.page("/staff/account").await;
    let id = between(&page, "/staff/account/passkeys/", "/removal");
    let (status, page) = words(hanna.post(&format!("/staff/account/passkeys/{id}/removal"), &[]).await).await;
    assert!(status == 422 && page.contains("Please add another passkey first"), "{page}");
    assert!(hanna.is_in().await);
    // Another account's passkey is not taken after her password.
    let mut other = Authenticator::new();
    take_up(&place, &place.invite("henry", &[Role::Hr]).await, &mut other).await;
    let token = half(&place, "hanna").await;
    let (_, asked, _) = options(&place, "/staff/sign-in/code/passkey/options", Some(&token), &[]).await;
    let answer = other.prove(&asked, &good).to_string();
    assert_eq!(send(&place, "/staff/sign-in/code/passkey", &token, &answer).await.status(), 422);
    let henry = std::mem::replace(&mut other.user, device.user.clone());
    let (_, asked, _) = options(&place, "/staff/sign-in/code/passkey/options", Some(&token), &[]).await;
    let answer = other.prove(&asked, &good).to_string();
    assert_eq!(send(&place, "/staff/sign-in/code/passkey", &token, &answer).await.status(), 422);
    // Recovered: what she had is worth nothing. Disabled: the same.
    let app = &place.service.app;
    letterlock::services::sign_in::recover(app, &owner(Role::Admin), "hanna", DAY).await.unwrap();
    assert_eq!(alone(&place, &mut device, &good).await.status(), 422);
    other.user = henry;
    assert!(is_in(&place, &alone(&place, &mut other, &good).await).is_some());
    letterlock::services::staff::disable(app, &owner(Role::Admin), "henry").await.unwrap();
    assert_eq!(alone(&place, &mut other, &good).await.status(), 422);
}

#[tokio::test]
async fn without_an_address_there_are_none() {
    let service = support::Service::start().await;
    for path in ["/staff/sign-in/passkey/options", "/staff/sign-in/code/passkey/options"] {
        let status = service.form(path, &[]).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 303 | 404), "{path}: {status}");
    }
    let page = service.get("/staff/sign-in", None).await.text().await.unwrap();
    assert!(!page.contains("passkey.js") && !page.contains("Or with a passkey"), "{page}");
    for bad in ["https://127.0.0.1:8443", "http://vault.example", "https://[::1]", "vault.example", ""] {
        assert!(service.app.set_site(bad).is_err(), "{bad}");
    }
}
