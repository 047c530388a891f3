//! Bad clients beside the honest load: what became of them, and what legitimate clients saw.

use super::page::Page;
use crate::escape::plain;
use crate::measure::results::{AbuseFacts, LegitimateFacts, Percentile, Results};
use crate::report::table::{Cell, Table, left, right};
use crate::report::{figures, human};

/// Each kind of bad client, and the honest ones beside them.
pub(super) fn abuse(page: &mut Page, results: &Results) {
    let Some(report) = &results.abuse else { return };
    let titles = [
        left(""),
        right("at once"),
        right("came"),
        right("refused"),
        right("cut off"),
        right("tolerated"),
        right("held (mean)"),
        right("(max)"),
    ];
    let mut table = Table::new(titles.into_iter().collect());
    report.profiles.iter().for_each(|profile| table.row(row(profile)));
    page.headed_table("ABUSE", &table);
    if let Some(honest) = &report.honest {
        page.facts("legitimate clients", &impact(honest));
    }
}

fn row(profile: &AbuseFacts) -> Vec<Cell> {
    let count = |n: u64| human::count(n).into();
    vec![
        format!("    {}", plain(&profile.name)).into(),
        count(u64::from(profile.at_once)),
        count(profile.sessions),
        count(profile.refused),
        count(profile.cut_off + profile.unconnected),
        count(profile.tolerated),
        human::duration_us(profile.held_mean_us).into(),
        human::duration_us(profile.held_max_us).into(),
    ]
}

/// What legitimate clients saw, in words: one piece a figure.
pub(crate) fn impact(honest: &LegitimateFacts) -> Vec<String> {
    let pair = |name: &str, percentiles: [Percentile; 2]| {
        let [before, during] = percentiles.map(figures::duration);
        format!("{name} {during} (before {before})")
    };
    let mut pieces = vec![pair("p50", honest.p50()), pair("p99", honest.p99())];
    if honest.p99().iter().all(Option::is_some) {
        pieces.push(figures::times(honest.inflation()));
    }
    let share = |share: f64| format!("{:.2}%", share * 100.0);
    let (before, during) = (share(honest.before_unaccepted), share(honest.during_unaccepted));
    pieces.push(format!("not accepted {during} (before {before})"));
    pieces
}
