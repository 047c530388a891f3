//! `mailbench plan`: prints exactly what would be sent when. Sends nothing.
//!
//! The same scenario and seed give the same bytes. Senders carry the plan's tag where a run has
//! its own nonce. Messages are printed as they are made, so a long plan takes no memory.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use crate::limits;
use crate::plan::{Offer, Plan};

/// Print exactly what would be sent when; sends nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario file
    #[arg(value_name = "SCENARIO")]
    path: PathBuf,
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// How to print: a table for people, CSV, or one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print this many messages at most; a closed load, which has no end of its own, is cut at 100
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = args.scenario.load(&args.path)?;
    let plan = Plan::new(&loaded.scenario, None);
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&plan, args, &mut out).and_then(|()| out.flush()) {
        // A reader that has seen enough (`| head`) is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Passed),
        other => Ok(other.map(|()| Exit::Passed)?),
    }
}

fn write(plan: &Plan, args: &Args, out: &mut impl Write) -> io::Result<()> {
    let endless = plan.offers().is_endless();
    let limit = args.limit.unwrap_or(if endless { limits::PLAN_SHOWN } else { u64::MAX });
    let mut offers = plan.offers();
    let lines = offers.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX));
    let lines = lines.map(|offer| Line::new(plan, &offer));
    match args.format {
        Format::Csv => write_csv(lines, out),
        Format::Json => write_json(lines, out),
        Format::Table => {
            let totals = write_table(lines, out)?;
            let more = if offers.next().is_some() { "; there are more" } else { "" };
            let tag = &plan.identity().tag;
            writeln!(out, "{totals}{more}. Tag {tag}; in a run, senders have its nonce instead.")
        }
    }
}

/// One message, as printed.
#[derive(Serialize)]
struct Line {
    due_s: Option<f64>,
    #[serde(skip)]
    due: Option<Duration>,
    message: u64,
    size_bytes: u64,
    sender: String,
    recipients: Vec<String>,
}

impl Line {
    fn new(plan: &Plan, offer: &Offer) -> Line {
        let envelope = plan.envelope(offer);
        Line {
            // Rounded once: seconds and fraction, each a float, add up to another number.
            due_s: offer.due.map(|due| due.as_nanos() as f64 / 1e9),
            due: offer.due,
            message: offer.message.0,
            size_bytes: offer.size,
            sender: envelope.reverse_path,
            recipients: envelope.recipients,
        }
    }

    /// Seconds to the nanosecond; nothing in the closed model.
    fn due(&self, nothing: &str) -> String {
        match self.due {
            Some(due) => format!("{}.{:09}", due.as_secs(), due.subsec_nanos()),
            None => nothing.to_owned(),
        }
    }
}

fn write_csv(lines: impl Iterator<Item = Line>, out: &mut impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let header = ["due_s", "message", "size_bytes", "sender", "recipients"];
    csv.write_record(header).map_err(io_error)?;
    for line in lines {
        let (message, size) = (line.message.to_string(), line.size_bytes.to_string());
        let recipients = line.recipients.join(" ");
        let record = [&line.due(""), &message, &size, &line.sender, &recipients];
        csv.write_record(record).map_err(io_error)?;
    }
    csv.flush()
}

/// The cause itself, by which a closed pipe is known; csv's own conversion hides it.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_json(lines: impl Iterator<Item = Line>, out: &mut impl Write) -> io::Result<()> {
    for line in lines {
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Returns the summary.
fn write_table(lines: impl Iterator<Item = Line>, out: &mut impl Write) -> io::Result<String> {
    let (mut messages, mut recipients, mut bytes) = (0_u64, 0, 0_u64);
    let mut last = None;
    writeln!(out, "{:>15} {:>9} {:>9}  {:<42} RECIPIENTS", "DUE", "MESSAGE", "BYTES", "SENDER")?;
    for line in lines {
        messages += 1;
        recipients += line.recipients.len();
        bytes += line.size_bytes;
        last = line.due;
        let (due, to) = (line.due("-"), line.recipients.join(", "));
        let Line { message, size_bytes, sender, .. } = line;
        writeln!(out, "{due:>15} {message:>9} {size_bytes:>9}  {sender:<42} {to}")?;
    }
    let until =
        last.map_or(String::new(), |last| format!(", the last at {:.3} s", last.as_secs_f64()));
    Ok(format!("{messages} messages, {recipients} recipients, {bytes} bytes{until}"))
}
