//! Arguments of the commands that act on records and people.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::help;
use crate::base::ids::{PersonId, RecordId};
use crate::domain::form::FormId;
use crate::domain::submission::Status;
use crate::policy::Role;

/// The owner of the machine acts in the roles that are always there: what the configuration makes of others is for accounts.
pub(super) fn built_in(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(Role::Custom(_)) | Err(_) => {
            Err("expected hr, support, training, partner, marketing, privacy, auditor or admin".to_owned())
        }
        Ok(role) => Ok(role),
    }
}

/// Whom the owner of the machine acts as, and what for.
#[derive(Debug, Args)]
pub(in crate::cli) struct Acting {
    /// Role to act as: hr, support, training, partner, marketing, privacy, auditor, admin
    #[arg(long = "as", value_name = "ROLE", value_parser = built_in)]
    pub(in crate::cli) role: Role,
    /// What for, as a name such as subject-request; reading content needs one that the form allows
    #[arg(long)]
    pub(in crate::cli) purpose: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RecordCommand {
    /// List submissions, newest first
    #[command(after_help = help::RECORD_LIST)]
    List(ListArgs),
    /// Look through submissions for words, read from standard input or a prompt; newest first
    #[command(after_help = help::RECORD_SEARCH)]
    Search(SearchArgs),
    /// Show one submission, or save one of its files
    #[command(after_help = help::RECORD_SHOW)]
    Show(ShowArgs),
    /// Mark how far the work on a submission is
    #[command(after_help = help::RECORD_MARK)]
    Mark(MarkArgs),
    /// Erase one submission for good
    #[command(after_help = help::RECORD_ERASE)]
    Erase(EraseArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Only this form
    #[arg(long)]
    pub(in crate::cli) form: Option<FormId>,
    /// Only this status: new, in-progress, answered, closed; received, shortlisted, interview, offer, hired, rejected; published, declined, withdrawn
    #[arg(long, value_parser = status)]
    pub(in crate::cli) status: Option<Status>,
    /// Continue after this cursor, as an earlier list printed it
    #[arg(long, value_name = "CURSOR")]
    pub(in crate::cli) after: Option<String>,
    /// How many, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(in crate::cli) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SearchArgs {
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Only this form; otherwise all that are read for the purpose
    #[arg(long)]
    pub(in crate::cli) form: Option<FormId>,
    /// Only this status
    #[arg(long, value_parser = status)]
    pub(in crate::cli) status: Option<Status>,
    /// Received on this day (UTC) or later, as in 2026-11-25
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) from: Option<jiff::civil::Date>,
    /// Received on this day (UTC) or earlier
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) until: Option<jiff::civil::Date>,
    /// Go on after this cursor, as an earlier search printed it
    #[arg(long, value_name = "CURSOR")]
    pub(in crate::cli) after: Option<String>,
    /// Stop after so many, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(in crate::cli) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Id of the submission
    pub(in crate::cli) id: RecordId,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Save file number N instead
    #[arg(long, value_name = "N", requires = "out")]
    pub(in crate::cli) file: Option<u32>,
    /// Where to; a file that exists is not overwritten
    #[arg(long, value_name = "PATH", requires = "file")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MarkArgs {
    /// Id of the submission
    pub(in crate::cli) id: RecordId,
    /// new, in-progress, answered, closed; or for applications received, shortlisted, interview, offer, hired, rejected
    #[arg(value_parser = status)]
    pub(in crate::cli) status: Status,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EraseArgs {
    /// Id of the submission
    pub(in crate::cli) id: RecordId,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Do not ask at a terminal
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SubjectCommand {
    /// Find a person by e-mail address, read from standard input or a prompt
    #[command(after_help = help::SUBJECT_FIND)]
    Find(FindArgs),
    /// Erase people for good, with all that is held about them
    #[command(after_help = help::SUBJECT_ERASE)]
    Erase(SubjectEraseArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FindArgs {
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SubjectEraseArgs {
    /// Ids of the people
    #[arg(value_name = "ID", required_unless_present = "from", conflicts_with = "from")]
    pub(in crate::cli) ids: Vec<PersonId>,
    /// Read the ids from a file, one a line; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) from: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Write each certificate to ID.json in this folder instead of standard output
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) certificates: Option<PathBuf>,
    /// Do not ask at a terminal
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum BoardCommand {
    /// Publish a comment: everybody reads it from then on
    #[command(after_help = help::BOARD_PUBLISH)]
    Publish(PublishArgs),
    /// Decline a comment, or take a published one off again; its author reads why
    #[command(after_help = help::BOARD_DECLINE)]
    Decline(DeclineArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PublishArgs {
    /// Id of the submission
    pub(in crate::cli) id: RecordId,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DeclineArgs {
    /// Id of the submission
    pub(in crate::cli) id: RecordId,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Why, for its author; nothing personal, since other users of the machine can see it here
    #[arg(long)]
    pub(in crate::cli) reason: String,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SurveyCommand {
    /// Show what a survey comes to: counts over whole groups of answers, never a single one
    #[command(after_help = help::SURVEY_RESULTS)]
    Results(ResultsArgs),
    /// Read the words in a field of a survey, apart from all else of their answers
    #[command(after_help = help::SURVEY_TEXTS)]
    Texts(TextsArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ResultsArgs {
    /// Name of the form
    pub(in crate::cli) form: FormId,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TextsArgs {
    /// Name of the form
    pub(in crate::cli) form: FormId,
    /// Name of the field
    pub(in crate::cli) field: String,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
    /// Continue after this cursor, as an earlier answer printed it
    #[arg(long, value_name = "CURSOR")]
    pub(in crate::cli) after: Option<String>,
    /// How many, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(in crate::cli) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn status(text: &str) -> Result<Status, String> {
    let value = serde_json::Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|_| {
        "not a status: expected new, in-progress, answered or closed; for an application received, shortlisted, \
         interview, offer, hired or rejected; for a comment new, published, declined or withdrawn"
            .to_owned()
    })
}
