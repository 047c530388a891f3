//! What is said of two stored runs: how well their difference is known, why one decides nothing, what
//! keeps them from being compared, and which figures a run has.

use mailbench::measure::comparison::results::{Comparison, Design, Outcome};
use mailbench::measure::comparison::{Terms, comparable, figure, single};
use mailbench::measure::latency::PERCENTILES;
use mailbench::measure::results::{
    DestinationFacts, DoubtfulFigure, Health, HealthCheck, HealthStatus, Marked, Results,
};
use mailbench::scenario;

use crate::comparisons_are_judged::{P50, at, each_taking, findings, of, row};
use crate::made_up_runs::steady;

fn stored<'a>(name: &str, results: &'a Results) -> single::Stored<'a> {
    single::Stored { name: name.to_owned(), results }
}

fn one_each(base: &Results, new: &Results, allow: &[String], terms: &Terms) -> Comparison {
    let options = single::Options { noise: 0.1, differences: Vec::new(), allow };
    single::compare(&stored("base", base), &[stored("new", new)], terms, options)
}

fn other(results: &Results) -> Results {
    let mut other = results.clone();
    other.run.id = "other".to_owned();
    other
}

/// The variation of both runs, and what their percentiles can be off within each.
#[test]
fn the_error_of_single_runs_is_that_of_both() {
    let (base, new) = [50, 90].map(|slow| each_taking(|id| slow + id % 97).results).into();
    let new = other(&new);
    let error = |results: &Results| {
        let all = figure::figures(results);
        figure::find(&all, P50).expect("the figure").error
    };
    let (within_base, within_new) = (error(&base), error(&new));
    assert!(within_base > 0.01 && within_new > 0.01, "{within_base} {within_new}");
    let comparison = one_each(&base, &new, &[], &of(P50));
    let row = row(&comparison, P50);
    let error = (2.0 * 0.1_f64.powi(2) + within_base.powi(2) + within_new.powi(2)).sqrt();
    let (ratio, high) = (row.ratio.expect("a ratio"), row.high.expect("an end"));
    assert!(((high / ratio).ln() / error - 1.959_964).abs() < 1e-4, "{row:?}");
    let said = &comparison.warnings[0].message;
    assert!(said.contains("assumed to be 10%"), "{said}");
    assert_eq!(comparison.warnings.len(), 1);
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let base = findings(5).results;
    let comparison = one_each(&base, &base, &[], &of(P50));
    let row = row(&comparison, P50);
    assert_eq!((row.low, row.ratio, row.high), (Some(1.0), Some(1.0), Some(1.0)));
    assert_eq!(row.verdict, Outcome::NoDifferenceShown);
    assert_eq!(comparison.warnings[0].id, "same-run");
}

#[test]
fn an_invalid_run_is_one_reason_and_its_losses_another() {
    let base = at(10);
    let mut spoiled = other(&at(30));
    spoiled.run.interrupted = true;
    let codes = |new: &Results, allow: &[String]| -> Vec<u8> {
        one_each(&base, new, allow, &Terms::default())
            .verdict
            .reasons
            .iter()
            .map(|it| it.exit_code)
            .collect()
    };
    assert_eq!(codes(&spoiled, &[]), [96]);
    spoiled.counts.insert("lost".to_owned(), 2);
    assert_eq!(codes(&spoiled, &[]), [98, 96]);
    let comparison = one_each(&base, &spoiled, &[], &of(P50));
    let note = row(&comparison, P50).note.clone().unwrap_or_default();
    assert!(note.contains("new: it was interrupted"), "{note}");
    let reason = &comparison.verdict.reasons[1];
    assert_eq!(
        (reason.class.as_str(), &reason.message[..]),
        ("invalid", "new: it was interrupted")
    );
}

#[test]
fn the_side_that_lacks_a_figure_is_named() {
    let base = at(10);
    let mut few = other(&at(10));
    let e2e = few.latency.get_mut("e2e_response").expect("the metric");
    (e2e.p50, e2e.count, e2e.censored) = (None, 3, 2);
    let note = |base: &Results, new: &Results| {
        let comparison = one_each(base, new, &[], &of(P50));
        (row(&comparison, P50).note.clone(), comparison.verdict.exit_code)
    };
    let (said, code) = note(&base, &few);
    assert!(said.is_some_and(|it| it.starts_with("new has no such figure (5 samples, p50 needs")));
    assert_eq!(code, 96);
    let both = note(&few, &few).0.expect("a note");
    assert!(both.contains("base has no") && both.contains("; new has no"), "{both}");
    assert_eq!(note(&base, &other(&base)), (None, 0));
}

