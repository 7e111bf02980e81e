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
    let (status, page) = text(super::form(&Speech::default(), &form, &Typed::default(), None, &HIDDEN)).await;
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
    let (status, page) = text(super::form(&Speech::default(), &form, &typed, Some(&error), &HIDDEN)).await;
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
    let received = Timestamp::from_millis(1_764_090_480_000);
    let (status, page) = text(receipt(&Speech::default(), &job(), "ABCD-EFGH", received, None, false, &[])).await;
    assert_eq!(status, 200);
    assert!(page.contains("ABCD-EFGH") && page.contains("Keep this code"));
}

#[tokio::test]
async fn an_error_page_shows_the_request() {
    let (status, page) = text(error(&Speech::default(), &HttpError::not_found(), "abc")).await;
    assert_eq!(status, 404);
    assert!(page.contains("Not found") && page.contains("abc"));
    let (_, page) = text(index(&Speech::default(), &[job()])).await;
    assert!(page.contains("href=\"/f/job-application\""));
}

#[tokio::test]
async fn a_message_says_the_label_once() {
    let form = job();
    let said = Said::new("problem.bad-email").about(&form.field("email").unwrap().label);
    let message = said.to_string();
    let error = HttpError::invalid(vec![Problem { field: Some("email".into()), code: "bad-email", message: said }]);
    let (_, page) = text(super::form(&Speech::default(), &form, &Typed::default(), Some(&error), &HIDDEN)).await;
    assert_eq!(page.matches(&message).count(), 1);
    assert!(page.contains(">Please enter an address like name@example.org.</p>"), "{page}");
}

#[tokio::test]
async fn the_field_that_people_do_not_see_is_out_of_their_way_until_it_was_filled_in() {
    let form = job();
    let (_, page) = text(super::form(&Speech::default(), &form, &Typed::default(), None, &HIDDEN)).await;
    let field = "id=\"extra\" name=\"fax\" autocomplete=\"off\" tabindex=\"-1\"";
    assert!(page.contains("<div class=\"extra\" aria-hidden=\"true\">") && page.contains(field), "{page}");
    let style = include_str!("../../../templates/letterlock.css");
    assert!(style.contains(".extra { display: none; }"));
    let shown = Hidden { show_trap: true, ..HIDDEN };
    let (_, page) =
        text(super::form(&Speech::default(), &form, &Typed::default(), Some(&HttpError::trapped()), &shown)).await;
    assert!(page.contains("id=\"extra\"") && !page.contains("aria-hidden") && !page.contains("class=\"extra\""));
}

#[tokio::test]
async fn only_a_page_with_something_for_it_to_do_has_a_script() {
    let mut form = (*job()).clone();
    let response = super::form(&Speech::default(), &form, &Typed::default(), None, &HIDDEN);
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], headers::CSP_SCRIPT, "an upload has progress");
    form.files.clear();
    let response = super::form(&Speech::default(), &form, &Typed::default(), None, &HIDDEN);
    assert!(!response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    assert!(!text(response).await.1.contains("<script"));
    form.proof_of_work = true;
    let waiting = Hidden { wait: Some("ticket"), ..HIDDEN };
    let response = super::form(&Speech::default(), &form, &Typed::default(), None, &waiting);
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], headers::CSP_SCRIPT);
    let (_, page) = text(response).await;
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"/static/embed.js?v=") && page.contains("name=\"_wait\" value=\"ticket\""));
    assert!(page.contains("data-challenge=\"/api/v1/forms/job-application/challenge\""));
}

#[tokio::test]
async fn a_page_is_in_one_language_and_carries_a_choice_on() {
    let headers = axum::http::HeaderMap::new();
    let uri = "/f/job-application?lang=de".parse().unwrap();
    let languages = crate::domain::language::Languages::shipped();
    let speech = Speech::choose(languages, &Arc::default(), &axum::http::Method::GET, &uri, &headers, true);
    let error = HttpError::invalid(vec![
        Problem::in_field("email", "required", Said::new("problem.fill-in").about("E-mail")),
        Problem::in_field("cv", "odd", "An English sentence of its own."),
    ]);
    let response = super::form(&speech, &job(), &Typed::default(), Some(&error), &HIDDEN);
    assert_eq!(response.headers()["content-language"], "de");
    assert_eq!(response.headers()["vary"], "accept-language");
    let (_, page) = text(response).await;
    assert!(page.contains("<html lang=\"de\">") && page.contains("action=\"/f/job-application?lang=de\""), "{page}");
    assert!(page.contains("Bitte füllen Sie dies aus.") && page.contains("(freiwillig)"), "{page}");
    assert!(!page.contains("of its own") && page.contains("Bitte sehen Sie sich das noch einmal an."), "{page}");
    assert!(page.contains("href=\"/f/job-application?lang=fr\" lang=\"fr\""), "{page}");
}

/// Words in a template that would be English in every language.
fn words_outside(template: &str) -> Vec<String> {
    let code = regex::Regex::new(r"(?s)\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}").unwrap();
    let template = code.replace_all(template, "");
    // What stands in these attributes is read out or shown.
    let shown =
        regex::Regex::new(r#"(?:title|alt|placeholder|content|aria-label|data-text-[a-z]+)="([^"]*)""#).unwrap();
    let attributes: Vec<String> = shown.captures_iter(&template).map(|found| found[1].to_owned()).collect();
    let text = regex::Regex::new(r"(?s)<[^>]*>").unwrap().replace_all(&template, " ").into_owned();
    let known = ["Letterlock", "Letterlock ·", "width=device-width, initial-scale=1", "light dark", "noindex"];
    // A block may hold attributes of the element around it.
    let text = regex::Regex::new(r#"[a-z-]+="[^"]*""#).unwrap().replace_all(&text, "").into_owned();
    let all = attributes.into_iter().chain(text.split('\n').map(str::to_owned));
    let all = all.map(|words| words.trim().to_owned());
    all.filter(|words| words.chars().any(char::is_alphabetic) && !known.contains(&words.as_str())).collect()
}

#[test]
fn no_template_of_a_page_holds_words_of_its_own() {
    fn each(folder: &std::path::Path, seen: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Mails have languages of their own; the console speaks English to those who work with it.
            let elsewhere = ["mail", "staff"].iter().any(|folder| path.ends_with(folder));
            if path.is_dir() && !elsewhere {
                each(&path, seen);
            } else if path.extension().is_some_and(|end| end == "html") {
                *seen += 1;
                assert_eq!(
                    words_outside(&std::fs::read_to_string(&path).unwrap()),
                    [] as [&str; 0],
                    "{}",
                    path.display()
                );
            }
        }
    }
    let mut seen = 0;
    each(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut seen);
    assert!(seen >= 12);
    for bad in ["<p>Hello</p>", "<p>{{ x }} or {{ y }}</p>", "<a title=\"Go\">{{ x }}</a>", "{% if a %}Yes{% endif %}"]
    {
        assert_eq!(words_outside(bad).len(), 1, "{bad}");
    }
}
