//! Looks for many byte strings at once, in every shape in which one may have been written.

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

/// What is looked for.
#[derive(Default)]
pub struct Needles {
    needles: Vec<(String, Vec<u8>)>,
    /// Which needles begin with these two bytes.
    heads: Vec<Vec<usize>>,
}

impl Needles {
    pub fn new() -> Self {
        Self { needles: Vec::new(), heads: vec![Vec::new(); 1 << 16] }
    }

    /// A text: raw, hex, base64 at each of three alignments, UTF-16.
    pub fn text(&mut self, text: &str) {
        self.bytes(text, text.as_bytes());
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        self.add(text, "UTF-16LE", &little);
        self.add(text, "UTF-16BE", &big);
    }

    /// Bytes: raw, hex, base64 at each of three alignments.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.add(name, "raw", bytes);
        self.add(name, "hex", HEXLOWER.encode(bytes).as_bytes());
        self.add(name, "hex", HEXUPPER.encode(bytes).as_bytes());
        for before in 0..3 {
            // The characters that depend on what stands before or after are left off.
            let encoded = BASE64.encode(&[&vec![0; before], bytes].concat());
            let from = [0, 2, 3][before];
            let to = (before + bytes.len()) * 8 / 6;
            self.add(name, "base64", &encoded.as_bytes()[from..to]);
        }
    }

    fn add(&mut self, name: &str, shape: &str, needle: &[u8]) {
        assert!(needle.len() >= 6, "{name} is too short to be looked for");
        self.heads[usize::from(needle[0]) << 8 | usize::from(needle[1])].push(self.needles.len());
        self.needles.push((format!("{name} ({shape})"), needle.to_vec()));
    }

    pub fn len(&self) -> usize {
        self.needles.len()
    }

    /// The names of those that are in `hay`.
    pub fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for at in not_in_zeros(hay) {
            for &n in &self.heads[usize::from(hay[at]) << 8 | usize::from(hay[at + 1])] {
                if hay[at..].starts_with(&self.needles[n].1) {
                    found.push(self.needles[n].0.as_str());
                }
            }
        }
        found
    }
}

/// The places of pairs of bytes, but for long stretches of zeros.
pub fn not_in_zeros(hay: &[u8]) -> impl Iterator<Item = usize> {
    const STRETCH: usize = 4096;
    let starts = (0..hay.len()).step_by(STRETCH);
    let zeros = [0; STRETCH + 1];
    let busy = starts.filter(move |&from| hay.get(from..from + STRETCH + 1).is_none_or(|stretch| stretch != zeros));
    busy.flat_map(move |from| from..(from + STRETCH).min(hay.len().saturating_sub(1)))
}

#[test]
fn a_planted_text_is_found_in_every_shape() {
    let mut needles = Needles::new();
    needles.text("qhvzgone");
    for planted in [
        "xx qhvzgone yy".to_owned(),
        HEXLOWER.encode(b"abc qhvzgone"),
        HEXUPPER.encode(b"abc qhvzgone"),
        BASE64.encode(b"abcqhvzgone at 0"),
        BASE64.encode(b"abcdqhvzgone at 1"),
        BASE64.encode(b"abcdeqhvzgone at 2"),
    ] {
        assert_eq!(needles.found_in(planted.as_bytes()).len(), 1, "{planted}");
    }
    let wide: Vec<u8> = "a qhvzgone b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(needles.found_in(&wide).contains(&"qhvzgone (UTF-16LE)"));
    assert!(needles.found_in(b"qhvzgon qhvzgonf").is_empty());
}
