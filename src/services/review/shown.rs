//! What a reader is shown of a submission: all that their role sees of its form, and not a sign of the rest.

use std::sync::Arc;

use super::{Item, LedgerLine, Past, Submission, form_of};
use crate::base::clock::Timestamp;
use crate::domain::form::Form;
use crate::domain::submission::{Content, FileInfo, Summary};
use crate::domain::work::{Note, Work};
use crate::policy::{self, Action, Sight};
use crate::services::approvals::Standing;
use crate::services::{App, Context, ServiceError, blocking};
use crate::vault::{Located, Opened};

/// What stands behind a submission, beside what was sent and said.
#[derive(Default)]
pub(in crate::services) struct Behind {
    pub(in crate::services) consent_changes: Vec<LedgerLine>,
    pub(in crate::services) notes: Vec<(Note, bool)>,
    pub(in crate::services) history: Vec<Past>,
    pub(in crate::services) lent: Option<Timestamp>,
    pub(in crate::services) legal: Option<Standing>,
}

/// What the actor is shown of a submission that was opened.
pub(in crate::services) fn shown(
    sight: &Sight<'_>,
    form: &Form,
    mut summary: Summary,
    opened: Opened,
    behind: Behind,
) -> Submission {
    let Opened { mut content, mut messages, mut downloads, .. } = opened;
    let Behind { mut consent_changes, notes, mut history, lent, legal } = behind;
    if !sight.shows_messages() {
        messages.clear();
        downloads.clear();
        consent_changes.clear();
        (summary.messages, summary.unanswered, summary.work) = (0, 0, Work::default());
    }
    if lent.is_some() {
        // What they agreed to, and by whose server they came, is for those who work on it.
        content.consents.clear();
        content.server_key = None;
    }
    if sight.may_hide_files() {
        limit_history(sight, &content.files, &mut history);
    }
    sight.limit(&mut content, &mut messages);
    let masked = sight.masked().map(str::to_owned).collect();
    let former_masked = content.form_version != form.version && !sight.shows_former();
    Submission {
        summary,
        content,
        messages,
        downloads,
        consent_changes,
        masked,
        former_masked,
        notes,
        history,
        lent,
        legal,
    }
}

/// Leaves out what was done with files that are not shown, and gives the others the numbers by which they are.
fn limit_history(sight: &Sight<'_>, sent: &[FileInfo], history: &mut Vec<Past>) {
    let hidden = |file: &&FileInfo| !sight.shows_files(&file.field);
    history.retain_mut(|past| match past.file {
        // A scan may be of any file.
        None => past.action != Action::ScanFile.as_str(),
        Some(n) if sent.iter().any(|file| file.n == n && hidden(&file)) => false,
        Some(n) => {
            let before = sent.iter().filter(|file| file.n < n).filter(hidden).count();
            past.file = Some(n.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX)));
            true
        }
    });
}

/// A line of a list whose content was opened.
pub(in crate::services) fn item(sight: &Sight<'_>, form: &Form, mut summary: Summary, mut content: Content) -> Item {
    let sent = content.files.len();
    sight.limit(&mut content, &mut []);
    let hidden = u32::try_from(sent - content.files.len()).unwrap_or(u32::MAX);
    summary.files = summary.files.map(|files| files.saturating_sub(hidden));
    content.fields.retain(|name, _| form.summary.contains(name));
    let masked = form.summary.iter().filter(|name| !sight.shows_field(name)).cloned().collect();
    Item { summary, fields: Some(content.fields), masked }
}

/// What a list shows of a submission that was not opened.
pub(in crate::services) fn line(app: &App, ctx: &Context, mut summary: Summary) -> Summary {
    let forms = app.forms();
    let hides = |form: &Arc<Form>| policy::sight(&ctx.actor, form, None).may_hide_files();
    if forms.get(&summary.form).is_none_or(hides) {
        summary.files = None;
    }
    summary
}

/// The number that file `n` has in truth, as the actor was told of it. What they are not shown has none.
pub(super) async fn true_number(
    app: &Arc<App>,
    ctx: &Context,
    located: Located,
    purpose: &str,
    lent: bool,
    n: u32,
) -> Result<(u32, Located), ServiceError> {
    let form = form_of(app, &located)?;
    let sight = super::sight(&ctx.actor, &form, purpose, lent);
    if !sight.may_hide_files() {
        return Ok((n, located));
    }
    let vault = Arc::clone(&app.vault);
    let (fields, located) = blocking(move || (vault.fields_of_files(&located), located)).await?;
    let number = sight.true_number(&fields?, n).ok_or(ServiceError::NotFound)?;
    Ok((number, located))
}
