//! A target that was there before us: reached, asked for its queue if it can be, never stopped.

use std::net::SocketAddr;

use super::{TargetError, ready};

/// An MTA already running.
#[derive(Debug)]
pub struct External {
    address: SocketAddr,
    greeting: String,
    queue_command: Option<Vec<String>>,
}

impl External {
    /// Waits for its greeting.
    pub(super) async fn reach(
        address: SocketAddr,
        queue_command: Option<Vec<String>>,
    ) -> Result<External, TargetError> {
        let greeting = ready::greeting(address).await?;
        Ok(External { address, greeting, queue_command })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn greeting(&self) -> &str {
        &self.greeting
    }

    pub(super) fn queue_command(&self) -> Option<Vec<String>> {
        self.queue_command.clone()
    }
}
