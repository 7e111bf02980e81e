//! The form language: what is accepted, and where each mistake is placed.

mod generated;
mod kinds;
mod schema;
mod sources;

use super::*;

const SMALL: &str = r#"id = "call-back"
version = 3
title = "Call me back"
submit = "Send"
purposes = ["support"]
legal_basis = "Your request"
roles = ["support"]
retention_days = 30
subject = "email"
summary = ["topic"]

[notice]
version = "2026-11"
text = "We call you back."

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true

[[fields]]
name = "topic"
label = "Topic"
kind = "choice"
options = [{ value = "invoice", label = "An invoice" }, { value = "other", label = "Something else" }]

[[fields]]
name = "details"
label = "Details"
kind = "long-text"
min_length = 10
max_length = 500

[[files]]
name = "scan"
label = "Scan"
max_bytes = 1000
max_files = 2
kinds = ["pdf"]

[[consents]]
name = "newsletter"
wording = "Send me the newsletter."
version = "1"
"#;

#[test]
fn a_small_form_is_read() {
    let form = check(SMALL, "call-back.toml").unwrap();
    assert_eq!((form.id.as_str(), form.version, form.roles.as_slice()), ("call-back", 3, &[Role::Support][..]));
    assert_eq!(
        form.field("details").unwrap().kind,
        FieldKind::LongText(TextRules { length: Length { min: 10, max: 500 }, pattern: None })
    );
    assert_eq!(form.field("details").unwrap().kind.max_length(), Some(500));
    assert_eq!(form.file("scan").unwrap().kinds, [FileKind::Pdf]);
    assert_eq!(form.max_file_bytes(), 2000);
    assert_eq!(form.consent("newsletter").unwrap().version, "1");
    assert!(form.field("scan").is_none() && form.file("email").is_none() && form.consent("email").is_none());
    assert!(!form.field("topic").unwrap().required);
    assert_eq!(form.initial_status(), Status::New);
}

#[test]
fn a_form_kind_fixes_the_statuses() {
    let request = check(SMALL, "x").unwrap();
    let application = check(&SMALL.replace("version = 3", "version = 3\nkind = \"application\""), "x").unwrap();
    assert_eq!(application.initial_status(), Status::Received);
    for status in [Status::New, Status::InProgress, Status::Answered, Status::Closed] {
        assert!(request.allows_status(status) && !application.allows_status(status));
    }
    for status in
        [Status::Received, Status::Shortlisted, Status::Interview, Status::Offer, Status::Hired, Status::Rejected]
    {
        assert!(!request.allows_status(status) && application.allows_status(status));
    }
}

/// Replaces `from`, which must occur, by `to`, and expects a mistake on `line` whose message contains `words`.
#[track_caller]
fn refused(from: &str, to: &str, line: usize, words: &str) {
    assert!(SMALL.contains(from), "the test does not fit the form: {from}");
    let error = check(&SMALL.replacen(from, to, 1), "forms/x.toml").unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("forms/x.toml", Some(line)), "{error}");
    assert!(error.message.contains(words), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(error.to_string().starts_with(&format!("forms/x.toml, line {line}: ")), "{error}");
}

