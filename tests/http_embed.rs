//! Forms on other sites: which answers their scripts may read, where a post leads on to, who may frame a form.

mod support;

use std::sync::Arc;

use letterlock::adapters::mail::{Carrier, Carrying, Outgoing};
use letterlock::domain::form::FormSet;
use letterlock::http::{Limits, routes};
use letterlock::policy::Role;
use letterlock::services::post::Post;
use reqwest::Response;
use ring::digest;
use support::{Service, document, free_limits, support, text};

const SITE: &str = "https://www.example.org";
const HELP: &str = "/api/v1/forms/support-request";
/// What a page on that site sends.
const FIELDS: [(&str, &str); 4] =
    [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "Stuck"), ("message", "It is stuck.")];

/// The shipped forms, with `lines` in the support request, and another site for the general enquiry.
fn forms(lines: &str) -> FormSet {
    let own = |shipped: &str, lines: &str| shipped.replacen("version = ", &format!("{lines}\nversion = "), 1);
    let help = own(include_str!("../forms/support-request.toml"), lines);
    let other = own(include_str!("../forms/general-enquiry.toml"), "origins = [\"https://other.example\"]");
    FormSet::with_files([("help.toml", help.as_str()), ("other.toml", other.as_str())]).unwrap()
}

async fn with(lines: &str) -> Service {
    Service::with_forms(free_limits(), forms(lines)).await
}

fn open_to(answer: &Response) -> Option<&str> {
    answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Whether an answer that is kept anywhere is kept for its origin only.
fn varies(answer: &Response) -> bool {
    answer.headers().get_all("vary").iter().any(|value| value.to_str().unwrap().contains("Origin"))
}

/// Asks as a browser does before it sends.
async fn preflight(service: &Service, path: &str, origin: &str) -> Response {
    let request = service.request("OPTIONS", path).header("origin", origin);
    let headers = "content-type,idempotency-key";
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", headers).send().await.unwrap()
}

#[tokio::test]
async fn a_script_of_the_forms_own_site_reads_its_answers() {
    let service = with(&format!("proof_of_work = true\norigins = [\"https://first.example\", \"{SITE}\"]")).await;
    let asked = preflight(&service, &format!("{HELP}/submissions"), SITE).await;
    assert_eq!((asked.status().as_u16(), open_to(&asked)), (204, Some(SITE)));
    assert_eq!(header(&asked, "access-control-allow-methods"), "POST");
    assert_eq!(header(&asked, "access-control-allow-headers"), "content-type, idempotency-key");
    assert!(varies(&asked));
    let send = service.request("POST", &format!("{HELP}/submissions")).json(&support("sam@example.org"));
    for (request, status) in [
        (service.request("GET", HELP), 200),
        (service.request("GET", &format!("{HELP}/challenge")), 200),
        // Refusals too, or a script could not say what is wrong.
        (send, 422),
        (service.request("POST", &format!("{HELP}/submissions")), 415),
        (service.request("PUT", &format!("{HELP}/submissions")), 405),
        (service.request("GET", &format!("{HELP}?x=1")), 422),
    ] {
        let answer = request.header("origin", SITE).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), open_to(&answer)), (status, Some(SITE)), "{}", answer.url());
        assert!(varies(&answer) && !header(&answer, "access-control-expose-headers").is_empty());
        assert!(!answer.headers().contains_key("access-control-allow-credentials"), "no credentials, ever");
    }
    // The same answer stored anywhere never serves for another origin.
    let plain = service.get(HELP, None).await;
    assert!(open_to(&plain).is_none() && varies(&plain));
}

#[tokio::test]
async fn a_limit_that_is_reached_is_told_to_the_script() {
    let limits = Limits { per_address_per_minute: 1, ..free_limits() };
    let service = Service::with_forms(limits, forms(&format!("origins = [\"{SITE}\"]"))).await;
    let ask = async || service.request("GET", HELP).header("origin", SITE).send().await.unwrap();
    assert_eq!(ask().await.status(), 200);
    let refused = ask().await;
    assert_eq!((refused.status().as_u16(), open_to(&refused)), (429, Some(SITE)));
}

