//! A message from the person, with files.

use std::sync::Arc;

use super::{Own, context, invalid};
use crate::base::ids::RequestId;
use crate::domain::file::FileKind;
use crate::domain::language::Said;
use crate::domain::message::{Author, FOR_STAFF, MAX_MESSAGES, MAX_UNANSWERED, Message, MessageText};
use crate::policy::{Action, Resource};
use crate::services::arriving::Arrivals;
use crate::services::{App, Problem, ServiceError, blocking, converse, scan};
use crate::vault::{Act, MAX_FILES, NewMessage};

/// The name of the file part.
pub(super) const FILE: &str = "file";
/// Files of one message, at most.
const MOST_FILES: usize = 3;
/// Bytes of one file where the form says nothing of files.
const FILE_BYTES: u64 = 20 << 20;

/// Which files can be sent with a message: the kinds and sizes that the form takes, or the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRules {
    /// What is taken, as judged by content.
    pub kinds: Vec<FileKind>,
    /// Largest size of one, in bytes.
    pub max_bytes: u64,
    /// How many can still be sent: at most three a message, and fifteen in all with the submission's.
    pub max_files: usize,
}

/// A message on its way in. Dropped without [`MessageIntake::finish`], it leaves nothing readable behind.
pub struct MessageIntake {
    app: Arc<App>,
    own: Own,
    act: Act,
    rules: FileRules,
    status: Option<crate::domain::submission::Status>,
    text: MessageText,
    files: Arrivals,
    problems: Vec<Problem>,
}

impl MessageIntake {
    /// Begins a message.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] once the submission was erased; [`ServiceError::StorageFull`].
    pub async fn begin(app: &Arc<App>, request: RequestId, own: Own) -> Result<Self, ServiceError> {
        app.vault.ready_for_intake()?;
        let vault = Arc::clone(&app.vault);
        let summary = blocking(move || vault.locate(&own.0)).await??.summary;
        let act = context(request).act(Action::WriteMessage, &Resource::of_own(summary.nature))?;
        if summary.unanswered >= MAX_UNANSWERED || summary.messages >= MAX_MESSAGES - FOR_STAFF {
            let message = Said::new("problem.wait-for-answer");
            return Err(invalid(Problem::in_field("text", "wait-for-answer", message)));
        }
        let form = app.forms().get(&summary.form).cloned();
        Ok(Self {
            app: Arc::clone(app),
            own,
            act,
            rules: FileRules::of(form.as_deref(), summary.files.unwrap_or(u32::MAX)),
            status: form.as_deref().and_then(|form| converse::taken_up(form, summary.status)),
            text: MessageText::default(),
            files: Arrivals::new(app, form.as_deref()),
            problems: Vec::new(),
        })
    }

    /// The text. What is wrong with it is told by `finish`.
    pub fn text(&mut self, typed: &str) {
        match MessageText::parse(typed) {
            Ok(text) => self.text = text,
            Err(problem) => self.problems.push(problem),
        }
    }

    /// A file begins. `file_name` is as the client sent it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for too many files, [`ServiceError::StorageFull`].
    pub async fn begin_file(&mut self, file_name: Option<&str>) -> Result<(), ServiceError> {
        // One more is let in: an untouched input is none.
        if self.files.len() > self.rules.max_files {
            return Err(invalid(self.too_many()));
        }
        self.files.begin(FILE, file_name, self.rules.max_bytes).await
    }

    /// The next piece of the file begun last.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the limit is passed, [`ServiceError::StorageFull`].
    pub async fn file_chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        self.files.chunk(chunk).await
    }

    /// The file is complete: its kind is judged. What is wrong with it is told by `finish`.
    ///
    /// # Errors
    /// As [`MessageIntake::file_chunk`].
    pub async fn end_file(&mut self) -> Result<(), ServiceError> {
        let Some((_, sent)) = self.files.end().await? else { return Ok(()) };
        if sent.size == 0 {
            self.problems.push(Problem::in_field(FILE, "empty-file", Said::new("problem.empty-file")));
        } else if sent.kind.is_none_or(|kind| !self.rules.kinds.contains(&kind)) {
            let kinds: Vec<Said> = self.rules.kinds.iter().map(|kind| kind.said()).collect();
            let message = Said::new("problem.wrong-file-type").with("kinds", kinds);
            self.problems.push(Problem::in_field(FILE, "wrong-file-type", message));
        }
        Ok(())
    }

    /// Seals and stores it, and returns its number in the conversation once it is durable.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every mistake, also for a message without text and files; storage errors. Nothing is
    /// stored then.
    pub async fn finish(mut self) -> Result<u32, ServiceError> {
        if self.files.len() > self.rules.max_files {
            self.problems.push(self.too_many());
        }
        let (files, refused) = self.files.into_parts();
        self.problems.extend(refused);
        if self.problems.is_empty() && self.text.is_empty() && files.is_empty() {
            let message = Said::new("problem.message-empty");
            self.problems.push(Problem::in_field("text", "required", message));
        }
        if !self.problems.is_empty() {
            return Err(ServiceError::Invalid(self.problems));
        }
        let message = Message {
            at: self.app.clock.now(),
            author: Author::Subject,
            text: self.text,
            // The vault numbers them on from those there are.
            files: (0..).zip(&files).map(|(n, file)| file.info(n)).collect(),
        };
        let files = files.into_iter().map(|file| file.sealed).collect();
        let waits = message.files.iter().any(|file| file.scan.waits());
        let new = NewMessage { message, files, status: self.status, tell: None };
        let number = self.app.vault.add_message(self.act, self.own.0, new).await?;
        if waits {
            scan::came(&self.app, self.own.0);
        }
        Ok(number)
    }

    fn too_many(&self) -> Problem {
        let message = match self.rules.max_files {
            0 => Said::new("problem.no-more-files"),
            n => Said::new("problem.files-now").with("n", n),
        };
        Problem::in_field(FILE, "too-many-files", message)
    }
}

impl FileRules {
    /// The rules for a submission by `form` that has so many files already.
    pub fn of(form: Option<&crate::domain::form::Form>, files: u32) -> Self {
        let fields = form.map_or(&[][..], |form| &form.files);
        let mut kinds: Vec<FileKind> = fields.iter().flat_map(|field| field.kinds.clone()).collect();
        kinds.sort();
        kinds.dedup();
        Self {
            kinds: if kinds.is_empty() { FileKind::ALL.to_vec() } else { kinds },
            max_bytes: fields.iter().map(|field| field.max_bytes).max().unwrap_or(FILE_BYTES),
            max_files: MAX_FILES.saturating_sub(files as usize).min(MOST_FILES),
        }
    }
}
