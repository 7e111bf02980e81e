//! Staff sign in through a provider of OpenID Connect: a real one, and one that lies.

mod accounts;
mod hostile;
mod house;
#[path = "../support/oidc.rs"]
mod outside;
mod real;
#[path = "../support/staff.rs"]
mod staff;
#[path = "../support/mod.rs"]
mod support;

use hostile::{Given, Signed};
use house::{House, leaving, set, told};
use serde_json::{Value, json};
use staff::{Place, words};

#[tokio::test]
async fn somebody_with_a_group_signs_in_and_is_named_in_the_trail() {
    let house = House::with(Some("se:cret"), true).await;
    let page = house.place.service.get("/staff/sign-in", None).await.text().await.unwrap();
    assert!(page.contains("Sign in with Example &#60;Login&#62;") && page.contains("name=\"password\""), "{page}");
    for signed in [Signed::Ec, Signed::Ed] {
        house.provider.script(|script| script.signed = signed);
        let jane = house.enter().await;
        let page = jane.page("/staff/account").await;
        assert!(page.contains("jane.doe") && page.contains("through the provider"), "{page}");
        assert!(!page.contains("new-password") && !page.contains("recovery"), "nothing of ours to change: {page}");
    }
    // "vault:se%3Acret"
    assert_eq!(house.provider.authorization().as_deref(), Some("Basic dmF1bHQ6c2UlM0FjcmV0"));
    let wanted = [
        "added, of the provider",
        "roles are now hr, by the provider",
        "signed in through the provider",
        "signed in through the provider",
    ];
    assert_eq!(house.changes().await, wanted, "one account for both");
    let trail = house.trail().await.join("\n");
    for secret in ["access", "code-", "jane-7", "jane@example.org", "eyJ"] {
        assert!(!trail.contains(secret), "{secret} is in the trail");
    }
    assert_eq!(house.provider.asked(), (1, 1, 0), "asked once, and kept");
}

#[tokio::test]
async fn a_token_that_lies_in_one_point_lets_nobody_in() {
    let house = House::new().await;
    let now = 1_800_000_000_i64;
    let cases: Vec<(&str, Value, Value, Signed)> = vec![
        ("nonce", json!({ "nonce": "other" }), json!({}), Signed::Ec),
        ("no nonce", json!({ "nonce": null }), json!({}), Signed::Ec),
        ("audience", json!({ "aud": "other" }), json!({}), Signed::Ec),
        ("several audiences", json!({ "aud": ["vault", "other"] }), json!({}), Signed::Ec),
        ("asked for by another", json!({ "azp": "other" }), json!({}), Signed::Ec),
        ("issuer", json!({ "iss": "https://evil.example" }), json!({}), Signed::Ec),
        ("expired", json!({ "exp": now - 61 }), json!({}), Signed::Ec),
        ("no end", json!({ "exp": null }), json!({}), Signed::Ec),
        ("from the future", json!({ "iat": now + 120 }), json!({}), Signed::Ec),
        ("made long ago", json!({ "iat": now - 3600 }), json!({}), Signed::Ec),
        ("not yet", json!({ "nbf": now + 120 }), json!({}), Signed::Ec),
        ("hash of another access token", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }), json!({}), Signed::Ec),
        ("nobody", json!({ "sub": "" }), json!({}), Signed::Ec),
        ("unsigned", json!({}), json!({}), Signed::Not),
        ("unsigned, in capitals", json!({}), json!({ "alg": "NONE" }), Signed::Not),
        ("HMAC by the public key", json!({}), json!({}), Signed::Hmac),
        ("signed by another key", json!({}), json!({}), Signed::Forged),
        ("key of another kind", json!({}), json!({ "kid": "ed" }), Signed::Ec),
        ("unknown key", json!({}), json!({ "kid": "new" }), Signed::Ec),
        ("a key in the token", json!({}), json!({ "kid": "x", "jku": "https://evil.example/jwks" }), Signed::Ec),
        ("what has to be understood", json!({}), json!({ "crit": ["b64"], "b64": false }), Signed::Ec),
    ];
    for (what, claims, header, signed) in cases {
        house.provider.script(|script| (script.claims, script.header, script.signed) = (claims, header, signed));
        let (status, page, entry) = house.refused().await;
        assert_eq!(status, 403, "{what}: {page}");
        assert!(page.contains("was not taken"), "{what}: {page}");
        assert!(entry.contains("\"refused\"") && entry.contains("sign-in through the provider: "), "{what}: {entry}");
    }
    assert!(house.changes().await.is_empty(), "nobody got an account");
    house.provider.script(|_| ());
    house.enter().await;
}

