//! What an account signs in with, and as what. Few, and asked for at each request, so they are held in memory and written
//! through.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError, random};
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::passkey::Passkey;
use crate::crypto::password::PasswordHash;
use crate::crypto::totp::TotpSecret;
use crate::policy::Role;
use crate::services::bearer;
use crate::vault::system_rows::SystemTable;
use crate::vault::{Vault, VaultError};

/// Recovery codes that are made at a time.
const CODES: usize = 10;
/// Bytes of a recovery code: 80 bits, 16 characters.
const CODE_BYTES: usize = 10;
/// Passkeys of an account.
pub(super) const PASSKEYS: usize = 10;
/// Browsers remembered for each account.
const DEVICES: usize = 10;

/// A row, sealed under the system key of rows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Credentials {
    /// What the account may act as.
    pub(super) roles: Vec<Role>,
    /// The invitation that is open.
    pub(super) invitation: Option<Invitation>,
    /// Password and second factors; `None` until an invitation was taken up.
    pub(super) factors: Option<Factors>,
    /// Who it is at the provider, for an account that signs in there: it never has an invitation or factors.
    pub(super) provider: Option<Identity>,
}

/// Somebody at a provider of OpenID Connect: its name, and its name for them, which it gives to nobody else.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) issuer: String,
    pub(super) subject: SensitiveString,
}

/// A link that lets somebody choose a password.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Invitation {
    /// SHA-256 of the token.
    pub(super) hash: [u8; 32],
    pub(super) expires: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Factors {
    pub(super) password: PasswordHash,
    /// The authenticator program. There is it, or a passkey, or both.
    pub(super) codes: Option<Codes>,
    pub(super) passkeys: Vec<OwnPasskey>,
    /// SHA-256 of the recovery codes that are left. 80 random bits need no stretching.
    recovery: Vec<[u8; 32]>,
    /// SHA-256 of the cookies of browsers that have signed in, latest last.
    devices: Vec<[u8; 32]>,
}

/// What an authenticator program shows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Codes {
    pub(super) totp: TotpSecret,
    /// The step of the last code that was accepted: neither it nor an earlier one counts again.
    pub(super) last_step: u64,
}

/// A passkey of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OwnPasskey {
    /// For lists and addresses.
    pub(super) id: Handle,
    /// As its holder calls it.
    pub(super) name: String,
    pub(super) made: Timestamp,
    pub(super) used: Option<Timestamp>,
    pub(super) key: Passkey,
}

/// What beside a password is set up first.
pub(super) enum First {
    Codes(Codes),
    Passkey(OwnPasskey),
}

impl Factors {
    /// Fresh ones, with recovery codes to be shown once.
    pub(super) fn make(
        password: PasswordHash,
        first: First,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Vec<SensitiveString>), EntropyError> {
        let (codes, passkeys) = match first {
            First::Codes(codes) => (Some(codes), Vec::new()),
            First::Passkey(key) => (None, vec![key]),
        };
        let mut factors = Self { password, codes, passkeys, recovery: Vec::new(), devices: Vec::new() };
        let codes = factors.renew_recovery(entropy)?;
        Ok((factors, codes))
    }

    /// Its passkeys, as they are asked for.
    pub(super) fn keys(&self) -> Vec<Passkey> {
        self.passkeys.iter().map(|own| own.key.clone()).collect()
    }

    /// New recovery codes; the old ones are worth nothing.
    pub(super) fn renew_recovery(&mut self, entropy: &dyn Entropy) -> Result<Vec<SensitiveString>, EntropyError> {
        let codes: Vec<SensitiveString> = (0..CODES).map(|_| recovery_code(entropy)).collect::<Result<_, _>>()?;
        self.recovery = codes.iter().filter_map(|code| normal(code.expose())).map(|code| sha256(&code)).collect();
        Ok(codes)
    }

    /// Recovery codes left.
    pub(super) fn recovery_left(&self) -> usize {
        self.recovery.len()
    }

