//! The JSON Schema of the scenario file, for editors: what the types of `file` say, and on top of
//! that the forms of texts, ranges of numbers and exclusive keys that `resolve` asks for.
//!
//! A test holds it against the reader with thousands of changed scenarios. What a schema cannot say
//! stays with the reader: what several sections mean together, and what lies in other files.

use serde_json::{Value, json};

use super::file;
use crate::limits;

const TIMESPAN: &str = r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+";
const ZERO: &str = r"^(0+(\.0+)?(ns|us|µs|ms|s|m|h|d))+$";
const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const REPLY: &str = r"[0-9]{2}( .*)?$";
const ADDRESS: &str = r"^([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";
const SOURCES: &str = r"^127(\.[0-9]{1,3}){3}(/([89]|[12][0-9]|3[0-2]))?$";
const MAILBOX: &str = r#"^("[^<>]+|[^\s<>]+)@[^\s<>,@]+$"#;
const BOUND: &str = r"^\s*(<=|>=|==|!=|<|>)\s*[0-9][^\s<>=!]*\s*$";

/// The schema, as text.
pub(super) fn text() -> String {
    let mut schema = schemars::schema_for!(file::File).to_value();
    for (place, more) in refinements() {
        refine(&mut schema, place, more);
    }
    // A schema is a JSON value, which always has a text.
    serde_json::to_string_pretty(&schema).map(|text| text + "\n").unwrap_or_default()
}

/// Adds what is asked for beside the type: `Definition`, or `Definition.key`.
fn refine(schema: &mut Value, place: &str, more: Value) {
    let (name, key) = place.split_once('.').unwrap_or((place, ""));
    let definition = if name.is_empty() { schema } else { &mut schema["$defs"][name] };
    let at = if key.is_empty() { definition } else { &mut definition["properties"][key] };
    match at.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(all) => all.push(more),
        None => at["allOf"] = json!([more]),
    }
}

