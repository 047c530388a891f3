//! Events: everything an actor can say it saw.
//!
//! The journal is a sequence of these. They are the stable seam between the actors and the
//! judgement: any reporter of a reception (the SMTP sink today, a mailbox reader later) writes
//! the same event.

use serde::{Deserialize, Serialize};

pub use super::overhead::{CpuWait, Overhead};
use crate::clock::Time;
pub use crate::probe::change::Change;
pub use crate::probe::compare::Difference;
pub use crate::probe::damage::ContentCheck;
use crate::probe::{DestinationId, MessageId, ProbeId};
pub use crate::shortage::Shortage;
use crate::smtp::reply::Reply;
use crate::smtp::stage::Stage;

mod abused;
mod disk;
mod dsn;
mod network;
mod part;
mod rewritten;
mod target_change;
mod unanswered;

pub use abused::{AbuseEnd, Abused};
pub use disk::DiskSeen;
pub use dsn::{Dsn, DsnAction, DsnRecipient};
pub use network::NetworkSeen;
pub use part::Part;
pub use rewritten::{Notice, NoticeKind, Readdressed, Recognised};
pub use target_change::TargetChange;
pub use unanswered::{NoAnswer, Unanswered};

/// One thing seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// First event of a journal: what run this is.
    Run(RunFacts),
    /// A period of the run begins.
    Period { at: Time, period: Period },
    /// Traffic handed a message to a session. `due` is when the plan wanted it.
    Offered { message: MessageId, recipients: u16, due: Time, at: Time },
    /// A transaction at the target ended, or could not begin.
    Submitted(Submitted),
    /// The sink concluded one attempt for one probe.
    Attempt(Attempt),
    /// The peer's next action proved that it read the reply to this reception.
    Confirmed { reception: u64, at: Time, proof: Proof },
    /// The sink took mail that is not this run's.
    Foreign { at: Time, session: u64, reverse_path: String, recipient: String },
    /// A DSN came back (RFC 3464).
    Dsn(Dsn),
    /// A session at the sink began, ended, or was turned away.
    Session { session: u64, at: Time, change: SessionChange },
    /// The target's own life.
    Target { at: Time, change: TargetChange },
    /// The target's queue length as it reports it.
    Queue { at: Time, total: u64, active: u64, deferred: u64 },
    /// A once-a-second look at the instrument itself.
    Pulse(Pulse),
    /// A bound named in `limits` was reached.
    Limit { at: Time, name: String, value: u64 },
    /// The user asked to stop.
    Interrupted { at: Time },
    /// A once-a-second look at the target's processes.
    Usage(Usage),
    /// A fault rule took effect at the sink: on one command, one transaction, one session, or on
    /// the port, when it closed it.
    Struck { at: Time, fault: u16 },
    /// A rule closed the sink's port of a destination (`None`: the one for all mail), or, with no
    /// rule, it was opened again.
    Port { at: Time, destination: Option<DestinationId>, closed_by: Option<u16> },
    /// The target's queue by state, where it tells; goes with the `Queue` of the same time, whose
    /// own states are 0 where it does not tell.
    QueueStates { at: Time, active: u64, deferred: u64, frozen: u64 },
    /// What the instrument itself can do on this machine, as far as that was measured before.
    Calibrated(Ceiling),
    /// A client of `[[abuse]]` came to its end at the target.
    Abused(Abused),
    /// A submission ended without the target's answer; goes before its `Submitted`.
    Unanswered(Unanswered),
    /// Connections to destinations that found the port closed, over the whole run, as the target's
    /// own log tells; written once, at the end.
    RefusedConnections { at: Time, count: u64 },
    /// The instrument stood still, for some of this time or all of it: its meter was awake at
    /// `from`, was to wake soon after, and woke late at `to`. The worst of each second.
    Hiccup { from: Time, to: Time },
    /// A once-a-second look at what the instrument had to wait for.
    Overhead(Overhead),
    /// The sink concluded one attempt for a recipient that names no probe, of mail that is this
    /// run's by its sender or content, or may be.
    Recognised(Recognised),
    /// A reception whose envelope is not the one sent; goes before its `Attempt`.
    Readdressed(Readdressed),
    /// The sink took mail of an earlier run.
    AnotherRun { at: Time, session: u64, reverse_path: String, recipient: String },
    /// Mail about our mail came back that is no DSN in the form of RFC 3464.
    Notice(Notice),
    /// What the target could reach, or reached.
    Network { at: Time, seen: NetworkSeen },
    /// What differs in a content that is not as it was sent; goes before the attempts of its
    /// reception, for the first contents of each kind of change.
    ContentDiffers { at: Time, reception: u64, differences: Vec<Difference> },
    /// The system did not give mailbench what it needed, so many times; nothing that the peer did.
    Shortage { at: Time, part: Part, what: Shortage, count: u64 },
    /// What the disk under the target's queue did.
    Disk { at: Time, seen: DiskSeen },
}

/// The instrument's ceiling and floor for a run's messages, as calibrated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Messages a second at full speed; `None`: never measured on this machine.
    pub per_s: Option<f64>,
    /// When it was measured, RFC 3339; empty if it was not.
    pub calibrated_at: String,
    /// `e2e_response.p50` without a target, microseconds.
    pub floor_e2e_p50_us: Option<u64>,
}

