//! The console's page of accounts: invitations, tokens, and an end to both; and that nothing one administrator does there alone comes
//! to what takes two.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::policy::{Actor, Role, Scope};
use letterlock::services::staff as accounts;
use letterlock::services::{Context, ServiceError, approvals, sign_in};
use staff::{Place, Staff, between, words};
use support::owner;

const PAGE: &str = "/staff/people";
const POSTS: [&str; 6] = [
    "/staff/people/invitations",
    "/staff/people/recovery",
    "/staff/people/end",
    "/staff/people/region",
    "/staff/people/tokens",
    "/staff/people/tokens/revocation",
];

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> Staff<'a> {
    place.take_up(&place.invite(login, roles).await).await.2
}

async fn roles_of(place: &Place, login: &str) -> Option<Vec<Role>> {
    let all = accounts::overview(&place.service.app, &owner(Role::Admin)).await.unwrap();
    all.into_iter().find(|person| person.account.login == login).map(|person| person.roles)
}

/// What is refused because it takes two, with the way to where two do it.
#[track_caller]
fn takes_two((status, page): (u16, String), what: &str) {
    assert_eq!(status, 422, "{what}: {page}");
    assert!(
        page.contains("That was not done") && page.contains("<a href=\"/staff/requests\">Go to Requests</a>"),
        "{what}: {page}"
    );
    assert!(page.contains("on the machine"), "{what}: the owner's way is named");
}

#[tokio::test]
async fn only_administrators_see_accounts_and_change_them() {
    let place = Place::new().await;
    for role in Role::ALL {
        let staff = person(&place, role.as_str(), &[role]).await;
        let may = role == Role::Admin;
        assert_eq!(staff.get(PAGE).await.status(), if may { 200 } else { 403 }, "{role:?}");
        assert_eq!(staff.page("/staff").await.contains("href=\"/staff/people\""), may, "{role:?}");
        for path in POSTS.iter().filter(|_| !may) {
            let token = "t".repeat(26);
            let pairs = [("login", "eve"), ("role", "hr"), ("sure", "yes"), ("days", "1"), ("token", token.as_str())];
            let status = staff.post(path, &pairs).await.status().as_u16();
            assert!(status == 403 || (status == 404 && path.ends_with("revocation")), "{role:?} {path}: {status}");
        }
    }
    assert_eq!(roles_of(&place, "eve").await, None);
}

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_shown_once_and_let_in_anew() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    let typed = [("login", "hanna"), ("role", "hr"), ("role", "support"), ("email", "hanna@example.org")];
    let (status, page) = words(anna.post("/staff/people/invitations", &typed).await).await;
    let link = between(&page, "class=\"code big\">", "<");
    assert!(status == 200 && page.contains("Shown once") && link.starts_with("https://localhost:"), "{page}");
    let token = link.rsplit('/').next().unwrap();
    let page = anna.page(PAGE).await;
    assert!(
        page.contains("HR, Support") && page.contains("Invited; the link is good until") && !page.contains(token),
        "{page}"
    );
    let (_, _, hanna) = place.take_up(token).await;
    let page = anna.page(PAGE).await;
    assert!(
        page.contains("Signs in with a password and codes, signed in now") && page.contains("hanna@example.org"),
        "{page}"
    );
    // What was typed is told and kept, and nothing of it is taken for words of the page.
    let typed = [("login", "<b>x"), ("role", "hr"), ("email", "\"><i>")];
    let (status, page) = words(anna.post("/staff/people/invitations", &typed).await).await;
    assert!(status == 422 && page.contains("value=\"&#60;b&#62;x\"") && !page.contains("<i>"), "{page}");
    assert!(page.contains("value=\"hr\" checked"), "{page}");
    // Let in anew: only on purpose, and what she had is worth nothing.
    assert_eq!(anna.post("/staff/people/recovery", &[("login", "hanna")]).await.status(), 422);
    assert!(hanna.is_in().await);
    let anew = [("login", "hanna"), ("sure", "yes")];
    let (status, page) = words(anna.post("/staff/people/recovery", &anew).await).await;
    assert!(status == 200 && page.contains("A new way in for hanna"), "{page}");
    assert!(!hanna.is_in().await);
    let (_, _, hanna) = place.take_up(between(&page, "class=\"code big\">", "<").rsplit('/').next().unwrap()).await;
    assert_eq!(roles_of(&place, "hanna").await, Some(vec![Role::Hr, Role::Support]));
    // Where she reads.
    let region = |name: &'static str| [("login", "hanna"), ("region", name)];
    assert_eq!(anna.post("/staff/people/region", &region("za")).await.status(), 303);
    assert!(anna.page(PAGE).await.contains("<dt>Reads in</dt><dd>za</dd>"));
    assert_eq!(anna.post("/staff/people/region", &region("Z!")).await.status(), 422);
    assert_eq!(anna.post("/staff/people/region", &region("")).await.status(), 303);
    // The end.
    assert_eq!(anna.post("/staff/people/end", &[("login", "hanna")]).await.status(), 422);
    assert_eq!(anna.post("/staff/people/end", &anew).await.status(), 303);
    assert!(!hanna.is_in().await);
    assert!(anna.page(PAGE).await.contains("<dd>Disabled</dd>"));
}

