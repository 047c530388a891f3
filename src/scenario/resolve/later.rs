//! `[[chaos]]` and `[compare]`: checked, then refused as not built yet.

use super::{check_name, not_built, place};
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{At, Chaos, Compare, File};

pub(super) fn refuse(file: &File, problems: &mut Problems) {
    for chaos in &file.chaos {
        check_chaos(chaos, problems);
        not_built(Some(&chaos.span), "[[chaos]]", problems);
    }
    if let Some(compare) = &file.compare {
        check_compare(compare, problems);
        not_built(place(&file.compare), "[compare]", problems);
    }
}

fn check_chaos(chaos: &At<Chaos>, problems: &mut Problems) {
    let Chaos { at: _, kill, pause, restart, run } = &chaos.value;
    let said = [kill.is_some(), pause.is_some(), restart.is_some(), run.is_some()];
    let said = said.into_iter().filter(|said| *said).count();
    if said != 1 {
        let problem = Problem::new(&chaos.span, "exactly one thing happens at a time");
        problems.push(problem.help("write one of `kill`, `pause`, `restart`, `run`"));
    }
    if let Some(run) = run.as_ref().filter(|run| run.value.is_empty()) {
        problems.push(Problem::new(&run.span, "the command is empty"));
    }
}

fn check_compare(compare: &At<Compare>, problems: &mut Problems) {
    let Compare { pairs, variant } = &compare.value;
    if pairs.value == 0 {
        problems.push(Problem::new(&pairs.span, "at least one pair is needed"));
    }
    if variant.len() < 2 {
        let problem = Problem::new(&compare.span, "at least two variants are needed");
        problems.push(problem.help("add `[[compare.variant]]`"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for one in variant {
        let name = &one.value.name;
        check_name(name, problems);
        if !seen.insert(&name.value) {
            problems
                .push(Problem::new(&name.span, format!("variant `{}` stands twice", name.value)));
        }
    }
}
