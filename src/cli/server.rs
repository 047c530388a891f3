//! What every subcommand that opens sockets needs of the system: a runtime, enough descriptors,
//! signals.

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::limits::RUNTIME_DESCRIPTORS;
use crate::run::signals::StopSignals;
use crate::shortage::raise_descriptor_limit;
use crate::traffic::half_the_cores;

/// When TLS begins at a server.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum TlsArg {
    Starttls,
    Implicit,
}

/// A runtime on every core, in a process that may open as many descriptors as the system lets it.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    raise_descriptor_limit();
    check_descriptors()?;
    Builder::new_multi_thread().enable_all().build()
}

/// As [`runtime`], on the half of the cores that the traffic generator leaves to the sink.
pub(super) fn runtime_beside_traffic() -> std::io::Result<Runtime> {
    raise_descriptor_limit();
    check_descriptors()?;
    Builder::new_multi_thread().worker_threads(half_the_cores()).enable_all().build()
}

/// A token that is cancelled by SIGTERM, SIGINT or SIGHUP.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut asked = StopSignals::listen()?;
    let token = stop.clone();
    tokio::spawn(async move {
        asked.recv().await;
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(stop)
}

/// Whether there are descriptors for the runtime and its signals at all: it panics without.
fn check_descriptors() -> std::io::Result<()> {
    let opened = (0..RUNTIME_DESCRIPTORS).map(|_| std::fs::File::open("/dev/null"));
    opened.collect::<std::io::Result<Vec<_>>>().map(drop)
}