#[tokio::test]
async fn a_token_is_shown_once_with_its_scope_and_revoked() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    let typed = |days: &'static str| {
        [
            ("login", "site"),
            ("role", "support"),
            ("days", days),
            ("action", "list-submissions"),
            ("form", "support-request"),
        ]
    };
    for bad in ["0", "1096", "x", ""] {
        let (status, page) = words(anna.post("/staff/people/tokens", &typed(bad)).await).await;
        assert!(status == 422 && page.contains("1 to 1095 days"), "{bad}: {page}");
    }
    assert_eq!(roles_of(&place, "site").await, None, "nothing was made");
    let (status, page) = words(anna.post("/staff/people/tokens", &typed("30")).await).await;
    let bearer = between(&page, "class=\"code big\">", "<");
    assert!(status == 200 && bearer.starts_with("llt_"), "{page}");
    let list = |form: &'static str| format!("/api/v1/submissions?form={form}");
    let get = async |path: &str| place.service.get(path, Some(&bearer)).await.status().as_u16();
    assert_eq!((get(&list("support-request")).await, get(&list("general-enquiry")).await), (200, 404));
    let page = anna.page(PAGE).await;
    assert!(
        page.contains("A program: acts by its tokens") && page.contains("List submissions; support-request"),
        "{page}"
    );
    assert!(!page.contains(&bearer) && !page.contains("<td data-label=\"Last used\">Never</td>"), "{page}");
    let id = between(&page, "name=\"token\" value=\"", "\"");
    assert_eq!(anna.post("/staff/people/tokens/revocation", &[("token", &id)]).await.status(), 303);
    assert_eq!(get(&list("support-request")).await, 401);
    assert!(anna.page(PAGE).await.contains("<td data-label=\"Ends\">Revoked</td>"));
    assert_eq!(anna.post("/staff/people/tokens/revocation", &[("token", "x")]).await.status(), 404);
}

#[tokio::test]
async fn what_is_grave_asks_once_more_who_it_is() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    place.later(11 * 60);
    for path in POSTS.iter().filter(|path| !path.ends_with("revocation")) {
        let answer = anna.post(path, &[("login", "eve"), ("role", "hr"), ("sure", "yes"), ("days", "1")]).await;
        let to = answer.headers()["location"].to_str().unwrap();
        assert_eq!((answer.status().as_u16(), to), (303, "/staff/confirm?to=/staff/people"), "{path}");
    }
    assert_eq!(roles_of(&place, "eve").await, None);
    assert!(anna.page(PAGE).await.contains("/staff/confirm?to=/staff/people"));
}

#[tokio::test]
async fn nobody_is_made_an_administrator_or_privacy_officer_by_one_alone() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    for role in ["admin", "privacy"] {
        for path in ["/staff/people/invitations", "/staff/people/tokens"] {
            let typed = [("login", "dora"), ("role", "hr"), ("role", role), ("days", "1")];
            takes_two(words(anna.post(path, &typed).await).await, &format!("{path} {role}"));
        }
    }
    assert_eq!(roles_of(&place, "dora").await, None, "no account was left behind");
    // Nor by inviting again who waits with an invitation: with other roles, or as whom the owner of the machine invited.
    place.invite("hanna", &[Role::Hr]).await;
    let ben = place.invite("ben", &[Role::Admin]).await;
    let invite = async |login: &str, role: &str| {
        words(anna.post("/staff/people/invitations", &[("login", login), ("role", role)]).await).await
    };
    takes_two(invite("hanna", "support").await, "other roles");
    takes_two(invite("ben", "hr").await, "who is to be an administrator");
    assert_eq!(invite("hanna", "hr").await.0, 200, "the same once more");
    assert_eq!(roles_of(&place, "ben").await, Some(vec![Role::Admin]));
    let (_, _, ben) = place.take_up(&ben).await;
    assert!(ben.is_in().await, "the owner's invitation stayed good");
    // Nor by the service that changes roles, whoever should call it one day.
    let ctx = acting(&place, "anna").await;
    let alone = sign_in::change_roles(&place.service.app, &ctx, "hanna", &[Role::Admin]).await;
    assert!(matches!(&alone, Err(ServiceError::Invalid(problems)) if problems[0].code == "needs-two"), "{alone:?}");
}

