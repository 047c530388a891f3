//! The JSON Schema of the scenario file, for editors: what the types of the sections say, and on top
//! of that the forms of texts, ranges of numbers and exclusive keys that each section asks for
//! (its `refinements`). The forms that several have in common are here.
//!
//! A test holds it against the reader with thousands of changed scenarios. What a schema cannot say
//! stays with the reader: what several sections mean together, and what lies in other files.

use serde_json::{Value, json};

use super::file::{File, refinements};
use crate::limits;

const TIMESPAN: &str = r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+";
const ZERO: &str = r"^(0+(\.0+)?(ns|us|µs|ms|s|m|h|d))+$";
const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const REPLY: &str = r"[0-9]{2}( .*)?$";
const ADDRESS: &str = r"^([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";

/// What is asked for beside a type: of which `Definition` or `Definition.key`, and what.
pub(super) type Refinement = (&'static str, Value);

/// The schema, as text.
pub(super) fn text() -> String {
    let mut schema = schemars::schema_for!(File).to_value();
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

/// Of this form.
pub(super) fn pattern(pattern: &str) -> Value {
    json!({ "pattern": pattern })
}

/// A name of the user's.
pub(super) fn name() -> Value {
    let inner = limits::NAME - 2;
    pattern(&format!("^[A-Za-z0-9]([A-Za-z0-9 ._-]{{0,{inner}}}[A-Za-z0-9._-])?$"))
}

/// A recipient domain.
pub(super) fn domain() -> Value {
    json!({ "maxLength": 255, "pattern": format!(r"^{LABEL}(\.{LABEL})*$") })
}

/// Part of the name of a key's record in the DNS.
pub(super) fn signer() -> Value {
    let form = r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$";
    json!({ "maxLength": 253, "pattern": form })
}

/// A window of time.
pub(super) fn during() -> Value {
    pattern(&format!(r"^\s*({TIMESPAN})?\s*\.\.\s*{TIMESPAN}\s*$"))
}

/// A command with its arguments.
pub(super) fn command() -> Value {
    json!({ "minItems": 1, "prefixItems": [{ "minLength": 1 }] })
}

/// A reply whose code begins so.
pub(super) fn reply(first: &str) -> Value {
    pattern(&format!("^{first}{REPLY}"))
}

/// An address and port.
pub(super) fn address() -> Value {
    pattern(ADDRESS)
}

/// An address and the port where a server listens.
pub(super) fn server_address() -> Value {
    pattern(&ADDRESS.replace(":[0-9]{1,5}$", ":0{0,4}[1-9][0-9]{0,4}$"))
}

/// A time that is not nothing.
pub(super) fn some_time() -> Value {
    json!({ "not": { "type": "string", "pattern": ZERO } })
}

/// A number in a range.
pub(super) fn from_to(least: u64, most: u64) -> Value {
    json!({ "minimum": least, "maximum": most })
}

/// A whole number in a range, where it is a number and no distribution.
pub(super) fn whole(least: i64, most: u64) -> Value {
    let range = json!({ "multipleOf": 1, "minimum": least, "maximum": most });
    json!({ "if": { "type": "number" }, "then": range })
}

/// Exactly one of these keys.
pub(super) fn one_of(keys: &[&str]) -> Value {
    json!({ "oneOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
}

/// At least one of these keys.
pub(super) fn any_of(keys: &[&str]) -> Value {
    json!({ "anyOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
}
