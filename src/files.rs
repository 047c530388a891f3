//! Files on disk: those that a user names are read up to a bound, our own are written where nobody can
//! lead them astray. Where they lie is not known here.

mod bounded;
mod guarded;

pub use bounded::{open, read, read_text};
pub use guarded::{append, create, keep_private, private_folder, private_temporary, write};
