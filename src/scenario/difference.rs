//! In which keys two resolved scenarios differ.

use std::collections::BTreeMap;

use toml::Value;

/// Differences listed; beyond, they are counted.
const LISTED: usize = 8;

/// `key: before and after`, one a key; empty when they are alike or one cannot be read.
#[must_use]
pub fn difference(before: &str, after: &str) -> Vec<String> {
    let (Ok(before), Ok(after)) = (before.parse::<toml::Table>(), after.parse::<toml::Table>())
    else {
        return Vec::new();
    };
    let (before, after) = (flat(before), flat(after));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |side: &BTreeMap<String, String>, key: &String| {
        side.get(key).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    let differing = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let mut found: Vec<String> = differing
        .map(|key| format!("{key}: {} and {}", of(&before, key), of(&after, key)))
        .collect();
    if found.len() > LISTED {
        let more = found.len() - LISTED;
        found.truncate(LISTED);
        found.push(format!("{more} more keys"));
    }
    found
}

fn flat(table: toml::Table) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten(None, Value::Table(table), &mut found);
    found
}

fn flatten(path: Option<&str>, value: Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| path.map_or_else(|| key.to_owned(), |path| format!("{path}.{key}"));
    match value {
        Value::Table(table) => {
            table.into_iter().for_each(|(key, value)| flatten(Some(&below(&key)), value, into));
        }
        Value::Array(elements) if elements.iter().any(Value::is_table) => {
            for (index, element) in elements.into_iter().enumerate() {
                flatten(Some(&below(&index.to_string())), element, into);
            }
        }
        plain => {
            into.insert(path.unwrap_or_default().to_owned(), plain.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_differing_key_is_named_with_both_values() {
        let before = "seed = 7\n[load]\nrate = \"5/s\"\n[[fault]]\nname = \"a\"\nodds = 0.5\n";
        let after = "seed = 7\n[load]\nrate = \"9/s\"\n[[fault]]\nname = \"a\"\n";
        assert_eq!(
            difference(before, after),
            ["fault.0.odds: 0.5 and nothing", "load.rate: \"5/s\" and \"9/s\""]
        );
        assert!(difference(before, before).is_empty());
    }
}
