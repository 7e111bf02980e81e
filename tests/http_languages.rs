//! Pages and errors in the language of whoever reads them.

mod support;

use letterlock::domain::form::FormSet;
use letterlock::domain::language::{Lang, Languages};
use letterlock::services::App;
use support::{Service, support};

fn lang(tag: &str) -> Lang {
    tag.parse().unwrap()
}

/// A language in which every message is put between marks, placeholders and all: what stands outside of them on a page was
/// not a message.
fn marked() -> (Lang, String, String) {
    let english = include_str!("../messages/en.toml");
    let line = |line: &str| match line.split_once(" = \"") {
        Some((key, words)) => format!("{key} = \"⟦{}⟧\"", words.trim_end_matches('"')),
        None => line.to_owned(),
    };
    let text = english.lines().map(line).collect::<Vec<_>>().join("\n");
    (lang("qqm"), "qqm.toml".to_owned(), text)
}

fn speak(app: &App) {
    app.set_languages(Languages::with_files(&[marked()], &[]).unwrap());
}

/// The words of a page that stand outside of all marks.
fn unmarked(page: &str) -> String {
    let body = page.split_once("<body>").map_or(page, |(_, body)| body);
    // What the form says in its own words is not a message; nor is the code of the receipt.
    let tag = regex::Regex::new(r"(?s)<[^>]*>").unwrap();
    let mut text = tag.replace_all(body, " ").into_owned();
    let innermost = regex::Regex::new("⟦[^⟦⟧]*⟧").unwrap();
    loop {
        // From the innermost marks outwards.
        let inner = innermost.replace_all(&text, " ").into_owned();
        if inner == text {
            break;
        }
        text = inner;
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_page_speaks_what_the_browser_asks_for_or_a_link_says() {
    let service = Service::start().await;
    let get = async |path: &str, accept: &str| {
        let answer = service.request("GET", path).header("accept-language", accept).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let about = (header("content-language").unwrap_or_default(), header("vary").unwrap_or_default());
        (about, answer.text().await.unwrap())
    };
    for (path, accept, tag, words) in [
        ("/", "de-CH, en;q=0.3", "de", "Formulare"),
        ("/", "nl, fr;q=0.1", "fr", "Formulaires"),
        ("/", "nl", "en", "Forms"),
        ("/my?lang=fr", "de", "fr", "Code de réception"),
        ("/f/support-request?lang=de", "fr", "de", "Was mit Ihren Daten geschieht"),
        ("/no/such/page?lang=de", "text", "de", "Nicht gefunden"),
    ] {
        let request = service.request("GET", path).header("accept-language", accept).header("accept", "text/html");
        let page = request.send().await.unwrap().text().await.unwrap();
        assert!(page.contains(words) && page.contains(&format!("<html lang=\"{tag}\">")), "{path} {accept}: {page}");
        let ((said, vary), _) = get(path, accept).await;
        assert_eq!((said.as_str(), vary.as_str()), (tag, "accept-language"), "{path}");
    }
    // A post keeps the choice, the way it is sent on too.
    let answer = service.form("/my?lang=de", &[("code", "AAAA")]).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("Dieser Code öffnet nichts"));
    let answer = service.form("/my/open?lang=de", &[]).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "/my?lang=de");
}

#[tokio::test]
async fn what_a_program_gets_follows_what_it_asks_for_and_keeps_its_names() {
    let service = Service::start().await;
    let mut body = support("sam@example.org");
    body["fields"]["message"] = "".into();
    let path = "/api/v1/forms/support-request/submissions";
    let mut told = Vec::new();
    for accept in [None, Some("fr-FR")] {
        let mut request = service.request("POST", path).json(&body);
        if let Some(accept) = accept {
            request = request.header("accept-language", accept);
        }
        let document: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(
            (&document["type"], &document["problems"][0]["code"]),
            (&"urn:letterlock:problem:invalid".into(), &"required".into())
        );
        told.push(document["problems"][0]["message"].as_str().unwrap().to_owned());
    }
    assert!(
        told[0].ends_with(": please fill this in.") && told[1].ends_with(": veuillez remplir ce champ."),
        "{told:?}"
    );
}

