//! Reading under a legal basis: one privacy officer asks, another approves, and the one who asked reads what is held about one
//! person, for a day, each reading with an entry in the trail that names the request.

#[path = "support/staff.rs"]
mod staff;
mod support;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use letterlock::base::clock::{ManualClock, Timestamp};
use letterlock::base::ids::{ApprovalId, PersonId, RecordId, StaffId};
use letterlock::domain::form::FormSet;
use letterlock::domain::legal::LegalBasis;
use letterlock::domain::staff::CustomRole;
use letterlock::policy::{Action, Actor, BadCustomRole, CustomRoles, Role, Scope};
use letterlock::services::approvals::{self, Stage};
use letterlock::services::{Context, ServiceError, erase, review, sign_in, staff as accounts};
use letterlock::vault::{Hooks, Step};
use serde_json::{Value, json};
use staff::{DAY, Place, Staff, words};
use support::{Service, document, owner, pdf, text};

/// Words that are in no entry of the trail.
const REFERENCE: &str = "12 C 345/26";
const REASON: &str = "The court of Bonn demands it.";
/// What the page of a submission says that is read under a legal basis.
const BANNER: &str = "by what two people agreed on";

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> (Staff<'a>, String) {
    let (_, _, staff) = place.take_up(&place.invite(login, roles).await).await;
    let token = accounts::create_token(&place.service.app, &owner(Role::Admin), login, roles, None).await.unwrap();
    (staff, token.bearer.expose().to_owned())
}

/// Somebody as the services see them, with the roles that they had then.
async fn acting(service: &Service, login: &str, roles: &[Role]) -> Context {
    let all = accounts::list(&service.app, &owner(Role::Admin)).await.unwrap();
    let id: StaffId = all.into_iter().find(|account| account.login == login).unwrap().id;
    let actor = Actor::Staff { id, login: login.to_owned(), roles: roles.to_vec(), scope: Scope::default() };
    Context { actor, ..owner(Role::Admin) }
}

async fn privacy_officer(place: &Place, login: &str) -> Context {
    sign_in::invite(&place.service.app, &owner(Role::Admin), login, &[Role::Privacy], None, DAY).await.unwrap();
    acting(&place.service, login, &[Role::Privacy]).await
}

async fn subject_of(service: &Service, record: &str) -> PersonId {
    let path = format!("/api/v1/submissions/{record}?purpose=subject-request");
    let token = service.token(&[Role::Privacy]).await;
    text(&document(service.get(&path, Some(&token)).await).await.1["subject"]).parse().unwrap()
}

async fn ask(service: &Service, ctx: &Context, person: PersonId) -> ApprovalId {
    let basis = LegalBasis::LegalObligation;
    approvals::ask_reading(&service.app, ctx, person, basis, REFERENCE, REASON).await.unwrap().id
}