/// 0.5 below and 10 above: what is open on one side decides on the other.
#[test]
fn doubt_and_bounds_of_single_runs_widen_their_interval() {
    let base = at(100);
    let mut new = other(&at(200));
    let e2e = new.latency.get_mut("e2e_response").expect("the metric");
    e2e.doubtful = vec![DoubtfulFigure { stat: "p50".to_owned(), least: 100_000, most: 400_000 }];
    let comparison = one_each(&base, &new, &[], &of(P50));
    let in_doubt = row(&comparison, P50);
    let reach = (1.959_964 * 0.02_f64.sqrt()).exp();
    let near =
        |value: Option<f64>, wanted: f64| value.is_some_and(|it| (it / wanted - 1.0).abs() < 1e-4);
    assert!(near(in_doubt.low, 1.0 / reach) && near(in_doubt.high, 4.0 * reach), "{in_doubt:?}");
    assert!(in_doubt.lacks_data, "without the doubt it would be a regression");
    let e2e = new.latency.get_mut("e2e_response").expect("the metric");
    (e2e.doubtful, e2e.at_least) = (Vec::new(), vec!["p50".to_owned()]);
    let comparison = one_each(&base, &new, &[], &of(P50));
    let bound = row(&comparison, P50);
    assert!(near(bound.low, 2.0 / reach) && bound.high.is_none(), "{bound:?}");
    assert_eq!((bound.base_at_least, bound.new_at_least), (false, true));
    let sign =
        |figure: Option<Marked<f64>>| figure.map(|it| it.text(|value| format!("{value:.0}")));
    assert_eq!(sign(bound.marked_base()).as_deref(), Some("100000"));
    assert_eq!(sign(bound.marked_new()).as_deref(), Some(">=200000"));
    assert_eq!(sign(bound.marked_ratio()).as_deref(), Some(">=2"));
}

#[test]
fn what_differs_is_named() {
    let base = findings(5).results;
    assert!(comparable::differences(&base, &base).is_empty());
    let with = |change: &dyn Fn(&mut Results)| {
        let mut new = base.clone();
        change(&mut new);
        comparable::differences(&base, &new)
    };
    assert_eq!(
        with(&|run| run.target.kind = "postfix".to_owned()),
        ["target kind: `relay` and `postfix`"]
    );
    let machine = with(&|run| _ = run.environment.insert("cpu".to_owned(), "x".to_owned()));
    assert_eq!(machine, ["environment, cpu: nothing and `x`"]);
    assert!(with(&|run| run.target.version = "9".to_owned()).is_empty());
}

#[test]
fn what_spoils_a_run_is_named() {
    let base = findings(5).results;
    let flaw = |allow: &[&str], change: &dyn Fn(&mut Results)| {
        let mut run = base.clone();
        change(&mut run);
        let allow: Vec<String> = allow.iter().map(|it| (*it).to_owned()).collect();
        comparable::flaw(&run, &allow).unwrap_or_default()
    };
    assert_eq!(flaw(&[], &|_| {}), "");
    assert!(flaw(&[], &|run| run.run.complete = false).contains("ends before"));
    assert!(flaw(&[], &|run| run.run.interrupted = true).contains("interrupted"));
    let accepted =
        |count| move |run: &mut Results| _ = run.counts.insert("accepted".to_owned(), count);
    assert!(flaw(&[], &accepted(0)).contains("nothing was accepted"));
    assert_eq!(flaw(&[], &accepted(1)), "");
    assert!(flaw(&[], &|run| _ = run.counts.remove("accepted")).contains("nothing was accepted"));
    let check = |status| {
        move |run: &mut Results| {
            let check = HealthCheck {
                id: "stalled".to_owned(),
                status,
                value: 1.0,
                warn: 0.0,
                invalid: 0.5,
                unit: String::new(),
                advice: String::new(),
            };
            run.health = Health { checks: vec![check], ..run.health.clone() };
        }
    };
    assert!(flaw(&[], &check(HealthStatus::Invalid)).contains("spoiled it (stalled)"));
    assert_eq!(flaw(&[], &check(HealthStatus::Warn)), "");
    for allowed in ["health", "invalid"] {
        assert_eq!(flaw(&[allowed], &check(HealthStatus::Invalid)), "");
    }
    assert!(!flaw(&["inconclusive"], &check(HealthStatus::Invalid)).is_empty());
}

#[test]
fn figures_of_destinations_exist_where_there_are_several() {
    let mut results = findings(5).results;
    let facts = |domain: &str, results: &Results| DestinationFacts {
        domain: domain.to_owned(),
        latency: results.latency.clone(),
        ..results.destinations[0].clone()
    };
    results.destinations = vec![facts("a.test", &results)];
    let named = |results: &Results| {
        figure::figures(results).iter().filter(|it| it.name.contains("a.test")).count()
    };
    assert_eq!(named(&results), 0);
    let more = facts("b.test", &results);
    results.destinations.push(more);
    let all = figure::figures(&results);
    let of_a = figure::find(&all, "e2e_response{destination=a.test}.p50").expect("the figure");
    let whole = figure::find(&all, P50).expect("the figure");
    assert_eq!((of_a.value, of_a.unit), (whole.value, "us"));
    assert_eq!(figure::find(&all, "e2e_response{destination=c.test}.p50"), None);
    let delivered = figure::find(&all, "delivered.rate").expect("the figure");
    assert_eq!((delivered.value, delivered.throughput), (results.rates["delivered"], true));
}