#[test]
fn each_mistake_is_placed_on_its_line() {
    refused("id = \"call-back\"", "id = \"Call back\"", 1, "not a form id");
    refused("version = 3", "version = 0", 2, "at least 1");
    refused("version = 3", "version = \"three\"", 2, "expected u32");
    refused("version = 3", "version 3", 2, "expected");
    refused("title = \"Call me back\"", "title = \" \"", 3, "some words");
    refused("submit =", "submitt =", 4, "unknown field `submitt`");
    refused(
        "version = 3",
        "version = 3\norigins = [\"https://www.example.org/\"]",
        3,
        "an origin as browsers write it",
    );
    refused("version = 3", "version = 3\norigins = [\"https://a.example\",\n\"https://a.example\"]", 4, "each once");
    refused("version = 3", "version = 3\nreturn_to = [\"https://www.example.org\"]", 3, "the address of a page");
    refused("version = 3", "version = 3\nthanks = \"//www.example.org/thanks\"", 3, "the address of a page");
    refused("version = 3", "version = 3\nreturn_at_once = true", 3, "thanks or return_to");
    refused("subject = \"email\"", "return_at_once = true", 9, "subject = ");
    refused("purposes = [\"support\"]", "purposes = []", 5, "at least one purpose");
    refused("purposes = [\"support\"]", "purposes = [\"support\", \"support\"]", 5, "of its own");
    refused("purposes = [\"support\"]", "purposes = [\"subject-request\"]", 5, "every form");
    refused("purposes = [\"support\"]", "purposes = [\"support\", \"legal-basis\"]", 5, "two people");
    refused("roles = [\"support\"]", "roles = []", 7, "at least one role");
    refused("roles = [\"support\"]", "roles = [\"Support\"]", 7, "not a role");
    refused("roles = [\"support\"]", "roles = [\"suport\"]", 7, "there is no role suport");
    refused("roles = [\"support\"]", "roles = [\"admin\"]", 7, "never reads submissions");
    refused("roles = [\"support\"]", "roles = [\"hr\", \"auditor\"]", 7, "never reads submissions");
    refused("roles = [\"support\"]", "roles = [\"hr\", \"hr\"]", 7, "twice");
    refused("retention_days = 30", "retention_days = 0", 8, "at least 1");
    refused("retention_days = 30", "retention_days = 99999", 8, "at most 3660");
    refused("subject = \"email\"", "subject = \"topic\"", 9, "kind \"email\"");
    refused("subject = \"email\"", "subject = \"nobody\"", 9, "kind \"email\"");
    refused("summary = [\"topic\"]", "summary = [\"scan\"]", 10, "name of a field");
    refused("summary = [\"topic\"]", "summary = [\"topic\", \"topic\"]", 10, "each once");
    refused("version = \"2026-11\"", "version = \"\"", 13, "a version");
    refused("name = \"email\"", "name = \"E-mail\"", 17, "expected a name");
    refused("kind = \"email\"", "kind = \"mail\"", 19, "short-text, long-text");
    refused("kind = \"email\"", "kind = \"email\"\nmax_length = 9", 20, "no max_length");
    refused("kind = \"email\"", "kind = \"email\"\noptions = []", 20, "no options");
    refused("kind = \"email\"", "kind = \"email\"\nautocomplete = \"e mail\"", 20, "autocomplete");
    refused("required = true", "required = \"yes\"", 20, "expected a boolean");
    refused("required = true", "required = false", 9, "required field");
    refused("name = \"topic\"", "name = \"email\"", 23, "used twice");
    refused("kind = \"choice\"\noptions", "kind = \"choice\"\nautocomplete = \"off\"\n#", 25, "needs options");
    refused("value = \"other\"", "value = \"invoice\"", 26, "of its own");
    refused("min_length = 10", "min_length = 501", 32, "at most max_length");
    refused("max_length = 500", "max_length = 20001", 33, "20000");
    refused("max_length = 500", "max_length = 0", 33, "1 to");
    refused("name = \"scan\"", "name = \"topic\"", 36, "used twice");
    refused("max_bytes = 1000", "max_bytes = 0", 38, "1 to");
    refused("max_bytes = 1000", "max_bytes = -1", 38, "");
    refused("max_files = 2", "max_files = 21", 39, "1 to 20");
    let second =
        "max_files = 2\nkinds = [\"pdf\"]\n[[files]]\nname = \"b\"\nlabel = \"B\"\nmax_bytes = 1\nmax_files = 19";
    refused("max_files = 2", second, 45, "in the whole form");
    refused("kinds = [\"pdf\"]", "kinds = [\"exe\"]", 40, "unknown variant `exe`");
    refused("kinds = [\"pdf\"]", "kinds = []", 40, "at least one kind");
    refused("name = \"newsletter\"", "name = \"scan\"", 43, "used twice");
    refused("wording = \"Send me the newsletter.\"", "wording = \"\"", 44, "some words");
    // A consent is never required.
    refused("version = \"1\"", "version = \"1\"\nrequired = true", 46, "unknown field `required`");
}

#[test]
fn who_sees_a_field_is_checked() {
    let hr = "roles = [\"support\", \"hr\"]";
    let text =
        SMALL.replace("roles = [\"support\"]", hr).replace("max_length = 500", "max_length = 500\nroles = [\"hr\"]");
    let form = check(&text.replace("max_files = 2", "max_files = 2\nroles = [\"hr\", \"privacy\"]"), "x.toml").unwrap();
    assert_eq!(form.field("details").unwrap().seen_by.as_deref(), Some(&[Role::Hr][..]));
    assert_eq!(form.file("scan").unwrap().seen_by.as_deref(), Some(&[Role::Hr, Role::Privacy][..]));
    assert_eq!((&form.field("topic").unwrap().seen_by, &form.former_fields), (&None, &None));
    refused("kind = \"email\"", "kind = \"email\"\nroles = []", 20, "at least one role");
    refused("kind = \"email\"", "kind = \"email\"\nroles = [\"Support\"]", 20, "not a role");
    refused(
        "kind = \"email\"",
        "kind = \"email\"\nroles = [\n\"support\",\n\"nobody\"]",
        22,
        "nobody does not read this form",
    );
    refused(
        "kind = \"email\"",
        "kind = \"email\"\nroles = [\"hr\"]",
        20,
        "hr does not read this form: expected roles that read the form (support), or privacy",
    );
    refused("kind = \"email\"", "kind = \"email\"\nroles = [\"admin\"]", 20, "admin does not read this form");
    refused("kind = \"email\"", "kind = \"email\"\nroles = [\"support\", \"support\"]", 20, "twice");
    refused("max_files = 2", "max_files = 2\nroles = [\"hr\"]", 40, "does not read this form");
    refused("version = 3", "version = 3\nformer_fields = [\"hr\"]", 3, "does not read this form");
    refused("version = 3", "version = 3\nformer_fields = []", 3, "at least one role");
}

