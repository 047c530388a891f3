//! README and docs: links lead to something, the sample is that of a committed run, and every
//! command that they show exists; those in blocks are run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{mailbench, prefix};

/// The README is read at a sitting; the rest is in `docs`.
const README_LINES: usize = 250;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Path below the root, and text, of the pages that users read.
fn pages() -> Vec<(PathBuf, String)> {
    let patterns = ["*.md", "docs/*.md", "docs/*/*.md", "reports/*/README.md", "reports/*/*.md"];
    let paths = patterns.iter().flat_map(|pattern| {
        let pattern = root().join(pattern).display().to_string();
        glob::glob(&pattern).expect("a pattern").flatten().collect::<Vec<_>>()
    });
    let paths: BTreeSet<PathBuf> = paths.collect();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a page");
        (path.strip_prefix(root()).expect("below the root").to_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// The text outside of fenced blocks, and the blocks with their language.
fn parts(text: &str) -> (String, Vec<(&str, Vec<&str>)>) {
    let (mut prose, mut blocks, mut open) = (String::new(), Vec::new(), None);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language, Vec::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => prose.extend([line, "\n"]),
        }
    }
    (prose, blocks)
}

/// A heading as GitHub and mkdocs write it in an address.
fn slug(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|one| one.is_alphanumeric() || " -_".contains(*one));
    kept.map(|one| if one == ' ' { '-' } else { one }).collect()
}

/// Targets of `[words](target)`.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    prose.match_indices("](").filter_map(|(at, _)| {
        let rest = &prose[at + 2..];
        rest.find(')').map(|end| &rest[..end])
    })
}

