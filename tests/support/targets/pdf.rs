//! PDF, as the locked-in process draws it.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

use letterlock::adapters::preview::Preview;
use letterlock::adapters::preview::frames::{Listener, Word};
use letterlock::adapters::preview::worker::preview;
use letterlock::domain::file::FileKind;

use super::Seam;

/// Pages that are drawn.
const PAGES: u32 = 2;

/// A file of any sort. What is drawn of it keeps to what was agreed, and the service hears it as it was said; of more pages than it
/// wants, it takes none. A panic of the renderer ends its process and is no fault of ours.
pub fn check(data: &[u8], seam: Seam) {
    let Some((mut said, pictures)) = drawn(data) else { return };
    if pictures == 0 {
        return;
    }
    (seam.written)(&mut said);
    let mut listener = Listener::new(PAGES);
    assert!(listener.hear(&said).is_ok(), "what is drawn is not what was agreed");
    let Ok(Preview::Pages { pictures: heard, .. }) = listener.harvest(None) else { panic!("no pages are heard") };
    assert_eq!(heard.len(), pictures);
    let fewer = Listener::new(u32::try_from(pictures).unwrap_or(u32::MAX) - 1).hear(&said);
    assert!((seam.refused)(fewer.is_err()), "more pages than are wanted are taken");
}

/// Whether a page is drawn.
pub fn understood(data: &[u8]) -> bool {
    drawn(data).is_some_and(|(_, pictures)| pictures > 0)
}

/// What the process would say, and how many pictures are in it.
fn drawn(data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut said = Vec::new();
    let mut pictures = 0;
    Word::Ready.say(&mut said).unwrap();
    let outcome = contained(|| {
        preview(FileKind::Pdf, data.to_vec(), PAGES, &mut |word| {
            pictures += usize::from(matches!(word, Word::Picture(_)));
            word.say(&mut said).is_ok()
        })
    })?;
    if let Err(failure) = outcome {
        Word::Failed(failure).say(&mut said).unwrap();
    }
    Word::End.say(&mut said).unwrap();
    Some((said, pictures))
}

/// Runs it as a process of its own would: a panic is its end, and nobody is told. The fuzzer's own hook would take it for ours.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let loud = take_hook();
    set_hook(Box::new(|_| ()));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    set_hook(loud);
    outcome.ok()
}
