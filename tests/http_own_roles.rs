//! Roles that the configuration makes, over the network: they do what they list, on forms that name them, and nothing else.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::{FormSet, Source, Sources};
use letterlock::domain::staff::CustomRole;
use letterlock::policy::{Action, Actor, CustomRoles, Resource, Role, Scope, decide};
use letterlock::services::export::{Asked, Format};
use letterlock::services::staff::{authenticate, create_token, list};
use letterlock::services::{Context, ServiceError, approvals, sign_in};
use staff::{DAY, Place};
use support::{document, open_with_clock, owner};

const OWN: &str = "interviewer";

/// Support requests, also for interviewers, who do not see the address; and one that does not name them.
fn forms() -> FormSet {
    let talk = "id = \"talk\"\nversion = 1\ntitle = \"Talk\"\nsubmit = \"Send\"\npurposes = [\"support\"]\nlegal_basis = \"L\"\n\
                roles = [\"support\", \"interviewer\"]\nretention_days = 30\nnotice = \"general\"\n\
                [[fields]]\nname = \"email\"\nlabel = \"Address\"\nkind = \"email\"\nrequired = true\nroles = [\"support\"]\n\
                [[fields]]\nname = \"message\"\nlabel = \"Message\"\nkind = \"long-text\"\nmax_length = 500\n";
    let source = Source { file: "talk.toml".to_owned(), text: Ok(talk.to_owned()) };
    let roles = vec![CustomRole::new(OWN).unwrap()];
    FormSet::from_sources(&Sources { forms: vec![source], roles, ..Sources::default() }).unwrap()
}

async fn place(actions: &[Action]) -> Place {
    let place = Place::with_forms(forms()).await;
    let mut roles = CustomRoles::default();
    roles.make(CustomRole::new(OWN).unwrap(), actions).unwrap();
    place.service.app.set_custom_roles(roles);
    place
}

