//! Holds the rules of the house that no compiler holds: layers, pure modules, file lengths,
//! headers, names, and that the documents speak of code that exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have, its tests included.
const FILE_LINES: usize = 400;

/// Modules that decide: no async, no runtime, no clock.
const PURE: [&str; 7] =
    ["plan", "maillog", "fault", "queue", "measure", "simulate", "smtp/dialogue"];

/// The actors: they never use one another.
const ACTORS: [&str; 4] = ["traffic", "relay", "targets", "sink"];

/// Libraries that only one place may name.
const CONFINED: [(&str, &[&str]); 6] = [
    ("mail_send", &["smtp/client"]),
    ("samotop_", &["sink/"]),
    ("rusqlite", &["relay/"]),
    ("clap", &["cli/"]),
    ("toml::", &["scenario/", "grammar/"]),
    ("indicatif", &["report/", "cli/"]),
];

/// Names that are no names.
const NAMELESS: [&str; 6] = ["util", "utils", "common", "helpers", "manager", "misc"];

struct Source {
    /// Path below `src`, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap_or_default()
    }

    /// The text without its comment lines.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        let below = path.strip_prefix(&src).expect("below src");
        Source { path: below.to_string_lossy().replace('\\', "/"), text }
    };
    let sources: Vec<Source> = files(&src, "rs").into_iter().map(read).collect();
    assert!(sources.len() > 20, "the sources were found");
    sources
}

/// The modules in the order in which `lib.rs` lists them.
fn order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.trim_end_matches(';').to_owned());
    lib.lines().filter_map(name).collect()
}

/// Modules named by `crate::` paths in a line.
fn uses(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}

#[test]
fn modules_use_only_modules_above_them() {
    let order = order();
    let rank = |module: &str| order.iter().position(|name| name == module);
    let mut offences = Vec::new();
    for source in sources() {
        let Some(own) = rank(source.module()) else { continue };
        for (number, line) in source.code() {
            for used in uses(line) {
                let below = rank(used).is_some_and(|rank| rank > own);
                let actor = used != source.module()
                    && ACTORS.contains(&used)
                    && ACTORS.contains(&source.module());
                if below || actor {
                    offences.push(format!("src/{}:{number}: uses {used}", source.path));
                }
            }
        }
    }
    assert_none("a module uses only modules above it, an actor no other actor", &offences);
}

#[test]
fn every_module_is_reached_by_its_own_name() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    assert!(!lib.contains("pub use"), "lib.rs re-exports nothing");
}

#[test]
fn deciding_code_is_pure() {
    let impure =
        ["async ", "tokio", "Instant", "SystemTime", ".await", "std::net::Tcp", "std::thread"];
    let mut offences = Vec::new();
    for source in sources() {
        let pure = PURE.iter().any(|module| {
            source.path.starts_with(&format!("{module}/")) || source.path == format!("{module}.rs")
        });
        if !pure {
            continue;
        }
        for (number, line) in source.code() {
            for word in impure.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("src/{}:{number}: {word}", source.path));
            }
        }
    }
    assert_none("no async, runtime or clock where decisions are made", &offences);
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut offences = Vec::new();
    for source in sources() {
        for (library, places) in CONFINED {
            let at_home = places.iter().any(|place| source.path.starts_with(place));
            if at_home {
                continue;
            }
            for (number, line) in source.code() {
                let named = line.contains(&format!("use {library}"))
                    || line.contains(&format!(" {library}::"))
                    || (library.ends_with("::") && line.contains(&format!(" {library}")));
                if named {
                    offences.push(format!("src/{}:{number}: names {library}", source.path));
                }
            }
        }
    }
    assert_none("a library is named in one place only", &offences);
}

#[test]
fn files_can_be_read_at_a_sitting() {
    let mut offences = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES {
            offences.push(format!("src/{}: {lines} lines, at most {FILE_LINES}", source.path));
        }
        if !source.text.starts_with("//! ") {
            offences.push(format!("src/{}: no `//!` header", source.path));
        }
        let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if NAMELESS.contains(&stem) || source.path.split('/').any(|part| NAMELESS.contains(&part)) {
            offences.push(format!("src/{}: `{stem}` is not a name", source.path));
        }
    }
    assert_none("every file is short, has a header and a name", &offences);
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_open() {
    let words =
        ["#[ignore", concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("FIX", "ME")];
    let mut offences = Vec::new();
    let tests = files(&root().join("tests"), "rs");
    for path in files(&root().join("src"), "rs").into_iter().chain(tests) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        for (index, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                offences.push(format!("{}:{}: {word}", path.display(), index + 1));
            }
        }
    }
    assert_none("nothing is left open", &offences);
}

/// Whether a line speaks to a reader: a comment, or a string.
fn is_read(line: &str) -> bool {
    line.trim_start().starts_with("//") || line.contains('"')
}

