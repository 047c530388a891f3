//! `[[abuse]]` as meant: clients that behave badly, beside the honest load.

use std::time::Duration;

use serde::Serialize;

use crate::fault::rule::Window;
use crate::smtp::stage::Stage;

/// One kind of bad client, so many at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Abuse {
    /// Its name in reports.
    pub name: String,
    /// What it does.
    pub kind: AbuseKind,
    /// How many at a time.
    pub sessions: u32,
    /// How long each of them rests before it comes again.
    pub pause: Duration,
    /// When; `None`: over the whole measured period.
    pub during: Option<Window>,
}

/// What a bad client does. None of them ever ends a message, so that no mail of theirs is
/// accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbuseKind {
    /// Says everything byte by byte, for ever.
    Slowloris {
        /// Between two bytes.
        interval: Duration,
    },
    /// Greets and says nothing more.
    Idle,
    /// Does not wait for the banner.
    EarlyTalker,
    /// Does not wait for the replies to EHLO and DATA (RFC 2920 §3.1).
    UnauthorisedPipelining,
    /// Leaves without a word, by FIN and RST in turn.
    Disconnect {
        /// At this stage; `None`: at each in turn.
        stage: Option<Stage>,
    },
    /// Sends a command line without measure.
    OversizedLine {
        /// Its length.
        bytes: u64,
    },
    /// Declares a small message and sends a large one.
    LyingSize {
        /// Its size.
        bytes: u64,
    },
}

impl AbuseKind {
    /// As scenarios and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AbuseKind::Slowloris { .. } => "slowloris",
            AbuseKind::Idle => "idle",
            AbuseKind::EarlyTalker => "early-talker",
            AbuseKind::UnauthorisedPipelining => "unauthorised-pipelining",
            AbuseKind::Disconnect { .. } => "disconnect",
            AbuseKind::OversizedLine { .. } => "oversized-line",
            AbuseKind::LyingSize { .. } => "lying-size",
        }
    }
}
