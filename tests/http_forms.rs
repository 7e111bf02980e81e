//! Every kind of field and of form over HTTPS: sent right, sent wrong, read back; and forms that change while the service runs.

mod support;

use std::fs;
use std::path::Path;

use letterlock::domain::form::FormSet;
use letterlock::policy::{Role, Safeguards};
use letterlock::services::forms::{self, Folder, Watcher};
use serde_json::{Value, json};
use support::{Service, document, free_limits, text};

const EVERY_KIND: &str = include_str!("support/targets/every_kind.toml");

async fn service() -> Service {
    let service =
        Service::with_forms(free_limits(), FormSet::with_files([("every_kind.toml", EVERY_KIND)]).unwrap()).await;
    declare(&service);
    service
}

/// The form keeps what it takes in a region of its own, which is read from here.
fn declare(service: &Service) {
    let mut safeguards = Safeguards::default();
    safeguards.declare("eu-west".parse().unwrap(), "uk".parse().unwrap(), "Adequacy decision".to_owned());
    service.app.set_safeguards(safeguards);
}

/// A submission of every kind, as JSON and as its pairs in a form post.
fn good() -> (Value, Vec<(&'static str, &'static str)>) {
    let fields = json!({
        "short": "Jane Doe", "long": "One.\nTwo.", "email": "jane@example.org", "phone": "020 7946 0958", "choice": "two",
        "box": true, "link": "https://Example.org", "number": 12.5, "date": "2024-02-29", "many": ["b", "a"], "mark": 2,
        "home": { "line1": "1 High St", "town": "Leeds", "country": "GB" }, "code": "AB12", "reason": "Slow.",
    });
    let pairs = vec![
        ("short", "Jane Doe"),
        ("long", "One.\r\nTwo."),
        ("email", "jane@example.org"),
        ("phone", "020 7946 0958"),
        ("choice", "two"),
        ("box", "true"),
        ("link", "https://Example.org"),
        ("number", "12.50"),
        ("date", "2024-02-29"),
        ("many", "b"),
        ("many", "a"),
        ("mark", "2"),
        ("home.line1", "1 High St"),
        ("home.line2", ""),
        ("home.town", "Leeds"),
        ("home.region", ""),
        ("home.postcode", ""),
        ("home.country", "GB"),
        ("code", "AB12"),
        ("reason", "Slow."),
    ];
    (fields, pairs)
}

const API: &str = "/api/v1/forms/every-kind/submissions";
const PAGE: &str = "/f/every-kind";

