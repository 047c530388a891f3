//! Results as people and programs want them: one file a format. Renders, computes nothing.
//!
//! [`render`] makes the text of one [`Format`]; [`write_all`] writes the files of a run folder.
//! Everything a peer said passes through [`escape`].

pub mod escape;
pub mod human;
pub mod view;

mod figures;
mod story;
mod table;
mod terminal;

pub use terminal::{render as summary, result_line};
