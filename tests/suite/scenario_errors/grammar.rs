//! Mistakes in keys, types, syntax and units.

use super::{DESTINATION, LOAD, one};

#[test]
fn keys_types_and_syntax() {
    let base = format!("{LOAD}{DESTINATION}");
    let with = |more: &str| format!("{base}{more}");
    one(&format!("nmae = \"x\"\n{base}"), ("nmae", "unknown key `nmae`", "did you mean `name`?"));
    one(&with("[load2]"), ("load2", "unknown key `load2`", "did you mean `load`?"));
    one(&with("[smtp]\nzzzz = 1"), ("zzzz", "unknown key `zzzz`", "known here: protocol, tls"));
    one(
        &with("[target]\nkind = \"postfx\""),
        ("\"postfx\"", "`postfx` is not known here", "did you mean `postfix`?"),
    );
    one(
        &with("[smtp]\npipelining = \"yes\""),
        ("\"yes\"", "expected true or false, found string \"yes\"", ""),
    );
    one(
        &with("[target.delivery]\nconcurrency = -1"),
        ("-1", "expected a whole number, found integer `-1`", ""),
    );
    one(&with("[[destination]]\nweight = 3"), ("[[destination]]", "`domain` is missing", ""));
    one(
        &format!("{LOAD}[destination]\ndomain = \"a.test\""),
        ("[destination]", "`destination` can stand several times", "write `[[destination]]`"),
    );
    one(&format!("{LOAD}rate = \"1/s\"\n{DESTINATION}"), ("rate", "duplicate key", ""));
    one(
        &format!("name = \"a/b\"\n{base}"),
        ("\"a/b\"", "`a/b` cannot be a name", "letters, digits"),
    );
    one(
        &format!("seed = 9223372036854775808\n{base}"),
        ("9223372036854775808", "the seed is too large", "at most"),
    );
}

#[test]
fn thresholds_are_text() {
    let with = |bound: &str| format!("{LOAD}{DESTINATION}[thresholds]\nlost = {bound}\n");
    let what = "a threshold is an operator and a value, as text";
    one(&with("0"), ("0", what, "lost = \"== 0\""));
    one(&with("[]"), ("[]", what, ""));
    one(&with("[\"== 0\", 7]"), ("7", what, ""));
    one(&with("[[\"== 0\"]]"), ("[\"== 0\"]", what, ""));
}

#[test]
fn units_and_quantities() {
    let load = |text: &str| format!("[load]\n{text}\n{DESTINATION}");
    let message = |text: &str| format!("{LOAD}{DESTINATION}[message]\n{text}\n");
    one(&load("rate = \"50\""), ("\"50\"", "`50` is not a rate", "\"12000/min\""));
    one(
        &load("rate = 50"),
        (
            "50",
            "expected a rate such as \"200/s\", \"12000/min\" or \"4M/h\", found integer `50`",
            "",
        ),
    );
    one(&load("rate = \"0/s\""), ("[load]", "no message would ever be offered", ""));
    one(
        &load("rate = \"5/s\"\ndrain = \"5 minutes\""),
        ("\"5 minutes\"", "`5 minutes` is not a duration", "\"250ms\""),
    );
    one(&load("rate = \"5/s\"\nsessions = 0"), ("0", "0 is out of range", "from 1 to"));
    one(&message("size = \"4k\""), ("\"4k\"", "`4k` is not a size", "\"4KiB\""));
    one(&message("size = \"1GiB\""), ("\"1GiB\"", "1GiB is out of range", "128MiB"));
    one(
        &message("size = { dist = \"gauss\" }"),
        ("\"gauss\"", "`gauss` is not known here", "lognormal"),
    );
    one(
        &message("size = { dist = \"lognormal\", median = \"1kB\", sgma = 1 }"),
        ("{ dist = \"lognormal\", median = \"1kB\", sgma = 1 }", "unknown key `sgma`", "`sigma`"),
    );
    one(
        &message("size = { dist = \"lognormal\", median = \"1kB\", sigma = 0 }"),
        ("{ dist = \"lognormal\", median = \"1kB\", sigma = 0 }", "`sigma` must be above 0", ""),
    );
    one(
        &message("size = { dist = \"uniform\", min = \"2kB\", max = \"1kB\" }"),
        ("{ dist = \"uniform\", min = \"2kB\", max = \"1kB\" }", "`min` is greater than `max`", ""),
    );
    one(
        &message("recipients = { dist = \"choice\", values = [1], weights = [1, 2] }"),
        ("{ dist = \"choice\", values = [1], weights = [1, 2] }", "1 values, but 2 weights", ""),
    );
    one(&message("recipients = 1.5"), ("1.5", "a message has a whole number of recipients", ""));
    one(
        &message("corpus = \"mail/*.eml\""),
        ("\"mail/*.eml\"", "`corpus` belongs to parts corpus", ""),
    );
}
