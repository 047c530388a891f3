//! Reports of earlier versions, read as if this one had written them.

use serde_json::{Map, Value};

use super::SCHEMA_VERSION;
use crate::ledger::class::renamed;

/// The first version: classes had other names.
const FIRST: u64 = 1;

/// Brings a `report.json` of an earlier version to this one's shape.
///
/// # Errors
/// The version that it has, if this mailbench does not know it; `None` if it has none.
pub fn upgraded(mut report: Value) -> Result<Value, Option<u64>> {
    match report.get("schema_version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => Ok(report),
        Some(FIRST) => {
            rename_classes(&mut report);
            report["schema_version"] = SCHEMA_VERSION.into();
            Ok(report)
        }
        version => Err(version),
    }
}

/// Renames the keys of all counts, and the class of each violation and reason.
fn rename_classes(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(rename_classes),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Value::Object(counts) if name.starts_with("counts") => rename_keys(counts),
            Value::String(class) if name == "class" => {
                if let Some(now) = renamed(class) {
                    now.clone_into(class);
                }
            }
            _ => rename_classes(value),
        }),
        _ => {}
    }
}

fn rename_keys(counts: &mut Map<String, Value>) {
    let renamed = std::mem::take(counts)
        .into_iter()
        .map(|(name, count)| (renamed(&name).map_or(name, str::to_owned), count));
    *counts = renamed.collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn classes_of_the_first_version_get_their_names_of_today() {
        let old = json!({
            "schema_version": 1,
            "counts": { "recovered": 3, "lost": 1 },
            "destinations": [{ "domain": "recovered", "counts": { "never_happened": 2 } }],
            "counts_outside_period": { "premature": 1 },
            "correctness": { "violations": [{ "class": "resurrected" }] },
            "verdict": { "reasons": [{ "class": "lost" }] },
        });
        let new = json!({
            "schema_version": SCHEMA_VERSION,
            "counts": { "indeterminate_delivered": 3, "lost": 1 },
            "destinations": [
                { "domain": "recovered", "counts": { "indeterminate_not_delivered": 2 } },
            ],
            "counts_outside_period": { "delivered_before_end_of_data": 1 },
            "correctness": { "violations": [{ "class": "delivered_after_refusal" }] },
            "verdict": { "reasons": [{ "class": "lost" }] },
        });
        assert_eq!(upgraded(old), Ok(new.clone()));
        assert_eq!(upgraded(new.clone()), Ok(new));
        assert_eq!(upgraded(json!({ "schema_version": 99 })), Err(Some(99)));
        assert_eq!(upgraded(json!({})), Err(None));
    }
}
