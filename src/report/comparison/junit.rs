//! `junit.xml` of a comparison: a case for each figure that decides, by side, and the whole.

use super::{terminal, words};
use crate::escape::plain;
use crate::measure::comparison::results::{self, Comparison, Contrast, Design, Row};
use crate::measure::verdict::INVALID;
use crate::report::suite::{Case, Outcome, Suite};
use crate::report::view::View;

/// The document.
pub(super) fn render(comparison: &Comparison) -> String {
    let design = comparison.method.design;
    let contrasts = comparison.contrasts.iter();
    let mut cases: Vec<Case> = contrasts.flat_map(|it| contrasted(it, design)).collect();
    cases.push(Case {
        group: "comparison".to_owned(),
        name: "verdict".to_owned(),
        outcome: verdict(comparison),
    });
    Suite {
        name: comparison.name.clone(),
        started: String::new(),
        duration_s: 0.0,
        properties: vec![
            ("base", comparison.base.name.clone()),
            ("version", comparison.tool.version.clone()),
        ],
        cases,
        summary: terminal::render(comparison, &View::plain(100)),
    }
    .render()
}

fn contrasted(contrast: &Contrast, design: Design) -> Vec<Case> {
    let gated = contrast.figures.iter().filter(|row| row.gated);
    let case = |row: &Row| Case {
        group: contrast.new.name.clone(),
        name: row.metric.clone(),
        outcome: outcome(row, design),
    };
    gated.map(case).collect()
}

/// An inconclusive figure is an error where it makes the exit code 96. Two single runs that leave it
/// open end with 0, so it is skipped: what fails a job in CI is what fails the command.
fn outcome(row: &Row, design: Design) -> Outcome {
    let said = || {
        let (base, new) = (words::base(row), words::new(row));
        let (verdict, ratio) = (row.verdict.words(), words::ratio_of(row));
        format!("{verdict}: {base} became {new}, ratio {ratio} ({})", words::interval(row))
    };
    match row.verdict {
        results::Outcome::Improved | results::Outcome::NoDifferenceShown => Outcome::Passed,
        results::Outcome::Inconclusive if design.must_decide(row) => {
            Outcome::Error(row.note.clone().unwrap_or_else(said))
        }
        results::Outcome::Inconclusive => Outcome::Skipped(said()),
        results::Outcome::Regression => {
            Outcome::Failed(said(), row.note.as_deref().map(plain).unwrap_or_default())
        }
    }
}

fn verdict(comparison: &Comparison) -> Outcome {
    let verdict = &comparison.verdict;
    // One a line: none has line ends of its own.
    let reasons: Vec<String> = verdict.reasons.iter().map(|it| plain(&it.message)).collect();
    match verdict.exit_code {
        0 => Outcome::Passed,
        INVALID => Outcome::Error(format!("{}: {}", verdict.status, reasons.join("; "))),
        code => Outcome::Failed(format!("exit {code}"), reasons.join("\n") + "\n"),
    }
}
