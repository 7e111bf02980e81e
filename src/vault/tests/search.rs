//! Looking through the list: what is found and in which order, what is passed over, and when it ends.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::base::ids::RecordId;
use crate::domain::submission::{FieldValue, Summary};
use crate::vault::{Opening, Piece, Search, SearchedBy, Sieve};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A submission that says `said`.
async fn say(vault: &Vault, email: Option<&str>, said: &str, received: i64) -> Stored {
    let content = Content {
        form: "support-request".parse().unwrap(),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: Timestamp::from_millis(received),
        fields: [("said".to_owned(), FieldValue::Text(said.into()))].into(),
        consents: BTreeMap::new(),
        files: Vec::new(),
        server_key: None,
    };
    let new = NewSubmission {
        email: email.map(|email| crate::domain::subject::EmailAddress::parse(email).unwrap()),
        content,
        status: Status::New,
        assignee: None,
        labels: Vec::new(),
        files: Vec::new(),
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
    };
    vault.submit(act(&Actor::Public, Action::Submit, &Resource::Form { roles: READERS }), new).await.unwrap()
}

/// Many, each saying its number; every third of one of seven people, the others of a new one.
async fn many(vault: &Arc<Vault>, count: usize) -> Vec<RecordId> {
    let mut said = Vec::new();
    for n in 0..count {
        let email = (n % 3 == 0).then(|| format!("p{}@example.org", n % 7));
        said.push(say(vault, email.as_deref(), &format!("number {n}."), n as i64 * DAY).await.summary.id);
    }
    said
}

/// Lets through what says this.
struct Saying {
    what: String,
    since: Option<Timestamp>,
    opened: Arc<AtomicUsize>,
    each: Duration,
    panics: Arc<AtomicBool>,
}

impl Saying {
    fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            since: None,
            opened: Arc::default(),
            each: Duration::ZERO,
            panics: Arc::default(),
        }
    }
}

impl Sieve for Saying {
    type Found = String;

    fn wants(&self, summary: &Summary) -> bool {
        self.since.is_none_or(|since| summary.received >= since)
    }

    fn since(&self) -> Option<Timestamp> {
        self.since
    }

    fn sift(&self, _: &Summary, opening: &Opening<'_>) -> Result<Option<String>, VaultError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "as it was told");
        std::thread::sleep(self.each);
        let FieldValue::Text(said) = &opening.content.fields["said"] else { panic!("a text") };
        let messages = opening.messages()?;
        let all = [said.expose()].into_iter().chain(messages.iter().map(|message| message.text.expose()));
        let all: Vec<&str> = all.collect();
        let all = all.join(" ");
        Ok(all.contains(&self.what).then_some(all))
    }
}

async fn begin(vault: &Arc<Vault>, before: Option<u64>, sieve: Saying) -> Search<String> {
    let reader = Actor::Owner { role: READERS[0] };
    let act = act(&reader, Action::SearchSubmissions, &Resource::Form { roles: READERS });
    let grant = vault.grant_search(act, SearchedBy::Words, &[]).await.unwrap();
    vault.search(grant, before, sieve).unwrap()
}

async fn all(mut search: Search<String>) -> Vec<Piece<String>> {
    let mut pieces = Vec::new();
    while let Some(piece) = search.next().await {
        pieces.push(piece.unwrap());
    }
    pieces
}

