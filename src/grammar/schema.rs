//! What the JSON Schema asks for beside the types: forms of texts, ranges of numbers, exclusive keys,
//! as far as several sections have them in common.

use serde_json::{Value, json};

use crate::limits;

const TIMESPAN: &str = r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+";
const ZERO: &str = r"^(0+(\.0+)?(ns|us|µs|ms|s|m|h|d))+$";
const LABEL: &str = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const REPLY: &str = r"[0-9]{2}( .*)?$";
const ADDRESS: &str = r"^([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$";

/// What is asked for beside a type: of which `Definition` or `Definition.key`, and what.
pub type Refinement = (&'static str, Value);

/// Of this form.
pub fn pattern(pattern: &str) -> Value {
    json!({ "pattern": pattern })
}

/// A name of the user's.
pub fn name() -> Value {
    let inner = limits::NAME - 2;
    pattern(&format!("^[A-Za-z0-9]([A-Za-z0-9 ._-]{{0,{inner}}}[A-Za-z0-9._-])?$"))
}

/// A recipient domain.
pub fn domain() -> Value {
    json!({ "maxLength": 255, "pattern": format!(r"^{LABEL}(\.{LABEL})*$") })
}

/// Part of the name of a key's record in the DNS.
pub fn signer() -> Value {
    let form = r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$";
    json!({ "maxLength": 253, "pattern": form })
}

/// A window of time.
pub fn during() -> Value {
    pattern(&format!(r"^\s*({TIMESPAN})?\s*\.\.\s*{TIMESPAN}\s*$"))
}

/// A command with its arguments.
pub fn command() -> Value {
    json!({ "minItems": 1, "prefixItems": [{ "minLength": 1 }] })
}

/// A reply whose code begins so.
pub fn reply(first: &str) -> Value {
    pattern(&format!("^{first}{REPLY}"))
}

/// An address and port.
pub fn address() -> Value {
    pattern(ADDRESS)
}

/// An address and the port where a server listens.
pub fn server_address() -> Value {
    pattern(&ADDRESS.replace(":[0-9]{1,5}$", ":0{0,4}[1-9][0-9]{0,4}$"))
}

/// A time that is not nothing.
pub fn some_time() -> Value {
    json!({ "not": { "type": "string", "pattern": ZERO } })
}

/// A number in a range.
pub fn from_to(least: u64, most: u64) -> Value {
    json!({ "minimum": least, "maximum": most })
}

/// A whole number in a range, where it is a number and no distribution.
pub fn whole(least: i64, most: u64) -> Value {
    let range = json!({ "multipleOf": 1, "minimum": least, "maximum": most });
    json!({ "if": { "type": "number" }, "then": range })
}

/// Exactly one of these keys.
pub fn one_of(keys: &[&str]) -> Value {
    json!({ "oneOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
}

/// At least one of these keys.
pub fn any_of(keys: &[&str]) -> Value {
    json!({ "anyOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
}
