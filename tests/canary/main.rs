//! Canaries: people made of words and keys that occur nowhere else go through the whole service, and are then looked for
//! in everything that it keeps, writes and remembers. `LETTERLOCK_TEST_DEEP=1` does so again and again, with others
//! coming and going at the same time.

mod image;
mod keys;
mod person;
mod scan;
mod service;

use std::collections::BTreeSet;

use keys::Keys;
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
    for round in 0..if deep { 12 } else { 1 } {
        let log = if round % 2 == 0 { "json" } else { "text" };
        println!("round {round}, log as {log}");
        one_round(log).await;
    }
}

async fn one_round(log: &str) {
    let service = Service::start(log);
    let staff = Staff::of(&service);
    let [mut victim, mut other, mut kept] = std::array::from_fn(|_| Person::new(300_000));
    person::live(&service, &staff, &mut kept).await;
    person::live(&service, &staff, &mut victim).await;
    let [application, _] = person::live(&service, &staff, &mut other).await;

    service.wait_until_quiet();
    let people = [(&victim, "victim"), (&other, "other"), (&kept, "kept")];
    let texts = || people.iter().flat_map(|(person, whose)| person.needles(whose)).chain(staff.needles());
    println!(" before the erasure, connections closed");
    let scanner = Scanner::new(texts());
    assert_none("on disk", &service.search_disk(&scanner));
    assert_none("in memory", &service.search_memory(&scanner));

    let before = Keys::of(&service.copy_aside("copy-1"));
    // The control for the keys: those that the service needs at rest are seen, and some of them are erased below.
    let alive = service.search_memory(&Scanner::new(key_needles(&before)));
    println!(" keys in memory at rest: {:?}", names(&alive));

    let client = service::client(true);
    let subject = person::search(&service, &staff, &client, &victim).await.unwrap();
    person::erase_person(&service, &staff, &subject).await;
    let between = Keys::of(&service.copy_aside("copy-2"));
    person::erase_record(&service, &staff, &application).await;
    assert_eq!(person::search(&service, &staff, &client, &victim).await, None);
    drop(client);
    service.wait_for_clean_up(1);
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
