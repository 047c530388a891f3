//! A row of the matrix: a behaviour, and what is expected of the judgement.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pipeline::mail::Mail;
use crate::pipeline::{Behaviour, HONEST, Pipeline, SCENARIO, Which};
use crate::support::{Lab, Ran, free_address};

/// Messages offered in each run, one recipient each.
pub(super) const ALL: u64 = 12;

/// Those with a number that three divides.
pub(super) const THIRD: u64 = 4;

/// The others.
pub(super) const REST: u64 = ALL - THIRD;

/// Of all those to `two.test`, by the seed.
pub(super) const TWO: u64 = 7;

/// Each recipient is deferred once.
pub(super) const GREYLIST: &str = "[[fault]]\nname = \"greylist\"\nstage = \"rcpt-to\"\nattempts = \"1\"\n\
    defer = \"451 4.7.1 Greylisted\"\n";

/// The reply to each final dot is lost once.
pub(super) const LOST_REPLY: &str = "[[fault]]\nname = \"lost reply\"\nstage = \"end-of-data\"\nattempts = \"1\"\n\
    disconnect = \"fin\"\n";

/// Everything to the second destination is refused for good.
pub(super) const UNKNOWN: &str = "[[fault]]\nname = \"unknown\"\ndestination = \"two.test\"\n\
    stage = \"rcpt-to\"\nreject = \"550 5.1.1 No such user\"\n";

/// Counts that are no finding: how much there was, and what honest mail may do too.
const QUIET: [&str; 6] =
    ["offered", "receptions", "reordered", "overtaking", "accepted", "deferred"];

/// What a run is expected to come to.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    code: i32,
    /// Every count that is not zero, but the quiet ones.
    counts: Vec<(&'static str, u64)>,
    /// Samples of `e2e_response`.
    samples: u64,
    /// Kinds of changes of content, whatever their level; `None`: not asked for.
    kinds: Option<Vec<&'static str>>,
    /// What is said before the load, unless it is declared.
    warning: &'static str,
}

#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    behaviour: Behaviour,
    settings: Vec<(&'static str, &'static str)>,
    more: &'static str,
    corpus: &'static str,
    /// Whether another run goes through the same MTA before.
    earlier: bool,
    bare: Expected,
    declared: Option<(Vec<(&'static str, &'static str)>, Expected)>,
}

impl Case {
    fn new(name: &'static str, behaviour: Behaviour, code: i32) -> Case {
        let counts = vec![("delivered", ALL)];
        Case {
            name,
            behaviour,
            settings: vec![("load.drain", "30s")],
            more: "",
            corpus: "",
            earlier: false,
            bare: Expected { code, counts, samples: ALL, kinds: None, warning: "" },
            declared: None,
        }
    }

    /// A behaviour that fails no run: all arrives, nothing else is found.
    pub(super) fn lawful(name: &'static str, behaviour: Behaviour) -> Case {
        Case::new(name, behaviour, 0)
    }

    /// One that changes messages and is honest otherwise.
    pub(super) fn changes(name: &'static str, act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>) -> Case {
        Case::lawful(name, Behaviour { act, ..HONEST })
    }

