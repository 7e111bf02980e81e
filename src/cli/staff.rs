//! `letterlock staff` and `letterlock token`.

use std::time::Duration;

use serde_json::Value;

use super::args::{StaffCommand, TokenCommand, TokenCreateArgs};
use super::input;
use super::outcome::{CliError, Outcome};
use super::output::{self, text};
use super::session::Session;
use super::terminal::{clean, say};
use super::ttl::Life;
use crate::control::Command;

pub(super) async fn staff(session: &mut Session, command: StaffCommand) -> Outcome {
    match command {
        StaffCommand::Add { login, service, email } => {
            let email = email.then(input::address).transpose()?;
            let account = session.run(Command::StaffAdd { login, service, email }, |_| Ok(())).await?;
            output::line(&format!("{}  {}", text(&account, "id"), text(&account, "login")))
        }
        StaffCommand::Invite { login, roles, ttl, email } => {
            let ttl_seconds = limited(ttl)?;
            let email = email.then(input::address).transpose()?;
            invitation(&session.run(Command::StaffInvite { login, roles, ttl_seconds, email }, |_| Ok(())).await?)
        }
        StaffCommand::Recover { login, ttl } => {
            let ttl_seconds = limited(ttl)?;
            invitation(&session.run(Command::StaffRecover { login, ttl_seconds }, |_| Ok(())).await?)
        }
        StaffCommand::Email { login, none } => {
            let email = if none { None } else { Some(input::address()?) };
            let told = if none { "has no work e-mail address now" } else { "has a new work e-mail address" };
            let told = format!("{} {told}", clean(&login));
            session.run(Command::StaffEmail { login, email }, |_| Ok(())).await?;
            say(&told);
            Ok(())
        }
        StaffCommand::Region { login, region, none: _ } => {
            let place =
                region.as_ref().map_or_else(|| "where the vault is".to_owned(), |region| format!("from {region}"));
            session.run(Command::StaffRegion { login: login.clone(), region }, |_| Ok(())).await?;
            say(&format!("{} reads {place} now", clean(&login)));
            Ok(())
        }
        StaffCommand::Roles { login, roles } => {
            let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            let told =
                format!("{} is {} now, and every session of the account has ended", clean(&login), names.join(", "));
            session.run(Command::StaffRoles { login, roles }, |_| Ok(())).await?;
            say(&told);
            Ok(())
        }
        StaffCommand::Requests { role, json } => {
            let (requests, _) = session.collect(Command::Approvals { role }).await?;
            if json.json {
                return output::json(&serde_json::json!({ "items": requests, "next": null }));
            }
            let rows: Vec<_> = requests.iter().map(request).collect();
            output::table(&["ID", "WHAT", "STAGE", "ASKED BY", "DECIDED BY", "EXPIRES", "WHY"], &rows)
        }
        StaffCommand::List(args) => {
            let (accounts, _) = session.collect(Command::StaffList).await?;
            if args.json {
                return output::json(&serde_json::json!({ "items": accounts, "next": null }));
            }
            let rows: Vec<_> = accounts.iter().flat_map(rows).collect();
            output::table(
                &["LOGIN", "KIND", "STATE", "E-MAIL", "REGION", "TOKEN", "ROLES", "ONLY", "USED", "TOKEN ENDS"],
                &rows,
            )
        }
        StaffCommand::Disable { login } => {
            let told = format!("{} is disabled, and all tokens of the account", clean(&login));
            session.run(Command::StaffDisable { login }, |_| Ok(())).await?;
            say(&told);
            Ok(())
        }
    }
}

pub(super) async fn token(session: &mut Session, command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create(TokenCreateArgs { login, roles, actions, forms, ttl }) => {
            let ttl_seconds = match ttl {
                Life::For(life) => Some(life.as_secs()),
                Life::Unlimited => None,
            };
            let command = Command::TokenCreate { login, roles, actions, forms, ttl_seconds };
            let token = session.run(command, |_| Ok(())).await?;
            say(&format!("token {} made; it is shown this once", text(&token, "id")));
            output::line(&text(&token, "bearer"))
        }
        TokenCommand::Revoke { id } => {
            session.run(Command::TokenRevoke { id }, |_| Ok(())).await?;
            say(&format!("token {id} is revoked"));
            Ok(())
        }
    }
}

/// An invitation always ends.
fn limited(life: Life<Duration>) -> Outcome<u64> {
    match life {
        Life::For(life) => Ok(life.as_secs()),
        Life::Unlimited => Err(CliError::refused("--ttl: an invitation has to end some time".to_owned())),
    }
}

fn invitation(made: &Value) -> Outcome {
    say(&format!("invitation for {}, good once, until {}", clean(&text(made, "login")), text(made, "expires")));
    output::line(&text(made, "link"))
}

/// One row a token; one in all for an account without.
/// A line of what needs two people.
fn request(request: &Value) -> Vec<String> {
    let words = |names: &Value| {
        let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
        names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
    };
    let what = match request["kind"].as_str() {
        Some("roles") => {
            format!(
                "roles of {}: {} to {}",
                text(request, "login"),
                words(&request["roles_before"]),
                words(&request["roles"])
            )
        }
        Some("export") => format!("export of {}", text(request, "form")),
        Some("legal-reading") => format!("reading under a legal basis: {}", text(request, "basis")),
        _ => format!("erase {} people", request["subject_count"]),
    };
    let decided = request["decided_by"].as_str().unwrap_or("-").to_owned();
    let [id, stage, asker, expires, reason] =
        ["id", "stage", "asked_by", "expires", "reason"].map(|name| text(request, name));
    vec![id, what, stage, asker, decided, expires, reason]
}

fn rows(account: &Value) -> Vec<Vec<String>> {
    let kind = match (account["service"] == true, account["provider"] == true) {
        (true, _) => "service",
        (_, true) => "provider",
        _ => "person",
    };
    let state = if account["disabled"] == true { "disabled" } else { "active" };
    let email = account["email"].as_str().unwrap_or("-");
    let region = account["region"].as_str().unwrap_or("-");
    let row = |token: [String; 5]| {
        let mut row =
            vec![text(account, "login"), kind.to_owned(), state.to_owned(), email.to_owned(), region.to_owned()];
        row.extend(token);
        row
    };
    let tokens = account["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tokens.is_empty() {
        return vec![row(std::array::from_fn(|_| "-".to_owned()))];
    }
    let each = tokens.iter().map(|token| {
        let names = |name: &str| {
            let all = token[name].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        };
        let only: Vec<_> = [names("actions"), names("forms")].into_iter().filter(|names| !names.is_empty()).collect();
        let only = if only.is_empty() { "-".to_owned() } else { only.join(" ") };
        let used = token["last_used"].as_str().unwrap_or("never").to_owned();
        let ends = match (token["revoked"] == true, &token["expires"]) {
            (true, _) => "revoked".to_owned(),
            (_, Value::Null) => "never".to_owned(),
            _ => text(token, "expires"),
        };
        row([text(token, "id"), names("roles"), only, used, ends])
    });
    each.collect()
}
