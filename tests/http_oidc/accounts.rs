//! Whose accounts they are, what they may do, and that neither way in leads to an account of the other.

use letterlock::policy::Role;
use letterlock::services::{ServiceError, approvals, sign_in, staff as accounts};
use serde_json::json;

use crate::house::{House, STALE, leaving, person, told};
use crate::staff::{DAY, words};
use crate::support::owner;

async fn logins(house: &House) -> Vec<String> {
    let all = accounts::list(&house.place.service.app, &owner(Role::Admin)).await.unwrap();
    all.into_iter().map(|account| account.login).collect()
}

fn is_invalid<T>(outcome: Result<T, ServiceError>) -> bool {
    matches!(outcome, Err(ServiceError::Invalid(_)))
}

#[tokio::test]
async fn nobody_takes_an_account_over_by_what_they_are_called() {
    let house = House::new().await;
    let (_, _, local) = house.place.take_up(&house.place.invite("jane.doe", &[Role::Admin]).await).await;
    let first = house.enter_as(person("one", "jane.doe", &["vault-hr"])).await;
    let second = house.enter_as(person("two", "jane.doe", &["vault-hr"])).await;
    let again = house.enter_as(person("one", "somebody.else", &["vault-hr"])).await;
    assert_eq!(logins(&house).await, ["jane.doe", "jane.doe-2", "jane.doe-3"]);
    let listed = accounts::list(&house.place.service.app, &owner(Role::Admin)).await.unwrap();
    assert_eq!(listed.iter().map(|account| account.provider).collect::<Vec<_>>(), [false, true, true]);
    for (staff, login) in
        [(&local, "jane.doe"), (&first, "jane.doe-2"), (&second, "jane.doe-3"), (&again, "jane.doe-2")]
    {
        assert!(
            staff.page("/staff").await.contains(&format!("{login} ")) || staff.page("/staff").await.contains(login)
        );
    }
    assert!(!first.page("/staff").await.contains("Administrator"), "no administrator, whatever they are called");
    assert!(local.page("/staff").await.contains("Administrator"));
    // And by the name of one that is disabled, or of a program.
    let app = &house.place.service.app;
    accounts::disable(app, &owner(Role::Admin), "jane.doe-3").await.unwrap();
    accounts::create_token(app, &owner(Role::Admin), "robot", &[Role::Hr], None).await.unwrap();
    house.enter_as(person("three", "jane.doe-3", &["vault-hr"])).await;
    house.enter_as(person("four", "robot", &["vault-hr"])).await;
    assert_eq!(logins(&house).await.last().unwrap(), "robot-2");
}

#[tokio::test]
async fn an_account_of_the_provider_gets_no_way_in_of_ours() {
    let house = House::new().await;
    house.provider.script(|_| ());
    let jane = house.enter().await;
    let (app, admin) = (&house.place.service.app, owner(Role::Admin));
    assert!(is_invalid(sign_in::invite(app, &admin, "jane.doe", &[Role::Admin], None, DAY).await));
    assert!(is_invalid(sign_in::recover(app, &admin, "jane.doe", DAY).await));
    assert!(is_invalid(sign_in::change_roles(app, &admin, "jane.doe", &[Role::Admin]).await));
    let tried = house.place.try_password("jane.doe", crate::staff::PASSWORD, None).await;
    assert!(tried.status() == 422, "there is no password");
    for (path, pairs) in [
        (
            "/staff/account/password",
            vec![("password", ""), ("new-password", "x y z x y z x y z"), ("again", "x y z x y z x y z")],
        ),
        ("/staff/account/recovery", vec![("password", "")]),
        ("/staff/account/codes", vec![]),
        ("/staff/account/passkeys/options", vec![]),
        ("/staff/confirm", vec![("password", ""), ("code", "123456")]),
    ] {
        let status = jane.post(path, &pairs).await.status().as_u16();
        assert!(status == 404 || status == 303, "{path}: {status}");
    }
    assert!(jane.is_in().await, "nothing of that ended the session");
}

