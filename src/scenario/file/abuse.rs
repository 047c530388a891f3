//! `[[abuse]]` as written: clients that behave badly, beside the honest load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use crate::scenario::units::{ByteCount, Timespan};
use crate::smtp::stage::Stage;

/// `[[abuse]]`: clients that behave badly, beside the honest load. They never end a message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Abuse {
    /// Its name in reports. Default: its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<At<String>>,
    /// What such a client does.
    pub kind: At<AbuseKind>,
    /// How many at a time. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<At<u32>>,
    /// How long each rests before it comes again. Default: 100ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<At<Timespan>>,
    /// Offsets into the measured period, such as `10s..20s`. Default: all of it. With a part left
    /// out, the report holds what honest senders felt against that part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<At<String>>,
    /// Kind slowloris: between two bytes. Default: 1s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<At<Timespan>>,
    /// Kind disconnect: at this stage, connect to content. Default: at each in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<At<Stage>>,
    /// Kind oversized-line: length of the line. Default: 64KiB. Kind lying-size: what is sent
    /// after 1000 bytes were declared. Default: 1MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<At<ByteCount>>,
}

/// What a bad client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AbuseKind {
    /// Says everything byte by byte, for ever.
    Slowloris,
    /// Greets and says nothing more.
    Idle,
    /// Does not wait for the banner.
    EarlyTalker,
    /// Does not wait for the replies to EHLO and DATA.
    UnauthorisedPipelining,
    /// Leaves without a word.
    Disconnect,
    /// Sends a command line without measure.
    OversizedLine,
    /// Declares a small message and sends a large one.
    LyingSize,
}
