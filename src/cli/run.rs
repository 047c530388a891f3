//! `mailbench run`: one experiment, from question to verdict.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::baseline::{Baseline, BaselineArgs};
use super::exit::{Exit, exit_of};
use super::scenario::ScenarioArgs;
use super::unwritten::Unwritten;
use super::{pairs, server};
use crate::grammar::units::{Timespan, address};
use crate::measure::history::Entry;
use crate::measure::results::Reason;
use crate::measure::verdict;
use crate::report::comparison;
use crate::report::forms;
use crate::report::progress::{Board, Progress};
use crate::report::routes::in_short;
use crate::report::view::View;
use crate::report::{self, Format};
use crate::run::endpoint::{Endpoint, EndpointError, Listener};
use crate::run::history;
use crate::run::safety::Cidr;
use crate::run::signals::Interrupts;
use crate::run::{self, Outcome, Request, RunError};
use crate::scenario::model::{Scenario, TargetKind};
use crate::scenario::{Loaded, Override};

/// Run a scenario, print the summary, write the run folder
///
/// A scenario is code. It can run commands with your rights (run, start_command, stop_command,
/// queue_command, program, settings of an MTA), read files, and send secrets of your environment
/// (password_env). Read it before you run it. With --untrusted, for scenarios of pull requests, all of
/// that is refused before anything is started; files in the scenario's own folder may be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    scenario: PathBuf,
    #[command(flatten)]
    changes: ScenarioArgs,
    /// Write the run to this folder instead of reports/<scenario>/<time>-<id>
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    baseline: BaselineArgs,
    /// Append the run to this history instead of reports/<scenario>/history.jsonl
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Pairs of runs of a scenario with [compare], instead of as many as it says
    #[arg(long, value_name = "N")]
    pairs: Option<u32>,
    /// Print only the result line
    #[arg(long, short)]
    quiet: bool,
    /// Let this class of failure pass: one of the ledger's, such as lost, or threshold, invalid
    /// (repeatable)
    #[arg(long, value_name = "CLASS")]
    allow: Vec<String>,
    /// Allow load to this address; it must be listed in ~/.config/mailbench/authorized-targets
    /// too (repeatable)
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<Cidr>,
    /// Serve live figures to a Prometheus scraper at http://ADDR/metrics, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDR", value_parser = address)]
    metrics: Option<SocketAddr>,
    /// After the run serve its end for at most this long, until a scraper has it or Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "15s", requires = "metrics")]
    metrics_linger: Timespan,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    check_classes(&args.allow)?;
    let pairs = args.pairs.map(|pairs| Override::new("compare.pairs", pairs.to_string()));
    let loaded = args.changes.load_with(&args.scenario, pairs)?;
    check_size(&loaded)?;
    if loaded.scenario.compare.is_some() {
        refuse_metrics(args)?;
    }
    let metrics = bind_metrics(args)?;
    let reach = super::network::enter(&loaded)?;
    let request = Request {
        loaded,
        output: args.output.clone(),
        command: command(args),
        allowed_targets: args.allow_target.clone(),
        reach,
        empty_first: None,
        preflight: true,
    };
    let baseline = args.baseline.read(&request.loaded)?;
    show_routes(args, &request.loaded.scenario);
    if request.loaded.scenario.compare.is_some() {
        if baseline.is_some() {
            let what = "--baseline is for one run; a scenario with [compare] brings its own base";
            return Err(Exit::Usage.because(anyhow::anyhow!(what)));
        }
        return pairs::run(&request, &args.allow, args.quiet);
    }
    conclude(args, &request, (baseline, metrics))
}

