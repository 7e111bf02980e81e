//! Labels that submissions by a form can have, and whose they are when they arrive.

use toml::Spanned;

use super::fields::shown_when;
use super::raw::RawRoute;
use super::{Mistake, at};
use crate::domain::form::{Field, FormKind, Route};
use crate::domain::work::{Assigned, Label};

/// Each is a box on a page.
const MOST_LABELS: usize = 50;
/// Each is tried for every arrival.
const MOST_ROUTES: usize = 100;

pub(super) fn labels(raw: Vec<Spanned<String>>) -> Result<Vec<Label>, Mistake> {
    let mut out: Vec<Label> = Vec::new();
    for raw in raw {
        let label = Label::parse(raw.get_ref()).ok().filter(|label| label.expose() == raw.get_ref());
        let Some(label) = label.filter(|label| !out.iter().any(|known| known.is(label))) else {
            return Err(at(&raw, "expected a label of 1 to 40 characters without commas, each once"));
        };
        if out.len() == MOST_LABELS {
            return Err(at(&raw, format!("expected at most {MOST_LABELS} labels")));
        }
        out.push(label);
    }
    Ok(out)
}

pub(super) fn routes(raw: Vec<Spanned<RawRoute>>, fields: &[Field], kind: &FormKind) -> Result<Vec<Route>, Mistake> {
    let mut out = Vec::new();
    for raw in raw {
        let place = raw.span();
        if matches!(kind, FormKind::Survey { .. }) {
            return Err(Mistake(place, "nobody reads a single answer to a survey, so it is nobody's".to_owned()));
        }
        if out.len() == MOST_ROUTES {
            return Err(Mistake(place, format!("expected at most {MOST_ROUTES} routes")));
        }
        let RawRoute { when, team, person } = raw.into_inner();
        let to = match (team, person) {
            (Some(team), None) => Assigned::Team(team.get_ref().parse().map_err(|_| {
                at(&team, "expected the name of a team: a letter, then letters, digits and hyphens, all lower case")
            })?),
            (None, Some(person)) => {
                Assigned::Person(person.get_ref().parse().map_err(|_| at(&person, "expected a login"))?)
            }
            _ => return Err(Mistake(place, "expected either \"team\" or \"person\"".to_owned())),
        };
        let when = when.map(|when| shown_when(when.into_inner(), fields)).transpose()?;
        out.push(Route { when, to });
    }
    Ok(out)
}
