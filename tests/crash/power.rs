//! Power cuts: every write of a run is recorded with `strace`, and the disk is put together again as a cut at each point
//! could have left it. What had been acknowledged by then must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use letterlock::vault::Hooks;

use crate::disk::{Chance, Faults, Image, Recording, Rule, lay_out};
use crate::ledger::{self, Expected, Seen};
use crate::scenario::{self, Abort};
use crate::trace::{self, Call, Event};

/// A recorded run.
struct Film {
    recording: Recording,
    events: Vec<Event>,
    /// What was told, with the line at which saying it began.
    told: Vec<(usize, String)>,
}

impl Film {
    fn shoot() -> Self {
        let folder = scenario::scratch();
        let inside = folder.path().join("v");
        std::fs::create_dir(&inside).unwrap();
        let output = folder.path().join("trace");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-y", "-xx", "-s", "100000000", "-e", &format!("trace={}", trace::CALLS), "-o"])
            .arg(&output);
        let status = scenario::child_under(strace, &inside, Abort::Never, false)
            .status()
            .expect("this test needs strace, which scripts/test installs");
        assert!(status.success(), "the traced run failed: {status}");
        let events = trace::parse(&std::fs::read_to_string(&output).unwrap(), &inside);
        let mut told = Vec::new();
        let mut changes = Vec::new();
        for event in events {
            match &event.call {
                Call::Write { path, bytes, .. } if path == Path::new("told") => {
                    told.push((event.began, String::from_utf8(bytes.clone()).unwrap()));
                }
                call if matches!(path_of(call), "told" | "passed") => {}
                _ => changes.push(event),
            }
        }
        // The trace tells what the disk holds now, to the byte; else it would prove nothing.
        let recording = Recording::new(&changes);
        let end = changes.last().unwrap().over + 1;
        let image = recording.at(end, Rule::Kept, &mut Chance::new(0), &Faults::default());
        for (path, content) in image.iter().filter_map(|(path, content)| Some((path, content.as_ref()?))) {
            assert!(std::fs::read(inside.join(path)).unwrap() == *content, "{} is not as traced", path.display());
        }
        let on_disk = crate::support::all_bytes(&inside).len() - 2;
        assert_eq!(image.values().flatten().count(), on_disk, "files that the trace does not know");
        Self { recording, events: changes, told }
    }

    fn expected(&self, cut: usize) -> Expected {
        let said: String = self.told.iter().filter(|(line, _)| *line < cut).map(|(_, text)| text.as_str()).collect();
        Expected::from_lines(&said)
    }

    /// The line right after the one that says this.
    fn after(&self, words: &str) -> usize {
        self.told.iter().find(|(_, text)| text.starts_with(words)).unwrap().0 + 1
    }

    /// The points at which something began or was over; right after each acknowledgement first.
    fn cuts(&self) -> (Vec<usize>, Vec<usize>) {
        let acknowledged = self.told.iter().filter(|(_, text)| !text.starts_with("try")).map(|(line, _)| line + 1);
        let others: BTreeSet<usize> = self.events.iter().flat_map(|e| [e.began, e.began + 1, e.over + 1]).collect();
        (acknowledged.collect(), others.into_iter().collect())
    }

    async fn check(&self, cut: usize, rule: Rule, seed: u64, faults: &Faults) -> Result<Seen, String> {
        let image = self.recording.at(cut, rule, &mut Chance::new(seed), faults);
        let expected = self.expected(cut);
        let folder = scenario::scratch();
        lay_out(&image, folder.path());
        let roots = ledger::roots(folder.path());
        if expected.erasures > 0 && !expected.erasing && roots.len() != 1 {
            return Err(format!("an erasure was acknowledged, and roots of the epochs {roots:?} lie on the disk"));
        }
        ledger::check(folder.path(), &expected).await
    }
}

