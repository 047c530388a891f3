//! `summary.md` of a capacity search.

use std::fmt::Write as _;

use super::words::{self, TITLES, answer, facts, figures, method};
use crate::escape::{markdown as prose, markdown_cell as cell, markdown_code as code};
use crate::measure::capacity::results::Capacity;
use crate::report::{human, sizing};

pub(super) fn render(capacity: &Capacity) -> String {
    let mut text = format!(
        "### mailbench capacity: {}\n\n{}\n\n",
        prose(&capacity.name),
        prose(&capacity.question)
    );
    if capacity.simulated {
        let _infallible = writeln!(text, "**{}**\n", sizing::SIMULATED);
    }
    let target = prose(&capacity.target);
    let _infallible = writeln!(text, "**{target} {}.**\n", prose(&answer(capacity)));
    for (name, value) in facts(capacity) {
        let _infallible = writeln!(text, "- {name}: {}", prose(&value));
    }
    let _infallible = writeln!(text, "- {}\n", prose(&method(capacity)));
    let _infallible = writeln!(text, "| load | rate | {} | held |", TITLES.join(" | "));
    text.push_str("|---:|---:|---:|---:|---:|---:|---:|---:|:---|\n");
    for point in &capacity.curve {
        let figures = figures(&point.seen).map(|figure| prose(&figure)).join(" | ");
        let held = if point.good { "yes" } else { "no" };
        let rate = human::rate(point.rate_per_s);
        let share = point.share * 100.0;
        let _infallible = writeln!(text, "| {share:.0}% | {rate} | {figures} | {held} |");
    }
    text.push_str(
        "\n<details><summary>Trials</summary>\n\n| rate | length | delivered | e2e p99 | held |\n",
    );
    text.push_str("|---:|---:|---:|---:|:---|\n");
    for trial in &capacity.trials {
        let [_, _, _, p99, ..] = figures(&trial.seen);
        let held = match words::why(trial) {
            why if why.is_empty() => words::held(trial).to_owned(),
            why => format!("{}: {}", words::held(trial), cell(&why)),
        };
        let rate = human::rate(trial.rate_per_s);
        let length = human::duration_s(trial.duration_s);
        let delivered = words::delivered(&trial.seen);
        let _infallible =
            writeln!(text, "| {rate} | {length} | {delivered} | {} | {held} |", prose(&p99));
    }
    text + &format!("\nRepeat: {}\n\n</details>\n", code(&capacity.command))
}
