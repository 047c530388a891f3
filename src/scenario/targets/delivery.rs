//! `[target.delivery]`: how it delivers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::grammar::at::{At, some, value_or};
use crate::grammar::checks::bounded;
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::{self, Refinement};
use crate::limits;
use crate::queue::ordering::OrderingKind;

/// `[target.delivery]`: how it delivers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Delivery")]
pub(in crate::scenario) struct Written {
    /// Simultaneous deliveries, whole target. Default: 50.
    pub concurrency: Option<At<u32>>,
    /// Simultaneous deliveries to one destination. Default: 20.
    pub per_destination: Option<At<u32>>,
    /// Relay only: which due message goes first. Default: fifo.
    pub ordering: Option<At<OrderingKind>>,
    /// Relay only: whether a 250 waits for the disk. Default: fsync.
    pub durability: Option<At<Durability>>,
    /// Relay only: whether mail goes on under TLS, by STARTTLS, whatever the certificate. Default:
    /// may.
    pub tls: Option<At<OnwardTls>>,
}

/// Whether a 250 waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Synced before the reply.
    Fsync,
    /// Not synced.
    None,
}

/// Whether mail goes on under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnwardTls {
    /// Never.
    None,
    /// Where STARTTLS is offered; in the clear where it is not or is refused, and, from the second
    /// attempt on, where it fails.
    May,
    /// Never in the clear: mail waits until TLS is available.
    Encrypt,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let sessions = || schema::from_to(1, u64::from(limits::DELIVERIES));
    vec![("Delivery.concurrency", sessions()), ("Delivery.per_destination", sessions())]
}

/// `[target.delivery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Default for Delivery {
    fn default() -> Delivery {
        Delivery {
            concurrency: 50,
            per_destination: 20,
            ordering: OrderingKind::Fifo,
            durability: Durability::Fsync,
            tls: OnwardTls::May,
        }
    }
}

/// `[target.delivery]`.
pub(in crate::scenario) fn resolve(
    written: Option<&At<Written>>,
    problems: &mut Problems,
) -> Delivery {
    let default = Delivery::default();
    let Some(At { value: delivery, .. }) = written else { return default };
    let mut sessions = |written: &Option<At<u32>>, default| {
        bounded(written.as_ref(), default, 1..=limits::DELIVERIES, problems)
    };
    let concurrency = sessions(&delivery.concurrency, default.concurrency);
    let at_most = default.per_destination.min(concurrency);
    Delivery {
        concurrency,
        per_destination: sessions(&delivery.per_destination, at_most),
        ordering: value_or(&delivery.ordering, default.ordering),
        durability: value_or(&delivery.durability, default.durability),
        tls: value_or(&delivery.tls, default.tls),
    }
}

impl From<&Delivery> for Written {
    fn from(delivery: &Delivery) -> Written {
        Written {
            concurrency: some(delivery.concurrency),
            per_destination: some(delivery.per_destination),
            ordering: some(delivery.ordering),
            durability: some(delivery.durability),
            tls: some(delivery.tls),
        }
    }
}
