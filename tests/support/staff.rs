//! Somebody who works in the console: invited, signed in, with a browser's cookies. By a clock that is turned by hand.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::{Clock, ManualClock, Timestamp};
use letterlock::crypto::password::Cost;
use letterlock::domain::form::FormSet;
use letterlock::http::Limits;
use letterlock::policy::Role;
use letterlock::services::sign_in;
use reqwest::{RequestBuilder, Response};

use crate::support::{Service, owner};

pub(crate) const PASSWORD: &str = "purple otter eats soap";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Place {
    pub(crate) service: Service,
    pub(crate) clock: Arc<ManualClock>,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with_forms(FormSet::default()).await
    }

    pub(crate) async fn with_forms(forms: FormSet) -> Self {
        Self::with(forms, crate::support::free_limits()).await
    }

    /// With these limits, and so many failed sign-ins a minute.
    pub(crate) async fn limited(limits: Limits, failures: u32) -> Self {
        Self::with(FormSet::default(), Limits { auth_failures_per_minute: failures, ..limits }).await
    }

    async fn with(forms: FormSet, limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let service = Service::with_clock(forms, clock.clone(), |config| config.limits = limits).await;
        service.app.set_password_cost(Cost::FLOOR);
        service.app.set_site(&format!("https://localhost:{}", service.address.port())).unwrap();
        Self { service, clock }
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The time, in seconds since 1970.
    pub(crate) fn clock_seconds(&self) -> i64 {
        self.clock.now().as_millis() / 1000
    }

    pub(crate) async fn invite(&self, login: &str, roles: &[Role]) -> String {
        let made = sign_in::invite(&self.service.app, &owner(Role::Admin), login, roles, None, DAY).await.unwrap();
        made.token.expose().to_owned()
    }

    /// Takes an invitation up. Returns the secret of the codes, the recovery codes, and who has signed in by it.
    pub(crate) async fn take_up(&self, token: &str) -> (String, Vec<String>, Staff<'_>) {
        let path = format!("/staff/welcome/{token}");
        let page = self.service.form(&path, &[("new-password", PASSWORD), ("again", PASSWORD)]);
        let page = page.send().await.unwrap().text().await.unwrap();
        let secret = between(&page, "class=\"code big\">", "<").replace(' ', "");
        let answer = self.service.form(&format!("{path}/code"), &[("code", &self.code(&secret))]).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let staff =
            Staff { place: self, cookie: cookie(&answer, "__Host-staff"), device: cookie(&answer, "__Host-device") };
        let page = answer.text().await.unwrap();
        let codes = page.split("<li>").skip(1).map(|rest| rest.split("</li>").next().unwrap().to_owned()).collect();
        (secret, codes, staff)
    }

    /// The code of now.
    pub(crate) fn code(&self, secret: &str) -> String {
        code_at(&*self.clock, secret)
    }
    pub(crate) async fn try_password(&self, login: &str, password: &str, device: Option<&str>) -> Response {
        let request = self.service.form("/staff/sign-in", &[("login", login), ("password", password)]);
        let request = match device {
            Some(device) => request.header("cookie", device),
            None => request,
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn try_code(&self, cookie: &str, code: &str) -> Response {
        self.service.form("/staff/sign-in/code", &[("code", code)]).header("cookie", cookie).send().await.unwrap()
    }

    pub(crate) async fn sign_in(&self, login: &str, secret: &str) -> Staff<'_> {
        self.later(60);
        let first = self.try_password(login, PASSWORD, None).await;
        assert_eq!(first.status(), 303, "{}", first.text().await.unwrap());
        let second = self.try_code(&cookie(&first, "__Host-staff"), &self.code(secret)).await;
        assert_eq!((second.status().as_u16(), second.headers()["location"].to_str().unwrap()), (303, "/staff"));
        Staff { place: self, cookie: cookie(&second, "__Host-staff"), device: cookie(&second, "__Host-device") }
    }
}

/// Somebody with a browser.
pub(crate) struct Staff<'a> {
    pub(crate) place: &'a Place,
    pub(crate) cookie: String,
    pub(crate) device: String,
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
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.text().await.unwrap()
    }

    pub(crate) async fn guard(&self) -> String {
        between(&self.page("/staff").await, "name=\"_guard\" value=\"", "\"")
    }

    pub(crate) async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Response {
        let guard = self.guard().await;
        let pairs: Vec<_> = pairs.iter().copied().chain([("_guard", guard.as_str())]).collect();
        self.send(self.place.service.form(path, &pairs)).await
    }

    pub(crate) async fn is_in(&self) -> bool {
        self.get("/staff").await.status() == 200
    }
}

/// How long the trail is.
pub(crate) async fn entries(place: &Place) -> u64 {
    letterlock::services::audit::head(&place.service.app, &owner(Role::Auditor)).await.unwrap().size
}

/// The code that an authenticator program shows.
pub(crate) fn code_at(clock: &dyn Clock, secret: &str) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(bytes).with_account_name("x").build().unwrap();
    totp.generate(u64::try_from(clock.now().as_millis() / 1000).unwrap()).to_string()
}

pub(crate) fn between(page: &str, from: &str, to: &str) -> String {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap().0.to_owned()
}

/// `NAME=VALUE` of a cookie that an answer sets; its attributes are what they have to be.
pub(crate) fn cookie(answer: &Response, name: &str) -> String {
    let all: Vec<&str> = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let ours = all.iter().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {all:?}"));
    let (pair, rest) = ours.split_once(';').unwrap();
    assert!(rest.starts_with(" Path=/; Secure; HttpOnly; SameSite=Strict"), "{rest}");
    pair.to_owned()
}

pub(crate) async fn words(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}
