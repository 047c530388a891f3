//! Files on disk: those that a user names are read up to a bound, those of mailbench are written
//! through no symbolic link. Where they lie is not known here.

mod bounded;
mod guarded;

pub use bounded::{is_refused, open, read, read_text};
pub use guarded::{append, create, keep_private, private_folder, private_temporary, write};
