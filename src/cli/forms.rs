//! `letterlock form`: needs no vault.

use serde_json::json;

use super::args::{FormCheckArgs, FormListArgs};
use super::outcome::{CliError, Outcome};
use super::output;
use crate::base::config::Config;
use crate::domain::form::{Form, FormSet};
use crate::policy::{self, Action, Actor, Resource};
use crate::services;

/// The shipped forms and those in the forms folder. The default folder need not exist.
pub(super) fn load(config: &Config) -> Outcome<FormSet> {
    let left_out = config.forms == Config::default().forms && !config.forms.exists();
    services::forms::load((!left_out).then_some(config.forms.as_path())).map_err(|e| CliError::usage(e.to_string()))
}

pub(super) fn list(config: &Config, args: &FormListArgs) -> Outcome {
    let forms = load(config)?;
    let may_list = |form: &Form| {
        let allowed = |role| {
            let resource = Resource::Form { roles: &form.roles };
            policy::decide(&Actor::Owner { role }, Action::ListSubmissions, &resource).is_ok()
        };
        args.role.is_none_or(allowed)
    };
    let shown: Vec<_> = forms.iter().filter(|form| may_list(form)).collect();
    if args.json {
        let items: Vec<_> = shown.iter().map(|form| describe(form)).collect();
        return output::json(&json!({ "items": items, "next": null }));
    }
    let row = |form: &&std::sync::Arc<Form>| {
        let roles: Vec<_> = form.roles.iter().map(|role| role.as_str()).collect();
        vec![
            form.id.to_string(),
            form.version.to_string(),
            form.title.clone(),
            roles.join(","),
            form.purposes.join(","),
            format!("/f/{}", form.id),
        ]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    output::table(&["FORM", "VERSION", "TITLE", "ROLES", "PURPOSES", "PAGE"], &rows)
}

pub(super) fn check(args: &FormCheckArgs) -> Outcome {
    let form = services::forms::check_file(&args.file).map_err(|e| CliError::usage(e.to_string()))?;
    output::line(&format!("{}: in order", args.file.display()))?;
    let names = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    for (what, value) in [
        ("Form", format!("{}, version {}", form.id, form.version)),
        ("Title", form.title.clone()),
        ("Fields", names(form.fields.iter().map(|field| field.name.as_str()).collect())),
        ("Files", names(form.files.iter().map(|file| file.name.as_str()).collect())),
        ("Consents", names(form.consents.iter().map(|consent| consent.name.as_str()).collect())),
        ("Read by", names(form.roles.iter().map(|role| role.as_str()).collect())),
        ("Read for", names(form.purposes.iter().map(String::as_str).collect())),
        ("Kept", format!("{} days", form.retention_days)),
    ] {
        output::line(&format!("{what:<10}{}", super::terminal::clean(&value)))?;
    }
    Ok(())
}

fn describe(form: &Form) -> serde_json::Value {
    json!({
        "form": form.id,
        "version": form.version,
        "title": form.title,
        "roles": form.roles,
        "purposes": form.purposes,
        "notice": form.notice.version,
        "page": format!("/f/{}", form.id),
    })
}
