//! What a GitHub job gets besides the summary: the job summary file and annotations.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::escape::{workflow_data, workflow_property};
use super::markdown;
use crate::measure::results::{Findings, HealthStatus, Results, ThresholdStatus};

/// GitHub shows about ten annotations a step; the worst few say enough.
const ANNOTATIONS: usize = 5;

/// Appends the Markdown summary to the file named by `$GITHUB_STEP_SUMMARY`, if it is set, and
/// gives the annotations to print on stdout, none outside GitHub Actions. `scenario`: the file
/// as the user named it.
///
/// # Errors
/// When the job summary cannot be written.
pub fn announce(findings: &Findings, scenario: &Path) -> io::Result<String> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = variable("GITHUB_STEP_SUMMARY") {
        append(Path::new(&file), &markdown::render(findings))?;
    }
    let on_github = variable("GITHUB_ACTIONS").is_some();
    Ok(if on_github { annotations(&findings.results, scenario) } else { String::new() })
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())
}

/// One workflow command a line, worst first: violations, missed thresholds, what could not be
/// judged, an invalid instrument.
#[must_use]
pub fn annotations(results: &Results, scenario: &Path) -> String {
    let mut found: Vec<(u32, String, String)> = Vec::new();
    for violation in &results.correctness.violations {
        let recipient = violation.recipient.as_deref().unwrap_or("");
        let evidence = violation.evidence.join("; ");
        found.push((0, violation.class.clone(), format!("{recipient} {evidence}")));
    }
    for status in [ThresholdStatus::Missed, ThresholdStatus::NoData] {
        for threshold in results.thresholds.iter().filter(|bound| bound.status == status) {
            let actual = threshold.actual.as_deref().unwrap_or("no data");
            let said = format!("{actual}, wanted {}", threshold.expr);
            found.push((threshold.line, "threshold".to_owned(), said));
        }
    }
    let broken = results.health.checks.iter().filter(|check| check.status == HealthStatus::Invalid);
    found.extend(broken.map(|check| (0, check.id.clone(), check.advice.clone())));
    found.iter().take(ANNOTATIONS).map(|one| annotation(one, scenario)).collect()
}

fn annotation((line, title, message): &(u32, String, String), scenario: &Path) -> String {
    let mut text = format!("::error file={}", workflow_property(&scenario.display().to_string()));
    if *line > 0 {
        let _infallible = write!(text, ",line={line}");
    }
    let title = workflow_property(&format!("mailbench {title}"));
    let _infallible = writeln!(text, ",title={title}::{}", workflow_data(message.trim()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_points_at_its_line_and_stays_one_command() {
        let one = (12, "threshold".to_owned(), "2.4s\n::error::x, 50%".to_owned());
        assert_eq!(
            annotation(&one, Path::new("a,b:c.toml")),
            "::error file=a%2Cb%3Ac.toml,line=12,title=mailbench threshold\
             ::2.4s\\n:\\x3aerror:\\x3ax, 50%25\n"
        );
    }

    #[test]
    fn the_job_summary_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("summary");
        append(&file, "one").expect("written");
        append(&file, "two").expect("written");
        assert_eq!(std::fs::read_to_string(file).expect("text"), "one\ntwo\n");
    }
}
