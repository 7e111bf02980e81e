//! Something to be said, before it is put into a language.

use std::borrow::Cow;
use std::fmt;

use super::Languages;

/// A message by its key, with what is filled in. Shown without a language, it is English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    what: What,
    args: Vec<(&'static str, Arg)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Key(Cow<'static, str>),
    /// An English sentence of its own, for programs and staff.
    Plain(Cow<'static, str>),
}

/// What is filled in at a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Words as they are.
    Text(String),
    /// A number; the one called `n` decides between the plural forms of a message.
    Number(u64),
    /// Another message.
    Said(Box<Said>),
    /// Other messages, with commas between them.
    List(Vec<Said>),
}

impl Said {
    /// The key of the message that puts a label before another.
    const LABELLED: &'static str = "problem.labelled";

    /// The message of this key.
    pub const fn new(key: &'static str) -> Self {
        Self { what: What::Key(Cow::Borrowed(key)), args: Vec::new() }
    }

    /// The message of a key that is put together, of parts that are all our own.
    pub const fn of(key: String) -> Self {
        Self { what: What::Key(Cow::Owned(key)), args: Vec::new() }
    }

    /// An English sentence that is not translated: for programs and staff, never for a page.
    pub fn plain(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { what: What::Plain(sentence.into()), args: Vec::new() }
    }

    /// A number of bytes as people say it.
    pub fn size(bytes: u64) -> Self {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        match bytes {
            b if b >= MIB && b % MIB == 0 => Self::new("size.mib").with("size", b / MIB),
            b if b >= MIB => Self::new("size.mib").with("size", format!("{}.{}", b / MIB, b % MIB * 10 / MIB)),
            b if b >= KIB && b % KIB == 0 => Self::new("size.kib").with("size", b / KIB),
            b => Self::new("size.bytes").with("n", b),
        }
    }

    /// With `value` at the placeholder `name`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    /// This message about the question `label`.
    #[must_use]
    pub fn about(self, label: &str) -> Self {
        Self::new(Self::LABELLED).with("label", label).with("rest", self)
    }

    /// What it is about, and the message itself.
    pub fn parts(&self) -> (Option<&str>, &Self) {
        match self.args.as_slice() {
            [(_, Arg::Text(label)), (_, Arg::Said(rest))] if self.key() == Some(Self::LABELLED) => (Some(label), rest),
            _ => (None, self),
        }
    }

    /// Its key; `None` for a sentence of its own.
    pub fn key(&self) -> Option<&str> {
        match &self.what {
            What::Key(key) => Some(key),
            What::Plain(_) => None,
        }
    }

    pub(super) fn sentence(&self) -> &str {
        match &self.what {
            What::Key(key) | What::Plain(key) => key,
        }
    }

    pub(super) fn args(&self) -> &[(&'static str, Arg)] {
        &self.args
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Languages::shipped().first().tell(self))
    }
}

impl From<String> for Said {
    fn from(sentence: String) -> Self {
        Self::plain(sentence)
    }
}

impl From<&str> for Said {
    fn from(sentence: &str) -> Self {
        Self::plain(sentence.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Said> for Arg {
    fn from(said: Said) -> Self {
        Self::Said(Box::new(said))
    }
}

impl From<Vec<Said>> for Arg {
    fn from(all: Vec<Said>) -> Self {
        Self::List(all)
    }
}

impl From<u64> for Arg {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<u32> for Arg {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

impl From<usize> for Arg {
    fn from(n: usize) -> Self {
        Self::Number(n as u64)
    }
}
