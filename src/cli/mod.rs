//! The command line: parses, opens what the command needs, says what happened, and picks the exit code.
//!
//! Commands that need the vault run by way of a [`session::Session`]: beside a running service over its control
//! socket, otherwise in this process. Results go to standard output, everything else to standard error, so that
//! `letterlock token create … > token` and `letterlock record list … --json | jq` do what they look like.

mod args;
mod audit;
mod board;
mod certificate;
mod erasing;
mod forms;
mod harden;
mod input;
mod keys;
mod logging;
mod outcome;
mod output;
mod progress;
mod record;
mod roles;
mod serve;
mod session;
mod staff;
mod statistics;
mod status;
mod subject;
mod survey;
mod terminal;
mod tls;
mod ttl;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, AuditCommand, Command, ErasureCommand, FormCommand};
use outcome::{CliError, Outcome};
use session::Session;

use crate::adapters::preview::worker;
use crate::base::config::{self, Config};
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // The process that makes previews is this program, too. It is no command, and does without all that follows.
    if let Some(args) = worker::asked() {
        return worker::main(&args);
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and version go to standard output with code 0, mistakes to standard error with code 2.
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            if !e.message.is_empty() {
                terminal::say(&format!("letterlock: {}", e.message));
            }
            ExitCode::from(e.code as u8)
        }
    }
}

fn run(args: Args) -> Outcome {
    let flags = args.flags();
    let Some(command) = args.command else {
        Args::command().print_help().map_err(output::closed)?;
        return Ok(());
    };
    // What needs neither folders nor configuration comes first, so that it works on any machine.
    let command = match command {
        Command::Erasure(ErasureCommand::Verify(args)) => return certificate::verify(&args),
        Command::Form(FormCommand::Check(args)) => {
            // The configuration says where files lie that forms unlock; without one, they lie where they do by default.
            let variables = std::env::vars_os().filter(|(name, _)| !harden::is_own_variable(name));
            return forms::check(&args, &config::load(variables, &flags).unwrap_or_default());
        }
        other => other,
    };

    let notices = harden::process();
    let config = config::load(std::env::vars_os().filter(|(name, _)| !harden::is_own_variable(name)), &flags)?;
    if let Command::Form(FormCommand::List(args)) = command {
        return forms::list(&config, &args);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(wipe_stack::<USUAL_DEPTH>)
        .build()
        .map_err(|e| CliError::failed(format!("cannot start: {e}")))?;
    runtime.block_on(async {
        match command {
            Command::Serve(_) => serve::serve(&config, &notices).await,
            Command::Init => serve::init(&config).await,
            command => with_session(&config, command).await,
        }
    })
}

async fn with_session(config: &Config, command: Command) -> Outcome {
    let mut session = Session::open(config).await?;
    let outcome = dispatch(&mut session, config, command).await;
    session.close().await;
    outcome
}

async fn dispatch(session: &mut Session, config: &Config, command: Command) -> Outcome {
    match command {
        Command::Status(args) => status::status(session, config, &args).await,
        Command::Statistics(args) => statistics::statistics(session, &args).await,
        Command::Staff(command) => staff::staff(session, command).await,
        Command::Token(command) => staff::token(session, command).await,
        Command::Key(command) => keys::key(session, command).await,
        Command::Record(command) => record::record(session, command).await,
        Command::Board(command) => board::board(session, command).await,
        Command::Survey(command) => survey::survey(session, command).await,
        Command::Subject(command) => subject::subject(session, command).await,
        Command::Audit(AuditCommand::Verify(args)) => audit::verify(session, &args).await,
        Command::Audit(AuditCommand::Prove(args)) => audit::prove(session, &args).await,
        Command::Audit(AuditCommand::Head(args)) => audit::head(session, &args).await,
        Command::Audit(AuditCommand::Transfers(args)) => audit::transfers(session, &args).await,
        Command::Audit(AuditCommand::Tail(args)) => audit::tail(session, &args).await,
        Command::Verify(args) => verify::verify(session, &args).await,
        Command::Erasure(ErasureCommand::Show(args)) => erasing::certificate(session, args).await,
        Command::Serve(_) | Command::Init | Command::Form(_) | Command::Erasure(ErasureCommand::Verify(_)) => {
            Err(CliError::failed("this command needs no open vault"))
        }
    }
}
