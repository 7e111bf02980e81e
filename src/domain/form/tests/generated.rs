//! Forms made at random: whatever keeps to the rules is read, and says what was written.

use proptest::prelude::*;

use super::*;

/// The lines of a field after its name and label, and the kind that they mean.
fn kinds() -> impl Strategy<Value = (String, &'static str)> {
    let option = |n: usize| format!("{{ value = \"v{n}\", label = \"V {n}\" }}");
    let options = move |n: usize| format!("options = [{}]", (0..n).map(option).collect::<Vec<_>>().join(", "));
    prop_oneof![
        (0..50_usize, 50..20_000_usize, any::<bool>()).prop_map(|(min, max, long)| {
            let kind = if long { "long-text" } else { "short-text" };
            (format!("kind = \"{kind}\"\nmin_length = {min}\nmax_length = {max}\n"), kind)
        }),
        "[a-z\\[\\]|*+?.]{1,12}".prop_filter_map("a pattern", |source| {
            Pattern::new(&source, "x")?;
            Some((format!("kind = \"short-text\"\npattern = '{source}'\npattern_help = \"x\"\n"), "short-text"))
        }),
        Just(("kind = \"email\"\n".to_owned(), "email")),
        Just(("kind = \"phone\"\ncountry = \"GB\"\n".to_owned(), "phone")),
        Just(("kind = \"url\"\n".to_owned(), "url")),
        (-1000..0_i32, 0..1000_i32, 0..=6_u8).prop_map(|(min, max, decimals)| {
            (format!("kind = \"number\"\nmin = {min}\nmax = {max}\ndecimals = {decimals}\n"), "number")
        }),
        (1..=12_u8, 1..=28_u8).prop_map(|(month, day)| {
            (format!("kind = \"date\"\nearliest = 2000-{month:02}-{day:02}\nlatest = 2001-01-01\n"), "date")
        }),
        (1..20_usize).prop_map(move |n| (format!("kind = \"choice\"\n{}\n", options(n)), "choice")),
        (2..20_usize).prop_map(move |n| {
            (format!("kind = \"choices\"\n{}\nmin_picked = 1\nmax_picked = {n}\n", options(n)), "choices")
        }),
        Just(("kind = \"yes-no\"\n".to_owned(), "yes-no")),
        (3..=10_u8).prop_map(|scale| (format!("kind = \"rating\"\nscale = {scale}\nlow = \"bad\"\n"), "rating")),
        Just(("kind = \"postal-address\"\ncountry = \"FR\"\n".to_owned(), "postal-address")),
    ]
}

/// A condition on field `n` of this kind.
fn condition(n: usize, kind: &str) -> Option<String> {
    let is = match kind {
        "yes-no" => "[true, false]",
        "rating" => "[1, 3]",
        "choice" | "choices" => "[\"v0\"]",
        _ => return None,
    };
    Some(format!("shown_when = {{ field = \"f{n}\", is = {is} }}\n"))
}

proptest! {
    #[test]
    fn a_form_that_keeps_to_the_rules_is_read(
        kinds in prop::collection::vec((kinds(), any::<bool>(), any::<bool>()), 1..12),
        version in 1..=u32::MAX, days in 1..=3660_u32,
    ) {
        let mut text = format!(
            "id = \"x\"\nversion = {version}\ntitle = \"T\"\nsubmit = \"S\"\npurposes = [\"p\"]\nlegal_basis = \"L\"\n\
             roles = [\"support\"]\nretention_days = {days}\nnotice = \"general\"\n"
        );
        let mut last: Option<String> = None;
        for (n, ((lines, kind), required, depends)) in kinds.iter().enumerate() {
            text += &format!("[[fields]]\nname = \"f{n}\"\nlabel = \"F {n}\"\nrequired = {required}\n{lines}");
            text += &last.clone().filter(|_| *depends).unwrap_or_default();
            last = condition(n, kind).or(last);
        }
        let form = check(&text, "x.toml");
        prop_assert!(form.is_ok(), "{}\n{}", form.unwrap_err(), text);
        let form = form.unwrap();
        prop_assert_eq!((form.version, form.retention_days), (version, days));
        for (field, ((_, kind), required, _)) in form.fields.iter().zip(&kinds) {
            prop_assert_eq!((field.kind.as_str(), field.required), (*kind, *required));
        }
        // An earlier field only: of two that depend on each other, one is refused.
        let first = form.fields.iter().find_map(|field| field.shown_when.as_ref().map(|when| (field.name.clone(), when.field.clone())));
        if let Some((depends, on)) = first {
            let swapped = text.replace(&format!("field = \"{on}\""), &format!("field = \"{depends}\""));
            prop_assert!(check(&swapped, "x.toml").is_err());
        }
    }
}
