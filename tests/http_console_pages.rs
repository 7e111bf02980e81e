//! The console's pages for those who look after the service: forms and health.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::{Form, FormSet, Source, Sources};
use letterlock::policy::Role;
use letterlock::services::health;
use staff::{Place, Staff, words};

/// Everybody, signed in.
async fn everybody(place: &Place) -> Vec<(Role, Staff<'_>)> {
    let mut out = Vec::new();
    for role in Role::ALL {
        let (_, _, staff) = place.take_up(&place.invite(role.as_str(), &[role]).await).await;
        out.push((role, staff));
    }
    out
}

/// A form whose words are hostile.
fn hostile() -> FormSet {
    let form = r#"
id = "hostile"
version = 3
kind = "request"
title = "<script>alert(1)</script>"
submit = "Send"
purposes = ["support"]
legal_basis = "\"><img src=x>"
roles = ["support"]
retention_days = 730
notice = "general"
subject = "email"
summary = ["email"]
[[fields]]
name = "email"
label = "<b>Mail</b>"
kind = "email"
required = true
roles = ["support"]
[[consents]]
name = "talk"
version = "7"
wording = "I agree to <i>talk</i>."
"#;
    let source = Source { file: "hostile.toml".to_owned(), text: Ok(form.to_owned()) };
    FormSet::from_sources(&Sources { forms: vec![source], ..Sources::default() }).unwrap()
}

