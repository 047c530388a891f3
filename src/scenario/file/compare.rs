//! `[compare]` as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use crate::scenario::units::{Share, Timespan};

/// `[compare]`: variants, run in randomised interleaved pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// How many pairs. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<At<u32>>,
    /// Rest between two runs. Default: 1s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<At<Timespan>>,
    /// Whether so many pairs again are run when the first look is inconclusive. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<At<bool>>,
    /// A latency or size may be worse by this share. Default: 5%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<At<Share>>,
    /// A rate may be worse by this share. Default: 3%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_margin: Option<At<Share>>,
    /// Figures that decide, at most four. Default: `e2e_response.p50`, `e2e_response.p99`,
    /// `submit_response.p99`, `delivered.rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<At<Vec<At<String>>>>,
    /// The variants; at least two. The first is what the others are held against.
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
