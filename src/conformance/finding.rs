//! The result of a conformance test: its verdicts, its rows and the JSON format they are written in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON format. Version 1 had one verdict, `untold`, in the place of
/// [`Verdict::Skipped`] and [`Verdict::Inconclusive`].
pub const SCHEMA_VERSION: u32 = 2;

/// The verdict on a target in one case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the source requires.
    Conforms,
    /// Less strict than it could be, without harmful effect.
    Tolerates,
    /// Stricter than the source requires.
    Hardened,
    /// Against the source.
    Violates,
    /// Open to abuse.
    Vulnerable,
    /// Not run: a precondition is missing, such as an extension that the target does not offer.
    Skipped,
    /// Run, but the evidence does not decide, such as mail that is still in the target's queue.
    #[serde(alias = "untold")]
    Inconclusive,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 7] = [
        Verdict::Conforms,
        Verdict::Tolerates,
        Verdict::Hardened,
        Verdict::Violates,
        Verdict::Vulnerable,
        Verdict::Skipped,
        Verdict::Inconclusive,
    ];

    /// The word for it in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::Tolerates => "tolerates",
            Verdict::Hardened => "hardened",
            Verdict::Violates => "violates",
            Verdict::Vulnerable => "vulnerable",
            Verdict::Skipped => "skipped",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// Whether it is a finding against the target.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Verdict::Violates | Verdict::Vulnerable)
    }

    /// Whether it states nothing about the target.
    #[must_use]
    pub fn is_undecided(self) -> bool {
        matches!(self, Verdict::Skipped | Verdict::Inconclusive)
    }
}

/// Which side of the target the misbehaving peer is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// A client of the target.
    Inbound,
    /// A server to which the target relays.
    Outbound,
}

/// One case and its result.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Name of the case.
    pub id: String,
    /// Which side the misbehaving peer is on.
    pub direction: Direction,
    /// What the peer does.
    pub title: String,
    /// What the target is expected to do.
    pub expected: String,
    /// Section of the RFC, or the advisory.
    pub source: String,
    /// Whether an RFC mandates it.
    pub mandated: bool,
    /// What was observed, in words.
    pub observed: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the row fails the test: its verdict is `violates` or `vulnerable`, and an RFC
    /// mandates it (with `--strict`: whether or not one does).
    pub gates: bool,
}

/// The result of a conformance test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConformanceReport {
    /// Version of this format.
    pub schema_version: u32,
    /// Program and version that ran the test.
    pub tool: String,
    /// Kind of the target.
    pub target_kind: String,
    /// Version that the target reports.
    pub target_version: String,
    /// When the test started, RFC 3339, UTC.
    pub started_at: String,
    /// Every case.
    pub rows: Vec<Row>,
}

impl ConformanceReport {
    /// Number of rows with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// Number of rows that fail the test.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.rows.iter().filter(|row| row.gates).count()
    }
}

/// The JSON Schema of [`ConformanceReport`], as it is committed.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(ConformanceReport);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_version_1_is_read() {
        let read = |word: &str| serde_json::from_str::<Verdict>(&format!("\"{word}\""));
        assert_eq!(read("untold").expect("version 1"), Verdict::Inconclusive);
        for verdict in Verdict::ALL {
            assert_eq!(read(verdict.name()).expect("its own word"), verdict);
        }
    }

    #[test]
    fn the_schema_lists_every_verdict_and_no_other() {
        let text = schema();
        for verdict in Verdict::ALL {
            assert!(text.contains(&format!("\"{}\"", verdict.name())), "{}", verdict.name());
        }
        assert!(!text.contains("untold"));
    }
}
