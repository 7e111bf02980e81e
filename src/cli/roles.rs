//! Roles of one's own, as the configuration makes them.

use super::outcome::{CliError, Outcome};
use crate::base::config::Config;
use crate::domain::staff::CustomRole;
use crate::policy::{Action, CustomRoles};

/// The roles, with what each may do.
pub(super) fn custom(config: &Config) -> Outcome<CustomRoles> {
    let mut out = CustomRoles::default();
    for (name, actions) in &config.roles {
        let wrong = |e: String| CliError::usage(format!("roles in the configuration: {name}: {e}"));
        let role = CustomRole::new(name).map_err(|e| wrong(e.to_string()))?;
        let parse = |action: &String| action.parse::<Action>().map_err(|e| wrong(format!("{action}: {e}")));
        let actions = actions.iter().map(parse).collect::<Outcome<Vec<_>>>()?;
        out.make(role, &actions).map_err(|e| wrong(e.to_string()))?;
    }
    Ok(out)
}
