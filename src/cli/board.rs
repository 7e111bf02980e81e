//! `letterlock board`.

use super::args::{BoardCommand, DeclineArgs, PublishArgs};
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::{Session, announce};
use crate::control::Command;

pub(super) async fn board(session: &mut Session, command: BoardCommand) -> Outcome {
    let (id, acting, reason) = match command {
        BoardCommand::Publish(PublishArgs { id, acting }) => (id, acting, None),
        BoardCommand::Decline(DeclineArgs { id, acting, reason }) => (id, acting, Some(reason.into())),
    };
    announce(acting.role, acting.purpose.as_deref());
    let command = Command::BoardModerate { role: acting.role, purpose: acting.purpose, id, reason };
    let moderated = session.run(command, |_| Ok(())).await?;
    output::line(&format!("{}  {}", text(&moderated, "id"), text(&moderated, "status")))
}
