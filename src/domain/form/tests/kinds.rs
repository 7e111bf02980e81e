//! Kinds of fields and of forms, each with its own rules.

use super::*;

/// A form of kind `kind`, with `head` among its first keys and `fields` after its e-mail field, which starts on line 20.
fn with(head: &str, fields: &str) -> Result<Form, FormError> {
    let text = format!(
        "id = \"x\"\nversion = 1\ntitle = \"T\"\nsubmit = \"S\"\npurposes = [\"p\"]\nlegal_basis = \"L\"\nroles = [\"support\"]\n\
         retention_days = 1\nsubject = \"email\"\n{head}\n[notice]\nversion = \"1\"\ntext = \"N\"\n[[fields]]\nname = \"email\"\n\
         label = \"E\"\nkind = \"email\"\nrequired = true\n[[fields]]\n{fields}"
    );
    check(&text, "x.toml")
}

/// The field made of these lines, which begin on line 20.
fn field(lines: &str) -> Result<Field, FormError> {
    with("", &format!("name = \"f\"\nlabel = \"F\"\n{lines}")).map(|form| form.field("f").unwrap().clone())
}

#[track_caller]
fn wrong(lines: &str, line: usize, words: &str) {
    let error = field(lines).unwrap_err();
    assert_eq!(error.line, Some(line), "{error}");
    assert!(error.message.contains(words), "{error}");
}

#[test]
fn each_kind_has_its_rules() {
    let kind = |lines: &str| field(lines).unwrap().kind;
    assert_eq!(kind("kind = \"url\""), FieldKind::Url);
    assert_eq!(kind("kind = \"phone\"\ncountry = \"GB\""), FieldKind::Phone("GB".parse().ok()));
    let range = NumberRange { min: "0.5".parse().ok(), max: Some(9.into()), decimals: 1 };
    assert_eq!(kind("kind = \"number\"\nmin = 0.5\nmax = 9\ndecimals = 1"), FieldKind::Number(range));
    let range = DateRange { earliest: "1900-01-01".parse().ok(), latest: None };
    assert_eq!(kind("kind = \"date\"\nearliest = 1900-01-01"), FieldKind::Date(range));
    let options = "options = [{ value = \"a\", label = \"A\" }, { value = \"b\", label = \"B\" }]";
    let FieldKind::Choices(many) = kind(&format!("kind = \"choices\"\n{options}\nmin_picked = 2")) else { panic!() };
    assert_eq!((many.options.len(), many.min, many.max), (2, 2, 2));
    let rating = Rating { scale: 5, low: String::new(), high: "very".to_owned() };
    assert_eq!(kind("kind = \"rating\"\nhigh = \"very\""), FieldKind::Rating(rating));
    assert_eq!(kind("kind = \"postal-address\""), FieldKind::PostalAddress(None));
    let FieldKind::ShortText(rules) = kind("kind = \"short-text\"\npattern = 'a|b'\npattern_help = \"a or b\"") else {
        panic!()
    };
    let pattern = rules.pattern.unwrap();
    assert!(pattern.matches("a") && pattern.matches("b") && !pattern.matches("ab") && !pattern.matches("b\n"));
}

