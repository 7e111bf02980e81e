//! The forms of an installation: loaded from their folder at the start, and again whenever a file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde::Serialize;

use super::vacancies::Vacancies;
use super::{App, Context, ServiceError, submit};
use crate::base::clock::Timestamp;
use crate::domain::country::Country;
use crate::domain::form::{Form, FormError, FormSet, Library, Source, Sources, check_translation, check_with};
use crate::domain::language::Lang;
use crate::domain::notice::{Notice, Wording};
use crate::domain::staff::CustomRole;
use crate::policy::{self, Action, Resource};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// Folders of notices and of wordings, in the folder of forms.
const NOTICES: &str = "notices";
const CONSENTS: &str = "consents";

/// Where the forms of an installation come from.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The folder; `None` for the shipped forms alone.
    pub path: Option<PathBuf>,
    /// Whether it may be missing.
    pub may_be_missing: bool,
    /// The country of forms that name none.
    pub country: Option<Country>,
    /// The language of files that name none.
    pub lang: Option<Lang>,
    /// The roles of the configuration, which forms may name.
    pub roles: Vec<CustomRole>,
}

/// What is to be said of the forms to whoever looks after the vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FormsHealth {
    /// How many there are.
    pub forms: usize,
    /// Files that are not in order, each with what is wrong; what was read from them before still holds.
    pub broken: Vec<String>,
    /// Texts whose review is overdue.
    pub overdue: Vec<String>,
    /// Files that forms unlock and that cannot be handed out.
    pub missing: Vec<String>,
}

/// The shipped forms, notices and wordings, and over them those in the folder: every file there whose name ends in
/// `.toml`, in order of name, and the Markdown files in its `notices/` and `consents/`.
///
/// # Errors
/// [`FormError`] when a folder or a file cannot be read, for the first file that is not in order, and for two forms with
/// the same id.
pub fn load(folder: &Folder) -> Result<FormSet, FormError> {
    FormSet::from_sources(&sources(folder)?)
}

/// What [`check_file`] found in order.
#[derive(Debug)]
pub enum Checked {
    /// A form.
    Form(Box<Form>),
    /// A privacy notice.
    Notice(Box<Notice>),
    /// The wording of a consent.
    Wording(Wording),
    /// A form in another language.
    Translation(Box<Form>),
}

/// Checks one file without adding it: a Markdown file as a wording if it lies in a folder `consents`, else as a notice;
/// any other as a form, beside the notices and wordings in the folders next to it. `roles` are those of the configuration.
///
/// # Errors
/// [`FormError`] when the file cannot be read or is not in order.
pub fn check_file(path: &Path, roles: &[CustomRole]) -> Result<Checked, FormError> {
    let (text, file) = (read(path)?, path.display().to_string());
    if let Some(lang) = language_of(path, &text) {
        return check_translation_file(path, &text, &lang, roles).map(|form| Checked::Translation(Box::new(form)));
    }
    if path.extension().is_none_or(|end| end != "md") {
        return check_with(&text, &file, &library_beside(path, roles)).map(|form| Checked::Form(Box::new(form)));
    }
    let folder = path.parent().and_then(Path::file_name);
    if folder.is_some_and(|name| name == CONSENTS) {
        return Wording::parse(&text, &file).map(Checked::Wording);
    }
    let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Notice::parse(&text, &name, &file).map(|notice| Checked::Notice(Box::new(notice)))
}

/// The language of a translation: it lies in a folder of that name, and has no id of its own.
fn language_of(path: &Path, text: &str) -> Option<Lang> {
    let folder = path.parent()?.file_name()?.to_str()?.parse::<Lang>().ok()?;
    let is_form = text.lines().any(|line| line.split('=').next().is_some_and(|key| key.trim() == "id"));
    (path.extension()? == "toml" && !is_form).then_some(folder)
}