fn found(pieces: &[Piece<String>]) -> Vec<RecordId> {
    pieces.iter().flat_map(|piece| &piece.hits).map(|hit| hit.record).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_looked_through_once_newest_first_whoever_it_is_from() {
    let (_dir, vault) = home();
    let said = many(&vault, 700).await;
    let pieces = all(begin(&vault, None, Saying::new("number")).await).await;
    assert!(found(&pieces).into_iter().eq(said.iter().rev().copied()));
    assert_eq!(pieces.iter().map(|piece| piece.looked).sum::<u64>(), 700);
    assert_eq!(pieces.iter().map(|piece| piece.below).collect::<Vec<_>>(), [444, 188, 0]);
    // Each hit says how many of its stretch were opened up to it.
    assert_eq!(pieces[1].hits.iter().map(|hit| hit.looked).collect::<Vec<_>>(), (1..=256).collect::<Vec<_>>());
    assert_eq!(pieces[2].hits[0].arrival, 187);

    let pieces = all(begin(&vault, None, Saying::new("number 123.")).await).await;
    assert_eq!(found(&pieces), [said[123]]);
    // From where another one stopped, the number itself not.
    let pieces = all(begin(&vault, Some(123), Saying::new("number")).await).await;
    assert!(found(&pieces).into_iter().eq(said[..123].iter().rev().copied()));
    let search = begin(&vault, None, Saying::new("number")).await;
    assert_eq!([700, 699, 350, 1, 0].map(|below| search.percent(below)), [0, 0, 50, 99, 100]);
    assert!(all(begin(&vault, Some(0), Saying::new("number")).await).await.is_empty());
    let (_dir, empty) = home();
    let search = begin(&empty, None, Saying::new("number")).await;
    assert_eq!(search.percent(0), 100);
    assert!(all(search).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_passed_over_and_so_is_who_is_dying() {
    let (_dir, vault) = home();
    let said = many(&vault, 40).await;
    let person = vault.locate(&said[3]).unwrap().summary.subject;
    let theirs: Vec<RecordId> = vault.records_of(&person).unwrap().iter().map(|located| located.summary.id).collect();
    assert!(theirs.len() > 1);
    vault.erase(erase_act(Action::ErasePerson), vec![Target::Person(person)]).await.unwrap();
    vault.erase(erase_act(Action::EraseRecord), vec![Target::Record(said[8])]).await.unwrap();
    let kept: Vec<_> = said.iter().copied().filter(|id| !theirs.contains(id) && *id != said[8]).rev().collect();
    assert_eq!(found(&all(begin(&vault, None, Saying::new("number")).await).await), kept);
    clean(&vault).await;
    assert_eq!(found(&all(begin(&vault, None, Saying::new("number")).await).await), kept);

    // From the moment that the order is durable.
    let located = vault.locate(&kept[0]).unwrap();
    vault.shared.directory.write().unwrap().mark_record(kept[0]);
    assert_eq!(found(&all(begin(&vault, None, Saying::new("number")).await).await), kept[1..]);
    let reader = Actor::Owner { role: READERS[0] };
    let act = act(&reader, Action::SearchSubmissions, &Resource::Form { roles: READERS });
    let granted = vault.grant_found(act, SearchedBy::Words, &[], &[located], &["support".to_owned()]).await;
    assert_eq!(granted.err(), Some(VaultError::Missing), "found before, and not handed out any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_passed_over_alone() {
    let (_dir, vault) = home();
    let said = many(&vault, 30).await;
    let damage = |key: Vec<u8>, at: usize| {
        let mut row = vault.shared.engine.read(&key).unwrap().unwrap();
        let at = at.min(row.len() - 1);
        row[at] ^= 1;
        vault.shared.engine.commit(&Batch::from([(key, Some(row))])).unwrap();
    };
    // The content of one, the list row of another, the place in the list row of a third, the keyring of a fourth.
    damage(super::super::rows::record_key(&said[4]), usize::MAX);
    damage(super::super::rows::list_key(11), usize::MAX);
    damage(super::super::rows::list_key(13), 60);
    let person = vault.locate(&said[20]).unwrap().summary.subject;
    damage(crate::keys::keyring::Keyring::row_key(&person, 0), 70);
    let kept: Vec<_> = (0..30).filter(|n| ![4, 11, 13, 20].contains(n)).map(|n| said[n as usize]).rev().collect();
    assert_eq!(found(&all(begin(&vault, None, Saying::new("number")).await).await), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_nobody_waits_for_ends() {
    let (_dir, vault) = home();
    many(&vault, 300).await;
    let sieve = Saying { each: Duration::from_millis(5), ..Saying::new("nothing") };
    let opened = Arc::clone(&sieve.opened);
    let search = begin(&vault, None, sieve).await;
    while opened.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(search);
    // Its threads let the vault go, with what each had in its hands at most.
    for _ in 0..2000 {
        if Arc::strong_count(&vault) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(Arc::strong_count(&vault), 1, "its threads stay");
    let looked = opened.load(Ordering::SeqCst);
    assert!(looked < 300, "it went on to its end");
    println!("{looked} of 300 were opened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_breaks_off_is_no_end() {
    let (_dir, vault) = home();
    many(&vault, 20).await;
    let sieve = Saying::new("number");
    sieve.panics.store(true, Ordering::SeqCst);
    let mut search = begin(&vault, None, sieve).await;
    assert_eq!(search.next().await.map(|piece| piece.err()), Some(Some(VaultError::Unavailable)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_older_than_what_is_wanted_is_opened_and_a_clock_set_back_hides_nothing_of_the_day() {
    let (_dir, vault) = home();
    let said = many(&vault, 600).await;
    // As if the clock had been set back for an hour.
    let late = say(&vault, None, "number late", 598 * DAY - 60 * 60 * 1000).await.summary.id;
    let sieve = Saying { since: Some(Timestamp::from_millis(598 * DAY)), ..Saying::new("number") };
    let opened = Arc::clone(&sieve.opened);
    let pieces = all(begin(&vault, None, sieve).await).await;
    assert_eq!(found(&pieces), [said[599], said[598]]);
    // Another thread may have taken a stretch before the end was known; it opens nothing of it.
    assert_eq!(opened.load(Ordering::SeqCst), 2, "nothing older is opened");
    assert_eq!(pieces.last().map(|piece| piece.below), Some(0));
    assert!(!found(&pieces).contains(&late));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_has_the_beginning_and_what_was_handed_out() {
    let (_dir, vault) = home();
    let said = many(&vault, 3).await;
    let reader = Actor::Owner { role: READERS[0] };
    let act = || act(&reader, Action::SearchSubmissions, &Resource::Form { roles: READERS });
    let begun = vault.counts().audit_entries;
    let purposes = ["enquiries", "support"].map(str::to_owned);
    let _grant = vault.grant_search(act(), SearchedBy::Filters, &purposes).await.unwrap();
    let located = [vault.locate(&said[1]).unwrap()];
    let grants = vault.grant_found(act(), SearchedBy::Words, &purposes, &located, &purposes[1..]).await.unwrap();
    vault.grant_found(act(), SearchedBy::Words, &purposes, &[], &[]).await.unwrap();
    assert_eq!(vault.counts().audit_entries, begun + 3);
    let entries = vault.audit_entries(None, 3).unwrap();
    let details: Vec<_> = entries.iter().map(|entry| entry.detail.clone()).collect();
    let detail = |by, found| crate::vault::Detail::Search { by, purposes: purposes.to_vec(), found };
    let words = SearchedBy::Words;
    assert_eq!(details, [detail(words, Some(0)), detail(words, Some(1)), detail(SearchedBy::Filters, None)]);
    let named = entries[1].subjects[0].as_ref().unwrap();
    assert_eq!((named.record, named.purpose.as_deref()), (Some(said[1]), Some("support")));
    for grant in grants {
        assert!(vault.open_content(grant, &located[0]).is_ok());
    }
}
