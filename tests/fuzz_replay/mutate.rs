//! A small deterministic mutator: bit flips, edits, splices and words of a dictionary.

/// Inputs grow to at most this many bytes.
const MAX_LEN: usize = 16 * 1024;

/// Makes one mutated input after the other from a corpus.
pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    /// Mutations of `seeds`, of which there is at least one, with `words` to insert.
    pub(crate) fn new(seeds: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        assert!(!seeds.is_empty());
        Self { seeds, words, state: 0x2545_F491_4F6C_DD1D }
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let pick = self.below(self.seeds.len());
        let mut out = self.seeds[pick].clone();
        for _ in 0..=self.below(4) {
            self.edit(&mut out);
        }
        out.truncate(MAX_LEN);
        out
    }

    fn edit(&mut self, out: &mut Vec<u8>) {
        let at = self.below(out.len() + 1);
        match self.below(7) {
            0 if at < out.len() => out[at] ^= 1 << self.below(8),
            1 if at < out.len() => out[at] = self.below(256) as u8,
            2 => out.insert(at, self.below(256) as u8),
            3 => {
                let end = (at + 1 + self.below(16)).min(out.len());
                out.drain(at..end.max(at));
            }
            4 => out.truncate(at),
            5 => {
                let other = self.below(self.seeds.len());
                let from = self.below(self.seeds[other].len() + 1);
                out.truncate(at);
                out.extend_from_slice(&self.seeds[other][from..]);
            }
            _ if !self.words.is_empty() => {
                let word = self.below(self.words.len());
                out.splice(at..at, self.words[word].iter().copied());
            }
            _ => {
                let end = (at + self.below(64)).min(out.len());
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
        }
    }

    /// A number below `n`, which is not 0 (xorshift).
    fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) % n as u64) as usize
    }
}

/// A line of a libFuzzer dictionary, `"text"` with `\xNN`, `\\` and `\"`, as bytes.
pub(crate) fn word(line: &str) -> Vec<u8> {
    let start = line.find('"').expect("a quoted word") + 1;
    let inner = &line.as_bytes()[start..line.rfind('"').expect("a quoted word")];
    let mut out = Vec::new();
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' {
            out.push(inner[at]);
            at += 1;
        } else if inner[at + 1] == b'x' {
            let digits = std::str::from_utf8(&inner[at + 2..at + 4]).unwrap();
            out.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
            at += 4;
        } else {
            out.push(inner[at + 1]);
            at += 2;
        }
    }
    out
}

#[test]
fn dictionary_words_are_unquoted() {
    assert_eq!(word(r#"crlf="\x0d\x0a""#), b"\r\n");
    assert_eq!(word(r#""a\"b\\c""#), br#"a"b\c"#);
}