/// What run this is, and where. Written once; everything a report says about its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Run id: unique.
    pub id: String,
    /// Start, RFC 3339, UTC.
    pub started_at: String,
    /// The run's identity in message text and envelopes.
    pub identity: crate::probe::Identity,
    /// SHA-256 of the resolved scenario.
    pub scenario_sha256: String,
    /// The command that repeats this run.
    pub command: String,
    /// Version of mailbench.
    pub version: String,
    /// Facts about the machine, in display order.
    pub environment: Vec<(String, String)>,
    /// Kind of the target.
    pub target_kind: String,
    /// Version the target reports.
    pub target_version: String,
    /// Where the target took mail.
    pub target_address: String,
    /// Settings of the scenario that the target has no counterpart for; in words.
    pub untranslated: Vec<String>,
}

/// Part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// Offered, not counted.
    #[default]
    WarmUp,
    /// Counted.
    Measured,
    /// Nothing more is offered; the queue empties.
    Drain,
    /// The run is closed.
    Closed,
}

impl Period {
    /// As thresholds and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Period::WarmUp => "warm-up",
            Period::Measured => "measured",
            Period::Drain => "drain",
            Period::Closed => "closed",
        }
    }
}

/// The end of a transaction at the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// The message.
    pub message: MessageId,
    /// Ordinal of the session.
    pub session: u64,
    /// When the session began to work on it (service time starts here).
    pub sent: Time,
    /// When its last reply was read, or the connection was given up.
    pub done: Time,
    /// How long each stage took that was answered, in microseconds: from request written to reply
    /// read.
    pub stages: Vec<(Stage, u32)>,
    /// One result a recipient, in the order of the message.
    pub results: Vec<SubmitResult>,
}

/// What became of one recipient at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubmitResult {
    /// No connection, or RCPT never sent.
    NotSent { stage: Stage, cause: String },
    /// 4yz or 5yz.
    Refused { stage: Stage, reply: Reply },
    /// The connection was lost before any part of the final dot was given to the kernel: as
    /// refused with 451 (RFC 5321 §3.8).
    Broken { stage: Stage, cause: String },
    /// A complete 2yz reply to end-of-data: the target is responsible now.
    Accepted { reply: Reply },
    /// End-of-data may have been sent and its reply was not read: neither success nor failure
    /// (RFC 1047).
    Indeterminate { cause: String },
}

/// One transaction from target to sink, for one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The probe its envelope recipient names (or, when it broke before RCPT, the first probe of
    /// the message its VERP sender names).
    pub probe: ProbeId,
    /// The destination by the envelope recipient's domain; `None`: not one of the scenario's.
    pub destination: Option<DestinationId>,
    /// 1 for the first attempt the sink saw for this probe.
    pub number: u32,
    /// Ordinal of the session.
    pub session: u64,
    /// Start: the RCPT command (or MAIL, if it ended there) was read.
    pub started: Time,
    /// End: the concluding reply was about to be written, or the connection broke.
    pub ended: Time,
    /// Stage at which it was concluded.
    pub stage: Stage,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The concluding reply, where there was one.
    pub reply: Option<Reply>,
    /// Number of the fault rule that decided it.
    pub fault: Option<u16>,
    /// The transaction whose content was seen whole; shared by its recipients.
    pub reception: Option<u64>,
    /// What the content was, where it was seen whole.
    pub content: Option<ContentCheck>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// Content seen whole, 250 written; confirmed only by a later [`Event::Confirmed`].
    Taken,
    /// Content seen whole, 250 withheld.
    Withheld,
    /// 4yz.
    Deferred,
    /// 5yz.
    Rejected,
    /// The connection ended before end-of-data; nothing was delivered.
    Broken,
    /// The client reset the transaction or went on without this recipient.
    Abandoned,
}

/// What proved that the peer read the reply to a reception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Its next command.
    Command,
    /// An orderly FIN; worth nothing when it comes at a kill of the target.
    Fin,
}

/// What happened to a session at the sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionChange {
    /// Accepted.
    Opened,
    /// Turned away before any command, by this fault rule if it was one.
    TurnedAway { fault: Option<u16>, reply: Option<Reply> },
    /// Ended: how, and at which stage.
    Closed { stage: Stage, how: Ending },
}

/// How a session at the sink ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// QUIT and 221.
    Quit,
    /// The peer closed without QUIT.
    PeerFin,
    /// The peer reset.
    PeerRst,
    /// We closed, as a fault or limit said.
    Fault,
    /// Idle too long.
    TimedOut,
    /// The run ended.
    Shutdown,
    /// The TLS handshake failed.
    TlsFailed,
}

/// A once-a-second look at the instrument itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pulse {
    /// When.
    pub at: Time,
    /// CPU time of this process since its start, microseconds.
    pub cpu_us: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Worst lateness of a periodic wake-up in the last second, microseconds (hiccup meter).
    pub hiccup_us: u64,
    /// Sessions of traffic now open.
    pub traffic_sessions: u32,
    /// Sessions at the sink now open.
    pub sink_sessions: u32,
    /// Messages due and waiting for a session.
    pub waiting: u32,
    /// Sink's own processing time from final dot to 250, less injected delay: worst in the last
    /// second, microseconds.
    pub sink_us: u64,
}

/// A once-a-second look at the target's processes, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// When.
    pub at: Time,
    /// CPU time since the first look, microseconds.
    pub cpu_us: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Bytes moved to and from disks since the first look; `None`: not ours to read.
    pub io_bytes: Option<u64>,
    /// Open files; `None`: not ours to read.
    pub open_files: Option<u32>,
    /// Processes.
    pub processes: u32,
}
