//! What the worker says: heard as it was said, and nothing believed beyond its bounds.

use super::*;

fn spoken(words: &[Word<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    words.iter().for_each(|word| word.say(&mut out).unwrap());
    out
}

fn heard(bytes: &[u8]) -> Result<Listener, Broken> {
    let mut listener = Listener::new(2);
    listener.hear(bytes).map(|()| listener)
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = vec![7; (width * height * 3) as usize];
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}

#[test]
fn what_is_said_is_heard_in_pieces_of_any_size() {
    let (one, two) = (picture(3, 4), picture(WIDEST, 2));
    let bytes = spoken(&[Word::Ready, Word::Count(5), Word::Picture(&one), Word::Picture(&two), Word::End]);
    for size in [1, 2, 7, 4096, bytes.len()] {
        let mut listener = Listener::new(2);
        bytes.chunks(size).for_each(|piece| listener.hear(piece).unwrap());
        assert!(listener.has_ended());
        let Ok(Preview::Pages { pictures, total: 5, broke_off: false }) = listener.harvest(None) else { panic!() };
        assert_eq!(pictures.iter().map(|picture| picture.to_vec()).collect::<Vec<_>>(), [one.clone(), two.clone()]);
    }
}

#[test]
fn what_was_made_before_it_broke_off_is_shown_and_says_so() {
    let bytes = spoken(&[Word::Ready, Word::Count(3), Word::Picture(&picture(1, 1))]);
    let Ok(Preview::Pages { broke_off: true, .. }) = heard(&bytes).unwrap().harvest(Some(Failure::TooSlow)) else {
        panic!()
    };
    let nothing = heard(&spoken(&[Word::Ready, Word::Count(3)])).unwrap();
    assert_eq!(nothing.harvest(Some(Failure::TooSlow)).unwrap_err(), Failure::TooSlow);
    for failure in [Failure::Encrypted, Failure::Unreadable, Failure::Empty, Failure::TooLarge] {
        let bytes = spoken(&[Word::Ready, Word::Failed(failure), Word::End]);
        assert_eq!(heard(&bytes).unwrap().harvest(None).unwrap_err(), failure);
    }
    let barred = heard(&spoken(&[Word::Barred(Barrier::Landlock)])).unwrap();
    assert!(barred.has_ended());
    assert_eq!(barred.harvest(None).unwrap_err(), Failure::Barred(Barrier::Landlock));
    assert!(Barrier::ALL.iter().all(|(barrier, code)| barrier.code() == *code));
}

#[test]
fn nothing_comes_out_of_turn() {
    let png = picture(1, 1);
    let shown = [Word::Ready, Word::Text("a", false)];
    for bad in [
        vec![Word::Count(1)],
        vec![Word::End],
        vec![Word::Text("a", false)],
        vec![Word::Ready, Word::Ready],
        vec![Word::Ready, Word::Barred(Barrier::Start)],
        vec![Word::Ready, Word::Picture(&png)],
        vec![Word::Ready, Word::Count(1), Word::Picture(&png), Word::Picture(&png)],
        vec![Word::Ready, Word::Count(9), Word::Picture(&png), Word::Picture(&png), Word::Picture(&png)],
        vec![Word::Ready, Word::Count(1), Word::Count(1)],
        vec![Word::Ready, Word::Count(1), Word::Text("a", false)],
        vec![Word::Ready, Word::Failed(Failure::Empty), Word::Count(1)],
        vec![Word::Ready, Word::End, Word::End],
    ] {
        assert!(heard(&spoken(&bad)).is_err(), "{bad:?}");
    }
    assert!(heard(&spoken(&shown)).is_ok());
    assert!(heard(&[spoken(&shown), spoken(&shown[1..])].concat()).is_err());
}

#[test]
fn a_length_above_its_bound_is_turned_down_before_anything_is_kept() {
    for (before, tag, len) in [
        (vec![], READY, 1),
        (vec![Word::Ready], TEXT, MOST_TEXT as u32 + 2),
        (vec![Word::Ready, Word::Count(1)], PICTURE, MOST_PICTURE as u32 + 1),
        (vec![Word::Ready], COUNT, 5),
        (vec![Word::Ready], b'?', 0),
    ] {
        let mut bytes = spoken(&before);
        bytes.push(tag);
        bytes.extend_from_slice(&len.to_le_bytes());
        assert!(heard(&bytes).is_err(), "{}", char::from(tag));
    }
}

#[test]
fn a_picture_is_pixels_and_nothing_else() {
    let good = picture(2, 2);
    assert_eq!(picture_size(&good), Some((2, 2)));
    for n in 0..good.len() {
        let mut bad = good.clone();
        bad[n] ^= 1;
        assert_eq!(picture_size(&bad), None, "byte {n}");
        assert_eq!(picture_size(&good[..n]), None);
    }
    assert_eq!(picture_size(&[good.as_slice(), b"<script>"].concat()), None);
    assert_eq!(picture_size(&picture(WIDEST, 1)), Some((WIDEST, 1)));
    assert_eq!(picture_size(&picture(WIDEST + 1, 1)), None);
    assert_eq!(picture_size(&picture(1, HIGHEST + 1)), None);
    // A chunk with words in it, whole in itself.
    let mut chatty = Vec::new();
    let mut encoder = png::Encoder::new(&mut chatty, 1, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".to_owned(), "<script>".to_owned()).unwrap();
    encoder.write_header().unwrap().write_image_data(&[1, 2, 3]).unwrap();
    assert_eq!(picture_size(&chatty), None);
    let bytes = spoken(&[Word::Ready, Word::Count(1), Word::Picture(&chatty)]);
    assert!(heard(&bytes).is_err());
}

#[test]
fn text_is_text() {
    assert_eq!(readable("a\r\nb\rc\u{c}d\u{0}\u{1b}[31m\u{202e}e\tf\u{85}g").expose(), "a\nb\nc\nd[31me\tf\ng");
    assert_eq!(readable("a\n\n\n\n\n\nb").expose(), "a\n\n\nb");
    let empty = heard(&spoken(&[Word::Ready, Word::Text(" \n\t", false), Word::End])).unwrap();
    assert_eq!(empty.harvest(None).unwrap_err(), Failure::Empty);
    let mut bytes = spoken(&[Word::Ready]);
    bytes.extend_from_slice(&[TEXT, 2, 0, 0, 0, 0, 0xff]);
    assert!(heard(&bytes).is_err(), "what is no UTF-8 is no text");
}
