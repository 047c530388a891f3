//! What an examination comes to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON format.
pub const SCHEMA_VERSION: u32 = 1;

/// What is said of a target in one case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the text has it.
    Conforms,
    /// Not as strict as it might be, and nothing comes of it.
    Tolerates,
    /// Stricter than it must be.
    Hardened,
    /// Against the text.
    Violates,
    /// Open to abuse.
    Vulnerable,
    /// Not to be told: the case could not be played.
    Untold,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 6] = [
        Verdict::Conforms,
        Verdict::Tolerates,
        Verdict::Hardened,
        Verdict::Violates,
        Verdict::Vulnerable,
        Verdict::Untold,
    ];

    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::Tolerates => "tolerates",
            Verdict::Hardened => "hardened",
            Verdict::Violates => "violates",
            Verdict::Vulnerable => "vulnerable",
            Verdict::Untold => "untold",
        }
    }

    /// Whether it speaks against the target.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Verdict::Violates | Verdict::Vulnerable)
    }
}

/// Who misbehaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We, as a client of the target.
    Inbound,
    /// We, as the server it relays to.
    Outbound,
}

/// One case and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name of the case.
    pub id: String,
    /// Who misbehaved.
    pub direction: Direction,
    /// What was done.
    pub title: String,
    /// What was expected.
    pub expected: String,
    /// By which text.
    pub source: String,
    /// Whether an RFC demands it.
    pub mandated: bool,
    /// What was seen, in words.
    pub observed: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// Whether it counts against the target: a bad verdict, and the text mandates.
    pub gates: bool,
}

/// The whole examination.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Examination {
    /// Version of this format.
    pub schema_version: u32,
    /// Program and version that examined.
    pub tool: String,
    /// Kind of the target.
    pub target_kind: String,
    /// Version the target reports.
    pub target_version: String,
    /// When, RFC 3339, UTC.
    pub started_at: String,
    /// Every case.
    pub rows: Vec<Row>,
}

impl Examination {
    /// How many rows have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Whether any row counts against the target.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.rows.iter().any(|row| row.gates)
    }
}

/// The JSON Schema of [`Examination`], as it is committed.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Examination);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
