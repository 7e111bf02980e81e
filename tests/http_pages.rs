//! The pages as a browser without JavaScript sees them.

mod support;

use letterlock::policy::Role;
use support::{Service, application, document, pdf};

fn hidden(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"_once\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn count(service: &Service) -> usize {
    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    list["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_pages_hang_together() {
    let service = Service::start().await;
    let index = service.get("/", None).await.text().await.unwrap();
    assert!(index.contains("href=\"/f/job-application\""));
    let page = service.get("/f/job-application?utm_source=advert", None).await;
    assert_eq!((page.status().as_u16(), &page.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    let page = page.text().await.unwrap();
    let style = page.split("href=\"/static/").nth(1).unwrap().split('"').next().unwrap();
    let style = service.get(&format!("/static/{style}"), None).await;
    assert_eq!(
        (style.status().as_u16(), &style.headers()["content-type"]),
        (200, &"text/css; charset=utf-8".parse().unwrap())
    );
    assert!(style.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(service.get("/static/letterlock.css?v=old", None).await.headers()["cache-control"], "no-cache");
    assert!(service.get("/robots.txt", None).await.text().await.unwrap().contains("Disallow: /"));
    assert_eq!(service.get("/favicon.svg", None).await.headers()["content-type"], "image/svg+xml");
    let missing = service.get("/f/nothing", None).await;
    assert_eq!(
        (missing.status().as_u16(), &missing.headers()["content-type"]),
        (404, &"text/html; charset=utf-8".parse().unwrap())
    );
}

#[tokio::test]
async fn an_application_is_sent_and_a_double_click_is_one_submission() {
    let service = Service::start().await;
    let page = service.get("/f/job-application", None).await.text().await.unwrap();
    let once = hidden(&page);
    assert_ne!(once, hidden(&service.get("/f/job-application", None).await.text().await.unwrap()));
    let mut receipts = Vec::new();
    for _ in 0..2 {
        // As a browser orders its parts: the hidden one first.
        let cv = reqwest::multipart::Part::bytes(pdf(2 << 20, 1)).file_name("cv.pdf");
        let form = reqwest::multipart::Form::new()
            .text("_once", once.clone())
            .text("name", "Jane Doe")
            .text("email", "jane@example.org")
            .text("phone", "")
            .text("vacancy", "")
            .text("letter", "Hello.\r\nJane")
            .part("cv", cv)
            .text("marketing", "true");
        let answer = service.request("POST", "/f/job-application").multipart(form).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        assert!(text.contains("Keep this code"));
        receipts.push(text.split("class=\"code big\">").nth(1).unwrap().split('<').next().unwrap().to_owned());
    }
    assert_eq!(receipts[0], receipts[1]);
    assert_eq!(count(&service).await, 1);
}

#[tokio::test]
async fn mistakes_come_back_with_what_was_typed() {
    let service = Service::start().await;
    let untouched = reqwest::multipart::Part::bytes(Vec::new()).file_name("");
    let form = reqwest::multipart::Form::new()
        .text("name", "<b>Jane</b>")
        .text("email", "not an address")
        .text("letter", "My letter")
        .text("talent-pool", "true")
        .part("cv", untouched);
    let answer = service.request("POST", "/f/job-application").multipart(form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("href=\"#field-email\"") && page.contains("href=\"#field-cv\""), "{page}");
    assert!(page.contains("My letter") && page.contains("&#60;b&#62;Jane") && !page.contains("<b>Jane"), "{page}");
    assert!(page.contains("value=\"not an address\"") && page.contains("Files have to be chosen again"));
    assert!(page.contains("id=\"consent-talent-pool\" name=\"talent-pool\" value=\"true\" checked"));
    assert!(!page.contains("name=\"marketing\" value=\"true\" checked"));
    assert_eq!(count(&service).await, 0);
}

#[tokio::test]
async fn a_form_without_files_may_be_urlencoded() {
    let service = Service::start().await;
    let fields =
        [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "Stuck"), ("message", "It is stuck.")];
    let answer = service.form("/f/support-request", &fields).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // From another site as well: a post here carries no authority.
    let request = service.form("/f/support-request", &fields).header("origin", "https://shop.example");
    let answer = request.header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(count(&service).await, 2);
    for (kind, body, status) in [
        ("application/json", "{}", 415),
        ("text/plain", "name=x", 415),
        ("application/x-www-form-urlencoded", "name=%ff", 422),
        ("multipart/form-data; boundary=B", "--B", 400),
    ] {
        let request = service.request("POST", "/f/support-request").header("content-type", kind).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{kind}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert!(answer.text().await.unwrap().contains("role=\"alert\""));
    }
    assert_eq!(service.form("/f/nothing", &fields).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn forms_filled_in_from_programs_may_prefix_names() {
    let service = Service::start().await;
    let form = application("jane@example.org", &pdf(2000, 1)).text("consents.marketing", "on");
    let answer = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    assert_eq!(answer.send().await.unwrap().status(), 201);
    let fields =
        [("fields.name", "Sam"), ("email", "sam@example.org"), ("subject-line", "Stuck"), ("message", "It is.")];
    assert_eq!(service.form("/f/support-request", &fields).send().await.unwrap().status(), 200);
}
