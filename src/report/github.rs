//! What a GitHub job gets besides the summary on stdout: the job summary and annotations.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::comparison;
use super::forms::Format;
use super::view::View;
use super::{markdown, story};
use crate::escape::{workflow_data, workflow_property};
use crate::measure::comparison::results::Comparison;
use crate::measure::results::{Findings, HealthStatus, Reason, Results, ThresholdStatus};
use crate::scenario::Loaded;

/// GitHub shows about ten annotations a step; the worst few say enough.
const ANNOTATIONS: usize = 5;

/// In a GitHub job: appends the summary to the file named by `$GITHUB_STEP_SUMMARY` and prints
/// annotations on stdout. Elsewhere: nothing. `asked` is the scenario as the user wrote it.
///
/// # Errors
/// When the job summary or stdout cannot be written.
pub fn tell(findings: &Findings, asked: &Loaded) -> io::Result<()> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = variable("GITHUB_STEP_SUMMARY") {
        append(Path::new(&file), &markdown::render(findings))?;
    }
    if variable("GITHUB_ACTIONS").is_some() {
        io::stdout().write_all(annotations(&findings.results, asked).as_bytes())?;
    }
    Ok(())
}

/// The same for a comparison; one annotation a regression.
///
/// # Errors
/// When the job summary or stdout cannot be written.
pub fn tell_comparison(comparison: &Comparison, asked: &Loaded) -> io::Result<()> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(file) = variable("GITHUB_STEP_SUMMARY") {
        let view = View::plain(80);
        append(Path::new(&file), &comparison::render(Format::Markdown, comparison, &view)?)?;
    }
    if variable("GITHUB_ACTIONS").is_some() {
        let found = comparison.verdict.reasons.iter().take(ANNOTATIONS);
        let text = |reason: &Reason| {
            command(&(0, reason.class.clone(), reason.message.clone()), &asked.source.name)
        };
        io::stdout().write_all(found.map(text).collect::<String>().as_bytes())?;
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())
}

/// One annotation: a line of the scenario (0: the file as a whole), a title, a message.
type Annotation = (usize, String, String);

/// One workflow command a line, worst first: a target that died, one for each class of violation, missed thresholds,
/// what could not be judged, an invalid instrument.
#[must_use]
pub fn annotations(results: &Results, asked: &Loaded) -> String {
    let mut found: Vec<Annotation> = Vec::new();
    let of_target = |reason: &&Reason| reason.class == "target-died" || reason.class == "chaos";
    let of_target = results.verdict.reasons.iter().filter(of_target);
    found.extend(of_target.map(|it| (0, it.class.clone(), it.message.clone())));
    for violation in story::few_of_each(&results.correctness.violations, 1) {
        let recipient = violation.recipient.as_deref().unwrap_or("");
        let said = format!("such as {recipient}: {}", violation.evidence.join("; "));
        found.push((0, violation.class.clone(), said));
    }
    for status in [ThresholdStatus::Missed, ThresholdStatus::NoData, ThresholdStatus::Inconclusive]
    {
        found.extend(thresholds(results, asked, status));
    }
    let broken = results.health.checks.iter().filter(|check| check.status == HealthStatus::Invalid);
    found.extend(broken.map(|check| (0, check.id.clone(), check.advice.clone())));
    found.iter().take(ANNOTATIONS).map(|one| command(one, &asked.source.name)).collect()
}

fn thresholds(results: &Results, asked: &Loaded, status: ThresholdStatus) -> Vec<Annotation> {
    let annotation = |(n, _): (usize, _)| {
        let threshold = &results.thresholds[n];
        let actual = threshold.actual.as_deref().unwrap_or("too little data");
        let mut said = format!("{actual}, wanted {}", threshold.expr);
        if let Some(reason) = &threshold.reason {
            let _infallible = write!(said, " ({reason})");
        }
        (line(asked, n), "threshold".to_owned(), said)
    };
    let all = results.thresholds.iter().enumerate();
    all.filter(|(_, bound)| bound.status == status).map(annotation).collect()
}

/// Where the user wrote threshold number `n`; 0: on the command line.
fn line(asked: &Loaded, n: usize) -> usize {
    asked.scenario.thresholds.get(n).map_or(0, |threshold| threshold.lines.1 as usize)
}

fn command((line, title, message): &Annotation, file: &str) -> String {
    let mut text = format!("::error file={}", workflow_property(file));
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
            command(&one, "a,b:c.toml"),
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
