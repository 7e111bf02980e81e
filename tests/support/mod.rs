//! A running service of a test's own: fresh folders, a free port, a client that takes its certificate.
#![allow(dead_code, reason = "each test binary uses a part of this")]

pub(crate) mod authenticator;
pub(crate) mod raw;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use letterlock::adapters::mail::{Carrier, Carrying, Outgoing};
use letterlock::base::clock::{Clock, SystemClock};
use letterlock::base::entropy::{Entropy, SystemEntropy};
use letterlock::base::ids::RequestId;
use letterlock::domain::form::FormSet;
use letterlock::http::{self, Certificate, HttpConfig, Limits};
use letterlock::policy::{Actor, Role};
use letterlock::services::post::Post;
use letterlock::services::{App, Context, OpenOptions, staff};
use letterlock::vault::Hooks;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// A service, stopped when the test drops it.
pub(crate) struct Service {
    /// The application behind it.
    pub(crate) app: Arc<App>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A client that speaks HTTP/2 where it can.
    pub(crate) client: Client,
    /// The folder with `data` and `keys`.
    pub(crate) dir: Arc<tempfile::TempDir>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<Result<(), http::ServeError>>>,
}

/// Limits that do not get in a test's way.
pub(crate) fn free_limits() -> Limits {
    Limits {
        per_address_per_minute: 0,
        per_form_per_minute: 0,
        auth_failures_per_minute: 0,
        min_page_seconds: 0,
        ..Limits::default()
    }
}

impl Service {
    /// With nothing limited by frequency.
    pub(crate) async fn start() -> Self {
        Self::with(free_limits()).await
    }

    /// With these limits.
    pub(crate) async fn with(limits: Limits) -> Self {
        Self::with_setup(|config| config.limits = limits).await
    }

    /// With whatever `setup` changes, and nothing limited by frequency otherwise.
    pub(crate) async fn with_setup(setup: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::with_own_forms(FormSet::default(), setup).await
    }

    /// With these forms.
    pub(crate) async fn with_own_forms(forms: FormSet, setup: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::with_hooks(forms, Hooks::default(), setup).await
    }

    /// With these limits and forms.
    pub(crate) async fn with_forms(limits: Limits, forms: FormSet) -> Self {
        Self::with_own_forms(forms, |config| config.limits = limits).await
    }

    /// With hooks in the vault.
    pub(crate) async fn with_hooks(forms: FormSet, hooks: Hooks, setup: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::with_all(forms, hooks, Arc::new(SystemClock), setup).await
    }

    /// With these forms, by this clock.
    pub(crate) async fn with_clock(forms: FormSet, clock: Arc<dyn Clock>, setup: impl FnOnce(&mut HttpConfig)) -> Self {
        Self::with_all(forms, Hooks::default(), clock, setup).await
    }

    /// With whatever `first` does to the application before it is served.
    pub(crate) async fn start_speaking(first: impl FnOnce(&App)) -> Self {
        Self::with_app(FormSet::default(), Hooks::default(), Arc::new(SystemClock), |_| (), first).await
    }

    /// With hooks in the vault, by this clock.
    pub(crate) async fn with_all(
        forms: FormSet,
        hooks: Hooks,
        clock: Arc<dyn Clock>,
        setup: impl FnOnce(&mut HttpConfig),
    ) -> Self {
        Self::with_app(forms, hooks, clock, setup, |_| ()).await
    }

    async fn with_app(
        forms: FormSet,
        hooks: Hooks,
        clock: Arc<dyn Clock>,
        setup: impl FnOnce(&mut HttpConfig),
        first: impl FnOnce(&App),
    ) -> Self {
        let dir = Arc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        Self::at(dir, forms, hooks, clock, setup, first).await
    }

    /// Started again in the folder of one that was stopped.
    pub(crate) async fn again(dir: Arc<tempfile::TempDir>) -> Self {
        Self::again_with(dir, |_| ()).await
    }

    /// As [`Service::again`], with whatever `first` does to the application before it is served.
    pub(crate) async fn again_with(dir: Arc<tempfile::TempDir>, first: impl FnOnce(&App)) -> Self {
        Self::at(dir, FormSet::default(), Hooks::default(), Arc::new(SystemClock), |_| (), first).await
    }

    async fn at(
        dir: Arc<tempfile::TempDir>,
        forms: FormSet,
        hooks: Hooks,
        clock: Arc<dyn Clock>,
        setup: impl FnOnce(&mut HttpConfig),
        first: impl FnOnce(&App),
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let app = open_all(dir.path(), forms, hooks, clock);
        first(&app);
        let (chain, key) = http::tls::make_self_signed(&[], SystemClock.now()).unwrap();
        let mut config = HttpConfig::new(Certificate::Pem { chain, key });
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.limits = free_limits();
        setup(&mut config);
        let (tell, told) = oneshot::channel();
        config.on_listening = Some(Box::new(move |address| tell.send(address).unwrap()));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(http::serve(app.clone(), config, async move {
            let _ = stopped.await;
        }));
        let address = told.await.unwrap();
        Self { app, address, client: client(true), dir, stop: Some(stop), served: Some(served) }
    }

