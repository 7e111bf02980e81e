//! Tests of the pages.

use super::*;
use crate::domain::form::FormSet;

fn job() -> Arc<Form> {
    FormSet::default().get(&"job-application".parse().unwrap()).unwrap().clone()
}

const HIDDEN: Hidden<'_> =
    Hidden { once: "token", wait: None, trap: "fax", show_trap: false, next: None, framed: false };

async fn text(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn an_empty_form_has_labels_and_unticked_boxes() {
    let form = job();
    let (status, page) = text(super::form(&form, &Typed::default(), None, &HIDDEN)).await;
    assert_eq!(status, 200);
    for field in &form.fields {
        assert!(page.contains(&format!("<label for=\"field-{}\">", field.name)), "{}", field.name);
        assert!(page.contains(&format!("name=\"{}\"", field.name)), "{}", field.name);
    }
    assert!(page.contains("enctype=\"multipart/form-data\""));
    assert!(page.contains("type=\"file\" id=\"field-cv\" name=\"cv\" accept=\".pdf,.docx,.odt,.rtf,.txt\""));
    for consent in &form.consents {
        assert!(page.contains(&format!("<label for=\"consent-{}\">", consent.name)));
    }
    assert!(!page.contains(" checked"));
    assert!(!page.contains("role=\"alert\""));
    // What our own policy would block must not be there.
    assert_eq!(page.matches("<script").count(), page.matches("<script src=\"/static/embed.js?v=").count());
    for forbidden in [" style=", " onclick", "<style", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn what_was_typed_comes_back_escaped_beside_what_is_wrong() {
    let form = job();
    let evil = "\"><script>alert(1)</script>{{ 7*7 }}</textarea>";
    let mut typed = Typed::default();
    typed.text.insert("name".into(), vec![evil.into()]);
    typed.text.insert("letter".into(), vec![evil.into()]);
    typed.ticked.insert("marketing".into());
    let error = HttpError::invalid(vec![
        Problem { field: Some("email".into()), code: "required", message: "Please give your e-mail address.".into() },
        Problem { field: Some("cv".into()), code: "required", message: "Please attach your CV.".into() },
        Problem { field: Some("\"><b>".into()), code: "unknown-field", message: "<i>".into() },
    ]);
    let (status, page) = text(super::form(&form, &typed, Some(&error), &HIDDEN)).await;
    assert_eq!(status, 422);
    assert!(!page.contains("<script>") && !page.contains("<b>") && !page.contains("<i>"));
    assert!(page.contains("alert(1)") && page.contains("{{ 7*7 }}"));
    assert!(page.contains("role=\"alert\"") && page.contains("autofocus"));
    assert!(page.contains("href=\"#field-email\"") && page.contains("href=\"#field-cv\""));
    assert!(page.contains("aria-describedby=\"field-email-help field-email-problem\" aria-invalid=\"true\""));
    assert!(page.contains("Files have to be chosen again"));
    assert_eq!(page.matches(" checked").count(), 1);
}

#[tokio::test]
async fn the_receipt_says_to_keep_the_code() {
    let (status, page) = text(receipt(&job(), "ABCD-EFGH", "2026-11-23 at 17:08 UTC", None, false)).await;
    assert_eq!(status, 200);
    assert!(page.contains("ABCD-EFGH") && page.contains("Keep this code"));
}

#[tokio::test]
async fn an_error_page_shows_the_request() {
    let (status, page) = text(error(&HttpError::not_found(), "abc")).await;
    assert_eq!(status, 404);
    assert!(page.contains("Not found") && page.contains("abc"));
    let (_, page) = text(index(&[job()])).await;
    assert!(page.contains("href=\"/f/job-application\""));
}

#[tokio::test]
async fn a_message_says_the_label_once() {
    let form = job();
    let message = format!("{}: please enter an address.", form.field("email").unwrap().label);
    let error =
        HttpError::invalid(vec![Problem { field: Some("email".into()), code: "bad-email", message: message.clone() }]);
    let (_, page) = text(super::form(&form, &Typed::default(), Some(&error), &HIDDEN)).await;
    assert_eq!(page.matches(&message).count(), 1);
    assert!(page.contains(">Please enter an address.</p>"), "{page}");
}

#[tokio::test]
async fn the_field_that_people_do_not_see_is_out_of_their_way_until_it_was_filled_in() {
    let form = job();
    let (_, page) = text(super::form(&form, &Typed::default(), None, &HIDDEN)).await;
    let field = "id=\"extra\" name=\"fax\" autocomplete=\"off\" tabindex=\"-1\"";
    assert!(page.contains("<div class=\"extra\" aria-hidden=\"true\">") && page.contains(field), "{page}");
    let style = include_str!("../../../templates/letterlock.css");
    assert!(style.contains(".extra { display: none; }"));
    let shown = Hidden { show_trap: true, ..HIDDEN };
    let (_, page) = text(super::form(&form, &Typed::default(), Some(&HttpError::trapped()), &shown)).await;
    assert!(page.contains("id=\"extra\"") && !page.contains("aria-hidden") && !page.contains("class=\"extra\""));
}

#[tokio::test]
async fn only_a_page_with_something_for_it_to_do_has_a_script() {
    let mut form = (*job()).clone();
    let response = super::form(&form, &Typed::default(), None, &HIDDEN);
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], headers::CSP_SCRIPT, "an upload has progress");
    form.files.clear();
    let response = super::form(&form, &Typed::default(), None, &HIDDEN);
    assert!(!response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    assert!(!text(response).await.1.contains("<script"));
    form.proof_of_work = true;
    let waiting = Hidden { wait: Some("ticket"), ..HIDDEN };
    let response = super::form(&form, &Typed::default(), None, &waiting);
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], headers::CSP_SCRIPT);
    let (_, page) = text(response).await;
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"/static/embed.js?v=") && page.contains("name=\"_wait\" value=\"ticket\""));
    assert!(page.contains("data-challenge=\"/api/v1/forms/job-application/challenge\""));
}
