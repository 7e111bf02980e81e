//! Who may, when, and how often.

use letterlock::base::ids::TokenId;
use letterlock::policy::Role;
use letterlock::services::{Credential, approvals, erase, sign_in, staff as accounts};
use serde_json::{Value, json};

use crate::staff::{DAY, Place};
use crate::support::{document, owner, pdf, text};
use crate::{acting, approved, ask, code, download, place, send, token, wanted};

#[tokio::test]
async fn an_export_is_asked_for_by_one_and_approved_by_another_and_good_once() {
    let place = place().await;
    let service = &place.service;
    send(&place, "jane@example.org", "Hello").await;
    send(&place, "john@example.org", "Hello").await;
    let (hanna, sue) = (token(&place, "hanna", Role::Hr).await, token(&place, "sue", Role::Support).await);
    let (pia, ada) = (token(&place, "pia", Role::Privacy).await, token(&place, "ada", Role::Admin).await);

    let (status, asked) = ask(&place, &hanna, &wanted("csv")).await;
    assert_eq!((status, &asked["submission_count"]), (201, &json!(2)), "{asked}");
    let id = text(&asked["id"]);
    // Not before it is approved; another who asks for the same sees nothing of it, and neither does the administrator.
    let refused = async |token: &str| {
        let (status, answer) = document(download(&place, token, &id).await).await;
        (status, code(&answer).to_owned())
    };
    assert_eq!(refused(&hanna).await, (422, "not-approved".to_owned()));
    for token in [&sue, &ada] {
        assert_eq!(refused(token).await.0, 404);
        let (_, listed) = document(service.get("/api/v1/approvals", Some(token)).await).await;
        assert_eq!(listed["items"], json!([]));
    }
    assert_eq!(refused(&pia).await.0, 403, "whoever approves does not download");
    let app = &service.app;
    let request = id.parse().unwrap();
    let hanna_here = acting(&place, "hanna", Role::Hr).await;
    for (login, role) in [("hanna", Role::Hr), ("sue", Role::Support), ("ada", Role::Admin)] {
        let ctx = acting(&place, login, role).await;
        assert!(approvals::approve(app, &ctx, request).await.is_err(), "{login} approves nothing");
    }
    let paul = acting(&place, "paul", Role::Privacy).await;
    approvals::approve(app, &paul, request).await.unwrap();
    assert_eq!(refused(&sue).await.0, 404);
    // `use` is for what has no file.
    let used = service.send(service.request("POST", &format!("/api/v1/approvals/{id}/use")), Some(&hanna)).await;
    assert_eq!(code(&document(used).await.1), "is-a-download");
    let answer = download(&place, &hanna, &id).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"move-2027-"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.bytes().await.unwrap().len() > 100);
    assert_eq!(refused(&hanna).await, (422, "done".to_owned()));
    // Nor twice at the same moment.
    let id = approved(&place, &hanna, &wanted("json")).await;
    let once = || async { download(&place, &hanna, &id).await.status().as_u16() };
    let (one, other) = tokio::join!(once(), once());
    assert_eq!(one.min(other), 200);
    assert!([422, 503, 429].contains(&one.max(other)), "{one} {other}");
    let shown = approvals::found(app, &hanna_here, request).await.unwrap();
    assert_eq!(shown.stage, approvals::Stage::Done);
}

/// A privacy officer who asks needs another one.
#[tokio::test]
async fn the_officer_needs_another_officer() {
    let place = place().await;
    send(&place, "jane@example.org", "Hello").await;
    let pia = token(&place, "pia", Role::Privacy).await;
    let body =
        json!({ "kind": "export", "form": "move", "format": "csv", "purpose": "subject-request", "reason": "x" });
    let (status, asked) = ask(&place, &pia, &body).await;
    assert_eq!(status, 201, "{asked}");
    let id = text(&asked["id"]).parse().unwrap();
    let pia_here = acting(&place, "pia", Role::Privacy).await;
    assert!(approvals::approve(&place.service.app, &pia_here, id).await.is_err(), "not her own");
    let paul = acting(&place, "paul", Role::Privacy).await;
    approvals::approve(&place.service.app, &paul, id).await.unwrap();
    assert_eq!(download(&place, &pia, &text(&asked["id"])).await.status(), 200);
}