    /// Stops it as SIGTERM does, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            served.await.unwrap().unwrap();
        }
        self.app.close().await;
        // Work that was under way in a thread of its own still holds the application, and with it the lock of the folder.
        for _ in 0..500 {
            if Arc::strong_count(&self.app) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path))
    }

    /// A urlencoded post.
    pub(crate) fn form(&self, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        let kind = "application/x-www-form-urlencoded";
        self.request("POST", path).header("content-type", kind).body(urlencoded(pairs))
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Response {
        self.send(self.request("GET", path), token).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Response {
        self.send(self.request(method, path).json(body), token).await
    }

    pub(crate) async fn send(&self, request: RequestBuilder, token: Option<&str>) -> Response {
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// A bearer token with these roles.
    pub(crate) async fn token(&self, roles: &[Role]) -> String {
        let ctx = owner(Role::Admin);
        let login = format!("t-{}", RequestId::make_random(&SystemEntropy::new()).unwrap());
        let made = staff::create_token(&self.app, &ctx, &login, roles, None).await.unwrap();
        made.bearer.expose().to_owned()
    }

    /// An application with a CV; returns (submission, receipt).
    pub(crate) async fn apply(&self, email: &str, cv: &[u8]) -> (String, String) {
        let path = "/api/v1/forms/job-application/submissions";
        let answer = self.send(self.request("POST", path).multipart(application(email, cv)), None).await;
        let (status, body) = document(answer).await;
        assert_eq!(status, 201, "{body}");
        (text(&body["submission"]), text(&body["receipt"]))
    }

    /// A support request; returns its id.
    pub(crate) async fn ask_support(&self, email: &str) -> String {
        let path = "/api/v1/forms/support-request/submissions";
        let (status, body) = document(self.json("POST", path, None, &support(email)).await).await;
        assert_eq!(status, 201, "{body}");
        text(&body["submission"])
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// A post office whose mail server takes everything and keeps nothing.
pub(crate) fn post_to_nowhere() -> Post {
    struct Nowhere;
    impl Carrier for Nowhere {
        fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
            Box::pin(async { Ok(()) })
        }
    }
    Post::new(Arc::new(Nowhere), None, "https://letterlock.example/", "Example Ltd").unwrap()
}

/// Opens (or makes) the installation in `dir`.
pub(crate) fn open(dir: &Path) -> Arc<App> {
    open_at(dir, Arc::new(SystemClock))
}

/// As [`open`], by this clock.
pub(crate) fn open_at(dir: &Path, clock: Arc<dyn Clock>) -> Arc<App> {
    open_all(dir, FormSet::default(), Hooks::default(), clock)
}

/// As [`open_with`], by this clock.
pub(crate) fn open_with_clock(dir: &Path, forms: FormSet, clock: Arc<dyn Clock>) -> Arc<App> {
    open_all(dir, forms, Hooks::default(), clock)
}

/// Opens (or makes) the installation in `dir` with these forms.
pub(crate) fn open_with(dir: &Path, forms: FormSet) -> Arc<App> {
    open_all(dir, forms, Hooks::default(), Arc::new(SystemClock))
}

fn open_all(dir: &Path, forms: FormSet, hooks: Hooks, clock: Arc<dyn Clock>) -> Arc<App> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let options = OpenOptions {
        data: dir.join("data"),
        keys: dir.join("keys"),
        recovery: None,
        // The folder of the tests may lie on any file system.
        accept_unsafe_fs: true,
        cache_bytes: 16 << 20,
        region: "uk".parse().unwrap(),
        must_exist: false,
        forms,
        clock,
        entropy,
    };
    App::open_with_hooks(options, hooks).unwrap().0
}

/// The machine's owner in a role.
pub(crate) fn owner(role: Role) -> Context {
    Context {
        actor: Actor::Owner { role },
        request: RequestId::make_random(&SystemEntropy::new()).unwrap(),
        purpose: None,
    }
}

/// A client that takes a self-made certificate.
pub(crate) fn client(http2: bool) -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder = Client::builder()
        .danger_accept_invalid_certs(true)
        .timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::none());
    let builder = if http2 { builder } else { builder.http1_only() };
    builder.build().unwrap()
}

/// A PDF of about `bytes` bytes, each different.
pub(crate) fn pdf(bytes: usize, seed: u8) -> Vec<u8> {
    let mut out =
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n2 0 obj\n<< >>\nstream\n".to_vec();
    let mut state = u32::from(seed) + 1;
    while out.len() < bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.extend_from_slice(b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}

/// The fields of a good application, and its CV.
pub(crate) fn application(email: &str, cv: &[u8]) -> reqwest::multipart::Form {
    let cv = reqwest::multipart::Part::bytes(cv.to_vec()).file_name("Jane Döe CV.pdf");
    reqwest::multipart::Form::new()
        .text("name", "Jane Doe")
        .text("email", email.to_owned())
        .text("phone", "+44 20 7946 0958")
        .text("vacancy", "speculative")
        .text("letter", "I would like to work with you.\nYours, Jane")
        .text("talent-pool", "true")
        .part("cv", cv)
}

/// A good support request.
pub(crate) fn support(email: &str) -> Value {
    json!({ "fields": {
        "name": "Sam Smith", "email": email, "subject-line": "It is stuck", "message": "It does not turn any more.",
    } })
}

fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Status and JSON body.
pub(crate) async fn document(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into()));
    (status, body)
}

/// The `problems` of an answer as (field, code).
pub(crate) fn problems(body: &Value) -> Vec<(String, String)> {
    let list = body["problems"].as_array().cloned().unwrap_or_default();
    list.iter().map(|p| (p["field"].as_str().unwrap_or("").to_owned(), text(&p["code"]))).collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
