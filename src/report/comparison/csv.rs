//! `comparison.csv`: one row a run, one column a figure, and the names of those that are only
//! lower bounds.

use std::collections::BTreeSet;
use std::io;

use crate::measure::comparison::results::Comparison;
use crate::report::escape;

const FIXED: [&str; 7] = ["pair", "variant", "attempt", "counted", "exit_code", "seed", "run"];

/// The table.
pub(super) fn render(comparison: &Comparison) -> io::Result<String> {
    let figures: BTreeSet<&str> = comparison
        .trials
        .iter()
        .flat_map(|trial| trial.figures.keys().map(String::as_str))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = FIXED.iter().copied().chain(figures.iter().copied());
    writer.write_record(names.chain(["at_least"]))?;
    for trial in &comparison.trials {
        let fixed = [
            trial.pair.to_string(),
            escape::csv(&trial.variant),
            trial.attempt.to_string(),
            trial.counted.to_string(),
            trial.exit_code.to_string(),
            trial.seed.to_string(),
            escape::csv(&trial.run),
        ];
        let value = |name: &&str| trial.figures.get(*name).map_or(String::new(), f64::to_string);
        let record = fixed.into_iter().chain(figures.iter().map(value));
        writer.write_record(record.chain([escape::csv(&trial.at_least.join(" "))]))?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
