//! `letterlock key`.

use serde_json::Value;

use super::args::{KeyCommand, KeyCreateArgs};
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::Session;
use super::terminal::say;
use super::ttl::Life;
use crate::control::Command;

pub(super) async fn key(session: &mut Session, command: KeyCommand) -> Outcome {
    match command {
        KeyCommand::Create(KeyCreateArgs { name, forms, ttl }) => {
            let ttl_seconds = match ttl {
                Life::For(life) => Some(life.as_secs()),
                Life::Unlimited => None,
            };
            let key = session.run(Command::KeyCreate { name, forms, ttl_seconds }, |_| Ok(())).await?;
            say(&format!("key {} made; it is shown this once", text(&key, "id")));
            output::line(&text(&key, "bearer"))
        }
        KeyCommand::List(args) => {
            let (keys, _) = session.collect(Command::KeyList).await?;
            if args.json {
                return output::json(&serde_json::json!({ "items": keys, "next": null }));
            }
            output::table(&["NAME", "KEY", "FORMS", "LAST USED", "ENDS"], &keys.iter().map(row).collect::<Vec<_>>())
        }
        KeyCommand::Revoke { id } => {
            session.run(Command::KeyRevoke { id }, |_| Ok(())).await?;
            say(&format!("key {id} is revoked"));
            Ok(())
        }
    }
}

fn row(key: &Value) -> Vec<String> {
    let forms = key["forms"].as_array().map(Vec::as_slice).unwrap_or_default();
    let forms: Vec<_> = forms.iter().filter_map(Value::as_str).collect();
    let or = |name: &str, none: &str| if key[name].is_null() { none.to_owned() } else { text(key, name) };
    let ends = if key["revoked"] == true { "revoked".to_owned() } else { or("expires", "never") };
    vec![text(key, "name"), text(key, "id"), forms.join(","), or("last_used", "never"), ends]
}
