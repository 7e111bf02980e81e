//! Word of arrivals to the people who hold a role that the form names: to whom, how often, and what is kept of their addresses.

use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::{ManualClock, SystemClock};
use letterlock::base::sensitive::SensitiveString;
use letterlock::services::post;
use letterlock::services::{sign_in, staff};

use super::taken::Taken;
use super::*;
use support::owner;

const HOUR: Duration = Duration::from_secs(60 * 60);
const FORM: &str = r#"
id = "desk"
version = 1
title = "Front desk"
submit = "Send"
purposes = ["support"]
legal_basis = "request"
roles = ["support", "training"]
retention_days = 30
notice = "general"
subject = "email"
announce = ["support", "Desk@Example.org"]

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
"#;

struct Place {
    service: Service,
    taken: Arc<Taken>,
    clock: Arc<ManualClock>,
}

impl Place {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let forms = FormSet::with_files([("desk.toml", FORM)]).unwrap();
        let service = Service::with_clock(forms, clock.clone(), |config| config.limits = free_limits()).await;
        let taken = Arc::new(Taken::default());
        service.app.set_post(Post::new(taken.clone(), None, "https://letterlock.example/", "Example Ltd").unwrap());
        Self { service, taken, clock }
    }

    async fn invite(&self, login: &str, roles: &[Role], email: Option<&str>) {
        let email = email.map(SensitiveString::from);
        sign_in::invite(&self.service.app, &owner(Role::Admin), login, roles, email.as_ref(), HOUR).await.unwrap();
    }

    async fn send(&self, from: &str) -> String {
        let body = json!({ "fields": { "email": from } });
        let (status, body) =
            document(self.service.json("POST", "/api/v1/forms/desk/submissions", None, &body).await).await;
        assert_eq!(status, 201, "{body}");
        text(&body["submission"])
    }

    /// Sends what is due. Returns who got word of an arrival, in order of the address, and the words.
    async fn told(&self) -> Vec<(String, String)> {
        deliver(&self.service).await;
        let mut mails = std::mem::take(&mut *self.taken.mails.lock().unwrap());
        mails.retain(|(_, text)| text.starts_with("New: "));
        mails.sort();
        mails
    }

    async fn told_to(&self) -> Vec<String> {
        self.told().await.into_iter().map(|(to, _)| to).collect()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn waiting(&self) -> usize {
        post::health(&self.service.app).unwrap().waiting
    }
}

