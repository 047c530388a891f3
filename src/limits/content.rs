//! Bounds of what is held of content, and of what is shown where it differs.

/// Bytes of a content that are held to be checked whole; a longer one is checked as it streams by,
/// and what is wrong with it is judged by counts alone.
pub const CONTENT_HELD: usize = 8 * 1024 * 1024;

/// Bytes of contents longer than [`CONTENT_HELD_FREE`] that all sessions of a sink hold together;
/// beyond them a content is checked as it streams by.
pub const CONTENTS_HELD: usize = 256 * 1024 * 1024;

/// Bytes of a content that every session may hold without asking.
pub const CONTENT_HELD_FREE: usize = 32 * 1024;

/// Differences of one kind that are shown of one content.
pub const DIFFERENCES_OF_KIND: usize = 2;

/// Letters that are shown of a difference, on each side.
pub const DIFFERENCE_TEXT: usize = 100;

/// Contents with one kind of change whose differences are written to the journal: a target may
/// change every message.
pub const DIFFERENCES_RECORDED: u32 = 100;

/// Messages inside one another that are compared field by field.
pub const NESTED_MESSAGES: usize = 8;

/// Parts of a message up to which the greatest number of the same is looked for; more are compared
/// one by one.
pub const PARTS_COMPARED: usize = 128;
