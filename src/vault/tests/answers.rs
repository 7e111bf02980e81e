//! Groups of answers to a survey, as the vault keeps them.

use std::cell::RefCell;

use super::*;
use crate::domain::form::FormId;
use crate::domain::submission::{Content, FieldValue, Group, Nature};

fn form() -> FormId {
    "survey".parse().unwrap()
}

/// One answer that says `said`.
async fn answer(vault: &Vault, k: u32, said: &str) -> Stored {
    sent(vault, Some(k), said).await
}

/// The same; without `k` it is no answer.
async fn sent(vault: &Vault, k: Option<u32>, said: &str) -> Stored {
    let content = Content {
        form: form(),
        form_version: 1,
        notice: "1".to_owned(),
        region: "uk".to_owned(),
        received: Timestamp::from_millis(0),
        fields: [("said".to_owned(), FieldValue::Text(said.into()))].into(),
        consents: BTreeMap::new(),
        files: Vec::new(),
        server_key: None,
    };
    let new = NewSubmission {
        email: None,
        content,
        status: Status::New,
        files: Vec::new(),
        idempotency: None,
        mails: Vec::new(),
        k,
        shown: Vec::new(),
        assignee: None,
        labels: Vec::new(),
    };
    vault.submit(act(&Actor::Public, Action::Submit, &Resource::Survey { roles: READERS }), new).await.unwrap()
}

async fn whole_groups(vault: &Vault) -> Vec<Vec<String>> {
    let reader = Actor::Owner { role: READERS[0] };
    let act = act(&reader, Action::ReadResults, &Resource::Survey { roles: READERS });
    let grant = vault.grant_answers(act, &form()).await.unwrap();
    let whole = RefCell::new(Vec::new());
    let said = |fields: &crate::domain::submission::Fields| match &fields["said"] {
        FieldValue::Text(text) => text.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    let add = |group: &mut Vec<String>, answer: &crate::vault::Answer<'_>| group.push(said(answer.fields));
    vault.sum_answers(&grant, "", Vec::new, add, |group, _| whole.borrow_mut().push(group)).unwrap();
    whole.into_inner()
}

#[tokio::test]
async fn another_k_begins_another_group() {
    let (dir, vault) = home();
    let mut groups = Vec::new();
    for (n, k) in [5, 5, 5, 7, 7, 7, 7, 7, 7, 7, 5, 5, 5, 5, 5, 5].into_iter().enumerate() {
        // Other submissions come in between.
        submit(&vault, PLAIN).await.unwrap();
        let Nature::Answer(group) = answer(&vault, k, &n.to_string()).await.summary.nature else { panic!() };
        groups.push(group);
    }
    let group = |number, k| Group { number, k };
    let expected = [vec![group(0, 5); 3], vec![group(1, 7); 7], vec![group(2, 5); 5], vec![group(3, 5)]].concat();
    assert_eq!(groups, expected);
    let said = |range: std::ops::Range<u32>| range.map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(whole_groups(&vault).await, [said(3..10), said(10..15)]);

    // A restart goes on in the open group; in that of an answer that was erased as well.
    let last = answer(&vault, 5, "gone").await;
    vault.erase(erase_act(Action::EraseRecord), vec![Target::Record(last.summary.id)]).await.unwrap();
    clean(&vault).await;
    vault.close().await;
    drop(vault);
    let vault = Vault::open(options(dir.path(), Hooks::default())).unwrap().0;
    for n in 0..8 {
        answer(&vault, 5, &format!("late {n}")).await;
    }
    // Three fill the group of the erased, which is not whole; five are a group of their own.
    let late = (3..8).map(|n| format!("late {n}")).collect::<Vec<_>>();
    assert_eq!(whole_groups(&vault).await, [said(3..10), said(10..15), late]);
}

/// A grant for the answers of one survey reads the words of that survey, and of nothing else.
#[tokio::test]
async fn words_are_those_of_the_survey_that_the_grant_is_for() {
    let (_dir, vault) = home();
    let letter = sent(&vault, None, "private").await;
    let said = answer(&vault, 5, "words").await;
    let reader = Actor::Owner { role: READERS[0] };
    let grant = async |form: &FormId| {
        let act = act(&reader, Action::ReadResults, &Resource::Survey { roles: READERS });
        vault.grant_answers(act, form).await.unwrap()
    };
    let arrival = |stored: &Stored| vault.locate(&stored.summary.id).unwrap().arrival();
    let text = |grant: &crate::vault::AnswersGrant, stored| vault.answer_text(grant, arrival(stored), "said").unwrap();
    let (own, other) = (grant(&form()).await, grant(&"support-request".parse().unwrap()).await);
    assert_eq!(text(&own, &said), Some(FieldValue::Text("words".into())));
    for (grant, stored) in [(&own, &letter), (&other, &said), (&other, &letter)] {
        assert_eq!(text(grant, stored), None);
    }
}
