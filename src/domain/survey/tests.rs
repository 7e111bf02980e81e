//! Rounding, ranges, and what old answers count for.

use proptest::prelude::*;

use super::*;
use crate::domain::form::FormSet;

const FORM: &str = r#"
id = "poll"
version = 1
kind = "survey"
texts = ["words"]
title = "T"
submit = "S"
purposes = ["survey"]
legal_basis = "L"
roles = ["marketing"]
retention_days = 30
notice = { version = "1", text = "N" }
fields = [
  { name = "pick", label = "Pick", kind = "choice", options = [{ value = "a", label = "A" }, { value = "b", label = "B" }] },
  { name = "many", label = "Many", kind = "choices", options = [{ value = "a", label = "A" }, { value = "b", label = "B" }] },
  { name = "box", label = "Box", kind = "yes-no" },
  { name = "mark", label = "Mark", kind = "rating" },
  { name = "age", label = "Age", kind = "number", min = 0, max = 120 },
  { name = "staff", label = "Staff", kind = "number" },
  { name = "since", label = "Since", kind = "date" },
  { name = "words", label = "Words", kind = "long-text" },
]
"#;

fn form(text: &str) -> Form {
    let set = FormSet::with_files([("poll.toml", text)]).unwrap();
    (**set.get(&"poll".parse().unwrap()).unwrap()).clone()
}

