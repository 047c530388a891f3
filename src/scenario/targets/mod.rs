//! `[target]`: the system under test, and which of its keys say something for which kind.

pub(super) mod changes;
pub(super) mod delivery;
pub(super) mod disk;
pub(super) mod external;
pub(super) mod managed;
pub(super) mod retry;
pub mod waits;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::disk::DiskTerms;
use crate::fault::chaos::page::Reach;
use crate::grammar::at::{At, place, some, value_or};
use crate::grammar::checks::misplaced;
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::limits;
use crate::queue::schedule::RetrySchedule;
use changes::Changes;
use delivery::Delivery;
pub use external::External;
pub use managed::{Managed, Mta};

/// `[target]`: the system under test.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Target")]
pub(super) struct Written {
    /// Which kind. Default: relay.
    pub kind: Option<At<Kind>>,
    /// Kind external: where it takes mail, `IP:PORT`.
    pub address: Option<At<String>>,
    /// Kind external: the command that prints its queue.
    pub queue_command: Option<At<Vec<String>>>,
    /// Kind external: the command that starts it, in the foreground or leaving it behind.
    pub start_command: Option<At<Vec<String>>>,
    /// Kind external: the command that stops it. Default: SIGTERM.
    pub stop_command: Option<At<Vec<String>>>,
    /// Kind external: the file where it writes its process id.
    pub pid_file: Option<At<String>>,
    /// A real MTA: the program to start, where it is not on `PATH`.
    pub program: Option<At<String>>,
    /// A real MTA: settings of its own, in its own words.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub settings: Option<At<BTreeMap<String, toml::Value>>>,
    /// A target that mailbench starts: what it can reach. Default: a real MTA loopback only, where
    /// that is possible.
    pub network: Option<At<Network>>,
    /// When it tries again.
    pub retry: Option<At<retry::Retry>>,
    /// How it delivers.
    pub delivery: Option<At<delivery::Written>>,
    /// What it is intended to do to mail.
    pub changes: Option<At<changes::Written>>,
    /// Its queue on a disk that mailbench makes, and whose power can be cut.
    pub disk: Option<At<disk::Written>>,
}

/// Kinds of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The embedded relay.
    Relay,
    /// No target: straight to the sink.
    Direct,
    /// One of the user's, running already or started by `start_command`.
    External,
    /// A private instance of Postfix.
    Postfix,
    /// A private instance of Exim.
    Exim,
    /// A private instance of OpenSMTPD.
    Opensmtpd,
    /// A private instance of Haraka.
    Haraka,
}

/// `[target] network`: what a target that mailbench starts can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Loopback only, in a network namespace that generator, sink and target share.
    Isolated,
    /// What this machine can reach.
    Host,
}

/// The settings file of the embedded relay: `[retry]` and `[delivery]`.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct RelaySettings {
    /// When it tries again.
    pub retry: Option<At<retry::Retry>>,
    /// How it delivers.
    pub delivery: Option<At<delivery::Written>>,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let one_line = json!({ "type": ["string", "number", "boolean"], "pattern": "^[^\\n\\r]*$" });
    let own = vec![
        ("Target.address", schema::server_address()),
        ("Target.queue_command", schema::command()),
        ("Target.start_command", schema::command()),
        ("Target.stop_command", schema::command()),
        ("Target.pid_file", json!({ "minLength": 1 })),
        ("Target.settings", json!({ "additionalProperties": one_line })),
    ];
    [own, retry::refinements(), delivery::refinements(), changes::refinements()].concat()
}

/// `[target]`.
#[derive(Clone, Debug, PartialEq)]
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
    /// The disk that its queue is on, where mailbench makes one.
    pub disk: Option<DiskTerms>,
}

impl TargetSpec {
    /// What chaos can do to it.
    pub(super) fn reach(&self) -> Reach {
        let reach = match &self.kind {
            TargetKind::Relay | TargetKind::Managed(_) => Reach::OURS,
            TargetKind::Direct => Reach::NONE,
            TargetKind::External(external) => {
                let can_start = external.start_command.is_some();
                let knows_processes = can_start || external.pid_file.is_some();
                Reach { exists: true, can_start, knows_processes, has_disk: false }
            }
        };
        Reach { has_disk: self.disk.is_some(), ..reach }
    }
}

/// The kinds of target that are built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// The embedded relay, as a child process.
    Relay,
    /// No target: traffic goes straight to the sink. Measures the instrument.
    Direct,
    /// One of the user's.
    External(External),
    /// A real MTA, as a private instance.
    Managed(Managed),
}

