//! The target under test as `lab` needs it: its address, whether it is still running, and how it is
//! restarted.

use std::net::SocketAddr;

use crate::targets::Target;

/// The target under test.
pub trait Subject {
    /// Where it accepts mail.
    fn address(&self) -> SocketAddr;

    /// How it exited, if it did so by itself.
    fn exited(&mut self) -> Option<String>;

    /// Number of messages in its queue; `None`: not known.
    fn queue_length(&self) -> impl Future<Output = Option<u64>>;

    /// Restarts it with its queue; the result in words.
    fn restart(&mut self) -> impl Future<Output = String>;
}

/// A target that mailbench neither watches nor restarts.
impl Subject for SocketAddr {
    fn address(&self) -> SocketAddr {
        *self
    }

    fn exited(&mut self) -> Option<String> {
        None
    }

    async fn queue_length(&self) -> Option<u64> {
        None
    }

    async fn restart(&mut self) -> String {
        "not restarted".to_owned()
    }
}

impl Subject for Target {
    fn address(&self) -> SocketAddr {
        Target::address(self)
    }

    fn exited(&mut self) -> Option<String> {
        Target::ended(self)
    }

    async fn queue_length(&self) -> Option<u64> {
        let probe = self.queue().filter(|probe| !probe.is_fixed())?;
        probe.ask().await.ok().map(|length| length.total)
    }

    async fn restart(&mut self) -> String {
        // Ends the processes that its exit left behind.
        self.kill().await;
        match Target::start_again(self).await {
            Ok(()) => "restarted".to_owned(),
            Err(error) => format!("cannot be restarted: {error}"),
        }
    }
}
