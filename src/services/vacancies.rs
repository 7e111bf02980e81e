//! Vacancies: opened, changed and closed by those who fill them, and offered by the forms that take them. They are about nobody, so
//! they are rows of the vault's own. What was sent for one keeps its reference, and so its title, after it is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use super::{App, Context, Problem, ServiceError};
use crate::base::clock::Timestamp;
use crate::base::ids::VacancyId;
use crate::domain::form::Form;
use crate::domain::language::Lang;
use crate::domain::submission::{FieldValue, Fields};
pub use crate::domain::vacancy::{MAX_ABOUT, MAX_PLACE, MAX_REFERENCE, MAX_TITLE, Typed, Vacancy};
use crate::domain::vacancy::{MOST_OPEN, Offered, Words, reference};
use crate::domain::work::Label;
use crate::policy::{Action, Resource};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Act, Detail, Vault, VaultError};

/// Most that are kept, closed ones included.
const MOST: usize = 2_000;

/// All vacancies in memory, and the turn of whoever changes one.
pub(super) struct Vacancies {
    rows: RwLock<BTreeMap<VacancyId, Vacancy>>,
    changing: tokio::sync::Mutex<()>,
}

impl Vacancies {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Vacancies)?;
        let rows = rows.into_iter().map(|(id, row)| (VacancyId::from_bytes(id), row)).collect();
        Ok(Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::new(()) })
    }

    /// As forms take them, newest first, and when the next one has had its last day.
    pub(super) fn offered(&self, now: Timestamp) -> (Vec<Offered>, Option<Timestamp>) {
        self.read(|rows| {
            let mut all: Vec<&Vacancy> = rows.values().collect();
            all.sort_by(|a, b| b.opened.cmp(&a.opened).then_with(|| a.reference.as_str().cmp(b.reference.as_str())));
            let open = all.iter().filter(|vacancy| vacancy.is_open(now));
            let until = open.filter_map(|vacancy| vacancy.words.until).min();
            (all.into_iter().map(|vacancy| vacancy.offered(now)).collect(), until)
        })
    }

    fn read<T>(&self, f: impl FnOnce(&BTreeMap<VacancyId, Vacancy>) -> T) -> T {
        f(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A vacancy as those see it who look after them.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: VacancyId,
    /// The vacancy.
    pub vacancy: Vacancy,
    /// Whether people can apply now.
    pub is_open: bool,
}

impl Shown {
    /// As the interface shows it.
    pub fn to_json(&self) -> Value {
        let Vacancy { reference, words, opened, closed } = &self.vacancy;
        json!({
            "id": self.id, "reference": reference.as_str(), "titles": words.titles, "place": words.place, "about": words.about,
            "last_day": words.last_day().map(|day| day.to_string()), "opened": opened, "closed": closed, "open": self.is_open,
        })
    }
}

/// All vacancies: open ones first, and newest first.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<Shown>, ServiceError> {
    let act = ctx.act(Action::ManageVacancies, &Resource::Vacancies)?;
    let now = app.clock.now();
    let mut out: Vec<Shown> = app.vacancies.read(|rows| {
        let shown = |(id, vacancy): (&VacancyId, &Vacancy)| Shown {
            id: *id,
            vacancy: vacancy.clone(),
            is_open: vacancy.is_open(now),
        };
        rows.iter().map(shown).collect()
    });
    out.sort_by_key(|shown| (!shown.is_open, std::cmp::Reverse(shown.vacancy.opened), shown.id));
    app.vault.record_act(act, Detail::Found(out.len() as u64)).await?;
    Ok(out)
}

/// Opens one. Returns its id.
///
/// # Errors
/// [`ServiceError::Invalid`] for what was typed, and for a reference that there is already; [`ServiceError::Forbidden`].
pub async fn open(app: &Arc<App>, ctx: &Context, typed: &str, words: &Typed) -> Result<VacancyId, ServiceError> {
    let act = ctx.act(Action::ManageVacancies, &Resource::Vacancies)?;
    let reference = reference(typed).map_err(invalid)?;
    let words = Words::parse(words, &langs(app)).map_err(invalid)?;
    let _one_at_a_time = app.vacancies.changing.lock().await;
    let now = app.clock.now();
    if app.vacancies.read(|rows| rows.values().any(|known| known.reference.is(&reference))) {
        let message = "There is a vacancy of this reference already; open that one again, or choose another reference.";
        return Err(invalid(Problem::in_field("reference", "taken", message)));
    }
    let vacancy = Vacancy { reference, words, opened: now, closed: None };
    check_room(app, None, &vacancy, now)?;
    let id = VacancyId::make_random(&*app.entropy).map_err(VaultError::from)?;
    write(app, act, id, vacancy, "opened").await?;
    Ok(id)
}

