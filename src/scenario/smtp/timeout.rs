//! `[smtp.timeout]`: time limits by stage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::grammar::at::{At, some};
use crate::grammar::checks::length;
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::grammar::units::Timespan;
use crate::smtp::client::Timeouts;

/// `[smtp.timeout]`: time limits by stage.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Timeout {
    /// TCP connection. Default: 30s.
    pub connect: Option<At<Timespan>>,
    /// Greeting. Default: 5m.
    pub banner: Option<At<Timespan>>,
    /// Reply to any command but DATA. Default: 5m.
    pub reply: Option<At<Timespan>>,
    /// Reply to DATA. Default: 2m.
    pub data: Option<At<Timespan>>,
    /// One write of content. Default: 3m.
    pub content: Option<At<Timespan>>,
    /// Reply to the final dot. Default: 10m.
    pub end_of_data: Option<At<Timespan>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let keys = [
        "Timeout.connect",
        "Timeout.banner",
        "Timeout.reply",
        "Timeout.data",
        "Timeout.content",
        "Timeout.end_of_data",
    ];
    keys.map(|key| (key, schema::some_time())).into()
}

pub(super) fn resolve(written: Option<&At<Timeout>>, problems: &mut Problems) -> Timeouts {
    let default = Timeouts::default();
    let Some(At { value: timeout, .. }) = written else { return default };
    let mut limit =
        |written: &Option<At<Timespan>>, default| length(written.as_ref(), default, problems);
    Timeouts {
        connect: limit(&timeout.connect, default.connect),
        banner: limit(&timeout.banner, default.banner),
        reply: limit(&timeout.reply, default.reply),
        data: limit(&timeout.data, default.data),
        content: limit(&timeout.content, default.content),
        end_of_data: limit(&timeout.end_of_data, default.end_of_data),
    }
}

impl From<&Timeouts> for Timeout {
    fn from(timeouts: &Timeouts) -> Timeout {
        Timeout {
            connect: some(Timespan(timeouts.connect)),
            banner: some(Timespan(timeouts.banner)),
            reply: some(Timespan(timeouts.reply)),
            data: some(Timespan(timeouts.data)),
            content: some(Timespan(timeouts.content)),
            end_of_data: some(Timespan(timeouts.end_of_data)),
        }
    }
}