/// Whoever holds a program's token may be the one who approves.
#[tokio::test]
async fn a_program_neither_asks_nor_downloads_and_partners_take_nothing_out() {
    let place = place().await;
    send(&place, "jane@example.org", "Hello").await;
    for (role, expected) in [(Role::Hr, 403), (Role::Privacy, 403), (Role::Marketing, 404), (Role::Admin, 404)] {
        let program = place.service.token(&[role]).await;
        let (status, answer) = ask(&place, &program, &wanted("csv")).await;
        assert_eq!(status, expected, "{role}: {answer}");
    }
    sign_in::invite(&place.service.app, &owner(Role::Admin), "pat", &[Role::Partner], None, DAY).await.unwrap();
    let pat = token(&place, "pat", Role::Partner).await;
    assert_eq!(ask(&place, &pat, &wanted("csv")).await.0, 404, "no reader of this form");
}

#[tokio::test]
async fn an_approval_ends_with_its_day_with_the_role_and_with_the_account() {
    let place = place().await;
    let app = &place.service.app;
    send(&place, "jane@example.org", "Hello").await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let admin = owner(Role::Admin);
    let refused = async |id: &str| document(download(&place, &hanna, id).await).await;

    // In time.
    let late = approved(&place, &hanna, &wanted("csv")).await;
    place.later(DAY.as_secs());
    assert_eq!(code(&refused(&late).await.1), "expired");
    // The asker has lost the role: to her there is no such form.
    let id = approved(&place, &hanna, &wanted("csv")).await;
    sign_in::change_roles(app, &admin, "hanna", &[Role::Training]).await.unwrap();
    assert!([403, 404].contains(&refused(&id).await.0));
    sign_in::change_roles(app, &admin, "hanna", &[Role::Hr]).await.unwrap();
    // The approver is no officer any more, or cannot act at all.
    sign_in::change_roles(app, &admin, "paul", &[Role::Hr]).await.unwrap();
    assert_eq!(code(&refused(&id).await.1), "approver-gone");
    sign_in::change_roles(app, &admin, "paul", &[Role::Privacy]).await.unwrap();
    accounts::disable(app, &admin, "paul").await.unwrap();
    assert_eq!(code(&refused(&id).await.1), "approver-gone");
}

fn token_id(bearer: &str) -> TokenId {
    let (id, _) = bearer.rsplit_once('_').unwrap();
    id.rsplit_once('_').unwrap().1.parse().unwrap()
}

/// Lost in the middle, the role ends the download at the next submission.
#[tokio::test]
async fn a_download_ends_with_the_role_or_after_an_hour() {
    for ends_by in ["role", "disabled", "time", "token", "others"] {
        let place = place().await;
        let app = &place.service.app;
        send(&place, "jane@example.org", "Hello").await;
        send(&place, "john@example.org", "Hello").await;
        let token = token(&place, "hanna", Role::Hr).await;
        let id = approved(&place, &token, &wanted("csv")).await;
        let hanna = acting(&place, "hanna", Role::Hr).await;
        let credential = Credential::of_bearer(&token).unwrap();
        let mut run = letterlock::services::export::begin(app, &hanna, credential, id.parse().unwrap()).await.unwrap();
        assert!(run.next().await.unwrap().is_some());
        match ends_by {
            "token" => accounts::revoke_token(app, &owner(Role::Admin), token_id(&token)).await.unwrap(),
            // It goes on where nothing of it ended.
            "others" => {
                let other = crate::token(&place, "hanna", Role::Hr).await;
                accounts::revoke_token(app, &owner(Role::Admin), token_id(&other)).await.unwrap();
                assert!(run.next().await.unwrap().is_some());
                continue;
            }
            "role" => sign_in::change_roles(app, &owner(Role::Admin), "hanna", &[Role::Training]).await.unwrap(),
            "disabled" => accounts::disable(app, &owner(Role::Admin), "hanna").await.unwrap(),
            _ => place.later(3601),
        }
        assert!(run.next().await.is_err(), "{ends_by}");
    }
}

/// And so does the session that it was asked for by, whoever ends it.
#[tokio::test]
async fn a_download_ends_with_the_session() {
    let place = place().await;
    let app = &place.service.app;
    let (_, _, hugo) = place.take_up(&place.invite("hugo", &[Role::Hr]).await).await;
    send(&place, "jane@example.org", "Hello").await;
    send(&place, "john@example.org", "Hello").await;
    let id = approved(&place, &token(&place, "hugo", Role::Hr).await, &wanted("csv")).await;
    let session = sign_in::find(app, hugo.cookie.split_once('=').unwrap().1).unwrap().session;
    let (acting, credential) = (acting(&place, "hugo", Role::Hr).await, Credential::of_session(&session));
    let mut run = letterlock::services::export::begin(app, &acting, credential, id.parse().unwrap()).await.unwrap();
    assert!(run.next().await.unwrap().is_some());
    assert_eq!(hugo.post("/staff/sign-out", &[]).await.status(), 200);
    assert!(run.next().await.is_err());
}

