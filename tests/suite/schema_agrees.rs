//! The JSON Schema of the scenario file and its reader take and refuse the same: held with
//! thousands of scenarios that differ from a good one in one value, type or key.
//!
//! What the reader takes, the schema takes. What the reader refuses, the schema refuses, but for
//! what no schema can say ([`BEYOND`]).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mailbench::scenario;
use toml::{Table, Value};

use crate::support::skip;

/// What only the reader can know, by what it says: meanings across sections, sums and orders of
/// values, bounds in a unit, names that must be known, other files.
const BEYOND: [&str; 33] = [
    "is listed twice",
    // What a variant sets is read in another section.
    "--> [[compare.variant]]",
    "is not a destination of this scenario",
    "could be a real domain",
    "is not a figure",
    "is no metric",
    "is not a bound for",
    "bytes are out of range",
    "is out of range",
    "belongs to",
    "is longer than",
    "is empty",
    "values, but",
    "must be above 0",
    "every weight must be above 0",
    "does not speak",
    "needs an address",
    "without `",
    "is greater than",
    "the fault has no stage",
    "is not known before stage",
    "is not known before stage",
    "cannot be at stage",
    "several times",
    "twice",
    "needs delays above",
    "an open load needs a rate",
    "is not an address and port",
    "no range of loopback addresses",
    "is no range of attempt numbers",
    "a message has a whole number",
    "a priority is a whole number",
    "cannot be the name of a user",
];

/// What a value is replaced by.
fn others() -> Vec<Value> {
    let texts = [
        "",
        "x",
        "0s",
        "1s",
        "5 s",
        "1e3",
        "200/s",
        "1KiB",
        "50%",
        "-5%",
        "101%",
        "451 4.0.0 x",
        "999 x",
        ".5/s",
        "1.0000000000000000000s",
        "10..20",
        "127.0.0.1",
    ];
    let mut all: Vec<Value> = texts.map(Value::from).into();
    all.extend([0, -1, 1, 1_000_000_000_000_i64].map(Value::from));
    all.extend([1.0, 1.5].map(Value::from));
    all.extend([Value::from(true), Value::from(false)]);
    all.push(Value::Array(Vec::new()));
    all.push(Value::Array(vec!["x".into()]));
    all.push(Value::Table(Table::new()));
    all.push(Value::Table([("x".to_owned(), Value::from(1))].into_iter().collect()));
    all
}

/// Where a value lies.
type Place = Vec<Step>;

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

fn places(value: &Value, here: &Place, all: &mut Vec<Place>) {
    let mut go = |step: Step, below: &Value| {
        let place: Place = here.iter().cloned().chain([step]).collect();
        all.push(place.clone());
        places(below, &place, all);
    };
    match value {
        Value::Table(table) => table.iter().for_each(|(key, it)| go(Step::Key(key.clone()), it)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(nth, it)| go(Step::Index(nth), it))
        }
        _ => {}
    }
}

fn at<'a>(value: &'a mut Value, place: &[Step]) -> &'a mut Value {
    place.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(nth) => &mut value[*nth],
    })
}

/// The scenario with a change at one place, in words, and each such scenario.
fn changed(base: &Value, place: &Place) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut change = |what: String, act: &dyn Fn(&mut Value)| {
        let mut other = base.clone();
        act(&mut other);
        all.push((format!("{place:?} {what}"), other));
    };
    for other in others() {
        change(format!("= {other}"), &|root| *at(root, place) = other.clone());
    }
    let text = at(&mut base.clone(), place).as_str().map(str::to_owned);
    for other in text.iter().flat_map(|it| [it.to_uppercase(), format!("{it} "), it.repeat(2)]) {
        change(format!("= {other:?}"), &|root| *at(root, place) = other.clone().into());
    }
    let (last, before) = place.split_last().expect("a place");
    change("removed".to_owned(), &|root| match (last, at(root, before)) {
        (Step::Key(key), Value::Table(table)) => drop(table.remove(key)),
        (Step::Index(nth), Value::Array(list)) => drop(list.remove(*nth)),
        _ => unreachable!("a place is in what holds it"),
    });
    change("with another key".to_owned(), &|root| {
        if let Value::Table(table) = at(root, place) {
            table.insert("zzz".to_owned(), 1.into());
        }
    });
    all
}

/// What the reader says; `None`: it is a scenario.
fn refusal(scenario: &Value) -> Option<String> {
    let text = toml::to_string(scenario).expect("TOML");
    let read = scenario::parse("mutant.toml", &text, &[])
        .and_then(|loaded| scenario::check_domains(&loaded, &[]));
    read.err().map(|error| error.to_string())
}

