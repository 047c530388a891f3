//! The only place that knows clap; one file per subcommand.
//!
//! A subcommand is a file with `Args` and `run(Args) -> anyhow::Result<Exit>`, and one variant
//! and arm here. stdout is the result ([`print`]), stderr diagnostics.

#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "here doc comments are help texts for people at a terminal"
)]

pub mod exit;

mod baseline;
mod calibrate;
mod capacity;
mod check;
mod compare;
mod disk;
mod completions;
mod conformance;
mod doctor;
mod durability;
mod history;
mod init;
mod launch;
mod log;
mod man;
mod network;
mod pairs;
mod plan;
mod relay;
mod report;
mod routes;
mod run;
mod scenario;
mod server;
mod simulate;
mod sink;
mod stored;
mod trace;
mod unwritten;
mod version;
mod watchdog;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};

use exit::Exit;
use log::complain;

/// Load testing and chaos simulation for mail pipelines.
#[derive(Debug, Parser)]
#[command(name = "mailbench", version, propagate_version = true)]
struct Cli {
    /// With --version: also print commit, target, profile, compiler, features and allocator
    #[arg(long)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Calibrate(calibrate::Args),
    Capacity(capacity::Args),
    Check(check::Args),
    Compare(compare::Args),
    Completions(completions::Args),
    Conformance(conformance::Args),
    Doctor(doctor::Args),
    Durability(durability::Args),
    History(history::Args),
    Init(init::Args),
    #[command(hide = true)]
    Launch(launch::Args),
    Man(man::Args),
    Plan(plan::Args),
    #[command(hide = true)]
    ProbeIsolation(network::Args),
    #[command(hide = true)]
    ProbeDisk(disk::ProbeArgs),
    #[command(hide = true)]
    ServeDisk(disk::ServeArgs),
    Relay(relay::Args),
    Report(report::Args),
    Routes(routes::Args),
    Simulate(simulate::Args),
    Sink(sink::Args),
    Trace(trace::Args),
    #[command(hide = true)]
    Watchdog(watchdog::Args),
}

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Command::Run(args) => run::run(&args),
            Command::Calibrate(args) => calibrate::run(&args),
            Command::Capacity(args) => capacity::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Conformance(args) => conformance::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Durability(args) => durability::run(&args),
            Command::History(args) => history::run(&args),
            Command::Init(args) => init::run(&args),
            Command::Launch(args) => launch::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Plan(args) => plan::run(&args),
            Command::ProbeIsolation(args) => network::run(&args),
            Command::ProbeDisk(args) => disk::probe(&args),
            Command::ServeDisk(args) => disk::serve(&args),
            Command::Relay(args) => relay::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Routes(args) => routes::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Sink(args) => sink::run(&args),
            Command::Trace(args) => trace::run(&args),
            Command::Watchdog(args) => watchdog::run(&args),
        }
    }

    /// What is logged unless `MAILBENCH_LOG` says otherwise: a server tells of its life.
    fn log(&self) -> &'static str {
        match self {
            Command::Relay(_) | Command::Sink(_) => "mailbench=info",
            _ => "warn",
        }
    }
}

/// Reads the command line and runs what it asks for. clap itself ends the process for `--help`
/// (0) and for wrong usage (2).
#[must_use]
pub fn main() -> ExitCode {
    end_on_panic();
    let cli = read_command_line();
    log::start(cli.command.log());
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            log::show_error(&error);
            Exit::of(&error).into()
        }
    }
}

/// clap ends at `--version`, whatever stands beside it: `--verbose` is looked up here.
fn read_command_line() -> Cli {
    let error = match Cli::try_parse() {
        Ok(cli) if cli.verbose => Cli::command()
            .error(ErrorKind::MissingRequiredArgument, "--verbose is only used with --version"),
        Ok(cli) => return cli,
        Err(error) => error,
    };
    let is_verbose = std::env::args_os().skip(1).any(|one| one == "--verbose");
    if error.kind() == ErrorKind::DisplayVersion && is_verbose {
        let printed = print(&version::verbose()).is_ok();
        std::process::exit(i32::from(!printed));
    }
    error.exit()
}

/// A panic of any task or thread ends the program, with a message.
pub fn end_on_panic() {
    log::end_on_panic();
}

/// One of several values that are chosen by name.
fn choice<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(name))
        .try_map(move |named| all.into_iter().find(|one| name(*one) == named).ok_or("not a choice"))
}

/// Writes a result to stdout. A reader that has seen enough (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a result to the file of `--output`, which may be a device or a pipe.
fn write_output(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
