//! Runs interleaved in pairs: what differs between the two of a pair is the side, and not the
//! hour.

use std::collections::BTreeMap;

use super::figure::{self, Figure, figures};
use super::judge;
use super::question::{Look, Looks, Question, range, undoubted};
use super::results::{
    Comparison, Contrast, Design, Method, Outcome, Row, SCHEMA_VERSION, Side, Trial,
};
use super::shift::{Range, Shift};
use super::signed_rank::fewest_pairs;
use super::{ALPHA, Terms};
use crate::measure::latency::samples;
use crate::measure::results::{Reason, Results, Tool, Warning};
use crate::measure::validity::warning::warn;
use crate::measure::verdict::{CORRECTNESS, THRESHOLD};

/// One run that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Which pair, from 1.
    pub pair: u32,
    /// Which variant, from 0, the base.
    pub variant: usize,
    /// Which try, from 1.
    pub attempt: u32,
    /// Its folder's name.
    pub folder: String,
    /// Whether it counts.
    pub counted: bool,
    /// What was found.
    pub results: Results,
}

/// What was to be run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Names of the variants, the base first.
    pub variants: &'a [String],
    /// Pairs asked for.
    pub pairs: u32,
    /// Whether more may be added after an inconclusive first look.
    pub may_extend: bool,
    /// Whether they were.
    pub extended: bool,
}

impl Plan<'_> {
    /// Odds of a false alarm of one look: two looks share them, whether or not the second is
    /// taken, so that looking twice is no second chance.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        if self.may_extend { ALPHA / 2.0 } else { ALPHA }
    }

    /// How one contrast is decided: further variants are further questions asked of the same base.
    fn look(&self) -> Look {
        let looks = match (self.extended, self.may_extend) {
            (true, _) => Looks::Extended(self.pairs as usize),
            (false, true) => Looks::MayExtend,
            (false, false) => Looks::Once,
        };
        Look { alpha: self.alpha() / (self.variants.len().max(2) - 1) as f64, looks }
    }
}

/// Compares every variant with the first.
#[must_use]
pub fn compare(made: &[Made], plan: &Plan<'_>, terms: &Terms) -> Comparison {
    let alpha = plan.alpha();
    let contrasts: Vec<Contrast> =
        (1..plan.variants.len()).map(|variant| contrast(made, plan, variant, terms)).collect();
    let worst = contrasts.iter().map(|contrast| contrast.verdict).max();
    let mut reasons: Vec<Reason> = of_runs(made, plan.variants);
    reasons.extend(contrasts.iter().flat_map(|contrast| {
        judge::reasons(&contrast.new.name, &contrast.figures, Design::Paired)
    }));
    let first = made.first().map(|first| &first.results.run);
    Comparison {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "mailbench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        name: first.map(|run| run.name.clone()).unwrap_or_default(),
        question: first.map(|run| run.question.clone()).unwrap_or_default(),
        scenario_sha256: String::new(),
        method: Method {
            design: Design::Paired,
            latency_margin: terms.latency_margin,
            throughput_margin: terms.throughput_margin,
            alpha,
            gate: terms.gate.clone(),
            assumed_noise: None,
            pairs: plan.pairs,
            extended: plan.extended,
        },
        base: side(made, plan, 0),
        warnings: warnings(made, plan, terms),
        contrasts,
        trials: made.iter().map(|made| trial(made, plan.variants)).collect(),
        differences: Vec::new(),
        verdict: judge::verdict(worst.unwrap_or(Outcome::Inconclusive), reasons),
    }
}

/// Whether the verdict is inconclusive over a figure that decides and that as many pairs again
/// could decide. A regression that was found stays one.
#[must_use]
pub fn more_pairs_could_decide(
    comparison: &Comparison,
    made: &[Made],
    plan: &Plan<'_>,
    terms: &Terms,
) -> bool {
    let rows = || comparison.contrasts.iter().flat_map(|contrast| &contrast.figures);
    if rows().any(|row| row.gated && row.verdict == Outcome::Regression) {
        return false;
    }
    // Holm's last step asks least.
    let level = plan.look().alpha / 2.0;
    (1..plan.variants.len()).zip(&comparison.contrasts).any(|(variant, contrast)| {
        let is_undecided = |metric: &String| {
            let of = |row: &&Row| row.gated && row.metric == *metric;
            contrast.figures.iter().find(of).is_some_and(|it| it.verdict == Outcome::Inconclusive)
        };
        questions(made, plan, variant, terms).iter().any(|question| {
            let shift = question.shift.as_ref().filter(|_| is_undecided(&question.figure.name));
            shift.is_some_and(|shift| shift.could_decide(plan.pairs as usize, level))
        })
    })
}

