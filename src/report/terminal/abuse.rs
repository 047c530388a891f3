//! Bad clients beside the honest load: what became of them, and what honest senders felt.

use super::page::Page;
use crate::measure::results::{AbuseFacts, HonestFacts, Results};
use crate::report::escape::plain;
use crate::report::human;
use crate::report::table::{Cell, Table, left, right};

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
        page.facts("honest senders", &felt(honest));
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

/// What honest senders felt, in words: one piece a figure.
pub(crate) fn felt(honest: &HonestFacts) -> Vec<String> {
    let time = |us: Option<u64>| us.map_or("-".to_owned(), human::duration_us);
    let pair = |name: &str, before: Option<u64>, during: Option<u64>| {
        format!("{name} {} (before {})", time(during), time(before))
    };
    let mut pieces = vec![
        pair("p50", honest.before_p50_us, honest.during_p50_us),
        pair("p99", honest.before_p99_us, honest.during_p99_us),
    ];
    pieces.extend(honest.inflation_p99.map(|times| format!("{times:.1} times")));
    let share = |share: f64| format!("{:.2}%", share * 100.0);
    let (before, during) = (share(honest.before_unaccepted), share(honest.during_unaccepted));
    pieces.push(format!("not accepted {during} (before {before})"));
    pieces
}
