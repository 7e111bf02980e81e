//! People in front of the console.

use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::{Clock, ManualClock, Timestamp};
use letterlock::crypto::password::Cost;
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::sign_in;
use reqwest::{RequestBuilder, Response};

use crate::support::{Service, owner};

const PASSWORD: &str = "purple otter eats soap";

/// A service with a clock of its own.
pub(crate) struct Place {
    pub(crate) service: Service,
    pub(crate) clock: Arc<ManualClock>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with_forms(FormSet::default()).await
    }

    pub(crate) async fn with_forms(forms: FormSet) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let service = Service::with_clock(forms, clock.clone(), |_| ()).await;
        service.app.set_password_cost(Cost::FLOOR);
        Self { service, clock }
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Somebody who is invited and has signed in.
    pub(crate) async fn staff(&self, login: &str, roles: &[Role]) -> Staff<'_> {
        let day = Duration::from_secs(24 * 60 * 60);
        let made = sign_in::invite(&self.service.app, &owner(Role::Admin), login, roles, None, day).await.unwrap();
        let path = format!("/staff/welcome/{}", made.token.expose());
        let page = self.service.form(&path, &[("new-password", PASSWORD), ("again", PASSWORD)]);
        let page = page.send().await.unwrap().text().await.unwrap();
        let secret = between(&page, "class=\"code big\">", "<").replace(' ', "");
        let code = code_at(&*self.clock, &secret);
        let answer = self.service.form(&format!("{path}/code"), &[("code", &code)]).send().await.unwrap();
        let cookies: Vec<&str> = answer.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
        let session = cookies.iter().find(|line| line.starts_with("__Host-staff")).unwrap();
        Staff { place: self, cookie: session.split(';').next().unwrap().to_owned() }
    }
}

/// Somebody with a browser.
pub(crate) struct Staff<'a> {
    place: &'a Place,
    cookie: String,
}

impl Staff<'_> {
    pub(crate) async fn send(&self, request: RequestBuilder) -> Response {
        request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(self.place.service.request("GET", path)).await
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        let status = answer.status();
        let page = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {page}");
        page
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Response {
        let guard = between(&self.page("/staff").await, "name=\"_guard\" value=\"", "\"");
        let pairs: Vec<_> = pairs.iter().copied().chain([("_guard", guard.as_str())]).collect();
        self.send(self.place.service.form(path, &pairs)).await
    }

    /// A post that is taken. Returns where it leads.
    pub(crate) async fn done(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let answer = self.post(path, pairs).await;
        let status = answer.status();
        let location = answer.headers().get("location").map(|l| l.to_str().unwrap().to_owned());
        assert_eq!(status, 303, "{path}: {}", answer.text().await.unwrap());
        location.unwrap()
    }
}

fn code_at(clock: &dyn Clock, secret: &str) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(bytes).with_account_name("x").build().unwrap();
    totp.generate(u64::try_from(clock.now().as_millis() / 1000).unwrap()).to_string()
}

pub(crate) fn between(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap().0.to_owned()
}