#[tokio::test]
async fn an_answer_belongs_to_the_browser_that_asked_and_counts_once() {
    let house = House::new().await;
    let (mine, url) = house.leave().await;
    let (theirs, their_url) = house.leave().await;
    let answer = house.provider.authorize(&url);
    for (what, cookie) in
        [("without a cookie", None), ("an invented one", Some(format!("__Host-provider={}", "a".repeat(43))))]
    {
        let (status, page, _) = told(&house, house.come_back(cookie.as_deref(), &answer).await).await;
        assert!(status == 422 && page.contains("begin again"), "{what}: {page}");
    }
    // Somebody who has another follow the link of their own answer would have them act in an account of theirs.
    let (status, page, entry) = told(&house, house.come_back(Some(&theirs), &answer).await).await;
    assert!(status == 422 && entry.contains("it answers another request"), "{page} {entry}");

    // What they had begun goes on all the same.
    let their_answer = house.provider.authorize(&their_url);
    assert_eq!(house.come_back(Some(&theirs), &their_answer).await.status(), 200);

    let twice = format!("{mine}; {theirs}");
    assert_eq!(house.come_back(Some(&twice), &answer).await.status(), 422, "two cookies are none");
    assert_eq!(house.come_back(Some(&mine), &answer).await.status(), 200);
    let (status, _, _) = told(&house, house.come_back(Some(&mine), &answer).await).await;
    assert_eq!(status, 422, "a second time");
    // The same code, for another sign-in.
    let (cookie, url) = house.leave().await;
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let code = answer.split('&').find(|part| part.starts_with("code=")).unwrap();
    let replayed = format!("{code}&state={state}&iss={}", house.provider.issuer);
    let (status, _, entry) = told(&house, house.come_back(Some(&cookie), &replayed).await).await;
    assert!(status == 403 && entry.contains("does not take the code"), "{entry}");
    // Too late.
    let (cookie, url) = house.leave().await;
    house.place.later(601);
    let answer = house.provider.authorize(&url);
    assert_eq!(house.come_back(Some(&cookie), &answer).await.status(), 422);
}

/// RFC 9207, and RFC 6749 4.1.2.1.
#[tokio::test]
async fn an_answer_of_another_provider_and_an_error_are_told_in_our_words() {
    let house = House::new().await;
    let good = |url: &url::Url| house.provider.authorize(url);
    for change in [
        |query: String| query.split("&iss=").next().unwrap().to_owned(),
        |query: String| format!("{}&iss=https%3A%2F%2Fevil.example", query.split("&iss=").next().unwrap()),
    ] {
        let (cookie, url) = house.leave().await;
        let (status, _, entry) = told(&house, house.come_back(Some(&cookie), &change(good(&url))).await).await;
        assert!(status == 403 && entry.contains("another provider"), "{entry}");
    }
    for (error, wanted) in [("access_denied", "broken off"), ("server_error", "was not taken")] {
        let (cookie, url) = house.leave().await;
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let query = format!(
            "error={error}&error_description=%3Cscript%3Ealert%281%29&state={state}&iss={}",
            house.provider.issuer
        );
        let (status, page, entry) = told(&house, house.come_back(Some(&cookie), &query).await).await;
        assert!(status == 403 && page.contains(wanted) && !page.contains("script"), "{page}");
        assert!(!entry.contains("alert"), "{entry}");
    }
    for query in ["", "state=x", "code=x", "state=x&state=y&code=z"] {
        let (cookie, _) = house.leave().await;
        let (status, _, _) = told(&house, house.come_back(Some(&cookie), query).await).await;
        assert!(status == 403 || status == 422, "{query}");
    }
}

