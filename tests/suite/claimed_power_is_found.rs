//! What a comparison claims to find four times in five is found four times in five, and the line
//! of runs names few changes that are not there. The whole table: `cargo bench --bench power`.

use mailbench::measure::history::change_point::changes;

use crate::made_up_series::correlated;

#[path = "../../benches/power/simulation.rs"]
mod simulation;

use simulation::Setting;

/// Within five points of 80 %: 500 comparisons have a standard error of 1.8.
#[test]
fn claimed_power_is_found() {
    let settings = [
        (0.01, 6, 1, false),
        (0.10, 6, 4, true),
        (0.03, 10, 1, false),
        (0.03, 10, 4, true),
        (0.05, 15, 2, true),
        (0.10, 20, 4, false),
    ];
    for (variation, pairs, gates, extend) in settings {
        let setting = Setting { variation, pairs, gates, extend };
        let claimed = setting.claimed().expect("enough pairs");
        let found = setting.simulate(claimed, 500);
        assert!((found.planted - 0.8).abs() <= 0.05, "{setting:?} {claimed}: {found:?}");
        // Six pairs alone find nothing of four figures, and their reports say so.
        let states = found.stated.is_nan() || (found.stated / claimed - 1.0).abs() < 0.1;
        assert!(states, "{setting:?} {claimed}: {found:?}");
    }
}

#[test]
fn a_against_a_seldom_alarms() {
    let setting = Setting { variation: 0.05, pairs: 10, gates: 4, extend: true };
    let same = setting.simulate(0.0, 400);
    assert!(same.planted + same.others <= 0.05, "{same:?}");
    assert!(setting.simulate(0.25, 200).planted >= 0.95);
}

#[test]
fn a_history_that_resembles_itself_seldom_alarms() {
    for by in [0.0, 0.3, 0.5, 0.7] {
        let even = |seed: &u64| !changes(&correlated(*seed, 60, by, (60, 0.0))).is_empty();
        let alarms = (0..150).filter(even).count();
        assert!(alarms <= 18, "{alarms} of 150 at {by}");
    }
}
