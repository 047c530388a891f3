//! `[target]` of a real MTA: its program and its own settings.
//!
//! Whether a setting exists, the MTA itself says when it starts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{At, Target};
use crate::scenario::model::{Managed, Mta, TargetKind};

pub(super) fn managed(target: &Target, mta: Mta, problems: &mut Problems) -> TargetKind {
    let program = target.program.as_ref().map(|program| PathBuf::from(&program.value));
    let settings = target.settings.as_ref().map(|settings| native(settings, problems));
    TargetKind::Managed(Managed { mta, program, settings: settings.unwrap_or_default() })
}

/// Settings as one line of text each; an MTA has no other types.
fn native(
    written: &At<BTreeMap<String, toml::Value>>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (name, value) in &written.value {
        match text(value).filter(|text| is_line(name) && is_line(text)) {
            Some(text) => {
                settings.insert(name.clone(), text);
            }
            None => {
                let what = format!("the setting `{}` is not one line of text", name.escape_debug());
                let problem = Problem::new(&written.span, what);
                problems.push(problem.help("write a string, a number, true or false"));
            }
        }
    }
    settings
}

fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        _ => None,
    }
}

fn is_line(text: &str) -> bool {
    !text.contains(char::is_control)
}
