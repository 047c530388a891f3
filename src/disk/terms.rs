//! What a scenario may say of the disk: its file system, and what of unflushed writes survives.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file system on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Filesystem {
    /// ext4, ordered mode.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
}

/// What survives of the writes that were not flushed when power is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Nothing.
    #[default]
    None,
    /// Each write or not, by the seed: a drive writes its cache back in any order.
    Subset,
    /// Each sector of 4 KiB or not, by the seed: a write can be torn.
    Torn,
    /// The first of them, up to one that the seed chooses.
    Prefix,
}

impl Filesystem {
    /// Every one.
    pub const ALL: [Filesystem; 3] = [Filesystem::Ext4, Filesystem::Xfs, Filesystem::Btrfs];

    /// As scenarios and mount(8) name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Filesystem::Ext4 => "ext4",
            Filesystem::Xfs => "xfs",
            Filesystem::Btrfs => "btrfs",
        }
    }

    /// The smallest disk on which its tools make one with room for a queue: xfsprogs refuses less
    /// than 300 MB, and btrfs reserves much of a small one.
    #[must_use]
    pub fn least_size(self) -> u64 {
        match self {
            Filesystem::Ext4 => 64 << 20,
            Filesystem::Xfs => 320 << 20,
            Filesystem::Btrfs => 256 << 20,
        }
    }
}

impl Keep {
    /// Every one.
    pub const ALL: [Keep; 4] = [Keep::None, Keep::Subset, Keep::Torn, Keep::Prefix];

    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Keep::None => "none",
            Keep::Subset => "subset",
            Keep::Torn => "torn",
            Keep::Prefix => "prefix",
        }
    }
}

/// What a disk is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskTerms {
    /// The file system on it.
    pub filesystem: Filesystem,
    /// Its size in bytes.
    pub size: u64,
    /// How long a flush takes.
    pub flush: Duration,
}

impl DiskTerms {
    /// Its usual size: inodes enough for some hundred thousand queued mails. It takes memory only for
    /// what is written to it.
    pub const SIZE: u64 = 2 << 30;

    /// The usual disk with this file system.
    #[must_use]
    pub fn of(filesystem: Filesystem) -> DiskTerms {
        DiskTerms { filesystem, size: DiskTerms::SIZE, flush: Duration::ZERO }
    }
}
