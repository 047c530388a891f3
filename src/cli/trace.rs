//! `mailbench trace`: a mail log of Postfix or Exim as a trace of arrivals, for `load.trace`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::exit::Exit;
use crate::maillog::{Log, Message, Pseudonyms};

/// Turn a mail log of Postfix or Exim into a trace of arrivals, for a scenario's `load.trace`.
///
/// Keeps when each message came, its size and the domains it went to, these under names that
/// nobody can read back. Nothing else of the log is kept.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The log; `-`: standard input
    log: PathBuf,
    /// Write the trace to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Environment variable that holds the key of the names: with the same key, the same domain
    /// has the same name in another trace. Without it, a key is made up and forgotten
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let names = Pseudonyms::new(&key(args.key_env.as_deref())?);
    let read = read(&args.log);
    let log = read.with_context(|| format!("cannot read {}", args.log.display()));
    let (messages, partial) = log.map_err(|error| Exit::Usage.because(error))?.finish();
    if messages.is_empty() {
        let error = anyhow::anyhow!(
            "{} has no message of Postfix or Exim with its size and a recipient",
            args.log.display()
        );
        return Err(Exit::Usage.because(error));
    }
    let trace = csv(&messages, &names);
    match &args.output {
        Some(path) => {
            let written = std::fs::write(path, &trace);
            let written = written.with_context(|| format!("cannot write {}", path.display()));
            written.map_err(|error| Exit::Usage.because(error))?;
        }
        None => super::print(&trace)?,
    }
    super::complain(&summary(&messages, partial));
    Ok(Exit::Passed)
}

fn key(variable: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let Some(variable) = variable else {
        let mut key = vec![0; 32];
        File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key))?;
        return Ok(key);
    };
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    let unset = || anyhow::anyhow!("the environment variable {variable} is not set");
    value.map(String::into_bytes).ok_or_else(|| Exit::Usage.because(unset()))
}

fn read(path: &Path) -> io::Result<Log> {
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let (mut log, mut line, mut source) = (Log::default(), Vec::new(), BufReader::new(source));
    while source.read_until(b'\n', &mut line)? > 0 {
        log.line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(log)
}

fn csv(messages: &[Message], names: &Pseudonyms) -> String {
    let mut text = "time,size,destinations\n".to_owned();
    for message in messages {
        let domains: Vec<String> = message.domains.iter().map(|one| names.of(one)).collect();
        let (time, bytes) = (message.time_s, message.bytes);
        text.push_str(&format!("{time:.3},{bytes},{}\n", domains.join(" ")));
    }
    text
}

fn summary(messages: &[Message], partial: usize) -> String {
    let domains: BTreeSet<&String> = messages.iter().flat_map(|it| &it.domains).collect();
    let length = messages.last().map_or(0.0, |last| last.time_s);
    format!(
        "{} messages to {} destinations over {length:.0} s; {partial} left out, of which the log \
         does not tell size or recipient",
        messages.len(),
        domains.len(),
    )
}
