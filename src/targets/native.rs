//! What the kinds of real MTA share in putting a scenario into settings of their own, and in
//! telling what could not be put.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::Settings;
use crate::queue::ordering::OrderingKind;
use crate::queue::schedule::{Growth, RetrySchedule};
use crate::scenario::model::{Durability, OnwardTls};

/// The first and the longest wait of a schedule.
pub(super) struct Waits {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Waits {
    pub(super) fn of(retry: &RetrySchedule) -> Waits {
        let first = retry.delay(1);
        let longest = retry.longest();
        Waits { first, longest }
    }
}

/// Lets the group of an MTA that drops its privileges pass through its folder, and no other user: mail
/// lies below it.
pub(super) fn admit(folder: &Path, group: u32) -> std::io::Result<()> {
    std::os::unix::fs::chown(folder, None, Some(group))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o710))
}

/// Settings from a table of fixed ones.
pub(super) fn map(fixed: &[(&str, &str)]) -> BTreeMap<String, String> {
    fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// One setting a line.
pub(super) fn lines(settings: BTreeMap<String, String>, between: &str) -> String {
    settings.into_iter().map(|(name, value)| format!("{name}{between}{value}\n")).collect()
}

/// Whole seconds, never less than asked, and never none.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    let part = u64::from(time.subsec_nanos() > 0);
    (time.as_secs() + part).max(1)
}

/// The hosts of each domain that has routes, in their order.
pub(super) fn hosts(settings: &Settings) -> Vec<(&str, Vec<SocketAddr>)> {
    let parts = settings.routes.chunk_by(|(one, _), (next, _)| one == next);
    parts.map(|part| (part[0].0.as_str(), part.iter().map(|(_, host)| *host).collect())).collect()
}

/// What is said when [`hops_are_shared`].
pub(super) const SHARED_HOP: &str =
    "target.delivery.per_destination: destinations share a next hop, by which it counts";

/// Whether destinations share a next hop, so that a limit for one would be a limit for all.
pub(super) fn hops_are_shared(settings: &Settings) -> bool {
    let hops: BTreeSet<SocketAddr> = settings.routes.iter().map(|(_, hop)| *hop).collect();
    hops.is_empty() || hops.len() < settings.routes.len()
}

/// Settings of the embedded relay alone.
pub(super) fn unused(settings: &Settings) -> Vec<String> {
    let mut unused = Vec::new();
    if settings.delivery.ordering != OrderingKind::Fifo {
        unused.push("target.delivery.ordering: it has an order of its own".to_owned());
    }
    if settings.delivery.durability != Durability::Fsync {
        unused.push("target.delivery.durability: it decides that itself".to_owned());
    }
    if settings.delivery.tls != OnwardTls::May {
        unused.push("target.delivery.tls: say it by a setting of its own".to_owned());
    }
    unused
}

/// Its retries are not spread on purpose.
pub(super) fn no_jitter(retry: &RetrySchedule) -> Option<String> {
    (retry.jitter > 0.0).then(|| "target.retry.jitter: it spreads nothing on purpose".to_owned())
}

/// It counts in whole seconds.
pub(super) fn no_sub_seconds(retry: &RetrySchedule) -> Option<String> {
    let broken = |time: &Duration| time.subsec_nanos() > 0;
    let any = match &retry.kind {
        Growth::Fixed { first } => broken(first),
        Growth::Exponential { first, cap, .. } => broken(first) || broken(cap),
        Growth::Steps { delays } => delays.iter().any(broken),
    };
    any.then(|| "target.retry: parts of a second were rounded up".to_owned())
}

const BY_AGE: &str = "each wait is as long as the message is old, between first and cap, so that \
                      they double from the second on";

/// Its waits double with the age of a message, between two bounds.
pub(super) fn only_doubles(retry: &RetrySchedule) -> Option<String> {
    match &retry.kind {
        Growth::Exponential { factor, first, cap } if *factor != 2.0 && first < cap => {
            Some(format!("target.retry.factor {factor}: {BY_AGE}"))
        }
        Growth::Exponential { first, cap, .. } if first < cap => {
            Some(format!("target.retry.schedule: {BY_AGE}"))
        }
        Growth::Steps { .. } => Some(
            "target.retry.steps: its waits double, between the first and the longest step"
                .to_owned(),
        ),
        _ => None,
    }
}
