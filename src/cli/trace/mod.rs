//! `mailbench trace`: a mail log of Postfix or Exim as a trace of arrivals, for `load.trace`.

mod source;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;

use super::exit::Exit;
use crate::maillog::trace::{Trace, trace};
use crate::maillog::{Pseudonyms, Reading};

/// Turn mail logs of Postfix or Exim into a trace of arrivals, for a scenario's `load.trace`.
///
/// Keeps when each message arrived, its size and the domains it went to, these as pseudonyms that
/// cannot be turned back. Nothing else of the log is kept. Reads what syslog, the journal, Docker
/// and Exim itself write, compressed by gzip or xz or not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The log; several files (rotated ones) are read in order of time; `-`: standard input
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// Write the trace to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Year of the last line of a log that does not write years; default: the year in which the
    /// file was last changed
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1970..2200))]
    year: Option<i16>,
    /// Environment variable that holds the key of the pseudonyms: with the same key, the same
    /// domain has the same name in another trace. Without it, a key is made up and forgotten
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let names = Pseudonyms::new(&key(args.key_env.as_deref())?);
    let read = source::read(&args.logs, args.year);
    let (log, reordered) = read.map_err(|error| Exit::Usage.because(error))?;
    let reading = log.finish();
    if reading.messages.is_empty() {
        return Err(Exit::Usage.with_details(nothing(args, &reading), unused(&reading)));
    }
    let trace = trace(&reading.messages, &names);
    match &args.output {
        Some(path) => {
            let written = std::fs::write(path, &trace.csv);
            let written = written.with_context(|| format!("cannot write {}", path.display()));
            written.map_err(|error| Exit::Usage.because(error))?;
        }
        None => super::print(&trace.csv)?,
    }
    summary(&reading, &trace).iter().for_each(|line| super::complain(line));
    if reordered {
        super::complain("the files were read in order of their first line, not as given");
    }
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

/// Why there is no trace.
fn nothing(args: &Args, reading: &Reading) -> anyhow::Error {
    let names: Vec<String> = args.logs.iter().map(|path| path.display().to_string()).collect();
    let mut text = format!("{}: no arrival of a message was found", names.join(", "));
    if let Some(kind) = reading.looks_like {
        text += &format!("; this looks like {kind}");
    }
    text += "; `mailbench trace` reads logs of Postfix and Exim";
    anyhow::anyhow!(text)
}

/// What the trace holds, and below it what it does not.
fn summary(reading: &Reading, trace: &Trace) -> Vec<String> {
    let length = reading.messages.last().map_or(0.0, |last| last.time_s);
    let (messages, destinations) = (reading.messages.len(), trace.destinations);
    let mut lines = unused(reading);
    if reading.spread > 0 {
        lines.push(format!(
            "the log has whole seconds: {} messages that shared theirs are spread evenly over it",
            reading.spread
        ));
    }
    let changes = [
        (trace.divided, "messages have more recipients than one transaction takes: several rows"),
        (trace.merged as u64, "destinations, the rarest, are one (`others.test`): too many"),
        (trace.cut, "messages are left out: more rows, or more years, than a trace may have"),
    ];
    let changes = changes.iter().filter(|(count, _)| *count > 0);
    lines.extend(changes.map(|(count, what)| format!("{count} {what}")));
    let first = format!("{messages} messages to {destinations} destinations over {length:.0} s");
    std::iter::once(first).chain(lines.iter().map(|line| format!("  {line}"))).collect()
}

/// What was not used, by reason.
fn unused(reading: &Reading) -> Vec<String> {
    let unused = &reading.unused;
    let messages =
        unused.messages.iter().map(|(reason, count)| format!("{count} {}", reason.words()));
    let lines = unused.lines.iter().map(|(reason, count)| format!("{count} {}", reason.words()));
    let list = |what: &str, reasons: Vec<String>| {
        (!reasons.is_empty()).then(|| format!("{what} not used: {}", reasons.join(", ")))
    };
    [list("messages", messages.collect()), list("lines", lines.collect())]
        .into_iter()
        .flatten()
        .collect()
}
