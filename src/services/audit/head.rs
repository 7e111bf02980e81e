//! Heads of the trail: signed, and read again when they come back from where they were kept.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::crypto::sign;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, ServiceError};
use crate::vault::Detail;
use crate::vault::audit::TreeHead;

/// What the signature of a head covers begins with these words.
const PREFIX: &str = "letterlock audit head 1";
/// How a head begins where it stands in a line among other words, as in a log.
const BEGINS: &str = "{\"vault\":";

/// A signed head of the audit tree, to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The vault.
    pub vault: String,
    /// Number of entries.
    pub size: u64,
    /// Root hash (RFC 9162), hex.
    pub root: String,
    /// When it was signed, RFC 3339.
    pub time: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// Ed25519 signature, hex.
    pub signature: String,
}

/// The present head, signed.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::Unavailable`].
pub async fn head(app: &Arc<App>, ctx: &Context) -> Result<Head, ServiceError> {
    let act = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    let head = app.vault.audit_head().await?;
    app.vault.record_act(act, Detail::None).await?;
    Ok(sign(app, &head))
}

/// The key that heads are signed with: Ed25519, hex.
pub fn public_key(app: &App) -> String {
    HEXLOWER.encode(&app.vault.head_public_key())
}

/// The heads in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The heads, in order.
    pub heads: Vec<Head>,
    /// The numbers of the lines, from 1, where one begins that cannot be read: a write was cut, or somebody changed it.
    pub unreadable: Vec<usize>,
}

/// Finds the heads in a text: one by itself, or one a line, whatever else stands in a line before or after it. Lines without
/// one are passed over.
pub fn heads_in(text: &str) -> Found {
    if let Ok(head) = serde_json::from_str(text) {
        return Found { heads: vec![head], unreadable: Vec::new() };
    }
    let mut found = Found::default();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(from) = line.find(BEGINS) else { continue };
        match serde_json::Deserializer::from_str(&line[from..]).into_iter::<Head>().next() {
            Some(Ok(head)) => found.heads.push(head),
            _ => found.unreadable.push(number),
        }
    }
    found
}

/// Signs a head.
pub(super) fn sign(app: &App, head: &TreeHead) -> Head {
    let mut out = Head {
        vault: app.vault.id().to_string(),
        size: head.size,
        root: HEXLOWER.encode(&head.root),
        time: app.clock.now().to_string(),
        public_key: public_key(app),
        signature: String::new(),
    };
    out.signature = HEXLOWER.encode(&app.vault.sign_head(&message(&out)));
    out
}

fn message(head: &Head) -> Vec<u8> {
    format!("{PREFIX}\n{}\n{}\n{}\n{}\n", head.vault, head.size, head.root, head.time).into_bytes()
}

/// A head kept elsewhere, if it is of this vault and was not changed.
pub(super) fn check(app: &App, head: &Head) -> Result<TreeHead, String> {
    if head.vault != app.vault.id().to_string() {
        return Err("the head given is of another vault".to_owned());
    }
    let unhex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap_or_default();
    sign::verify(&app.vault.head_public_key(), &message(head), &unhex(&head.signature))
        .map_err(|_| "the signature of the head given is not by this vault".to_owned())?;
    let root = unhex(&head.root).try_into().map_err(|_| "the head given has no root hash".to_owned())?;
    Ok(TreeHead { size: head.size, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_by_themselves_in_lines_and_among_other_words() {
        let head = |size| Head {
            vault: "v".to_owned(),
            size,
            root: "00".to_owned(),
            time: "2026-11-25T09:00:00.000Z".to_owned(),
            public_key: "aa".to_owned(),
            signature: "bb".to_owned(),
        };
        let line = |size| serde_json::to_string(&head(size)).unwrap();
        assert!(line(1).starts_with(BEGINS));
        let found = |heads: &[u64], unreadable: &[usize]| Found {
            heads: heads.iter().map(|size| head(*size)).collect(),
            unreadable: unreadable.to_vec(),
        };
        assert_eq!(heads_in(&serde_json::to_string_pretty(&head(7)).unwrap()), found(&[7], &[]));
        let log = format!("{}\n\n<109>1 host letterlock: {} (end)\nnothing\n", line(1), line(2));
        assert_eq!(heads_in(&log), found(&[1, 2], &[]));
        assert_eq!(heads_in("nothing here"), found(&[], &[]));
        assert_eq!(heads_in(&format!("{}\nx {}\n{}", line(1), &line(2)[..30], line(3))), found(&[1, 3], &[2]));
        assert_eq!(heads_in(&line(2).replace("root", "roof")), found(&[], &[1]));
    }
}
