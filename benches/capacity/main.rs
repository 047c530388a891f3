//! How often a capacity search holds the truth: a hundred simulated searches of each server, as a
//! table in Markdown. `cargo bench --bench capacity -- [searches] [quick|full]`.

#![allow(clippy::print_stdout, reason = "the table is the result")]

mod coverage;

use coverage::{Server, coverage};
use mailbench::run::capacity::SearchOptions;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let searches = words.iter().find_map(|word| word.parse().ok()).unwrap_or(100);
    let wanted = |profile: &str| {
        let named = |word: &String| word == "quick" || word == "full";
        !words.iter().any(named) || words.iter().any(|word| word == profile)
    };
    println!(
        "| profile | limit | arrivals | service | hold the truth | open | lower bound over the truth \
         at most | width, mean | width, most | trials | load |"
    );
    println!("|---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for options in [SearchOptions::quick(), SearchOptions::full()] {
        if !wanted(options.profile) {
            continue;
        }
        for random in [false, true] {
            for limit in [20.0, 100.0, 500.0] {
                for arrival in ["constant", "poisson"] {
                    row(&Server { limit, arrival, random }, &options, searches);
                }
            }
        }
    }
}

fn row(server: &Server, options: &SearchOptions, searches: u64) {
    let found = coverage(server, options, 1..=searches);
    println!(
        "| {} | {}/s | {} | {} | {} of {} | {} | {:+.2} % | {:.1} % | {:.1} % | {:.1} | {:.0} s |",
        options.profile,
        server.limit,
        server.arrival,
        if server.random { "exponential" } else { "constant" },
        found.hold,
        found.searches,
        found.open,
        found.most_over * 100.0,
        found.mean_width * 100.0,
        found.most_width * 100.0,
        found.mean_trials,
        found.mean_load_s,
    );
}
