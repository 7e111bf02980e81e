//! The longer help texts.

use crate::base::config;

pub(super) const BEFORE: &str = "Letterlock - a secure submission vault";

pub(super) const ABOUT: &str = "\
Web forms and CVs arrive over HTTPS. Every record is sealed under the keys of the person it is about; staff \
read what their role allows, and each reading is in the audit trail before the data leaves. Erasing a person \
destroys their keys, so that nothing can read the data again, old backups included. One program, one data \
folder, one key folder.";

pub(super) const AFTER: &str = "\
First steps:
  letterlock serve
      Runs the service on https://localhost:8443. The first run makes keys/ and data/.
  letterlock token create --login reader --role hr
      Makes a token for the API, beside the running service.
  letterlock record list --as hr
      Shows what has arrived.

The service need not run for the other commands: they open the vault themselves when it does not. \
`letterlock COMMAND --help` explains each command with examples; `letterlock --help` tells more about \
configuration and exit codes.";

/// What `--help` adds to the short help.
pub(super) fn after_long() -> String {
    format!(
        "\
First steps:
  letterlock serve
      Fills keys/, makes data/, prints the address and the form pages. Later runs just start.
  letterlock token create --login reader --role hr > reader.token
      Makes an account `reader` and a token for it, also beside the running service.
  curl --cacert keys/tls/cert.pem -H \"Authorization: Bearer $(cat reader.token)\" \\
      https://localhost:8443/api/v1/submissions
  letterlock record list --as hr
      The owner of the machine stands outside the roles. On the command line they act as one,
      which is announced and written to the audit trail.

Configuration:
  Defaults, then letterlock.toml, then the environment, then flags; the later wins. A variable
  is LETTERLOCK_ and the key in capitals, with two underscores for a dot: LETTERLOCK_LISTEN,
  LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE. LETTERLOCK_CONFIG names the file, as --config does.
  Keys with a dot stand in a section of the file: [limits], [tls], [recovery]. Relative paths
  in the file start at the file's folder.

{}
Exit codes:
  0  done; nothing wrong
  1  something was found wrong, or could not be done
  2  the command line, the configuration or a form is not valid; nothing was done
  3  the vault was not opened, and nothing was changed; the message says what to do
  4  there is no such thing, or the role may not know of it or do this",
        config::describe_keys()
    )
}

pub(super) const SERVE: &str = "\
The first run fills the key folder (master key, root slots, recovery, TLS certificate), makes the data \
folder and prints what it made. SIGINT or SIGTERM stops the service once what it has begun is finished; a \
second one at once.

Examples:
  letterlock serve
  letterlock serve --listen 0.0.0.0:8443
  letterlock --config /etc/letterlock.toml serve
  LETTERLOCK_LIMITS__PER_FORM_PER_MINUTE=0 letterlock serve";

pub(super) const INIT: &str = "\
Does what the first `serve` does, and stops there. Does nothing to a vault that exists.

Examples:
  letterlock init
  letterlock init --data /srv/letterlock/data --keys /etc/letterlock/keys";

pub(super) const STATUS: &str = "\
The public key shown is the one that certificates of erasure are checked with; note it where the vault \
cannot reach.

Examples:
  letterlock status
  letterlock status --json";

pub(super) const STATISTICS: &str = "\
Counts only: no address and no identifier of a visitor is kept. They are written every five minutes; days \
older than 400 are dropped.

Examples:
  letterlock statistics
  letterlock statistics --json";

pub(super) const STAFF: &str = "\
Examples:
  letterlock staff invite jane.doe --role hr
  letterlock staff recover jane.doe
  letterlock staff email jane.doe
  letterlock staff list
  letterlock staff disable jane.doe";

pub(super) const STAFF_ADD: &str = "\
With --email the address is read from standard input, or asked for at a terminal; never give it as an argument, where \
other users of the machine can see it.

Examples:
  letterlock staff add jane.doe
  letterlock staff add website --service";

pub(super) const STAFF_INVITE: &str = "\
The link stands alone on standard output, once; the vault keeps only a hash of it. Give it to the person by a way that \
is theirs alone: whoever opens it chooses the password. It can be made again until it was used. With --email the work \
address is read from standard input, or asked for at a terminal: see letterlock staff email.

Examples:
  letterlock staff invite jane.doe --role hr
  letterlock staff invite jane.doe --role hr --email < address.txt";

pub(super) const STAFF_EMAIL: &str = "\
There the person is told that something arrived by a form whose \"announce\" names a role of theirs: by which form, \
and nothing about whom. The address is read from standard input, or asked for at a terminal; never give it as an \
argument, where other users of the machine can see it. It is sealed with the account, and people set their own on their \
page of the console, too.

Examples:
  letterlock staff email jane.doe
  letterlock staff email jane.doe < address.txt
  letterlock staff email jane.doe --none";

pub(super) const STAFF_REGION: &str = "\
Submissions are kept in a region: that of the vault, or the one that their form names. Who reads elsewhere is shown only \
what a safeguard of the configuration covers for the two regions, and each such reading is written into the register of \
transfers (letterlock audit transfers). It counts from the next request on.

