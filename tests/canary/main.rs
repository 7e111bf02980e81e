//! Canaries: people made of words and keys that occur nowhere else go through the whole service, and are then looked for
//! in everything that it keeps, writes and remembers. `LETTERLOCK_TEST_DEEP=1` does so again and again, with others
//! coming and going at the same time.

mod crowd;
mod hardening;
mod image;
mod keys;
mod load;
#[path = "../browser/mailbox.rs"]
mod mailbox;
mod person;
mod scan;
mod service;

use std::collections::BTreeSet;
use std::sync::Arc;

use keys::Keys;
use load::Load;
use person::{Person, Staff};
use scan::{Needle, Scanner, assert_none, names};
use service::Service;

fn key_needles(keys: &Keys) -> Vec<Needle> {
    let tags = keys.tags.iter().map(|tag| Needle::new("address tag", tag));
    keys.keys.iter().flat_map(|(key, what)| Needle::halves(what, key)).chain(tags).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_person_stays_once_their_connections_have_closed() {
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    for round in 0..if deep { 20 } else { 1 } {
        let log = if round % 2 == 0 { "json" } else { "text" };
        println!("round {round}, log as {log}");
        one_round(log).await;
    }
}

async fn one_round(log: &str) {
    let service = Arc::new(Service::start(log));
    let staff = Arc::new(Staff::of(&service));
    let [mut victim, mut other, mut kept] = std::array::from_fn(|_| Person::new(300_000));
    person::live(&service, &staff, &mut kept).await;
    let load = Load::start(&service, &staff, 2);
    person::live(&service, &staff, &mut victim).await;
    let [application, _] = person::live(&service, &staff, &mut other).await;
    let people = [(&victim, "victim"), (&other, "other"), (&kept, "kept")];
    let texts = || people.iter().flat_map(|(person, whose)| person.needles(whose));

    println!(" their connections closed, others come and go");
    load.go_on().await;
    assert_none("in memory", &service.search_memory(&Scanner::new(texts())));
    let (passers_by, theirs) = load.stop().await;
    println!(" {passers_by} others have come and gone; everybody's connections closed");
    service.wait_until_quiet();
    let scanner = Scanner::new(texts().chain(theirs).chain(staff.needles()));
    assert_none("on disk", &service.search_disk(&scanner));
    assert_none("in memory", &service.search_memory(&scanner));

    let before = Keys::of(&service.copy_aside("copy-1"));
    let alive = service.search_memory(&Scanner::new(key_needles(&before)));
    // The control for the keys: those that the service needs at rest are seen, and these are erased below.
    let alive = names(&alive);
    for key in ["root, first half", "leaf page, second half", "inner page, first half"] {
        assert!(alive.contains(key), "{key} is not seen: {alive:?}");
    }

    let load = Load::start(&service, &staff, 2);
    let client = service::client(true);
    let subject = person::search(&service, &staff, &client, &victim).await.unwrap();
    person::erase_person(&service, &staff, &subject).await;
    let (more, _) = load.stop().await;
    service.wait_until_quiet_but_for(1);
    let between = Keys::of(&service.copy_aside("copy-2"));
    person::erase_record(&service, &staff, &application).await;
    assert_eq!(person::search(&service, &staff, &client, &victim).await, None);
    drop(client);
    service.wait_for_clean_up(1 + passers_by + more);
    service.wait_until_quiet();
    let after = Keys::of(&service.copy_aside("copy-3"));
    let mut erased = before.gone_in(&after);
    erased.add(between.gone_in(&after));
    println!(" after the erasure of one person and one record: {:?}", erased.counts());

    let kinds: BTreeSet<_> = erased.counts().into_keys().collect();
    for kind in ["root", "inner page", "leaf page", "person", "record", "file", "audit of a person"] {
        assert!(kinds.contains(kind), "no {kind} key was erased");
    }
    let scanner = Scanner::new(texts().chain(key_needles(&erased)));
    assert_none("on disk", &service.search_disk(&scanner));
    assert_none("in memory", &service.search_memory(&scanner));
}

/// The control in memory: what is under way is seen, so a search that finds nothing afterwards means something.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_seen_in_memory_and_gone_when_it_ends() {
    let service = Service::start("text");
    let staff = Staff::of(&service);
    let mut person = Person::new(900_000);
    let application = person.apply(&service, &service::client(true)).await;
    service.wait_until_quiet();
    let cipher = Keys::of(&service.copy_aside("copy"));
    let cipher = cipher.keys.iter().filter(|(_, what)| **what == "cipher of a file");
    let cipher: Vec<Needle> = cipher.flat_map(|(key, what)| Needle::halves(what, key)).collect();
    assert_eq!(cipher.len(), 2);
    let scanner = Scanner::new(person.needles("person").into_iter().chain(cipher));
    assert_none("at rest", &service.search_memory(&scanner));

    for http2 in [true, false] {
        let upload = person.begin_to_apply(&service, http2).await;
        seen_in_memory(&service, &scanner, &["person's name", "person's letter", "person's file"]);
        upload.give_up().await;
        service.wait_until_quiet();
        assert_none("after an upload was broken off", &service.search_memory(&scanner));
    }
    let download = person::begin_to_download(&service, &staff, &application).await;
    let of_the_file = ["person's file", "cipher of a file, first half", "cipher of a file, second half"];
    seen_in_memory(&service, &scanner, &of_the_file);
    drop(download);
    service.wait_until_quiet();
    assert_none("after a download was broken off", &service.search_memory(&scanner));
}

