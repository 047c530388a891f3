//! Text as a hostile peer, command or file would have it, and what it must not become in an output.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Codes of terminals, a line of its own, commands to CI servers, markup, formulas, overrides of the direction of text.
pub(crate) const HOSTILE: &str = "no\u{1b}[31m\u{1b}]0;t\u{7}\r\nFORGED\n::error::pwned\n  ::add-mask::x\n\
    ##[error]x ##vso[task.complete]y\n##teamcity[buildStop]\u{9b}2J\u{85}\u{202e}\u{2066}\u{200f}\
    \u{61c}\u{e0041} </script><img src=x onerror=a> |`b`| @all =1+1";

/// The first line of the text that acts instead of showing; `None`: there is none.
pub(crate) fn acting(text: &str) -> Option<String> {
    let hidden = ['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}', '\u{e0041}'];
    let acts = |c: char| (c.is_control() && c != '\n') || hidden.contains(&c);
    let commands = ["##[", "##vso[", "##teamcity["];
    let is_bad = |line: &&str| {
        let begins = line.trim_start();
        line.contains(acts)
            || commands.iter().any(|command| line.contains(command))
            || begins.starts_with("::error")
            || begins.starts_with("::add-mask")
            || begins.starts_with("FORGED")
    };
    text.lines().find(is_bad).map(str::to_owned)
}

#[track_caller]
pub(crate) fn assert_inert(what: &str, text: &str) {
    assert_eq!(acting(text), None, "{what}:\n{text}");
}

/// `whole` with every string replaced by hostile text where it still reads as a `T`, and how many
/// were. `spared`: names of fields whose strings are data, not text.
pub(crate) fn poisoned<T: DeserializeOwned>(mut whole: Value, spared: &[&str]) -> (T, usize) {
    let mut places = Vec::new();
    strings(&whole, String::new(), &mut places);
    places.retain(|place| !spared.iter().any(|name| place.ends_with(&format!("/{name}"))));
    let mut count = 0;
    for place in places {
        let string = whole.pointer_mut(&place).expect("it is there");
        let before = std::mem::replace(string, Value::String(HOSTILE.to_owned()));
        match serde_json::from_value::<T>(whole.clone()) {
            Ok(_) => count += 1,
            Err(_) => *whole.pointer_mut(&place).expect("it is there") = before,
        }
    }
    (serde_json::from_value(whole).expect("it reads"), count)
}

/// JSON pointers to every string of a value.
fn strings(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(place),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(n, item)| strings(item, format!("{place}/{n}"), found));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                strings(field, format!("{place}/{name}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn hostile_text_is_found_where_it_acts() {
    assert!(acting(HOSTILE).is_some());
    for piece in ["a\u{1b}b", "x\n  ::error::y", "a ##vso[b]", "\u{202e}", "a\rb", "\u{9b}"] {
        assert!(acting(piece).is_some(), "{piece:?}");
    }
    assert_eq!(acting("a \\x1b[31m ::1 ## b"), None);
}
