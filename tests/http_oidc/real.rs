//! Against oidc-provider, which is certified for OpenID Connect, with its own pages: as a browser goes through them.

use letterlock::services::sign_in::CALLBACK;
use reqwest::{Client, Response};

use crate::house::set_service;
use crate::outside::{Provider, SECRET};
use crate::staff::between;
use crate::support::{Service, client, owner};
use letterlock::policy::Role;
use letterlock::services::audit;

/// A browser, as far as cookies and redirects make one.
fn browser() -> Client {
    drop(client(true));
    Client::builder().danger_accept_invalid_certs(true).cookie_store(true).build().unwrap()
}

async fn text(answer: Response) -> String {
    let (status, url) = (answer.status(), answer.url().clone());
    let page = answer.text().await.unwrap();
    assert_eq!(status, 200, "{url}: {page}");
    page
}

fn leads_to(page: &str) -> String {
    between(page, "content=\"0;url=", "\"").replace("&#38;", "&").replace("&amp;", "&")
}

/// From a page of ours that leads to the provider, through its pages as `name`, and back to ours.
async fn through(browser: &Client, page: &str, name: &str) -> Response {
    let mut answer = browser.get(leads_to(page)).send().await.unwrap();
    for _ in 0..4 {
        if answer.url().path() == CALLBACK {
            return answer;
        }
        let (here, page) = (answer.url().clone(), text(answer).await);
        let action = here.join(&between(&page, "action=\"", "\"")).unwrap();
        let prompt = between(&page, "name=\"prompt\" value=\"", "\"");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("prompt", &prompt);
        if prompt == "login" {
            form.append_pair("login", name).append_pair("password", "x");
        }
        let kind = "application/x-www-form-urlencoded";
        answer = browser.post(action).header("content-type", kind).body(form.finish()).send().await.unwrap();
    }
    panic!("not back by now: {}", answer.url());
}

async fn post(service: &Service, browser: &Client, path: &str, body: &str) -> Response {
    let kind = "application/x-www-form-urlencoded";
    let request = browser.post(service.url(path).replace("127.0.0.1", "localhost"));
    let request = request.header("content-type", kind).header("sec-fetch-site", "same-origin");
    request.body(body.to_owned()).send().await.unwrap()
}

async fn page(service: &Service, browser: &Client, path: &str) -> String {
    text(browser.get(service.url(path).replace("127.0.0.1", "localhost")).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_provider_signs_in_and_confirms_and_its_groups_are_roles() {
    for algorithm in ["RS256", "ES256"] {
        let service = Service::start().await;
        let redirect = format!("https://localhost:{}{CALLBACK}", service.address.port());
        let provider = Provider::start(&redirect, algorithm);
        let root = std::fs::read(&provider.root).unwrap();
        set_service(&service, &provider.issuer, Some(SECRET), Some(root), true);

        let jane = browser();
        let away = text(post(&service, &jane, "/staff/sign-in/provider", "").await).await;
        let back = text(through(&jane, &away, "jane+vault-hr").await).await;
        assert!(back.contains("You are signed in"), "{back}");
        let account = page(&service, &jane, "/staff/account").await;
        assert!(
            account.contains("<strong>Here</strong>, through the provider") && account.contains("jane"),
            "{account}"
        );

        // The provider knows them still; before what is grave they have to sign in there once more.
        let guard = between(&account, "name=\"_guard\" value=\"", "\"");
        let asked = post(&service, &jane, "/staff/account/passkeys/options", &format!("_guard={guard}")).await;
        assert!(asked.url().path() == "/staff/confirm", "{}", asked.url());
        let away = post(&service, &jane, "/staff/confirm/provider", &format!("_guard={guard}&to=/staff/account")).await;
        let back = text(through(&jane, &text(away).await, "jane+vault-hr").await).await;
        assert!(back.contains("It is you") && leads_to(&back) == "/staff/account", "{back}");
        let asked = post(&service, &jane, "/staff/account/passkeys/options", &format!("_guard={guard}")).await;
        assert_eq!(asked.url().path(), "/staff/account/passkeys/options");

        // Somebody else of the same name at another time is not her, and nobody without a group comes in.
        let ann = browser();
        let away = text(post(&service, &ann, "/staff/sign-in/provider", "").await).await;
        let back = through(&ann, &away, "ann").await;
        assert_eq!(back.status(), 403);
        assert!(back.text().await.unwrap().contains("none of your groups"));

        let trail = audit::list(&service.app, &owner(Role::Auditor), None, Some(200)).await.unwrap();
        let trail: String = trail.items.iter().rev().map(|entry| format!("{}\n", entry["detail"])).collect();
        for wanted in
            ["signed in through the provider", "confirmed through the provider", "no group of theirs has a role"]
        {
            assert!(trail.contains(wanted), "{wanted}: {trail}");
        }
        assert!(!trail.contains("subject of") && !trail.contains("eyJ"), "{trail}");
    }
}