#[tokio::test]
async fn nobody_alone_gets_into_the_account_of_an_administrator_or_ends_it() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    let ben = person(&place, "ben", &[Role::Admin, Role::Hr]).await;
    let paula = person(&place, "paula", &[Role::Privacy, Role::Hr]).await;
    for login in ["ben", "paula", "anna"] {
        let sure = [("login", login), ("sure", "yes")];
        takes_two(words(anna.post("/staff/people/recovery", &sure).await).await, &format!("recovery of {login}"));
        takes_two(words(anna.post("/staff/people/end", &sure).await).await, &format!("the end of {login}"));
    }
    for login in ["ben", "paula"] {
        // A role that they have as well, and that one alone hands out: the token would act as them all the same.
        let token = [("login", login), ("role", "hr"), ("days", "1")];
        takes_two(words(anna.post("/staff/people/tokens", &token).await).await, &format!("a token of {login}"));
    }
    assert!(anna.is_in().await && ben.is_in().await && paula.is_in().await, "nobody's session has ended");
    let page = anna.page(PAGE).await;
    assert!(
        !page.contains("action=\"/staff/people/recovery\"") && !page.contains("action=\"/staff/people/end\""),
        "{page}"
    );
    // Where one reads, another says.
    let own = [("login", "anna"), ("region", "za")];
    takes_two(words(anna.post("/staff/people/region", &own).await).await, "one's own region");
    // The owner of the machine is not held up.
    sign_in::recover(&place.service.app, &owner(Role::Admin), "ben", staff::DAY).await.unwrap();
    accounts::disable(&place.service.app, &owner(Role::Admin), "paula").await.unwrap();
}

#[tokio::test]
async fn nobody_gets_into_an_account_that_is_about_to_become_an_administrator() {
    let place = Place::new().await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    let ben = person(&place, "ben", &[Role::Admin]).await;
    person(&place, "hanna", &[Role::Hr]).await;
    place.invite("carl", &[Role::Hr]).await;
    let sure = [("login", "hanna"), ("sure", "yes")];
    // Whoever made an invitation may hold its link: nothing is asked for who has not taken it up.
    for (login, status) in [("hanna", 303), ("carl", 422)] {
        let wanted = [("kind", "roles"), ("login", login), ("role", "privacy"), ("reason", "She takes over.")];
        assert_eq!(anna.post("/staff/requests", &wanted).await.status(), status, "{login}");
    }
    let asked = approvals::list(&place.service.app, &owner(Role::Admin)).await.unwrap();
    // While it is asked for, and once it is approved.
    for approved in [false, true] {
        for one in asked.iter().filter(|_| approved) {
            assert_eq!(ben.post(&format!("/staff/requests/{}/approval", one.id), &[]).await.status(), 303);
        }
        takes_two(words(anna.post("/staff/people/recovery", &sure).await).await, "recovery");
        let token = [("login", "hanna"), ("role", "hr"), ("days", "1")];
        takes_two(words(anna.post("/staff/people/tokens", &token).await).await, "a token");
    }
    // Taken back, it is an account as any other.
    for one in &asked {
        assert_eq!(anna.post(&format!("/staff/requests/{}/refusal", one.id), &[]).await.status(), 303);
    }
    assert_eq!(anna.post("/staff/people/recovery", &sure).await.status(), 200);
}

/// Somebody as the services see them.
async fn acting(place: &Place, login: &str) -> Context {
    let all = accounts::list(&place.service.app, &owner(Role::Admin)).await.unwrap();
    let id = all.into_iter().find(|account| account.login == login).unwrap().id;
    let actor = Actor::Staff { id, login: login.to_owned(), roles: vec![Role::Admin], scope: Scope::default() };
    Context { actor, ..owner(Role::Admin) }
}