#[tokio::test]
async fn roles_are_what_the_provider_says_each_time() {
    let house = House::new().await;
    let first = house.enter_as(person("one", "ann", &["vault-hr"])).await;
    let same = house.enter_as(person("one", "ann", &["vault-hr", "other"])).await;
    assert!(first.is_in().await, "nothing has changed");
    let admin = house.enter_as(person("one", "ann", &["vault-admins", "vault-audit"])).await;
    assert!(!first.is_in().await && !same.is_in().await, "sessions by the old roles have ended");
    assert_eq!(admin.get("/staff/audit").await.status(), 200);
    assert!(house.changes().await.contains(&"roles are now auditor, admin, by the provider".to_owned()));

    house.provider.script(|script| script.claims = person("one", "ann", &["Vault-HR"]));
    let (status, page, _) = told(&house, house.go().await).await;
    assert!(status == 403 && page.contains("none of your groups"), "{page}");
    assert!(!admin.is_in().await, "nor do those who have none any more stay");
    let changes = house.changes().await;
    assert_eq!(
        changes[changes.len() - 2..],
        ["no role any more, by the provider", "sign-in through the provider refused: no group of theirs has a role"]
    );
    house.provider.script(|script| script.claims = person("new", "bob", &[]));
    let (status, _, entry) = told(&house, house.go().await).await;
    assert!(status == 403 && entry.contains("no group of theirs has a role"), "{entry}");
    assert_eq!(logins(&house).await, ["ann"], "who has no role gets no account");
}

#[tokio::test]
async fn who_is_disabled_stays_out_and_sessions_end() {
    let house = House::new().await;
    let ann = house.enter_as(person("one", "ann", &["vault-hr"])).await;
    accounts::disable(&house.place.service.app, &owner(Role::Admin), "ann").await.unwrap();
    assert!(!ann.is_in().await);
    let (status, page, _) = told(&house, house.go().await).await;
    assert!(status == 403 && page.contains("disabled"), "{page}");
    assert_eq!(house.changes().await.last().unwrap(), "sign-in through the provider refused: the account is disabled");
    assert_eq!(logins(&house).await, ["ann"]);
    let bea = house.enter_as(person("two", "bea", &["vault-hr"])).await;
    for _ in 0..7 {
        house.place.later(55 * 60);
        assert!(bea.is_in().await);
    }
    house.place.later(61 * 60);
    assert!(!bea.is_in().await, "an hour without use");
}

#[tokio::test]
async fn before_what_is_grave_the_provider_is_asked_anew() {
    let house = House::new().await;
    let now = || house.place.clock_seconds();
    let jane = house.enter_as(json!({})).await;
    let asked = jane.post("/staff/account/passkeys/options", &[]).await;
    assert_eq!(asked.headers()["location"], "/staff/confirm?to=/staff/account", "nobody said when they signed in");
    let page = jane.page("/staff/confirm?to=/staff/account").await;
    assert!(page.contains("Sign in with Example &#60;Login&#62; once more") && !page.contains("name=\"password\""));

    let cases = [
        ("no time", json!({ "auth_time": null }), 403),
        ("before", json!({ "auth_time": now() - 120 }), 403),
        ("in the future", json!({ "auth_time": now() + 120 }), 403),
        ("somebody else", json!({ "auth_time": now(), "sub": "two" }), 403),
        ("jane", json!({ "auth_time": now() }), 200),
    ];
    for (what, claims, wanted) in cases {
        house.provider.script(|script| script.claims = claims);
        let (cookie, url) = leaving(jane.post("/staff/confirm/provider", &[("to", "/staff/account")]).await).await;
        let asked: Vec<_> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        assert!(asked.contains(&"prompt=login".to_owned()) && asked.contains(&"max_age=0".to_owned()), "{asked:?}");
        let answer = house.come_back(Some(&cookie), &house.provider.authorize(&url)).await;
        let (status, page) = words(answer).await;
        assert_eq!(status, wanted, "{what}: {page}");
        let fresh = jane.post("/staff/account/passkeys/options", &[]).await.status() != 303;
        assert_eq!(fresh, wanted == 200, "{what}");
        assert!(wanted != 200 || page.contains("url=/staff/account"), "{page}");
    }
    assert_eq!(house.changes().await.last().unwrap(), "confirmed through the provider");
    house.place.later(STALE);
    assert_eq!(jane.post("/staff/account/passkeys/options", &[]).await.status(), 303, "not for long");
    // Who has just signed in there is not asked twice, if the provider says so.
    let just = house.enter_as(json!({ "auth_time": now() })).await;
    assert_ne!(just.post("/staff/account/passkeys/options", &[]).await.status(), 303);
    // A local account is not confirmed by a provider.
    let (_, _, local) = house.place.take_up(&house.place.invite("local", &[Role::Hr]).await).await;
    assert_eq!(local.post("/staff/confirm/provider", &[("to", "/staff")]).await.status(), 404);
}

