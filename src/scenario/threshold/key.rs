//! The key of a threshold: `METRIC[{destination=…, period=…}][.STAT]`.

use super::bound::{Bound, NotABound};
use super::{Line, Threshold};
use crate::grammar::diagnosis::{Problem, suggest};
use crate::ledger::class::renamed;
use crate::ledger::event::Period;
use crate::metric::catalogue::{Stat, Subject};
use crate::metric::disturbance::Kind;
use crate::probe::DestinationId;
use crate::scenario::destination::Destination;
use crate::scenario::model::Scenario;

/// The three parts of a key.
struct Key<'a> {
    metric: &'a str,
    selectors: Vec<(&'a str, &'a str)>,
    stat: Option<&'a str>,
}

/// Why a line means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// It lies in the value; otherwise in the key.
    in_bound: bool,
    message: String,
    /// What would be right.
    help: Option<String>,
}

impl Flaw {
    fn new(message: String, help: Option<String>) -> Flaw {
        Flaw { in_bound: false, message, help }
    }

    /// The flaw in its place.
    pub(super) fn into_problem(self, line: &Line) -> Problem {
        let span = if self.in_bound { &line.bound_span } else { &line.metric_span };
        let problem = Problem::new(span, self.message);
        match self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

/// Understands one line. Its place in the file is the caller's to fill in.
pub(super) fn read(line: &Line, scenario: &Scenario) -> Result<Threshold, Flaw> {
    let key = split(&line.metric)?;
    let subject = subject(key.metric)?;
    let stat = stat(subject, &key)?;
    let Selected { destination, period, disturbance } = select(subject, &key, scenario)?;
    let bound = Bound::read(&line.bound, subject.unit(stat)).map_err(|error| Flaw {
        in_bound: true,
        message: format!("`{}` is not a bound for `{}`", line.bound, line.metric),
        help: Some(help_for_bound(error, subject, stat)),
    })?;
    let words = (line.metric.clone(), line.bound.clone());
    Ok(Threshold { subject, destination, period, disturbance, stat, bound, words, lines: (0, 0) })
}

fn help_for_bound(error: NotABound, subject: Subject, stat: Stat) -> String {
    match error {
        NotABound::Comparison => {
            format!("{error}; {}", NotABound::Value(subject.unit(stat)))
        }
        NotABound::Value(_) => error.to_string(),
    }
}

fn split(key: &str) -> Result<Key<'_>, Flaw> {
    let Some((metric, rest)) = key.split_once('{') else {
        let (metric, stat) = key.split_once('.').map_or((key, None), |(m, s)| (m, Some(s)));
        return Ok(Key { metric: metric.trim(), selectors: Vec::new(), stat });
    };
    let form = || {
        let help = "write `METRIC{destination=…, period=…}.STAT`".to_owned();
        Flaw::new(format!("`{key}` is not a metric with selectors"), Some(help))
    };
    let (selectors, after) = rest.split_once('}').ok_or_else(form)?;
    let stat = match after.strip_prefix('.') {
        Some(stat) => Some(stat),
        None if after.is_empty() => None,
        None => return Err(form()),
    };
    let selectors = selectors.split(',').map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(form)?;
        Ok((name.trim(), value.trim().trim_matches('"')))
    });
    Ok(Key { metric: metric.trim(), selectors: selectors.collect::<Result<_, _>>()?, stat })
}

fn subject(name: &str) -> Result<Subject, Flaw> {
    Subject::from_name(name).ok_or_else(|| {
        let help = match renamed(name) {
            Some(now) => format!("it is called `{now}` now"),
            None => suggest(name, Subject::names()),
        };
        Flaw::new(format!("there is no metric `{name}`"), Some(help))
    })
}