#[test]
fn why_a_figure_is_missing_is_said() {
    let mut results = findings(5).results;
    let why = |results: &Results, name: &str| figure::absence(results, name);
    for stat in ["p50", "p99", "p999"] {
        let one = PERCENTILES.iter().find(|one| one.name == stat).expect("a percentile");
        let needs = format!("400 samples, {stat} needs {}", one.needs);
        assert_eq!(why(&results, &format!("e2e_response.{stat}")), needs);
    }
    assert_eq!(why(&results, "drain_time"), "the queue did not drain");
    assert_eq!(why(&results, "target_cpu.mean"), "the target's use was not measured");
    assert_eq!(why(&results, "backlog.max"), "it was not measured");
    assert_eq!(why(&results, "e2e_response{destination=x.test}.p99"), "it was not measured");
    let mut facts = results.destinations[0].clone();
    facts.domain = "x.test".to_owned();
    let mut latency = results.latency["e2e_response"].clone();
    (latency.count, latency.censored) = (7, 1);
    facts.latency.insert("e2e_response".to_owned(), latency);
    results.destinations.push(facts);
    let of_place = why(&results, "e2e_response{destination=x.test}.p99");
    assert!(of_place.starts_with("8 samples, p99 needs"), "{of_place}");
    let all = figure::figures(&results);
    let distinct = figure::distinct(all.iter().chain(&all), &["new.figure".to_owned()]);
    assert_eq!(distinct.len(), all.len() + 1);
}

#[test]
fn destinations_have_names_where_there_are_several() {
    let names = |more: &str| {
        let loaded = scenario::parse("s.toml", &steady(40, 10, more), &[]).expect("a scenario");
        figure::names_by_destination(&loaded.scenario.destinations)
    };
    assert!(names("").is_empty());
    let several = names("[[destination]]\ndomain = \"b.test\"\n");
    let of = |domain: &str| {
        ["p50", "p99"].map(|stat| format!("e2e_response{{destination={domain}}}.{stat}"))
    };
    assert_eq!(several, [of("a.test"), of("b.test")].concat());
}

/// How long a recovery took that was not over is not known.
#[test]
fn a_recovery_that_is_a_bound_is_no_figure() {
    let recovery = |is_bound: bool| {
        let mut results = findings(5).results;
        (results.queue.recovery_time_max_s, results.queue.recovery_time_max_at_least) =
            (Some(3.0), is_bound);
        let all = figure::figures(&results);
        figure::find(&all, "recovery_time.max").map(|it| it.value)
    };
    assert_eq!((recovery(false), recovery(true)), (Some(3.0), None));
}

/// Of a base that is only known to be at least so slow, new can be any number of times as fast.
#[test]
fn a_bound_on_one_side_leaves_its_end_open_and_says_so() {
    let mut base = at(100);
    base.latency.get_mut("e2e_response").expect("the metric").at_least = vec!["p50".to_owned()];
    let comparison = one_each(&base, &other(&at(200)), &[], &of(P50));
    let bound = row(&comparison, P50);
    assert_eq!((bound.low, bound.verdict, bound.lacks_data), (None, Outcome::Inconclusive, true));
    assert!(bound.note.as_ref().is_some_and(|note| note.contains("is a lower bound")), "{bound:?}");
}

/// A figure left open by two single runs is no reason not to pass; of pairs it is.
#[test]
fn what_must_be_decided_depends_on_the_design() {
    let comparison = one_each(&at(100), &other(&at(103)), &[], &of(P50));
    let open = row(&comparison, P50);
    assert_eq!((open.verdict, comparison.verdict.exit_code), (Outcome::Inconclusive, 0));
    assert!(!Design::Single.must_decide(open) && Design::Paired.must_decide(open));
    let informing = row(&comparison, "e2e_response.p99");
    assert!(!Design::Paired.must_decide(informing));
}

/// One connection more or less, kept open for many messages, is no difference; many are.
#[test]
fn a_few_connections_more_are_no_regression() {
    const CONNECTIONS: &str = "connection_attempts.per_delivery";
    let with = |count: u64| {
        let mut results = at(100);
        let known = results.queue.connection_attempts.get_or_insert_default();
        (known.count, known.per_delivery) = (Some(count), Some(count as f64 / 200.0));
        results
    };
    for (base, new, expected, exit_code) in [
        (0, 1, Outcome::Inconclusive, 0),
        (1, 0, Outcome::Inconclusive, 0),
        (1, 2, Outcome::Inconclusive, 0),
        (200, 400, Outcome::Regression, 98),
        (400, 200, Outcome::Improved, 0),
        (0, 400, Outcome::Regression, 98),
    ] {
        let comparison = one_each(&with(base), &other(&with(new)), &[], &of(CONNECTIONS));
        let seen = (row(&comparison, CONNECTIONS).verdict, comparison.verdict.exit_code);
        assert_eq!(seen, (expected, exit_code), "{base} {new}");
    }
}
