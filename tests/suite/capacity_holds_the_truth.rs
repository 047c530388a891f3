//! The interval that a capacity search answers with holds the limit of a server whose limit is known.
//! `benches/capacity` does the same a hundred times over; its table is in `reports/truth`.

#[path = "../../benches/capacity/coverage.rs"]
mod coverage;

use coverage::{Server, coverage};
use mailbench::run::capacity::SearchOptions;

fn holds(limit: f64, arrival: &'static str, options: &SearchOptions, searches: u64) {
    let server = Server { limit, arrival, random: false };
    let found = coverage(&server, options, 1..=searches);
    assert_eq!((found.hold, found.open), (found.searches, 0), "{server:?}: {found:?}");
    assert!(found.most_over <= 0.0, "never above the truth: {found:?}");
    assert!(found.most_width <= 1.5 * options.goal.width, "{found:?}");
}

#[test]
fn in_short_trials_of_even_arrivals() {
    holds(20.0, "constant", &SearchOptions::quick(), 4);
    holds(100.0, "constant", &SearchOptions::quick(), 2);
}

#[test]
fn in_short_trials_of_random_arrivals() {
    holds(20.0, "poisson", &SearchOptions::quick(), 4);
    holds(100.0, "poisson", &SearchOptions::quick(), 2);
}

#[test]
fn in_long_trials() {
    holds(20.0, "poisson", &SearchOptions::full(), 1);
}
