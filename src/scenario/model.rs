//! A scenario as meant: every default filled in, every unit converted, every name resolved.

mod abuse;
mod changes;
mod dkim;
mod materials;
mod message;
mod routes;
mod submission;
mod target;
pub mod waits;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::Override;
pub use super::modelled::SimulateSpec;
use crate::fault::chaos::Chaos;
use crate::fault::rule::Rule;
use crate::quantity::Quantity;
use crate::queue::ordering::OrderingKind;
use crate::queue::schedule::RetrySchedule;
use crate::seed::Seed;
pub use crate::smtp::client::Timeouts;
pub use crate::smtp::dialogue::Extension;
pub use abuse::{Abuse, AbuseKind};
pub use changes::{Changes, HeaderChanges, RecipientChange, SenderChange};
pub use dkim::{Dkim, Key as DkimKey, KeyPlace};
pub use materials::{Corpus, CorpusFiles, Trace, TraceFile};
pub use message::{Encoding, MessageSpec, Parts, TextStyle};
pub use routes::{Addresses, Route, own_address};
pub use submission::{DsnTerms, LoginTerms, SourceRange, Submission, TlsTerms};
pub use target::{External, Managed, Mta, Network, TargetKind};

/// One scenario, whole and consistent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name; also the folder its runs land in.
    pub name: String,
    /// The question it asks.
    pub question: String,
    /// The run's seed.
    pub seed: Seed,
    /// The system under test.
    pub target: TargetSpec,
    /// What is offered, when.
    pub load: Load,
    /// How mail is submitted.
    pub smtp: Submission,
    /// The sink's own settings.
    pub sink: SinkSpec,
    /// What the messages are.
    pub message: MessageSpec,
    /// Where they go; at least one.
    pub destinations: Vec<Destination>,
    /// What goes wrong there, in file order.
    pub faults: Vec<Rule>,
    /// What happens to the target itself, in file order.
    pub chaos: Vec<Chaos>,
    /// Bad clients beside the honest load, in file order.
    pub abuse: Vec<Abuse>,
    /// The model of the target in a simulation.
    pub simulate: Option<SimulateSpec>,
    /// Bounds the run must meet, in file order.
    pub thresholds: Vec<ThresholdLine>,
    /// Variants to be compared; without them it is one run.
    pub compare: Option<Compare>,
}

/// `[compare]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compare {
    /// Pairs of runs, at first.
    pub pairs: u32,
    /// Rest between two runs.
    pub cool_down: Duration,
    /// Whether so many again are run when the first look is inconclusive.
    pub extend: bool,
    /// A latency or size may be worse by this share.
    pub margin: f64,
    /// A rate may be worse by this share.
    pub rate_margin: f64,
    /// Figures that decide, where the user named them; what they mean is `measure::comparison`'s.
    pub gate: Option<Vec<String>>,
    /// Where their list stands in the scenario text.
    #[serde(skip)]
    pub gate_span: std::ops::Range<usize>,
    /// Where each of them stands.
    #[serde(skip)]
    pub gate_spans: Vec<std::ops::Range<usize>>,
    /// The variants; the first is what the others are held against.
    pub variants: Vec<Variant>,
}

/// One variant: the scenario with some keys set otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The keys.
    pub set: Vec<Override>,
}

/// `[target]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetSpec {
    /// Which kind.
    pub kind: TargetKind,
    /// When it tries again.
    pub retry: RetrySchedule,
    /// Whether the scenario says so; else the schedule is the usual one, which a target that mailbench
    /// does not set up knows nothing of.
    pub retry_is_given: bool,
    /// How it delivers.
    pub delivery: Delivery,
    /// What it is intended to do to mail.
    pub changes: Changes,
    /// What it can reach; `None`: of a real MTA loopback only, where that is possible.
    pub network: Option<Network>,
}

/// `[target.delivery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Simultaneous deliveries, whole target.
    pub concurrency: u32,
    /// Simultaneous deliveries to one destination.
    pub per_destination: u32,
    /// Which due message goes first.
    pub ordering: OrderingKind,
    /// Whether a `250` waits for the disk.
    pub durability: Durability,
    /// Whether mail goes on under TLS.
    pub tls: OnwardTls,
}

