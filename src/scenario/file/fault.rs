//! `[[fault]]` as written: a scope, and exactly one action.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, At};
pub use crate::fault::garble::Garble;
pub use crate::fault::tls::TlsFault;
use crate::scenario::units::{ByteCount, ByteRate, Rate, Share, Timespan};
use crate::smtp::stage::Stage;

/// `[[fault]]`: what goes wrong at a destination. Exactly one of `delay` … `tls`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Its name in reports. Default: `fault-1` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<At<String>>,
    /// The one destination it is limited to. Default: every destination. Before stage rcpt-to only
    /// for targets that mailbench starts, which come to an address of the sink for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<At<String>>,
    /// The stage of the dialogue at which it strikes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<At<Stage>>,
    /// Offsets into the measured period, such as `10s..20s`. Default: the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub during: Option<At<String>>,
    /// Attempt numbers, such as `1`, `2..` or `..3`. Default: every attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<At<AttemptsText>>,
    /// How often it strikes where all else matches. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odds: Option<At<Share>>,
    /// Wait, then go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<At<Amount<Timespan>>>,
    /// Answer this 4yz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defer: Option<At<String>>,
    /// Answer this 5yz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject: Option<At<String>>,
    /// Break the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<At<Connection>>,
    /// With disconnect at stage content: after so many bytes of content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<At<ByteCount>>,
    /// No reply for so long, connection open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<At<Timespan>>,
    /// Read no faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<At<ByteRate>>,
    /// Break the form of a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garble: Option<At<Garble>>,
    /// Stage connect: the port is closed while the rule holds, and the sessions on it are cut; with
    /// `destination` the port of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuse: Option<At<bool>>,
    /// Answer 421 beyond a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<At<Limit>>,
    /// Answer by attempt number; the last entry stands for all later attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<At<Vec<At<String>>>>,
    /// Break TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<At<TlsFault>>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// An orderly close.
    Fin,
    /// A reset.
    Rst,
}

/// A limit beyond which the sink answers 421: `connections` or `rate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// Simultaneous sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<At<u32>>,
    /// So many a second, with a burst of one second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<At<Rate>>,
    /// With rate: counted for each destination by itself. Default: for the rule as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<At<Per>>,
}

/// What a rate limit is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Each destination by itself.
    Destination,
}

/// Attempt numbers as text; a single number may stand bare.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct AttemptsText(pub String);

impl JsonSchema for AttemptsText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttemptsText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "attempt numbers such as 1, \"1\", \"2..\" or \"..3\"",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                {
                    "type": "string",
                    "pattern": r"^\s*0*[1-9][0-9]{0,9}\s*(\.\.(\s*0*[1-9][0-9]{0,9}\s*)?)?$|^\.\.\s*0*[1-9][0-9]{0,9}\s*$",
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for AttemptsText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl serde::de::Visitor<'_> for TextOrNumber {
            type Value = AttemptsText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("attempt numbers such as \"1\", \"2..\" or \"..3\"")
            }
            fn visit_i64<E>(self, number: i64) -> Result<AttemptsText, E> {
                Ok(AttemptsText(number.to_string()))
            }
            fn visit_str<E>(self, text: &str) -> Result<AttemptsText, E> {
                Ok(AttemptsText(text.to_owned()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}
