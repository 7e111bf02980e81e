//! Notices, wordings and forms from files, and what stays when one of them breaks.

use super::*;

const NOTICE: &str = "+++\nversion = \"7\"\nreview_by = 2026-06-30\n+++\nOurs.\n";

fn file(name: &str, text: &str) -> Source {
    Source { file: name.to_owned(), text: Ok(text.to_owned()) }
}

fn named(name: &str) -> String {
    let inline = "[notice]\nversion = \"2026-11\"\ntext = \"We call you back.\"\n";
    SMALL.replace("submit =", &format!("notice = \"{name}\"\nsubmit =")).replace(inline, "")
}

fn id() -> FormId {
    "call-back".parse().unwrap()
}

#[test]
fn notices_and_wordings_have_files_of_their_own() {
    let form = named("mine").replace("wording = \"Send me the newsletter.\"\nversion = \"1\"", "words = \"news\"");
    let sources = Sources {
        forms: vec![file("a.toml", &form)],
        notices: vec![file("f/notices/mine.md", NOTICE)],
        consents: vec![file("f/consents/news.md", &NOTICE.replace("Ours.", "Send me *news*."))],
        country: "GB".parse().ok(),
        ..Sources::default()
    };
    let set = FormSet::from_sources(&sources).unwrap();
    let form = set.get(&id()).unwrap();
    assert_eq!((form.notice.name.as_deref(), form.notice.version.as_str()), (Some("mine"), "7"));
    let consent = form.consent("newsletter").unwrap();
    assert_eq!((consent.wording.as_str(), consent.version.as_str()), ("Send me news.", "7"));
    assert_eq!(form.country, "GB".parse().ok());
    // The review of both is overdue one day later, and of nothing that is not used.
    assert_eq!(set.overdue("2026-06-30".parse().unwrap()), [""; 0]);
    let overdue = set.overdue("2026-07-01".parse().unwrap());
    assert_eq!(overdue.len(), 2);
    assert!(overdue[0].contains("the notice mine was to be reviewed by 2026-06-30"), "{overdue:?}");

    let error = check(&named("nowhere"), "a.toml").unwrap_err();
    assert_eq!(error.line, Some(4));
    assert!(error.message.contains("notices/"), "{error}");
    for (from, to, words) in [
        ("version = \"1\"", "version = \"1\"\nwords = \"marketing\"", "either words"),
        ("wording = \"Send me the newsletter.\"", "", "missing field `wording`"),
        ("wording = \"Send me the newsletter.\"\nversion = \"1\"", "words = \"no\"", "consents/"),
    ] {
        let error = check(&SMALL.replace(from, to), "a.toml").unwrap_err();
        assert!(error.message.contains(words) && error.line.is_some(), "{error}");
    }
}

#[test]
fn a_broken_file_leaves_what_there_was() {
    let good = Sources {
        forms: vec![file("a.toml", &named("mine"))],
        notices: vec![file("notices/mine.md", NOTICE)],
        ..Sources::default()
    };
    let (before, mistakes) = FormSet::build(&good, None);
    assert_eq!(mistakes, []);
    let broken = Sources {
        forms: vec![file("a.toml", "nothing")],
        notices: vec![Source { file: "notices/mine.md".to_owned(), text: Err("gone".to_owned()) }],
        ..Sources::default()
    };
    let (after, mistakes) = FormSet::build(&broken, Some(&before));
    let told: Vec<String> = mistakes.iter().map(FormError::to_string).collect();
    assert_eq!(told[0], "notices/mine.md: gone");
    assert!(told[1].starts_with("a.toml, line 1: "), "{told:?}");
    assert_eq!(after.get(&id()), before.get(&id()));
    assert_eq!(after.library(), before.library());
    // A change in one file arrives although another is broken; without a file its form goes.
    let changed = Sources { notices: vec![file("notices/mine.md", &NOTICE.replace('7', "8"))], ..good.clone() };
    assert_eq!(FormSet::build(&changed, Some(&before)).0.get(&id()).unwrap().notice.version, "8");
    assert!(FormSet::build(&Sources::default(), Some(&before)).0.get(&id()).is_none());
}
