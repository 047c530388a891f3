//! The pages of `docs/reference` are made from the program (every `--help`) and from the schema of
//! the scenario; `MAILBENCH_BLESS=1` writes them again. Each shipped scenario has a section in
//! `docs/how-to.md`, headed by its question.

mod keys;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::mailbench;

fn docs(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)
}

/// The page is what was made just now.
#[track_caller]
fn assert_current(page: &str, made: &str) {
    let path = docs(page);
    if std::env::var_os("MAILBENCH_BLESS").is_some() {
        std::fs::write(&path, made).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(made.lines()).find(|(there, made)| there != made);
    assert!(there == made, "docs/{page} is not current (MAILBENCH_BLESS=1): {differs:?}");
}

/// What a command prints for `--help`. Without a terminal clap wraps at 100 columns.
fn help(command: &[String]) -> String {
    let mut asked = mailbench();
    asked.args(command).arg("--help").stdin(Stdio::null());
    let ended = asked.output().expect("mailbench starts");
    assert!(ended.status.success(), "{command:?}");
    String::from_utf8(ended.stdout).expect("UTF-8")
}

/// Names below `Commands:`, in the order of the help.
fn subcommands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    let names = lines
        .filter(|line| !line.starts_with("   "))
        .flat_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

fn write_command(page: &mut String, command: &[String]) {
    let help = help(command);
    let name = [&["mailbench".to_owned()], command].concat().join(" ");
    page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end()));
    for subcommand in subcommands(&help) {
        write_command(page, &[command, &[subcommand.to_owned()]].concat());
    }
}

#[test]
fn commands_are_those_of_the_program() {
    let mut page =
        "# Every command\n\nMade from the program: what `mailbench COMMAND --help` prints.\n"
            .to_owned();
    write_command(&mut page, &[]);
    assert!(page.contains("\n## mailbench doctor target\n"), "{page}");
    assert_current("reference/commands.md", &page);
}

#[test]
fn keys_are_those_of_the_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/scenario.schema.json");
    let schema = std::fs::read_to_string(schema).expect("the schema");
    let page = keys::page(&serde_json::from_str(&schema).expect("JSON"));
    for heading in ["`[target.retry]`", "`[[destination]]`", "`[[compare.variant]]`"] {
        assert!(page.contains(&format!("\n## {heading}\n")), "{heading}: {page}");
    }
    assert_current("reference/scenario.md", &page);
}

#[test]
fn every_scenario_has_a_section_headed_by_its_question() {
    let page = std::fs::read_to_string(docs("how-to.md")).expect("the page");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let table = std::fs::read_to_string(folder.join("README.md")).expect("the table");
    let entries = std::fs::read_dir(folder).expect("scenarios").flatten().map(|it| it.path());
    let mut sections = 0;
    for path in entries.filter(|path| path.extension().is_some_and(|it| it == "toml")) {
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let scenario: toml::Table = text.parse().expect("TOML");
        let question = scenario["question"].as_str().expect("a question");
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        let (_, section) = page
            .split_once(&format!("\n## {question}\n"))
            .unwrap_or_else(|| panic!("docs/how-to.md has no section \"{question}\" ({file})"));
        let section = section.split("\n## ").next().unwrap_or_default();
        let shows = section.contains(&format!("scenarios/{file}\n"));
        assert!(shows && section.contains("**Read:**"), "{question}: {section}");
        let row = format!("| [{}]({file}) | {question} |\n", file.trim_end_matches(".toml"));
        assert!(table.contains(&row), "scenarios/README.md lacks: {row}");
        sections += 1;
    }
    assert_eq!(page.matches("\n## ").count(), sections);
}
