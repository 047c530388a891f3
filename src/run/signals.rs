//! SIGINT and SIGTERM: once, stop offering and report; twice, leave at once with what is on disk.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the user has asked for.
#[derive(Clone, Debug)]
pub struct Interrupts {
    /// Cancelled by the first signal: stop offering, drain, report.
    pub stop: CancellationToken,
    /// Cancelled by the second: abort.
    pub abort: CancellationToken,
}

impl Interrupts {
    /// Listens for both signals for as long as the runtime lives.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn listen() -> std::io::Result<Interrupts> {
        let interrupts =
            Interrupts { stop: CancellationToken::new(), abort: CancellationToken::new() };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let told = interrupts.clone();
        tokio::spawn(async move {
            for token in [told.stop, told.abort] {
                either(&mut interrupt, &mut terminate).await;
                token.cancel();
            }
        });
        Ok(interrupts)
    }
}

async fn either(first: &mut Signal, second: &mut Signal) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}
