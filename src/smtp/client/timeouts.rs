//! How long a client waits at each stage.

use std::time::Duration;

use crate::smtp::stage::Stage;

/// Client time limits (RFC 5321 §4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP connection.
    pub connect: Duration,
    /// Greeting.
    pub banner: Duration,
    /// EHLO, MAIL, RCPT, QUIT and any other command.
    pub reply: Duration,
    /// The 354 after DATA.
    pub data: Duration,
    /// One write of content.
    pub content: Duration,
    /// The reply to the final dot.
    pub end_of_data: Duration,
}

impl Timeouts {
    /// How long a client waits at this stage (RFC 5321 §4.5.3.2).
    #[must_use]
    pub fn at(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Connect => self.connect,
            Stage::Banner => self.banner,
            Stage::Data => self.data,
            Stage::Content => self.content,
            Stage::EndOfData => self.end_of_data,
            _ => self.reply,
        }
    }
}

impl Default for Timeouts {
    /// What RFC 5321 asks for; it says nothing of the TCP connection, which gets what most
    /// clients give it.
    fn default() -> Timeouts {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Timeouts {
            connect: Duration::from_secs(30),
            banner: minutes(5),
            reply: minutes(5),
            data: minutes(2),
            content: minutes(3),
            end_of_data: minutes(10),
        }
    }
}
