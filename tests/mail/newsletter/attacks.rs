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
async fn who_subscribes_once_more_while_an_issue_waits_gets_it_once() {
    let server = Server::start();
    let mut down = server.settings();
    down.port = Some(1);
    let mut service = service_with(server.post()).await;
    let marketing = service.token(&[Role::Marketing]).await;
    subscribe(&service, &server, "jane@example.org", &[]).await;
    ask(&service, "jane@example.org", &["events"]).await;
    deliver(&service).await;
    let again = Mail::next(&server).path("confirm");
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let mut service = Service::again(dir.clone()).await;
    service.app.set_post(post_with(&down));
    let (_, ordered) = order(&service, &marketing, "1", &issue("News")).await;
    assert_eq!((deliver(&service).await, waiting(&service).0), (0, 1), "in the outbox");
    assert_eq!(press(&service, &again).await.0, 200);
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    service.app.set_post(server.post());
    let to: Vec<String> = drain(&service, &server).await.into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["jane@example.org"]);
    let shown = progress(&service, &marketing, &ordered["id"]).await;
    assert_eq!((&shown["sent"], &shown["withdrawn"]), (&json!(1), &json!(0)), "{shown}");
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
