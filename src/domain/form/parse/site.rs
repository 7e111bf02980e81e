//! What a form file says about the site around the form.

use toml::Spanned;

use super::raw::RawForm;
use super::{Mistake, at};
use crate::domain::form::site::{Origin, ReturnAddress, ReturnRule, Site};

/// Each is compared with what a request names, and all of them stand in a header.
const MOST: usize = 20;
const ORIGIN: &str = "expected an origin as browsers write it, all lower case, without a path or a star, for example \
                      \"https://www.example.org\"; http is for localhost only";
const PAGE: &str = "expected the address of a page as browsers write it, for example \"https://www.example.org/thanks\"; \
                    http is for localhost only";

pub(super) fn site(raw: &RawForm) -> Result<Site, Mistake> {
    let origins = each(&raw.origins, Origin::parse, ORIGIN)?;
    let return_to = each(&raw.return_to, ReturnRule::parse, PAGE)?;
    let thanks = match &raw.thanks {
        Some(thanks) => Some(ReturnAddress::parse(thanks.get_ref()).ok_or_else(|| at(thanks, PAGE))?),
        None => None,
    };
    if let Some(at_once) = raw.return_at_once.as_ref().filter(|at_once| *at_once.get_ref()) {
        if raw.subject.is_none() {
            return Err(at(at_once, "this needs subject = the field with the address: the receipt is not shown then"));
        }
        if return_to.is_empty() && thanks.is_none() {
            return Err(at(at_once, "this needs thanks or return_to: the pages that people are led on to"));
        }
    }
    Ok(Site { origins, return_to, thanks, return_at_once: raw.return_at_once.as_ref().is_some_and(|b| *b.get_ref()) })
}

fn each<T: PartialEq>(
    raw: &[Spanned<String>],
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>, Mistake> {
    let mut out = Vec::new();
    for one in raw {
        let parsed = parse(one.get_ref()).ok_or_else(|| at(one, expected))?;
        if out.contains(&parsed) || out.len() == MOST {
            return Err(at(one, format!("expected each once, and at most {MOST}")));
        }
        out.push(parsed);
    }
    Ok(out)
}