#[tokio::test]
async fn a_provider_that_says_too_much_too_slowly_or_points_elsewhere_is_not_followed() {
    let issuer = |house: &House| house.provider.issuer.clone();
    let house = House::new().await;
    let mut cases: Vec<(&str, Value, Given, u16)> = vec![
        ("huge", json!({}), Given::Huge, 403),
        ("elsewhere", json!({}), Given::Elsewhere, 403),
        ("an error", json!({}), Given::Error, 403),
        ("slow", json!({}), Given::Slow, 503),
        ("another issuer", json!({ "issuer": "https://evil.example" }), Given::Well, 403),
        ("no PKCE", json!({ "code_challenge_methods_supported": ["plain"] }), Given::Well, 403),
    ];
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for url in ["http://127.0.0.1:9/", "file:///etc/passwd", "https://a:b@localhost/", "//localhost/"] {
            cases.push((name, json!({ name: url }), Given::Well, 403));
        }
    }
    let asked = cases.len();
    for (what, document, given, wanted) in cases {
        house.provider.script(|script| (script.document, script.given) = (document.clone(), given));
        // Two at once, and one within the pause: it is asked once.
        for _ in 0..2 {
            let answer = house.place.service.form("/staff/sign-in/provider", &[]).send().await.unwrap();
            let (status, page) = words(answer).await;
            assert_eq!(status, wanted, "{what} {document}: {page}");
            assert!(!page.contains("evil.example") && !page.contains("passwd"), "{page}");
        }
        house.place.later(6);
    }
    assert_eq!(house.provider.asked(), (asked, 0, 0), "not followed anywhere");
    house.provider.script(|_| ());
    house.enter().await;
    // Whose certificate nobody has signed.
    let place = Place::new().await;
    set(&place, &issuer(&house), None, None, true);
    let answer = place.service.form("/staff/sign-in/provider", &[]).send().await.unwrap();
    assert_eq!(words(answer).await.0, 503);
    assert_eq!(place.service.get("/staff/sign-in", None).await.status(), 200, "the service is there all the same");
}

#[tokio::test]
async fn keys_that_are_unknown_are_asked_for_at_a_bounded_rate() {
    let house = House::new().await;
    house.provider.script(|script| script.no_keys = true);
    for _ in 0..3 {
        assert_eq!(house.refused().await.0, 403);
    }
    assert_eq!(house.provider.asked().1, 1, "not again just after a failure");
    house.provider.script(|_| ());
    house.place.later(6);
    house.enter().await;
    house.provider.script(|script| script.header = json!({ "kid": "new" }));
    for _ in 0..5 {
        assert_eq!(house.refused().await.0, 403);
    }
    assert_eq!(house.provider.asked().1, 2, "they were read just now");
    house.place.later(61);
    for _ in 0..5 {
        assert_eq!(house.refused().await.0, 403);
    }
    assert_eq!(house.provider.asked().1, 3, "once a minute");
    house.place.later(3601);
    house.provider.script(|_| ());
    house.enter().await;
    assert_eq!(house.provider.asked(), (2, 4, 0), "both are too old by now");
}

#[tokio::test]
async fn only_our_own_pages_send_somebody_away() {
    let house = House::new().await;
    let foreign = house.place.service.form("/staff/sign-in/provider", &[]).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let place = Place::new().await;
    assert_eq!(place.service.form("/staff/sign-in/provider", &[]).send().await.unwrap().status(), 404, "there is none");
    assert_eq!(place.service.get(letterlock::services::sign_in::CALLBACK, None).await.status(), 404);
    let (_, url) = leaving(house.place.service.form("/staff/sign-in/provider", &[]).send().await.unwrap()).await;
    let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert!(!names.contains(&"prompt".to_owned()) && !names.contains(&"code_verifier".to_owned()), "{names:?}");
}
