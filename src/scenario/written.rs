//! A resolved scenario as TOML text. Its strings are shown on terminals and in logs of CI servers, so
//! that one which would act there is written with escapes: it reads back to the same value.

use serde::Serialize;
use toml::{Table, Value};

use crate::escape;

/// Begins the names that stand for strings until the text is made.
const STANDS_FOR: &str = "mailbench-string-";

/// The text of `file`, whose types are tables of plain values, which TOML can always say.
pub(super) fn toml_of(file: &impl Serialize) -> String {
    let text = |file: &dyn Fn() -> Result<String, toml::ser::Error>| {
        file().unwrap_or_else(|error| format!("# cannot be written: {error}\n"))
    };
    let as_written = text(&|| toml::to_string(file));
    let Ok(mut tree) = Table::try_from(file) else { return as_written };
    let mut strings = Vec::new();
    take_out(&mut tree, &mut strings);
    if strings.is_empty() {
        return as_written;
    }
    let mut inert = text(&|| toml::to_string(&tree));
    // The last first: `…-1` is the beginning of `…-12`.
    for (number, string) in strings.iter().enumerate().rev() {
        let (name, string) = (format!("{STANDS_FOR}{number}"), escape::toml(string));
        inert = inert.replace(&format!("\"{name}\""), &string).replace(&name, &string);
    }
    inert
}

/// Replaces every string and key that would act by a name without quotes or escapes.
fn take_out(table: &mut Table, strings: &mut Vec<String>) {
    for (key, mut value) in std::mem::take(table) {
        take_out_of(&mut value, strings);
        table.insert(stand_in(key, strings), value);
    }
}

fn take_out_of(value: &mut Value, strings: &mut Vec<String>) {
    match value {
        Value::String(string) => *string = stand_in(std::mem::take(string), strings),
        Value::Array(values) => values.iter_mut().for_each(|value| take_out_of(value, strings)),
        Value::Table(table) => take_out(table, strings),
        _ => {}
    }
}

fn stand_in(string: String, strings: &mut Vec<String>) -> String {
    if escape::is_inert(&string) && !string.contains(STANDS_FOR) {
        return string;
    }
    strings.push(string);
    format!("{STANDS_FOR}{}", strings.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_that_would_act_are_escaped_and_read_back() {
        let hostile = ["a\n::error::x", "##vso[x]\x1b[31m", "\u{202e}'''\"\"\"\\", STANDS_FOR];
        let mut table = Table::new();
        let one = |text: &str| Value::String(text.to_owned());
        table.insert(
            "list".to_owned(),
            Value::Array((0..16).map(|n| one(hostile[n % 4])).collect()),
        );
        let inner = hostile.iter().map(|text| ((*text).to_owned(), one(text))).collect();
        table.insert("table".to_owned(), Value::Table(inner));
        let text = toml_of(&table);
        let mut lines = text.lines().map(str::trim_start);
        assert!(lines.all(|line| escape::is_inert(line) || line.contains("\\n::")), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("::")), "{text}");
        assert_eq!(toml::from_str::<Table>(&text).expect("TOML"), table);
    }

    #[test]
    fn ordinary_text_is_left_as_it_is() {
        #[derive(Serialize)]
        struct Plain {
            z: &'static str,
            a: Vec<u8>,
        }
        let plain = Plain { z: "C:\\mail 'x'", a: vec![1] };
        assert_eq!(toml_of(&plain), toml::to_string(&plain).expect("TOML"));
    }
}