    /// Whether `code` is a code of the present that was not used yet, or a recovery code; either counts once.
    pub(super) fn use_code(&mut self, code: &str, now: Timestamp) -> Option<Second> {
        if let Some(codes) = &mut self.codes
            && let Some(step) = codes.totp.step_of(code, now)
        {
            let fresh = step > codes.last_step;
            codes.last_step = codes.last_step.max(step);
            return fresh.then_some(Second::Code);
        }
        let hash = sha256(&normal(code)?);
        // Every one is looked at, whichever fits.
        let places: Vec<bool> = self.recovery.iter().map(|known| known.ct_eq(&hash).into()).collect();
        let at = places.iter().position(|same| *same)?;
        self.recovery.remove(at);
        Some(Second::Recovery)
    }

    /// Whether the browser with this cookie has signed in before.
    pub(super) fn knows(&self, device: &[u8; 32]) -> bool {
        self.devices.contains(device)
    }

    /// Remembers a browser by the hash of its cookie.
    pub(super) fn remember(&mut self, device: [u8; 32]) {
        self.devices.retain(|known| *known != device);
        self.devices.push(device);
        if self.devices.len() > DEVICES {
            self.devices.remove(0);
        }
    }

    /// Forgets a browser. Whether it was known.
    pub(super) fn forget(&mut self, device: &[u8; 32]) -> bool {
        let before = self.devices.len();
        self.devices.retain(|known| known != device);
        self.devices.len() < before
    }

    /// Forgets every browser.
    pub(super) fn forget_devices(&mut self) {
        self.devices.clear();
    }
}

/// What completed a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// A code of the authenticator program.
    Code,
    /// A recovery code.
    Recovery,
}

/// Whether a text is tried as a one-time code, not as a recovery code.
pub(super) fn is_short(code: &str) -> bool {
    normal(code).is_none()
}

/// All credentials.
pub(super) struct Ring(RwLock<HashMap<StaffId, Credentials>>);

impl Ring {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Credentials)?;
        Ok(Self(RwLock::new(rows.into_iter().map(|(id, row)| (StaffId::from_bytes(id), row)).collect())))
    }

    pub(super) fn of(&self, staff: StaffId) -> Option<Credentials> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&staff).cloned()
    }

    /// The roles of an account that has signed in.
    pub(super) fn roles(&self, staff: StaffId) -> Option<Vec<Role>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&staff).map(|row| row.roles.clone())
    }

    /// The accounts of a role that have set up how they sign in: by means of ours, and at the provider of this name.
    pub(super) fn of_role(&self, role: Role, issuer: Option<&str>) -> Vec<StaffId> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let comes = |row: &Credentials| row.provider.as_ref().is_some_and(|own| Some(own.issuer.as_str()) == issuer);
        let able = rows.iter().filter(|(_, row)| (row.factors.is_some() || comes(row)) && row.roles.contains(&role));
        able.map(|(id, _)| *id).collect()
    }

    /// The account of somebody at a provider.
    pub(super) fn bound(&self, issuer: &str, subject: &str) -> Option<StaffId> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let same = |own: &Identity| own.issuer == issuer && own.subject.expose() == subject;
        rows.iter().find(|(_, row)| row.provider.as_ref().is_some_and(same)).map(|(id, _)| *id)
    }

    pub(super) fn put(&self, staff: StaffId, row: Credentials) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(staff, row);
    }

    /// Whether some account has this passkey already.
    pub(super) fn has_passkey(&self, id: &[u8]) -> bool {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all = rows.values().filter_map(|row| row.factors.as_ref()).flat_map(|factors| &factors.passkeys);
        all.any(|own| own.key.id() == id)
    }

    /// Whose invitation this is the hash of, while it is good.
    pub(super) fn invited(&self, hash: &[u8; 32], now: Timestamp) -> Option<StaffId> {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut of = rows.iter().filter(|(_, row)| {
            row.invitation.as_ref().is_some_and(|open| now < open.expires && bool::from(open.hash.ct_eq(hash)))
        });
        of.next().map(|(id, _)| *id)
    }
}

