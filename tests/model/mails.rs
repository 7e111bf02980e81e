//! Mails of the vault under test: what goes out must be what the model lets go, and everything that should must go out.

use std::time::Duration;

use letterlock::services::newsletter::{self, find_unconfirmed};
use letterlock::services::post;

use crate::acts::hold;
use crate::letterbox::{Letter, token};
use crate::world::{ADDRESSES, NEWSLETTER, World, form_id, reader, role};

/// Longer than any wait of a mail that was not taken.
const ANY_WAIT: Duration = Duration::from_secs(2 * 60 * 60);

impl World {
    /// The server takes `most` mails; each one must be one that the model lets go.
    pub async fn post(&mut self, most: usize) -> Result<usize, String> {
        self.server.take(most);
        let app = self.app();
        let office = app.post().cloned().ok_or("no post office")?;
        let sent = post::deliver(&app, &office).await.map_err(|error| format!("the outbox gave {error:?}"))?;
        let taken = self.server.taken();
        hold!(sent == taken.len(), "{sent} mails counted as sent, the server took {}", taken.len());
        self.tally.mails += sent as u64;
        for mail in taken {
            self.arrived_by_mail(&mail).await?;
        }
        Ok(sent)
    }

    /// Everything that waits goes out, and everybody who should have an issue has it.
    pub async fn post_all(&mut self) -> Result<(), String> {
        for _ in 0..50 {
            self.clock.advance(ANY_WAIT);
            let sent = self.post(usize::MAX).await?;
            let waiting = post::health(&self.app()).map_err(|error| format!("{error:?}"))?.waiting;
            if sent == 0 && waiting == 0 {
                return self.issues().await;
            }
        }
        Err("the outbox does not become empty".to_owned())
    }

    async fn arrived_by_mail(&mut self, mail: &Letter) -> Result<(), String> {
        let address = ADDRESSES.iter().position(|address| *address == mail.to);
        let address = address.ok_or_else(|| format!("a mail to {}", mail.to))? as u8;
        let holder = self.model.holder(address);
        let Some(person) = holder else { return Err(format!("a mail {:?} to nobody", mail.subject)) };
        if let Some(link) = token(&mail.text, "/confirm/") {
            // Nothing is promised of a subscription that is over by now; otherwise it is one of theirs.
            if let Ok(asked) = find_unconfirmed(&self.app(), &form_id(NEWSLETTER), link).await {
                let n = self.model.records.iter().position(|record| record.id == asked.record());
                let n = n.ok_or("a link confirms what never was")?;
                hold!(self.model.records[n].person == person, "a link confirms somebody else");
                self.confirmations.push((link.to_owned(), n));
            }
        }
        let Some(link) = &mail.unsubscribe else { return Ok(()) };
        let link = token(link, "/unsubscribe/").ok_or("no link to unsubscribe")?;
        self.unsubscriptions.push((link.to_owned(), person));
        let n = self.model.issues.iter().position(|issue| issue.subject == mail.subject);
        let n = n.ok_or_else(|| format!("an issue {:?} that nobody ordered", mail.subject))?;
        let issue = &self.model.issues[n];
        hold!(self.model.gets(issue, person), "{:?} goes to {}, who does not get it", issue.subject, mail.to);
        hold!(!issue.got.contains(&person), "{:?} goes to {} twice", issue.subject, mail.to);
        self.model.issues[n].got.push(person);
        Ok(())
    }

    /// With nothing that waits: each issue has reached whom it should, and says so.
    async fn issues(&mut self) -> Result<(), String> {
        let listed = newsletter::list(&self.app(), &role(reader(NEWSLETTER).0), &form_id(NEWSLETTER)).await;
        let listed = listed.map_err(|error| format!("the issues gave {error:?}"))?;
        let told: Vec<&str> = listed.iter().map(|mailing| mailing.subject.as_str()).collect();
        let must: Vec<&str> = self.model.issues.iter().rev().map(|issue| issue.subject.as_str()).collect();
        hold!(told == must, "the issues are {told:?}, the model's {must:?}");
        for (issue, mailing) in self.model.issues.iter().rev().zip(&listed) {
            for person in 0..self.model.people.len() {
                let has = issue.got.contains(&person) || issue.excused.contains(&person);
                let missed = self.model.gets(issue, person) && !has;
                hold!(!missed, "{:?} did not reach person {person}", issue.subject);
            }
            let progress = mailing.progress;
            let right = mailing.id == issue.id
                && progress.sent == issue.got.len() as u64
                && progress.queued >= progress.sent + progress.withdrawn
                && (progress.given_up, mailing.waiting) == (0, 0)
                && progress.is_queued();
            hold!(right, "{:?} reached {:?}, and says {progress:?}", issue.subject, issue.got);
        }
        Ok(())
    }
}
