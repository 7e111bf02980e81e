//! Arguments of the commands that look after the vault.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::help;
use super::records::Acting;
use super::records::built_in;
use crate::base::ids::{Handle, KeyId, TokenId};
use crate::cli::ttl;
use crate::domain::form::FormId;
use crate::domain::region::Region;
use crate::policy::{Action, Role};

#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    // Not a doc comment, which would take the IPv6 address for a link.
    #[arg(
        long,
        value_name = "ADDR",
        help = "Address and port: localhost:8443, 192.0.2.7:8443, [::1]:8443, 0.0.0.0:8443 [default: localhost:8443]"
    )]
    pub(in crate::cli) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StaffCommand {
    /// Add an account; it cannot do anything until it has a token
    #[command(after_help = help::STAFF_ADD)]
    Add {
        /// Login name: lower-case letters, digits, dots, hyphens, underscores
        login: String,
        /// The account is a program's, not a person's
        #[arg(long, conflicts_with = "email")]
        service: bool,
        /// Read the person's work e-mail address from standard input, or ask for it
        #[arg(long)]
        email: bool,
    },
    /// List what needs two people: role changes of administrators (--as admin), erasing many (--as privacy)
    #[command(after_help = help::STAFF_REQUESTS)]
    Requests {
        /// The role to look as
        #[arg(long = "as", value_name = "ROLE", default_value = "admin", value_parser = built_in)]
        role: Role,
        /// How to print it
        #[command(flatten)]
        json: Json,
    },
    /// Invite somebody to sign in: prints a link, good once
    #[command(after_help = help::STAFF_INVITE)]
    Invite {
        /// Login name: lower-case letters, digits, dots, hyphens, underscores
        login: String,
        /// What the person does: hr, support, training, partner, marketing, privacy, auditor, admin, guest; several with commas between
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
        roles: Vec<Role>,
        /// How long the link is good for: 30m, 12h, 3d
        #[arg(long, default_value = "3d", value_parser = ttl::parse)]
        ttl: Ttl,
        /// Read the person's work e-mail address from standard input, or ask for it
        #[arg(long)]
        email: bool,
    },
    /// Let somebody begin anew who has lost password or phone: prints a link, ends what they had
    #[command(after_help = help::STAFF_RECOVER)]
    Recover {
        /// Login name
        login: String,
        /// How long the link is good for: 30m, 12h, 3d
        #[arg(long, default_value = "12h", value_parser = ttl::parse)]
        ttl: Ttl,
    },
    /// Set somebody's work e-mail address, read from standard input or a prompt
    #[command(after_help = help::STAFF_EMAIL)]
    Email {
        /// Login name
        login: String,
        /// Remove the address instead
        #[arg(long)]
        none: bool,
    },
    /// Say where somebody reads, for example za; submissions kept elsewhere then need a safeguard
    #[command(after_help = help::STAFF_REGION)]
    Region {
        /// Login name
        login: String,
        /// The region: lower-case letters, digits, hyphens
        #[arg(required_unless_present = "none")]
        region: Option<Region>,
        /// Where the vault is, as without this command
        #[arg(long, conflicts_with = "region")]
        none: bool,
    },
    /// Give somebody other roles; every session of theirs ends
    #[command(after_help = help::STAFF_ROLES)]
    Roles {
        /// Login name
        login: String,
        /// What the person does from now on; several with commas between
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
        roles: Vec<Role>,
    },
    /// List the accounts and their tokens
    #[command(after_help = help::STAFF_LIST)]
    List(Json),
    /// Disable an account at once, its tokens with it
    #[command(after_help = help::STAFF_DISABLE)]
    Disable {
        /// Login name
        login: String,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TokenCommand {
    /// Make a token and print it, alone, on standard output
    #[command(after_help = help::TOKEN_CREATE)]
    Create(TokenCreateArgs),
    /// Revoke a token at once
    #[command(after_help = help::TOKEN_REVOKE)]
    Revoke {
        /// Id of the token
        id: TokenId,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TokenCreateArgs {
    /// Account that the token is for
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) login: String,
    /// What it may act as: hr, support, training, partner, marketing, privacy, auditor, admin, guest; several with commas between
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', required = true)]
    pub(in crate::cli) roles: Vec<Role>,
    /// The only things it may do, by their names in docs/roles.md; several with commas between
    #[arg(long = "action", value_name = "ACTION", value_delimiter = ',')]
    pub(in crate::cli) actions: Vec<Action>,
    /// The only forms whose submissions it reaches; several with commas between
    #[arg(long = "form", value_name = "FORM", value_delimiter = ',')]
    pub(in crate::cli) forms: Vec<FormId>,
    /// How long it is good for: 30m, 12h, 90d, 52w, or never
    #[arg(long, default_value = "90d", value_parser = ttl::parse)]
    pub(in crate::cli) ttl: Ttl,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make a key and print it, alone, on standard output
    #[command(after_help = help::KEY_CREATE)]
    Create(KeyCreateArgs),
    /// List the keys
    #[command(after_help = help::KEY_LIST)]
    List(Json),
    /// Revoke a key at once
    #[command(after_help = help::KEY_REVOKE)]
    Revoke {
        /// Id of the key
        id: KeyId,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyCreateArgs {
    /// Name that stands with what comes by it: lower-case letters, digits, dots, hyphens, underscores
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) name: String,
    /// Forms that it may post; several with commas between
    #[arg(long, value_name = "FORM", value_delimiter = ',', required = true)]
    pub(in crate::cli) forms: Vec<FormId>,
    /// How long it is good for: 30m, 12h, 90d, 52w, or never
    #[arg(long, default_value = "52w", value_parser = ttl::parse)]
    pub(in crate::cli) ttl: Ttl,
}

/// The life of a token; `None` until it is revoked.
pub(in crate::cli) type Ttl = ttl::Life<Duration>;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FormCommand {
    /// List the forms of this installation
    #[command(after_help = help::FORM_LIST)]
    List(FormListArgs),
    /// Check a form file and say what it would show
    #[command(after_help = help::FORM_CHECK)]
    Check(FormCheckArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FormListArgs {
    /// Only forms whose submissions this role may list
    #[arg(long = "as", value_name = "ROLE", value_parser = built_in)]
    pub(in crate::cli) role: Option<Role>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FormCheckArgs {
    /// The files: forms (TOML), notices and wordings of consents (Markdown)
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    /// Check every entry and link of the trail
    #[command(after_help = help::AUDIT_VERIFY)]
    Verify(AuditVerifyArgs),
    /// Prove that an entry is in the trail, or that the trail continues a head kept elsewhere
    #[command(after_help = help::AUDIT_PROVE)]
    Prove(AuditProveArgs),
    /// Print the signed head of the trail, to be kept elsewhere
    #[command(after_help = help::AUDIT_HEAD)]
    Head(Json),
    /// Show what was read across regions: the register of transfers
    #[command(after_help = help::AUDIT_TRANSFERS)]
    Transfers(TailArgs),
    /// Show the latest entries
    #[command(after_help = help::AUDIT_TAIL)]
    Tail(TailArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditVerifyArgs {
    /// Heads kept elsewhere: as `audit head --json` prints one, or a file or log with one a line; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) head: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditProveArgs {
    /// Number of the entry, from 0
    #[arg(value_name = "ENTRY", required_unless_present = "since", conflicts_with = "since")]
    pub(in crate::cli) entry: Option<u64>,
    /// Prove it under the head of so many entries instead of the present one
    #[arg(long, value_name = "ENTRIES", conflicts_with = "since")]
    pub(in crate::cli) size: Option<u64>,
    /// Prove that the trail continues this head, as `audit head --json` printed it; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) since: Option<PathBuf>,
    /// Print the proof, JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TailArgs {
    /// How many entries, 1 to 200
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(in crate::cli) limit: u32,
    /// Continue with the entries before this cursor
    #[arg(long, value_name = "CURSOR")]
    pub(in crate::cli) after: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ErasureCommand {
    /// Check the signature of a certificate and say what it certifies
    #[command(after_help = help::ERASURE_VERIFY)]
    Verify(CertificateArgs),
    /// Print the certificate of an erasure again, with what the recovery slot holds now
    #[command(after_help = help::ERASURE_SHOW)]
    Show(ErasureShowArgs),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ErasureShowArgs {
    /// Id of the person or the submission that was erased
    #[arg(value_name = "ID")]
    pub(in crate::cli) handle: Handle,
    #[command(flatten)]
    pub(in crate::cli) acting: Acting,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CertificateArgs {
    /// The certificate, JSON; - for standard input
    pub(in crate::cli) certificate: PathBuf,
    /// Public key of the vault: 64 hexadecimal digits, or a file that holds them
    #[arg(long, value_name = "PUBKEY")]
    pub(in crate::cli) key: String,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
