//! What is examined: where it is, whether it still lives, and how it is started again.

use std::net::SocketAddr;

use crate::target::Target;

/// What is examined.
pub trait Subject {
    /// Where it takes mail.
    fn address(&self) -> SocketAddr;

    /// How it ended, where it did so by itself.
    fn ended(&mut self) -> Option<String>;

    /// How many messages are in its queue; `None`: nobody knows.
    fn queued(&self) -> impl Future<Output = Option<u64>>;

    /// Starts it again, with its queue; what came of that.
    fn start_again(&mut self) -> impl Future<Output = String>;
}

/// Somebody else looks after it.
impl Subject for SocketAddr {
    fn address(&self) -> SocketAddr {
        *self
    }

    fn ended(&mut self) -> Option<String> {
        None
    }

    async fn queued(&self) -> Option<u64> {
        None
    }

    async fn start_again(&mut self) -> String {
        "left alone".to_owned()
    }
}

impl Subject for Target {
    fn address(&self) -> SocketAddr {
        Target::address(self)
    }

    fn ended(&mut self) -> Option<String> {
        Target::ended(self)
    }

    async fn queued(&self) -> Option<u64> {
        let probe = self.queue().filter(|probe| !probe.is_fixed())?;
        probe.ask().await.ok().map(|length| length.total)
    }

    async fn start_again(&mut self) -> String {
        // What its death has left of it.
        self.kill().await;
        match Target::start_again(self).await {
            Ok(()) => "started again".to_owned(),
            Err(error) => format!("not to be started again: {error}"),
        }
    }
}
