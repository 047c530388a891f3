//! Contradictions of load, destinations and target.

use super::{DESTINATION, LOAD, one};

#[test]
fn contradictions_of_the_load() {
    let load = |text: &str| format!("[load]\n{text}\n{DESTINATION}");
    let segment = "[[load.segment]]\nrate = \"5/s\"\nduration = \"5s\"";
    one(&load(""), ("[load]", "an open load needs a rate", "rate = \"50/s\""));
    one(
        &load("rate = \"5/s\"\nduration = \"5s\"\nmessages = 9"),
        ("9", "`duration` and `messages` contradict each other", "keep one"),
    );
    one(
        &load(&format!("rate = \"5/s\"\n{segment}")),
        ("\"5/s\"", "`rate` and [[load.segment]] contradict each other", "leave it out"),
    );
    one(
        &load(&format!("messages = 5\n{segment}")),
        ("5", "`messages` and [[load.segment]] contradict each other", ""),
    );
    one(
        &load("model = \"closed\"\nrate = \"5/s\""),
        ("\"5/s\"", "`rate` belongs to the open model", "think time"),
    );
    one(
        &load("rate = \"5/s\"\nthink_time = \"1s\""),
        ("\"1s\"", "`think_time` belongs to the closed model", ""),
    );
    one(&load("rate = \"5/s\"\non = \"1s\""), ("\"1s\"", "`on` belongs to arrival on-off", ""));
    one(&load("rate = \"5/s\"\ntrace = \"t\""), ("\"t\"", "`trace` belongs to arrival trace", ""));
    one(&load("rate = \"5/s\"\nduration = \"0s\""), ("\"0s\"", "0s is out of range", ""));
    one(
        &load("rate = \"1M/s\"\nduration = \"2h\""),
        ("[load]", "7205000000 messages are too many", ""),
    );
    one(
        &load("[[load.segment]]\nrate = \"0/s\"\nduration = \"5s\""),
        ("[load]", "no message would ever be offered", ""),
    );
}

#[test]
fn traces_and_corpora() {
    let load = |text: &str| format!("[load]\narrival = \"trace\"\n{text}\n{DESTINATION}");
    let what = "no-such.csv: No such file or directory (os error 2)";
    let trace = load("trace = \"no-such.csv\"");
    one(&trace, ("\"no-such.csv\"", what, "`mailbench trace` makes one"));
    let message = |text: &str| format!("{LOAD}{DESTINATION}[message]\nparts = \"corpus\"\n{text}");
    one(&message(""), ("\"corpus\"", "parts corpus needs files", "mail/*.eml"));
    let nothing = message("corpus = \"no-such/*.eml\"");
    one(&nothing, ("\"no-such/*.eml\"", "`no-such/*.eml` names no file", ""));
}

#[test]
fn the_commands_of_an_external_target() {
    let with = |more: &str| format!("{LOAD}{DESTINATION}{more}");
    let external = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"";
    one(
        &with(&format!("{external}\nstop_command = [\"x\"]")),
        ("[\"x\"]", "`stop_command` without `start_command`", "add `start_command`"),
    );
    one(
        &with(&format!("{external}\nstart_command = []")),
        ("[]", "`start_command` is empty", "program and arguments"),
    );
    one(&with(&format!("{external}\npid_file = \"\"")), ("\"\"", "`pid_file` is empty", ""));
    one(&with("[target]\npid_file = \"x\""), ("\"x\"", "`pid_file` belongs to kind external", ""));
}

#[test]
fn names_are_not_resolved() {
    let base = format!("{LOAD}{DESTINATION}");
    let with = |section: &str| format!("{base}{section}");
    one(
        &with("[target]\nkind = \"external\"\naddress = \"mx.example.org:25\""),
        (
            "\"mx.example.org:25\"",
            "`mx.example.org:25` is not an address and port",
            "names are not resolved",
        ),
    );
}

#[test]
fn destinations_and_target() {
    let base = format!("{LOAD}{DESTINATION}");
    let with = |more: &str| format!("{base}{more}");
    one(LOAD, ("[", "the scenario has no destination", "add `[[destination]]`"));
    one(&with(DESTINATION), ("\"a.test\"", "destination `a.test` is defined twice", ""));
    one(&with("weight = 0"), ("0", "a weight must be above 0", ""));
    one(
        &with("[[destination]]\ndomain = \"a@b\""),
        ("\"a@b\"", "`a@b` is not a domain", "letters"),
    );
    one(
        &with("[[destination]]\ndomain = \"bounce.mailbench.test\""),
        ("\"bounce.mailbench.test\"", "`bounce.mailbench.test` is where bounces return to", ""),
    );
    one(
        &with("[[destination]]\ndomain = \"gmail.com\""),
        (
            "\"gmail.com\"",
            "`gmail.com` could be a real domain",
            "--allow-recipient-domain gmail.com",
        ),
    );
    one(
        &with("[target]\nkind = \"external\""),
        ("[target]", "an external target needs an address", "127.0.0.1:25"),
    );
    one(
        &with("[target]\nkind = \"external\"\naddress = \"localhost\""),
        ("\"localhost\"", "`localhost` is not an address and port", ""),
    );
    one(
        &with("[target]\nkind = \"external\"\naddress = \"127.0.0.1:0\""),
        ("\"127.0.0.1:0\"", "`127.0.0.1:0` names no port", "where the target listens"),
    );
    one(
        &with("[target]\naddress = \"127.0.0.1:25\""),
        ("\"127.0.0.1:25\"", "`address` belongs to kind external", ""),
    );
    one(
        &with("[target]\nprogram = \"x\""),
        ("\"x\"", "`program` belongs to a real MTA", "postfix"),
    );
    one(
        &with("[target]\nkind = \"postfix\"\n[target.settings]\na = [1]"),
        ("[target.settings]", "the setting `a` is not one line of text", "a string"),
    );
    one(
        &with("[target]\nkind = \"postfix\"\n[target.settings]\na = \"b\\nc = d\""),
        ("[target.settings]", "the setting `a` is not one line of text", "a string"),
    );
    one(&with("[sink]\nlisten = \"2526\""), ("\"2526\"", "`2526` is not an address and port", ""));
    one(
        &with("[target.retry]\nschedule = \"fixed\"\ncap = \"9s\""),
        ("\"9s\"", "`cap` belongs to another schedule", ""),
    );
    one(
        &with("[target.retry]\nschedule = \"steps\""),
        ("[target.retry]", "schedule steps needs delays above 0", "steps = ["),
    );
    one(
        &with("[target.retry]\nfirst = \"9s\"\ncap = \"3s\""),
        ("\"3s\"", "`cap` is less than `first`", "9s"),
    );
    one(
        &with("[target.retry]\njitter = \"120%\""),
        ("\"120%\"", "1.2 is out of range", "from 0 to 1"),
    );
    one(&with("[target.retry]\nfirst = \"0s\""), ("\"0s\"", "0s is out of range", ""));
}

#[test]
fn changes_that_a_pipeline_is_declared_to_make() {
    let with = |line: &str| format!("{LOAD}{DESTINATION}[target.changes]\n{line}");
    one(
        &with("copies = [\"archive\"]"),
        ("\"archive\"", "`archive` is not an address", "`local@domain`"),
    );
    one(
        &with("copies = [\"a@a.test\", \"A@a.test\"]"),
        ("\"A@a.test\"", "`A@a.test` is listed twice", "leave one out"),
    );
}
