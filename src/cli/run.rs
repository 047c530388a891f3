//! `mailbench run`: one experiment, from question to verdict.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use crate::measure::threshold;
use crate::report::progress::Progress;
use crate::report::view::View;
use crate::report::{self, Format};
use crate::run::safety::Cidr;
use crate::run::signals::Interrupts;
use crate::run::{self, Outcome, Request, RunError};
use crate::scenario::{self, Loaded, Override};

/// Run a scenario, print the summary, write the run folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    scenario: PathBuf,
    /// Write the run to this folder instead of reports/<scenario>/<time>-<id>
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Seed of every random decision, instead of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Override a key of the scenario, such as load.rate=50/s
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Print only the result line
    #[arg(long, short)]
    quiet: bool,
    /// Let this class of failure pass: one of the ledger's, such as lost, or threshold, invalid
    #[arg(long, value_name = "CLASS")]
    allow: Vec<String>,
    /// Allow load to this address; it must be listed in ~/.config/mailbench/authorized-targets too
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<Cidr>,
    /// Allow recipients in this domain, which is not a reserved one
    #[arg(long, value_name = "DOMAIN")]
    allow_recipient_domain: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = load(args).map_err(|error| Exit::Scenario.because(error))?;
    let request = Request {
        loaded,
        output: args.output.clone(),
        command: command(args),
        allowed_targets: args.allow_target.clone(),
        allowed: args.allow.clone(),
    };
    let outcome = experiment(&request, args.quiet).map_err(|error| exit_of(&error).because(error))?;
    tell(&request.loaded, &outcome, args.quiet)?;
    Ok(Exit::from_code(outcome.findings.results.verdict.exit_code))
}

fn load(args: &Args) -> Result<Loaded, scenario::ScenarioError> {
    let seed = args.seed.map(|seed| Override { key: "seed".to_owned(), value: seed.to_string() });
    let overrides: Vec<Override> = args.set.iter().cloned().chain(seed).collect();
    let loaded = scenario::load(&args.scenario, &overrides)?;
    scenario::check_domains(&loaded, &args.allow_recipient_domain)?;
    threshold::compile(&loaded.scenario, &loaded.source)?;
    Ok(loaded)
}

fn experiment(request: &Request, quiet: bool) -> Result<Outcome, RunError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().build().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(quiet);
    let outcome = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        run::experiment(request, &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    outcome
}

/// Prints the summary; in a GitHub job, its summary and annotations too.
fn tell(loaded: &Loaded, outcome: &Outcome, quiet: bool) -> anyhow::Result<()> {
    let findings = &outcome.findings;
    let view = View::of_stdout().with_folder(&outcome.folder);
    let text = match quiet {
        true => report::terminal::result_line(findings, &view),
        false => report::render(Format::Terminal, findings, &view)?,
    };
    super::print(&text)?;
    let announced = report::github::announce(findings, Path::new(&loaded.source.name))?;
    super::print(&announced)?;
    Ok(())
}

fn exit_of(error: &RunError) -> Exit {
    match error {
        RunError::Aborted => Exit::Interrupted,
        RunError::Folder(_) | RunError::Journal(_) | RunError::Traffic(_) | RunError::Runtime(_) => {
            Exit::Internal
        }
        RunError::Safety(_)
        | RunError::Sink(_)
        | RunError::Target(_)
        | RunError::Preflight(_) => Exit::Unreachable,
    }
}

/// The command that repeats this run. The seed is always named: the file may change.
fn command(args: &Args) -> String {
    let mut words = vec!["mailbench run".to_owned(), quoted(&args.scenario.display().to_string())];
    for change in &args.set {
        words.push(format!("--set {}", quoted(&format!("{}={}", change.key, change.value))));
    }
    words.extend(args.seed.map(|seed| format!("--seed {seed}")));
    words.extend(args.allow.iter().map(|class| format!("--allow {}", quoted(class))));
    words.join(" ")
}

/// A word as a shell wants it.
fn quoted(word: &str) -> String {
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
