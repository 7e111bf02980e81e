//! Newsletters as somebody sees them who means harm: with a receipt for a stranger's address, a link, a store that can be
//! written to, the log of a mail server.

use letterlock::base::tables::Table;
use letterlock::store::{Engine, SledEngine};

use super::*;

/// Whoever fills the form in with a stranger's address holds a receipt, and learns nothing from it of what the stranger does.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_what_was_never_confirmed_tells_nothing_of_the_subscriber() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    let (_, foreign) = ask(&service, "jane@example.org", &[]).await;
    let mine =
        async || document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": foreign })).await).await.1;
    let body = json!({ "receipt": foreign, "consent": "newsletter" });
    assert_eq!(service.json("POST", "/api/v1/my/withdrawals", None, &body).await.status(), 200);
    let before = mine().await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(mine().await, before, "she has subscribed");
    assert_eq!(order(&service, &marketing, "1", &issue("News")).await.0, 202);
    let path = drain(&service, &server).await[0].path("unsubscribe");
    assert_eq!(press(&service, &path).await.0, 200);
    assert_eq!(mine().await, before, "she has unsubscribed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_before_the_mail_went_is_not_asked_about() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let (_, receipt) = ask(&service, "jane@example.org", &[]).await;
    assert_eq!(waiting(&service).0, 1);
    let body = json!({ "receipt": receipt, "consent": "newsletter" });
    assert_eq!(service.json("POST", "/api/v1/my/withdrawals", None, &body).await.status(), 200);
    assert_eq!((deliver(&service).await, waiting(&service).0, server.nothing_came()), (0, 0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_to_somebody_is_limited_for_itself() {
    let server = Server::start();
    let limits = letterlock::http::Limits { per_address_per_minute: 60, ..free_limits() };
    let service = Service::with(limits).await;
    service.app.set_post(server.post());
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    subscribe(&service, &server, "joe@example.org", &[]).await;
    assert_eq!(order(&service, &marketing, "1", &issue("News")).await.0, 202);
    let paths: Vec<String> = drain(&service, &server).await.iter().map(|mail| mail.path("unsubscribe")).collect();
    let mut seen = Vec::new();
    for n in 0..40 {
        let status = if n % 2 == 0 {
            press(&service, &paths[0]).await.0
        } else {
            service.get(&paths[0], None).await.status().as_u16()
        };
        seen.push(status);
    }
    assert!(seen[..30].iter().all(|status| *status == 200) && seen[32..].contains(&429), "{seen:?}");
    assert_eq!(press(&service, &paths[1]).await.0, 200, "another link");
    // Any other method is a request like others.
    let mut seen = Vec::new();
    for _ in 0..70 {
        seen.push(service.send(service.request("PUT", &paths[1]), None).await.status().as_u16());
    }
    assert!(seen.contains(&405) && seen.contains(&429), "{seen:?}");
    assert_eq!(press(&service, &paths[1]).await.0, 200, "which takes nobody's way out");
}

/// Somebody who can write to the store damages one issue: the others go out.
#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_was_damaged_keeps_no_other_from_going_out() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    let first = send(&service, &server, &marketing, "1", &issue("First")).await;
    assert_eq!(first.len(), 1);
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    damage_mailings(&dir.path().join("data/store"));
    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    let second = send(&service, &server, &marketing, "2", &issue("Second")).await;
    assert_eq!(second.len(), 1);
    let (status, all) = document(service.get(MAILINGS, Some(&marketing)).await).await;
    assert_eq!((status, all["items"].as_array().unwrap().len()), (200, 1), "{all}");
    assert_eq!(newsletter::sweep(&service.app).await.unwrap(), 0);
}

/// Changes a byte in each row of the table of mailings.
fn damage_mailings(store: &Path) {
    let (from, to) = ([Table::Mailings.id()], [Table::Mailings.id() + 1]);
    let engine = SledEngine::open(store, 16 << 20).unwrap().engine;
    let rows: Vec<_> = engine.scan(&from, &to).map(Result::unwrap).collect();
    assert!(!rows.is_empty());
    let changed = rows.into_iter().map(|(key, mut row)| {
        *row.last_mut().unwrap() ^= 1;
        (key, Some(row))
    });
    engine.commit(&changed.collect()).unwrap();
}

/// Mail servers keep the `Message-ID` for long, beside addresses; the store keeps handles for long, in clear.
#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_mail_outside_is_nowhere_in_our_files() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    ask(&service, "jane@example.org", &[]).await;
    deliver(&service).await;
    let mail = Mail::next(&server);
    let name = mail.header("message-id")[0].trim_start_matches('<').split_once('@').unwrap().0.to_owned();
    service.stop().await;
    let bytes = data_encoding::BASE32_NOPAD.decode(name.to_uppercase().as_bytes()).unwrap();
    assert_eq!(bytes.len(), 16);
    let found = |bytes: &[u8]| holds(service.dir.path(), bytes);
    assert!(!found(&bytes) && !is_under(service.dir.path(), &name));
    std::fs::write(service.dir.path().join("data/leak"), &bytes).unwrap();
    assert!(found(&bytes), "the search finds what is there");
}

fn holds(folder: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match std::fs::read(&path) {
            Ok(bytes) => bytes.windows(wanted.len()).any(|window| window == wanted),
            Err(_) => path.is_dir() && holds(&path, wanted),
        }
    })
}

