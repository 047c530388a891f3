//! One run against another. Without a second run of either nobody knows how much two runs of one
//! and the same differ; so a variation is taken for granted, and said.

use super::figure::{Figure, figures};
use super::judge::{self, Question};
use super::results::{Comparison, Contrast, Design, Method, SCHEMA_VERSION, Side, Trial};
use super::shift::Shift;
use super::{ALPHA, Terms};
use crate::measure::results::{Reason, Results, Tool};
use crate::measure::verdict::INVALID;
use crate::measure::warning::warn;

/// Run-to-run variation taken for granted: that of a shared machine. A quieter one can be claimed.
pub const NOISE: f64 = 0.10;

/// A stored run, with the name its user knows it by.
pub struct Stored<'a> {
    /// Name.
    pub name: String,
    /// What was found.
    pub results: &'a Results,
}

/// Compares each of `new` with `base`. `noise`: run-to-run variation, as a share. `differences`:
/// why they should not be compared, which was overruled.
#[must_use]
pub fn compare(
    base: &Stored<'_>,
    new: &[Stored<'_>],
    terms: &Terms,
    noise: f64,
    differences: Vec<String>,
) -> Comparison {
    let contrasts: Vec<Contrast> =
        new.iter().map(|new| contrast(base, new, terms, noise)).collect();
    let worst = contrasts.iter().map(|contrast| contrast.verdict).max();
    let mut reasons: Vec<Reason> = contrasts
        .iter()
        .flat_map(|contrast| judge::reasons(&contrast.new.name, &contrast.figures, false))
        .collect();
    reasons.extend([base].into_iter().chain(new).filter_map(flawed));
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
        "one run a side: how much two runs of the same differ was not measured, {share:.0}% is \
         taken for granted; a [compare] scenario measures it and finds smaller effects"
    );
    Comparison {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "mailbench".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        name: base.results.run.name.clone(),
        question: base.results.run.question.clone(),
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

fn flawed(stored: &Stored<'_>) -> Option<Reason> {
    let flaw = super::comparable::flaw(stored.results, &[])?;
    let message = format!("{}: {flaw}", stored.name);
    Some(Reason { class: "invalid".to_owned(), exit_code: INVALID, message })
}

fn contrast(base: &Stored<'_>, new: &Stored<'_>, terms: &Terms, noise: f64) -> Contrast {
    let (old, now) = (figures(base.results), figures(new.results));
    let same = base.results.run.id == new.results.run.id;
    let noise = if same { 0.0 } else { noise };
    let questions: Vec<Question> = old
        .iter()
        .map(|old| question(old, now.iter().find(|now| now.name == old.name), noise, same))
        .collect();
    let mut figures = judge::violations(&[base.results], &[new.results]);
    figures.extend(judge::rows(&questions, terms, ALPHA));
    Contrast { new: side(new), verdict: judge::overall(&figures), figures }
}

/// Run-to-run variation of both, and what the figure itself can be off within each run.
fn question(old: &Figure, now: Option<&Figure>, noise: f64, same: bool) -> Question {
    let shift = now.map(|now| {
        let centre = judge::worse(old, now);
        let within = if same { 0.0 } else { old.error.powi(2) + now.error.powi(2) };
        Shift::Single { centre, error: (2.0 * noise.powi(2) + within).sqrt() }
    });
    Question {
        figure: old.clone(),
        shown: (old.value, now.map(|now| now.value)),
        shift,
        at_least: (old.at_least, now.is_some_and(|now| now.at_least)),
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