#[test]
fn each_mistake_of_a_kind_is_placed() {
    wrong("kind = \"number\"\nmin = 1.5", 23, "digits");
    wrong("kind = \"number\"\nmin = \"1\"", 23, "expected a number");
    wrong("kind = \"number\"\nmin = 5\nmax = 4", 24, "at least min");
    wrong("kind = \"number\"\nmax = nan", 23, "a number");
    wrong("kind = \"number\"\ndecimals = 7", 23, "0 to 6");
    wrong("kind = \"date\"\nearliest = \"1900-01-01\"", 23, "");
    wrong("kind = \"date\"\nearliest = 1900-02-30", 23, "");
    wrong("kind = \"date\"\nearliest = 2000-01-01\nlatest = 1999-12-31", 24, "not before earliest");
    wrong("kind = \"date\"\nlatest = 1999-12-31T10:00:00", 23, "without quotes and time");
    wrong("kind = \"rating\"\nscale = 2", 23, "3 to 10");
    wrong("kind = \"rating\"\nscale = 11", 23, "3 to 10");
    wrong("kind = \"choices\"", 22, "needs options");
    let options = "kind = \"choices\"\noptions = [{ value = \"a\", label = \"A\" }]";
    wrong(&format!("{options}\nmax_picked = 2"), 24, "1 to 1");
    wrong(&format!("{options}\nmin_picked = 2"), 24, "at most 1");
    wrong("kind = \"short-text\"\npattern = 'a'", 23, "pattern_help");
    wrong("kind = \"short-text\"\npattern_help = \"a\"", 23, "a pattern beside");
    for bad in ["(", "a)|(b", "(a)\\1", "(?=a)", "\\w{1000}{1000}", &"a".repeat(501)] {
        wrong(&format!("kind = \"short-text\"\npattern = '{bad}'\npattern_help = \"a\""), 23, "a regular expression");
    }
    wrong("kind = \"url\"\nmin = 1", 23, "it is for number");
    wrong("kind = \"phone\"\ncountry = \"UK\"", 23, "not a country");
    wrong("kind = \"phone\"\ncountry = \"AQ\"", 23, "Antarctica");
    wrong("kind = \"email\"\ncountry = \"GB\"", 23, "phone and postal-address");
}

const DECIDES: &str = "name = \"on\"\nlabel = \"On\"\nkind = \"yes-no\"\n[[fields]]\nname = \"mark\"\nlabel = \"M\"\nkind = \"rating\"\n\
    [[fields]]\nname = \"pick\"\nlabel = \"P\"\nkind = \"choice\"\noptions = [{ value = \"a\", label = \"A\" }]\n\
    [[fields]]\nname = \"f\"\nlabel = \"F\"\nkind = \"url\"\n";

