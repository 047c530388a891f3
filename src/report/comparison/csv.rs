//! `comparison.csv`: one row a run, one column a figure, for further computation.

use std::collections::BTreeSet;
use std::io;

use crate::escape;
use crate::measure::comparison::results::Comparison;

const FIXED: [&str; 8] =
    ["pair", "variant", "attempt", "counted", "exit_code", "seed", "run", "at_least"];

/// The table.
pub(super) fn render(comparison: &Comparison) -> io::Result<String> {
    let figures: BTreeSet<&str> = comparison
        .trials
        .iter()
        .flat_map(|trial| trial.figures.keys().map(String::as_str))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = figures.iter().map(|name| escape::csv(name));
    writer.write_record(FIXED.map(str::to_owned).into_iter().chain(columns))?;
    for trial in &comparison.trials {
        let fixed = [
            trial.pair.to_string(),
            escape::csv(&trial.variant),
            trial.attempt.to_string(),
            trial.counted.to_string(),
            trial.exit_code.to_string(),
            trial.seed.to_string(),
            escape::csv(&trial.run),
            escape::csv(&trial.at_least.join(";")),
        ];
        let value = |name: &&str| trial.figures.get(*name).map_or(String::new(), f64::to_string);
        writer.write_record(fixed.into_iter().chain(figures.iter().map(value)))?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
