//! From the JSON Schema of a scenario to a page: a section for each table, a row for each key.

use std::fmt::Write;

use serde_json::Value;

/// Tables within tables go no deeper than this.
const DEPTH: usize = 6;

const OPENING: &str = "# Every key of a scenario\n\nMade from \
    [`schema/scenario.schema.json`](../../schema/scenario.schema.json). \
    [The scenario](../scenario.md) explains how the parts work together. A *distribution* is a table such as \
    `{ dist = \"lognormal\", median = \"8KiB\", sigma = 1.1, max = \"5MiB\" }`; `uniform` has `min` and `max`, \
    `exponential` has `mean`, `normal` has `mean` and `sd`, `pareto` has `min` and `shape`, `choice` has \
    `values` and `weights`.\n";

pub(super) fn page(schema: &Value) -> String {
    let mut page = OPENING.to_owned();
    let reader = Reader { definitions: &schema["$defs"] };
    reader.write_table(&mut page, "", schema, 0);
    page
}

struct Reader<'a> {
    definitions: &'a Value,
}

impl<'a> Reader<'a> {
    fn write_table(&self, page: &mut String, path: &str, table: &'a Value, depth: usize) {
        assert!(depth < DEPTH, "{path}");
        let heading = if path.is_empty() { "Top level".to_owned() } else { format!("`{path}`") };
        let described = table["description"].as_str().unwrap_or_default();
        let _ = write!(page, "\n## {heading}\n\n{}\n", cell(described));
        let _ = write!(page, "\n| key | value | meaning |\n|---|---|---|\n");
        let required = table["required"].as_array();
        let mut below = Vec::new();
        for (key, value) in table["properties"].as_object().expect("keys") {
            let must = required.is_some_and(|all| all.iter().any(|one| one == key));
            let must = if must { "**Required.** " } else { "" };
            let meaning = cell(value["description"].as_str().unwrap_or_default());
            let kind = cell(&self.kind(value));
            let _ = writeln!(page, "| `{key}` | {kind} | {must}{meaning} |");
            if let Some((table, is_list)) = self.table_of(value) {
                below.push((heading_of(path, key, is_list), table));
            }
        }
        for (path, table) in below {
            self.write_table(page, &path, table, depth + 1);
        }
    }

    /// The table that is the value of a key, and whether it is a list of them.
    fn table_of(&self, value: &'a Value) -> Option<(&'a Value, bool)> {
        if value["type"] == "array" {
            return self.table_of(&value["items"]).map(|(table, _)| (table, true));
        }
        let parts = value["anyOf"].as_array().into_iter().flatten();
        let value = self.resolve(value);
        match value["properties"].is_object() {
            true => Some((value, false)),
            false => parts
                .map(|part| self.resolve(part))
                .find_map(|part| part["properties"].is_object().then_some((part, false))),
        }
    }

    fn resolve(&self, value: &'a Value) -> &'a Value {
        let next = |value: &&'a Value| definition(value).map(|name| &self.definitions[name]);
        let chain = std::iter::successors(Some(value), next);
        chain.take(DEPTH).last().unwrap_or(value)
    }

    /// What may be written, in words.
    fn kind(&self, value: &'a Value) -> String {
        if definition(value).is_some_and(|name| name.starts_with("Drawn")) {
            return "a distribution".to_owned();
        }
        let value = self.resolve(value);
        if let Some(choices) = choices(value) {
            return choices;
        }
        if value["properties"].is_object() {
            return "a table".to_owned();
        }
        let described = value["description"].as_str().filter(|_| value["pattern"].is_string());
        if let Some(parts) = value["anyOf"].as_array() {
            let parts = parts.iter().filter(|part| part["type"] != "null");
            return parts.map(|part| self.kind(part)).collect::<Vec<_>>().join(" or ");
        }
        match (described, type_of(value)) {
            (Some(described), _) if described.contains("such as") => described.to_owned(),
            (_, "array") if self.table_of(value).is_some() => "tables".to_owned(),
            (_, "array") => format!("a list of: {}", self.kind(&value["items"])),
            (_, "string") => "text".to_owned(),
            (_, "integer") => "a whole number".to_owned(),
            (_, "number") => "a number".to_owned(),
            (_, "boolean") => "`true` or `false`".to_owned(),
            _ => "a table".to_owned(),
        }
    }
}

/// `$ref` without its path.
fn definition(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// The first type that is not null.
fn type_of(value: &Value) -> &str {
    let several = value["type"].as_array().into_iter().flatten();
    let mut all = [&value["type"]].into_iter().chain(several).filter_map(Value::as_str);
    all.find(|one| *one != "null").unwrap_or_default()
}

/// The words of an enumeration.
fn choices(value: &Value) -> Option<String> {
    let described = value["oneOf"].as_array().into_iter().flatten();
    let described = described.filter_map(|one| one["const"].as_str());
    let plain = value["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let all: Vec<String> = described.chain(plain).map(|one| format!("`{one}`")).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn heading_of(path: &str, key: &str, is_list: bool) -> String {
    let above = path.trim_matches(['[', ']']);
    let name = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    if is_list { format!("[[{name}]]") } else { format!("[{name}]") }
}

/// One line, in which nothing ends a cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}
