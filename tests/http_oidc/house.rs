//! The service beside a provider, and somebody who goes from one to the other with a browser.

use letterlock::adapters::oidc::{Provider as Outside, Settings};
use letterlock::base::sensitive::SensitiveString;
use letterlock::policy::Role;
use letterlock::services::audit;
use letterlock::services::sign_in::{CALLBACK, Federation};
use reqwest::Response;
use serde_json::{Value, json};
use url::Url;

use crate::hostile::Provider;
use crate::staff::{Place, Staff, between, cookie};
use crate::support::{Service, owner};

pub(crate) struct House {
    pub(crate) place: Place,
    pub(crate) provider: Provider,
}

/// Longer than a proof of who one is counts.
pub(crate) const STALE: u64 = 11 * 60;

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(None, true).await
    }

    pub(crate) async fn with(secret: Option<&str>, passwords: bool) -> Self {
        let place = Place::new().await;
        let provider = Provider::start(place.clock.clone()).await;
        let root = Some(provider.root.clone().into_bytes());
        set(&place, &provider.issuer, secret, root, passwords);
        Self { place, provider }
    }

    /// To the provider: the cookie, and where to.
    pub(crate) async fn leave(&self) -> (String, Url) {
        let answer = self.place.service.form("/staff/sign-in/provider", &[]).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        leaving(answer).await
    }

    /// Back from the provider.
    pub(crate) async fn come_back(&self, cookie: Option<&str>, query: &str) -> Response {
        let request = self.place.service.request("GET", &format!("{CALLBACK}?{query}"));
        let request = request.header("sec-fetch-site", "cross-site");
        let request = match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// There and back.
    pub(crate) async fn go(&self) -> Response {
        let (cookie, url) = self.leave().await;
        self.come_back(Some(&cookie), &self.provider.authorize(&url)).await
    }

    /// There and back, and in.
    pub(crate) async fn enter(&self) -> Staff<'_> {
        let answer = self.go().await;
        let cookie = (answer.status() == 200).then(|| cookie(&answer, "__Host-staff"));
        let page = answer.text().await.unwrap();
        let cookie = cookie.unwrap_or_else(|| panic!("{page}"));
        Staff { place: &self.place, cookie, device: String::new() }
    }

    /// As [`House::enter`], as whom these claims say.
    pub(crate) async fn enter_as(&self, claims: Value) -> Staff<'_> {
        self.provider.script(|script| script.claims = claims);
        self.enter().await
    }

    /// Not in: what the page says, and the newest entry of the trail.
    pub(crate) async fn refused(&self) -> (u16, String, String) {
        told(self, self.go().await).await
    }

    /// The entries of the trail, newest first, as text.
    pub(crate) async fn trail(&self) -> Vec<String> {
        let page = audit::list(&self.place.service.app, &owner(Role::Auditor), None, Some(200)).await.unwrap();
        page.items.iter().map(Value::to_string).collect()
    }

    /// What changed at accounts, oldest first.
    pub(crate) async fn changes(&self) -> Vec<String> {
        let page = audit::list(&self.place.service.app, &owner(Role::Auditor), None, Some(200)).await.unwrap();
        let change = |entry: &Value| entry["detail"]["account"]["change"].as_str().map(str::to_owned);
        page.items.iter().rev().filter_map(change).collect()
    }
}

/// A page that leads to the provider: the cookie it sets, and where it leads.
pub(crate) async fn leaving(answer: Response) -> (String, Url) {
    let all: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    let (cookie, rest) = all[0].split_once(';').unwrap();
    assert!(cookie.starts_with("__Host-provider="), "{cookie}");
    assert_eq!(rest, " Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600");
    let cookie = cookie.to_owned();
    let page = answer.text().await.unwrap();
    let url = between(&page, "content=\"0;url=", "\"").replace("&#38;", "&").replace("&amp;", "&");
    (cookie, Url::parse(&url).unwrap())
}

/// Not in, and what is told of it.
pub(crate) async fn told(house: &House, answer: Response) -> (u16, String, String) {
    let session =
        answer.headers().get_all("set-cookie").iter().any(|v| v.to_str().unwrap().starts_with("__Host-staff"));
    assert!(!session, "a session");
    let (status, page) = (answer.status().as_u16(), answer.text().await.unwrap());
    (status, page, house.trail().await.swap_remove(0))
}

/// Lets the people of a provider in.
pub(crate) fn set(place: &Place, issuer: &str, secret: Option<&str>, root: Option<Vec<u8>>, passwords: bool) {
    set_service(&place.service, issuer, secret, root, passwords);
}

/// As [`set`].
pub(crate) fn set_service(
    service: &Service,
    issuer: &str,
    secret: Option<&str>,
    root: Option<Vec<u8>>,
    passwords: bool,
) {
    let settings = Settings {
        issuer: issuer.to_owned(),
        client_id: "vault".to_owned(),
        secret: secret.map(SensitiveString::from),
        root,
        scopes: vec!["profile".to_owned()],
        redirect_uri: format!("https://localhost:{}{CALLBACK}", service.address.port()),
    };
    let groups =
        [("vault-hr", vec![Role::Hr]), ("vault-admins", vec![Role::Admin]), ("vault-audit", vec![Role::Auditor])];
    let groups = groups.into_iter().map(|(name, roles)| (name.to_owned(), roles)).collect();
    let label = "Example <Login>".to_owned();
    let provider = Outside::new(settings).unwrap();
    service.app.set_federation(Federation::new(provider, label, "groups".to_owned(), groups, passwords));
}

/// Somebody of the provider's.
pub(crate) fn person(subject: &str, called: &str, groups: &[&str]) -> Value {
    json!({ "sub": subject, "preferred_username": called, "groups": groups })
}
