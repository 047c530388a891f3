//! SIGINT, SIGTERM and SIGHUP: once, stop offering and report; twice, leave at once with what is on
//! disk.

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
    /// Listens for the signals for as long as the runtime lives.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn listen() -> std::io::Result<Interrupts> {
        let interrupts =
            Interrupts { stop: CancellationToken::new(), abort: CancellationToken::new() };
        let mut signals = StopSignals::listen()?;
        let told = interrupts.clone();
        tokio::spawn(async move {
            for token in [told.stop, told.abort] {
                signals.recv().await;
                token.cancel();
            }
        });
        Ok(interrupts)
    }
}

/// The signals by which a user, a service manager or a terminal that closes asks to stop.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: it is ignored, as `nohup` has it.
    hangup: Option<Signal>,
}

impl StopSignals {
    /// Listens for them.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub fn listen() -> std::io::Result<StopSignals> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = (!ignores_hangup(&status)).then(|| signal(SignalKind::hangup()));
        Ok(StopSignals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.transpose()?,
        })
    }

    /// Waits for the next of them.
    pub async fn recv(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether SIGHUP, number 1, is ignored: `SigIgn` of proc(5) has a bit for each signal.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    ignored.unwrap_or_default() & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_nohup_a_hangup_is_ignored() {
        assert!(ignores_hangup("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("Name:\tx\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