/// Whether a field was asked at all tells what the one above was answered.
#[test]
fn a_field_is_seen_by_no_more_than_see_what_it_depends_on() {
    let topic = "name = \"topic\"\nroles = [\"privacy\"]";
    let depends = "max_length = 500\nshown_when = { field = \"topic\", is = [\"other\"] }";
    let text = SMALL.replace("name = \"topic\"", topic).replace("max_length = 500", depends);
    let error = check(&text, "x.toml").unwrap_err();
    assert_eq!((error.line, error.message.contains("roles = [\"privacy\"] or fewer")), (Some(35), true), "{error}");
    let wider = text.replace("min_length = 10", "min_length = 10\nroles = [\"privacy\", \"support\"]");
    assert_eq!(check(&wider, "x.toml").unwrap_err().line, Some(34));
    assert!(check(&text.replace("min_length = 10", "roles = [\"privacy\"]"), "x.toml").is_ok());
}

#[test]
fn a_mistake_that_the_parser_does_not_place_is_placed() {
    let key = format!("x{} = 1", ".a".repeat(500));
    refused("submit =", &format!("{key}\nsubmit ="), 4, "recursion limit");
    refused("version = 3", &format!("version = 3\n\n# a\n{key}\n{key}"), 5, "recursion limit");
    let more: String = (0..20)
        .map(|n| format!("[[files]]\nname = \"f{n}\"\nlabel = \"F\"\nmax_bytes = 1\nkinds = [\"pdf\"]\n"))
        .collect();
    let more = format!("kinds = [\"pdf\"]\n{more}[[files]]\nname = \"z\"\nlabel = \"Z\"\nmax_bytes = 1");
    refused("max_files = 2", &more, 136, "whole form");
}

/// Each name was once compared with all before it, which for a file full of them took minutes.
#[test]
fn many_purposes_are_refused_before_they_are_compared() {
    let list = |n: usize| format!("purposes = [{}]", (0..n).map(|n| format!("\"p{n}\",")).collect::<String>());
    assert!(check(&SMALL.replace("purposes = [\"support\"]", &list(50)), "x.toml").is_ok());
    refused("purposes = [\"support\"]", &list(51), 5, "at most 50");
    refused("purposes = [\"support\"]", &list(80_000), 5, "at most 50");
}