async fn opens(service: &Service, ctx: &Context, record: RecordId) -> bool {
    match review::show(&service.app, ctx, record, Some("legal-basis")).await {
        Ok(_) => true,
        Err(ServiceError::PurposeNeeded { allowed }) => {
            assert!(!allowed.contains(&"legal-basis".to_owned()), "{allowed:?}");
            false
        }
        Err(ServiceError::NotFound | ServiceError::Forbidden) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// By which ways somebody reads a submission for the purpose: in the console and by a token of their own account.
async fn ways(who: &(Staff<'_>, String), record: &str) -> Vec<bool> {
    let (staff, token) = who;
    let page = staff.get(&format!("/staff/record/{record}?purpose=legal-basis")).await.text().await.unwrap();
    let mut out = vec![page.contains(BANNER)];
    for tail in ["print", "files/0", "files/0/preview"] {
        let status = staff.get(&format!("/staff/record/{record}/{tail}?purpose=legal-basis")).await.status().as_u16();
        assert!([200, 404, 422].contains(&status), "{tail}: {status}");
        out.push(status == 200);
    }
    for tail in ["", "/files/0"] {
        let path = format!("/api/v1/submissions/{record}{tail}?purpose=legal-basis");
        out.push(staff.place.service.get(&path, Some(token)).await.status() == 200);
    }
    out
}

/// All or none of the ways.
async fn reads(who: &(Staff<'_>, String), record: &str) -> bool {
    let ways = ways(who, record).await;
    assert!(ways.iter().all(|way| *way == ways[0]), "{ways:?}");
    ways[0]
}

#[tokio::test]
async fn two_agree_and_the_one_who_asked_reads_that_person_alone() {
    let place = Place::new().await;
    let service = &place.service;
    let pia = person(&place, "pia", &[Role::Privacy]).await;
    let paul = person(&place, "paul", &[Role::Privacy]).await;
    let petra = person(&place, "petra", &[Role::Privacy]).await;
    let hanna = person(&place, "hanna", &[Role::Hr, Role::Support]).await;
    let anna = person(&place, "anna", &[Role::Admin]).await;
    let (jane, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let asked_by_jane = service.ask_support("jane@example.org").await;
    let (jim, _) = service.apply("jim@example.org", &pdf(2000, 2)).await;
    let subject = subject_of(service, &jane).await.to_string();

    // Who may ask, and for what.
    let body = json!({
        "kind": "legal-reading", "subject": subject, "basis": "legal-obligation", "reference": REFERENCE, "reason": REASON,
    });
    let post = async |token: &str, body: &Value| {
        document(service.json("POST", "/api/v1/approvals", Some(token), body).await).await
    };
    for (token, expected) in [(&hanna.1, 404), (&anna.1, 404), (&service.token(&[Role::Privacy]).await, 403)] {
        assert_eq!(post(token, &body).await.0, expected);
    }
    for (name, wrong, code) in [
        ("basis", "consent", "bad-basis"),
        ("reference", " ", "required"),
        ("reference", &*"x".repeat(101), "too-long"),
        ("reason", "", "required"),
        ("subject", &"a".repeat(26), "nobody"),
        ("purpose", "legal-basis", "not-needed"),
    ] {
        let mut bad = body.clone();
        bad[name] = wrong.into();
        let (status, answer) = post(&pia.1, &bad).await;
        assert_eq!((status, answer["problems"][0]["code"].as_str()), (422, Some(code)), "{name}: {answer}");
    }
    assert!(!reads(&pia, &jane).await, "nobody has asked");
    // By the link on the page of a submission.
    let page = pia.0.page(&format!("/staff/record/{jane}?purpose=subject-request")).await;
    let link = format!("/staff/requests?subject={subject}");
    assert!(page.contains(&format!("{link}#ask-reading")), "{page}");
    assert!(!hanna.0.page(&format!("/staff/record/{jane}?purpose=recruitment")).await.contains("ask-reading"));
    assert!(pia.0.page(&link).await.contains(&format!("value=\"{subject}\"")));
    let typed = [
        ("kind", "legal-reading"),
        ("subject", subject.as_str()),
        ("basis", "legal-obligation"),
        ("reference", REFERENCE),
        ("reason", REASON),
    ];
    assert_eq!(hanna.0.post("/staff/requests", &typed).await.status(), 404);
    let (status, page) =
        words(pia.0.post("/staff/requests", &[&typed[..2], &typed[2..3], &[("reason", "x")]].concat()).await).await;
    assert!(status == 422 && page.contains("Name the case") && page.contains(&subject), "{page}");
    assert_eq!(pia.0.post("/staff/requests", &typed).await.status(), 303);

    // Asked for: nobody reads by it, and who decides sees whom it is about.
    let (_, listed) = document(service.get("/api/v1/approvals", Some(&paul.1)).await).await;
    let line = &listed["items"][0];
    assert_eq!((&line["subject"], &line["basis"]), (&json!(subject), &json!("legal-obligation")), "{line}");
    assert_eq!((&line["reference"], line["submissions"].as_array().unwrap().len()), (&json!(REFERENCE), 2), "{line}");
    assert!(!reads(&pia, &jane).await, "nobody has approved");
    let (id, page) = (text(&line["id"]), paul.0.page("/staff/requests").await);
    for shown in [&*subject, REFERENCE, REASON, "<dt>Submissions</dt><dd>2</dd>"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let [approval, refusal, use_it] = ["approval", "refusal", "use"].map(|what| format!("/staff/requests/{id}/{what}"));
    assert_eq!(pia.0.post(&approval, &[]).await.status(), 403, "one's own");
    for nobody in [&hanna, &anna] {
        assert_eq!(nobody.0.post(&approval, &[]).await.status(), 404);
    }
    assert_eq!(paul.0.post(&approval, &[]).await.status(), 303);

    // Approved: she reads both of Jane's, and nothing else; and nobody else reads by it.
    assert!(reads(&pia, &jane).await);
    assert_eq!(ways(&pia, &asked_by_jane).await, [true, true, false, false, true, false], "it has no file");
    for other in [&paul, &petra, &hanna] {
        assert!(!reads(other, &jane).await, "{}", other.0.cookie);
    }
    assert!(!reads(&pia, &jim).await, "somebody else");
    let page = pia.0.page(&format!("/staff/record/{jane}")).await;
    assert!(page.contains("value=\"legal-basis\"") && page.contains(REFERENCE), "offered: {page}");
    assert!(!paul.0.page(&format!("/staff/record/{jane}")).await.contains("legal-basis"), "offered to nobody else");
    let page = pia.0.page(&format!("/staff/record/{jane}?purpose=legal-basis")).await;
    assert!(page.contains(REFERENCE) && page.contains("I would like to work with you."), "{page}");
    assert!(!page.contains("<form method=\"post\" action=\"/staff/record"), "to read, and nothing else: {page}");
    for act in ["/staff/erasure/records", "/letter?", "#ask-reading"] {
        assert!(!page.contains(act), "to read, and nothing else: {act} in {page}");
    }
    let print = pia.0.page(&format!("/staff/record/{jane}/print?purpose=legal-basis")).await;
    assert!(print.contains(REFERENCE) && print.contains("Legal obligation"), "{print}");
    let page = pia.0.page("/staff/requests").await;
    assert!(page.contains(&format!("/staff/record/{jane}?purpose=legal-basis")) && page.contains("End it"), "{page}");
    assert!(!page.contains(&use_it) && !page.contains(&format!("/staff/record/{jim}")), "{page}");
    let page = paul.0.page("/staff/requests").await;
    assert!(!page.contains("purpose=legal-basis") && page.contains("End it"), "no links for who approved: {page}");
    assert_eq!(pia.0.post(&use_it, &[]).await.status(), 422, "it is not done, it is read by");
    // No lists, no search, no export, no letter.
    for path in
        ["/api/v1/submissions?purpose=legal-basis", "/api/v1/submissions?form=job-application&purpose=legal-basis"]
    {
        assert_eq!(service.get(path, Some(&pia.1)).await.status(), 422, "{path}");
    }
    for (path, body) in [
        ("/api/v1/submissions/search", json!({ "words": "work", "purpose": "legal-basis" })),
        (
            "/api/v1/approvals",
            json!({ "kind": "export", "form": "job-application", "format": "csv", "purpose": "legal-basis", "reason": "x" }),
        ),
    ] {
        let (status, answer) = document(service.json("POST", path, Some(&pia.1), &body).await).await;
        assert!(status == 422 && answer["problems"][0]["code"] == "purpose-needed", "{path}: {status} {answer}");
    }
    let letter = format!("/staff/record/{jane}/letter?letter=invitation&purpose=legal-basis");
    assert_eq!(pia.0.get(&letter).await.status(), 422);
    in_the_trail(service, &id, (&jane, &subject)).await;

    // Ended by the one who approved it: at once.
    assert_eq!(paul.0.post(&refusal, &[]).await.status(), 303);
    assert!(!reads(&pia, &jane).await);
    let (_, listed) = document(service.get("/api/v1/approvals", Some(&paul.1)).await).await;
    let line = &listed["items"][0];
    assert_eq!((&line["stage"], &line["subject"]), (&json!("declined"), &Value::Null), "{line}");
    assert!(!paul.0.page("/staff/requests").await.contains(&subject), "what is over names nobody");
}

/// Every reading is an entry with purpose and request before anything left, and no entry holds words about the case.
async fn in_the_trail(service: &Service, id: &str, (jane, person): (&str, &str)) {
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let items = trail["items"].as_array().unwrap();
    let about = |action: &str, change: &str| {
        let wanted = json!({ "approval": { "id": id, "change": change } });
        items.iter().filter(|e| e["action"] == action && e["detail"] == wanted).cloned().collect::<Vec<Value>>()
    };
    // Whom it is about is in the trail of both, for who follows that person, and in the history of no submission.
    for (action, change) in [("ask-approval", "legal-reading asked"), ("approve", "legal-reading approved")] {
        let entries = about(action, change);
        assert_eq!(entries.len(), 1, "{trail}");
        let named = &entries[0]["subjects"][0];
        assert!(named["submission"].is_null() && named["subject"] == person, "{action}: {named}");
    }
    // Page, print and API of both, and page and print of the first once more.
    let read = about("read-submission", "legal-reading used");
    assert_eq!(read.len(), 8, "{read:#?}");
    let files = about("read-file", "legal-reading used");
    assert!(!files.is_empty());
    for entry in read.iter().chain(&files) {
        assert_eq!(entry["subjects"][0]["purpose"], "legal-basis", "{entry}");
        assert_eq!(entry["actor"], "staff:pia", "{entry}");
    }
    assert!(read.iter().any(|entry| entry["subjects"][0]["submission"] == jane));
    let for_it = |entry: &&Value| entry["subjects"][0]["purpose"] == "legal-basis";
    assert_eq!(items.iter().filter(for_it).count(), read.len() + files.len(), "none without the request");
    let trail = trail.to_string();
    assert!(!trail.contains(REFERENCE) && !trail.contains("Bonn"), "no words about the case");
}

#[derive(Clone, Copy, Debug)]
enum End {
    Time,
    Withdrawal,
    Refusal,
    ByAThird,
    ApproverOtherRole,
    AskerOtherRole,
    ApproverDisabled,
    AskerDisabled,
    ApproverRecovered,
}

/// However it ends, from then on nothing is read by it, also by who still holds the session of before, and a download breaks off.
#[tokio::test]
async fn however_it_ends_nothing_more_is_read() {
    for end in [
        End::Time,
        End::Withdrawal,
        End::Refusal,
        End::ByAThird,
        End::ApproverOtherRole,
        End::AskerOtherRole,
        End::ApproverDisabled,
        End::AskerDisabled,
        End::ApproverRecovered,
    ] {
        let place = Place::new().await;
        let (service, app) = (&place.service, &place.service.app);
        let [pia, paul, petra] = [
            privacy_officer(&place, "pia").await,
            privacy_officer(&place, "paul").await,
            privacy_officer(&place, "petra").await,
        ];
        let (jane, _) = service.apply("jane@example.org", &pdf(300_000, 1)).await;
        let (subject, jane): (_, RecordId) = (subject_of(service, &jane).await, jane.parse().unwrap());
        let id = ask(service, &pia, subject).await;
        assert!(!opens(service, &pia, jane).await, "{end:?}: before");
        place.later(DAY.as_secs() - 1);
        approvals::approve(app, &paul, id).await.unwrap();
        place.later(DAY.as_secs() - 1);
        assert!(opens(service, &pia, jane).await, "{end:?}: a day from the approval");
        let mut file = review::file(app, &pia, jane, 0, Some("legal-basis")).await.unwrap();
        assert!(file.next().await.unwrap().is_some());
        let admin = owner(Role::Admin);
        let mut stage = Stage::Approved;
        match end {
            End::Time => {
                place.later(1);
                stage = Stage::Expired;
            }
            End::Withdrawal => {
                approvals::decline(app, &pia, id).await.unwrap();
                stage = Stage::Withdrawn;
            }
            End::Refusal => {
                approvals::decline(app, &paul, id).await.unwrap();
                stage = Stage::Declined;
            }
            End::ByAThird => {
                approvals::decline(app, &petra, id).await.unwrap();
                stage = Stage::Declined;
            }
            End::ApproverOtherRole => sign_in::change_roles(app, &admin, "paul", &[Role::Hr]).await.unwrap(),
            End::AskerOtherRole => sign_in::change_roles(app, &admin, "pia", &[Role::Hr]).await.unwrap(),
            End::ApproverDisabled => accounts::disable(app, &admin, "paul").await.unwrap(),
            End::AskerDisabled => accounts::disable(app, &admin, "pia").await.unwrap(),
            End::ApproverRecovered => {
                sign_in::recover(app, &admin, "paul", DAY).await.unwrap();
                stage = Stage::Asked;
            }
        }
        assert!(!opens(service, &pia, jane).await, "{end:?}: afterwards");
        let late = file.next().await;
        assert!(matches!(late, Err(ServiceError::NotFound)), "{end:?}: the rest of a file, {}", late.is_ok());
        let late = review::file(app, &pia, jane, 0, Some("legal-basis")).await;
        assert!(matches!(late, Err(ServiceError::PurposeNeeded { .. })), "{end:?}: a file");
        let shown = approvals::found(app, &petra, id).await.unwrap();
        assert_eq!((shown.stage, shown.stands), (stage, false), "{end:?}");
        approvals::tidy(app).await.unwrap();
        assert!(!opens(service, &pia, jane).await, "{end:?}: after the clean-up");
        if !stage.is_open() {
            let line = approvals::found(app, &petra, id).await.unwrap().to_json();
            assert_eq!((&line["subject"], &line["submissions"]), (&Value::Null, &json!([])), "{end:?}: {line}");
            assert!(line["reference"] == REFERENCE, "{end:?}: why stays to be looked at for a while");
        }
    }
}

/// Its day is over at the very moment at which the entry is durable: nothing leaves.
#[tokio::test]
async fn what_ends_while_a_reading_is_written_down_is_not_read() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let (armed, turned) = (Arc::new(AtomicBool::new(false)), clock.clone());
    let seen = armed.clone();
    let at_step = move |step: Step| {
        if step == Step::Published && seen.swap(false, Ordering::SeqCst) {
            turned.advance(DAY);
        }
        ControlFlow::Continue(())
    };
    let hooks = Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() };
    let service = Service::with_all(FormSet::default(), hooks, clock, |_| ()).await;
    let app = &service.app;
    for login in ["pia", "paul"] {
        sign_in::invite(app, &owner(Role::Admin), login, &[Role::Privacy], None, DAY).await.unwrap();
    }
    let [pia, paul] =
        [acting(&service, "pia", &[Role::Privacy]).await, acting(&service, "paul", &[Role::Privacy]).await];
    let (jane, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (subject, jane): (_, RecordId) = (subject_of(&service, &jane).await, jane.parse().unwrap());
    for file in [false, true] {
        let id = ask(&service, &pia, subject).await;
        approvals::approve(app, &paul, id).await.unwrap();
        assert!(opens(&service, &pia, jane).await);
        let before = entries_of(&service, "legal-reading used").await;
        armed.store(true, Ordering::SeqCst);
        match file {
            true => assert!(review::file(app, &pia, jane, 0, Some("legal-basis")).await.is_err()),
            false => assert!(!opens(&service, &pia, jane).await),
        }
        assert!(!armed.load(Ordering::SeqCst), "it was written down");
        assert_eq!(entries_of(&service, "legal-reading used").await, before + 1, "and stands in the trail");
    }
}

async fn entries_of(service: &Service, change: &str) -> usize {
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let items = trail["items"].as_array().unwrap();
    items.iter().filter(|entry| entry["detail"]["approval"]["change"] == change).count()
}

/// With the person goes the request, with all that it says; and who comes under their address later is somebody else.
#[tokio::test]
async fn with_the_person_goes_the_request() {
    let place = Place::new().await;
    let (service, app) = (&place.service, &place.service.app);
    let [pia, paul] = [privacy_officer(&place, "pia").await, privacy_officer(&place, "paul").await];
    let (jane, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let subject = subject_of(service, &jane).await;
    let [standing, asked] = [ask(service, &pia, subject).await, ask(service, &paul, subject).await];
    approvals::approve(app, &paul, standing).await.unwrap();
    assert!(opens(service, &pia, jane.parse().unwrap()).await);
    erase::person(app, &paul, subject).await.unwrap();
    assert!(!opens(service, &pia, jane.parse().unwrap()).await);
    let (again, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert!(!opens(service, &pia, again.parse().unwrap()).await, "somebody else under the same address");
    // In the background, without anybody asking for it.
    for _ in 0..200 {
        if approvals::list(app, &pia).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let left = approvals::list(app, &pia).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    for id in [standing, asked] {
        assert!(matches!(approvals::found(app, &pia, id).await, Err(ServiceError::NotFound)));
    }
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) =
        document(service.get("/api/v1/audit?action=expire-approval&limit=200", Some(&auditor)).await).await;
    assert_eq!(trail["items"].as_array().unwrap().len(), 2, "{trail}");
    let none = approvals::ask_reading(app, &pia, subject, LegalBasis::LegalClaims, REFERENCE, REASON).await;
    assert!(matches!(&none, Err(ServiceError::Invalid(p)) if p[0].code == "nobody"), "{none:?}");
}

/// What the form keeps from the role is kept here, too: it is for a subject request alone that an officer sees everything.
#[tokio::test]
async fn what_is_kept_from_the_role_stays_kept() {
    let forms = FormSet::with_files([("move.toml", include_str!("support/masked.toml"))]).unwrap();
    let place = Place::with_forms(forms).await;
    let (service, app) = (&place.service, &place.service.app);
    let [pia, paul] = [privacy_officer(&place, "pia").await, privacy_officer(&place, "paul").await];
    let body = json!({ "fields": { "email": "jane@example.org", "message": "Hello", "birth": "1990-02-03" } });
    let (status, sent) = document(service.json("POST", "/api/v1/forms/move/submissions", None, &body).await).await;
    assert_eq!(status, 201, "{sent}");
    let record: RecordId = text(&sent["submission"]).parse().unwrap();
    let id = ask(service, &pia, subject_of(service, &record.to_string()).await).await;
    approvals::approve(app, &paul, id).await.unwrap();
    let read = review::show(app, &pia, record, Some("legal-basis")).await.unwrap();
    assert!(read.content.fields.contains_key("message") && !read.content.fields.contains_key("birth"));
    assert_eq!((&*read.masked, read.legal.unwrap().id), (&["birth".to_owned(), "passport".to_owned()][..], id));
    let all = review::show(app, &pia, record, Some("subject-request")).await.unwrap();
    assert!(all.content.fields.contains_key("birth"));
}

/// A role of the configuration's own reads nothing in this way, whatever it lists; nor does a token that may do less than all that
/// its account may.
#[tokio::test]
async fn it_is_for_privacy_officers_with_all_that_they_may() {
    let place = Place::new().await;
    let service = &place.service;
    let pia = person(&place, "pia", &[Role::Privacy]).await;
    let paul = privacy_officer(&place, "paul").await;
    let (jane, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let here = acting(service, "pia", &[Role::Privacy]).await;
    let id = ask(service, &here, subject_of(service, &jane).await).await;
    approvals::approve(&service.app, &paul, id).await.unwrap();
    let path = format!("/api/v1/submissions/{jane}?purpose=legal-basis");
    assert_eq!(service.get(&path, Some(&pia.1)).await.status(), 200);
    let admin = owner(Role::Admin);
    for more in [vec![], vec![Action::UseApproval, Action::ReadApprovals, Action::AskApproval]] {
        let actions = [vec![Action::ReadSubmission, Action::ReadFile], more].concat();
        let scope = Scope::new(Some(actions), None);
        let less =
            accounts::create_scoped_token(&service.app, &admin, "pia", &[Role::Privacy], &scope, None).await.unwrap();
        assert_eq!(service.get(&path, Some(less.bearer.expose())).await.status(), 422);
        let ordinary = path.replace("legal-basis", "subject-request");
        assert_eq!(service.get(&ordinary, Some(less.bearer.expose())).await.status(), 200);
    }
    // The owner of the machine is no second person, nor a first one.
    for role in [Role::Privacy, Role::Admin] {
        assert!(!opens(service, &owner(role), jane.parse().unwrap()).await, "{role}");
    }
    let mut own = CustomRoles::default();
    for action in [Action::AskApproval, Action::Approve, Action::UseApproval, Action::ReadApprovals] {
        let made = own.make(CustomRole::new("legal").unwrap(), &[Action::ReadSubmission, action]);
        assert_eq!(made, Err(BadCustomRole::Reserved(action)));
    }
}