#[test]
fn the_language_is_plain() {
    let words = [
        " untold ",
        " told ",
        " heard ",
        " borne ",
        " felt ",
        " nobody ",
        " whoever ",
        " somebody ",
        " to be had",
        " of ours",
    ];
    let mut texts: Vec<(String, String)> =
        sources().into_iter().map(|source| (source.path, source.text)).collect();
    for page in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        texts.push((page.to_owned(), fs::read_to_string(root().join(page)).expect("a page")));
    }
    for page in files(&root().join("docs"), "md") {
        let text = fs::read_to_string(&page).expect("a page");
        texts.push((page.display().to_string(), text));
    }
    let mut offences = Vec::new();
    for (path, text) in &texts {
        let is_page = path.ends_with(".md");
        let lines = text.lines().enumerate().filter(|(_, line)| is_page || is_read(line));
        for (index, line) in lines {
            // A word ends at a space, a punctuation mark or the line's end.
            let line = line.replace(['.', ',', ';', ':', '(', ')', '"'], " ") + " ";
            // The verdict of version 1, which is still read.
            let old = line.contains("untold") && path.contains("conformance");
            for word in words.iter().filter(|word| !old && line.contains(**word)) {
                offences.push(format!("{path}:{}:{word}", index + 1));
            }
        }
    }
    assert_none("words are those of the field", &offences);
}

/// Words that a name is not made of, after language.md's rule: things and actions, no metaphor.
const DIALECT: [&str; 21] = [
    "told",
    "untold",
    "tells",
    "heard",
    "borne",
    "bears",
    "felt",
    "nobody",
    "whoever",
    "somebody",
    "crooked",
    "crime",
    "mortal",
    "storm",
    "hunt",
    "errand",
    "custody",
    "pile",
    "sick",
    "strangers",
    "fates",
];

/// The name that a line defines.
fn defined(line: &str) -> Option<&str> {
    let kinds = ["fn ", "mod ", "struct ", "enum ", "trait ", "type ", "const ", "static "];
    let line = line.trim_start();
    let words = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
    let words = words.trim_start_matches("pub ").trim_start_matches("async ");
    let rest = kinds.iter().find_map(|kind| words.strip_prefix(kind))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The words of a name, in snake or camel case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() && name.contains(char::is_lowercase) {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().expect("a word").extend(c.to_lowercase());
        }
    }
    words
}

#[test]
fn names_are_plain() {
    let mut offences = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for path in files(&root().join(folder), "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            for (index, name) in
                text.lines().enumerate().filter_map(|(i, l)| Some((i, defined(l)?)))
            {
                let words = words_of(name);
                if DIALECT.iter().any(|word| words.iter().any(|own| own == word)) {
                    offences.push(format!("{}:{}: {name}", path.display(), index + 1));
                }
            }
        }
    }
    assert_none("names are those of the field", &offences);
}

#[test]
fn scenarios_open_with_their_question() {
    let scenarios = files(&root().join("scenarios"), "toml");
    assert!(scenarios.len() >= 8, "the shipped scenarios were found");
    for path in scenarios {
        let text = fs::read_to_string(&path).expect("a scenario");
        let comment = text.lines().take_while(|line| line.starts_with('#'));
        let comment: String = comment.collect::<Vec<_>>().join("\n");
        assert!(comment.contains('?'), "{}: opens with its question", path.display());
        assert!(text.contains("question = "), "{}: states its question", path.display());
    }
}

#[test]
fn the_architecture_names_every_module() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for module in order() {
        let named = text.contains(&format!("`{module}`")) || text.contains(&format!("`{module}/`"));
        assert!(named, "ARCHITECTURE.md names `{module}`");
    }
    for word in text.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs")) {
        let exists = root().join("src").join(word).exists() || root().join(word).exists();
        assert!(exists, "ARCHITECTURE.md speaks of `{word}`, which does not exist");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert!(text.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

/// What is downloaded to build or test mailbench is what was looked at: each file has its hash here.
#[test]
fn downloads_are_pinned_by_hash() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a lock file");
    let mut offences = Vec::new();
    for package in read("Cargo.lock").split("[[package]]").skip(1) {
        let from_registry = package.contains("source = \"registry+https://github.com/rust-lang/")
            && package.contains("checksum = \"");
        let own = package.contains("name = \"mailbench\"") && !package.contains("source = ");
        if !from_registry && !own {
            offences.push(format!("Cargo.lock: {}", package.trim()));
        }
    }
    for file in ["tests/requirements.txt", "tests/supply/requirements.txt"] {
        let text = read(file).replace("\\\n", "");
        let packages = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let unhashed =
            packages.filter(|line| !line.contains(" --hash=sha256:") || !line.contains("=="));
        offences.extend(unhashed.map(|line| format!("{file}: {line}")));
    }
    let npm = read("tests/mtas/package-lock.json");
    let packages = npm.matches("\"node_modules/").count();
    let hashes = npm.matches("\"integrity\": \"sha512-").count();
    if packages == 0 || hashes < packages {
        offences.push(format!("tests/mtas/package-lock.json: {hashes} hashes of {packages}"));
    }
    assert_none("every download has its hash", &offences);
}