fn stat(subject: Subject, key: &Key<'_>) -> Result<Stat, Flaw> {
    let stats = subject.stats();
    match key.stat {
        Some(name) => stats.iter().copied().find(|stat| stat.name() == name).ok_or_else(|| {
            let help = format!("name one: {}", listed(key.metric, stats));
            Flaw::new(format!("`{}` has no figure `{name}`", key.metric), Some(help))
        }),
        None => subject.bare().ok_or_else(|| {
            let help = format!("name one: {}", listed(key.metric, stats));
            Flaw::new(format!("`{}` has several figures", key.metric), Some(help))
        }),
    }
}

fn listed(metric: &str, stats: &[Stat]) -> String {
    let shown: Vec<String> = stats.iter().map(|stat| format!("{metric}.{}", stat.name())).collect();
    shown.join(", ")
}

/// What a threshold is limited to.
#[derive(Default)]
struct Selected {
    destination: Option<DestinationId>,
    period: Option<Period>,
    disturbance: Option<(Kind, String)>,
}

fn select(subject: Subject, key: &Key<'_>, scenario: &Scenario) -> Result<Selected, Flaw> {
    let mut selected = Selected::default();
    for (name, value) in &key.selectors {
        let again = match *name {
            "destination" => {
                let found = find_destination(value, &scenario.destinations)?;
                selected.destination.replace(found).is_some()
            }
            "period" => selected.period.replace(find_period(subject, key.metric, value)?).is_some(),
            "fault" | "chaos" if subject == Subject::RecoveryTime => {
                let kind = if *name == "fault" { Kind::Fault } else { Kind::Chaos };
                let found = find_disturbance(kind, value, scenario)?;
                selected.disturbance.replace(found).is_some()
            }
            "fault" | "chaos" => {
                let message = format!("`{}` has no figures by {name}", key.metric);
                return Err(Flaw::new(message, None));
            }
            _ => {
                let help = suggest(name, ["destination", "period", "fault", "chaos"]);
                return Err(Flaw::new(format!("there is no selector `{name}`"), Some(help)));
            }
        };
        if again {
            return Err(Flaw::new(format!("`{name}` is given twice"), None));
        }
    }
    if selected.destination.is_some() && !subject.by_destination() {
        let message = format!("`{}` has no figures by destination", key.metric);
        return Err(Flaw::new(message, None));
    }
    Ok(selected)
}

/// A fault by its name, which must have a window to end, or a kind of chaos that the scenario has.
fn find_disturbance(kind: Kind, name: &str, scenario: &Scenario) -> Result<(Kind, String), Flaw> {
    let windows = scenario.faults.iter().filter(|rule| rule.scope.during.is_some());
    let known: Vec<&str> = match kind {
        Kind::Fault => windows.map(|rule| rule.name.as_str()).collect(),
        Kind::Chaos => scenario.chaos.iter().map(|entry| entry.act.kind().name()).collect(),
    };
    if known.contains(&name) {
        return Ok((kind, name.to_owned()));
    }
    let message = match kind {
        Kind::Fault => format!("no fault with a window is named `{name}`"),
        Kind::Chaos => format!("the scenario has no chaos `{name}`"),
    };
    let help = (!known.is_empty()).then(|| suggest(name, known));
    Err(Flaw::new(message, help))
}

fn find_destination(domain: &str, destinations: &[Destination]) -> Result<DestinationId, Flaw> {
    let wanted = domain.to_lowercase();
    let found = destinations.iter().position(|destination| destination.domain == wanted);
    let found = found.and_then(|index| u16::try_from(index).ok()).map(DestinationId);
    found.ok_or_else(|| {
        let help = suggest(domain, destinations.iter().map(|one| one.domain.as_str()));
        Flaw::new(format!("no destination has the domain `{domain}`"), Some(help))
    })
}

/// The periods of which a metric has figures. Mail counts by when it was due, and nothing is due
/// in the drain.
fn periods(subject: Subject) -> &'static [(&'static str, Period)] {
    const WARM_UP: (&str, Period) = ("warm-up", Period::WarmUp);
    const MEASURED: (&str, Period) = ("measured", Period::Measured);
    const DRAIN: (&str, Period) = ("drain", Period::Drain);
    match subject {
        Subject::Latency(_) => &[WARM_UP, MEASURED],
        Subject::Backlog
        | Subject::QueueLength
        | Subject::TargetCpu
        | Subject::TargetRss
        | Subject::TargetIo => &[WARM_UP, MEASURED, DRAIN],
        _ => &[MEASURED],
    }
}