#[tokio::test]
async fn no_other_origin_reads_anything() {
    let service = with(&format!("origins = [\"{SITE}\"]")).await;
    for origin in [
        "null",
        "https://other.example",
        "https://www.example.org.evil.com",
        "https://evil-www.example.org",
        "https://www.example.organ",
        "https://example.org",
        "http://www.example.org",
        "https://www.example.org:443",
        "https://www.example.org:8443",
        "https://WWW.EXAMPLE.ORG",
        "HTTPS://www.example.org",
        "https://www.example.org/",
        "https://www.example.org, https://www.example.org",
        "https://www.example.org@evil.com",
        "*",
    ] {
        let asked = preflight(&service, &format!("{HELP}/submissions"), origin).await;
        assert_eq!((asked.status().as_u16(), open_to(&asked)), (405, None), "{origin}");
        assert!(!asked.headers().contains_key("access-control-allow-methods"), "{origin}");
        let answer = service.request("GET", HELP).header("origin", origin).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), open_to(&answer)), (200, None), "{origin}");
    }
    let twice = service.request("GET", HELP).header("origin", SITE).header("origin", SITE).send().await.unwrap();
    assert_eq!(open_to(&twice), None, "two origins are none");
    // Each form has its own list.
    let other = |origin| service.request("GET", "/api/v1/forms/general-enquiry").header("origin", origin).send();
    assert_eq!(open_to(&other(SITE).await.unwrap()), None);
    assert_eq!(open_to(&other("https://other.example").await.unwrap()), Some("https://other.example"));
    for unlisted in ["/api/v1/forms/survey", "/api/v1/forms/nothing"] {
        let answer = service.request("GET", unlisted).header("origin", SITE).send().await.unwrap();
        assert_eq!(open_to(&answer), None, "{unlisted}");
    }
}

#[tokio::test]
async fn staff_and_people_have_nothing_for_scripts_of_other_sites() {
    let service = with(&format!("origins = [\"{SITE}\"]")).await;
    let token = service.token(&[Role::Privacy]).await;
    let readable = ["showForm", "challenge", "submit", "embedScript", "embedScriptVersion"];
    for route in routes() {
        let path = route.path.replace("{form}", "support-request").replace("{id}", &"a".repeat(26));
        let path = path.replace("{n}", "0").replace("{name}", "x").replace("{token}", "x");
        let asked = preflight(&service, &path, SITE).await;
        let answer = service.request(route.method, &path).header("origin", SITE).bearer_auth(&token);
        let answer = answer.send().await.unwrap();
        let opened = [open_to(&asked), open_to(&answer)].iter().any(Option::is_some);
        assert_eq!(opened, readable.contains(&route.operation), "{} {path}", route.method);
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn a_post_is_led_on_by_a_button_beside_the_receipt() {
    let service = with(&format!("return_to = [\"{SITE}/thanks\", \"{SITE}/done/\"]")).await;
    for next in [format!("{SITE}/thanks"), format!("{SITE}/done/a?b=c")] {
        let fields = [&FIELDS[..], &[("_next", next.as_str())]].concat();
        let answer = service.form("/f/support-request", &fields).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (200, ""));
        let page = answer.text().await.unwrap();
        let link = format!("<a class=\"button\" href=\"{next}\" rel=\"noreferrer\">Continue to www.example.org</a>");
        assert!(page.contains("Keep this code") && page.contains(&link), "{page}");
    }
    // A mistake comes on our page, which asks again for the same.
    let next = format!("{SITE}/thanks");
    let answer = service.form("/f/support-request", &[("_next", &next), ("name", "Sam")]).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains(&format!("<input type=\"hidden\" name=\"_next\" value=\"{next}\">")), "{page}");
}

#[tokio::test]
async fn nobody_is_led_on_to_where_the_form_does_not_allow() {
    let service = with(&format!("return_to = [\"{SITE}/done/\"]")).await;
    for next in [
        "https://www.example.org.evil.com/done/",
        "https://evil.com/",
        "//evil.com/",
        "\\\\evil.com/",
        "/\\evil.com",
        "https://www.example.org@evil.com/done/",
        "https://www.example.org/done/../admin",
        "https://www.example.org/done/%2e%2e/admin",
        "https://www.example.org:8443/done/",
        "http://www.example.org/done/",
        "HTTPS://WWW.EXAMPLE.ORG/done/",
        "javascript:alert(1)",
        "https://www.example.org/done/\r\nX: y",
        "https://www.example.org/done/\"><script>",
    ] {
        // The person is not to suffer for it: what they sent is taken, and the receipt shown.
        let fields = [&FIELDS[..], &[("_next", next)]].concat();
        let answer = service.form("/f/support-request", &fields).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (200, ""), "{next}");
        let page = answer.text().await.unwrap();
        assert!(page.contains("Keep this code") && !page.contains("Continue to"), "{next}: {page}");
        assert!(!page.contains("evil") && !page.contains("alert"), "{next}: {page}");
        let answer = service.form("/f/support-request", &[("_next", next)]).send().await.unwrap();
        assert!(!answer.text().await.unwrap().contains("name=\"_next\""), "{next}");
    }
    // Programs on the API are not led anywhere: there it is a field that the form does not have.
    let form = reqwest::multipart::Form::new().text("_next", format!("{SITE}/done/"));
    let answer = service.request("POST", &format!("{HELP}/submissions")).multipart(form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
}

/// A mail server that never answers: what is put into the outbox stays there.
struct Silent;

