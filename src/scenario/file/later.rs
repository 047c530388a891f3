//! `[compare]` as written. Read and checked; not built yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;

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
