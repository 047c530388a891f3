//! `mailbench init`: writes a commented starter scenario.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::exit::Exit;

/// The starter; a test holds that it passes `check`.
const STARTER: &str = include_str!("mailbench.toml");

/// Write a commented starter scenario.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to write it
    #[arg(default_value = "mailbench.toml", value_name = "FILE")]
    file: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let path = args.file.display();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(!args.force).create(true).truncate(args.force);
    let written = options.open(&args.file).and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            super::complain(&format!("error: {path} is already there (--force overwrites it)"));
            return Ok(Exit::Usage);
        }
        other => other.with_context(|| format!("cannot write {path}"))?,
    }
    super::print(&format!("wrote {path}; now: mailbench run {path}\n"))?;
    Ok(Exit::Passed)
}
