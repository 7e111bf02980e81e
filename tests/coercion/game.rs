//! The game: with everything but a root that was destroyed, the attacker reaches everybody alive and no sign of the erased.
//! With a saved slot of either kind they reach the erased as well, so the attack is a real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use letterlock::crypto::context::Purpose;
use letterlock::crypto::derive::Label;
use letterlock::crypto::merkle::{Frontier, leaf_hash};

use crate::attacker::contents::{Author, Download, Field};
use crate::attacker::{Id, Loot, Row, attack, layouts};
use crate::run::run;
use crate::scenario::{BACK, GONE, KEPT, Sent};
use crate::search::Needles;
use crate::support::GUIDE;

fn id(text: &str) -> Id {
    *text.parse::<letterlock::base::ids::Handle>().unwrap().as_bytes()
}

fn records<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> BTreeSet<Id> {
    sent.into_iter().map(|sent| id(&sent.record)).collect()
}

fn emails<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> BTreeSet<&'a str> {
    sent.into_iter().map(|sent| sent.email.as_str()).collect()
}

/// That what was sent was read to the last byte.
fn is_whole(loot: &Loot, sent: &Sent) -> bool {
    let Some((_, content)) = loot.records.get(&id(&sent.record)) else { return false };
    let field = |name: &str| match content.fields.get(name) {
        Some(Field::Text(text)) => text.as_str(),
        _ => "",
    };
    let letter = if sent.cv.is_some() { field("letter") } else { field("message") };
    let files_whole = match &sent.cv {
        Some(cv) => content.files.len() == 1 && loot.files.values().any(|file| file == cv),
        None => content.files.is_empty(),
    };
    let message = |number| loot.messages.get(&(id(&sent.record), number));
    let messages_whole = match (&sent.message, &sent.answer) {
        (Some((text, file)), Some(answer)) => {
            message(0).is_some_and(|m| m.text == *text && m.author == Author::Subject && m.files.len() == 1)
                && message(1).is_some_and(|m| m.text == *answer && m.files.is_empty())
                && loot.files.values().any(|found| found == file)
        }
        _ => message(0).is_none(),
    };
    messages_whole && field("name") == sent.name && field("email") == sent.email && letter == sent.letter && files_whole
}

/// What the attacker has with all data ever and today's keys.
fn base() -> &'static Loot {
    static LOOT: OnceLock<Loot> = OnceLock::new();
    LOOT.get_or_init(|| attack(&run().haul()))
}

/// The same with the root slots saved before the first erasure.
fn with_saved_root() -> &'static Loot {
    static LOOT: OnceLock<Loot> = OnceLock::new();
    LOOT.get_or_init(|| {
        let mut haul = run().haul();
        haul.roots.push(saved("root"));
        haul.rows.retain(leads_to_records);
        attack(&haul)
    })
}

/// For those who only have to show that the erased can be reached: pages, keyrings, records and messages.
fn leads_to_records((key, _): &Row) -> bool {
    key.first().is_some_and(|table| *table <= 3 || *table == 12)
}

fn saved(name: &str) -> Vec<u8> {
    std::fs::read(run().home.join("keys-then").join(name)).unwrap()
}

fn tell(what: &str, loot: &Loot) {
    let counts = &loot.counts;
    println!(
        "{what}: {} rows in {} versions, {} envelopes, {} files; {} keys, {} attempts in {} rounds; {} envelopes and {} \
         files opened; reached: {} people, {} records, {} files",
        counts.rows,
        counts.versions,
        counts.envelopes,
        counts.files,
        counts.keys,
        counts.attempts,
        counts.rounds,
        counts.opened,
        counts.files_opened,
        loot.people.len(),
        loot.records.len(),
        loot.files.len(),
    );
}

/// What is still to be seen of those who were erased: random handles, counts, places, times.
fn tell_what_remains(loot: &Loot) {
    let mut by_purpose: BTreeMap<String, usize> = BTreeMap::new();
    for (spot, _) in &loot.opened {
        *by_purpose.entry(format!("{:?}", spot.purpose)).or_default() += 1;
    }
    println!("opened, by purpose: {by_purpose:?}");
    let handles: usize = loot.deeds.iter().map(|deed| 1 + deed.records.len() + deed.files.len()).sum();
    println!(
        "what remains of the erased: {} deeds with {handles} random handles, {} parts of orders (places, handles, counts), \
         {} audit entries (who, when, what kind of act, and the place of whom it concerned)",
        loot.deeds.len(),
        loot.orders.len(),
        loot.audit.len(),
    );
}

