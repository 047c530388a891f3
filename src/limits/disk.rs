//! Bounds of the disk that loses power.

use std::time::Duration;

/// Largest disk, in bytes: its content is in memory.
pub const DISK_SIZE: u64 = 16 * 1024 * 1024 * 1024;

/// Bytes in the disk's volatile cache; beyond them what is oldest becomes durable, as in a drive.
pub const DISK_CACHE: usize = 256 * 1024 * 1024;

/// Writes between two looks at how much memory the images take.
pub const DISK_LOOK: u64 = 4096;

/// How long the disk's process may take to answer: a cut of a full disk copies its list of blocks.
pub const DISK_ANSWER: Duration = Duration::from_secs(10);

/// How long a tool that makes, mounts or checks a file system may take.
pub const DISK_TOOL: Duration = Duration::from_secs(60);

/// How long a file system may still be in use when it is to be unmounted.
pub const DISK_UNMOUNT: Duration = Duration::from_secs(5);

/// How long the processes of a target may take to be dead, or unable to run, in a power cut.
pub const POWER_CUT_KILL: Duration = Duration::from_secs(5);