fn find_period(subject: Subject, metric: &str, name: &str) -> Result<Period, Flaw> {
    let known = periods(subject);
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, period)| *period);
    found.ok_or_else(|| {
        let help = suggest(name, known.iter().map(|(name, _)| *name));
        Flaw::new(format!("`{metric}` has no figures for a period `{name}`"), Some(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::latency::LatencyMetric;
    use crate::scenario::parse;
    use crate::scenario::threshold::bound::Op;

    fn understood(metric: &str, bound: &str) -> Result<Threshold, Flaw> {
        let line = Line {
            metric: metric.to_owned(),
            bound: bound.to_owned(),
            metric_span: 10..20,
            bound_span: 30..40,
        };
        read(&line, &scenario())
    }

    /// Two destinations; a fault with a window and one without; a kill.
    fn scenario() -> Scenario {
        let text = "[load]\nrate = \"10/s\"\nduration = \"30s\"\n\
                    [[destination]]\ndomain = \"gmail.test\"\n\
                    [[destination]]\ndomain = \"yahoo.test\"\n\
                    [[fault]]\nname = \"outage\"\nstage = \"connect\"\nrefuse = true\n\
                    during = \"5s..15s\"\n\
                    [[fault]]\nname = \"slow\"\nstage = \"banner\"\ndelay = \"1ms\"\n\
                    [[chaos]]\nat = \"5s\"\nkill = { restart_after = \"1s\" }\n";
        let loaded = parse("a.toml", text, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        loaded.scenario
    }

    #[test]
    fn a_full_key_is_understood() {
        let key = "e2e_response{destination=yahoo.test, period=warm-up}.p99";
        let threshold = understood(key, "< 1s").expect("a threshold");
        assert_eq!(threshold.subject, Subject::Latency(LatencyMetric::E2eResponse));
        assert_eq!(threshold.destination, Some(DestinationId(1)));
        assert_eq!((threshold.period, threshold.stat), (Some(Period::WarmUp), Stat::P99));
        assert_eq!(threshold.bound, Bound { op: Op::Less, value: 1.0 });
        assert_eq!(threshold.expr(), format!("{key} < 1s"));
    }

    #[test]
    fn a_bare_name_means_its_one_figure() {
        assert_eq!(understood("lost", "== 0").expect("a threshold").stat, Stat::Count);
        assert_eq!(understood("drain_time", "< 5s").expect("a threshold").stat, Stat::Value);
        let problem = understood("e2e_response", "< 5s").expect_err("no figure");
        assert!(problem.help.expect("help").contains("e2e_response.p99"));
    }

    #[test]
    fn a_recovery_is_of_all_or_of_one_fault_or_kind_of_chaos() {
        let of = |metric: &str| {
            let threshold = understood(metric, "< 5s").expect(metric);
            assert_eq!((threshold.subject, threshold.stat), (Subject::RecoveryTime, Stat::Max));
            threshold.disturbance.map(|(kind, name)| (kind.name(), name))
        };
        assert_eq!((of("recovery_time"), of("recovery_time.max")), (None, None));
        assert_eq!(of("recovery_time{fault=outage}"), Some(("fault", "outage".to_owned())));
        assert_eq!(of("recovery_time{chaos=kill}.max"), Some(("chaos", "kill".to_owned())));
        assert!(understood("drain_time{fault=outage}", "< 5s").is_err());
    }

    #[test]
    fn what_means_nothing_says_what_would() {
        let cases = [
            ("e2e_respons.p99", "< 1s", "did you mean `e2e_response`?"),
            ("e2e_response.p98", "< 1s", "name one: e2e_response.min"),
            ("e2e_response{destination=yaho.test}.p99", "< 1s", "did you mean `yahoo.test`?"),
            ("e2e_response{destinaton=yahoo.test}.p99", "< 1s", "did you mean `destination`?"),
            ("e2e_response{period=drain}.p99", "< 1s", "known here: warm-up, measured"),
            ("e2e_response{period=measured.p99", "< 1s", "write `METRIC{"),
            ("e2e_response{}.p99", "< 1s", "write `METRIC{"),
            ("e2e_response{period=measured}p99", "< 1s", "write `METRIC{"),
            ("recovery_time{fault=outge}", "< 1s", "did you mean `outage`?"),
            ("recovery_time{fault=slow}", "< 1s", "known here: outage"),
            ("recovery_time{chaos=pause}", "< 1s", "known here: kill"),
        ];
        for (metric, bound, help) in cases {
            let problem = understood(metric, bound).expect_err(metric);
            assert!(!problem.in_bound);
            let given = problem.help.expect("help");
            assert!(given.contains(help), "{metric}: {given}");
        }
    }

    #[test]
    fn a_wrong_bound_points_at_the_value() {
        let problem = understood("e2e_response.p99", "< 5").expect_err("no unit");
        assert!(problem.in_bound);
        assert!(problem.help.expect("help").contains("250ms"));
        let problem = understood("target_rss.max", "< 200").expect_err("no unit");
        assert!(problem.help.expect("help").contains("200MiB"));
        let problem = understood("accepted.rate", "200/s").expect_err("no comparison");
        assert!(problem.help.expect("help").contains("200/s"));
    }

    #[test]
    fn what_a_metric_has_not_is_refused() {
        let refused = |metric, bound| understood(metric, bound).expect_err(metric).message;
        let message = refused("backlog{destination=yahoo.test}.max", "< 5");
        assert_eq!(message, "`backlog` has no figures by destination");
        let message = refused("drain_time{fault=outage}", "< 5s");
        assert_eq!(message, "`drain_time` has no figures by fault");
        let twice = "lost{destination=yahoo.test,destination=gmail.test}";
        assert_eq!(refused(twice, "== 0"), "`destination` is given twice");
        let message = refused("lost{period=measured,period=measured}", "== 0");
        assert_eq!(message, "`period` is given twice");
    }

    #[test]
    fn only_what_goes_on_after_the_load_has_figures_for_the_drain() {
        for metric in ["backlog", "queue_length", "target_cpu", "target_rss", "target_io"] {
            let key = format!("{metric}{{period=drain}}.max");
            let bound = if metric == "target_rss" { "< 5MiB" } else { "< 5" };
            let bound = if metric == "target_io" { "< 5MiB/s" } else { bound };
            let threshold = understood(&key, bound).expect(metric);
            assert_eq!(threshold.period, Some(Period::Drain), "{metric}");
        }
        let counted = understood("lost{period=measured}", "== 0").expect("a threshold");
        assert_eq!((counted.period, counted.destination), (Some(Period::Measured), None));
        assert!(understood("lost{period=drain}", "== 0").is_err());
        assert!(understood("lost{period=warm-up}", "== 0").is_err());
    }

    #[test]
    fn a_flaw_is_shown_at_its_place() {
        let line = Line {
            metric: "lost".to_owned(),
            bound: "0".to_owned(),
            metric_span: 10..20,
            bound_span: 30..40,
        };
        let flaw = |in_bound| Flaw { in_bound, message: "wrong".to_owned(), help: None };
        assert_eq!(flaw(false).into_problem(&line), Problem::new(&(10..20), "wrong"));
        assert_eq!(flaw(true).into_problem(&line), Problem::new(&(30..40), "wrong"));
        let help = Some("right".to_owned());
        let helped = Flaw { help, ..flaw(true) }.into_problem(&line);
        assert_eq!(helped, Problem::new(&(30..40), "wrong").help("right"));
    }
}
