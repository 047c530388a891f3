//! `mailbench run` of a scenario with `[compare]`: pairs of runs instead of one.

use super::exit::Exit;
use super::server;
use super::unwritten::Unwritten;
use crate::measure::comparison::Terms;
use crate::measure::verdict;
use crate::report::comparison as report;
use crate::report::forms::Format;
use crate::report::github;
use crate::report::progress::Progress;
use crate::report::view::View;
use crate::run::comparison::{Compared, compare};
use crate::run::signals::Interrupts;
use crate::run::{Request, RunError};

/// What decides and by what margins.
fn terms(request: &Request) -> Terms {
    request.loaded.scenario.compare.as_ref().map(Terms::from).unwrap_or_default()
}

/// Runs the comparison and prints it; `allow`: classes that count for nothing.
pub(super) fn run(request: &Request, allow: &[String], quiet: bool) -> anyhow::Result<Exit> {
    let terms = terms(request);
    let compared = pairs(request, &terms, allow, quiet)
        .map_err(|error| super::exit::exit_of(&error).because(error))?;
    let view = View::of_stdout(quiet, Some(compared.folder.display().to_string()));
    let text = report::render(Format::Terminal, &compared.comparison, &view)?;
    let mut unwritten = Unwritten::default();
    unwritten.print(&text, Exit::from_code(compared.comparison.verdict.exit_code));
    unwritten.note(github::tell_comparison(&compared.comparison, &request.loaded));
    let failure = compared.failure.map(|it| super::exit::exit_of(&it).because(it));
    unwritten.note(failure.map_or(Ok(()), Err));
    let reasons = &compared.comparison.verdict.reasons;
    let code = verdict::exit_code(reasons, compared.interrupted, allow);
    if compared.interrupted {
        super::complain("interrupted: the comparison is of the pairs until then");
    } else if code != compared.comparison.verdict.exit_code {
        super::complain(&format!("exit {code}: allowed {}", allow.join(", ")));
    }
    Ok(unwritten.exit(Exit::from_code(code)))
}

fn pairs(
    request: &Request,
    terms: &Terms,
    allow: &[String],
    quiet: bool,
) -> Result<Compared, RunError> {
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(quiet);
    let compared = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        compare(request, terms, allow, &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    compared
}
