//! A survey of a hundred thousand answers.

use super::*;
use crate::services::{erase, results};

const ANSWERS: usize = 100_000;
const FORM: &str = "survey";

async fn answer(app: Arc<App>, n: usize) {
    let mut fields = vec![
        ("satisfaction", (n % 5 + 1).to_string()),
        ("recommend", (n % 10 + 1).to_string()),
        ("relation", ["customer", "partner", "visitor"][n % 3].to_owned()),
        ("liked", ["quality", "price", "service", "website", "people"][n % 5].to_owned()),
    ];
    if n.is_multiple_of(4) {
        fields.push(("ideas", format!("Idea {n}. {}", "Do it better. ".repeat(n % 20))));
    }
    send(&app, FORM, fields).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; measures: the command stands in src/services/measured.rs"]
async fn a_hundred_thousand_answers_to_the_shipped_survey_are_counted_and_read() {
    let (_dir, app) = home();
    let form = FORM.parse().unwrap();
    let record = send(
        &app,
        "general-enquiry",
        vec![
            ("name", "Sam".to_owned()),
            ("email", "sam@example.org".to_owned()),
            ("topic", "other".to_owned()),
            ("message", "How are you?".to_owned()),
        ],
    )
    .await;
    measured("filled", all(ANSWERS, |n| answer(Arc::clone(&app), n))).await;
    let reader = owner(Role::Marketing, FORM);
    let count = async || results::show(&app, &reader, &form, Some(FORM)).await.unwrap();
    let texts = async |after: Option<&str>| {
        results::texts(&app, &reader, &form, "ideas", Some(FORM), after, Some(200)).await.unwrap()
    };

    Reader::alone(&app, record).await;
    let other = Reader::start(&app, record);
    assert_eq!(measured("counted for the first time", count()).await.answers, Some(ANSWERS as u64));
    measured("counted again", count()).await;
    let first = measured("first words", texts(None)).await;
    assert_eq!(first.items.len(), 200);
    measured("more words", texts(first.next.as_deref())).await;
    other.stop("counting and reading").await;

    // Somebody else is erased, and one more answer comes in.
    erase::record(&app, &owner(Role::Privacy, "subject-request"), record).await.unwrap();
    measured("counted after an erasure elsewhere", count()).await;
    answer(Arc::clone(&app), 1).await;
    measured("counted after one more answer", count()).await;
    measured("words after that", texts(None)).await;
}