fn path_of(call: &Call) -> &str {
    let path = match call {
        Call::Create { path, .. } | Call::Write { path, .. } | Call::SetLen { path, .. } | Call::Sync { path, .. } => {
            path
        }
        Call::MakeDir(path) | Call::Remove(path) | Call::Rename { from: path, .. } => path,
    };
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cut_at_any_point_loses_nothing_acknowledged_and_brings_nothing_back() {
    let film = Film::shoot();
    let (acknowledged, others) = film.cuts();
    let mut plan: Vec<(usize, Rule)> = acknowledged.iter().map(|cut| (*cut, Rule::Dropped)).collect();
    if crate::deep() {
        plan.extend(acknowledged.iter().chain(&others).flat_map(|cut| Rule::ALL.map(|rule| (*cut, rule))));
    } else {
        let step = (others.len() / 80).max(1);
        // The rule changes from one cut to the next, and the cuts are those of every stretch of the run.
        plan.extend(others.iter().step_by(step).enumerate().map(|(n, cut)| (*cut, Rule::ALL[n % 4])));
    }
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for (seed, (cut, rule)) in (0..).zip(&plan) {
        *done.entry(format!("{rule:?}")).or_default() += 1;
        if let Err(said) = film.check(*cut, *rule, seed, &Faults::default()).await {
            let before = film.events.iter().rfind(|event| event.began < *cut).map(|event| path_of(&event.call));
            failures.push(format!("cut at line {cut} ({rule:?}, seed {seed}, after {before:?}): {said}"));
        }
    }
    println!(
        "{} events, {} points, {} cuts replayed: {done:?}, {} acknowledgements",
        film.events.len(),
        others.len(),
        plan.len(),
        acknowledged.len()
    );
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), plan.len(), failures.join("\n"));

    a_disk_that_does_not_sync_is_noticed(&film).await;
    an_old_slot_left_alone_is_noticed_and_would_bring_the_erased_back(&film).await;
}

/// A control: without `fdatasync` on the store's log, what was acknowledged is lost, and the check says so.
async fn a_disk_that_does_not_sync_is_noticed(film: &Film) {
    let faults = Faults { never_synced: Some("data/store/db".into()), lost_write: None };
    let mut noticed = 0;
    for words in ["ok submit 0", "ok mark 0", "ok submit 7"] {
        noticed += usize::from(film.check(film.after(words), Rule::Dropped, 1, &faults).await.is_err());
    }
    assert_eq!(noticed, 3, "a log that was never synced was not missed");
}

/// A control: where the old slot is not overwritten, two roots lie on the disk after the acknowledgement, and under
/// yesterday's data the one erased is there again. With the overwrite, yesterday's data opens nobody.
async fn an_old_slot_left_alone_is_noticed_and_would_bring_the_erased_back(film: &Film) {
    let (before, after) = (film.after("ok delete 1"), film.after("ok erase bob"));
    let writes: Vec<usize> = film
        .events
        .iter()
        .filter(|event| event.began > before && event.began < after && path_of(&event.call) == "keys/root")
        .filter(|event| matches!(event.call, Call::Write { .. }))
        .map(|event| event.began)
        .collect();
    let [_spare, old] = writes[..] else { panic!("an epoch writes two slots, not {writes:?}") };
    let faults = Faults { never_synced: None, lost_write: Some(("keys/root".into(), old)) };
    let said = film.check(after, Rule::Kept, 1, &faults).await.unwrap_err();
    assert!(said.contains("roots of the epochs"), "{said}");

    // Yesterday's data, today's keys; the witness and the recovery slot are put back too, for either would refuse.
    let yesterday = film.recording.at(before, Rule::Kept, &mut Chance::new(1), &Faults::default());
    let bob = async |faults: &Faults| {
        let today = film.recording.at(after, Rule::Kept, &mut Chance::new(1), faults);
        let of = |image: &Image, folder: &str| -> Image {
            image.iter().filter(|(path, _)| path.starts_with(folder)).map(|(p, c)| (p.clone(), c.clone())).collect()
        };
        let mut mixed = of(&yesterday, "data");
        mixed.extend(of(&today, "keys"));
        for clock in ["keys/witness", "keys/recovery/slot"].map(PathBuf::from) {
            mixed.insert(clock.clone(), yesterday[&clock].clone());
        }
        let folder = scenario::scratch();
        lay_out(&mixed, folder.path());
        let app = scenario::open(folder.path(), Hooks::default()).map_err(|error| error.message)?.0;
        Ok::<_, String>(crate::support::person_of(&app, &scenario::address("bob")).await.is_some())
    };
    assert_eq!(bob(&faults).await, Ok(true), "the control does not bring anybody back");
    let refused = bob(&Faults::default()).await.unwrap_err();
    assert!(refused.contains("older than its keys"), "{refused}");
}