/// Carries the run out; what the verdict is and what could not be written decide the exit code.
fn conclude(
    args: &Args,
    request: &Request,
    (baseline, metrics): (Option<Baseline>, Option<Listener>),
) -> anyhow::Result<Exit> {
    let mut unwritten = Unwritten::default();
    let mut outcome = carry_out(args, request, metrics, &mut unwritten)?;
    let cut_short = outcome.is_cut_short();
    for failure in std::mem::take(&mut outcome.failures) {
        unwritten.note(Err(exit_of(&failure).because(failure)));
    }
    let results = &outcome.findings.results;
    let mut reasons = results.verdict.reasons.clone();
    if !cut_short {
        unwritten.note(remember(args, &outcome));
        if let Some(baseline) = baseline {
            reasons.extend(against(args, &baseline, &outcome, request, &mut unwritten)?);
        }
    }
    let code = verdict::exit_code(&reasons, results.run.interrupted, &args.allow);
    if code != verdict::exit_code(&reasons, results.run.interrupted, &[]) {
        super::complain(&format!("exit {code}: allowed {}", args.allow.join(", ")));
    }
    let verdict = match Exit::from_code(code) {
        // What was seen cannot be unseen; the rest is not known any more.
        Exit::Correctness => Exit::Correctness,
        _ if cut_short => Exit::Passed,
        verdict => verdict,
    };
    Ok(unwritten.exit(verdict))
}

/// Holds the run against a baseline: its reasons for another verdict.
fn against(
    args: &Args,
    baseline: &Baseline,
    outcome: &Outcome,
    request: &Request,
    unwritten: &mut Unwritten,
) -> anyhow::Result<Vec<Reason>> {
    let (compared, written) = args.baseline.compare(baseline, outcome, &args.allow)?;
    unwritten.note(written);
    let view = View::of_stdout(args.quiet, None);
    let text = comparison::render(forms::Format::Terminal, &compared, &view)?;
    unwritten.print(&format!("\n{text}"), Exit::from_code(compared.verdict.exit_code));
    unwritten.note(report::github::tell_comparison(&compared, &request.loaded));
    Ok(compared.verdict.reasons)
}

/// Says where a target that mailbench does not set up must send mail: what is not routed there
/// fails the preflight, or is lost.
fn show_routes(args: &Args, scenario: &Scenario) {
    if !args.quiet && matches!(scenario.target.kind, TargetKind::External(_)) {
        super::complain(&format!("the target must route {}", in_short(&scenario.routes())));
    }
}

/// Appends the run to its history: where the user says, or beside the runs of its scenario.
fn remember(args: &Args, outcome: &Outcome) -> anyhow::Result<()> {
    let results = &outcome.findings.results;
    let beside = args.output.is_none().then(|| outcome.folder.parent()).flatten();
    let file = args.history.clone().or_else(|| beside.map(|folder| folder.join(history::FILE)));
    let Some(file) = file else { return Ok(()) };
    history::append(&file, &Entry::of(results, history::commit()))
        .with_context(|| format!("cannot append to {}", file.display()))
}

/// A scenario for a simulation may tell more destinations apart than a real sink has addresses for.
fn check_size(loaded: &Loaded) -> anyhow::Result<()> {
    let (scenario, most) = (&loaded.scenario, crate::limits::ROUTES);
    if scenario.simulate.is_none() || scenario.destinations.len() <= most {
        return Ok(());
    }
    let count = scenario.destinations.len();
    let error = anyhow::anyhow!(
        "{count} destinations under [simulate]: a real sink has an address of its own for each of \
         at most {most}; use `mailbench simulate`, or take [simulate] out"
    );
    Err(Exit::Scenario.because(error))
}

/// Runs it, tells what came of it, and serves metrics meanwhile and for a while after.
fn carry_out(
    args: &Args,
    request: &Request,
    metrics: Option<Listener>,
    unwritten: &mut Unwritten,
) -> anyhow::Result<Outcome> {
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let interrupts = {
        let _within = runtime.enter();
        Interrupts::listen().map_err(RunError::Runtime)?
    };
    let board = Board::default();
    let endpoint = metrics.map(|listener| serve_metrics(listener, &runtime, &board)).transpose()?;
    let outcome = match experiment(request, args.quiet, (&runtime, &interrupts), board) {
        Ok(outcome) => outcome,
        Err(error) => {
            // Whoever aborts does not want to wait for what is under way.
            runtime.shutdown_background();
            return Err(exit_of(&error).because(error));
        }
    };
    if let Some(endpoint) = &endpoint {
        endpoint.conclude(&outcome.findings.results);
    }
    tell(&request.loaded, &outcome, args.quiet, unwritten)?;
    if let Some(endpoint) = &endpoint {
        runtime.block_on(endpoint.linger(args.metrics_linger.0, &interrupts));
    }
    runtime.shutdown_background();
    Ok(outcome)
}