#[tokio::test]
async fn each_role_sees_its_pages_and_no_others() {
    let place = Place::new().await;
    for (role, staff) in everybody(&place).await {
        let home = staff.page("/staff").await;
        for (path, allowed) in
            [("/staff/forms", [Role::Admin, Role::Privacy].as_slice()), ("/staff/health", [Role::Admin].as_slice())]
        {
            let may = allowed.contains(&role);
            assert_eq!(staff.get(path).await.status(), if may { 200 } else { 403 }, "{role:?} {path}");
            assert_eq!(home.contains(&format!("href=\"{path}\"")), may, "{role:?} {path}: the way there");
            assert!(!may || staff.get(&format!("{path}?x=1")).await.status() == 422, "{role:?} {path}");
        }
    }
    for path in ["/staff/forms", "/staff/health"] {
        let answer = place.service.request("GET", path).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (303, &"/staff/sign-in".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn what_each_form_asks_and_on_what_ground_is_told_and_escaped() {
    let place = Place::with_forms(hostile()).await;
    let (_, _, paula) = place.take_up(&place.invite("paula", &[Role::Privacy]).await).await;
    let page = paula.page("/staff/forms").await;
    for raw in ["<script>", "<img", "<b>", "<i>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    let section = staff::between(&page, "<section id=\"form-hostile\"", "</section>");
    for told in [
        "&#60;script&#62;alert(1)&#60;/script&#62;",
        "version 3",
        "&#34;&#62;&#60;img src=x&#62;",
        "730 days (2 years)",
        "&#60;b&#62;Mail&#60;/b&#62;",
        "<td data-label=\"Seen by\">Support</td>",
        "<td data-label=\"Needed\">Needed</td>",
        "I agree to &#60;i&#62;talk&#60;/i&#62;. <span class=\"quiet\">(talk, version 7)</span>",
        "href=\"/f/hostile\"",
    ] {
        assert!(section.contains(told), "{told}: {section}");
    }
    // Nothing without mail, and there is none here.
    let newsletter = staff::between(&page, "<section id=\"form-newsletter\"", "</section>");
    assert!(
        newsletter.contains("<strong>Closed:</strong>") && !newsletter.contains("href=\"/f/newsletter\""),
        "{newsletter}"
    );
    // Each form that there is.
    let all = place.service.app.forms();
    assert_eq!(page.matches("<section id=\"form-").count(), all.iter().count());
    let has = |form: &Form| page.contains(&format!("<section id=\"form-{}\"", form.id));
    assert!(all.iter().all(|form| has(form)));
}

#[tokio::test]
async fn a_notice_that_is_overdue_stands_out_on_both_pages() {
    let place = Place::new().await;
    let (_, _, ada) = place.take_up(&place.invite("ada", &[Role::Admin]).await).await;
    assert!(!ada.page("/staff/forms").await.contains("overdue</strong>"));
    // Long past every day that a shipped notice names.
    place.later(40 * 365 * 24 * 60 * 60);
    let (_, _, eve) = place.take_up(&place.invite("eve", &[Role::Admin]).await).await;
    let page = eve.page("/staff/forms").await;
    assert!(page.contains("overdue</strong>") && page.contains("to be reviewed by now"), "{page}");
    let page = eve.page("/staff/health").await;
    assert!(
        page.contains("Texts are overdue for review.") && page.contains("the notice general was to be reviewed"),
        "{page}"
    );
    // So is the certificate, made for ten years.
    let (grave, _) = page.split_once("id=\"others\"").unwrap();
    assert!(grave.contains("Something does not work") && grave.contains("The certificate has ended."), "{page}");
}

#[tokio::test]
async fn health_says_at_the_top_whether_all_is_well_and_what_is_not_known() {
    let place = Place::new().await;
    place.service.ask_support("jane@example.org").await;
    let (_, _, ada) = place.take_up(&place.invite("ada", &[Role::Admin]).await).await;
    let page = ada.page("/staff/health").await;
    // The operator of these tests is nobody, and the privacy page says so.
    assert!(page.contains("It works, and this needs attention") && page.contains("<li>operator.name</li>"), "{page}");
    assert!(!page.contains("Something does not work") && !page.contains("All is well"), "{page}");
    let line = |what: &str| staff::between(&page, &format!("<dt>{what}</dt><dd>"), "</dd>");
    assert_eq!(line("Takes submissions"), "Yes");
    assert_eq!(line("People held"), "1");
    assert_eq!(line("Searches running"), "0");
    assert_eq!(line("Erasures tidying up"), "None");
    assert_eq!(line("Mail"), "Off: no mail server is configured");
    assert!(line("Certificate").contains("left, until") && line("Certificate").contains("browsers warn"), "{page}");
    assert!(line("Backups").starts_with("Not known"), "{page}");
    assert!(line("Last check").starts_with("None since"), "{page}");
    // As an auditor finds it.
    let (_, _, otto) = place.take_up(&place.invite("otto", &[Role::Auditor]).await).await;
    assert_eq!(otto.post("/staff/audit/verification", &[]).await.status(), 303);
    let page = ada.page("/staff/health").await;
    assert!(page.contains("entries, whole and in order"), "{page}");
    // Looking at it leaves no trace: nobody is in it.
    let before = health::figures(&place.service.app).audit_entries;
    let (status, _) = words(ada.get("/staff/health").await).await;
    assert_eq!((status, health::figures(&place.service.app).audit_entries), (200, before));
}

#[tokio::test]
async fn the_first_page_shows_what_waits_of_the_forms_that_one_reads_and_no_others() {
    let place = Place::new().await;
    let (secret, _, sue) = place.take_up(&place.invite("sue", &[Role::Support]).await).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(place.service.ask_support(&format!("p{n}@example.org")).await);
        place.later(2 * 24 * 60 * 60);
    }
    let sue = {
        drop(sue);
        place.sign_in("sue", &secret).await
    };
    let row = |page: &str, heading: &str| {
        let table = staff::between(page, heading, "</section>");
        let title = table.find("Ask our support team").unwrap_or_else(|| panic!("{table}"));
        staff::between(&table[title..], "</th>", "</tr>")
    };
    let page = sue.page("/staff").await;
    let waiting = row(&page, "id=\"open\"");
    assert!(
        waiting.contains("<td data-label=\"Waiting\">3</td>") && waiting.contains("<td data-label=\"Overdue\">0</td>"),
        "{page}"
    );
    assert!(page.contains("3 in the last 28 days") && page.contains("<td>1</td>"), "{page}");
    // A bar for each day, of which three have a height; and no style or script for it.
    assert_eq!(page.matches("<rect class=\"bar-open\" x=\"").count() - 1, 28, "{page}");
    assert!(!page.contains("style=") && !page.contains("<script"), "{page}");
    assert!(row(&page, "id=\"answers\"").contains("<td data-label=\"Half within\">–</td>"), "{page}");
    // Six days on the first has waited for eight; another is answered: by the first message, not by the second.
    place.later(2 * 24 * 60 * 60);
    let token = place.service.token(&[Role::Support]).await;
    for text in ["Here you are.", "And this."] {
        let path = format!("/api/v1/submissions/{}/messages", ids[2]);
        let body = serde_json::json!({ "text": text });
        assert_eq!(place.service.json("POST", &path, Some(&token), &body).await.status(), 201);
    }
    let sue = {
        drop(sue);
        place.sign_in("sue", &secret).await
    };
    let page = sue.page("/staff").await;
    let waiting = row(&page, "id=\"open\"");
    assert!(
        waiting.contains("<td data-label=\"Waiting\">2</td>")
            && waiting.contains("<strong class=\"problem\">1</strong>"),
        "{page}"
    );
    let answers = row(&page, "id=\"answers\"");
    assert!(answers.contains(">4 days</td>") && answers.contains("<td data-label=\"Answered\">1</td>"), "{page}");
    // Whoever reads other forms sees nothing of it, and whoever reads none sees no chart.
    let (_, _, hugo) = place.take_up(&place.invite("hugo", &[Role::Hr]).await).await;
    let page = hugo.page("/staff").await;
    assert!(page.contains("0 in the last 28 days") && !page.contains("Ask our support team"), "{page}");
    let (_, _, ada) = place.take_up(&place.invite("ada", &[Role::Admin]).await).await;
    assert!(!ada.page("/staff").await.contains("<svg"));
    // Erased, it counts nowhere.
    let privacy = place.service.token(&[Role::Privacy]).await;
    let path = format!("/api/v1/submissions/{}", ids[0]);
    assert_eq!(place.service.send(place.service.request("DELETE", &path), Some(&privacy)).await.status(), 200);
    let page = sue.page("/staff").await;
    assert!(
        row(&page, "id=\"open\"").contains("<td data-label=\"Overdue\">0</td>")
            && page.contains("2 in the last 28 days"),
        "{page}"
    );
}
