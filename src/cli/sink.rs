//! `mailbench sink`: the destinations alone, for any MTA or client to deliver to.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use super::server::{self, TlsArg, stop_on_signal};
use crate::clock::{Clock, Time};
use crate::grammar::units::address;
use crate::ledger::event::{AttemptOutcome, Event, SessionChange};
use crate::ledger::{Ledger, journal};
use crate::probe::damage::ContentCheck;
use crate::scenario::model::{Addresses, Engine, Extension};
use crate::sink::{self, Settings, SinkError};

/// Run the sink alone: takes mail, does the faults of a scenario, keeps no mail
///
/// Prints `listening on ADDRESS` when it is ready, then the address of each destination where the
/// scenario has `sink.addresses = "per-destination"`, and stops in order on SIGINT or SIGTERM, with
/// a summary. Windows of faults count from its start.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to take mail (port 0: a free one)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2526", value_parser = address)]
    listen: SocketAddr,
    /// Take destinations, faults, seed and engine of this scenario; without it any domain will do
    #[arg(long, value_name = "SCENARIO.toml")]
    faults: Option<PathBuf>,
    /// Keep the ledger there
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Which reading of the protocol; by default the scenario's, or else native
    #[arg(long)]
    engine: Option<EngineArg>,
    /// Offer STARTTLS, or begin with TLS; by default as the scenario has it, or else not
    #[arg(long)]
    tls: Option<TlsArg>,
    /// Write the certificate of the authority that vouches for the sink there, for clients that
    /// verify
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Speak LMTP
    #[arg(long)]
    lmtp: bool,
    /// Offer this beside the ordinary extensions: CHUNKING, AUTH (repeatable)
    #[arg(long, value_name = "EXTENSION", value_parser = extension)]
    with: Vec<Extension>,
    /// Do not offer this, such as PIPELINING or SIZE (repeatable)
    #[arg(long, value_name = "EXTENSION", value_parser = extension)]
    without: Vec<Extension>,
    /// Let other machines in: --listen need not be loopback
    #[arg(long)]
    beyond_loopback: bool,
    #[command(flatten)]
    scenario: ScenarioArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineArg {
    Native,
    Samotop,
}

/// An extension by its keyword, in whatever case.
fn extension(text: &str) -> Result<Extension, String> {
    let wanted = serde_json::Value::String(text.to_ascii_uppercase());
    serde_json::from_value(wanted).map_err(|_| format!("no extension `{text}` is known here"))
}

/// Runs the sink until it is stopped.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (settings, domains) = settings(args)?;
    let (folder, path) = journal_path(args.journal.as_deref())?;
    let ledger = Ledger::create(&path)
        .with_context(|| format!("cannot create {}", path.display()))
        .map_err(|error| Exit::Usage.because(error))?;
    server::runtime_beside_traffic()?.block_on(serve(
        settings,
        ledger,
        args.authority.as_deref(),
    ))?;
    let events = journal::open(&path).context("cannot read the journal back")?;
    super::print(&Summary::of(events, domains).text())?;
    drop(folder);
    Ok(Exit::Passed)
}

fn settings(args: &Args) -> anyhow::Result<(Settings, Vec<String>)> {
    let mut settings = Settings::at(args.listen);
    settings.beyond_loopback = args.beyond_loopback;
    if let Some(path) = &args.faults {
        let loaded = args.scenario.load(path)?;
        let scenario = loaded.scenario;
        settings.engine = scenario.sink.engine;
        settings.seed = scenario.seed;
        settings.rules = scenario.faults;
        settings.extensions = Some(scenario.sink.extensions);
        settings.implicit_tls = scenario.sink.implicit_tls;
        settings.lmtp = scenario.sink.lmtp;
        settings.scram = sink::password::stored(scenario.smtp.login.as_ref());
        settings.by_destination = scenario.sink.addresses == Some(Addresses::PerDestination);
        let own = scenario.destinations.iter().map(|one| one.extensions.clone());
        settings.own_extensions = own.collect();
        settings.destinations = scenario.destinations.into_iter().map(|one| one.domain).collect();
    }
    match args.engine {
        Some(EngineArg::Native) => settings.engine = Engine::Native,
        Some(EngineArg::Samotop) => settings.engine = Engine::Samotop,
        None => {}
    }
    offer(args, &mut settings);
    let domains = settings.destinations.clone();
    Ok((settings, domains))
}

/// What the command line says of the offer.
fn offer(args: &Args, settings: &mut Settings) {
    settings.lmtp |= args.lmtp;
    let usual = settings.engine.extensions();
    let mut offered = settings.extensions.take().unwrap_or(usual);
    match args.tls {
        Some(TlsArg::Implicit) => settings.implicit_tls = true,
        Some(TlsArg::Starttls) => offered.push(Extension::StartTls),
        None => {}
    }
    offered.extend(&args.with);
    let unwanted = |one: &Extension| {
        args.without.contains(one) || (settings.implicit_tls && *one == Extension::StartTls)
    };
    offered.retain(|one| !unwanted(one));
    offered.sort();
    offered.dedup();
    settings.extensions = Some(offered);
}

