//! What a comparison of pairs makes of its runs, figure by figure: which runs count, what is shown of
//! each side, what is said where data are missing, and which reasons end in which exit code.

use mailbench::ledger::event::{AttemptOutcome, SubmitResult};
use mailbench::measure::comparison::Terms;
use mailbench::measure::comparison::paired::{self, Made, Plan};
use mailbench::measure::comparison::results::{Comparison, Outcome, Row};
use mailbench::measure::results::{DoubtfulFigure, Findings, Reason, Results};
use mailbench::scenario;
use mailbench::smtp::reply::Reply;

use crate::made_up_runs::{Run, ms, steady};

/// A made-up run of 400 messages, each `slow` milliseconds at the target.
pub(crate) fn findings(slow: u64) -> Findings {
    each_taking(|id| slow + id % 7)
}

/// The same, each so many milliseconds by its number.
pub(crate) fn each_taking(millis: impl Fn(u64) -> u64) -> Findings {
    let mut run = Run::new(steady(40, 10, ""));
    let ok = || SubmitResult::Accepted { reply: Reply::new(250, None, "ok") };
    for id in 0..400 {
        let due = id * 25;
        let done = due + millis(id);
        run.submit(id, [ms(due), ms(due), ms(due), ms(done)], ok());
        run.attempt(id, 1, ms(done + millis(id)), AttemptOutcome::Taken);
    }
    run.pulses(10, 0);
    run.end(10_000, 11_000, 0);
    run.judge()
}

pub(crate) const P50: &str = "e2e_response.p50";

/// A run whose median end-to-end time is so many milliseconds, known without an error.
pub(crate) fn at(p50: u64) -> Results {
    let mut results = findings(5).results;
    let e2e = results.latency.get_mut("e2e_response").expect("the metric");
    e2e.hdr.clear();
    (e2e.p50, e2e.range) = (Some(p50 * 1_000), Default::default());
    e2e.doubtful.clear();
    results
}

pub(crate) fn of(p50: &str) -> Terms {
    Terms { gate: vec![p50.to_owned()], ..Terms::default() }
}

/// Runs in pairs: base and others, in milliseconds.
fn made(pairs: &[&[u64]]) -> Vec<Made> {
    let runs = pairs.iter().zip(1..).flat_map(|(pair, number)| {
        pair.iter().enumerate().map(move |(variant, p50)| {
            let mut results = at(*p50);
            results.run.id = format!("{number}-{variant}");
            let folder = String::new();
            Made { pair: number, variant, attempt: 1, folder, counted: true, results }
        })
    });
    runs.collect()
}

fn names() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

fn plan(variants: &[String], may_extend: bool) -> Plan<'_> {
    Plan { variants, pairs: 8, may_extend, extended: false }
}

fn compared(made: &[Made], terms: &Terms) -> Comparison {
    paired::compare(made, &plan(&names()[..2], false), terms)
}

pub(crate) fn row<'a>(comparison: &'a Comparison, metric: &str) -> &'a Row {
    let figures = &comparison.contrasts[0].figures;
    figures.iter().find(|row| row.metric == metric).expect("the figure")
}

/// Eight pairs, the new side slower by `share` percent.
fn eight(share: u64) -> Vec<Made> {
    let pairs: Vec<[u64; 2]> = (0..8).map(|n| [100 + n, (100 + n) * (100 + share) / 100]).collect();
    made(&pairs.iter().map(|pair| &pair[..]).collect::<Vec<_>>())
}

#[test]
fn two_looks_share_the_odds_of_a_false_alarm() {
    let names = names();
    assert_eq!((plan(&names, true).alpha(), plan(&names, false).alpha()), (0.025, 0.05));
    let terms = of(P50);
    let alpha = |plan: &Plan<'_>| paired::compare(&eight(30), plan, &terms).method.alpha;
    assert_eq!(alpha(&plan(&names[..2], true)), 0.025);
}