    /// A behaviour that fails a run for a violation, with these counts.
    pub(super) fn unlawful(
        name: &'static str,
        behaviour: Behaviour,
        counts: &[(&'static str, u64)],
    ) -> Case {
        Case::new(name, behaviour, 97).counts(counts)
    }

    /// One that does so to a third of the load.
    pub(super) fn defect(
        name: &'static str,
        act: fn(Mail, &mut Vec<Mail>) -> Vec<Mail>,
        counts: &[(&'static str, u64)],
    ) -> Case {
        Case::unlawful(name, Behaviour { act, which: Which::Third, ..HONEST }, counts)
    }

    pub(super) fn set(mut self, key: &'static str, value: &'static str) -> Case {
        self.settings.push((key, value));
        self
    }

    /// With this appended to the scenario.
    pub(super) fn with(self, more: &'static str) -> Case {
        Case { more, ..self }
    }

    /// With messages of this text.
    pub(super) fn of(self, corpus: &'static str) -> Case {
        Case { corpus, ..self }
    }

    /// Never drained: some of it neither arrives nor comes back.
    pub(super) fn lossy(self) -> Case {
        self.set("load.drain", "6s")
    }

    /// This is said on stderr, and is not where it is declared.
    pub(super) fn warns(mut self, words: &'static str) -> Case {
        self.bare.warning = words;
        self
    }

    pub(super) fn after_another_run(self) -> Case {
        Case { earlier: true, ..self }
    }

    pub(super) fn counts(mut self, counts: &[(&'static str, u64)]) -> Case {
        self.bare.counts = counts.to_vec();
        let delivered = counts.iter().find(|(name, _)| *name == "delivered");
        self.bare.samples = delivered.map_or(0, |(_, count)| *count);
        self
    }

    /// So many are timed, though not all of them, or more, are *delivered*.
    pub(super) fn samples(mut self, samples: u64) -> Case {
        self.bare.samples = samples;
        self
    }

    pub(super) fn code(mut self, code: i32) -> Case {
        self.bare.code = code;
        self
    }

    /// The report names exactly these kinds of changes.
    pub(super) fn kinds(mut self, kinds: &[&'static str]) -> Case {
        self.bare.kinds = Some(kinds.to_vec());
        self
    }

    /// Declared by these keys of `[target.changes]`, it fails no run, and all are timed.
    pub(super) fn declared(
        mut self,
        keys: &[(&'static str, &'static str)],
        counts: &[(&'static str, u64)],
    ) -> Case {
        let (counts, kinds) = (counts.to_vec(), self.bare.kinds.clone());
        let expected = Expected { code: 0, counts, samples: ALL, kinds, warning: "" };
        self.declared = Some((keys.to_vec(), expected));
        self
    }

    /// These keys of `[target.changes]` declare a part of it: the rest fails the run as before.
    pub(super) fn still_fails(
        self,
        keys: &[(&'static str, &'static str)],
        counts: &[(&'static str, u64)],
    ) -> Case {
        let mut case = self.declared(keys, counts);
        if let Some((_, expected)) = &mut case.declared {
            expected.code = case.bare.code;
        }
        case
    }

    /// These keys of `[target.changes]` change nothing of it.
    pub(super) fn despite(mut self, keys: &[(&'static str, &'static str)]) -> Case {
        self.declared = Some((keys.to_vec(), self.bare.clone()));
        self
    }

    pub(super) fn fails(&self) -> bool {
        self.bare.code != 0
    }

    /// In the clear and under TLS, without and with its declaration.
    pub(super) fn variants(&self) -> Vec<Variant<'_>> {
        let mut variants = Vec::new();
        for tls in [false, true] {
            variants.push(Variant { case: self, tls, keys: &[], expected: &self.bare });
            if let Some((keys, expected)) = &self.declared {
                variants.push(Variant { case: self, tls, keys, expected });
            }
        }
        variants
    }
}

/// A case as it is run.
pub(super) struct Variant<'a> {
    case: &'a Case,
    tls: bool,
    keys: &'a [(&'static str, &'static str)],
    expected: &'a Expected,
}

impl Variant<'_> {
    /// What was judged otherwise than expected: a row of the table.
    pub(super) fn check(&self) -> Option<String> {
        let ran = self.ran();
        let [due, got] = [self.due(), self.got(&ran)];
        let [due, got] = [due + self.warning(true), got + self.warning(self.warned(&ran))];
        let way = if self.tls { "TLS" } else { "clear" };
        (due != got).then(|| {
            let keys: Vec<String> =
                self.keys.iter().map(|(key, it)| format!("{key}={it}")).collect();
            let (name, keys) = (self.case.name, keys.join(" "));
            format!("{name} ({way}) {keys}\n    due: {due}\n    got: {got}{}", remarks(&ran))
        })
    }

    pub(super) fn is_secured(&self) -> bool {
        self.tls
    }

    /// Runs it.
    pub(super) fn ran(&self) -> Ran {
        let folder = tempfile::tempdir().expect("a folder");
        let next_hop = free_address();
        let sink = next_hop.to_string();
        let pipeline = Pipeline::start(self.case.behaviour, next_hop, self.tls, folder.path());
        if self.case.earlier {
            self.run(&pipeline, &sink);
        }
        self.run(&pipeline, &sink)
    }

    fn run(&self, pipeline: &Pipeline, sink: &str) -> Ran {
        let sink_tls = if self.tls { "starttls" } else { "none" };
        let own = "parts = \"corpus\"\ncorpus = \"*.eml\"";
        let scenario = match self.case.corpus {
            "" => SCENARIO.to_owned(),
            _ => SCENARIO.replace("size = \"2KiB\"", own),
        };
        let mut lab = Lab::new(&format!("{scenario}{}", self.case.more))
            .set("target.address", &pipeline.address.to_string())
            .set("target.queue_command", &pipeline.queue_command())
            .set("sink.listen", sink)
            .set("sink.tls", sink_tls)
            .set("smtp.tls", sink_tls);
        if !self.case.corpus.is_empty() {
            let text = self.case.corpus;
            std::fs::write(lab.folder().join("1.eml"), text).expect("written");
        }
        for (key, value) in &self.case.settings {
            lab = lab.set(key, value);
        }
        for (key, value) in self.keys {
            lab = lab.set(&format!("target.changes.{key}"), value);
        }
        lab.run()
    }

    /// Whether what should be said was; of what is declared, that nothing was.
    fn warned(&self, ran: &Ran) -> bool {
        let said = ran.stderr.contains(self.case.bare.warning);
        said == (self.expected.warning == self.case.bare.warning)
    }

    fn warning(&self, right: bool) -> &'static str {
        match (self.case.bare.warning, right) {
            ("", _) => "",
            (_, true) => ", warned",
            (_, false) => ", not warned rightly",
        }
    }

    fn due(&self) -> String {
        let Expected { code, counts, samples, kinds, .. } = self.expected;
        let counts: BTreeMap<&str, u64> = counts.iter().copied().filter(|(_, n)| *n > 0).collect();
        format!("exit {code}, {counts:?}, {samples} timed{}", shown(kinds.as_deref()))
    }

    fn got(&self, ran: &Ran) -> String {
        let Some(report) = report(ran) else { return format!("exit {}, no report", ran.code) };
        let counts = report["counts"].as_object().expect("counts");
        let counts = counts.iter().map(|(name, count)| (name.as_str(), count.as_u64()));
        let counts: BTreeMap<&str, u64> = counts
            .filter(|(name, _)| !QUIET.contains(name))
            .filter_map(|(name, count)| Some((name, count.filter(|count| *count > 0)?)))
            .collect();
        let samples = ran.timed("e2e_response");
        let kinds = self.expected.kinds.is_some().then(|| kinds(&report));
        format!("exit {}, {counts:?}, {samples} timed{}", ran.code, shown(kinds.as_deref()))
    }
}

fn shown(kinds: Option<&[&str]>) -> String {
    kinds.map_or_else(String::new, |kinds| format!(", changes {kinds:?}"))
}

/// The kinds of changes that the report names, in its order.
fn kinds(report: &Value) -> Vec<&str> {
    let changes = report["correctness"]["changes"].as_array().map_or(&[][..], Vec::as_slice);
    changes.iter().filter_map(|change| change["kind"].as_str()).collect()
}

fn report(ran: &Ran) -> Option<Value> {
    let text = std::fs::read_to_string(ran.path.join("report.json")).ok()?;
    serde_json::from_str(&text).ok()
}

/// What helps to see why: the first violations with their evidence, or what was said.
fn remarks(ran: &Ran) -> String {
    let Some(report) = report(ran) else { return format!("\n    {}", ran.stderr.trim()) };
    let violations = report["correctness"]["violations"].as_array().cloned().unwrap_or_default();
    let mut lines: Vec<String> = violations.iter().take(2).map(Value::to_string).collect();
    lines.push(report["verdict"]["reasons"].to_string());
    lines.iter().map(|line| format!("\n      {line}")).collect()
}