#[tokio::test]
async fn a_confirmation_takes_over_what_the_provider_says_by_now() {
    let house = House::new().await;
    let ann = house.enter_as(person("one", "ann", &["vault-hr"])).await;
    let other = house.enter().await;
    let mut claims = person("one", "ann", &["vault-admins"]);
    claims["auth_time"] = json!(house.place.clock_seconds());
    house.provider.script(|script| script.claims = claims);
    let (cookie, url) = leaving(ann.post("/staff/confirm/provider", &[("to", "/staff")]).await).await;
    assert_eq!(house.come_back(Some(&cookie), &house.provider.authorize(&url)).await.status(), 200);
    assert!(ann.is_in().await && !other.is_in().await, "this session goes on with the new roles");
    assert!(ann.page("/staff").await.contains("Administrator"));
    // Signed out meanwhile: nothing is confirmed.
    let (cookie, url) = leaving(ann.post("/staff/confirm/provider", &[("to", "/staff")]).await).await;
    ann.post("/staff/sign-out", &[]).await;
    assert_eq!(house.come_back(Some(&cookie), &house.provider.authorize(&url)).await.status(), 422);
}

#[tokio::test]
async fn two_people_of_the_provider_are_two_people() {
    let house = House::new().await;
    let now = house.place.clock_seconds();
    let admin = |subject: &str, called: &str| {
        let mut claims = person(subject, called, &["vault-admins"]);
        claims["auth_time"] = json!(now);
        claims
    };
    let ann = house.enter_as(admin("one", "ann")).await;
    let bob = house.enter_as(admin("two", "bob")).await;
    let (_, _, _local) = house.place.take_up(&house.place.invite("carl", &[Role::Hr]).await).await;
    let wanted = [("kind", "roles"), ("login", "carl"), ("role", "admin"), ("reason", "Ann leaves.")];
    assert_eq!(ann.post("/staff/requests", &wanted).await.status(), 303);
    let id = approvals::list(&house.place.service.app, &owner(Role::Admin)).await.unwrap()[0].id;
    let [approve, perform] = ["approval", "use"].map(|what| format!("/staff/requests/{id}/{what}"));
    assert_eq!(ann.post(&approve, &[]).await.status(), 403, "not one's own");
    assert_eq!(bob.post(&approve, &[]).await.status(), 303);
    // Whoever approved it has lost the role by the time it is done.
    house.provider.script(|script| script.claims = person("two", "bob", &["vault-hr"]));
    house.enter().await;
    let done = words(ann.post(&perform, &[]).await).await;
    assert!(done.0 == 422 && done.1.contains("may not do so any more"), "{}", done.1);
    // What the provider decides, nobody here decides.
    let wanted = [("kind", "roles"), ("login", "bob"), ("role", "admin"), ("reason", "Bob comes back.")];
    let (status, page) = words(ann.post("/staff/requests", &wanted).await).await;
    assert!(status == 422 && page.contains("groups there"), "{page}");
}

#[tokio::test]
async fn without_passwords_the_provider_is_the_only_way_in() {
    let house = House::with(None, false).await;
    let page = house.place.service.get("/staff/sign-in", None).await.text().await.unwrap();
    assert!(
        page.contains("Sign in with") && !page.contains("name=\"password\"") && !page.contains("passkey"),
        "{page}"
    );
    assert_eq!(house.place.try_password("jane", "x", None).await.status(), 404);
    let asked = house.place.service.form("/staff/sign-in/passkey/options", &[]).send().await.unwrap();
    assert_eq!(asked.status(), 404);
    let token = house.place.invite("jane", &[Role::Hr]).await;
    assert_eq!(house.place.service.get(&format!("/staff/welcome/{token}"), None).await.status(), 404);
    house.enter().await;
}