Examples:
  letterlock staff region thandi za
  letterlock staff region thandi --none";

pub(super) const STAFF_ROLES: &str = "\
For people who sign in. The roles are those named here, and none of before. The last administrator who can sign in stays one.

Example:
  letterlock staff roles jane.doe --role hr,support";

pub(super) const STAFF_RECOVER: &str = "\
Password, authenticator program, recovery codes and sessions of the account are worth nothing from now on; its roles stay. \
This is also the way back in for the last administrator.

Example:
  letterlock staff recover jane.doe --ttl 2h";

pub(super) const STAFF_REQUESTS: &str = "\
People ask and approve in the console, at /staff/requests; the owner of the machine looks on, and changes roles by \
`letterlock staff roles`, which is also the way for an administrator who is alone.

Examples:
  letterlock staff requests
  letterlock staff requests --as privacy --json";

pub(super) const STAFF_LIST: &str = "\
Example:
  letterlock staff list --json";

pub(super) const STAFF_DISABLE: &str = "\
It stays disabled: who comes back gets a new login.

Example:
  letterlock staff disable jane.doe";

pub(super) const TOKEN: &str = "\
Examples:
  letterlock token create --login reader --role hr
  letterlock token revoke abcdefghijklmnopqrstuvwxyz";

pub(super) const TOKEN_CREATE: &str = "\
The token stands alone on standard output, once; the vault keeps only a hash of it. Its id goes to standard \
error. A login that is new becomes a service account.

Roles:
  hr        reads applications            privacy   reads all, finds and erases people
  support   reads support requests        auditor   reads and verifies the audit trail
  admin     manages accounts; never reads submissions

Examples:
  letterlock token create --login reader --role hr > reader.token
  letterlock token create --login desk --role support,privacy --ttl 12h
  letterlock token create --login export --role hr --form job-application --action list-submissions,read-submission";

pub(super) const TOKEN_REVOKE: &str = "\
`letterlock staff list` shows the ids.

Example:
  letterlock token revoke abcdefghijklmnopqrstuvwxyz";

pub(super) const KEY: &str = "\
A key lets a server post the forms that it names on behalf of people, and do nothing else. docs/embedding.md shows how.

Examples:
  letterlock key create --name shop --forms general-enquiry
  letterlock key list
  letterlock key revoke abcdefghijklmnopqrstuvwxyz";

pub(super) const KEY_CREATE: &str = "\
The key stands alone on standard output, once; the vault keeps only a hash of it. Its id goes to standard error. What \
comes by it carries its name, and is not held to the limits of an address, but to limits.per_key_per_minute \
and limits.per_key_upload_mib_per_hour.

Examples:
  letterlock key create --name shop --forms general-enquiry > shop.key
  letterlock key create --name site --forms newsletter,job-application --ttl 90d";

pub(super) const KEY_LIST: &str = "\
Examples:
  letterlock key list
  letterlock key list --json";

pub(super) const KEY_REVOKE: &str = "\
`letterlock key list` shows the ids.

Example:
  letterlock key revoke abcdefghijklmnopqrstuvwxyz";

pub(super) const FORM: &str = "\
Forms are TOML files in the forms folder; the shipped ones need no file. docs/forms.md explains every key.

Examples:
  letterlock form list
  letterlock form check forms/job-application.toml";

pub(super) const FORM_LIST: &str = "\
Examples:
  letterlock form list
  letterlock form list --as support --json";

pub(super) const FORM_CHECK: &str = "\
Needs no vault. Exit code 2 when the form is not valid.

Example:
  letterlock form check forms/job-application.toml";

pub(super) const RECORD: &str = "\
The owner of the machine acts as a role: the same rules apply as over the API, each act is announced here \
and written to the audit trail as the owner's.

Examples:
  letterlock record list --as hr --purpose recruitment
  letterlock record show ID --as hr --purpose recruitment
  letterlock record erase ID --as privacy";

pub(super) const RECORD_LIST: &str = "\
Newest first. With a purpose, the form's summary fields are shown, and the reading is audited.

Examples:
  letterlock record list --as hr
  letterlock record list --as hr --form job-application --status received --purpose recruitment
  letterlock record list --as hr --json --limit 200";

pub(super) const RECORD_SEARCH: &str = "\
All words have to be there; parts of words will do, capitals and accents do not matter. They are read from standard \
input, or asked for at a terminal; never give them as arguments, where other users of the machine can see them. They \
are not written down anywhere; that there was a search, and what it found, is audited. Of several purposes, with commas \
between them, each form counts those that it knows.

Examples:
  letterlock record search --as hr --purpose recruitment
  letterlock record search --as hr --purpose recruitment --status received --from 2026-11-01 < words.txt
  letterlock record search --as support --purpose support,enquiries
  letterlock record search --as privacy --purpose subject-request --json < words.txt";

pub(super) const RECORD_SHOW: &str = "\
Examples:
  letterlock record show ID --as hr --purpose recruitment
  letterlock record show ID --as hr --purpose recruitment --file 0 --out cv.pdf";

