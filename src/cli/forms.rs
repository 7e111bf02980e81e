//! `letterlock form`: needs no vault.

use std::path::Path;

use serde_json::json;

use super::args::{FormCheckArgs, FormListArgs};
use super::outcome::{CliError, Outcome};
use super::{output, roles};
use crate::base::config::Config;
use crate::domain::country::Country;
use crate::domain::form::{Announce, Form, FormSet, Origin, ReturnAddress, ReturnRule};
use crate::domain::language::{Lang, Languages};
use crate::domain::operator::Operator;
use crate::domain::resource::Unlock;
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::services;
use crate::services::forms::{Checked, Folder};

/// Where the forms come from. The default folder need not exist.
pub(super) fn folder(config: &Config) -> Outcome<Folder> {
    let country = config.country.as_ref().map(|code| code.parse::<Country>()).transpose();
    Ok(Folder {
        path: Some(config.forms.clone()),
        may_be_missing: config.forms == Config::default().forms,
        lang: config.languages.first().and_then(|tag| tag.parse().ok()),
        roles: roles::custom(config)?.iter().map(|(role, _)| role).collect(),
        country: country.map_err(|e| CliError::usage(format!("country in the configuration: {e}")))?,
    })
}

/// The languages that are offered. The default folder of messages need not exist.
pub(super) fn languages(config: &Config) -> Outcome<Languages> {
    let wanted = config.languages.iter().map(|tag| tag.parse::<Lang>()).collect::<Result<Vec<_>, _>>();
    let wanted = wanted.map_err(|e| CliError::usage(format!("languages in the configuration: {e}")))?;
    let may_be_missing = config.messages == Config::default().messages;
    services::languages::load(&config.messages, may_be_missing, &wanted).map_err(CliError::usage)
}

/// Who runs the service, with the pages of their own. The default folder of pages need not exist.
pub(super) fn operator(config: &Config) -> Outcome<Operator> {
    let may_be_missing = config.pages == Config::default().pages;
    let crate::base::config::Operator { name, address, email, phone, officer, authority } = config.operator.clone();
    let pages = services::operator::pages(&config.pages, may_be_missing).map_err(CliError::usage)?;
    Ok(Operator { name, address, email, phone, officer, authority, pages })
}

/// The shipped forms and those in the forms folder.
pub(super) fn load(config: &Config) -> Outcome<FormSet> {
    services::forms::load(&folder(config)?).map_err(|e| CliError::usage(e.to_string()))
}

pub(super) fn list(config: &Config, args: &FormListArgs) -> Outcome {
    let forms = load(config)?;
    let may_list = |form: &Form| {
        let allowed = |role| {
            let resource = Resource::of_form(form);
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

/// Checks every file, and fails with what is wrong in any of them.
pub(super) fn check(args: &FormCheckArgs, config: &Config) -> Outcome {
    let own: Vec<_> = roles::custom(config)?.iter().map(|(role, _)| role).collect();
    let mut mistakes = Vec::new();
    for file in &args.files {
        match services::forms::check_file(file, &own) {
            Ok(checked) => {
                output::line(&format!("{}: in order", file.display()))?;
                for (what, value) in shown(&checked) {
                    output::line(&format!("{what:<10}{}", super::terminal::clean(&value)))?;
                }
                mistakes.extend(missing(&checked, file, &config.resources));
            }
            Err(mistake) => mistakes.push(mistake.to_string()),
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(CliError::usage(mistakes.join("\n"))) }
}

/// The files that a form unlocks and that cannot be handed out.
fn missing(checked: &Checked, file: &Path, resources: &Path) -> Vec<String> {
    let Checked::Form(form) = checked else { return Vec::new() };
    let told = |unlock: &Unlock| {
        let trouble = services::resources::trouble(resources, &unlock.file)?;
        Some(format!("{}: it unlocks {}: {trouble}", file.display(), unlock.file))
    };
    form.unlocks.iter().filter_map(told).collect()
}

fn shown(checked: &Checked) -> Vec<(&'static str, String)> {
    let names = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let form = match checked {
        Checked::Form(form) => form,
        Checked::Translation(form) => {
            return vec![
                ("Words of", format!("{}, version {}, in {}", form.id, form.version, form.lang)),
                ("Title", form.title.clone()),
                ("Notice", form.notice.recorded()),
            ];
        }
        Checked::Notice(notice) => {
            let review = notice.review_by.map_or_else(|| "never".to_owned(), |date| date.to_string());
            return vec![
                ("Notice", format!("{}, version {}", notice.name.as_deref().unwrap_or(""), notice.version)),
                ("Review by", review),
            ];
        }
        Checked::Wording(wording) => {
            return vec![
                ("Wording", format!("version {}", wording.version)),
                ("Words", wording.words.clone()),
                ("Review by", wording.review_by.to_string()),
            ];
        }
    };
    let announced = form.announce.iter().map(|one| match one {
        Announce::Role(role) => role.as_str(),
        Announce::Address(address) => address.as_str(),
    });
    let mut out = vec![
        ("Form", format!("{}, version {}", form.id, form.version)),
        ("Kind", form.kind.as_str().to_owned()),
        ("Title", form.title.clone()),
        ("Fields", names(form.fields.iter().map(|field| field.name.as_str()).collect())),
        ("Files", names(form.files.iter().map(|file| file.name.as_str()).collect())),
        ("Consents", names(form.consents.iter().map(|consent| consent.name.as_str()).collect())),
        ("Unlocks", names(form.unlocks.iter().map(|unlock| unlock.file.as_str()).collect())),
        ("Read by", names(form.roles.iter().map(|role| role.as_str()).collect())),
        ("Masked", names(masks(form).iter().map(String::as_str).collect())),
        ("Read for", names(form.purposes.iter().map(String::as_str).collect())),
        ("Told to", names(announced.collect())),
        ("Kept", format!("{} days", form.retention_days)),
        ("Notice", format!("{}, version {}", form.notice.name.as_deref().unwrap_or("its own"), form.notice.version)),
    ];
    let site = &form.site;
    if !site.origins.is_empty() {
        out.push(("Used by", names(site.origins.iter().map(Origin::as_str).collect())));
    }
    let pages = site.thanks.iter().map(ReturnAddress::as_str).chain(site.return_to.iter().map(ReturnRule::as_str));
    let pages: Vec<&str> = pages.collect();
    if !pages.is_empty() {
        let at_once = if site.return_at_once { ", at once where mail is sent" } else { "" };
        out.push(("Leads to", format!("{}{at_once}", names(pages))));
    }
    if form.needs_mail() {
        out.push(("Open", "where a mail server is configured".to_owned()));
    }
    out
}

/// What only some of those who read the form see.
fn masks(form: &Form) -> Vec<String> {
    let list = |roles: &[Role]| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" and ");
    let one =
        |name: &str, seen_by: &Option<Vec<Role>>| Some(format!("{name} (for {} only)", list(seen_by.as_deref()?)));
    let fields = form.fields.iter().filter_map(|field| one(&field.name, &field.seen_by));
    let files = form.files.iter().filter_map(|file| one(&file.name, &file.seen_by));
    fields.chain(files).chain(one("fields of earlier versions", &form.former_fields)).collect()
}

fn describe(form: &Form) -> serde_json::Value {
    json!({
        "form": form.id,
        "version": form.version,
        "kind": form.kind.as_str(),
        "open": true,
        "title": form.title,
        "roles": form.roles,
        "purposes": form.purposes,
        "notice": form.notice.version,
        "page": format!("/f/{}", form.id),
    })
}