#[test]
fn both_sides_are_shown_by_their_medians() {
    let three = compared(&made(&[&[10, 20], &[30, 60], &[100, 50]]), &of(P50));
    let shown = row(&three, P50);
    assert_eq!((shown.base, shown.new, shown.pairs), (Some(30e3), Some(50e3), 3));
    let two = compared(&made(&[&[10, 20], &[30, 60]]), &of(P50));
    assert_eq!((row(&two, P50).base, row(&two, P50).new), (Some(20e3), Some(40e3)));
    let four = compared(&made(&[&[10, 20], &[30, 60], &[100, 50], &[50, 70]]), &of(P50));
    assert_eq!((row(&four, P50).base, row(&four, P50).new), (Some(40e3), Some(55e3)));
    let side = &four.contrasts[0].new;
    assert_eq!((side.name.as_str(), side.target_kind.as_str()), ("b", "relay"));
    let mut mixed = made(&[&[10, 20], &[30, 60]]);
    mixed[1].results.target.kind = "postfix".to_owned();
    let mixed = compared(&mixed, &of(P50));
    let kinds = [&mixed.base, &mixed.contrasts[0].new].map(|side| side.target_kind.as_str());
    assert_eq!(kinds, ["relay", "postfix"]);
    assert_eq!(side.runs, ["1-1", "2-1", "3-1", "4-1"]);
    assert_eq!(four.base.runs, ["1-0", "2-0", "3-0", "4-0"]);
    assert_eq!(four.trials.len(), 8);
    let figures = &four.trials[1].figures;
    assert_eq!((figures[P50], figures.len() > 8, four.trials[1].at_least.len()), (20e3, true, 0));
}

#[test]
fn a_regression_is_a_reason_and_a_small_one_is_not() {
    let slower = compared(&eight(30), &of(P50));
    assert_eq!(row(&slower, P50).verdict, Outcome::Regression);
    assert!(row(&slower, P50).ratio.is_some_and(|ratio| (ratio - 1.3).abs() < 0.01));
    assert_eq!(slower.verdict.exit_code, 98);
    assert!(slower.verdict.reasons[0].message.contains("b: e2e_response.p50 (1."), "{slower:?}");
    let same = compared(&eight(1), &of(P50));
    assert_eq!((same.verdict.exit_code, same.verdict.reasons.len()), (0, 0));
}

/// Of one figure at 0.05, eight pairs with 256 signs: each variant more asks for one pair more.
#[test]
fn what_few_pairs_cannot_show_is_said() {
    let warned = |pairs: usize, variants: usize, gate: usize, may_extend: bool| {
        let runs: Vec<&[u64]> = vec![&[10, 20, 30][..variants]; pairs];
        let gate = (0..gate).map(|n| n.to_string()).collect();
        let terms = Terms { gate, ..Terms::default() };
        let names = names();
        let warnings = paired::compare(&made(&runs), &plan(&names[..variants], may_extend), &terms);
        let found = warnings.warnings.into_iter().filter(|it| it.id == "too-few-pairs");
        found.map(|it| it.message).next()
    };
    assert_eq!((warned(6, 2, 1, false), warned(8, 2, 4, false)), (None, None));
    let five = warned(5, 2, 1, false).expect("a warning");
    assert!(five.contains("5 pairs cannot") && five.contains("at least 6 are needed"), "{five}");
    let seven = warned(7, 2, 4, false).expect("a warning");
    assert!(seven.contains("one of 4 figures") && seven.contains("at least 8"), "{seven}");
    assert!(warned(6, 3, 1, false).expect("a warning").contains("at least 7"));
    assert!(warned(6, 2, 1, true).expect("a warning").contains("at least 7"));
    assert_eq!(warned(7, 3, 1, false), None);
}

#[test]
fn invalid_runs_and_debug_builds_are_warned_of() {
    let ids = |made: &[Made]| -> Vec<String> {
        compared(made, &of(P50)).warnings.into_iter().map(|it| it.id).collect()
    };
    let mut runs = eight(1);
    runs.iter_mut().for_each(|made| _ = made.results.environment.remove("build"));
    assert!(ids(&runs).is_empty());
    runs[5].results.environment.insert("build".to_owned(), "release".to_owned());
    assert!(ids(&runs).is_empty());
    runs[5].results.environment.insert("build".to_owned(), "debug".to_owned());
    assert_eq!(ids(&runs), ["debug-build"]);
    let mut spoiled = eight(1);
    spoiled.iter_mut().for_each(|made| _ = made.results.environment.remove("build"));
    spoiled[3].counted = false;
    let comparison = compared(&spoiled, &of(P50));
    assert!(comparison.warnings[0].message.starts_with("1 of 16 runs were invalid"));
    assert_eq!(row(&comparison, P50).pairs, 7, "a pair without two valid runs is left out");
    assert_eq!(comparison.contrasts[0].new.runs.len(), 7);
}