/// Says something else of one, and whether it is closed. Its reference stays.
///
/// # Errors
/// As [`open`]; [`ServiceError::NotFound`].
pub async fn change(
    app: &Arc<App>,
    ctx: &Context,
    id: VacancyId,
    words: Option<&Typed>,
    closed: Option<bool>,
) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageVacancies, &Resource::Vacancies)?;
    let words = words.map(|words| Words::parse(words, &langs(app))).transpose().map_err(invalid)?;
    let _one_at_a_time = app.vacancies.changing.lock().await;
    let now = app.clock.now();
    let former = app.vacancies.read(|rows| rows.get(&id).cloned()).ok_or(ServiceError::NotFound)?;
    let mut vacancy = former.clone();
    if let Some(words) = words {
        vacancy.words = words;
    }
    match closed {
        Some(true) => vacancy.closed = vacancy.closed.or(Some(now)),
        Some(false) => vacancy.closed = None,
        None => {}
    }
    if vacancy == former {
        return Ok(());
    }
    if closed == Some(false) && !vacancy.is_open(now) {
        let message = "Its last day is over: give it another one, or none, to open it again.";
        return Err(invalid(Problem::in_field("last_day", "too-early", message)));
    }
    check_room(app, Some(id), &vacancy, now)?;
    let change = match (former.closed.is_some(), vacancy.closed.is_some()) {
        (false, true) => "closed",
        (true, false) => "opened again",
        _ => "changed",
    };
    write(app, act, id, vacancy, change).await
}

/// The labels that what was sent has from the beginning: for what it was sent, so that lists can be filtered by it. Not where
/// some readers of the form are not shown the answer.
pub(super) fn labels_of(app: &App, form: &Form, fields: &Fields) -> Vec<Label> {
    let taking = form.fields.iter().filter(|field| field.vacancies.is_some() && field.seen_by.is_none());
    let answers = taking.filter_map(|field| match fields.get(&field.name) {
        Some(FieldValue::Text(text)) if is_one(app, text.expose()) => Label::parse(text.expose()).ok(),
        _ => None,
    });
    crate::domain::work::labels(answers).unwrap_or_default()
}

/// Whether this is the reference of a vacancy, and not an option of a form itself.
fn is_one(app: &App, value: &str) -> bool {
    app.vacancies.read(|rows| rows.values().any(|vacancy| vacancy.reference.as_str() == value))
}

/// The languages that titles are taken in: those of the installation, and English.
pub fn langs(app: &App) -> Vec<Lang> {
    let mut out = vec![Lang::english()];
    out.extend(
        app.languages().iter().map(|catalogue| catalogue.lang().clone()).filter(|lang| *lang != Lang::english()),
    );
    out
}

fn check_room(app: &App, but: Option<VacancyId>, vacancy: &Vacancy, now: Timestamp) -> Result<(), ServiceError> {
    let others = app.vacancies.read(|rows| {
        let all: Vec<bool> = rows.iter().filter(|(id, _)| Some(**id) != but).map(|(_, row)| row.is_open(now)).collect();
        (all.len(), all.iter().filter(|open| **open).count())
    });
    if others.0 >= MOST || (vacancy.is_open(now) && others.1 >= MOST_OPEN) {
        let message = format!("At most {MOST_OPEN} vacancies are open at once, and {MOST} are kept.");
        return Err(invalid(Problem::overall("too-many", message)));
    }
    Ok(())
}

async fn write(app: &Arc<App>, act: Act, id: VacancyId, vacancy: Vacancy, change: &str) -> Result<(), ServiceError> {
    let row = app.vault.seal_system_row(SystemTable::Vacancies, id.as_bytes(), &vacancy)?;
    let detail = Detail::Vacancy { id, change: change.to_owned() };
    app.vault.write_system_rows(act, detail, vec![row]).await?;
    app.vacancies.rows.write().unwrap_or_else(PoisonError::into_inner).insert(id, vacancy);
    app.forms.offer(&app.vacancies, app.clock.now());
    Ok(())
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}
