//! Bounds of what is read from mailboxes.

/// Longest line of an IMAP or POP3 server that is not content, and longest string beside content. RFC 2449
/// §4 has 512 bytes for POP3, RFC 7162 §4 has 8,192 for IMAP.
pub const MAILBOX_LINE: usize = 8192;

/// Lines and strings of one session beside content, in bytes, [`MAILBOX_LINE_COST`] added to each: two
/// lines for each of [`MAILBOX_MESSAGES`].
pub const MAILBOX_TEXT: usize = 128 * 1024 * 1024;

/// What holding a line costs beside its bytes.
pub const MAILBOX_LINE_COST: usize = 256;

/// Folders of one user; a user of a test has a handful.
pub const MAILBOX_FOLDERS: usize = 1000;

/// Messages in all folders of one user: a copy takes about 200 bytes.
pub const MAILBOX_MESSAGES: usize = 200_000;
