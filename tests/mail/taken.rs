//! A mail server that is none: for tests that ask what was sent, and not how.

use letterlock::adapters::mail::{Carrier, Carrying, CarryingIf, Outgoing, Refused, Still};

/// Mails that the server took, instead of a server; it can be told to refuse, or to do something while one is handed over.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) mails: std::sync::Mutex<Vec<(String, String)>>,
    pub(crate) away: std::sync::atomic::AtomicBool,
    pub(crate) before: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Carrier for Taken {
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a> {
        Box::pin(async move { self.carry_if(mail, &|| true).await.map(drop) })
    }

    fn carry_if<'a>(&'a self, mail: &'a Outgoing, still: &'a Still<'a>) -> CarryingIf<'a> {
        Box::pin(async move {
            if self.away.load(std::sync::atomic::Ordering::SeqCst) {
                return Err(Refused::NotNow("away".to_owned()));
            }
            if let Some(before) = self.before.lock().unwrap().take() {
                before();
            }
            if !still() {
                return Ok(false);
            }
            let text = format!("{}\n{}\n{}", mail.subject, mail.text.expose(), mail.html.expose());
            self.mails.lock().unwrap().push((mail.to.expose().to_owned(), text));
            Ok(true)
        })
    }
}
