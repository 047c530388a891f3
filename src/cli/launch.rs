//! `mailbench launch`: becomes a program of the target, within its control group and limits; started
//! by `run`, not for people.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::exit::Exit;
use crate::{shortage, targets};

/// Become another program
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Control group to join first
    #[arg(long)]
    group: Option<PathBuf>,
    /// Limit of file descriptors
    #[arg(long)]
    files: Option<u64>,
    /// User and group to become, by number
    #[arg(long, value_parser = user)]
    user: Option<(u32, u32)>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Does not return when all goes well.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(group) = &args.group {
        targets::join_group(group).context("cannot join the control group")?;
    }
    if let Some(files) = args.files {
        shortage::set_descriptor_limit(files).context("cannot set the limit of open files")?;
    }
    let Some((program, arguments)) = args.words.split_first() else { return Ok(Exit::Usage) };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some((user, group)) = args.user {
        command.uid(user).gid(group);
    }
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", program.to_string_lossy()))
}

fn user(text: &str) -> Result<(u32, u32), String> {
    let parse = |text: &str| text.parse().map_err(|_| "write USER:GROUP".to_owned());
    let (user, group) = text.split_once(':').ok_or("write USER:GROUP")?;
    Ok((parse(user)?, parse(group)?))
}
