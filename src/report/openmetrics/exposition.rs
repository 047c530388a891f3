//! The two text forms in which Prometheus takes metrics: OpenMetrics 1.0, and the older 0.0.4.

use std::fmt::{Display, Write as _};

use crate::escape::openmetrics as escaped;

/// A text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0.
    Openmetrics,
    /// Prometheus' own text form, version 0.0.4.
    Prometheus,
}

impl Dialect {
    /// The form a scraper asks for in its `Accept` header.
    #[must_use]
    pub fn accepted(accept: &str) -> Dialect {
        if accept.contains("application/openmetrics-text") {
            Dialect::Openmetrics
        } else {
            Dialect::Prometheus
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Dialect::Openmetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Dialect::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What is being exposed.
pub(super) struct Exposition {
    text: String,
    dialect: Dialect,
}

impl Exposition {
    /// Nothing yet.
    pub(super) fn new(dialect: Dialect) -> Exposition {
        Exposition { text: String::new(), dialect }
    }

    /// Begins a family; the samples that follow are of it.
    pub(super) fn family(&mut self, (name, kind, unit): (&str, &str, &str), help: &str) {
        let (named, kind) = match (self.dialect, kind) {
            // The older form names a family as its samples are named, and knows no info.
            (Dialect::Prometheus, "counter") => (format!("{name}_total"), kind),
            (Dialect::Prometheus, "info") => (format!("{name}_info"), "gauge"),
            _ => (name.to_owned(), kind),
        };
        let _infallible = writeln!(self.text, "# TYPE {named} {kind}");
        if !unit.is_empty() && self.dialect == Dialect::Openmetrics {
            let _infallible = writeln!(self.text, "# UNIT {named} {unit}");
        }
        let _infallible = writeln!(self.text, "# HELP {named} {help}");
    }

    /// A gauge of one sample.
    pub(super) fn gauge(&mut self, name: &str, unit: &str, value: impl Display, help: &str) {
        self.family((name, "gauge", unit), help);
        self.sample(name, &[], value);
    }

    /// A sample.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _infallible = writeln!(self.text, "{name}{labels} {value}");
    }

    /// The whole.
    pub(super) fn finish(self) -> String {
        match self.dialect {
            Dialect::Openmetrics => self.text + "# EOF\n",
            Dialect::Prometheus => self.text,
        }
    }
}
