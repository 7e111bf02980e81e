//! The languages that pages, messages and mails speak: which there are, which one somebody reads best, and what is said in
//! it.
//!
//! Nothing that people read is written in code. Code names a message ([`Said`]); the words stand in one TOML file a
//! language ([`Catalogue`]). The shipped ones are compiled in, and files of an installation add languages or replace words.

mod accept;
mod catalogue;
mod said;
mod set;
mod tag;

pub use accept::best;
pub use catalogue::{Catalogue, Mistake};
pub use said::{Arg, Said};
pub use set::Languages;
pub use tag::{BadLang, Lang};
