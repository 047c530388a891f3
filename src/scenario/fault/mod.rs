//! `[[fault]]`: where and when a rule holds. What it does is read in `action`.

mod action;
mod scope;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::amount::Amount;
use super::at::{At, some};
use super::checks::check_name;
use super::destination::Destination;
use super::diagnosis::{Problem, Problems};
use super::schema::{self, Refinement};
use super::units::{ByteCount, ByteRate, Rate, Share, Timespan};
use crate::fault::garble::Garble;
use crate::fault::rule::{Hangup, Odds, Rule};
use crate::fault::tls::TlsFault;
use crate::limits;
use crate::smtp::stage::Stage;
pub(super) use scope::{window, window_text};

/// `[[fault]]`: what goes wrong at a destination. Exactly one of `delay` … `tls`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fault")]
pub(super) struct Written {
    /// Its name in reports. Default: `fault-1` and so on.
    pub name: Option<At<String>>,
    /// The one destination it is limited to. Default: every destination. Before stage rcpt-to only
    /// for targets that mailbench starts, which come to an address of the sink for each.
    pub destination: Option<At<String>>,
    /// The stage of the dialogue at which it strikes.
    pub stage: Option<At<Stage>>,
    /// Offsets into the measured period, such as `10s..20s`. Default: the whole run.
    pub during: Option<At<String>>,
    /// Attempt numbers, such as `1`, `2..` or `..3`. Default: every attempt.
    pub attempts: Option<At<AttemptsText>>,
    /// How often it strikes where all else matches. Default: 1.
    pub odds: Option<At<Share>>,
    /// Wait, then go on.
    pub delay: Option<At<Amount<Timespan>>>,
    /// Answer this 4yz.
    pub defer: Option<At<String>>,
    /// Answer this 5yz.
    pub reject: Option<At<String>>,
    /// Break the connection.
    pub disconnect: Option<At<Hangup>>,
    /// With disconnect at stage content: after so many bytes of content.
    pub after_bytes: Option<At<ByteCount>>,
    /// No reply for so long, connection open.
    pub stall: Option<At<Timespan>>,
    /// Read no faster.
    pub throttle: Option<At<ByteRate>>,
    /// Break the form of a reply.
    pub garble: Option<At<Garble>>,
    /// Stage connect: the port is closed while the rule holds, and the sessions on it are cut; with
    /// `destination` the port of that one.
    pub refuse: Option<At<bool>>,
    /// Answer 421 beyond a limit.
    pub limit: Option<At<Limit>>,
    /// Answer by attempt number; the last entry stands for all later attempts.
    pub script: Option<At<Vec<At<String>>>>,
    /// Break TLS.
    pub tls: Option<At<TlsFault>>,
}

/// A limit beyond which the sink answers 421: `connections` or `rate`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    /// Simultaneous sessions.
    pub connections: Option<At<u32>>,
    /// So many a second, with a burst of one second.
    pub rate: Option<At<Rate>>,
    /// With rate: counted for each destination by itself. Default: for the rule as a whole.
    pub per: Option<At<Per>>,
}

/// What a rate limit is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Per {
    /// Each destination by itself.
    Destination,
}

/// Attempt numbers as text; a single number may stand bare.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct AttemptsText(pub String);

impl JsonSchema for AttemptsText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttemptsText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "attempt numbers such as 1, \"1\", \"2..\" or \"..3\"",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                {
                    "type": "string",
                    "pattern": r"^\s*0*[1-9][0-9]{0,9}\s*(\.\.(\s*0*[1-9][0-9]{0,9}\s*)?)?$|^\.\.\s*0*[1-9][0-9]{0,9}\s*$",
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for AttemptsText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl serde::de::Visitor<'_> for TextOrNumber {
            type Value = AttemptsText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("attempt numbers such as \"1\", \"2..\" or \"..3\"")
            }
            fn visit_i64<E>(self, number: i64) -> Result<AttemptsText, E> {
                Ok(AttemptsText(number.to_string()))
            }
            fn visit_str<E>(self, text: &str) -> Result<AttemptsText, E> {
                Ok(AttemptsText(text.to_owned()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// How the schema refines the types.
pub(super) fn refinements() -> Vec<Refinement> {
    let reply = schema::reply("[2-5]");
    vec![
        ("Fault.name", schema::name()),
        ("Fault.destination", schema::domain()),
        ("Fault.during", schema::during()),
        ("Fault.defer", schema::reply("4")),
        ("Fault.reject", schema::reply("5")),
        ("Fault.stall", schema::some_time()),
        ("Fault.script", json!({ "minItems": 1, "items": reply })),
        ("Fault", schema::one_of(&action::KEYS)),
        ("Fault", schema::any_of(&["stage", "refuse", "tls", "limit"])),
        ("Fault", json!({ "dependentRequired": { "after_bytes": ["disconnect"] } })),
        ("Fault.refuse", json!({ "const": true })),
        ("Limit.connections", schema::from_to(1, u64::from(u32::MAX))),
        ("Limit", schema::one_of(&["connections", "rate"])),
        ("Limit", json!({ "dependentRequired": { "per": ["rate"] } })),
    ]
}

/// `is_routed`: each destination has an address of its own.
pub(super) fn resolve(
    written: &[At<Written>],
    destinations: &[Destination],
    is_routed: bool,
    problems: &mut Problems,
) -> Vec<Rule> {
    if written.len() > limits::FAULTS {
        let many = written.len();
        problems.push(Problem::new(&written[0].span, format!("{many} faults are too many")));
    }
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, fault) in written.iter().enumerate() {
        let name = name(&fault.value, index, problems);
        if !seen.insert(name.clone()) {
            let place = fault.value.name.as_ref().map_or(fault.span.clone(), |n| n.span.clone());
            problems.push(Problem::new(&place, format!("fault `{name}` is defined twice")));
        }
        let scope = scope::resolve(fault, destinations, problems);
        let Some(action) = action::resolve(fault, scope.stage, problems) else { continue };
        scope::check_attempts_known(&fault.value, scope.stage, problems);
        if !is_routed {
            scope::check_destination_known(&fault.value, scope.stage, problems);
        }
        rules.push(Rule { name, scope, action });
    }
    rules
}

fn name(fault: &Written, index: usize, problems: &mut Problems) -> String {
    match &fault.name {
        Some(name) => {
            check_name(name, problems);
            name.value.clone()
        }
        None => format!("fault-{}", index + 1),
    }
}

/// A rule of a scenario with these destinations, as written.
pub(super) fn write(rule: &Rule, destinations: &[Destination]) -> Written {
    let scope = &rule.scope;
    let domain = |id: crate::probe::DestinationId| {
        destinations.get(usize::from(id.0)).map(|destination| At::from(destination.domain.clone()))
    };
    let mut written = Written {
        name: some(rule.name.clone()),
        destination: scope.destination.and_then(domain),
        stage: some(scope.stage),
        during: scope.during.map(|window| At::from(window_text(window))),
        attempts: scope.attempts.map(|it| At::from(AttemptsText(scope::attempts_text(it)))),
        odds: some(Share(f64::from(scope.odds.0) / f64::from(Odds::ALWAYS.0))),
        ..Written::default()
    };
    action::write(&rule.action, &mut written);
    written
}