/// Checks a translation against its form: the file of that name in the folder above, or the shipped one.
fn check_translation_file(path: &Path, text: &str, lang: &Lang, roles: &[CustomRole]) -> Result<Form, FormError> {
    let file = path.display().to_string();
    let error = |message: String| FormError { file: file.clone(), line: None, message };
    let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let above = path.parent().and_then(Path::parent).unwrap_or(Path::new("")).join(format!("{name}.toml"));
    let library = library_beside(&above, roles);
    let form = if above.exists() {
        check_with(&read(&above)?, &above.display().to_string(), &library)?
    } else {
        let id = name.parse().map_err(|_| error("expected the name of a form".to_owned()))?;
        let shipped = FormSet::default().get(&id).map(|form| (**form).clone());
        shipped.ok_or_else(|| error(format!("there is no form {id}: a translation has the name of its form")))?
    };
    check_translation(text, &file, &form, lang, &library)
}

/// How the forms are.
pub fn health(app: &App) -> FormsHealth {
    let shelf = app.forms.state.read().unwrap_or_else(PoisonError::into_inner);
    let overdue = app.clock.now().day().map_or_else(Vec::new, |today| shelf.base.overdue(today));
    let broken = shelf.mistakes.iter().map(FormError::to_string).collect();
    let forms = shelf.base.iter().count();
    // Looking for files needs the shelf again.
    drop(shelf);
    FormsHealth { forms, broken, overdue, missing: super::resources::missing_files(app) }
}

/// A form as those see it who look after what is asked.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The form.
    pub form: Arc<Form>,
    /// Whether it takes submissions.
    pub is_open: bool,
    /// The languages that it is there in, its own first.
    pub langs: Vec<Lang>,
    /// Whether its notice should have been read again by now.
    pub is_overdue: bool,
}

/// All forms, in order of their titles, for whoever may see how they are made.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::NotFound`].
pub fn list(app: &App, ctx: &Context) -> Result<Vec<Kept>, ServiceError> {
    // Also where there is no form at all.
    let _permit = policy::decide(&ctx.actor, Action::ReadForms, &Resource::Form { roles: &[] })?;
    let (set, today) = (app.forms(), app.clock.now().day());
    let mut out = Vec::new();
    for form in set.iter() {
        let _permit = policy::decide(&ctx.actor.at(&form.id), Action::ReadForms, &Resource::of_form(form))?;
        let own = std::iter::once(form.lang.clone());
        out.push(Kept {
            is_open: submit::is_open(app, form),
            langs: own.chain(set.languages_of(&form.id)).collect(),
            is_overdue: today.is_some_and(|today| form.notice.is_overdue(today)),
            form: Arc::clone(form),
        });
    }
    out.sort_by_key(|kept| kept.form.title.to_lowercase());
    Ok(out)
}

/// The forms as they stand. Readers take a snapshot; whoever reloads puts a new one in its place.
pub(super) struct Shelf {
    state: RwLock<State>,
}

struct State {
    /// As the files have them.
    base: Arc<FormSet>,
    /// With the vacancies that are open.
    offered: Arc<FormSet>,
    /// When that is the next time another set without anybody's doing: a vacancy has had its last day.
    until: Option<Timestamp>,
    mistakes: Vec<FormError>,
}

impl Shelf {
    pub(super) fn new(set: FormSet, vacancies: &Vacancies, now: Timestamp) -> Self {
        let base = Arc::new(set);
        let (offered, until) = offered(&base, vacancies, now);
        Self { state: RwLock::new(State { base, offered, until, mistakes: Vec::new() }) }
    }

    pub(super) fn now(&self, vacancies: &Vacancies, now: Timestamp) -> Arc<FormSet> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.until.is_none_or(|until| now < until) {
                return Arc::clone(&state.offered);
            }
        }
        self.offer(vacancies, now)
    }

    /// Takes the vacancies as they are now.
    pub(super) fn offer(&self, vacancies: &Vacancies, now: Timestamp) -> Arc<FormSet> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        (state.offered, state.until) = offered(&state.base, vacancies, now);
        Arc::clone(&state.offered)
    }
}

