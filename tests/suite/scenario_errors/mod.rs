//! Every mistake in a scenario is shown where it stands, with a way out.

mod chaos;
mod compare;
mod faults;
mod grammar;
mod meaning;
mod submission;

use mailbench::scenario::{self, Override};

const LOAD: &str = "[load]\nrate = \"50/s\"\n";
const DESTINATION: &str = "[[destination]]\ndomain = \"a.test\"\n";

/// What `text` is answered with.
fn complaint(text: &str) -> String {
    match scenario::parse("s.toml", text, &[]) {
        Ok(loaded) => match scenario::check_domains(&loaded, &[]) {
            Ok(()) => format!("no problem with:\n{text}"),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

/// Checks that a text is answered with one problem at `place` (the marked text) that says `what`
/// and offers `way`.
#[track_caller]
fn one(text: &str, (place, what, way): (&str, &str, &str)) {
    let said = complaint(text);
    assert!(said.starts_with(&format!("error: {what}\n")), "{what:?} expected:\n{said}");
    assert_eq!(said.matches("error: ").count(), 1, "one problem expected:\n{said}");
    assert!(said.contains(way), "{way:?} expected:\n{said}");
    let lines: Vec<&str> = said.lines().collect();
    let under = lines.iter().position(|line| line.contains("| ") && line.contains('^'));
    let under = under.unwrap_or_else(|| panic!("no place marked:\n{said}"));
    let marks = lines[under].find('^').into_iter().chain(lines[under].rfind('^').map(|at| at + 1));
    let marks: Vec<usize> = marks.collect();
    assert_eq!(&lines[under - 1][marks[0]..marks[1]], place, "another place marked:\n{said}");
}

#[test]
fn a_whole_complaint() {
    insta::assert_snapshot!(complaint("[load]\nrat = \"50/s\"\n[message]\nsize = \"4 K\"\n"), @r#"
    error: unknown key `rat`
     --> s.toml:2:1
      |
    2 | rat = "50/s"
      | ^^^ did you mean `rate`?

    error: `4 K` is not a size
     --> s.toml:4:8
      |
    4 | size = "4 K"
      |        ^^^^^
      |
      = help: write a number and a unit (B, kB, KiB, MB, MiB), such as "4KiB" or "1MB"
    "#);
}

#[test]
fn overrides_are_shown_as_given() {
    let text =
        format!("{LOAD}{DESTINATION}[[fault]]\nname = \"f\"\nstage = \"quit\"\nstall = \"1s\"");
    let said = |pair: &str| {
        let pair: Override = pair.parse().expect("an override");
        scenario::parse("s.toml", &text, &[pair]).expect_err("a problem").to_string()
    };
    insta::assert_snapshot!(said("load.rate=5q"), @r#"
    error: `5q` is not a rate
     --> --set:1:11
      |
    1 | load.rate=5q
      |           ^^
      |
      = help: write a number and what it is per (/s, /min, /h), such as "200/s", "12000/min" or "4M/h"
    "#);
    assert!(said("load.rte=5/s").contains("did you mean `rate`?"));
    assert!(said("fault.g.odds=1").contains("nothing is called `g.odds` here"));
    assert!(said("destination.7.weight=1").contains("nothing is called `7.weight` here"));
    assert!(said("load.rate.x=1").contains("`rate` has nothing below it"));
    assert!(said(&format!("{}=1", ["a"; 99].join("."))).contains("no key lies as deep as this"));
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem() {
    let error = scenario::load("no/such/file.toml".as_ref(), &[]).expect_err("no such file");
    assert!(error.to_string().starts_with("error: cannot read no/such/file.toml: "));
}
