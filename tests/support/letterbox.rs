//! A mail server within the test: it takes as many mails as it is told to, keeps them, and is out of reach for the rest.

use std::sync::{Arc, Mutex};

use letterlock::adapters::mail::{Carrier, Carrying, Outgoing, Refused};
use letterlock::services::post::Post;

/// A mail that was taken.
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The link that ends what it is sent under by one post.
    pub unsubscribe: Option<String>,
}

#[derive(Default)]
struct State {
    left: usize,
    taken: Vec<Letter>,
}

/// The server; clones are the same one.
#[derive(Clone, Default)]
pub struct Letterbox(Arc<Mutex<State>>);

impl Letterbox {
    /// A post office that brings its mails here.
    pub fn post(&self) -> Post {
        Post::new(Arc::new(self.clone()), None, "https://letterlock.example/", "Example Ltd").unwrap()
    }

    /// From now on `most` more are taken.
    pub fn take(&self, most: usize) {
        self.0.lock().unwrap().left = most;
    }

    /// Those taken since the last call.
    pub fn taken(&self) -> Vec<Letter> {
        std::mem::take(&mut self.0.lock().unwrap().taken)
    }
}

impl Carrier for Letterbox {
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a> {
        let mut state = self.0.lock().unwrap();
        let answer = match state.left.checked_sub(1) {
            None => Err(Refused::NotNow("no more today".to_owned())),
            Some(left) => {
                state.left = left;
                state.taken.push(Letter {
                    to: mail.to.expose().to_owned(),
                    subject: mail.subject.clone(),
                    text: mail.text.expose().to_owned(),
                    unsubscribe: mail.unsubscribe.as_ref().map(|link| link.expose().to_owned()),
                });
                Ok(())
            }
        };
        Box::pin(async { answer })
    }
}

/// The token behind `word` in a text with a link.
pub fn token<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.split_once(word)?.1;
    rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).next()
}