impl TargetKind {
    /// Whether it is given a next hop of its own for each of so many destinations, so that the
    /// sink knows whose a session is from connect on.
    #[must_use]
    pub fn is_routed(&self, destinations: usize) -> bool {
        let can_be = match self {
            TargetKind::Relay | TargetKind::Managed(_) => true,
            TargetKind::Direct | TargetKind::External(_) => false,
        };
        can_be && destinations <= limits::ROUTES
    }
}

pub(super) fn resolve(written: Option<&At<Written>>, problems: &mut Problems) -> TargetSpec {
    let nothing = At::from(Written::default());
    let At { value: target, span } = written.unwrap_or(&nothing);
    let kind = match value_or(&target.kind, Kind::Relay) {
        Kind::External => external::resolve(target, span, problems),
        Kind::Direct => TargetKind::Direct,
        Kind::Postfix => managed::resolve(target, Mta::Postfix, problems),
        Kind::Exim => managed::resolve(target, Mta::Exim, problems),
        Kind::Opensmtpd => managed::resolve(target, Mta::Opensmtpd, problems),
        Kind::Haraka => managed::resolve(target, Mta::Haraka, problems),
        Kind::Relay => TargetKind::Relay,
    };
    refuse_foreign(target, problems);
    // A target that mailbench sets up is given the defaults, and a resolved scenario has them.
    let is_set_up = matches!(kind, TargetKind::Relay | TargetKind::Managed(_));
    TargetSpec {
        kind,
        retry: retry::resolve(target.retry.as_ref(), problems),
        retry_is_given: is_set_up || target.retry.is_some(),
        delivery: delivery::resolve(target.delivery.as_ref(), problems),
        changes: changes::resolve(target.changes.as_ref(), problems),
        network: target.network.as_ref().map(|network| network.value),
        disk: target.disk.as_ref().map(|disk| disk::resolve(disk, problems)),
    }
}

/// Notes keys that say nothing for this kind. The null target keeps the settings of the target
/// it stands in for, so that `--set target.kind=direct` measures the instrument in any scenario.
fn refuse_foreign(target: &Written, problems: &mut Problems) {
    if matches!(
        target.kind.as_ref().map_or(Kind::Relay, |kind| kind.value),
        Kind::Relay | Kind::External
    ) {
        let keys = [("program", place(&target.program)), ("settings", place(&target.settings))];
        misplaced(keys, "a real MTA", "write `kind = \"postfix\"`, or leave it out", problems);
    }
    let external = matches!(target.kind, Some(At { value: Kind::External, .. }));
    if external {
        let keys = [("network", place(&target.network)), ("disk", place(&target.disk))];
        let help = "leave it out: what is running already is where it is";
        misplaced(keys, "a target that mailbench starts", help, problems);
    }
    if !external {
        let keys = [
            ("address", place(&target.address)),
            ("queue_command", place(&target.queue_command)),
            ("start_command", place(&target.start_command)),
            ("stop_command", place(&target.stop_command)),
            ("pid_file", place(&target.pid_file)),
        ];
        let help = "write `kind = \"external\"`, or leave it out";
        misplaced(keys, "kind external", help, problems);
    } else if let Some(At { value: delivery, .. }) = &target.delivery {
        let keys = [
            ("ordering", place(&delivery.ordering)),
            ("durability", place(&delivery.durability)),
            ("tls", place(&delivery.tls)),
        ];
        misplaced(keys, "kind relay", "an external target has its own", problems);
    }
}

impl From<&TargetSpec> for Written {
    fn from(spec: &TargetSpec) -> Written {
        let mut written = Written::default();
        let kind = match &spec.kind {
            TargetKind::Relay => Kind::Relay,
            TargetKind::Direct => Kind::Direct,
            TargetKind::External(external) => {
                external.write(&mut written);
                Kind::External
            }
            TargetKind::Managed(managed) => {
                managed.write(&mut written);
                managed.mta.kind()
            }
        };
        let mut delivery = delivery::Written::from(&spec.delivery);
        if kind == Kind::External {
            (delivery.ordering, delivery.durability, delivery.tls) = (None, None, None);
        }
        Written {
            kind: some(kind),
            retry: spec.knows_waits().then(|| At::from(retry::Retry::from(&spec.retry))),
            delivery: some(delivery),
            changes: some(changes::Written::from(&spec.changes)),
            network: spec.network.map(At::from),
            disk: spec.disk.as_ref().map(|terms| At::from(disk::Written::from(terms))),
            ..written
        }
    }
}
