//! `letterlock status`.

use super::args::Json;
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::Session;
use super::terminal::clean;
use crate::base::config::Config;
use crate::control::Command;

pub(super) async fn status(session: &mut Session, config: &Config, args: &Json) -> Outcome {
    let mut status = session.run(Command::Status, |_| Ok(())).await?;
    status["data"] = config.data.display().to_string().into();
    status["keys"] = config.keys.display().to_string().into();
    if args.json {
        return output::json(&status);
    }
    let serving = match &status["address"] {
        serde_json::Value::String(address) => format!("running on {address}"),
        _ => "not running".to_owned(),
    };
    let recovery = match &status["recovery_epoch"] {
        serde_json::Value::Null => "none".to_owned(),
        epoch => format!("holds epoch {epoch}"),
    };
    let ready = match status["readiness"]["ready"].as_bool() {
        Some(true) => "yes".to_owned(),
        _ => {
            let lacks = ["store", "audit", "space"].into_iter().filter(|part| status["readiness"][part] == false);
            format!("no; not in order: {}", lacks.collect::<Vec<_>>().join(", "))
        }
    };
    for (what, value) in [
        ("Vault", text(&status, "vault")),
        ("Service", serving),
        ("Ready", ready),
        ("Data folder", text(&status, "data")),
        ("Key folder", text(&status, "keys")),
        ("Root key epoch", text(&status, "epoch")),
        ("Recovery slot", recovery),
        ("People", text(&status, "people")),
        ("Submissions taken", text(&status, "arrivals")),
        ("Audit entries", text(&status, "audit_entries")),
        ("Forms", text(&status["forms"], "forms")),
        ("Mail", mail(&status["mail"])),
        ("Virus scanner", scanner(&status["scanner"])),
        ("Previews", preview(&status["preview"])),
        ("Audit heads kept", heads(&status["heads"])),
        ("Erasures tidying up", text(&status, "pending_cleanup")),
        ("Free space", size(status["free_bytes"].as_u64().unwrap_or(0))),
        ("Erasure public key", text(&status, "erasure_key")),
    ] {
        output::line(&format!("{what:<20} {value}"))?;
    }
    // Only a running service has read the configuration of its pages.
    let missing: Vec<&str> =
        status["operator"]["missing"].as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect();
    if !missing.is_empty() && !status["address"].is_null() {
        output::line(&format!("{:<20} {}", "Privacy page lacks", missing.join(", ")))?;
    }
    for (what, key) in [("Form not in order", "broken"), ("Review overdue", "overdue"), ("File missing", "missing")] {
        for told in status["forms"][key].as_array().into_iter().flatten() {
            let told = clean(told.as_str().unwrap_or_default());
            output::line(&format!("{what:<20} {told}"))?;
        }
    }
    Ok(())
}

fn mail(mail: &serde_json::Value) -> String {
    if mail["on"] != true {
        return "off: no mail server is configured, or no service is running".to_owned();
    }
    let mut out = match (mail["waiting"].as_u64().unwrap_or(0), mail["retried"].as_u64().unwrap_or(0)) {
        (0, _) => "on, nothing waits".to_owned(),
        (waiting, 0) => format!("on, {waiting} waiting"),
        (waiting, retried) => format!("on, {waiting} waiting, {retried} of them refused for now"),
    };
    if let Some(given_up) = mail["given_up"].as_u64().filter(|given_up| *given_up > 0) {
        out.push_str(&format!(", {given_up} given up since the start"));
    }
    out
}

fn heads(places: &serde_json::Value) -> String {
    let one = |place: &serde_json::Value| match (&place["problem"], &place["kept"]) {
        (serde_json::Value::String(problem), _) => {
            format!("{}: NOT IN ORDER: {}", text(place, "place"), clean(problem))
        }
        (_, serde_json::Value::Null) => format!("{}: not yet", text(place, "place")),
        _ => format!("{}: {} entries at {}", text(place, "place"), text(place, "entries"), text(place, "kept")),
    };
    let all: Vec<String> = places.as_array().into_iter().flatten().map(one).collect();
    if all.is_empty() {
        return "nowhere else: none is configured, or no service is running".to_owned();
    }
    all.join("; ")
}

fn scanner(scanner: &serde_json::Value) -> String {
    if scanner["on"] != true {
        return "off: none is configured, or no service is running".to_owned();
    }
    let mut out = match (scanner["answers"] == true, &scanner["signatures_of"]) {
        (false, _) => "does not answer".to_owned(),
        (true, serde_json::Value::String(day)) => {
            let old = if scanner["old"] == true { ", more than a week old" } else { "" };
            format!("{}, signatures of {day}{old}", text(scanner, "engine"))
        }
        (true, _) => format!("{}, without the official signatures", text(scanner, "engine")),
    };
    if let Some(waiting) = scanner["waiting"].as_u64().filter(|waiting| *waiting > 0) {
        out.push_str(&format!("; submissions with files to be scanned: {waiting}"));
    }
    out
}

fn preview(preview: &serde_json::Value) -> String {
    match (&preview["problem"], preview["on"] == true) {
        (_, false) => "off, or no service is running".to_owned(),
        (serde_json::Value::String(problem), true) => format!("none: {}", clean(problem)),
        (_, true) => "on".to_owned(),
    }
}

/// A number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_for_people() {
        assert_eq!(size(7), "7 bytes");
        assert_eq!(size(1_536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
        assert_eq!(size(u64::MAX), "17179869183.9 GiB");
    }
}