#[tokio::test]
async fn every_kind_goes_in_and_comes_out_the_same_by_each_way() {
    let service = service().await;
    let (fields, pairs) = good();
    let sent = service.json("POST", API, None, &json!({ "fields": fields })).await;
    let (status, body) = document(sent).await;
    assert_eq!(status, 201, "{body}");
    let multipart = pairs.iter().fold(reqwest::multipart::Form::new(), |form, (name, value)| form.text(*name, *value));
    let (status, body) = document(service.request("POST", API).multipart(multipart).send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(service.form(PAGE, &pairs).send().await.unwrap().status(), 200);

    let expected = json!({
        "short": "Jane Doe", "long": "One.\nTwo.", "email": "jane@example.org", "phone": "+442079460958", "choice": "two",
        "box": true, "link": "https://example.org/", "number": 12.5, "date": "2024-02-29", "many": ["a", "b"], "mark": 2,
        "home": { "line1": "1 High St", "town": "Leeds", "country": "GB" }, "code": "AB12", "reason": "Slow.",
    });
    let hr = service.token(&[Role::Hr]).await;
    let (_, list) =
        document(service.get("/api/v1/submissions?form=every-kind&purpose=recruitment", Some(&hr)).await).await;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    for item in items {
        assert_eq!(item["fields"], json!({ "short": "Jane Doe", "choice": "two" }));
        // The form's own region, not that of the installation.
        assert_eq!(item["region"], "eu-west");
        let path = format!("/api/v1/submissions/{}?purpose=recruitment", text(&item["id"]));
        let (status, shown) = document(service.get(&path, Some(&hr)).await).await;
        assert_eq!((status, &shown["fields"]), (200, &expected));
    }
}

#[tokio::test]
async fn each_kind_sent_wrong_is_told_with_its_field_and_code() {
    let service = service().await;
    for (name, value, code) in [
        ("phone", json!("7946 0958 extension 3"), "bad-phone"),
        ("link", json!("javascript:alert(1)"), "bad-url"),
        ("number", json!(12.345), "bad-number"),
        ("number", json!(101), "too-large"),
        ("number", json!(-3), "too-small"),
        ("date", json!("2023-02-29"), "bad-date"),
        ("date", json!("1999-12-31"), "too-early"),
        ("choice", json!("three"), "bad-choice"),
        ("many", json!(["a", "b", "c"]), "too-many"),
        ("many", json!(["z"]), "bad-choice"),
        ("mark", json!(6), "bad-rating"),
        ("home", json!("1 High St"), "wrong-type"),
        ("code", json!("12AB"), "wrong-pattern"),
        ("reason", json!(""), "required"),
        ("number", json!([1]), "wrong-type"),
        ("short", json!({ "a": "b" }), "wrong-type"),
    ] {
        let (mut fields, _) = good();
        fields[name] = value.clone();
        let (status, body) = document(service.json("POST", API, None, &json!({ "fields": fields })).await).await;
        assert_eq!(status, 422, "{name} = {value}: {body}");
        let problems = body["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{body}");
        assert_eq!((&problems[0]["field"], &problems[0]["code"]), (&json!(name), &json!(code)), "{value}");
    }
    let (mut fields, _) = good();
    fields["home"] = json!({ "line1": "1 High St" });
    let (status, body) = document(service.json("POST", API, None, &json!({ "fields": fields })).await).await;
    assert_eq!((status, &body["problems"][0]["field"]), (422, &json!("home.town")));
    let hr = service.token(&[Role::Hr]).await;
    let (_, list) = document(service.get("/api/v1/submissions?form=every-kind", Some(&hr)).await).await;
    assert_eq!(list["items"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn the_page_names_every_input_and_keeps_what_was_typed() {
    let service = service().await;
    let page = service.get(PAGE, None).await.text().await.unwrap();
    for part in [
        "<input type=\"tel\" id=\"field-phone\"",
        "<input type=\"url\" id=\"field-link\"",
        "<input type=\"date\" id=\"field-date\" name=\"date\" value=\"\" min=\"2000-01-01\" max=\"2029-12-31\"",
        "<legend><span>Many</span> <span class=\"optional\">(optional)</span></legend>",
        "<input type=\"checkbox\" id=\"field-many-2\" name=\"many\" value=\"b\"",
        "<input type=\"radio\" id=\"field-mark-5\" name=\"mark\" value=\"5\"",
        "<p class=\"help\" id=\"field-mark-scale\">1: bad · 5: good</p>",
        "aria-describedby=\"field-mark-scale\"",
        "<label for=\"field-home-town\">Town or city</label>",
        "name=\"home.town\" value=\"\" autocomplete=\"address-level2\"",
        "<option value=\"IE\" selected>Ireland</option>",
        "<p class=\"help when\" id=\"field-code-when\">Only if “Box” is ticked.</p>",
        "Only if your answer to “Mark” is 1 or 2.",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // The browser must not insist on what may not apply.
    let reason = page.split("<textarea id=\"field-reason\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(!reason.contains("required"), "{reason}");

    let (_, mut pairs) = good();
    pairs.retain(|(name, _)| !["home.town", "email"].contains(name));
    pairs.extend([("email", "jane"), ("home.town", "")]);
    let answer = service.form(PAGE, &pairs).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    for part in [
        "href=\"#field-email\"",
        "href=\"#field-home-town\"",
        "id=\"field-home-town-wrong\"",
        "aria-describedby=\"field-home-town-wrong\" aria-invalid=\"true\"",
        "name=\"home.line1\" value=\"1 High St\"",
        "<option value=\"GB\" selected>",
        "name=\"many\" value=\"a\" checked",
        "name=\"many\" value=\"b\" checked",
        "name=\"mark\" value=\"2\" checked",
        "name=\"choice\" value=\"two\" checked",
        "name=\"box\" value=\"true\" checked",
        "value=\"12.50\"",
        "value=\"2024-02-29\"",
        "value=\"020 7946 0958\"",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("name=\"many\" value=\"c\" checked"));
    assert!(!page.contains("name=\"home.town\" value=\"\" checked"));
}

#[tokio::test]
async fn what_is_not_asked_is_dropped() {
    let service = service().await;
    let (mut fields, _) = good();
    (fields["box"], fields["mark"]) = (json!(false), json!(5));
    fields["code"] = json!(["not", "looked", "at"]);
    let (status, body) = document(service.json("POST", API, None, &json!({ "fields": fields })).await).await;
    assert_eq!(status, 201, "{body}");
    let hr = service.token(&[Role::Hr]).await;
    let path = format!("/api/v1/submissions/{}?purpose=recruitment", text(&body["submission"]));
    let (_, shown) = document(service.get(&path, Some(&hr)).await).await;
    assert!(shown["fields"].get("code").is_none() && shown["fields"].get("reason").is_none(), "{shown}");
}

/// A page sends one part for each option, and there may be a hundred in each of several fields.
#[tokio::test]
async fn several_hundred_options_can_be_picked() {
    let options: Vec<String> = (0..100).map(|n| format!("{{ value = \"v{n}\", label = \"V {n}\" }}")).collect();
    let field = |n: usize| {
        let options = options.join(", ");
        format!("[[fields]]\nname = \"many{n}\"\nlabel = \"Many\"\nkind = \"choices\"\noptions = [{options}]\n")
    };
    let form = EVERY_KIND.replacen("[[files]]", &format!("{}{}[[files]]", field(1), field(2)), 1);
    let service =
        Service::with_forms(free_limits(), FormSet::with_files([("every.toml", form.as_str())]).unwrap()).await;
    let values: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
    let (_, mut pairs) = good();
    pairs.extend(["many1", "many2"].iter().flat_map(|name| values.iter().map(|value| (*name, value.as_str()))));
    let answer = service.form(PAGE, &pairs).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn the_same_key_means_the_same_answers_of_every_kind() {
    let service = service().await;
    let send = async |fields: &Value| {
        let request = service.request("POST", API).header("idempotency-key", "one").json(&json!({ "fields": fields }));
        document(request.send().await.unwrap()).await
    };
    let (fields, _) = good();
    let (status, first) = send(&fields).await;
    assert_eq!(status, 201, "{first}");
    let mut same = fields.clone();
    (same["number"], same["many"]) = (json!("12.50"), json!(["a", "b"]));
    assert_eq!(send(&same).await, (201, first));
    for (name, value) in [
        ("number", json!(12.51)),
        ("many", json!(["a"])),
        ("mark", json!(1)),
        ("home", json!({ "line1": "1 High St", "town": "Leeds", "country": "GG" })),
        ("home", json!({ "line1": "1 High St", "line2": "Leeds", "town": "Leeds", "country": "GB" })),
    ] {
        let mut other = fields.clone();
        other[name] = value;
        let (status, body) = send(&other).await;
        assert_eq!((status, &body["type"]), (422, &json!("urn:letterlock:problem:idempotency-key-reused")), "{name}");
    }
}

#[tokio::test]
async fn a_form_that_is_not_open_yet_takes_nothing() {
    let service = Service::start().await;
    for id in ["refer-a-friend", "newsletter"] {
        let page = service.request("GET", &format!("/f/{id}")).header("accept", "text/html").send().await.unwrap();
        assert_eq!(page.status(), 403);
        assert!(page.text().await.unwrap().contains("not available here"));
        let fields =
            [("name", "Sam"), ("email", "sam@example.org"), ("friend-email", "jo@example.org"), ("asked", "true")];
        let answer = service.form(&format!("/f/{id}"), &fields).header("accept", "text/html").send().await.unwrap();
        assert_eq!(answer.status(), 403);
        let body = json!({ "fields": { "name": "Sam", "email": "sam@example.org", "friend-email": "jo@example.org" } });
        let path = format!("/api/v1/forms/{id}/submissions");
        let (status, body) = document(service.json("POST", &path, None, &body).await).await;
        assert_eq!((status, &body["type"]), (403, &json!("urn:letterlock:problem:not-open")));
        let (_, form) = document(service.get(&format!("/api/v1/forms/{id}"), None).await).await;
        assert_eq!(form["open"], false);
    }
    let index = service.get("/", None).await.text().await.unwrap();
    assert!(!index.contains("/f/refer-a-friend") && !index.contains("/f/newsletter"));
    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn a_newsletter_is_sent_under_its_consent_only() {
    let service = Service::start().await;
    service.app.set_post(support::post_to_nowhere());
    let send = async |given: Value| {
        let body = json!({ "fields": { "email": "jane@example.org", "topics": ["events"] }, "consents": given });
        document(service.json("POST", "/api/v1/forms/newsletter/submissions", None, &body).await).await
    };
    for none in [json!({}), json!({ "newsletter": false })] {
        let (status, body) = send(none).await;
        assert_eq!((status, &body["problems"][0]["field"]), (422, &json!("newsletter")));
    }
    let (status, body) = send(json!({ "newsletter": true })).await;
    assert_eq!(status, 201, "{body}");
    let marketing = service.token(&[Role::Marketing]).await;
    let path = format!("/api/v1/submissions/{}?purpose=newsletter", text(&body["submission"]));
    let (_, shown) = document(service.get(&path, Some(&marketing)).await).await;
    assert_eq!((&shown["consent_wordings"]["newsletter"], &shown["notice"]), (&json!("2026-11"), &json!("2026-11")));
    let page = service.get("/f/newsletter", None).await.text().await.unwrap();
    assert!(page.contains("<strong>What we use it for.</strong>") && !page.contains("If you like"), "{page}");
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
    fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn forms_and_notices_change_while_the_service_runs() {
    let forms_folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = forms_folder.path();
    let notice = "+++\nversion = \"1\"\nreview_by = 2020-01-01\n+++\nOld words.\n";
    let form = EVERY_KIND.replace("[notice]\nversion = \"2026-11\"\ntext = \"We read it.\"\n", "");
    let form = form.replace("region = ", "notice = \"ours\"\nregion = ");
    write(folder, "notices/ours.md", notice);
    write(folder, "every.toml", &form);
    let place = Folder { path: Some(folder.to_owned()), ..Folder::default() };
    let service = Service::with_forms(free_limits(), forms::load(&place).unwrap()).await;
    declare(&service);
    let mut watcher = Watcher::new(place);
    assert_eq!(watcher.look(&service.app), None, "nothing has changed");
    let (fields, _) = good();
    let (status, sent) = document(service.json("POST", API, None, &json!({ "fields": fields })).await).await;
    assert_eq!(status, 201, "{sent}");
    let overdue = forms::health(&service.app).overdue;
    assert_eq!(overdue, ["the notice ours was to be reviewed by 2020-01-01"]);

    // A broken form keeps the old one, while the changed notice beside it arrives.
    write(folder, "every.toml", "id = \"every-kind\"\nversion = four\n");
    write(
        folder,
        "notices/ours.md",
        &notice.replace("\"1\"", "\"2\"").replace("Old", "**New**").replace("2020", "2999"),
    );
    let mistakes = watcher.look(&service.app).unwrap();
    assert_eq!((mistakes.len(), mistakes[0].line), (1, Some(2)), "{mistakes:?}");
    let health = forms::health(&service.app);
    assert!(health.broken[0].contains("every.toml, line 2: "), "{health:?}");
    assert_eq!((health.forms, health.overdue.len()), (12, 0));
    assert_eq!(service.get(PAGE, None).await.status(), 200);

    // Mended, with other fields than before and a new notice; the old submission still opens.
    let cut = form.split("[[fields]]\nname = \"link\"").next().unwrap();
    let smaller = cut.replace("version = 3", "version = 4").replace("label = \"Short\"", "label = \"Shorter\"");
    write(folder, "every.toml", &smaller);
    assert_eq!(watcher.look(&service.app), Some(Vec::new()));
    assert_eq!(watcher.look(&service.app), None);
    assert!(forms::health(&service.app).broken.is_empty());
    let page = service.get(PAGE, None).await.text().await.unwrap();
    assert!(page.contains("Shorter") && page.contains("<strong>New</strong> words.") && !page.contains("field-home"));
    let hr = service.token(&[Role::Hr]).await;
    let path = format!("/api/v1/submissions/{}?purpose=recruitment", text(&sent["submission"]));
    let (status, shown) = document(service.get(&path, Some(&hr)).await).await;
    assert_eq!((status, &shown["fields"]["home"]["town"], &shown["fields"]["mark"]), (200, &json!("Leeds"), &json!(2)));
    assert_eq!((&shown["form_version"], &shown["notice"]), (&json!(3), &json!("1")));
    let body = json!({ "fields": { "short": "Sam", "email": "sam@example.org" } });
    let (status, body) = document(service.json("POST", API, None, &body).await).await;
    assert_eq!(status, 201, "{body}");

    // Without its file the form is gone, and with it what came by it; back again, all is as before.
    fs::remove_file(folder.join("every.toml")).unwrap();
    assert_eq!(watcher.look(&service.app), Some(Vec::new()));
    assert_eq!(service.get(PAGE, None).await.status(), 404);
    assert_eq!(service.get(&path, Some(&hr)).await.status(), 404);
    write(folder, "every.toml", &smaller);
    assert_eq!(watcher.look(&service.app), Some(Vec::new()));
    assert_eq!(service.get(&path, Some(&hr)).await.status(), 200);
}

#[tokio::test]
async fn every_shipped_form_is_a_page_and_takes_its_least() {
    let service = Service::start().await;
    service.app.set_post(support::post_to_nowhere());
    let mut taken = 0;
    for form in FormSet::default()
        .iter()
        .filter(|form| form.id.as_str() != "refer-a-friend" && form.files.iter().all(|f| !f.required))
    {
        let page = service.get(&format!("/f/{}", form.id), None).await.text().await.unwrap();
        assert!(page.contains(&form.title) && page.len() < 50_000, "{}: {} bytes", form.id, page.len());
        // Only what is needed, as a sparing person fills it in.
        let mut fields = serde_json::Map::new();
        for field in form.fields.iter().filter(|field| field.required && field.shown_when.is_none()) {
            let value = match field.kind.as_str() {
                "email" => json!("jane@example.org"),
                "number" | "rating" => json!(3),
                "choices" => json!([field.kind.options()[0].value]),
                "choice" => json!(field.kind.options()[0].value),
                "yes-no" => json!(true),
                _ => json!("Some words"),
            };
            fields.insert(field.name.clone(), value);
        }
        let consents: serde_json::Map<_, _> = match form.id.as_str() {
            "newsletter" => [("newsletter".to_owned(), json!(true))].into_iter().collect(),
            _ => serde_json::Map::new(),
        };
        let path = format!("/api/v1/forms/{}/submissions", form.id);
        let body = json!({ "fields": fields, "consents": consents });
        let (status, body) = document(service.json("POST", &path, None, &body).await).await;
        assert_eq!(status, 201, "{}: {body}", form.id);
        taken += 1;
    }
    assert_eq!(taken, 9);
}
