//! Newsletters and boards, as the vault keeps them.

use super::*;
use crate::base::ids::MailingId;
use crate::crypto::mail_link::{LinkSecret, Links};
use crate::domain::form::FormId;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{FieldValue, Nature};
use crate::vault::{Newsletter, Recipients, Turn};

const MARKETING: &[Role] = &[Role::Marketing];

fn newsletter() -> Newsletter {
    Newsletter { form: "newsletter".parse().unwrap(), consent: "news".to_owned() }
}

/// Somebody who has subscribed and confirmed.
async fn subscriber(vault: &Vault, email: &str) -> Stored {
    let Newsletter { form, consent } = newsletter();
    let content = Content {
        form: form.clone(),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: Timestamp::from_millis(0),
        fields: [("email".to_owned(), FieldValue::Text(email.into()))].into(),
        consents: [(consent.clone(), ConsentGiven { given: true, wording: "1".to_owned() })].into(),
        files: Vec::new(),
        server_key: None,
    };
    let new = NewSubmission {
        email: Some(EmailAddress::parse(email).unwrap()),
        content,
        status: Status::Unconfirmed,
        files: Vec::new(),
        idempotency: None,
        mails: Vec::new(),
        k: None,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    let public = act(&Actor::Public, Action::Submit, &Resource::Form { roles: MARKETING });
    let stored = vault.submit(public, new).await.unwrap();
    let own = act(&Actor::Subject, Action::ConfirmConsent, &Resource::Own);
    vault.turn(own, form, Turn::Confirm(stored.summary.id, consent), Timestamp::from_millis(1)).await.unwrap();
    stored
}

/// A link that leads to somebody and has another secret ends nothing: that it leads there is not enough.
#[tokio::test]
async fn an_unsubscribe_link_needs_its_secret() {
    let (_dir, vault) = home();
    let (first, second) = (subscriber(&vault, "a@example.org").await, subscriber(&vault, "b@example.org").await);
    let form = newsletter().form;
    let view = vault.shared.view();
    let keyring = |stored: &Stored| {
        let place = vault.locate(&stored.summary.id).unwrap().place;
        (place, vault.shared.keyring_at(&view, place).unwrap().1)
    };
    let links: &Links = &vault.shared.derived.unsubscribing;
    let token = |place: u64, secret: &LinkSecret| links.token(place, secret).unwrap().expose().to_owned();
    let ((place, own), (_, other)) = (keyring(&first), keyring(&second));
    let good = LinkSecret::to_unsubscribe(&own.consent, form.as_str());
    let found = vault.find_subscriber(&form, &token(place, &good)).unwrap();
    assert_eq!(vault.is_subscribed(found, &form), Ok(true));
    for (what, secret) in [
        ("of another person", LinkSecret::to_unsubscribe(&other.consent, form.as_str())),
        ("of another form", LinkSecret::to_unsubscribe(&own.consent, "events")),
        ("of another kind", LinkSecret::to_confirm(&own.consent)),
        ("of another key of theirs", LinkSecret::to_unsubscribe(&own.audit, form.as_str())),
    ] {
        assert_eq!(vault.find_subscriber(&form, &token(place, &secret)), Err(VaultError::Missing), "{what}");
    }
    // A bit is enough.
    let text = token(place, &good);
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    for bit in 40..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = data_encoding::BASE64URL_NOPAD.encode(&changed);
        assert_eq!(vault.find_subscriber(&form, &changed), Err(VaultError::Missing), "bit {bit}");
    }
    // And it is good for its own form only.
    let events: FormId = "events".parse().unwrap();
    assert_eq!(vault.find_subscriber(&events, &text), Err(VaultError::Missing));
}

/// Two who feed the same mailing at once: nobody gets it twice.
#[tokio::test]
async fn people_of_one_plan_are_put_into_the_outbox_once() {
    let (_dir, vault) = home();
    for n in 0..3 {
        subscriber(&vault, &format!("p{n}@example.org")).await;
    }
    let id = MailingId::from_bytes([7; 16]);
    let marketing = Actor::Owner { role: Role::Marketing };
    let order = act(&marketing, Action::SendMailing, &Resource::Form { roles: MARKETING });
    vault.order_mailing(order, id, &"issue").await.unwrap();
    let recipients = || Recipients {
        newsletter: newsletter(),
        field: "email".to_owned(),
        topics: None,
        by: Timestamp::from_millis(2),
    };
    let plans = [(); 2].map(|()| vault.plan_feed(id, recipients(), 10).unwrap());
    let mut queued = Vec::new();
    for plan in plans {
        let system = act(&Actor::System, Action::SendMail, &Resource::Vault);
        queued.push(vault.feed_mailing(system, plan).await.unwrap().queued);
    }
    assert_eq!((queued, vault.waiting_mails().unwrap().len()), (vec![3, 3], 3));
}

/// What everybody reads needs leave for that, and nothing but a comment is ever published.
#[tokio::test]
async fn a_board_shows_what_is_published_and_no_letter_ever_is() {
    let (_dir, vault) = home();
    let form: FormId = "support-request".parse().unwrap();
    let permit = |actor: &Actor, action, resource: &Resource<'_>| decide(actor, action, resource).unwrap();
    let read = |permit| vault.read_board(permit, &form, 0, 10);
    assert_eq!(read(permit(&Actor::Public, Action::ReadBoard, &Resource::Board)), Ok((Vec::new(), false)));
    let send = Resource::Form { roles: READERS };
    assert_eq!(read(permit(&Actor::Public, Action::Submit, &send)), Err(VaultError::Missing));
    let letter = submit(&vault, PLAIN).await.unwrap();
    assert_eq!(letter.summary.nature, Nature::Letter);
    let reader = Actor::Owner { role: Role::Support };
    let mark = || act(&reader, Action::SetStatus, &Resource::Submission { roles: READERS });
    assert_eq!(vault.set_status(mark(), letter.summary.id, Status::Published).await, Err(VaultError::Missing));
    assert_eq!(vault.publish(mark(), letter.summary.id).await, Err(VaultError::Missing));
    assert_eq!(vault.set_status(mark(), letter.summary.id, Status::Closed).await, Ok(()));
    assert_eq!(read(permit(&Actor::Public, Action::ReadBoard, &Resource::Board)), Ok((Vec::new(), false)));
}