/// Looks whether files of the folder have changed.
#[derive(Debug)]
pub struct Watcher {
    folder: Folder,
    seen: Vec<Stamp>,
}

/// By what a changed file is known: name, time of the last change, length.
type Stamp = (PathBuf, Option<SystemTime>, u64);

impl Watcher {
    /// Begins with the folder as it stands, which has been loaded already.
    pub fn new(folder: Folder) -> Self {
        let seen = stamps(&folder);
        Self { folder, seen }
    }

    /// Reads the folder anew if something in it has changed since the last look; returns what is not in order then. A
    /// file that is not in order leaves the form, notice or wording as it was.
    pub fn look(&mut self, app: &App) -> Option<Vec<FormError>> {
        // Taken before the files are read: what changes meanwhile is seen the next time.
        let found = stamps(&self.folder);
        if found == self.seen {
            return None;
        }
        self.seen = found;
        let previous = {
            let state = app.forms.state.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&state.base)
        };
        let (set, mistakes) = match sources(&self.folder) {
            Ok(sources) => FormSet::build(&sources, Some(&previous)),
            Err(mistake) => ((*previous).clone(), vec![mistake]),
        };
        let mut state = app.forms.state.write().unwrap_or_else(PoisonError::into_inner);
        let base = Arc::new(set);
        let (offered, until) = offered(&base, &app.vacancies, app.clock.now());
        *state = State { base, offered, until, mistakes: mistakes.clone() };
        Some(mistakes)
    }
}

/// The forms with the vacancies of a time, and when that time is over.
fn offered(base: &Arc<FormSet>, vacancies: &Vacancies, now: Timestamp) -> (Arc<FormSet>, Option<Timestamp>) {
    match vacancies.offered(now) {
        (all, _) if all.is_empty() => (Arc::clone(base), None),
        (all, until) => (Arc::new(base.offering(&all)), until),
    }
}

/// Every file of the folder that counts, by its name in it, with its content; what cannot be read is empty.
pub(super) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let at = Folder { path: Some(folder.to_owned()), ..Folder::default() };
    let content = |(path, ..): Stamp| {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        (name, std::fs::read(&path).unwrap_or_default())
    };
    stamps(&at).into_iter().map(content).collect()
}

fn sources(folder: &Folder) -> Result<Sources, FormError> {
    let Some(path) = &folder.path else {
        let Folder { country, lang, roles, .. } = folder.clone();
        return Ok(Sources { country, lang, roles, ..Sources::default() });
    };
    let all = |paths: Vec<PathBuf>| paths.iter().map(|path| source(path)).collect();
    Ok(Sources {
        forms: all(files(path, "toml", folder.may_be_missing)?),
        notices: all(files(&path.join(NOTICES), "md", true)?),
        consents: all(files(&path.join(CONSENTS), "md", true)?),
        translations: translations(path)?.iter().map(|(lang, path)| (lang.clone(), source(path))).collect(),
        country: folder.country,
        lang: folder.lang.clone(),
        roles: folder.roles.clone(),
    })
}

/// The notices and wordings that a form at `path` may name; broken ones are told when they are checked themselves.
fn library_beside(path: &Path, roles: &[CustomRole]) -> Library {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let all = |name: &str| {
        let found = files(&folder.join(name), "md", true).unwrap_or_default();
        found.iter().map(|path| source(path)).collect()
    };
    let sources =
        Sources { notices: all(NOTICES), consents: all(CONSENTS), roles: roles.to_vec(), ..Sources::default() };
    FormSet::build(&sources, None).0.library().clone()
}

