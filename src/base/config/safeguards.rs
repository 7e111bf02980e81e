//! Under which safeguards what is kept in one region is read from another, as the configuration names them.

use super::{Config, is_region};

/// Reads texts such as `uk > za: International data transfer agreement of 1 March 2026`.
pub(super) fn set_safeguards(config: &mut Config, safeguards: &[&str]) -> Result<(), String> {
    let mut out: Vec<(String, String, String)> = Vec::new();
    for safeguard in safeguards {
        let parsed = safeguard.split_once(':').and_then(|(regions, words)| {
            let (stored, reader) = regions.split_once('>')?;
            Some((stored.trim(), reader.trim(), words.trim()))
        });
        let good = parsed.filter(|(stored, reader, words)| {
            let known = out.iter().any(|(a, b, _)| a == stored && b == reader);
            let said = (1..=200).contains(&words.chars().count()) && !words.chars().any(char::is_control);
            is_region(stored) && is_region(reader) && stored != reader && !known && said
        });
        let Some((stored, reader, words)) = good else {
            let expected = "expected texts such as \"uk > za: International data transfer agreement of 1 March 2026\": where it is kept, \
                            where it is read, each two regions once, and up to 200 characters about the safeguard";
            return Err(expected.to_owned());
        };
        out.push((stored.to_owned(), reader.to_owned(), words.to_owned()));
    }
    config.safeguards = out;
    Ok(())
}
