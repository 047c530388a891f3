//! Bounds of what is read from files and programs, and of texts that are kept.

use std::time::Duration;

/// Bytes of a scenario file: with all its 65,535 destinations it is well below.
pub const SCENARIO_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a trace of arrivals: [`super::TRACE_ROWS`] rows of about a hundred bytes.
pub const TRACE_BYTES: u64 = 1024 * 1024 * 1024;

/// Bytes of a small file that the user names: a key, a list of addresses, a process id.
pub const SMALL_FILE: u64 = 1024 * 1024;

/// Bytes of a file of certificates: those that a system trusts are a few hundred thousand.
pub const CERTIFICATES: u64 = 16 * 1024 * 1024;

/// Bytes of a target's output that are kept: some millions of messages with ten lines each.
pub const TARGET_OUTPUT: u64 = 2 * 1024 * 1024 * 1024;

/// Bytes of a target's log: its output, and as much on standard error, which it writes itself.
pub const TARGET_LOG: u64 = 2 * TARGET_OUTPUT;

/// Bytes that a command of the user's may print while it runs, a hook or the stopping of a target.
pub const HOOK_OUTPUT: u64 = 64 * 1024 * 1024;

/// Time between two looks at how much such a command has printed.
pub const HOOK_LOOK: Duration = Duration::from_millis(100);

/// Bytes of a stored result (`report.json`, `comparison.json`, `capacity.json`) or history. A
/// report of 65,535 destinations with their histograms is below.
pub const RESULT_BYTES: u64 = 512 * 1024 * 1024;

/// Bytes of one line of a history: a run with every figure of every metric has some ten thousand.
pub const HISTORY_LINE: u64 = 1024 * 1024;

/// Problems of a scenario that are shown; the others are counted.
pub const PROBLEMS_SHOWN: usize = 20;

/// Problems of a scenario that are kept, so that a file with a million of them costs no more.
pub const PROBLEMS_KEPT: usize = 1000;

/// Bytes of what a queue command may print: a million entries of `postqueue -j`. They are counted as
/// they come, a line at a time.
pub const QUEUE_OUTPUT: u64 = 1024 * 1024 * 1024;

/// Descriptors that the runtime and its signals need.
pub const RUNTIME_DESCRIPTORS: usize = 16;

/// Bytes of what a program may print that is asked for its version or a hash.
pub const PROGRAM_OUTPUT: u64 = 1024 * 1024;

/// Bytes of the command line that repeats a run, as far as the ledger keeps it.
pub const COMMAND_TEXT: usize = 64 * 1024;

/// Words of a command of the user's that the ledger keeps.
pub const COMMAND_WORDS: usize = 64;

/// Longest line of a mail log that is read, in bytes: a line of syslog has at most a few thousand.
pub const LOG_LINE: usize = 64 * 1024;

/// Lines of a mail log among which its first time is looked for.
pub const LOG_HEAD: usize = 1000;

/// Bytes of a corpus of messages, all files together: it is held in memory.
pub const CORPUS_BYTES: usize = 512 * 1024 * 1024;

/// `text`, cut to at most so many bytes, between two characters.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}