#[test]
fn a_figure_that_pairs_lack_says_which_and_why() {
    let note = |change: &dyn Fn(&mut [Made])| {
        let mut runs = eight(1);
        change(&mut runs);
        let comparison = compared(&runs, &of(P50));
        let row = row(&comparison, P50);
        (row.note.clone().unwrap_or_default(), row.lacks_data, row.pairs)
    };
    let without = |made: &mut Made| {
        let e2e = made.results.latency.get_mut("e2e_response").expect("the metric");
        (e2e.p50, e2e.count) = (None, 3);
    };
    assert_eq!(note(&|_| {}), (String::new(), false, 8));
    let (one, lacks, pairs) = note(&|runs| without(&mut runs[3]));
    assert!(one.contains("1 of 8 pairs lack it (b: 3 samples, p50 needs"), "{one}");
    assert_eq!((lacks, pairs), (true, 7));
    let (none, ..) = note(&|runs| runs.iter_mut().for_each(without));
    assert!(none.contains("no pair has it (a: 3 samples"), "{none}");
    let (invalid, ..) = note(&|runs| runs.iter_mut().for_each(|made| made.counted = false));
    assert!(invalid.contains("no pair of two valid runs"), "{invalid}");
}

#[test]
fn a_figure_in_doubt_is_said_to_be() {
    let mut runs = eight(30);
    let doubtful = DoubtfulFigure { stat: "p50".to_owned(), least: 1_000, most: 900_000 };
    for made in runs.iter_mut().filter(|made| made.variant == 1) {
        let e2e = made.results.latency.get_mut("e2e_response").expect("the metric");
        e2e.doubtful = vec![doubtful.clone()];
    }
    let comparison = compared(&runs, &of(P50));
    let row = row(&comparison, P50);
    assert_eq!((row.verdict, row.lacks_data), (Outcome::Inconclusive, true), "{row:?}");
    assert!(row.note.as_ref().is_some_and(|note| note.contains("mailbench's own delays")));
    assert_eq!(comparison.verdict.exit_code, 96);
}

fn reason(class: &str, exit_code: u8) -> Reason {
    Reason { class: class.to_owned(), exit_code, message: String::new() }
}

#[test]
fn what_runs_broke_is_a_reason_here_too() {
    let mut runs = eight(1);
    for made in &mut runs[..4] {
        made.results.verdict.reasons = vec![reason("health", 96)];
    }
    for at in [1, 3, 5] {
        runs[at].results.verdict.reasons.push(reason("threshold", 99));
    }
    for at in [7, 9] {
        runs[at].results.verdict.reasons.push(reason("lost", 97));
    }
    let comparison = compared(&runs, &of(P50));
    let said: Vec<&str> = comparison.verdict.reasons.iter().map(|it| &it.message[..]).collect();
    assert_eq!(said, ["b: lost in 2 of its runs", "b: threshold in 3 of its runs"]);
    assert_eq!(comparison.verdict.exit_code, 97);
}

#[test]
fn broken_promises_are_compared_by_their_counts() {
    let lost = |base: [u64; 2], new: [u64; 2]| {
        let mut runs = eight(1);
        for (made, count) in runs.iter_mut().zip([base[0], new[0], base[1], new[1]]) {
            made.results.counts.insert("lost".to_owned(), count);
        }
        let comparison = compared(&runs, &of(P50));
        let figures = comparison.contrasts[0].figures.clone();
        let found = figures.into_iter().find(|row| row.metric == "lost");
        (found.map(|row| (row.base, row.new, row.verdict)), comparison.verdict.exit_code)
    };
    assert_eq!(lost([0, 0], [0, 0]), (None, 0));
    let counts = |base: f64, new: f64, verdict| Some((Some(base), Some(new), verdict));
    assert_eq!(lost([0, 0], [1, 2]), (counts(0.0, 3.0, Outcome::Regression), 98));
    assert_eq!(lost([1, 2], [3, 0]), (counts(3.0, 3.0, Outcome::NoDifferenceShown), 0));
    assert_eq!(lost([3, 0], [0, 0]).0, counts(3.0, 0.0, Outcome::Improved));
}

