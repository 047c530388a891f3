//! Whether the measurement is valid: the instrument's checks, the figures in doubt, and what a
//! reader should know first.

use super::table::{table, toned};
use crate::measure::results::{HealthCheck, HealthStatus, Results};
use crate::report::doubt;
use crate::report::escape::xml;
use crate::report::human;

/// The bound of a check whose value alone voids no run.
const BY_ANSWER_MS: f64 = 3_600_000.0;

/// Check by check, then warnings.
pub(super) fn health(results: &Results) -> String {
    let answer = match results.health.status {
        HealthStatus::Valid => toned("good", "Yes: every check of the instrument held."),
        HealthStatus::Warn => toned("doubt", "Yes, with warnings."),
        HealthStatus::Invalid => {
            toned("bad", "No: the instrument was the bottleneck, or was disturbed.")
        }
    };
    let titles = ["", "check", "#seen", "#warns above", "#invalid above"];
    let checks = table(&titles, results.health.checks.iter().map(row).collect());
    let unwell = results.health.checks.iter().filter(|it| it.status != HealthStatus::Valid);
    let advice: String = unwell.map(|it| remark(&it.id, &it.advice)).collect();
    let warnings: String = results.warnings.iter().map(|it| remark(&it.id, &it.message)).collect();
    let doubt: String = doubt::lines(results).iter().map(|(name, it)| remark(name, it)).collect();
    format!("<p>{answer}</p>\n{checks}{doubt}{advice}{warnings}")
}

fn row(check: &HealthCheck) -> Vec<String> {
    let (class, word) = match check.status {
        HealthStatus::Valid => ("good", "✓ valid"),
        HealthStatus::Warn => ("doubt", "! warn"),
        HealthStatus::Invalid => ("bad", "✗ invalid"),
    };
    let quantity = |value| xml(&human::quantity(value, &check.unit));
    vec![
        toned(class, word),
        xml(&check.id),
        quantity(check.value),
        quantity(check.warn),
        match check.invalid {
            an_hour if an_hour >= BY_ANSWER_MS && check.unit.starts_with("ms") => {
                "where an answer depends on it".to_owned()
            }
            bound => quantity(bound),
        },
    ]
}

fn remark(about: &str, said: &str) -> String {
    format!("<p><span class=\"doubt\">! {}</span> {}</p>\n", xml(about), xml(said))
}
