//! A JUnit document of one suite, as GitLab and Jenkins read it. What its cases are is with each
//! report: a run, a comparison, a capacity search.
//!
//! GitLab shows the class name as the suite and drops second cases of one name.

use std::fmt::Write as _;

use crate::escape::{xml, xml_lines};

/// A suite.
pub(super) struct Suite {
    pub(super) name: String,
    /// RFC 3339; empty: it is made of several runs.
    pub(super) started: String,
    pub(super) duration_s: f64,
    pub(super) properties: Vec<(&'static str, String)>,
    pub(super) cases: Vec<Case>,
    /// The summary for people.
    pub(super) summary: String,
}

pub(super) struct Case {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Passed,
    /// The target's fault. The first is one line, the second all there is to say.
    Failed(String, String),
    /// It could not be judged, and that is a reason not to pass.
    Error(String),
    /// It was left open, and that is none.
    Skipped(String),
}

impl Suite {
    /// The document.
    pub(super) fn render(&self) -> String {
        let suite = format!("mailbench.{}", xml(&self.name));
        let totals = self.totals();
        let started = match self.started.as_str() {
            "" => String::new(),
            started => format!(" timestamp=\"{}\"", xml(started)),
        };
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _infallible = writeln!(text, "<testsuites name=\"mailbench\" {totals}>");
        let _infallible = writeln!(
            text,
            "  <testsuite name=\"{suite}\"{started} skipped=\"{}\" {totals}>\n    <properties>",
            self.count(|outcome| matches!(outcome, Outcome::Skipped(_)))
        );
        for (name, value) in &self.properties {
            let value = xml(value);
            let _infallible = writeln!(text, "      <property name=\"{name}\" value=\"{value}\"/>");
        }
        text.push_str("    </properties>\n");
        self.cases.iter().for_each(|case| text.push_str(&case.element(&suite)));
        let summary = xml_lines(&self.summary);
        let _infallible = writeln!(text, "    <system-out>{summary}</system-out>");
        text + "  </testsuite>\n</testsuites>\n"
    }

    fn count(&self, of: fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| of(&case.outcome)).count()
    }

    fn totals(&self) -> String {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\"",
            self.cases.len(),
            self.count(|outcome| matches!(outcome, Outcome::Failed(..))),
            self.count(|outcome| matches!(outcome, Outcome::Error(_))),
            self.duration_s,
        )
    }
}

impl Case {
    fn element(&self, suite: &str) -> String {
        let group = xml(&self.group);
        let open = format!(
            "    <testcase classname=\"{suite}.{group}\" name=\"{}\" time=\"0\"",
            xml(&self.name)
        );
        match &self.outcome {
            Outcome::Passed => format!("{open}/>\n"),
            Outcome::Failed(message, text) => format!(
                "{open}>\n      <failure type=\"{group}\" message=\"{}\">{}</failure>\n    \
                 </testcase>\n",
                xml(message),
                xml_lines(text)
            ),
            Outcome::Skipped(message) => {
                format!("{open}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(message))
            }
            Outcome::Error(message) => format!(
                "{open}>\n      <error type=\"{group}\" message=\"{}\"/>\n    </testcase>\n",
                xml(message)
            ),
        }
    }
}
