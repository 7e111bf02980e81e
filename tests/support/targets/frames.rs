//! What the process that makes previews says, once it was taken over: frames.

use letterlock::adapters::preview::frames::{Listener, Word, picture_size, readable};
use letterlock::adapters::preview::{Failure, MOST_TEXT, Preview};

use super::{Seam, pick};

/// Pages that are listened for.
const PAGES: u32 = 3;

/// Bytes of any sort. They are heard alike in pieces of any size; what is kept is within its bounds, and pictures and text are no more
/// than that. Said again, it is heard as the same.
pub fn check(data: &[u8], seam: Seam) {
    let whole = hear(data, data.len().max(1));
    for size in [1, 1 + pick(data, 90)] {
        assert_eq!(hear(data, size), whole, "heard otherwise in pieces of {size}");
    }
    let Some(heard) = whole else { return };
    let mut said = say(&heard);
    (seam.written)(&mut said);
    assert_eq!(hear(&said, 7), Some(heard), "said again, it is something else");
    // After the end comes nothing.
    let more = [data, b"E\0\0\0\0"].concat();
    assert!((seam.refused)(hear(&more, 1).is_none()), "something is heard after the end");
}

/// Whether it comes to a preview.
pub fn understood(data: &[u8]) -> bool {
    matches!(hear(data, 4096), Some(Ok(_)))
}

/// What there is to be seen: pictures, pages and whether it broke off; or text, and whether it is cut.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Pages(Vec<Vec<u8>>, u32, bool),
    Text(String, bool),
}

/// What it came to, once it has ended; `None` for what is turned down or has no end.
fn hear(data: &[u8], size: usize) -> Option<Result<Seen, Failure>> {
    let mut listener = Listener::new(PAGES);
    data.chunks(size).try_for_each(|piece| listener.hear(piece)).ok()?;
    if !listener.has_ended() {
        return None;
    }
    Some(listener.harvest(None).map(|preview| match preview {
        Preview::Text { text, is_cut } => {
            let text = text.expose().to_owned();
            assert!(text.len() <= MOST_TEXT && !text.trim().is_empty());
            assert!(!text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')));
            assert_eq!(readable(&text).expose(), text);
            Seen::Text(text, is_cut)
        }
        Preview::Pages { pictures, total, broke_off } => {
            assert!((1..=PAGES as usize).contains(&pictures.len()) && pictures.len() <= total as usize);
            assert!(pictures.iter().all(|png| picture_size(png).is_some()));
            Seen::Pages(pictures.iter().map(|png| png.to_vec()).collect(), total, broke_off)
        }
    }))
}

fn say(heard: &Result<Seen, Failure>) -> Vec<u8> {
    let mut words = Vec::new();
    match heard {
        Ok(Seen::Text(text, is_cut)) => words.push(Word::Text(text, *is_cut)),
        Ok(Seen::Pages(pictures, total, _)) => {
            words.push(Word::Count(*total));
            words.extend(pictures.iter().map(|png| Word::Picture(png)));
        }
        Err(Failure::Barred(barrier)) => return spoken(&[Word::Barred(*barrier)]),
        Err(failure) => words.push(Word::Failed(*failure)),
    }
    words.insert(0, Word::Ready);
    words.push(Word::End);
    spoken(&words)
}

fn spoken(words: &[Word<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    words.iter().for_each(|word| word.say(&mut out).unwrap());
    out
}
