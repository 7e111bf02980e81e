//! Entries that no act stands behind: that somebody was turned away, and how the service itself is.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::HEXLOWER;
use ring::digest;

use crate::base::clock::Timestamp;
use crate::base::ids::RequestId;
use crate::policy::Actor;
use crate::services::{App, forms};
use crate::vault::Detail;

/// Refusals of one actor with an entry of their own in one [`WINDOW`]: somebody who tries a thousand times a minute must not fill
/// the disk, nor keep what others try out of the trail.
const MOST: u32 = 300;
/// The same for all who are nobody: bad tokens and keys, from wherever.
const MOST_UNKNOWN: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// How many refusals were written of late.
#[derive(Default)]
pub(in crate::services) struct Refusals(Mutex<HashMap<String, Count>>);

#[derive(Default)]
struct Count {
    since: Option<Timestamp>,
    written: u32,
    unlisted: u64,
}

impl Refusals {
    /// How many went unlisted before this one, if it is to be written.
    fn admit(&self, actor: &Actor, now: Timestamp) -> Option<u64> {
        let most = if *actor == Actor::Public { MOST_UNKNOWN } else { MOST };
        // As many as there are accounts, at most.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(actor.to_string()).or_default();
        let over = count.since.is_none_or(|since| now < since || now >= since.plus(WINDOW));
        if over {
            (count.since, count.written) = (Some(now), 0);
        }
        if count.written == most {
            count.unlisted += 1;
            return None;
        }
        count.written += 1;
        Some(std::mem::take(&mut count.unlisted))
    }

    /// One that was admitted is in no entry, and neither are those that it was to tell of.
    fn put_back(&self, actor: &Actor, unlisted: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.entry(actor.to_string()).or_default().unlisted += unlisted + 1;
    }
}

/// Writes that `actor` was turned away with a `status` of HTTP when asking for `what`: method and route, nothing of what it was
/// about; or why a sign-in through a provider came to nothing. That it cannot be written only the log tells: nothing was given out.
pub async fn refused(app: &Arc<App>, actor: &Actor, request: RequestId, what: &str, status: u16) {
    let Some(unlisted) = app.refusals.admit(actor, app.clock.now()) else { return };
    let detail = Detail::Refused { what: what.to_owned(), status, unlisted };
    if let Err(error) = app.vault.record_refusal(actor.clone(), request, detail).await {
        app.refusals.put_back(actor, unlisted);
        tracing::warn!(%error, "a refusal could not be written into the audit trail");
    }
}

/// How the service is, for its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceChange {
    /// It came up.
    Started,
    /// It read forms, notices or wordings again.
    FormsRead,
    /// It goes down, in order.
    Stopped,
}

/// Writes how the service is, and by what it goes. That it cannot be written only the log tells.
pub async fn service(app: &Arc<App>, change: ServiceChange, configuration: Option<String>) {
    let words = match change {
        ServiceChange::Started => "started",
        ServiceChange::FormsRead => "forms read",
        ServiceChange::Stopped => "stopped",
    };
    let detail = Detail::Service { change: words.to_owned(), configuration };
    if let Err(error) = app.vault.record_service(detail).await {
        tracing::warn!(%error, change = words, "how the service is could not be written into the audit trail");
    }
}

/// SHA-256 over the settings, as text, and every file of forms, notices, wordings and translations by name and content: two
/// entries with the same one went by the same configuration.
pub fn fingerprint(settings: &str, folder: Option<&Path>) -> String {
    let mut sum = digest::Context::new(&digest::SHA256);
    let mut add = |part: &[u8]| {
        sum.update(&(part.len() as u64).to_be_bytes());
        sum.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(settings.as_bytes());
    for (name, content) in folder.map(forms::contents).unwrap_or_default() {
        add(name.as_bytes());
        add(&content);
    }
    HEXLOWER.encode(sum.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Role;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_written_one_by_one() {
        let refusals = Refusals::default();
        let at = |seconds: u64| Timestamp::from_millis(1_795_000_000_000).plus(Duration::from_secs(seconds));
        let (jane, nobody) = (Actor::Owner { role: Role::Hr }, Actor::Public);
        for (actor, most) in [(&jane, 300), (&nobody, 60)] {
            let admitted: Vec<_> = (0..1000).map(|_| refusals.admit(actor, at(0))).collect();
            assert_eq!(admitted.iter().flatten().count(), most, "{actor}: what others try leaves room");
        }
        assert_eq!(refusals.admit(&jane, at(59)), None);
        assert_eq!(refusals.admit(&jane, at(60)), Some(701), "the next one tells of them");
        assert_eq!(refusals.admit(&jane, at(60)), Some(0));
        assert_eq!(refusals.admit(&jane, at(10)), Some(0), "a clock that was set back stops nothing");
        refusals.put_back(&jane, 5);
        assert_eq!(refusals.admit(&jane, at(11)), Some(6), "what could not be written is told later");
    }

    #[test]
    fn a_fingerprint_changes_with_the_settings_and_with_any_form_file() {
        let dir = tempfile::tempdir().unwrap();
        let print = |settings| fingerprint(settings, Some(dir.path()));
        let mut seen = vec![print("a"), print("b"), fingerprint("a", None)];
        assert_eq!(seen[0], seen[2], "an empty folder is none");
        seen.truncate(2);
        std::fs::create_dir(dir.path().join("notices")).unwrap();
        std::fs::create_dir(dir.path().join("de")).unwrap();
        for name in ["one.toml", "notices/n.md", "de/one.toml"] {
            for content in ["x = 1", "x = 2"] {
                std::fs::write(dir.path().join(name), content).unwrap();
                assert_eq!(print("a"), print("a"));
                seen.push(print("a"));
            }
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all, "each of them another");
    }
}
