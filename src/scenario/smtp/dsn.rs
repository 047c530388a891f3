//! `[smtp.dsn]`: what is said where DSN (RFC 3461) is offered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::grammar::at::{At, some, value_or};
use crate::grammar::diagnosis::Problems;
use crate::grammar::schema::Refinement;
use crate::smtp::envelope::{self, Ret};

/// `[smtp.dsn]`: what is said where DSN (RFC 3461) is offered.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Dsn {
    /// ENVID, by which a DSN names its message. Default: true.
    pub envid: Option<At<bool>>,
    /// ORCPT, the recipient as it was at first. Default: false.
    pub orcpt: Option<At<bool>>,
    /// NOTIFY: when a DSN is wanted. Default: not said.
    pub notify: Option<At<Vec<Notify>>>,
    /// RET: how much a DSN returns. Default: not said.
    pub ret: Option<At<Ret>>,
}

/// When a DSN is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::scenario) enum Notify {
    /// On delivery.
    Success,
    /// On failure. Always wanted: without it a bounce cannot be distinguished from a loss.
    Failure,
    /// On delay.
    Delay,
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    vec![("Dsn.notify", json!({ "contains": { "const": "failure" } }))]
}

/// Parameters of RFC 3461.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DsnTerms {
    /// `ENVID=`.
    pub envelope_id: bool,
    /// `ORCPT=`.
    pub original_recipient: bool,
    /// `NOTIFY=`; `None`: not said.
    pub notify: Option<envelope::Notify>,
    /// `RET=`; `None`: not said.
    pub ret: Option<Ret>,
}

impl Default for DsnTerms {
    fn default() -> DsnTerms {
        DsnTerms { envelope_id: true, original_recipient: false, notify: None, ret: None }
    }
}

pub(super) fn resolve(written: Option<&At<Dsn>>, problems: &mut Problems) -> DsnTerms {
    let default = DsnTerms::default();
    let Some(At { value: dsn, .. }) = written else { return default };
    DsnTerms {
        envelope_id: value_or(&dsn.envid, default.envelope_id),
        original_recipient: value_or(&dsn.orcpt, default.original_recipient),
        notify: dsn.notify.as_ref().map(|notify| wanted(notify, problems)),
        ret: dsn.ret.as_ref().map(|ret| ret.value),
    }
}

fn wanted(written: &At<Vec<Notify>>, problems: &mut Problems) -> envelope::Notify {
    let has = |which| written.value.contains(&which);
    let notify = envelope::Notify {
        success: has(Notify::Success),
        failure: has(Notify::Failure),
        delay: has(Notify::Delay),
    };
    if !notify.failure {
        problems.refuse(
            &written.span,
            "`failure` is missing",
            "without a DSN on failure a bounce cannot be distinguished from a loss: add \"failure\"",
        );
    }
    notify
}

impl From<&DsnTerms> for Dsn {
    fn from(terms: &DsnTerms) -> Dsn {
        Dsn {
            envid: some(terms.envelope_id),
            orcpt: some(terms.original_recipient),
            notify: terms.notify.map(|notify| At::from(listed(notify))),
            ret: terms.ret.map(At::from),
        }
    }
}

fn listed(notify: envelope::Notify) -> Vec<Notify> {
    let all = [
        (notify.success, Notify::Success),
        (notify.failure, Notify::Failure),
        (notify.delay, Notify::Delay),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, which)| which).collect()
}