#[test]
fn links_lead_somewhere() {
    let pages: BTreeMap<PathBuf, String> = pages().into_iter().collect();
    let mut broken = Vec::new();
    for (page, text) in &pages {
        let (prose, _) = parts(text);
        for link in links(&prose).filter(|link| !link.contains("://")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(page),
                file => root().join(page).parent().expect("a folder").join(file),
            };
            let Ok(target) = target.canonicalize() else {
                broken.push(format!("{}: {link}", page.display()));
                continue;
            };
            let there = std::fs::read_to_string(&target).unwrap_or_default();
            let (prose, _) = parts(&there);
            let mut headings = prose.lines().filter(|line| line.starts_with('#'));
            if !fragment.is_empty() && !headings.any(|line| slug(line) == fragment) {
                broken.push(format!("{}: no heading for {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_readme_is_short_and_shows_a_committed_run() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(text.lines().count() <= README_LINES, "{} lines", text.lines().count());
    let run = root().join("reports/quickstart/example/summary.txt");
    let run = std::fs::read_to_string(run).expect("the committed run");
    let run: BTreeSet<&str> = run.lines().map(str::trim_end).collect();
    let (_, rest) = text.split_once("<!-- result -->").expect("the sample");
    let (sample, _) = rest.split_once("<!-- /result -->").expect("its end");
    let (_, blocks) = parts(sample);
    let shown: Vec<&str> = blocks.into_iter().flat_map(|(_, lines)| lines).collect();
    assert!(shown.len() > 30, "a sample of {} lines", shown.len());
    let made_up = shown.iter().filter(|line| **line != "  …" && !run.contains(line.trim_end()));
    assert_eq!(made_up.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// What `mailbench SUBCOMMAND --help` prints; `None`: there is none.
fn help(subcommand: &[&str]) -> Option<String> {
    let ran = mailbench().args(subcommand).arg("--help").output().expect("mailbench runs");
    ran.status.success().then(|| String::from_utf8(ran.stdout).expect("text"))
}

/// Words of the inline code of a page, where it begins with `mailbench`.
fn spans(prose: &str) -> impl Iterator<Item = Vec<&str>> {
    let code = prose.split('`').skip(1).step_by(2);
    code.map(|code| code.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first() == Some(&"mailbench"))
        // The first bytes of a journal.
        .filter(|words| words.get(1) != Some(&"journal"))
}

#[test]
fn every_command_and_option_that_a_page_names_exists() {
    let mut helps: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let pages = pages().into_iter().filter(|(page, _)| page != Path::new("CHANGELOG.md"));
    for (page, text) in pages {
        let (prose, blocks) = parts(&text);
        let lines = blocks.iter().filter(|(language, _)| language.is_empty());
        let lines = lines.flat_map(|(_, lines)| lines.iter().copied());
        let lines = lines.map(|line| line.split('#').next().unwrap_or_default());
        let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
        let lines = lines.filter(|words| words.first() == Some(&"mailbench"));
        for words in spans(&prose).chain(lines) {
            let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            let named: Vec<&str> = words[1..].iter().copied().take(1).filter(is_word).collect();
            let known = helps.entry(named.join(" ")).or_insert_with(|| help(&named));
            let Some(known) = known else {
                wrong.push(format!("{}: no command {}", page.display(), words.join(" ")));
                continue;
            };
            let options = words.iter().filter(|word| word.starts_with("--"));
            for option in options.map(|option| option.split(['=', '|']).next().unwrap_or(option)) {
                if !known.contains(option) {
                    wrong.push(format!("{}: {option} of {}", page.display(), words.join(" ")));
                }
            }
        }
    }
    assert!(helps.len() > 8, "{:?}", helps.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A folder in which the commands of the pages find what they name.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    let example = root().join("reports/quickstart/example");
    for side in ["BASE", "NEW"] {
        let run = place.path().join("reports/greylisting").join(side);
        std::fs::create_dir_all(&run).expect("a run folder");
        std::fs::copy(example.join("report.json"), run.join("report.json")).expect("a report");
    }
    place
}

/// Files that a page shows in TOML, each introduced by a line that ends with "`name`:".
fn files(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split("```").collect();
    let named = |pair: &[&'_ str]| -> Option<(usize, usize)> {
        let introduced = pair[0].trim_end().strip_suffix("`:")?;
        pair[1].starts_with("toml\n").then_some((introduced.len(), introduced.rfind('`')? + 1))
    };
    let pairs = parts.chunks_exact(2);
    let found = pairs.filter_map(|pair| named(pair).map(|(end, start)| (pair, start, end)));
    found.map(|(pair, start, end)| (&pair[0][start..end], &pair[1]["toml\n".len()..])).collect()
}

/// A shell block that is not run says why.
#[test]
fn shell_blocks_are_run_or_say_why_not() {
    let mut unmarked = Vec::new();
    let mut marked = 0;
    // The recipes have tests of their own.
    for (page, text) in pages().into_iter().filter(|(page, _)| !page.starts_with("docs/recipes")) {
        let lines: Vec<&str> = text.lines().collect();
        let is_shell = |line: &str| ["```sh", "```bash", "```console"].contains(&line);
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| is_shell(line)) {
            match at > 0 && lines[at - 1].starts_with("<!-- not run: ") {
                true => marked += 1,
                false => unmarked.push(format!("{}:{}", page.display(), at + 1)),
            }
        }
    }
    assert!(marked >= 3, "{marked}");
    assert!(unmarked.is_empty(), "neither run nor marked: {}", unmarked.join(", "));
}

/// The command as it is run here, and its exit codes: shorter, and without what is not there.
fn runnable(line: &str) -> Option<(String, &'static [i32])> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let log = root().join("tests/fixtures/mail.log");
    let line = line.replace("/var/log/mail.log", &log.display().to_string());
    let short = "--quiet --set load.warm_up=0s --set load.duration=1s --allow health";
    match line.split_whitespace().nth(1)? {
        "run" | "conformance"
            if line.contains("postfix") && !prefix().join("usr/sbin/postfix").exists() =>
        {
            None
        }
        // One case; Postfix has defects.
        "conformance" => {
            let scenarios = root().join("scenarios/").display().to_string();
            Some((line.replace("scenarios/", &scenarios) + " --case i17", &[0, 97]))
        }
        "run" if line.contains("scenarios/") || line.contains("which-mta") => None,
        // In a second there are too few messages for some percentile.
        "run" => Some((format!("{line} {short}"), &[0, 96])),
        // One and the same run, twice.
        "compare" => Some((line, &[0, 2, 96])),
        _ => Some((line, &[0])),
    }
}

#[test]
fn commands_of_the_pages_run_as_they_stand() {
    let mut ran = 0;
    for (page, text) in pages() {
        let (_, blocks) = parts(&text);
        let place = place();
        for (name, shown) in files(&text) {
            std::fs::write(place.path().join(name), shown).expect("a file of the page");
        }
        let lines = blocks.iter().filter(|(language, _)| language.is_empty());
        // The version, with which a report begins, is no command.
        let is_command = |it: &&&str| {
            it.strip_prefix("mailbench ").is_some_and(|it| it.starts_with(char::is_alphabetic))
        };
        let lines = lines.flat_map(|(_, lines)| lines).filter(is_command);
        for (line, codes) in lines.filter_map(|line| runnable(line)) {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let done = mailbench().args(&words).current_dir(place.path()).output();
            let done = done.expect("mailbench runs");
            let code = done.status.code().unwrap_or(-1);
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(codes.contains(&code), "{}: {line}: {code}\n{said}", page.display());
            ran += 1;
        }
    }
    assert!(ran >= 5, "{ran} commands");
}