pub(super) const RECORD_MARK: &str = "\
Example:
  letterlock record mark ID shortlisted --as hr";

pub(super) const RECORD_ERASE: &str = "\
Destroys the keys of this submission; everything else about the person stays. Prints the signed certificate.

Example:
  letterlock record erase ID --as privacy > certificate.json";

pub(super) const BOARD: &str = "\
Examples:
  letterlock record list --as marketing --form public-comment --status new
  letterlock board publish ID --as marketing
  letterlock board decline ID --as marketing --reason \"It is an advertisement.\"";

pub(super) const BOARD_PUBLISH: &str = "\
Shows the fields that the form names under `public`, as its sender was told, and no other. A comment that its author has taken \
down cannot be published.

Example:
  letterlock board publish ID --as marketing";

pub(super) const BOARD_DECLINE: &str = "\
Example:
  letterlock board decline ID --as marketing --reason \"It is an advertisement.\"";

pub(super) const SURVEY: &str = "\
Examples:
  letterlock survey results survey --as marketing --purpose survey
  letterlock survey texts survey ideas --as marketing --purpose survey";

pub(super) const SURVEY_RESULTS: &str = "\
Answers are counted in groups of k, in order of arrival: nothing changes until k more have come. Counts are rounded to \
multiples of k, so they need not add up. docs/forms.md says what that hides and what it does not.

Examples:
  letterlock survey results survey --as marketing --purpose survey
  letterlock survey results survey --as marketing --purpose survey --json";

pub(super) const SURVEY_TEXTS: &str = "\
Only fields that the form names under `texts`, and only once k answers have words in them. The order is one of chance.

Example:
  letterlock survey texts survey ideas --as marketing --purpose survey";

pub(super) const SUBJECT: &str = "\
Examples:
  letterlock subject find --as privacy
  letterlock subject erase ID --as privacy > certificate.json";

pub(super) const SUBJECT_FIND: &str = "\
The address is read from standard input, or asked for at a terminal; never give it as an argument, where \
other users of the machine can see it. It is not written down anywhere.

Examples:
  letterlock subject find --as privacy
  letterlock subject find --as privacy --json < address.txt";

pub(super) const SUBJECT_ERASE: &str = "\
Destroys the keys of these people; nothing can read what was held about them again. Many people are erased \
in one go. Prints one signed certificate a line, or writes each to a file of its own with --certificates.

Examples:
  letterlock subject erase ID --as privacy > certificate.json
  letterlock subject erase --from ids.txt --as privacy --yes --certificates certificates/";

pub(super) const AUDIT: &str = "\
Examples:
  letterlock audit verify
  letterlock audit head --json > head.json
  letterlock audit verify --head head.json
  letterlock audit tail";

pub(super) const AUDIT_VERIFY: &str = "\
Finds every entry that was edited, dropped or moved; against a head kept elsewhere also a trail that was cut \
short. Exit code 1 and a list when something is wrong.

Examples:
  letterlock audit verify
  letterlock audit verify --head head.json --json";

pub(super) const AUDIT_PROVE: &str = "\
With --json the whole proof goes to standard output, for those who keep heads: whoever has it checks it with the public key \
alone (examples/audit-verifier.rs shows how), without this vault. The proof of an entry holds what opens that one entry, so it \
is as confidential as the entry is. Exit code 1 when the trail does not continue the head.

Examples:
  letterlock audit prove 17
  letterlock audit prove 17 --json > proof.json
  letterlock audit prove --since head.json --json > continues.json";

pub(super) const AUDIT_HEAD: &str = "\
Keep the head where nobody with access to the vault can change it.

Example:
  letterlock audit head --json > head.json";

pub(super) const AUDIT_TRANSFERS: &str = "\
Who read what is kept in another region, what for, and under which safeguard of the configuration. See letterlock staff region.

Examples:
  letterlock audit transfers
  letterlock audit transfers --limit 200 --json";

pub(super) const AUDIT_TAIL: &str = "\
Examples:
  letterlock audit tail
  letterlock audit tail --limit 200 --json";

pub(super) const VERIFY: &str = "\
Reads everything, so it takes its time on a large vault; a service beside it goes on working. Exit code 1 \
and a list when something is wrong.

Examples:
  letterlock verify
  letterlock verify --json";

pub(super) const ERASURE: &str = "\
Example:
  letterlock erasure verify certificate.json --key 1f0c…";

pub(super) const ERASURE_SHOW: &str = "\
For a certificate that was lost, or that said \"pending in backup\" when it was made. The certificate goes to \
standard output.

Example:
  letterlock erasure show ID --as privacy > certificate.json";

pub(super) const ERASURE_VERIFY: &str = "\
Needs no vault and no network. The key is the one that `letterlock status` prints and the service publishes \
at /.well-known/letterlock-erasure-key: 64 hexadecimal digits, or a file that holds them. Take it from a \
source you trust.

Example:
  letterlock erasure verify certificate.json --key erasure-key.txt";