fn counted(made: &[Made], variant: usize) -> impl Iterator<Item = &Made> {
    made.iter().filter(move |made| made.counted && made.variant == variant)
}

/// What is asked of a variant: every figure that some run has, and what decides though none has it.
fn questions(made: &[Made], plan: &Plan<'_>, variant: usize, terms: &Terms) -> Vec<Question> {
    let by_pair = |variant| -> BTreeMap<u32, Vec<Figure>> {
        counted(made, variant).map(|made| (made.pair, figures(&made.results))).collect()
    };
    let pairs = Paired { base: by_pair(0), new: by_pair(variant) };
    let question =
        |figure: &Figure| pairs.question(figure, &absent(made, plan, variant, &figure.name));
    pairs.names(&terms.gate).iter().map(question).collect()
}

fn contrast(made: &[Made], plan: &Plan<'_>, variant: usize, terms: &Terms) -> Contrast {
    let runs = |variant| counted(made, variant).map(|made| &made.results).collect::<Vec<_>>();
    let mut figures = judge::violations(&runs(0), &runs(variant));
    figures.extend(judge::rows(&questions(made, plan, variant, terms), terms, plan.look()));
    Contrast { new: side(made, plan, variant), verdict: judge::overall(&figures), figures }
}

/// Why a run of the base or of a variant has no figure of this name; of the first such run.
fn absent(made: &[Made], plan: &Plan<'_>, variant: usize, name: &str) -> String {
    let runs = counted(made, 0).chain(counted(made, variant));
    let mut lacking = runs.filter(|made| figure::find(&figures(&made.results), name).is_none());
    lacking.next().map_or_else(String::new, |made| {
        format!("{}: {}", plan.variants[made.variant], figure::absence(&made.results, name))
    })
}

/// The figures of two sides by pair.
struct Paired {
    base: BTreeMap<u32, Vec<Figure>>,
    new: BTreeMap<u32, Vec<Figure>>,
}

impl Paired {
    /// Every figure that some run has, and what decides though none has it.
    fn names(&self, gate: &[String]) -> Vec<Figure> {
        figure::distinct(self.base.values().chain(self.new.values()).flatten(), gate)
    }

    /// Of each pair with a valid run on both sides the figure, where the run has it.
    fn of(&self, name: &str) -> Vec<(Option<&Figure>, Option<&Figure>)> {
        let pairs = self.base.iter().filter_map(|(pair, base)| Some((base, self.new.get(pair)?)));
        pairs.map(|(base, new)| (figure::find(base, name), figure::find(new, name))).collect()
    }

    fn question(&self, figure: &Figure, absent: &str) -> Question {
        let pairs = self.of(&figure.name);
        let ranges: Vec<Range> = pairs.iter().map(|(base, new)| range(*base, *new)).collect();
        let apart: Vec<Range> = pairs.iter().map(|(base, new)| undoubted(*base, *new)).collect();
        let in_doubt = apart != ranges;
        let lacking = ranges.iter().filter(|range| range.seen.is_none()).count();
        let missing = (lacking > 0 || pairs.is_empty()).then(|| match pairs.len() {
            0 => "no pair of two valid runs".to_owned(),
            all if all == lacking => format!("no pair has it ({absent})"),
            all => format!("{lacking} of {all} pairs lack it ({absent})"),
        });
        let values = |side: Vec<Option<&Figure>>| {
            let known = side.into_iter().flatten();
            known.map(|one| (one.value, one.at_least)).unzip::<f64, bool, Vec<_>, Vec<_>>()
        };
        let (old, old_bounds) = values(pairs.iter().map(|pair| pair.0).collect());
        let (now, now_bounds) = values(pairs.iter().map(|pair| pair.1).collect());
        Question {
            figure: figure.clone(),
            shown: (median(old), median(now)),
            shift: Shift::of_pairs(&ranges),
            at_least: (old_bounds.contains(&true), now_bounds.contains(&true)),
            undoubted: in_doubt.then(|| Shift::of_pairs(&apart)).flatten(),
            missing,
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values.get(middle).copied();
    }
    Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, *values.get(middle)?))
}

