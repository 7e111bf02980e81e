//! A person whose keyring is damaged: what they, and whoever sends something under their address, are told; and that nobody
//! else notices.

use std::sync::{Arc, Mutex};

use letterlock::base::ids::PersonId;
use letterlock::domain::language::Lang;
use letterlock::domain::operator::Operator;
use letterlock::keys::keyring::Keyring;
use letterlock::services::verify;
use letterlock::store::{Batch, Engine, SledEngine};

use super::taken::Taken;
use super::*;
use support::owner;

/// What is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Changes the last byte of the first row of somebody's keyring.
fn damage(dir: &Path, person: &PersonId) {
    let engine = SledEngine::open(&dir.join("data/store"), 8 << 20).unwrap().engine;
    let key = Keyring::row_key(person, 0);
    let mut row = engine.read(&key).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    engine.commit(&Batch::from([(key, Some(row))])).unwrap();
}

async fn subject_of(service: &Service, email: &str) -> PersonId {
    let privacy = service.token(&[Role::Privacy]).await;
    let search = service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": email })).await;
    text(&document(search).await.1["items"][0]["subject"]).parse().unwrap()
}

/// Enters by a link that is mailed; returns the cookie.
async fn enter(service: &Service, taken: &Taken, email: &str) -> String {
    post::ask_for_link(&service.app, &Lang::english(), email).unwrap();
    let link = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        deliver(service).await;
        let mails = std::mem::take(&mut *taken.mails.lock().unwrap());
        let found = mails.into_iter().find_map(|(to, text)| {
            let link = text.split("https://letterlock.example/my/link/").nth(1)?;
            (to == email).then(|| format!("/my/link/{}", link.split_whitespace().next().unwrap()))
        });
        if let Some(link) = found {
            break link;
        }
    };
    let entered = service.form(&link, &[]).send().await.unwrap();
    assert_eq!(entered.status(), 303, "{email}");
    entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_keyring_is_damaged_is_told_plainly_whom_to_ask_and_all_others_go_on() {
    let log = Captured::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let logged = |words: &str| {
        let log = String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap();
        log.lines().filter(|line| line.contains(words)).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut service = Service::start().await;
    let (_, receipt) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (joes, _) = service.apply("joe@example.org", &pdf(2000, 2)).await;
    let jane = subject_of(&service, "jane@example.org").await;
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);
    damage(dir.path(), &jane);
    let operator = Operator {
        name: Some("Example <Ltd>".into()),
        email: Some("help@example.org".into()),
        phone: Some("+44 113 496 0000".into()),
        ..Operator::default()
    };
    let service = Service::again_with(dir, |app| app.set_operator(operator)).await;
    let taken = Arc::new(Taken::default());
    service.app.set_post(Post::new(taken.clone(), None, "https://letterlock.example/", "Example Ltd").unwrap());

    let cookie = enter(&service, &taken, "jane@example.org").await;
    let page = async |cookie: &str, lang: &str| {
        let request = service.request("GET", &format!("/my?lang={lang}")).header("cookie", cookie);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for (lang, words) in [("en", "is damaged"), ("de", "beschädigt"), ("fr", "endommag")] {
        let (status, page) = page(&cookie, lang).await;
        assert!(status == 503 && page.contains(words), "{status} {page}");
        assert!(page.contains("Example &#60;Ltd&#62;, help@example.org, +44 113 496 0000"), "{page}");
    }
    let told = logged("what is held about a person does not open; run `letterlock verify`");
    assert!(told.len() >= 3 && told.iter().all(|line| line.contains(&jane.to_string())), "{told:?}");
    // By the receipt as well, and for programs.
    let mine = service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await;
    let (status, body) = document(mine).await;
    assert_eq!((status, &body["type"]), (503, &json!("urn:letterlock:problem:damaged")));
    assert!(text(&body["detail"]).contains("help@example.org"), "{body}");

    // Nothing is stored under that address, and what was typed is not lost.
    let fields =
        [("name", "Jane"), ("email", "JANE@example.org"), ("subject-line", "A <question>"), ("message", "Why?")];
    let sent = service.form("/f/support-request", &fields).send().await.unwrap();
    let (status, page_of_form) = (sent.status().as_u16(), sent.text().await.unwrap());
    assert!(status == 503 && page_of_form.contains("value=\"A &#60;question&#62;\""), "{status} {page_of_form}");
    assert!(page_of_form.contains("is damaged") && page_of_form.contains("help@example.org"), "{page_of_form}");
    let path = "/api/v1/forms/support-request/submissions";
    // In one commit with those of others, who notice nothing.
    let send = async |email: String| {
        let answer = service.json("POST", path, None, &support::support(&email)).await;
        answer.status().as_u16()
    };
    let emails = (0..20).map(|n| if n % 4 == 1 { "jane@example.org".to_owned() } else { format!("p{n}@example.org") });
    let answers = futures_util::future::join_all(emails.map(send)).await;
    for (n, status) in answers.into_iter().enumerate() {
        assert_eq!(status, if n % 4 == 1 { 503 } else { 201 }, "{n}");
    }
    let told = logged("the keyring of a person does not open; run `letterlock verify`");
    assert!(told.len() >= 6 && told.iter().all(|line| line.contains(&jane.to_string())), "{told:?}");
    let joe = enter(&service, &taken, "joe@example.org").await;
    let (status, all) = page(&joe, "en").await;
    assert!(status == 200 && all.contains(&joes), "{all}");
    let hr = service.token(&[Role::Hr]).await;
    let list = service.get("/api/v1/submissions?form=job-application", Some(&hr)).await;
    let (status, list) = document(list).await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 1), "{list}");

    // Whoever looks after the vault is told whose it is.
    let findings = verify::run(&service.app, &owner(Role::Admin), &|_, _| {}).await.unwrap();
    let named = format!("the keyring of person {jane} does not open");
    assert!(findings.problems.contains(&named), "{:?}", findings.problems);
}
