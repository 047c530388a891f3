//! `mailbench check`: validates scenarios and prints them as resolved. Sends nothing.

use std::path::PathBuf;

use super::exit::Exit;
use super::scenario::ScenarioArgs;
use crate::measure::comparison::Terms;
use crate::measure::comparison::planned::Planned;
use crate::plan::Plan;
use crate::report::planned as words;
use crate::scenario::model::{Route, Scenario, TargetKind};

/// Validate scenarios and print them with every default filled in; sends nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    scenario: ScenarioArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut exit = Exit::Passed;
    let mut gap = "";
    for path in &args.scenarios {
        match args.scenario.load(path) {
            Ok(loaded) => {
                let published = published(&loaded.scenario) + &routed(&loaded.scenario);
                let compared = compared(&loaded.scenario);
                super::print(&format!(
                    "{gap}# {}\n{published}{compared}{}",
                    path.display(),
                    loaded.resolved
                ))?;
                gap = "\n";
            }
            Err(error) => {
                super::log::show_problems(&error);
                // One that is wrong outweighs one that the system keeps back.
                if exit != Exit::Scenario {
                    exit = Exit::of_scenario(&error);
                }
            }
        }
    }
    Ok(exit)
}

/// The DNS record by which signatures are verified, as a comment.
fn published(scenario: &Scenario) -> String {
    let record =
        scenario.message.dkim.as_ref().and_then(|_| Plan::new(scenario, None).dkim_record());
    record.map_or_else(String::new, |(name, text)| format!("# {name}. IN TXT \"{text}\"\n"))
}

/// Where an external target must send mail, as comments.
fn routed(scenario: &Scenario) -> String {
    if !matches!(scenario.target.kind, TargetKind::External(_)) {
        return String::new();
    }
    let line = |route: Route| format!("# route: {} to {}\n", route.domain, route.address);
    scenario.routes().into_iter().map(line).collect()
}

/// What the pairs of `[compare]` cost and can find, as comments.
fn compared(scenario: &Scenario) -> String {
    let Some(compare) = &scenario.compare else { return String::new() };
    let design = Planned::new(compare, &Terms::from(compare));
    let mut text = format!("# compare: {}\n", words::cost(compare, &scenario.load));
    for line in words::finds(&design) {
        text += &format!("# compare: {line}\n");
    }
    text
}