#[tokio::test]
async fn no_page_holds_words_that_are_no_message() {
    let service = Service::start_speaking(speak).await;
    let (_, receipt) = service.apply("jane@example.org", &support::pdf(3000, 1)).await;
    let get = async |path: &str, cookie: &str| {
        let request = service.request("GET", path).header("accept", "text/html").header("cookie", cookie);
        request.send().await.unwrap().text().await.unwrap()
    };
    let enter = service.form("/my?lang=qqm", &[("code", &receipt)]).send().await.unwrap();
    let cookie = enter.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut seen = 0;
    for path in [
        "/",
        "/my",
        "/cookies",
        "/accessibility",
        "/no/such/page",
        "/my/link/no-token",
        "/f/no-such-form",
        "/f/refer-a-friend",
        "/b/public-comment",
    ] {
        let page = get(&format!("{path}?lang=qqm"), "").await;
        let mut left = unmarked(&page);
        for form in service.app.forms().iter() {
            left = left.replace(&form.title, "");
        }
        // The number of the request, the name of the cookie, and the links to other languages.
        let left: Vec<&str> = left
            .split_whitespace()
            .filter(|word| !word.contains(|c: char| c.is_ascii_digit()) && *word != "__Host-my")
            .collect();
        assert_eq!(left, ["English", "Deutsch", "Français"][..left.len().min(3)], "{path}: {page}");
        seen += 1;
    }
    // Pages that show what was sent or asked: their own words are known.
    let erasure = unmarked(&get("/my/erasure?lang=qqm", &cookie).await);
    assert_eq!(erasure, "English Deutsch Français");
    let mine = unmarked(&get("/my?lang=qqm", &cookie).await);
    // An option of the form.
    let mine = mine.replace("No particular vacancy", "");
    for words in ["Given", "Message", "Delete", "sent", "None", "Yes", "No ", "UTC", "MiB", "optional"] {
        assert!(!mine.contains(words), "{words}: {mine}");
    }
    for form in service.app.forms().iter().filter(|form| !form.kind.needs_mail()) {
        let page = service.form(&format!("/f/{}?lang=qqm", form.id), &[("nothing", "x")]).send().await.unwrap();
        let left = unmarked(&page.text().await.unwrap());
        for words in
            ["Please", "please", "optional", "No answer", "Only if", " days", "Legal", "Consent", "Country", "Postcode"]
        {
            let own = format!("{form:?}");
            assert!(!left.contains(words) || own.contains(words), "{} {words}: {left}", form.id);
        }
        seen += 1;
    }
    assert!(seen > 12);
}