/// Pairs of which both sides are mere bounds stay so, however many are run.
#[test]
fn pairs_are_added_only_where_they_could_decide() {
    let names = names();
    let plan = plan(&names[..2], true);
    let asked = |runs: &[Made], terms: &Terms| {
        let comparison = paired::compare(runs, &plan, terms);
        paired::more_pairs_could_decide(&comparison, runs, &plan, terms)
    };
    let bound = |runs: &mut [Made], variant: Option<usize>| {
        for made in runs.iter_mut().filter(|it| variant.is_none_or(|one| it.variant == one)) {
            let e2e = made.results.latency.get_mut("e2e_response").expect("the metric");
            e2e.at_least = vec!["p50".to_owned()];
        }
    };
    let (same, slower): (&[u64], &[u64]) = (&[100, 100], &[100, 110]);
    let unclear = made(&[same, slower].repeat(4));
    assert!(asked(&unclear, &of(P50)));
    assert!(!asked(&unclear, &of("submit_service.p50")), "nothing is open");
    assert!(!asked(&eight(30), &of(P50)), "a regression stays one");
    let (mut both, mut new) = (unclear.clone(), unclear.clone());
    bound(&mut both, None);
    bound(&mut new, Some(1));
    assert!(!asked(&both, &of(P50)));
    assert!(asked(&new, &of(P50)), "the new side can still be shown to be worse");
    let mut lost = both.clone();
    lost[1].results.counts.insert("lost".to_owned(), 1);
    assert!(!asked(&lost, &of(P50)));
    let mut missing = unclear;
    for made in &mut missing[..10] {
        made.results.latency.get_mut("e2e_response").expect("the metric").p50 = None;
    }
    assert!(!asked(&missing, &of(P50)), "five of sixteen lack it");
    // Of twelve pairs at 0.0125 ranks up to a sum of 10 may speak against a claim, and one of them
    // can be the twelfth; at 0.025 up to 13 may.
    let six = |may_extend| {
        let mut runs = made(&[same, slower].repeat(3));
        runs[0].results.latency.get_mut("e2e_response").expect("the metric").p50 = None;
        let plan = Plan { variants: &names[..2], pairs: 6, may_extend, extended: false };
        let comparison = paired::compare(&runs, &plan, &of(P50));
        paired::more_pairs_could_decide(&comparison, &runs, &plan, &of(P50))
    };
    assert_eq!((six(true), six(false)), (false, true));
}

/// The terms of a scenario with these lines under `[compare]`, or the complaint.
fn terms(lines: &str) -> Result<Terms, String> {
    let variants = ["a", "b"].map(|name| format!("[[compare.variant]]\nname = \"{name}\"\n"));
    let more = format!("[compare]\n{lines}\n{}", variants.concat());
    let text = steady(40, 10, &more);
    let loaded = scenario::parse("s.toml", &text, &[]).map_err(|error| error.to_string())?;
    Ok(Terms::from(loaded.scenario.compare.as_ref().expect("a comparison")))
}

#[test]
fn the_terms_are_those_of_the_scenario() {
    let usual = terms("").expect("terms");
    assert_eq!(usual, Terms::default());
    let own =
        terms("margin = \"10%\"\nrate_margin = \"2%\"\ngate = [\"drain_time\", \"accepted.rate\"]");
    let gate = ["drain_time", "accepted.rate"].map(str::to_owned).to_vec();
    assert_eq!(own, Ok(Terms { latency_margin: 0.1, throughput_margin: 0.02, gate }));
}

/// Each mistake is shown at the name that makes it.
#[test]
fn what_cannot_decide_is_refused_at_its_place() {
    let said = |gate: &str| terms(&format!("gate = [{gate}]")).expect_err("a mistake");
    let twice = said("\"drain_time\", \"backlog.max\", \"drain_time\"");
    assert!(twice.contains("`drain_time` is named twice"), "{twice}");
    assert!(twice.contains("name each figure once") && twice.contains(":38"), "{twice}");
    let unknown = said("\"drain_time\", \"drain_tine\"");
    assert!(unknown.contains("`drain_tine` is not a figure"), "{unknown}");
    assert!(unknown.contains("did you mean `drain_time`?") && unknown.contains(":23"), "{unknown}");
    assert!(said("").contains("one to four figures can decide"));
    let five =
        ["e2e_response.p50", "e2e_response.p99", "drain_time", "backlog.max", "goodput.rate"];
    let five = said(&five.map(|name| format!("\"{name}\"")).join(", "));
    assert!(five.contains("one to four figures can decide"), "{five}");
}
