//! What a comparison costs and can find, in lines for `mailbench check`.

use crate::measure::comparison::planned::Planned;
use crate::report::human;
use crate::scenario::model::{Compare, Extent, Load};

/// Run-to-run variations that are listed: from a quiet dedicated machine to a shared one.
const VARIATIONS: [f64; 4] = [0.01, 0.03, 0.05, 0.10];

/// Pairs, runs and the least time they take.
#[must_use]
pub fn cost(compare: &Compare, load: &Load) -> String {
    let runs = u64::from(compare.pairs) * compare.variants.len() as u64;
    let pairs = human::counted(u64::from(compare.pairs), "pair", "pairs");
    let extension = if compare.extend { "; twice as many if inconclusive" } else { "" };
    let time = match load.extent {
        Extent::Duration(duration) => {
            let each = load.warm_up + duration + compare.cool_down;
            let all = each.as_secs_f64() * runs as f64;
            format!(", {} and the time to start and drain", human::moment(all.round()))
        }
        Extent::Messages(_) => String::new(),
    };
    format!("{pairs}, {}{time}{extension}", human::counted(runs, "run", "runs"))
}

/// What regression is found, by the variation from run to run.
#[must_use]
pub fn finds(planned: &Planned) -> Vec<String> {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let found = |variation: &f64| {
        let effect = planned.detectable(*variation)?;
        Some(format!("{} at {:.0}%", percent(effect), variation * 100.0))
    };
    let found: Vec<String> = VARIATIONS.iter().filter_map(found).collect();
    let figures = human::counted(planned.gated as u64, "figure decides", "figures decide");
    if found.is_empty() {
        return vec![format!(
            "{figures}: so few pairs find no regression, however large; at least {} are needed",
            planned.needs()
        )];
    }
    vec![format!(
        "{figures}: the smallest regression of a latency found with power 0.8, by run-to-run \
         variation: {}",
        found.join(", ")
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::comparison::Terms;
    use crate::scenario;

    fn lines(pairs: u32) -> Vec<String> {
        let text = format!(
            "name = \"x\"\nquestion = \"?\"\n[target]\nkind = \"relay\"\n[load]\nmodel = \"open\"\n\
             rate = \"10/s\"\nwarm_up = \"5s\"\nduration = \"24s\"\n\
             [[destination]]\ndomain = \"a.test\"\n[compare]\npairs = {pairs}\nextend = false\n\
             [[compare.variant]]\nname = \"a\"\n[[compare.variant]]\nname = \"b\"\n\
             set = {{ \"load.sessions\" = 5 }}\n"
        );
        let loaded = scenario::parse("x.toml", &text, &[]).expect("a scenario");
        let compare = loaded.scenario.compare.as_ref().expect("a comparison");
        let planned = Planned::new(compare, &Terms::default());
        let mut lines = vec![cost(compare, &loaded.scenario.load)];
        lines.extend(finds(&planned));
        lines
    }

    #[test]
    fn cost_and_findings_are_stated() {
        let ten = lines(10);
        assert_eq!(ten[0], "10 pairs, 20 runs, 10m00s and the time to start and drain");
        assert!(ten[1].starts_with("4 figures decide: the smallest regression"), "{}", ten[1]);
        assert!(ten[1].contains(" at 1%, ") && ten[1].ends_with(" at 10%"), "{}", ten[1]);
        let six = lines(6);
        assert!(six[1].ends_with("at least 8 are needed"), "{}", six[1]);
    }
}
