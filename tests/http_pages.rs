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
    let fields =
        [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "Stuck"), ("message", "Still stuck.")];
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

/// The tags of a page: name and attributes, as a browser takes them apart.
fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let lower = page.to_lowercase();
    let mut tags = Vec::new();
    for rest in lower.split('<').skip(1) {
        let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !"/>".contains(*c)).collect();
        let (mut attributes, mut rest) = (Vec::new(), rest[name.len()..].trim_start_matches(['/', ' ', '\n']));
        while !rest.is_empty() && !rest.starts_with('>') {
            let key: String = rest.chars().take_while(|c| !c.is_whitespace() && !"=/>".contains(*c)).collect();
            rest = rest[key.len()..].trim_start();
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=').map(str::trim_start) {
                (value, rest) = match after.chars().next() {
                    Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                    _ => after.split_at(after.find([' ', '>', '\n']).unwrap_or(after.len())),
                };
            }
            attributes.push((key, value.to_owned()));
            rest = rest.trim_start_matches(['/', ' ', '\n']);
        }
        tags.push((name, attributes));
    }
    tags
}

/// What could load or run something in a page, or lead a form elsewhere, in sentences.
fn foreign(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, attributes) in tags(page) {
        // Our own script, from its own file.
        if name == "script" && attributes.iter().any(|(key, value)| key == "src" && value.starts_with("/static/")) {
            continue;
        }
        if ["script", "iframe", "object", "embed", "base", "svg", "math", "style", "template"].contains(&name.as_str())
        {
            found.push(format!("<{name}>"));
        }
        for (key, value) in attributes {
            let leads = ["src", "href", "action", "formaction", "srcset", "data", "xlink:href"].contains(&key.as_str());
            let here = value.starts_with('#') || value.starts_with('/') && !value.starts_with("//");
            if leads && !here || key.starts_with("on") || key == "style" || key == "http-equiv" || key == "srcdoc" {
                found.push(format!("<{name} {key}={value:?}>"));
            }
        }
    }
    found
}

/// The sources that a content policy allows and that are not this origin, or nothing at all.
fn allowed_elsewhere(policy: &str) -> Vec<String> {
    let directives = policy.split(';').map(|d| d.split_whitespace().collect::<Vec<_>>());
    let sources = directives.flat_map(|d| d.into_iter().skip(1).map(str::to_owned).collect::<Vec<_>>());
    sources.filter(|source| source != "'none'" && source != "'self'").collect()
}

#[tokio::test]
async fn no_answer_lets_anything_in_from_elsewhere() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let routes = letterlock::http::routes().iter().filter(|route| route.method == "GET");
    let mut paths: Vec<String> =
        routes.map(|r| r.path.replace("{form}", "job-application").replace("{id}", &id).replace("{n}", "0")).collect();
    paths.extend(["/nowhere".into(), "/f/nothing".into(), "/f/job-application/more".into()]);
    paths.push(format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"));
    let mut answers = Vec::new();
    for path in &paths {
        answers.push(service.send(service.request("GET", path).header("accept", "text/html"), Some(&hr)).await);
    }
    let fields = [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "x"), ("message", "y")];
    answers.push(service.form("/f/support-request", &fields).send().await.unwrap());
    answers.push(service.form("/f/support-request", &fields[..1]).send().await.unwrap());
    answers.push(service.request("PUT", "/f/support-request").send().await.unwrap());
    let mut pages = 0;
    for answer in answers {
        let url = answer.url().path().to_owned();
        let headers = answer.headers();
        assert_eq!(headers.get_all("content-security-policy").iter().count(), 1, "{url}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert_eq!(allowed_elsewhere(policy), Vec::<String>::new(), "{url}");
        for must in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(must), "{url}: {policy}");
        }
        let scripts = policy.contains("script-src");
        // Only the page of a form with files and that of signing in have a script, and that is our own.
        let may = ["/f/job-application", "/staff/sign-in"].contains(&url.as_str());
        assert!(!scripts || may && policy.contains("script-src 'self';"), "{url}: {policy}");
        assert!(!headers.contains_key("set-cookie") && headers["x-content-type-options"] == "nosniff", "{url}");
        if headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html")) {
            pages += 1;
            let page = answer.text().await.unwrap();
            assert_eq!(foreign(&page), Vec::<String>::new(), "{url}: {page}");
        }
    }
    assert!(pages >= 7, "{pages} pages");
    // Both checks bite.
    assert_eq!(allowed_elsewhere("default-src 'self' https://cdn.example 'unsafe-inline' *; img-src data:").len(), 4);
    for bad in [
        "<p><script>x</script>",
        "<a href=\"https://evil.example\">",
        "<img src=//evil.example/x>",
        "<p onclick=\"x\">",
        "<form action=\"javascript:x\">",
        "<textarea>a</textarea><svg/onload=alert(1)>",
        "<input value='' autofocus onfocus='x'>",
    ] {
        assert_eq!(foreign(bad).len(), 1 + usize::from(bad.contains("svg")), "{bad}");
    }
    assert_eq!(foreign("<input value=\"&#34;&#62;&#60;img src=x onerror=x\" required><a href='/f'>"), ["never"; 0]);
}

