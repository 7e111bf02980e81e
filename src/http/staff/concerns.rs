//! What is not well with the service, and what to do about it, in plain words.

use super::health::{Seen, counted, size};

/// Days before its end from which on a certificate is a concern.
const SOON: u64 = 21;

/// Something that wants attention.
#[derive(Debug)]
pub(super) struct Concern {
    /// Whether something does not work, or may have been tampered with.
    pub(super) is_grave: bool,
    /// What it is, in a sentence.
    pub(super) what: String,
    /// What to do about it.
    pub(super) advice: &'static str,
    /// Which ones, where there are several.
    pub(super) which: Vec<String>,
}

/// All of it, what is grave first.
pub(super) fn of(seen: &Seen<'_>) -> Vec<Concern> {
    let mut out = work(seen);
    out.extend(trail(seen));
    out.extend(certificate(seen));
    out.extend(keys(seen));
    out.extend(mail_and_files(seen));
    out.extend(forms(seen));
    out.sort_by_key(|concern| !concern.is_grave);
    out
}

fn grave(what: impl Into<String>, advice: &'static str) -> Concern {
    Concern { is_grave: true, what: what.into(), advice, which: Vec::new() }
}

fn other(what: impl Into<String>, advice: &'static str) -> Concern {
    Concern { is_grave: false, ..grave(what, advice) }
}

fn work(seen: &Seen<'_>) -> Vec<Concern> {
    let (readiness, mut out) = (&seen.overview.readiness, Vec::new());
    if !readiness.store {
        out.push(grave(
            "The store cannot be written.",
            "Nothing is taken, changed or erased. Look into the service's log and at the disk, mend the cause, then restart the service.",
        ));
    } else if !readiness.audit {
        out.push(grave(
            "The audit trail cannot be written.",
            "Nothing is read, changed or erased; what people send is still taken. See that the witness in the key folder can be \
             written: the disk may be full or read-only. The service tries again by itself.",
        ));
    }
    let free = size(seen.overview.figures.free_bytes);
    if !readiness.space {
        out.push(grave(
            format!("The disk is full: {free} are left."),
            "Submissions are turned away. Free some space or enlarge the disk; the service goes on by itself.",
        ));
    } else if seen.put_off {
        out.push(grave(
            format!("Submissions are put off: there is much to do just now, or little room ({free} are free)."),
            "If it is room, free some or enlarge the disk. If it passes by itself, it was a rush.",
        ));
    }
    out
}

fn trail(seen: &Seen<'_>) -> Vec<Concern> {
    let mut out = Vec::new();
    if let Some(check) = seen.overview.check.as_ref().filter(|check| !check.problems.is_empty()) {
        out.push(Concern {
            which: check.problems.clone(),
            ..grave(
                "The audit trail was checked and is not whole.",
                "Somebody or something changed it. Change nothing more, keep a copy of the data folder as it is, and run letterlock \
                 verify on the machine; it names all that is damaged.",
            )
        });
    }
    for place in &seen.overview.heads {
        let Some(problem) = &place.problem else { continue };
        out.push(if place.contradicted {
            grave(
                format!("The audit trail does not continue what is kept in {}: {problem}.", place.place),
                "An older copy may have been put back, or the trail rewritten. Keep both and find out before anything is restored.",
            )
        } else {
            other(
                format!("A head of the audit trail could not be kept in {}: {problem}.", place.place),
                "See that the place can be reached. It is tried again within a minute, and nothing stops meanwhile.",
            )
        });
    }
    out
}

fn certificate(seen: &Seen<'_>) -> Option<Concern> {
    if seen.has_ended() {
        return Some(grave(
            "The certificate has ended.",
            "Browsers turn people away. Put the new certificate in its place and restart the service.",
        ));
    }
    let days = seen.days_left().filter(|days| *days <= SOON)?;
    Some(other(
        format!("The certificate ends in {}.", counted(days, "day", "days")),
        "Have a new one made, put it in its place and restart the service.",
    ))
}

fn keys(seen: &Seen<'_>) -> Option<Concern> {
    let figures = &seen.overview.figures;
    let behind = figures.recovery_epoch.is_some_and(|epoch| epoch != figures.epoch);
    behind.then(|| {
        other(
            "The recovery slot is behind the vault.",
            "Who was erased since could still be read with it. See that the place of the recovery slot can be written; it is \
             brought up to date with the next start or erasure.",
        )
    })
}

fn mail_and_files(seen: &Seen<'_>) -> Vec<Concern> {
    let (mail, scanner, mut out) = (&seen.overview.mail, &seen.overview.scanner, Vec::new());
    if mail.given_up > 0 {
        let given_up = counted(mail.given_up, "mail was", "mails were");
        out.push(other(
            format!("{given_up} given up since the start."),
            "The service's log says why. The audit trail says which submissions they were about; those people were not told.",
        ));
    }
    if mail.retried > 0 {
        out.push(other(
            format!("{} for now.", counted(mail.retried as u64, "mail was refused", "mails were refused")),
            "The service's log says what the mail server answered. They are tried again, and given up after three days.",
        ));
    }
    if scanner.on && !scanner.answers {
        out.push(other(
            "The virus scanner does not answer.",
            "What becomes of files meanwhile, each form says. See that clamd runs and that its address is right.",
        ));
    }
    if let Some(problem) = seen.overview.preview.problem.as_ref().filter(|_| seen.overview.preview.on) {
        out.push(other(
            format!("Files cannot be previewed: {problem}."),
            "What takes files apart is only run where the kernel locks it in. Run Linux 5.13 or later with Landlock and seccomp on, \
             and see that no container forbids either; or set preview.on to false. Files can be downloaded meanwhile.",
        ));
    }
    if scanner.old {
        out.push(other(
            "The signatures of the virus scanner are more than a week old.",
            "See that freshclam runs on the scanner's machine and reaches its source.",
        ));
    }
    out
}

fn forms(seen: &Seen<'_>) -> Vec<Concern> {
    let (forms, mut out) = (&seen.overview.forms, Vec::new());
    let mut several = |which: &[String], concern: Concern| {
        if !which.is_empty() {
            out.push(Concern { which: which.to_vec(), ..concern });
        }
    };
    several(
        &forms.broken,
        other(
            "Files of forms are not in order.",
            "What was read from them before still holds. Mend the line that is named; it counts within seconds.",
        ),
    );
    several(
        &forms.missing,
        other(
            "Files that forms unlock cannot be handed out.",
            "Put them back into the folder of files; their links work again at once.",
        ),
    );
    several(
        &forms.overdue,
        other(
            "Texts are overdue for review.",
            "Read them again, change what is no longer true, and set a new day in the file.",
        ),
    );
    let missing: Vec<String> = seen.overview.operator.missing.iter().map(|key| (*key).to_owned()).collect();
    several(
        &missing,
        other(
            "The privacy page does not say all that the law asks for.",
            "Name these in the configuration and restart the service.",
        ),
    );
    out
}