#[test]
fn with_all_data_ever_and_todays_keys_everybody_alive_is_reached_and_no_sign_of_the_erased() {
    let run = run();
    let loot = base();
    tell("all data ever, today's keys", loot);
    tell_what_remains(loot);
    println!("the run: {} submissions, {} processes killed in the middle of an erasure", run.sent.len(), run.kills);
    assert!(loot.riddles.is_empty(), "opened, and not what docs/formats.md says: {:?}", loot.riddles);

    let (alive, erased): (Vec<_>, Vec<_>) = run.sent.iter().partition(|sent| sent.record_stays);
    let people_alive: Vec<_> = run.sent.iter().filter(|sent| sent.person_stays).collect();
    assert!(alive.len() > 100 && erased.len() > 30);

    // Everybody alive, whole.
    assert_eq!(loot.records.keys().copied().collect::<BTreeSet<_>>(), records(alive.iter().copied()));
    for sent in &alive {
        assert!(is_whole(loot, sent), "{} was reached, but not whole", sent.name);
    }
    let tags: BTreeSet<Id> = emails(people_alive.iter().copied()).into_iter().map(|email| loot.tag_of(email)).collect();
    assert_eq!(loot.people.values().flatten().copied().collect::<BTreeSet<_>>(), tags, "exactly their addresses");
    assert_eq!(loot.people.len(), tags.len());

    let mails = alive.iter().map(|sent| 1 + usize::from(sent.answer.is_some()));
    let mails = mails.sum::<usize>();
    // A few were one too many within an hour for their address.
    assert!(loot.mails <= mails && loot.mails * 20 > mails * 19, "{} waiting mails, not {mails}", loot.mails);

    // Nobody erased, in no way.
    let people: BTreeSet<Id> = loot.people.keys().copied().collect();
    let reached: BTreeSet<Id> = loot.keyrings.values().flatten().copied().collect();
    assert_eq!(reached, records(alive.iter().copied()), "keyrings");
    assert_eq!(loot.list.keys().copied().collect::<BTreeSet<_>>(), reached, "list entries");
    let files = alive.iter().map(|sent| usize::from(sent.cv.is_some()) + usize::from(sent.message.is_some()));
    assert_eq!(loot.files.len(), files.sum::<usize>(), "files");
    let messages = alive.iter().map(|sent| usize::from(sent.message.is_some()) + usize::from(sent.answer.is_some()));
    println!("{} messages", messages.clone().sum::<usize>());
    assert!(messages.clone().sum::<usize>() > 5);
    assert_eq!(loot.messages.len(), messages.sum::<usize>(), "messages");
    let wrote = alive.iter().filter(|sent| sent.message.is_some());
    let downloads: BTreeSet<Id> = loot.downloads.keys().map(|(record, _)| *record).collect();
    assert_eq!(downloads, records(wrote.copied()), "downloads");
    let noted: BTreeSet<Id> = loot.notes.keys().map(|(record, _)| *record).collect();
    let answered: Vec<_> = alive.iter().copied().filter(|sent| sent.answer.is_some()).collect();
    assert_eq!(noted, records(answered.iter().copied()), "notes");
    for sent in answered {
        let note = &loot.notes[&(id(&sent.record), 0)];
        assert!(
            Some(&note.text) == sent.answer.as_ref() && note.login.is_none() && note.at > 0,
            "read to the last byte"
        );
        let last =
            loot.list[&id(&sent.record)].iter().max_by_key(|entry| (entry.notes.len(), entry.labels.len())).unwrap();
        assert_eq!((last.notes.as_slice(), last.labels.len(), &last.assignee), (&[false][..], 1, &None));
    }
    let right = |d: &Download| d.title == "How to apply" && d.file == GUIDE && d.at > 0 && d.link.is_some();
    assert!(loot.downloads.values().all(right), "read to the last byte");
    assert!(loot.consents.keys().chain(loot.subjects.iter().map(|(p, _)| p)).all(|person| people.contains(person)));

    // With the slot saved before the erasures, the keys of the erased are had: none of them is to be seen now.
    let lost_keys = with_saved_root().keys_beyond(loot);
    let mut signs = Needles::new();
    signs.text(GONE);
    for sent in run.sent.iter().filter(|sent| !sent.person_stays && !sent.email.contains(BACK)) {
        signs.bytes(&format!("the tag of {}", sent.email), &loot.tag_of(&sent.email));
    }
    lost_keys.iter().for_each(|key| signs.bytes("a key that was destroyed", key));
    let mut bytes = 0;
    for (what, hay) in everything(loot) {
        bytes += hay.len();
        assert_eq!(signs.found_in(hay), Vec::<&str>::new(), "{what}");
    }
    println!("{} signs of the erased ({} keys) looked for in {bytes} bytes", signs.len(), lost_keys.len());
    assert!(lost_keys.len() > 40);

    // An address that came back is the newcomer's alone.
    let back: BTreeSet<Id> = records(alive.iter().copied().filter(|sent| sent.email.contains(BACK)));
    let mut needle = Needles::new();
    needle.text(BACK);
    let with_it = loot.opened.iter().filter(|(_, content)| !needle.found_in(content).is_empty());
    let with_it: BTreeSet<Id> = with_it.map(|(spot, _)| spot.row[..16].try_into().unwrap()).collect();
    assert_eq!((with_it, back.len()), (back, 1));

    // The same search finds those who stay.
    let mut present = Needles::new();
    present.text(KEPT);
    let tag = loot.tag_of(&people_alive[0].email);
    present.bytes("tag", &tag);
    let found: BTreeSet<&str> = loot.opened.iter().flat_map(|(_, content)| present.found_in(content)).collect();
    assert!(found.contains("qhvzkept (raw)") && found.contains("tag (raw)"), "{found:?}");
}

