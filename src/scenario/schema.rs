//! The JSON Schema of the scenario file, for editors: what the types of the sections say, and on top
//! of that what each section asks for (its `refinements`, made of the forms in `grammar::schema`).
//!
//! A test holds it against the reader with thousands of changed scenarios. What a schema cannot say
//! stays with the reader: what several sections mean together, and what lies in other files.

use serde_json::{Value, json};

use super::file::{File, refinements};

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
