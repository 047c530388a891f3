//! Claimed against simulated power, as the table of `reports/truth/power.md`.
//!
//! `cargo bench --bench power` writes it, with the number of made-up comparisons a row as the only
//! argument (1,000 without).

#[path = "../../tests/suite/made_up_series.rs"]
mod made_up_series;
mod simulation;

use std::fmt::Write as _;
use std::path::Path;

use mailbench::measure::history::change_point::changes;
use simulation::Setting;

fn main() {
    let number = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let repetitions = number.unwrap_or(1_000);
    let mut text = String::from(HEAD);
    claimed(&mut text, repetitions);
    quiet(&mut text, repetitions);
    history(&mut text, repetitions.min(200));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/truth/power.md");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, text).expect("written");
}

const HEAD: &str = "# Comparisons and histories: claimed and found\n\n\
    Written by `cargo bench --bench power`. Made-up runs vary by a normal amount on the logarithmic \
    scale and are decided as real ones are.\n\n";

/// All designs at one variation, and one design at others: effects are claimed in units of the
/// variation, beyond the margin.
fn settings() -> impl Iterator<Item = Setting> {
    let all = [6, 8, 10, 15, 20].into_iter().flat_map(|pairs| {
        [1, 2, 4].into_iter().flat_map(move |gates| {
            [false, true].map(|extend| Setting { variation: 0.03, pairs, gates, extend })
        })
    });
    let others = [0.01, 0.05, 0.10].into_iter().flat_map(|variation| {
        [false, true].map(|extend| Setting { variation, pairs: 10, gates: 4, extend })
    });
    all.chain(others)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn claimed(text: &mut String, repetitions: u64) {
    text.push_str(
        "## Power\n\nThe smallest regression that a report claims to find four times in five (margin \
         5 %), and how often it was found. *Stated*: the mean of what the reports of these \
         comparisons say, which know only their own runs.\n\n\
         | pairs | gated figures | extension | run-to-run variation | claimed | stated | found |\n\
         |---:|---:|:---|---:|---:|---:|---:|\n",
    );
    let mut farthest: f64 = 0.0;
    for setting in settings() {
        let Setting { variation, pairs, gates, extend } = setting;
        let _infallible = write!(
            text,
            "| {pairs} | {gates} | {} | {} | ",
            if extend { "yes" } else { "no" },
            percent(variation)
        );
        let Some(effect) = setting.claimed() else {
            text.push_str("none, too few pairs | | |\n");
            continue;
        };
        let found = setting.simulate(effect, repetitions);
        farthest = farthest.max((found.planted - power()).abs());
        let stated = if found.stated.is_nan() { "-".to_owned() } else { percent(found.stated) };
        let _infallible =
            writeln!(text, "{} | {stated} | {} |", percent(effect), percent(found.planted));
    }
    let _infallible = writeln!(
        text,
        "\nOf {repetitions} comparisons a row; the farthest from 80 % is {:.1} points away.\n",
        farthest * 100.0
    );
}

fn power() -> f64 {
    mailbench::measure::comparison::power::FOUND
}

fn quiet(text: &mut String, repetitions: u64) {
    text.push_str(
        "## A against A, and +15 %\n\nTen pairs, four gated figures, an extension where the first \
         look is inconclusive.\n\n\
         | run-to-run variation | A/A: regression in any figure | +15 % in one figure: found |\n\
         |---:|---:|---:|\n",
    );
    for variation in [0.01, 0.02, 0.03, 0.05, 0.10] {
        let setting = Setting { variation, pairs: 10, gates: 4, extend: true };
        let same = setting.simulate(0.0, repetitions);
        let alarms = (same.planted + same.others) * repetitions as f64;
        let planted = setting.simulate(0.15, repetitions).planted * repetitions as f64;
        let _infallible = writeln!(
            text,
            "| {} | {alarms:.0} of {repetitions} | {planted:.0} of {repetitions} |",
            percent(variation)
        );
    }
    let at_margin = Setting { variation: 0.03, pairs: 10, gates: 4, extend: true };
    let alarms = at_margin.simulate(0.05, repetitions).planted;
    let _infallible = writeln!(
        text,
        "\nExactly at the margin (+5 % in one figure, variation 3 %) a regression is a false alarm, \
         too: {}.\n",
        percent(alarms)
    );
}

fn history(text: &mut String, series: u64) {
    text.push_str(
        "## Change points under autocorrelation\n\nSeries of runs that vary by 3 % and resemble \
         the run before them; a step of 15 % a few runs before the end is found where it is named \
         within three runs.\n\n\
         | runs | lag-1 autocorrelation | even series with a change | step 8 runs ago: found | \
         step 4 runs ago: found |\n|---:|---:|---:|---:|---:|\n",
    );
    for (count, by) in [30, 60].into_iter().flat_map(|n| [0.0, 0.3, 0.5, 0.7].map(|by| (n, by))) {
        let share = |of: u64, step: Option<u32>| {
            let hit = |seed: &u64| {
                let at = step.map_or(count, |back| count - back);
                let values = made_up_series::correlated(*seed, count, by, (at, 0.15));
                let found = changes(&values);
                match step {
                    None => !found.is_empty(),
                    Some(_) => found.iter().any(|it| it.at.abs_diff(at as usize) <= 3),
                }
            };
            percent((0..of).filter(hit).count() as f64 / of as f64)
        };
        let (even, far, near) =
            (share(series, None), share(series / 2, Some(8)), share(series / 2, Some(4)));
        let _infallible = writeln!(text, "| {count} | {by} | {even} | {far} | {near} |");
    }
}