async fn send(place: &Place, form: &str) -> String {
    let values = match form {
        "talk" => serde_json::json!({ "fields": { "email": "jane@example.org", "message": "Hello there" } }),
        _ => serde_json::json!({
            "fields": { "name": "Jane", "email": "jane@example.org", "subject-line": "Help", "message": "Please" }
        }),
    };
    let request = place.service.request("POST", &format!("/api/v1/forms/{form}/submissions")).json(&values);
    let (status, body) = document(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
    body["submission"].as_str().unwrap().to_owned()
}

fn own() -> Role {
    OWN.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_ones_own_reads_what_it_lists_where_a_form_names_it() {
    let place = place(&[Action::ListSubmissions, Action::ReadSubmission, Action::WriteNote, Action::ReadNotes]).await;
    let (talk, other) = (send(&place, "talk").await, send(&place, "support-request").await);
    let (_, _, jane) = place.take_up(&place.invite("jane", &[own()]).await).await;

    let inbox = jane.page("/staff/inbox?form=talk").await;
    assert!(inbox.contains(&talk) && !inbox.contains(&other), "{inbox}");
    assert_eq!(jane.get("/staff/inbox?form=support-request").await.status(), 404);
    let record = jane.page(&format!("/staff/record/{talk}?purpose=support")).await;
    assert!(record.contains("Hello there"), "{record}");
    assert!(!record.contains("jane@example.org"), "the form shows the address to support alone");
    assert!(!record.contains(&format!("/staff/record/{talk}/status\"")), "no act is offered that is refused: {record}");
    assert_eq!(jane.get(&format!("/staff/record/{other}?purpose=support")).await.status(), 404);
    let closed =
        jane.post(&format!("/staff/record/{talk}/status"), &[("status", "closed"), ("purpose", "support")]).await;
    assert_eq!(closed.status(), 403);
    for path in ["/staff/audit", "/staff/people", "/staff/health", "/staff/transfers", "/staff/alerts"] {
        assert_eq!(jane.get(path).await.status(), 403, "{path}");
    }

    // By a program's token the same.
    let token = place.service.token(&[own()]).await;
    let get = async |path: String| place.service.get(&path, Some(&token)).await.status().as_u16();
    assert_eq!(get(format!("/api/v1/submissions/{talk}?purpose=support")).await, 200);
    assert_eq!(get(format!("/api/v1/submissions/{other}?purpose=support")).await, 404);
    assert_eq!(get("/api/v1/audit".to_owned()).await, 403);
    for (path, status) in [("notes", 201), ("messages", 403)] {
        let path = format!("/api/v1/submissions/{talk}/{path}");
        let answer = place.service.json("POST", &path, Some(&token), &serde_json::json!({ "text": "Nice" })).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    let erase = place.service.request("DELETE", &format!("/api/v1/submissions/{talk}"));
    assert_eq!(place.service.send(erase, Some(&token)).await.status(), 403);
}

/// Where the configuration does not make it, the role opens nothing; and nobody is given one that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_gone_opens_nothing_and_an_unknown_one_is_not_handed_out() {
    let mut place = place(&[Action::ListSubmissions, Action::ReadSubmission]).await;
    let talk = send(&place, "talk").await;
    let token = place.service.token(&[own()]).await;
    assert_eq!(
        place.service.get(&format!("/api/v1/submissions/{talk}?purpose=support"), Some(&token)).await.status(),
        200
    );

    let (app, admin, unknown) = (&place.service.app, owner(Role::Admin), "suport".parse::<Role>().unwrap());
    let told = |error: ServiceError| match error {
        ServiceError::Invalid(problems) => problems[0].code,
        other => panic!("{other}"),
    };
    let asked = sign_in::invite(app, &admin, "joe", &[unknown], None, DAY).await;
    assert_eq!(told(asked.unwrap_err()), "bad-role");
    assert!(list(app, &admin).await.unwrap().iter().all(|account| account.login != "joe"), "nothing is half made");
    place.invite("joe", &[Role::Support]).await;
    assert_eq!(told(sign_in::change_roles(app, &admin, "joe", &[unknown]).await.unwrap_err()), "bad-role");
    sign_in::change_roles(app, &admin, "joe", &[own()]).await.unwrap();
    assert_eq!(told(create_token(app, &admin, "joe", &[unknown], None).await.unwrap_err()), "bad-role");

    // The same folder under a configuration that has no such role, with forms that name it still.
    place.service.stop().await;
    let (dir, clock) = (place.service.dir.clone(), place.clock.clone());
    drop(place);
    let app = open_with_clock(dir.path(), forms(), clock);
    let actor = authenticate(&app, &token).await.unwrap();
    assert!(matches!(&actor, Actor::Staff { roles, .. } if roles == &[own()]), "{actor:?}");
    let denied = decide(&actor, Action::ReadSubmission, &Resource::Submission { roles: &[own()] });
    assert!(denied.is_err());
    app.close().await;
}

/// What a role may not open one by one does not come out by the hundred.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_no_files_for_a_role_that_reads_none() {
    let place = place(&[Action::ListSubmissions, Action::ReadSubmission, Action::ExportSubmissions]).await;
    send(&place, "talk").await;
    let (_, _, jane) = place.take_up(&place.invite("jane", &[own()]).await).await;
    drop(jane);
    let app = &place.service.app;
    let id =
        list(app, &owner(Role::Admin)).await.unwrap().into_iter().find(|account| account.login == "jane").unwrap().id;
    let scope = Scope::default().knowing(app.custom_roles().clone());
    let actor = Actor::Staff { id, login: "jane".to_owned(), roles: vec![own()], scope };
    let ctx = Context { actor, ..owner(Role::Admin) };
    let asked = |format| Asked {
        form: "talk".parse().unwrap(),
        format,
        purpose: "support".to_owned(),
        status: None,
        whose: None,
        label: None,
        from: None,
        until: None,
        records: Vec::new(),
    };
    let refused = approvals::ask_export(app, &ctx, asked(Format::Zip), "x").await;
    assert!(matches!(refused, Err(ServiceError::Forbidden)));
    approvals::ask_export(app, &ctx, asked(Format::Csv), "x").await.unwrap();
}
