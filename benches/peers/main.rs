//! mailbench against Postfix's `smtp-source` and `smtp-sink`, against a bare TCP exchange, and its
//! relay against Postfix: the table of how fast the instrument is.
//!
//! `cargo bench --bench peers [-- ROW… --runs N]`; rows by the beginning of their names. Nothing
//! foreign is built: programs are found as the tests find them (`tests/mtas/install`), and rows
//! that need one that is missing say so. Contestants take turns, so that a change of the machine's
//! mood meets all of them; figures are medians.

#![allow(clippy::print_stdout, reason = "the table is the result")]

mod contest;
mod growth;
mod memory;
mod parts;
mod process;
mod rows;
mod runs;

use process::Tools;

/// Turns of each contestant, unless told otherwise.
const RUNS: usize = 7;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, part @ ..] = words.as_slice()
        && first == "part"
    {
        parts::play(part);
        return;
    }
    // cargo says so when it means to measure; `cargo test` only wants to know that this runs.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let mut runs = RUNS;
    let mut rows = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => runs = words.next().and_then(|n| n.parse().ok()).expect("--runs N"),
            "--bench" => {}
            _ => rows.push(word),
        }
    }
    let tools = Tools::find();
    if tools.is_none() {
        println!("smtp-source and smtp-sink were not found: tests/mtas/install DIR unpacks them,");
        println!("MAILBENCH_MTA_PREFIX=DIR names them. Rows that need them are left out.");
    }
    contest::head();
    let wanted = |name: &str| rows.is_empty() || rows.iter().any(|row| name.starts_with(row));
    rows::all(&wanted, tools.as_ref(), runs);
    growth::all(&wanted, runs);
    memory::all(&wanted);
}
