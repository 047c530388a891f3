//! Bounds of the preflight and of what comes back.

use std::time::Duration;

/// Time the preflight message has to arrive at the sink.
pub const PREFLIGHT: Duration = Duration::from_secs(30);

/// And for each of its recipients in addition.
pub const PREFLIGHT_EACH: Duration = Duration::from_millis(20);

/// How long an external target's queue may take to be empty after the preflight before a warning
/// says that it was not empty before.
pub const LEFTOVER_WAIT: Duration = Duration::from_secs(2);

/// Time for which a preflight message that is deferred is tried again: longer than the five minutes
/// for which greylisting usually holds new mail.
pub const PREFLIGHT_DEFERRED: Duration = Duration::from_secs(360);

/// Seconds between the first attempts at it; the last is that between all later ones.
pub const PREFLIGHT_WAITS: [u64; 5] = [1, 3, 6, 10, 20];

/// Recipients of each message of the preflight, one a destination: what every server must take in
/// one transaction (RFC 5321 §4.5.3.1.8).
pub const PREFLIGHT_RECIPIENTS: usize = 100;

/// Bytes of a DSN that are looked at: the report stands before the returned message.
pub const DSN_BYTES: usize = 256 * 1024;

/// Parts of a DSN that are looked at; it has three (RFC 3462 §2).
pub const DSN_PARTS: usize = 8;

/// Flaws recorded of one DSN.
pub const DSN_FLAWS: usize = 16;