/// What the schema says of each scenario.
fn by_schema(scenarios: &[Value]) -> Option<Vec<bool>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/venv/bin/python");
    if !python.is_file() {
        skip("the schema of scenarios", &format!("{} is not there", python.display()));
        return None;
    }
    let script = "import json, sys, jsonschema\n\
                  schema, documents = json.load(sys.stdin)\n\
                  check = jsonschema.Draft202012Validator(schema).is_valid\n\
                  json.dump([check(it) for it in documents], sys.stdout)";
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let schema: serde_json::Value =
        serde_json::from_str(&scenario::schema()).expect("a schema is JSON");
    let input = serde_json::to_vec(&(schema, scenarios)).expect("JSON");
    child.stdin.take().expect("piped").write_all(&input).expect("written");
    let output = child.wait_with_output().expect("ended");
    Some(serde_json::from_slice(&output.stdout).expect("a list"))
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scenarios");
    let files = std::fs::read_dir(folder).expect("fixtures");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

fn disagreements(named: &[(String, Value)]) -> Option<Vec<String>> {
    let scenarios: Vec<Value> = named.iter().map(|(_, scenario)| scenario.clone()).collect();
    let by_schema = by_schema(&scenarios)?;
    let judged = named.iter().zip(by_schema).filter_map(|((name, scenario), taken)| {
        let refusal = refusal(scenario);
        match (refusal, taken) {
            (None, false) => Some(format!("the schema alone refuses {name}")),
            (Some(why), true) if !BEYOND.iter().any(|beyond| why.contains(beyond)) => {
                let first = why.lines().next().unwrap_or_default().to_owned();
                Some(format!("the reader alone refuses {name}: {first}"))
            }
            _ => None,
        }
    });
    Some(judged.collect())
}

#[test]
fn reader_and_schema_agree_on_mutants_of_scenarios() {
    let mut mutants = Vec::new();
    for file in fixtures() {
        let text = std::fs::read_to_string(&file).expect("a scenario");
        let base: Value = toml::from_str(&text).expect("TOML");
        assert_eq!(refusal(&base), None, "{}", file.display());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut all = Vec::new();
        places(&base, &Vec::new(), &mut all);
        let changed = all.iter().flat_map(|place| changed(&base, place));
        mutants.extend(changed.map(|(what, value)| (format!("{name}: {what}"), value)));
        mutants.push((name, base));
    }
    assert!(mutants.len() > 3000, "{} mutants", mutants.len());
    let Some(found) = disagreements(&mutants) else { return };
    assert!(
        found.is_empty(),
        "{} disagreements:\n{}",
        found.len(),
        found[..found.len().min(60)].join("\n")
    );
    eprintln!("{} mutants", mutants.len());
}

/// Scenarios on which the two once disagreed, each with what is right.
#[test]
fn reader_and_schema_agree_where_they_once_did_not() {
    let base = "name = \"t\"\n[load]\nrate = \"20/s\"\nwarm_up = \"0s\"\nduration = \"1s\"\n\
                [[destination]]\ndomain = \"a.test\"\n";
    let fault = "[[fault]]\nname = \"x\"\nstage = \"rcpt-to\"\n";
    let external = "[sink]\nlisten = \"127.0.0.1:2526\"\n[target]\nkind = \"external\"\n";
    let cases = [
        (true, format!("{base}{fault}attempts = 1\ndefer = \"451 4.7.1 later\"\n")),
        (false, format!("{base}[[chaos]]\nat = \"0.5s\"\n")),
        (false, format!("{base}{fault}defer = \"550 5.1.1 no\"\n")),
        (false, base.split("[[dest").next().expect("a head").to_owned()),
        (false, base.replace("\"1s\"", "\"0s\"")),
        (true, base.replace("\"1s\"", "\"1.0000000000000000000s\"")),
        (false, format!("{base}{fault}during = \"10..20\"\ndefer = \"451 l\"\n")),
        (false, format!("{base}[sink]\nlisten = \"127.0.0.1\"\n")),
        (false, format!("{base}{fault}")),
        (false, base.replace("20/s", ".5/s")),
        (false, format!("{base}[[fault]]\nname = \"x\"\nrefuse = false\n")),
        (false, format!("{base}{fault}script = []\n")),
        (true, format!("seed = 1.0\n{base}")),
        (false, base.replace("[load]\n", "[load]\nsessions = 0\n")),
        (true, base.replace("[load]\n", "[load]\nsessions = 5.0\n")),
        (false, format!("{base}[target]\nkind = \"relay\"\n[target.settings]\na.b = 1\n")),
        (false, format!("{base}[thresholds]\nlost = []\n")),
        (true, format!("{base}[thresholds]\ne2e_response.p99 = \"< 5s\"\n")),
        (false, format!("{base}{fault}defer = \"451 l\"\nreject = \"550 no\"\n")),
        (false, base.replace("[load]\n", "[[load]]\n")),
        (false, format!("{base}{external}address = \"127.0.0.1:0\"\n")),
        (true, format!("{base}{external}address = \"127.0.0.1:20\"\n")),
    ];
    let values = cases.clone().map(|(_, text)| toml::from_str::<Value>(&text).expect("TOML"));
    for ((right, text), value) in cases.iter().zip(&values) {
        assert_eq!(refusal(value).is_none(), *right, "the reader, of\n{text}");
    }
    let Some(by_schema) = by_schema(&values) else { return };
    for ((right, text), taken) in cases.iter().zip(by_schema) {
        assert_eq!(taken, *right, "the schema, of\n{text}");
    }
}