type Refinement = (&'static str, Value);

fn refinements() -> Vec<Refinement> {
    [texts(), times(), numbers(), lists(), exclusions()].into_iter().flatten().collect()
}

fn pattern(pattern: &str) -> Value {
    json!({ "pattern": pattern })
}

/// Forms of texts.
fn texts() -> Vec<Refinement> {
    let name = || {
        let inner = limits::NAME - 2;
        pattern(&format!("^[A-Za-z0-9]([A-Za-z0-9 ._-]{{0,{inner}}}[A-Za-z0-9._-])?$"))
    };
    let domain = || json!({ "maxLength": 255, "pattern": format!(r"^{LABEL}(\.{LABEL})*$") });
    let signer = r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$";
    let signer = || json!({ "maxLength": 253, "pattern": signer });
    let during = || pattern(&format!(r"^\s*({TIMESPAN})?\s*\.\.\s*{TIMESPAN}\s*$"));
    let command = || json!({ "minItems": 1, "prefixItems": [{ "minLength": 1 }] });
    let one_line = json!({ "type": ["string", "number", "boolean"], "pattern": "^[^\\n\\r]*$" });
    vec![
        (".name", name()),
        ("Fault.name", name()),
        ("Abuse.name", name()),
        ("Variant.name", name()),
        ("Destination.domain", domain()),
        ("Fault.destination", domain()),
        ("Dkim.domain", signer()),
        ("Dkim.selector", signer()),
        ("Fault.during", during()),
        ("Abuse.during", during()),
        ("Fault.defer", pattern(&format!("^4{REPLY}"))),
        ("Fault.reject", pattern(&format!("^5{REPLY}"))),
        ("Target.address", pattern(ADDRESS)),
        ("Sink.listen", pattern(ADDRESS)),
        ("Smtp.sources", pattern(SOURCES)),
        ("Auth.password_env", pattern("^[A-Za-z0-9_]+$")),
        ("Auth.user", json!({ "minLength": 1 })),
        ("Chaos.run", command()),
        ("Target.queue_command", command()),
        ("Target.start_command", command()),
        ("Target.stop_command", command()),
        ("Target.pid_file", json!({ "minLength": 1 })),
        ("Target.settings", json!({ "additionalProperties": one_line })),
    ]
}

/// Times that must not be nothing.
fn times() -> Vec<Refinement> {
    let places = [
        "Load.duration",
        "Load.on",
        "Load.off",
        "Segment.duration",
        "Retry.first",
        "Retry.cap",
        "Retry.give_up_after",
        "Every.every",
        "Chaos.pause",
        "Abuse.pause",
        "Abuse.interval",
        "Fault.stall",
        "Timeout.connect",
        "Timeout.banner",
        "Timeout.reply",
        "Timeout.data",
        "Timeout.content",
        "Timeout.end_of_data",
    ];
    let some = json!({ "not": { "type": "string", "pattern": ZERO } });
    let mut all: Vec<Refinement> = places.map(|place| (place, some.clone())).into();
    all.push(("Retry.steps", json!({ "minItems": 1, "items": some })));
    all
}

/// Ranges of numbers.
fn numbers() -> Vec<Refinement> {
    let from_to = |least: u64, most: u64| json!({ "minimum": least, "maximum": most });
    let number = |more: Value| json!({ "if": { "type": "number" }, "then": more });
    let share = json!({ "not": { "type": "string", "pattern": r"^0*(100\.0*[1-9][0-9]*|10[1-9]|1[1-9][0-9]|[2-9][0-9]{2}|[0-9]{4,})(\.[0-9]+)?%$" } });
    let whole = |least: i64, most: u64| {
        number(json!({ "multipleOf": 1, "minimum": least, "maximum": most }))
    };
    vec![
        (".seed", json!({ "maximum": i64::MAX })),
        ("Load.sessions", from_to(1, limits::TRAFFIC_SESSIONS as u64)),
        ("Load.messages", from_to(1, limits::MESSAGES)),
        ("Load.messages_per_session", from_to(1, u64::from(u32::MAX))),
        ("Delivery.concurrency", from_to(1, u64::from(limits::DELIVERIES))),
        ("Delivery.per_destination", from_to(1, u64::from(limits::DELIVERIES))),
        ("Retry.factor", from_to(1, 1000)),
        ("Abuse.sessions", from_to(1, u64::from(limits::ABUSE_SESSIONS))),
        ("Compare.pairs", from_to(1, u64::from(limits::COMPARE_PAIRS))),
        ("Simulate.commit_batch", from_to(1, u64::from(limits::COMMIT_BATCH))),
        ("Limit.connections", from_to(1, u64::from(u32::MAX))),
        ("Destination.weight", json!({ "exclusiveMinimum": 0 })),
        ("Message.recipients", whole(1, limits::RECIPIENTS as u64)),
        ("Message.priority", whole(-9, 9)),
        ("Share", share),
    ]
}

/// How many entries a list has, and of what form.
fn lists() -> Vec<Refinement> {
    let reply = pattern(&format!("^[2-5]{REPLY}"));
    let bound = json!({
        "anyOf": [
            { "type": "string", "pattern": BOUND },
            { "type": "array", "minItems": 1, "items": { "pattern": BOUND } },
            { "type": "object", "minProperties": 1 },
        ],
    });
    vec![
        ("Fault.script", json!({ "minItems": 1, "items": reply })),
        ("Changes.copies", json!({ "uniqueItems": true, "items": pattern(MAILBOX) })),
        ("Compare.variant", json!({ "minItems": 2 })),
        ("Compare.gate", json!({ "minItems": 1, "maxItems": 4 })),
        ("Dsn.notify", json!({ "contains": { "const": "failure" } })),
        ("OneOrSeveral", bound),
    ]
}

/// Keys of which exactly one is there, or none without another.
fn exclusions() -> Vec<Refinement> {
    let one_of = |keys: &[&str]| -> Value {
        json!({ "oneOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
    };
    let any_of = |keys: &[&str]| -> Value {
        json!({ "anyOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
    };
    let actions = [
        "delay",
        "defer",
        "reject",
        "disconnect",
        "stall",
        "throttle",
        "garble",
        "refuse",
        "limit",
        "script",
        "tls",
    ];
    let closed = json!({ "required": ["model"], "properties": { "model": { "const": "closed" } } });
    let traced = json!({ "properties": { "load": { "required": ["trace"] } } });
    let somewhere = json!({ "properties": { "destination": { "minItems": 1 } } });
    vec![
        ("Fault", one_of(&actions)),
        ("Fault", any_of(&["stage", "refuse", "tls", "limit"])),
        ("Fault", json!({ "dependentRequired": { "after_bytes": ["disconnect"] } })),
        ("Fault.refuse", json!({ "const": true })),
        ("Chaos", one_of(&["kill", "pause", "restart", "run"])),
        ("Limit", one_of(&["connections", "rate"])),
        ("Limit", json!({ "dependentRequired": { "per": ["rate"] } })),
        ("Compare", json!({ "required": ["variant"] })),
        (
            "Load",
            json!({
                "if": closed, "else": any_of(&["rate", "segment", "trace"]),
            }),
        ),
        (
            "",
            json!({
                "if": { "required": ["load"] },
                "then": { "anyOf": [
                    traced, { "required": ["destination"], "allOf": [somewhere] },
                ] },
            }),
        ),
        ("Dkim", json!({ "not": { "required": ["key", "key_env"] } })),
    ]
}