#[test]
fn a_field_depends_on_an_earlier_one() {
    let when = |when: &str| with("", &format!("{DECIDES}shown_when = {when}"));
    for (text, wanted) in [
        ("{ field = \"on\", is = [true] }", vec![Wanted::Box(true)]),
        ("{ field = \"mark\", is = [1, 5] }", vec![Wanted::Mark(1), Wanted::Mark(5)]),
        ("{ field = \"pick\", is = [\"a\"] }", vec![Wanted::Option("a".to_owned())]),
    ] {
        assert_eq!(when(text).unwrap().field("f").unwrap().shown_when.as_ref().unwrap().is, wanted);
    }
    for (text, words) in [
        ("{ field = \"f\", is = [true] }", "above this one"),
        ("{ field = \"later\", is = [true] }", "above this one"),
        ("{ field = \"email\", is = [\"a\"] }", "choice, choices"),
        ("{ field = \"on\", is = [] }", "[true] or [false]"),
        ("{ field = \"on\", is = [\"yes\"] }", "[true] or [false]"),
        ("{ field = \"mark\", is = [6] }", "from 1 to 5"),
        ("{ field = \"pick\", is = [\"b\"] }", "out of the options of pick"),
        ("{ field = \"pick\", is = [1.5] }", "the value of an option"),
        ("{ field = \"pick\" }", "missing field `is`"),
    ] {
        let error = when(text).unwrap_err();
        assert_eq!(error.line, Some(36), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

const OTHER: &str = "name = \"other\"\nlabel = \"O\"\nkind = \"email\"\nrequired = true\n[[consents]]\nname = \"news\"\n\
    wording = \"W\"\nversion = \"1\"\n";

#[test]
fn each_kind_of_form_has_its_rules() {
    let kind = |head: &str| with(head, OTHER).map(|form| form.kind);
    assert_eq!(kind("kind = \"survey\""), Ok(FormKind::Survey { k: 5, texts: Vec::new() }));
    assert_eq!(kind("kind = \"survey\"\nk = 20"), Ok(FormKind::Survey { k: 20, texts: Vec::new() }));
    let friend = "other".to_owned();
    assert_eq!(kind("kind = \"referral\"\nfriend = \"other\""), Ok(FormKind::Referral { friend }));
    let consent = "news".to_owned();
    assert_eq!(kind("kind = \"newsletter\"\nconsent = \"news\""), Ok(FormKind::Newsletter { consent }));
    for (head, line, words) in [
        ("kind = \"poll\"", 10, "survey, referral"),
        ("kind = \"survey\"\nk = 4", 11, "5 to 1000"),
        ("k = 5", 10, "of kind survey"),
        ("kind = \"board\"", 10, "public ="),
        ("kind = \"board\"\npublic = [\"other\", \"email\"]", 11, "short-text"),
        ("public = [\"other\"]", 10, "of kind board"),
        ("kind = \"survey\"\ntexts = [\"email\"]", 11, "short-text"),
        ("kind = \"referral\"", 10, "friend ="),
        ("kind = \"referral\"\nfriend = \"email\"", 11, "other than the subject"),
        ("kind = \"referral\"\nfriend = \"news\"", 11, "other than the subject"),
        ("kind = \"newsletter\"", 10, "consent ="),
        ("kind = \"newsletter\"\nconsent = \"other\"", 11, "consent ="),
        ("region = \"U K\"", 10, "a region"),
        ("country = \"gb\"", 10, "not a country"),
        ("announce = [\"hr\"]", 10, "a role that reads"),
        ("announce = [\"a@b\"]", 10, "not an e-mail address"),
        ("announce = [\"support\", \"support\"]", 10, "once"),
    ] {
        let error = kind(head).unwrap_err();
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let form =
        with("region = \"eu-west\"\ncountry = \"DE\"\nannounce = [\"support\", \"Desk@Example.org\"]", OTHER).unwrap();
    assert_eq!((form.region.as_deref(), form.country), (Some("eu-west"), "DE".parse().ok()));
    assert_eq!(form.announce, [Announce::Role(Role::Support), Announce::Address("desk@example.org".to_owned())]);
}

#[test]
fn what_a_form_unlocks_has_plain_names_and_goes_by_page_or_mail() {
    let one = "unlocks = [{ file = \"a.pdf\", title = \" A \" }]";
    let email = "name = \"f\"\nlabel = \"F\"\nkind = \"phone\"";
    let form = with(&format!("{one}\nunlock_by = \"mail\""), email).unwrap();
    assert_eq!((form.unlock("a.pdf").unwrap().title.as_str(), form.unlock_by), ("A", UnlockBy::Mail));
    assert!(form.needs_mail() && !with(one, email).unwrap().needs_mail() && form.unlock("A.pdf").is_none());
    for (head, line, words) in [
        ("unlocks = [{ file = \"../a.pdf\", title = \"A\" }]".to_owned(), 10, "the plain name of a file"),
        ("unlocks = [{ file = \"a.pdf\", title = \" \" }]".to_owned(), 10, "some words"),
        (
            "unlocks = [{ file = \"a\", title = \"A\" }, { file = \"a\", title = \"B\" }]".to_owned(),
            10,
            "the file a is unlocked twice",
        ),
        (format!("{one}\nunlock_by = \"post\""), 11, "\"page\" or \"mail\""),
        ("unlock_by = \"page\"".to_owned(), 10, "this one has none"),
    ] {
        let error = with(&head, email).unwrap_err();
        assert!(error.line == Some(line) && error.message.contains(words), "{head}: {error}");
    }
    let many: Vec<String> = (0..11).map(|n| format!("{{ file = \"{n}\", title = \"T\" }}")).collect();
    assert!(with(&format!("unlocks = [{}]", many.join(", ")), email).unwrap_err().message.contains("at most 10"));
    let without = SMALL.replacen("subject = ", "#subject = ", 1) + "";
    let without = without.replacen("version", &format!("{one}\nunlock_by = \"mail\"\nversion"), 1);
    assert!(check(&without, "x.toml").unwrap_err().message.contains("needs subject"));
}

#[test]
fn the_example_in_the_documents_is_a_form() {
    let page = include_str!("../../../../docs/forms.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let form = check(example, "example.toml").unwrap();
    assert_eq!((form.unlocks.len(), form.unlock_by), (2, UnlockBy::Page));
}