impl Carrier for Silent {
    fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_receipt_is_passed_over_only_where_a_mail_confirms_the_submission() {
    let lines = format!("thanks = \"{SITE}/thanks\"\nreturn_at_once = true\norigins = [\"{SITE}\"]");
    let service = with(&lines).await;
    let send = async |path: &str, fields: &[(&str, &str)]| service.form(path, fields).send().await.unwrap();
    let message = |text: &'static str| [&FIELDS[..3], &[("message", text)]].concat();
    // Without a mail server nothing would tell the person.
    let answer = send("/f/support-request", &message("One.")).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Keep this code"));
    service.app.set_post(Post::new(Arc::new(Silent), None, "https://vault.example.org", "Example").unwrap());
    let answer = send("/f/support-request", &message("Two.")).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "https://www.example.org/thanks"));
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert_eq!(answer.text().await.unwrap(), "", "nothing beside the address");
    // The same again brings no second mail, so it shows the receipt; so does our own page, and a frame.
    assert_eq!(send("/f/support-request", &message("Two.")).await.status(), 200);
    let page = service.get("/f/support-request", None).await.text().await.unwrap();
    let once = page.split("name=\"_once\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let own = [&[("_once", once)], &message("Three.")[..]].concat();
    assert_eq!(send("/f/support-request", &own).await.status(), 200);
    assert_eq!(send("/embed/support-request", &message("Four.")).await.status(), 200);
    // And so does whoever has had as many mails as one address gets in an hour.
    for (text, status) in [("Five.", 303), ("Six.", 303), ("Seven.", 200)] {
        assert_eq!(send("/f/support-request", &message(text)).await.status(), status, "{text}");
    }
}

#[tokio::test]
async fn only_the_sites_that_a_form_names_may_frame_it() {
    let service = with(&format!("origins = [\"{SITE}\", \"https://shop.example:8443\"]")).await;
    let wrong = [("name", "Sam")];
    for (request, status) in [
        (service.request("GET", "/embed/support-request?utm=x"), 200),
        (service.form("/embed/support-request", &FIELDS), 200),
        (service.form("/embed/support-request", &wrong), 422),
        (service.request("POST", "/embed/support-request").body("x"), 415),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let policy = header(&answer, "content-security-policy").to_owned();
        let ancestors = "frame-ancestors https://www.example.org https://shop.example:8443;";
        assert!(policy.contains(ancestors) && !policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert!(!answer.headers().contains_key("x-frame-options") && !answer.headers().contains_key("set-cookie"));
        let page = answer.text().await.unwrap();
        assert!(page.contains("data-frame=\"https://www.example.org https://shop.example:8443\""), "{page}");
        assert!(!page.contains("<footer>") && !page.contains("action=\"/f/"), "{page}");
    }
    // The page itself, and everything else, is framed by nobody.
    for path in ["/f/support-request", "/", "/my", "/embed/job-application", "/embed/nothing", HELP] {
        let answer = service.get(path, None).await;
        assert!(header(&answer, "content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header(&answer, "x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.status().as_u16(), if path.starts_with("/embed/") { 404 } else { 200 }, "{path}");
    }
    let answer = service.form("/embed/job-application", &FIELDS).send().await.unwrap();
    assert_eq!(answer.status(), 404, "a form that names no site takes nothing by a frame");
}

#[tokio::test]
async fn any_site_may_load_the_script_and_check_it() {
    let service = with("").await;
    let (_, form) = document(service.get(HELP, None).await).await;
    let script = text(&form["embed"]["script"]);
    assert!(form["embed"]["frame"].is_null());
    for (path, caching) in [
        (script.as_str(), "public, max-age=31536000, immutable"),
        ("/static/embed.js?v=old", "no-cache"),
        ("/embed.js", "public, max-age=300"),
    ] {
        let answer = service.request("GET", path).header("origin", "https://any.example").send().await.unwrap();
        assert_eq!(header(&answer, "cache-control"), caching);
        assert_eq!((open_to(&answer), header(&answer, "cross-origin-resource-policy")), (Some("*"), "cross-origin"));
        assert_eq!(header(&answer, "content-type"), "text/javascript; charset=utf-8");
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
        let hash = digest::digest(&digest::SHA384, &bytes);
        let hash = format!("sha384-{}", data_encoding::BASE64.encode(hash.as_ref()));
        assert_eq!(text(&form["embed"]["integrity"]), hash);
    }
}

/// The script on another site has no words of its own: it gets them in the language that it asks for.
#[tokio::test]
async fn the_words_of_the_script_are_said_in_the_language_of_the_page_around() {
    let service = with("").await;
    for (accept, received, copied) in [
        ("de,en-US,en", "Ihre Nachricht ist angekommen", "Kopiert"),
        ("fr-CH,en", "Votre envoi est arrivé", "Copié"),
        ("en,de", "We have received it", "Copied"),
        ("nl", "We have received it", "Copied"),
    ] {
        let answer = service.request("GET", HELP).header("accept-language", accept).send().await.unwrap();
        let words = document(answer).await.1["embed"]["words"].take();
        assert_eq!((text(&words["received"]), text(&words["copied"])), (received.to_owned(), copied.to_owned()));
        assert_eq!(words.as_object().unwrap().len(), 13);
    }
}