/// In the midst of a file as well: one submission can hold gigabytes.
#[tokio::test]
async fn a_file_of_a_download_ends_with_the_token() {
    let place = Place::new().await;
    for (login, role) in [("hanna", Role::Hr), ("paul", Role::Privacy)] {
        place.invite(login, &[role]).await;
    }
    place.service.apply("jane@example.org", &pdf(9 << 20, 1)).await;
    let wanted = json!({ "kind": "export", "form": "job-application", "format": "zip", "purpose": "recruitment", "reason": "x" });
    for revoked in [false, true] {
        let token = token(&place, "hanna", Role::Hr).await;
        let id = approved(&place, &token, &wanted).await;
        let mut answer = download(&place, &token, &id).await;
        let mut taken = answer.chunk().await.unwrap().unwrap().len();
        if revoked {
            accounts::revoke_token(&place.service.app, &owner(Role::Admin), token_id(&token)).await.unwrap();
        }
        let ended = loop {
            match answer.chunk().await {
                Ok(Some(piece)) => taken += piece.len(),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        // What was on its way already arrives.
        assert_eq!((ended, taken > 8 << 20), (!revoked, !revoked), "{taken} bytes");
    }
}

/// What was made to fit after the request is not handed out, in place of others or beside them; and neither is what came after it.
#[tokio::test]
async fn no_more_is_handed_out_than_was_approved() {
    let place = place().await;
    let first = send(&place, "jane@example.org", "Hello").await;
    let second = send(&place, "john@example.org", "Hello").await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let closed = json!({ "status": "closed" });
    let close = async |id: &str| {
        let path = format!("/api/v1/submissions/{id}");
        assert_eq!(document(place.service.json("PATCH", &path, Some(&hanna), &closed).await).await.0, 200);
    };
    close(&first).await;
    let mut body = wanted("json");
    body["status"] = json!("closed");
    let id = approved(&place, &hanna, &body).await;
    close(&second).await;
    let handed = async |id: &str| {
        let (_, file) = document(download(&place, &hanna, id).await).await;
        let ids = file["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str().map(str::to_owned));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(handed(&id).await, [first.as_str()]);
    // One for another: what was approved does not fit any more, and what fits was not approved.
    let id = approved(&place, &hanna, &body).await;
    let third = send(&place, "jim@example.org", "Hello").await;
    close(&third).await;
    let open = json!({ "status": "in-progress" });
    let path = format!("/api/v1/submissions/{first}");
    assert_eq!(document(place.service.json("PATCH", &path, Some(&hanna), &open).await).await.0, 200);
    assert_eq!(handed(&id).await, [second.as_str()]);
    let id = approved(&place, &hanna, &wanted("json")).await;
    let later = send(&place, "joe@example.org", "Later").await;
    let ids = handed(&id).await;
    assert_eq!((ids.len(), ids.contains(&later)), (3, false), "{ids:?}");
}

/// The link dies with an erasure: the person's rows are gone, and nothing of them stays with the request.
#[tokio::test]
async fn whoever_is_erased_before_the_download_is_not_in_it() {
    for format in ["csv", "xlsx", "json", "zip"] {
        let place = place().await;
        let app = &place.service.app;
        let gone = send(&place, "gone.zebra@example.org", "Zanzibar and nothing else").await;
        let stays = send(&place, "jane@example.org", "Hello").await;
        let hanna = token(&place, "hanna", Role::Hr).await;
        let mut body = wanted(format);
        body["submissions"] = json!([gone, stays]);
        let id = approved(&place, &hanna, &body).await;
        erase::record(app, &owner(Role::Privacy), gone.parse().unwrap()).await.unwrap();
        let bytes = download(&place, &hanna, &id).await.bytes().await.unwrap().to_vec();
        let all = crate::all_of(format, &bytes);
        assert!(all.contains(&stays) && all.contains("jane@example.org"), "{format}");
        for what in [gone.as_str(), "gone.zebra", "Zanzibar"] {
            assert!(!all.contains(what) && !crate::holds(&bytes, what), "{format}: {what}");
        }
        // The request names nothing any more, whatever it was about.
        let (_, listed) = document(place.service.get("/api/v1/approvals", Some(&hanna)).await).await;
        assert_eq!((&listed["items"][0]["stage"], &listed["items"][0]["submissions"]), (&json!("done"), &json!([])));
        assert_eq!(listed["items"][0]["download"], json!({ "sent": 1, "of": 1, "state": "complete" }));
    }
}

/// Erased while it is downloaded, behind the entry of the trail and before the turn of their submission.
#[tokio::test]
async fn whoever_is_erased_during_the_download_is_not_in_it() {
    let place = place().await;
    let app = &place.service.app;
    let older = send(&place, "gone@example.org", "Zanzibar").await;
    let newer = send(&place, "jane@example.org", "Hello").await;
    let token = token(&place, "hanna", Role::Hr).await;
    let id = approved(&place, &token, &wanted("zip")).await;
    let hanna = acting(&place, "hanna", Role::Hr).await;
    let credential = Credential::of_bearer(&token).unwrap();
    let mut run = letterlock::services::export::begin(app, &hanna, credential, id.parse().unwrap()).await.unwrap();
    let mut first = run.next().await.unwrap().unwrap();
    assert_eq!(first.submission.summary.id.to_string(), newer);
    for record in [&older, &newer] {
        erase::record(app, &owner(Role::Privacy), record.parse().unwrap()).await.unwrap();
    }
    assert!(first.files.pop_front().unwrap().open().await.unwrap().is_none(), "nor the files of one that was begun");
    assert!(run.next().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_asked_for_has_to_be_there_and_bounded() {
    let place = place().await;
    let service = &place.service;
    let sent = send(&place, "jane@example.org", "Hello").await;
    let other = service.ask_support("sam@example.org").await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let with = |changes: &[(&str, Value)]| {
        let mut body = wanted("csv");
        changes.iter().for_each(|(name, value)| body[*name] = value.clone());
        body
    };
    let many: Vec<String> = (0..251_u16)
        .map(|n| {
            let mut bytes = [0; 16];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            letterlock::base::ids::RecordId::from_bytes(bytes).to_string()
        })
        .collect();
    for (changes, field, expected) in [
        (vec![("status", json!("closed"))], "form", "nothing-there"),
        (vec![("label", json!("none"))], "form", "nothing-there"),
        (vec![("assignee", json!("nobody.at.all"))], "form", "nothing-there"),
        (vec![("from", json!("2030-01-01"))], "form", "nothing-there"),
        (vec![("from", json!("2030-01-01")), ("until", json!("2029-01-01"))], "until", "before-from"),
        (vec![("submissions", json!(many))], "submissions", "too-many"),
        (vec![("submissions", json!([sent, other]))], "submissions", "unknown"),
        (vec![("submissions", json!([many[7]]))], "submissions", "unknown"),
        (vec![("format", json!("pdf"))], "format", "bad-format"),
        (vec![("status", json!("odd"))], "status", "bad-status"),
        (vec![("purpose", json!("recruitment"))], "purpose", "purpose-needed"),
        (vec![("reason", json!(" "))], "reason", "required"),
        (vec![("roles", json!(["hr"]))], "roles", "not-needed"),
        (vec![("subjects", json!([]))], "subjects", "not-needed"),
        (vec![("until", json!("tomorrow"))], "until", "bad-date"),
        (vec![("kind", json!("reading"))], "kind", "bad-kind"),
    ] {
        let (status, answer) = ask(&place, &hanna, &with(&changes)).await;
        assert_eq!((status, code(&answer)), (422, expected), "{changes:?}: {answer}");
        assert_eq!(answer["problems"][0]["field"], field, "{answer}");
    }
    for form in ["job-application", "no-such-form"] {
        let sue = token(&place, "sue", Role::Support).await;
        assert_eq!(ask(&place, &sue, &with(&[("form", json!(form))])).await.0, 404, "{form}: hidden and unknown alike");
    }
    let (status, asked) =
        ask(&place, &hanna, &with(&[("submissions", json!([sent])), ("until", json!("2027-12-31"))])).await;
    assert_eq!(
        (status, &asked["submission_count"], &asked["until"]),
        (201, &json!(1), &json!("2027-12-31")),
        "{asked}"
    );
}
