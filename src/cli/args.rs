//! What the command line takes. The help texts are the manual; each command shows how it is used.

mod help;
mod records;
mod vault;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(super) use records::{
    Acting, BoardCommand, DeclineArgs, EraseArgs, FindArgs, ListArgs, MarkArgs, PublishArgs, RecordCommand,
    ResultsArgs, SearchArgs, ShowArgs, SubjectCommand, SubjectEraseArgs, SurveyCommand, TextsArgs,
};
pub(super) use vault::{
    AuditCommand, AuditProveArgs, AuditVerifyArgs, CertificateArgs, ErasureCommand, ErasureShowArgs, FormCheckArgs,
    FormCommand, FormListArgs, Json, KeyCommand, KeyCreateArgs, ServeArgs, StaffCommand, TailArgs, TokenCommand,
    TokenCreateArgs,
};

use crate::base::config::Flags;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "letterlock",
    version,
    about = help::ABOUT,
    before_help = help::BEFORE,
    after_help = help::AFTER,
    after_long_help = help::after_long(),
    max_term_width = 100
)]
pub(super) struct Args {
    /// Configuration file [default: letterlock.toml in the current folder, if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    config: Option<PathBuf>,

    /// Data folder: sealed records and files [default: data]
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Global options")]
    data: Option<PathBuf>,

    /// Key folder; never inside the data folder, nor copied with it [default: keys]
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "Global options")]
    keys: Option<PathBuf>,

    /// Work on a file system on which overwriting a key in place is not known to destroy it
    #[arg(long, global = true, help_heading = "Global options")]
    accept_unsafe_fs: bool,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

impl Args {
    /// What overrides file and environment.
    pub(super) fn flags(&self) -> Flags {
        let listen = match &self.command {
            Some(Command::Serve(serve)) => serve.listen.clone(),
            _ => None,
        };
        Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            keys: self.keys.clone(),
            listen,
            accept_unsafe_fs: self.accept_unsafe_fs,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the HTTPS service; the first run makes everything it needs
    #[command(after_help = help::SERVE)]
    Serve(ServeArgs),
    /// Make the keys and the data folder without running the service
    #[command(after_help = help::INIT)]
    Init,
    /// Show the state of the vault: keys, epochs, counts, free space, address
    #[command(after_help = help::STATUS)]
    Status(Json),
    /// Show how often forms were shown and sent, by day and family of browser
    #[command(after_help = help::STATISTICS)]
    Statistics(Json),
    /// Add, list and disable staff accounts
    #[command(subcommand, arg_required_else_help = true, after_help = help::STAFF)]
    Staff(StaffCommand),
    /// Make and revoke the tokens with which accounts use the API
    #[command(subcommand, arg_required_else_help = true, after_help = help::TOKEN)]
    Token(TokenCommand),
    /// Make, list and revoke the keys with which servers post forms on behalf of people
    #[command(subcommand, arg_required_else_help = true, after_help = help::KEY)]
    Key(KeyCommand),
    /// List the forms, or check a form file
    #[command(subcommand, arg_required_else_help = true, after_help = help::FORM)]
    Form(FormCommand),
    /// List, read and erase submissions, acting as a role
    #[command(subcommand, arg_required_else_help = true, after_help = help::RECORD)]
    Record(RecordCommand),
    /// Publish and decline comments on boards, acting as a role
    #[command(subcommand, arg_required_else_help = true, after_help = help::BOARD)]
    Board(BoardCommand),
    /// Show what a survey comes to, acting as a role
    #[command(subcommand, arg_required_else_help = true, after_help = help::SURVEY)]
    Survey(SurveyCommand),
    /// Find and erase people, acting as a role
    #[command(subcommand, arg_required_else_help = true, after_help = help::SUBJECT)]
    Subject(SubjectCommand),
    /// Verify the audit trail, sign its head, show its latest entries
    #[command(subcommand, arg_required_else_help = true, after_help = help::AUDIT)]
    Audit(AuditCommand),
    /// Open every page, record and file and check every link
    #[command(after_help = help::VERIFY)]
    Verify(Json),
    /// Check certificates of erasure, without a vault, or print one again
    #[command(subcommand, arg_required_else_help = true, after_help = help::ERASURE)]
    Erasure(ErasureCommand),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after() {
        let before = Args::try_parse_from(["letterlock", "--data", "d", "--keys", "k", "status"]).unwrap().flags();
        let after = Args::try_parse_from(["letterlock", "status", "--data", "d", "--keys", "k"]).unwrap().flags();
        assert_eq!((before.data, before.keys), (after.data, after.keys));
    }

    #[test]
    fn every_command_shows_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                let help = sub.clone().render_long_help().to_string();
                assert!(help.contains(&format!("{path} ")) || help.contains(&format!("{path}\n")), "{path}:\n{help}");
                assert!(help.contains("Example"), "{path} has no example");
                walk(sub, &path);
            }
        }
        let mut command = Args::command();
        command.build();
        walk(&command, "letterlock");
    }
}