/// Where the ledger goes; without a wish, to a folder that goes with the sink.
fn journal_path(wanted: Option<&Path>) -> anyhow::Result<(Option<tempfile::TempDir>, PathBuf)> {
    if let Some(path) = wanted {
        return Ok((None, path.to_owned()));
    }
    let folder =
        crate::files::private_temporary("sink-").context("cannot make a folder for the ledger")?;
    let path = folder.path().join("journal.bin");
    Ok((Some(folder), path))
}

async fn serve(settings: Settings, ledger: Ledger, authority: Option<&Path>) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let started = sink::start(settings, Clock::start(), ledger.clone()).await;
    let sink = started.map_err(|error| match error {
        SinkError::Listen { .. } => Exit::Unreachable.because(error),
        SinkError::BeyondLoopback(_) => {
            let hint = "give --beyond-loopback to let other machines in";
            Exit::Usage.because(anyhow::anyhow!("{error} ({hint})"))
        }
        SinkError::Engine { .. }
        | SinkError::Unheard { .. }
        | SinkError::OneOffer { .. }
        | SinkError::Destination { .. } => Exit::Scenario.because(error),
        SinkError::Tls(_) => Exit::Internal.because(error),
    })?;
    if let Some(path) = authority {
        let pem = sink.authority().context("--authority: the sink offers no TLS (give --tls)");
        let pem = pem.map_err(|error| Exit::Usage.because(error))?;
        std::fs::write(path, pem)
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Exit::Usage.because(error))?;
    }
    sink.measured_from(Time::ZERO);
    let routes = sink.routes().iter().map(|(domain, address)| format!("{domain} at {address}\n"));
    super::print(&format!("listening on {}\n{}", sink.address(), routes.collect::<String>()))?;
    stop.cancelled().await;
    sink.stop().await;
    match ledger.failure() {
        Some(failure) => Err(Exit::Unreachable
            .because(anyhow::anyhow!("the journal could not be written: {failure}"))),
        None => Ok(()),
    }
}

/// Attempts by outcome, in the order of [`OUTCOMES`].
type Counts = [u64; OUTCOMES.len()];

const OUTCOMES: [(AttemptOutcome, &str); 6] = [
    (AttemptOutcome::Taken, "taken"),
    (AttemptOutcome::Withheld, "withheld"),
    (AttemptOutcome::Deferred, "deferred"),
    (AttemptOutcome::Rejected, "rejected"),
    (AttemptOutcome::Broken, "broken"),
    (AttemptOutcome::Abandoned, "abandoned"),
];

/// What the sink saw.
struct Summary {
    sessions: u64,
    turned_away: u64,
    damaged: u64,
    without_identity: u64,
    dsns: u64,
    /// One a destination, and one for mail to none.
    counts: Vec<(String, Counts)>,
}

impl Summary {
    fn of(events: impl Iterator<Item = Event>, domains: Vec<String>) -> Summary {
        let others = if domains.is_empty() { "any domain" } else { "other domains" };
        let names = domains.into_iter().chain([others.to_owned()]);
        let counts = names.map(|name| (name, Counts::default())).collect();
        let (sessions, turned_away, damaged, without_identity, dsns) = (0, 0, 0, 0, 0);
        let mut summary =
            Summary { sessions, turned_away, damaged, without_identity, dsns, counts };
        events.for_each(|event| summary.add(&event));
        summary
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::Session { change: SessionChange::Opened, .. } => self.sessions += 1,
            Event::Session { change: SessionChange::TurnedAway { .. }, .. } => {
                self.turned_away += 1;
            }
            Event::Foreign { .. } => self.without_identity += 1,
            Event::Dsn(_) => self.dsns += 1,
            Event::Attempt(attempt) => {
                let content = attempt.content.as_ref();
                self.damaged += u64::from(content.is_some_and(ContentCheck::is_damaged));
                let others = self.counts.len() - 1;
                let row = attempt.destination.map_or(others, |number| usize::from(number.0));
                let column = OUTCOMES.iter().position(|(outcome, _)| *outcome == attempt.outcome);
                self.counts[row.min(others)].1[column.unwrap_or(0)] += 1;
            }
            _ => {}
        }
    }

    fn text(&self) -> String {
        let (sessions, turned_away) = (self.sessions, self.turned_away);
        let mut text = format!("{sessions} sessions, {turned_away} turned away\n");
        let names = self.counts.iter().map(|(name, _)| name.len());
        let widest = names.chain(["attempts".len()]).max().unwrap_or(0);
        let heads = OUTCOMES.map(|(_, name)| format!("{name:>10}")).concat();
        let _never_fails = writeln!(text, "{:widest$}{heads}", "attempts");
        let named = self.counts.len() > 1;
        for (name, counts) in &self.counts {
            if !named || name != "other domains" || counts.iter().any(|count| *count > 0) {
                let cells = counts.map(|count| format!("{count:>10}")).concat();
                let _never_fails = writeln!(text, "{name:widest$}{cells}");
            }
        }
        for (count, what) in [
            (self.without_identity, "recipients of mail that was not made by mailbench, taken"),
            (self.dsns, "DSNs"),
            (self.damaged, "attempts with damaged content"),
        ] {
            if count > 0 {
                let _never_fails = writeln!(text, "{count} {what}");
            }
        }
        text
    }
}
