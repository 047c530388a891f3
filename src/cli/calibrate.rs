//! `mailbench calibrate`: the instrument's own ceiling and floor on this machine, kept for later
//! runs.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use super::exit::Exit;
use super::server;
use crate::report::human;
use crate::report::progress::Progress;
use crate::run::RunError;
use crate::run::calibration::{self, Calibration};
use crate::run::signals::Interrupts;

/// Measure what mailbench itself can do on this machine; runs state their headroom against it
///
/// Takes about half a minute on an otherwise idle machine. Kept by machine, version and build in
/// $XDG_STATE_HOME/mailbench/calibration.json (~/.local/state).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Keep it in this file instead, where runs do not look
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let file = args.output.clone().or_else(calibration::file);
    let file = file.ok_or_else(|| {
        let what = "it cannot be stored: neither XDG_STATE_HOME nor HOME is set";
        Exit::Usage.because(anyhow!(what))
    })?;
    let calibration =
        measure(args.quiet).map_err(|error| super::exit::exit_of(&error).because(error))?;
    calibration::keep(&file, &calibration)
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(|error| Exit::Usage.because(error))?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&calibration)? + "\n",
        false => shown(&calibration) + &format!("kept in {}\n", file.display()),
    };
    super::print(&text)?;
    Ok(Exit::Passed)
}

fn measure(quiet: bool) -> Result<Calibration, RunError> {
    let folder = tempfile::tempdir().map_err(RunError::Folder)?;
    let runtime = server::runtime_beside_traffic().map_err(RunError::Runtime)?;
    let mut progress = Progress::on_stderr(quiet);
    let calibration = runtime.block_on(async {
        let interrupts = Interrupts::listen().map_err(RunError::Runtime)?;
        calibration::calibrate(folder.path(), &interrupts, &mut progress).await
    });
    progress.finish();
    runtime.shutdown_background();
    calibration
}

fn shown(calibration: &Calibration) -> String {
    let points = calibration.ceiling.iter().map(|point| {
        let (size, rate) = (human::bytes(point.size), human::rate(point.per_s));
        format!("  ceiling, {size:>8} messages   {rate}\n")
    });
    let time = |us: Option<u64>| us.map_or("-".to_owned(), human::duration_us);
    let floor = calibration.floor;
    format!(
        "mailbench {} on this machine, without a target, {} sessions:\n{}         \x20 floor, submit_response     p50 {}   p99 {}\n         \x20 floor, e2e_response        p50 {}   p99 {}\n",
        calibration.version,
        calibration.sessions,
        points.collect::<String>(),
        time(floor.submit_p50_us),
        time(floor.submit_p99_us),
        time(floor.e2e_p50_us),
        time(floor.e2e_p99_us),
    )
}
