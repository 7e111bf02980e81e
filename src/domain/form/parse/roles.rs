//! Who reads a form, and who of them sees what of it.

use std::ops::Range;

use super::raw::RawRoles;
use super::{Mistake, at};
use crate::domain::form::Field;
use crate::domain::staff::{CustomRole, Role};

/// The roles that read the form.
/// `custom` are those that the configuration makes.
pub(super) fn readers(raw: &RawRoles, custom: &[CustomRole]) -> Result<Vec<Role>, Mistake> {
    let mut out = Vec::new();
    for name in raw.get_ref() {
        let role = name.get_ref().parse::<Role>().map_err(|e| at(name, e.to_string()))?;
        if let Role::Custom(own) = role
            && !custom.contains(&own)
        {
            let expected =
                "expected hr, support, training, partner, marketing, privacy, or a role of the configuration (roles)";
            return Err(at(name, format!("there is no role {own}: {expected}")));
        }
        if !role.reads() {
            let expected = "expected hr, support, training, partner, marketing or privacy";
            return Err(at(name, format!("{role} never reads submissions: {expected}")));
        }
        if out.contains(&role) {
            return Err(at(name, format!("{role} is named twice")));
        }
        out.push(role);
    }
    if out.is_empty() { Err(at(raw, "expected at least one role that reads the submissions")) } else { Ok(out) }
}

/// Some of the roles that read the form: those that it names, and `privacy`, which reads every form.
pub(super) fn some_of(raw: &RawRoles, readers: &[Role]) -> Result<Vec<Role>, Mistake> {
    let mut out = Vec::new();
    for name in raw.get_ref() {
        let role = name.get_ref().parse::<Role>().map_err(|e| at(name, e.to_string()))?;
        if !readers.contains(&role) && role != Role::Privacy {
            let readers: Vec<&str> = readers.iter().map(|role| role.as_str()).collect();
            let expected = format!("expected roles that read the form ({}), or privacy", readers.join(", "));
            return Err(at(name, format!("{role} does not read this form: {expected}")));
        }
        if out.contains(&role) {
            return Err(at(name, format!("{role} is named twice")));
        }
        out.push(role);
    }
    if out.is_empty() {
        Err(at(raw, "expected at least one role; leave this out for all who read the form"))
    } else {
        Ok(out)
    }
}

/// That a field was asked at all tells how the one was answered that it depends on: whoever sees it has to see that one.
pub(super) fn no_wider(
    place: impl FnOnce() -> Range<usize>,
    seen_by: Option<&[Role]>,
    decides: &Field,
) -> Result<(), Mistake> {
    let Some(narrow) = &decides.seen_by else { return Ok(()) };
    if seen_by.is_some_and(|roles| roles.iter().all(|role| narrow.contains(role))) {
        return Ok(());
    }
    let names: Vec<String> = narrow.iter().map(|role| format!("\"{role}\"")).collect();
    let (names, decides) = (names.join(", "), &decides.name);
    Err(Mistake(
        place(),
        format!("expected roles = [{names}] or fewer: that this was asked tells the answer to {decides}"),
    ))
}
