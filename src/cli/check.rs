//! `mailbench check`: validates scenarios and prints them as resolved. Sends nothing.

use std::path::PathBuf;

use super::exit::Exit;
use crate::scenario::{self, Loaded, Override, ScenarioError};

/// Validate scenarios and print them with every default filled in; sends nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Override a key of the scenario, such as load.rate=50/s
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Allow recipients in this domain, which is not a reserved one
    #[arg(long, value_name = "DOMAIN")]
    allow_recipient_domain: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut exit = Exit::Passed;
    for (index, path) in args.scenarios.iter().enumerate() {
        match check(path, args) {
            Ok(loaded) => {
                let gap = if index > 0 { "\n" } else { "" };
                super::print(&format!("{gap}# {}\n{}", path.display(), loaded.resolved))?;
            }
            Err(error) => {
                super::complain(&error.styled());
                exit = Exit::Scenario;
            }
        }
    }
    Ok(exit)
}

fn check(path: &std::path::Path, args: &Args) -> Result<Loaded, ScenarioError> {
    let loaded = scenario::load(path, &args.set)?;
    scenario::check_domains(&loaded, &args.allow_recipient_domain)?;
    Ok(loaded)
}