/// Runs that broke a promise or missed a threshold say so here too: a comparison is no way around
/// them.
fn of_runs(made: &[Made], variants: &[String]) -> Vec<Reason> {
    let mut seen: BTreeMap<(usize, u8, &str), u32> = BTreeMap::new();
    for made in made.iter().filter(|made| made.counted) {
        for reason in &made.results.verdict.reasons {
            if [CORRECTNESS, THRESHOLD].contains(&reason.exit_code) {
                *seen
                    .entry((made.variant, reason.exit_code, reason.class.as_str()))
                    .or_default() += 1;
            }
        }
    }
    let reason = |((variant, exit_code, class), count): ((usize, u8, &str), u32)| {
        let message = format!("{}: {class} in {count} of its runs", variants[variant]);
        Reason { class: class.to_owned(), exit_code, message }
    };
    let mut reasons: Vec<Reason> = seen.into_iter().map(reason).collect();
    reasons.sort_by_key(|reason| reason.exit_code != CORRECTNESS);
    reasons
}

fn side(made: &[Made], plan: &Plan<'_>, variant: usize) -> Side {
    let runs: Vec<&Results> = counted(made, variant).map(|made| &made.results).collect();
    let any = made.iter().find(|made| made.variant == variant).map(|made| &made.results);
    let latencies = runs.iter().filter_map(|run| run.latency.get("e2e_response"));
    let text = |of: fn(&Results) -> &String| any.map(|run| of(run).clone()).unwrap_or_default();
    Side {
        name: plan.variants[variant].clone(),
        target_kind: text(|run| &run.target.kind),
        target_version: text(|run| &run.target.version),
        scenario_sha256: text(|run| &run.run.scenario_sha256),
        runs: runs.iter().map(|run| run.run.id.clone()).collect(),
        e2e_hdr: samples::merged(latencies),
    }
}

fn trial(made: &Made, variants: &[String]) -> Trial {
    let results = &made.results;
    let (figures, at_least) = Trial::figures(results);
    Trial {
        pair: made.pair,
        variant: variants[made.variant].clone(),
        attempt: made.attempt,
        folder: made.folder.clone(),
        run: results.run.id.clone(),
        seed: results.run.seed,
        counted: made.counted,
        exit_code: results.verdict.exit_code,
        reasons: results.verdict.reasons.iter().map(ToString::to_string).collect(),
        figures,
        at_least,
    }
}

fn warnings(made: &[Made], plan: &Plan<'_>, terms: &Terms) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let invalid = made.iter().filter(|made| !made.counted).count();
    if invalid > 0 {
        let text = format!(
            "{invalid} of {} runs were invalid and do not count; each was repeated at most {} \
             times, and a pair without two valid runs is left out",
            made.len(),
            crate::limits::COMPARE_REPEATS,
        );
        warnings.push(warn("invalid-runs", text));
    }
    let level = plan.look().alpha / 2.0;
    let questions = terms.gate.len().max(1);
    let needed = fewest_pairs(level / questions as f64);
    let pairs = counted(made, 0).count();
    if pairs < needed {
        let text = format!(
            "{pairs} pairs cannot show a regression of one of {questions} figures that decide: at \
             least {needed} are needed"
        );
        warnings.push(warn("too-few-pairs", text));
    }
    if made.iter().any(|made| made.results.environment.get("build").is_some_and(|it| it == "debug"))
    {
        let text = "the runs are of a build without optimisation: its own share of every time is \
                    larger than necessary";
        warnings.push(warn("debug-build", text.to_owned()));
    }
    warnings
}