/// Everything that opened, and every byte that was ever written or is in the key folder.
fn everything(loot: &Loot) -> impl Iterator<Item = (String, &[u8])> {
    let run = run();
    let opened = loot.opened.iter().map(|(spot, content)| (format!("{spot:?}"), content.as_slice()));
    let files = loot.files.iter().map(|(file, content)| (format!("file {file:?}"), content.as_slice()));
    let written = run.writes.iter().map(|write| (write.path.display().to_string(), write.bytes.as_slice()));
    opened.chain(files).chain(written)
}

/// That whoever was there when the key folder was saved is reached, whole, erased or not.
fn assert_won(what: &str, loot: &Loot) {
    tell(what, loot);
    let run = run();
    let erased: Vec<_> = run.sent[..run.sent_then].iter().filter(|sent| !sent.record_stays).collect();
    assert!(erased.len() > 20);
    for sent in &erased {
        assert!(is_whole(loot, sent), "{what}: {} was erased and stays out of reach", sent.name);
    }
    let mut signs = Needles::new();
    signs.text(GONE);
    let of_records = loot.opened.iter().filter(|(spot, _)| spot.purpose == Purpose::Record);
    let found = of_records.filter(|(_, content)| !signs.found_in(content).is_empty()).count();
    assert!(found >= erased.len(), "{what}: the signs are found in {found} records");
    let tags: BTreeSet<&Id> = loot.people.values().flatten().collect();
    for sent in erased.iter().filter(|sent| !sent.person_stays) {
        assert!(tags.contains(&loot.tag_of(&sent.email)), "{what}: {} was there", sent.email);
    }
}

#[test]
fn a_saved_root_slot_gives_the_erased_away() {
    assert_won("a saved root slot", with_saved_root());
}

#[test]
fn a_saved_recovery_slot_gives_the_erased_away() {
    let mut haul = run().haul();
    haul.recovery_slots.push(saved("recovery/slot"));
    haul.rows.retain(leads_to_records);
    assert_won("a saved recovery slot", &attack(&haul));
    // The slot alone does not: it needs the private key, which should lie elsewhere.
    haul.identities.clear();
    haul.rows.retain(|(key, _)| key.first() <= Some(&1));
    let loot = attack(&haul);
    tell("a saved recovery slot without its private key, on the pages alone", &loot);
    assert!(loot.keys.len() > 100 && loot.keys_beyond(base()).is_empty());
}

#[test]
fn witness_audit_tree_and_store_digest_are_what_the_document_says() {
    let (run, loot) = (run(), base());
    let witness = std::fs::read(run.home.join("keys/witness")).unwrap();
    let blocks = witness.chunks(4096).filter_map(layouts::witness_block);
    let newest = blocks.max_by_key(|block| (block.epoch, block.audit_size)).unwrap();
    assert_eq!(newest.check, loot.keyed("witness", Label::Witness, newest.signed));
    let root = std::fs::read(run.home.join("keys/root")).unwrap();
    assert!(root.chunks(4096).filter_map(layouts::root_slot).any(|slot| slot.vault == newest.vault));

    // The rows as they are at the end.
    let mut live: BTreeMap<Vec<u8>, Vec<u8>> = run.rows_at_the_end().into_iter().collect();
    let entries: Vec<_> = live.extract_if(.., |key, _| key[0] == 9).collect();
    let mut tree = Frontier::default();
    entries.iter().for_each(|(_, sealed)| tree.push(leaf_hash(sealed)));
    assert_eq!((newest.audit_size, newest.peaks.as_slice()), (tree.size(), tree.peaks()));

    live.remove(b"\0state".as_slice());
    let mut sum = [0_u64; 4];
    for (key, value) in &live {
        let term = [&(key.len() as u32).to_be_bytes(), key.as_slice(), value].concat();
        let term = loot.keyed("digest", Label::DigestRow, &term);
        let mut carry = 0;
        for (limb, bytes) in sum.iter_mut().zip(term.chunks(8)) {
            let total = u128::from(*limb) + u128::from(u64::from_le_bytes(bytes.try_into().unwrap())) + carry;
            *limb = total as u64;
            carry = total >> 64;
        }
    }
    let last = loot.audit.iter().max_by_key(|entry| entry.number).unwrap();
    let told = last.digest.as_ref().unwrap();
    assert_eq!((told.limbs, told.rows), (sum, live.len() as u64));
}
