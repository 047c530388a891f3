//! `[compare]`: checked, then refused as not built yet.

use super::{check_name, not_built, place};
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{At, Compare, File};

pub(super) fn refuse(file: &File, problems: &mut Problems) {
    if let Some(compare) = &file.compare {
        check_compare(compare, problems);
        not_built(place(&file.compare), "[compare]", problems);
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
