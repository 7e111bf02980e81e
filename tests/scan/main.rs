//! Files are scanned for viruses as they come: by a real clamd with a signature for the EICAR test file, and by false ones that
//! hang, break off, babble and lie.

mod daemon;
#[path = "../support/served.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod served;
#[path = "../support/mod.rs"]
mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daemon::{Clamd, Fake, LARGEST, Place, Trick, eicar};
use letterlock::base::clock::{Clock, ManualClock, SystemClock};
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::scan::{self, rescan};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use support::{Service, application, document, open_with, pdf, problems, text};

const PATIENCE: Duration = Duration::from_secs(20);
const FORM: &str = "/api/v1/forms/job-application/submissions";

/// The shipped form, with what it says of files that were not scanned.
fn forms(unscanned: &str) -> FormSet {
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/forms/job-application.toml")).unwrap();
    let text = shipped.replacen("version = ", &format!("unscanned = \"{unscanned}\"\nversion = "), 1);
    FormSet::with_files([("job-application.toml", text.as_str())]).unwrap()
}

async fn send(service: &Service, file: &[u8]) -> (u16, Value) {
    let form = application("jane@example.org", file);
    document(service.send(service.request("POST", FORM).multipart(form), None).await).await
}

async fn sent(service: &Service, file: &[u8]) -> (String, String) {
    let (status, body) = send(service, file).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

async fn refused(service: &Service, file: &[u8]) -> Vec<(String, String)> {
    let (status, body) = send(service, file).await;
    assert_eq!(status, 422, "{body}");
    assert!(!body.to_string().contains("Eicar"), "the name of what was found is not told: {body}");
    problems(&body)
}

/// What staff see of the scanner's word on each file.
async fn scans(service: &Service, token: &str, id: &str) -> Vec<String> {
    let path = format!("/api/v1/submissions/{id}?purpose=recruitment");
    let (status, body) = document(service.get(&path, Some(token)).await).await;
    assert_eq!(status, 200, "{body}");
    let later = body["messages"].as_array().unwrap().iter().flat_map(|message| message["files"].as_array().unwrap());
    body["files"].as_array().unwrap().iter().chain(later).map(|file| text(&file["scan"])).collect()
}

/// What a download answers: the status, and the bytes or the kind of refusal.
async fn download(service: &Service, token: &str, id: &str) -> (u16, Vec<u8>) {
    let path = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
    let answer = service.get(&path, Some(token)).await;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap().to_vec();
    match status {
        200 => (status, body),
        _ => (status, text(&serde_json::from_slice::<Value>(&body).unwrap()["type"]).into_bytes()),
    }
}

fn withheld(kind: &str) -> (u16, Vec<u8>) {
    (409, format!("urn:letterlock:problem:{kind}").into_bytes())
}

/// The outcomes of scans in the trail, oldest first.
async fn trail(service: &Service) -> Vec<Value> {
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let text = trail.to_string();
    for secret in ["Eicar", "CV.pdf", "jane@", "Jane"] {
        assert!(!text.contains(secret), "{secret} is in the trail");
    }
    let entries = trail["items"].as_array().unwrap().iter().rev();
    entries.filter(|entry| entry["detail"]["scan"].is_object()).cloned().collect()
}

fn files_on_disk(service: &Service) -> usize {
    std::fs::read_dir(service.dir.path().join("data/files")).unwrap().count()
}

/// How often `needle` stands in the files of a folder.
fn remnants(dir: &std::path::Path, needle: &[u8]) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.map(|path| match std::fs::read(&path) {
        Ok(bytes) => bytes.windows(needle.len()).filter(|window| *window == needle).count(),
        Err(_) => remnants(&path, needle),
    });
    found.sum()
}

