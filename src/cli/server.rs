//! What every subcommand that opens sockets needs of the system: a runtime, enough descriptors,
//! signals.

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::limits::RUNTIME_DESCRIPTORS;
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

/// A token that is cancelled by SIGTERM or SIGINT.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
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

/// Each session and each delivery is a descriptor; the customary soft limit is 1024.
fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
