//! `mailbench relay`: the embedded relay alone, and its queue counted.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::server::{self, TlsArg, stop_on_signal};
use crate::files;
use crate::grammar::units::{self, Timespan, address};
use crate::limits::{self, RELAY_QUEUE};
use crate::queue::schedule::RetrySchedule;
use crate::relay::reader::Reader;
use crate::relay::server::{Relay, Settings};
use crate::scenario::model::Delivery;
use crate::seed::Seed;
use crate::smtp::dialogue::User;
use crate::smtp::server_tls::Beginning;

/// A count is cheap, not free.
const FASTEST_COUNT: Duration = Duration::from_millis(10);

/// Run the embedded relay: takes mail, keeps it on disk, relays it
///
/// Prints `listening on ADDRESS` when it is ready and stops in order on SIGTERM. Mail that is in
/// the queue when it starts is taken up, also after a kill.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to take mail (loopback; port 0: a free one)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,
    /// Next hop of mail for domains without a --route (loopback)
    #[arg(long, value_name = "ADDR", required_unless_present = "count", value_parser = address)]
    relay_to: Option<SocketAddr>,
    /// Next hop of mail for one domain (loopback; repeatable)
    #[arg(long, value_name = "DOMAIN=ADDR", value_parser = route, conflicts_with = "count")]
    route: Vec<(String, SocketAddr)>,
    /// Folder of the queue
    #[arg(long, value_name = "DIR")]
    queue: PathBuf,
    /// TOML file with [retry] and [delivery], as in a scenario's [target]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Seed of the jitter of retries
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Recipients the queue may hold; a full queue answers 421 and 452
    #[arg(long, value_name = "N", default_value_t = RELAY_QUEUE)]
    capacity: u64,
    /// Offer STARTTLS, or begin with TLS, by a certificate made at the start
    #[arg(long, conflicts_with = "count")]
    tls: Option<TlsArg>,
    /// Take mail from this user alone, after a log-in
    #[arg(
        long,
        value_name = "NAME",
        allow_hyphen_values = true,
        requires = "password_env",
        conflicts_with = "count"
    )]
    user: Option<String>,
    /// Environment variable that holds the password of --user
    #[arg(long, value_name = "VARIABLE", requires = "user")]
    password_env: Option<String>,
    /// Stop in order when standard input ends, so that a relay does not outlive what started it
    #[arg(long, conflicts_with = "count")]
    until_stdin_closes: bool,
    /// Print how many recipients in the queue are not done, as JSON, and exit
    #[arg(long, conflicts_with_all = ["relay_to", "settings"])]
    count: bool,
    /// With --count: print again after each such time, until the reader is gone
    #[arg(long, value_name = "DURATION", requires = "count")]
    every: Option<Timespan>,
}

/// Runs the relay until it is stopped, or counts its queue.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let runtime = server::runtime()?;
    match args.relay_to {
        Some(relay_to) => runtime.block_on(relay(args, relay_to)),
        None => {
            runtime.block_on(count(&args.queue, args.every.map(|every| every.0.max(FASTEST_COUNT))))
        }
    }
}

async fn relay(args: &Args, relay_to: SocketAddr) -> anyhow::Result<Exit> {
    let hops = args.route.iter().map(|(_, address)| *address);
    for address in [args.listen, relay_to].into_iter().chain(hops) {
        if !address.ip().is_loopback() {
            let refusal = anyhow::anyhow!("{address} is not loopback: the relay goes nowhere else");
            return Err(Exit::Usage.because(refusal));
        }
    }
    let (retry, delivery) = settings(args.settings.as_deref())?;
    let settings = Settings {
        listen: args.listen,
        relay_to,
        routes: args.route.clone(),
        queue: args.queue.clone(),
        retry,
        delivery,
        seed: Seed(args.seed),
        capacity: args.capacity,
        tls: args.tls.map(|tls| match tls {
            TlsArg::Starttls => Beginning::Starttls,
            TlsArg::Implicit => Beginning::Implicit,
        }),
        user: user(args)?,
    };
    let stop = stop_on_signal()?;
    if args.until_stdin_closes {
        stop_at_end_of_input(stop.clone());
    }
    let relay = Relay::open(&settings, stop).map_err(|error| Exit::Unreachable.because(error))?;
    super::print(&format!("listening on {}\n", relay.address()?))?;
    relay.run().await;
    Ok(Exit::Passed)
}

/// Who may log in, his password out of the environment.
fn user(args: &Args) -> anyhow::Result<Option<User>> {
    let (Some(name), Some(variable)) = (&args.user, &args.password_env) else { return Ok(None) };
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Some(User::new(name.clone(), password))),
        _ => {
            let refusal = anyhow::anyhow!(
                "the environment variable {variable} holds no password: --password-env names it"
            );
            Err(Exit::Usage.because(refusal))
        }
    }
}

/// `DOMAIN=ADDR`.
fn route(text: &str) -> Result<(String, SocketAddr), String> {
    let (domain, address) =
        text.split_once('=').ok_or("write DOMAIN=ADDR, such as a.test=127.0.0.1:2526")?;
    let address = units::address(address).map_err(|wrong| wrong.to_string())?;
    Ok((domain.to_owned(), address))
}

fn settings(path: Option<&Path>) -> anyhow::Result<(RetrySchedule, Delivery)> {
    // A file that is none is the user's to mend, a disk that fails is not.
    let exit = |error: &std::io::Error| match files::is_refused(error) {
        true => Exit::Unreachable,
        false => Exit::Scenario,
    };
    let text = match path {
        Some(path) => files::read_text(path, limits::SMALL_FILE).map_err(|error| {
            let what = format!("cannot read {}", path.display());
            exit(&error).because(anyhow::Error::new(error).context(what))
        })?,
        None => String::new(),
    };
    let name = path.map_or_else(String::new, |path| path.display().to_string());
    Ok(crate::scenario::relay_settings(&name, &text)?)
}

/// Cancels `stop` when standard input ends: by then the parent that held it is gone, even if killed.
fn stop_at_end_of_input(stop: CancellationToken) {
    std::thread::spawn(move || {
        // An input that cannot be read has ended, too.
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        tracing::info!("standard input has ended: stopping");
        stop.cancel();
    });
}

/// Prints the count once, or again and again until the reader is gone it or the parent is gone.
async fn count(queue: &Path, every: Option<Duration>) -> anyhow::Result<Exit> {
    let reader = Reader::open(queue).map_err(|error| Exit::Unreachable.because(error))?;
    let parent = nix::unistd::getppid();
    loop {
        let counted = reader.count().map_err(|error| Exit::Unreachable.because(error))?;
        let line = serde_json::to_string(&counted)? + "\n";
        let Some(every) = every else {
            return super::print(&line).map(|()| Exit::Passed).map_err(Into::into);
        };
        let written = std::io::stdout().write_all(line.as_bytes());
        if written.is_err() || nix::unistd::getppid() != parent {
            return Ok(Exit::Passed);
        }
        tokio::time::sleep(every).await;
    }
}