/// Whether the embedded relay passes mail on under TLS. Certificates are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnwardTls {
    /// Never.
    None,
    /// Where it is to be had.
    May,
    /// Always, or not at all.
    Encrypt,
}

/// Whether a `250` waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Synced before the reply.
    Fsync,
    /// Not synced.
    None,
}

/// `[load]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Open or closed, and how arrivals come.
    pub model: LoadModel,
    /// Offered before the measured period; not counted.
    pub warm_up: Duration,
    /// When offering stops.
    pub extent: Extent,
    /// How long to wait for the queue to empty.
    pub drain: Duration,
    /// Simultaneous sessions: at most (open), exactly (closed).
    pub sessions: u32,
    /// Messages before a session is closed and a new one opened.
    pub messages_per_session: u32,
}

/// Open or closed model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum LoadModel {
    /// Arrivals independent of completions.
    Open {
        /// The law of the arrivals.
        arrival: Arrival,
        /// Consecutive pieces of rate over time, warm-up included as the first piece.
        segments: Vec<Segment>,
    },
    /// Each session sends its next message after the reply to the last.
    Closed {
        /// Wait between reply and next message. Seconds.
        think_time: Quantity,
    },
}

/// The law by which open arrivals come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Arrival {
    /// Evenly spaced.
    Constant,
    /// A Poisson process.
    Poisson,
    /// As they once came; the rate is the mean over all.
    Trace(Trace),
    /// Poisson while on, nothing while off; the rate is the mean over both.
    OnOff {
        /// Mean length of an on period.
        on: Duration,
        /// Mean length of an off period.
        off: Duration,
    },
}

/// A piece of time over which the rate goes evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// Messages a second at its start.
    pub from_per_second: f64,
    /// Messages a second at its end.
    pub to_per_second: f64,
    /// How long it lasts.
    pub duration: Duration,
}

/// When offering stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Extent {
    /// After this much measured time.
    Duration(Duration),
    /// After this many measured messages.
    Messages(u64),
}

/// `[sink]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinkSpec {
    /// Where the sink listens; port 0: a free one.
    pub listen: SocketAddr,
    /// Which reading of the protocol.
    pub engine: Engine,
    /// What it offers to every destination that has no list of its own.
    pub extensions: Vec<Extension>,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
    /// Whether it speaks LMTP.
    pub lmtp: bool,
    /// Whether each destination has an address of its own; `None`: as the target's kind has it.
    pub addresses: Option<Addresses>,
}

/// Which protocol engine the sink runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Ours.
    Native,
    /// A second, independent reading of the protocol.
    Samotop,
}

impl Engine {
    /// What it offers unless told otherwise: nothing that costs more than a parameter.
    #[must_use]
    pub fn extensions(self) -> Vec<Extension> {
        let ordinary = [
            Extension::Pipelining,
            Extension::Size,
            Extension::EightBitMime,
            Extension::SmtpUtf8,
            Extension::EnhancedStatusCodes,
            Extension::Dsn,
        ];
        ordinary.into_iter().filter(|extension| self.reads(*extension)).collect()
    }

    /// Whether it can read what a client says that uses this.
    #[must_use]
    pub fn reads(self, extension: Extension) -> bool {
        match self {
            Engine::Native => true,
            Engine::Samotop => matches!(
                extension,
                Extension::Pipelining
                    | Extension::Size
                    | Extension::EightBitMime
                    | Extension::EnhancedStatusCodes
                    | Extension::StartTls
            ),
        }
    }
}

/// One `[[destination]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destination {
    /// Its domain, in lower case.
    pub domain: String,
    /// Its share of recipients, relative to the other weights.
    pub weight: f64,
    /// What it offers; `None`: what the sink does. No part of the plan.
    #[serde(skip)]
    pub extensions: Option<Vec<Extension>>,
}

/// One bound of `[thresholds]`, as written, with where it stands; its meaning is
/// `measure::threshold`'s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThresholdLine {
    /// The key: `METRIC[{selector}][.STAT]`.
    pub metric: String,
    /// The value: `OP VALUE`.
    pub bound: String,
    /// Byte range of the key in the scenario text.
    #[serde(skip)]
    pub metric_span: std::ops::Range<usize>,
    /// Byte range of the value in the scenario text.
    #[serde(skip)]
    pub bound_span: std::ops::Range<usize>,
}
