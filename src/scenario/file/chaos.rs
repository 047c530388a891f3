//! `[[chaos]]` as written: when, and exactly one act.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};

use super::At;
use crate::scenario::units::Timespan;

/// `[[chaos]]`: something happens to the target itself. Exactly one of `kill` … `run`.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chaos {
    /// Offset into the measured period, or a table for again and again.
    pub at: At<When>,
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

/// When it happens.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum When {
    /// Once, at this offset into the measured period.
    Once(Timespan),
    /// Again and again.
    Every(Every),
}

/// Again and again, to the end of the measured period.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// Time between two.
    pub every: At<Timespan>,
    /// Each comes up to so much earlier or later. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<At<Timespan>>,
}

/// A kill.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// Start it again after so long. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_after: Option<At<Timespan>>,
}

/// A restart; it has no settings.
#[derive(Clone, Debug, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restart {}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
        deserializer.deserialize_any(OffsetOrTable)
    }
}

/// Reads either form. Not serde's own untagged reading, which forgets what was wrong.
struct OffsetOrTable;

impl<'de> Visitor<'de> for OffsetOrTable {
    type Value = When;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an offset such as \"12s\", or a table { every = \"10s\", jitter = \"2s\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<When, E> {
        Timespan::deserialize(text.into_deserializer()).map(When::Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<When, A::Error> {
        Every::deserialize(MapAccessDeserializer::new(table)).map(When::Every)
    }
}