fn email(text: &str) -> Option<SensitiveString> {
    Some(text.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_role_and_has_an_address_gets_one_mail_each_that_names_nobody() {
    let place = Place::new().await;
    let (app, admin) = (&place.service.app, owner(Role::Admin));
    place.invite("sam", &[Role::Support], Some("Sam@Example.org")).await;
    place.invite("both", &[Role::Training, Role::Support], Some("both@example.org")).await;
    place.invite("silent", &[Role::Support], None).await;
    place.invite("training", &[Role::Training], Some("training@example.org")).await;
    place.invite("gone", &[Role::Support], Some("gone@example.org")).await;
    staff::disable(app, &admin, "gone").await.unwrap();
    // The same mailbox as the form names itself, in another spelling.
    place.invite("desk", &[Role::Support], Some("desk@example.org")).await;
    staff::add(app, &admin, "token", false, email("token@example.org").as_ref()).await.unwrap();
    staff::create_token(app, &admin, "token", &[Role::Support], None).await.unwrap();
    staff::add(app, &admin, "none", false, email("none@example.org").as_ref()).await.unwrap();
    staff::add(app, &admin, "old", false, email("old@example.org").as_ref()).await.unwrap();
    staff::create_token(app, &admin, "old", &[Role::Support], Some(Duration::from_secs(1))).await.unwrap();
    place.later(2);

    let id = place.send("jane.qzxw@example.org").await;
    let told = place.told().await;
    let to: Vec<&str> = told.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["Sam@Example.org", "both@example.org", "desk@example.org", "token@example.org"]);
    for (to, text) in &told {
        assert!(text.contains("Something has arrived by the form") && text.contains("Front desk"), "{to}: {text}");
        assert!(!text.contains("qzxw") && !text.contains(&id), "nothing about whom: {text}");
    }
    // What was told to the desk's mailbox for two reasons was told once, as one.
    place.later(600);
    assert_eq!((place.told_to().await.len(), place.waiting()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_arrivals_are_one_mail_in_ten_minutes_for_each() {
    let place = Place::new().await;
    place.invite("sam", &[Role::Support], Some("sam@example.org")).await;
    place.invite("desk", &[Role::Support], Some("DESK@example.org")).await;
    for n in 0..8 {
        place.send(&format!("p{n}@example.org")).await;
    }
    // Of the first at once.
    assert_eq!(place.told_to().await, ["desk@example.org", "sam@example.org"]);
    place.later(599);
    assert!(place.told().await.is_empty(), "not yet");
    place.later(2);
    let told = place.told().await;
    assert_eq!(told.len(), 2);
    for (to, text) in told {
        assert!(text.contains("7 submissions have arrived"), "{to}: {text}");
    }
    assert_eq!(place.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_somebody_disabled_meanwhile_is_never_sent() {
    let place = Place::new().await;
    let (app, admin) = (place.service.app.clone(), owner(Role::Admin));
    for login in ["ann", "bob", "cid", "dan"] {
        place.invite(login, &[Role::Support], Some(&format!("{login}@example.org"))).await;
    }
    place.taken.away.store(true, std::sync::atomic::Ordering::SeqCst);
    place.send("jane@example.org").await;
    assert!(place.told().await.is_empty());
    staff::disable(&app, &admin, "ann").await.unwrap();
    staff::set_email(&app, &admin, "bob", None).await.unwrap();
    staff::set_email(&app, &admin, "cid", email("new@example.org").as_ref()).await.unwrap();
    place.taken.away.store(false, std::sync::atomic::Ordering::SeqCst);
    place.later(3600);
    // And one at the very last moment, while the mail server already listens.
    let (late, handle) = (app.clone(), tokio::runtime::Handle::current());
    *place.taken.before.lock().unwrap() = Some(Box::new(move || {
        let disable = async move { staff::disable(&late, &owner(Role::Admin), "dan").await.unwrap() };
        std::thread::scope(|scope| drop(scope.spawn(move || handle.block_on(disable)).join()));
    }));
    assert_eq!(place.told_to().await, ["desk@example.org", "new@example.org"]);
    place.later(3600);
    assert_eq!((place.told_to().await.len(), place.waiting()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_was_erased() {
    let place = Place::new().await;
    place.invite("sam", &[Role::Support], Some("sam@example.org")).await;
    place.send("first@example.org").await;
    place.told().await;
    let gone = place.send("gone@example.org").await;
    place.send("kept@example.org").await;
    let privacy = owner(Role::Privacy);
    letterlock::services::erase::record(&place.service.app, &privacy, gone.parse().unwrap()).await.unwrap();
    place.later(601);
    let told = place.told().await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, text)| text.contains("Something has arrived")), "one is left: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_up_to_fifty_of_them() {
    let place = Place::new().await;
    for n in 0..52 {
        let (login, at) = (format!("s{n:02}"), format!("s{n:02}@example.org"));
        place.invite(&login, &[Role::Support], Some(&at)).await;
    }
    place.send("jane@example.org").await;
    let told = place.told_to().await;
    assert_eq!((told.len(), told.contains(&"s49@example.org".to_owned())), (51, true), "and the desk");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_staff_is_checked_as_any_and_stands_sealed_and_in_no_trail() {
    let mut place = Place::new().await;
    let (app, admin) = (place.service.app.clone(), owner(Role::Admin));
    place.invite("sam", &[Role::Support], Some("sam.qzxwvk@example.org")).await;
    for bad in ["nobody", "a@b@example.org", "a@[127.0.0.1]", "a@example.org\r\nBcc: b@example.org", ""] {
        let bad = email(bad);
        let refused = [
            staff::set_email(&app, &admin, "sam", bad.as_ref()).await.unwrap_err().to_string(),
            staff::add(&app, &admin, "new", false, bad.as_ref()).await.unwrap_err().to_string(),
            sign_in::invite(&app, &admin, "new", &[Role::Hr], bad.as_ref(), HOUR).await.unwrap_err().to_string(),
        ];
        assert_eq!(refused, ["the input is not valid"; 3], "{bad:?}");
    }
    assert_eq!(staff::list(&app, &admin).await.unwrap().len(), 1, "nothing was half made");
    staff::set_email(&app, &owner(Role::Hr), "sam", None).await.unwrap_err();
    staff::set_email(&app, &admin, "nobody", None).await.unwrap_err();
    staff::add(&app, &admin, "program", true, email("x@example.org").as_ref()).await.unwrap_err();
    staff::add(&app, &admin, "program", true, None).await.unwrap();
    staff::set_email(&app, &admin, "program", email("x@example.org").as_ref()).await.unwrap_err();
    staff::set_email(&app, &admin, "sam", email(" sam.jkqvyz@example.org ").as_ref()).await.unwrap();
    place.send("jane@example.org").await;
    assert_eq!(place.told_to().await, ["desk@example.org", "sam.jkqvyz@example.org"]);

    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=100", Some(&auditor)).await).await;
    let trail = trail.to_string();
    assert!(trail.contains("address set"), "{trail}");
    assert!(!trail.contains("qzxwvk") && !trail.contains("jkqvyz"), "{trail}");
    drop(app);
    let dir = place.service.dir.clone();
    place.service.stop().await;
    drop(place);
    for text in ["sam.qzxwvk", "sam.jkqvyz"] {
        assert!(!is_under(dir.path(), text), "{text} stands on the disk");
    }
    // And it is there again after a start.
    let app = support::open_with(dir.path(), FormSet::with_files([("desk.toml", FORM)]).unwrap());
    let listed = staff::list(&app, &owner(Role::Admin)).await.unwrap();
    let sam = listed.iter().find(|account| account.login == "sam").unwrap();
    assert_eq!(sam.email.as_ref().unwrap().expose(), "sam.jkqvyz@example.org");
    app.close().await;
}