async fn rescan_now(service: &Service) -> usize {
    rescan(&service.app, service.app.scanner().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_infected_is_refused_and_nothing_of_it_is_kept() {
    let place = Place::new();
    let _clamd = Clamd::start(&place);
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let hr = service.token(&[Role::Hr]).await;

    let mut hidden = pdf(1 << 20, 1);
    hidden.splice(700_000..700_000, eicar());
    for infected in [eicar(), hidden] {
        assert_eq!(refused(&service, &infected).await, [("cv".to_owned(), "infected-file".to_owned())]);
    }
    assert_eq!(files_on_disk(&service), 0);
    let noted = trail(&service).await;
    assert_eq!(noted.len(), 2);
    for entry in noted {
        assert_eq!((&entry["actor"], &entry["action"]), (&json!("system"), &json!("scan-file")));
        assert_eq!(entry["detail"]["scan"], json!({ "form": "job-application", "outcome": "refused: infected" }));
        assert_eq!(entry["subjects"], json!([]), "nobody is named");
    }

    let cv = pdf(300_000, 2);
    let (id, _) = sent(&service, &cv).await;
    assert_eq!(scans(&service, &hr, &id).await, ["clean"]);
    assert_eq!(download(&service, &hr, &id).await, (200, cv));

    let health = scan::health(&service.app).await;
    assert!(health.on && health.answers && health.engine.unwrap().starts_with("ClamAV "));
    // A hand-made signature has no date.
    assert_eq!((health.signatures_of, health.waiting), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_so_beside_the_field_and_keeps_what_was_typed() {
    let place = Place::new();
    let _clamd = Clamd::start(&place);
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let form = application("jane@example.org", &eicar());
    let answer = service.send(service.request("POST", "/f/job-application").multipart(form), None).await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("Our virus scanner found something in this file") && page.contains("Jane Doe"), "{page}");
    assert!(!page.contains("Eicar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_scanned_is_held_until_the_scanner_is_back() {
    let place = Place::new();
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let hr = service.token(&[Role::Hr]).await;
    let cv = pdf(200_000, 3);
    let (clean, receipt) = sent(&service, &cv).await;
    let (infected, _) = sent(&service, &eicar()).await;
    assert_eq!(scans(&service, &hr, &clean).await, ["held"]);
    for id in [&clean, &infected] {
        assert_eq!(download(&service, &hr, id).await, withheld("not-scanned"));
    }
    let visitor = Visitor::enter(&service, &receipt).await;
    assert_eq!(visitor.get("/my/files/0").await.status(), 409);
    let page = visitor.page().await;
    assert!(page.contains("still to be checked for viruses") && !page.contains("/my/files/0"), "{page}");
    assert_eq!((rescan_now(&service).await, scan::health(&service.app).await.waiting), (0, 2));

    let clamd = Clamd::start(&place);
    assert_eq!(rescan_now(&service).await, 2);
    assert_eq!(scans(&service, &hr, &clean).await, ["clean"]);
    assert_eq!(download(&service, &hr, &clean).await, (200, cv.clone()));
    assert_eq!(visitor.get("/my/files/0").await.bytes().await.unwrap(), cv);
    assert_eq!(scans(&service, &hr, &infected).await, ["infected"]);
    assert_eq!(download(&service, &hr, &infected).await, withheld("infected"));
    assert_eq!((rescan_now(&service).await, scan::health(&service.app).await.waiting), (0, 0));
    let outcomes: Vec<String> =
        trail(&service).await.iter().map(|entry| text(&entry["detail"]["scan"]["outcome"])).collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&"clean".to_owned()) && outcomes.contains(&"withheld: infected".to_owned()));
    drop(clamd);
    verified(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_found_again_after_a_restart_and_goes_with_its_person() {
    let place = Place::new();
    let mut service = Service::start().await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let hr = service.token(&[Role::Hr]).await;
    let (kept, _) = sent(&service, &pdf(100_000, 4)).await;
    let form = application("sam@example.org", &pdf(100_000, 5));
    let (_, body) = document(service.send(service.request("POST", FORM).multipart(form), None).await).await;
    let erased = text(&body["submission"]);
    let dir = Arc::clone(&service.dir);
    service.stop().await;
    drop(service);

    // The vault is let go of when the last request is done with it.
    let app = open_with(dir.path(), FormSet::default());
    app.set_scanner(place.scanner(PATIENCE));
    let scanner = app.scanner().unwrap().clone();
    assert_eq!(rescan(&app, &scanner).await.unwrap(), 0);
    assert_eq!(scan::health(&app).await.waiting, 2);
    let privacy = support::owner(Role::Privacy);
    letterlock::services::erase::record(&app, &privacy, erased.parse().unwrap()).await.unwrap();
    let _clamd = Clamd::start(&place);
    assert_eq!(rescan(&app, &scanner).await.unwrap(), 1);
    assert_eq!(scan::health(&app).await.waiting, 0);
    let ctx = support::owner(Role::Hr);
    let shown =
        letterlock::services::review::show(&app, &ctx, kept.parse().unwrap(), Some("recruitment")).await.unwrap();
    assert_eq!(shown.content.files[0].scan.as_str(), "clean");
    assert!(!hr.is_empty());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_can_refuse_or_accept_what_was_not_scanned() {
    let place = Place::new();
    let service = Service::with_own_forms(forms("refuse"), |_| {}).await;
    service.app.set_scanner(place.scanner(PATIENCE));
    assert_eq!(refused(&service, &pdf(1000, 1)).await, [("cv".to_owned(), "not-scanned".to_owned())]);
    assert_eq!(files_on_disk(&service), 0);
    assert_eq!(trail(&service).await[0]["detail"]["scan"]["outcome"], "refused: not scanned");

    let service = Service::with_own_forms(forms("accept"), |_| {}).await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = sent(&service, &eicar()).await;
    assert_eq!(scans(&service, &hr, &id).await, ["unscanned"]);
    assert_eq!(download(&service, &hr, &id).await, (200, eicar()));
    // It is looked at later all the same.
    let _clamd = Clamd::start(&place);
    assert_eq!(rescan_now(&service).await, 1);
    assert_eq!(download(&service, &hr, &id).await, withheld("infected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_messages_go_the_same_way() {
    let place = Place::new();
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    // Before there was a scanner.
    let (id, receipt) = sent(&service, &pdf(1000, 1)).await;
    let visitor = Visitor::enter(&service, &receipt).await;
    service.app.set_scanner(place.scanner(PATIENCE));
    assert_eq!(visitor.attach(&pdf(1000, 2)).await.status(), 303);
    let clamd = Clamd::start(&place);
    let answer = visitor.attach(&eicar()).await;
    assert_eq!(answer.status(), 422);
    assert!(answer.text().await.unwrap().contains("Our virus scanner found something in this file"));
    assert_eq!(visitor.attach(&pdf(1000, 3)).await.status(), 303);
    assert_eq!(scans(&service, &hr, &id).await, ["off", "held", "clean"]);
    assert_eq!(visitor.get("/my/files/1").await.status(), 409);
    assert_eq!(rescan_now(&service).await, 1);
    assert_eq!(scans(&service, &hr, &id).await, ["off", "clean", "clean"]);
    assert_eq!(visitor.get("/my/files/1").await.bytes().await.unwrap(), pdf(1000, 2));
    drop(clamd);
    verified(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_scanner_takes_is_held_and_told_apart() {
    let place = Place::new();
    let _clamd = Clamd::start(&place);
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(PATIENCE));
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = sent(&service, &pdf(2 * LARGEST, 6)).await;
    assert_eq!(scans(&service, &hr, &id).await, ["held"]);
    // Tried again, and then put off: the others wait no longer for it.
    assert_eq!((rescan_now(&service).await, rescan_now(&service).await), (0, 0));
    assert_eq!(scan::health(&service.app).await.waiting, 1);
    let (id, _) = sent(&service, &pdf(LARGEST / 2, 7)).await;
    assert_eq!(scans(&service, &hr, &id).await, ["clean"]);
}

/// Files that keep a scanner busy must not keep it from all others, whichever comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_the_scanner_never_finishes_keeps_no_other_waiting() {
    let place = Place::new();
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(Duration::from_secs(1)));
    let hr = service.token(&[Role::Hr]).await;
    let marked = |mark: &[u8], seed| [pdf(1000, seed), mark.to_vec()].concat();
    let mut others = Vec::new();
    for seed in 0..4 {
        sent(&service, &marked(daemon::ENDLESS, seed)).await;
        others.push(sent(&service, &marked(b"", seed)).await.0);
    }
    let _fake = Fake::start(&place.socket(), Trick::Choosy);
    assert_eq!(rescan_now(&service).await, 4);
    for id in &others {
        assert_eq!(scans(&service, &hr, id).await, ["clean"]);
    }
    let begun = Instant::now();
    assert_eq!((rescan_now(&service).await, scan::health(&service.app).await.waiting), (0, 4));
    assert!(begun.elapsed() < Duration::from_secs(1), "they are put off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_hangs_breaks_off_or_lies_lets_nothing_through() {
    let patience = Duration::from_secs(2);
    let say = |words: &[u8]| Trick::Say(words.to_vec());
    for (name, trick) in [
        ("hangs", Trick::Hang),
        ("hangs up at once", Trick::HangUp(0)),
        ("hangs up midway", Trick::HangUp(100_000)),
        ("says nothing", say(b"")),
        ("garbage", say(b"\x00\xff\xfe\x00")),
        ("half an answer", say(b"stream: OK")),
        ("more than an answer", say(b"stream: OK\0stream: OK\0")),
        ("another answer", say(b"stream: OKAY\0")),
        ("an endless answer", Trick::Babble),
        ("a long answer", say(&[vec![b'a'; 2000], b" FOUND\0".to_vec()].concat())),
        ("an error", say(b"stream: Can't allocate memory ERROR\0")),
        ("size exceeded", Trick::SayEarly(100_000, b"INSTREAM size limit exceeded. ERROR\0".to_vec())),
        ("fine before the end", Trick::SayEarly(100_000, b"stream: OK\0".to_vec())),
    ] {
        let place = Place::new();
        let fake = Fake::start(&place.socket(), trick);
        let service = Service::start().await;
        service.app.set_scanner(place.scanner(patience));
        let hr = service.token(&[Role::Hr]).await;
        let begun = Instant::now();
        let (id, _) = sent(&service, &pdf(2_000_000, 8)).await;
        let took = begun.elapsed();
        println!("{name}: answered after {took:?}, {} streams", fake.streams.load(Ordering::SeqCst));
        assert!(took < patience * 10, "{name}: {took:?}");
        assert_eq!(scans(&service, &hr, &id).await, ["held"], "{name}");
        assert_eq!(download(&service, &hr, &id).await, withheld("not-scanned"), "{name}");
        assert!(fake.streams.load(Ordering::SeqCst) <= 2, "{name}: tried too often");
    }
}

/// What it has found is found, whether or not it wants to see the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_before_the_end_counts_as_infected() {
    let found = || b"stream: Eicar-Test FOUND\0".to_vec();
    for (name, trick) in [
        ("and hangs up", Trick::SayEarly(100_000, found())),
        ("and reads no further", Trick::SayAndStop(100_000, found())),
    ] {
        let place = Place::new();
        let fake = Fake::start(&place.socket(), trick);
        let service = Service::start().await;
        let hr = service.token(&[Role::Hr]).await;
        // One that waits from before.
        let elsewhere = Place::new();
        service.app.set_scanner(elsewhere.scanner(PATIENCE));
        let (held, _) = sent(&service, &pdf(2_000_000, 8)).await;
        assert_eq!(scans(&service, &hr, &held).await, ["held"], "{name}");
        std::os::unix::fs::symlink(place.socket(), elsewhere.socket()).unwrap();
        assert_eq!(rescan_now(&service).await, 1, "{name}");
        assert_eq!(scans(&service, &hr, &held).await, ["infected"], "{name}");

        let begun = Instant::now();
        let refused = refused(&service, &pdf(2_000_000, 9)).await;
        assert_eq!(refused, [("cv".to_owned(), "infected-file".to_owned())], "{name}");
        assert!(begun.elapsed() < PATIENCE, "{name}: told at once");
        assert_eq!(fake.streams.load(Ordering::SeqCst), 2, "{name}: once each");
    }
}

/// A scanner that is there and never manages a file is not asked about it for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_scanner_never_manages_is_given_up_and_marked() {
    for (unscanned, marked, opens) in [("hold", "unscannable", false), ("accept", "tolerated", true)] {
        let place = Place::new();
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let mut service = Service::with_clock(forms(unscanned), clock.clone(), |_| ()).await;
        service.app.set_scanner(place.scanner(PATIENCE));
        let hr = service.token(&[Role::Hr]).await;
        let cv = pdf(50_000, 10);
        let (id, receipt) = sent(&service, &cv).await;
        let fake = Fake::start(&place.socket(), Trick::Say(b"stream: Can't allocate memory ERROR\0".to_vec()));
        let asked = || fake.streams.load(Ordering::SeqCst);
        for n in 1..=24 {
            assert!(!scans(&service, &hr, &id).await.contains(&marked.to_owned()), "try {n}");
            assert_eq!((rescan_now(&service).await, asked()), (0, n), "try {n}");
            assert_eq!((rescan_now(&service).await, asked()), (0, n), "not again within the hour");
            clock.advance(Duration::from_secs(60 * 60));
        }
        assert_eq!(scans(&service, &hr, &id).await, [marked]);
        assert_eq!((rescan_now(&service).await, asked(), scan::health(&service.app).await.waiting), (0, 24, 0));
        let refused = if opens { (200, cv.clone()) } else { withheld("unscannable") };
        assert_eq!(download(&service, &hr, &id).await, refused);
        let visitor = Visitor::enter(&service, &receipt).await;
        let words = if opens { "not checked for viruses" } else { "it could not be checked for viruses" };
        assert!(visitor.page().await.contains(words));
        assert_eq!(visitor.get("/my/files/0").await.status(), if opens { 200 } else { 409 });
        let outcome = trail(&service).await.last().unwrap()["detail"]["scan"]["outcome"].clone();
        assert_eq!(outcome, if opens { "given up: taken" } else { "given up: withheld" });

        // After a start the scanner may be another: it is asked once more.
        let dir = Arc::clone(&service.dir);
        service.stop().await;
        drop(service);
        for (n, trick) in
            [Trick::Say(b"stream: no ERROR\0".to_vec()), Trick::Say(b"stream: OK\0".to_vec())].into_iter().enumerate()
        {
            let place = Place::new();
            let fake = Fake::start(&place.socket(), trick);
            let app = support::open_with_clock(dir.path(), forms(unscanned), clock.clone());
            app.set_scanner(place.scanner(PATIENCE));
            let scanner = app.scanner().unwrap().clone();
            assert_eq!(rescan(&app, &scanner).await.unwrap(), n);
            assert_eq!(rescan(&app, &scanner).await.unwrap(), 0);
            assert_eq!(fake.streams.load(Ordering::SeqCst), 1, "once for each start");
            let ctx = support::owner(Role::Hr);
            let shown = letterlock::services::review::show(&app, &ctx, id.parse().unwrap(), Some("recruitment"));
            let scan = shown.await.unwrap().content.files[0].scan;
            assert_eq!(scan.as_str(), [marked, "clean"][n]);
            app.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scanner_sees_the_file_while_it_comes_and_a_slow_one_keeps_the_client_waiting() {
    const SIZE: usize = 16 << 20;
    let place = Place::new();
    let (shut, gate) = std::sync::mpsc::channel();
    let fake = Fake::start(&place.socket(), Trick::Slow(200_000, Arc::new(Mutex::new(gate))));
    let service = Service::start().await;
    service.app.set_scanner(place.scanner(Duration::from_secs(60)));
    let hr = service.token(&[Role::Hr]).await;

    let file = pdf(SIZE, 9);
    let (pieces, taken) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
    let body = reqwest::Body::wrap_stream(futures_util::stream::unfold(taken, |mut taken| async move {
        taken.recv().await.map(|piece| (Ok::<_, std::io::Error>(piece), taken))
    }));
    let part = Part::stream_with_length(body, file.len() as u64).file_name("cv.pdf");
    let form = Form::new().text("name", "Jane").text("email", "jane@example.org").part("cv", part);
    let request = service.request("POST", FORM).multipart(form);
    let answer = tokio::spawn(async move { document(request.send().await.unwrap()).await });
    let given = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (count, content) = (Arc::clone(&given), file.clone());
    let feeding = tokio::spawn(async move {
        for piece in content.chunks(100_000) {
            pieces.send(piece.to_vec()).await.unwrap();
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
    });

    // The scanner has its part long before the file is complete.
    let begun = Instant::now();
    while fake.read.load(Ordering::SeqCst) < 200_000 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing reaches the scanner");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // And while it reads no more, neither does the service: what is under way lies in the buffers of connections.
    let (mut before, mut still) = (given.load(Ordering::SeqCst), 0);
    while still < 10 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the client is never kept waiting");
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = given.load(Ordering::SeqCst);
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    println!("the client was kept waiting at {before} of {} bytes", file.len());
    assert!(before < file.len(), "everything was taken in although the scanner took nothing");
    // What has come so far lies sealed on our disk.
    assert!(files_on_disk(&service) > 0);
    for place in [0, 50_000, 100_000] {
        assert_eq!(remnants(service.dir.path(), &file[place..place + 64]), 0, "in clear on the disk");
    }
    drop(shut);
    feeding.await.unwrap();
    let (status, body) = answer.await.unwrap();
    assert_eq!(status, 201, "{body}");
    let id = text(&body["submission"]);
    assert_eq!(scans(&service, &hr, &id).await, ["clean"]);
    assert_eq!(fake.streams.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_says_how_its_scanner_is() {
    let place = Place::new();
    let service = Service::start().await;
    assert!(!scan::health(&service.app).await.on);
    service.app.set_scanner(place.scanner(PATIENCE));
    let health = scan::health(&service.app).await;
    assert!(health.on && !health.answers);
    let _clamd = Clamd::start(&place);
    assert!(scan::health(&service.app).await.answers);
}

/// The program itself, by its configuration.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_looks_at_what_it_held_as_soon_as_the_scanner_answers() {
    let place = Place::new();
    let socket = place.socket().display().to_string();
    let served = served::Served::with_settings(&[], &[("LETTERLOCK_SCANNER__SOCKET", &socket)]).await;
    assert!(served.log().contains("the virus scanner does not answer"), "{}", served.log());
    let form = application("jane@example.org", &eicar());
    let answer = served::client().post(format!("{}{FORM}", served.url)).multipart(form).send().await.unwrap();
    let (status, body) = document(answer).await;
    assert_eq!(status, 201, "{body}");
    let status: Value = serde_json::from_str(&served.cli(&["status", "--json"])).unwrap();
    assert_eq!((&status["scanner"]["answers"], &status["scanner"]["waiting"]), (&json!(false), &json!(1)));
    assert!(served.cli(&["status"]).contains("does not answer; submissions with files to be scanned: 1"));

    let _clamd = Clamd::start(&place);
    let show = ["record", "show", body["submission"].as_str().unwrap(), "--as", "hr", "--purpose", "recruitment"];
    let begun = Instant::now();
    while !served.cli(&show).contains("infected: cannot be saved") {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", served.cli(&show));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(served.cli(&["status"]).contains("ClamAV "));
    let log = served.log();
    let found = log.lines().find(|line| line.contains("found something")).unwrap();
    assert!(found.contains("Eicar-Test"), "the log names what was found: {found}");
    assert!(!log.contains("CV.pdf") && !log.contains("jane@"), "and not whose it is: {log}");
}

async fn verified(service: &Service) {
    let report =
        letterlock::services::verify::run(&service.app, &support::owner(Role::Admin), &|_, _| {}).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
}

/// A visitor with a browser.
struct Visitor<'a> {
    service: &'a Service,
    cookie: String,
}

impl<'a> Visitor<'a> {
    async fn enter(service: &'a Service, receipt: &str) -> Self {
        let answer =
            service.form("/my", &[("code", receipt)]).header("sec-fetch-site", "same-origin").send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        Self { service, cookie: cookie.split_once(';').unwrap().0.to_owned() }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        request.header("cookie", &self.cookie).header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.send(self.service.request("GET", path)).await
    }

    async fn page(&self) -> String {
        self.get("/my").await.text().await.unwrap()
    }

    async fn attach(&self, file: &[u8]) -> reqwest::Response {
        let page = self.page().await;
        let hidden = |name: &str| {
            let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{page}"));
            rest.split_once('"').unwrap().0.to_owned()
        };
        let form = Form::new()
            .text("_guard", hidden("_guard"))
            .text("_once", hidden("_once"))
            .text("text", "More of it.")
            .part("file", Part::bytes(file.to_vec()).file_name("more.pdf"));
        self.send(self.service.request("POST", "/my/messages").multipart(form)).await
    }
}
