//! Contestants that take turns, and the line of the table that comes of it.

/// One turn of a contestant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// Messages a second.
    pub(crate) rate: f64,
    /// CPU of what is compared. Microseconds a message; NaN: not comparable.
    pub(crate) cpu: f64,
}

/// A figure that has a target.
pub(crate) enum Target {
    /// Ours over theirs, at least.
    Rate(f64),
    /// Ours over theirs, at most.
    Cpu(f64),
}

/// Prints the head of the table.
pub(crate) fn head() {
    println!(
        "{:<24} {:>9} {:>9} {:>6} {:>8} {:>8} {:>6}  target",
        "row", "ours/s", "theirs/s", "ratio", "ours µs", "theirs", "ratio"
    );
}

/// Lets both take turns, and prints the medians beside the targets.
pub(crate) fn hold(
    name: &str,
    targets: &[Target],
    runs: usize,
    mut ours: impl FnMut() -> Turn,
    mut theirs: impl FnMut() -> Turn,
) {
    let (mut our_turns, mut their_turns) = (Vec::new(), Vec::new());
    for run in 0..runs {
        // Who goes first changes too.
        if run % 2 == 0 {
            our_turns.push(ours());
            their_turns.push(theirs());
        } else {
            their_turns.push(theirs());
            our_turns.push(ours());
        }
    }
    let (us, them) = (medians(&our_turns), medians(&their_turns));
    let (rate, cpu) = (us.rate / them.rate, us.cpu / them.cpu);
    let verdicts = targets.iter().map(|target| match target {
        Target::Rate(least) => format!("rate ≥ {least:.2}×: {}", met(rate >= *least)),
        Target::Cpu(most) => format!("CPU ≤ {most:.2}×: {}", met(cpu <= *most)),
    });
    let verdicts = verdicts.collect::<Vec<_>>().join(", ");
    println!(
        "{name:<24} {:>9.0} {:>9.0} {rate:>6.2} {:>8.1} {:>8.1} {cpu:>6.2}  {verdicts}",
        us.rate, them.rate, us.cpu, them.cpu
    );
    println!("    {}", spread("ours", &our_turns));
    println!("    {}", spread("theirs", &their_turns));
}

/// How a bound was kept.
pub(crate) fn met(holds: bool) -> &'static str {
    if holds { "met" } else { "MISSED" }
}

fn medians(turns: &[Turn]) -> Turn {
    Turn {
        rate: median(turns.iter().map(|turn| turn.rate).collect()),
        cpu: median(turns.iter().map(|turn| turn.cpu).collect()),
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[lower], values[upper])
}

/// Every turn, for whoever doubts the median.
fn spread(who: &str, turns: &[Turn]) -> String {
    let turns = turns.iter().map(|turn| format!("{:.0}/s {:.1} µs", turn.rate, turn.cpu));
    format!("{who}: {}", turns.collect::<Vec<_>>().join(" | "))
}
