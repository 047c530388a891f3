//! `mailbench man`: prints the manual page, or writes the pages of every subcommand.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use super::Cli;
use super::exit::Exit;

/// Print the manual page.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the pages of mailbench and of every subcommand there instead
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    match &args.output {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            super::print(&String::from_utf8(page)?)?;
        }
    }
    Ok(Exit::Passed)
}