/// As tokens that stay in memory are kept, for those that are stored.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    bearer::hash(text).0
}

/// 16 characters of base32 in groups of four.
fn recovery_code(entropy: &dyn Entropy) -> Result<SensitiveString, EntropyError> {
    let bytes: Zeroizing<[u8; CODE_BYTES]> = Zeroizing::new(random(entropy)?);
    let text = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(&*bytes).to_ascii_lowercase());
    let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
    Ok(SensitiveString::from(groups.join("-")))
}

/// A recovery code as it is hashed: without what people put between, in lower case. `None` for what cannot be one.
fn normal(code: &str) -> Option<Zeroizing<String>> {
    if code.len() > 100 {
        return None;
    }
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase());
    let text = Zeroizing::new(kept.collect::<String>());
    (text.len() == 16 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;
    use crate::crypto::password::Cost;

    fn made() -> (Factors, Vec<SensitiveString>) {
        let entropy = SystemEntropy::new();
        let totp = TotpSecret::make_random(&entropy).unwrap();
        let first = First::Codes(Codes { totp, last_step: 0 });
        Factors::make(PasswordHash::decoy(Cost::FLOOR), first, &entropy).unwrap()
    }

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn a_step_counts_once_however_it_is_written() {
        let (mut factors, _) = made();
        let code = factors.codes.as_ref().unwrap().totp.code(NOW).unwrap().expose().to_owned();
        let (first, second) = code.split_at(3);
        assert_eq!(factors.use_code(&code, NOW), Some(Second::Code));
        for again in [code.clone(), format!("{first} {second}"), format!(" {code}"), format!("{code}\n")] {
            assert_eq!(factors.use_code(&again, NOW), None, "{again:?}");
        }
        let before =
            factors.codes.as_ref().unwrap().totp.code(Timestamp::from_millis(NOW.as_millis() - 30_000)).unwrap();
        assert_eq!(factors.use_code(before.expose(), NOW), None, "nor one from before it");
        let later = Timestamp::from_millis(NOW.as_millis() + 30_000);
        let next = factors.codes.as_ref().unwrap().totp.code(later).unwrap();
        assert_eq!(factors.use_code(next.expose(), later), Some(Second::Code));
    }

    #[test]
    fn a_recovery_code_counts_once_in_any_spelling() {
        let (mut factors, codes) = made();
        assert_eq!((codes.len(), factors.recovery_left()), (10, 10));
        let typed = format!(" {} ", codes[3].expose().to_uppercase().replace('-', " "));
        assert_eq!(factors.use_code(&typed, NOW), Some(Second::Recovery));
        for again in [typed.as_str(), codes[3].expose(), &codes[3].expose().replace('-', "")] {
            assert_eq!(factors.use_code(again, NOW), None, "{again}");
        }
        assert_eq!(factors.recovery_left(), 9);
        for bad in ["", "aaaa-aaaa-aaaa-aaaa", "0", &"a".repeat(1000)] {
            assert_eq!(factors.use_code(bad, NOW), None, "{bad}");
        }
        let fresh = factors.renew_recovery(&SystemEntropy::new()).unwrap();
        assert_eq!(factors.use_code(codes[4].expose(), NOW), None, "the old ones are gone");
        assert_eq!(factors.use_code(fresh[0].expose(), NOW), Some(Second::Recovery));
    }

    #[test]
    fn so_many_browsers_are_remembered() {
        let (mut factors, _) = made();
        for n in 0..12 {
            factors.remember([n; 32]);
        }
        assert!(!factors.knows(&[1; 32]) && factors.knows(&[2; 32]) && factors.knows(&[11; 32]));
        factors.remember([2; 32]);
        factors.remember([12; 32]);
        assert!(factors.knows(&[2; 32]) && !factors.knows(&[3; 32]), "the one used longest ago goes");
        factors.forget_devices();
        assert!(!factors.knows(&[2; 32]));
    }
}