#[tokio::test]
async fn what_a_stranger_typed_runs_nowhere_that_it_is_shown() {
    let service = Service::start().await;
    let privacy = service.token(&[Role::Privacy]).await;
    let payloads = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</textarea><svg/onload=alert(1)>",
        "{{777*777}}{% include \"/etc/passwd\" %}${777*777}<%= 777*777 %>",
        "javascript:alert(1)",
        "cv.exe<iframe srcdoc=x>",
    ];
    // Each payload comes back nowhere as it was typed: its dangerous characters are gone or escaped.
    let raw = |page: &str, payload: &str| payload.contains(['<', '"', '\'']) && page.contains(payload);
    for payload in payloads {
        // In a field, in a choice, as the hidden value, as a consent.
        let fields = [
            ("_once", payload),
            ("name", payload),
            ("email", payload),
            ("vacancy", payload),
            ("letter", payload),
            ("marketing", payload),
        ];
        let form =
            fields.iter().fold(reqwest::multipart::Form::new(), |f, (n, v)| f.text((*n).to_owned(), (*v).to_owned()));
        let cv = reqwest::multipart::Part::bytes(b"<html>".to_vec()).file_name(payload);
        let answer = service.request("POST", "/f/job-application").multipart(form.part("cv", cv)).send().await.unwrap();
        assert_eq!(answer.status(), 422, "{payload}");
        let page = answer.text().await.unwrap();
        assert!(!raw(&page, payload) && foreign(&page).is_empty(), "{payload} in {page}");
        assert!(!page.contains("603729"), "a template ran: {page}");
        // As a name.
        for (path, wanted) in [("/f/support-request", "html"), ("/api/v1/forms/support-request/submissions", "json")] {
            let form = reqwest::multipart::Form::new().text(payload, payload);
            let answer = service.request("POST", path).multipart(form).send().await.unwrap();
            assert!([400, 422].contains(&answer.status().as_u16()), "{payload}");
            assert!(answer.headers()["content-type"].to_str().unwrap().contains(wanted));
            let page = answer.text().await.unwrap();
            assert!(wanted == "json" || !raw(&page, payload) && foreign(&page).is_empty(), "{payload} in {page}");
        }
        // In the address.
        for path in [format!("/f/{}", percent(payload)), format!("/{}?x={}", percent(payload), percent(payload))] {
            let request = service.request("GET", &path).header("accept", "text/html").header("referer", payload);
            let page = request.send().await.unwrap().text().await.unwrap();
            assert!(!raw(&page, payload) && foreign(&page).is_empty(), "{payload} in {page}");
        }
        // Accepted, and read back by staff: as data, never as a page.
        let cv = reqwest::multipart::Part::bytes(pdf(2000, 1)).file_name(payload);
        let form = reqwest::multipart::Form::new()
            .text("name", payload)
            .text("email", "jane@example.org")
            .text("letter", payload)
            .part("cv", cv);
        let path = "/api/v1/forms/job-application/submissions";
        let (status, body) = document(service.request("POST", path).multipart(form).send().await.unwrap()).await;
        assert_eq!(status, 201, "{payload} {body}");
        let id = support::text(&body["submission"]);
        for tail in ["?purpose=subject-request", "/files/0?purpose=subject-request"] {
            let answer = service.get(&format!("/api/v1/submissions/{id}{tail}"), Some(&privacy)).await;
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert!(kind == "application/json" || kind == "application/pdf", "{kind}");
            if kind == "application/pdf" {
                let disposition = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
                assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
                assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
                assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox;"));
            }
        }
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect()
}

