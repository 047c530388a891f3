//! The only place that knows clap; one file per subcommand.

use std::process::ExitCode;

/// Reads the command line and runs what it asks for.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