fn check_classes(allowed: &[String]) -> anyhow::Result<()> {
    let known = verdict::classes();
    match allowed.iter().find(|class| !known.contains(&class.as_str())) {
        None => Ok(()),
        Some(class) => {
            let known = known.join(", ");
            let error = anyhow::anyhow!("--allow knows no class `{class}`; it knows {known}");
            Err(Exit::Usage.because(error))
        }
    }
}

/// The figures of a comparison are not those of one run.
fn refuse_metrics(args: &Args) -> anyhow::Result<()> {
    if args.metrics.is_none() {
        return Ok(());
    }
    let error = anyhow::anyhow!("--metrics serves a single run; this scenario has [compare]");
    Err(Exit::Usage.because(error))
}

/// Takes the address at which metrics are to be served, before the run may enter a network of its
/// own, so that a scraper outside reaches it.
fn bind_metrics(args: &Args) -> anyhow::Result<Option<Listener>> {
    let bound = args.metrics.map(|address| Listener::bind(address, &args.allow_target));
    bound.transpose().map_err(|error| exit_of_endpoint(&error).because(error))
}

/// Serves metrics, and says where.
fn serve_metrics(listener: Listener, runtime: &Runtime, board: &Board) -> anyhow::Result<Endpoint> {
    let _within = runtime.enter();
    let opened = Endpoint::open(listener, board.clone());
    let endpoint = opened.map_err(|error| exit_of_endpoint(&error).because(error))?;
    super::complain(&format!("metrics at {}", endpoint.url()));
    Ok(endpoint)
}

fn exit_of_endpoint(error: &EndpointError) -> Exit {
    match error {
        EndpointError::NotAllowed(_) => Exit::Usage,
        EndpointError::Taken(..) => Exit::Unreachable,
    }
}

fn experiment(
    request: &Request,
    quiet: bool,
    (runtime, interrupts): (&Runtime, &Interrupts),
    board: Board,
) -> Result<Outcome, RunError> {
    let mut progress = Progress::on_stderr(quiet).posting(board);
    let outcome = runtime.block_on(run::experiment(request, interrupts, &mut progress));
    progress.finish();
    outcome
}

/// Prints the summary; in a GitHub job, its summary and annotations too.
fn tell(
    loaded: &Loaded,
    outcome: &Outcome,
    quiet: bool,
    unwritten: &mut Unwritten,
) -> anyhow::Result<()> {
    let view = View::of_stdout(quiet, Some(outcome.folder.display().to_string()));
    let text = report::render(Format::Terminal, &outcome.findings, &view)?;
    unwritten.print(&text, Exit::from_code(outcome.findings.results.verdict.exit_code));
    unwritten.note(report::github::tell(&outcome.findings, loaded));
    Ok(())
}

/// A run folder that cannot be used.
pub(super) fn folder_error(cause: std::io::Error) -> anyhow::Error {
    let error = RunError::Folder(cause);
    exit_of(&error).because(error)
}

/// The command that repeats this run.
fn command(args: &Args) -> String {
    let mut words = vec!["mailbench run".to_owned(), quoted(&args.scenario.display().to_string())];
    words.extend(args.changes.words().iter().map(|word| quoted(word)));
    words.extend(args.pairs.map(|pairs| format!("--pairs {pairs}")));
    words.extend(args.allow.iter().map(|class| format!("--allow {}", quoted(class))));
    words.extend(args.allow_target.iter().map(|range| format!("--allow-target {range}")));
    words.join(" ")
}

/// A word as a shell wants it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_words_back_as_they_were() {
        assert_eq!(quoted("load.rate=50/s"), "load.rate=50/s");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