/// The files of a folder with this ending, in order of name, hidden ones left out.
fn files(folder: &Path, ending: &str, may_be_missing: bool) -> Result<Vec<PathBuf>, FormError> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if may_be_missing && e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| unreadable(folder, &e))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|end| end == ending) && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The words of forms in other languages: the files in folders that have the name of a language.
fn translations(folder: &Path) -> Result<Vec<(Lang, PathBuf)>, FormError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        let lang = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<Lang>().ok());
        if let Some(lang) = lang.filter(|_| path.is_dir()) {
            out.extend(files(&path, "toml", true)?.into_iter().map(|path| (lang.clone(), path)));
        }
    }
    out.sort();
    Ok(out)
}

fn stamps(folder: &Folder) -> Vec<Stamp> {
    let Some(path) = &folder.path else { return Vec::new() };
    let (notices, consents) = (path.join(NOTICES), path.join(CONSENTS));
    let all = [(path.as_path(), "toml"), (notices.as_path(), "md"), (consents.as_path(), "md")];
    let found = all.into_iter().flat_map(|(folder, ending)| files(folder, ending, true).unwrap_or_default());
    found
        .chain(translations(path).unwrap_or_default().into_iter().map(|(_, path)| path))
        .map(|path| {
            let about = std::fs::metadata(&path).ok();
            let changed = about.as_ref().and_then(|about| about.modified().ok());
            let len = about.map_or(0, |about| about.len());
            (path, changed, len)
        })
        .collect()
}

fn source(path: &Path) -> Source {
    Source { file: path.display().to_string(), text: read(path).map_err(|e| e.message) }
}

