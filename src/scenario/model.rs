//! A scenario as meant: every default filled in, every unit converted, every name resolved. What each
//! section means is in the section's own file.

pub use super::abuse::{Abuse, AbuseKind};
pub use super::compare::{Compare, Mistake, Variant, gate_mistakes};
pub use super::destination::Destination;
pub use super::load::trace::{Trace, TraceFile};
pub use super::load::{Arrival, Extent, Load, LoadModel, ModelKind, Segment};
pub use super::message::corpus::{Corpus, CorpusFiles};
pub use super::message::dkim::{Dkim, KeyPlace};
pub use super::message::key::Key as DkimKey;
pub use super::message::{Encoding, MessageSpec, Parts, TextStyle};
pub use super::simulate::SimulateSpec;
pub use super::sink::routes::{Route, own_address};
pub use super::sink::{Addresses, Engine, Extension, SinkSpec};
pub use super::smtp::Submission;
pub use super::smtp::dsn::DsnTerms;
pub use super::smtp::login::LoginTerms;
pub use super::smtp::sources::SourceRange;
pub use super::smtp::tls::TlsTerms;
pub use super::targets::changes::{Changes, HeaderChanges, RecipientChange, SenderChange};
pub use super::targets::delivery::{Delivery, Durability, OnwardTls};
pub use super::targets::{
    External, Managed, Mta, Network, TargetKind, TargetSpec, VersionSource, Wait,
};
pub use super::threshold::{Threshold, bound};
use crate::fault::chaos::Chaos;
use crate::fault::rule::Rule;
use crate::seed::Seed;
pub use crate::smtp::client::Timeouts;

/// One scenario, whole and consistent.
#[derive(Clone, Debug, PartialEq)]
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
    pub thresholds: Vec<Threshold>,
    /// Variants to be compared; without them it is one run.
    pub compare: Option<Compare>,
}