#[tokio::test]
async fn a_form_is_shown_recorded_and_read_again_in_the_language_it_was_sent_in() {
    let service = Service::start().await;
    let page = service.get("/f/job-application?lang=de", None).await.text().await.unwrap();
    assert!(page.contains("Bewerben Sie sich bei uns") && page.contains("Wer es lesen kann"), "{page}");
    assert!(page.matches(" lang=\"en\"").count() == 1, "only the link to English: {page}");
    // What is missing is told by the question's name in that language.
    let page =
        service.form("/f/support-request?lang=de", &[("name", "Sam")]).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Was ist geschehen? Bitte füllen Sie dies aus."), "{page}");

    let form = support::application("jane@example.org", &support::pdf(3000, 1));
    let request = service.request("POST", "/f/job-application?lang=de").multipart(form);
    let page = request.send().await.unwrap().text().await.unwrap();
    let code = page
        .split("<p class=\"code big\">")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap_or_else(|| panic!("{page}"));

    let token = service.token(&[letterlock::policy::Role::Hr]).await;
    let (_, list) =
        support::document(service.get("/api/v1/submissions?form=job-application", Some(&token)).await).await;
    let path = format!("/api/v1/submissions/{}?purpose=recruitment", list["items"][0]["id"].as_str().unwrap());
    let (_, record) = support::document(service.get(&path, Some(&token)).await).await;
    assert_eq!(record["notice"], "2026-11/de", "{record}");
    let (_, mine) =
        support::document(service.json("POST", "/api/v1/my", None, &serde_json::json!({ "receipt": code })).await)
            .await;
    assert_eq!(mine["consents"]["talent-pool"]["wording"], "2026-11/de", "{mine}");

    // Back in English: the furniture is English, the consent is in the words that it was given in.
    let enter = service.form("/my", &[("code", code)]).send().await.unwrap();
    let cookie = enter.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = service.request("GET", "/my").header("cookie", cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Apply to work with us</h1>"), "{page}");
    assert!(page.contains("<p lang=\"de\">Bitte bewahren Sie meine Bewerbung zwei Jahre lang auf"), "{page}");
}

#[tokio::test]
async fn the_pages_about_the_service_are_made_from_what_it_is_and_does() {
    let service = Service::start().await;
    let get = async |path: &str| service.get(path, None).await.text().await.unwrap();
    let bare = get("/privacy").await;
    assert!(bare.contains("has not entered yet who they are"), "{bare}");
    for form in service.app.forms().iter().filter(|form| letterlock::services::submit::is_open(&service.app, form)) {
        for words in [&form.title, &form.legal_basis] {
            let escaped = words.replace('\'', "&#39;").replace('"', "&#34;");
            assert!(bare.contains(&escaped), "{}: {words}", form.id);
        }
        assert!(bare.contains(&format!("{} days", form.retention_days)), "{}", form.id);
    }
    let cookies = get("/cookies?lang=de").await;
    assert!(cookies.contains("__Host-my") && cookies.contains("nach vier Stunden"), "{cookies}");
    for path in ["/", "/f/survey", "/my", "/no/such", "/privacy"] {
        let request = service.request("GET", path).header("accept", "text/html");
        let page = request.send().await.unwrap().text().await.unwrap();
        for link in ["href=\"/privacy\"", "href=\"/cookies\"", "href=\"/accessibility\""] {
            assert!(page.contains(link), "{path} {link}");
        }
    }

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("accessibility.md"), "We have looked at it ourselves.").unwrap();
    std::fs::write(dir.path().join("privacy-more.de.md"), "Und noch etwas.").unwrap();
    let pages = letterlock::services::operator::pages(dir.path(), false).unwrap();
    let service = Service::start_speaking(|app| {
        app.set_operator(letterlock::domain::operator::Operator {
            name: Some("Example & Co".into()),
            address: vec!["1 High St".into(), "Leeds".into()],
            email: Some("privacy@example.org".into()),
            authority: Some("ICO".into()),
            pages,
            ..Default::default()
        });
    })
    .await;
    let get = async |path: &str| service.get(path, None).await.text().await.unwrap();
    let page = get("/privacy").await;
    for words in ["Example &#38; Co", "1 High St<br>Leeds", "mailto:privacy@example.org", "for example: ICO."] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Und noch etwas") && get("/privacy?lang=de").await.contains("Und noch etwas."));
    assert!(get("/").await.contains("<header class=\"site\"><p>Example &#38; Co</p></header>"));
    // Words that are there in one language only say which it is.
    let page = get("/accessibility?lang=de").await;
    assert!(page.contains("<div class=\"words\" lang=\"en\">") && page.contains("looked at it ourselves"), "{page}");
    assert!(!page.contains("Worauf geachtet wird") && page.contains("<h1>Barrierefreiheit</h1>"), "{page}");
}

/// Countries are called and sorted as in the language of the page, and come back as the same two letters.
#[tokio::test]
async fn countries_have_their_names_in_the_language_of_the_page() {
    let field = "[[fields]]\nname = \"home\"\nlabel = \"Home\"\nkind = \"postal-address\"\n";
    let form = format!("{}\n{field}", include_str!("../forms/support-request.toml"));
    let forms = FormSet::with_files([("support-request.toml", form.as_str())]).unwrap();
    let service = Service::with_own_forms(forms, |_| ()).await;
    let option = regex::Regex::new(r#"<option value="([A-Z]{2})"[^>]*>([^<]+)</option>"#).unwrap();
    for (tag, austria, first, before_oman) in [
        ("en", "Austria", "Afghanistan", "Norway"),
        ("de", "Österreich", "Afghanistan", "Österreich"),
        ("fr", "Autriche", "Afghanistan", "Nouvelle-Zélande"),
    ] {
        let page = service.get(&format!("/f/support-request?lang={tag}"), None).await.text().await.unwrap();
        let all: Vec<(&str, &str)> = option.captures_iter(&page).map(|found| found.extract::<2>().1.into()).collect();
        let all: Vec<(&str, String)> = all.into_iter().map(|(code, name)| (code, name.replace("&#39;", "’"))).collect();
        assert_eq!((all.len(), all[0].1.as_str()), (249, first), "{tag}");
        let at = |code: &str| all.iter().position(|(known, _)| *known == code).unwrap();
        assert_eq!(all[at("AT")].1, austria);
        let before = if tag == "de" { at("AT").abs_diff(at("OM")) == 1 } else { all[at("OM") - 1].1 == before_oman };
        assert!(before, "{tag}: {:?}", &all[at("OM") - 1..]);
    }
}