fn read(path: &Path) -> Result<String, FormError> {
    let size = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?.len();
    if size > LARGEST {
        let message = format!("expected a file of at most {LARGEST} bytes");
        return Err(FormError { file: path.display().to_string(), line: None, message });
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> FormError {
    FormError { file: path.display().to_string(), line: None, message: format!("cannot be read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path) -> Folder {
        Folder { path: Some(path.to_owned()), ..Folder::default() }
    }

    #[test]
    fn a_folder_of_forms_is_laid_over_the_shipped_ones() {
        let dir = tempfile::tempdir().unwrap();
        let shipped = include_str!("../../forms/support-request.toml");
        std::fs::write(dir.path().join("support.toml"), shipped.replace("version = 2", "version = 9")).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "not a form").unwrap();
        std::fs::write(dir.path().join(".#support.toml"), "an editor's lock file").unwrap();
        std::fs::create_dir(dir.path().join("notices")).unwrap();
        let notice = "+++\nversion = \"7\"\nreview_by = 2030-01-01\n+++\nOurs.\n";
        std::fs::write(dir.path().join("notices/general.md"), notice).unwrap();
        let set = load(&at(dir.path())).unwrap();
        let form = set.get(&"support-request".parse().unwrap()).unwrap();
        assert_eq!((set.iter().count(), form.version, form.notice.version.as_str()), (11, 9, "7"));
        // A notice of one's own holds for the shipped forms too, and what translates the shipped one does not translate it.
        let enquiry = set.get(&"general-enquiry".parse().unwrap()).unwrap();
        assert_eq!(enquiry.notice.version, "7");
        let german = set.get_in(&"general-enquiry".parse().unwrap(), &"de".parse().unwrap()).unwrap();
        assert_eq!((german.title.as_str(), german.notice.recorded().as_str()), ("Schreiben Sie uns", "7"));
        // Nor does what translates the shipped form translate another.
        let german = set.get_in(&"support-request".parse().unwrap(), &"de".parse().unwrap()).unwrap();
        assert_eq!((german.version, german.lang.as_str()), (9, "en"));
        assert_eq!(load(&Folder::default()).unwrap().iter().count(), 11);
        let missing = Folder { may_be_missing: true, ..at(&dir.path().join("missing")) };
        assert_eq!(load(&missing).unwrap().iter().count(), 11);
    }

    #[test]
    fn a_folder_of_a_language_translates_the_forms_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let form = include_str!("../../forms/support-request.toml").replace("version = 2", "version = 9");
        let words = include_str!("../../forms/de/support-request.toml").replace("version = 2", "version = 9");
        for folder in ["de", "nl", "notices"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let path = dir.path().join("de/support-request.toml");
        std::fs::write(dir.path().join("support-request.toml"), &form).unwrap();
        std::fs::write(&path, &words).unwrap();
        std::fs::write(dir.path().join("nl/survey.toml"), include_str!("../../forms/de/survey.toml")).unwrap();
        let notice = "+++\nversion = \"7\"\nreview_by = 2030-01-01\n+++\nUnsere.\n";
        std::fs::write(dir.path().join("notices/general.de.md"), notice).unwrap();
        let set = load(&at(dir.path())).unwrap();
        let get = |id: &str, lang: &str| set.get_in(&id.parse().unwrap(), &lang.parse().unwrap()).unwrap().clone();
        assert_eq!(get("support-request", "de-at").title, "Hilfe vom Kundendienst");
        assert_eq!(get("support-request", "de").notice.recorded(), "7/de");
        assert_eq!((get("survey", "nl").lang.as_str(), get("survey", "fr").lang.as_str()), ("nl", "fr"));
        assert!(matches!(check_file(&path, &[]).unwrap(), Checked::Translation(form) if form.lang.as_str() == "de"));
        std::fs::write(&path, words.replace("[fields.urgency]", "[fields.urgence]")).unwrap();
        for error in [load(&at(dir.path())).unwrap_err(), check_file(&path, &[]).unwrap_err()] {
            assert!(error.message.contains("fields.urgency is missing"), "{error}");
        }
        std::fs::remove_file(dir.path().join("support-request.toml")).unwrap();
        assert!(check_file(&path, &[]).unwrap_err().message.contains("expected 2, the version of the form"));
    }

    #[test]
    fn a_mistake_names_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("broken.toml");
        std::fs::write(&path, "id = \"broken\"\nversion = one\n").unwrap();
        for error in [load(&at(dir.path())).unwrap_err(), check_file(&path, &[]).unwrap_err()] {
            assert_eq!((error.file.as_str(), error.line), (path.to_str().unwrap(), Some(2)));
        }
        std::fs::write(&path, [b'#', 0xff]).unwrap();
        assert!(check_file(&path, &[]).unwrap_err().message.contains("cannot be read"));
        assert!(load(&at(&dir.path().join("missing"))).unwrap_err().message.contains("cannot be read"));
        std::fs::write(&path, vec![b'#'; (LARGEST + 1) as usize]).unwrap();
        assert!(check_file(&path, &[]).unwrap_err().message.contains("at most"));
    }

    #[test]
    fn a_file_is_checked_as_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["notices", "consents"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let text = "+++\nversion = \"7\"\nreview_by = 2030-01-01\n+++\n\n# Head\n\nWords.\n";
        let notice = dir.path().join("notices/mine.md");
        std::fs::write(&notice, text).unwrap();
        assert!(matches!(check_file(&notice, &[]).unwrap(), Checked::Notice(notice) if notice.version == "7"));
        let wording = dir.path().join("consents/mine.md");
        std::fs::write(&wording, text).unwrap();
        assert_eq!(check_file(&wording, &[]).unwrap_err().line, Some(6));
        std::fs::write(&wording, text.replace("# Head\n\n", "")).unwrap();
        assert!(matches!(check_file(&wording, &[]).unwrap(), Checked::Wording(wording) if wording.words == "Words."));
        // A form finds the notices beside it.
        let form = dir.path().join("form.toml");
        let shipped = include_str!("../../forms/support-request.toml");
        std::fs::write(&form, shipped.replace("notice = \"general\"", "notice = \"mine\"")).unwrap();
        assert!(matches!(check_file(&form, &[]).unwrap(), Checked::Form(form) if form.notice.version == "7"));
        std::fs::remove_file(&notice).unwrap();
        assert!(check_file(&form, &[]).unwrap_err().message.contains("notices/"));
    }
}