/// Waits until all of these are in the memory of the service.
#[track_caller]
fn seen_in_memory(service: &Service, scanner: &Scanner, expected: &[&str]) {
    let mut hits = Vec::new();
    for _ in 0..50 {
        hits = service.search_memory(scanner);
        if expected.iter().all(|what| names(&hits).contains(what)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("of {expected:?} only these are seen: {:?}", names(&hits));
}

/// The control for files: a copy is found wherever it is and however it is written.
#[test]
fn a_leaked_copy_is_found_in_every_spelling() {
    let key: [u8; 32] = std::array::from_fn(|n| (n * 37 + 200) as u8);
    let text = "Zoë.Quill0a1b@example.org";
    let scanner = Scanner::new(Needle::halves("key", &key).into_iter().chain([Needle::new("address", text)]));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("files/some");
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let look = |content: &[u8]| {
        std::fs::write(&file, [&[0xa7; 5000], content, b"and so on"].concat()).unwrap();
        scanner.scan_folder(folder.path()).0
    };
    let mut planted = 0;
    let mut expect = |what: &[&str], content: &[u8]| {
        let found = look(content);
        assert!(what.iter().all(|what| names(&found).contains(what)), "{what:?} in {}", content.escape_ascii());
        planted += 1;
    };
    let halves = ["key, first half", "key, second half"];
    for (what, bytes) in [(&halves[..], &key[..]), (&["address"][..], text.as_bytes())] {
        expect(what, bytes);
        expect(what, data_encoding::HEXLOWER.encode(bytes).as_bytes());
        expect(what, data_encoding::HEXUPPER.encode(bytes).as_bytes());
        // In base64 as a part of something longer, at each of the three places that it can have in a group.
        for before in ["", "a", "ab"] {
            let longer = [before.as_bytes(), bytes, b"more"].concat();
            expect(what, data_encoding::BASE64.encode(&longer).as_bytes());
            expect(what, data_encoding::BASE64URL_NOPAD.encode(&longer).as_bytes());
        }
    }
    expect(&["address"], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    expect(&["address"], &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>());
    expect(&halves, &key.iter().flat_map(|&byte| [byte, 0]).collect::<Vec<_>>());
    expect(&halves, &key.iter().flat_map(|&byte| [0, byte]).collect::<Vec<_>>());
    expect(&halves[..1], &key[..16]);
    expect(&halves[1..], &key[16..]);
    // One line of a log.
    let line = format!("{{\"level\":\"INFO\",\"message\":\"could not find {text}\"}}\n");
    expect(&["address"], line.as_bytes());

    assert_none("where nothing is", &look(&[&key[1..16], &key[..15], b"Zo\xc3\xab.Quill0a1b@example.or"].concat()));
    std::fs::write(folder.path().join(format!("files/{text}")), "").unwrap();
    assert_eq!(names(&look(b"")), BTreeSet::from(["address"]), "in the name of a file");
    println!("{planted} planted copies were found, and one in the name of a file");
}
