//! The shape of `comparison.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figure::figures;
use crate::measure::results::{Certainty, Marked, Results, Tool, Verdict, Warning};
use crate::metric::figure::Better;

/// Version of the shape of [`Comparison`].
pub const SCHEMA_VERSION: u32 = 1;

/// `comparison.json`: one side against one or several others.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Version of this shape.
    pub schema_version: u32,
    /// What judged it.
    pub tool: Tool,
    /// Scenario name.
    pub name: String,
    /// The scenario's question.
    pub question: String,
    /// SHA-256 of the scenario with its `[compare]`, as resolved; empty of single runs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario_sha256: String,
    /// How it was judged.
    pub method: Method,
    /// What the others are held against.
    pub base: Side,
    /// One for each other side.
    pub contrasts: Vec<Contrast>,
    /// Every run that was made, in the order in which they were.
    pub trials: Vec<Trial>,
    /// Why the sides should not be compared, where that was overruled.
    pub differences: Vec<String>,
    /// What a reader should know before believing a number.
    pub warnings: Vec<Warning>,
    /// The end of it.
    pub verdict: Verdict,
}

/// How a comparison was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Method {
    /// `paired`: runs interleaved in pairs; `single`: one run a side.
    pub design: Design,
    /// A figure may be worse by this share before it counts: latencies and sizes.
    pub latency_margin: f64,
    /// The same: rates.
    pub throughput_margin: f64,
    /// Odds of a false alarm, two-sided, of this look at the data.
    pub alpha: f64,
    /// Figures that decide; the others inform.
    pub gate: Vec<String>,
    /// Run-to-run variation taken for granted, as a share; null where it was measured.
    pub assumed_noise: Option<f64>,
    /// Pairs asked for; 0 of single runs.
    pub pairs: u32,
    /// Whether so many again were run because the first look was inconclusive.
    pub extended: bool,
}

/// Where the runs of a comparison come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Interleaved in randomised pairs.
    Paired,
    /// One run a side.
    Single,
}

impl Design {
    /// Whether a figure that is left inconclusive is a reason not to pass: one that decides, of runs
    /// that were made to decide it, or that lack the data for it. Two single runs seldom can.
    #[must_use]
    pub fn must_decide(self, row: &Row) -> bool {
        row.gated && (self == Design::Paired || row.lacks_data)
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// A variant's name, or where the run lies.
    pub name: String,
    /// Kind of target.
    pub target_kind: String,
    /// Version of the target.
    pub target_version: String,
    /// SHA-256 of the resolved scenario, of one of its runs.
    pub scenario_sha256: String,
    /// Ids of the runs that count.
    pub runs: Vec<String>,
    /// End-to-end times of those runs together: HdrHistogram V2 deflate, base64.
    pub e2e_hdr: String,
}

/// One side against the base.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Contrast {
    /// The side.
    pub new: Side,
    /// Worst verdict of the figures that decide.
    pub verdict: Outcome,
    /// By figure, in reading order.
    pub figures: Vec<Row>,
}

/// One figure, compared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// As thresholds name it.
    pub metric: String,
    /// What it is counted in.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// Whether it decides.
    pub gated: bool,
    /// The base: of several runs the median; null where it has no such figure.
    pub base: Option<f64>,
    /// The other side: of several runs the median; null where it has no such figure.
    pub new: Option<f64>,
    /// Whether the base is a lower bound, in one of its runs at least.
    #[serde(default)]
    pub base_at_least: bool,
    /// Whether the other side is a lower bound, in one of its runs at least.
    #[serde(default)]
    pub new_at_least: bool,
    /// New over base; of pairs, the Hodges–Lehmann estimate. Null of a count. A value below the
    /// figure's resolution counts as the resolution.
    pub ratio: Option<f64>,
    /// Interval of the ratio, from; null also where lower bounds or missing figures leave it open.
    pub low: Option<f64>,
    /// Interval of the ratio, to; null as `low`.
    pub high: Option<f64>,
    /// Smallest regression that such a comparison detects with power 0.8, as a share by which
    /// the figure is worse (of a rate: base over new, less one): by the variation of these runs,
    /// beyond the margin, with the correction for all figures that decide and the extension, where
    /// one is allowed. Null where so few pairs find none, however large.
    pub detectable: Option<f64>,
    /// Pairs with the figure on both sides, or 1 of single runs.
    pub pairs: u32,
    /// Odds of figures this bad, were the truth no worse than the margin; corrected by Holm among
    /// the figures that decide. A pair that lacks the figure counts against it.
    pub p_worse: Option<f64>,
    /// What it comes to.
    pub verdict: Outcome,
    /// Whether it is inconclusive and data are missing, or are only lower bounds.
    #[serde(default)]
    pub lacks_data: bool,
    /// Why it could not be judged, or what is to be known of it.
    pub note: Option<String>,
}

impl Row {
    /// The base, with its mark.
    #[must_use]
    pub fn marked_base(&self) -> Option<Marked<f64>> {
        self.base.map(|base| Marked::new(base, Certainty::at_least(self.base_at_least)))
    }

    /// The other side, with its mark.
    #[must_use]
    pub fn marked_new(&self) -> Option<Marked<f64>> {
        self.new.map(|new| Marked::new(new, Certainty::at_least(self.new_at_least)))
    }

    /// New over base, with its mark; `None` also where both are lower bounds.
    #[must_use]
    pub fn marked_ratio(&self) -> Option<Marked<f64>> {
        let mark =
            Certainty::at_least(self.new_at_least).over(Certainty::at_least(self.base_at_least))?;
        self.ratio.map(|ratio| Marked::new(ratio, mark))
    }
}

/// What a figure comes to. The worse the greater.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Better by more than the margin.
    Improved,
    /// Not worse by more than the margin.
    NoDifferenceShown,
    /// Could be worse by more than the margin or not: the data cannot say.
    Inconclusive,
    /// Worse by more than the margin.
    Regression,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Outcome::Improved => "improved",
            Outcome::NoDifferenceShown => "no difference shown",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Regression => "regression",
        }
    }
}

/// One run of a comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Which pair, from 1; of single runs 0 is the base.
    pub pair: u32,
    /// Name of its side.
    pub variant: String,
    /// Which try of this run, from 1: an invalid run is repeated.
    pub attempt: u32,
    /// Where the run lies, below the comparison's folder; of stored runs as the user named it.
    pub folder: String,
    /// Its id.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Whether it counts.
    pub counted: bool,
    /// The run's own exit code.
    pub exit_code: u8,
    /// Why it does not pass, as the run says it.
    pub reasons: Vec<String>,
    /// Its figures.
    pub figures: BTreeMap<String, f64>,
    /// Figures that are lower bounds: observations without an end could raise them.
    #[serde(default)]
    pub at_least: Vec<String>,
}

impl Trial {
    /// The figures of a run, and which of them are lower bounds.
    #[must_use]
    pub fn figures(results: &Results) -> (BTreeMap<String, f64>, Vec<String>) {
        let figures = figures(results);
        let bounds = figures.iter().filter(|it| it.at_least).map(|it| it.name.clone()).collect();
        (figures.into_iter().map(|it| (it.name, it.value)).collect(), bounds)
    }
}

/// JSON Schema of `comparison.json`.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Comparison);
    // A schema is a JSON value, which always has a text.
    serde_json::to_string_pretty(&schema).map(|text| text + "\n").unwrap_or_default()
}