/// The shipped newsletter, and another one.
fn two_newsletters() -> FormSet {
    let shipped = include_str!("../../../forms/newsletter.toml");
    let other = shipped.replacen("id = \"newsletter\"", "id = \"events\"", 1);
    FormSet::with_files([("events.toml", other.as_str())]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_issues_are_those_of_one_newsletter() {
    let server = Server::start();
    let service = Service::with_own_forms(two_newsletters(), |_| ()).await;
    service.app.set_post(server.post());
    let marketing = service.token(&[Role::Marketing]).await;
    ask(&service, "jane@example.org", &[]).await;
    deliver(&service).await;
    let path = Mail::next(&server).path("confirm");
    let elsewhere = path.replace("/f/newsletter/", "/f/events/");
    assert_eq!(service.get(&elsewhere, None).await.status(), 404);
    assert_eq!(press(&service, &elsewhere).await.0, 404);
    assert_eq!(press(&service, &path).await.0, 200);
    let (_, ordered) = order(&service, &marketing, "1", &issue("News")).await;
    let path = drain(&service, &server).await[0].path("unsubscribe");
    assert_eq!(press(&service, &path.replace("/f/newsletter/", "/f/events/")).await.0, 200, "the same words");
    assert_eq!(send(&service, &server, &marketing, "2", &issue("Still")).await.len(), 1, "and nothing is ended");
    let other = format!("/api/v1/forms/events/mailings/{}", text(&ordered["id"]));
    assert_eq!(service.get(&other, Some(&marketing)).await.status(), 404);
    let (_, listed) = document(service.get("/api/v1/forms/events/mailings", Some(&marketing)).await).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirms_after_an_order_gets_the_next_issue() {
    let server = Server::start();
    let service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    ask(&service, "joe@example.org", &[]).await;
    deliver(&service).await;
    let path = Mail::next(&server).path("confirm");
    assert_eq!(order(&service, &marketing, "1", &issue("First")).await.0, 202);
    assert_eq!(press(&service, &path).await.0, 200);
    let to = |mails: Vec<Mail>| mails.into_iter().map(|mail| mail.to).collect::<BTreeSet<_>>();
    assert_eq!(to(drain(&service, &server).await), ["jane@example.org".to_owned()].into());
    assert_eq!(send(&service, &server, &marketing, "2", &issue("Second")).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_confirmations_is_slowed_down() {
    let server = Server::start();
    let limits = letterlock::http::Limits { auth_failures_per_minute: 3, ..free_limits() };
    let service = Service::with(limits).await;
    service.app.set_post(server.post());
    ask(&service, "jane@example.org", &[]).await;
    deliver(&service).await;
    let path = Mail::next(&server).path("confirm");
    let wrong = format!("/f/newsletter/confirm/{}", "A".repeat(28));
    let mut seen = Vec::new();
    for n in 0..5 {
        let look = async || service.get(&wrong, None).await.status().as_u16();
        seen.push(if n % 2 == 0 { look().await } else { press(&service, &wrong).await.0 });
    }
    assert_eq!(seen, [404, 404, 404, 429, 429]);
    assert_eq!(press(&service, &path).await.0, 200, "a good one is taken all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_and_its_figures_go_after_thirty_days() {
    let server = Server::start();
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |config| config.limits = free_limits()).await;
    service.app.set_post(server.post());
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(send(&service, &server, &marketing, "1", &issue("First")).await.len(), 1);
    let listed = async || {
        newsletter::sweep(&service.app).await.unwrap();
        document(service.get(MAILINGS, Some(&marketing)).await).await.1["items"].as_array().unwrap().len()
    };
    clock.advance(30 * DAY - HOUR);
    assert_eq!(listed().await, 1);
    // One that is not sent out yet stays.
    assert_eq!(order(&service, &marketing, "2", &issue("Second")).await.0, 202);
    clock.advance(HOUR);
    assert_eq!(listed().await, 1, "the first is gone");
    clock.advance(31 * DAY);
    assert_eq!(listed().await, 1, "the second waits for its mails");
    assert_eq!(drain(&service, &server).await.len(), 1);
    assert_eq!(listed().await, 0);
}

/// A mail server in whose hands a mail already is when its person unsubscribes.
struct Withdrawing {
    app: std::sync::OnceLock<std::sync::Weak<letterlock::services::App>>,
    token: String,
    said: Arc<std::sync::Mutex<Vec<bool>>>,
}

impl letterlock::adapters::mail::Carrier for Withdrawing {
    fn carry<'a>(&'a self, _: &'a letterlock::adapters::mail::Outgoing) -> letterlock::adapters::mail::Carrying<'a> {
        Box::pin(async { panic!("an issue is not sent without asking once more") })
    }

    fn carry_if<'a>(
        &'a self,
        _: &'a letterlock::adapters::mail::Outgoing,
        still: &'a letterlock::adapters::mail::Still<'a>,
    ) -> letterlock::adapters::mail::CarryingIf<'a> {
        Box::pin(async move {
            let app = self.app.get().and_then(std::sync::Weak::upgrade).unwrap();
            let form = "newsletter".parse().unwrap();
            let subscriber = newsletter::find_subscriber(&app, &form, &self.token).await.unwrap();
            newsletter::unsubscribe(&app, support::owner(Role::Admin).request, &form, subscriber).await.unwrap();
            let still = still();
            self.said.lock().unwrap().push(still);
            Ok(still)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_unsubscribes_while_their_mail_is_handed_over_does_not_get_it() {
    let server = Server::start();
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    assert_eq!(order(&service, &marketing, "1", &issue("First")).await.0, 202);
    let path = drain(&service, &server).await[0].path("unsubscribe");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    let said = Arc::new(std::sync::Mutex::new(Vec::new()));
    let carrier = Arc::new(Withdrawing {
        app: Default::default(),
        token: path.rsplit('/').next().unwrap().to_owned(),
        said: said.clone(),
    });
    carrier.app.set(Arc::downgrade(&service.app)).unwrap();
    service.app.set_post(Post::new(carrier, None, "https://letterlock.example/", "Example Ltd").unwrap());
    assert_eq!(order(&service, &marketing, "2", &issue("Second")).await.0, 202);
    assert_eq!(deliver(&service).await, 0);
    assert_eq!(*said.lock().unwrap(), [false]);
}
