//! Erased is erased: from the running vault, from yesterday's data, from the disk; and everybody else is still there.

use std::time::Duration;

use letterlock::domain::submission::Status;
use letterlock::policy::Role;
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{ServiceError, audit, erase, health};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_goes_and_the_others_stay() {
    let home = Home::new();
    let app = home.open();
    let cv = pdf("victim");
    let first = apply(&app, "victim@example.org", &cv).await.unwrap().submission;
    let second = apply(&app, "victim@example.org", &cv).await.unwrap().submission;
    let other = apply(&app, "other@example.org", &cv).await.unwrap().submission;
    let person = person_of(&app, "victim@example.org").await.unwrap();

    assert!(matches!(erase::person(&app, &role(Role::Hr), person).await, Err(ServiceError::Forbidden)));
    let certificate = erase_person(&app, person).await.unwrap();
    assert_eq!(certificate["statement"]["records"].as_array().unwrap().len(), 2);
    assert_eq!(certificate["statement"]["files"].as_array().unwrap().len(), 2);
    assert_eq!(certificate["statement"]["state"], "complete");
    assert_eq!(certificate["statement"]["epoch_after"], 2);
    let key = health::figures(&app).erasure_key;
    check_certificate(&certificate, &key);
    assert!(!certificate.to_string().contains("victim"));

    for id in [first, second] {
        assert!(matches!(read(&app, id).await, Err(ServiceError::NotFound)));
        assert!(matches!(download(&app, id).await, Err(ServiceError::NotFound)));
        let status = review::set_status(&app, &role(Role::Hr), id, Status::Hired).await;
        assert!(matches!(status, Err(ServiceError::NotFound)));
    }
    assert!(matches!(erase_person(&app, person).await, Err(ServiceError::NotFound)));
    assert_eq!(person_of(&app, "victim@example.org").await, None);
    assert_eq!(download(&app, other).await.unwrap(), cv);
    let list = review::list(&app, &role(Role::Hr), ListQuery::default()).await.unwrap();
    assert_eq!(list.items.len(), 1);
    clean(&app).await;
    assert_eq!(std::fs::read_dir(home.data().join("files")).unwrap().count(), 1);
    assert_eq!(problems(&app).await, Vec::<String>::new());
    let verdict = audit::verify(&app, &role(Role::Auditor), None, &|_, _| {}).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());

    // The same person may come again, as somebody new.
    let again = apply(&app, "victim@example.org", &cv).await.unwrap().submission;
    assert_ne!(person_of(&app, "victim@example.org").await.unwrap(), person);
    drop(app);
    let app = home.open();
    read(&app, again).await.unwrap();
    read(&app, other).await.unwrap();
    assert!(matches!(read(&app, first).await, Err(ServiceError::NotFound)));
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_record_goes_and_the_persons_others_stay() {
    let home = Home::new();
    let app = home.open();
    let gone = apply(&app, "a@example.org", &pdf("1")).await.unwrap().submission;
    let kept = apply(&app, "a@example.org", &pdf("2")).await.unwrap().submission;
    assert!(matches!(erase::record(&app, &role(Role::Hr), gone).await, Err(ServiceError::Forbidden)));
    assert!(matches!(erase::record(&app, &role(Role::Support), gone).await, Err(ServiceError::NotFound)));
    let certificate = erase::record(&app, &role(Role::Privacy), gone).await.unwrap();
    assert_eq!(certificate["statement"]["kind"], "record");
    assert_eq!(certificate["statement"]["records"][0], gone.to_string());
    assert!(matches!(read(&app, gone).await, Err(ServiceError::NotFound)));
    assert_eq!(download(&app, kept).await.unwrap(), pdf("2"));
    review::set_status(&app, &role(Role::Hr), kept, Status::Offer).await.unwrap();
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    drop(app);
    let app = home.open();
    assert_eq!(read(&app, kept).await.unwrap().summary.status, Status::Offer);
    assert!(matches!(read(&app, gone).await, Err(ServiceError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_go_in_one_epoch() {
    let home = Home::new();
    let app = home.open();
    let mut people = Vec::new();
    for n in 0..150 {
        apply(&app, &format!("p{n}@example.org"), b"%PDF-1.4\n%%EOF\n").await.unwrap();
        people.push(person_of(&app, &format!("p{n}@example.org")).await.unwrap());
    }
    let kept = people.split_off(140);
    let mut asked = people.clone();
    asked.push(people[0]); // twice
    let results = erase::people(&app, &role(Role::Privacy), &asked).await.unwrap();
    assert!(results[..140].iter().all(Result::is_ok));
    assert!(matches!(results[140], Err(ServiceError::NotFound)));
    assert_eq!(health::figures(&app).epoch, 2, "one change of the root for all");
    clean(&app).await;
    assert_eq!(health::figures(&app).people, kept.len() as u64);
    assert_eq!(problems(&app).await, Vec::<String>::new());
    drop(app);
    let app = home.open();
    assert_eq!(health::figures(&app).people, kept.len() as u64);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_erased_is_on_the_disk_and_a_copy_would_be_found() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "canary@example.org", &pdf("canary-in-the-file")).await.unwrap();
    let person = person_of(&app, "canary@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();
    clean(&app).await;
    app.close().await;
    drop(app);
    let canaries = ["canary@example.org", "canary-in-the-file", "Jane Roe", "xyzzy"];
    let found = |folder: &std::path::Path| -> Vec<String> {
        let mut hits = Vec::new();
        for (path, bytes) in all_bytes(folder) {
            for canary in canaries {
                let utf16: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let forms = [
                    canary.as_bytes().to_vec(),
                    utf16,
                    data_encoding::HEXLOWER.encode(canary.as_bytes()).into_bytes(),
                    data_encoding::BASE64_NOPAD.encode(canary.as_bytes()).into_bytes(),
                ];
                if forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form)) {
                    hits.push(format!("{canary} in {}", path.display()));
                }
            }
        }
        hits
    };
    assert_eq!(found(home.path()), Vec::<String>::new());
    std::fs::write(home.data().join("leak"), "… canary@example.org …").unwrap();
    assert_eq!(found(home.path()).len(), 1, "the scan would find a leak");
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_data_under_todays_keys_is_refused_and_opens_nobody() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "victim@example.org", &pdf("")).await.unwrap();
    let person = person_of(&app, "victim@example.org").await.unwrap();
    app.close().await;
    drop(app);
    let yesterday = home.path().join("yesterday");
    copy_dir(&home.data(), &yesterday);

    let app = home.open();
    erase_person(&app, person).await.unwrap();
    app.close().await;
    drop(app);
    std::fs::rename(home.data(), home.path().join("today")).unwrap();
    copy_dir(&yesterday, &home.data());
    let before = all_bytes(&home.keys());
    let refused = home.try_open().err().unwrap().message;
    assert!(refused.contains("older than its keys"), "{refused}");
    assert_eq!(before, all_bytes(&home.keys()), "nothing was changed");
    // With the right folder back, all is well.
    std::fs::remove_dir_all(home.data()).unwrap();
    std::fs::rename(home.path().join("today"), home.data()).unwrap();
    assert_eq!(problems(&home.open()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_from_the_same_epoch_is_refused_too() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    app.close().await;
    drop(app);
    let older = home.path().join("older");
    copy_dir(&home.data(), &older);
    let app = home.open();
    apply(&app, "b@example.org", &pdf("")).await.unwrap();
    app.close().await;
    drop(app);
    std::fs::remove_dir_all(home.data()).unwrap();
    copy_dir(&older, &home.data());
    let refused = home.try_open().err().unwrap().message;
    assert!(refused.contains("older than its keys remember"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_under_way_is_cut_and_does_not_hold_the_others_up() {
    let home = Home::new();
    let app = home.open();
    let big = pdf(&"z".repeat(2_000_000));
    let id = apply(&app, "victim@example.org", &big).await.unwrap().submission;
    let person = person_of(&app, "victim@example.org").await.unwrap();
    let mut slow = review::file(&app, &role(Role::Hr), id, 0, Some("recruitment")).await.unwrap();
    slow.next().await.unwrap().unwrap();
    let erasing = tokio::spawn({
        let app = app.clone();
        async move { erase_person(&app, person).await }
    });
    // While the erasure waits for the slow reader, others come and go; new readers of the person find nothing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!erasing.is_finished());
    apply(&app, "other@example.org", &pdf("")).await.unwrap();
    assert!(matches!(read(&app, id).await, Err(ServiceError::NotFound)));
    erasing.await.unwrap().unwrap();
    assert!(matches!(slow.next().await, Err(ServiceError::NotFound)), "the key was taken from the reader");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_slot_out_of_reach_makes_the_certificate_say_so() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    let person = person_of(&app, "a@example.org").await.unwrap();
    let recovery = home.keys().join("recovery");
    std::fs::rename(&recovery, home.path().join("unplugged")).unwrap();
    let certificate = erase_person(&app, person).await.unwrap();
    assert_eq!(certificate["statement"]["state"], "pending in backup");
    assert_ne!(health::figures(&app).recovery_epoch, Some(2));
    std::fs::rename(home.path().join("unplugged"), &recovery).unwrap();
    for _ in 0..1000 {
        if health::figures(&app).recovery_epoch == Some(2) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a slot that is there again is not brought up to date");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_erasure_was_for_is_in_the_trail_as_a_name() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    let person = person_of(&app, "a@example.org").await.unwrap();
    let with =
        |purpose: &str| letterlock::services::Context { purpose: Some(purpose.to_owned()), ..role(Role::Privacy) };
    let prose = erase::person(&app, &with("Jane Roe asked me to"), person).await;
    assert!(
        matches!(prose, Err(ServiceError::Invalid(p)) if p[0].code == "bad-purpose"),
        "the trail holds no free text"
    );
    erase::person(&app, &with("subject-request"), person).await.unwrap();
    let trail = audit::list(&app, &role(Role::Auditor), None, Some(10)).await.unwrap();
    let ordered = trail.items.iter().find(|entry| entry["action"] == "erase-person").unwrap();
    assert_eq!(ordered["purpose"], "subject-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_goes_on_when_its_caller_has_gone() {
    let home = Home::new();
    let app = home.open();
    let big = pdf(&"z".repeat(2_000_000));
    let id = apply(&app, "victim@example.org", &big).await.unwrap().submission;
    let person = person_of(&app, "victim@example.org").await.unwrap();
    let mut slow = review::file(&app, &role(Role::Hr), id, 0, Some("recruitment")).await.unwrap();
    slow.next().await.unwrap().unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(200), erase_person(&app, person)).await;
    assert!(given_up.is_err(), "it waits for the reader");
    drop(slow);
    for _ in 0..500 {
        if health::figures(&app).epoch == 2 {
            clean(&app).await;
            assert_eq!(problems(&app).await, Vec::<String>::new());
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the keys are still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_lost_can_be_had_again_also_after_a_crash() {
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use letterlock::vault::{Hooks, Step};

    let home = Home::new();
    let app = home.open();
    apply(&app, "victim@example.org", &pdf("")).await.unwrap();
    let gone = apply(&app, "other@example.org", &pdf("")).await.unwrap().submission;
    let person = person_of(&app, "victim@example.org").await.unwrap();
    let handle = |text: String| text.parse::<letterlock::base::ids::Handle>().unwrap();
    let ctx = role(Role::Privacy);
    let early = erase::certificate(&app, &ctx, handle(person.to_string())).await;
    assert!(matches!(early, Err(ServiceError::NotFound)), "nothing was erased yet");
    drop(app);

    let at_step = |at| if at == Step::Committed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let app = home.open_with(Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() });
    assert!(erase_person(&app, person).await.is_err(), "it stops before the answer");
    drop(app);

    let app = home.open();
    let certificate = erase::certificate(&app, &ctx, handle(person.to_string())).await.unwrap();
    check_certificate(&certificate, &health::figures(&app).erasure_key);
    let statement = &certificate["statement"];
    assert_eq!(
        (statement["subject"].as_str(), statement["role"].as_str()),
        (Some(&*person.to_string()), Some("privacy"))
    );
    assert_eq!((statement["records"].as_array().unwrap().len(), &statement["state"]), (1, &"complete".into()));

    let given = erase::record(&app, &ctx, gone).await.unwrap();
    let again = erase::certificate(&app, &ctx, handle(gone.to_string())).await.unwrap();
    assert_eq!(given["statement"]["records"], again["statement"]["records"]);
    assert_eq!(given["statement"]["keyrings"], again["statement"]["keyrings"]);
    let hr = erase::certificate(&app, &role(Role::Hr), handle(gone.to_string())).await;
    assert!(matches!(hr, Err(ServiceError::Forbidden)));
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
}
