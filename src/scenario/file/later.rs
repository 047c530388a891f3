//! `[[chaos]]` and `[compare]` as written. Read and checked; not built yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use crate::scenario::units::Timespan;

/// `[[chaos]]`: something happens to the target itself. Exactly one of `kill` … `run`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// Offset into the measured period.
    pub at: At<Timespan>,
    /// SIGKILL of every process of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill: Option<At<Kill>>,
    /// SIGSTOP, and SIGCONT after so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<At<Timespan>>,
    /// Orderly stop and start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<At<Restart>>,
    /// The user's own command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<At<Vec<String>>>,
}

/// A kill.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// Start it again after so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<At<Timespan>>,
}

/// A restart; it has no settings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {}

/// `[compare]`: variants, run in randomised interleaved pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// How many pairs.
    pub pairs: At<u32>,
    /// The variants; at least two.
    #[serde(default)]
    pub variant: Vec<At<Variant>>,
}

/// `[[compare.variant]]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: At<String>,
    /// Keys that differ in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub set: Option<At<BTreeMap<String, toml::Value>>>,
}