#[test]
fn a_message_is_one_plain_line_whatever_the_file_calls_things() {
    for name in ["n".repeat(3000), "\\u001b[2J\\n\\u202e".to_owned()] {
        let error = check(&SMALL.replacen("submit =", &format!("\"{name}\" = 1\nsubmit ="), 1), "x.toml").unwrap_err();
        assert_eq!(error.line, Some(4));
        assert!(error.message.starts_with("unknown field") && error.message.len() < 400, "{error}");
        assert!(!error.message.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    }
}

#[test]
fn a_missing_key_is_named() {
    for key in ["id", "title", "purposes", "legal_basis", "roles", "retention_days"] {
        let without: String =
            SMALL.lines().filter(|l| !l.starts_with(&format!("{key} "))).map(|l| format!("{l}\n")).collect();
        let error = check(&without, "x.toml").unwrap_err();
        assert!(error.message.contains(&format!("missing field `{key}`")), "{error}");
    }
    assert!(check("", "empty.toml").unwrap_err().to_string().starts_with("empty.toml"));
}

#[test]
fn shipped_forms_are_valid() {
    let set = FormSet::default();
    let ids: Vec<&str> = set.iter().map(|form| form.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "general-enquiry",
            "support-request",
            "problem-report",
            "partner-enquiry",
            "training-request",
            "job-application",
            "newsletter",
            "survey",
            "refer-a-friend",
            "public-comment",
            "privacy-contact",
        ]
    );
    let (_, mistakes) = FormSet::build(&Sources::default(), None);
    assert_eq!(mistakes, []);
    for form in set.iter() {
        assert!(form.notice.name.is_some() && form.notice.version == "2026-11", "{}", form.id);
        assert!(!form.intro.is_empty(), "{}", form.id);
        assert_eq!(form.summary.is_empty(), form.kind.k().is_some(), "{}", form.id);
    }

    let job = set.get(&"job-application".parse().unwrap()).unwrap();
    assert_eq!(
        job.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
        ["name", "email", "phone", "vacancy", "letter"]
    );
    assert_eq!(job.consents.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["talent-pool", "marketing"]);
    assert!(job.consent("marketing").unwrap().wording.ends_with("it makes no difference to my application."));
    assert_eq!((job.purposes.as_slice(), job.roles.as_slice()), (&["recruitment".to_owned()][..], &[Role::Hr][..]));
    assert_eq!((&job.kind, job.subject.as_deref()), (&FormKind::Application, Some("email")));
    let cv = job.file("cv").unwrap();
    assert_eq!((cv.required, cv.max_bytes, cv.max_files), (true, 20 << 20, 1));
    assert_eq!(cv.kinds, FileKind::ALL);
    assert!(job.field("vacancy").unwrap().vacancies.is_some());
    assert!(!job.field("phone").unwrap().required && !job.field("vacancy").unwrap().required);

    let kind = |id: &str| set.get(&id.parse().unwrap()).unwrap().kind.clone();
    assert_eq!(kind("survey"), FormKind::Survey { k: 5, texts: vec!["reason".to_owned(), "ideas".to_owned()] });
    assert_eq!(kind("newsletter"), FormKind::Newsletter { consent: "newsletter".to_owned() });
    assert_eq!(kind("refer-a-friend"), FormKind::Referral { friend: "friend-email".to_owned() });
    let public = ["display-name", "headline", "comment"].map(str::to_owned).to_vec();
    assert_eq!(kind("public-comment"), FormKind::Board { public });
    let by_mail: Vec<&str> = set.iter().filter(|form| form.kind.needs_mail()).map(|form| form.id.as_str()).collect();
    assert_eq!(by_mail, ["newsletter", "refer-a-friend"]);
}

#[test]
fn own_forms_add_to_the_shipped_ones_and_replace_them() {
    let mine = SMALL.replace("call-back", "support-request");
    let set = FormSet::with_files([("a.toml", SMALL), ("b.toml", mine.as_str())]).unwrap();
    let titles: Vec<&str> = set.iter().map(|form| form.title.as_str()).collect();
    assert_eq!((titles[1], titles[11], titles.len()), ("Call me back", "Call me back", 12));
    assert_eq!(set.get(&"support-request".parse().unwrap()).unwrap().version, 3);
    assert!(set.get(&"no-such-form".parse().unwrap()).is_none());

    let error = FormSet::with_files([("a.toml", SMALL), ("b.toml", SMALL)]).unwrap_err();
    assert_eq!(error.to_string(), "b.toml: the form call-back is already defined in a.toml");
    assert!(FormSet::with_files([("a.toml", "x")]).unwrap_err().to_string().starts_with("a.toml, line 1: "));
}

#[test]
fn every_shipped_form_notice_and_wording_is_in_every_shipped_language() {
    let set = FormSet::default();
    for words in crate::domain::language::Languages::shipped().iter() {
        let lang = words.lang();
        for form in set.iter_in(lang) {
            assert_eq!((&form.lang, &form.notice.lang), (lang, lang), "{}", form.id);
            for consent in &form.consents {
                assert_eq!(&consent.lang, lang, "{} {}", form.id, consent.name);
            }
            // A translation is no copy.
            let own = set.get(&form.id).unwrap();
            assert!(
                form.lang == own.lang || form.title != own.title && form.submit != own.submit,
                "{} {lang}",
                form.id
            );
        }
    }
}

#[test]
fn form_ids_are_narrow() {
    for bad in ["", "-a", "1a", "Job", "job_application", "job.application", "../job", "job application", "jöb"] {
        assert_eq!(bad.parse::<FormId>(), Err(BadFormId), "{bad:?}");
    }
    assert!("a".repeat(64).parse::<FormId>().is_ok() && "a".repeat(65).parse::<FormId>().is_err());
}

proptest::proptest! {
    #[test]
    fn a_damaged_file_is_refused_with_its_line(from in 0..SMALL.len(), len in 0..60_usize, with in "[\\PC\n]{0,8}") {
        let mut text = SMALL.to_owned();
        let end = (from + len).min(text.len());
        text.replace_range(from..end, &with);
        if let Err(error) = check(&text, "x.toml") {
            let lines = text.lines().count() + 1;
            proptest::prop_assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{}", error);
            proptest::prop_assert!(!error.message.is_empty());
        }
    }
}