fn fields(pairs: &[(&str, FieldValue)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

fn number(text: &str) -> FieldValue {
    FieldValue::Number(text.parse().unwrap())
}

fn tally(form: &Form, answers: &[Fields]) -> Tally {
    let mut tally = Tally::default();
    answers.iter().for_each(|answer| tally.add(form, answer));
    tally
}

fn counts(report: &Report, name: &str) -> Vec<(Value, u64)> {
    let question = report.questions.iter().find(|question| question.name == name).unwrap();
    question.counts.iter().map(|line| (line.value.clone(), line.count)).collect()
}

#[test]
fn nothing_is_told_of_fewer_than_k() {
    let form = form(FORM);
    let answer = fields(&[("pick", text("a")), ("mark", number("5"))]);
    let report = tally(&form, &vec![answer.clone(); 4]).report(&form, 5, |_| true);
    assert_eq!((report.answers, report.questions.len()), (None, 0));
    // Enough answers, but too few to this question.
    let mut answers = vec![answer; 4];
    answers.extend(vec![fields(&[("pick", text("b"))]); 6]);
    let report = tally(&form, &answers).report(&form, 5, |_| true);
    assert_eq!(report.answers, Some(10));
    assert_eq!(counts(&report, "pick"), [("a".into(), 5), ("b".into(), 5)]);
    let mark = report.questions.iter().find(|question| question.name == "mark").unwrap();
    assert_eq!((mark.answers, &mark.counts[..], mark.mean), (None, &[][..], None));
}

/// A mean of one group would be that of few, and quartiles of less than four groups those of fewer.
#[test]
fn means_and_quartiles_need_more_answers_than_counts() {
    let form = form(FORM);
    for (answers, mean, quartiles) in [(5, false, false), (10, true, false), (15, true, false), (20, true, true)] {
        let all: Vec<Fields> = (0..answers).map(|_| fields(&[("mark", number("3")), ("age", number("30"))])).collect();
        let report = tally(&form, &all).report(&form, 5, |_| true);
        for name in ["mark", "age"] {
            let question = report.questions.iter().find(|question| question.name == name).unwrap();
            let told = (question.mean.is_some(), question.quartiles.is_some());
            assert_eq!(told, (mean, quartiles), "{name} of {answers}");
        }
    }
    // They are made from what is told: of 3 and 7 answers, 5 and 5.
    let all: Vec<Fields> = (0..10).map(|n| fields(&[("mark", number(if n < 3 { "1" } else { "5" }))])).collect();
    let report = tally(&form, &all).report(&form, 5, |_| true);
    assert_eq!(report.questions.iter().find(|question| question.name == "mark").unwrap().mean, Some(3.0));
}

#[test]
fn each_kind_is_counted_in_its_own_way() {
    let form = form(FORM);
    let answer = |n: i64| {
        fields(&[
            ("pick", text("b")),
            ("many", FieldValue::Many(vec!["a".into(), "b".into()])),
            ("box", FieldValue::Bool(n % 2 == 0)),
            ("mark", FieldValue::Number((n % 5 + 1).into())),
            ("age", FieldValue::Number((20 + n).into())),
            ("staff", FieldValue::Number((n * 100).into())),
            ("since", text("2026-11-25")),
            ("words", text("Good.")),
        ])
    };
    let answers: Vec<Fields> = (0..50).map(answer).collect();
    let report = tally(&form, &answers).report(&form, 5, |_| true);
    assert_eq!(counts(&report, "pick"), [("a".into(), 0), ("b".into(), 50)]);
    assert_eq!(counts(&report, "many"), [("a".into(), 50), ("b".into(), 50)]);
    assert_eq!(counts(&report, "box"), [(true.into(), 25), (false.into(), 25)]);
    assert_eq!(counts(&report, "mark"), [1, 2, 3, 4, 5].map(|mark| (mark.into(), 10)));
    let range = |from: i64, to: i64| serde_json::json!({ "from": from, "to": to });
    assert_eq!(counts(&report, "age"), [(range(20, 39), 20), (range(40, 59), 20), (range(60, 79), 10)]);
    assert_eq!(counts(&report, "staff").last().unwrap(), &(range(2000, 4999), 30));
    assert_eq!(counts(&report, "since"), [("2026".into(), 50)]);
    let of = |name: &str| report.questions.iter().find(|question| question.name == name).unwrap();
    assert_eq!((of("mark").mean, of("mark").quartiles.clone().unwrap()), (Some(3.0), [2.into(), 3.into(), 4.into()]));
    assert_eq!(of("age").quartiles.clone().unwrap(), [range(20, 39), range(40, 59), range(40, 59)]);
    assert_eq!((of("words").answers, of("words").counts.len(), of("words").readable), (Some(50), 0, true));
    assert!(of("pick").mean.is_none() && !of("pick").readable);
}

/// An answer to an older form counts as far as the form still has a place for it.
#[test]
fn old_answers_count_where_their_option_is_still_there() {
    let form = form(FORM);
    let old = fields(&[
        ("pick", text("gone")),
        ("many", FieldValue::Many(vec!["gone".into(), "b".into()])),
        ("mark", number("9")),
        ("age", number("121")),
        ("since", text("not a day")),
        ("box", text("yes")),
        ("lost", text("field")),
    ]);
    let report = tally(&form, &vec![old; 10]).report(&form, 5, |_| true);
    assert_eq!(report.answers, Some(10));
    assert_eq!(counts(&report, "many"), [("a".into(), 0), ("b".into(), 10)]);
    for name in ["pick", "mark", "age", "since", "box"] {
        let question = report.questions.iter().find(|question| question.name == name).unwrap();
        assert_eq!((question.answers, question.counts.len()), (None, 0), "{name}");
    }
}

#[test]
fn ranges_have_no_gaps_and_hold_what_is_put_into_them() {
    for (range, numbers) in [
        ("min = 0, max = 120", ["0", "19", "20", "120"].as_slice()),
        ("min = -3, max = 3, decimals = 1", &["-3", "-0.1", "0", "2.9"]),
        ("min = 1, max = 1000000", &["1", "99999", "100000", "1000000"]),
        ("min = 5, max = 5", &["5"]),
        ("", &["0", "1", "2", "5", "9", "10", "-1", "-2", "-10", "-11", "999999999999999"]),
        ("decimals = 6", &["0.000001", "-0.000001", "0.5", "123456789.123456"]),
    ] {
        let text = FORM.replace(
            "kind = \"number\" },",
            &format!("kind = \"number\"{} }},", if range.is_empty() { String::new() } else { format!(", {range}") }),
        );
        let form = form(&text);
        let FieldKind::Number(rules) = &form.field("staff").unwrap().kind else { panic!() };
        for number in numbers {
            let bin = Scale::of(rules).bin(number.parse().unwrap()).to_json();
            let (from, to) = (bin["from"].as_f64().unwrap(), bin["to"].as_f64().unwrap());
            let value: f64 = number.parse().unwrap();
            assert!(from <= value && value <= to, "{number} in {bin} of {range}");
        }
    }
}

proptest! {
    /// No exact count leaves a report, and nobody can tell one answer more or less from the rest of its step.
    #[test]
    fn counts_are_rounded_to_the_nearest_step(count in 0u64..100_000, k in 5u32..1000) {
        let told = rounded(count, k);
        prop_assert_eq!(told % u64::from(k), 0);
        prop_assert!(told.abs_diff(count) * 2 <= u64::from(k));
        prop_assert!(rounded(count + 1, k) >= told);
    }

    /// Whatever is answered: all that a report says of a choice is multiples of k, and several tables fit it.
    #[test]
    fn a_small_count_cannot_be_got_by_subtraction(a in 0usize..40, b in 0usize..40) {
        let form = form(FORM);
        let b = b + (5 - (a + b) % 5) % 5;
        let answers = |a: usize, b: usize| -> Vec<Fields> {
            let one = |pick: &str| fields(&[("pick", text(pick))]);
            std::iter::repeat_n(one("a"), a).chain(std::iter::repeat_n(one("b"), b)).collect()
        };
        let report = tally(&form, &answers(a, b)).report(&form, 5, |_| true);
        if a + b < 5 {
            prop_assert!(report.questions.is_empty());
            return Ok(());
        }
        let same = (0..=a + b).filter(|other| tally(&form, &answers(*other, a + b - other)).report(&form, 5, |_| true) == report);
        // 0, 1 and 2 look alike, and so do 3 to 7, 8 to 12 …
        prop_assert!(same.count() >= 3);
    }

    #[test]
    fn sums_are_those_of_the_whole(marks in prop::collection::vec(1i64..=5, 0..60), cut in 0usize..60) {
        let form = form(FORM);
        let answers: Vec<Fields> =
            marks.iter().map(|mark| fields(&[("mark", FieldValue::Number((*mark).into()))])).collect();
        let cut = cut.min(answers.len());
        let mut parts = tally(&form, &answers[..cut]);
        parts.absorb(tally(&form, &answers[cut..]));
        prop_assert_eq!(parts.report(&form, 5, |_| true), tally(&form, &answers).report(&form, 5, |_| true));
    }
}
