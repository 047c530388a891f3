//! The `disconnect` fault: the connection breaks, at once or in mid-content.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::page::{At, Case, Effect, Keys, Page, Problems, Refinement, Stage, place, some};
use crate::grammar::checks::misplaced;
use crate::grammar::units::ByteCount;

/// How and where the connection breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// How it ends.
    pub how: Hangup,
    /// At stage content: after this many bytes of content.
    pub after_bytes: Option<u64>,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Connection")]
pub enum Hangup {
    /// An orderly close.
    Fin,
    /// A reset.
    Rst,
}

impl Page for Disconnect {
    type Written = Hangup;

    const DOES: &'static str = "Break the connection.";

    fn refinements() -> Vec<Refinement> {
        vec![("Fault", json!({ "dependentRequired": { "after_bytes": ["disconnect"] } }))]
    }

    fn check_beside(keys: &Keys, stage: Stage, problems: &mut Problems) {
        let Some(after_bytes) = place(&keys.after_bytes) else { return };
        if keys.disconnect.is_none() {
            let help = "add `disconnect = \"fin\"` or `disconnect = \"rst\"`";
            misplaced([("after_bytes", Some(after_bytes))], "`disconnect`", help, problems);
        } else if stage != Stage::Content {
            let what = format!("no content flows at stage {stage}");
            problems.refuse(after_bytes, what, "use stage content");
        }
    }

    fn read(keys: &Keys, _: &mut Problems) -> Option<Disconnect> {
        let after_bytes = keys.after_bytes.as_ref().map(|bytes| bytes.value.0);
        Some(Disconnect { how: keys.disconnect.as_ref()?.value, after_bytes })
    }

    fn write(&self, keys: &mut Keys) {
        keys.disconnect = some(self.how);
        keys.after_bytes = self.after_bytes.map(|bytes| At::from(ByteCount(bytes)));
    }

    fn words(&self) -> String {
        let how = match self.how {
            Hangup::Fin => "FIN",
            Hangup::Rst => "RST",
        };
        match self.after_bytes {
            Some(bytes) => format!("disconnect ({how}) after {bytes} bytes"),
            None => format!("disconnect ({how})"),
        }
    }

    fn effect(&self, _: &mut Case<'_>) -> Option<Effect> {
        let after_bytes = self.after_bytes.unwrap_or(0);
        Some(Effect::Disconnect { how: self.how, after_bytes })
    }
}
