//! One run against another. Without a second run of either it is not known how much two runs of one
//! and the same differ; so a variation is taken for granted, and said.

use super::figure::{self, Figure, figures};
use super::judge;
use super::question::{Look, Looks, Question, doubt, open, worse};
use super::results::{Comparison, Contrast, Design, Method, SCHEMA_VERSION, Side, Trial};
use super::shift::Shift;
use super::{ALPHA, Terms};
use crate::measure::results::{Reason, Results, Tool};
use crate::measure::validity::warning::warn;
use crate::measure::verdict::INVALID;

/// Run-to-run variation taken for granted: that of a shared machine. A quieter one can be claimed.
pub const NOISE: f64 = 0.10;

/// A stored run, with the name its user knows it by.
pub struct Stored<'a> {
    /// Name.
    pub name: String,
    /// What was found.
    pub results: &'a Results,
}

/// How single runs are compared.
pub struct Options<'a> {
    /// Run-to-run variation, as a share.
    pub noise: f64,
    /// Why they should not be compared, which was overruled.
    pub differences: Vec<String>,
    /// Classes that the user lets pass; what a run that is invalid otherwise measured decides
    /// nothing.
    pub allow: &'a [String],
}

/// Compares each of `new` with `base`.
#[must_use]
pub fn compare(
    base: &Stored<'_>,
    new: &[Stored<'_>],
    terms: &Terms,
    options: Options<'_>,
) -> Comparison {
    let Options { noise, differences, allow } = options;
    let contrasts: Vec<Contrast> =
        new.iter().map(|new| contrast(base, new, terms, noise, allow)).collect();
    let worst = contrasts.iter().map(|contrast| contrast.verdict).max();
    let mut reasons: Vec<Reason> = contrasts
        .iter()
        .zip(new)
        .flat_map(|(contrast, new)| {
            // An invalid run is a reason by itself, and not one of each figure again.
            let whole = invalid(base, new, allow).is_none();
            let reasons = judge::reasons(&contrast.new.name, &contrast.figures, Design::Single);
            reasons.into_iter().filter(move |reason| whole || reason.exit_code != INVALID)
        })
        .collect();
    reasons.extend([base].into_iter().chain(new).filter_map(|it| flawed(it, allow)));
    let verdict = judge::verdict(worst.unwrap_or(super::results::Outcome::Inconclusive), reasons);
    let same = new.iter().filter(|new| new.results.run.id == base.results.run.id);
    let twice: Vec<_> = same
        .map(|new| {
            let text = format!("{} and {} are one and the same run", base.name, new.name);
            warn("same-run", text)
        })
        .collect();
    let share = noise * 100.0;
    let replication = format!(
        "one run a side: run-to-run variation was not measured and is assumed to be {share:.0}%; a \
         [compare] scenario measures it and finds smaller effects"
    );
    Comparison {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "mailbench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        name: base.results.run.name.clone(),
        question: base.results.run.question.clone(),
        scenario_sha256: String::new(),
        method: Method {
            design: Design::Single,
            latency_margin: terms.latency_margin,
            throughput_margin: terms.throughput_margin,
            alpha: ALPHA,
            gate: terms.gate.clone(),
            assumed_noise: Some(noise),
            pairs: 0,
            extended: false,
        },
        base: side(base),
        contrasts,
        trials: [base].into_iter().chain(new).zip(0..).map(trial).collect(),
        differences,
        warnings: twice.into_iter().chain([warn("no-replication", replication)]).collect(),
        verdict,
    }
}

fn flawed(stored: &Stored<'_>, allow: &[String]) -> Option<Reason> {
    let flaw = super::comparable::flaw(stored.results, allow)?;
    let message = format!("{}: {flaw}", stored.name);
    Some(Reason { class: "invalid".to_owned(), exit_code: INVALID, message })
}

/// Why one of two runs decides nothing.
fn invalid(base: &Stored<'_>, new: &Stored<'_>, allow: &[String]) -> Option<String> {
    [base, new].into_iter().find_map(|side| {
        let flaw = super::comparable::flaw(side.results, allow)?;
        Some(format!("{}: {flaw}", side.name))
    })
}

fn contrast(
    base: &Stored<'_>,
    new: &Stored<'_>,
    terms: &Terms,
    noise: f64,
    allow: &[String],
) -> Contrast {
    let (old, now) = (figures(base.results), figures(new.results));
    let same = base.results.run.id == new.results.run.id;
    let noise = if same { 0.0 } else { noise };
    let invalid = invalid(base, new, allow);
    let question = |figure: Figure| {
        let (old, now) = (figure::find(&old, &figure.name), figure::find(&now, &figure.name));
        let missing = invalid.clone().or_else(|| absent((base, old), (new, now), &figure.name));
        let pair = Pair { old, now, missing, invalid: invalid.is_some() };
        pair.question(figure, noise, same)
    };
    let names = figure::distinct(old.iter().chain(&now), &terms.gate);
    let questions: Vec<Question> = names.into_iter().map(question).collect();
    let mut figures = judge::violations(&[base.results], &[new.results]);
    figures.extend(judge::rows(&questions, terms, Look { alpha: ALPHA, looks: Looks::Once }));
    Contrast { new: side(new), verdict: judge::overall(&figures), figures }
}

/// Which sides have no figure of this name, and why.
fn absent(
    base: (&Stored<'_>, Option<&Figure>),
    new: (&Stored<'_>, Option<&Figure>),
    name: &str,
) -> Option<String> {
    let lacking = [base, new].into_iter().filter(|(_, figure)| figure.is_none());
    let why = lacking.map(|(side, _)| {
        format!("{} has no such figure ({})", side.name, figure::absence(side.results, name))
    });
    let why: Vec<String> = why.collect();
    (!why.is_empty()).then(|| why.join("; "))
}

/// One figure of both sides.
struct Pair<'a> {
    old: Option<&'a Figure>,
    now: Option<&'a Figure>,
    missing: Option<String>,
    invalid: bool,
}

impl Pair<'_> {
    /// Run-to-run variation of both, and what the figure itself can be off within each run. One
    /// and the same run differs from itself in nothing, whatever its figures are bounds of.
    fn question(self, figure: Figure, noise: f64, same: bool) -> Question {
        let (old, now) = (self.old, self.now);
        let bound = |side: Option<&Figure>| side.is_some_and(|figure| figure.at_least);
        let at_least = (bound(old), bound(now));
        let ends = match (self.invalid, same) {
            (true, _) => (true, true),
            (false, true) => (false, false),
            (false, false) => open(figure.better, at_least),
        };
        let shift = |doubt| {
            let (old, now) = old.zip(now)?;
            let within = if same { 0.0 } else { old.error.powi(2) + now.error.powi(2) };
            let error = (2.0 * noise.powi(2) + within).sqrt();
            Some(Shift::Single { centre: worse(old, now), error, open: ends, doubt })
        };
        let far = old.zip(now).filter(|_| !same).map(|(old, now)| doubt(old, now));
        let far = far.filter(|far| *far != (0.0, 0.0));
        Question {
            figure,
            shown: (old.map(|old| old.value), now.map(|now| now.value)),
            shift: shift(far.unwrap_or_default()),
            at_least,
            undoubted: far.and_then(|_| shift((0.0, 0.0))),
            missing: self.missing,
        }
    }
}

fn side(stored: &Stored<'_>) -> Side {
    let results = stored.results;
    Side {
        name: stored.name.clone(),
        target_kind: results.target.kind.clone(),
        target_version: results.target.version.clone(),
        scenario_sha256: results.run.scenario_sha256.clone(),
        runs: vec![results.run.id.clone()],
        e2e_hdr: results.latency.get("e2e_response").map(|e2e| e2e.hdr.clone()).unwrap_or_default(),
    }
}

fn trial((stored, pair): (&Stored<'_>, u32)) -> Trial {
    let results = stored.results;
    let (figures, at_least) = Trial::figures(results);
    Trial {
        pair,
        variant: stored.name.clone(),
        attempt: 1,
        folder: stored.name.clone(),
        run: results.run.id.clone(),
        seed: results.run.seed,
        counted: true,
        exit_code: results.verdict.exit_code,
        reasons: results.verdict.reasons.iter().map(ToString::to_string).collect(),
        figures,
        at_least,
    }
}
