//! What chaos cannot mean.

use super::{DESTINATION, LOAD, one};

#[track_caller]
fn wrong(chaos: &str, expected: (&str, &str, &str)) {
    one(&format!("{LOAD}{DESTINATION}[[chaos]]\n{chaos}\n"), expected);
}

#[test]
fn one_thing_happens_at_a_time() {
    wrong("at = \"5s\"", ("[[chaos]]", "nothing happens", "write one of `kill`, `pause`"));
    wrong(
        "at = \"5s\"\nkill = {}\npause = \"4s\"",
        ("\"4s\"", "`pause` and `kill` at one time", "write two [[chaos]] entries"),
    );
    wrong("kill = {}", ("[[chaos]]", "`at` is missing", ""));
    wrong("at = \"5s\"\nrun = []", ("[]", "the command is empty", "run = ["));
    wrong("at = \"5s\"\npause = \"0s\"", ("\"0s\"", "0s is out of range", "from 1ms"));
    wrong("at = \"5s\"\nkil = {}", ("kil", "unknown key `kil`", "did you mean `kill`?"));
    wrong(
        "at = \"5s\"\nkill = { after = \"1s\" }",
        ("after", "unknown key `after`", "restart_after"),
    );
    wrong("at = \"5s\"\nrestart = { x = 1 }", ("x", "unknown key `x`", ""));
}

#[test]
fn a_time_is_an_offset_or_again_and_again() {
    wrong("at = \"5\"\nkill = {}", ("\"5\"", "`5` is not a duration", "250ms"));
    wrong(
        "at = 5\nkill = {}",
        (
            "5",
            "expected an offset such as \"12s\", or a table { every = \"10s\", jitter = \"2s\" }, found integer `5`",
            "",
        ),
    );
    wrong(
        "at = { every = \"10s\", jitter = \"6s\" }\nkill = {}",
        ("\"6s\"", "6s is out of range", "from 0s to 5s"),
    );
    wrong("at = { every = \"1ms\" }\nkill = {}", ("\"1ms\"", "1ms is out of range", "from 100ms"));
    wrong("at = { jitter = \"1s\" }\nkill = {}", ("{ jitter = \"1s\" }", "`every` is missing", ""));
}

#[test]
fn only_what_can_be_killed_and_started_again_is() {
    for act in ["kill = {}", "pause = \"1s\"", "restart = {}"] {
        let (key, value) = act.split_once(" = ").expect("a key and a value");
        let what = format!("`{key}` cannot be done to a target of kind direct");
        let direct = "[target]\nkind = \"direct\"";
        wrong(&format!("at = \"5s\"\n{act}\n{direct}"), (value, &what, "no target"));
    }
    let external = "[target]\nkind = \"external\"\naddress = \"127.0.0.1:25\"";
    for (act, lacking, help) in [
        ("kill = {}", "pid_file", "pid_file = "),
        ("pause = \"1s\"", "pid_file", "pid_file = "),
        ("restart = {}", "start_command", "your-hook.sh"),
        ("kill = { restart_after = \"1s\" }", "start_command", "your-hook.sh"),
    ] {
        let (key, value) = act.split_once(" = ").expect("a key and a value");
        let what = format!("`{key}` needs `target.{lacking}` of an external target");
        wrong(&format!("at = \"5s\"\n{act}\n{external}"), (value, &what, help));
    }
    let known = format!("{external}\npid_file = \"x.pid\"");
    let restart = "at = \"5s\"\nrestart = {}";
    let what = "`restart` needs `target.start_command` of an external target";
    wrong(&format!("{restart}\n{known}"), ("{}", what, "start.sh"));
}