#[tokio::test]
async fn the_clients_word_about_a_file_or_a_body_is_not_taken() {
    let service = Service::start().await;
    let privacy = service.token(&[Role::Privacy]).await;
    let path = "/api/v1/forms/job-application/submissions";
    let send = async |bytes: Vec<u8>, name: &'static str, kind: &'static str| {
        let cv = reqwest::multipart::Part::bytes(bytes).file_name(name).mime_str(kind).unwrap();
        let form = reqwest::multipart::Form::new()
            .text("name", "Jane")
            .text("email", "jane@example.org")
            .text("letter", "x")
            .part("cv", cv);
        document(service.request("POST", path).multipart(form).send().await.unwrap()).await
    };
    // Called a PDF, or called encrypted, and neither.
    for (bytes, name, kind) in [
        (b"MZ\x90\0 a program".to_vec(), "cv.pdf", "application/pdf"),
        (b"<html><script>x</script>".to_vec(), "cv.pdf", "application/pdf"),
        (vec![0x95; 4000], "cv.pdf.age", "application/age-encrypted"),
        (vec![0xa5; 4000], "cv.gpg", "application/pgp-encrypted"),
    ] {
        let (status, body) = send(bytes, name, kind).await;
        assert_eq!(
            (status, support::problems(&body)),
            (422, vec![("cv".into(), "wrong-file-type".into())]),
            "{name} {body}"
        );
    }
    // Called something else, and a PDF: it goes out as what it is.
    let (status, body) = send(pdf(2000, 1), "cv.html", "text/html").await;
    assert_eq!(status, 201, "{body}");
    let id = support::text(&body["submission"]);
    let answer =
        service.get(&format!("/api/v1/submissions/{id}/files/0?purpose=subject-request"), Some(&privacy)).await;
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(".pdf\""));
    // A member or a header that says "this is encrypted already" is none that we know, and sealing goes on.
    let mut said = support::support("sam@example.org");
    said["encrypted"] = serde_json::json!(true);
    let help = "/api/v1/forms/support-request/submissions";
    assert_eq!(service.json("POST", help, None, &said).await.status(), 422);
    let body = support::support("plain-canary@example.org");
    let answer = service.request("POST", help).header("x-encrypted", "true").header("content-encoding", "aes256gcm");
    let status = answer.json(&body).send().await.unwrap().status();
    assert!(status == 201 || status == 415, "{status}");
    fn files(at: &std::path::Path, hit: &mut usize) {
        for entry in std::fs::read_dir(at).unwrap().flatten() {
            if entry.path().is_dir() {
                files(&entry.path(), hit);
            } else if let Ok(bytes) = std::fs::read(entry.path()) {
                *hit += usize::from(bytes.windows(12).any(|w| w == b"plain-canary"));
            }
        }
    }
    let mut hits = 0;
    files(service.dir.path(), &mut hits);
    assert_eq!(hits, 0, "stored as it came");
    std::fs::write(service.dir.path().join("leak"), "plain-canary@example.org").unwrap();
    files(service.dir.path(), &mut hits);
    assert_eq!(hits, 1, "the search would find it");
}
