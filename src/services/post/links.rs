//! Links by mail for people who have lost their receipt: whoever can read the mailbox opens what was sent under its address.
//! Good once, for half an hour, and in memory only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{LinkMail, Post};
use crate::base::clock::Timestamp;
use crate::base::ids::PersonId;
use crate::base::sensitive::SensitiveString;
use crate::domain::language::{Lang, Said};
use crate::domain::subject::EmailAddress;
use crate::services::bearer::{self, Hashed, hash};
use crate::services::{App, Problem, ServiceError, blocking};

/// How long a link is good.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Links at the same time.
const MOST: usize = 10_000;

/// The links that are good, by the hash of their token.
#[derive(Default)]
pub struct Links(Mutex<HashMap<Hashed, (PersonId, Timestamp)>>);

impl Links {
    /// Whether there was room for it.
    fn add(&self, hash: Hashed, person: PersonId, now: Timestamp) -> bool {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, (_, made)| now.since(*made) < LIFE);
        let room = links.len() < MOST;
        if room {
            links.insert(hash, (person, now));
        }
        room
    }

    fn take(&self, hash: &Hashed, now: Timestamp) -> Option<PersonId> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.remove(hash).filter(|(_, made)| now.since(*made) < LIFE).map(|(person, _)| person)
    }
}

/// Mails a link, in words of `lang`, to an address, if anything is held under it. The answer is the same in either case, and comes before the
/// looking begins, so that neither it nor the time it takes tells anybody who is known here.
///
/// # Errors
/// [`ServiceError::Invalid`] for what is no address; [`ServiceError::NotYetOpen`] without a mail server.
pub fn ask_for_link(app: &Arc<App>, lang: &Lang, typed: &str) -> Result<(), ServiceError> {
    let post = app.post().cloned().ok_or(ServiceError::NotYetOpen)?;
    let address = EmailAddress::parse(typed).map_err(|_| {
        let message = Said::new("problem.bad-email");
        ServiceError::Invalid(vec![Problem::in_field("email", "bad-email", message)])
    })?;
    let (app, lang) = (Arc::clone(app), lang.clone());
    tokio::spawn(async move {
        if let Err(error) = mail_link(&app, &post, &lang, address).await {
            tracing::warn!(%error, "a link could not be made");
        }
    });
    Ok(())
}

async fn mail_link(app: &Arc<App>, post: &Arc<Post>, lang: &Lang, address: EmailAddress) -> Result<(), ServiceError> {
    if !post.may_cause(app, "link", &address) {
        return Ok(());
    }
    // To the address that the person is held under, not to a spelling of whoever asks: that may be another mailbox.
    let to = SensitiveString::from(address.canonical());
    let vault = Arc::clone(&app.vault);
    let Some(person) = blocking(move || vault.find_person(&address)).await? else { return Ok(()) };
    let token = bearer::make(app.entropy()).map_err(|_| ServiceError::Unavailable)?;
    if !app.links.add(hash(token.expose()), person, app.clock.now()) {
        return Err(ServiceError::Unavailable);
    }
    let link = format!("{}/my/link/{}", post.url, token.expose());
    let minutes = (LIFE.as_secs() / 60).to_string();
    let values = [("link", link.as_str()), ("minutes", &minutes), ("name", &post.name)];
    let mail = post
        .words
        .write("link", lang, app.languages().first().lang(), &to, &values, "")
        .map_err(|_| ServiceError::Internal)?;
    post.links.lock().unwrap_or_else(PoisonError::into_inner).push(LinkMail { mail, person, tried: 0 });
    post.came.notify_one();
    Ok(())
}

/// Uses a link up.
///
/// # Errors
/// [`ServiceError::NotFound`] for one that was used, is too old, or never was.
pub fn use_link(app: &App, token: &str) -> Result<PersonId, ServiceError> {
    app.links.take(&hash(token), app.clock.now()).ok_or(ServiceError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_once_and_not_for_long() {
        let (links, start) = (Links::default(), Timestamp::from_millis(1_000_000));
        let person = PersonId::from_bytes([1; 16]);
        let later = |minutes: u64| start.plus(Duration::from_secs(60 * minutes));
        links.add(Hashed([1; 32]), person, start);
        assert_eq!(links.take(&Hashed([2; 32]), start), None);
        assert_eq!(links.take(&Hashed([1; 32]), later(29)), Some(person));
        assert_eq!(links.take(&Hashed([1; 32]), later(29)), None, "used");
        links.add(Hashed([1; 32]), person, start);
        assert_eq!(links.take(&Hashed([1; 32]), later(30)), None, "too old");
        for n in 0..=MOST {
            let mut token = [0; 32];
            token[..8].copy_from_slice(&n.to_be_bytes());
            links.add(Hashed(token), person, start);
        }
        assert_eq!(links.0.lock().unwrap().len(), MOST);
    }
}
