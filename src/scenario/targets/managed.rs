//! `[target]` of a real MTA: its program and its own settings.
//!
//! Whether a setting exists, the MTA itself says when it starts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Kind, TargetKind, Written};
use crate::grammar::at::At;
use crate::grammar::diagnosis::Problems;

/// A real MTA that we start as a private instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Which.
    pub mta: Mta,
    /// Its program, where the user named one.
    pub program: Option<PathBuf>,
    /// `[target.settings]`: settings of its own, in its own words; they win over ours.
    pub settings: BTreeMap<String, String>,
}

/// The real MTAs that we know how to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mta {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// OpenSMTPD.
    Opensmtpd,
    /// Haraka.
    Haraka,
}

impl Mta {
    /// As scenarios name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mta::Postfix => "postfix",
            Mta::Exim => "exim",
            Mta::Opensmtpd => "opensmtpd",
            Mta::Haraka => "haraka",
        }
    }

    /// The kind of target that is this MTA.
    pub(super) fn kind(self) -> Kind {
        match self {
            Mta::Postfix => Kind::Postfix,
            Mta::Exim => Kind::Exim,
            Mta::Opensmtpd => Kind::Opensmtpd,
            Mta::Haraka => Kind::Haraka,
        }
    }
}

pub(super) fn resolve(target: &Written, mta: Mta, problems: &mut Problems) -> TargetKind {
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
                problems.refuse(&written.span, what, "write a string, a number, true or false");
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

impl Managed {
    /// Puts it into the written form.
    pub(super) fn write(&self, written: &mut Written) {
        let text = |(name, value): (&String, &String)| (name.clone(), value.clone().into());
        let settings: BTreeMap<String, toml::Value> = self.settings.iter().map(text).collect();
        written.program = self.program.as_ref().map(|it| At::from(it.display().to_string()));
        written.settings = (!settings.is_empty()).then(|| At::from(settings));
    }
}
